"""First surface met by arbitrary rays, for visibility and for colour samples between pixel centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float64, Int32
from densesynth.render.kernels import hits as kernels
from densesynth.render.raster import Raster


@dataclass(frozen=True)
class Cells:
    """The faces that may be met in each 4×4-pixel cell of a picture; device arrays (Warp).

    starts: where the cells' lists begin in `listed`, row by row, and the end. listed: faces over all meshes.
    nearest: depth of every face's nearest corner, metres.
    """

    starts: Any
    listed: Any
    nearest: Any


def sort_faces(r: Raster) -> Cells:
    """Sort the faces of a picture into its cells."""
    g, device = r.geometry, r.geometry.device
    across, down = -(-r.camera.width // int(kernels.CELL)), -(-r.camera.height // int(kernels.CELL))
    face_count = g.faces.shape[0]
    nearest = wp.empty(face_count, dtype=wp.float32, device=device)
    counts = wp.zeros(across * down + 1, dtype=wp.int32, device=device)
    inputs = [across, down, g.faces, r.in_camera, r.bounds, nearest, counts]
    wp.launch(kernels.count_faces, face_count, inputs, device=device)
    starts = wp.empty_like(counts)
    wp.utils.array_scan(counts, starts, inclusive=True)
    cursor = wp.clone(starts)
    listed = wp.empty(int(starts[-1:].numpy()[0]), dtype=wp.int32, device=device)
    wp.launch(kernels.list_faces, face_count, [across, down, r.bounds, cursor, listed], device=device)
    return Cells(starts, listed, nearest)


def cell_inputs(r: Raster, cells: Cells) -> list[Any]:
    """What `kernels.find_first` reads, in its order."""
    return [cells.starts, cells.listed, r.bounds, cells.nearest, r.geometry.faces, r.in_camera]


def find_hits(
    r: Raster, cells: Cells, rays: Float64[Array, "n 2"], pixels: Float64[Array, "n 2"]
) -> tuple[Int32[Array, "n"], Float64[Array, "n"]]:
    """First face over all meshes (−1: none) and its camera depth (metres, +inf: none) along each ray.

    rays: x, y at z = 1, camera frame. pixels: where each ray stands in the picture, px; a negative column leaves the
    ray out.
    """
    device, count = r.geometry.device, len(rays)
    face = wp.empty(count, dtype=wp.int32, device=device)
    depth = wp.empty(count, dtype=wp.float64, device=device)
    placed = [wp.array(np.ascontiguousarray(a), dtype=wp.vec2d, device=device, copy=False) for a in (rays, pixels)]
    inputs = [r.optics, *placed, *cell_inputs(r, cells), face, depth]
    wp.launch(kernels.meet_rays, count, inputs, device=device)
    return face.numpy().copy(), depth.numpy().copy()
