"""`densesynth textures`: a folder of UV pictures judged, and the distinct people counted that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from densesynth.appearance.looks import AppearanceSettings, Library
from densesynth.assets import recognise
from densesynth.bodies import open_body, open_textures
from densesynth.errors import AssetError
from densesynth.scene.settings import BodySettings

ROLES = ("male", "female")
FAMILIES: dict[str, Literal["smpl", "smplh", "smplx"]] = {"SMPL": "smpl", "SMPL-H": "smplh", "SMPL-X": "smplx"}


def judge_folder(folder: Path, body: Path | None = None, layout: Path | None = None) -> Library:
    """The usable pictures of a folder, for Anny or for SMPL's files. Raises AssetError, ConfigurationError."""
    assets = open_body(_settings_for(body))
    library = open_textures(AppearanceSettings(textures=folder, layout=layout), assets, assets.make_paint("cpu"))
    assert library is not None
    return library


def _settings_for(body: Path | None) -> BodySettings:
    """One file of SMPL's family is enough: sexes share their mesh and its texture coordinates."""
    if body is None:
        return BodySettings()
    found = [asset.key for path in _files(body) if (asset := recognise(path)) is not None]
    for key in found:
        family, _, sex = key.rpartition(" ")
        if family in FAMILIES and sex in ("male", "female", "neutral"):
            return BodySettings(model=FAMILIES[family], files=body, genders=(sex,))  # type: ignore[arg-type]
    raise AssetError(f"{body}: expected a file of SMPL's family, or a folder with one")


def _files(body: Path) -> list[Path]:
    return [body] if body.is_file() else sorted(p for p in body.rglob("*") if p.suffix.lower() in (".pkl", ".npz"))


def format_library(library: Library) -> str:
    """For people, several lines."""
    lines = [f"left out {reason}" for reason in library.left_out]
    for sex, name in enumerate(ROLES):
        dressed, bare = len(library.pool(sex, False)), len(library.pool(sex, True))
        lines.append(f"for {name} people: {dressed} dressed, {bare} bare (our clothes are painted over these)")
    both = sum(len(one.sexes) == 2 for one in library.textures)
    lines.append(f"{len(library.textures)} pictures can be used, {both} of them by both sexes")
    lines.append(f"distinct people with mixed parts: {library.count_people():,}".replace(",", " "))
    return "\n".join(lines)
