"""Straight lines over triangles: true lengths on a plane, never shorter than the way through space."""

from __future__ import annotations

import numpy as np
import pytest
from test_geodesic import plane, sphere

from densesynth.surface.strips import straight_lines


@pytest.mark.parametrize("depth", [0, 1, 3, 6])
def test_lines_on_a_plane_have_their_true_length(depth: int) -> None:
    points, faces = plane(8)
    points[:, :2] += 0.012 * np.random.default_rng(0).normal(size=(64, 2))  # no two triangles alike
    lines = straight_lines(points, faces, depth)
    np.testing.assert_allclose(lines.length, np.linalg.norm(points[lines.start] - points[lines.end], axis=1), rtol=1e-9)


def test_deeper_lines_see_further() -> None:
    points, faces = sphere(300)
    seen = [
        len(np.unique(lines.start * 300 + lines.end)) for lines in (straight_lines(points, faces, d) for d in (1, 4))
    ]
    assert seen[1] > 2 * seen[0]
    lines = straight_lines(points, faces)
    through = np.linalg.norm(points[lines.start] - points[lines.end], axis=1)
    assert (lines.length >= through - 1e-12).all()
    around = 2 * np.arcsin(np.clip(through / 2, 0, 1))
    assert (lines.length < 1.1 * around).all()


def test_lines_stay_on_the_surface() -> None:
    """Two triangles folded into a book: from tip to tip it is as far as on the flat sheet."""
    flat = np.array([[0.0, 0, 0], [0, 1, 0], [-1, 0.5, 0], [1, 0.5, 0]])
    faces = np.array([[0, 2, 1], [0, 1, 3]])
    folded = flat.copy()
    folded[3] = [0.0, 0.5, 1.0]
    for points in (flat, folded):
        lines = straight_lines(points, faces)
        tips = (np.minimum(lines.start, lines.end) == 2) & (np.maximum(lines.start, lines.end) == 3)
        np.testing.assert_allclose(lines.length[tips], 2.0)
        assert tips.any()
