"""Similarities between a body at rest and posed."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.similarity import find_similarities, make_landmarks


def test_a_similarity_is_found_again() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3))
    turn = matrix_from_vector(np.array([0.3, -0.8, 0.5]))
    places = [1.3 * points @ turn.T + [1.0, 2.0, 3.0], points]
    scales, turns, middles = find_similarities([make_landmarks(points, np.arange(40))] * 2, places)
    assert scales == pytest.approx([1.3, 1.0])
    assert np.allclose(turns, [turn, np.eye(3)])
    assert np.allclose(middles, [place.mean(axis=0) for place in places])
