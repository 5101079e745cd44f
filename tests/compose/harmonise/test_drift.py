"""Drift sees motion and no change of colour; carried colours move nothing; the cheap ways do what they say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy import ndimage

from densesynth.compose.harmonise.carry import carry_colours
from densesynth.compose.harmonise.drift import measure_drift
from densesynth.compose.harmonise.harmoniser import Harmoniser
from densesynth.compose.harmonise.perturb import PerturbSettings, perturb
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.compose.harmonise.transfer import boundary_bands, match_band, transfer_reinhard
from densesynth.errors import AssetError

SIZE = 160


def scene(shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A textured figure that stands `shift` px to the right before a still textured background; its mask."""
    rng = np.random.default_rng(3)
    texture, ground = (
        cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE, 3)).astype(np.float32), (0, 0), 2.5) for _ in range(2)
    )
    y, x = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot(x - SIZE / 2 - shift, 0.7 * (y - SIZE / 2))
    mask = np.clip(38.5 - distance, 0.0, 1.0).astype(np.float32)
    figure = ndimage.shift(0.6 + 0.9 * texture, (0, shift, 0), order=3, mode="nearest")
    picture = figure * mask[..., None] + (0.35 + 0.9 * ground) * (1.0 - mask[..., None])
    return np.clip(picture, 0.02, 0.98).astype(np.float32), mask


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("recolour", [False, True])
def test_known_shifts_are_measured(shift: float, recolour: bool) -> None:
    before, mask = scene()
    after, moved_mask = scene(shift)
    if recolour:
        coloured = after @ np.array([[0.7, 0.05, 0], [0.1, 0.8, 0.05], [0, 0, 0.6]], np.float32) + np.float32(0.1)
        after = np.where(moved_mask[..., None] > 0, after + (coloured - after) * moved_mask[..., None], after)
    drift = measure_drift(before, after.astype(np.float32), mask)
    tolerance = 0.035 + 0.08 * shift
    assert drift.texture == pytest.approx(shift, abs=tolerance)
    # across an outline only the part of the motion along its normal can be seen
    assert 0.5 * shift - 0.03 <= drift.silhouette <= shift + tolerance


def test_tone_curves_are_hardly_motion() -> None:
    before, mask = scene()
    for gamma in (0.7, 1.4):
        after = before + (before ** np.float32(gamma) - before) * mask[..., None]
        assert measure_drift(before, after, mask).worst < 0.1


def test_cheap_ways_and_carried_colours_change_the_region_alone_and_move_nothing() -> None:
    before, mask = scene()
    spoiled = perturb(before, mask, PerturbSettings(noise=0.0, blur=0.0), np.random.default_rng(0))
    small = cv2.resize(spoiled, (80, 80), interpolation=cv2.INTER_AREA)
    small_mask = (cv2.resize(mask, (80, 80), interpolation=cv2.INTER_AREA) > 0.5).astype(np.float32)
    after = small * np.float32(0.8) + np.float32(0.05)
    carried = carry_colours(small, after, small_mask, spoiled, mask)
    inside = mask == 1.0
    assert np.abs(carried - (spoiled * 0.8 + 0.05))[inside].max() < 0.01
    for result in (carried, transfer_reinhard(spoiled, mask), match_band(spoiled, mask)):
        assert np.array_equal(result[mask == 0.0], spoiled[mask == 0.0])
        assert np.abs(result - spoiled)[inside].mean() > 0.01
        assert measure_drift(spoiled, result, mask).worst < 0.12


def test_histogram_of_the_bands_agrees() -> None:
    before, mask = scene()
    inner, outer = boundary_bands(mask)
    after = match_band(before, mask)
    solid = inner & (mask == 1.0)
    for q in (0.25, 0.5, 0.75):
        assert np.allclose(np.quantile(after[solid], q, axis=0), np.quantile(before[outer], q, axis=0), atol=0.03)


def test_a_picture_that_would_move_is_rejected() -> None:
    before, mask = scene()
    found = Harmoniser(HarmoniseSettings(method="reinhard"))._judge(before, scene(2.0)[0], mask)
    assert found.rejected
    assert found.picture is before
    assert not Harmoniser(HarmoniseSettings(method="reinhard"))._judge(before, before, mask).rejected


def test_masks_are_checked() -> None:
    picture, mask = scene()
    way = Harmoniser(HarmoniseSettings(method="histogram"))
    for wrong, words in ((mask * 0, "empty"), (mask * 0 + 1, "full"), (mask[:50], "expected the picture's size")):
        with pytest.raises(AssetError, match=words):
            way.apply([picture], [wrong.astype(np.float32)])
