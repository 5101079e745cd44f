"""Training recipes: everything a run is a function of, read from TOML; a file holds what differs from the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from densesynth.data.augment import AugmentSettings
from densesynth.errors import ConfigurationError
from densesynth.tables import read_settings

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What is trained."""

    kind: Literal["crop", "detector", "rcnn"] = "crop"
    """The small model's crop network, its detector, or the DensePose R-CNN."""
    size: Literal["tiny", "full"] = "full"
    """Of the small model: tiny is for CPUs."""
    head: Literal["v1convx", "deeplab"] = "deeplab"
    """Of the R-CNN."""
    coarse: Literal[2, 15] = 15
    """Coarse channels of the R-CNN."""
    short_sides: tuple[int, ...] = (640, 672, 704, 736, 768, 800)
    """Of the R-CNN: sizes that pictures' shorter sides are drawn from, pixels."""
    long_side: Positive = 1333
    """Of the R-CNN: longer sides are at most this."""
    supervision: Literal["points", "dense"] = "points"
    """Of the R-CNN: from annotated points as DensePose does, or from every pixel where there are full maps."""
    weights: Path | None = None
    """Checkpoint to start from; without one everything starts fresh."""
    fresh: tuple[str, ...] = ()
    """Patterns of parameter names (`*` matches anything) that start fresh though the checkpoint has them."""
    trained: tuple[str, ...] = ()
    """Patterns of parameter names that are trained; empty means all."""


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Where pictures come from."""

    kind: Literal["dataset", "stream", "densepose"] = "dataset"
    """A dataset of ours on disk; a recipe rendered while training; DensePose-COCO's JSON."""
    path: Path
    """The dataset's folder; the recipe (.toml); the annotations (.json)."""
    images: Path | None = None
    """Folder of DensePose-COCO's pictures."""
    symmetry: Path | None = None
    """DensePose's UV_symmetry_transforms.mat; without it, DensePose-COCO's pictures aren't mirrored."""
    weight: Annotated[float, Meta(gt=0.0)] = 1.0
    """Share of the samples, relative to the other sources'."""
    seed: Count = 0
    """Of a stream."""


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What is learnt from."""

    sources: tuple[SourceSettings, ...] = ()
    """Mixed by their weights."""
    crops_per_picture: Positive = 1
    """Crops cut from a picture before the next one is read or rendered."""
    least_side: Annotated[float, Meta(ge=1.0)] = 24.0
    """Boxes with a shorter longer side, in pixels, aren't cropped."""
    workers: Count = 0
    """Processes that make batches ahead of the trainer; 0 makes them in the trainer's own."""
    ahead: Positive = 8
    """Batches that may wait, finished or in the making."""


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """How parameters move."""

    kind: Literal["adamw", "sgd"] = "adamw"
    rate: Annotated[float, Meta(gt=0.0)] = 2e-3
    """Learning rate for `rate_batch` samples a step; it grows and shrinks with the samples there really are."""
    rate_batch: Positive = 64
    decay: Annotated[float, Meta(ge=0.0)] = 0.05
    """Weight decay; normalisation and biases have none."""
    momentum: Share = 0.9
    """Of SGD."""
    clip: Annotated[float, Meta(ge=0.0)] = 1.0
    """Largest norm of the gradient; 0: not clipped."""
    warmup: Count = 500
    """Steps over which the rate rises from `warmup_from` of itself."""
    warmup_from: Share = 0.01
    schedule: Literal["constant", "decay", "steps"] = "decay"
    """decay: constant, then a cosine down to 0 from `decay_from` on; steps: times 0.1 at each of `milestones`."""
    decay_from: Share = 0.75
    """Share of the run."""
    milestones: tuple[int, ...] = ()
    average: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.999
    """Decay of the exponential average of the weights that is evaluated and published; 0: the weights themselves."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How long, how exactly, and what is kept."""

    steps: Positive = 35000
    batch: Positive = 64
    """Samples a step, of all processes together."""
    accumulate: Positive = 1
    """Parts that a step's samples are taken in, to save memory."""
    seed: Count = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: where it is safe (autocast); weights stay float32."""
    compile: bool = False
    """torch.compile."""
    save_every: Positive = 500
    """Steps."""
    keep: Positive = 2
    """Saved states kept, besides the best model."""
    log_every: Positive = 20
    """Steps."""
    evaluate_every: Count = 1000
    """Steps; 0: never."""
    evaluation: Path | None = None
    """Held-out dataset of ours."""
    evaluation_samples: Positive = 256


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """A training run."""

    model: ModelSettings = field(default_factory=ModelSettings)
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)


def load_training_recipe(path: Path) -> TrainingRecipe:
    """Read a training recipe; relative paths are meant relative to the file. Raises ConfigurationError."""
    recipe = read_settings(path, TrainingRecipe)
    if not recipe.data.sources:
        raise ConfigurationError(f"{path}: no pictures to learn from; write at least one [[data.sources]]")
    if recipe.model.kind == "crop" and any(source.kind == "densepose" for source in recipe.data.sources):
        raise ConfigurationError(
            f"{path}: the crop network learns from every pixel's label, which DensePose-COCO's pictures don't have; "
            'choose `model.kind = "rcnn"`, or sources of kind "dataset" and "stream"'
        )
    if recipe.run.batch % recipe.run.accumulate:
        raise ConfigurationError(
            f"{path}: `run.batch` = {recipe.run.batch} can't be taken in {recipe.run.accumulate} equal parts"
        )
    return recipe
