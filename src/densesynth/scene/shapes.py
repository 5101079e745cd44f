"""Closed meshes that things are made of, and things made of them: each in its own frame, standing on z = 0, metres.

A thing keeps boxes around its pieces beside the mesh: what stays out of these stays out of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from densesynth.appearance.colour import Colour, as_colour, draw_cloth_colour, linear_from_srgb
from densesynth.arrays import Array, Float32, Float64, Int32

CELL = 0.12  # metres: flat faces are cut this small, so that what is near a vertex (contact shadows) finds one
Point = Sequence[float] | Array
WOODS = ((196, 158, 112), (150, 106, 66), (98, 62, 40), (222, 196, 158), (60, 42, 32))
PAINTS = ((236, 236, 232), (34, 34, 38), (150, 152, 156), (70, 90, 110), (160, 44, 38), (46, 92, 70), (214, 170, 60))


class Piece(NamedTuple):
    """One closed mesh of one colour (linear RGB)."""

    vertices: Float64[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    colour: Colour


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing in its own frame: y is its front. colours: linear RGB of each face. solids: lowest and highest corner
    around each piece."""

    kind: str
    vertices: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    colours: Float32[Array, "f 3"]
    roughness: float
    solids: Float64[Array, "s 2 3"]

    def meets(self, points: Array, clearance: float) -> bool:
        """Whether some of the points (own frame) come nearer than `clearance` to a solid."""
        low, high = self.solids[:, 0].min(axis=0) - clearance, self.solids[:, 1].max(axis=0) + clearance
        near = points[((points > low) & (points < high)).all(axis=1)]
        return any(bool(((near > a - clearance) & (near < b + clearance)).all(axis=1).any()) for a, b in self.solids)


def assemble(kind: str, pieces: Sequence[Piece], roughness: float = 0.6) -> Thing:
    for piece in pieces:
        np.maximum(piece.vertices[:, 2], 0.0, out=piece.vertices[:, 2])  # slanting legs are cut level with the ground
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    return Thing(
        kind=kind,
        vertices=np.concatenate([piece.vertices for piece in pieces]).astype(np.float32),
        faces=np.concatenate([p.faces + s for p, s in zip(pieces, starts, strict=False)]).astype(np.int32),
        colours=np.concatenate([np.tile(np.array(p.colour, np.float32), (len(p.faces), 1)) for p in pieces]),
        roughness=roughness,
        solids=np.stack([np.stack([p.vertices.min(axis=0), p.vertices.max(axis=0)]) for p in pieces]),
    )


def box(low: Point, high: Point, colour: Colour) -> Piece:
    """A box with flat faces, each cut into cells."""
    a, b = np.array(low, np.float64), np.array(high, np.float64)
    vertices, faces, count = [], [], 0
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        across, up = (max(1, math.ceil((b[k] - a[k]) / CELL)) for k in (u, v))
        grid = np.stack(np.meshgrid(np.linspace(0, 1, across + 1), np.linspace(0, 1, up + 1), indexing="ij"), -1)
        for side in (0, 1):
            corner = np.zeros((*grid.shape[:2], 3))
            corner[..., axis] = (a, b)[side][axis]
            corner[..., u] = a[u] + grid[..., 0] * (b[u] - a[u])
            corner[..., v] = a[v] + grid[..., 1] * (b[v] - a[v])
            faces.append(_grid_faces(across + 1, up + 1, flip=side == 0) + count)
            vertices.append(corner.reshape(-1, 3))
            count += (across + 1) * (up + 1)
    return Piece(np.concatenate(vertices), np.concatenate(faces).astype(np.int32), colour)


def _grid_faces(rows: int, columns: int, flip: bool = False) -> Int32[Array, "f 3"]:
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    at = (i * columns + j).ravel()
    faces = np.concatenate(
        [np.stack([at, at + columns, at + columns + 1], 1), np.stack([at, at + columns + 1, at + 1], 1)]
    )
    return (faces[:, ::-1] if flip else faces).astype(np.int32)


def tube(start: Point, end: Point, radius: tuple[float, float], colour: Colour, n: int = 14) -> Piece:
    """A cylinder or cone between two points, with caps."""
    a, b = np.array(start, np.float64), np.array(end, np.float64)
    along = (b - a) / np.linalg.norm(b - a)
    aside = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    aside /= np.linalg.norm(aside)
    angle = 2.0 * np.pi * np.arange(n) / n
    ring = np.cos(angle)[:, None] * aside + np.sin(angle)[:, None] * np.cross(along, aside)
    first, last = a + radius[0] * ring, b + radius[1] * ring
    k, following = np.arange(n), (np.arange(n) + 1) % n
    side = np.concatenate([np.stack([k, following, k + n], 1), np.stack([following, following + n, k + n], 1)])
    low = np.stack([np.full(n, 2 * n), 2 * n + 1 + following, 2 * n + 1 + k], 1)
    high = np.stack([np.full(n, 3 * n + 1), 3 * n + 2 + k, 3 * n + 2 + following], 1)
    vertices = np.concatenate([first, last, a[None], first, b[None], last])
    return Piece(vertices, np.concatenate([side, low, high]).astype(np.int32), colour)


def ball(centre: Point, radii: Point, colour: Colour, n: int = 16, turn: Array | None = None) -> Piece:
    """A sphere or ellipsoid. turn: rotation of its axes."""
    rows, columns = n // 2 + 1, n
    polar = np.linspace(0.0, np.pi, rows + 1)[1:-1]
    azimuth = 2.0 * np.pi * np.arange(columns) / columns
    rings = np.stack(
        [np.outer(np.sin(polar), np.cos(azimuth)), np.outer(np.sin(polar), np.sin(azimuth)),
         np.outer(np.cos(polar), np.ones(columns))], axis=-1,
    ).reshape(-1, 3)  # fmt: skip
    points = np.concatenate([[[0.0, 0.0, 1.0]], rings, [[0.0, 0.0, -1.0]]])
    j, following = np.arange(columns), (np.arange(columns) + 1) % columns
    faces = [np.stack([np.zeros(columns, int), 1 + j, 1 + following], 1)]
    for i in range(len(polar) - 1):
        at, below = 1 + i * columns, 1 + (i + 1) * columns
        faces += [
            np.stack([at + j, below + j, below + following], 1),
            np.stack([at + j, below + following, at + following], 1),
        ]
    last = 1 + (len(polar) - 1) * columns
    faces.append(np.stack([last + following, last + j, np.full(columns, len(points) - 1)], 1))
    points = points * np.array(radii)
    if turn is not None:
        points = points @ turn.T
    return Piece(points + np.array(centre), np.concatenate(faces).astype(np.int32), colour)


def ring(centre: Point, radius: float, thick: float, colour: Colour, n: int = 32, m: int = 8) -> Piece:
    """A torus in the plane across x."""
    a, b = 2.0 * np.pi * np.arange(n) / n, 2.0 * np.pi * np.arange(m) / m
    out = radius + thick * np.cos(b)
    points = np.stack(
        [np.broadcast_to(thick * np.sin(b), (n, m)), np.outer(np.cos(a), out), np.outer(np.sin(a), out)], axis=-1
    ).reshape(-1, 3)
    i, j = (k.ravel() for k in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    p, q = i * m + j, ((i + 1) % n) * m + j
    r, s = ((i + 1) % n) * m + (j + 1) % m, i * m + (j + 1) % m
    faces = np.concatenate([np.stack([p, q, r], 1), np.stack([p, r, s], 1)])
    return Piece(points + np.array(centre), faces.astype(np.int32), colour)


def draw_colour(rng: np.random.Generator, among: Sequence[tuple[int, int, int]] = WOODS + PAINTS) -> Colour:
    return as_colour(linear_from_srgb(np.array(among[int(rng.integers(len(among)))])) * rng.uniform(0.75, 1.15))


def make_seat(kind: str, rng: np.random.Generator, top: float, front: float, rear: float, width: float) -> Thing:
    """chair, stool, box or bench: its seat's upper side at `top`, from y = `rear` to `front`, `width` wide."""
    half, depth = width / 2.0, front - rear
    colour, thick = draw_colour(rng), min(rng.uniform(0.025, 0.06), 0.4 * top)
    leg = draw_colour(rng) if rng.random() < 0.4 else colour
    slab = top - thick
    if kind == "box":
        return assemble(kind, [box((-half, rear, 0.0), (half, front, top), colour)])
    if kind == "stool":
        radius, middle = min(half, depth / 2.0), (front + rear) / 2.0
        pieces = [tube((0, middle, slab), (0, middle, top), (radius, radius), colour, 28)]
        spread = 0.78 * radius
        for x, y in ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)):
            foot = (x * spread * 0.75, middle + y * spread * 0.75, 0.0)
            pieces.append(tube(foot, (x * spread * 0.6, middle + y * spread * 0.6, slab), (0.014, 0.018), leg))
        return assemble(kind, pieces)
    w = rng.uniform(0.016, 0.026)
    pieces = [box((-half, rear, slab), (half, front, top), colour)]
    for x in (-half, half - 2 * w):
        for y in (rear, front - 2 * w):
            pieces.append(box((x, y, 0.0), (x + 2 * w, y + 2 * w, slab), leg))
    if kind == "chair":
        high, panel = top + rng.uniform(0.36, 0.5), rng.uniform(0.12, 0.3)
        for x in (-half, half - 2 * w):
            pieces.append(box((x, rear - 2 * w, slab), (x + 2 * w, rear, high), leg))
        if rng.random() < 0.5:
            pieces.append(box((-half, rear - 1.6 * w, high - panel), (half, rear - 0.4 * w, high - 0.01), colour))
        else:
            for z in np.linspace(top + 0.12, high - 0.05, 3):
                pieces.append(box((-half, rear - 1.4 * w, z), (half, rear - 0.6 * w, z + 0.045), colour))
    return assemble(kind, pieces)


def make_thing(kind: str, rng: np.random.Generator) -> Thing:
    """table, crate, pole, plant, bicycle or ball, drawn anew."""
    colour, other = draw_colour(rng), draw_colour(rng)
    if kind == "table":
        half, depth, high = rng.uniform(0.35, 0.75), rng.uniform(0.3, 0.45), rng.uniform(0.68, 0.78)
        thick, w = rng.uniform(0.02, 0.045), rng.uniform(0.018, 0.035)
        pieces = [box((-half, -depth, high - thick), (half, depth, high), colour)]
        for x in (-half + w, half - 3 * w):
            for y in (-depth + w, depth - 3 * w):
                pieces.append(box((x, y, 0.0), (x + 2 * w, y + 2 * w, high - thick), other))
        return assemble(kind, pieces, 0.45)
    if kind == "crate":
        half, depth, high = (float(rng.uniform(*limits)) for limits in ((0.15, 0.4), (0.15, 0.4), (0.25, 0.9)))
        pieces, count = [], int(rng.integers(1, 4))
        for k in range(count):
            shade = as_colour(np.array(colour) * (0.9 + 0.2 * (k % 2)))
            pieces.append(box((-half, -depth, high * k / count), (half, depth, high * (k + 1) / count - 0.004), shade))
        return assemble(kind, pieces, 0.75)
    if kind == "pole":
        radius, high = rng.uniform(0.035, 0.11), rng.uniform(2.2, 3.6)
        foot = tube((0, 0, 0), (0, 0, 0.05), (2.2 * radius, 2.0 * radius), other, 24)
        return assemble(kind, [foot, tube((0, 0, 0.05), (0, 0, high), (radius, 0.9 * radius), colour, 20)], 0.4)
    if kind == "plant":
        return _make_plant(rng, colour)
    if kind == "bicycle":
        return _make_bicycle(rng)
    radius = rng.uniform(0.1, 0.34)
    return assemble("ball", [ball((0, 0, radius), (radius,) * 3, draw_cloth_colour(rng), 28)], 0.4)


def _make_plant(rng: np.random.Generator, colour: Colour) -> Thing:
    pot, radius = rng.uniform(0.2, 0.45), rng.uniform(0.12, 0.22)
    pieces = [tube((0, 0, 0), (0, 0, pot), (0.72 * radius, radius), colour, 24)]
    high = pot + rng.uniform(0.5, 1.0)
    stem = as_colour(linear_from_srgb(np.array((92, 70, 48))))
    pieces.append(tube((0, 0, pot), (0.03, 0.0, high), (0.014, 0.007), stem, 8))
    for k in range(int(rng.integers(18, 34))):
        green = as_colour(linear_from_srgb(np.array((46, 96, 42))) * rng.uniform(0.5, 1.7))
        azimuth, rise = 2.4 * k + rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.9)
        out = np.array([math.cos(azimuth) * math.cos(rise), math.sin(azimuth) * math.cos(rise), math.sin(rise)])
        aside = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
        length = rng.uniform(0.1, 0.2)
        base = np.array([0.0, 0.0, rng.uniform(pot + 0.12, high)])
        turn = np.stack([out, aside, np.cross(out, aside)], axis=1)
        pieces.append(ball(base + out * length, (length, 0.36 * length, 0.012), green, 8, turn))
    return assemble("plant", pieces, 0.5)


def _make_bicycle(rng: np.random.Generator) -> Thing:
    """A frame on two wheels, standing along y."""
    paint, black = draw_colour(rng, PAINTS), as_colour(np.full(3, 0.015))
    metal, r = as_colour(np.full(3, 0.35)), rng.uniform(0.3, 0.34)
    hub, seat, head, crank = (0, -0.52, r), (0, -0.22, 0.8), (0, 0.4, 0.84), (0, -0.1, 0.28)
    front, bar = (0, 0.54, r), (0, 0.36, 0.98)
    tubes = [(hub, seat), (hub, crank), (crank, seat), (crank, head), (seat, head), (head, front), (head, bar)]
    pieces = [ring((0, y, r), r - 0.02, 0.02, black) for y in (-0.52, 0.54)]
    pieces += [tube(a, b, (0.016, 0.016), paint, 10) for a, b in tubes]
    pieces += [tube((-0.25, 0.36, 0.98), (0.25, 0.36, 0.98), (0.013, 0.013), metal, 10)]
    pieces += [
        ball((0, -0.24, 0.9), (0.07, 0.13, 0.03), black, 12),
        tube(seat, (0, -0.24, 0.9), (0.013, 0.013), metal, 10),
    ]
    for y in (-0.52, 0.54):
        for angle in np.linspace(0.0, np.pi, 9)[:-1]:
            to = np.array([0.0, math.cos(angle), math.sin(angle)]) * (r - 0.02)
            pieces.append(tube(np.array([0, y, r]) - to, np.array([0, y, r]) + to, (0.002, 0.002), metal, 4))
    return assemble("bicycle", pieces, 0.35)
