"""One affine map moves a sample: picture, masks, boxes, points and charts together.

A map is a 2×3 matrix from the source's pixels to the target's, both continuous (pixel centres at ½). A map that turns
the picture over (negative determinant) also exchanges left and right: parts, U, V and the template's x.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, Float64, UInt8
from densesynth.data.samples import Charts, PointLabels, Sample, SurfaceMaps
from densesynth.surface.mirror import ChartMirror, mirror_atlas
from densesynth.surface.parts import COARSE_MIRROR

Affine = Float64[Array, "2 3"]
Mirrors = Mapping[Charts, ChartMirror]

SHARP = 0.6  # below this scale a picture is averaged down first, or fine texture would alias


def chain(second: Affine, first: Affine) -> Affine:
    """The map that does `first`, then `second`."""
    return _square(second)[:2] @ _square(first)


def _square(affine: Affine) -> Float64[Array, "3 3"]:
    return np.vstack([affine, [0.0, 0.0, 1.0]])


def flip(width: int) -> Affine:
    """Left and right exchanged in a picture of that width."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])


def fit_box(
    box: Float32[Array, "4"], size: int, *, margin: float = 0.1, turn: float = 0.0, over: bool = False
) -> Affine:
    """The map that brings a box, made square about its centre and grown by `margin`, onto size × size pixels.

    turn: radians, in the target's frame. over: mirrored.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    side = max(x1 - x0, y1 - y0, 1.0) * (1.0 + 2.0 * margin)
    scale = size / side
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    if over:
        linear = np.array([[-1.0, 0.0], [0.0, 1.0]]) @ linear
    centre = np.array([(x0 + x1) / 2.0, (y0 + y1) / 2.0])
    return np.column_stack([linear, size / 2.0 - linear @ centre])


def warp_picture(picture: UInt8[Array, "h w 3"], affine: Affine, size: tuple[int, int]) -> UInt8[Array, "h2 w2 3"]:
    """A picture through a map, bilinear; outside it is mid-grey. size: width, height."""
    scale = math.sqrt(abs(np.linalg.det(affine[:, :2])))
    if scale < SHARP:
        height, width = picture.shape[:2]
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        affine = chain(affine, np.array([[width / small[0], 0.0, 0.0], [0.0, height / small[1], 0.0]]))
    grey = (114.0, 114.0, 114.0)
    return cv2.warpAffine(picture, _centred(affine), size, flags=cv2.INTER_LINEAR, borderValue=grey)


def warp_map(labels: Array, affine: Affine, size: tuple[int, int]) -> Array:
    """A map of labels through a map of pixels: each target pixel takes the label at its centre; outside is 0."""
    return cv2.warpAffine(labels, _centred(affine), size, flags=cv2.INTER_NEAREST)


def _centred(affine: Affine) -> Affine:
    """The same map for OpenCV, whose whole numbers are pixel centres."""
    half = np.array([0.5, 0.5])
    return np.column_stack([affine[:, :2], affine @ np.array([0.5, 0.5, 1.0]) - half])


def warp_surface(
    surface: SurfaceMaps, mine: Bool[Array, "h w"] | None, affine: Affine, size: tuple[int, int], mirror: ChartMirror
) -> SurfaceMaps:
    """Surface labels through a map; of the pixels in `mine` alone where it is given."""
    part = surface.part if mine is None else np.where(mine, surface.part, np.uint8(0))
    part = warp_map(part, affine, size)
    body = part > 0
    u, v = (np.where(body, warp_map(value, affine, size), np.float32(0.0)) for value in (surface.u, surface.v))
    rest = np.where(body[..., None], warp_map(surface.rest, affine, size), np.float32(0.0))
    if np.linalg.det(affine[:, :2]) < 0.0:
        part, u, v = mirror(part, u, v)
        rest = rest * np.array([-1.0, 1.0, 1.0], np.float32)
    return SurfaceMaps(part=part, u=u, v=v, rest=rest)


def warp_sample(sample: Sample, affine: Affine, size: tuple[int, int], mirrors: Mirrors) -> Sample:
    """A whole sample through a map onto a picture of `size` (width, height).

    People of whom nothing is left are dropped and the others numbered anew. Boxes are those of the visible pixels where
    the map turns and the person's pixels are known, and the moved boxes, cut at the frame, otherwise.
    """
    turned = np.linalg.det(affine[:, :2]) < 0.0
    mirror = mirrors[sample.charts] if turned else mirror_atlas
    instance = warp_map(sample.instance, affine, size)
    boxes, number = [], np.zeros(256, np.uint8)
    straight = abs(affine[0, 1]) + abs(affine[1, 0]) < 1e-9
    for k, box in enumerate(sample.boxes, start=1):
        moved = None if straight else _box_of(instance == k)
        moved = _move_box(box, affine, size) if moved is None else moved
        if moved is not None:
            boxes.append(moved)
            number[k] = len(boxes)
    coarse = None if sample.coarse is None else warp_map(sample.coarse, affine, size)
    kept = np.flatnonzero(number)
    return replace(
        sample,
        picture=warp_picture(sample.picture, affine, size),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        instance=number[instance],
        mixed=None if sample.mixed is None else warp_map(sample.mixed.astype(np.uint8), affine, size).astype(bool),
        surface=None if sample.surface is None else warp_surface(sample.surface, None, affine, size, mirror),
        coarse=COARSE_MIRROR[coarse] if turned and coarse is not None else coarse,
        has_coarse=tuple(sample.has_coarse[k - 1] for k in kept) if sample.has_coarse else (),
        points=None if sample.points is None else _move_points(sample.points, affine, size, number, mirror),
    )


def _box_of(mask: Bool[Array, "h w"]) -> tuple[float, float, float, float] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _move_box(
    box: Float32[Array, "4"], affine: Affine, size: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    x0, y0, x1, y1 = (float(value) for value in box)
    corners = affine @ np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1.0, 1.0, 1.0, 1.0]])
    low = np.clip(corners.min(axis=1), 0.0, size)
    high = np.clip(corners.max(axis=1), 0.0, size)
    return (low[0], low[1], high[0], high[1]) if (high - low > 1.0).all() else None


def _move_points(
    points: PointLabels, affine: Affine, size: tuple[int, int], number: UInt8[Array, "256"], mirror: ChartMirror
) -> PointLabels:
    x, y = affine @ np.stack([points.x, points.y, np.ones_like(points.x)]).astype(np.float64)
    person = number[points.person].astype(np.int64)
    kept = (person > 0) & (x >= 0.0) & (y >= 0.0) & (x < size[0]) & (y < size[1])
    part, u, v = points.part, points.u, points.v
    if np.linalg.det(affine[:, :2]) < 0.0:
        part, u, v = mirror(part, u, v)
    return PointLabels(
        person=person[kept],
        x=x[kept].astype(np.float32),
        y=y[kept].astype(np.float32),
        part=part[kept],
        u=u[kept],
        v=v[kept],
    )
