"""Shoes as meshes: a sole and an upper shaped over the mean adult's foot, laid onto every other foot.

A shoe is a stack of closed loops: the sole's outline (the foot's convex outline seen from above), its edge, the upper
from there over the foot, and the collar around the leg. Similarities of heel, toes and shank lay it onto a posed body,
blended, so that it bends at the ball and at the ankle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from itertools import chain
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

from densesynth.appearance.outfit import Outfit
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.arrays import Array, Bool, Float32, Float64, Int32, Int64
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.similarity import Landmarks, find_similarities, make_landmarks
from densesynth.surface.binding import Binding, FaceIndex, bind_vertices
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.locate import Located

AROUND = 56  # vertices of a loop
RISE = 14  # loops of the upper
WELT, SOLE = 0.003, 0.019  # metres: how far the sole stands out, and how thick it is
ROOM = 0.006  # metres between foot and upper
SMOOTHING = 4
LASTS = 4  # of each foot: the whole's, the heel's, the toes' and the shank's


class Shoe(NamedTuple):
    """One shoe of the mean adult: vertices (metres, at rest), its binding, and how much of each vertex goes with the
    heel, the toes and the shank (rows sum to 1)."""

    vertices: Float64[Array, "n 3"]
    binding: Binding
    share: Float64[Array, "n 3"]


@dataclass(frozen=True, eq=False)
class Shoemaker:
    """Makes and lays on shoes for bodies of the paint's topology. index: of the body that labels are
    interpolated on (`Atlas.rest_position`)."""

    paint: Paint
    index: FaceIndex
    _made: dict[tuple[int, bool], Shoe] = field(default_factory=dict)
    _hidden: dict[int, Int32[Array, "f 3"]] = field(default_factory=dict)

    def fit(self, body: Float32[Array, "v 3"], outfit: Outfit) -> list[tuple[Mesh, Binding]]:
        """The left and right shoe on a posed body (world, metres; bare feet)."""
        fitted = []
        lasts = self._lasts
        scales, turns, middles = find_similarities(lasts, [body[last.rows] for last in lasts])
        for foot, left in enumerate((True, False)):
            shoe = self._shoe(int(outfit.footwear.top * 100.0), left)
            first = foot * LASTS
            scale = float(scales[first])
            placed = np.zeros_like(shoe.vertices)
            for part in range(1, LASTS):
                k = first + part
                shift = middles[k] - scale * turns[k] @ lasts[k].middle
                placed += shoe.share[:, part - 1, None] * (scale * shoe.vertices @ turns[k].T + shift)
            fitted.append((Mesh(placed.astype(np.float32), shoe.binding.faces), shoe.binding))
        return fitted

    def hide(self, outfit: Outfit) -> Int32[Array, "f 3"]:
        """The body's faces, those well inside the shoes shrunk to a point, so that nothing pokes through."""
        collar = int(outfit.footwear.top * 100.0)
        if collar not in self._hidden:
            faces = self.paint.faces.copy()
            inside = self.paint.fields[:, 2] < collar / 100.0 - 0.016
            faces[inside[faces].all(axis=1)] = 0
            self._hidden[collar] = faces
        return self._hidden[collar]

    def _shoe(self, collar: int, left: bool) -> Shoe:
        key = (collar, left)
        if key not in self._made:
            self._made[key] = make_shoe(self._legs[left], self.index, collar / 100.0, self._bound.get(key))
        return self._made[key]

    @cached_property
    def _legs(self) -> dict[bool, Leg]:
        return {left: find_leg(self.paint, left) for left in (True, False)}

    @cached_property
    def _lasts(self) -> tuple[Landmarks, ...]:
        """Of the left foot and then of the right, the whole's and its regions'."""
        position = self.paint.fields[:, :3].astype(np.float64)
        rows = [rows for leg in self._legs.values() for rows in (np.concatenate(leg.regions), *leg.regions)]
        return tuple(make_landmarks(position, some) for some in rows)

    @cached_property
    def _bound(self) -> dict[tuple[int, bool], Located]:
        return load_bound(len(self.paint.fields))


def load_bound(body_vertices: int) -> dict[tuple[int, bool], Located]:
    """What the shoes of the outfits' heights (cm; left?) are bound to, as tools/make_shoe_bindings.py found it: that
    takes most of a shoe's making. Nothing for another body than Anny, told by its number of vertices."""
    source = resources.files("densesynth.appearance") / "data" / "anny_shoes.npz"
    with source.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        if int(archive["body_vertices"]) != body_vertices:
            return {}
        collars, faces, weights = (archive[name] for name in ("collar", "face", "weights"))
    return {
        (int(collar), left): Located(faces[row, side].astype(np.int32), weights[row, side])
        for row, collar in enumerate(collars)
        for side, left in enumerate((True, False))
    }


class Leg(NamedTuple):
    """One leg of the mean adult, as if it were the left. side: 1 for the left, −1. skin: of the paint's vertices, the
    leg's. foot: the places of those below the calf, metres. regions: heel's, toes' and shank's vertices."""

    paint: Paint
    side: float
    skin: Bool[Array, "v"]
    foot: Float64[Array, "n 3"]
    regions: tuple[Int64[Array, "_"], Int64[Array, "_"], Int64[Array, "_"]]


def find_leg(paint: Paint, left: bool) -> Leg:
    """The left or the right leg of the paint's body."""
    side = 1.0 if left else -1.0
    position = paint.fields[:, :3].astype(np.float64) * (side, 1.0, 1.0)
    skin = np.zeros(len(position), bool)
    skin[paint.faces[paint.category == 0]] = True
    leg = skin & (position[:, 0] > 0.0) & (paint.fields[:, FIELDS.index("arm")] < 0.0) & (position[:, 2] < 0.5)
    regions = (
        np.flatnonzero(leg & (position[:, 2] < 0.09) & (position[:, 1] > -0.08)),
        np.flatnonzero(leg & (position[:, 2] < 0.09) & (position[:, 1] < -0.105)),
        np.flatnonzero(leg & (position[:, 2] > 0.09) & (position[:, 2] < 0.25)),
    )
    return Leg(paint, side, leg, position[leg & (position[:, 2] < 0.3)], regions)


def make_shoe(leg: Leg, index: FaceIndex, collar: float, bound: Located | None = None) -> Shoe:
    """One shoe whose collar is at a height (metres) on the mean adult. index: of the body that labels are interpolated
    on. bound: the body points of its vertices, if they are known."""
    paint, left = leg.paint, leg.side > 0.0
    loops = _shape(leg.foot, collar)
    vertices = loops.reshape(-1, 3) * (leg.side, 1.0, 1.0)
    faces = _join(len(loops), flip=not left)
    centre = np.array([vertices[:AROUND].mean(axis=0)])
    vertices = np.concatenate([vertices, centre])
    corner = np.arange(AROUND)
    cap = np.stack([np.full(AROUND, len(vertices) - 1), (corner + 1) % AROUND, corner], axis=1)
    faces = np.concatenate([faces, cap if left else cap[:, ::-1]]).astype(np.int32)
    if bound is None:
        leg_faces = np.flatnonzero(leg.skin[paint.faces].all(axis=1))
        facing = vertex_normals(vertices, faces)
        found = closest_points(vertices, paint.fields[:, :3], paint.faces[leg_faces], facing).located
        bound = found._replace(face=leg_faces[found.face].astype(np.int32))
    y, z = vertices[:, 1], vertices[:, 2]
    shank = np.clip((z - 0.07) / 0.05, 0.0, 1.0)
    toes = np.clip((-0.075 - y) / 0.035, 0.0, 1.0) * (1.0 - shank)
    share = np.stack([1.0 - shank - toes, toes, shank], axis=1)
    return Shoe(vertices, bind_vertices(bound, faces, index), share)


def _shape(foot: Float64[Array, "n 3"], collar: float) -> Float64[Array, "l a 3"]:
    """The loops, from the sole's underside to inside the collar, of the left shoe."""
    low = foot[foot[:, 2] < 0.055]
    outline = _even(cv2.convexHull(low[:, :2].astype(np.float32))[:, 0].astype(np.float64))
    middle = outline.mean(axis=0)
    outward = outline - middle
    toe = np.clip((-0.08 - outline[:, 1]) / 0.04, 0.0, 1.0)[:, None]
    outline = outline + outward / np.linalg.norm(outward, axis=1, keepdims=True) * (ROOM + 0.006 * toe)
    # The mesh is coarse along the shank: a ring of vertices every 2.5 cm.
    ring_at = foot[np.abs(foot[:, 2] - collar) < (0.012 if collar < 0.1 else 0.028)]
    ring_at = ring_at[ring_at[:, 1] > -0.09]
    centre = (ring_at[:, :2].min(axis=0) + ring_at[:, :2].max(axis=0)) / 2.0
    radius = (ring_at[:, :2].max(axis=0) - ring_at[:, :2].min(axis=0)) / 2.0 + ROOM
    # A loop starts at the heel and goes round evenly; so does the collar.
    angle = 2.0 * np.pi * np.arange(AROUND) / AROUND
    ring = centre + radius * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    tree = cKDTree(foot[:, :2])
    upper = []
    for j in range(RISE + 1):
        t = j / RISE
        plan = outline + (ring - outline) * t
        height = SOLE * 0.8 + (collar - SOLE * 0.8) * (0.35 * t + 0.65 * t * t)
        top = _highest(tree, foot[:, 2], plan)
        wall = 0.03 * np.sqrt(1.0 - (1.0 - min(t / 0.22, 1.0)) ** 2)  # the side rises before it leans in
        z = np.maximum(np.maximum(height, SOLE * 0.8 + wall * min(1.0, collar / 0.06)), np.minimum(top + ROOM, collar))
        upper.append(np.column_stack([plan, np.minimum(z, collar)]))
    rows = np.array(upper)
    for _ in range(SMOOTHING):
        mean = (rows[:-2, :] + rows[2:, :] + np.roll(rows, 1, axis=1)[1:-1] + np.roll(rows, -1, axis=1)[1:-1]) / 4.0
        rows[1:-1] = np.concatenate([rows[1:-1, :, :2], np.maximum(mean[..., 2:], rows[1:-1, :, 2:] - 0.002)], axis=2)
    wide = outline + outward / np.linalg.norm(outward, axis=1, keepdims=True) * WELT
    under = [np.column_stack([wide, np.full(AROUND, z)]) for z in (-0.001, SOLE * 0.5, SOLE)]
    inside = np.column_stack([centre + (ring - centre) * 0.88, np.full(AROUND, collar - 0.012)])
    return np.concatenate([under, rows, inside[None]])


def _highest(tree: cKDTree, height: Float64[Array, "n"], plan: Float64[Array, "a 2"]) -> Float64[Array, "a"]:
    """Height of the highest of the tree's points within 9 mm of each place in the plan; 0 where there is none."""
    near = tree.query_ball_point(plan, 0.009)
    counts = np.array([len(rows) for rows in near])
    some = counts > 0
    top = np.zeros(len(plan))
    if some.any():
        listed = np.fromiter(chain.from_iterable(near), np.intp, counts.sum())
        top[some] = np.maximum.reduceat(height[listed], (np.cumsum(counts) - counts)[some])
    return top


def _even(hull: Float64[Array, "h 2"]) -> Float64[Array, "a 2"]:
    """A closed outline as AROUND points at equal distances, from its rearmost (largest y), towards the left (x)."""
    if np.cross(hull[1] - hull[0], hull[2] - hull[1]) > 0.0:
        hull = hull[::-1]
    hull = np.roll(hull, -int(hull[:, 1].argmax()), axis=0)
    closed = np.concatenate([hull, hull[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], AROUND, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, k]) for k in range(2)], axis=1)


def _join(loops: int, flip: bool) -> Int32[Array, "f 3"]:
    """Triangles between loops of AROUND vertices each."""
    a = (np.arange(loops - 1)[:, None] * AROUND + np.arange(AROUND)).ravel()
    b = (np.arange(loops - 1)[:, None] * AROUND + (np.arange(AROUND) + 1) % AROUND).ravel()
    faces = np.concatenate([np.stack([a, b + AROUND, b], axis=1), np.stack([a, a + AROUND, b + AROUND], axis=1)])
    return (faces if not flip else faces[:, ::-1]).astype(np.int32)
