"""The recipes that come with densesynth can be read, and held-out motions are held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from densesynth.config import load_recipe
from densesynth.motion.library import MOTION_NAMES
from densesynth.tables import settings_from_table, settings_to_table
from densesynth.training.recipe import TrainingRecipe, load_training_recipe

FOLDER = Path(__file__).resolve().parents[2] / "recipes" / "training"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_can_be_read(path: Path) -> None:
    if path.stem.startswith("people-"):
        assert set(load_recipe(path).people.motions) <= set(MOTION_NAMES)
        return
    recipe = load_training_recipe(path)
    assert settings_from_table(settings_to_table(recipe), TrainingRecipe, "again") == recipe
    for source in recipe.data.sources:
        if source.kind == "stream":
            load_recipe(source.path)


def test_held_out_motions_are_not_learnt_from() -> None:
    held_out = set(load_recipe(FOLDER / "people-held-out.toml").people.motions)
    for name in ("whole", "close", "far"):
        learnt = set(load_recipe(FOLDER / f"people-{name}.toml").people.motions)
        assert not held_out & learnt
        assert learnt | held_out == set(MOTION_NAMES)
