"""Meshes and a camera → who is seen at every pixel, on the device, by rasterising with the pixels' own rays.

Straight line: project the vertices, bound every face's pixels, compute the rays of the tiles that some face may
reach, let the faces compete for the pixels, and work out the winners' surface points. The lens bends the rays, so
the labels are exact under distortion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers
from densesynth.render.geometry import Geometry, upload
from densesynth.render.kernels import lens, raster
from densesynth.render.optics import make_optics


@dataclass(frozen=True)
class Raster:
    """Device state (Warp). optics: the kernels' camera. in_camera, screen: of every vertex. bounds: of every face,
    px (x0, y0, x1, y1). tiles: numbers of the
    8×8 tiles that some face may reach. rays (x, y at z = 1), keys (depth and face), covered (mesh bits): per pixel,
    valid in those tiles alone."""

    camera: Camera
    geometry: Geometry
    optics: Any
    in_camera: Any
    screen: Any
    bounds: Any
    tiles: Any
    rays: Any
    keys: Any
    covered: Any


@dataclass(frozen=True)
class Surface:
    """`Buffers` as flat device arrays (Warp), and the host arrays that back them on the CPU."""

    host: Buffers
    instance: Any
    face: Any
    barycentrics: Any
    depth: Any
    normal: Any
    coverage: Any


def draw(meshes: Sequence[Mesh], camera: Camera, device: str, groups: Sequence[int] | None = None) -> Raster:
    """Let the faces compete for the pixels. device: Warp's name of it. groups: see `geometry.upload`."""
    g, o = upload(meshes, device, groups), make_optics(camera)
    vertex_count, face_count = g.vertices.shape[0], g.faces.shape[0]
    pixel_count = camera.width * camera.height
    across, down = -(-camera.width // lens.TILE), -(-camera.height // lens.TILE)
    in_camera = wp.empty(vertex_count, dtype=wp.vec3d, device=device)
    screen = wp.empty(vertex_count, dtype=wp.vec4, device=device)
    bounds = wp.empty(face_count, dtype=wp.vec4, device=device)
    boxes = wp.empty(face_count, dtype=wp.vec4i, device=device)
    marks = wp.zeros(across * down, dtype=wp.uint8, device=device)
    rays = wp.empty(pixel_count + 7, dtype=wp.vec2d, device=device)[:pixel_count]  # `draw_box` reads beyond
    keys = wp.empty(pixel_count, dtype=wp.uint64, device=device)
    covered = wp.empty(pixel_count, dtype=wp.uint32, device=device)
    wp.launch(raster.project_vertices, vertex_count, [o, g.vertices, in_camera, screen], device=device)
    inputs = [o, g.faces, g.closed, screen, in_camera, bounds, boxes, marks]
    wp.launch(raster.bound_faces, face_count, inputs, device=device)
    marked = np.flatnonzero(marks.numpy()).astype(np.int32)
    tiles = wp.array(marked, dtype=wp.int32, device=device, copy=False)
    wp.launch(lens.trace_tiles, len(marked), [o, tiles, rays, keys, covered], device=device)
    inputs = [o, g.faces, g.bits, in_camera, boxes, rays, keys, covered]
    wp.launch(raster.draw_faces, face_count, inputs, device=device)
    return Raster(camera, g, o, in_camera, screen, bounds, tiles, rays, keys, covered)


def resolve(r: Raster) -> Surface:
    """The winners' surface points. On the CPU they are written straight into the host's arrays."""
    height, width = r.camera.height, r.camera.width
    g, device = r.geometry, r.geometry.device
    host = Buffers(
        instance=np.zeros((height, width), np.uint8),
        face=np.full((height, width), -1, np.int32),
        barycentrics=np.zeros((height, width, 3), np.float32),
        depth=np.full((height, width), np.inf, np.float32),
        normal=np.zeros((height, width, 3), np.float32),
        coverage=np.zeros((height, width), np.uint32),
    )

    def place(array: Any, dtype: Any) -> Any:
        return wp.array(array.reshape(-1, *array.shape[2:]), dtype=dtype, device=device, copy=False)

    out = [
        place(host.instance, wp.uint8),
        place(host.face, wp.int32),
        place(host.barycentrics, wp.vec3),
        place(host.depth, wp.float32),
        place(host.normal, wp.vec3),
        place(host.coverage, wp.uint32),
    ]
    scene = [r.optics, r.tiles, g.faces, g.instance, g.first_face, r.in_camera, g.normals]
    wp.launch(raster.resolve_tiles, len(r.tiles), [*scene, r.rays, r.keys, r.covered, *out], device=device)
    return Surface(host, *out)
