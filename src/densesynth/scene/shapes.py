"""Closed meshes that things are made of, and how they are joined to one, in its own frame, metres.

A thing keeps boxes around its pieces beside the mesh: what stays out of these stays out of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from densesynth.appearance.colour import Colour
from densesynth.appearance.material import MATERIALS, Materials
from densesynth.arrays import Array, Float32, Float64, Int32

CELL = 0.12  # metres: flat faces are cut this small, so that what is near a vertex (contact shadows) finds one
Point = Sequence[float] | Array


Finish = tuple[Colour, str]  # linear RGB, and one of MATERIALS


class Piece(NamedTuple):
    """One closed mesh of one material."""

    vertices: Float64[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    finish: Finish


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing in its own frame: y is its front. solids: lowest and highest corner around each piece."""

    kind: str
    vertices: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    materials: Materials
    solids: Float64[Array, "s 2 3"]

    def meets(self, points: Array, clearance: float) -> bool:
        """Whether some of the points (own frame) come nearer than `clearance` to a solid."""
        low, high = self.solids[:, 0].min(axis=0) - clearance, self.solids[:, 1].max(axis=0) + clearance
        near = points[((points > low) & (points < high)).all(axis=1)]
        return any(bool(((near > a - clearance) & (near < b + clearance)).all(axis=1).any()) for a, b in self.solids)


def assemble(kind: str, pieces: Sequence[Piece]) -> Thing:
    """One thing of closed pieces; what reaches below the ground is cut level with it."""
    for piece in pieces:
        np.maximum(piece.vertices[:, 2], 0.0, out=piece.vertices[:, 2])
    return join(kind, pieces)


def join(kind: str, pieces: Sequence[Piece]) -> Thing:
    """One thing of closed pieces, anywhere in its own frame."""
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    counts = [len(piece.faces) for piece in pieces]
    solids = np.stack([np.stack([p.vertices.min(axis=0), p.vertices.max(axis=0)]) for p in pieces])
    vertices = np.concatenate([piece.vertices for piece in pieces]).astype(np.float32)
    return Thing(
        kind=kind,
        vertices=vertices,
        faces=np.concatenate([p.faces + s for p, s in zip(pieces, starts, strict=False)]).astype(np.int32),
        materials=Materials(
            position=vertices,
            colours=np.repeat(np.array([p.finish[0] for p in pieces], np.float32), counts, axis=0),
            kind=np.repeat(np.array([MATERIALS.index(p.finish[1]) for p in pieces], np.uint8), counts),
            along=np.repeat((solids[:, 1] - solids[:, 0]).argmax(axis=1).astype(np.uint8), counts),
            piece=np.repeat(np.arange(len(pieces), dtype=np.int32), counts),
        ),
        solids=solids,
    )


def box(low: Point, high: Point, finish: Finish) -> Piece:
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
    return Piece(np.concatenate(vertices), np.concatenate(faces).astype(np.int32), finish)


def _grid_faces(rows: int, columns: int, flip: bool = False) -> Int32[Array, "f 3"]:
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    at = (i * columns + j).ravel()
    faces = np.concatenate(
        [np.stack([at, at + columns, at + columns + 1], 1), np.stack([at, at + columns + 1, at + 1], 1)]
    )
    return (faces[:, ::-1] if flip else faces).astype(np.int32)


def tube(start: Point, end: Point, radius: tuple[float, float], finish: Finish, n: int = 14) -> Piece:
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
    return Piece(vertices, np.concatenate([side, low, high]).astype(np.int32), finish)


def ball(centre: Point, radii: Point, finish: Finish, n: int = 16, turn: Array | None = None) -> Piece:
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
    return Piece(points + np.array(centre), np.concatenate(faces).astype(np.int32), finish)


def ring(centre: Point, radius: float, thick: float, finish: Finish, n: int = 32, m: int = 8) -> Piece:
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
    return Piece(points + np.array(centre), faces.astype(np.int32), finish)


def band(path: Float64[Array, "n 3"], across: Point, width: float, thick: float, finish: Finish) -> Piece:
    """A closed band along a loop that goes round its own middle. across: unit direction in which it is `width` wide."""
    side = np.array(across, np.float64) * (0.5 * width)
    outwards = path - path.mean(axis=0)
    outwards -= np.outer(outwards @ (side / np.linalg.norm(side)), side / np.linalg.norm(side))
    outwards *= thick / np.linalg.norm(outwards, axis=1, keepdims=True)
    n = len(path)
    points = np.stack([path - side, path + side, path + side + outwards, path - side + outwards], axis=1).reshape(-1, 3)
    i, k = (index.ravel() for index in np.meshgrid(np.arange(n), np.arange(4), indexing="ij"))
    p, q = 4 * i + k, 4 * i + (k + 1) % 4
    r, s = 4 * ((i + 1) % n) + k, 4 * ((i + 1) % n) + (k + 1) % 4
    faces = np.concatenate([np.stack([p, q, s], 1), np.stack([p, s, r], 1)])
    a, b, c = (points[faces[:, corner]] - path.mean(axis=0) for corner in range(3))
    if float((np.cross(a, b) * c).sum()) < 0.0:  # the loop went the other way round
        faces = faces[:, ::-1]
    return Piece(points, np.ascontiguousarray(faces, dtype=np.int32), finish)
