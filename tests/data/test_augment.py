"""Changes of pictures: off means off, a stream of random numbers decides everything, shapes stay."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.data import augment
from densesynth.data.augment import NOTHING, AugmentSettings, change_picture, disturb_amplitudes, draw_occluder


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = np.linspace(40, 200, 48)[:, None, None] + np.linspace(-30, 30, 64)[None, :, None]
    return np.clip(smooth + rng.normal(0, 5, (48, 64, 3)), 0, 255).astype(np.uint8)


def test_nothing_is_nothing(picture: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        assert change_picture(picture, NOTHING, rng) is picture
        assert draw_occluder((64, 48), NOTHING, rng) is None


def test_same_numbers_same_picture(picture: np.ndarray) -> None:
    settings = AugmentSettings(clean=0.0)
    for seed in range(60):
        one, other = (change_picture(picture, settings, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(one, other)
        assert one.shape == picture.shape
        assert one.dtype == np.uint8


@pytest.mark.parametrize("change", [*augment._DEGRADE[1:], *augment._COLOUR[1:]], ids=lambda f: f.__name__)
def test_each_changes_the_picture_and_keeps_it_recognisable(picture: np.ndarray, change: object) -> None:
    rows = np.indices(picture.shape)[0].ravel()
    for seed in range(5):
        changed = change(picture, np.random.default_rng(seed))  # type: ignore[operator]
        assert not np.array_equal(changed, picture)
        assert np.corrcoef(changed.ravel(), rows)[0, 1] > 0.3  # still darker at the top


def test_amplitudes_keep_the_mean(picture: np.ndarray) -> None:
    changed = disturb_amplitudes(picture, np.random.default_rng(3))
    assert abs(float(changed.mean()) - float(picture.mean())) < 2.0
    assert not np.array_equal(changed, picture)


def test_occluders_cover_something_but_seldom_everything() -> None:
    settings, rng = AugmentSettings(occlude=1.0), np.random.default_rng(4)
    shares = []
    for _ in range(100):
        paint, cover = draw_occluder((64, 48), settings, rng)
        assert paint.shape == (48, 64, 3)
        shares.append(cover.mean())
    assert 0.05 < np.mean(shares) < 0.5
