"""Scenes the renderer's tests share."""

from __future__ import annotations

from functools import cache
from typing import Any

import anny
import numpy as np
import torch

from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.geometry.mesh import Mesh

STRONG = Lens(k1=-0.28, k2=0.11, p1=0.002, p2=-0.0015, k3=-0.01)


def icosphere(levels: int, radius: float = 1.0, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mesh:
    """A closed ball of 20·4^levels faces, counter-clockwise seen from outside."""
    g = (1.0 + 5.0**0.5) / 2.0
    points = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g), (0, -1, -g), (0, 1, -g)]
    points += [(g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]
    faces = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2)]
    faces += [(10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5)]
    faces += [(2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
    vertices = [np.array(p) / np.linalg.norm(p) for p in points]
    for _ in range(levels):
        middles: dict[tuple[int, int], int] = {}

        def middle(i: int, j: int, middles: dict[tuple[int, int], int] = middles) -> int:
            key = (min(i, j), max(i, j))
            if key not in middles:
                middles[key] = len(vertices)
                point = vertices[i] + vertices[j]
                vertices.append(point / np.linalg.norm(point))
            return middles[key]

        split = []
        for a, b, c in faces:
            d, e, f = middle(a, b), middle(b, c), middle(c, a)
            split += [(a, d, f), (d, b, e), (f, e, c), (d, e, f)]
        faces = split
    return Mesh((np.array(vertices) * radius + centre).astype(np.float32), np.array(faces, np.int32))


def square(size: float, z: float = 0.0) -> Mesh:
    """Two triangles at height z, facing up."""
    s = size / 2.0
    corners = np.array([[-s, -s, z], [s, -s, z], [s, s, z], [-s, s, z]], np.float32)
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def aim_camera(
    eye: tuple[float, float, float],
    target: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    width: int = 96,
    height: int = 80,
    focal: float = 90.0,
    lens: Lens = STRONG,
    roll: float = 0.0,
) -> Camera:
    pose = look_at(np.array(eye, np.float64), np.array(target, np.float64), roll)
    centre = {"cx": width / 2.0 + 1.7, "cy": height / 2.0 - 2.3}
    return Camera(width=width, height=height, fx=focal, fy=focal * 1.02, camera_from_world=pose, lens=lens, **centre)


@cache
def _load_anny() -> Any:
    torch.set_num_threads(1)
    return anny.Anny().to(dtype=torch.float32)


def pose_anny(seed: int) -> Mesh:
    """Anny in a random pose: small random rotations of every bone; feet at z = 0."""
    model = _load_anny()
    vector = torch.from_numpy(np.random.default_rng(seed).normal(0.0, 0.2, (1, len(model.bone_labels), 3))).float()
    vector[:, 0] = 0.0
    skew = torch.zeros(*vector.shape, 3)
    skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0] = vector[..., 0], vector[..., 1], vector[..., 2]
    skew[..., 1, 2], skew[..., 2, 0], skew[..., 0, 1] = -vector[..., 0], -vector[..., 1], -vector[..., 2]
    transforms = torch.eye(4).repeat(*vector.shape[:2], 1, 1)
    transforms[..., :3, :3] = torch.linalg.matrix_exp(skew)
    with torch.no_grad():
        vertices = model(pose_parameters=transforms)["vertices"][0].numpy().astype(np.float32)
    faces = np.ascontiguousarray(model.faces.numpy().astype(np.int32))
    return Mesh(np.ascontiguousarray(vertices - np.float32([0.0, 0.0, vertices[:, 2].min()])), faces)


def frame_body(mesh: Mesh, seed: int, size: int, fill: float = 0.8, lens: Lens = STRONG) -> Camera:
    """A camera in a random direction around the mesh, which takes `fill` of the picture's height."""
    rng = np.random.default_rng(seed)
    low, high = mesh.vertices.min(axis=0).astype(np.float64), mesh.vertices.max(axis=0).astype(np.float64)
    azimuth, distance = rng.uniform(0.0, 2.0 * np.pi), 1.2 * (high - low)[2] / fill
    middle = (low + high) / 2.0
    eye = middle + distance * np.array([np.sin(azimuth), -np.cos(azimuth), rng.uniform(-0.1, 0.5)])
    pose = look_at(eye, middle, rng.uniform(-0.1, 0.1))
    centre = {"cx": size / 2.0 + 2.3, "cy": size / 2.0 - 1.9}
    return Camera(width=size, height=size, fx=1.2 * size, fy=1.2 * size, camera_from_world=pose, lens=lens, **centre)
