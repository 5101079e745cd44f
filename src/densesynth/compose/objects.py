"""Procedural objects as cut-outs: boxes, balls, bottles, plants, bags and chairs, with colours and normals.

Each is painted front-on in the plane x (right), y (down), both −1..1, at twice its size, and then reduced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import warp as wp

from densesynth.appearance.colour import draw_cloth_colour, draw_second_colour
from densesynth.arrays import Array, Bool, Float32, Int32
from densesynth.compose.blend import Box, bounds
from densesynth.compose.kernels import reduce_kernel
from densesynth.device import address
from densesynth.scene.occluders import KINDS

FACING = (0.0, 0.0, -1.0)  # towards the camera, camera frame


@dataclass(frozen=True)
class _Sheet:
    """What is painted on, or a rectangle of it; the functions below change its arrays. x, y: of its columns and rows;
    box: where it lies on the whole sheet. Channels come first, so that sums run over whole rows."""

    x: Float32[Array, "1 w"]
    y: Float32[Array, "h 1"]
    albedo: Float32[Array, "3 h w"]
    normal: Float32[Array, "3 h w"]
    shown: Bool[Array, "h w"]
    box: Box

    def part(self, box: Box) -> _Sheet:
        """A rectangle of the whole sheet."""
        rows, columns = box
        whole = np.s_[:, rows, columns]
        return _Sheet(self.x[:, columns], self.y[rows], self.albedo[whole], self.normal[whole], self.shown[box], box)

    def paint(self, where: Bool[Array, "h w"], albedo: Array, normal: Array) -> None:
        """albedo, normal: one for all pixels, or for each."""
        for values, given in ((self.albedo, albedo), (self.normal, normal)):
            np.copyto(values, given.reshape(3, 1, 1) if given.size == 3 else given, where=where, casting="same_kind")
        self.shown[where] = True

    def polygon(self, corners: Sequence[Array | tuple[float, float]] | Array) -> tuple[_Sheet, Bool[Array, "h w"]]:
        """The rectangle about a polygon (n, 2), and the polygon's pixels in it."""
        points = self.pixels(np.asarray(corners))
        part = self.part(self.about(points, 0))
        mask = np.zeros(part.shown.shape, np.uint8)
        cv2.fillPoly(mask, [points - (part.box[1].start, part.box[0].start)], 1)
        return part, mask > 0

    def pixels(self, points: Array) -> Int32[Array, "*k n 2"]:
        return np.rint((points + 1.0) * (len(self.shown) - 1) / 2.0).astype(np.int32)

    def about(self, points: Int32[Array, "n 2"], margin: int) -> Box:
        """The rectangle that holds pixels (x, y), as far as they are on the sheet; at least one pixel."""
        low = np.clip(points.min(axis=0) - margin, 0, len(self.shown) - 1)
        high = np.clip(points.max(axis=0) + margin, low, len(self.shown) - 1)
        return np.s_[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1]


def make_object(
    kind: int, side: int, rng: np.random.Generator
) -> tuple[Float32[Array, "6 sh sw"], Float32[Array, "h w"]]:
    """Linear albedo and unit normal (camera frame) as painted, 0 where nothing is, and alpha of an object whose longer
    side is about `side` pixels. kind: index into KINDS. The former are larger: `resize_area` makes them alpha's size,
    times alpha."""
    size = 2 * max(side, 4)
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    values = np.zeros((6, size, size), np.float32)
    sheet = _Sheet(
        line[None], line[:, None], values[:3], values[3:], np.zeros((size, size), bool), np.s_[0:size, 0:size]
    )
    paint = {"box": _box, "ball": _ball, "bottle": _bottle, "plant": _plant, "bag": _bag, "chair": _chair}
    paint[KINDS[kind]](sheet, rng)
    box = bounds(sheet.shown)
    height, width = sheet.shown[box].shape
    factor = side / max(height, width)
    to = (max(1, round(height * factor)), max(1, round(width * factor)))
    alpha = cv2.resize(sheet.shown[box].astype(np.float32), to[::-1], interpolation=cv2.INTER_AREA)
    return values[:, *box], alpha


def resize_area(planes: Float32[Array, "c h w"], shape: tuple[int, int]) -> Float32[Array, "c rows columns"]:
    """Planes in another size (rows, columns), as cv2's INTER_AREA. planes: or rectangles of whole rows in memory."""
    count, height, width = planes.shape
    pitch, rows = planes.strides[1] // planes.itemsize, planes.strides[0] // max(planes.strides[1], 1)
    taps = width // shape[1] + 2
    resized, scratch = np.empty((count, *shape), np.float32), np.empty(width + taps + (taps + 1) * shape[1], np.float32)
    inputs = [count, rows, pitch, width, height, shape[1], shape[0], planes.ctypes.data, address(scratch)]
    wp.launch(reduce_kernel, 1, [*inputs, address(resized)], device="cpu")
    return resized


def _grain(sheet: _Sheet, rng: np.random.Generator, cells: int, strength: float) -> Float32[Array, "h w"]:
    """A smooth random factor about 1: wear, weave, grain."""
    coarse = rng.normal(0.0, strength, (cells, cells)).astype(np.float32)
    fine = rng.normal(0.0, 0.5 * strength, (4 * cells, 4 * cells)).astype(np.float32)
    size = sheet.shown.shape[::-1]
    grain = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), np.float32)
    grain += cv2.resize(fine, size, interpolation=cv2.INTER_CUBIC)
    grain += np.float32(1.0)
    return np.clip(grain, 0.4, 1.6, out=grain)


def _unit(x: Array | float, y: Array | float, z: Array | float) -> Float32[Array, "3 *s"]:
    normal = np.stack(np.broadcast_arrays(*(np.asarray(part, np.float32) for part in (x, y, z))))
    normal /= np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    return normal


def _two_colours(rng: np.random.Generator) -> tuple[Float32[Array, "3 1 1"], Float32[Array, "3 1 1"]]:
    first = draw_cloth_colour(rng)
    second = draw_second_colour(rng, first)
    return _colour(first), _colour(second)


def _colour(rgb: Sequence[float] | Array) -> Float32[Array, "3 1 1"]:
    return np.asarray(rgb, np.float32).reshape(3, 1, 1)


def _stripes(along: Array, first: Array, second: Array, count: float, share: float) -> Float32[Array, "3 h w"]:
    turns = along * np.float32(count)
    return np.where(turns - np.floor(turns) < share, second, first).astype(np.float32)


def _box(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Seen from a little above, two sides and the lid; cardboard with tape, or coloured with a band."""
    carton = rng.random() < 0.5
    first, second = _two_colours(rng)
    if carton:
        first = _colour((0.44, 0.27, 0.14)) * np.float32(rng.uniform(0.7, 1.15))
        second = _colour((0.62, 0.5, 0.32))
    turn, tall, rise = rng.uniform(0.35, 1.2), rng.uniform(0.5, 1.2), rng.uniform(0.12, 0.35)
    left, right = -np.cos(turn), np.sin(turn)
    # Corners of the lid: near, right, far, left; the sides hang from the first, second and fourth.
    shift = -(left + right) / 2.0
    lid = np.array([(0.0, rise), (right, 0.0), (left + right, -rise), (left, 0.0)]) + np.array((shift, 0.0))
    lid = (lid - np.array((0.0, tall / 2.0))) * 0.95 / max(1.0, tall / 2.0 + rise)
    drop = np.array((0.0, tall * 0.95 / max(1.0, tall / 2.0 + rise)))
    grain = _grain(sheet, rng, 12, 0.06)
    near, at_right, far, at_left = lid
    for corner, facing in ((at_left, -np.sin(turn)), (at_right, np.cos(turn))):
        part, where = sheet.polygon(np.array([near, corner, corner + drop, near + drop]))
        along = (part.x - near[0]) / (corner[0] - near[0] + 1e-6)
        down = part.y - (near[1] + along * (corner[1] - near[1]))
        band = (np.abs(along - 0.5) < 0.07) if carton else (np.abs(down / drop[1] - 0.5) < 0.16)
        colour = np.where(band, second, first) * grain[part.box]
        part.paint(where, colour, _unit(float(facing), 0.0, -float(np.sqrt(1.0 - facing**2))))
    part, where = sheet.polygon([near, at_right, far, at_left])
    seam = np.abs((part.x - lid.mean(axis=0)[0]) - (part.y - lid.mean(axis=0)[1]) * 0.6) < 0.05
    part.paint(where, np.where(seam & carton, second, first) * grain[part.box], np.array((0.0, -0.97, -0.24)))


def _ball(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Stripes between poles, patches, or plain with a seam."""
    first, second = _two_colours(rng)
    squared = sheet.x**2 + sheet.y**2
    where = squared <= 0.98
    z = -np.sqrt(np.maximum(1.0 - squared, 1e-3))
    normal = _unit(sheet.x, sheet.y, z)
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    side = np.cross(axis, (0.3, 0.5, 0.8))
    side /= np.linalg.norm(side)
    style = int(rng.integers(3))
    if style == 1:
        spots = rng.normal(size=(14, 3))
        spots /= np.linalg.norm(spots, axis=1, keepdims=True)
        nearest = np.tensordot(spots.astype(np.float32), normal, 1).max(axis=0)
        colour = np.where(nearest > 0.93, second, first)
    else:
        height, up, across = (
            np.tensordot(way.astype(np.float32), normal, 1) for way in (axis, np.cross(axis, side), side)
        )
        angle = np.arctan2(up, across)
        if style == 0:
            colour = _stripes(angle / (2.0 * np.pi) + 1.0, first, second, 6.0, 0.5)
        else:
            seam = (np.abs(height) < 0.03) | (np.abs(np.sin(angle)) < 0.03)
            colour = np.where(seam, np.float32(0.03), first)
    sheet.paint(where, colour * _grain(sheet, rng, 16, 0.04), normal)


def _turned(
    sheet: _Sheet, heights: Array, radii: Array, colour: Array, middle: float = 0.0, flat: float = 0.95
) -> None:
    """A body turned on a lathe: radius by height (y, rising), normals round it. colour: one, or of each pixel."""
    radius = np.interp(sheet.y, heights, radii).astype(np.float32)
    where = (np.abs(sheet.x - middle) <= radius) & (sheet.y >= heights[0]) & (sheet.y <= heights[-1])
    part = sheet.part(bounds(where))
    slope = np.interp(
        part.y, (np.asarray(heights)[1:] + np.asarray(heights)[:-1]) / 2.0, np.diff(radii) / np.diff(heights)
    )
    across = np.clip((part.x - middle) / np.maximum(radius[part.box[0]], 1e-3), -flat, flat)
    own = colour if colour.size == 3 else colour[:, *part.box]
    part.paint(where[part.box], own, _unit(across, -slope, -np.sqrt(1.0 - across**2)))


def _bottle(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Body, shoulder, neck and cap, a label round it."""
    first, second = _two_colours(rng)
    body, neck = rng.uniform(0.24, 0.38), rng.uniform(0.09, 0.13)
    shoulder = rng.uniform(-0.5, -0.15)
    heights = np.array([-0.92, shoulder - 0.28, shoulder - 0.1, shoulder + 0.05, shoulder + 0.12, 0.93, 0.97])
    radii = np.array([neck, neck, 0.62 * body, 0.95 * body, body, body, 0.93 * body])
    top, bottom = np.sort(rng.uniform(shoulder + 0.2, 0.85, 2))
    label = (sheet.y > top) & (sheet.y < max(bottom, top + 0.2))
    paper = np.where(np.abs(sheet.y - (top + bottom) / 2.0) < 0.05, first, np.float32(0.75))
    colour = np.where(label, 0.5 * second + 0.5 * paper, first) * _grain(sheet, rng, 10, 0.03)
    _turned(sheet, heights, radii, colour)
    _turned(sheet, np.array([-0.98, -0.84]), np.array([1.25 * neck, 1.25 * neck]), second)


def _plant(sheet: _Sheet, rng: np.random.Generator) -> None:
    """A pot, and leaves that fan out of it."""
    green = np.array((0.05, 0.16, 0.03)) * rng.uniform(0.7, 1.6) + np.array((0.05, 0.02, 0.0)) * rng.random()
    long, slim = rng.uniform(0.75, 1.05), rng.uniform(0.09, 0.2)
    drawn = [
        (
            rng.normal(0.0, 0.55),
            long * rng.uniform(0.55, 1.0),
            rng.normal(0.0, 0.06),
            rng.uniform(0.6, 1.1),
            rng.uniform(0.6, 1.5),
            *rng.normal(0.0, 0.35, 2),
        )
        for _ in range(int(rng.integers(14, 34)))
    ]
    lean, reach, beside, broad, bright, *tilt = np.array(drawn).T[:, :, None]
    root = np.stack([beside, np.full_like(beside, 0.42)], axis=2)
    tip = root + (reach * np.concatenate([np.sin(lean), -np.cos(lean)], axis=1))[:, None]
    heading = (tip - root) / reach[:, None]
    across = np.stack([-heading[..., 1], heading[..., 0]], axis=2)
    t = np.linspace(0.0, 1.0, 24)[:, None]
    droop = np.array((0.0, 0.35)) * np.abs(np.sin(lean))[..., None] * t**2
    spine = root + t * (tip - root) + droop
    width = slim * np.sin(np.pi * np.clip(t, 0.0, 1.0) ** 0.75) * broad[..., None]
    halves = [np.concatenate([spine, (spine + sign * width * across)[:, ::-1]], axis=1) for sign in (-1.0, 1.0)]
    # Of each leaf two halves, which lie at an angle, and a rib: numbers first, then what they stand for.
    colour = (green * bright)[:, None] * np.array([0.88, 1.12, 1.5])[:, None]
    aside = np.concatenate([-0.45 * across, 0.45 * across], axis=1) + np.stack(tilt, axis=2)
    normal = np.concatenate([aside - (0.0, 0.3), np.full((*aside.shape[:2], 1), -1.0)], axis=2)
    normal = np.concatenate([normal, np.broadcast_to(FACING, (len(drawn), 1, 3))], axis=1)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    parts = np.zeros(sheet.shown.shape, np.uint8)
    thick = max(1, len(sheet.shown) // 160)
    for k, (left, right, rib) in enumerate(zip(*map(sheet.pixels, (*halves, spine)), strict=True)):
        cv2.fillPoly(parts, [left], 3 * k + 1)
        cv2.fillPoly(parts, [right], 3 * k + 2)
        cv2.polylines(parts, [rib], False, 3 * k + 3, thick)
    table = np.zeros((6, 256), np.float32)
    table[:, 1 : 3 * len(drawn) + 1] = np.concatenate([colour, normal], axis=2).reshape(-1, 6).T
    box = bounds(parts > 0)
    for plane, own in zip((*sheet.albedo, *sheet.normal), table, strict=True):
        plane[box] = cv2.LUT(parts[box], own)
    sheet.shown[box] = parts[box] > 0
    clay, _ = _two_colours(rng)
    clay = _colour((0.4, 0.15, 0.08)) if rng.random() < 0.5 else clay
    pot = rng.uniform(0.24, 0.34)
    grain = _grain(sheet, rng, 14, 0.05)
    _turned(sheet, np.array([0.4, 0.97]), np.array([pot, 0.72 * pot]), clay * grain)
    _turned(sheet, np.array([0.34, 0.46]), np.array([1.12 * pot, 1.12 * pot]), clay * grain)


def _bag(sheet: _Sheet, rng: np.random.Generator) -> None:
    """A bulging body with a handle, a flap or a stripe."""
    first, second = _two_colours(rng)
    wide, top = rng.uniform(0.6, 0.9), rng.uniform(-0.35, 0.05)
    rise, thick = rng.uniform(0.35, 0.8), rng.uniform(0.05, 0.09)
    ring = np.sqrt((sheet.x / (0.5 * wide)) ** 2 + ((sheet.y - top - 0.05) / (rise)) ** 2)
    broad = thick / (0.5 * wide)
    handle = (np.abs(ring - 1.0) < broad) & (sheet.y < top + 0.1)
    part = sheet.part(bounds(handle))
    across = np.clip((ring[part.box] - 1.0) / broad, -0.9, 0.9)
    outwards = across / np.maximum(np.hypot(part.x, part.y - top), 1e-6)
    part.paint(
        handle[part.box],
        second * _grain(sheet, rng, 20, 0.05)[part.box],
        _unit(outwards * part.x, outwards * (part.y - top), -np.sqrt(1 - across**2)),
    )
    low = 0.95
    down = np.clip((sheet.y - top) / (low - top), 0.0, 1.0)
    half = wide * (0.84 + 0.16 * np.sin(0.5 * np.pi * down))
    u, v = sheet.x / half, 2.0 * down - 1.0
    cube = u * u * u
    bulge = cube * cube + np.abs(v) ** 8
    where = (bulge <= 1.0) & (sheet.y > top) & (sheet.y < low)
    phase = rng.uniform(0, 6.0)
    part = sheet.part(bounds(where))
    rows = part.box[0]
    u, cube, v, down, where = u[part.box], cube[part.box], v[rows], down[rows], where[part.box]
    folds = 0.12 * np.sin(9.0 * part.x + 4.0 * part.y + phase) * (1.0 - down)
    normal = _unit(0.75 * cube + folds, 0.55 * v**3 - 0.05, -0.8)
    flap = down < rng.uniform(0.25, 0.5)
    seam = np.abs(np.abs(u) - 0.88) < 0.015
    flapped = rng.random() < 0.6
    colour = np.where(flap if flapped else np.abs(u) < 0.12, 0.75 * first if flapped else second, first)
    colour = np.where(seam, 0.6 * colour, colour) * _grain(sheet, rng, 24, 0.06)[part.box]
    part.paint(where, colour, normal)
    buckle = (np.abs(part.x) < 0.07) & (np.abs(down - 0.45) < 0.06)
    part.paint(buckle & where, np.array((0.45, 0.4, 0.3)), np.array(FACING))


def _chair(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Seen from the back: rails and slats between two posts, the seat, legs."""
    first, second = _two_colours(rng)
    if rng.random() < 0.6:
        first = _colour((0.3, 0.16, 0.08)) * np.float32(rng.uniform(0.5, 1.6))
    grain = _grain(sheet, rng, 18, 0.08)
    wide, post = rng.uniform(0.4, 0.55), rng.uniform(0.04, 0.06)
    seat = rng.uniform(0.05, 0.25)

    def bar(x0: float, y0: float, x1: float, y1: float, colour: Array, lean: float = 0.0) -> None:
        part, where = sheet.polygon([(x0, y0), (x1, y0), (x1 + lean, y1), (x0 + lean, y1)])
        across = np.clip(2.0 * (part.x - x0) / (x1 - x0) - 1.0, -0.7, 0.7) if x1 - x0 < 0.2 else np.zeros_like(part.x)
        part.paint(where, colour * grain[part.box], _unit(across, 0.0, -np.sqrt(1.0 - across**2)))

    for sign in (-1.0, 1.0):  # far legs first
        bar(sign * 0.75 * wide - post / 2, seat, sign * 0.75 * wide + post / 2, 0.85, 0.7 * first)
    part, deep = sheet.polygon([(-wide, seat), (wide, seat), (1.08 * wide, seat + 0.12), (-1.08 * wide, seat + 0.12)])
    part.paint(deep, second * grain[part.box], np.array((0.0, -0.6, -0.8)))
    for sign in (-1.0, 1.0):
        bar(sign * wide - post, -0.95, sign * wide + post, 0.97, first, 0.04 * sign)
    bar(-wide, -0.92, wide, -0.74, first)
    slats = int(rng.integers(0, 5))
    if slats == 0:
        bar(-wide, -0.6, wide, seat - 0.2, second)
    for x in np.linspace(-wide, wide, slats + 2)[1:-1] if slats else ():
        bar(float(x) - 0.045, -0.76, float(x) + 0.045, seat, first)
    bar(-wide, 0.5, wide, 0.56, first)
