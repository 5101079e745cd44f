"""DensePose's annotated points: a few well-spread pixels of every visible body part.

DensePose's annotators were shown points chosen by k-means over each part's pixels (Güler et al. 2018, section 2.1), at
most 14 a part. Here, the same in the small: candidates are drawn evenly over the part's pixels, the farthest of them
are taken as centres, and two rounds of k-medoids even them out. All parts of all people run side by side.
"""

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float32, Int64
from densesynth.device import address, start_warp
from densesynth.label.charts import ChartLabels
from densesynth.label.kernels import spread_kernel

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

    pixel = labels.pixel[row]
    chosen, used = _spread((pixel % width).astype(np.float32), (pixel // width).astype(np.float32), taken)
    person = present // (COARSE_PARTS + 1)
    rows = np.take_along_axis(row, chosen, axis=1)
    return tuple(np.sort(rows[(person == k)[:, None] & used]) for k in range(1, people + 1))


def _spread(
    x: Float32[Array, "g 128"], y: Float32[Array, "g 128"], count: Int64[Array, "g"]
) -> tuple[Int64[Array, "g 14"], Bool[Array, "g 14"]]:
    """Centres of up to 14 clusters in each of g groups of candidates, as candidate indices, and which of the 14 exist.

    x, y: whole pixels. count: how many of each group's candidates there are. The first centre is the candidate nearest
    to the group's middle, each next one the farthest from those before; then the rounds of k-medoids. The centres of
    one group are distinct: each lies in its own cluster, and clusters are apart. Sums of whole numbers this small are
    exact in float32, so the choice doesn't depend on their order.
    """
    start_warp()
    chosen = np.zeros((len(count), POINTS_PER_PART), dtype=np.int64)
    inputs = [ROUNDS, address(x), address(y), address(count), address(chosen)]
    wp.launch(spread_kernel, len(count), inputs, device="cpu")
    return chosen, np.arange(POINTS_PER_PART) < count[:, None]
