"""Sheets of a recipe's first frames, and of faces."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.config import load_recipe
from densesynth.frames import Generator

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from face_sheet import look_angle
from face_sheet import main as draw_faces
from face_sheet import recipe as recipe_of_faces
from recipe_sheet import main


def test_frames_stand_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, out = tmp_path / "small.toml", tmp_path / "sheet.png"
    recipe.write_text("[people]\ncount = [1, 1]\n[picture]\nwidth = 96\nheight = 48\n")
    assert main([str(recipe), "--frames", "3", "--seed", "2", "--cell", "96", "--out", str(out)]) == 0
    sheet = cv2.imread(str(out))[..., ::-1]
    assert sheet.shape == (2 * 48, 2 * 96, 3)
    generator = Generator(load_recipe(recipe))
    for index, (row, column) in enumerate([(0, 0), (0, 1), (1, 0)]):
        cell = sheet[48 * row :, 96 * column :][:48, :96]
        assert np.array_equal(cell, generator.frame(2, index).picture)
    assert (sheet[48:, 96:] == 255).all()
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fre", "--out", "sheet.png"], "no recipe is called `fre`; did you mean `free`?"),
        (["free", "--out", "sheet.gif"], "give a name that ends in .jpg or .png"),
        (["free", "--out", "sheet.png", "--frames", "0"], "--frames 0: give a whole number of at least 1"),
    ],
)
def test_mistakes_are_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert said in capsys.readouterr().err


def test_faces_look_at_the_camera(tmp_path: Path) -> None:
    out = tmp_path / "faces.png"
    words = ["--faces", "2", "--seed", "2", "--cell", "64", "--columns", "2", "--size", "160", "--out", str(out)]
    assert draw_faces(words) == 0
    assert cv2.imread(str(out)).shape == (64, 128, 3)
    generator = Generator(recipe_of_faces(160))
    scene, posed, _, _ = generator._scene(2, 0)
    ahead = look_angle(scene.camera, posed.keypoints[0].astype(np.float64))
    behind = posed.keypoints[0].astype(np.float64)
    behind[0] = behind[[3, 4]].mean(axis=0) * 2.0 - behind[0]  # the nose at the back of the head
    assert look_angle(scene.camera, behind) == pytest.approx(180.0 - ahead, abs=15.0)
