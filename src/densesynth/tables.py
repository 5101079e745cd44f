"""Frozen settings ↔ TOML: every key and value checked, unknown keys answered with the nearest known one."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from densesynth.errors import ConfigurationError

Settings = TypeVar("Settings")


def read_settings(path: Path, kind: type[Settings], folder: Path | None = None) -> Settings:
    """Read a recipe; relative paths in it are meant relative to `folder`, by default the file's. Raises
    ConfigurationError."""
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
    return typing.cast(
        Settings, _resolve_paths(settings_from_table(table, kind, str(path)), path.parent if folder is None else folder)
    )


def settings_from_table(table: Mapping[str, Any], kind: type[Settings], source: str) -> Settings:
    """Nested mapping → settings, every key and value checked; `source` names the file in errors."""
    _reject_unknown_keys(table, kind, kind, source, "")
    try:
        return msgspec.convert(table, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{source}: {str(error).replace('`$.', '`')}") from None


def settings_to_table(settings: Any) -> dict[str, Any]:
    """Settings → nested mapping of plain values, keys that are off left out; the inverse of `settings_from_table`."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if item is not None}
        if isinstance(value, tuple | list):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    table: dict[str, Any] = plain(dataclasses.asdict(settings))
    return table


def _resolve_paths(value: Any, folder: Path) -> Any:
    """The same value with every relative path in it taken from `folder`."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_resolve_paths(item, folder) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: _resolve_paths(getattr(value, item.name), folder) for item in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    return value


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected {kind.__name__}, found {value!r}")


def _reject_unknown_keys(table: Mapping[str, Any], kind: type, whole: type, source: str, prefix: str) -> None:
    known = {item.name: item for item in dataclasses.fields(kind)}
    for key, value in table.items():
        if key not in known:
            everywhere = [*known, *_all_keys(whole, "")]
            near = difflib.get_close_matches(key, everywhere, n=1, cutoff=0.5)
            nearest = [name for name in everywhere if name.rpartition(".")[2] == key] or near
            hint = f"; did you mean `{nearest[0]}`?" if nearest else f"; known here: {', '.join(known)}"
            raise ConfigurationError(f"{source}: unknown key `{prefix}{key}`{hint}")
        section, listed = _section(known[key]), _listed(kind, key)
        if section is not None:
            if not isinstance(value, Mapping):
                raise ConfigurationError(
                    f"{source}: `{prefix}{key}` is a section: write [{prefix}{key}] and its keys below"
                )
            _reject_unknown_keys(value, section, whole, source, f"{prefix}{key}.")
        elif listed is not None:
            if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
                raise ConfigurationError(
                    f"{source}: `{prefix}{key}` is a list of sections: write [[{prefix}{key}]] and its keys below"
                )
            for number, item in enumerate(value):
                _reject_unknown_keys(item, listed, whole, source, f"{prefix}{key}[{number}].")


def _all_keys(kind: type, prefix: str) -> list[str]:
    names: list[str] = []
    for item in dataclasses.fields(kind):
        section = _section(item) or _listed(kind, item.name)
        if section is not None:
            names += _all_keys(section, f"{prefix}{item.name}.")
        else:
            names.append(prefix + item.name)
    return names


def _section(item: dataclasses.Field[Any]) -> type | None:
    """The dataclass of a field that is a section of the recipe; None for a plain value."""
    factory: Any = item.default_factory
    return factory if isinstance(factory, type) and dataclasses.is_dataclass(factory) else None


def _listed(kind: type, name: str) -> type | None:
    """The dataclass of a field that is a list of sections (`tuple[Settings, ...]`); None for any other."""
    hint = typing.get_type_hints(kind)[name]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = arguments[0]
        return inner if isinstance(inner, type) and dataclasses.is_dataclass(inner) else None
    return None
