"""The network looks at frames together, and no frame's bytes depend on which of them share a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import densesynth.generate
from densesynth.compose.harmonise.checkpoint import encode_generator, load_generator
from densesynth.compose.harmonise.generator import RainNet, initialise
from densesynth.compose.harmonise.harmoniser import Harmoniser, open_harmoniser, share_out
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.config import Recipe, recipe_from_table
from densesynth.data.record import FrameRecord, write_record
from densesynth.frames import Generator
from densesynth.generate import generate_dataset

FRAMES, BATCH = 7, 3


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = RainNet(RainNetSettings(ngf=4, blocks=2))
    initialise(network, torch.Generator().manual_seed(1))
    path = tmp_path_factory.mktemp("rain") / "generator.safetensors"
    path.write_bytes(encode_generator(network))
    return path


@pytest.fixture(scope="module")
def recipe(checkpoint: Path) -> Recipe:
    way = {"method": "rain", "checkpoint": str(checkpoint), "estimate_size": 64, "batch": BATCH, "max_drift": 10.0}
    table = {"picture": {"width": 96, "height": 96}, "people": {"count": [1, 1]}, "harmonise": way}
    return recipe_from_table(table, "test")


@pytest.fixture(scope="module")
def dataset(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "people"
    generate_dataset(recipe, folder, frames=FRAMES, seed=3)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Watched(RainNet):
    """Remembers the shapes that it was shown, and how many places were taken."""

    seen: list[tuple[int, ...]]

    def harmonise(self, composite: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.seen = [*getattr(self, "seen", []), (*composite.shape, int((mask.sum(dim=(1, 2, 3)) > 0).sum()))]
        return super().harmonise(composite, mask)


def test_frames_alone_are_frames_of_a_batch(recipe: Recipe) -> None:
    generator = Generator(recipe)
    assert generator.batches(range(FRAMES)) == [[0, 1, 2], [3, 4, 5], [6]]
    together = list(generator.frames(3, range(FRAMES)))
    for index in (5, 1, 6):
        alone = generator.frame(3, index)
        assert np.array_equal(alone.picture, together[index].picture)
        assert alone.harmonise == together[index].harmonise
        assert alone.harmonise is not None
        assert all(np.array_equal(alone.surface[key], together[index].surface[key]) for key in alone.surface)


def test_workers_and_stops_in_a_batch_write_the_same_bytes(
    recipe: Recipe, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate_dataset(recipe, tmp_path / "two", frames=FRAMES, seed=3, workers=2)
    assert contents(tmp_path / "two") == contents(dataset)

    def write_and_stop(out: Path, record: FrameRecord, quality: int) -> None:
        write_record(out, record, quality)
        if record.index == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(densesynth.generate, "write_record", write_and_stop)
    with pytest.raises(KeyboardInterrupt):
        generate_dataset(recipe, tmp_path / "stopped", frames=FRAMES, seed=3)
    monkeypatch.undo()
    assert len(list((tmp_path / "stopped" / "records").iterdir())) == 5
    generate_dataset(recipe, tmp_path / "stopped", frames=FRAMES, seed=3)
    assert contents(tmp_path / "stopped") == contents(dataset)


@pytest.mark.parametrize("full_size", [False, True])
def test_batches_are_whole_and_places_are_the_numbers(checkpoint: Path, full_size: bool) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.uniform(size=(70, 60 + 20 * (k == 2), 3)).astype(np.float32) for k in range(5)]
    masks = [np.zeros(picture.shape[:2], np.float32) for picture in pictures]
    for k, mask in enumerate(masks):
        mask[10 + k : 40, 20:50] = 1.0
    network = Watched(RainNetSettings(ngf=4, blocks=2))
    network.load_state_dict(load_generator(checkpoint).state_dict())
    settings = HarmoniseSettings(
        method="rain", checkpoint=checkpoint, estimate_size=64, full_size=full_size, max_drift=10.0
    )
    harmoniser = Harmoniser(settings, network, batch=4)
    together = harmoniser.apply(pictures, masks, [5, 6, 7, 8, 9])
    assert {shape[0] for shape in network.seen} == {4}
    # Places 1, 2, 3, 0, then 1 again; at full size the wide picture, number 7, has a batch to itself.
    assert [shape[-1] for shape in network.seen] == ([3, 1, 1] if full_size else [4, 1])
    for k, number in ((4, 9), (2, 7), (0, 5)):
        (alone,) = harmoniser.apply([pictures[k]], [masks[k]], [number])
        assert np.array_equal(alone.picture, together[k].picture)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("full_size", [False, True])
def test_on_a_gpu_too_an_answer_is_the_pictures_own(tmp_path: Path, full_size: bool) -> None:
    network = RainNet()
    initialise(network, torch.Generator().manual_seed(1))
    (tmp_path / "wide.safetensors").write_bytes(encode_generator(network))
    settings = HarmoniseSettings(method="rain", checkpoint=tmp_path / "wide.safetensors", full_size=full_size)
    harmoniser = open_harmoniser(settings, "cuda")
    assert harmoniser is not None
    assert harmoniser.batch == 8
    pictures = list(np.random.default_rng(0).uniform(size=(8, 256, 256, 3)).astype(np.float32))
    mask = np.zeros((256, 256), np.float32)
    mask[60:200, 90:170] = 1.0
    together = harmoniser.apply(pictures, [mask] * 8)
    for number in (0, 3, 7):
        (alone,) = harmoniser.apply([pictures[number]], [mask], [number])
        assert np.array_equal(alone.picture, together[number].picture)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), max_size=20), st.integers(1, 6))
def test_everything_has_a_place(items: list[tuple[int, int]], batch: int) -> None:
    batches = share_out([(shape,) for shape, _ in items], [number for _, number in items], batch)
    assert sorted(item for chosen in batches for item in chosen.values()) == list(range(len(items)))
    for chosen in batches:
        assert len({items[item][0] for item in chosen.values()}) == 1
        assert all(items[item][1] % batch == place for place, item in chosen.items())


def test_by_default_one_on_a_cpu(checkpoint: Path) -> None:
    harmoniser = open_harmoniser(HarmoniseSettings(method="rain", checkpoint=checkpoint))
    assert harmoniser is not None
    assert harmoniser.batch == 1
    assert open_harmoniser(HarmoniseSettings()) is None
