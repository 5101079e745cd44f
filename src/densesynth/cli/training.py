"""`densesynth train` and `densesynth join`."""

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


@dataclass(frozen=True, kw_only=True)
class Join:
    """Join a trained crop network and a trained detector into one checkpoint of the small model.

    Example: densesynth join runs/crop/best.safetensors runs/detector/best.safetensors --out small.safetensors
    """

    crop: tyro.conf.Positional[Path]
    """Checkpoint with the crop network."""
    detector: tyro.conf.Positional[Path]
    """Checkpoint with the detector."""
    out: Path
    """The joined checkpoint."""


def join(command: Join) -> int:
    from densesynth.model.small.checkpoint import join_small

    join_small(command.crop, command.detector, command.out)
    Console().print(f"Done: {command.out}, {command.out.stat().st_size / 1e6:.1f} MB.")
    return 0


COMMANDS = (
    Command(name="train", options=Train, run=train),
    Command(name="join", options=Join, run=join),
)
