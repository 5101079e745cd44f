"""`render` again, slow and obvious: every face against every pixel's ray, in float64 NumPy. For tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.device import choose_device
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers

NEAR = 1e-6  # metres


def find_vertex_normals(mesh: Mesh) -> Float64[Array, "v 3"]:
    """Unit vertex normals, world, weighted by the areas of the faces around a vertex."""
    vertices = mesh.vertices.astype(np.float64)
    a, b, c = (vertices[mesh.faces[:, k]] for k in range(3))
    sums = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(sums, mesh.faces[:, k], np.cross(b - a, c - a))
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)


def render(meshes: Sequence[Mesh], camera: Camera, device: str = "cpu") -> Buffers:
    """The surface point of every pixel; see `render.render`. device is only checked: this runs on the CPU."""
    choose_device(device)
    height, width = camera.height, camera.width
    rays = camera.pixel_rays()
    instance = np.zeros((height, width), np.uint8)
    face = np.full((height, width), -1, np.int32)
    barycentrics = np.zeros((height, width, 3))
    depth = np.full((height, width), np.inf)
    normal = np.zeros((height, width, 3))
    coverage = np.zeros((height, width), np.uint32)
    for number, mesh in enumerate(meshes, start=1):
        corners_of_all = camera.to_camera(mesh.vertices)
        normals_of_all = find_vertex_normals(mesh) @ camera.camera_from_world[:3, :3].T
        for row, indices in enumerate(mesh.faces):
            a, b, c = corners_of_all[indices]
            if mesh.closed and np.dot(a, np.cross(b, c)) >= 0.0:  # turned away
                continue
            # A ray meets the triangle where these share a sign; they are its barycentrics up to scale.
            weights = rays @ np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)
            total = weights.sum(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                z = np.dot(a, np.cross(b, c)) / total
                shares = weights / total[..., None]
            met = ((weights >= 0.0).all(axis=-1) | (weights <= 0.0).all(axis=-1)) & (total != 0.0) & (z > NEAR)
            coverage[met] |= np.uint32(1 << (number - 1))
            nearer = met & (z < depth)
            instance[nearer], face[nearer], depth[nearer] = number, row, z[nearer]
            barycentrics[nearer] = shares[nearer]
            blended = shares[nearer] @ normals_of_all[indices]
            normal[nearer] = blended / np.maximum(np.linalg.norm(blended, axis=1, keepdims=True), 1e-300)
    return Buffers(
        instance=instance,
        face=face,
        barycentrics=barycentrics.astype(np.float32),
        depth=depth.astype(np.float32),
        normal=normal.astype(np.float32),
        coverage=coverage,
    )
