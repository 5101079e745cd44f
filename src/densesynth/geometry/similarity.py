"""Similarities (scale, rotation, shift) that lay some points of a body at rest onto the same points of a posed one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from densesynth.arrays import Array, Float64, Int64


class Landmarks(NamedTuple):
    """Vertices that a similarity is found from: their rows, their middle at rest (metres), their places from it, and
    the sum of their squared distances from it."""

    rows: Int64[Array, "n"]
    middle: Float64[Array, "3"]
    off: Float64[Array, "n 3"]
    size: float


def make_landmarks(position: Float64[Array, "v 3"], rows: Int64[Array, "n"]) -> Landmarks:
    """Some of the vertices at rest (metres)."""
    source = position[rows]
    middle = source.mean(axis=0)
    return Landmarks(rows, middle, source - middle, float(((source - middle) ** 2).sum()))


def find_similarities(
    landmarks: Sequence[Landmarks], targets: Sequence[Array]
) -> tuple[Float64[Array, "k"], Float64[Array, "k 3 3"], Float64[Array, "k 3"]]:
    """Scales and rotations that lay each landmarks' points from their middle nearest to its targets from theirs, and
    the targets' middles (Umeyama 1991)."""
    places = [target.astype(np.float64) for target in targets]
    middles = [place.mean(axis=0) for place in places]
    products = [
        (place - middle).T @ marks.off for marks, place, middle in zip(landmarks, places, middles, strict=True)
    ]  # decomposed together: one by one takes longer to ask for than to do
    u, values, vt = np.linalg.svd(np.stack(products))
    sign = np.ones((len(landmarks), 3))
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    size = np.array([marks.size for marks in landmarks])
    return (values * sign).sum(axis=1) / size, (u * sign[:, None]) @ vt, np.array(middles)
