"""Outfits as values: deterministic, plausible, every adult dressed."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.colour import APART, SAFE, draw_apart, linear_from_srgb, measure_difference, mix_skin
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


def test_nobody_wears_their_own_skin_colour():
    """Every colour of every garment and shoe, and of what an open jacket shows, over 1,000 people."""
    skins = [mix_skin(melanin, 0.0) for melanin in np.linspace(0.0, 1.0, 40)]
    for outfit in draw(1000):
        skin = mix_skin(outfit.skin.melanin, outfit.skin.undertone)
        for cloth in (outfit.top.cloth, outfit.top.inner, outfit.bottom.cloth):
            assert measure_difference(cloth.colour, skin) >= APART
            assert measure_difference(cloth.second, skin) >= APART
            assert min(measure_difference(cloth.colour, other) for other in skins) >= 10.0
        assert measure_difference(outfit.top.trim, skin) >= APART
        assert measure_difference(outfit.footwear.upper, skin) >= APART


def test_a_draw_that_never_leaves_the_skin_ends_in_a_safe_colour():
    for melanin in np.linspace(0.0, 1.0, 30):
        skin = mix_skin(melanin, 0.0)
        colour = draw_apart(np.random.default_rng(0), lambda _, skin=skin: skin, skin)
        assert colour in SAFE
        assert measure_difference(colour, skin) >= APART


def test_cloth_of_every_shade_is_still_sold():
    """Keeping away from the skin leaves white, black and colourful clothes."""
    light = np.array([np.dot(o.top.cloth.colour, (0.2126, 0.7152, 0.0722)) for o in draw(500)])
    assert (light > 0.5).mean() > 0.1
    assert (light < 0.05).mean() > 0.1


def test_differences_are_cielab():
    assert measure_difference((0.0,) * 3, (1.0,) * 3) == pytest.approx(100.0, abs=0.1)
    red, green = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)  # of sRGB: (53.24, 80.09, 67.20) and (87.73, −86.18, 83.18)
    assert measure_difference(red, green) == pytest.approx(170.6, abs=0.5)


@pytest.mark.parametrize(("sex", "bearded"), [(0.0, True), (1.0, False)])
def test_beards_follow_sex(sex: float, bearded: bool):
    assert any(o.hair.beard > 0 for o in draw(60, sex)) == bearded


def test_patterns_all_occur_on_tops():
    assert {o.top.cloth.pattern for o in draw(600)} == set(PATTERNS)


def test_srgb_decoding_ends():
    np.testing.assert_allclose(linear_from_srgb(np.array([0, 255])), [0.0, 1.0])
