"""How far what hangs freely, cloth or hair, is behind the body that carries it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from densesynth.arrays import Array, Float64

BEFORE = (0.5, 0.4, 0.3, 0.2, 0.1)  # seconds before the moment from which sway is reckoned
DAMPING, SUBSTEPS = 0.35, 5
FARTHEST = 0.06  # metres that anything lags


def lag_behind(
    path: Float64[Array, "k r 3"], length: Float64[Array, "r 1"], free: Float64[Array, "r 1"]
) -> Float64[Array, "r 3"]:
    """`trail` of what is free to swing by a share (0 to 1), FARTHEST at most."""
    lag = trail(path, length)
    size = np.linalg.norm(lag, axis=1, keepdims=True)
    return np.asarray(lag * free * np.minimum(1.0, FARTHEST / np.maximum(size, 1e-9)))


def trail(path: Float64[Array, "k r 3"], length: Float64[Array, "r 1"]) -> Float64[Array, "r 3"]:
    """How far damped pendulums of some lengths (metres) are behind what carries them along a path: where it was at
    BEFORE and is now."""
    now = path[-1]
    stiff = 9.81 / length
    place, speed = path[0].copy(), np.zeros_like(path[0])
    step = (BEFORE[0] - BEFORE[1]) / SUBSTEPS
    for start, end in pairwise(path):
        for part in range(1, SUBSTEPS + 1):
            held = start + (end - start) * (part / SUBSTEPS)
            # Implicit in the speed, so that short pendulums don't blow up.
            push = stiff * (held - place) - 2.0 * DAMPING * np.sqrt(stiff) * speed
            speed = speed + step * push / (1.0 + step * step * stiff + 2.0 * DAMPING * np.sqrt(stiff) * step)
            place = place + step * speed
    return np.asarray(place - now)
