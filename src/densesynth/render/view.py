"""A rasterised picture and what can be asked of it; each answer is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float64, Int32, UInt8
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers
from densesynth.render.hits import Hits, find_hits
from densesynth.render.kernels import hits as kernels
from densesynth.render.kernels.lens import NEAR, OFF_SCREEN
from densesynth.render.raster import Raster, Surface, draw, resolve
from densesynth.render.samples import Samples, take_samples

VISIBILITY_TOLERANCE = 1e-5  # of the depth: rounding of float32 vertices, far below a body's thinnest part


class View:
    """Meshes seen by a camera, on a device. raster: the device's arrays."""

    def __init__(self, meshes: Sequence[Mesh], camera: Camera, device: str) -> None:
        self.camera = camera
        self.raster: Raster = draw(meshes, camera, device)
        self._surface: Surface | None = None
        self._buffers: Buffers | None = None
        self._visible: Bool[Array, "all_vertices"] | None = None

    @property
    def surface(self) -> Surface:
        """The visible surface points on the device."""
        if self._surface is None:
            self._surface = resolve(self.raster)
        return self._surface

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
        """Where to evaluate colour: one sample a pixel inside a surface, 1, 4 or 8 in a pixel at an edge."""
        return take_samples(self.raster, self.surface, per_edge_pixel)

    def first_hit(self, points_in_world: Array) -> tuple[UInt8[Array, "n"], Int32[Array, "n"], Float64[Array, "n"]]:
        """First surface along the ray through each world point (n×3, metres), at its exact subpixel projection.

        Returns instance (0: none), face of that mesh (−1: none) and the hit's camera depth in metres (+inf: none).
        A point behind the camera or outside the frame gets 'none'.
        """
        hits = self._hits(self._aim(self.camera.to_camera(points_in_world)))
        face = hits.face.numpy()
        starts = np.asarray(self.raster.geometry.face_starts, dtype=np.int32)
        instance = np.searchsorted(starts, face, side="right")
        local = np.where(face >= 0, face - starts[np.maximum(instance - 1, 0)], -1)
        return instance.astype(np.uint8), local.astype(np.int32), hits.depth.numpy().copy()

    def visible(self, points_in_world: Array, tolerance: float) -> Bool[Array, "n"]:
        """True for points in the frame with no surface before them by more than `tolerance` metres of depth."""
        in_camera = self.camera.to_camera(points_in_world)
        rays = self._aim(in_camera)
        depth = self._hits(rays).depth.numpy()
        return np.asarray((rays[:, 0] < OFF_SCREEN) & (depth >= in_camera[:, 2] - tolerance))

    def visible_vertices(self, mesh_index: int) -> Bool[Array, "v"]:
        """Vertices of mesh `mesh_index` (from 0) that are in the frame and whose ray first meets one of their own
        faces, or nothing before them. Every mesh of the scene hides."""
        if self._visible is None:
            self._visible = self._see_vertices()
        first, end = self.raster.geometry.vertex_starts[mesh_index : mesh_index + 2]
        return self._visible[first:end]

    def _aim(self, in_camera: Float64[Array, "n 3"]) -> Float64[Array, "n 2"]:
        """Rays through points in the frame; OFF_SCREEN for the others."""
        z = in_camera[:, 2]
        ahead = z > float(NEAR)
        rays = in_camera[:, :2] / np.where(ahead, z, 1.0)[:, None]
        ahead &= (rays * rays).sum(axis=-1) <= self.raster.optics.domain_r2
        rays[~ahead] = 0.0
        pixel = self.camera.project_from_camera(np.concatenate([rays, np.ones_like(rays[:, :1])], axis=-1))
        ahead &= (pixel >= 0.0).all(axis=-1) & (pixel < (self.camera.width, self.camera.height)).all(axis=-1)
        rays[~ahead, 0] = OFF_SCREEN
        return np.asarray(rays)

    def _hits(self, rays: Float64[Array, "n 2"]) -> Hits:
        r = self.raster
        on_device = wp.array(np.ascontiguousarray(rays), dtype=wp.vec2d, device=r.geometry.device, copy=False)
        return find_hits(r.geometry, r.in_camera, r.screen, on_device)

    def _see_vertices(self) -> Bool[Array, "all_vertices"]:
        r = self.raster
        g, device = r.geometry, r.geometry.device
        count = g.vertices.shape[0]
        rays = wp.empty(count, dtype=wp.vec2d, device=device)
        seen = [self.surface.instance, self.surface.face, g.first_face]
        inputs = [r.optics, VISIBILITY_TOLERANCE, g.faces, r.in_camera, r.screen, *seen, rays]
        wp.launch(kernels.aim, count, inputs, device=device)
        hits = find_hits(g, r.in_camera, r.screen, rays)
        visible = wp.empty(count, dtype=wp.bool, device=device)
        inputs = [r.in_camera, g.faces, hits.slot, hits.face, hits.depth, VISIBILITY_TOLERANCE, visible]
        wp.launch(kernels.see_vertices, count, inputs, device=device)
        return np.asarray(visible.numpy(), dtype=np.bool_)
