"""Batch t of a run: a function of (recipe, t) alone, whoever makes it.

Slot g = t · batch + k of the run has a random stream of its own, which chooses the source; the slot's number chooses
the picture, running through each source's pictures in an order shuffled anew every time they are used up. So a run that
resumes at step t asks for batch t and has everything as it was, and any number of processes makes the same batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from densesynth.arrays import Array, Float32
from densesynth.data.augment import AugmentSettings, change_picture, draw_occluder
from densesynth.data.samples import Sample
from densesynth.data.warp import Mirrors, chain, fit_box, warp_map, warp_picture, warp_sample, warp_surface
from densesynth.model.small.crop import MARGIN, CropBatch
from densesynth.model.small.detector import DetectorBatch
from densesynth.model.small.losses import CropTargets
from densesynth.surface.mirror import mirror_atlas
from densesynth.training.recipe import TrainingRecipe
from densesynth.training.regions import RegionBatch, fit_sample, targets_of
from densesynth.training.sources import Source, mirrors_of, open_source

SLOTS, SHUFFLES, LOSSES = 0, 1, 2  # spawn keys of the kinds of random stream


@dataclass(eq=False)
class BatchMaker:
    """Makes batches of a recipe. size: side of crops (or of the detector's pictures), pixels. rank, world: which of how
    many trainers it works for; each gets its equal share of the slots of every batch."""

    recipe: TrainingRecipe
    size: int
    rank: int = 0
    world: int = 1
    sources: tuple[Source, ...] = field(init=False)
    mirrors: Mirrors = field(init=False)

    def __post_init__(self) -> None:
        self.sources = tuple(open_source(settings) for settings in self.recipe.data.sources)
        self.mirrors = mirrors_of(self.recipe.data.sources)
        weights = np.array([settings.weight for settings in self.recipe.data.sources])
        self._bounds = np.cumsum(weights / weights.sum())
        self._held: tuple[tuple[int, int], Sample] | None = None

    def make(self, step: int) -> CropBatch | DetectorBatch | RegionBatch:
        """Batch `step` (≥ 0): this trainer's share of it."""
        batch = self.recipe.run.batch
        slots = range(step * batch + self.rank, (step + 1) * batch, self.world)
        if self.recipe.model.kind == "crop":
            return join_crops([self._crop(slot) for slot in slots])
        if self.recipe.model.kind == "rcnn":
            return self._regions(list(slots))
        return join_pictures([self._picture(slot) for slot in slots])

    def names(self, step: int) -> tuple[str, ...]:
        """What batch `step` is made of."""
        return self.make(step).names

    def sample(self, turn: int) -> Sample:
        """The picture of turn `turn` (a slot, or several slots' where crops share pictures)."""
        rng = slot_stream(self.recipe.run.seed, turn, part=1)
        which = int(np.searchsorted(self._bounds, rng.random(), side="right"))
        which = min(which, len(self.sources) - 1)
        if self._held is not None and self._held[0] == (which, turn):
            return self._held[1]
        source = self.sources[which]
        item = turn if source.length is None else shuffled(self.recipe.run.seed + which, turn, source.length)
        sample = source.read(item)
        self._held = ((which, turn), sample)
        return sample

    def _crop(self, slot: int) -> Crop:
        """The first of the slot's pictures with a person large enough, and one of them."""
        share = self.recipe.data.crops_per_picture
        rng = slot_stream(self.recipe.run.seed, slot)
        for attempt in range(8):
            sample = self.sample(slot // share + attempt * 7919)
            side = (sample.boxes[:, 2:] - sample.boxes[:, :2]).max(axis=1, initial=0.0)
            large = np.flatnonzero(side >= self.recipe.data.least_side)
            if sample.surface is not None and len(large):
                who = int(large[(slot % share + int(rng.integers(len(large)))) % len(large)])
                return cut_crop(sample, who, self.size, self.recipe.augment, self.mirrors, rng)
        return empty_crop(sample, self.size)

    def _regions(self, slots: list[int]) -> RegionBatch:
        settings, samples = self.recipe.model, []
        for slot in slots:
            rng = slot_stream(self.recipe.run.seed, slot)
            short = settings.short_sides[int(rng.integers(len(settings.short_sides)))]
            found = self.sample(slot)
            known = found.charts in self.mirrors
            samples.append(
                fit_sample(found, short, settings.long_side, self.recipe.augment, self.mirrors, rng, may_flip=known)
            )
        return RegionBatch(
            pictures=tuple(torch.from_numpy(sample.picture.transpose(2, 0, 1).copy()) for sample in samples),
            targets=tuple(targets_of(sample) for sample in samples),
            names=tuple(sample.name for sample in samples),
        )

    def _picture(self, slot: int) -> tuple[Array, Array, str]:
        return cut_picture(
            self.sample(slot), self.size, self.recipe.augment, self.mirrors, slot_stream(self.recipe.run.seed, slot)
        )


def slot_stream(seed: int, slot: int, part: int = 0) -> np.random.Generator:
    """The random numbers of one slot."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(SLOTS, slot, part)))


def loss_seed(seed: int, step: int, part: int) -> int:
    """What losses that sample are seeded with, for each part of a batch."""
    return int(np.random.SeedSequence(entropy=seed, spawn_key=(LOSSES, step, part)).generate_state(1)[0])


def shuffled(seed: int, turn: int, count: int) -> int:
    """Which of `count` items turn `turn` uses."""
    return int(_order(seed, turn // count, count)[turn % count])


@lru_cache(maxsize=16)
def _order(seed: int, epoch: int, count: int) -> Array:
    stream = np.random.SeedSequence(entropy=seed, spawn_key=(SHUFFLES, epoch))
    return np.random.default_rng(stream).permutation(count)


@dataclass(frozen=True, kw_only=True)
class Crop:
    """One person's crop and labels at half its size; see CropBatch."""

    picture: Array
    part: Array
    u: Array
    v: Array
    rest: Array
    known: Array
    name: str


def cut_crop(
    sample: Sample,
    who: int,
    size: int,
    settings: AugmentSettings,
    mirrors: Mirrors,
    rng: np.random.Generator,
) -> Crop:
    """Person `who` (from 0) cut out, moved and changed as the settings say; other people's pixels are background."""
    assert sample.surface is not None
    box = sample.boxes[who]
    side = float(max(box[2] - box[0], box[3] - box[1]))
    shift = rng.uniform(-settings.shift, settings.shift, 2).astype(np.float32) * side
    factor = rng.uniform(1.0 - settings.scale, 1.0 + settings.scale)
    margin = ((1.0 + 2.0 * MARGIN) / factor - 1.0) / 2.0
    turn = float(np.radians(rng.uniform(-settings.turn, settings.turn)))
    over = bool(rng.random() < settings.flip) and sample.charts in mirrors
    affine = fit_box(box + np.tile(shift, 2), size, margin=margin, turn=turn, over=over)
    picture = warp_picture(sample.picture, affine, (size, size))
    half = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]])
    small = size // 2
    maps = warp_surface(
        sample.surface,
        sample.instance == who + 1,
        chain(half, affine),
        (small, small),
        mirrors.get(sample.charts, mirror_atlas),
    )
    part, u, v, rest = maps.part, maps.u, maps.v, maps.rest
    known = np.ones((small, small), bool)
    if sample.mixed is not None:
        known = ~warp_map(sample.mixed.astype(np.uint8), chain(half, affine), (small, small)).astype(bool)
    hidden = draw_occluder((size, size), settings, rng)
    if hidden is not None:
        paint, cover = hidden
        picture = np.where(cover[..., None], paint, picture)
        seen = ~warp_map(cover.astype(np.uint8), half, (small, small)).astype(bool)
        part, u, v, rest = part * seen, u * seen, v * seen, rest * seen[..., None]
        known = known | ~seen  # objects put on top have hard edges
    return Crop(
        picture=change_picture(picture, settings, rng),
        part=part,
        u=u,
        v=v,
        rest=rest,
        known=known,
        name=f"{sample.name} #{who + 1}",
    )


def empty_crop(sample: Sample, size: int) -> Crop:
    """The middle of a picture without people: a crop that holds background alone."""
    height, width = sample.picture.shape[:2]
    box = np.array([0, 0, width, height], np.float32)
    small = size // 2
    zero = np.zeros((small, small), np.float32)
    return Crop(
        picture=warp_picture(sample.picture, fit_box(box, size, margin=0.0), (size, size)),
        part=zero.astype(np.uint8),
        u=zero,
        v=zero,
        rest=np.zeros((small, small, 3), np.float32),
        known=np.ones((small, small), bool),
        name=f"{sample.name} (nobody)",
    )


def cut_picture(
    sample: Sample, size: int, settings: AugmentSettings, mirrors: Mirrors, rng: np.random.Generator
) -> tuple[Array, Float32[Array, "p 4"], str]:
    """A whole picture fitted into a square, moved and changed as the settings say, and its boxes.

    Turned by a third of the crop's angles at most: boxes of turned people are loose. Half the time it is made smaller.
    """
    height, width = sample.picture.shape[:2]
    whole = np.array([0, 0, width, height], np.float32)
    factor = rng.uniform(1.0 - settings.scale, 1.0 + settings.scale)
    if settings.scale and rng.random() < 0.5:
        factor *= rng.uniform(0.4, 1.0)
    shift = rng.uniform(-settings.shift, settings.shift, 2).astype(np.float32) * max(width, height)
    turn = float(np.radians(rng.uniform(-settings.turn, settings.turn))) / 3.0
    over = bool(rng.random() < settings.flip) and sample.charts in mirrors
    affine = fit_box(whole + np.tile(shift, 2), size, margin=(1.0 / factor - 1.0) / 2.0, turn=turn, over=over)
    moved = warp_sample(sample, affine, (size, size), mirrors)
    return change_picture(moved.picture, settings, rng), moved.boxes, moved.name


def join_crops(crops: list[Crop]) -> CropBatch:
    targets = CropTargets(
        part=_stack([crop.part for crop in crops]),
        u=_stack([crop.u for crop in crops]),
        v=_stack([crop.v for crop in crops]),
        rest=_stack([crop.rest.transpose(2, 0, 1) for crop in crops]),
        known=_stack([crop.known for crop in crops]),
    )
    return CropBatch(
        pictures=_stack([crop.picture for crop in crops]), targets=targets, names=tuple(crop.name for crop in crops)
    )


def join_pictures(pictures: list[tuple[Array, Array, str]]) -> DetectorBatch:
    return DetectorBatch(
        pictures=_stack([picture for picture, _, _ in pictures]),
        boxes=tuple(torch.from_numpy(boxes) for _, boxes, _ in pictures),
        names=tuple(name for _, _, name in pictures),
    )


def _stack(arrays: list[Array]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(arrays)))
