"""Unwrapping a chart: from triangles with seams to a plane without a flipped triangle.

A chart starts as Tutte's embedding on a circle (W. T. Tutte, "How to draw a graph", 1963), which has no flip, and is
then relaxed with a free boundary to the least symmetric Dirichlet energy |J|² + |J⁻¹|², averaged over the surface
(J. Smith and S. Schaefer, "Bijective parameterization with free boundaries", 2015), by Newton steps whose triangle
Hessians are made positive semi-definite and whose length stops short of the first flip. Single thread, no randomness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from atlas_apart import build_fence, fence_derivatives, fence_energy, first_meeting, positive_roots
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

Array = np.ndarray


@dataclass(frozen=True)
class Chart:
    """Triangles of one chart with the vertices along its seams doubled.

    corners: (f, 3) chart vertices; vertex: (n,) the mesh vertex behind each.
    """

    corners: Array
    vertex: Array


def open_seams(faces: Array, seams: Array) -> Chart:
    """Cut the triangles apart along the seam edges ((s, 2) mesh vertices)."""
    big = int(faces.max()) + 1
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(a, b) * big + np.maximum(a, b)
    corner = np.arange(a.size)
    after = (corner // 3) * 3 + (corner + 1) % 3
    order = np.argsort(key, kind="stable")
    twins = np.flatnonzero(key[order][1:] == key[order][:-1])
    first, second = order[twins], order[twins + 1]
    if len(seams):
        closed = ~np.isin(key[first], seams.min(axis=1) * big + seams.max(axis=1))
        first, second = first[closed], second[closed]
    # twins run against each other: the start of one is the end of the other
    rows, columns = np.concatenate([first, after[first]]), np.concatenate([after[second], second])
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(a.size, a.size))
    count, label = connected_components(graph, directed=False)
    vertex = np.empty(count, dtype=np.int64)
    vertex[label] = a
    return Chart(label.reshape(-1, 3), vertex)


def boundary_loops(corners: Array) -> list[Array]:
    """Closed boundaries, each with the triangles on its left, longest first."""
    a, b = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    big = int(corners.max()) + 1
    open_edge = ~np.isin(a * big + b, b * big + a)
    onward = dict(zip(a[open_edge].tolist(), b[open_edge].tolist(), strict=True))
    if len(onward) != int(open_edge.sum()):
        raise ValueError("a boundary touches itself at a vertex")
    loops = []
    while onward:
        start = min(onward)
        loop = [start]
        while (step := onward.pop(loop[-1])) != start:
            loop.append(step)
        loops.append(np.array(loop))
    return sorted(loops, key=len, reverse=True)


def check_disc(corners: Array) -> Array:
    """The one boundary of a disc; raises ValueError for any other shape."""
    loops = boundary_loops(corners)
    ends = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    euler = int(corners.max()) + 1 - len(np.unique(ends, axis=0)) + len(corners)
    if len(loops) != 1 or euler != 1:
        raise ValueError(f"no disc: {len(loops)} boundaries, Euler number {euler}")
    return loops[0]


def place_on_circle(position: Array, loop: Array, area: float) -> Array:
    """The boundary by arc length on a circle of the given area."""
    step = np.linalg.norm(position[np.roll(loop, -1)] - position[loop], axis=1)
    angle = 2.0 * np.pi * np.concatenate([[0.0], np.cumsum(step)[:-1]]) / step.sum()
    return np.sqrt(area / np.pi) * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def place_on_half_circle(position: Array, loop: Array, level: Array, area: float) -> tuple[Array, Array]:
    """The boundary on a half circle: its run of `level` vertices on the diameter y = 0. Returns (loop, places)."""
    on = np.isin(loop, level)
    (start,) = np.flatnonzero(on & ~np.roll(on, 1))
    loop, count = np.roll(loop, -start), int(on.sum())
    step = np.linalg.norm(position[np.roll(loop, -1)] - position[loop], axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(step)])
    straight = 2.0 * travelled[:count] / travelled[count - 1] - 1.0
    angle = np.pi * (travelled[count:-1] - travelled[count - 1]) / (travelled[-1] - travelled[count - 1])
    x, y = np.r_[straight, np.cos(angle)], np.r_[np.zeros(count), np.sin(angle)]
    return loop, np.sqrt(2.0 * area / np.pi) * np.stack([x, y], axis=1)


def embed(corners: Array, count: int, loop: Array, boundary: Array) -> Array:
    """Tutte's embedding with uniform weights: `loop`'s vertices at `boundary`, which is convex."""
    placed = np.zeros((count, 2))
    placed[loop] = boundary
    a, b = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    graph = coo_matrix((np.ones(2 * a.size), (np.r_[a, b], np.r_[b, a])), shape=(count, count)).tocsr()
    graph.data[:] = 1.0
    inner = np.ones(count, dtype=bool)
    inner[loop] = False
    laplacian = (diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
    if inner.any():
        pull = -laplacian[inner][:, ~inner] @ placed[~inner]
        placed[inner] = splu(csc_matrix(laplacian[inner][:, inner])).solve(pull)
    return placed


def surface_area(triangles: Array) -> float:
    return 0.5 * float(np.linalg.norm(_normals(triangles), axis=1).sum())


def _normals(triangles: Array) -> Array:
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def flatten_triangles(triangles: Array) -> Array:
    """Each triangle in its own plane: (f, 2, 2), columns are the edges 0→1 and 0→2."""
    e1, e2 = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    length = np.linalg.norm(e1, axis=1)
    along = np.einsum("ij,ij->i", e1, e2) / length
    height = np.linalg.norm(np.cross(e1, e2), axis=1) / length
    return np.stack([np.stack([length, along], axis=1), np.stack([np.zeros_like(length), height], axis=1)], axis=1)


def jacobians(corners: Array, placed: Array, inverse_rest: Array) -> Array:
    """d(chart)/d(surface) of every triangle, 2×2."""
    p = placed[corners]
    return np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], axis=2) @ inverse_rest


def relax(
    corners: Array, placed: Array, rest: Array, weight: Array, *, level: Array, reach: float, steps: int
) -> Array:
    """Least symmetric Dirichlet energy from a start without flip or overlap, to an end without flip or overlap.

    rest: (f, 2, 2) edges of each triangle as it wants to lie (columns); weight: per triangle, sums to 1; level:
    chart vertices whose second coordinate stays 0 (the mid-line of a chart that is its own mirror image); reach: gap
    that strands of the boundary keep where they can, in the unit of `placed`.
    """
    n = len(placed)
    inverse_rest = np.linalg.inv(rest)
    fence = build_fence(boundary_loops(corners), placed, reach)
    # J = [p1 − p0, p2 − p0] · R: rows of `shape` say how the corners enter each column of J
    shape = np.stack([-inverse_rest.sum(axis=1), inverse_rest[:, 0], inverse_rest[:, 1]], axis=1)
    operator = np.zeros((len(corners), 6, 4))  # d(vec J)/d(corner coordinates); vec J = J00 J01 J10 J11
    operator[:, 0::2, 0:2] = shape
    operator[:, 1::2, 2:4] = shape
    free = np.ones(2 * n, dtype=bool)
    free[2 * level + 1] = False
    place = np.flatnonzero(free)

    def energy_at(where: Array) -> float:
        inside = _energy(jacobians(corners, where, inverse_rest), weight)
        return inside + fence_energy(fence, where) if np.isfinite(inside) else inside

    energy = energy_at(placed)
    for _ in range(steps):
        gradient4, hessian4 = _derivatives(jacobians(corners, placed, inverse_rest))
        slopes = weight[:, None] * np.einsum("fij,fj->fi", operator, gradient4)
        blocks = weight[:, None, None] * (operator @ hessian4 @ operator.transpose(0, 2, 1))
        triples, fence_slopes, fence_blocks = fence_derivatives(fence, placed)
        index = np.concatenate([_coordinates(corners), _coordinates(triples)])
        slopes = np.concatenate([slopes, fence_slopes.reshape(-1, 6)])
        blocks = np.concatenate([blocks, fence_blocks])
        gradient = np.bincount(index.ravel(), slopes.ravel(), minlength=2 * n)
        rows, columns = np.repeat(index, 6, axis=1).ravel(), np.tile(index, (1, 6)).ravel()
        hessian = coo_matrix((blocks.ravel(), (rows, columns)), shape=(2 * n, 2 * n)).tocsr()[place][:, place]
        hessian = hessian + 1e-9 * diags(hessian.diagonal() + 1e-12)
        step = np.zeros(2 * n)
        step[place] = -splu(csc_matrix(hessian)).solve(gradient[place])
        slope = float(gradient @ step)
        step = step.reshape(n, 2)
        length = min(1.0, 0.9 * _first_flip(corners, placed, step), 0.9 * first_meeting(fence, placed, step))
        while (new := energy_at(placed + length * step)) > energy + 1e-4 * length * slope:
            length *= 0.5
            if length < 1e-12:
                return placed
        placed = placed + length * step
        if energy - new < 1e-7 * energy:
            break
        energy = new
    return placed


def _coordinates(vertices: Array) -> Array:
    return np.stack([2 * vertices, 2 * vertices + 1], axis=2).reshape(len(vertices), 6)


def _energy(jacobian: Array, weight: Array) -> float:
    determinant = np.linalg.det(jacobian)
    if (determinant <= 0.0).any():
        return float("inf")
    square = (jacobian**2).sum(axis=(1, 2))
    return float(weight @ (square * (1.0 + determinant**-2)))


def _derivatives(jacobian: Array) -> tuple[Array, Array]:
    """Gradient and positive semi-definite Hessian of |J|² (1 + det⁻²) in vec J, per triangle."""
    j = jacobian.reshape(-1, 4)
    square = (j**2).sum(axis=1)[:, None]
    d = (j[:, 0] * j[:, 3] - j[:, 1] * j[:, 2])[:, None]
    cofactor = np.stack([j[:, 3], -j[:, 2], -j[:, 1], j[:, 0]], axis=1)
    gradient = 2.0 * j * (1.0 + d**-2) - 2.0 * square * d**-3 * cofactor
    mixed = j[:, :, None] * cofactor[:, None, :]
    swap = np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]], dtype=float)
    hessian = (
        2.0 * (1.0 + d**-2)[:, :, None] * np.eye(4)
        - 4.0 * (d**-3)[:, :, None] * (mixed + mixed.transpose(0, 2, 1))
        + 6.0 * (square * d**-4)[:, :, None] * cofactor[:, :, None] * cofactor[:, None, :]
        - 2.0 * (square * d**-3)[:, :, None] * swap
    )
    values, vectors = np.linalg.eigh(hessian)
    return gradient, (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)


def _first_flip(corners: Array, placed: Array, step: Array) -> float:
    """Smallest positive step length at which a triangle loses its area."""
    p, s = placed[corners], step[corners]
    e1, e2, f1, f2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0], s[:, 1] - s[:, 0], s[:, 2] - s[:, 0]
    c = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    b = e1[:, 0] * f2[:, 1] - e1[:, 1] * f2[:, 0] + f1[:, 0] * e2[:, 1] - f1[:, 1] * e2[:, 0]
    a = f1[:, 0] * f2[:, 1] - f1[:, 1] * f2[:, 0]
    return float(positive_roots(a, b, c).min())
