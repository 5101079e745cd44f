"""Samples → what the DensePose R-CNN learns from: pictures at its size, and their targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from densesynth.arrays import Array, UInt8
from densesynth.data.augment import AugmentSettings, change_picture
from densesynth.data.coco import stretch_box
from densesynth.data.samples import Sample
from densesynth.data.warp import Mirrors, chain, flip, warp_sample
from densesynth.model.rcnn import network_size
from densesynth.model.targets import DenseMaps, ImageTargets, SurfacePoints, move_targets
from densesynth.surface.parts import FINE_TO_COARSE


@dataclass(frozen=True, kw_only=True)
class RegionBatch:
    """pictures: RGB (3, h, w), 0..255, at the network's size."""

    pictures: tuple[Tensor, ...]
    targets: tuple[ImageTargets, ...]
    names: tuple[str, ...]

    def to(self, device: torch.device) -> RegionBatch:
        return RegionBatch(
            pictures=tuple(picture.to(device) for picture in self.pictures),
            targets=tuple(move_targets(target, device) for target in self.targets),
            names=self.names,
        )

    def split(self, parts: int) -> list[RegionBatch]:
        """The same in equal parts."""
        size = len(self.pictures) // parts
        spans = [slice(k, k + size) for k in range(0, size * parts, size)]
        return [
            RegionBatch(pictures=self.pictures[span], targets=self.targets[span], names=self.names[span])
            for span in spans
        ]


def fit_sample(
    sample: Sample,
    short: int,
    long: int,
    settings: AugmentSettings,
    mirrors: Mirrors,
    rng: np.random.Generator,
    *,
    may_flip: bool = True,
) -> Sample:
    """A sample at the network's size, perhaps mirrored and changed. may_flip: whether its charts' mirror is known."""
    height, width = sample.picture.shape[:2]
    rows, columns = network_size(height, width, short, long)
    affine = np.array([[columns / width, 0.0, 0.0], [0.0, rows / height, 0.0]])
    if rng.random() < settings.flip and may_flip:
        affine = chain(flip(columns), affine)
    moved = warp_sample(sample, affine, (columns, rows), mirrors)
    picture = change_picture(moved.picture, settings, rng)
    return Sample(**{**vars(moved), "picture": picture})


def targets_of(sample: Sample) -> ImageTargets:
    """A sample's labels as the R-CNN's losses take them."""
    people = range(len(sample.boxes))
    dense = None
    if sample.surface is not None:
        dense = DenseMaps(
            instance=torch.from_numpy(np.ascontiguousarray(sample.instance)),
            part=_tensor(sample.surface.part),
            u=_tensor(sample.surface.u),
            v=_tensor(sample.surface.v),
        )
    return ImageTargets(
        boxes=torch.from_numpy(sample.boxes.copy()),
        points=tuple(_points_of(sample, k + 1) for k in people),
        coarse=tuple(_coarse_of(sample, k) for k in people),
        dense=dense,
    )


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _points_of(sample: Sample, person: int) -> SurfacePoints | None:
    points = sample.points
    if points is None:
        return None
    mine = points.person == person
    if not mine.any():
        return None
    return SurfacePoints(
        x=_tensor(points.x[mine]),
        y=_tensor(points.y[mine]),
        part=_tensor(points.part[mine].astype(np.int64)),
        u=_tensor(points.u[mine]),
        v=_tensor(points.v[mine]),
    )


def _coarse_of(sample: Sample, number: int) -> Tensor | None:
    """The person's coarse parts over their box, 256×256; None where they aren't known."""
    mine = sample.instance == number + 1
    whole: UInt8[Array, "h w"]
    if sample.surface is not None:
        whole = FINE_TO_COARSE[sample.surface.part] * mine
    elif sample.coarse is not None and sample.has_coarse[number]:
        whole = sample.coarse * mine
    else:
        return None
    x0, y0, x1, y1 = (float(value) for value in sample.boxes[number])
    height, width = whole.shape
    # a box that ends with the picture has its last cells' centres inside, up to rounding
    padded = np.pad(whole, ((0, max(0, int(np.ceil(y1)) + 1 - height)), (0, max(0, int(np.ceil(x1)) + 1 - width))))
    return _tensor(stretch_box(padded, (x0, y0, x1 - x0, y1 - y0)))
