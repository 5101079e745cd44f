"""A rasterised scene → the finished picture: backdrop, painted people, shadows, the sensor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from densesynth.appearance.paint import Paint
from densesynth.arrays import Array, Float32, UInt8
from densesynth.render.lighting import Lighting, evaluate_basis
from densesynth.render.sensor import develop
from densesynth.render.shade import shade
from densesynth.render.shadow import ShadowMap, make_shadow_map
from densesynth.render.view import View
from densesynth.scene.backdrop import BackdropFolder, draw_backdrop, render_backdrop
from densesynth.scene.scene import Scene
from densesynth.scene.settings import PictureSettings

SKIN_AND_CLOTH_SPECULAR = 1.0  # strength of the highlight; 1 is a dielectric of index 1.5

Stage = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Painter:
    """What turns rasterised scenes into pictures, the same for every frame of a run.

    folder: background pictures, or None for procedural backdrops.
    """

    paint: Paint
    folder: BackdropFolder | None
    settings: PictureSettings
    device: str

    def picture(
        self,
        view: View,
        scene: Scene,
        *,
        backdrop: np.random.Generator,
        sensor: np.random.Generator,
        stage: Stage,
    ) -> UInt8[Array, "h w 3"]:
        """The sRGB picture of a scene whose people are the view's meshes. backdrop, sensor: their random streams.
        stage: names the span of time that follows, for benchmarks."""
        with stage("samples"):
            samples = view.samples(self.settings.edge_samples)
        with stage("paint"):
            host = samples.to_numpy()
            albedo, roughness = self.paint.albedo(
                [person.outfit for person in scene.people],
                host.instance,
                host.face,
                host.barycentrics,
                host.footprint,
            )
        with stage("backdrop"):
            if self.folder is None:
                behind = render_backdrop(draw_backdrop(backdrop), scene.camera, scene.lighting)
                background, ground = behind.colour, behind.ground_in_world
            else:
                background = self.folder.draw(backdrop, self.settings.height, self.settings.width)
                ground = None
        with stage("shadow map"):
            shadow = make_shadow_map(view.raster.geometry, scene.lighting)
        with stage("ground shadow"):
            if ground is not None and shadow is not None:
                darken_ground(background, ground, shadow, scene.lighting, view)
        with stage("shade"):
            linear = shade(
                samples, albedo, roughness, SKIN_AND_CLOTH_SPECULAR, scene.lighting, background, shadow
            )
        with stage("sensor"):
            noise = float(sensor.uniform(*self.settings.noise))
            return develop(linear, noise, sensor, self.device)


def darken_ground(
    background: Float32[Array, "h w 3"],
    ground_in_world: Float32[Array, "h w 3"],
    shadow: ShadowMap,
    lighting: Lighting,
    view: View,
) -> None:
    """Let the people's shadow fall on the ground (z = 0) of a backdrop, in place.

    The backdrop is drawn as if fully lit; a point that sees a share of the key light keeps the ambient light and that
    share of the rest. ground_in_world: metres, NaN or infinite where a pixel shows no ground.
    """
    direction = lighting.direction / np.linalg.norm(lighting.direction)
    if direction[2] < 1e-3:
        return
    vertices = view.raster.geometry.vertices.numpy()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    # Where shadows can reach: the people's box, slid along the light down to the ground, with a rim for softness.
    slide = -direction[:2] / direction[2] * float(high[2])
    rim = 0.05 + float(high[2]) / direction[2] * np.tan(lighting.angular_radius)
    first = np.minimum(low[:2], low[:2] + slide) - rim
    last = np.maximum(high[:2], high[:2] + slide) + rim
    x, y = ground_in_world[..., 0], ground_in_world[..., 1]
    with np.errstate(invalid="ignore"):
        reached = np.flatnonzero(((x > first[0]) & (x < last[0]) & (y > first[1]) & (y < last[1])).ravel())
    if not len(reached):
        return
    lit = shadow.shadow_at(ground_in_world.reshape(-1, 3)[reached])
    key = lighting.colour * np.float32(direction[2])
    ambient = np.maximum(evaluate_basis(np.array([0.0, 0.0, 1.0])) @ lighting.ambient, 1e-6).astype(np.float32)
    share = (ambient + key * lit[:, None]) / (ambient + key)
    background.reshape(-1, 3)[reached] *= share
