"""The recipes that come with densesynth: found by name, and each makes frames whose labels are exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from densesynth.cli import EXIT_MISTAKE, run
from densesynth.cli.making import _named_recipe
from densesynth.config import find_recipe, load_recipe, recipe_from_table, recipe_names, recipe_to_table
from densesynth.data.dataset import read_manifest
from densesynth.errors import ConfigurationError

SMALL = {"picture": {"width": 160, "height": 160}}
NEEDS_FILES = {"paper"}


@pytest.mark.parametrize("name", [name for name in recipe_names() if name not in NEEDS_FILES])
def test_a_recipe_makes_frames_that_are_proved(name: str, tmp_path: Path) -> None:
    out = tmp_path / name
    size = ["--picture.width", "160", "--picture.height", "160"]
    assert run(["generate", name, "--out", str(out), "--frames", "2", "--seed", "5", *size]) == 0
    assert run(["audit", str(out)]) == 0
    summary = read_manifest(out).audit
    assert summary is not None
    assert summary.ok
    assert summary.max_error_px is not None
    assert summary.max_error_px <= 0.01


def test_names_stand_for_files() -> None:
    assert {"demo", "free", "crowd", "portrait", "sports", "paper", "default"} <= set(recipe_names())
    for name in recipe_names():
        assert find_recipe(name).read_text().startswith("#")  # says what it is for
        assert recipe_from_table(recipe_to_table(load_recipe(name)), name) == load_recipe(name)
    assert find_recipe("some/free.toml") == Path("some/free.toml")
    assert find_recipe(Path("folder/free")) == Path("folder/free")
    with pytest.raises(ConfigurationError, match="did you mean `portrait`"):
        find_recipe("portrit")


@pytest.mark.parametrize(
    ("arguments", "recipe"),
    [
        (["free", "--out", "demo"], "free"),
        (["--out", "demo", "free"], "free"),
        (["--out=demo", "free", "--camera.fill", "1", "2"], "free"),
        (["--keep-geometry", "mine.toml", "--out", "y"], "mine.toml"),
        (["--people.motions", "walk", "run", "mine.toml", "--out", "y"], "mine.toml"),
        (["--people.joint-names", "joints.toml", "free", "--out", "y"], "free"),
        (["--out", "y"], None),
    ],
)
def test_the_recipe_is_found_among_options(arguments: list[str], recipe: str | None) -> None:
    assert _named_recipe(arguments) == recipe


def test_the_paper_s_recipe_has_the_paper_s_elements() -> None:
    recipe = load_recipe("paper")
    assert recipe.camera.rig == 9
    assert (recipe.body.model, recipe.body.genders) == ("smpl", ("male", "female"))
    assert recipe.harmonise.method == "rain"
    for low, high in (recipe.lens.k1, recipe.picture.noise, recipe.occluders.softness, recipe.light.exposure):
        assert low < high
    assert recipe.occluders.count[1] > 0


def test_what_the_paper_s_recipe_lacks_is_said_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper-assets" / "mocap").mkdir(parents=True)
    assert run(["generate", "paper", "--out", "out"]) == EXIT_MISTAKE
    said = capsys.readouterr().err
    recipe = load_recipe("paper")
    for key in (
        "body.files",
        "appearance.textures",
        "appearance.layout",
        "background.folder",
        "occluders.folder",
        "harmonise.checkpoint",
    ):
        section, name = key.split(".")
        line = next(line for line in said.splitlines() if key in line)
        assert str(getattr(getattr(recipe, section), name)) in line
    assert "people.clips" not in said
    assert not (tmp_path / "out").exists()
