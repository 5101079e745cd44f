"""Worn meshes' points and the body points that they cover, against trying every candidate."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.surface.binding import bind, bind_vertices, index_faces
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.locate import Located


def ball(rng: np.random.Generator, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """A dented ball of uneven triangles."""
    around = 2 * rings
    up, turn = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rings), np.arange(around) * np.pi / rings, indexing="ij")
    sphere = np.stack([np.sin(up) * np.cos(turn), np.sin(up) * np.sin(turn), np.cos(up)], axis=-1)
    vertices = (sphere * (1.0 + 0.2 * rng.random((rings, around, 1)))).reshape(-1, 3).astype(np.float32)
    a = (np.arange(rings - 1)[:, None] * around + np.arange(around)).ravel()
    b = (np.arange(rings - 1)[:, None] * around + (np.arange(around) + 1) % around).ravel()
    faces = np.concatenate([np.stack([a, a + around, b], axis=1), np.stack([b, a + around, b + around], axis=1)])
    return vertices, faces.astype(np.int32)


@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_candidate_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body, body_faces = ball(rng, 9)
    worn, faces = ball(rng, 6)
    worn = worn + np.float32(0.05) * vertex_normals(worn, faces).astype(np.float32)
    binding = bind(worn, faces, body, body_faces)
    face = rng.integers(len(faces), size=40).astype(np.int32)
    weights = rng.dirichlet(np.ones(3), size=40).astype(np.float32)
    found = binding.carry(face, weights)
    anchors = (binding.anchors[faces[face]] * weights[:, :, None]).sum(axis=1)
    points = (body[body_faces[found.face]] * found.barycentrics[:, :, None]).sum(axis=1)
    for row in range(len(face)):
        candidates = binding.candidates[binding.starts[face[row]] : binding.starts[face[row] + 1]]
        assert found.face[row] in candidates
        nearest = closest_points(anchors[row : row + 1], body, body_faces[candidates])
        assert abs(np.linalg.norm(points[row] - anchors[row]) - nearest.distance[0]) < 2e-6, row


def test_a_part_is_bound_as_if_alone() -> None:
    rng = np.random.default_rng(5)
    body, body_faces = ball(rng, 9)
    worn, faces = ball(rng, 6)
    whole = bind(worn, faces, body, body_faces)
    count = 40
    rows = np.flatnonzero((faces < count).all(axis=1))[::2]
    found = whole.part(rows, count)
    vertex = Located(whole.vertex.face[:count], whole.vertex.barycentrics[:count])
    alone = bind_vertices(vertex, faces[rows], index_faces(body, body_faces))
    assert 0 < len(rows) < len(faces)
    for name in ("faces", "anchors", "starts", "candidates"):
        assert np.array_equal(getattr(found, name), getattr(alone, name)), name
