"""Meshes of DensePose CSE (continuous surface embeddings): points of a body's surface ↔ the mesh's vertices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Float32, Float64, Int32, UInt8
from densesynth.errors import AssetError
from densesynth.pickles import read_pickle
from densesynth.surface.atlas import Atlas
from densesynth.surface.closest import closest_points, place_points
from densesynth.surface.locate import Located


@dataclass(frozen=True, eq=False)
class CseMesh:
    """A mesh as DensePose CSE numbers it (`dp_vertex`, `ref_model`), each vertex as a point of a body's surface.

    located: on the body's faces. rest: those points on the body's template, metres. faces: of the CSE mesh.
    """

    name: str
    faces: Int32[Array, "m 3"]
    located: Located
    rest: Float64[Array, "n 3"]

    def nearest(self, atlas: Atlas, face: Int32[Array, "k"], barycentrics: Float32[Array, "k 3"]) -> Int32[Array, "k"]:
        """Surface points of the body → the CSE mesh's nearest vertex on the template (its `dp_vertex`)."""
        points = place_points(atlas.rest_position, atlas.faces, Located(face, barycentrics))
        return cKDTree(self.rest).query(points)[1].astype(np.int32)


@dataclass(frozen=True, eq=False)
class VertexCharts:
    """The point of the charts on which each vertex of a mesh lies. part: 1..24. u, v: [0, 1]."""

    part: UInt8[Array, "n"]
    u: Float32[Array, "n"]
    v: Float32[Array, "n"]


def charts_of(mesh: CseMesh, atlas: Atlas) -> VertexCharts:
    """Where the vertices of a CSE mesh lie in the charts of the body they were placed on."""
    part, u, v = atlas.encode(*mesh.located)
    return VertexCharts(part=part.astype(np.uint8), u=u.astype(np.float32), v=v.astype(np.float32))


def read_cse_mesh(path: Path, atlas: Atlas, name: str | None = None) -> CseMesh:
    """Read a CSE mesh (pickle or .npz with `vertices` and `faces`; `smpl_27554` is SMPL cut finer once).

    A mesh whose first vertices are the body's and whose others halve its edges is placed by topology, exactly and for a
    body of any shape; any other by the nearest points of the body's template, whose axes and pose it must then share
    (ours, or SMPL's own y up). Raises AssetError for a file without them or a mesh farther than 2 cm from the body.
    """
    vertices, faces = _read_mesh(path)
    located = _place_by_topology(faces, len(vertices), atlas)
    if located is None:
        turned = vertices @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # SMPL's axes → ours
        tried = [closest_points(points, atlas.rest_position, atlas.faces) for points in (vertices, turned)]
        best = min(tried, key=lambda nearest: float(np.median(nearest.distance)))
        if np.median(best.distance) > 0.02:
            raise AssetError(
                f"{path}: half of the mesh lies more than {100 * float(np.median(best.distance)):.0f} cm off the body "
                "at rest; expected a mesh of the same body in the same pose"
            )
        located = best.located
    return CseMesh(
        name=name or path.stem,
        faces=faces,
        located=located,
        rest=place_points(atlas.rest_position, atlas.faces, located),
    )


def _read_mesh(path: Path) -> tuple[Float64[Array, "n 3"], Int32[Array, "m 3"]]:
    table: Any
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as archive:
                table = {key: archive[key] for key in ("vertices", "faces") if key in archive.files}
        except Exception as error:  # zip, zlib and NumPy each have errors of their own
            raise AssetError(f"{path}: can't be read as .npz ({error}); give the mesh file again") from None
    else:
        table = read_pickle(path)
    found = [table.get(key) for key in ("vertices", "faces")] if isinstance(table, dict) else [None, None]
    if any(value is None for value in found):
        raise AssetError(f"{path}: expected a mesh with `vertices` and `faces`; give a CSE mesh such as smpl_27554.pkl")
    vertices, faces = (np.asarray(value) for value in found)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0:
        raise AssetError(f"{path}: vertices {vertices.shape} and faces {faces.shape}; expected (n, 3) and (m, 3)")
    if faces.min() < 0 or faces.max() >= len(vertices) or not np.isfinite(vertices).all():
        raise AssetError(f"{path}: faces name vertices that aren't there, or vertices are no numbers")
    return vertices.astype(np.float64), faces.astype(np.int32)


def _place_by_topology(faces: Int32[Array, "m 3"], count: int, atlas: Atlas) -> Located | None:
    """Corners and edge middles of the body's faces, when that is what the mesh is made of; else None."""
    old = len(atlas.rest_position)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    joins = np.unique(edges[(edges[:, 0] < old) & (edges[:, 1] >= old)], axis=0)
    if (
        count <= old
        or len(joins) != 2 * (count - old)
        or not (np.bincount(joins[:, 1], minlength=count)[old:] == 2).all()
    ):
        return None
    ends = joins[np.argsort(joins[:, 1], kind="stable"), 0].reshape(-1, 2)
    at: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for face, triple in reversed(list(enumerate(atlas.faces.tolist()))):
        for k in range(3):
            at[(triple[k],)] = (face, k, k)
            at[tuple(sorted((triple[k], triple[(k + 1) % 3])))] = (face, k, (k + 1) % 3)
    keys = [(vertex,) for vertex in range(old)] + [tuple(pair) for pair in ends.tolist()]
    if not all(key in at for key in keys):
        return None
    face, first, second = (np.array(column) for column in zip(*(at[key] for key in keys), strict=True))
    barycentrics = np.zeros((count, 3), np.float32)
    rows = np.arange(count)
    barycentrics[rows, first] += 0.5
    barycentrics[rows, second] += 0.5
    return Located(face.astype(np.int32), barycentrics)
