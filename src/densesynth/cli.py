"""The command line: `densesynth demo | generate | audit | show`.

A user's mistake ends in one readable line and a non-zero status; a traceback is always a defect of ours. Heavy imports
wait until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console

import densesynth
from densesynth.config import Recipe, load_recipe, recipe_from_table, recipe_to_table
from densesynth.errors import DatasetError, DensesynthError
from densesynth.progress import frames_bar

if TYPE_CHECKING:
    from densesynth.body.body import Body

EXIT_BREACH = 1  # the audit found something
EXIT_MISTAKE = 2  # the command or its files need mending
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Make a small dataset with the default recipe, audit it, draw it, and say where to look.

    Example: densesynth demo
    """

    out: Path = Path("demo")
    """Folder for the dataset."""
    frames: int = 12
    """Number of pictures."""
    seed: int = 0
    """Every picture is a function of recipe, seed and its number."""
    workers: int = 1
    """Processes that render side by side."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to render."""


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Make a dataset from a recipe; run the same command again to continue one that was interrupted.

    Example: densesynth generate recipes/default.toml --out people --frames 1000 --seed 1 --workers 4
    """

    recipe: tyro.conf.Positional[Path]
    """Recipe file (TOML); every setting below overrides what it says."""
    out: Path
    """Folder for the dataset."""
    frames: int = 100
    """Number of pictures."""
    seed: int = 0
    """Every picture is a function of recipe, seed and its number."""
    workers: int = 1
    """Processes that render side by side; the files don't depend on how many."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to render."""
    keep_geometry: bool = False
    """Store every person's posed vertices with the labels."""
    settings: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Prove a dataset: surface point → posed mesh → lens → pixel centre, for every labelled pixel, and every file.

    Leaves with status 1 when anything is wrong. Example: densesynth audit people
    """

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""


@dataclass(frozen=True, kw_only=True)
class Show:
    """Draw contact sheets and a page for the browser.

    Example: densesynth show people --frames 24
    """

    dataset: tyro.conf.Positional[Path]
    """Folder of the dataset."""
    out: Path | None = None
    """Folder for the pictures and the page; DATASET/show when left out."""
    frames: int = 24
    """How many frames to draw, spread evenly over the dataset."""


@dataclass(frozen=True, kw_only=True)
class AssetsCheck:
    """Say which official files (SMPL family, DensePose, AMASS …) are there, and where to get the rest.

    Files are recognised by their content, whatever their names. Example: densesynth assets check ~/smpl ~/densepose
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders (with their subfolders) or files to look through."""


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
    """Body that the source is for: anny, or an SMPL or SMPL-H file."""
    charts: Path | None = None
    """DensePose's UV_Processed.mat, for an SMPL or SMPL-H body."""
    to_body: str | None = None
    """Body to map to; the same one when left out."""
    to_charts: Path | None = None
    """DensePose's UV_Processed.mat, for the body to map to."""
    layout: str = "tiles"
    """Layout of a texture: tiles (DensePose's 24 squares), or an OBJ of the body's mesh with texture coordinates."""
    to_layout: str = "tiles"
    """Layout to paint a texture in."""
    size: tuple[int, int] = (800, 1200)
    """Height and width of the new texture, pixels."""


Command = Demo | Generate | Audit | Show | AssetsCheck | Map


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `densesynth` command."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit status."""
    if arguments == ["--version"]:
        print(f"densesynth {densesynth.__version__}")
        return 0
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        match _parse(arguments):
            case Demo() as command:
                return _demo(command)
            case Generate() as command:
                return _generate(command)
            case Audit() as command:
                return _audit(command.dataset)
            case Show() as command:
                return _show(command.dataset, command.out, command.frames)
            case AssetsCheck() as command:
                return _assets_check(command.folders)
            case Map() as command:
                return _map(command)
            case _:  # pragma: no cover - tyro returns nothing else
                raise AssertionError(arguments)
    except DensesynthError as error:
        errors.print(f"densesynth: {error}", markup=False)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        errors.print("densesynth: stopped; what is finished stays, and the same command goes on from there")
        return EXIT_INTERRUPTED


def _parse(arguments: list[str]) -> Command:
    """Arguments → command. The recipe is read first, so that its values are the defaults that options override."""
    if arguments[:2] == ["assets", "check"]:
        arguments = ["assets-check", *arguments[2:]]
    generate: Any = Annotated[Generate, tyro.conf.subcommand("generate")]
    if arguments[:1] == ["generate"]:
        recipe = next((argument for argument in arguments[1:] if argument.endswith(".toml")), None)
        if recipe is not None and not {"--help", "-h"} & set(arguments):
            settings = load_recipe(Path(recipe))
            default = Generate(recipe=tyro.MISSING, out=tyro.MISSING, settings=settings)
            generate = Annotated[Generate, tyro.conf.subcommand("generate", default=default)]
    kinds: Any = (
        Annotated[Demo, tyro.conf.subcommand("demo")]
        | generate
        | Annotated[Audit, tyro.conf.subcommand("audit")]
        | Annotated[Show, tyro.conf.subcommand("show")]
        | Annotated[AssetsCheck, tyro.conf.subcommand("assets-check")]
        | Annotated[Map, tyro.conf.subcommand("map")]
    )
    command: Command = tyro.cli(
        kinds,
        args=arguments,
        prog="densesynth",
        description="Pictures of people for which every pixel's point on the body surface is known exactly.",
    )
    return command


def _generate(command: Generate) -> int:
    from densesynth.generate import generate_dataset

    # Options come past msgspec's checks: send the overridden recipe through them once more.
    recipe = recipe_from_table(recipe_to_table(command.settings), "command line")
    generate_dataset(
        recipe,
        command.out,
        frames=command.frames,
        seed=command.seed,
        workers=command.workers,
        device=command.device,
        keep_geometry=command.keep_geometry,
        progress=True,
    )
    Console().print(f"Done: {command.out}. Prove it with `densesynth audit`, look at it with `densesynth show`.")
    return 0


def _demo(command: Demo) -> int:
    from densesynth.generate import generate_dataset

    generate_dataset(
        Recipe(),
        command.out,
        frames=command.frames,
        seed=command.seed,
        workers=command.workers,
        device=command.device,
        progress=True,
    )
    status = _audit(command.out)
    _show(command.out, None, command.frames)
    return status


def _audit(folder: Path) -> int:
    from densesynth.data.audit import audit, format_report, with_audit
    from densesynth.data.dataset import read_manifest
    from densesynth.surface.atlas import load_atlas

    read_manifest(folder)  # says at once when this is no dataset
    with frames_bar(Console(stderr=True), "audited") as advance_to:
        report = audit(folder, _load_body, load_atlas("anny"), advance_to)
    with_audit(folder, report)
    Console(soft_wrap=True, highlight=False).print(format_report(report), markup=False)
    return 0 if report.ok else EXIT_BREACH


def _show(folder: Path, out: Path | None, frames: int) -> int:
    from densesynth.data.dataset import read_manifest
    from densesynth.view.show import show

    read_manifest(folder)
    with frames_bar(Console(stderr=True), "drawn") as advance_to:
        paths = show(folder, out, frames, advance_to)
    console = Console(soft_wrap=True, highlight=False)
    for sheet in paths[:-1]:
        console.print(f"Contact sheet: {sheet}", markup=False)
    console.print(f"Open in a browser: {paths[-1].resolve().as_uri()}", markup=False)
    return 0


def _assets_check(folders: tuple[Path, ...]) -> int:
    from densesynth.assets import check_assets, format_assets

    Console(soft_wrap=True, highlight=False).print(format_assets(check_assets(folders)), markup=False)
    return 0


def _map(command: Map) -> int:
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


def _load_body(name: str) -> Body:
    from densesynth.body.anny import load_anny

    if name != "anny":
        raise DatasetError(f"the dataset was made with the body `{name}`, and this densesynth has only `anny`")
    return load_anny(Console(stderr=True).print)
