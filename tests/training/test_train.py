"""Training: the same weights after a kill, batches that depend on the step alone, and clear stops."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from densesynth.config import recipe_from_table
from densesynth.data.augment import AugmentSettings
from densesynth.data.dataset import open_dataset
from densesynth.errors import ConfigurationError, DatasetError, TrainingError
from densesynth.generate import generate_dataset
from densesynth.model.small.checkpoint import load_small
from densesynth.model.small.crop import CropNetwork
from densesynth.train import BEST, MODEL, train
from densesynth.training.batches import BatchMaker
from densesynth.training.models import make_model
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
from densesynth.training.sources import Source
from densesynth.training.state import list_states


def make_recipe(people: Path, kind: str = "crop", **run: object) -> TrainingRecipe:
    return TrainingRecipe(
        model=ModelSettings(kind=kind, size="tiny"),
        data=DataSettings(sources=(SourceSettings(path=people),), crops_per_picture=2),
        optimiser=OptimiserSettings(warmup=2, rate_batch=4),
        run=RunSettings(**{"steps": 6, "batch": 4, "save_every": 2, "evaluate_every": 0, "log_every": 1, **run}),
    )


@pytest.mark.parametrize("kind", ["crop", "detector"])
def test_a_kill_at_any_step_changes_no_bit(people: Path, tmp_path: Path, kind: str) -> None:
    recipe = make_recipe(people, kind)
    train(recipe, tmp_path / "whole")
    for stop in (1, 3, 4):
        train(recipe, tmp_path / "killed", stop_after=stop)
    train(recipe, tmp_path / "killed")
    one, other = (load_file(list_states(tmp_path / name)[-1]) for name in ("whole", "killed"))
    assert one.keys() == other.keys()
    assert any(name.startswith("average.") for name in one)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    assert (tmp_path / "whole" / MODEL).read_bytes() == (tmp_path / "killed" / MODEL).read_bytes()


def test_batches_are_a_function_of_the_step(people: Path) -> None:
    recipe = make_recipe(people)
    maker, again = BatchMaker(recipe, 64), BatchMaker(recipe, 64)
    maker.make(0)
    for step in (3, 1):
        one, other = maker.make(step), again.make(step)
        assert one.names == other.names
        assert torch.equal(one.pictures, other.pictures)
        assert torch.equal(one.targets.rest, other.targets.rest)
    # two trainers share a batch out between them
    halves = [BatchMaker(recipe, 64, rank=rank, world=2).make(1) for rank in (0, 1)]
    whole = maker.make(1)
    assert sorted(whole.names) == sorted(halves[0].names + halves[1].names)
    assert torch.equal(halves[1].pictures[0], whole.pictures[1])


def test_workers_make_the_same(people: Path, tmp_path: Path) -> None:
    recipe = make_recipe(people, steps=2, save_every=2)
    train(recipe, tmp_path / "here")
    train(replace(recipe, data=replace(recipe.data, workers=1)), tmp_path / "there")
    one, other = (load_small(tmp_path / name / MODEL).crop.state_dict() for name in ("here", "there"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_parts_of_a_batch_add_up(people: Path) -> None:
    batch = BatchMaker(make_recipe(people), 64).make(0)
    parts = batch.split(2)
    assert torch.equal(torch.cat([part.pictures for part in parts]), batch.pictures)
    assert parts[0].names + parts[1].names == batch.names


def test_losses_that_are_no_numbers_stop_the_run(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe(people)
    train(recipe, tmp_path, stop_after=3)
    held = load_file(list_states(tmp_path)[-1])
    honest = CropNetwork.losses

    def broken(self: CropNetwork, batch: object, progress: float) -> dict[str, torch.Tensor]:
        return {name: value * float("nan") for name, value in honest(self, batch, progress).items()}

    monkeypatch.setattr(CropNetwork, "losses", broken)
    with pytest.raises(TrainingError, match=r"step 3.*people/00000\d #"):
        train(recipe, tmp_path)
    kept = load_file(list_states(tmp_path)[-1])
    assert all(torch.equal(value, kept[name]) for name, value in held.items())


def test_another_recipe_is_not_continued(people: Path, tmp_path: Path) -> None:
    train(make_recipe(people), tmp_path, stop_after=1)
    with pytest.raises(DatasetError, match=r"run\.batch"):
        train(make_recipe(people, batch=2), tmp_path)


def test_freezing_trains_what_is_named(people: Path, tmp_path: Path) -> None:
    recipe = make_recipe(people, steps=2, save_every=2)
    recipe = replace(recipe, model=replace(recipe.model, trained=("head.*", "ascent.smooth.0.*")))
    before = make_model(recipe.model, recipe.run.seed)
    names = choose_trained(before, recipe.model.trained)
    assert sum(p.numel() for p in before.parameters() if p.requires_grad) == 79 * 33 + 32 * 32 * 9 + 2 * 32
    train(recipe, tmp_path)
    after = load_file(list_states(tmp_path)[-1])
    for name, value in before.named_parameters():
        assert torch.equal(after[f"model.{name}"], value) != (name in names), name
    with pytest.raises(ConfigurationError, match="nothing"):
        choose_trained(before, ("nothing.*",))


def test_held_out_pictures_choose_the_best(people: Path, tmp_path: Path) -> None:
    recipe = make_recipe(people, steps=2, evaluate_every=1, evaluation=people, evaluation_samples=4)
    report = train(recipe, tmp_path)
    assert 0.0 <= report.measures["part"] <= 1.0
    events = EventAccumulator(str(tmp_path / "curves"))
    events.Reload()
    assert [one.step for one in events.Images("predictions")] == [1, 2]
    about = load_small(tmp_path / BEST).about
    assert about["recipe"]["run"]["steps"] == 2
    assert about["measures"].keys() == report.measures.keys()


def test_crops_hold_the_label_of_each_pixel(people: Path) -> None:
    """Without augmentation, a crop's labels are those of the picture at the same place."""
    still = AugmentSettings(flip=0, turn=0, scale=0, shift=0, clean=1, amplitude=0, occlude=0)
    batch = BatchMaker(replace(make_recipe(people), augment=still), 64).make(0)
    dataset = open_dataset(people)
    for k, name in enumerate(batch.names):
        frame = dataset.frame(int(name.split("/")[1].split(" ")[0]))
        who = int(name.split("#")[1])
        box = np.array(frame.annotations[who - 1].bbox)
        side = max(box[2:].max(), 1.0) * 1.2
        corner = box[:2] + box[2:] / 2 - side / 2
        y, x = np.nonzero(batch.targets.part[k].numpy())
        assert len(y) > 20
        at = np.floor(corner + (np.stack([x, y], 1) + 0.5) * side / 32 - 1e-3).astype(int)
        at = np.clip(at, 0, 127)
        same = frame.iuv[at[:, 1], at[:, 0], 0] == batch.targets.part[k].numpy()[y, x]
        assert same.mean() > 0.97  # pixels whose place falls on a border between two


def test_soft_edges_of_cut_outs_are_not_learnt_from(tmp_path: Path) -> None:
    table = {"picture": {"width": 128, "height": 128}, "occluders": {"count": [2, 2], "share": 1.0}}
    generate_dataset(recipe_from_table(table, "test"), tmp_path / "hidden", frames=2, seed=3)
    still = AugmentSettings(flip=0, turn=0, scale=0, shift=0, clean=1, amplitude=0, occlude=0)
    dataset = open_dataset(tmp_path / "hidden")
    batch = BatchMaker(replace(make_recipe(tmp_path / "hidden"), augment=still), 128).make(0)
    for k, name in enumerate(batch.names):
        frame = dataset.frame(int(name.split("/")[1].split(" ")[0]))
        alpha = frame.surface["occluder_alpha"]
        mixed = (alpha > 0) & (alpha < 255)
        box = np.array(frame.annotations[int(name.split("#")[1]) - 1].bbox)
        side = max(box[2:].max(), 1.0) * 1.2
        corner = box[:2] + box[2:] / 2 - side / 2
        y, x = np.mgrid[:64, :64]
        at = np.floor(corner + (np.stack([x, y], -1) + 0.5) * side / 64 - 1e-3).astype(int)
        inside = ((at >= 0) & (at < 128)).all(axis=-1)
        at = np.clip(at, 0, 127)
        unknown = ~batch.targets.known[k].numpy()
        assert (unknown == (mixed[at[..., 1], at[..., 0]] & inside)).mean() > 0.97
    assert not batch.targets.known.all()


def test_a_person_of_three_pixels(people: Path) -> None:
    """The crop network leaves them out, and takes background alone where there is nobody else; the detector learns."""
    recipe = make_recipe(people, steps=1)
    sample, maker = BatchMaker(recipe, 64).sample(0), BatchMaker(recipe, 64)
    speck = replace(sample, boxes=np.array([[60.0, 60.0, 61.5, 62.0]], np.float32), instance=sample.instance * 0)
    maker.sources = (Source(read=lambda _: speck, length=8),)
    batch = maker.make(0)
    assert all("nobody" in name for name in batch.names)
    assert not batch.targets.part.any()
    losses = make_model(recipe.model, 0).losses(batch, 0.5)
    assert all(bool(torch.isfinite(value)) for value in losses.values())
    detector = BatchMaker(make_recipe(people, "detector"), 64)
    detector.sources = (Source(read=lambda _: speck, length=8),)
    found = make_model(ModelSettings(kind="detector", size="tiny"), 0).losses(detector.make(0), 0.5)
    assert all(bool(torch.isfinite(value)) for value in found.values())


def test_crop_network_learns_what_it_is_shown(people: Path, tmp_path: Path) -> None:
    """Eight pictures over and over; `benchmarks/overfit.py` carries this on to DensePose's own measure."""
    recipe = make_recipe(people, steps=150, batch=8, save_every=150, evaluate_every=150, evaluation=people)
    still = AugmentSettings(flip=0, turn=0, scale=0, shift=0, clean=1, amplitude=0, occlude=0)
    recipe = replace(
        recipe,
        augment=still,
        optimiser=OptimiserSettings(warmup=5, rate=3e-3, rate_batch=8, average=0.8),
        run=replace(recipe.run, evaluation_samples=8, log_every=150),
    )
    report = train(recipe, tmp_path)
    assert report.measures["mask"] > 0.65
    assert report.measures["part"] > 0.4  # chance is below 0.1
    assert report.measures["rest_cm"] < 40.0


def test_recipe_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    for text, message in (
        ('[[data.sources]]\npaht = "x"\n', "did you mean `path`"),
        ("[data]\nsources = 3\n", r"write \[\[data.sources\]\]"),
        ("[run]\nsteps = 3\n", "at least one"),
        ('[run]\nbatch = 3\naccumulate = 2\n[[data.sources]]\npath = "x"\n', "equal parts"),
        ("[modle]\n", "model"),
        ('[[data.sources]]\nkind = "densepose"\npath = "x"\n', "every pixel's label"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=message):
            load_training_recipe(path)
    path.write_text('[[data.sources]]\npath = "x"\n[[data.sources]]\npath = "y"\nweight = 2\n')
    assert [source.path for source in load_training_recipe(path).data.sources] == [tmp_path / "x", tmp_path / "y"]
