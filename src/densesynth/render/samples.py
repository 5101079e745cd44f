"""Colour samples of a rasterised picture: one per pixel inside a surface, one per surface where something ends.

Labels stay at pixel centres; only colour is smoothed at edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, Int32, UInt8
from densesynth.device import address
from densesynth.errors import ConfigurationError
from densesynth.render.kernels import openness
from densesynth.render.kernels import samples as kernels
from densesynth.render.kernels.lens import TILE
from densesynth.render.raster import Raster, Surface

# Offsets from the pixel's centre, px: rotated grids, so that near-vertical and near-horizontal edges get every level.
OFFSETS: dict[int, tuple[tuple[float, float], ...]] = {
    4: ((-0.125, -0.375), (0.375, -0.125), (0.125, 0.375), (-0.375, 0.125)),
    8: (
        (0.0625, -0.1875), (-0.0625, 0.1875), (0.3125, 0.0625), (-0.1875, -0.3125),
        (-0.3125, 0.3125), (-0.4375, -0.0625), (0.1875, 0.4375), (0.4375, -0.4375),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SampleArrays:
    """Samples on the host; see `Samples` for what they are."""

    pixel: Int32[Array, "n"]
    weight: Float32[Array, "n"]
    instance: UInt8[Array, "n"]
    face: Int32[Array, "n"]
    barycentrics: Float32[Array, "n 3"]
    position: Float32[Array, "n 3"]
    normal: Float32[Array, "n 3"]
    footprint: Float32[Array, "n"]
    openness: Float32[Array, "n"]


@dataclass(frozen=True)
class Samples:
    """Device arrays (Warp), one entry a sample; a pixel's samples stand together, pixels go tile by tile.

    pixel: row · width + column. weight: share of its pixel; with `background_weight` a pixel's shares sum to 1.
    instance: from 1. face: row of that mesh's faces. barycentrics: perspective-correct. position: world, metres.
    normal: unit, interpolated, world. footprint: metres of surface that one pixel covers there (geometric mean of
    the two directions). openness: share of ambient light that nearby surfaces of the picture let through, 0.2..1.
    pixels, starts: the pixels that have samples and where each one's begin, and the end.
    background_weight: h·w, share of each pixel that shows the background.
    """

    pixel: Any
    weight: Any
    instance: Any
    face: Any
    barycentrics: Any
    position: Any
    normal: Any
    footprint: Any
    openness: Any
    pixels: Any
    starts: Any
    background_weight: Any
    raster: Raster

    def to_numpy(self) -> SampleArrays:
        """The samples on the host; on the CPU nothing is copied."""
        names = SampleArrays.__dataclass_fields__
        return SampleArrays(**{name: getattr(self, name).numpy() for name in names})


def take_samples(raster: Raster, surface: Surface, cells: Any, per_edge_pixel: int) -> Samples:
    """Samples of a picture. A pixel at an edge is probed at 1 (no smoothing), 4 or 8 places, and each surface found
    there gets one sample, which weighs by its share of the places."""
    if per_edge_pixel != 1 and per_edge_pixel not in OFFSETS:
        raise ConfigurationError(f"samples per edge pixel: expected 1, 4 or 8, found {per_edge_pixel}")
    g, o, device = raster.geometry, raster.optics, raster.geometry.device
    kind = wp.zeros((len(raster.tiles), int(TILE) ** 2), dtype=wp.uint8, device=device)
    pixels = wp.empty(kind.shape, dtype=wp.int32, device=device)
    inputs = [o, raster.tiles, surface.instance, surface.depth, kind, pixels]
    wp.launch(kernels.classify_pixels, len(raster.tiles), inputs, device=device)
    room = kind.size + 1
    where, edge_row, edges = (np.empty(room, np.int32) for _ in range(3))
    totals = np.empty(2, np.int32)
    read = (kind.numpy(), pixels.numpy(), surface.instance.numpy())
    places = [address(array) for array in (*read, where, edge_row, edges, totals)]
    wp.launch(kernels.list_pixels, 1, [kind.size, int(per_edge_pixel > 1), *places], device="cpu")
    count, edge_pixels = int(totals[0]), edges[: totals[1]]
    offsets = np.asarray(OFFSETS.get(per_edge_pixel, ((0.0, 0.0),)))
    edge_rays = wp.empty((len(edge_pixels), len(offsets)), dtype=wp.vec2d, device=device)
    edge_faces, edge_shares = (wp.empty(edge_rays.shape, dtype=wp.int32, device=device) for _ in range(2))
    kept, hits = (wp.empty(len(edge_pixels), dtype=wp.int32, device=device) for _ in range(2))
    depths = wp.empty(edge_rays.shape, dtype=wp.float32, device=device)
    between = [wp.array(edge_pixels, dtype=wp.int32, device=device), wp.array(offsets, dtype=wp.vec2d, device=device)]
    seen = [g.instance, surface.instance, surface.depth]
    found = [edge_rays, edge_faces, depths, edge_shares, kept, hits]
    inputs = [o, *between, raster.rays, cells, g.faces, raster.in_camera, *seen, *found]
    wp.launch(kernels.look_between, len(edge_pixels), inputs, device=device)
    background = np.ones(raster.camera.width * raster.camera.height, np.float32)
    starts = np.empty(count + 1, np.int32)
    lists = (where, edge_row, kept.numpy(), hits.numpy(), starts, background, totals)
    places = [address(array) for array in lists]
    wp.launch(kernels.number_samples, 1, [count, len(offsets), *places], device="cpu")
    count, total = (int(number) for number in totals)
    where, edge_row, starts = where[:count], edge_row[:count], starts[: count + 1]
    types = (wp.int32, wp.float32, wp.uint8, wp.int32, wp.vec3, wp.vec3, wp.vec3, wp.float32, wp.float32)
    out: list[Any] = [wp.empty(total, dtype=dtype, device=device) for dtype in types]
    pixel_list, start_list, rows = (
        wp.array(array, dtype=wp.int32, device=device, copy=False) for array in (where, starts, edge_row)
    )
    quarter = -(-raster.camera.width // 2) * -(-raster.camera.height // 2)
    rough, quads = (wp.empty(quarter, dtype=wp.float32, device=device) for _ in range(2))
    inputs = [o, raster.tiles, raster.rays, surface.depth, surface.normal, rough]
    wp.launch(openness.open_quads, len(raster.tiles), inputs, device=device)
    inputs = [o, raster.tiles, surface.depth, rough, quads]
    wp.launch(openness.smooth_quads, len(raster.tiles), inputs, device=device)
    seen = [surface.instance, surface.face, surface.barycentrics, surface.depth, surface.normal]
    scene = [g.faces, g.instance, g.first_face, raster.in_camera, g.normals]
    camera = raster.camera
    rotation = wp.mat33(*camera.camera_from_world[:3, :3].astype(np.float32).ravel().tolist())
    per_pixel = 1.0 / float(np.sqrt(camera.fx * camera.fy))
    inputs = [o, rotation, per_pixel, pixel_list, start_list, rows, edge_rays, edge_faces, edge_shares, raster.rays]
    wp.launch(kernels.fill_samples, len(where), [*inputs, *seen, quads, *scene, *out], device=device)
    weight = wp.array(background, dtype=wp.float32, device=device, copy=False)
    names = SampleArrays.__dataclass_fields__
    return Samples(
        **dict(zip(names, out, strict=True)),
        pixels=pixel_list,
        starts=start_list,
        background_weight=weight,
        raster=raster,
    )
