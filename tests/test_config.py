"""Recipes: what is read is what was meant, and what isn't understood is refused with the nearest key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from densesynth.config import Recipe, load_recipe, recipe_from_table, recipe_to_table
from densesynth.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[1]


def test_round_trip() -> None:
    recipe = recipe_from_table({"people": {"count": [2, 4]}, "background": {"folder": "bg"}}, "x.toml")
    assert recipe.people.count == (2, 4)
    assert recipe_from_table(recipe_to_table(recipe), "x.toml") == recipe
    assert recipe_from_table({}, "x.toml") == Recipe()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"camera": {"focal_lenght": [1, 2]}},
            "unknown key `camera.focal_lenght`; did you mean `focal_length`?",
        ),
        ({"peple": {}}, "did you mean `people`?"),
        ({"fill": [1, 2]}, "did you mean `camera.fill`?"),
        ({"camera": {"fill": [2, 1]}}, "must rise"),
        ({"camera": {"fill": ["a", 1]}}, "Expected `float`"),
        ({"camera": 3}, "is a section"),
        ({"picture": {"width": -1}}, ">= 16"),
        ({"picture": {"edge_samples": 3}}, "must be 1, 4 or 8"),
        ({"background": {"folder": 3}}, "expected Path"),
        ({"people": {"count": [0, 3]}}, "within [1, 8]"),
    ],
)
def test_mistakes_are_named(table: dict, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        recipe_from_table(table, "r.toml")
    assert str(caught.value).startswith("r.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[camera\n")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.toml", tmp_path, broken, binary):
        with pytest.raises(ConfigurationError) as caught:
            load_recipe(path)
        assert str(path) in str(caught.value)


def test_relative_folder_is_relative_to_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('[background]\nfolder = "pictures"\n')
    assert load_recipe(path).background.folder == tmp_path / "pictures"


def test_default_recipe_file_says_the_defaults() -> None:
    path = ROOT / "recipes" / "default.toml"
    assert load_recipe(path) == Recipe()
    # and it says all of them, so that it can be read as documentation
    assert tomllib.loads(path.read_text()) == recipe_to_table(Recipe())
