"""First surface met by arbitrary rays, for visibility and for colour samples between pixel centres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.render.geometry import Geometry
from densesynth.render.kernels import hits as kernels
from densesynth.render.kernels.lens import NO_HIT, OFF_SCREEN

RAYS_PER_CELL = 0.2  # fewer cells cost triple products, more cells cost look-ups; measured on a posed body


@dataclass(frozen=True)
class Hits:
    """Device arrays, one entry a ray. slot: −1 for a ray that was left out. face: over all meshes, −1 for none.
    depth: z in the camera frame, metres, +inf for none."""

    slot: Any
    face: Any
    depth: Any


def find_hits(geometry: Geometry, in_camera: Any, screen: Any, rays: Any) -> Hits:
    """Rays (device, vec2d: x, y at z = 1, camera frame; x = OFF_SCREEN leaves a ray out) → first hits."""
    device, count = geometry.device, rays.shape[0]
    slot = wp.empty(count, dtype=wp.int32, device=device)
    face = wp.empty(count, dtype=wp.int32, device=device)
    depth = wp.empty(count, dtype=wp.float64, device=device)
    on_host = rays.numpy()
    used = on_host[on_host[:, 0] < OFF_SCREEN / 2.0]
    if not len(used):
        slot.fill_(-1)
        face.fill_(-1)
        depth.fill_(np.inf)
        return Hits(slot, face, depth)
    low, high = used.min(axis=0), used.max(axis=0)
    size = np.maximum(high - low, 1e-6)
    cells = max(1.0, len(used) / RAYS_PER_CELL)
    across = int(np.clip(math.sqrt(cells * size[0] / size[1]), 1, 4096))
    down = int(np.clip(cells / across, 1, 4096))
    grid = kernels.Grid()
    grid.low, grid.across, grid.down = low.tolist(), across, down
    grid.cells_per_unit = (across / size[0], down / size[1])
    counts = wp.zeros(across * down + 1, dtype=wp.int32, device=device)
    wp.launch(kernels.count_rays, dim=count, inputs=[grid, rays, slot, counts], device=device)
    starts = wp.empty_like(counts)
    wp.utils.array_scan(counts, starts, inclusive=True)
    cursor = wp.clone(starts)
    sorted_rays = wp.empty(len(used), dtype=wp.vec2d, device=device)
    keys = wp.full(len(used), NO_HIT, dtype=wp.uint64, device=device)
    wp.launch(kernels.sort_rays, dim=count, inputs=[rays, slot, cursor, sorted_rays, slot], device=device)
    wp.launch(
        kernels.meet_faces,
        dim=geometry.faces.shape[0],
        inputs=[grid, low.tolist(), high.tolist(), geometry.faces, in_camera, screen, starts, sorted_rays, keys],
        device=device,
    )
    wp.launch(
        kernels.read_hits,
        dim=count,
        inputs=[slot, keys, rays, geometry.faces, in_camera, face, depth],
        device=device,
    )
    return Hits(slot, face, depth)
