"""Colour samples, shadows and light."""

from __future__ import annotations

import numpy as np
import pytest
from render_scenes import aim_camera, frame_body, icosphere, pose_anny

from densesynth.arrays import Array
from densesynth.errors import ConfigurationError
from densesynth.geometry.camera import Lens
from densesynth.geometry.mesh import Mesh
from densesynth.render.lighting import (
    SH_FACTORS,
    Lighting,
    ambient_from_radiance,
    ambient_from_sky,
    evaluate_basis,
)
from densesynth.render.render import rasterise
from densesynth.render.shade import shade
from densesynth.render.shadow import make_shadow_map

WHITE = np.ones(3, np.float32)


def light_from(
    direction: tuple[float, float, float], *, radius: float = 0.02, key: float = 1.0, sky: float = 0.0
) -> Lighting:
    towards = np.array(direction, np.float64)
    ambient = ambient_from_sky(WHITE * np.float32(sky), WHITE * np.float32(sky))
    return Lighting(
        direction=towards / np.linalg.norm(towards),
        colour=WHITE * np.float32(key),
        angular_radius=radius,
        ambient=ambient,
    )


@pytest.mark.parametrize("per_edge_pixel", [1, 4, 8])
def test_the_shares_of_a_pixel_sum_to_one(per_edge_pixel: int) -> None:
    meshes = [pose_anny(0), icosphere(3, 0.3, (0.3, -0.3, 1.0))]
    camera = frame_body(meshes[0], 0, 200)
    view = rasterise(meshes, camera)
    samples = view.samples(per_edge_pixel)
    host = samples.to_numpy()
    share = samples.background_weight.numpy().astype(np.float64)
    np.add.at(share, host.pixel, host.weight)
    np.testing.assert_allclose(share, 1.0, atol=1e-6)
    buffers = view.buffers()
    single = host.weight == 1.0
    at = host.pixel[single]
    assert np.array_equal(host.instance[single], buffers.instance.ravel()[at])
    assert np.array_equal(host.face[single], buffers.face.ravel()[at])
    lens_px = camera.project(host.position)
    centre = np.stack([host.pixel % 200 + 0.5, host.pixel // 200 + 0.5], axis=-1)
    assert np.abs(lens_px - centre)[single].max() < 0.005
    assert np.abs(lens_px - centre).max() <= 0.4375 + 0.005
    assert (host.weight < 1.0).any() == (per_edge_pixel > 1)
    assert 0.0 < host.footprint.min() <= host.footprint.max() < 0.1
    assert 0.2 <= host.openness.min() <= host.openness.max() <= 1.0
    with pytest.raises(ConfigurationError, match="1, 4 or 8"):
        view.samples(3)


@pytest.mark.parametrize(("per_edge_pixel", "bound"), [(4, 0.15), (8, 0.1)])
def test_edge_pixels_show_their_share_of_a_half_plane(per_edge_pixel: int, bound: float) -> None:
    half = Mesh(
        np.array([[-9, 0, 9], [-9, 0, -9], [0.4, 0, -9], [-0.3, 0, 9]], np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    )
    camera = aim_camera((0.0, -3.0, 0.0), lens=Lens())
    share = 1.0 - rasterise([half], camera).samples(per_edge_pixel).background_weight.numpy().reshape(80, 96)
    fine = (np.arange(32) + 0.5) / 32.0
    for row in range(5, 75, 7):
        column = int(np.argmin(np.abs(share[row] - 0.5)))
        y, x = np.meshgrid(row + fine, column + fine, indexing="ij")
        plane = camera.unproject(np.stack([x, y], axis=-1)) * 3.0
        inside = plane[..., 0] < 0.4 + (-plane[..., 1] + 9.0) / 18.0 * -0.7
        assert abs(inside.mean() - share[row, column]) <= bound


def test_a_ball_casts_its_shadow_on_the_plane_below() -> None:
    ball = icosphere(4, 0.5, (0.0, 0.0, 1.5))
    view = rasterise([ball], aim_camera((0.0, -5.0, 2.0)))
    x, y = np.meshgrid(np.linspace(-3, 3, 201, dtype=np.float32), np.linspace(-3, 3, 201, dtype=np.float32))
    ground = np.stack([x, y, np.zeros_like(x)], axis=-1)
    for direction in ((0.0, 0.0, 1.0), (1.0, 0.0, 1.5), (-0.5, 0.8, 1.0)):
        light = light_from(direction, radius=0.03)
        shadow = make_shadow_map(view.raster.geometry, light)
        assert shadow is not None
        lit = shadow.shadow_at(ground)
        # Distance of the ground's points from the axis of the shadow, seen along the light.
        offset = ground - np.float32([0.0, 0.0, 1.5])
        along = (offset @ light.direction.astype(np.float32))[..., None] * light.direction
        distance = np.linalg.norm(offset - along, axis=-1)
        half = 0.03 * 1.5 / light.direction[2]  # penumbra's half-width
        assert (lit[distance < 0.5 - half - 0.02] < 0.01).all()
        assert (lit[distance > 0.5 + half + 0.02] > 0.99).all()
        penumbra = np.abs(distance - 0.5) < half / 2
        assert 0.2 < lit[penumbra].mean() < 0.8


def test_softness_grows_with_the_distance_from_the_blocker() -> None:
    widths = []
    for height in (0.6, 2.0):
        view = rasterise([icosphere(4, 0.5, (0.0, 0.0, height))], aim_camera((0.0, -5.0, 2.0)))
        shadow = make_shadow_map(view.raster.geometry, light_from((0.0, 0.0, 1.0), radius=0.06))
        assert shadow is not None
        line = np.stack([np.linspace(0, 1, 2000), np.zeros(2000), np.zeros(2000)], axis=-1).astype(np.float32)
        lit = shadow.shadow_at(line)
        widths.append(((lit > 0.05) & (lit < 0.95)).mean())
    assert widths[1] > 2.0 * widths[0]


def test_points_that_are_no_points_are_lit() -> None:
    view = rasterise([icosphere(2)], aim_camera((0.0, -5.0, 2.0)))
    shadow = make_shadow_map(view.raster.geometry, light_from((0.0, 0.0, 1.0)))
    assert shadow is not None
    assert shadow.shadow_at(np.full((4, 5, 3), np.inf, np.float32)).tolist() == [[1.0] * 5] * 4
    empty = rasterise([], aim_camera((0.0, -5.0, 2.0)))
    assert make_shadow_map(empty.raster.geometry, light_from((0.0, 0.0, 1.0))) is None


def light_a_ball(light: Lighting, *, shadows: bool) -> tuple[Array, Array]:
    """Picture of a white matte ball over black, and its normals (world)."""
    camera = aim_camera((0.0, -4.0, 0.0), width=256, height=256, focal=400.0, lens=Lens())
    view = rasterise([icosphere(5, 1.0)], camera)
    samples = view.samples(1)
    host = samples.to_numpy()
    shadow = make_shadow_map(view.raster.geometry, light) if shadows else None
    albedo = np.ones((len(host.pixel), 3), np.float32)
    picture = shade(samples, albedo, 1.0, 0.0, light, np.zeros((256, 256, 3), np.float32), shadow)
    return picture.reshape(-1, 3)[host.pixel], host.normal


def test_a_convex_body_has_no_acne() -> None:
    """The map must not change what faces the light: a ball can't shade its own lit side."""
    for direction in ((0.3, -1.0, 0.5), (1.0, 0.1, 0.2), (0.0, 0.6, 1.0)):
        light = light_from(direction, radius=0.02)
        with_map, normal = light_a_ball(light, shadows=True)
        without, _ = light_a_ball(light, shadows=False)
        lit = normal @ light.direction > 0.15
        assert np.abs(with_map - without)[lit].max() < 1e-6
        assert np.abs(with_map - without).max() < 0.12


def test_light_falls_where_it_should() -> None:
    colour, normal = light_a_ball(light_from((0.0, -1.0, 0.3)), shadows=False)
    cosine = normal @ (np.array([0.0, -1.0, 0.3]) / np.hypot(1.0, 0.3))
    assert (colour[cosine < -0.2] == 0.0).all()
    assert abs(colour[cosine > 0.999].mean() - 1.0) < 0.01
    order = np.argsort(cosine)
    assert (np.diff(colour[order, 0]) > -1e-3).all()
    ambient, _ = light_a_ball(light_from((0.0, -1.0, 0.3), key=0.0, sky=0.5), shadows=False)
    np.testing.assert_allclose(ambient, 0.5, atol=0.02)


def test_light_from_behind_weakens_along_the_outline() -> None:
    """Where the surface turns away within a pixel; what faces the camera is lit as it was."""
    behind, beside = (np.array(way) / np.linalg.norm(way) for way in ((0.0, 0.8, 0.6), (0.0, 0.0, 1.0)))
    colour, normal = light_a_ball(light_from(behind), shadows=False)
    outline = (normal[:, 1] > -0.3) & (normal @ behind > 0.3)
    assert outline.sum() > 10
    assert (colour[outline, 0] < 0.75 * (normal @ behind)[outline]).all()
    colour, normal = light_a_ball(light_from(beside), shadows=False)
    above = normal @ beside > 0.9
    assert (colour[above, 0] > 0.8).all()


def test_a_picture_without_people_is_the_background() -> None:
    samples = rasterise([], aim_camera((0.0, -4.0, 0.0))).samples()
    background = np.random.default_rng(0).random((80, 96, 3), np.float32)
    picture = shade(samples, np.zeros((0, 3), np.float32), 0.5, 1.0, light_from((0.0, 0.0, 1.0)), background)
    assert np.array_equal(picture, np.random.default_rng(0).random((80, 96, 3), np.float32))


def test_shading_gives_the_same_bytes_twice() -> None:
    light = light_from((0.4, -0.7, 0.8), sky=0.3)
    first, second = (light_a_ball(light, shadows=True)[0] for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_ambient_bases_are_orthonormal_and_skies_project_exactly() -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(200_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    basis = evaluate_basis(directions)
    np.testing.assert_allclose(4.0 * np.pi * basis.T @ basis / len(basis), np.eye(9), atol=0.03)
    assert len(SH_FACTORS) == 9
    sky, ground = np.float32([0.4, 0.6, 0.9]), np.float32([0.3, 0.2, 0.1])
    radiance = np.where(directions[:, 2:] > 0, sky, ground).astype(np.float64)
    sampled = ambient_from_radiance(directions, radiance, np.full(len(directions), 4.0 * np.pi / len(directions)))
    exact = ambient_from_sky(sky, ground)
    np.testing.assert_allclose(sampled, exact, atol=0.02)
    np.testing.assert_allclose(evaluate_basis(np.array([0.0, 0.0, 1.0])) @ exact, sky, atol=1e-6)
    np.testing.assert_allclose(evaluate_basis(np.array([0.0, 0.0, -1.0])) @ exact, ground, atol=1e-6)
