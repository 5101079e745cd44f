"""Shapes of long hair: combed over the skull from a parting and hanging, tied into a tail, or wound into a bun.

What lies on the skull follows it from the parting to the ears in great circles. What hangs is laid strand by strand and
step by step: down, along whatever it meets (neck, shoulders, back, chest), behind the head that carries it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from densesynth.appearance.outfit import Tresses
from densesynth.appearance.skull import CENTRE, Head, Skull
from densesynth.arrays import Array, Float32, Float64, Int32, Int64
from densesynth.geometry.rotations import unit

STRANDS = 72  # columns of a head of loose hair
SKULL = 11  # rows from the parting to the ears
STEP = 0.022  # metres between the rows that hang
LONGEST = 20  # rows that may hang
AROUND = 16  # vertices about a tail
EARS = 1.497  # metres: height from where loose hair hangs
FRONT, CROWN = np.array([0.0, -0.118, 1.598]), np.array([0.0, 0.012, 1.628])  # ends of the parting
FAN = 112.0  # degrees from straight ahead from where hair comes from the crown
CLEAR = 0.007  # metres between hair that hangs and what it lies on
TURNED = 0.012  # metres that the edges at the face are turned in
BUNS = 12  # rows of a bun, as many around as STRANDS / 3
HAIR, INSIDE, TIE = 0, 1, 2  # pieces of the fabric

PLAIN = Tresses(
    kind="loose", length=0.3, front=68.0, aside=0.0, volume=0.015, wave=0.0, forward=95.0, high=0.75,
    tie=(0.0, 0.0, 0.0),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shape:
    """Faces, what the fabric needs of each corner (metres across and along), and the piece of each face."""

    faces: Int32[Array, "g 3"]
    across: Float32[Array, "g 3 2"]
    piece: Int32[Array, "g"]


@dataclass(frozen=True, eq=False)
class Obstacle:
    """What hair falls on: points with outward normals."""

    tree: cKDTree
    points: Float64[Array, "n 3"]
    normals: Float64[Array, "n 3"]

    def push(
        self, places: Float64[Array, "k 3"], clear: float | Array
    ) -> tuple[Float64[Array, "k 3"], Float64[Array, "k 3"], Array]:
        """Places moved out to `clear` metres over what is nearest; its normals; how high they were."""
        near = self.tree.query(places)[1]
        normal = self.normals[near]
        height = np.einsum("kc,kc->k", places - self.points[near], normal)
        beside = np.linalg.norm(places - self.points[near], axis=1) < 0.07
        out = np.where(beside, np.clip(clear - height, 0.0, 0.03), 0.0)
        return places + normal * out[:, None], normal, np.where(beside, height, 1.0)


def rows_of(tresses: Tresses) -> int:
    """How many rows hang."""
    return int(np.clip(round(tresses.length / STEP), 3, LONGEST))


def comb(skull: Skull, tresses: Tresses) -> Float64[Array, "s k 3"]:
    """Loose hair on the mean skull at rest: rows from the parting to the ears, columns from one edge at the face around
    the back to the other."""
    side = np.linspace(tresses.front, 360.0 - tresses.front, STRANDS)
    angle = np.minimum(side, 360.0 - side)  # from straight ahead
    left = np.where(side < 180.0, 1.0, -1.0)
    t = np.clip((angle - tresses.front) / (FAN - tresses.front), 0.0, 1.0)[:, None]
    root = FRONT + (CROWN - FRONT) * t + np.array([tresses.aside, 0.0, 0.0]) * (1.0 - t)
    start = unit(root - CENTRE)
    turned = np.radians(angle)
    flat = np.stack([left * np.sin(turned), -np.cos(turned), np.zeros(STRANDS)], axis=1)
    drop = (EARS - CENTRE[2]) / 0.085
    end = unit(flat + np.array([0.0, 0.0, drop]))
    share = np.linspace(0.0, 1.0, SKULL)[:, None, None]
    between = np.arccos(np.clip((start * end).sum(axis=1), -1.0, 1.0))[None, :, None]
    way = (np.sin((1.0 - share) * between) * start + np.sin(share * between) * end) / np.sin(between)
    way = unit(way)
    lift = 0.004 + (tresses.volume - 0.004) * np.clip(share / 0.35, 0.0, 1.0) ** 0.7
    far = skull.radius(way.reshape(-1, 3)).reshape(SKULL, STRANDS, 1) + lift
    return np.asarray(CENTRE + way * far)


def lay_curtain(
    tresses: Tresses,
    skull: Float64[Array, "s k 3"],
    head: Head,
    obstacle: Obstacle,
    lag: Float64[Array, "r 3"],
    rows: int,
    rng: np.random.Generator,
) -> Float64[Array, "n 3"]:
    """Loose hair on a posed body: rows on the skull, rows that hang, and the edges turned in."""
    side = np.linspace(tresses.front, 360.0 - tresses.front, STRANDS)
    angle = np.minimum(side, 360.0 - side)
    lock = np.cumsum((rng.random(STRANDS) < 0.28).astype(np.int64))
    lock -= lock[0]
    members = np.bincount(lock)
    stand, phase, longer = (rng.uniform(0.0, 1.0, len(members))[lock][:, None] for _ in range(3))
    down = np.array([0.0, 0.0, -1.0])
    right, back, up = head.turn.T  # the mean head's axes: x to the left, y backwards, z up
    inner = head.carry(CENTRE[None], None)[0]
    outward = unit(skull[-1] - inner)
    skull = skull + 0.0035 * np.linspace(0.0, 1.0, SKULL)[:, None, None] * stand * outward
    place, way = skull[-1], unit(skull[-1] - skull[-2])
    # Hair that would fall on the shoulders goes behind or before them.
    ahead = angle < tresses.forward
    gather = np.where(ahead, 0.55, -0.75 * np.clip((150.0 - angle) / 60.0, 0.0, 1.0))[:, None] * -back
    gather = gather - 0.35 * np.clip((150.0 - angle) / 60.0, 0.0, 1.0)[:, None] * (outward @ right)[:, None] * right
    gather = gather * np.clip((tresses.length - 0.09) / 0.05, 0.0, 1.0) * max(float(up[2]), 0.0) ** 2
    step = tresses.length / rows * (0.9 + 0.14 * longer + 0.02 * rng.uniform(-1.0, 1.0, (STRANDS, 1)))
    clear = CLEAR + 0.006 * np.linspace(0.0, 1.0, rows)
    hung = []
    normal, height = np.zeros_like(place), np.full(STRANDS, 1.0)
    was = np.zeros(3)
    for k in range(rows):
        pull = down + gather * (1.0 if 1 <= k <= 5 else 0.25)
        way = unit(0.5 * way + 0.5 * unit(pull))
        touching = (height < clear[k] + 0.004)[:, None]
        into = np.minimum((way * normal).sum(axis=1, keepdims=True), 0.0)
        slide = way - into * normal
        flat = gather - (gather * normal).sum(axis=1, keepdims=True) * normal
        way = np.where(touching, unit(slide + 1.2 * flat * np.clip(normal @ up, 0.0, 1.0)[:, None]), way)
        place = place + step * way + (lag[k] - was)
        was = lag[k]
        place, normal, height = obstacle.push(place, clear[k])
        hung.append(place)
    fall = np.array(hung)
    share = np.linspace(0.0, 1.0, rows)[:, None, None]
    along = (np.arange(rows) * STEP)[:, None, None]
    middle = np.add.reduceat(fall, np.cumsum([0, *members[:-1]]), axis=1) / members[:, None]
    fall = fall + 0.3 * share * (middle[:, lock] - fall)
    turns = np.sin(along * (6.2832 / 0.09) + 2.2 * phase)
    wave = tresses.wave * 0.5 * (1.0 + turns) * np.clip(along / 0.06, 0.0, 1.0)
    fall = fall + outward * (0.0035 + 0.007 * share * stand + wave)
    fall = obstacle.push(fall.reshape(-1, 3), CLEAR)[0].reshape(fall.shape)
    whole = np.concatenate([skull, fall])
    inwards = unit(inner - whole)
    edges = whole[:, [0, -1]] + TURNED * inwards[:, [0, -1]] + 0.5 * TURNED * back
    edges[0] = whole[0, [0, -1]]
    return np.concatenate([whole, edges], axis=1).reshape(-1, 3)


def shape_curtain(rows: int) -> Shape:
    """What `lay_curtain` lays: each row is STRANDS columns and after them the two edges turned in."""
    wide = STRANDS + 2
    order = np.array([STRANDS, *range(STRANDS), STRANDS + 1])
    count = SKULL + rows
    faces, across = _grid(count, order, wide)
    metres = np.stack([0.008 * (across[..., 0] + 1.0), STEP * (across[..., 1] + 1.0)], axis=2)
    edge = (faces % wide >= STRANDS).any(axis=1)
    return Shape(faces, metres.astype(np.float32), np.where(edge, INSIDE, HAIR).astype(np.int32))


def lay_tail(
    skull: Skull, tresses: Tresses, head: Head, obstacle: Obstacle, lag: Float64[Array, "r 3"], rows: int
) -> Float64[Array, "n 3"]:
    """A tail: rings about a line that falls from the tie; the first two are the tie."""
    start, out = _tie(skull, tresses)
    base = head.carry(start[None], None)[0]
    way = head.turn @ out
    place, line = base, []
    step = tresses.length / rows
    was = np.zeros(3)
    for k in range(rows):
        way = unit(0.6 * way + 0.4 * np.array([0.0, 0.0, -1.0]))
        place = place + step * way + (lag[k] - was)
        was = lag[k]
        moved, normal, height = obstacle.push(place[None], _thick(np.array((k + 1.0) / rows)) + 0.004)
        if height[0] < 0.05:
            way = unit(way - min(float(way @ normal[0]), 0.0) * normal[0])
        place = moved[0]
        line.append(place)
    centre = np.concatenate([[base - 0.012 * (head.turn @ out), base + 0.001 * (head.turn @ out)], line])
    ahead = unit(np.gradient(centre, axis=0))
    across = unit(np.broadcast_to(head.turn[:, 0], ahead.shape) - (ahead @ head.turn[:, 0])[:, None] * ahead)
    up = np.cross(ahead, across)
    size = np.concatenate([[0.015, 0.0145], _thick(np.arange(1, rows + 1) / rows)])
    angle = 2.0 * np.pi * np.arange(AROUND) / AROUND
    wide = np.concatenate([[1.0, 1.0], np.full(rows, 1.25)])
    ring = (
        np.cos(angle)[None, :, None] * across[:, None] * wide[:, None, None]
        + np.sin(angle)[None, :, None] * up[:, None] / wide[:, None, None]
    )
    ribs = 1.0 + 0.08 * np.cos(5.0 * angle + 1.0)
    return np.asarray((centre[:, None] + size[:, None, None] * ring * ribs[None, :, None]).reshape(-1, 3))


def _thick(share: Array) -> Array:
    """Half the width of a tail, metres, from its tie (0) to its end (1)."""
    return np.asarray(0.014 + 0.014 * np.sin(np.pi * np.clip(share, 0.0, 1.0) ** 0.6) - 0.006 * share**4)


def shape_tail(rows: int) -> Shape:
    """What `lay_tail` lays: rings of AROUND vertices, the first two the tie."""
    faces, across = _grid(rows + 2, np.append(np.arange(AROUND), 0), AROUND)
    metres = np.stack([0.011 * (across[..., 0] + 1.0), STEP * (across[..., 1] + 1.0)], axis=2)
    piece = np.zeros(len(faces), np.int32)
    piece[: 2 * AROUND] = TIE
    return Shape(faces[:, ::-1].copy(), metres[:, ::-1].astype(np.float32).copy(), piece)


def _tie(skull: Skull, tresses: Tresses) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    """Where hair is tied on the mean head, and the direction outwards there."""
    out = np.array([0.0, *tresses.tied_towards])
    return CENTRE + out * (float(skull.radius(out[None])[0]) + 0.016), out


def lay_bun(skull: Skull, tresses: Tresses) -> Float64[Array, "n 3"]:
    """A bun on the mean head: a flattened ball wound about the direction outwards."""
    start, out = _tie(skull, tresses)
    size = 0.033 + 0.6 * tresses.volume
    middle = start + out * (0.3 * size)
    across = np.array([1.0, 0.0, 0.0])
    up = np.cross(across, out)
    around = STRANDS // 3
    polar = np.pi * (np.arange(BUNS) + 0.5) / BUNS
    angle = 2.0 * np.pi * np.arange(around) / around
    twist = angle[None, :] + 1.5 * polar[:, None]
    lobes = 1.0 + 0.07 * np.cos(3.0 * twist + 2.0 * polar[:, None])
    ring = np.sin(polar)[:, None] * lobes
    local = (
        (0.72 * np.cos(polar))[:, None, None] * out
        + (ring * np.cos(angle))[..., None] * across
        + (ring * np.sin(angle))[..., None] * up
    )
    top, bottom = 0.72 * out, -0.72 * out
    return np.asarray(
        np.concatenate([middle + size * local.reshape(-1, 3), [middle + size * top, middle + size * bottom]])
    )


def shape_bun() -> Shape:
    """What `lay_bun` lays: BUNS rings and the two ends."""
    around = STRANDS // 3
    ball, across = _grid(BUNS, np.append(np.arange(around), 0), around)
    top = BUNS * around
    step = np.arange(around)
    caps = np.concatenate(
        [
            np.stack([np.full(around, top), step, (step + 1) % around], axis=1),
            np.stack(
                [np.full(around, top + 1), (BUNS - 1) * around + (step + 1) % around, (BUNS - 1) * around + step],
                axis=1,
            ),
        ]
    )
    # Hair is wound around: along is the angle, across is from the middle outwards.
    metres = np.stack([0.009 * (across[..., 1] + 1.0), 0.01 * (across[..., 0] + 1.0)], axis=2)
    flat = np.zeros((len(caps), 3, 2)) + 0.01
    flat[:, 1:, 1] += 0.01 * (np.tile(step, 2)[:, None] + np.arange(2))
    faces = np.concatenate([ball[:, ::-1], caps]).astype(np.int32)
    metres = np.concatenate([metres[:, ::-1], flat])
    return Shape(faces.astype(np.int32), metres.astype(np.float32), np.zeros(len(faces), np.int32))


def _grid(count: int, order: Int64[Array, "w"], wide: int) -> tuple[Int32[Array, "g 3"], Float64[Array, "g 3 2"]]:
    """Triangles between rows of `wide` vertices taken in an order, and each corner's column and row."""
    row, column = (axis.ravel() for axis in np.meshgrid(np.arange(count - 1), np.arange(len(order) - 1), indexing="ij"))
    corners = [(row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1)]
    index = [order[c] + wide * r for r, c in corners]
    place = [np.stack([c, r], axis=1).astype(np.float64) for r, c in corners]
    pick = ((0, 1, 2), (0, 2, 3))
    faces = np.stack([np.stack([index[k] for k in three], axis=1) for three in pick], axis=1).reshape(-1, 3)
    across = np.stack([np.stack([place[k] for k in three], axis=1) for three in pick], axis=1).reshape(-1, 3, 2)
    return faces.astype(np.int32), across
