"""DensePose's annotated points: a few well-spread pixels of every visible body part.

DensePose's annotators were shown points chosen by k-means over each part's pixels (Güler et al. 2018, section 2.1), at
most 14 a part. Here, the same in the small: candidates are drawn evenly over the part's pixels, the farthest of them
are taken as centres, and two rounds of k-medoids even them out. All parts of all people run side by side.
"""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Bool, Float32, Int64
from densesynth.label.charts import ChartLabels

POINTS_PER_PART = 14
CANDIDATES = 128
ROUNDS = 2
COARSE_PARTS = 14


def choose_points(labels: ChartLabels, people: int, rng: np.random.Generator) -> tuple[Int64[Array, "_"], ...]:
    """For persons 1..people, the chosen rows of `labels` (rising): up to 14 for each coarse part, at most 196."""
    width = labels.coarse.shape[1]
    coarse = labels.coarse.reshape(-1)[labels.pixel]
    group = labels.instance.astype(np.uint16) * np.uint16(COARSE_PARTS + 1) + coarse
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    present = np.flatnonzero(sizes)
    if not len(present):
        return tuple(np.empty(0, dtype=np.int64) for _ in range(people))
    size = sizes[present]
    start = np.cumsum(size) - size

    # Jittered strides through each group's pixels, which are in row order: even over the part, and distinct.
    taken = np.minimum(size, CANDIDATES)
    step = (size / taken)[:, None]
    jitter = rng.random((len(present), CANDIDATES)) * np.where(size > CANDIDATES, 1.0, 0.0)[:, None]
    offset = np.minimum(((np.arange(CANDIDATES) + jitter) * step).astype(np.int64), (size - 1)[:, None])
    row = order[start[:, None] + offset]
    valid = np.arange(CANDIDATES) < taken[:, None]

    pixel = labels.pixel[row]
    chosen, used = _spread((pixel % width).astype(np.float32), (pixel // width).astype(np.float32), valid)
    person = present // (COARSE_PARTS + 1)
    rows = np.take_along_axis(row, chosen, axis=1)
    return tuple(np.sort(rows[(person == k)[:, None] & used]) for k in range(1, people + 1))


def _spread(
    x: Float32[Array, "g c"], y: Float32[Array, "g c"], valid: Bool[Array, "g c"]
) -> tuple[Int64[Array, "g k"], Bool[Array, "g k"]]:
    """Centres of up to 14 clusters in each of g groups of candidates, as candidate indices, and which of the 14 exist.

    x, y: whole pixels. The centres of one group are distinct. Sums of whole numbers this small are exact in float32,
    so the choice doesn't depend on their order.
    """
    every = np.arange(len(valid))
    slots = np.arange(POINTS_PER_PART)
    count = valid.sum(axis=1)
    used = slots < count[:, None]
    chosen = np.zeros((len(valid), POINTS_PER_PART), dtype=np.int64)
    distance = np.empty((POINTS_PER_PART, *valid.shape), dtype=np.float32)

    def measure(k: int) -> None:
        """Squared distance of all candidates from centre k, pixels²; infinite from centres that don't exist."""
        at = chosen[:, k]
        distance[k] = (x - x[every, at][:, None]) ** 2 + (y - y[every, at][:, None]) ** 2
        distance[k, ~used[:, k]] = np.inf

    # Farthest point first, starting at the candidate nearest to the group's middle.
    middle_x, middle_y = ((axis * valid).sum(axis=1, keepdims=True) / count[:, None] for axis in (x, y))
    chosen[:, 0] = np.where(valid, (x - middle_x) ** 2 + (y - middle_y) ** 2, np.inf).argmin(axis=1)
    nearest = np.where(valid, np.float32(np.inf), np.float32(-1.0))
    for k in range(POINTS_PER_PART):
        if k:
            chosen[:, k] = nearest.argmax(axis=1)
        measure(k)
        np.minimum(nearest, distance[k], out=nearest)

    for turn in range(ROUNDS):
        # A centre lies in its own cluster and clusters are apart, so the new centres are distinct again.
        cluster = distance.argmin(axis=0)
        member = (cluster[:, None] == slots[:, None]) & valid[:, None]
        weight = member.astype(np.float32)
        size = np.maximum(weight.sum(axis=2), 1.0)
        mean_x, mean_y = (np.einsum("gkc,gc->gk", weight, axis) / size for axis in (x, y))
        to_mean = (x - np.take_along_axis(mean_x, cluster, axis=1)) ** 2
        to_mean += (y - np.take_along_axis(mean_y, cluster, axis=1)) ** 2
        chosen = np.where(used, np.where(member, to_mean[:, None], np.inf).argmin(axis=2), chosen)
        if turn < ROUNDS - 1:
            for k in range(POINTS_PER_PART):
                measure(k)
    return chosen, used
