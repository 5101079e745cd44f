"""Recipes: one frozen value that says everything a dataset is drawn from, read from TOML.

A recipe file holds only what differs from the defaults. Unknown keys are errors that name the nearest key.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.errors import ConfigurationError
from densesynth.scene.light_settings import LightRanges
from densesynth.scene.settings import (
    BackgroundSettings,
    CameraSettings,
    LensSettings,
    PeopleSettings,
    PictureSettings,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a dataset is drawn from."""

    people: PeopleSettings = field(default_factory=PeopleSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    lens: LensSettings = field(default_factory=LensSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    light: LightRanges = field(default_factory=LightRanges)
    picture: PictureSettings = field(default_factory=PictureSettings)
    harmonise: HarmoniseSettings = field(default_factory=HarmoniseSettings)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; relative paths in it are meant relative to the file. Raises ConfigurationError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such recipe; give the path of a .toml file") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: a recipe is a .toml file, and this is a folder") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the recipe can't be read ({error}); a recipe is a UTF-8 text file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None
    return _resolve_paths(recipe_from_table(table, str(path)), path.parent)


def recipe_from_table(table: Mapping[str, Any], source: str) -> Recipe:
    """Nested mapping → Recipe, every key and value checked; `source` names the file in errors."""
    _reject_unknown_keys(table, Recipe, source, "")
    try:
        return msgspec.convert(table, Recipe, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {str(error).replace('`$.', '`')}") from None


def recipe_to_table(recipe: Recipe) -> dict[str, Any]:
    """Recipe → nested mapping of plain values, keys that are off left out; `recipe_from_table` is its inverse."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if item is not None}
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    table: dict[str, Any] = plain(dataclasses.asdict(recipe))
    return table


def _resolve_paths(value: Any, folder: Path) -> Any:
    """The same value with every relative path in it taken from `folder`."""
    if isinstance(value, Path):
        return folder / value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: _resolve_paths(getattr(value, item.name), folder) for item in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    return value


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected {kind.__name__}, found {value!r}")


def _reject_unknown_keys(table: Mapping[str, Any], kind: type, source: str, prefix: str) -> None:
    known = {item.name: item for item in dataclasses.fields(kind)}
    for key, value in table.items():
        if key not in known:
            everywhere = [*known, *_all_keys(Recipe, "")]
            near = difflib.get_close_matches(key, everywhere, n=1, cutoff=0.5)
            nearest = [name for name in everywhere if name.rpartition(".")[2] == key] or near
            hint = f"; did you mean `{nearest[0]}`?" if nearest else f"; known here: {', '.join(known)}"
            raise ConfigurationError(f"{source}: unknown key `{prefix}{key}`{hint}")
        section = _section(known[key])
        if section is not None:
            if not isinstance(value, Mapping):
                raise ConfigurationError(
                    f"{source}: `{prefix}{key}` is a section: write [{prefix}{key}] and its keys below"
                )
            _reject_unknown_keys(value, section, source, f"{prefix}{key}.")


def _all_keys(kind: type, prefix: str) -> list[str]:
    names: list[str] = []
    for item in dataclasses.fields(kind):
        section = _section(item)
        if section is not None:
            names += _all_keys(section, f"{item.name}.")
        else:
            names.append(prefix + item.name)
    return names


def _section(item: dataclasses.Field[Any]) -> type | None:
    """The dataclass of a field that is a section of the recipe; None for a plain value."""
    factory: Any = item.default_factory
    return factory if isinstance(factory, type) and dataclasses.is_dataclass(factory) else None
