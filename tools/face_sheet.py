"""Draw faces on one sheet: people of a recipe, seen from near by, cut out around the head.

    python tools/face_sheet.py --out faces.jpg
    python tools/face_sheet.py --faces 24 --seed 3 --cell 240 --columns 8 --out faces.png

Frames are drawn in order and those left out whose first person looks away, at whom `--angle` decides.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from densesynth.arrays import Array, Float64, UInt8
from densesynth.config import Recipe, recipe_from_table
from densesynth.data.files import encode_jpeg, encode_png, write_bytes
from densesynth.frames import Generator
from densesynth.geometry.camera import Camera
from densesynth.progress import frames_bar

QUALITY = 88  # of the sheet's JPEG
HALF = 0.145  # metres from the middle of the head to the edge of a cell


def recipe(size: int) -> Recipe:
    """One person before a portrait's camera, sharp and in good light. size: of the picture, pixels."""
    table = {
        "picture": {"width": size, "height": size, "noise": [0.0, 0.0]},
        "people": {"count": [1, 1], "motions": ["stand", "hips", "folded"], "combed": 1.0},
        "camera": {"portrait": 1.0},
        "light": {"key_share": [0.2, 0.5]},
    }
    return recipe_from_table(table, "faces")


def look_angle(camera: Camera, keypoints: Float64[Array, "17 3"]) -> float:
    """Degrees between where a face looks and the camera. keypoints: COCO's, world."""
    nose, left, right = keypoints[[0, 3, 4]]
    ahead, away = nose - (left + right) / 2.0, nose - camera.centre_in_world
    return float(np.degrees(np.arccos(-ahead @ away / np.linalg.norm(ahead) / np.linalg.norm(away))))


def cut_out(
    picture: UInt8[Array, "h w 3"], camera: Camera, keypoints: Float64[Array, "17 3"], cell: int
) -> UInt8[Array, "c c 3"] | None:
    """The head, as large as a cell; None where the picture's edge cuts it."""
    middle = keypoints[[0, 1, 2, 3, 4]].mean(axis=0)
    column, row = camera.project(middle[None])[0]
    half = HALF * camera.fx / float(camera.to_camera(middle[None])[0, 2])
    left, top, width = int(column - half), int(row - half), int(2.0 * half)
    if left < 0 or top < 0 or left + width > camera.width or top + width > camera.height:
        return None
    way = cv2.INTER_AREA if width > cell else cv2.INTER_CUBIC
    return cv2.resize(picture[top : top + width, left : left + width], (cell, cell), interpolation=way)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the sheet: .jpg or .png")
    parser.add_argument("--faces", type=int, default=24, help="how many (24)")
    parser.add_argument("--seed", type=int, default=0, help="the run's seed (0)")
    parser.add_argument("--cell", type=int, default=220, help="width of a face on the sheet, pixels (220)")
    parser.add_argument("--columns", type=int, default=8, help="faces in a row (8)")
    parser.add_argument("--size", type=int, default=720, help="width of a frame, pixels (720)")
    parser.add_argument("--angle", type=float, default=50.0, help="how far from the camera a face may look, degrees")
    options = parser.parse_args(arguments)
    generator = Generator(recipe(options.size))
    cells: list[Array] = []
    index = 0
    with frames_bar(Console(stderr=True), "drawn") as advance_to:
        while len(cells) < options.faces:
            scene, posed, _, _ = generator._scene(options.seed, index)
            keypoints = posed.keypoints[0].astype(np.float64)
            if look_angle(scene.camera, keypoints) < options.angle:
                cell = cut_out(generator.frame(options.seed, index).picture, scene.camera, keypoints, options.cell)
                cells += [] if cell is None else [cell]
            index += 1
            advance_to(len(cells), options.faces)
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % options.columns)
    rows = [np.hstack(cells[k : k + options.columns]) for k in range(0, len(cells), options.columns)]
    sheet = np.vstack(rows)
    write_bytes(options.out, encode_png(sheet) if options.out.suffix == ".png" else encode_jpeg(sheet, QUALITY))
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
