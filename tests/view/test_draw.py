"""Drawing changes the pixels it should, in the colours it should, and no others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densesynth.surface.parts import COARSE_MIRROR, FINE_MIRROR
from densesynth.view.draw import (
    blend,
    colour_chart,
    colour_depth,
    colour_labels,
    colour_normal,
    draw_boxes,
    draw_keypoints,
    draw_points,
    outline_mask,
    unwrap_texture,
)
from densesynth.view.palette import (
    BACKGROUND,
    COARSE_COLOURS,
    FINE_COLOURS,
    INSTANCE_COLOURS,
    KEYPOINT_COLOURS,
    chart_ramp,
    instance_colour,
)

GREY = np.full((40, 60, 3), 128, dtype=np.uint8)


def lab(colours: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (before != after).any(axis=-1)


@pytest.mark.parametrize(("palette", "least"), [(FINE_COLOURS, 15.0), (COARSE_COLOURS, 15.0), (INSTANCE_COLOURS, 25.0)])
def test_colours_of_a_palette_are_told_apart(palette: np.ndarray, least: float) -> None:
    values = lab(palette)
    distance = np.linalg.norm(values[:, None] - values[None], axis=-1)
    assert distance[~np.eye(len(values), dtype=bool)].min() > least


@pytest.mark.parametrize(("palette", "mirror"), [(FINE_COLOURS, FINE_MIRROR), (COARSE_COLOURS, COARSE_MIRROR)])
def test_left_and_right_differ_far_more_than_neighbours(palette: np.ndarray, mirror: np.ndarray) -> None:
    values = lab(palette)
    pairs = [(part, int(mirror[part])) for part in range(1, len(palette)) if mirror[part] > part]
    assert len(pairs) == {25: 11, 15: 6}[len(palette)]
    assert min(np.linalg.norm(values[a] - values[b]) for a, b in pairs) > 30


def test_labels_take_their_palette_and_unknown_ids_are_refused() -> None:
    labels = np.array([[0, 3], [24, 1]], dtype=np.uint8)
    assert (colour_labels(labels, FINE_COLOURS)[1, 0] == FINE_COLOURS[24]).all()
    assert tuple(colour_labels(labels, FINE_COLOURS)[0, 0]) == BACKGROUND
    with pytest.raises(IndexError):
        colour_labels(labels, COARSE_COLOURS)


def test_a_chart_shows_its_values_with_lines_between_bands_and_black_seams() -> None:
    part = np.zeros((4, 60), dtype=np.uint8)
    part[1:3, 5:30], part[1:3, 30:55] = 3, 4
    value = np.tile(np.arange(60, dtype=np.uint8) * 4, (4, 1))
    colours = colour_chart(part, value)
    assert (colours[part == 0] == BACKGROUND).all()
    assert (colours[1, 29] == 0).all(), "the seam between parts 3 and 4"
    band = value[1].astype(int) * 10 // 256
    for column in range(5, 29):
        crisp = band[column] == band[column + 1]
        assert (colours[1, column] == chart_ramp()[value[1, column]]).all() == crisp


def test_the_ramp_is_monotonic_in_lightness() -> None:
    assert (np.diff(lab(chart_ramp())[:, 0]) > -0.5).all()
    assert lab(chart_ramp())[-1, 0] - lab(chart_ramp())[0, 0] > 60


@given(opacity=st.floats(0, 1))
def test_blending_stays_in_the_mask_and_between_both_colours(opacity: float) -> None:
    where = np.zeros((40, 60), dtype=bool)
    where[10:20, 10:30] = True
    red = np.zeros_like(GREY)
    red[..., 0] = 255
    mixed = blend(GREY, red, where, opacity)
    assert (mixed[~where] == 128).all()
    assert mixed[where][:, 0].min() >= 128
    assert mixed[where][:, 1:].max() <= 128
    assert abs(int(mixed[10, 10, 0]) - (128 + opacity * 127)) <= 0.5


def test_an_outline_is_the_masks_own_rim() -> None:
    mask = np.zeros((40, 60), dtype=bool)
    mask[5:15, 0:20] = True  # touches the frame
    drawn = changed(GREY, outline_mask(GREY, mask, (1, 2, 3)))
    inside = np.zeros_like(mask)
    inside[6:14, 1:19] = True
    assert (drawn == (mask & ~inside)).all()


def test_a_box_is_drawn_on_its_edges_only() -> None:
    drawn = changed(GREY, draw_boxes(GREY, [(10.5, 5.5, 30.0, 20.0)], [(255, 0, 0)]))
    assert drawn[5, 10:40].all()
    assert drawn[25, 10:40].all()
    assert drawn[5:25, 10].all()
    assert not drawn[7:24, 12:39].any()
    assert not drawn[:4].any()


def one_keypoint(x: float, y: float, v: float) -> np.ndarray:
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[5] = x, y, v
    return keypoints


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_visible_keypoints_are_filled_and_hidden_ones_hollow(scale: float) -> None:
    canvas = np.full((100, 150, 3), 128, dtype=np.uint8)
    x, y = 20.5, 14.5
    row, column = round(y * scale - 0.5), round(x * scale - 0.5)
    filled = draw_keypoints(canvas, one_keypoint(x, y, 2), (), scale, radius=5)
    hollow = draw_keypoints(canvas, one_keypoint(x, y, 1), (), scale, radius=5)
    absent = draw_keypoints(canvas, one_keypoint(x, y, 0), (), scale, radius=5)
    assert (filled[row, column] == KEYPOINT_COLOURS[5]).all()
    assert (hollow[row, column] == 128).all()
    assert changed(canvas, hollow).any()
    assert not changed(canvas, absent).any()
    for drawn in (filled, hollow):
        rows, columns = np.nonzero(changed(canvas, drawn))
        assert np.hypot(rows - row, columns - column).max() < 10
        assert abs(rows.mean() + 0.5 - y * scale) < 0.51
        assert abs(columns.mean() + 0.5 - x * scale) < 0.51


def test_a_bone_needs_both_its_ends() -> None:
    keypoints = one_keypoint(10, 10, 2)
    keypoints[7] = 50, 30, 1
    with_bone = changed(GREY, draw_keypoints(GREY, keypoints, [(5, 7)], radius=2))
    without = changed(GREY, draw_keypoints(GREY, keypoints, (), radius=2))
    assert with_bone[20, 30]
    assert not without[20, 30]
    keypoints[7, 2] = 0
    assert not changed(GREY, draw_keypoints(GREY, keypoints, [(5, 7)], radius=2))[20, 30]


def test_dense_points_take_the_colour_of_their_part() -> None:
    x, y = np.array([10.5, 40.5], dtype=np.float32), np.array([20.5, 30.5], dtype=np.float32)
    drawn = draw_points(GREY, x, y, np.array([3, 24], dtype=np.uint8))
    assert (drawn[20, 10] == FINE_COLOURS[3]).all()
    assert (drawn[30, 40] == FINE_COLOURS[24]).all()


def test_near_is_brighter_and_nothing_is_background() -> None:
    depth = np.full((4, 5), np.inf, dtype=np.float32)
    depth[1, 1:4] = 2.0, 3.0, 4.0
    colours = colour_depth(depth)
    assert colours[1, 1, 0] > colours[1, 2, 0] > colours[1, 3, 0] > BACKGROUND[0]
    assert (colours[0] == BACKGROUND).all()
    assert (colour_depth(np.full((2, 2), np.inf, dtype=np.float32)) == BACKGROUND).all()
    assert (colour_depth(np.full((2, 2), 2.0, dtype=np.float32)) == 255).all()


def test_a_surface_that_faces_the_camera_is_blue() -> None:
    normal = np.zeros((1, 3, 3), dtype=np.float32)
    normal[0, 0] = 0, 0, -1
    normal[0, 1] = 0, -1, 0  # up: camera y points down
    colours = colour_normal(normal)
    assert colours[0, 0].tolist() == [128, 128, 255]
    assert colours[0, 1].tolist() == [128, 255, 128]
    assert tuple(colours[0, 2]) == BACKGROUND


def test_unwrapping_puts_each_pixel_on_its_chart() -> None:
    picture = np.zeros((1, 3, 3), dtype=np.uint8)
    picture[0] = [[10, 20, 30], [50, 60, 70], [200, 0, 0]]
    iuv = np.array([[[8, 0, 0], [8, 0, 0], [0, 9, 9]]], dtype=np.uint8)
    texture = unwrap_texture(picture, iuv, chart_size=16)
    assert texture.shape == (64, 96, 3)
    assert texture[16 + 15, 16].tolist() == [30, 40, 50], (
        "part 8 is second in the second row; U = V = 0 is its lower left"
    )
    assert (texture != BACKGROUND).any(axis=-1).sum() == 1


def test_nothing_changes_its_arguments() -> None:
    canvas = GREY.copy()
    mask = np.ones((40, 60), dtype=bool)
    outline_mask(canvas, mask, (1, 1, 1))
    blend(canvas, np.zeros_like(canvas), mask, 1.0)
    draw_boxes(canvas, [(1, 1, 9, 9)], [instance_colour(9)])
    draw_keypoints(canvas, one_keypoint(9, 9, 2), ())
    assert (canvas == 128).all()
