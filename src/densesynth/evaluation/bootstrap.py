"""How far a score would move with other pictures: bootstrap intervals over images, matches used again.

Pictures are drawn with replacement (Efron and Tibshirani, 1993); people of one picture stay together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.evaluation.average_precision import AREAS, ImageMatches, accumulate, summarise

LEVEL = 0.95


def draw_weights(images: int, draws: int, rng: np.random.Generator) -> Float64[Array, "draws images"]:
    """How often each picture comes up in each draw."""
    return rng.multinomial(images, np.full(images, 1.0 / images), size=draws).astype(np.float64)


def intervals(
    matches: Mapping[str, Sequence[ImageMatches]], draws: int, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """95 % interval (percentiles) of each metric. matches: of every area of AREAS, for the same pictures.

    A metric that is undefined (−1) in a draw is left out of it; one that always is has (−1, −1).
    """
    images = len(matches["all"])
    if not images or draws < 1:
        return {}
    drawn = [
        summarise({area: accumulate(matches[area], weight) for area in AREAS})
        for weight in draw_weights(images, draws, rng)
    ]
    tail = 50.0 * (1.0 - LEVEL)
    result = {}
    for name in drawn[0]:
        values = np.array([one[name] for one in drawn])
        values = values[values > -1.0]
        low, high = np.percentile(values, [tail, 100.0 - tail]) if len(values) else (-1.0, -1.0)
        result[name] = (float(low), float(high))
    return result
