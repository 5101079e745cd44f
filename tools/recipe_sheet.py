"""Draw a recipe's first frames on one sheet, as docs/scenes.md shows them.

    python tools/recipe_sheet.py free --out free.jpg
    python tools/recipe_sheet.py my.toml --frames 16 --seed 3 --cell 256 --out sheet.png

Frames are rendered at the recipe's own size and shrunk.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from densesynth.arrays import Array, UInt8
from densesynth.config import Recipe, load_recipe
from densesynth.data.files import encode_jpeg, encode_png, write_bytes
from densesynth.errors import ConfigurationError, DensesynthError
from densesynth.frames import Generator
from densesynth.progress import frames_bar

QUALITY = 84  # of the sheet's JPEG


def draw(recipe: Recipe, frames: int, seed: int, cell: int, columns: int | None) -> UInt8[Array, "h w 3"]:
    """The sheet, row by row. cell: width of a frame on it, pixels. columns: as many as rows when left out."""
    for name, value in (("frames", frames), ("cell", cell), ("columns", 1 if columns is None else columns)):
        if value < 1:
            raise ConfigurationError(f"--{name} {value}: give a whole number of at least 1")
    columns = min(frames, math.ceil(math.sqrt(frames)) if columns is None else columns)
    size = (cell, max(1, round(cell * recipe.picture.height / recipe.picture.width)))
    cells = []
    generator = Generator(recipe)
    with frames_bar(Console(stderr=True), "drawn") as advance_to:
        for record in generator.frames(seed, range(frames)):
            cells.append(cv2.resize(record.picture, size, interpolation=cv2.INTER_AREA))
            advance_to(len(cells), frames)
    cells += [np.full_like(cells[0], 255)] * (-frames % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, help="a recipe's name, or a recipe file (TOML)")
    parser.add_argument("--out", type=Path, required=True, help="the sheet: .jpg or .png")
    parser.add_argument("--frames", type=int, default=64, help="how many of its first frames (64)")
    parser.add_argument("--seed", type=int, default=0, help="the run's seed (0)")
    parser.add_argument("--cell", type=int, default=180, help="width of a frame on the sheet, pixels (180)")
    parser.add_argument("--columns", type=int, help="frames in a row; as many as there are rows when left out")
    options = parser.parse_args(arguments)
    encode = {".png": encode_png, ".jpg": lambda sheet: encode_jpeg(sheet, QUALITY)}.get(options.out.suffix.lower())
    try:
        if encode is None:
            raise ConfigurationError(f"--out {options.out}: give a name that ends in .jpg or .png")
        sheet = draw(load_recipe(options.recipe), options.frames, options.seed, options.cell, options.columns)
        write_bytes(options.out, encode(sheet))
    except DensesynthError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
