"""The R-CNN's targets, its training, and what the paper's fine-tuning recipe touches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from densesynth.data.augment import NOTHING, AugmentSettings
from densesynth.data.dataset import open_dataset
from densesynth.data.samples import read_sample
from densesynth.errors import ConfigurationError
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.surface.atlas import load_atlas
from densesynth.surface.mirror import mirror_atlas
from densesynth.surface.parts import FINE_TO_COARSE
from densesynth.train import train
from densesynth.training.models import rcnn_settings, take_weights
from densesynth.training.optimise import choose_trained
from densesynth.training.recipe import (
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    SourceSettings,
    TrainingRecipe,
    load_training_recipe,
)
from densesynth.training.regions import fit_sample, targets_of
from densesynth.training.state import list_states

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "training"
MIRRORS = {"densesynth": mirror_atlas}


def test_targets_agree_with_one_another(people: Path) -> None:
    sample = read_sample(open_dataset(people), 0, load_atlas("anny"))
    for settings in (NOTHING, AugmentSettings(flip=1.0, clean=1.0)):
        moved = fit_sample(sample, 200, 300, settings, MIRRORS, np.random.default_rng(0))
        assert moved.picture.shape == (200, 200, 3)
        targets = targets_of(moved)
        assert len(targets.boxes) == len(sample.boxes)
        for k, points in enumerate(targets.points):
            x, y = (torch.floor(value).long().clamp(max=199) for value in (points.x, points.y))
            same = targets.dense.part[y, x].long() == points.part
            assert same.float().mean() > 0.95  # points at borders, after resizing
            x0, y0, x1, y1 = targets.boxes[k]
            column = ((points.x - x0) * 256 / (x1 - x0)).long().clamp(0, 255)
            row = ((points.y - y0) * 256 / (y1 - y0)).long().clamp(0, 255)
            coarse = torch.from_numpy(FINE_TO_COARSE.astype(np.int64))[points.part]
            assert (targets.coarse[k][row, column].long() == coarse).float().mean() > 0.95


def test_flip_waits_for_the_charts_mirror(people: Path) -> None:
    sample = read_sample(open_dataset(people), 0, load_atlas("anny"))
    flipping = AugmentSettings(flip=1.0, clean=1.0)
    kept = fit_sample(
        replace(sample, charts="densepose"), 128, 128, flipping, MIRRORS, np.random.default_rng(0), may_flip=False
    )
    assert np.array_equal(kept.boxes, sample.boxes)


@pytest.mark.parametrize("supervision", ["points", "dense"])
def test_rcnn_learns_and_resumes_bit_by_bit(people: Path, tmp_path: Path, supervision: str) -> None:
    recipe = TrainingRecipe(
        model=ModelSettings(kind="rcnn", size="tiny", short_sides=(96, 128), supervision=supervision),
        data=DataSettings(sources=(SourceSettings(path=people),)),
        augment=AugmentSettings(turn=0, scale=0, shift=0, clean=1, amplitude=0, occlude=0),
        optimiser=OptimiserSettings(kind="sgd", rate=0.001, rate_batch=2, warmup=0, average=0.0),
        run=RunSettings(steps=3, batch=2, save_every=1, evaluate_every=0, evaluation_samples=2),
    )
    judged = replace(recipe.run, evaluate_every=1, evaluation=people)  # looking at held-out pictures changes no weight
    report = train(replace(recipe, run=judged), tmp_path / "whole")
    assert report.measures.keys() == {"score", "found", "right", "part"}
    train(recipe, tmp_path / "killed", stop_after=1)
    train(recipe, tmp_path / "killed")
    one, other = (load_file(list_states(tmp_path / name)[-1]) for name in ("whole", "killed"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_papers_fine_tuning_touches_the_last_layers_alone() -> None:
    recipe = load_training_recipe(RECIPES / "paper-finetune.toml")
    assert (recipe.run.steps, recipe.run.batch, recipe.optimiser.rate) == (35000, 2, 0.001)
    with torch.device("meta"):
        model = DensePoseRCNN(rcnn_settings(recipe.model))
    names = choose_trained(model, recipe.model.trained)
    assert len(names) == 8  # weight and bias of coarse parts, fine parts, U and V
    touched = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert touched == 512 * 16 * (15 + 25 + 25 + 25) + 90
    assert all(name.startswith("roi_heads.densepose_predictor.") for name in names)


def test_fresh_weights_stay_fresh_and_others_are_taken() -> None:
    recipe = load_training_recipe(RECIPES / "paper-finetune.toml")
    torch.manual_seed(0)
    settings = ModelSettings(kind="rcnn", size="tiny", coarse=15)
    model, zoo = DensePoseRCNN(rcnn_settings(settings)), DensePoseRCNN(rcnn_settings(replace(settings, coarse=2)))
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    take_weights(model, zoo.state_dict(), recipe.model.fresh, "zoo")
    for name, value in model.state_dict().items():
        source = fresh if "ann_index_lowres" in name else zoo.state_dict()
        assert torch.equal(value, source[name]), name
    with pytest.raises(ConfigurationError, match="ann_index_lowres"):
        take_weights(model, zoo.state_dict(), (), "zoo")
