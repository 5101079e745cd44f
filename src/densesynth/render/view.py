"""A rasterised picture and what can be asked of it; each answer is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float64, Int32, UInt8
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers
from densesynth.render.hits import find_hits, sort_faces
from densesynth.render.kernels import vertices
from densesynth.render.kernels.lens import NEAR
from densesynth.render.raster import Raster, Surface, draw, resolve
from densesynth.render.samples import Samples, take_samples

VISIBILITY_TOLERANCE = 1e-5  # of the depth: rounding of float32 vertices, far below a body's thinnest part


class View:
    """Meshes seen by a camera, on a device. raster: the device's arrays."""

    def __init__(
        self, meshes: Sequence[Mesh], camera: Camera, device: str, groups: Sequence[int] | None = None
    ) -> None:
        self.camera = camera
        self.raster: Raster = draw(meshes, camera, device, groups)
        self._surface: Surface | None = None
        self._buffers: Buffers | None = None
        self._cells: Any = None
        self._visible: dict[int, Bool[Array, "v"]] = {}

    @property
    def surface(self) -> Surface:
        """The visible surface points on the device."""
        if self._surface is None:
            self._surface = resolve(self.raster)
        return self._surface

    @property
    def cells(self) -> Any:
        """Which faces may be met where, on the device."""
        if self._cells is None:
            self._cells = sort_faces(self.raster)
        return self._cells

    def buffers(self) -> Buffers:
        """The visible surface points on the host; see `Buffers`."""
        if self._buffers is None:
            surface = self.surface
            if self.raster.geometry.device != "cpu":
                for field in fields(Buffers):
                    array = getattr(surface.host, field.name)
                    array[...] = getattr(surface, field.name).numpy().reshape(array.shape)
            self._buffers = surface.host
        return self._buffers

    def samples(self, per_edge_pixel: int = 4) -> Samples:
        """Where to evaluate colour: one sample a pixel inside a surface; in a pixel at an edge one for each surface
        seen at 1, 4 or 8 places in it."""
        return take_samples(self.raster, self.surface, self.cells, per_edge_pixel)

    def first_hit(self, points_in_world: Array) -> tuple[UInt8[Array, "n"], Int32[Array, "n"], Float64[Array, "n"]]:
        """First surface along the ray through each world point (n×3, metres), at its exact subpixel projection.

        Returns instance (0: none), face of that mesh (−1: none) and the hit's camera depth in metres (+inf: none).
        A point behind the camera or outside the frame gets 'none'.
        """
        rays, pixels = self._aim(self.camera.to_camera(points_in_world))
        face, depth = find_hits(self.raster, self.cells, rays, pixels)
        starts = np.asarray(self.raster.geometry.face_starts, dtype=np.int32)
        instance = np.searchsorted(starts, face, side="right")
        local = np.where(face >= 0, face - starts[np.maximum(instance - 1, 0)], -1)
        return instance.astype(np.uint8), local.astype(np.int32), depth

    def visible(self, points_in_world: Array, tolerance: float) -> Bool[Array, "n"]:
        """True for points in the frame with no surface before them by more than `tolerance` metres of depth."""
        in_camera = self.camera.to_camera(points_in_world)
        rays, pixels = self._aim(in_camera)
        _, depth = find_hits(self.raster, self.cells, rays, pixels)
        return np.asarray((pixels[:, 0] >= 0.0) & (depth >= in_camera[:, 2] - tolerance))

    def visible_vertices(self, mesh_index: int) -> Bool[Array, "v"]:
        """Vertices of mesh `mesh_index` (from 0) that are in the frame and whose ray first meets one of their own
        faces, or nothing before them. Every mesh of the scene hides."""
        if mesh_index not in self._visible:
            self._visible[mesh_index] = self._see_vertices(*self.raster.geometry.vertex_starts[mesh_index:][:2])
        return self._visible[mesh_index]

    def _aim(self, in_camera: Float64[Array, "n 3"]) -> tuple[Float64[Array, "n 2"], Float64[Array, "n 2"]]:
        """Rays through points and their places in the picture, px; −1 for points outside the frame."""
        z = in_camera[:, 2]
        ahead = z > float(NEAR)
        rays = in_camera[:, :2] / np.where(ahead, z, 1.0)[:, None]
        ahead &= (rays * rays).sum(axis=-1) <= self.raster.optics.domain_r2
        rays[~ahead] = 0.0
        pixels = self.camera.project_from_camera(np.concatenate([rays, np.ones_like(rays[:, :1])], axis=-1))
        ahead &= (pixels >= 0.0).all(axis=-1) & (pixels < (self.camera.width, self.camera.height)).all(axis=-1)
        return rays, np.where(ahead[:, None], pixels, -1.0)

    def _see_vertices(self, first: int, end: int) -> Bool[Array, "v"]:
        r = self.raster
        g, device = r.geometry, r.geometry.device
        visible = wp.empty(end - first, dtype=wp.bool, device=device)
        seen = [self.surface.instance, self.surface.face, self.surface.depth, g.first_face]
        inputs = [r.optics, first, VISIBILITY_TOLERANCE, r.screen, *seen, self.cells, g.faces, r.in_camera, visible]
        wp.launch(vertices.see_vertices, end - first, inputs, device=device)
        return np.asarray(visible.numpy(), dtype=np.bool_)
