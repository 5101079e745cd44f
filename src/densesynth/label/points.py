"""DensePose's annotated points: a few well-spread pixels of every visible body part.

DensePose's annotators were shown points chosen by k-means over each part's pixels (Güler et al. 2018, section 2.1), at
most 14 a part. Here, the same in the small: candidates are drawn evenly over the part's pixels, the farthest of them
are taken as centres, and two rounds of k-medoids even them out. All parts of all people run side by side.
"""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Float32, Int64
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
    position = np.stack([pixel % width, pixel // width], axis=-1).astype(np.float32)
    chosen, used = _spread(position, valid)
    person = present // (COARSE_PARTS + 1)
    rows = np.take_along_axis(row, chosen, axis=1)
    return tuple(np.sort(rows[(person == k)[:, None] & used]) for k in range(1, people + 1))


def _spread(position: Float32[Array, "g c 2"], valid: Array) -> tuple[Int64[Array, "g k"], Array]:
    """Centres of up to 14 clusters in each of g groups of candidates, as candidate indices, and which of the 14 exist.

    The centres of one group are distinct.
    """
    groups, candidates = valid.shape
    wanted = min(POINTS_PER_PART, candidates)
    every = np.arange(groups)
    count = valid.sum(axis=1)
    used = np.arange(wanted) < count[:, None]

    # Farthest point first, starting at the candidate nearest to the group's middle.
    middle = (position * valid[..., None]).sum(axis=1) / count[:, None]
    chosen = np.empty((groups, wanted), dtype=np.int64)
    chosen[:, 0] = np.where(valid, _squared(position, middle[:, None].astype(np.float32)), np.inf).argmin(axis=1)
    distance = np.empty((wanted, groups, candidates), dtype=np.float32)
    nearest = np.where(valid, np.float32(np.inf), np.float32(-1.0))
    for k in range(wanted):
        if k:
            chosen[:, k] = nearest.argmax(axis=1)
        distance[k] = _squared(position, position[every, chosen[:, k]][:, None])
        np.minimum(nearest, distance[k], out=nearest)

    for _ in range(ROUNDS):
        distance[~used.T] = np.inf
        # A centre lies in its own cluster and clusters are apart, so the new centres are distinct again.
        cluster = np.where(valid, distance.argmin(axis=0), -1)
        member = cluster[:, None, :] == np.arange(wanted)[None, :, None]
        size = np.maximum(member.sum(axis=2), 1)[..., None]
        mean = np.matmul(member.astype(np.float32), position) / size.astype(np.float32)
        to_mean = _squared(position[:, None], mean[:, :, None])
        moved = np.where(member, to_mean, np.inf).argmin(axis=2)
        chosen = np.where(used, moved, chosen)
        for k in range(wanted):
            distance[k] = _squared(position, position[every, chosen[:, k]][:, None])
    return chosen, used


def _squared(a: Array, b: Array) -> Array:
    """Squared distance between points of the picture, pixels²."""
    difference = a - b
    return difference[..., 0] ** 2 + difference[..., 1] ** 2
