"""Several processes: each makes its share of a batch, and their gradients become the mean of the shares'."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

import torch
import torch.multiprocessing as processes
from safetensors.torch import load_file, save_file

from densesynth.train import MODEL, _accumulate, train
from densesynth.training.batches import BatchMaker
from densesynth.training.models import compute_losses, make_model
from densesynth.training.recipe import DataSettings, ModelSettings, RunSettings, SourceSettings, TrainingRecipe

WORLD = 2


def make_recipe(people: Path) -> TrainingRecipe:
    return TrainingRecipe(
        model=ModelSettings(kind="detector", size="tiny"),
        data=DataSettings(sources=(SourceSettings(path=people),)),
        run=RunSettings(steps=2, batch=4, save_every=2, evaluate_every=0),
    )


def gradients(people: Path, rank: int, world: int) -> dict[str, torch.Tensor]:
    """Of the first step's share, summed over the processes that there are."""
    recipe = make_recipe(people)
    model = make_model(recipe.model, 0)
    model.train()
    batch = BatchMaker(recipe, 96, rank, WORLD).make(0)
    _accumulate(model, compute_losses, batch, recipe, 0, world)
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def work(rank: int, people: Path, out: Path, port: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(WORLD), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", timeout=timedelta(minutes=5))
    save_file(gradients(people, rank, WORLD), out / f"{rank}.safetensors")
    assert train(make_recipe(people), out / "run").steps == 2


def test_two_processes_share_a_batch(people: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes.spawn(work, (people, tmp_path, port), nprocs=WORLD)
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(WORLD))
    shares = [gradients(people, rank, 1) for rank in range(WORLD)]
    assert first.keys() == shares[0].keys()
    for name, value in first.items():
        assert torch.equal(value, second[name])
        assert torch.allclose(value, (shares[0][name] + shares[1][name]) / 2, rtol=1e-4, atol=1e-7), name
    assert (tmp_path / "run" / MODEL).is_file()
