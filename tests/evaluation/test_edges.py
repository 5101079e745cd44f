"""Measures of outlines: known shapes, a slow reference, and what the picture's edge does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from densesynth.evaluation.edges import boundary_iou, contour_distance, edge_f, side_by_side
from densesynth.evaluation.masks import crop


def square(left: int, top: int, side: int, shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def blobs(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.random((6, 6)) > 0.5, np.ones((7, 7), bool))


def boundary_slowly(mask: np.ndarray, width: int) -> np.ndarray:
    """As the authors' code: the mask less its erosion, `width` times by a square of three, background around it."""
    return mask & ~binary_erosion(np.pad(mask, 1), np.ones((3, 3)), iterations=width)[1:-1, 1:-1]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 5))
def test_boundary_iou_is_that_of_eroded_masks(one: int, other: int, width: int) -> None:
    a, b = boundary_slowly(blobs(one), width), boundary_slowly(blobs(other), width)
    expected = (a & b).sum() / max((a | b).sum(), 1)
    assert boundary_iou(blobs(one), blobs(other), width) == pytest.approx(expected)


def test_a_wide_boundary_is_the_whole_mask() -> None:
    one, other = square(10, 10, 20), square(15, 10, 20)
    assert boundary_iou(one, other, 100) == pytest.approx(15 / 25)
    assert boundary_iou(one, other, 1) < 0.5  # a shift that mask IoU forgives more


def test_contours_apart_by_a_shift() -> None:
    one = square(10, 10, 30)
    assert contour_distance(one, one) == 0.0
    assert contour_distance(one, square(14, 14, 22)) == pytest.approx(4.0, abs=0.5)
    assert contour_distance(one, np.zeros_like(one)) == float("inf")
    assert edge_f(one, one, 2) == 1.0
    assert edge_f(one, np.roll(one, 2, axis=1), 2) == 1.0
    assert edge_f(one, np.roll(one, 6, axis=1), 2) < 0.8
    assert edge_f(one, np.zeros_like(one), 2) == 0.0


def test_the_pictures_edge_is_no_outline() -> None:
    """A person cut by the picture: the same mask, a pixel narrower at the picture's edge only in the other rows."""
    one, other = square(0, 10, 20, (40, 40)), square(0, 10, 26, (40, 40))
    true, found, inside = side_by_side(crop(one), crop(other), 40, 40)
    assert true.shape == (28, 28)
    assert not inside[:, 0].any()  # left of the picture
    assert inside[:, 1:].all()
    assert 0.0 < contour_distance(true, found, inside) < 6.5
    assert edge_f(true, true, 2, inside) == 1.0
    alone, _, within = side_by_side(crop(np.ones((40, 40), bool)), crop(one), 40, 40)
    assert contour_distance(alone, alone, within) == float("inf")  # fills the picture: nowhere an outline
