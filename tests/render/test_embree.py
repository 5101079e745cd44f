"""The rasteriser and the visibility of vertices against an independent ray caster."""

from __future__ import annotations

import numpy as np
import pytest
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh
from render_scenes import frame_body, pose_anny

from densesynth.arrays import Array
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers
from densesynth.render.render import rasterise, render


def cast(mesh: Mesh, camera: Camera, rays_in_camera: Array) -> Array:
    """Embree's first face along each ray (z = 1, camera frame) from the camera's centre; −1 for none.

    The mesh goes to the camera frame in double first, so that Embree's float32 loses as little as it can.
    """
    in_camera = camera.to_camera(mesh.vertices).astype(np.float32)
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, in_camera[mesh.faces])
    directions = np.ascontiguousarray(rays_in_camera, np.float32)
    return np.asarray(scene.run(np.zeros_like(directions), directions))


def near_an_edge(buffers: Buffers, mesh: Mesh, camera: Camera) -> Array:
    """Pixels within one px of their own face's edge or of a silhouette (another face that isn't a neighbour)."""
    near = np.zeros(buffers.instance.shape, bool)
    rows, columns = np.nonzero(buffers.instance)
    corners = camera.project(mesh.vertices)[mesh.faces[buffers.face[rows, columns]]]
    point = np.stack([columns + 0.5, rows + 0.5], axis=-1)
    distance = np.full(len(rows), np.inf)
    for k in range(3):
        a, along = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
        length2 = np.maximum((along**2).sum(axis=-1), 1e-12)
        t = np.clip(((point - a) * along).sum(axis=-1) / length2, 0.0, 1.0)
        distance = np.minimum(distance, np.linalg.norm(point - a - t[:, None] * along, axis=-1))
    near[rows, columns] = distance < 1.0
    hit = np.pad(buffers.instance > 0, 1)
    for dy in range(3):
        for dx in range(3):
            near |= hit[dy : dy + near.shape[0], dx : dx + near.shape[1]] != (buffers.instance > 0)
    return near


@pytest.mark.parametrize("seed", range(8))
def test_the_same_face_as_embree(seed: int) -> None:
    mesh = pose_anny(seed)
    camera = frame_body(mesh, seed, 256, 0.8 if seed % 2 else 2.0)
    buffers = render([mesh], camera)
    embree = cast(mesh, camera, camera.pixel_rays().reshape(-1, 3)).reshape(buffers.face.shape)
    differ = embree != buffers.face
    assert (embree >= 0).sum() > 3000
    body = (embree >= 0) | (buffers.face >= 0)
    assert differ[body].mean() <= 1e-3
    assert not (differ & ~near_an_edge(buffers, mesh, camera)).any()


@pytest.mark.parametrize("seed", range(4))
def test_vertices_are_visible_where_embree_reaches_them(seed: int) -> None:
    mesh = pose_anny(seed)
    camera = frame_body(mesh, seed, 256, 0.8 if seed % 2 else 2.0)
    visible = rasterise([mesh], camera).visible_vertices(0)
    in_camera = camera.to_camera(mesh.vertices)
    pixel = camera.project_from_camera(in_camera)
    in_frame = (in_camera[:, 2] > 0) & ((pixel >= 0) & (pixel < (camera.width, camera.height))).all(axis=-1)
    face = cast(mesh, camera, in_camera / in_camera[:, 2:])
    corners = mesh.faces[face]
    own = (corners == np.arange(len(mesh.vertices))[:, None]).any(axis=-1)
    a, b, c = (in_camera[corners[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    ray = in_camera / in_camera[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (a * normal).sum(axis=-1) / (ray * normal).sum(axis=-1)
    expected = in_frame & ((face < 0) | own | (depth >= in_camera[:, 2] * (1.0 - 1e-5)))
    assert 500 < visible.sum() < len(visible) / 2
    # Rays that graze an edge may fall to either side in Embree's float32.
    assert (visible != expected).mean() < 2e-3
    assert not visible[~in_frame].any()
