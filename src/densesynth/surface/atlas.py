"""DensePose's 24 charts on a body mesh: (face, barycentrics) ↔ (I, U, V), and the left/right mirror.

Orientation follows the official charts (docs/conventions.md, part ids in `parts`). Mirror laws, exact in float32:

    parts 1, 2 (torso)      (I, u, v) → (I, u, 1 − v)
    parts 23, 24 (head)     (I, u, v) → (mirror of I, 1 − u, v)
    all others              (I, u, v) → (mirror of I, u, v)

Seen from outside the body, (U, V) turns counter-clockwise (signed area > 0) on the parts in `POSITIVE_PARTS` and
clockwise on the others, everywhere in the part.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy as np
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8
from densesynth.errors import AssetError, ConfigurationError
from densesynth.surface.locate import ChartIndex, Located, index_charts
from densesynth.surface.parts import FINE_TO_COARSE

ATLAS_NAMES: tuple[str, ...] = ("anny",)
POSITIVE_PARTS: tuple[int, ...] = (1, 4, 5, 7, 10, 12, 14, 15, 18, 19, 21, 23, 24)


@dataclass(frozen=True, eq=False)
class ReferenceMesh:
    """Another mesh of the same surface, whose vertices labels count (DensePose CSE's `smpl_27554`).

    rest: where its vertices lie on the template, metres.
    """

    name: str
    rest: Float64[Array, "n 3"]

    @cached_property
    def tree(self) -> cKDTree:
        return cKDTree(self.rest)


@dataclass(frozen=True, eq=False)
class Atlas:
    """Charts on one mesh topology; the mesh may be posed and shaped at will.

    faces: the mesh the charts are for. part: DensePose's fine part of each face, 1..24. uv: U, V of each face's
    corners, in [0, 1]; corners that meet at a vertex differ across a seam. mirror_vertex: each vertex's counterpart on
    the other side. mirror_face, mirror_corner: each face's counterpart, and which of its corners is the counterpart of
    corner 0, 1, 2. rest_position: the template's vertices, metres, z up, facing −y. reference: the mesh whose vertices
    labels count, where it isn't this one. interior: faces not seen on a
    closed-eyed, closed-mouthed body (mouth, tongue, eye sockets, backs of the eyeballs).
    """

    name: str
    faces: Int32[Array, "f 3"]
    part: UInt8[Array, "f"]
    uv: Float32[Array, "f 3 2"]
    mirror_vertex: Int32[Array, "v"]
    mirror_face: Int32[Array, "f"]
    mirror_corner: Int32[Array, "f 3"]
    rest_position: Float32[Array, "v 3"]
    interior: Bool[Array, "f"]
    reference: ReferenceMesh | None = None

    @property
    def ref_model(self) -> str:
        """The mesh whose vertices `label_vertex` tells, as DensePose's `ref_model` names it."""
        return self.name if self.reference is None else self.reference.name

    def label_vertex(self, face: Int32[Array, "n"], barycentrics: Float32[Array, "n 3"]) -> Int32[Array, "n"]:
        """The vertex of `ref_model` that is nearest to each surface point on the template."""
        if self.reference is None:
            return self.nearest_vertex(face, barycentrics)
        corners = self.rest_position[self.faces[face]].astype(np.float64)
        points = np.einsum("nk,nkc->nc", barycentrics.astype(np.float64), corners)
        return self.reference.tree.query(points)[1].astype(np.int32)

    def encode(
        self, face: Int32[Array, "n"], barycentrics: Float32[Array, "n 3"]
    ) -> tuple[UInt8[Array, "n"], Float32[Array, "n"], Float32[Array, "n"]]:
        """Surface points → (I, U, V): part 1..24, and U, V in [0, 1]."""
        corners = self.uv.reshape(-1, 6)[face]
        b0, b1, b2 = barycentrics.T
        u = b0 * corners[:, 0] + b1 * corners[:, 2] + b2 * corners[:, 4]
        v = b0 * corners[:, 1] + b1 * corners[:, 3] + b2 * corners[:, 5]
        return self.part[face], np.clip(u, 0.0, 1.0, out=u), np.clip(v, 0.0, 1.0, out=v)

    def decode(self, part: UInt8[Array, "n"], u: Float32[Array, "n"], v: Float32[Array, "n"]) -> Located:
        """(I, U, V) → surface points (face, barycentrics). A point off its chart goes to the chart's nearest point.

        Raises ConfigurationError for a part outside 1..24 or a coordinate that is no number.
        """
        if part.size and (part.min() < 1 or part.max() > 24):
            raise ConfigurationError(
                f"expected parts 1..24, found {int(part.min())}..{int(part.max())}; leave background (0) out"
            )
        uv = np.stack([u, v], axis=1).astype(np.float64)
        if not np.isfinite(uv).all():
            raise ConfigurationError("expected U and V in [0, 1], found values that are no numbers")
        return self._index.locate(part, uv)

    def nearest_vertex(self, face: Int32[Array, "n"], barycentrics: Float32[Array, "n 3"]) -> Int32[Array, "n"]:
        """The face's vertex that is nearest to each surface point on the template."""
        vertex = self.faces[face]
        corners = self.rest_position[vertex]
        gap = corners - np.einsum("nk,nkc->nc", barycentrics, corners)[:, None]
        nearest = np.einsum("nkc,nkc->nk", gap, gap).argmin(axis=1)
        return vertex[np.arange(len(vertex)), nearest]

    def mirror(self, face: Int32[Array, "n"], barycentrics: Float32[Array, "n 3"]) -> Located:
        """Each surface point's counterpart on the other side of the body; its own inverse."""
        mirrored = np.empty_like(barycentrics)
        np.put_along_axis(mirrored, self.mirror_corner[face], barycentrics, axis=1)
        return Located(self.mirror_face[face], mirrored)

    def coarse(self, face: Int32[Array, "n"]) -> UInt8[Array, "n"]:
        """DensePose's coarse part, 1..14, of each face."""
        return FINE_TO_COARSE[self.part[face]]

    def check_topology(self, faces: Array) -> None:
        """Raise AssetError unless `faces` are the faces these charts were made for."""
        if faces.shape != self.faces.shape or not np.array_equal(faces, self.faces):
            differing = (
                f"{int((faces != self.faces).any(axis=1).sum())} of {len(faces)} faces differ"
                if faces.shape == self.faces.shape
                else f"found an array of shape {faces.shape}"
            )
            raise AssetError(
                f"atlas '{self.name}' expects its own mesh of {len(self.faces)} triangles, {differing}; "
                "use the body the atlas was made for, or rebuild it with tools/make_atlas.py"
            )

    @cached_property
    def _index(self) -> ChartIndex:
        return index_charts(self.part, self.uv)


def load_atlas(name: str = "anny") -> Atlas:
    """Read a committed atlas (some 10 ms). Raises ConfigurationError for an unknown name."""
    if name not in ATLAS_NAMES:
        raise ConfigurationError(f"unknown atlas '{name}'; expected one of: {', '.join(ATLAS_NAMES)}")
    with (resources.files("densesynth.surface") / "data" / f"{name}.npz").open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            stored = {key: archive[key] for key in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise AssetError(
                f"the atlas data/{name}.npz of densesynth.surface can't be read ({error}); reinstall densesynth"
            ) from error
    atlas = Atlas(
        name=name,
        faces=stored["faces"].astype(np.int32),
        part=stored["part"],
        uv=stored["chart_vertex"][stored["chart_corner"]],
        mirror_vertex=stored["mirror_vertex"].astype(np.int32),
        mirror_face=stored["mirror_face"].astype(np.int32),
        mirror_corner=stored["mirror_corner"].astype(np.int32),
        rest_position=stored["rest_position"],
        interior=np.unpackbits(stored["interior"], count=len(stored["part"])).astype(np.bool_),
    )
    for array in (value for value in vars(atlas).values() if isinstance(value, np.ndarray)):
        array.flags.writeable = False
    return atlas
