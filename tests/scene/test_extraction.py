"""Light taken out of panoramas and photographs: what a surface receives stays what they send."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.geometry.camera import Camera, look_at
from densesynth.render.lighting import evaluate_basis
from densesynth.scene.backdrop import BackdropPicture
from densesynth.scene.extraction import expose, extract_light, panorama_directions
from densesynth.scene.light_settings import LightRanges
from densesynth.scene.photograph import estimate_light, place_on_ground


def panorama(direction: np.ndarray, radius: float, radiance: float) -> np.ndarray:
    """A blue sky above brown ground, and a disc of white light."""
    towards, _ = panorama_directions(512, 1024)
    picture = np.where(towards[:, 2:] > 0.0, [0.3, 0.5, 0.9], [0.2, 0.15, 0.1])
    picture[towards @ direction > np.cos(radius)] = radiance
    return picture.reshape(512, 1024, 3).astype(np.float32)


@pytest.mark.parametrize("azimuth", [0.0, 2.0, -2.9])
def test_a_sun_is_found_where_it_stands_and_as_strong(azimuth: float) -> None:
    direction = np.array([np.cos(azimuth) * 0.8, np.sin(azimuth) * 0.8, 0.6])
    radius, radiance = 0.05, 400.0
    light = extract_light(panorama(direction, radius, radiance))
    assert light.direction @ direction > np.cos(0.01)
    assert light.angular_radius == pytest.approx(radius, rel=0.25)
    sent = radiance * np.sin(radius) ** 2  # irradiance over π of a disc facing a surface
    assert light.colour == pytest.approx(np.full(3, sent), rel=0.1)


def test_nothing_is_lost_between_key_and_ambient() -> None:
    direction = np.array([0.6, 0.0, 0.8])
    picture = panorama(direction, 0.1, 60.0)
    light = extract_light(picture)
    towards, angles = panorama_directions(512, 1024)
    for normal in (np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])):
        true = (picture.reshape(-1, 3) * (angles * np.maximum(towards @ normal, 0.0))[:, None]).sum(axis=0) / np.pi
        found = evaluate_basis(normal) @ light.ambient + light.colour * max(light.direction @ normal, 0.0)
        assert found == pytest.approx(true, rel=0.06)


def test_a_turned_panorama_turns_its_light() -> None:
    direction = np.array([0.6, 0.0, 0.8])
    light = extract_light(panorama(direction, 0.1, 60.0))
    turned = light.turned(np.pi / 2, 2.0)
    assert turned.direction == pytest.approx([0.0, light.direction[0], light.direction[2]], abs=1e-2)
    normals = np.random.default_rng(0).normal(size=(20, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    back = np.stack([normals[:, 1], -normals[:, 0], normals[:, 2]], axis=1)
    np.testing.assert_allclose(
        evaluate_basis(normals) @ turned.ambient, 2.0 * evaluate_basis(back) @ light.ambient, atol=1e-4
    )


def test_exposure_holds_whatever_the_panorama_s_unit() -> None:
    picture = panorama(np.array([0.6, 0.0, 0.8]), 0.05, 400.0)
    camera = np.array([1.0, 0.0, 0.0])
    first, second = extract_light(picture), extract_light(picture * 50.0)
    assert expose(first, camera, 1.0) == pytest.approx(50.0 * expose(second, camera, 1.0), rel=1e-3)


def photographed(camera: Camera, picture: np.ndarray):
    return estimate_light(picture.astype(np.float32), camera, LightRanges(), 0.5)


@pytest.fixture
def camera() -> Camera:
    eye = np.array([0.0, -4.0, 1.5])
    return Camera(
        width=96, height=96, fx=90.0, fy=90.0, cx=48.0, cy=48.0,
        camera_from_world=look_at(eye, np.array([0.0, 0.0, 1.0])),
    )  # fmt: skip


def test_a_photograph_s_bright_side_lights_people(camera: Camera) -> None:
    picture = np.full((96, 96, 3), 0.05)
    picture[:, 64:] = (0.9, 0.6, 0.3)
    light = photographed(camera, picture)
    assert light.direction[0] > 0.3  # the camera looks along +y, so right is +x
    assert light.colour[0] > 1.3 * light.colour[2]
    right, left = evaluate_basis(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])) @ light.ambient
    assert (right > 1.3 * left).all()


def test_a_photograph_s_sky_lights_from_above_and_dark_ones_light_less(camera: Camera) -> None:
    picture = np.full((96, 96, 3), 0.05)
    picture[:32] = (0.5, 0.6, 0.9)
    light = photographed(camera, picture)
    up, down = evaluate_basis(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])) @ light.ambient
    assert (up > 1.5 * down).all()
    assert light.direction[2] > 0.3
    dim = photographed(camera, picture * 0.3)
    assert dim.colour.sum() < 0.5 * light.colour.sum()


def test_ground_under_a_photograph_is_the_camera_s(camera: Camera) -> None:
    flat = BackdropPicture(np.ones((96, 96, 3), np.float32), 96, 96, None, np.ones(3, np.float32))
    ground = place_on_ground(flat, camera, np.full(3, 0.5, np.float32)).ground_in_world
    assert ground is not None
    pixel = camera.project(np.array([[0.3, 0.2, 0.0]]))[0]
    x, y = ground[:, int(pixel[1]), int(pixel[0])]
    assert np.hypot(x - 0.3, y - 0.2) < 0.08
    assert np.isnan(ground[0, 0]).all()  # above the horizon
