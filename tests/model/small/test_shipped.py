"""The model that comes with densesynth: it is there, small, and finds and labels people it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from densesynth.cli import run
from densesynth.config import recipe_from_table
from densesynth.data.dataset import ANNOTATIONS, open_dataset
from densesynth.data.results import read_results
from densesynth.generate import generate_dataset
from densesynth.model.small.checkpoint import load_small, shipped_checkpoint


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pictures of one person each, of a seed that nothing was learnt from."""
    folder = tmp_path_factory.mktemp("shipped") / "people"
    table = {
        "picture": {"width": 256, "height": 256},
        "people": {"count": [1, 1], "motions": ["phone", "clap"]},
        "camera": {"fill": [0.6, 0.8], "elevation": [-5.0, 15.0]},
    }
    generate_dataset(recipe_from_table(table, "test"), folder, frames=4, seed=424242)
    return folder


def test_it_is_whole_small_and_says_what_it_learnt_from() -> None:
    path = shipped_checkpoint()
    assert path.stat().st_size < 40e6
    model = load_small(path)
    assert model.crop is not None
    assert model.detector is not None
    for kind in ("crop", "detector"):
        assert model.about[kind]["step"] == model.about[kind]["recipe"]["run"]["steps"]
        assert all(source["kind"] == "dataset" for source in model.about[kind]["recipe"]["data"]["sources"])


def test_predict_without_a_checkpoint_finds_and_labels_people(scene: Path, tmp_path: Path) -> None:
    assert run(["predict", str(scene / ANNOTATIONS), "--out", str(tmp_path / "out"), "--score", "0.3"]) == 0
    dataset = open_dataset(scene)
    sizes = {frame.annotations[0].image_id: (256, 256) for frame in dataset}
    found = read_results(tmp_path / "out" / "results.json", sizes)
    overlaps, right = [], []
    for frame in dataset:
        mine = [one for one in found if one.image_id == frame.annotations[0].image_id]
        if not mine:
            overlaps.append(0.0)
            right.append(0.0)
            continue
        best = max(mine, key=lambda one: one.score)
        x, y = int(best.bbox[0]), int(best.bbox[1])
        part = np.zeros((256, 256), np.uint8)
        crop = best.iuv[0][: 256 - y, : 256 - x]
        part[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        true = frame.iuv[..., 0]
        overlaps.append(float(((part > 0) & (true > 0)).sum() / ((part > 0) | (true > 0)).sum()))
        right.append(float((part == true)[true > 0].mean()))
    assert np.mean(overlaps) > 0.6
    assert np.mean(right) > 0.4  # the commonest part alone covers less than a fifth
