"""What a model learns from: the people of one picture, in that picture's pixels as the network sees it.

Whoever loads data makes these; whoever computes losses reads them. All positions are continuous pixel coordinates of
the network's input picture (the top-left pixel's centre is (0.5, 0.5)), so they are made after resizing and flipping.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

BOX_GRID = 256  # side of DensePose's box frame, in which coarse maps are given


@dataclass(frozen=True, kw_only=True)
class SurfacePoints:
    """Annotated points of one person (DensePose's dp_x, dp_y, dp_I, dp_U, dp_V, and dp_vertex where there is one).

    x, y: pixels. part: fine part 1..24. u, v: [0, 1]. vertex: 0-based vertex of the reference mesh, −1 unknown.
    """

    x: Float32[Tensor, "k"]
    y: Float32[Tensor, "k"]
    part: Int64[Tensor, "k"]
    u: Float32[Tensor, "k"]
    v: Float32[Tensor, "k"]
    vertex: Int64[Tensor, "k"] | None = None


@dataclass(frozen=True, kw_only=True)
class DenseMaps:
    """Labels of every pixel, as only synthetic pictures have them.

    instance: 0 nobody, i + 1 the person of boxes[i]. part: fine part, 0 background. u, v: [0, 1], 0 on background.
    """

    instance: UInt8[Tensor, "h w"]
    part: UInt8[Tensor, "h w"]
    u: Float32[Tensor, "h w"]
    v: Float32[Tensor, "h w"]


@dataclass(frozen=True, kw_only=True)
class ImageTargets:
    """The n people of one picture; n may be 0.

    boxes: x0, y0, x1, y1. points[i]: the person's annotated points, or None. coarse[i]: the person's coarse parts
    (0..14) in their box stretched to 256×256 (dp_masks decoded), or None. dense: the picture's full maps, or None.
    A person with neither points nor dense maps teaches the detector alone.
    """

    boxes: Float32[Tensor, "n 4"]
    points: tuple[SurfacePoints | None, ...]
    coarse: tuple[UInt8[Tensor, "256 256"] | None, ...]
    dense: DenseMaps | None = None

    def __post_init__(self) -> None:
        if not len(self.boxes) == len(self.points) == len(self.coarse):
            raise ValueError(
                f"targets of {len(self.boxes)} boxes need as many points and coarse maps, "
                f"found {len(self.points)} and {len(self.coarse)}"
            )


def move_targets(targets: ImageTargets, device: torch.device) -> ImageTargets:
    """The same targets on another device."""
    return ImageTargets(
        boxes=targets.boxes.to(device),
        points=tuple(None if p is None else _map_tensors(p, lambda t: t.to(device)) for p in targets.points),
        coarse=tuple(None if c is None else c.to(device) for c in targets.coarse),
        dense=None if targets.dense is None else _map_tensors(targets.dense, lambda t: t.to(device)),
    )


Labels = TypeVar("Labels", SurfacePoints, DenseMaps)


def _map_tensors(value: Labels, change: Callable[[Tensor], Tensor]) -> Labels:
    tensors = {field.name: getattr(value, field.name) for field in fields(value)}
    return replace(value, **{name: change(tensor) for name, tensor in tensors.items() if tensor is not None})
