"""Long hair as loose meshes on posed bodies, in the styles of `appearance.hairstyles`.

It follows every head by the similarity of its scalp and the scalp's own differences from that, hangs behind the head
that carries it, and is bound to the body points that it lies over when its wearer stands at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from densesynth.appearance.colour import as_colour
from densesynth.appearance.fabric import Fabric, Weave
from densesynth.appearance.hairstyles import (
    LONGEST,
    PLAIN,
    STEP,
    Obstacle,
    Shape,
    comb,
    lay_bun,
    lay_curtain,
    lay_tail,
    rows_of,
    shape_bun,
    shape_curtain,
    shape_tail,
)
from densesynth.appearance.outfit import Cloth, Outfit, Tresses
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.appearance.skull import CENTRE, Head, Skull
from densesynth.appearance.sway import lag_behind
from densesynth.arrays import Array, Float32, Float64, Int32, Int64
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.similarity import Landmarks, find_similarities, make_landmarks
from densesynth.geometry.skeleton import JOINT
from densesynth.surface.binding import Binding, FaceIndex, bind_vertices
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.locate import Located

LIGHTER = 1.15  # hair as a mesh lies in more of its own shade than the painted one
SPINE = tuple(JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head"))


@dataclass(frozen=True, eq=False)
class Hairdresser:
    """Makes long hair for bodies of the paint's topology. index: of the body that labels are interpolated
    on."""

    paint: Paint
    index: FaceIndex
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
        the times of `sway.BEFORE`; None hangs still."""
        tresses = outfit.tresses
        assert tresses is not None  # the caller's to know
        lag = np.zeros((LONGEST, 3))
        if before is not None and tresses.kind != "bun":
            lag = _sway(joints, rotations, before)
        vertices, shape = self._lay(tresses, bare, dressed, lag, outfit.seed)
        faces = shape.faces
        binding = self._bind_part(tresses, len(faces), len(vertices))
        return Mesh(vertices.astype(np.float32), faces), binding, self._colour(outfit, shape, vertices)

    def _colour(self, outfit: Outfit, shape: Shape, vertices: Float64[Array, "n 3"]) -> Fabric:
        assert outfit.tresses is not None
        colour = as_colour(LIGHTER * np.array(outfit.hair.colour))
        hair = Cloth(colour=colour, second=colour, pattern="plain", scale=0.05, roughness=0.6)
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
    ) -> tuple[Float64[Array, "n 3"], Shape]:
        head = self._place(bare)
        if tresses.kind == "bun":
            return head.carry(lay_bun(self._skull, tresses), None), shape_bun()
        rows = rows_of(tresses)
        obstacle = self._obstacle(dressed)
        rng = np.random.default_rng(int(seed * 2**31))
        if tresses.kind == "pony tail":
            return lay_tail(self._skull, tresses, head, obstacle, lag, rows), shape_tail(rows)
        skull = comb(self._skull, tresses)
        placed = head.carry(skull.reshape(-1, 3), self._scalp).reshape(skull.shape)
        return lay_curtain(tresses, placed, head, obstacle, lag, rows, rng), shape_curtain(rows)

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
            vertices, shape = self._lay(plain, self.index.rest, self.index.rest, np.zeros((LONGEST, 3)), 0.5)
            below = self._find_below(vertices, shape.faces, head=tresses.kind == "bun")
            self._bound[key] = bind_vertices(below, shape.faces, self.index)
        return self._bound[key]

    def _find_below(self, vertices: Float64[Array, "n 3"], faces: Int32[Array, "g 3"], head: bool) -> Located:
        """The body points of head, neck and trunk nearest below some vertices, on the body at rest."""
        z, arm = self.paint.fields[:, 2], self.paint.fields[:, FIELDS.index("arm")]
        allowed = (z > (1.4 if head else 0.9)) & (arm < 0.02)
        rows = np.flatnonzero(allowed[self.paint.faces].all(axis=1) & (self.paint.category == 0))
        found = closest_points(
            vertices, self.index.rest, self.paint.faces[rows], vertex_normals(vertices, faces)
        ).located
        return found._replace(face=rows[found.face].astype(np.int32))

    @cached_property
    def _scalp_rows(self) -> Int64[Array, "n"]:
        """Vertices that move as one with the skull."""
        fields = self.paint.fields
        skin = np.zeros(len(fields), bool)
        skin[self.paint.faces[self.paint.category == 0]] = True
        hair, ear = fields[:, FIELDS.index("hair")], fields[:, FIELDS.index("ear")]
        return np.flatnonzero(skin & (fields[:, 2] > 1.46) & (hair > -0.02) & (ear < 0.1))

    @cached_property
    def _landmarks(self) -> Landmarks:
        return make_landmarks(self.paint.fields[:, :3].astype(np.float64), self._scalp_rows)

    @cached_property
    def _skull(self) -> Skull:
        fields = self.paint.fields
        skin = np.zeros(len(fields), bool)
        skin[self.paint.faces[self.paint.category == 0]] = True
        arm = fields[:, FIELDS.index("arm")]
        rows = np.flatnonzero(skin & (fields[:, 2] > 1.45) & (arm < 0.0))
        return Skull(fields[rows, :3].astype(np.float64) - CENTRE)

    def _place(self, bare: Float32[Array, "v 3"]) -> Head:
        position, rows = self.paint.fields[:, :3].astype(np.float64), self._scalp_rows
        scales, turns, middles = find_similarities([self._landmarks], [bare[rows]])
        scale, turn = float(scales[0]), turns[0]
        shift = middles[0] - scale * turn @ self._landmarks.middle
        off = bare[rows] - (scale * position[rows] @ turn.T + shift)
        return Head(scale, turn, shift, off)

    @cached_property
    def _scalp(self) -> Float64[Array, "n m"]:
        """How much of each scalp vertex's own difference each vertex on the skull takes over."""
        skull = comb(self._skull, PLAIN).reshape(-1, 3)
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

    def _obstacle(self, dressed: Float32[Array, "v 3"]) -> Obstacle:
        rows, faces = self._trunk
        points = dressed[rows].astype(np.float64)
        return Obstacle(cKDTree(points), points, vertex_normals(points, faces))


def _sway(
    joints: Float32[Array, "52 3"], rotations: Float32[Array, "52 3"], before: Float32[Array, "k 52 3"]
) -> Float64[Array, "r 3"]:
    """How far what hangs from the head is behind it at each row, metres; the pelvis is held where it is."""
    now = _head_place(joints, rotations, rotations)
    path = np.stack([*(_head_place(joints, rotations, then) for then in before), now])
    length = STEP * (np.arange(LONGEST) + 1.0)
    free = np.clip(length / 0.2, 0.0, 1.0)
    return lag_behind(np.repeat(path[:, None], LONGEST, axis=1), length[:, None], free[:, None])


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
