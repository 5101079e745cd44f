"""DensePose's own charts for bodies of SMPL's topology, from the user's `UV_Processed.mat`.

`UV_Processed.mat` cuts SMPL's surface along the charts' seams: 7829 chart vertices (`All_vertices` names SMPL's vertex
of each, from 1), 13774 triangles of them (`All_Faces`, from 1) with their part (`All_FaceIndices`), and each chart
vertex's `All_U_norm`, `All_V_norm`. SMPL has 13776 triangles: two, on the big toes, are in no chart. So the file's
triangles must never be matched to a body's by number: here they are matched by their vertices, and the two get the
chart and coordinates that their corners have in the triangles around them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Float32, Int32, Int64, UInt8
from densesynth.errors import AssetError
from densesynth.surface.atlas import Atlas

CHART_VERTICES, CHART_FACES, SMPL_FACES = 7829, 13774, 13776
UNCHARTED_LIMIT = 0.01  # of a body's faces; the official file leaves out 2 of 13776
_KEYS = ("All_vertices", "All_Faces", "All_FaceIndices", "All_U_norm", "All_V_norm")
_SOURCE = "take UV_Processed.mat from DensePose's UV data again (`densesynth assets check` says where)"


@dataclass(frozen=True, eq=False)
class OfficialCharts:
    """vertex: SMPL's vertex of each chart vertex; uv: in [0, 1]; faces: triangles of chart vertices; part: 1..24."""

    source: str
    vertex: Int64[Array, "n"]
    faces: Int64[Array, "f 3"]
    part: UInt8[Array, "f"]
    uv: Float32[Array, "n 2"]


def read_mat(path: Path, keys: tuple[str, ...]) -> dict[str, Array]:
    """Arrays of a MATLAB file. Raises AssetError when the file is cut off, damaged or lacks one."""
    try:
        table: dict[str, Any] = loadmat(path, variable_names=list(keys))
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    except Exception as error:  # scipy raises whatever the damaged bytes lead it to
        reason = str(error).split("\n")[0][:100] or type(error).__name__
        raise AssetError(f"{path}: no MATLAB file, cut off or damaged ({reason}); download it again") from None
    missing = [key for key in keys if not isinstance(table.get(key), np.ndarray)]
    if missing:
        raise AssetError(f"{path}: lacks {', '.join(missing)}: another file, or cut off; {_SOURCE}")
    return {key: table[key] for key in keys}


def read_official_charts(path: Path) -> OfficialCharts:
    """Read `UV_Processed.mat`. Raises AssetError, one line, for another file, a damaged or a truncated one."""
    table = read_mat(path, _KEYS)
    vertex, part = table["All_vertices"].ravel(), table["All_FaceIndices"].ravel()
    faces = table["All_Faces"]
    u, v = table["All_U_norm"].ravel(), table["All_V_norm"].ravel()
    if not len(vertex) == len(u) == len(v):
        raise AssetError(f"{path}: {len(vertex)} chart vertices with {len(u)} U and {len(v)} V: truncated; {_SOURCE}")
    if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) != len(part):
        raise AssetError(f"{path}: triangles {faces.shape} with {len(part)} parts: truncated; {_SOURCE}")
    for key, values, low, high in (
        ("All_vertices", vertex, 1, np.inf),
        ("All_Faces", faces, 1, len(vertex)),
        ("All_FaceIndices", part, 1, 24),
        ("All_U_norm", u, 0, 1),
        ("All_V_norm", v, 0, 1),
    ):
        numbers = values.dtype.kind in "iuf" and values.size > 0 and np.isfinite(values).all()
        if not numbers or not low <= values.min() <= values.max() <= high:
            raise AssetError(f"{path}: {key} leaves {low}..{high}: truncated or another file; {_SOURCE}")
    return OfficialCharts(
        source=str(path),
        vertex=vertex.astype(np.int64) - 1,
        faces=faces.astype(np.int64) - 1,
        part=part.astype(np.uint8),
        uv=np.stack([u, v], axis=1).astype(np.float32),
    )


def make_official_atlas(
    charts: OfficialCharts, faces: Array, rest_position: Array, mirror: Array | None = None, name: str = "densepose"
) -> Atlas:
    """The official charts on a body of SMPL's topology: SMPL, SMPL-H, or Anny in that topology.

    faces: the body's (f, 3), in its own order. rest_position: its template (v, 3) in our frame, metres. mirror: each
    vertex's counterpart, where the body's file tells it (`SmplData.mirror`); found on the template otherwise.
    Raises AssetError when the charts are for another mesh.
    """
    faces, rest = np.asarray(faces, np.int32), np.asarray(rest_position, np.float32)
    if charts.vertex.max() >= len(rest):
        raise AssetError(
            f"{charts.source}: names vertex {charts.vertex.max() + 1}, and the body has {len(rest)}; the official "
            "charts are for SMPL's topology of 6890 vertices (SMPL-X has another)"
        )
    part, uv, uncharted = _match_faces(charts, faces)
    if len(uncharted) > UNCHARTED_LIMIT * len(faces):
        raise AssetError(
            f"{charts.source}: {len(uncharted)} of the body's {len(faces)} triangles are in no chart; expected 2 of "
            f"{SMPL_FACES} (the file has {len(charts.faces)}, officially {CHART_FACES}): truncated, or for another mesh"
        )
    _fill_uncharted(charts, faces, part, uv, uncharted)
    mirror_vertex = find_mirror_vertices(rest) if mirror is None else np.asarray(mirror, np.int32)
    mirror_face, mirror_corner = find_mirror_faces(faces, rest, mirror_vertex)
    return Atlas(
        name=name,
        faces=faces,
        part=part,
        uv=uv,
        mirror_vertex=mirror_vertex,
        mirror_face=mirror_face,
        mirror_corner=mirror_corner,
        rest_position=rest,
        interior=np.zeros(len(faces), np.bool_),
    )


def _match_faces(
    charts: OfficialCharts, faces: Int32[Array, "f 3"]
) -> tuple[UInt8[Array, "f"], Float32[Array, "f 3 2"], list[int]]:
    """Part and corner coordinates of each body face with the same three vertices; and the faces without."""
    corners = charts.vertex[charts.faces]
    by_vertices = {tuple(sorted(triple)): number for number, triple in reversed(list(enumerate(corners.tolist())))}
    part, uv, uncharted = np.zeros(len(faces), np.uint8), np.zeros((len(faces), 3, 2), np.float32), []
    for face, triple in enumerate(faces.tolist()):
        number = by_vertices.get(tuple(sorted(triple)))
        if number is None:
            uncharted.append(face)
            continue
        part[face] = charts.part[number]
        order = [corners[number].tolist().index(vertex) for vertex in triple]
        uv[face] = charts.uv[charts.faces[number, order]]
    return part, uv, uncharted


def _fill_uncharted(
    charts: OfficialCharts,
    faces: Int32[Array, "f 3"],
    part: UInt8[Array, "f"],
    uv: Float32[Array, "f 3 2"],
    uncharted: list[int],
) -> None:
    """Give faces in no chart the part that most of their corners have, and those corners' coordinates there."""
    if not uncharted:
        return
    known: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))  # vertex → part → chart vertices
    for triangle, number in zip(charts.faces.tolist(), charts.part.tolist(), strict=True):
        for chart_vertex in triangle:
            known[int(charts.vertex[chart_vertex])][number].add(chart_vertex)
    for face in uncharted:
        places = [known[vertex] for vertex in faces[face].tolist()]
        votes = [sum(number in place for place in places) for number in range(25)]
        number = int(np.argmax(votes))
        if votes[number] == 0:
            raise AssetError(f"{charts.source}: no chart comes near the body's face {face}; {_SOURCE}")
        part[face] = number
        choices = [sorted(place[number]) if number in place else [None] for place in places]
        best = min(product(*choices), key=lambda chosen: _spread(charts, chosen))
        found = [charts.uv[vertex] for vertex in best if vertex is not None]
        uv[face] = [np.mean(found, axis=0) if vertex is None else charts.uv[vertex] for vertex in best]


def _spread(charts: OfficialCharts, chosen: tuple[int | None, ...]) -> float:
    places = charts.uv[[vertex for vertex in chosen if vertex is not None]]
    return float(np.ptp(places, axis=0).sum())


def find_mirror_vertices(rest: Float32[Array, "v 3"]) -> Int32[Array, "v"]:
    """Each vertex's counterpart across x = 0: mutual nearest neighbours of the template and its mirror image.

    A vertex without one is its own, so that the mirror stays its own inverse.
    """
    nearest = cKDTree(rest).query(rest * (-1.0, 1.0, 1.0))[1]
    alone = nearest[nearest] != np.arange(len(rest))
    return np.where(alone, np.arange(len(rest)), nearest).astype(np.int32)


def find_mirror_faces(
    faces: Int32[Array, "f 3"], rest: Float32[Array, "v 3"], mirror_vertex: Int32[Array, "v"]
) -> tuple[Int32[Array, "f"], Int32[Array, "f 3"]]:
    """Each face's counterpart, and which of its corners is the counterpart of corner 0, 1, 2.

    Exact where the triangle of the counterpart vertices is a face. Where the two sides cut a quadrilateral along
    different diagonals it is not, and the face whose centre is nearest stands in: `mirror_share` tells how often.
    """
    index = {tuple(sorted(triple)): face for face, triple in enumerate(faces.tolist())}
    mirrored = mirror_vertex[faces]
    mirror_face = np.array([index.get(tuple(sorted(triple)), -1) for triple in mirrored.tolist()], dtype=np.int32)
    centres = rest[faces].mean(axis=1)
    lost = np.flatnonzero(mirror_face < 0)
    if len(lost):
        mirror_face[lost] = cKDTree(centres).query(centres[lost] * (-1.0, 1.0, 1.0))[1]
    exact = mirrored[:, :, None] == faces[mirror_face][:, None, :]
    corner = exact.argmax(axis=2).astype(np.int32)
    orders = np.array(list(permutations(range(3))))
    for face in lost:
        gap = rest[faces[mirror_face[face]]][orders] - rest[faces[face]] * (-1.0, 1.0, 1.0)
        corner[face] = orders[np.square(gap).sum(axis=(1, 2)).argmin()]
    return mirror_face, corner


def mirror_share(atlas: Atlas) -> float:
    """Share of faces, in [0, 1], whose counterpart has exactly the counterparts of their vertices."""
    counterpart = np.take_along_axis(atlas.faces[atlas.mirror_face], atlas.mirror_corner, axis=1)
    return float((counterpart == atlas.mirror_vertex[atlas.faces]).all(axis=1).mean())
