"""`densesynth audit`, `densesynth show` and `densesynth spread`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from densesynth.cli.command import EXIT_BREACH, Command
from densesynth.config import load_recipe, recipe_names
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.progress import frames_bar


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Prove a dataset: surface point → posed mesh → lens → pixel centre, for every labelled pixel, and every file.

    Leaves with status 1 when anything is wrong. Example: densesynth audit people
    """

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""
    body: Path | None = None
    """Folder (or file) that holds the body's files, where they aren't at the paths the dataset was made with."""


@dataclass(frozen=True, kw_only=True)
class Show:
    """Draw contact sheets and a page for the browser.

    Example: densesynth show people --frames 24
    """

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""
    out: Path | None = None
    """Folder for the pictures and the page; DATASET/show when left out."""
    frames: int = 24
    """How many frames to draw, spread evenly over the dataset."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How varied a dataset or a recipe is: histograms of people's sizes, views, occlusion, cuts and skin, as a page and
    JSON. Of a recipe labels alone are made, 1.7 times as fast as a dataset, with the same numbers.

    Examples: densesynth spread people --coco person_keypoints_val2017.json
    and: densesynth spread free --frames 2000 --out spread-of-free
    """

    what: tyro.conf.Positional[Path]
    """Folder of a dataset; or a recipe's name, or a recipe file (TOML)."""
    frames: int | None = None
    """Of a recipe: how many frames; 500 when left out. Of a dataset all are measured."""
    seed: int | None = None
    """Of a recipe: the run's seed; 0 when left out."""
    coco: Path | None = None
    """COCO's annotations, whose people are counted in the same way and drawn beside."""
    out: Path | None = None
    """Folder for index.html and spread.json; DATASET/spread when left out. A recipe needs one."""


def measure(command: Spread) -> int:
    page, numbers = _measure_dataset(command) if command.what.is_dir() else _measure_recipe(command)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Numbers: {numbers}", markup=False)
    console.print(f"Open in a browser: {page.resolve().as_uri()}", markup=False)
    return 0


def _measure_dataset(command: Spread) -> tuple[Path, Path]:
    from densesynth.data.dataset import read_manifest
    from densesynth.data.spread import measure_dataset
    from densesynth.evaluation.spread import report_spread

    folder = command.what
    read_manifest(folder)
    for name, given in (("frames", command.frames), ("seed", command.seed)):
        if given is not None:
            raise ConfigurationError(f"--{name} {given}: {folder} is a dataset, whose frames are all measured")
    out = folder / "spread" if command.out is None else command.out
    with frames_bar(Console(stderr=True), "measured") as advance_to:
        return report_spread(folder.resolve().name, lambda: measure_dataset(folder, advance_to), out, command.coco)


def _measure_recipe(command: Spread) -> tuple[Path, Path]:
    if not command.what.is_file() and str(command.what) not in recipe_names():
        raise ConfigurationError(
            f"{command.what}: there is no dataset's folder, recipe file or recipe of that name; the recipes are "
            f"{', '.join(recipe_names())}"
        )
    recipe = load_recipe(command.what)
    if command.out is None:
        raise ConfigurationError(f"{command.what} is a recipe: give --out, a folder for the page")
    from densesynth.spread import spread_recipe

    with frames_bar(Console(stderr=True), "labelled") as advance_to:
        return spread_recipe(
            command.what.stem,
            recipe,
            command.out,
            frames=500 if command.frames is None else command.frames,
            seed=0 if command.seed is None else command.seed,
            coco=command.coco,
            advance_to=advance_to,
        )


def prove(folder: Path, elsewhere: Path | None = None) -> int:
    """Audit a dataset and print the report; returns the exit status. elsewhere: where its body's files are."""
    from densesynth.appearance.shell import Shell
    from densesynth.bodies import reopen_body
    from densesynth.config import recipe_from_table
    from densesynth.data.audit import audit, format_report, with_audit
    from densesynth.data.dataset import read_manifest

    manifest = read_manifest(folder)  # says at once when this is no dataset
    table = {"body": manifest.configuration.get("body", {})}
    settings = recipe_from_table(table, str(folder / "manifest.json")).body
    if manifest.body != settings.name:
        raise DatasetError(
            f"{folder}: was made with the body `{manifest.body}`, and its configuration says `{settings.name}`"
        )
    assets = reopen_body(settings, manifest.body_files, elsewhere, Console(stderr=True).print)
    with frames_bar(Console(stderr=True), "audited") as advance_to:
        report = audit(folder, lambda _: assets.body, assets.atlas, advance_to, Shell(assets.make_paint("cpu")))
    with_audit(folder, report)
    Console(soft_wrap=True, highlight=False).print(format_report(report), markup=False)
    return 0 if report.ok else EXIT_BREACH


def draw(folder: Path, out: Path | None, frames: int) -> int:
    """Draw sheets and a page; returns the exit status."""
    from densesynth.data.dataset import read_manifest
    from densesynth.view.show import show

    read_manifest(folder)
    with frames_bar(Console(stderr=True), "drawn") as advance_to:
        paths = show(folder, out, frames, advance_to)
    console = Console(soft_wrap=True, highlight=False)
    for sheet in paths[:-1]:
        console.print(f"Contact sheet: {sheet}", markup=False)
    console.print(f"Open in a browser: {paths[-1].resolve().as_uri()}", markup=False)
    return 0


COMMANDS = (
    Command(name="audit", options=Audit, run=lambda command: prove(command.dataset, command.body)),
    Command(name="show", options=Show, run=lambda command: draw(command.dataset, command.out, command.frames)),
    Command(name="spread", options=Spread, run=measure),
)
