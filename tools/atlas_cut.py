"""Where the body is cut: Anny's left half is divided along edge loops; the right half is its mirror image.

Every border is a cheapest path over the edges of the mesh's quads (never their diagonals). An edge costs its length
times 1 + (distance from the wanted line / softness)²; a change of direction by θ costs TURN_PRICE · (1 − cos θ)². So a
border keeps to one edge loop as long as that loop stays near the wanted line, and its steps are few. Positions are
those of Anny's template: metres, z up, facing −y, the person's left at +x.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

Array = np.ndarray

TURN_PRICE = 0.10  # metres of detour that a right-angled turn is worth


@dataclass(frozen=True)
class Ring:
    """A border once round a limb: near the plane through `point`, no farther than `reach` from it."""

    point: tuple[float, float, float]
    normal: tuple[float, float, float]
    reach: float
    softness: float = 0.02
    band: float = 0.06


@dataclass(frozen=True)
class Line:
    """A border from one set of vertices to another, near the polyline `way` (metres)."""

    way: tuple[tuple[float, float, float], ...]
    softness: float = 0.03
    band: float = 0.07


# Read off the template beside its joints, and judged on the pictures that tools/atlas_sheet.py draws.
NECK = Ring((0.0, -0.02, 0.570), (0.0, -0.45, 0.89), reach=0.13)
ARMHOLE = Ring((0.172, -0.01, 0.49), (0.93, 0.0, -0.37), reach=0.12)
ELBOW = Ring((0.313, -0.013, 0.349), (0.62, -0.50, -0.61), reach=0.08)
WRIST = Ring((0.428, -0.172, 0.247), (0.53, -0.70, -0.46), reach=0.06)
GROIN = Ring((0.09, -0.02, -0.045), (0.30, 0.0, -0.95), reach=0.15)
KNEE = Ring((0.158, -0.032, -0.369), (0.14, 0.0, -0.99), reach=0.10)
ANKLE = Ring((0.22, 0.0, -0.735), (0.0, 0.0, -1.0), reach=0.08)

SHOULDER_AND_ARM_TOP = Line(
    (
        (0.055, 0.0, 0.60),
        (0.12, -0.005, 0.575),
        (0.19, -0.015, 0.555),
        (0.25, -0.015, 0.47),
        (0.335, -0.012, 0.38),
        (0.395, -0.10, 0.32),
        (0.445, -0.175, 0.27),
    )
)
ARM_UNDERSIDE = Line(
    ((0.175, -0.02, 0.43), (0.22, -0.015, 0.40), (0.29, -0.012, 0.315), (0.345, -0.10, 0.265), (0.415, -0.175, 0.22))
)
TRUNK_AND_LEG_OUTSIDE = Line(
    (
        (0.17, -0.01, 0.44),
        (0.14, -0.02, 0.25),
        (0.15, -0.02, 0.08),
        (0.19, -0.025, -0.05),
        (0.215, -0.03, -0.369),
        (0.24, -0.01, -0.56),
        (0.25, 0.003, -0.745),
    )
)
LEG_INSIDE = Line(
    ((0.0, -0.01, -0.045), (0.035, -0.015, -0.06), (0.105, -0.03, -0.369), (0.14, -0.01, -0.56), (0.185, 0.003, -0.745))
)
# One point inside each left part, by DensePose's id; the torso's halves straddle the mid-plane.
SEEDS = {
    1: (0.08, 0.10, 0.30), 2: (0.08, -0.13, 0.20), 4: (0.46, -0.24, 0.19), 5: (0.22, -0.12, -0.78),
    8: (0.14, 0.06, -0.2), 10: (0.14, -0.12, -0.2), 12: (0.19, 0.05, -0.5), 14: (0.19, -0.06, -0.5),
    15: (0.25, -0.06, 0.42), 17: (0.25, 0.04, 0.42), 19: (0.36, -0.10, 0.30), 21: (0.40, -0.09, 0.26),
    24: (0.08, -0.02, 0.75),
}  # fmt: skip


@dataclass(frozen=True)
class Quads:
    """The mesh's quads as a graph.

    corners: (q, 4) vertices in order; triangles 2q and 2q + 1 make quad q. edges: (e, 2) vertices, each edge once;
    pairs: (e, 2) the quads on its two sides. position: (v, 3), metres.
    """

    corners: Array
    edges: Array
    pairs: Array
    position: Array

    @property
    def centre(self) -> Array:
        return self.position[self.corners].mean(axis=1)


def pair_triangles(faces: Array, position: Array) -> Quads:
    """Join triangles 2q and 2q + 1, which Anny made from quad q, and find the quads' neighbours."""
    corners = np.empty((len(faces) // 2, 4), dtype=np.int64)
    for q, (a, b) in enumerate(zip(faces[0::2].tolist(), faces[1::2].tolist(), strict=True)):
        (lone,) = set(b) - set(a)
        start = a.index(b[(b.index(lone) + 1) % 3])  # the diagonal's end that follows the lone corner
        corners[q] = [a[start], a[(start + 1) % 3], a[(start + 2) % 3], lone]
    ends = np.stack([corners.ravel(), np.roll(corners, -1, axis=1).ravel()], axis=1)
    low, high = ends.min(axis=1), ends.max(axis=1)
    order = np.lexsort((high, low)).reshape(-1, 2)  # a closed mesh: each edge twice
    quad = np.repeat(np.arange(len(corners)), 4)
    return Quads(corners, ends[order[:, 0]], quad[order], position)


def _turns(position: Array, half_edges: Array) -> tuple[Array, Array, Array]:
    """Every way on from one directed edge to the next: (from, to, price of the turn in metres)."""
    order = np.argsort(half_edges[:, 0], kind="stable")
    starts = half_edges[order, 0]
    first = np.searchsorted(starts, half_edges[:, 1], side="left")
    last = np.searchsorted(starts, half_edges[:, 1], side="right")
    count = last - first
    come = np.repeat(np.arange(len(half_edges)), count)
    go = order[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)]
    onward = half_edges[come, 0] != half_edges[go, 1]
    come, go = come[onward], go[onward]
    direction = position[half_edges[:, 1]] - position[half_edges[:, 0]]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    cosine = np.einsum("ij,ij->i", direction[come], direction[go])
    return come, go, TURN_PRICE * (1.0 - cosine) ** 2


def _half_edges(quads: Quads, near: Array) -> Array:
    edges = quads.edges[near[quads.edges].all(axis=1)]
    return np.concatenate([edges, edges[:, ::-1]])


def _costs(quads: Quads, half_edges: Array, distance: Array, softness: float) -> Array:
    a, b = half_edges.T
    length = np.linalg.norm(quads.position[a] - quads.position[b], axis=1)
    return length * (1.0 + ((distance[a] + distance[b]) / (2.0 * softness)) ** 2)


def _walk_back(before: Array, start: int, end: int) -> list[int]:
    states = [end]
    while states[-1] != start:
        states.append(int(before[states[-1]]))
    return states[::-1]


def trace_ring(quads: Quads, ring: Ring, allowed: Array) -> Array:
    """Vertices of the cheapest closed path once round the ring's axis, in order.

    Each directed edge is a state in two copies: before and after the path crosses a half-plane that ends at the axis;
    a closed path goes from one copy of a state to the other.
    """
    unit = np.asarray(ring.normal) / np.linalg.norm(ring.normal)
    offset = quads.position - ring.point
    distance = offset @ unit
    near = allowed & (np.abs(distance) < ring.band) & (np.linalg.norm(offset, axis=1) < ring.reach)
    half_edges = _half_edges(quads, near)
    cost = _costs(quads, half_edges, distance, ring.softness)
    side = np.cross(unit, (0.0, 1.0, 0.0))
    across, along = offset @ np.cross(unit, side), offset @ side
    a, b = half_edges.T
    outer = along[a] + along[b] > 0.0
    crosses = outer & (across[a] < 0.0) & (across[b] >= 0.0)
    barred = outer & (across[a] >= 0.0) & (across[b] < 0.0)
    come, go, turn = _turns(quads.position, half_edges)
    keep = ~barred[come] & ~barred[go]
    come, go, turn = come[keep], go[keep], turn[keep]
    n = len(half_edges)
    step = crosses[go]
    rows = np.concatenate([come, come[~step] + n])
    columns = np.concatenate([go + n * step, go[~step] + n])
    price = np.concatenate([turn + cost[go], (turn + cost[go])[~step]])
    graph = coo_matrix((price, (rows, columns)), shape=(2 * n, 2 * n)).tocsr()
    seams = np.flatnonzero(crosses)
    if not len(seams):
        raise ValueError(f"no edge near {ring}")
    total, before = dijkstra(graph, indices=seams, return_predecessors=True)
    closing = total[np.arange(len(seams)), seams + n]
    best = int(np.argmin(closing))
    if not np.isfinite(closing[best]):
        raise ValueError(f"no closed path near {ring}")
    states = _walk_back(before[best], int(seams[best]), int(seams[best]) + n)
    return half_edges[np.array(states[1:]) % n, 1]


def distance_to_way(position: Array, way: tuple[tuple[float, float, float], ...]) -> Array:
    points = np.asarray(way)
    nearest = np.full(len(position), np.inf)
    for a, b in pairwise(points):
        along = np.clip((position - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        nearest = np.minimum(nearest, np.linalg.norm(position - a - along[:, None] * (b - a), axis=1))
    return nearest


def trace_line(quads: Quads, line: Line, sources: Array, targets: Array, allowed: Array) -> Array:
    """Vertices of the cheapest path from any of `sources` to any of `targets`, in order."""
    distance = distance_to_way(quads.position, line.way)
    half_edges = _half_edges(quads, allowed & (distance < line.band))
    cost = _costs(quads, half_edges, distance, line.softness)
    come, go, turn = _turns(quads.position, half_edges)
    is_source = np.isin(half_edges[:, 0], sources)
    is_target = np.isin(half_edges[:, 1], targets)
    n = len(half_edges)
    rows = np.concatenate([come, np.full(is_source.sum(), n), np.flatnonzero(is_target)])
    columns = np.concatenate([go, np.flatnonzero(is_source), np.full(is_target.sum(), n + 1)])
    price = np.concatenate([turn + cost[go], cost[is_source], np.full(is_target.sum(), 1e-9)])
    graph = coo_matrix((price, (rows, columns)), shape=(n + 2, n + 2)).tocsr()
    total, before = dijkstra(graph, indices=n, return_predecessors=True)
    if not np.isfinite(total[n + 1]):
        raise ValueError(f"no path near {line}")
    states = _walk_back(before, n, n + 1)[1:-1]
    return np.concatenate([half_edges[states[:1], 0], half_edges[states, 1]])


def divide_left_half(quads: Quads, skin: Array) -> Array:
    """Part of every quad whose centre lies at x > 0 (0 elsewhere): 1, 2 and the left parts of DensePose's 24.

    skin: per quad, true on the outer component (no eyeball, no tongue). The other components go to the head.
    """
    position = quads.position
    left = quads.centre[:, 0] > 0.0
    allowed = np.zeros(len(position), dtype=bool)
    allowed[quads.corners[left & skin]] = True
    middle = np.flatnonzero(allowed & (position[:, 0] == 0.0))

    everywhere = np.zeros(len(position), dtype=bool)
    everywhere[quads.corners[skin]] = True
    rings = {
        name: trace_ring(quads, ring, everywhere if name == "neck" else allowed)
        for name, ring in (
            ("neck", NECK), ("armhole", ARMHOLE), ("elbow", ELBOW), ("wrist", WRIST), ("groin", GROIN),
            ("knee", KNEE), ("ankle", ANKLE),
        )
    }  # fmt: skip
    lines = (
        trace_line(quads, SHOULDER_AND_ARM_TOP, rings["neck"], rings["wrist"], allowed),
        trace_line(quads, ARM_UNDERSIDE, rings["armhole"], rings["wrist"], allowed),
        trace_line(quads, TRUNK_AND_LEG_OUTSIDE, rings["armhole"], rings["ankle"], allowed),
        trace_line(quads, LEG_INSIDE, middle, rings["ankle"], allowed),
    )
    walls = [np.stack([ring, np.roll(ring, -1)], axis=1) for ring in rings.values()]
    walls += [np.stack([line[:-1], line[1:]], axis=1) for line in lines]
    return _flood(quads, left & skin, np.concatenate(walls)) + np.where(left & ~skin, 24, 0).astype(np.uint8)


def _flood(quads: Quads, member: Array, walls: Array) -> Array:
    """Label the quads by the region their seed lies in; regions end at the walls."""
    n = len(quads.position)
    barrier = np.isin(quads.edges.min(axis=1) * n + quads.edges.max(axis=1), walls.min(axis=1) * n + walls.max(axis=1))
    label = label_components(quads, member, ~barrier)
    part = np.zeros(len(member), dtype=np.uint8)
    centre = np.where(member[:, None], quads.centre, np.inf)
    for seed_part, seed in SEEDS.items():
        region = label[np.argmin(((centre - seed) ** 2).sum(axis=1))]
        if part[label == region].any():
            raise ValueError(f"parts {seed_part} and {part[label == region].max()} share one region")
        part[label == region] = seed_part
    if (part[member] == 0).any():
        raise ValueError(f"{int((part[member] == 0).sum())} quads lie in no part's region")
    return part


def label_components(quads: Quads, member: Array, passable: Array | None = None) -> Array:
    """Edge-connected component of each marked quad; −1 for the others."""
    inside = member[quads.pairs].all(axis=1)
    if passable is not None:
        inside &= passable
    a, b = quads.pairs[inside].T
    n = len(quads.corners)
    _, label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    return np.where(member, label, -1)
