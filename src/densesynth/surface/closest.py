"""The nearest point of a triangle mesh to each of many points, exactly, in double precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Float64, Int32, Int64
from densesynth.surface.locate import Located

CHUNK = 2048  # points at a time
SIZES = 4  # groups of triangles by size, so that a few big ones don't widen the search for all
ROUNDS = 5  # times the search widens for points whose nearest triangles face away


class Nearest(NamedTuple):
    """Surface points, and how far each lies from its query (metres, or whatever the mesh is in)."""

    located: Located
    distance: Float64[Array, "n"]


def closest_points(points: Array, vertices: Array, faces: Array, normals: Array | None = None) -> Nearest:
    """points (n, 3) → nearest points of the mesh (vertices (v, 3), faces (f, 3)); among equals the first face.

    normals (n, 3): outward directions at the points; then only triangles that face the same way count, so that a thigh
    isn't taken for a hand beside it. Where none does within a wide search, the nearest of all is given.
    """
    points, corners = np.asarray(points, np.float64), np.asarray(vertices, np.float64)[np.asarray(faces)]
    directions = None if normals is None else np.asarray(normals, np.float64)
    groups = _group(corners)
    radius = cKDTree(corners.reshape(-1, 3)).query(points)[0] * (1.0 + 1e-9) + 1e-12  # a corner is never nearer
    face = np.full(len(points), -1, np.int64)
    weights, distance = np.zeros((len(points), 3)), np.full(len(points), np.inf)

    def search(rows: Int64[Array, "m"], reach: Float64[Array, "m"], facing: Float64[Array, "m 3"] | None) -> None:
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            found = _search(points[rows[part]], reach[part], corners, groups, None if facing is None else facing[part])
            better = found[2] <= reach[part]  # what lies farther may not be the nearest
            chosen = rows[part][better]
            face[chosen], weights[chosen], distance[chosen] = (value[better] for value in found)

    rows = np.arange(len(points))
    if directions is not None:
        reach = radius.copy()
        for _ in range(ROUNDS):
            search(rows, reach[rows], directions[rows])
            rows = np.flatnonzero(face < 0)
            reach *= 2.0
    search(rows, radius[rows], None)
    return Nearest(Located(face.astype(np.int32), weights.astype(np.float32)), distance)


def vertex_normals(vertices: Array, faces: Array) -> Float64[Array, "v 3"]:
    """Unit outward normals, each face weighing by its area; zero for a vertex of no face."""
    corners = np.asarray(vertices, np.float64)[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(total, faces[:, corner], normal)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.where(length > 0.0, length, 1.0)


_Group = tuple[cKDTree, Int64[Array, "_"], float]


def _group(corners: Float64[Array, "f 3 3"]) -> list[_Group]:
    """Triangles by size: tree of their centres, their numbers, greatest distance of a corner from its centre."""
    centres = corners.mean(axis=1)
    reach = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
    order = np.argsort(reach, kind="stable")
    return [
        (cKDTree(centres[numbers]), numbers, float(reach[numbers[-1]]))
        for numbers in np.array_split(order, SIZES)
        if len(numbers)
    ]


def _search(
    points: Float64[Array, "m 3"],
    reach: Float64[Array, "m"],
    corners: Float64[Array, "f 3 3"],
    groups: list[_Group],
    facing: Float64[Array, "m 3"] | None,
) -> tuple[Int64[Array, "m"], Float64[Array, "m 3"], Float64[Array, "m"]]:
    """Nearest of the triangles that come within reach of each point: face (−1 for none), weights, distance."""
    owners, candidates = [], []
    for tree, numbers, size in groups:
        lists = tree.query_ball_point(points, reach + size, return_sorted=False)
        owners.append(np.repeat(np.arange(len(points)), [len(found) for found in lists]))
        candidates.append(numbers[np.concatenate([np.asarray(found, np.int64) for found in lists])])
    owner, candidate = np.concatenate(owners), np.concatenate(candidates)
    triangle = corners[candidate]
    if facing is not None:
        normal = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
        same = (normal * facing[owner]).sum(axis=1) > 0.0
        owner, candidate, triangle = owner[same], candidate[same], triangle[same]
    weights = _project(points[owner], triangle)
    distance = np.linalg.norm(np.einsum("nk,nkc->nc", weights, triangle) - points[owner], axis=1)
    order = np.lexsort((candidate, distance, owner))
    first = order[np.unique(owner[order], return_index=True)[1]]
    face, best, gap = np.full(len(points), -1), np.zeros((len(points), 3)), np.full(len(points), np.inf)
    face[owner[first]], best[owner[first]], gap[owner[first]] = candidate[first], weights[first], distance[first]
    return face, best, gap


def _project(points: Float64[Array, "n 3"], triangles: Float64[Array, "n 3 3"]) -> Float64[Array, "n 3"]:
    """Barycentrics of each triangle's point nearest to its query point."""
    a, b, c = (triangles[:, k] for k in range(3))
    normal = np.cross(b - a, c - a)
    area = (normal * normal).sum(axis=1)
    safe = np.where(area > 0.0, area, 1.0)
    inside = np.stack(
        [
            (np.cross(c - b, points - b) * normal).sum(axis=1) / safe,
            (np.cross(a - c, points - c) * normal).sum(axis=1) / safe,
            (np.cross(b - a, points - a) * normal).sum(axis=1) / safe,
        ],
        axis=1,
    )
    best, gap = np.zeros_like(inside), np.full(len(points), np.inf)
    for k in range(3):
        start, along = triangles[:, k], triangles[:, (k + 1) % 3] - triangles[:, k]
        length = (along * along).sum(axis=1)
        share = np.clip(((points - start) * along).sum(axis=1) / np.where(length > 0.0, length, 1.0), 0.0, 1.0)
        off = points - start - share[:, None] * along
        distance = (off * off).sum(axis=1)
        nearer = distance < gap
        gap = np.where(nearer, distance, gap)
        edge = np.zeros_like(inside)
        edge[:, k], edge[:, (k + 1) % 3] = 1.0 - share, share
        best[nearer] = edge[nearer]
    within = (inside.min(axis=1) >= 0.0) & (area > 0.0)
    best[within] = inside[within]
    return best / best.sum(axis=1, keepdims=True)


def place_points(vertices: Array, faces: Int32[Array, "f 3"], located: Located) -> Float64[Array, "n 3"]:
    """Where surface points lie on a posed mesh."""
    corners = np.asarray(vertices, np.float64)[faces[located.face]]
    return np.einsum("nk,nkc->nc", located.barycentrics.astype(np.float64), corners)
