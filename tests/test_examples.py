"""Every example runs; the package's public names stay what they are."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

import densesynth

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "out")])
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_examples() -> None:
    assert EXAMPLES


def test_public_names() -> None:
    assert sorted(densesynth.__all__) == [
        "Atlas", "Dataset", "DensesynthError", "Generator", "Recipe", "__version__", "audit", "generate_dataset",
        "load_atlas", "load_recipe", "open_dataset", "show",
    ]  # fmt: skip
    for name in densesynth.__all__:
        assert getattr(densesynth, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        densesynth.nonsense  # noqa: B018
