"""Recipes: one frozen value that says everything a dataset is drawn from, read from TOML.

A recipe file holds only what differs from the defaults. Unknown keys are errors that name the nearest key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.scene.light_settings import LightRanges
from densesynth.scene.occluders import OccluderSettings
from densesynth.scene.sensor_settings import SensorSettings
from densesynth.scene.settings import (
    BackgroundSettings,
    BodySettings,
    CameraSettings,
    FisheyeSettings,
    LensSettings,
    PeopleSettings,
    PictureSettings,
)
from densesynth.tables import read_settings, settings_from_table, settings_to_table


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a dataset is drawn from."""

    body: BodySettings = field(default_factory=BodySettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    lens: LensSettings = field(default_factory=LensSettings)
    fisheye: FisheyeSettings = field(default_factory=FisheyeSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    light: LightRanges = field(default_factory=LightRanges)
    sensor: SensorSettings = field(default_factory=SensorSettings)
    occluders: OccluderSettings = field(default_factory=OccluderSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    harmonise: HarmoniseSettings = field(default_factory=HarmoniseSettings)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; relative paths in it are meant relative to the file. Raises ConfigurationError."""
    return read_settings(path, Recipe)


def recipe_from_table(table: Mapping[str, Any], source: str) -> Recipe:
    """Nested mapping → Recipe, every key and value checked; `source` names the file in errors."""
    return settings_from_table(table, Recipe, source)


def recipe_to_table(recipe: Recipe) -> dict[str, Any]:
    """Recipe → nested mapping of plain values, keys that are off left out; `recipe_from_table` is its inverse."""
    return settings_to_table(recipe)
