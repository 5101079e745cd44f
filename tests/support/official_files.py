"""A ball with SMPL's counts, cut into DensePose's counts of charts: `UV_Processed.mat` and friends from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import savemat
from scipy.spatial import ConvexHull

VERTICES, FACES, CHART_VERTICES, CHART_FACES = 6890, 13776, 7829, 13774


@dataclass(frozen=True)
class Ball:
    """faces: (13776, 3) outward; vertices: on the unit sphere, symmetric in x; part, uv: the truth for each face."""

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    uv: np.ndarray
    missing: np.ndarray


def make_ball(seed: int = 0) -> Ball:
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(VERTICES // 2, 3))
    half[:, 0] = np.abs(half[:, 0]) + 0.02
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    vertices = np.concatenate([half, half * (-1, 1, 1)])
    faces = ConvexHull(vertices).simplices
    corners = vertices[faces]
    outward = np.einsum(
        "fc,fc->f", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]
    )
    faces = np.where(outward[:, None] > 0, faces, faces[:, ::-1])
    golden = np.arange(24) + 0.5
    height, turn = 1 - golden / 12, np.pi * (1 + 5**0.5) * golden
    seeds = np.stack([np.cos(turn) * np.sqrt(1 - height**2), np.sin(turn) * np.sqrt(1 - height**2), height], axis=1)
    centres = vertices[faces].mean(axis=1)
    owner = (centres @ seeds.T).argmax(axis=1)
    across = np.cross(seeds, np.roll(seeds, 1, axis=1))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = np.cross(seeds, across)
    points = vertices[faces]
    uv = np.stack(
        [np.einsum("fkc,fc->fk", points, across[owner]), np.einsum("fkc,fc->fk", points, along[owner])], axis=2
    )
    uv = np.clip(0.5 + 0.7 * uv, 0.0, 1.0).astype(np.float32)
    nearest = (centres @ seeds[[4, 5]].T).argmax(axis=0)
    return Ball(vertices.astype(np.float32), faces.astype(np.int32), (owner + 1).astype(np.uint8), uv, np.sort(nearest))


def make_chart_tables(ball: Ball, seed: int = 0) -> dict[str, np.ndarray]:
    """Keys, shapes and dtypes of UV_Processed.mat; triangles shuffled and turned, two left out, numbers from 1."""
    rng = np.random.default_rng(seed)
    kept = rng.permutation(np.setdiff1d(np.arange(FACES), ball.missing))
    turns = rng.integers(0, 3, len(kept))
    corner = (np.arange(3) + turns[:, None]) % 3
    vertex = np.take_along_axis(ball.faces[kept], corner, axis=1)
    part = ball.part[kept]
    uv = np.take_along_axis(ball.uv[kept], corner[:, :, None], axis=1)
    keys, first, chart_faces = np.unique(
        part[:, None].astype(np.int64) * VERTICES + vertex, return_index=True, return_inverse=True
    )
    chart_faces = chart_faces.reshape(-1, 3)
    chart_vertex, chart_uv = keys % VERTICES, uv.reshape(-1, 2)[first]
    more = CHART_VERTICES - len(keys)  # cut some corners free, as seams within a part do
    assert more >= 0, len(keys)
    for row in rng.permutation(len(chart_faces))[:more]:
        number = chart_faces[row, 0]
        chart_faces[row, 0] = len(chart_vertex)
        chart_vertex, chart_uv = np.append(chart_vertex, chart_vertex[number]), np.vstack([chart_uv, chart_uv[number]])
    return {
        "All_vertices": (chart_vertex[None] + 1).astype(np.uint32),
        "All_Faces": (chart_faces + 1).astype(np.uint16),
        "All_FaceIndices": part[:, None],
        "All_U_norm": chart_uv[:, :1].astype(np.float64),
        "All_V_norm": chart_uv[:, 1:].astype(np.float64),
        "All_U": chart_uv[:, :1].astype(np.float64),
        "All_V": chart_uv[:, 1:].astype(np.float64),
    }


def write_mat(path: Path, tables: dict[str, np.ndarray]) -> Path:
    savemat(path, tables, do_compression=True)
    return path


def subdivide(faces: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every triangle in four; new vertices follow the old ones, an edge each, as in smpl_27554."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    ends, number = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = (number.reshape(3, -1) + len(vertices)).astype(np.int64)
    a, b, c = faces.T
    finer = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return finer, np.concatenate([vertices, vertices[ends].mean(axis=1)])
