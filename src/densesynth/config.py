"""Recipes: one frozen value that says everything a dataset is drawn from, read from TOML.

A recipe file holds only what differs from the defaults. Unknown keys are errors that name the nearest key. Those that
come with densesynth go by their bare names.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from densesynth.appearance.looks import AppearanceSettings
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.errors import AssetError, ConfigurationError
from densesynth.scene.furniture import FurnitureSettings
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

# In an installed package recipes lie in it, in a clone beside `src`.
_FOLDERS = (Path(__file__).parent / "recipes", Path(__file__).parents[2] / "recipes")

# What the user brings for a setting that names a file or folder.
_BROUGHT = {
    "body.files": "the body model's official files (`densesynth assets check` says where to get them)",
    "body.charts": "DensePose's UV_Processed.mat",
    "body.cse_mesh": "DensePose CSE's smpl_27554.pkl",
    "appearance.textures": "texture pictures, men's and women's (for SURREAL: its `textures` folder)",
    "appearance.layout": "texture coordinates of the body's mesh (for SMPL: smpl_uv.obj, from its site)",
    "people.clips": "motion clips: BVH, AMASS .npz, ASF/AMC, C3D, Qualisys TSV",
    "people.joint_names": "a TOML file with names of joints",
    "background.folder": "background pictures (for COCO: val2017 or train2017)",
    "background.environments": "HDR panoramas (.hdr)",
    "occluders.folder": "PNG pictures with alpha (`densesynth cutouts` cuts them from COCO)",
    "harmonise.checkpoint": "a harmonisation network: the RainNet authors' net_G_last.pth, or your own",
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a dataset is drawn from."""

    body: BodySettings = field(default_factory=BodySettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    appearance: AppearanceSettings = field(default_factory=AppearanceSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    lens: LensSettings = field(default_factory=LensSettings)
    fisheye: FisheyeSettings = field(default_factory=FisheyeSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    light: LightRanges = field(default_factory=LightRanges)
    sensor: SensorSettings = field(default_factory=SensorSettings)
    occluders: OccluderSettings = field(default_factory=OccluderSettings)
    furniture: FurnitureSettings = field(default_factory=FurnitureSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    harmonise: HarmoniseSettings = field(default_factory=HarmoniseSettings)


def recipe_names() -> tuple[str, ...]:
    """Bare names of the recipes that come with densesynth, sorted."""
    return tuple(sorted({path.stem for folder in _FOLDERS for path in folder.glob("*.toml")}))


def find_recipe(name: str | Path) -> Path:
    """The file that a recipe's bare name stands for; anything else is taken for a path. Raises ConfigurationError for
    a bare name that no recipe has."""
    path = Path(name)
    if path.suffix or path.name != str(name):
        return path
    files = [folder / f"{name}.toml" for folder in _FOLDERS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        near = difflib.get_close_matches(str(name), recipe_names(), n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"densesynth comes with {', '.join(recipe_names())};"
        raise ConfigurationError(f"no recipe is called `{name}`; {hint} give one of them or the path of a .toml file")
    return found


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe: a file, or the bare name of one that comes with densesynth. Relative paths in a file are meant
    relative to it, in a named recipe relative to the current folder. Raises ConfigurationError."""
    file = find_recipe(path)
    return read_settings(file, Recipe, folder=None if file == Path(path) else Path())


def check_files(recipe: Recipe) -> None:
    """Raise AssetError, a line for each, when two or more of the recipe's files and folders aren't there.

    Of one, whoever opens it says more.
    """
    missing = [(key, path) for key, path in _paths(recipe, "") if not path.exists()]
    if len(missing) > 1:
        lines = [f"  {key} = {path}: {_BROUGHT.get(key, 'nothing there')}" for key, path in missing]
        raise AssetError("\n".join([f"{len(missing)} things that this recipe needs aren't there:", *lines]))


def _paths(settings: Any, prefix: str) -> Iterator[tuple[str, Path]]:
    """Every setting that is a path, with its key."""
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if isinstance(value, Path):
            yield prefix + item.name, value
        elif dataclasses.is_dataclass(value):
            yield from _paths(value, f"{prefix}{item.name}.")


def recipe_from_table(table: Mapping[str, Any], source: str) -> Recipe:
    """Nested mapping → Recipe, every key and value checked; `source` names the file in errors."""
    return settings_from_table(table, Recipe, source)


def recipe_to_table(recipe: Recipe) -> dict[str, Any]:
    """Recipe → nested mapping of plain values, keys that are off left out; `recipe_from_table` is its inverse."""
    return settings_to_table(recipe)
