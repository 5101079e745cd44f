"""An HDR panorama behind the people: its lower half on the ground they stand on, the rest on a dome about them."""

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32
from densesynth.geometry.camera import Camera
from densesynth.render.lighting import Lighting, evaluate_basis
from densesynth.scene.backdrop import BackdropPicture, grid_rays
from densesynth.scene.extraction import expose
from densesynth.scene.hdri import Environment
from densesynth.scene.kernels.dome import dome_kernel

STAND = 1.6  # metres above the ground that panoramas are taken at
LEAST_RADIUS = 12.0  # metres; the dome is further away than walls of rooms are, and nearer than the horizon
ROOM_TO_MOVE = 2.5  # times the camera's distance
BRIGHTEST = 24.0  # times white: lamps and the sun in the picture, so that defocus makes discs of them and not blankets


def light_of(environment: Environment, camera: Camera, turn: float, exposure: float) -> tuple[Lighting, float]:
    """The light that a panorama turned by `turn` radians throws on people before `camera`, and the factor on its
    radiance that exposes the picture."""
    eye = camera.centre_in_world
    flat = np.array([eye[0], eye[1], 0.0])
    flat = flat / max(float(np.linalg.norm(flat)), 1e-9)
    c, s = np.cos(-turn), np.sin(-turn)
    towards_camera = np.array([c * flat[0] - s * flat[1], s * flat[0] + c * flat[1], 0.0])
    scale = expose(environment.light, towards_camera, exposure)
    return environment.light.turned(turn, scale), scale


def render_dome(
    environment: Environment, turn: float, scale: float, camera: Camera, lighting: Lighting, device: str = "cpu"
) -> BackdropPicture:
    """The panorama, turned by `turn` radians about the vertical and scaled, as `camera` sees it with its lens."""
    height, width = camera.height, camera.width
    shape = (rows, columns) = ((height + 1) // 2, (width + 1) // 2)
    eye = camera.centre_in_world
    rays = grid_rays(camera) @ camera.camera_from_world[:3, :3]
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    radius = max(LEAST_RADIUS, ROOM_TO_MOVE * float(np.linalg.norm(eye - (0.0, 0.0, STAND))))
    outputs = [
        wp.empty(size, dtype=kind, device=device)
        for size, kind in ((shape, wp.vec3), (shape, wp.float32), ((2, *shape), wp.float32))
    ]
    panorama = wp.array(environment.radiance, dtype=wp.vec3, device=device, copy=False)
    grid = wp.array(rays.astype(np.float32), dtype=wp.vec3, device=device)
    inputs = [panorama, turn, scale, BRIGHTEST, wp.vec3(*eye.tolist()), STAND, radius, grid, columns, rows]
    wp.launch(dome_kernel, dim=rows, inputs=inputs, outputs=outputs, device=device)
    colour, distance, ground = (output.numpy() for output in outputs)
    return BackdropPicture(
        small=colour,
        height=height,
        width=width,
        ground_in_world=ground,
        shade_in_shadow=ground_ambient_share(lighting),
        distance=distance,
    )


def ground_ambient_share(lighting: Lighting) -> Float32[Array, "3"]:
    """What is left of the light on the ground, by channel, where the key light is hidden."""
    ambient = evaluate_basis(np.array([[0.0, 0.0, 1.0]]))[0] @ lighting.ambient.astype(np.float64)
    key = lighting.colour * max(float(lighting.direction[2]), 0.0)
    return np.asarray(ambient / np.maximum(ambient + key, 1e-6), dtype=np.float32)
