"""Draws docs/pictures/light.jpg, cameras.jpg, sensor.jpg: .venv/bin/python tools/scene_sheet.py PANORAMAS [NAME …]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from densesynth.arrays import Array
from densesynth.config import recipe_from_table
from densesynth.data.files import encode_jpeg
from densesynth.frames import Generator

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SIZE, CELL = 400, 300
EFFECTS: dict[str, dict[str, Any]] = {
    "as it is": {}, "depth of field": {"aperture": [45.0, 45.0]}, "motion blur": {"shutter": [60.0, 60.0]},
    "exposure": {"exposure": [1.2, 1.2]}, "white balance": {"white_balance": [80.0, 80.0]},
    "vignette": {"vignette": [0.7, 0.7]}, "fringes": {"fringe": [4.0, 4.0]},
    "phone": {"smoothing": [1.5, 1.5], "sharpening": [1.5, 1.5], "shoulder": [1.0, 1.0]},
}  # fmt: skip


def generator(**sections: dict[str, Any]) -> Generator:
    picture = {"width": SIZE, "height": SIZE, **sections.pop("picture", {})}
    return Generator(recipe_from_table({"picture": picture, **sections}, "sheet"))


def light(panoramas: str) -> list[Array]:
    made = generator(
        background={"environments": panoramas},
        people={"count": [1, 2]},
        camera={"fill": [0.5, 0.95], "whole_body": 0.6},
    )
    return [made.frame(7, index).picture for index in range(16)]


def cameras() -> list[Array]:
    pictures = []
    for name in ("portrait", "cut_off", "selfie", "cctv", "drone"):
        made = generator(camera={name: 1.0}, people={"count": [1, 3]})
        pictures += [made.frame(3, index).picture for index in range(2)]
    made = generator(fisheye={"share": 1.0}, people={"count": [2, 3]})
    pictures += [made.frame(3, index).picture for index in range(5)]
    made = generator(camera={"rig": 9, "fill": [0.7, 0.8], "elevation": [0.0, 15.0]}, people={"count": [2, 2]})
    return pictures + [made.frame(4, index).picture for index in range(9)]


def sensor() -> list[Array]:
    people = {"count": [2, 2], "motions": ["run", "kick", "dance"]}
    return [
        generator(sensor=effect, people=people, camera={"fill": [0.6, 0.8]}).frame(5, 1).picture
        for effect in EFFECTS.values()
    ]


def main(panoramas: str, names: list[str]) -> None:
    sheets = {"light": lambda: light(panoramas), "cameras": cameras, "sensor": sensor}
    for name in names or sheets:
        cells = [cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA) for picture in sheets[name]()]
        rows = [np.hstack(cells[k : k + 4]) for k in range(0, len(cells), 4)]
        (PICTURES / f"{name}.jpg").write_bytes(encode_jpeg(np.vstack(rows), 84))
        print(PICTURES / f"{name}.jpg", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
