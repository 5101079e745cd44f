"""A rasterised scene → the finished picture: backdrop, painted people, shadows, the sensor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from densesynth.appearance.paint import Paint
from densesynth.arrays import Array, UInt8
from densesynth.render.sensor import develop
from densesynth.render.shade import shade
from densesynth.render.shadow import make_shadow_map
from densesynth.render.view import View
from densesynth.scene.backdrop import BackdropFolder, bound_shadow, render_backdrop
from densesynth.scene.scene import Scene
from densesynth.scene.settings import PictureSettings
from densesynth.scene.surroundings import draw_backdrop

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
                behind = render_backdrop(draw_backdrop(backdrop), scene.camera, scene.lighting, self.device)
            else:
                behind = self.folder.draw(backdrop, self.settings.height, self.settings.width)
        with stage("shadow map"):
            shadow = make_shadow_map(view.raster.geometry, scene.lighting)
        with stage("ground shadow"):
            if shadow is None:
                background = behind.colour
            else:
                box = bound_shadow(view.raster.geometry.vertices.numpy(), scene.lighting)
                background = behind.cast(shadow.shadow_at, box)
        with stage("shade"):
            linear = shade(samples, albedo, roughness, SKIN_AND_CLOTH_SPECULAR, scene.lighting, background, shadow)
        with stage("sensor"):
            noise = float(sensor.uniform(*self.settings.noise))
            return develop(linear, noise, sensor, self.device)
