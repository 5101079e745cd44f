"""The mesh that GPS is measured on: chart vertices with part, U, V, and the mesh vertex each of them is.

A surface point (I, U, V) is measured at the chart vertex of its part that is nearest in (U, V).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from densesynth.arrays import Array, Float64, Int64, UInt8
from densesynth.errors import AssetError
from densesynth.surface.atlas import Atlas
from densesynth.surface.official import read_mat

PARTS = 24
_NEAR_TIE = 1e-9  # of U, V units: nearer rivals are settled by the slow, exact rule


class ChartMesh:
    """part: 1..24 of each chart vertex; uv: (n, 2); vertex: its mesh vertex, from 0; vertices: of the mesh in all."""

    def __init__(self, *, part: Array, uv: Array, vertex: Array, vertices: int) -> None:
        self.part = np.asarray(part).astype(np.uint8)
        self.uv = np.ascontiguousarray(uv, dtype=np.float64)
        self.vertex = np.asarray(vertex).astype(np.int64)
        self.vertices = vertices

    @cached_property
    def _rows(self) -> list[Int64[Array, "k"]]:
        return [np.flatnonzero(self.part == part) for part in range(PARTS + 1)]

    @cached_property
    def _trees(self) -> list[cKDTree | None]:
        return [cKDTree(self.uv[rows]) if part and len(rows) else None for part, rows in enumerate(self._rows)]

    def nearest(self, part: UInt8[Array, "n"], u: Float64[Array, "n"], v: Float64[Array, "n"]) -> Int64[Array, "n"]:
        """The mesh vertex, from 0, that each point is measured at; −1 for parts outside 1..24.

        Of chart vertices equally near, the first of the file counts. Raises AssetError for a part the mesh lacks.
        """
        found = np.full(len(part), -1, dtype=np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.searchsorted(part[order], np.arange(PARTS + 2))
        for number in range(1, PARTS + 1):
            mine = order[ends[number] : ends[number + 1]]
            if len(mine):
                found[mine] = self._nearest_in_part(number, np.stack([u[mine], v[mine]], axis=1))
        return found

    def nearest_packed(self, iuv: UInt8[Array, "3 n"]) -> Int64[Array, "n"]:
        """`nearest` for packed I, U·255, V·255; each of the values that occur is looked up once."""
        part, u, v = iuv.astype(np.int64)
        known = (part >= 1) & (part <= PARTS)
        code = (part << 16) | (u << 8) | v
        code = code[known]
        occurs = np.zeros((PARTS + 1) << 16, dtype=bool)
        occurs[code] = True
        distinct = np.flatnonzero(occurs)
        table = np.empty(len(occurs), dtype=np.int64)
        packed_u, packed_v = ((distinct >> 8) & 255) / 255.0, (distinct & 255) / 255.0
        table[distinct] = self.nearest((distinct >> 16).astype(np.uint8), packed_u, packed_v)
        found = np.full(len(part), -1, dtype=np.int64)
        found[known] = table[code]
        return found

    def _nearest_in_part(self, part: int, points: Float64[Array, "k 2"]) -> Int64[Array, "k"]:
        tree, rows = self._trees[part], self._rows[part]
        if tree is None:
            raise AssetError(f"part {part} is on no vertex of the mesh that distances are measured on: another mesh")
        if len(rows) == 1:
            return np.full(len(points), self.vertex[rows[0]])
        distance, place = tree.query(points, k=2)
        chosen = place[:, 0]
        tied = np.flatnonzero(distance[:, 1] - distance[:, 0] <= _NEAR_TIE)
        for start in range(0, len(tied), 1024):
            few = tied[start : start + 1024]
            chosen[few] = cdist(points[few], self.uv[rows]).argmin(axis=1)
        return self.vertex[rows[chosen]]


def nearest_slowly(mesh: ChartMesh, part: Array, u: Array, v: Array) -> Int64[Array, "n"]:
    """`ChartMesh.nearest` as the reference computes it, for tests: every distance, the first of the smallest."""
    found = np.full(len(part), -1, dtype=np.int64)
    for k, (number, *point) in enumerate(zip(part, u, v, strict=True)):
        rows = np.flatnonzero(mesh.part == number)
        if number and len(rows):
            found[k] = mesh.vertex[rows[cdist(mesh.uv[rows], [point])[:, 0].argmin()]]
    return found


def chart_mesh_of_atlas(atlas: Atlas) -> ChartMesh:
    """Chart vertices of an atlas: each corner's (part, vertex, U, V), once."""
    corners = np.column_stack([np.repeat(atlas.part, 3), atlas.faces.reshape(-1), atlas.uv.reshape(-1, 2)])
    distinct = np.unique(corners.astype(np.float64), axis=0)
    return ChartMesh(part=distinct[:, 0], uv=distinct[:, 2:], vertex=distinct[:, 1], vertices=len(atlas.rest_position))


def read_official_chart_mesh(subdivided: Path, transform: Path) -> ChartMesh:
    """DensePose's measuring mesh from `SMPL_subdiv.mat` and `SMPL_SUBDIV_TRANSFORM.mat`.

    The transform's `index` is stored as uint16; in index arithmetic of that type (NumPy ≥ 2 keeps it) products overflow
    and distances of other pairs come out, without a word. Here it becomes int64 on reading. Raises AssetError.
    """
    charts = read_mat(subdivided, ("U_subdiv", "V_subdiv", "Part_ID_subdiv"))
    index = read_mat(transform, ("index",))["index"].ravel().astype(np.int64)
    u, v, part = (charts[key].ravel() for key in ("U_subdiv", "V_subdiv", "Part_ID_subdiv"))
    if not len(u) == len(v) == len(part) == len(index):
        raise AssetError(
            f"{transform}: {len(index)} vertices for {subdivided.name}'s {len(u)} U, {len(v)} V and {len(part)} parts; "
            "the two files don't belong together, or one is cut off"
        )
    if not len(u) or index.min() < 1 or part.min() < 1 or part.max() > PARTS:
        raise AssetError(f"{subdivided}: parts or vertices out of range; take DensePose's UV data again")
    return ChartMesh(part=part, uv=np.stack([u, v], axis=1), vertex=index - 1, vertices=int(index.max()))
