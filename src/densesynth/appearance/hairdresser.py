"""Long hair as loose meshes: combed over the skull from a parting, or tied into a tail or a bun.

What lies on the skull follows it from the parting to the ears in great circles, and every head by the similarity of its
scalp and the scalp's own differences from that. What hangs is laid strand by strand and step by step: down, along
whatever it meets (neck, shoulders, back, chest), behind the head that carries it. Everything is bound to the body
points that it lies over when its wearer stands at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from densesynth.appearance.colour import as_colour
from densesynth.appearance.fabric import Fabric, Weave
from densesynth.appearance.loose import FARTHEST, trail
from densesynth.appearance.outfit import Cloth, Outfit, Tresses
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.appearance.shoes import Last, find_similarities, make_last
from densesynth.arrays import Array, Float32, Float64, Int32, Int64
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import JOINT
from densesynth.surface.binding import Binding, FaceIndex, bind_vertices, index_faces
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.locate import Located

STRANDS = 72  # columns of a head of loose hair
SKULL = 11  # rows from the parting to the ears
STEP = 0.022  # metres between the rows that hang
LONGEST = 20  # rows that may hang
AROUND = 16  # vertices about a tail
CENTRE = np.array([0.0, -0.035, 1.53])  # of the mean adult's skull, metres, at rest
EARS = 1.497  # metres: height from where loose hair hangs
FRONT, CROWN = np.array([0.0, -0.118, 1.598]), np.array([0.0, 0.012, 1.628])  # ends of the parting
FAN = 112.0  # degrees from straight ahead from where hair comes from the crown
AZIMUTHS, POLARS = 120, 61  # of the table of a skull's radius
CLEAR = 0.007  # metres between hair that hangs and what it lies on
TURNED = 0.012  # metres that the edges at the face are turned in
BUNS = 12  # rows of a bun, as many around as STRANDS / 3
LIGHTER = 1.15  # hair as a mesh lies in more of its own shade than the painted one
HAIR, INSIDE, TIE = 0, 1, 2  # pieces of the fabric
SPINE = tuple(JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head"))

PLAIN = Tresses(
    kind="loose", length=0.3, front=68.0, aside=0.0, volume=0.015, wave=0.0, forward=95.0, high=0.75,
    tie=(0.0, 0.0, 0.0),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Hairdresser:
    """Makes long hair for bodies of the paint's topology. rest: the body that labels are interpolated on."""

    paint: Paint
    rest: Float32[Array, "v 3"]
    _bound: dict[tuple[str, bool], Binding] = field(default_factory=dict)
    _parts: dict[tuple[str, bool, int], Binding] = field(default_factory=dict)

    def fit(
        self,
        outfit: Outfit,
        bare: Float32[Array, "v 3"],
        dressed: Float32[Array, "v 3"],
        joints: Float32[Array, "52 3"],
        rotations: Float32[Array, "52 3"],
        before: Float32[Array, "k 52 3"] | None,
    ) -> tuple[Mesh, Binding, Fabric]:
        """The outfit's long hair on a posed body (world, metres), bare and as dressed. before: the pose's rotations at
        the times of `loose.BEFORE`; None hangs still."""
        tresses = outfit.tresses
        assert tresses is not None  # the caller's to know
        lag = np.zeros((LONGEST, 3))
        if before is not None and tresses.kind != "bun":
            lag = _sway(joints, rotations, before)
        vertices, shape = self._lay(tresses, bare, dressed, lag, outfit.seed)
        faces = shape.faces
        binding = self._bind_part(tresses, len(faces), len(vertices))
        return Mesh(vertices.astype(np.float32), faces), binding, self._colour(outfit, shape, vertices)

    def _colour(self, outfit: Outfit, shape: _Shape, vertices: Float64[Array, "n 3"]) -> Fabric:
        assert outfit.tresses is not None
        colour = as_colour(LIGHTER * np.array(outfit.hair.colour))
        hair = Cloth(colour=colour, second=colour, pattern="plain", scale=0.05, roughness=0.45)
        tie = Cloth(colour=outfit.tresses.tie, second=outfit.tresses.tie, pattern="plain", scale=0.02, roughness=0.8)
        weave = Weave(position=vertices.astype(np.float32), across=shape.across, piece=shape.piece)
        inside = replace(hair, colour=as_colour(0.45 * np.array(colour)), roughness=0.8)
        cloths = (hair, inside, tie)
        return Fabric(weave=weave, cloths=cloths, finish=("strands", "strands", "woven"), seed=outfit.seed)

    def _lay(
        self,
        tresses: Tresses,
        bare: Float32[Array, "v 3"],
        dressed: Float32[Array, "v 3"],
        lag: Float64[Array, "r 3"],
        seed: float,
    ) -> tuple[Float64[Array, "n 3"], _Shape]:
        head = self._place(bare)
        if tresses.kind == "bun":
            return head.carry(_bun(self._skull, tresses), None), _bun_shape()
        rows = _rows_of(tresses)
        obstacle = self._obstacle(dressed)
        rng = np.random.default_rng(int(seed * 2**31))
        if tresses.kind == "pony tail":
            return _tail(self._skull, tresses, head, obstacle, lag, rows), _tail_shape(rows)
        skull = _comb(self._skull, tresses)
        placed = head.carry(skull.reshape(-1, 3), self._scalp).reshape(skull.shape)
        return _curtain(tresses, placed, head, obstacle, lag, rows, rng), _curtain_shape(rows)

    def _bind_part(self, tresses: Tresses, faces: int, vertices: int) -> Binding:
        """The binding of hair that is the beginning of the longest of its kind."""
        key = (tresses.kind, tresses.high > 0.5, faces)
        if key not in self._parts:
            self._parts[key] = self._bind(tresses).part(np.arange(faces), vertices)
        return self._parts[key]

    def _bind(self, tresses: Tresses) -> Binding:
        """The binding of the longest hair of a kind; shorter hair is its beginning."""
        key = tresses.kind, tresses.high > 0.5
        if key not in self._bound:
            high = 0.75 if tresses.high > 0.5 else 0.25
            plain = replace(PLAIN, kind=tresses.kind, length=STEP * LONGEST, high=high)
            vertices, shape = self._lay(plain, self.rest, self.rest, np.zeros((LONGEST, 3)), 0.5)
            below = self._find_below(vertices, shape.faces, head=tresses.kind == "bun")
            self._bound[key] = bind_vertices(below, shape.faces, self._index)
        return self._bound[key]

    def _find_below(self, vertices: Float64[Array, "n 3"], faces: Int32[Array, "g 3"], head: bool) -> Located:
        """The body points of head, neck and trunk nearest below some vertices, on the body at rest."""
        z, arm = self.paint.fields[:, 2], self.paint.fields[:, FIELDS.index("arm")]
        allowed = (z > (1.4 if head else 0.9)) & (arm < 0.02)
        rows = np.flatnonzero(allowed[self.paint.faces].all(axis=1) & (self.paint.category == 0))
        found = closest_points(vertices, self.rest, self.paint.faces[rows], vertex_normals(vertices, faces)).located
        return found._replace(face=rows[found.face].astype(np.int32))

    @cached_property
    def _index(self) -> FaceIndex:
        return index_faces(self.rest, self.paint.faces)

    @cached_property
    def _scalp_rows(self) -> Int64[Array, "n"]:
        """Vertices that move as one with the skull."""
        fields = self.paint.fields
        skin = np.zeros(len(fields), bool)
        skin[self.paint.faces[self.paint.category == 0]] = True
        hair, ear = fields[:, FIELDS.index("hair")], fields[:, FIELDS.index("ear")]
        return np.flatnonzero(skin & (fields[:, 2] > 1.46) & (hair > -0.02) & (ear < 0.1))

    @cached_property
    def _last(self) -> Last:
        return make_last(self.paint.fields[:, :3].astype(np.float64), self._scalp_rows)

    @cached_property
    def _skull(self) -> _Skull:
        fields = self.paint.fields
        skin = np.zeros(len(fields), bool)
        skin[self.paint.faces[self.paint.category == 0]] = True
        arm = fields[:, FIELDS.index("arm")]
        rows = np.flatnonzero(skin & (fields[:, 2] > 1.45) & (arm < 0.0))
        return _Skull(fields[rows, :3].astype(np.float64) - CENTRE)

    def _place(self, bare: Float32[Array, "v 3"]) -> _Head:
        position, rows = self.paint.fields[:, :3].astype(np.float64), self._scalp_rows
        scales, turns, middles = find_similarities([self._last], [bare[rows]])
        scale, turn = float(scales[0]), turns[0]
        shift = middles[0] - scale * turn @ self._last.middle
        off = bare[rows] - (scale * position[rows] @ turn.T + shift)
        return _Head(scale, turn, shift, off)

    @cached_property
    def _scalp(self) -> Float64[Array, "n m"]:
        """How much of each scalp vertex's own difference each vertex on the skull takes over."""
        skull = _comb(self._skull, PLAIN).reshape(-1, 3)
        position = self.paint.fields[self._scalp_rows, :3].astype(np.float64)
        apart = cdist(skull, position[::3], "sqeuclidean")
        weight = np.exp(-apart / (2.0 * 0.03**2)) + 1e-9
        return weight / weight.sum(axis=1, keepdims=True)

    @cached_property
    def _trunk(self) -> tuple[Int64[Array, "n"], Int32[Array, "f 3"]]:
        """Vertices that hair may fall on, and the faces between them."""
        z, arm = self.paint.fields[:, 2], self.paint.fields[:, FIELDS.index("arm")]
        ear = self.paint.fields[:, FIELDS.index("ear")]
        allowed = (z > 0.95) & (z < 1.53) & (arm < 0.16) & (ear < 0.1)
        kept = allowed[self.paint.faces].all(axis=1) & (self.paint.category == 0)
        rows, faces = np.unique(self.paint.faces[kept], return_inverse=True)
        return rows.astype(np.int64), faces.reshape(-1, 3).astype(np.int32)

    def _obstacle(self, dressed: Float32[Array, "v 3"]) -> _Obstacle:
        rows, faces = self._trunk
        points = dressed[rows].astype(np.float64)
        return _Obstacle(cKDTree(points), points, vertex_normals(points, faces))


@dataclass(frozen=True, eq=False)
class _Shape:
    """Faces, what the fabric needs of each corner (metres across and along), and the piece of each face."""

    faces: Int32[Array, "g 3"]
    across: Float32[Array, "g 3 2"]
    piece: Int32[Array, "g"]


@dataclass(frozen=True, eq=False)
class _Skull:
    """points: of the mean adult's head, from CENTRE, metres."""

    points: Float64[Array, "n 3"]

    def radius(self, direction: Float64[Array, "n 3"]) -> Float64[Array, "n"]:
        """How far the head, ears included, reaches in directions (unit), smoothed outwards."""
        around = (np.arctan2(direction[:, 0], -direction[:, 1]) / (2.0 * np.pi) % 1.0) * AZIMUTHS
        polar = np.arccos(np.clip(direction[:, 2], -1.0, 1.0)) / np.pi * (POLARS - 1)
        a, p = around.astype(np.int64) % AZIMUTHS, np.minimum(polar.astype(np.int64), POLARS - 2)
        da, dp = around - np.floor(around), polar - p
        upper = self._table[p, a] * (1.0 - da) + self._table[p, (a + 1) % AZIMUTHS] * da
        lower = self._table[p + 1, a] * (1.0 - da) + self._table[p + 1, (a + 1) % AZIMUTHS] * da
        return np.asarray(upper * (1.0 - dp) + lower * dp)

    @cached_property
    def _table(self) -> Float64[Array, "p a"]:
        """`radius` by polar angle and azimuth."""
        polar, around = np.meshgrid(
            np.pi * np.arange(POLARS) / (POLARS - 1), 2.0 * np.pi * np.arange(AZIMUTHS) / AZIMUTHS, indexing="ij"
        )
        flat = np.sin(polar)
        direction = np.stack([flat * np.sin(around), -flat * np.cos(around), np.cos(polar)], axis=2)
        return self._reach(direction.reshape(-1, 3)).reshape(polar.shape)

    def _reach(self, direction: Float64[Array, "n 3"]) -> Float64[Array, "n"]:
        far = np.linalg.norm(self.points, axis=1)
        cosine = direction @ (self.points / far[:, None]).T
        weight = np.exp((cosine - 1.0) * 160.0) + 1e-12
        return np.asarray((weight * far**9).sum(axis=1) / weight.sum(axis=1)) ** (1.0 / 9.0)


@dataclass(frozen=True, eq=False)
class _Head:
    """Where a head is: the similarity from the mean adult at rest, and what of its scalp it leaves over."""

    scale: float
    turn: Float64[Array, "3 3"]
    shift: Float64[Array, "3"]
    off: Float64[Array, "m 3"]

    def carry(self, points: Float64[Array, "n 3"], share: Float64[Array, "n m"] | None) -> Float64[Array, "n 3"]:
        placed = self.scale * points @ self.turn.T + self.shift
        return placed if share is None else np.asarray(placed + share @ self.off[::3])


@dataclass(frozen=True, eq=False)
class _Obstacle:
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


def _rows_of(tresses: Tresses) -> int:
    return int(np.clip(round(tresses.length / STEP), 3, LONGEST))


def _comb(skull: _Skull, tresses: Tresses) -> Float64[Array, "s k 3"]:
    """Loose hair on the mean skull at rest: rows from the parting to the ears, columns from one edge at the face around
    the back to the other."""
    side = np.linspace(tresses.front, 360.0 - tresses.front, STRANDS)
    angle = np.minimum(side, 360.0 - side)  # from straight ahead
    left = np.where(side < 180.0, 1.0, -1.0)
    t = np.clip((angle - tresses.front) / (FAN - tresses.front), 0.0, 1.0)[:, None]
    root = FRONT + (CROWN - FRONT) * t + np.array([tresses.aside, 0.0, 0.0]) * (1.0 - t)
    start = _unit(root - CENTRE)
    turned = np.radians(angle)
    flat = np.stack([left * np.sin(turned), -np.cos(turned), np.zeros(STRANDS)], axis=1)
    drop = (EARS - CENTRE[2]) / 0.085
    end = _unit(flat + np.array([0.0, 0.0, drop]))
    share = np.linspace(0.0, 1.0, SKULL)[:, None, None]
    between = np.arccos(np.clip((start * end).sum(axis=1), -1.0, 1.0))[None, :, None]
    way = (np.sin((1.0 - share) * between) * start + np.sin(share * between) * end) / np.sin(between)
    way = _unit(way)
    lift = 0.004 + (tresses.volume - 0.004) * np.clip(share / 0.35, 0.0, 1.0) ** 0.7
    far = skull.radius(way.reshape(-1, 3)).reshape(SKULL, STRANDS, 1) + lift
    return np.asarray(CENTRE + way * far)


def _curtain(
    tresses: Tresses,
    skull: Float64[Array, "s k 3"],
    head: _Head,
    obstacle: _Obstacle,
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
    outward = _unit(skull[-1] - inner)
    skull = skull + 0.0035 * np.linspace(0.0, 1.0, SKULL)[:, None, None] * stand * outward
    place, way = skull[-1], _unit(skull[-1] - skull[-2])
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
        way = _unit(0.5 * way + 0.5 * _unit(pull))
        touching = (height < clear[k] + 0.004)[:, None]
        into = np.minimum((way * normal).sum(axis=1, keepdims=True), 0.0)
        slide = way - into * normal
        flat = gather - (gather * normal).sum(axis=1, keepdims=True) * normal
        way = np.where(touching, _unit(slide + 1.2 * flat * np.clip(normal @ up, 0.0, 1.0)[:, None]), way)
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
    inwards = _unit(inner - whole)
    edges = whole[:, [0, -1]] + TURNED * inwards[:, [0, -1]] + 0.5 * TURNED * back
    edges[0] = whole[0, [0, -1]]
    return np.concatenate([whole, edges], axis=1).reshape(-1, 3)


def _curtain_shape(rows: int) -> _Shape:
    """Each row is STRANDS columns and after them the two edges turned in."""
    wide = STRANDS + 2
    order = np.array([STRANDS, *range(STRANDS), STRANDS + 1])
    count = SKULL + rows
    faces, across = _grid(count, order, wide)
    metres = np.stack([0.008 * (across[..., 0] + 1.0), STEP * (across[..., 1] + 1.0)], axis=2)
    edge = (faces % wide >= STRANDS).any(axis=1)
    return _Shape(faces, metres.astype(np.float32), np.where(edge, INSIDE, HAIR).astype(np.int32))


def _tail(
    skull: _Skull, tresses: Tresses, head: _Head, obstacle: _Obstacle, lag: Float64[Array, "r 3"], rows: int
) -> Float64[Array, "n 3"]:
    """A tail: rings about a line that falls from the tie; the first two are the tie."""
    start, out = _tie(skull, tresses)
    base = head.carry(start[None], None)[0]
    way = head.turn @ out
    place, line = base, []
    step = tresses.length / rows
    was = np.zeros(3)
    for k in range(rows):
        way = _unit(0.6 * way + 0.4 * np.array([0.0, 0.0, -1.0]))
        place = place + step * way + (lag[k] - was)
        was = lag[k]
        moved, normal, height = obstacle.push(place[None], _thick(np.array((k + 1.0) / rows)) + 0.004)
        if height[0] < 0.05:
            way = _unit(way - min(float(way @ normal[0]), 0.0) * normal[0])
        place = moved[0]
        line.append(place)
    centre = np.concatenate([[base - 0.012 * (head.turn @ out), base + 0.001 * (head.turn @ out)], line])
    ahead = _unit(np.gradient(centre, axis=0))
    across = _unit(np.broadcast_to(head.turn[:, 0], ahead.shape) - (ahead @ head.turn[:, 0])[:, None] * ahead)
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


def _tail_shape(rows: int) -> _Shape:
    faces, across = _grid(rows + 2, np.append(np.arange(AROUND), 0), AROUND)
    metres = np.stack([0.011 * (across[..., 0] + 1.0), STEP * (across[..., 1] + 1.0)], axis=2)
    piece = np.zeros(len(faces), np.int32)
    piece[: 2 * AROUND] = TIE
    return _Shape(faces[:, ::-1].copy(), metres[:, ::-1].astype(np.float32).copy(), piece)


def _tie(skull: _Skull, tresses: Tresses) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    """Where hair is tied on the mean head, and the direction outwards there."""
    rise = np.radians(-14.0 + 62.0 * tresses.high)
    out = np.array([0.0, np.cos(rise), np.sin(rise)])
    return CENTRE + out * (float(skull.radius(out[None])[0]) + 0.016), out


def _bun(skull: _Skull, tresses: Tresses) -> Float64[Array, "n 3"]:
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


def _bun_shape() -> _Shape:
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
    return _Shape(faces.astype(np.int32), metres.astype(np.float32), np.zeros(len(faces), np.int32))


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


def _sway(
    joints: Float32[Array, "52 3"], rotations: Float32[Array, "52 3"], before: Float32[Array, "k 52 3"]
) -> Float64[Array, "r 3"]:
    """How far what hangs from the head is behind it at each row, metres; the pelvis is held where it is."""
    now = _head_place(joints, rotations, rotations)
    path = np.stack([*(_head_place(joints, rotations, then) for then in before), now])
    length = STEP * (np.arange(LONGEST) + 1.0)
    lag = trail(np.repeat(path[:, None], LONGEST, axis=1), length[:, None])
    size = np.linalg.norm(lag, axis=1, keepdims=True)
    free = np.clip(length / 0.2, 0.0, 1.0)[:, None]
    return np.asarray(lag * free * np.minimum(1.0, FARTHEST / np.maximum(size, 1e-9)))


def _head_place(
    joints: Float32[Array, "52 3"], now: Float32[Array, "52 3"], then: Float32[Array, "52 3"]
) -> Float64[Array, "3"]:
    """The back of the head, the spine turned as it was then."""
    place = joints.astype(np.float64)
    was, turned = np.eye(3), np.eye(3)
    at = place[SPINE[0]]
    for joint, following in zip(SPINE, (*SPINE[1:], -1), strict=True):
        was, turned = (
            was @ matrix_from_vector(now[joint].astype(float)),
            turned @ matrix_from_vector(then[joint].astype(float)),
        )
        bone = was @ np.array([0.0, 0.08, 0.08]) if following < 0 else place[following] - place[joint]
        at = at + turned @ (was.T @ bone)
    return np.asarray(at)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
