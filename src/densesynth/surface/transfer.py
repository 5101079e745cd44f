"""Two-way mapping: (I, U, V) ↔ vertices of one mesh, and points of one body's surface ↔ another's.

Two bodies of different topology are joined in a common pose: landmarks (joints and keypoints) of one are brought onto
the other's by a thin-plate spline (Bookstein 1989; in space its kernel is the distance itself), the remaining gap is
closed in a few smooth steps, and then each vertex goes to the nearest point of the other surface that faces the same
way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.interpolate import RBFInterpolator

from densesynth.arrays import Array, Float32, Float64, Int32, UInt8
from densesynth.errors import ConfigurationError
from densesynth.surface.atlas import Atlas
from densesynth.surface.closest import closest_points, place_points, vertex_normals
from densesynth.surface.locate import Located

STEPS = 3  # of closing the gap; chosen on Anny of one shape against another (tests/surface/test_transfer.py)
SMOOTHING = 12  # averagings over a vertex's neighbours, of each step's displacements
SAME_PLACE = 1e-4  # metres; landmarks nearer than this to an earlier one add nothing


def vertices_from_iuv(
    atlas: Atlas, part: UInt8[Array, "n"], u: Float32[Array, "n"], v: Float32[Array, "n"]
) -> Int32[Array, "n"]:
    """(I, U, V) → the nearest vertex on the template. Errors as `Atlas.decode`; leave background (0) out."""
    return atlas.nearest_vertex(*atlas.decode(part, u, v))


def iuv_from_vertices(
    atlas: Atlas, vertex: Int32[Array, "n"]
) -> tuple[UInt8[Array, "n"], Float32[Array, "n"], Float32[Array, "n"]]:
    """Vertices → (I, U, V). On a seam a vertex has several; it gets those of the lowest part, then lowest face.

    Raises ConfigurationError for a vertex that isn't there or belongs to no face.
    """
    located = locate_vertices(atlas, vertex)
    part, u, v = atlas.encode(*located)
    return part, u, v


def locate_vertices(atlas: Atlas, vertex: Int32[Array, "n"]) -> Located:
    """Vertices → surface points: a corner of a face of theirs, of the lowest part, then the lowest number."""
    count = len(atlas.rest_position)
    face = np.repeat(np.arange(len(atlas.faces)), 3)
    order = np.lexsort((face, atlas.part[face]))
    used, first = np.unique(atlas.faces.reshape(-1)[order], return_index=True)
    corner = np.full(count, -1)  # face · 3 + corner
    corner[used] = order[first]
    if vertex.size and (vertex.min() < 0 or vertex.max() >= count or corner[vertex].min() < 0):
        raise ConfigurationError(
            f"expected vertices 0..{count - 1} of atlas '{atlas.name}', found {vertex.min()}..{vertex.max()} "
            "or one that no face uses"
        )
    barycentrics = np.eye(3, dtype=np.float32)[corner[vertex] % 3]
    return Located((corner[vertex] // 3).astype(np.int32), barycentrics)


@dataclass(frozen=True, eq=False)
class PosedSurface:
    """A mesh in a pose, and landmarks on or in it: the same ones, in the same order, on every body. Metres."""

    vertices: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    landmarks: Float64[Array, "k 3"]


@dataclass(frozen=True, eq=False)
class SurfaceMap:
    """Where each vertex of one mesh lies on another; made by `map_surface`.

    located: on the target's faces. distance: what was left to close at each vertex, metres.
    """

    source_faces: Int32[Array, "f 3"]
    target_faces: Int32[Array, "g 3"]
    target_vertices: Float32[Array, "w 3"]
    located: Located
    distance: Float64[Array, "v"]

    def carry(self, face: Int32[Array, "n"], barycentrics: Float32[Array, "n 3"]) -> Located:
        """Surface points of the source → of the target: between the places of their face's corners."""
        placed = place_points(self.target_vertices, self.target_faces, self.located)
        points = np.einsum("nk,nkc->nc", barycentrics.astype(np.float64), placed[self.source_faces[face]])
        normals = vertex_normals(placed, self.source_faces)[self.source_faces[face]]
        facing = np.einsum("nk,nkc->nc", barycentrics.astype(np.float64), normals)
        return closest_points(points, self.target_vertices, self.target_faces, facing).located

    def nearest_vertices(self) -> Int32[Array, "v"]:
        """For each source vertex, the target's nearest vertex."""
        corners = self.target_faces[self.located.face]
        gap = (
            self.target_vertices[corners] - place_points(self.target_vertices, self.target_faces, self.located)[:, None]
        )
        nearest = np.square(gap).sum(axis=2).argmin(axis=1)
        return corners[np.arange(len(corners)), nearest]


def map_surface(source: PosedSurface, target: PosedSurface) -> SurfaceMap:
    """Join two bodies posed alike; some seconds for a body. `map_surface(b, a)` is the way back.

    Raises ConfigurationError when the landmarks don't pair.
    """
    if source.landmarks.shape != target.landmarks.shape:
        raise ConfigurationError(
            f"expected the same landmarks on both bodies, found {len(source.landmarks)} and {len(target.landmarks)}"
        )
    vertices = warp_landmarks(source.vertices, source.landmarks, target.landmarks)
    average = _neighbour_average(source.faces, len(vertices))
    for _ in range(STEPS):
        nearest = closest_points(vertices, target.vertices, target.faces, vertex_normals(vertices, source.faces))
        step = place_points(target.vertices, target.faces, nearest.located) - vertices
        for _ in range(SMOOTHING):
            step = average @ step
        vertices = vertices + step
    nearest = closest_points(vertices, target.vertices, target.faces, vertex_normals(vertices, source.faces))
    return SurfaceMap(source.faces, target.faces, target.vertices, nearest.located, nearest.distance)


def warp_landmarks(points: Array, source: Array, target: Array) -> Float64[Array, "n 3"]:
    """Points moved by the thin-plate spline that takes the source landmarks to the target's."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    kept: list[int] = []
    for number in range(len(source)):
        for places in (source, target):
            if kept and np.linalg.norm(places[kept] - places[number], axis=1).min() < SAME_PLACE:
                break
        else:
            kept.append(number)
    spline = RBFInterpolator(source[kept], target[kept] - source[kept], kernel="linear", degree=1)
    points = np.asarray(points, np.float64)
    return points + spline(points)


def _neighbour_average(faces: Int32[Array, "f 3"], count: int) -> sparse.csr_matrix:
    """Matrix that replaces each vertex's value by the mean of its own and its neighbours'."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1], np.repeat(np.arange(count), 2).reshape(-1, 2)])
    matrix = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    matrix.data[:] = 1.0
    return sparse.diags(1.0 / np.asarray(matrix.sum(axis=1)).ravel()) @ matrix
