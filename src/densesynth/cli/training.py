"""`densesynth train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console

from densesynth.cli.command import Command


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a model; run the same command again to continue after a stop.

    Example: densesynth train recipes/training/synthetic-only.toml --out run
    Several GPUs: torchrun --nproc-per-node 4 -m densesynth train RECIPE.toml --out run --device cuda
    """

    recipe: tyro.conf.Positional[Path]
    """Training recipe (TOML)."""
    out: Path
    """Folder for saved states, curves and the model."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train."""


def train(command: Train) -> int:
    from densesynth.train import train as run
    from densesynth.training.recipe import load_training_recipe

    report = run(load_training_recipe(command.recipe), command.out, device=command.device, progress=True)
    measures = ", ".join(f"{name} {value:.3f}" for name, value in report.measures.items())
    Console().print(
        f"Done: {command.out} after {report.steps} steps ({measures or 'not evaluated'}); "
        f"waited for data {report.waited:.1%} of the time."
    )
    return 0


COMMANDS = (Command(name="train", options=Train, run=train),)
