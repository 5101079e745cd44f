"""Laws of GPS, and the fast look-ups and masks against the slow ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference
from scipy.ndimage import zoom

from densesynth.evaluation.chart_mesh import ChartMesh, nearest_slowly
from densesynth.evaluation.gps import KAPPA, geodesic_point_similarity, mean_similarity, point_similarity
from densesynth.evaluation.masks import stretch

distances = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 24)), min_size=1, max_size=50)


@given(distances)
def test_bounds_and_identity(points: list[tuple[float, int]]) -> None:
    d, part = np.array([p[0] for p in points]), np.array([p[1] for p in points], np.uint8)
    assert geodesic_point_similarity(np.zeros_like(d), part) == 1.0
    assert geodesic_point_similarity(np.full_like(d, np.inf), part) == 0.0
    assert 0.0 <= geodesic_point_similarity(d, part) <= 1.0
    assert (point_similarity(d + 0.1, part) <= point_similarity(d, part)).all()
    assert mean_similarity(d, part, np.array([0, len(d), 0])) == pytest.approx(
        [0, geodesic_point_similarity(d, part), 0]
    )


def test_constants_are_those_of_the_evaluator() -> None:
    assert (
        KAPPA[1:].tolist()
        == [0.351] * 2 + [0.107] * 2 + [0.126] * 2 + [0.237] * 4 + [0.173] * 4 + [0.142] * 4 + [0.128] * 4 + [0.150] * 2
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_nearest_vertex_is_the_first_of_the_nearest(seed: int) -> None:
    """On a coarse grid almost everything is a tie."""
    rng = np.random.default_rng(seed)
    n = 300
    mesh = ChartMesh(
        part=rng.permutation(np.arange(n) % 24 + 1),
        uv=rng.integers(0, 5, (n, 2)) / 4,
        vertex=rng.permutation(n),
        vertices=n,
    )
    part = rng.integers(0, 25, 200).astype(np.uint8)
    u, v = rng.integers(0, 9, (2, 200)) / 8
    np.testing.assert_array_equal(mesh.nearest(part, u, v), nearest_slowly(mesh, part, u, v))
    packed = np.stack([part, *rng.integers(0, 256, (2, 200)).astype(np.uint8)])
    np.testing.assert_array_equal(
        mesh.nearest_packed(packed), nearest_slowly(mesh, part, packed[1] / 255, packed[2] / 255)
    )


def test_parts_beyond_24_are_background(reference: Reference) -> None:
    assert reference.mesh.nearest_packed(np.array([[25], [0], [0]], np.uint8)).tolist() == [-1]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(1, 300), st.floats(1, 300))
def test_masks_are_stretched_as_scipy_does(seed: int, w: float, h: float) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.random((rng.integers(2, 40), rng.integers(2, 40))) > 0.5
    mask = np.zeros((256, 256), np.uint8)
    rows, columns = np.linspace(0, coarse.shape[0] - 1, 256).round(), np.linspace(0, coarse.shape[1] - 1, 256).round()
    mask[:] = coarse[rows.astype(int)[:, None], columns.astype(int)]
    expected = zoom(mask.astype(float), (h / 256, w / 256), order=1, prefilter=False) > 0.5
    np.testing.assert_array_equal(stretch(mask, w, h), expected)
