"""First hits of arbitrary rays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from render_scenes import STRONG, aim_camera, frame_body, icosphere, pose_anny, square

from densesynth.geometry.camera import Camera, Lens
from densesynth.geometry.mesh import Mesh, is_closed
from densesynth.render import reference
from densesynth.render.render import rasterise, render


@pytest.mark.parametrize("lens", [Lens(), STRONG])
def test_points_at_pixel_centres_meet_what_the_pixels_meet(lens: Lens) -> None:
    meshes = [pose_anny(1), icosphere(3, 0.3, (0.2, -0.3, 1.0))]
    camera = frame_body(meshes[0], 1, 128, lens=lens)
    view = rasterise(meshes, camera)
    buffers = view.buffers()
    world_from_camera = np.linalg.inv(camera.camera_from_world)
    depth = np.random.default_rng(0).uniform(0.01, 5.0, (128, 128, 1))  # where the point stands doesn't matter
    points = (camera.pixel_rays() * depth) @ world_from_camera[:3, :3].T + world_from_camera[:3, 3]
    instance, face, hit_depth = view.first_hit(points.reshape(-1, 3))
    same = face.reshape(128, 128) == buffers.face
    assert (~same & (buffers.barycentrics.min(axis=-1) > 1e-6)).sum() == 0
    assert same.mean() > 0.999
    assert np.array_equal(instance.reshape(128, 128)[same], buffers.instance[same])
    np.testing.assert_allclose(hit_depth.reshape(128, 128)[same], buffers.depth[same], rtol=1e-6)


def test_points_outside_the_frame_or_behind_meet_nothing() -> None:
    camera = aim_camera((0.0, -3.0, 0.0))
    view = rasterise([icosphere(3, 30.0)], camera)
    points = np.array([[0.0, 0.0, 0.0], [0.0, -6.0, 0.0], [0.0, -3.0, 1.0], [50.0, 0.0, 0.0]])
    instance, face, depth = view.first_hit(points)
    assert instance.tolist() == [1, 0, 0, 0]
    assert (face[1:] == -1).all()
    assert np.isinf(depth[1:]).all()
    assert view.first_hit(points[:0])[0].shape == (0,)
    assert view.visible(points, 0.01).tolist() == [True, False, False, False]


def test_a_point_is_hidden_by_what_stands_before_it_and_nothing_else() -> None:
    camera = aim_camera((0.0, 0.0, 5.0), lens=STRONG)
    view = rasterise([square(1.0, 1.0)], camera)
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.995], [0.0, 0.0, 2.0], [0.9, 0.0, 0.0]])
    assert view.visible(points, 0.01).tolist() == [False, True, True, True]
    assert view.visible(points, 0.001).tolist() == [False, False, True, True]


def test_every_mesh_hides_vertices() -> None:
    ball, wall = icosphere(3, 0.5), square(4.0, 1.0)
    camera = aim_camera((0.0, 0.0, 5.0), width=128, height=128)
    alone = rasterise([ball], camera).visible_vertices(0)
    # Seen from a distance d, the cap of a ball that faces the eye lies above r²/d.
    assert (
        np.array_equal(alone, (ball.vertices[:, 2] > 0.25 / 5.0))
        or (np.abs(ball.vertices[alone != (ball.vertices[:, 2] > 0.05), 2] - 0.05) < 0.03).all()
    )
    behind = rasterise([ball, wall], camera)
    assert not behind.visible_vertices(0).any()
    assert behind.visible_vertices(1).sum() in (0, 4)


def test_a_mesh_partly_behind_the_camera_still_hides() -> None:
    """One triangle from behind the camera to far before it, between the eye and a ball."""
    sheet = Mesh(
        np.array([[-5.0, -20.0, 0.02], [5.0, -20.0, 0.02], [0.0, 30.0, 0.9]], np.float32),
        np.array([[0, 1, 2]], np.int32),
    )
    ball = icosphere(2, 0.2, (0.0, 3.0, 0.0))
    camera: Camera = aim_camera((0.0, 0.0, 1.0), (0.0, 3.0, 0.0))
    assert rasterise([ball], camera).visible_vertices(0).any()
    assert not rasterise([ball, sheet], camera).visible_vertices(0).any()


@pytest.mark.parametrize("lens", [Lens(), STRONG])
def test_a_soup_of_triangles_against_every_face(lens: Lens) -> None:
    """Folded, crossing and sliver faces of every size: each vertex's ray against all of them, in float64 NumPy."""
    rng = np.random.default_rng(3)
    size = 10.0 ** rng.uniform(-2.0, 0.0, (400, 1, 1))
    corners = rng.normal(0.0, 0.6, (400, 1, 3)) + rng.normal(0.0, 1.0, (400, 3, 3)) * size
    soup = Mesh(corners.reshape(-1, 3).astype(np.float32), np.arange(1200, dtype=np.int32).reshape(-1, 3))
    camera = aim_camera((0.0, -4.0, 0.5), width=96, height=80, lens=lens)
    view = rasterise([soup], camera)
    in_camera = camera.to_camera(soup.vertices)
    pixel = camera.project(soup.vertices)
    inside = (pixel > 0.01).all(axis=1) & (pixel < np.array([96, 80]) - 0.01).all(axis=1) & (in_camera[:, 2] > 0.0)
    a, b, c = (in_camera[soup.faces[:, k]] for k in range(3))
    normals = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
    rays = in_camera / in_camera[:, 2:]
    weights = np.einsum("kfi,ri->krf", normals, rays)
    met = (weights >= 0.0).all(axis=0) | (weights <= 0.0).all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.einsum("fi,fi->f", a, normals[0]) / weights.sum(axis=0)
    own = np.arange(1200)[:, None] // 3 == np.arange(400)
    before = (met & ~own & (z > 0.0) & (z < in_camera[:, 2:] * (1.0 - 1e-5))).any(axis=1)
    visible = view.visible_vertices(0)
    assert (inside & before).sum() > 100
    assert (inside & ~before).sum() > 100
    assert np.array_equal(visible[inside], ~before[inside])
    points = soup.vertices[inside].astype(np.float64) + 0.3 * (rays[inside] @ camera.camera_from_world[:3, :3])
    in_frame = camera.project(points)
    kept = (in_frame > 0.01).all(axis=1) & (in_frame < np.array([96, 80]) - 0.01).all(axis=1)
    _, _, depth = view.first_hit(points[kept])
    # The rays pass through corners of their own faces, which they may meet or just miss.
    others = np.where(met & ~own & (z > 0.0), z, np.inf).min(axis=1)[inside][kept]
    nearest = np.minimum(others, in_camera[inside][kept, 2])
    assert (np.isclose(depth, others, rtol=1e-6) | np.isclose(depth, nearest, rtol=1e-6)).all()


@pytest.mark.parametrize("lens", [Lens(), STRONG])
def test_of_a_closed_mesh_the_fronts_are_enough(lens: Lens) -> None:
    body = pose_anny(2)
    assert is_closed(body.faces)
    camera = frame_body(body, 2, 160, lens=lens)
    ball, wall = icosphere(3, 0.2, (0.3, 0.2, 1.1)), square(3.0, 0.4)
    views = [
        rasterise([replace(body, closed=closed), replace(ball, closed=closed), wall], camera)
        for closed in (False, True)
    ]
    whole, fronts = (view.buffers() for view in views)
    # Where a bent body's skin turns inside out, its inside may come first: skin is no solid there.
    same = whole.face == fronts.face
    assert (whole.instance == 3).sum() > 300  # the wall keeps both of its sides
    assert (~same).mean() < 1e-4
    assert np.array_equal(whole.depth[same], fronts.depth[same])
    seen = [view.visible_vertices(0) for view in views]
    assert (seen[0] != seen[1]).mean() < 1e-3
    counts = [view.samples().pixel.shape[0] for view in views]
    assert abs(counts[0] - counts[1]) < 10
    left_out = views[1].raster.bounds.numpy()
    assert (left_out[: len(body.faces), 0] > left_out[: len(body.faces), 2]).mean() > 0.4


def test_agrees_with_the_reference_on_closed_meshes_turned_inside_out() -> None:
    ball = icosphere(2, 0.7)
    camera = aim_camera((0.4, -3.0, 0.8))
    for faces in (ball.faces, np.ascontiguousarray(ball.faces[:, ::-1])):
        mesh = Mesh(ball.vertices, faces, closed=True)
        assert np.array_equal(render([mesh], camera).face, reference.render([mesh], camera).face)
