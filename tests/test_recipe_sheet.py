"""The sheet of a recipe's first frames."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.config import load_recipe
from densesynth.frames import Generator

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

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
