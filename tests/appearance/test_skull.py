"""The skull's table is what its formula says, and reaches as far as the head does."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.skull import AZIMUTHS, BLOCK, POLARS, Skull


def test_blocks_of_directions_are_what_one_sum_gives() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(700, 3))
    points *= rng.uniform(0.07, 0.12, (700, 1)) / np.linalg.norm(points, axis=1, keepdims=True)
    direction = rng.normal(size=(7 * BLOCK + 11, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    far = np.linalg.norm(points, axis=1)
    weight = np.exp((direction @ (points / far[:, None]).T - 1.0) * 160.0) + 1e-12
    expected = ((weight * far**9).sum(axis=1) / weight.sum(axis=1)) ** (1.0 / 9.0)
    assert np.allclose(Skull(points)._reach(direction), expected, rtol=1e-13, atol=0.0)


def test_the_radius_of_a_ball_is_the_balls() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(3000, 3))
    skull = Skull(0.09 * points / np.linalg.norm(points, axis=1, keepdims=True))
    assert skull._table.shape == (POLARS, AZIMUTHS)
    directions = rng.normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.allclose(skull.radius(directions), 0.09, atol=1e-9)
