"""How varied a recipe's people are, counted from labels alone: nothing is painted and nothing written but the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from densesynth.config import Recipe, check_files
from densesynth.data.coco import annotation_of
from densesynth.data.spread import Values, measure_frame, no_values
from densesynth.errors import ConfigurationError
from densesynth.evaluation.spread import report_spread
from densesynth.frames import Generator


def spread_recipe(
    name: str,
    recipe: Recipe,
    out: Path,
    *,
    frames: int,
    seed: int = 0,
    device: str = "cpu",
    coco: Path | None = None,
    advance_to: Callable[[int, int], None] | None = None,
) -> tuple[Path, Path]:
    """Write index.html and spread.json of a recipe's first frames into `out`, and return them. The numbers are those of
    the dataset that `generate_dataset` makes of the same recipe and seed. name: the recipe's, on the page. coco: as
    `report_spread`'s. Raises DensesynthError."""
    for option, value, least in (("frames", frames, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigurationError(f"--{option} {value}: give a whole number of at least {least}")
    check_files(recipe)
    return report_spread(
        f"{name}, {frames} frames of seed {seed}",
        lambda: measure_recipe(recipe, frames, seed, device, advance_to),
        out,
        coco,
    )


def measure_recipe(
    recipe: Recipe, frames: int, seed: int, device: str = "cpu", advance_to: Callable[[int, int], None] | None = None
) -> Values:
    """Every measure of a recipe's first frames, one value a person (or a frame)."""
    generator, values = Generator(recipe, device), no_values()
    for index in range(frames):
        one = generator.label(seed, index)
        annotations = [annotation_of(person, index) for person in one.people]
        rotations = np.stack([person.rotations for person in one.scene.people])
        measure_frame(values, one.scene.camera, annotations, one.posed.joints, rotations, one.worn.get("outfits"))
        if advance_to is not None:
            advance_to(index + 1, frames)
    return values
