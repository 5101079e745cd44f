"""Cameras see their subject, lenses stay invertible, people stand apart."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.geometry.camera import Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.scene.place import LOWEST_EYE, draw_camera, draw_fisheye, draw_lens, draw_place, invertible_lens
from densesynth.scene.seeds import Purpose, stream
from densesynth.scene.settings import CameraSettings, FisheyeSettings, LensSettings, PeopleSettings, PictureSettings

BOX = np.array([[-0.3, -0.25, 0.0], [0.3, 0.25, 1.75]])


@pytest.mark.parametrize("seed", range(40))
def test_camera_frames_the_subject(seed: int) -> None:
    settings = CameraSettings(fill=(0.6, 0.6), focal_length=(50, 50), elevation=(0, 0), roll=(0, 0), off_centre=0.0)
    camera = draw_camera(settings, Lens(), PictureSettings(), BOX, np.random.default_rng(seed))
    top, bottom = camera.project(np.array([[0, 0, 1.75], [0, 0, 0.0]]))
    assert bottom[1] - top[1] == pytest.approx(0.6 * 512, rel=0.01)
    assert np.allclose((top + bottom) / 2, 256, atol=1)


@pytest.mark.parametrize("seed", range(40))
def test_camera_stays_above_ground_and_off_the_subject(seed: int) -> None:
    settings = CameraSettings(elevation=(-60, 80), fill=(0.1, 10.0), focal_length=(8, 50))
    camera = draw_camera(settings, Lens(), PictureSettings(), BOX, np.random.default_rng(seed))
    eye = camera.centre_in_world
    assert eye[2] >= LOWEST_EYE - 1e-6
    assert np.linalg.norm(eye - np.clip(eye, *BOX)) > 0.1


@pytest.mark.parametrize("seed", range(30))
def test_strong_lenses_are_tamed(seed: int) -> None:
    lens = draw_lens(LensSettings(k1=(-2, 2), k2=(-2, 2), p1=(-0.1, 0.1)), np.random.default_rng(seed))
    picture = PictureSettings()
    tamed = invertible_lens(lens, picture, 300.0)
    x, y = np.meshgrid(np.linspace(-256, 256, 65) / 300, np.linspace(-256, 256, 65) / 300)
    seen = np.stack([x, y], axis=-1)
    ideal = tamed.undistort(seen)
    # one to one: the map keeps its orientation everywhere, and neighbours stay in order
    assert (np.diff(ideal[..., 0], axis=1) > 0).all()
    assert (np.diff(ideal[..., 1], axis=0) > 0).all()
    assert (np.linalg.det(tamed.jacobian(ideal)) > 0).all()


def test_mild_lens_is_left_alone() -> None:
    lens = Lens(k1=-0.1, p1=0.001)
    assert invertible_lens(lens, PictureSettings(), 500.0) == lens


@pytest.mark.parametrize("seed", range(30))
def test_fisheyes_see_the_whole_picture(seed: int) -> None:
    settings = FisheyeSettings(share=1.0, focal_length=(4, 40), k1=(-1, 1), k2=(-1, 1), k3=(-1, 1), k4=(-1, 1))
    drawn = draw_fisheye(settings, np.random.default_rng(seed))
    assert drawn is not None
    picture = PictureSettings(width=320, height=240)
    camera = draw_camera(CameraSettings(), drawn, picture, BOX, np.random.default_rng(seed))
    corner = camera.unproject(np.array([[0.0, 0.0], [320.0, 240.0]]))
    assert np.degrees(np.arctan(np.linalg.norm(corner[:, :2], axis=1))).max() <= 83.0 + 1e-9
    assert isinstance(camera.lens, Fisheye)
    assert (camera.lens.slope(np.linspace(0.0, np.radians(83.0), 500)) > 0.25).all()


def test_share_of_fisheyes() -> None:
    settings = FisheyeSettings(share=0.3)
    drawn = [draw_fisheye(settings, stream(0, frame, Purpose.FISHEYE)) for frame in range(400)]
    assert 90 <= sum(lens is not None for lens in drawn) <= 150


def test_people_stand_apart_and_in_view() -> None:
    placed = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        camera = draw_camera(CameraSettings(), Lens(), PictureSettings(), BOX, rng)
        boxes = [BOX]
        for _ in range(3):
            shift = draw_place(PeopleSettings(), camera, BOX, boxes, rng)
            if shift is None:
                continue
            placed += 1
            moved = BOX + np.array([*shift, 0.0])
            for other in boxes:
                assert (moved[0] > other[1]).any() or (other[0] > moved[1]).any()
            boxes.append(moved)
            assert camera.to_camera(moved.mean(axis=0))[2] > 0
    assert placed > 60


def test_streams_are_independent_of_one_another() -> None:
    first = stream(1, 2, Purpose.CAMERA).random(4)
    assert np.array_equal(first, stream(1, 2, Purpose.CAMERA).random(4))
    for other in (stream(1, 3, Purpose.CAMERA), stream(2, 2, Purpose.CAMERA), stream(1, 2, Purpose.LIGHT)):
        assert not np.array_equal(first, other.random(4))
