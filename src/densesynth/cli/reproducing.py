"""`densesynth reproduce` and `densesynth low-data`."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from densesynth.cli.command import EXIT_MISTAKE, Command
from densesynth.errors import ConfigurationError
from densesynth.progress import stages_bar
from densesynth.reproduction.files import PaperFiles


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """The paper's three tables and Figures 4 and 5, end to end, from your own files; run it again to go on.

    Everything given is looked at first; --plan stops there. --scale tiny does all of it in minutes on a CPU, with free
    assets and made-up annotated pictures. Example: densesynth reproduce --scale tiny --out tiny
    """

    out: Path
    """Folder for everything that is made; its report.html is what you want."""
    scale: Literal["paper", "tiny"] = "paper"
    """paper: as published, from your files. tiny: the same stages on next to nothing, from no files."""
    plan: bool = False
    """Look at the files, say what would be done and how much it is, and stop."""
    workers: int = 1
    """Processes that render side by side."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to render, train and label."""
    seed: int = 0
    """Of the synthetic people."""
    files: Annotated[PaperFiles, tyro.conf.arg(name="")] = field(default_factory=PaperFiles)


def reproduce(command: Reproduce) -> int:
    from densesynth.reproduce import reproduce as run
    from densesynth.reproduction.checks import check_files
    from densesynth.reproduction.estimates import estimate
    from densesynth.reproduction.plan import paper_plan, tiny_plan

    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    if command.scale == "paper":
        checks = check_files(command.files)
        for check in checks:
            mark = {True: "ok", False: "missing or wrong", None: "–"}[check.good]
            errors.print(f"{mark}: --{check.name.replace('_', '-')}: {check.line}", markup=False)
        bad = sum(check.good is False for check in checks)
        if bad:
            errors.print(f"densesynth: {bad} of {len(checks)} things to mend; nothing was started", markup=False)
            return EXIT_MISTAKE
        plan = paper_plan(command.files, command.seed)
    else:
        plan = tiny_plan(command.out, command.seed)
    if command.plan:
        rows = estimate(plan, command.workers)
        table = Table(title=f"{command.out}: what would be done", box=SIMPLE)
        for name in ("stage", "how much", "time on 2 CPU cores", "disk"):
            table.add_column(name, justify="left" if name in ("stage", "how much") else "right")
        for row in rows:
            table.add_row(row.stage, row.work, _time(row.seconds), f"{row.size / 1e9:.2f} GB")
        total, size = sum(row.seconds for row in rows), sum(row.size for row in rows)
        table.add_row("all", "", _time(total), f"{size / 1e9:.2f} GB")
        console = Console(highlight=False)
        console.print(table)
        console.print(f"Free there: {_free(command.out) / 1e9:.0f} GB. No GPU has been timed.", markup=False)
        return 0
    with warnings.catch_warnings(action="always", category=UserWarning):
        warnings.showwarning = lambda message, *_args, **_more: errors.print(f"warning: {message}", markup=False)
        with stages_bar(errors) as advance:
            page = run(
                plan, command.out, workers=command.workers, device=command.device, progress=True, advance=advance
            )
    Console(highlight=False).print(f"Report: {page}", markup=False)
    return 0


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.0f} h"
    )


def _free(path: Path) -> int:
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(there).free


@dataclass(frozen=True, kw_only=True)
class LowData:
    """Train with 0, 1, 10 and 100 % of the real labels, with synthetic people and without, and draw the curve.

    Several seeds, intervals over seeds and test pictures; run it again to go on. Example:
    densesynth low-data recipes/evaluation/low-data.toml --out low-data
    """

    recipe: tyro.conf.Positional[Path | None] = None
    """Recipe (TOML) that names the pictures and the training; not needed with --tiny."""
    out: Path
    """Folder for everything that is made: curve.png, curve.json, report.html."""
    tiny: bool = False
    """The same on made-up pictures with tiny networks, in minutes on a CPU."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train and label."""


def low_data(command: LowData) -> int:
    from densesynth.low_data import draw_low_data_curve, load_low_data_recipe, tiny_low_data

    if (command.recipe is None) != command.tiny:
        raise ConfigurationError("give either a recipe, or --tiny, which makes its own pictures")
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    recipe = tiny_low_data(command.out) if command.recipe is None else load_low_data_recipe(command.recipe)
    with stages_bar(errors) as advance:
        page = draw_low_data_curve(
            recipe, command.out, tiny=command.tiny, device=command.device, progress=True, advance=advance
        )
    Console(highlight=False).print(f"Report: {page}", markup=False)
    return 0


COMMANDS = (
    Command(name="reproduce", options=Reproduce, run=reproduce),
    Command(name="low-data", options=LowData, run=low_data),
)
