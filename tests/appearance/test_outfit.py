"""Outfits as values: deterministic, plausible, every adult dressed."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.colour import linear_from_srgb, mix_skin
from densesynth.appearance.layout import ROW, pack_outfits
from densesynth.appearance.outfit import HIGHEST_TOP_HEM, PATTERNS, WAIST, draw_outfit


def draw(count: int, sex: float | None = None) -> list:
    rng = np.random.default_rng(7)
    return [draw_outfit(rng, float(rng.random()) if sex is None else sex) for _ in range(count)]


def test_the_same_generator_draws_the_same_outfit():
    assert draw(20) == draw(20)
    assert draw(2)[0] != draw(2)[1]


def test_rows_keep_the_values():
    outfits = draw(5)
    rows = pack_outfits(outfits)
    assert rows.dtype == ROW
    for row, outfit in zip(rows, outfits, strict=True):
        assert row["waist"] == np.float32(outfit.bottom.waist)
        assert PATTERNS[row["top"]["pattern"]] == outfit.top.cloth.pattern
        np.testing.assert_allclose(row["hair"], outfit.hair.colour, rtol=1e-6)


def test_every_row_is_the_kernels_struct():
    from densesynth.appearance.kernels.base import Row

    kernel = Row.numpy_dtype()
    assert kernel["names"] == list(ROW.names)
    assert kernel["offsets"] == [ROW.fields[name][1] for name in ROW.names]
    assert kernel["itemsize"] == ROW.itemsize


def test_tops_reach_below_every_waist():
    assert WAIST[0] > HIGHEST_TOP_HEM
    for outfit in draw(300):
        assert outfit.top.hem < outfit.bottom.waist - 0.02


def test_skin_tones_spread_from_light_to_dark():
    luminance = np.array(
        [np.dot(mix_skin(o.skin.melanin, o.skin.undertone), (0.2126, 0.7152, 0.0722)) for o in draw(400)]
    )
    assert luminance.min() < 0.05
    assert luminance.max() > 0.6
    share, _ = np.histogram(np.log(luminance), bins=4)
    assert (share > 25).all()  # no tone is rare


def test_skin_darkens_with_melanin_and_stays_skin():
    tones = np.array([mix_skin(m, 0.0) for m in np.linspace(0.0, 1.0, 30)])
    assert (np.diff(tones.sum(axis=1)) < 0.0).all()
    assert ((tones[:, 0] > tones[:, 1]) & (tones[:, 1] > tones[:, 2])).all()


@pytest.mark.parametrize(("sex", "bearded"), [(0.0, True), (1.0, False)])
def test_beards_follow_sex(sex: float, bearded: bool):
    assert any(o.hair.beard > 0 for o in draw(60, sex)) == bearded


def test_patterns_all_occur_on_tops():
    assert {o.top.cloth.pattern for o in draw(600)} == set(PATTERNS)


def test_srgb_decoding_ends():
    np.testing.assert_allclose(linear_from_srgb(np.array([0, 255])), [0.0, 1.0])
