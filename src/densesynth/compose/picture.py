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
from densesynth.scene.backdrop import bound_shadow
from densesynth.scene.behind import Surroundings
from densesynth.scene.contact import MARGIN, find_contact
from densesynth.scene.scene import Scene
from densesynth.scene.settings import PictureSettings

SKIN_AND_CLOTH_SPECULAR = 1.0  # strength of the highlight; 1 is a dielectric of index 1.5

Stage = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Painter:
    """What turns rasterised scenes into pictures, the same for every frame of a run.

    surroundings: what stands behind the people.
    """

    paint: Paint
    surroundings: Surroundings
    settings: PictureSettings
    device: str

    def picture(
        self,
        view: View,
        scene: Scene,
        *,
        choice: np.random.Generator,
        backdrop: np.random.Generator,
        sensor: np.random.Generator,
        stage: Stage,
    ) -> UInt8[Array, "h w 3"]:
        """The sRGB picture of a scene whose people are the view's meshes. choice (of what stands behind), backdrop,
        sensor: their random streams. stage: names the span of time that follows, for benchmarks."""
        with stage("samples"):
            samples = view.samples(self.settings.edge_samples)
        with stage("paint"):
            host = samples.to_numpy()
            albedo, roughness, cloth = self.paint.evaluate(
                [person.outfit for person in scene.people],
                host.instance,
                host.face,
                host.barycentrics,
                host.footprint,
            )
        with stage("backdrop"):
            behind, lighting = self.surroundings.draw(scene, choice, backdrop, self.device, True)
        with stage("shadow map"):
            shadow = make_shadow_map(view.raster.geometry, lighting)
        with stage("ground shadow"):
            if shadow is None:
                background = behind.colour
            else:
                vertices = view.raster.geometry.vertices.numpy()
                box = bound_shadow(vertices, lighting) + np.array([[-MARGIN], [MARGIN]])
                background = behind.cast(shadow.shadow_at, box, find_contact(vertices, self.surroundings.light.contact))
        with stage("shade"):
            linear = shade(samples, albedo, roughness, SKIN_AND_CLOTH_SPECULAR, lighting, background, shadow, cloth)
        with stage("sensor"):
            noise = float(sensor.uniform(*self.settings.noise))
            return develop(linear, noise, sensor, self.device)
