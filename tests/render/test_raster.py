"""The rasteriser: against its slow twin, and against the laws it must keep."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_scenes import STRONG, aim_camera, frame_body, icosphere, pose_anny, square

from densesynth.device import choose_device
from densesynth.errors import CameraError, ConfigurationError, DeviceError
from densesynth.geometry.camera import Camera, Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.geometry.mesh import Mesh
from densesynth.render import reference
from densesynth.render.buffers import Buffers
from densesynth.render.kernels.lens import TILE
from densesynth.render.render import rasterise, render

EDGE_BAND = 1e-6  # barycentric distance from a face's edge within which two implementations may differ


def random_soup(rng: np.random.Generator, count: int, size: float) -> Mesh:
    """Loose triangles around the origin, in no order or orientation."""
    centres = rng.uniform(-1.5, 1.5, (count, 1, 3))
    vertices = (centres + rng.normal(0.0, size, (count, 3, 3))).reshape(-1, 3).astype(np.float32)
    return Mesh(vertices, np.arange(3 * count, dtype=np.int32).reshape(-1, 3))


def assert_same(fast: Buffers, slow: Buffers) -> None:
    """Equal everywhere but within EDGE_BAND of an edge; there at least one of the two must lie on one."""
    differ = (fast.instance != slow.instance) | (fast.face != slow.face)
    on_edge = np.minimum(fast.barycentrics.min(axis=-1), slow.barycentrics.min(axis=-1)) < EDGE_BAND
    close = np.isclose(fast.depth, slow.depth, rtol=1e-6)
    assert not (differ & ~on_edge & ~close).any()
    assert differ.mean() < 1e-3
    same = ~differ
    assert np.array_equal(fast.coverage[same], slow.coverage[same])
    np.testing.assert_allclose(fast.barycentrics[same], slow.barycentrics[same], atol=1e-5)
    np.testing.assert_allclose(fast.depth[same], slow.depth[same], rtol=1e-6)
    np.testing.assert_allclose(fast.normal[same], slow.normal[same], atol=2e-4)


def reprojection_error(buffers: Buffers, meshes: list[Mesh], camera: Camera) -> float:
    """Largest distance in px between a surface point's projection and the centre of its pixel."""
    worst = 0.0
    for number, mesh in enumerate(meshes, start=1):
        rows, columns = np.nonzero(buffers.instance == number)
        corners = mesh.vertices[mesh.faces[buffers.face[rows, columns]]].astype(np.float64)
        points = (corners * buffers.barycentrics[rows, columns][..., None]).sum(axis=1)
        error = camera.project(points) - np.stack([columns + 0.5, rows + 0.5], axis=-1)
        worst = max(worst, float(np.linalg.norm(error, axis=-1).max(initial=0.0)))
    return worst


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_reference_on_loose_triangles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    meshes = [random_soup(rng, 60, size) for size in (0.05, 0.3, 1.5)]
    # Near enough that triangles cross the camera's plane.
    eye = (rng.uniform(-1.0, 1.0), rng.uniform(-4.0, -2.0), rng.uniform(-1.0, 1.0))
    camera = aim_camera(eye, lens=STRONG if seed % 2 else Lens(), roll=0.3)
    assert_same(render(meshes, camera), reference.render(meshes, camera))


def test_agrees_with_the_reference_on_a_ball() -> None:
    meshes = [icosphere(3, 0.7), icosphere(2, 0.4, (0.5, -0.9, 0.2)), square(6.0, -0.7)]
    camera = aim_camera((0.4, -3.0, 0.8))
    assert_same(render(meshes, camera), reference.render(meshes, camera))


def test_the_comparison_can_fail() -> None:
    mesh, camera = icosphere(2), aim_camera((0.0, -4.0, 0.0))
    good = render([mesh], camera)
    with pytest.raises(AssertionError):
        assert_same(render([Mesh(mesh.vertices * np.float32(1.001), mesh.faces)], camera), good)
    with pytest.raises(AssertionError):
        assert_same(render([Mesh(mesh.vertices, mesh.faces[::-1].copy())], camera), good)


@pytest.mark.parametrize(("seed", "fill"), [(0, 0.8), (1, 0.8), (2, 2.5), (3, 6.0)])
def test_surface_points_project_to_pixel_centres(seed: int, fill: float) -> None:
    mesh = pose_anny(seed)
    camera = frame_body(mesh, seed, 384, fill)
    buffers = render([mesh], camera)
    assert (buffers.instance > 0).sum() > 5000
    assert reprojection_error(buffers, [mesh], camera) < 0.005
    hit = buffers.instance > 0
    np.testing.assert_allclose(buffers.barycentrics[hit].sum(axis=-1), 1.0, atol=1e-6)
    assert buffers.barycentrics[hit].min() >= -1e-6
    np.testing.assert_allclose(np.linalg.norm(buffers.normal[hit], axis=-1), 1.0, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    k1=st.floats(-0.3, 0.3), k2=st.floats(-0.1, 0.1), k3=st.floats(-0.02, 0.02), p1=st.floats(-0.01, 0.01),
    p2=st.floats(-0.01, 0.01), focal=st.floats(60.0, 400.0), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_rays_invert_the_lens_and_huge_triangles_fill_the_frame(
    k1: float, k2: float, k3: float, p1: float, p2: float, focal: float, seed: int
) -> None:
    """A wall behind everything must cover every pixel, however the lens bends its edges and wherever they run."""
    camera = aim_camera((0.0, -3.0, 0.0), lens=Lens(k1=k1, k2=k2, k3=k3, p1=p1, p2=p2), focal=focal)
    try:
        expected = camera.pixel_rays()[..., :2]
        view = rasterise([wall(seed)], camera)
    except CameraError:
        return
    assert (view.buffers().instance == 1).all()
    rays = view.raster.rays.numpy().reshape(expected.shape)
    assert np.abs(rays - expected).max() < 1e-7


@settings(max_examples=25, deadline=None)
@given(
    k1=st.floats(-0.05, 0.1), k2=st.floats(-0.01, 0.02), k3=st.floats(-0.002, 0.002), k4=st.floats(-0.0005, 0.001),
    focal=st.floats(46.0, 400.0), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_fisheye_rays_and_huge_triangles_fill_the_frame(
    k1: float, k2: float, k3: float, k4: float, focal: float, seed: int
) -> None:
    camera = aim_camera((0.0, -3.0, 0.0), lens=Fisheye(k1=k1, k2=k2, k3=k3, k4=k4), focal=focal)
    try:
        expected = camera.pixel_rays()[..., :2]
        view = rasterise([wall(seed)], camera)
    except CameraError:
        return
    assert (view.buffers().instance == 1).all()
    rays = view.raster.rays.numpy().reshape(expected.shape)
    assert np.abs(rays - expected).max() < 1e-9


def wall(seed: int) -> Mesh:
    """A wall at y = 2, a kilometre wide, split into triangles along random lines through the picture."""
    rng = np.random.default_rng(seed)
    middle = np.array([[*rng.uniform(-0.8, 0.8, 2)]])
    angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, 7)) + rng.uniform(0.0, 6.0)
    angles = np.concatenate([angles, angles[:1] + np.arange(1, 4) * np.pi / 2.0])  # no gap of half a turn
    angles = np.sort(angles % (2.0 * np.pi))
    rim = middle + 1000.0 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    plane = np.concatenate([middle, rim])
    vertices = np.stack([plane[:, 0], np.full(len(plane), 2.0), plane[:, 1]], axis=-1).astype(np.float32)
    count = len(angles)
    faces = [(0, 1 + (k + 1) % count, 1 + k) if k % 2 else (0, 1 + k, 1 + (k + 1) % count) for k in range(count)]
    return Mesh(vertices, np.array(faces, np.int32))


@pytest.mark.parametrize("seed", range(3))
def test_a_closed_mesh_has_no_holes(seed: int) -> None:
    """Seen from inside, every ray of the picture meets a ball; seen from outside, its picture is convex."""
    ball = icosphere(4, 2.0)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    ball = Mesh((ball.vertices @ turn).astype(np.float32), ball.faces)
    inside = aim_camera((0.3, -0.2, 0.1), (1.0, 0.4, 0.2), width=160, height=120)
    assert (render([ball], inside).instance == 1).all()
    outside = render([ball], aim_camera((0.0, -7.0, 1.0), width=160, height=120, lens=Lens())).instance
    for row in (*outside, *outside.T):
        columns = np.flatnonzero(row)
        assert not columns.size or columns[-1] - columns[0] + 1 == columns.size


def test_a_shared_edge_through_pixel_centres_leaves_no_gap() -> None:
    """The diagonal of a square runs exactly through the centres of the diagonal pixels."""
    pose = np.eye(4)
    camera = Camera(width=64, height=64, fx=64.0, fy=64.0, cx=32.0, cy=32.0, camera_from_world=pose)
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], np.float32)
    for faces in ([[0, 1, 2], [0, 2, 3]], [[0, 1, 2], [2, 0, 3]], [[1, 0, 2], [2, 3, 0]]):
        assert (render([Mesh(corners, np.array(faces, np.int32))], camera).instance == 1).all()


def test_what_lies_behind_the_camera_is_not_seen() -> None:
    camera = aim_camera((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    behind = icosphere(2, 0.5, (0.0, -2.0, 0.0))
    assert not render([behind], camera).instance.any()
    around = render([icosphere(2, 0.5)], camera)  # the camera stands inside
    assert (around.instance == 1).all()
    ground = square(200.0, -1.0)  # both triangles pass below the camera and far behind it
    buffers = render([ground], camera)
    assert_same(buffers, reference.render([ground], camera))
    assert buffers.instance[-1].all()
    assert not buffers.instance[0].any()


def test_both_sides_of_a_face_are_seen() -> None:
    for flip in (False, True):
        sheet = square(2.0)
        faces = np.ascontiguousarray(sheet.faces[:, ::-1]) if flip else sheet.faces
        assert render([Mesh(sheet.vertices, faces)], aim_camera((0.1, -0.1, 3.0))).instance.any()


def test_coverage_tells_what_would_be_seen_without_the_others() -> None:
    camera = aim_camera((0.0, -4.0, 0.0))
    meshes = [
        icosphere(2, 0.6, (0.0, 1.0, 0.0)),
        icosphere(2, 0.5, (0.3, -0.5, 0.0)),
        icosphere(2, 0.2, (5.0, 0.0, 0.0)),
    ]
    together = render(meshes, camera)
    for number, mesh in enumerate(meshes, start=1):
        alone = render([mesh], camera)
        assert np.array_equal(together.coverage >> (number - 1) & 1, alone.instance)
    assert set(np.unique(together.instance)) == {0, 1, 2}
    assert together.face[together.instance == 2].max() < len(meshes[1].faces)


def test_the_same_bytes_twice() -> None:
    mesh = pose_anny(4)
    camera = frame_body(mesh, 4, 256)
    first, second = (render([mesh, icosphere(3, 0.3)], camera) for _ in range(2))
    for field in fields(Buffers):
        assert getattr(first, field.name).tobytes() == getattr(second, field.name).tobytes()


def test_an_empty_scene_is_empty() -> None:
    camera = aim_camera((0.0, -3.0, 0.0))
    for meshes in ([], [Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))]):
        buffers = render(meshes, camera)
        assert not buffers.instance.any()
        assert not buffers.coverage.any()
        assert (buffers.face == -1).all()
        assert np.isinf(buffers.depth).all()


def test_degenerate_faces_are_left_out() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 0, 0]], np.float32)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 3, 1], [0, 0, 0]], np.int32))
    assert not render([mesh], aim_camera((0.0, -3.0, 0.0))).instance.any()


def test_odd_picture_sizes() -> None:
    for width, height in ((1, 1), (7, 5), (int(TILE) + 1, 3 * int(TILE) - 1)):
        camera = aim_camera((0.0, -3.0, 0.0), width=width, height=height, focal=20.0)
        meshes = [icosphere(1, 0.8)]
        assert_same(render(meshes, camera), reference.render(meshes, camera))


def test_mistakes_are_told() -> None:
    camera = aim_camera((0.0, -3.0, 0.0))
    with pytest.raises(ConfigurationError, match="of 32 people"):
        render([square(1.0)] * 33, camera)
    with pytest.raises(DeviceError, match="expected 'cpu' or 'cuda'"):
        render([], camera, device="gpu")
    folding = aim_camera((0.0, -3.0, 0.0), focal=40.0, lens=Lens(k1=-0.6))
    with pytest.raises(CameraError, match="folds"):
        render([square(1.0)], folding)


def test_cuda_is_never_replaced_in_silence() -> None:
    import warp as wp

    if wp.is_cuda_available():
        assert choose_device("cuda").startswith("cuda")
    else:
        with pytest.raises(DeviceError, match="no CUDA device"):
            choose_device("cuda")


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives() -> None:
    import warp as wp

    if not wp.is_cuda_available():
        pytest.skip("needs a CUDA device")
    mesh = pose_anny(5)
    camera = frame_body(mesh, 5, 256)
    meshes = [mesh, icosphere(3, 0.3, (0.3, -0.4, 1.0))]
    fast = rasterise(meshes, camera, "cuda")
    assert_same(fast.buffers(), render(meshes, camera))
    assert np.array_equal(fast.visible_vertices(0), rasterise(meshes, camera).visible_vertices(0))
