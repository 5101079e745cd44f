"""Straight lines over a mesh: from each vertex to those it sees across a strip of triangles laid flat.

A geodesic on a mesh runs straight within the triangles it crosses, once they are laid into one plane, and bends at
vertices alone (Mitchell, Mount and Papadimitriou, "The discrete geodesic problem", 1987). So the straight lines that
cross few triangles, taken as the edges of a graph, give shortest paths that are nearly geodesic and never shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Bool, Float64, Int64

DEPTH = 8  # edges that a line crosses, at most
_BLOCK = 16384  # corners whose lines are followed together


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """From vertex `start` to vertex `end`, with its length in the vertices' unit. A pair may occur more than once."""

    start: Int64[Array, "k"]
    end: Int64[Array, "k"]
    length: Float64[Array, "k"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sides:
    """Side h = 3 f + c of face f lies opposite its corner c. first, second: its ends; opposite: that corner; across:
    the same edge's side of the neighbouring face, −1 at a border."""

    first: Int64[Array, "h"]
    second: Int64[Array, "h"]
    opposite: Int64[Array, "h"]
    across: Int64[Array, "h"]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Views:
    """What a vertex, laid at (0, 0), sees through an edge. side: of the face before the edge; source: the vertex; a, b:
    the edge's ends, b to the left; place_a, place_b: where they are laid; right, left: the rays that bound the view."""

    side: Int64[Array, "n"]
    source: Int64[Array, "n"]
    a: Int64[Array, "n"]
    b: Int64[Array, "n"]
    place_a: Float64[Array, "n 2"]
    place_b: Float64[Array, "n 2"]
    right: Float64[Array, "n 2"]
    left: Float64[Array, "n 2"]

    def those(self, chosen: Bool[Array, "n"]) -> _Views:
        return _Views(**{name: values[chosen] for name, values in vars(self).items()})


def straight_lines(points: Float64[Array, "v 3"], faces: Int64[Array, "f 3"], depth: int = DEPTH) -> Lines:
    """All edges, and all straight lines between vertices across at most `depth` edges."""
    sides = _sides_of(faces, len(points))
    edges = np.linalg.norm(points[sides.first] - points[sides.second], axis=1)
    found = [Lines(start=sides.first, end=sides.second, length=edges)]
    for start in range(0, len(sides.first), _BLOCK):
        views = _first_views(points, sides, np.arange(start, min(start + _BLOCK, len(sides.first))))
        for _ in range(depth):
            lines, views = _cross(points, faces, sides, views.those(sides.across[views.side] >= 0))
            found.append(lines)
    return Lines(**{name: np.concatenate([getattr(one, name) for one in found]) for name in vars(found[0])})


def _sides_of(faces: Int64[Array, "f 3"], count: int) -> _Sides:
    first, second = faces[:, [1, 2, 0]].ravel(), faces[:, [2, 0, 1]].ravel()
    code = np.minimum(first, second) * count + np.maximum(first, second)
    order = np.argsort(code, kind="stable")
    pairs = np.flatnonzero(code[order][1:] == code[order][:-1])
    across = np.full(len(first), -1, np.int64)
    one, other = order[pairs], order[pairs + 1]
    across[one], across[other] = other, one
    return _Sides(first=first, second=second, opposite=faces.ravel(), across=across)


def _first_views(points: Array, sides: _Sides, side: Int64[Array, "n"]) -> _Views:
    """Of each face's corner through the edge opposite it; the edge's first end is laid on the x axis."""
    source, a, b = sides.opposite[side], sides.first[side], sides.second[side]
    to_a, to_b = points[a] - points[source], points[b] - points[source]
    length = np.maximum(np.linalg.norm(to_a, axis=1), 1e-30)
    x = (to_a * to_b).sum(axis=1) / length
    place_a = np.stack([length, np.zeros_like(length)], axis=1)
    place_b = np.stack([x, np.sqrt(np.maximum((to_b * to_b).sum(axis=1) - x * x, 0.0))], axis=1)
    return _Views(side=side, source=source, a=a, b=b, place_a=place_a, place_b=place_b, right=place_a, left=place_b)


def _cross(points: Array, faces: Array, sides: _Sides, views: _Views) -> tuple[Lines, _Views]:
    """Lay the triangle behind each view's edge flat: the lines to its corner where it is seen, and the views through
    its two other edges."""
    behind = sides.across[views.side]
    corner = sides.opposite[behind]
    place = _lay_flat(points, views, corner)
    from_right, from_left = _cross_product(views.right, place), _cross_product(place, views.left)
    seen = (from_right >= 0.0) & (from_left >= 0.0) & (corner != views.source)
    lines = Lines(start=views.source[seen], end=corner[seen], length=np.linalg.norm(place[seen], axis=1))
    face, number = behind // 3, behind % 3
    one, other = 3 * face + (number + 1) % 3, 3 * face + (number + 2) % 3
    a_first = faces[face, (number + 1) % 3] == views.a
    left_of_corner, right_of_corner = from_right > 0.0, from_left > 0.0
    through_a = _Views(
        side=np.where(a_first, other, one), source=views.source, a=views.a, b=corner, place_a=views.place_a,
        place_b=place, right=views.right, left=np.where((from_left >= 0.0)[:, None], place, views.left),
    )  # fmt: skip
    through_b = _Views(
        side=np.where(a_first, one, other), source=views.source, a=corner, b=views.b, place_a=place,
        place_b=views.place_b, right=np.where((from_right >= 0.0)[:, None], place, views.right), left=views.left,
    )  # fmt: skip
    parts = through_a.those(left_of_corner), through_b.those(right_of_corner)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(views)}
    return lines, _Views(**joined)


def _lay_flat(points: Array, views: _Views, corner: Int64[Array, "n"]) -> Float64[Array, "n 2"]:
    """Where the corner behind each view's edge comes to lie, on the far side of the edge."""
    edge = points[views.b] - points[views.a]
    arm = points[corner] - points[views.a]
    along = (arm * edge).sum(axis=1) / np.maximum(np.linalg.norm(edge, axis=1), 1e-30)
    beyond = np.sqrt(np.maximum((arm * arm).sum(axis=1) - along * along, 0.0))
    laid = views.place_b - views.place_a
    unit = laid / np.maximum(np.linalg.norm(laid, axis=1), 1e-30)[:, None]
    outward = np.stack([unit[:, 1], -unit[:, 0]], axis=1)
    return views.place_a + unit * along[:, None] + outward * beyond[:, None]


def _cross_product(one: Float64[Array, "n 2"], other: Float64[Array, "n 2"]) -> Float64[Array, "n"]:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
