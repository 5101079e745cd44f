"""`densesynth demo` and `densesynth generate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import tyro
from rich.console import Console

from densesynth.cli import looking
from densesynth.cli.command import Command
from densesynth.config import Recipe, load_recipe, recipe_from_table, recipe_names, recipe_to_table


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Make a small dataset with the recipe `demo`, audit it, draw it, and say where to look.

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

    Recipes that need no files: free (everything on), demo, crowd, portrait, sports, occluded; default says what holds
    where a recipe says nothing; paper needs the paper's assets.
    Example: densesynth generate free --out people --frames 1000 --seed 1 --workers 4
    """

    recipe: tyro.conf.Positional[Path]
    """A recipe's name, or a recipe file (TOML); every setting below overrides what it says."""
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


def recipe_defaults(arguments: list[str]) -> Generate | None:
    """The options that hold where the arguments say nothing: those of the recipe named among them."""
    recipe = _named_recipe(arguments)
    if recipe is None or {"--help", "-h"} & set(arguments):
        return None
    return Generate(recipe=tyro.MISSING, out=tyro.MISSING, settings=load_recipe(recipe))


def _named_recipe(arguments: list[str]) -> str | None:
    """The recipe among a command's arguments: the first word; after options, the first file or name of a recipe."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0]
    for before, argument in pairwise(arguments):
        a_value = before.startswith("--") and "=" not in before and before not in _FLAGS
        if not a_value and (argument.endswith(".toml") or argument in recipe_names()):
            return argument
    return None


def _flags(settings: type, prefix: str) -> Iterator[str]:
    """Options without a value, as tyro writes them."""
    for name, kind in get_type_hints(settings).items():
        if kind is bool:
            yield from (f"--{prefix}{name}".replace("_", "-"), f"--{prefix}no-{name}".replace("_", "-"))
        elif is_dataclass(kind) and isinstance(kind, type):
            yield from _flags(kind, "" if name == "settings" else f"{prefix}{name}.")


_FLAGS = frozenset(_flags(Generate, ""))


def generate(command: Generate) -> int:
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


def demo(command: Demo) -> int:
    from densesynth.generate import generate_dataset

    generate_dataset(
        load_recipe("demo"),
        command.out,
        frames=command.frames,
        seed=command.seed,
        workers=command.workers,
        device=command.device,
        progress=True,
    )
    status = looking.prove(command.out)
    looking.draw(command.out, None, command.frames)
    return status


COMMANDS = (
    Command(name="demo", options=Demo, run=demo),
    Command(name="generate", options=Generate, run=generate, defaults=recipe_defaults),
)
