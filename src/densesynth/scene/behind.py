"""What stands behind the people of a frame, and the light that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from densesynth.render.lighting import Lighting
from densesynth.scene.backdrop import BackdropFolder, BackdropPicture, render_backdrop
from densesynth.scene.dome import ground_ambient_share, light_of, render_dome
from densesynth.scene.hdri import EnvironmentFolder
from densesynth.scene.light_settings import LightRanges
from densesynth.scene.photograph import estimate_light, place_on_ground
from densesynth.scene.scene import Scene
from densesynth.scene.settings import BackgroundSettings
from densesynth.scene.surroundings import draw_backdrop

SHADOW_ON_PHOTO = 0.75  # strength of shadows on a ground that is only guessed


@dataclass(frozen=True)
class Surroundings:
    """The backdrops of a run. pictures, panoramas: None without a folder of them."""

    pictures: BackdropFolder | None
    panoramas: EnvironmentFolder | None
    settings: BackgroundSettings
    light: LightRanges

    def draw(
        self, scene: Scene, choice: np.random.Generator, backdrop: np.random.Generator, device: str, defocus: bool
    ) -> tuple[BackdropPicture, Lighting]:
        """The backdrop of a scene and the scene's light before it. choice, backdrop: random streams. defocus: whether
        procedural backdrops come with a blur of their own."""
        kind = self._choose(choice)
        if kind == "panorama":
            assert self.panoramas is not None
            environment = self.panoramas.draw(choice)
            turn = float(choice.uniform(-np.pi, np.pi))
            lighting, scale = light_of(environment, scene.camera, turn, choice.uniform(*self.light.exposure))
            lighting = replace(lighting, lamps=scene.lighting.lamps)
            return render_dome(environment, turn, scale, scene.camera, lighting, device), lighting
        if kind == "picture":
            assert self.pictures is not None
            behind = self.pictures.draw(backdrop, scene.camera.height, scene.camera.width)
            if not self.settings.match_light:
                return behind, scene.lighting
            lighting = estimate_light(behind.small, scene.camera, self.light, float(choice.random()))
            lighting = replace(lighting, lamps=scene.lighting.lamps)
            share = 1.0 - np.float32(SHADOW_ON_PHOTO) * (1.0 - ground_ambient_share(lighting))
            return place_on_ground(behind, scene.camera, share), lighting
        drawn = draw_backdrop(backdrop, float(scene.camera.centre_in_world[2]))
        drawn = drawn if defocus else replace(drawn, focus=0.0)
        people = np.array([person.transl[:2] for person in scene.people], dtype=np.float64)
        return render_backdrop(drawn, scene.camera, scene.lighting, device, people), scene.lighting

    def _choose(self, rng: np.random.Generator) -> str:
        """Which kind of backdrop; nothing is drawn where there is no choice."""
        if self.pictures is None and self.panoramas is None:
            return "procedural"
        first, second = rng.random(2)
        if first < self.settings.procedural_share:
            return "procedural"
        if self.pictures is None or (self.panoramas is not None and second < self.settings.environment_share):
            return "panorama"
        return "picture"
