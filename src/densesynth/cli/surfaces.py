"""`densesynth assets check`, `densesynth textures` and `densesynth map`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from densesynth.cli.command import Command


@dataclass(frozen=True, kw_only=True)
class AssetsCheck:
    """Say which official files (SMPL family, DensePose, AMASS …) are there, and where to get the rest.

    Files are recognised by their content, whatever their names. Example: densesynth assets check ~/smpl ~/densepose
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders (with their subfolders) or files to look through."""


@dataclass(frozen=True, kw_only=True)
class Textures:
    """Judge a folder of UV pictures of people, and count the distinct people they make.

    Says which can't be used and why, whose they are, and which are of bare bodies. Example:
    densesynth textures smpl_data/textures --body models --layout smpl_uv.obj
    """

    folder: tyro.conf.Positional[Path]
    """Folder of square pictures (with its subfolders), told apart by sex by folder or name."""
    body: Path | None = None
    """SMPL or SMPL-H file, or a folder with some; Anny when left out."""
    layout: Path | None = None
    """OBJ of the body's mesh with texture coordinates, or .npz with `vt`, `ft`; Anny's own when left out."""


@dataclass(frozen=True, kw_only=True)
class Map:
    """Map surface points or a texture between charts, vertices and bodies.

    A .csv with columns I, U, V or vertex becomes one with I, U, V, vertex, face, b0, b1, b2; a picture becomes a .png.
    Example: densesynth map points.csv --out mapped.csv
    """

    source: tyro.conf.Positional[Path]
    """Points (.csv) or a texture (a picture)."""
    out: Path
    """File to write: .csv for points, .png for a texture."""
    body: str = "anny"
    """Body that the source is for: anny, an SMPL or SMPL-H file, or anny2smpl.pth (Anny on SMPL's mesh)."""
    charts: Path | None = None
    """DensePose's UV_Processed.mat, for an SMPL or SMPL-H body."""
    to_body: str | None = None
    """Body to map to; the same one when left out."""
    to_charts: Path | None = None
    """DensePose's UV_Processed.mat, for the body to map to."""
    layout: str = "tiles"
    """Layout of a texture: tiles (DensePose's 24 squares), makehuman (Anny's own), or an OBJ of the body's mesh with
    texture coordinates."""
    to_layout: str = "tiles"
    """Layout to paint a texture in."""
    size: tuple[int, int] = (1200, 800)
    """Height and width of the new texture, pixels; by default tiles of 200×200, six rows of four."""


def check(command: AssetsCheck) -> int:
    from densesynth.assets import check_assets, format_assets

    Console(soft_wrap=True, highlight=False).print(format_assets(check_assets(command.folders)), markup=False)
    return 0


def judge(command: Textures) -> int:
    from densesynth.texturing import format_library, judge_folder

    with warnings.catch_warnings(action="ignore"):  # what is left out stands in the answer
        library = judge_folder(command.folder, command.body, command.layout)
    Console(soft_wrap=True, highlight=False).print(format_library(library), markup=False)
    return 0


def map_between(command: Map) -> int:
    from densesynth.mapping import map_points, map_texture, open_surface

    source = open_surface(command.body, command.charts)
    target = None if command.to_body is None else open_surface(command.to_body, command.to_charts)
    if command.source.suffix.lower() == ".csv":
        count = map_points(command.source, command.out, source, target)
        Console(highlight=False).print(f"{count} points: {command.out}", markup=False)
    else:
        layouts = command.layout, target, command.to_layout
        map_texture(command.source, command.out, source, *layouts, command.size)
        Console(highlight=False).print(f"Texture: {command.out}", markup=False)
    return 0


COMMANDS = (
    Command(name="assets check", options=AssetsCheck, run=check),
    Command(name="textures", options=Textures, run=judge),
    Command(name="map", options=Map, run=map_between),
)
