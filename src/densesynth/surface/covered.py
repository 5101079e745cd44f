"""Which vertices of a body lie under another mesh."""

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Int32
from densesynth.device import start_warp
from densesynth.surface import kernels

SUNK = 0.01  # metres below the body's surface where the mesh may lie, too


def find_covered_vertices(
    points: Array, normals: Array, vertices: Array, faces: Int32[Array, "f 3"], reach: float
) -> Bool[Array, "n"]:
    """Of points (n, 3) with unit normals, those with the mesh within `reach` metres above them, or SUNK below."""
    start_warp()
    mesh = wp.Mesh(
        wp.array(np.ascontiguousarray(vertices, np.float32), dtype=wp.vec3, device="cpu"),
        wp.array(np.ascontiguousarray(faces, np.int32).reshape(-1), dtype=wp.int32, device="cpu"),
    )
    asked = [
        wp.array(np.ascontiguousarray(array, np.float32), dtype=wp.vec3, device="cpu") for array in (points, normals)
    ]
    found = wp.empty(len(points), dtype=wp.bool, device="cpu")
    wp.launch(kernels.look_up, len(points), [mesh.id, *asked, SUNK, SUNK + reach, found], device="cpu")
    return np.asarray(found.numpy().copy(), np.bool_)
