"""The table of grain: always the same, and each texture's means are those of the texture."""

from __future__ import annotations

import numpy as np

from densesynth.scene.grain import MEANS, NOISE_SIDE, TEXTURE_SIDE, make_clouds, make_grain_table, make_leaves


def test_the_table_is_the_same_each_time_and_within_bounds():
    table = make_grain_table()
    assert table.tobytes() == make_grain_table().tobytes()
    assert np.abs(table).max() <= 1.0


def test_means_are_where_the_kernels_look_for_them():
    table = make_grain_table()[NOISE_SIDE**2 :].reshape(2, TEXTURE_SIDE + MEANS[0], TEXTURE_SIDE)
    for stored, texture in zip(table, (make_clouds(), make_leaves()), strict=True):
        np.testing.assert_allclose(stored[:TEXTURE_SIDE], texture, atol=1e-6)
        for side in MEANS:
            step, column = TEXTURE_SIDE // side, TEXTURE_SIDE - 4 * side
            mean = stored[TEXTURE_SIDE : TEXTURE_SIDE + side, column : column + side]
            np.testing.assert_allclose(mean, texture.reshape(side, step, side, step).mean(axis=(1, 3)), atol=1e-6)


def test_textures_repeat_without_a_seam():
    """Across the border clouds change no more than elsewhere."""
    clouds = make_clouds()
    for axis in (0, 1):
        steps = np.abs(np.diff(clouds, axis=axis))
        border = np.abs(clouds.take(0, axis) - clouds.take(-1, axis))
        assert border.mean() < 1.5 * steps.mean()
