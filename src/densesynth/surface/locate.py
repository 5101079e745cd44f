"""Finding the triangle of a chart that holds a given (part, U, V)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from densesynth.arrays import Array, Float32, Float64, Int32, Int64, UInt8

CELLS = 128  # grid cells along each side of a chart's square
TOLERANCE = 1e-9  # of a barycentric coordinate: a point on an edge belongs to a triangle, whatever the rounding
CHUNK = 2048  # points off the chart that are compared with the boundary at a time


class Located(NamedTuple):
    """Surface points: rows of `faces`, and weights of each face's vertices in order."""

    face: Int32[Array, "n"]
    barycentrics: Float32[Array, "n 3"]


@dataclass(frozen=True, eq=False)
class ChartIndex:
    """A grid over each chart's square, with the triangles that touch each cell, and each chart's boundary.

    corners: (f, 3, 2) U, V of every triangle. first: (25·CELLS² + 1,) where a cell's run in `candidates` begins; cells
    count part, then row (V), then column (U). edge_face, edge_corner: chart boundary, edge k of a face running from
    corner k to the next; first_edge: (26,) where a part's run begins.
    """

    corners: Float64[Array, "f 3 2"]
    first: Int64[Array, "c"]
    candidates: Int32[Array, "k"]
    edge_face: Int32[Array, "e"]
    edge_corner: Int32[Array, "e"]
    first_edge: Int64[Array, "26"]

    def locate(self, part: UInt8[Array, "n"], uv: Float64[Array, "n 2"]) -> Located:
        """The surface point at each (part, u, v). A point off its chart goes to the chart's nearest point."""
        n = len(part)
        cell = np.clip((uv * CELLS).astype(np.int64), 0, CELLS - 1)
        bucket = (part.astype(np.int64) * CELLS + cell[:, 1]) * CELLS + cell[:, 0]
        start, count = self.first[bucket], self.first[bucket + 1] - self.first[bucket]
        point = np.repeat(np.arange(n), count)
        offset = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
        candidate = self.candidates[np.repeat(start, count) + offset]
        weights = solve_barycentrics(self.corners[candidate], uv[point])
        hit = np.flatnonzero(weights.min(axis=1) >= -TOLERANCE)
        face = np.full(n, -1, dtype=np.int32)
        barycentrics = np.zeros((n, 3))
        face[point[hit]] = candidate[hit]
        barycentrics[point[hit]] = np.maximum(weights[hit], 0.0)
        for k in np.unique(part[face < 0]):
            lost = np.flatnonzero((face < 0) & (part == k))
            for chunk in np.split(lost, range(CHUNK, len(lost), CHUNK)):
                face[chunk], barycentrics[chunk] = self._nearest_on_boundary(int(k), uv[chunk])
        barycentrics /= barycentrics.sum(axis=1, keepdims=True)
        return Located(face, barycentrics.astype(np.float32))

    def _nearest_on_boundary(
        self, part: int, uv: Float64[Array, "n 2"]
    ) -> tuple[Int32[Array, "n"], Float64[Array, "n 3"]]:
        run = slice(self.first_edge[part], self.first_edge[part + 1])
        face, corner = self.edge_face[run], self.edge_corner[run]
        a, b = self.corners[face, corner], self.corners[face, (corner + 1) % 3]
        along = b - a
        share = np.einsum("nek,ek->ne", uv[:, None] - a, along) / np.einsum("ek,ek->e", along, along)
        share = np.clip(share, 0.0, 1.0)
        gap = uv[:, None] - a - share[:, :, None] * along
        best = np.argmin(np.einsum("nek,nek->ne", gap, gap), axis=1)
        rows = np.arange(len(uv))
        barycentrics = np.zeros((len(uv), 3))
        barycentrics[rows, corner[best]] = 1.0 - share[rows, best]
        barycentrics[rows, (corner[best] + 1) % 3] = share[rows, best]
        return face[best], barycentrics


def solve_barycentrics(corners: Float64[Array, "n 3 2"], uv: Float64[Array, "n 2"]) -> Float64[Array, "n 3"]:
    """Weights of the three corners that give the point; some are negative when it lies outside."""
    to = corners - uv[:, None]
    b0 = to[:, 1, 0] * to[:, 2, 1] - to[:, 1, 1] * to[:, 2, 0]
    b1 = to[:, 2, 0] * to[:, 0, 1] - to[:, 2, 1] * to[:, 0, 0]
    b2 = to[:, 0, 0] * to[:, 1, 1] - to[:, 0, 1] * to[:, 1, 0]
    weights = np.stack([b0, b1, b2], axis=1)
    return weights / weights.sum(axis=1, keepdims=True)


def index_charts(part: UInt8[Array, "f"], uv: Float32[Array, "f 3 2"]) -> ChartIndex:
    """Build the grid (tens of milliseconds for 27,000 triangles)."""
    corners = uv.astype(np.float64)
    low = np.clip((corners.min(axis=1) * CELLS).astype(np.int64), 0, CELLS - 1)
    high = np.clip((corners.max(axis=1) * CELLS).astype(np.int64), 0, CELLS - 1)
    size = high - low + 1
    count = size[:, 0] * size[:, 1]
    face = np.repeat(np.arange(len(part)), count)
    offset = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    column = low[face, 0] + offset % size[face, 0]
    row = low[face, 1] + offset // size[face, 0]
    bucket = (part[face].astype(np.int64) * CELLS + row) * CELLS + column
    order = np.argsort(bucket, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=25 * CELLS * CELLS))])
    edge_face, edge_corner = find_chart_boundary(part, uv)
    return ChartIndex(
        corners=corners,
        first=first.astype(np.int64),
        candidates=face[order].astype(np.int32),
        edge_face=edge_face,
        edge_corner=edge_corner,
        first_edge=np.searchsorted(part[edge_face], np.arange(26)).astype(np.int64),
    )


def find_chart_boundary(
    part: UInt8[Array, "f"], uv: Float32[Array, "f 3 2"]
) -> tuple[Int32[Array, "e"], Int32[Array, "e"]]:
    """Edges that one triangle of a chart has alone: (face, corner the edge starts at), sorted by part."""
    bits = np.ascontiguousarray(uv).view(np.uint32).astype(np.uint64)
    _, point = np.unique(((bits[..., 0] << np.uint64(32)) | bits[..., 1]).ravel(), return_inverse=True)
    start = point.reshape(-1, 3).astype(np.int64) * 25 + part[:, None]  # one number for each (part, u, v)
    end = np.roll(start, -1, axis=1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    edge = (low * (int(start.max()) + 1) + high).ravel()
    _, inverse, count = np.unique(edge, return_inverse=True, return_counts=True)
    alone = np.flatnonzero(count[inverse] == 1)
    face, corner = (alone // 3).astype(np.int32), (alone % 3).astype(np.int32)
    order = np.argsort(part[face], kind="stable")
    return face[order], corner[order]
