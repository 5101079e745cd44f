"""A small dataset of ours, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from densesynth.config import recipe_from_table
from densesynth.generate import generate_dataset


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "people"
    recipe = recipe_from_table({"picture": {"width": 128, "height": 128}, "people": {"count": [1, 2]}}, "test")
    generate_dataset(recipe, folder, frames=8, seed=5)
    return folder
