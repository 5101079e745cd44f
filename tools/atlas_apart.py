"""Keeping a chart's boundary from running over itself while the chart is relaxed.

After J. Smith and S. Schaefer, "Bijective parameterization with free boundaries" (2015): a barrier between every
boundary vertex and every boundary edge it doesn't belong to, (reach / distance − 1)² within `reach`, and a bound on the
step by the first time a vertex meets an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

STRENGTH = 1e-3


@dataclass(frozen=True)
class Fence:
    """All pairs of a boundary vertex p and an edge a–b: triples (k, 3) of chart vertices p, a, b; reach: (k,)."""

    triples: Array
    reach: Array


def build_fence(loops: list[Array], placed: Array, reach: float) -> Fence:
    """Pairs of the start, which must not overlap; none begins inside its own reach."""
    p = np.concatenate(loops)
    a, b = p, np.concatenate([np.roll(loop, -1) for loop in loops])
    vertex = np.repeat(p, len(a))
    edge = np.tile(np.stack([a, b], axis=1), (len(p), 1))
    apart = (vertex != edge[:, 0]) & (vertex != edge[:, 1])
    triples = np.column_stack([vertex, edge])[apart]
    distance = _measure(placed[triples])[0]
    return Fence(triples, np.minimum(reach, 0.3 * distance))


def _measure(points: Array) -> tuple[Array, Array, Array]:
    """Distance of p from the segment a–b, the unit vector from it to p, and the nearest point's place on it."""
    p, a, b = points[:, 0], points[:, 1], points[:, 2]
    along = b - a
    share = np.clip(((p - a) * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
    gap = p - a - share[:, None] * along
    distance = np.sqrt((gap * gap).sum(axis=1))
    return distance, gap / np.maximum(distance, 1e-30)[:, None], share


def fence_energy(fence: Fence, placed: Array) -> float:
    distance = _measure(placed[fence.triples])[0]
    if (distance <= 0.0).any():
        return float("inf")
    return STRENGTH * float((np.maximum(fence.reach / distance - 1.0, 0.0) ** 2).sum())


def fence_derivatives(fence: Fence, placed: Array) -> tuple[Array, Array, Array]:
    """(chart vertices (k, 3), gradient (k, 3, 2), Gauss–Newton Hessian (k, 6, 6)) of the pairs within reach."""
    distance, normal, share = _measure(placed[fence.triples])
    near = distance < fence.reach
    d, n, s, r = distance[near], normal[near], share[near], fence.reach[near]
    towards = np.stack([n, -(1.0 - s)[:, None] * n, -s[:, None] * n], axis=1)
    first = -2.0 * (r / d - 1.0) * r / d**2
    second = 2.0 * r**2 / d**4 + 4.0 * (r / d - 1.0) * r / d**3
    flat = towards.reshape(-1, 6)
    hessian = STRENGTH * second[:, None, None] * flat[:, :, None] * flat[:, None, :]
    return fence.triples[near], STRENGTH * first[:, None, None] * towards, hessian


def first_meeting(fence: Fence, placed: Array, step: Array) -> float:
    """Smallest step length at which a boundary vertex meets a boundary edge."""
    q, s = placed[fence.triples], step[fence.triples]
    e1, e2, f1, f2 = q[:, 1] - q[:, 0], q[:, 2] - q[:, 0], s[:, 1] - s[:, 0], s[:, 2] - s[:, 0]
    c = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    b = e1[:, 0] * f2[:, 1] - e1[:, 1] * f2[:, 0] + f1[:, 0] * e2[:, 1] - f1[:, 1] * e2[:, 0]
    a = f1[:, 0] * f2[:, 1] - f1[:, 1] * f2[:, 0]
    times = positive_roots(a, b, c)  # p, a and b in line
    best = np.inf
    for time in times:
        possible = np.isfinite(time) & (time < best)
        if not possible.any():
            continue
        t = time[possible][:, None]
        to_a, to_b = e1[possible] + t * f1[possible], e2[possible] + t * f2[possible]
        along = to_b - to_a
        size = (along * along).sum(axis=1)
        share = -(to_a * along).sum(axis=1) / np.maximum(size, 1e-30)
        meets = (share > -1e-6) & (share < 1.0 + 1e-6)
        if meets.any():
            best = min(best, float(t[meets, 0].min()))
    return best


def positive_roots(a: Array, b: Array, c: Array) -> Array:
    """Positive real roots of a t² + b t + c, (2, n); +inf where there is none."""
    under = b * b - 4.0 * a * c
    real = under >= 0.0
    root = np.sqrt(np.where(real, under, 0.0))
    q = -0.5 * (b + np.where(b >= 0.0, root, -root))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([q / a, c / q])
    return np.where(real & np.isfinite(roots) & (roots > 0.0), roots, np.inf)
