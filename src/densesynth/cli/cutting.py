"""`densesynth cutouts`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from densesynth.cli.command import Command
from densesynth.progress import frames_bar


@dataclass(frozen=True, kw_only=True)
class CutOut:
    """Cut objects out of COCO's pictures along their masks, for `occluders.folder`; no people, no crowds.

    Each picture keeps the licence its photographer gave it: licences.json lists them, and many forbid commercial use.
    Example: densesynth cutouts instances_val2017.json val2017 --out cutouts --count 227
    """

    annotations: tyro.conf.Positional[Path]
    """COCO's instances JSON."""
    pictures: tyro.conf.Positional[Path]
    """Folder of its pictures."""
    out: Path
    """Folder for the PNG files and licences.json."""
    count: int = 227
    """How many objects at most, evenly over categories; the paper has 227."""
    smallest: int = 64
    """Longer side of an object's box, pixels."""
    largest: float = 0.6
    """Share of its picture that an object's box may have."""
    without: tuple[str, ...] = ()
    """Categories to leave out, besides people."""
    seed: int = 0
    """Which objects are chosen."""


def cut(command: CutOut) -> int:
    from densesynth.cutouts import CutoutSettings, cut_out

    settings = CutoutSettings(
        count=command.count,
        smallest=command.smallest,
        largest=command.largest,
        without=command.without,
        seed=command.seed,
    )
    with frames_bar(Console(stderr=True), "cut out") as advance_to:
        made = cut_out(command.annotations, command.pictures, command.out, settings, advance_to)
    console = Console(soft_wrap=True, highlight=False)
    for line in made.left_out[:20]:
        console.print(f"left out: {line}", markup=False)
    if len(made.left_out) > 20:
        console.print(f"left out: {len(made.left_out) - 20} more")
    console.print(f"{len(made.paths)} objects of {made.eligible} that fit: {command.out}", markup=False)
    for licence, number in sorted(made.licences.items()):
        console.print(f"  {number} under: {licence}", markup=False)
    return 0


COMMANDS = (Command(name="cutouts", options=CutOut, run=cut),)
