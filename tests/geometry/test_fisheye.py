"""Laws of the fisheye lens: project ∘ unproject is the identity, and OpenCV agrees on where points appear."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densesynth.errors import CameraError
from densesynth.geometry.camera import Camera, look_at
from densesynth.geometry.fisheye import WIDEST, Fisheye

lenses = st.builds(
    Fisheye,
    k1=st.floats(-0.05, 0.1),
    k2=st.floats(-0.01, 0.02),
    k3=st.floats(-0.002, 0.004),
    k4=st.floats(-0.0005, 0.001),
)


def camera(lens: Fisheye, focal: float = 150.0) -> Camera:
    view = look_at(np.array([2.0, -3.0, 1.4]), np.array([0.1, 0.2, 0.9]), roll=0.2)
    return Camera(
        width=320, height=240, fx=focal, fy=focal * 1.01, cx=163.0, cy=118.5, camera_from_world=view, lens=lens
    )


@given(lenses, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_unprojected_pixels_project_back(lens: Fisheye, seed: int) -> None:
    view = camera(lens)
    pixels = np.random.default_rng(seed).uniform((0, 0), (320, 240), size=(50, 2))
    depth = np.random.default_rng(seed).uniform(0.3, 30.0, size=(50, 1))
    assert np.abs(view.project_from_camera(view.unproject(pixels) * depth) - pixels).max() < 1e-9


@given(lenses, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_opencv_projects_the_same(lens: Fisheye, seed: int) -> None:
    view = camera(lens)
    rng = np.random.default_rng(seed)
    in_camera = np.column_stack([rng.uniform(-4.0, 4.0, (40, 2)), rng.uniform(0.3, 3.0, 40)])
    points = (in_camera - view.camera_from_world[:3, 3]) @ view.camera_from_world[:3, :3]
    rotation = cv2.Rodrigues(view.camera_from_world[:3, :3])[0]
    # OpenCV counts pixel centres as whole numbers, we as halves.
    matrix = np.array([[view.fx, 0, view.cx - 0.5], [0, view.fy, view.cy - 0.5], [0, 0, 1]])
    coefficients = np.array([lens.k1, lens.k2, lens.k3, lens.k4])
    translation = view.camera_from_world[:3, 3].copy()
    theirs = cv2.fisheye.projectPoints(points[:, None], rotation, translation, matrix, coefficients)[0][:, 0]
    assert np.abs(view.project(points) - (theirs + 0.5)).max() < 1e-9


@given(lenses)
@settings(max_examples=40, deadline=None)
def test_jacobian_is_the_derivative(lens: Fisheye) -> None:
    points = np.random.default_rng(1).uniform(-3.0, 3.0, size=(30, 2))
    step = 1e-6
    for axis in (0, 1):
        offset = np.eye(2)[axis] * step
        slope = (lens.distort(points + offset) - lens.distort(points - offset)) / (2 * step)
        assert np.abs(lens.jacobian(points)[..., axis] - slope).max() < 1e-7


def test_the_middle_is_nothing_special() -> None:
    lens = Fisheye(k1=0.1)
    assert np.array_equal(lens.distort(np.zeros(2)), np.zeros(2))
    assert np.array_equal(lens.undistort(np.zeros(2)), np.zeros(2))
    assert np.allclose(lens.jacobian(np.zeros(2)), np.eye(2), atol=1e-15)
    assert lens.undistort(np.zeros((0, 2))).shape == (0, 2)


def test_equidistant_means_equidistant() -> None:
    """Without coefficients, pixels from the centre are the focal length times the angle."""
    angles = np.linspace(0.01, WIDEST, 30)
    pixels = camera(Fisheye(), 100.0).project_from_camera(
        np.column_stack([np.sin(angles), np.zeros(30), np.cos(angles)])
    )
    assert np.allclose(pixels[:, 0], 163.0 + 100.0 * angles, atol=1e-10)


@pytest.mark.parametrize(("lens", "focal", "said"), [
    (Fisheye(k1=-0.4), 120.0, "folds"), (Fisheye(), 100.0, "more than 86° off its axis"),
])  # fmt: skip
def test_what_has_no_picture_is_refused(lens: Fisheye, focal: float, said: str) -> None:
    with pytest.raises(CameraError, match=said):
        camera(lens, focal).pixel_rays()
