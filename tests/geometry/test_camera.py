"""Laws of the camera: project ∘ unproject is the identity, and OpenCV agrees on what a lens does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densesynth.errors import CameraError
from densesynth.geometry.camera import Camera, Lens, look_at

lenses = st.builds(
    Lens,
    k1=st.floats(-0.2, 0.2),
    k2=st.floats(-0.02, 0.05),
    p1=st.floats(-0.005, 0.005),
    p2=st.floats(-0.005, 0.005),
    k3=st.floats(0.0, 0.02),
)


def camera(lens: Lens, focal: float = 400.0) -> Camera:
    eye, target = np.array([2.0, -3.0, 1.4]), np.array([0.1, 0.2, 0.9])
    view = look_at(eye, target, roll=0.2)
    return Camera(
        width=320,
        height=240,
        fx=focal,
        fy=focal * 1.01,
        cx=163.0,
        cy=118.5,
        camera_from_world=view,
        lens=lens,
    )


@given(lenses, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_unprojected_pixels_project_back(lens: Lens, seed: int) -> None:
    view = camera(lens)
    pixels = np.random.default_rng(seed).uniform((0, 0), (320, 240), size=(50, 2))
    depth = np.random.default_rng(seed).uniform(0.3, 30.0, size=(50, 1))
    assert np.abs(view.project_from_camera(view.unproject(pixels) * depth) - pixels).max() < 1e-8


@given(lenses)
@settings(max_examples=40, deadline=None)
def test_opencv_projects_the_same(lens: Lens) -> None:
    view = camera(lens)
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 0.0), (0.5, 0.5, 1.8), size=(40, 3))
    rotation = cv2.Rodrigues(view.camera_from_world[:3, :3])[0]
    # OpenCV counts pixel centres as whole numbers, we as halves.
    matrix = np.array([[view.fx, 0, view.cx - 0.5], [0, view.fy, view.cy - 0.5], [0, 0, 1]])
    coefficients = np.array([lens.k1, lens.k2, lens.p1, lens.p2, lens.k3])
    theirs = cv2.projectPoints(points, rotation, view.camera_from_world[:3, 3], matrix, coefficients)[0][:, 0]
    assert np.abs(view.project(points) - (theirs + 0.5)).max() < 1e-9


@given(lenses)
@settings(max_examples=40, deadline=None)
def test_jacobian_is_the_derivative(lens: Lens) -> None:
    points = np.random.default_rng(1).uniform(-0.6, 0.6, size=(30, 2))
    step = 1e-6
    for axis in (0, 1):
        offset = np.eye(2)[axis] * step
        slope = (lens.distort(points + offset) - lens.distort(points - offset)) / (2 * step)
        assert np.abs(lens.jacobian(points)[..., axis] - slope).max() < 1e-7


def test_pixel_rays_go_through_pixel_centres() -> None:
    view = camera(Lens(k1=-0.1))
    rays = view.pixel_rays()
    assert rays.shape == (240, 320, 3)
    assert np.allclose(view.project_from_camera(rays[7, 11]), (11.5, 7.5), atol=1e-9)


def test_folding_lens_is_refused() -> None:
    with pytest.raises(CameraError, match="folds"):
        camera(Lens(k1=-3.0), focal=120.0).pixel_rays()


def test_look_at_keeps_the_target_in_the_middle_and_the_world_upright() -> None:
    view = look_at(np.array([0.0, -4.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    assert np.allclose(view @ (0, 0, 1, 1), (0, 0, 4, 1))
    assert np.allclose(view[:3, :3] @ view[:3, :3].T, np.eye(3))
    assert np.linalg.det(view[:3, :3]) == pytest.approx(1.0)
    above = view @ (0, 0, 2, 1)
    assert above[1] < 0  # y is down
    person_left = view @ (1, 0, 1, 1)
    assert person_left[0] > 0  # someone who faces the camera (−y) has their left on the picture's right
    with pytest.raises(CameraError):
        look_at(np.zeros(3), np.zeros(3))
