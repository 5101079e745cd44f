"""`densesynth evaluate`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from densesynth.cli.command import Command
from densesynth.progress import stages_bar


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score dense predictions as DensePose-COCO does: GPS, GPSm, mask and box AP, with intervals and a page of plots.

    On datasets of densesynth also errors over the surface in centimetres, part confusion and left/right swaps.
    Example: densesynth evaluate densepose_minival.json results.json --densepose ~/densepose/eval_data --out report
    """

    annotations: tyro.conf.Positional[Path]
    """COCO DensePose annotations (.json), or the folder of a dataset of densesynth."""
    predictions: tyro.conf.Positional[Path | None] = None
    """Results in the COCO DensePose challenge's format (.json), or a dump of detectron2's apply_net (.pkl),
    or a checkpoint (.safetensors of ours, detectron2's .pkl or .pth), which is run on the pictures. Left out: the small
    model that comes with densesynth."""
    out: Path = Path("evaluation")
    """Folder for report.json and report.html."""
    densepose: Path | None = None
    """Folder with SMPL_subdiv.mat, SMPL_SUBDIV_TRANSFORM.mat and Pdist_matrix.pkl; needed for labels on SMPL."""
    boxes: Path | None = None
    """COCO results (.json): the people a checkpoint labels instead of those it finds; for a file of predictions, what
    box AP is taken of."""
    images: Path | None = None
    """Folder of the pictures, for a checkpoint, and to show the best and the worst; a dataset's own when left out."""
    published: Literal["table1", "table2", "table3"] | None = None
    """Show a table of the paper beside ours (for DensePose-COCO's minival)."""
    strict: bool = False
    """Score without the reference evaluator's quirks; such numbers compare with no published ones."""
    draws: int = 200
    """Bootstrap draws for the 95 % intervals; 0 for none."""
    seed: int = 0
    """Of the bootstrap and of the pixels sampled for surface errors."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where a checkpoint is run."""


def evaluate_files(command: Evaluate) -> int:
    from densesynth.evaluate import evaluate, images_of
    from densesynth.evaluation.report import as_table, write_report
    from densesynth.model.small.checkpoint import shipped_checkpoint

    errors = Console(stderr=True, soft_wrap=True, highlight=False)

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        errors.print(f"warning: {message}", markup=False)

    with warnings.catch_warnings(action="always", category=UserWarning):
        warnings.showwarning = tell
        with stages_bar(errors) as advance_to:
            found = evaluate(
                command.annotations,
                command.predictions or shipped_checkpoint(),
                densepose=command.densepose,
                boxes=command.boxes,
                images=command.images,
                strict=command.strict,
                draws=command.draws,
                seed=command.seed,
                device=command.device,
                advance=advance_to,
            )
        images = command.images or images_of(command.annotations)
        page = write_report(found, command.out, images, table=command.published)
    header, rows = as_table(found)
    table = Table(title="strict rules, %" if command.strict else "%", box=SIMPLE, padding=(0, 0))
    for name in (*header[:2], "95 %", *header[2:]):
        table.add_column(name, no_wrap=True, justify="right" if name else "left")
    for name, ap, *others in rows:
        value, _, interval = ap.partition("\n")
        table.add_row(name, value, interval.replace(" to ", "–"), *(other.partition("\n")[0] for other in others))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Report: {page}", markup=False)
    return 0


COMMANDS = (Command(name="evaluate", options=Evaluate, run=evaluate_files),)
