"""The sensor: without noise an exact sRGB encoding; with it, noise of the strength that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.render.sensor import develop, encode_srgb


def test_noise_off_is_srgb() -> None:
    linear = np.random.default_rng(0).uniform(-0.1, 1.2, size=(40, 50, 3)).astype(np.float32)
    picture = develop(linear, 0.0, np.random.default_rng(1))
    exact = encode_srgb(np.clip(linear, 0, 1)) * 255
    assert np.abs(picture - exact).max() <= 0.6  # half a step, and a little for the table


def test_srgb_curve_against_its_definition() -> None:
    assert encode_srgb(np.float32([0.0, 0.0031308, 0.214041, 1.0])) == pytest.approx([0, 0.04045, 0.5, 1.0], abs=1e-4)


def test_noise_has_the_strength_asked_for() -> None:
    grey = np.full((200, 200, 3), 0.18, np.float32)
    picture = develop(grey, 0.02, np.random.default_rng(1))
    assert picture.std() / 255 == pytest.approx(0.02, rel=0.05)
    channels = picture.reshape(-1, 3).astype(float)
    assert np.abs(np.corrcoef(channels.T) - np.eye(3)).max() < 0.1
    dark = develop(np.full((200, 200, 3), 0.01, np.float32), 0.02, np.random.default_rng(1))
    assert dark.std() > 0


def test_noise_is_a_function_of_its_stream() -> None:
    grey = np.full((64, 64, 3), 0.3, np.float32)
    first, again, other = (develop(grey, 0.05, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
