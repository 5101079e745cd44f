"""First surface met by arbitrary rays, for visibility and for colour samples between pixel centres."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float64, Int32
from densesynth.render.kernels import hits as kernels
from densesynth.render.raster import Raster


def sort_faces(r: Raster) -> Any:
    """The faces of a picture sorted into its cells: `kernels.Cells`, on the device."""
    g, device, width, height = r.geometry, r.geometry.device, r.camera.width, r.camera.height
    sizes = [int(kernels.SMALLEST)]
    while sizes[-1] < max(width, height):
        sizes.append(2 * sizes[-1])
    face_count = g.faces.shape[0]
    cell = wp.empty(face_count, dtype=wp.int32, device=device)
    ends = wp.zeros(sum((width // s + 1) * (height // s + 1) for s in sizes) + 1, dtype=wp.int32, device=device)
    wp.launch(kernels.count_faces, face_count, [width, height, r.bounds, cell, ends], device=device)
    wp.utils.array_scan(ends, ends, inclusive=True)
    cells: Any = kernels.Cells()
    cells.width, cells.height, cells.starts = width, height, ends
    cells.listed = wp.empty(face_count, dtype=wp.int32, device=device)
    cells.boxes = wp.empty((5, face_count + int(kernels.LANES)), dtype=wp.float32, device=device)
    inputs = [cell, g.faces, r.in_camera, r.bounds, ends, cells.listed, cells.boxes]
    wp.launch(kernels.list_faces, face_count, inputs, device=device)
    return cells


def find_hits(
    r: Raster, cells: Any, rays: Float64[Array, "n 2"], pixels: Float64[Array, "n 2"]
) -> tuple[Int32[Array, "n"], Float64[Array, "n"]]:
    """First face over all meshes (−1: none) and its camera depth (metres, +inf: none) along each ray.

    rays: x, y at z = 1, camera frame. pixels: where each ray stands in the picture, px; a negative column leaves the
    ray out.
    """
    device, count = r.geometry.device, len(rays)
    face = wp.empty(count, dtype=wp.int32, device=device)
    depth = wp.empty(count, dtype=wp.float64, device=device)
    placed = [wp.array(np.ascontiguousarray(a), dtype=wp.vec2d, device=device, copy=False) for a in (rays, pixels)]
    inputs = [*placed, cells, r.geometry.faces, r.in_camera, face, depth]
    wp.launch(kernels.meet_rays, count, inputs, device=device)
    return face.numpy().copy(), depth.numpy().copy()
