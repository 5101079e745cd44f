"""The spread of a recipe is counted from labels alone, and is that of the dataset that it makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from densesynth.cli import EXIT_MISTAKE, run
from densesynth.config import recipe_from_table
from densesynth.data.spread import MEASURES, measure_dataset
from densesynth.frames import Generator
from densesynth.generate import generate_dataset
from densesynth.spread import measure_recipe

RECIPE = """
[people]
count = [2, 3]
[picture]
width = 96
height = 80
[camera]
cut_off = 0.5
[fisheye]
share = 0.4
[occluders]
count = [1, 3]
"""


def test_the_numbers_are_those_of_the_dataset(tmp_path: Path) -> None:
    table = {
        "people": {"count": [2, 3]},
        "picture": {"width": 96, "height": 80},
        "camera": {"cut_off": 0.5, "rig": 2},
        "fisheye": {"share": 0.4},
        "occluders": {"count": [1, 3]},
        "furniture": {"count": [1, 2], "carried": 0.5},
    }
    recipe = recipe_from_table(table, "test")
    told: list[tuple[int, int]] = []
    ours = measure_recipe(recipe, 5, 3, advance_to=lambda *done: told.append(done))
    generate_dataset(recipe, tmp_path / "made", frames=5, seed=3)
    theirs = measure_dataset(tmp_path / "made")
    assert ours == theirs
    assert all(ours[measure.key] for measure in MEASURES)
    assert told == [(k, 5) for k in range(1, 6)]


def test_nothing_is_painted() -> None:
    generator = Generator(recipe_from_table({"picture": {"width": 96, "height": 80}}, "test"))
    labelled = generator.label(1, 0)
    assert labelled.people
    assert not {"samples", "paint", "backdrop", "shade", "sensor", "record"} & generator.stages.keys()


def test_the_command_takes_recipes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE)
    out = tmp_path / "page"
    assert run(["spread", str(recipe), "--frames", "2", "--seed", "4", "--out", str(out)]) == 0
    table = json.loads((out / "spread.json").read_text())
    assert table["dataset"]["people"]["number"] == 2
    assert "Spread of small, 2 frames of seed 4" in (out / "index.html").read_text()
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "spread.json"]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fre", "--out", "page"], "the recipes are crowd, default, demo, free"),
        (["free"], "free is a recipe: give --out"),
        (["free", "--out", "page", "--frames", "0"], "--frames 0: give a whole number of at least 1"),
        (["free", "--out", "page", "--seed", "-1"], "--seed -1: give a whole number of at least 0"),
        (["free", "--out", "page", "--coco", "none.json"], "none.json"),
        (["."], "no manifest.json in it"),
    ],
)
def test_mistakes_are_told(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["spread", *words]) == EXIT_MISTAKE
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "page").exists()
