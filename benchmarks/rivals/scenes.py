"""Posed Anny bodies and cameras for the rivals, as one plain .npz that a script without densesynth can read.

    python benchmarks/rivals/scenes.py OUT.npz --frames 24 --seed 0

Each frame holds one standing adult in a new pose, seen by a new camera that makes the posed body 0.8 of the picture's
height, over a ground plane at z = 0. Vertices are split where a chart or the texture is cut (C corners); the rivals get
posed vertices and normals for nothing, while densesynth's own frames pay for posing.

keys: size; faces int32 (F, 3) into the C corners; corner_vertex int32 (C,); part uint8 (C,); chart float32 (C, 2);
texture_uv float32 (C, 2); vertices, normals float32 (N, V, 3), world, metres; camera_from_world float64 (N, 4, 4);
focal float64 (N,) pixels, principal point in the middle; light float32 (N, 3) towards the light, world.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import anny
import numpy as np
import torch

from densesynth.geometry.camera import look_at
from densesynth.surface.atlas import load_atlas

BODY_SHARE = 0.8  # of the picture's height
# Degrees by which a bone may turn from its rest, around each of its axes: a standing, gesturing person.
BONE_RANGES = {
    "upperarm01": 45, "lowerarm01": 35, "wrist": 20, "upperleg01": 22, "lowerleg01": 22, "foot": 10, "spine05": 8,
    "spine03": 8, "spine01": 8, "neck01": 12, "head": 12,
}  # fmt: skip


def draw_pose(bone_labels: Sequence[str], rng: np.random.Generator) -> torch.Tensor:
    """Random 4×4 bone transforms (1, bones, 4, 4), rotations relative to the rest pose."""
    transforms = np.tile(np.eye(4), (1, len(bone_labels), 1, 1))
    for index, label in enumerate(bone_labels):
        limit = BONE_RANGES.get(label.split(".")[0])
        if limit is not None:
            transforms[0, index, :3, :3] = rotation_matrix(np.radians(rng.uniform(-limit, limit, 3)))
    return torch.from_numpy(transforms)


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: rotation vector (radians) → 3×3."""
    angle = np.linalg.norm(vector)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3)."""
    corners = vertices[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector, world; angles in radians."""
    return np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])


def draw_camera(vertices: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """camera_from_world and focal length (pixels) that make the body `BODY_SHARE` of the picture's height."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    target = (low + high) / 2
    distance, azimuth, elevation = rng.uniform(3.0, 6.0), rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.35)
    ring = direction(azimuth, elevation)
    for _ in range(3):  # the middle of the box is not the middle of its picture: settle on it
        camera_from_world = look_at(target + distance * ring, target)
        seen = vertices @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
        top, bottom = (seen[:, 1] / seen[:, 2]).min(), (seen[:, 1] / seen[:, 2]).max()
        left, right = (seen[:, 0] / seen[:, 2]).min(), (seen[:, 0] / seen[:, 2]).max()
        middle = np.array([(left + right) / 2, (top + bottom) / 2, 1.0]) * distance
        target = camera_from_world[:3, :3].T @ (middle - camera_from_world[:3, 3])
    return camera_from_world, BODY_SHARE * size / (bottom - top)


def make_scenes(frames: int, seed: int, size: int) -> dict[str, np.ndarray]:
    """The arrays named at the head of this file."""
    rng = np.random.default_rng(seed)
    body, atlas = anny.Anny(), load_atlas("anny")
    faces = body.faces.numpy().astype(np.int32)
    texture = body.texture_coordinates.numpy()[body.face_texture_coordinate_indices.numpy()]
    part = np.repeat(atlas.part, 3)[:, None]
    keys = np.concatenate([faces.reshape(-1, 1), part, atlas.uv.reshape(-1, 2), texture.reshape(-1, 2)], axis=1)
    corners, inverse = np.unique(keys.astype(np.float64), axis=0, return_inverse=True)
    scenes: dict[str, list] = {key: [] for key in ("vertices", "normals", "camera_from_world", "focal", "light")}
    for _ in range(frames):
        shape = {label: float(rng.uniform(0.2, 0.8)) for label in body.phenotype_labels} | {"age": 0.67}
        with torch.no_grad():
            posed = body(pose_parameters=draw_pose(body.bone_labels, rng), phenotype_kwargs=shape)
        vertices = posed["vertices"][0].numpy()
        vertices = vertices - (0.0, 0.0, vertices[:, 2].min())
        camera_from_world, focal = draw_camera(vertices, size, rng)
        azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.2)
        scenes["vertices"].append(vertices.astype(np.float32))
        scenes["normals"].append(vertex_normals(vertices, faces).astype(np.float32))
        scenes["camera_from_world"].append(camera_from_world)
        scenes["focal"].append(focal)
        scenes["light"].append(direction(azimuth, elevation).astype(np.float32))
    return {
        "size": np.array(size),
        "faces": inverse.reshape(-1, 3).astype(np.int32),
        "corner_vertex": corners[:, 0].astype(np.int32),
        "part": corners[:, 1].astype(np.uint8),
        "chart": corners[:, 2:4].astype(np.float32),
        "texture_uv": corners[:, 4:6].astype(np.float32),
        **{key: np.array(values) for key, values in scenes.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=512)
    arguments = parser.parse_args()
    np.savez(arguments.out, **make_scenes(arguments.frames, arguments.seed, arguments.size))


if __name__ == "__main__":
    main()
