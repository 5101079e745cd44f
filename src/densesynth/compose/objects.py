"""Procedural objects as cut-outs: boxes, balls, bottles, plants, bags and chairs, with colours and normals.

Each is painted front-on in the plane x (right), y (down), both −1..1, at twice its size, and then reduced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.appearance.colour import draw_cloth_colour, draw_second_colour
from densesynth.arrays import Array, Bool, Float32
from densesynth.scene.occluders import KINDS

FACING = (0.0, 0.0, -1.0)  # towards the camera, camera frame


@dataclass(frozen=True)
class _Sheet:
    """What is painted on; the functions below change its arrays. x, y: of every pixel."""

    x: Float32[Array, "s s"]
    y: Float32[Array, "s s"]
    albedo: Float32[Array, "s s 3"]
    normal: Float32[Array, "s s 3"]
    shown: Bool[Array, "s s"]

    def paint(self, where: Bool[Array, "s s"], albedo: Array, normal: Array) -> None:
        """albedo, normal: one for all pixels, or for each."""
        pixels = np.flatnonzero(where)
        for values, given in ((self.albedo, albedo), (self.normal, normal)):
            one = given.size == 3
            values.reshape(-1, 3)[pixels] = (
                given if one else np.broadcast_to(given, values.shape).reshape(-1, 3)[pixels]
            )
        self.shown.reshape(-1)[pixels] = True

    def polygon(self, corners: Sequence[Array | tuple[float, float]] | Array) -> Bool[Array, "s s"]:
        """The pixels of a polygon (n, 2)."""
        side = len(self.x)
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [np.rint((np.asarray(corners) + 1.0) * (side - 1) / 2.0).astype(np.int32)], 1)
        return mask > 0


def make_object(
    kind: int, side: int, rng: np.random.Generator
) -> tuple[Float32[Array, "h w 6"], Float32[Array, "h w"]]:
    """Linear albedo and unit normal (camera frame), and alpha, of an object whose longer side is about `side` pixels.
    kind: index into KINDS."""
    size = 2 * max(side, 4)
    line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    sheet = _Sheet(
        x, y, np.zeros((size, size, 3), np.float32), np.zeros((size, size, 3), np.float32), np.zeros(x.shape, bool)
    )
    paint = {"box": _box, "ball": _ball, "bottle": _bottle, "plant": _plant, "bag": _bag, "chair": _chair}
    paint[KINDS[kind]](sheet, rng)
    rows, columns = np.flatnonzero(sheet.shown.any(axis=1)), np.flatnonzero(sheet.shown.any(axis=0))
    crop = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shown = sheet.shown[crop].astype(np.float32)
    factor = side / max(shown.shape)
    to = (max(1, round(shown.shape[1] * factor)), max(1, round(shown.shape[0] * factor)))
    alpha = cv2.resize(shown, to, interpolation=cv2.INTER_AREA)
    parts = [
        cv2.resize(np.ascontiguousarray(values[crop] * shown[..., None]), to, interpolation=cv2.INTER_AREA)
        for values in (sheet.albedo, sheet.normal)
    ]
    return np.dstack(parts) / np.maximum(alpha, np.float32(1e-4))[..., None], alpha


def _grain(sheet: _Sheet, rng: np.random.Generator, cells: int, strength: float) -> Float32[Array, "s s 1"]:
    """A smooth random factor about 1: wear, weave, grain."""
    coarse = rng.normal(0.0, strength, (cells, cells)).astype(np.float32)
    fine = rng.normal(0.0, 0.5 * strength, (4 * cells, 4 * cells)).astype(np.float32)
    size = sheet.x.shape[::-1]
    sum_of = sum(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC) for noise in (coarse, fine))
    return np.clip(1.0 + np.asarray(sum_of, np.float32), 0.4, 1.6)[..., None]


def _unit(x: Array | float, y: Array | float, z: Array | float) -> Float32[Array, "*s 3"]:
    normal = np.stack(np.broadcast_arrays(x, y, z), axis=-1).astype(np.float32)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)


def _two_colours(rng: np.random.Generator) -> tuple[Array, Array]:
    first = draw_cloth_colour(rng)
    second = draw_second_colour(rng, first)
    return np.asarray(first, np.float32), np.asarray(second, np.float32)


def _stripes(along: Array, first: Array, second: Array, count: float, share: float) -> Float32[Array, "s s 3"]:
    return np.where(((along * count) % 1.0 < share)[..., None], second, first).astype(np.float32)


def _box(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Seen from a little above, two sides and the lid; cardboard with tape, or coloured with a band."""
    carton = rng.random() < 0.5
    first, second = _two_colours(rng)
    if carton:
        first = np.array((0.44, 0.27, 0.14), np.float32) * np.float32(rng.uniform(0.7, 1.15))
        second = np.array((0.62, 0.5, 0.32), np.float32)
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
        where = sheet.polygon(np.array([near, corner, corner + drop, near + drop]))
        along = (sheet.x - near[0]) / (corner[0] - near[0] + 1e-6)
        down = sheet.y - (near[1] + along * (corner[1] - near[1]))
        band = (np.abs(along - 0.5) < 0.07) if carton else (np.abs(down / drop[1] - 0.5) < 0.16)
        colour = np.where(band[..., None], second, first) * grain
        sheet.paint(where, colour, _unit(float(facing), 0.0, -float(np.sqrt(1.0 - facing**2))))
    where = sheet.polygon([near, at_right, far, at_left])
    along = (sheet.x - near[0]) / (at_right[0] - near[0]) - 0.0
    seam = np.abs((sheet.x - lid.mean(axis=0)[0]) - (sheet.y - lid.mean(axis=0)[1]) * 0.6) < 0.05
    sheet.paint(where, np.where((seam & carton)[..., None], second, first) * grain, np.array((0.0, -0.97, -0.24)))


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
    height = normal @ axis.astype(np.float32)
    angle = np.arctan2(normal @ np.cross(axis, side).astype(np.float32), normal @ side.astype(np.float32))
    style = int(rng.integers(3))
    if style == 0:
        colour = _stripes(angle / (2.0 * np.pi) + 1.0, first, second, 6.0, 0.5)
    elif style == 1:
        spots = rng.normal(size=(14, 3))
        spots /= np.linalg.norm(spots, axis=1, keepdims=True)
        nearest = (normal @ spots.T.astype(np.float32)).max(axis=-1)
        colour = np.where((nearest > 0.93)[..., None], second, first)
    else:
        seam = (np.abs(height) < 0.03) | (np.abs(np.sin(angle)) < 0.03)
        colour = np.where(seam[..., None], np.float32(0.03), first)
    sheet.paint(where, colour * _grain(sheet, rng, 16, 0.04), normal)


def _turned(
    sheet: _Sheet, heights: Array, radii: Array, colour: Array, middle: float = 0.0, flat: float = 0.95
) -> None:
    """A body turned on a lathe: radius by height (y, rising), normals round it."""
    radius = np.interp(sheet.y, heights, radii).astype(np.float32)
    slope = np.interp(
        sheet.y, (np.asarray(heights)[1:] + np.asarray(heights)[:-1]) / 2.0, np.diff(radii) / np.diff(heights)
    )
    across = np.clip((sheet.x - middle) / np.maximum(radius, 1e-3), -flat, flat)
    where = (np.abs(sheet.x - middle) <= radius) & (sheet.y >= heights[0]) & (sheet.y <= heights[-1])
    sheet.paint(where, colour, _unit(across, -slope, -np.sqrt(1.0 - across**2)))


def _bottle(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Body, shoulder, neck and cap, a label round it."""
    first, second = _two_colours(rng)
    body, neck = rng.uniform(0.24, 0.38), rng.uniform(0.09, 0.13)
    shoulder = rng.uniform(-0.5, -0.15)
    heights = np.array([-0.92, shoulder - 0.28, shoulder - 0.1, shoulder + 0.05, shoulder + 0.12, 0.93, 0.97])
    radii = np.array([neck, neck, 0.62 * body, 0.95 * body, body, body, 0.93 * body])
    top, bottom = np.sort(rng.uniform(shoulder + 0.2, 0.85, 2))
    label = (sheet.y > top) & (sheet.y < max(bottom, top + 0.2))
    paper = np.where((np.abs(sheet.y - (top + bottom) / 2.0) < 0.05)[..., None], first, np.float32(0.75))
    colour = np.where(label[..., None], 0.5 * second + 0.5 * paper, first) * _grain(sheet, rng, 10, 0.03)
    _turned(sheet, heights, radii, colour)
    _turned(sheet, np.array([-0.98, -0.84]), np.array([1.25 * neck, 1.25 * neck]), second)


def _plant(sheet: _Sheet, rng: np.random.Generator) -> None:
    """A pot, and leaves that fan out of it."""
    side = len(sheet.x)
    green = np.array((0.05, 0.16, 0.03)) * rng.uniform(0.7, 1.6) + np.array((0.05, 0.02, 0.0)) * rng.random()
    long, slim = rng.uniform(0.75, 1.05), rng.uniform(0.09, 0.2)
    for _ in range(int(rng.integers(14, 34))):
        lean = rng.normal(0.0, 0.55)
        reach = long * rng.uniform(0.55, 1.0)
        root = np.array((rng.normal(0.0, 0.06), 0.42))
        tip = root + reach * np.array((np.sin(lean), -np.cos(lean)))
        heading = (tip - root) / reach
        across = np.array((-heading[1], heading[0]))
        t = np.linspace(0.0, 1.0, 24)[:, None]
        droop = np.array((0.0, 0.35)) * abs(np.sin(lean)) * t**2
        spine = root + t * (tip - root) + droop
        width = slim * np.sin(np.pi * np.clip(t, 0.0, 1.0) ** 0.75) * rng.uniform(0.6, 1.1)
        colour = green * rng.uniform(0.6, 1.5)
        tilt = rng.normal(0.0, 0.35, 2)
        for sign in (-1.0, 1.0):  # the two halves lie at an angle
            where = sheet.polygon(np.concatenate([spine, (spine + sign * width * across)[::-1]]))
            aside = 0.45 * sign * across + tilt
            normal = np.array((aside[0], aside[1] - 0.3, -1.0))
            sheet.paint(where, colour * (1.0 + 0.12 * sign), normal / np.linalg.norm(normal))
        stem = np.rint((spine + 1.0) * (side - 1) / 2.0).astype(np.int32)
        rib = np.zeros((side, side), np.uint8)
        cv2.polylines(rib, [stem], False, 1, max(1, side // 160))
        sheet.paint(rib > 0, colour * 1.5, np.array(FACING))
    clay, _ = _two_colours(rng)
    clay = np.array((0.4, 0.15, 0.08), np.float32) if rng.random() < 0.5 else clay
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
    across = np.clip((ring - 1.0) / broad, -0.9, 0.9)
    turn = np.arctan2(sheet.y - top, sheet.x)
    sheet.paint(
        handle,
        second * _grain(sheet, rng, 20, 0.05),
        _unit(across * np.cos(turn), across * np.sin(turn), -np.sqrt(1 - across**2)),
    )
    low = 0.95
    down = np.clip((sheet.y - top) / (low - top), 0.0, 1.0)
    half = wide * (0.84 + 0.16 * np.sin(0.5 * np.pi * down))
    u, v = sheet.x / half, 2.0 * down - 1.0
    where = (u**6 + np.abs(v) ** 8 <= 1.0) & (sheet.y > top) & (sheet.y < low)
    folds = 0.12 * np.sin(9.0 * sheet.x + 4.0 * sheet.y + rng.uniform(0, 6.0)) * (1.0 - down)
    normal = _unit(0.75 * u**3 + folds, 0.55 * v**3 - 0.05, np.full_like(u, -0.8))
    flap = down < rng.uniform(0.25, 0.5)
    seam = np.abs(np.abs(u) - 0.88) < 0.015
    flapped = rng.random() < 0.6
    colour = np.where((flap if flapped else np.abs(u) < 0.12)[..., None], 0.75 * first if flapped else second, first)
    colour = np.where(seam[..., None], 0.6 * colour, colour) * _grain(sheet, rng, 24, 0.06)
    sheet.paint(where, colour, normal)
    buckle = (np.abs(sheet.x) < 0.07) & (np.abs(down - 0.45) < 0.06)
    sheet.paint(buckle & where, np.array((0.45, 0.4, 0.3)), np.array(FACING))


def _chair(sheet: _Sheet, rng: np.random.Generator) -> None:
    """Seen from the back: rails and slats between two posts, the seat, legs."""
    first, second = _two_colours(rng)
    if rng.random() < 0.6:
        first = np.array((0.3, 0.16, 0.08), np.float32) * np.float32(rng.uniform(0.5, 1.6))
    grain = _grain(sheet, rng, 18, 0.08)
    wide, post = rng.uniform(0.4, 0.55), rng.uniform(0.04, 0.06)
    seat = rng.uniform(0.05, 0.25)

    def bar(x0: float, y0: float, x1: float, y1: float, colour: Array, lean: float = 0.0) -> None:
        where = sheet.polygon([(x0, y0), (x1, y0), (x1 + lean, y1), (x0 + lean, y1)])
        across = np.clip(2.0 * (sheet.x - x0) / (x1 - x0) - 1.0, -0.7, 0.7) if x1 - x0 < 0.2 else np.zeros_like(sheet.x)
        sheet.paint(where, colour * grain, _unit(across, 0.0, -np.sqrt(1.0 - across**2)))

    for sign in (-1.0, 1.0):  # far legs first
        bar(sign * 0.75 * wide - post / 2, seat, sign * 0.75 * wide + post / 2, 0.85, 0.7 * first)
    deep = sheet.polygon([(-wide, seat), (wide, seat), (1.08 * wide, seat + 0.12), (-1.08 * wide, seat + 0.12)])
    sheet.paint(deep, second * grain, np.array((0.0, -0.6, -0.8)))
    for sign in (-1.0, 1.0):
        bar(sign * wide - post, -0.95, sign * wide + post, 0.97, first, 0.04 * sign)
    bar(-wide, -0.92, wide, -0.74, first)
    slats = int(rng.integers(0, 5))
    if slats == 0:
        bar(-wide, -0.6, wide, seat - 0.2, second)
    for x in np.linspace(-wide, wide, slats + 2)[1:-1] if slats else ():
        bar(float(x) - 0.045, -0.76, float(x) + 0.045, seat, first)
    bar(-wide, 0.5, wide, 0.56, first)
