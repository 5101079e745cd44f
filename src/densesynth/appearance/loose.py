"""Skirts, dresses and coats below the waist: loose meshes about the legs, as values and as shapes on a posed body.

A skirt is a stack of rings about both legs, from the waist to the hem. Each ring lies in the plane across the mean of
the two legs at one length along them and holds the hull of what the body has there, so that legs never cut it; beyond
the hips it widens by its flare, in folds, hangs where it is free, and lags behind the legs that carry it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from densesynth.appearance.fabric import Fabric, Weave
from densesynth.appearance.outfit import Cloth, Loose, Outfit
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.appearance.sway import lag_behind
from densesynth.arrays import Array, Bool, Float32, Float64, Int32, Int64
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.rotations import matrix_from_vector, unit
from densesynth.geometry.skeleton import JOINT
from densesynth.surface.binding import Binding, FaceIndex, bind_vertices
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.locate import Located

AROUND = 72  # vertices of a ring
SECTORS = 36  # directions in which the body is measured
STEP = 0.03  # metres along the leg between rings
TOP, LOWEST = -0.125, 0.745  # metres along the leg: the first ring, above the hip joint, and the last that may be
HIPS = 0.03  # from here on cloth may stand off
HULL = 0.06  # from here on down there are two legs
FREE = {"skirt": HIPS, "dress": HIPS, "coat": HIPS, "hem": -0.07}  # metres along the leg from where it stands off
CLEAR = {"skirt": 0.007, "dress": 0.007, "coat": 0.013, "hem": 0.006}  # metres over what is below
LONGEST = 0.115  # metres along the leg: the longest hem
DOWN = np.array([0.0, 0.0, -1.0])
LEGS = 0.35  # of the direction of a hem's rings comes from the legs, the rest from the trunk
EMERGE = 0.006  # metres that a hem's first ring lies inside the shirt that it carries on
FULL = 0.035  # metres that a hem stands off at most
TURNED = (0.004, 0.008)  # metres that a hem's edge is turned in, and up
BAND, REACH = 0.016, 0.08  # metres: width of the measure along the leg, and from where it counts nothing
WIDEST = 0.32  # metres from a ring's middle to what it holds of folded limbs
PLAIN = Loose(kind="skirt", length=LOWEST, flare=0.0, folds=9, depth=0.0, opening=0.0)


def rings_of(loose: Loose) -> int:
    """How many rings a garment of that length has."""
    return round((min(loose.length, LOWEST) - TOP) / STEP) + 1


@dataclass(frozen=True, eq=False)
class Dressmaker:
    """Makes loose garments for bodies of the paint's topology. index: of the body that labels are interpolated
    on."""

    paint: Paint
    index: FaceIndex
    _made: dict[tuple[int, float], tuple[Binding, Weave]] = field(default_factory=dict)
    _hems: dict[tuple[int, float], Binding] = field(default_factory=dict)
    _measures: dict[int, _Measure] = field(default_factory=dict)

    def fit(
        self,
        outfit: Outfit,
        dressed: Float32[Array, "v 3"],
        joints: Float32[Array, "52 3"],
        rotations: Float32[Array, "52 3"],
        before: Float32[Array, "k 52 3"],
    ) -> tuple[Mesh, Binding, Fabric]:
        """The outfit's loose garment on a posed body (world, metres) as dressed. before: the pose's rotations at the
        times of `sway.BEFORE`."""
        loose = outfit.loose
        assert loose is not None  # the caller's to know
        count = rings_of(loose)
        lag = sway(joints, rotations, before, count)
        placed = hang(self._measured(count), loose, dressed, lag, count)
        binding, weave = self._make(count, loose.opening)
        cloth = outfit.bottom.cloth if loose.kind == "skirt" else outfit.top.cloth
        fabric = Fabric(weave=weave, cloths=(_whole(cloth),), finish=("woven",), seed=outfit.seed)
        return Mesh(placed.reshape(-1, 3).astype(np.float32), binding.faces), binding, fabric

    def hem(self, loose: Loose, dressed: Float32[Array, "v 3"], pelvis: Float32[Array, "3"]) -> tuple[Mesh, Binding]:
        """The hem of a top (`appearance.hem`) on a posed body as dressed, its edge turned in. pelvis: its rotation."""
        count = rings_of(loose)
        trunk = -matrix_from_vector(pelvis.astype(np.float64))[:, 2]
        placed = hang(self._measured(count), loose, dressed, np.zeros((count, 3)), count, trunk)
        edge, above = placed[-1], placed[-2]
        inwards = unit(placed[-1].mean(axis=0) - edge)
        turned = edge + TURNED[0] * inwards + TURNED[1] * unit(above - edge)
        binding = self._make_hem(count, loose.opening)
        vertices = np.concatenate([placed, turned[None]]).reshape(-1, 3)
        return Mesh(vertices.astype(np.float32), binding.faces), binding

    @cached_property
    def _measure(self) -> _Measure:
        return make_measure(self.paint)

    def _measured(self, count: int) -> _Measure:
        if count not in self._measures:
            self._measures[count] = self._measure.cut(count)
        return self._measures[count]

    @cached_property
    def _whole(self) -> Binding:
        """The binding of all rings, without an opening."""
        return bind_vertices(self._find_below(PLAIN, None), _join(rings_of(PLAIN), 0.0), self.index)

    @cached_property
    def _below_hems(self) -> Located:
        """The body points under the rings of the longest hem."""
        return self._find_below(replace(PLAIN, kind="hem", length=LONGEST), DOWN)

    def _find_below(self, loose: Loose, trunk: Float64[Array, "3"] | None) -> Located:
        """The body points under a garment's rings at rest."""
        count = rings_of(loose)
        placed = hang(self._measured(count), loose, self.index.rest, np.zeros((count, 3)), count, trunk).reshape(-1, 3)
        rows = np.flatnonzero((self.paint.fields[self.paint.faces, FIELDS.index("arm")] < 0.0).all(axis=1))
        facing = vertex_normals(placed, _join(count, 0.0))
        found = closest_points(placed, self.index.rest, self.paint.faces[rows], facing).located
        return found._replace(face=rows[found.face].astype(np.int32))

    def _make(self, count: int, opening: float) -> tuple[Binding, Weave]:
        key = (count, opening)
        if key not in self._made:
            binding = self._whole.part(_kept(count, opening), count * AROUND)
            plain, body = replace(PLAIN, flare=0.25), self.paint.fields[:, :3]
            shape = hang(self._measured(count), plain, body, np.zeros((count, 3)), count).reshape(-1, 3)
            self._made[key] = binding, _weave(shape, binding.faces)
        return self._made[key]

    def _make_hem(self, count: int, opening: float) -> Binding:
        """The binding of `count` rings and of the edge turned in, which is bound as the last ring is."""
        key = (count, opening)
        if key not in self._hems and opening > 0.0:
            self._hems[key] = self._make_hem(count, 0.0).part(_kept(count + 1, opening), (count + 1) * AROUND)
        if key not in self._hems:
            rows = np.arange((count + 1) * AROUND)
            rows[count * AROUND :] -= AROUND
            below = Located(self._below_hems.face[rows], self._below_hems.barycentrics[rows])
            self._hems[key] = bind_vertices(below, _join(count + 1, 0.0), self.index)
        return self._hems[key]


@dataclass(frozen=True, eq=False)
class _Measure:
    """What rings are measured by. rows: the body's vertices from waist to ankle; along: their lengths along the leg;
    sides: mean of the left's and of the right's vertices at each ring."""

    rows: Int32[Array, "n"]
    along: Float64[Array, "n"]
    sides: tuple[csr_array, csr_array]

    def cut(self, count: int) -> _Measure:
        """The measure of the first rings alone."""
        near = np.flatnonzero(self.along < TOP + STEP * (count - 1) + REACH)
        left, right = (csr_array(side[:count].tocsc()[:, near]) for side in self.sides)
        return _Measure(self.rows[near], self.along[near], (left, right))


def make_measure(paint: Paint) -> _Measure:
    """The measure of bodies of the paint's topology."""
    leg, arm = (paint.fields[:, FIELDS.index(name)].astype(np.float64) for name in ("leg", "arm"))
    skin = np.zeros(len(leg), bool)
    skin[paint.faces[paint.category == 0]] = True
    rows = np.flatnonzero(skin & (arm < 0.0) & (leg > TOP - 0.08) & (leg < LOWEST + 0.08) & (paint.fields[:, 2] > 0.06))
    x = paint.fields[rows, 0]
    at = TOP + STEP * np.arange(round((LOWEST - TOP) / STEP) + 1)
    sides = []
    for side in (1.0, -1.0):
        weight = np.exp(-0.5 * ((leg[rows] - at[:, None]) / BAND) ** 2) * (x * side > 0.0)
        weight[weight < 1e-4] = 0.0
        sides.append(csr_array(weight / weight.sum(axis=1, keepdims=True)))
    return _Measure(rows.astype(np.int32), leg[rows], (sides[0], sides[1]))


def hang(
    measure: _Measure,
    loose: Loose,
    dressed: Float32[Array, "v 3"],
    lag: Float64[Array, "r 3"],
    count: int,
    trunk: Float64[Array, "3"] | None = None,
) -> Float64[Array, "r a 3"]:
    """The rings of a loose garment on a body as dressed (metres). lag: how far each ring's free cloth is behind. trunk:
    its direction downwards, for what hangs from it more than from the legs."""
    points = dressed[measure.rows].astype(np.float64)
    left, right = (side @ points for side in measure.sides)
    centre = (left + right) / 2.0
    down = unit(_smooth(np.gradient(left, axis=0)) + _smooth(np.gradient(right, axis=0)))
    down = unit(_smooth(down))
    if trunk is not None:
        down = np.broadcast_to(unit(trunk + LEGS * unit(down[-1] + down[len(down) // 2])), down.shape)
    across = _carry(unit(left[0] - right[0]), down)
    ahead = np.cross(down, across)  # forwards, for a body that stands
    angle = 2.0 * np.pi * np.arange(AROUND) / AROUND
    out = np.cos(angle)[:, None] * across[:, None] + np.sin(angle)[:, None] * ahead[:, None]
    along = TOP + STEP * np.arange(count)

    # What the body has in each direction: where it belongs to the ring, and where limbs fold through its plane.
    ring = np.rint((measure.along - TOP) / STEP).astype(np.int64)
    row = np.arange(len(points))
    below = np.flatnonzero((measure.along > HIPS) & (measure.along < along[-1] + 0.05))
    apart = np.einsum("rnc,rc->rn", points[below] - centre[:, None], down)
    far = np.linalg.norm(points[below] - centre[:, None], axis=2)
    folded = (np.abs(apart) < 0.75 * STEP) & (far < WIDEST) & (along[:, None] > HIPS)
    if loose.kind == "hem":  # on the trunk it must lie over what is in its plane, which lengths aren't level with
        near = np.flatnonzero(measure.along < HIPS + STEP)
        apart = np.einsum("rnc,rc->rn", points[near] - centre[:, None], down)
        level = (np.abs(apart) < 0.55 * STEP) & (along[:, None] <= HIPS)
        ring, row = ring[ring > (HIPS - TOP) / STEP], row[ring > (HIPS - TOP) / STEP]
        ring, row = (np.concatenate([own, more]) for own, more in zip((ring, row), _rows(level, near), strict=True))
    ring, row = (np.concatenate([own, more]) for own, more in zip((ring, row), _rows(folded, below), strict=True))
    inside = (ring >= 0) & (ring < count)
    ring, row = ring[inside], row[inside]
    off = points[row] - centre[ring]
    x, y = np.einsum("nc,nc->n", off, across[ring]), np.einsum("nc,nc->n", off, ahead[ring])
    sector = np.rint(np.arctan2(y, x) * (SECTORS / (2.0 * np.pi))).astype(np.int64) % SECTORS
    held = np.zeros((count, SECTORS))
    np.maximum.at(held, (ring, sector), np.hypot(x, y))
    beside = np.maximum(np.roll(held, 1, axis=1), np.roll(held, -1, axis=1))
    held = np.where(along[:, None] > HIPS, np.maximum(held, beside), np.where(held > 0.0, held, beside))
    finer = np.repeat(held, AROUND // SECTORS, axis=1)
    finer[:, 1::2] = (held + np.roll(held, -1, axis=1)) / 2.0

    # The hull of both legs: a stadium about their middle.
    half = (left - right) / 2.0
    half = half - np.einsum("rc,rc->r", half, down)[:, None] * down
    spread = [
        np.sqrt(np.maximum(side @ (points**2).sum(axis=1) - (middle**2).sum(axis=1), 0.0))
        for side, middle in zip(measure.sides, (left, right), strict=True)
    ]
    hull = _stadium(np.einsum("rac,rc->ra", out, half), (half**2).sum(axis=1)[:, None], np.maximum(*spread)[:, None])
    tight = np.where(along[:, None] > HULL, np.maximum(finer, hull), finer)
    for _ in range(2):
        around = (np.roll(tight, 1, axis=1) + np.roll(tight, -1, axis=1)) / 2.0
        tight = np.maximum(tight, around)
        tight[1:-1] = np.maximum(tight[1:-1], (tight[:-2] + tight[2:]) / 2.0)
    rise = np.clip(0.2 + np.arange(count) / 5.0, 0.0, 1.0)
    if loose.kind == "hem":
        rise = np.clip((np.arange(count) - 1.0) / 2.0, 0.0, 1.0)
        rise[0] = -EMERGE / CLEAR["hem"]
    tight = tight + CLEAR[loose.kind] * rise[:, None]

    # Where rings fan out over a bent knee, cloth between them would cut the corner.
    laid = centre[:, None] + out * tight[..., None]
    gap = 0.3 * np.clip(np.linalg.norm(np.diff(laid, axis=0), axis=2) - STEP, 0.0, 0.1)
    tight[1:] += gap
    tight[:-1] += gap

    # Free cloth: the hips' ring, wider by the flare, in folds, behind by the lag.
    begin = FREE[loose.kind]
    lower = np.maximum(along - begin, 0.0)[:, None]
    first = min(int((begin - TOP) / STEP), count - 1)
    hip = tight[first]
    if loose.kind == "hem":  # it falls from whatever stands out above: the chest, the belly, the seat
        hip = np.concatenate([tight[:first], np.maximum.accumulate(tight[first:], axis=0)])
    fold = 1.0 + loose.depth * np.cos(loose.folds * angle + 1.6 * np.sin(2.0 * angle) + 3.0 * lower)
    free = (hip + loose.flare * lower * fold) * (lower > 0.0) + np.einsum("rac,rc->ra", out, lag)
    excess = np.maximum(free - tight, 0.0)
    if loose.kind == "hem":
        excess = np.minimum(excess, FULL * np.clip(lower / 0.06, 0.0, 1.0))
    # It falls from what it lies on, and hangs below it.
    rising = out[..., 2]
    reach = tight + excess * np.clip(1.0 - np.maximum(rising, 0.0), 0.1, 1.0)
    placed = centre[:, None] + out * reach[..., None]
    placed[..., 2] -= 0.5 * excess * np.maximum(-rising, 0.0)
    return np.asarray(placed)


def sway(
    joints: Float32[Array, "52 3"], rotations: Float32[Array, "52 3"], before: Float32[Array, "k 52 3"], count: int
) -> Float64[Array, "r 3"]:
    """How far free cloth at each ring is behind the legs, metres: a damped pendulum as long as it hangs, carried by the
    legs' middle through the poses at `sway.BEFORE` and now, the pelvis held where it is."""
    now = _leg_middles(joints, rotations, rotations, count)
    path = np.stack([*(_leg_middles(joints, rotations, then, count) for then in before), now])
    length = np.maximum(STEP * np.arange(count) + TOP - HIPS, 0.03)[:, None]
    return lag_behind(path, length, np.clip((length - 0.03) / 0.1, 0.0, 1.0))


def _leg_middles(
    joints: Float32[Array, "52 3"], now: Float32[Array, "52 3"], then: Float32[Array, "52 3"], count: int
) -> Float64[Array, "r 3"]:
    """Middle of the two legs at each ring, the pelvis where it is now and the legs turned as they were then."""
    place = joints.astype(np.float64)
    length = TOP + STEP * np.arange(count)
    total = np.zeros((count, 3))
    for side in ("left", "right"):
        hip, knee, ankle = (JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        turn = [[matrix_from_vector(pose[k].astype(np.float64)) for k in (0, hip, knee)] for pose in (now, then)]
        was = turn[0][0], turn[0][0] @ turn[0][1], turn[0][0] @ turn[0][1] @ turn[0][2]
        new = turn[1][0], turn[1][0] @ turn[1][1], turn[1][0] @ turn[1][1] @ turn[1][2]
        bones = place[hip] - place[0], place[knee] - place[hip], place[ankle] - place[knee]
        moved = [b @ (a.T @ bone) for a, b, bone in zip(was, new, bones, strict=True)]
        at_hip = place[0] + moved[0]
        at_knee = at_hip + moved[1]
        line = np.stack([at_hip - moved[1] * 0.4, at_hip, at_knee, at_knee + moved[2]])
        marks = (-0.156, 0.0, 0.39, 0.79)
        total += np.stack([np.interp(length, marks, line[:, k]) for k in range(3)], axis=1)
    return total / 2.0


def _rows(folded: Bool[Array, "r m"], below: Int64[Array, "m"]) -> tuple[Int64[Array, "k"], Int64[Array, "k"]]:
    """Ring and row of each vertex in a ring's plane."""
    ring, column = np.nonzero(folded)
    return ring, below[column]


def _stadium(along: Float64[Array, "r a"], half2: Float64[Array, "r 1"], radius: Float64[Array, "r 1"]) -> Array:
    """How far the hull of two discs at ±h reaches in directions whose product with h is `along`. half2: |h|²."""
    towards = np.abs(along)
    cap = towards + np.sqrt(np.maximum(radius**2 - np.maximum(half2 - along**2, 0.0), 0.0))
    size = np.sqrt(np.maximum(half2, 1e-12))
    cosine = np.minimum(towards / size, 1.0)
    sine = np.sqrt(np.maximum(1.0 - cosine**2, 1e-9))
    flank = radius / sine
    return np.where(flank * cosine <= size, flank, cap)


def _carry(first: Float64[Array, "3"], down: Float64[Array, "r 3"]) -> Float64[Array, "r 3"]:
    """A direction carried from ring to ring, across each."""
    carried = np.empty_like(down)
    for k, axis in enumerate(down):
        first = unit(first - (first @ axis) * axis)
        carried[k] = first
    return carried


def _smooth(rows: Float64[Array, "r 3"]) -> Float64[Array, "r 3"]:
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    return (padded[:-2] + 2.0 * padded[1:-1] + padded[2:]) / 4.0


def _join(count: int, opening: float) -> Int32[Array, "g 3"]:
    """Triangles between rings, outside outwards; without those within `opening` radians of the front's middle."""
    ring, step = np.meshgrid(np.arange(count - 1), np.arange(AROUND), indexing="ij")
    a = (ring * AROUND + step).ravel()
    b = (ring * AROUND + (step + 1) % AROUND).ravel()
    faces = np.stack([np.stack([a, b, b + AROUND], axis=1), np.stack([a, b + AROUND, a + AROUND], axis=1)], axis=1)
    return np.asarray(faces.reshape(-1, 3)[_kept(count, opening)], np.int32)


def _kept(count: int, opening: float) -> Int64[Array, "g"]:
    """Which of the triangles between all rings a garment of so many has, with that opening."""
    middle = 2.0 * np.pi * (np.arange((count - 1) * AROUND) % AROUND + 0.5) / AROUND
    return np.flatnonzero(np.repeat(np.abs(middle - np.pi / 2.0) >= opening, 2))


def _weave(shape: Float64[Array, "n 3"], faces: Int32[Array, "g 3"]) -> Weave:
    """Fabric as cut flat: around by the angle, down by the length."""
    step = faces % AROUND
    # Across the seam the last step is followed by one more, not by the first.
    step = np.where((step == 0) & (step.max(axis=1, keepdims=True) == AROUND - 1), AROUND, step)
    across = np.stack([step * (1.2 / AROUND), 2.0 - faces // AROUND * STEP], axis=2)
    piece = np.zeros(len(faces), np.int32)
    return Weave(position=shape.astype(np.float32), across=across.astype(np.float32), piece=piece)


def _whole(cloth: Cloth) -> Cloth:
    return replace(cloth, pattern="plain") if cloth.pattern in ("logo", "block") else cloth


def draw_loose(outfit: Outfit, sex: float, rng: np.random.Generator) -> Outfit:
    """Some outfits with a skirt, a dress or a coat for what they had; sex: 0 male .. 1 female. Always the same number
    of draws."""
    chance, length, flare, folds, depth, open_front, long = rng.random(7)
    if outfit.top.kind == "jacket":
        if chance >= 0.45:
            return outfit
        top = replace(outfit.top, hem=0.9, tucked=False)
        opening = 0.5 if outfit.top.opening > 0.0 else 0.09 if open_front < 0.5 else 0.0
        coat = Loose(
            kind="coat",
            length=0.12 + 0.42 * length,
            flare=0.1 + 0.15 * flare,
            folds=5,
            depth=0.2 * depth,
            opening=opening,
        )
        return replace(outfit, top=top, loose=coat)
    female = sex > 0.5
    if chance >= (0.45 if female else 0.015):
        return outfit
    kind = "dress" if female and chance < 0.2 else "skirt"
    pencil = flare < 0.2
    loose = Loose(
        kind="dress" if kind == "dress" else "skirt",
        length=0.16 + 0.32 * length if long < 0.75 else 0.5 + 0.22 * length,
        flare=0.02 if pencil else 0.1 + 0.3 * flare,
        folds=7 + int(4.0 * folds),
        depth=0.05 if pencil else 0.15 + 0.4 * depth,
        opening=0.0,
    )
    bottom = replace(outfit.bottom, kind="leggings", hem=0.11, belt=0.0, side_stripe=0.0)
    if kind == "dress":
        bottom = replace(bottom, cloth=_whole(outfit.top.cloth))
    top = replace(outfit.top, tucked=True, hem=min(outfit.top.hem, 0.9))
    return replace(outfit, top=top, bottom=bottom, loose=loose)
