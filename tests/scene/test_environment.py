"""Light: deterministic, well exposed, its harmonics true."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.render.lighting import evaluate_basis
from densesynth.scene.environment import LightRanges, colour_of_temperature, draw_lighting


def test_the_same_generator_draws_the_same_light():
    first, second = (draw_lighting(np.random.default_rng(4)) for _ in range(2))
    assert first.direction.tobytes() == second.direction.tobytes()
    assert first.ambient.tobytes() == second.ambient.tobytes()


@pytest.mark.parametrize("seed", range(30))
def test_a_white_surface_that_faces_the_light_is_exposed_as_asked(seed: int):
    ranges = LightRanges(exposure=(0.9, 0.9))
    light = draw_lighting(np.random.default_rng(seed), ranges)
    assert np.linalg.norm(light.direction) == pytest.approx(1.0)
    assert light.direction[2] > 0.2
    facing = evaluate_basis(light.direction) @ light.ambient + light.colour
    assert facing.mean() == pytest.approx(0.9, rel=0.12)  # luminance and mean differ by the tint


@pytest.mark.parametrize("seed", range(30))
def test_ambient_is_nowhere_black_or_negative(seed: int):
    directions = np.random.default_rng(0).normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    light = draw_lighting(np.random.default_rng(seed))
    assert (evaluate_basis(directions) @ light.ambient).min() > 0.0


def test_harmonics_of_the_sky_match_a_sum_over_directions():
    """radiosity = ∫ radiance · cos / π, against the harmonics, for a smooth sky."""
    from densesynth.render.lighting import ambient_from_radiance
    from densesynth.scene.environment import _sphere

    towards = _sphere()
    radiance = np.repeat(1.0 + 0.5 * towards[:, 2:3] + 0.3 * towards[:, :1] * towards[:, 1:2], 3, axis=1)
    ambient = ambient_from_radiance(towards, radiance, np.full(len(towards), 4.0 * np.pi / len(towards)))
    for normal in np.eye(3):
        direct = (radiance[:, 0] * np.maximum(towards @ normal, 0.0)).sum() * 4.0 / len(towards)
        assert (evaluate_basis(normal) @ ambient)[0] == pytest.approx(direct, rel=5e-3)


def test_warm_and_cold_light():
    warm, white, cold = (colour_of_temperature(k) for k in (2800.0, 6500.0, 11000.0))
    assert warm[0] > 1.3 * warm[2]
    assert cold[2] > cold[0]
    np.testing.assert_allclose(white, 1.0, atol=0.06)
