"""Frames of markers as rigid shapes: laying one over another, how much two differ, and which frames say the most.

Gaps are NaN; what two frames have in common is compared.
"""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Bool, Float64, Int64

APART = 0.015  # metres, root mean square; frames nearer to each other than that say the same, but for noise
LEAST_COMMON = 4  # markers; three fix a rigid motion, a fourth says whether it is right


def lay_over(
    source: Float64[Array, "t m 3"], target: Float64[Array, "t m 3"]
) -> tuple[Float64[Array, "t 3 3"], Float64[Array, "t 3"], Float64[Array, "t"]]:
    """The rigid motion (rotation, translation) that brings each frame of `source` nearest to `target`'s, least squares.

    Also the root mean square distance left (metres; infinite where fewer than `LEAST_COMMON` markers are common, with
    the identity for a motion). Kabsch's method.
    """
    common = np.isfinite(source).all(axis=-1) & np.isfinite(target).all(axis=-1)
    weight = common[..., None].astype(np.float64)
    count = weight.sum(axis=1)
    enough = count[:, 0] >= LEAST_COMMON
    safe = np.where(enough[:, None], count, 1.0)
    a, b = np.where(common[..., None], source, 0.0), np.where(common[..., None], target, 0.0)
    middle_a, middle_b = a.sum(axis=1) / safe, b.sum(axis=1) / safe
    a, b = (a - middle_a[:, None]) * weight, (b - middle_b[:, None]) * weight
    u, _, vt = np.linalg.svd(b.swapaxes(1, 2) @ a)
    sign = np.ones((len(u), 1, 3))
    sign[:, 0, 2] = np.linalg.det(u @ vt)
    rotation = (u * sign) @ vt
    left = (b - a @ rotation.swapaxes(1, 2)) * weight
    distance = np.sqrt((left**2).sum(axis=(1, 2)) / safe[:, 0])
    rotation = np.where(enough[:, None, None], rotation, np.eye(3))
    moved = middle_b - (rotation @ middle_a[..., None])[..., 0]
    return rotation, np.where(enough[:, None], moved, 0.0), np.where(enough, distance, np.inf)


def choose_frames(positions: Float64[Array, "t m 3"], usable: Bool[Array, "t"], count: int) -> Int64[Array, "k"]:
    """Up to `count` usable frames that differ most from each other, the one with the most markers first.

    Each next one is farthest, after laying over, from those chosen before, and at least `APART`; among equals the
    earliest. Of a person who stands still one frame is chosen: a hundred of the same errors are no evidence.
    """
    seen = np.isfinite(positions).all(axis=-1).sum(axis=1)
    chosen = [int(np.argmax(np.where(usable, seen, -1)))]
    nearest = np.full(len(positions), np.inf)
    while len(chosen) < min(count, int(usable.sum())):
        _, _, distance = lay_over(np.broadcast_to(positions[chosen[-1]], positions.shape), positions)
        nearest = np.minimum(nearest, distance)
        # A frame with few markers differs little from anything; count it down accordingly.
        far = np.where(np.isfinite(nearest), nearest, 0.0)
        merit = np.where(usable & (far >= APART), far * seen, -1.0)
        merit[chosen] = -1.0
        best = int(np.argmax(merit))
        if merit[best] < 0.0:
            break
        chosen.append(best)
    return np.array(sorted(chosen), dtype=np.int64)
