"""The key light's shadow map: what the light sees, orthographically, and how much of the light a point sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32
from densesynth.errors import ConfigurationError
from densesynth.render.geometry import Geometry
from densesynth.render.kernels import shade as kernels
from densesynth.render.lighting import MOST_LAMPS, Lighting

MARGIN = 2.0  # texels around the scene


def make_light(lighting: Lighting, eye_in_world: Any) -> Any:
    """Lighting → the kernels' struct."""
    light = kernels.Light()
    light.direction = (lighting.direction / np.linalg.norm(lighting.direction)).tolist()
    light.colour = lighting.colour.tolist()
    light.spread = float(np.tan(lighting.angular_radius))
    light.eye = np.asarray(eye_in_world).tolist()
    return light


def make_lamps(lighting: Lighting) -> Any:
    """A light's lamps → the kernels' struct. Raises ConfigurationError beyond MOST_LAMPS."""
    if len(lighting.lamps) > MOST_LAMPS:
        raise ConfigurationError(f"at most {MOST_LAMPS} lamps light a picture, found {len(lighting.lamps)}")
    lamps = kernels.Lamps()
    rows = np.zeros((3, 3, 3))
    for k, lamp in enumerate(lighting.lamps):
        rows[:, k] = lamp.position, lamp.colour, (lamp.radius, 0.0, 0.0)
    lamps.count = len(lighting.lamps)
    lamps.positions, lamps.colours, lamps.radii = (
        rows[0].ravel().tolist(),
        rows[1].ravel().tolist(),
        rows[2, :, 0].tolist(),
    )
    return lamps


@dataclass(frozen=True)
class ShadowMap:
    """Device arrays (Warp). depth: nearest metres along the light's travel, size². coarse: its minimum per block.
    frame: the kernels' description of the map, an array of one. light: of what it is a map."""

    depth: Any
    coarse: Any
    frame: Any
    light: Any
    device: str

    def shadow_at(
        self, points_in_world: Float32[Array, "*n 3"], normal: tuple[float, float, float] = (0.0, 0.0, 1.0)
    ) -> Float32[Array, "*n"]:
        """Share of the key light's disc (0..1) that points of a surface with one `normal` see.

        For the ground below the people: points (…×3, world, metres) of an h×w×3 grid or any list; a point that isn't
        finite gets 1.
        """
        shape = points_in_world.shape[:-1]
        flat = np.ascontiguousarray(points_in_world.reshape(-1, 3))
        points = wp.array(flat, dtype=wp.vec3, device=self.device, copy=False)
        lit = wp.empty(len(flat), dtype=wp.float32, device=self.device)
        inputs = [self.frame, self.light, self.depth, self.coarse, points, normal, shape[-1] if shape else 1, lit]
        wp.launch(kernels.find_shadows, len(flat), inputs, device=self.device)
        return np.asarray(lit.numpy().reshape(shape), dtype=np.float32)


def make_shadow_map(geometry: Geometry, lighting: Lighting, size: int = 384) -> ShadowMap | None:
    """The scene's shadow map, `size` texels wide (a multiple of 16); None when there is nothing to cast a shadow."""
    device = geometry.device
    vertices = geometry.vertices.numpy()
    if not len(vertices):
        return None
    towards = lighting.direction / np.linalg.norm(lighting.direction)
    aside = np.cross(towards, (0.0, 0.0, 1.0) if abs(towards[2]) < 0.9 else (1.0, 0.0, 0.0))
    aside /= np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(towards, aside), -towards])
    placed = np.ascontiguousarray(axes.astype(np.float32) @ vertices.T)  # a row a coordinate: quicker to reduce
    low, high = placed.min(axis=1).astype(np.float64), placed.max(axis=1).astype(np.float64)
    texel = max(float((high - low)[:2].max()) / (size - 2.0 * MARGIN), 1e-6)
    frame = kernels.Map()
    scale = np.array([1.0 / texel, 1.0 / texel, 1.0])
    frame.rows = (axes * scale[:, None]).ravel().tolist()
    middle = (low + high)[:2] / 2.0
    frame.shift = (size / 2.0 - middle[0] / texel, size / 2.0 - middle[1] / texel, 0.0)
    frame.nearest, frame.texel, frame.size, frame.blocks = low[2], texel, size, size // int(kernels.BLOCK)
    depth = wp.full(size * size, float("inf"), dtype=wp.float32, device=device)
    coarse = wp.empty(frame.blocks**2 + 16, dtype=wp.float32, device=device)  # `nearest_around` reads beyond
    faces = geometry.faces
    on_map = wp.empty(len(vertices), dtype=wp.vec3, device=device)
    wp.launch(kernels.place_vertices, len(vertices), [frame, geometry.vertices, on_map], device=device)
    wp.launch(kernels.draw_depth, faces.shape[0], [frame, on_map, faces, depth], device=device)
    wp.launch(kernels.coarsen_depth, frame.blocks**2, [frame, depth, coarse], device=device)
    described = wp.array([frame], dtype=kernels.Map, device=device)
    return ShadowMap(depth, coarse, described, make_light(lighting, (0.0, 0.0, 0.0)), device)
