"""Recipe → trained model: batch, losses, gradients, step; save, judge, publish. A kill at any step costs nothing but
the steps since the last saved state, and the weights come out the same."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import math
import os
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, NoReturn

import torch
from rich.console import Console
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from densesynth.allocator import keep_freed_memory
from densesynth.data.augment import NOTHING
from densesynth.data.files import make_folder
from densesynth.errors import DeviceError, TrainingError
from densesynth.progress import frames_bar
from densesynth.stream import Stream
from densesynth.tables import settings_to_table
from densesynth.training.batches import BatchMaker, loss_seed
from densesynth.training.judge import evaluating, judge
from densesynth.training.look import draw_predictions
from densesynth.training.models import compute_losses, input_side, make_model, publish
from densesynth.training.optimise import Average, choose_trained, make_optimiser, rate_share
from densesynth.training.recipe import DataSettings, RunSettings, SourceSettings, TrainingRecipe
from densesynth.training.state import Progress, list_states, load_state, save_state

MODEL, BEST, LOG = "model.safetensors", "best.safetensors", "log.jsonl"


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """steps: done in all. measures: of the last evaluation. waited: share of the time spent waiting for batches."""

    steps: int
    measures: dict[str, float]
    waited: float


def train(
    recipe: TrainingRecipe, out: Path, *, device: str = "cpu", progress: bool = False, stop_after: int | None = None
) -> TrainingReport:
    """Train until `recipe.run.steps`, going on from the state in `out` if there is one.

    Under `torchrun` every process trains on its share of each batch. stop_after: leave after that step of the run, as
    if killed just after it was saved. Raises DensesynthError; on losses that are no numbers the last good state stays.
    """
    place, rank, world = _join_processes(device)
    if place.type == "cpu":
        keep_freed_memory()
    console = Console(stderr=True, quiet=not progress or rank > 0, soft_wrap=True, highlight=False)
    run, table = recipe.run, settings_to_table(recipe)
    make_folder(out)
    model = make_model(recipe.model, run.seed).to(place)
    names = choose_trained(model, recipe.model.trained)
    model.train()
    if place.type == "cuda":
        model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe.optimiser, run.batch)
    rates = [group["lr"] for group in optimiser.param_groups]
    average = Average(model, recipe.optimiser.average) if recipe.optimiser.average else None
    states = list_states(out)
    done = load_state(states[-1], model, average, optimiser, table) if states else Progress(step=0, best=None)
    console.print(_introduce(model, names, place, world, done.step))
    side = input_side(model)
    stepper = torch.compile(compute_losses) if run.compile else compute_losses
    stream = Stream(
        functools.partial(BatchMaker, recipe, side, rank, world),
        start=done.step,
        workers=recipe.data.workers,
        ahead=recipe.data.ahead,
    )
    held_out = _held_out(recipe, side) if rank == 0 else []
    measures: dict[str, float] = {}
    began = perf_counter()
    step, best = done.step, done.best
    last = min(run.steps, stop_after) if stop_after is not None else run.steps
    writer = SummaryWriter(str(out / "curves")) if rank == 0 else None
    with closing(stream), frames_bar(console, "steps") as advance_to:
        batches = iter(stream) if step < last else iter(())
        for batch in batches:
            share = rate_share(recipe.optimiser, step, run.steps)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * share
            losses = _accumulate(model, stepper, batch.to(place), recipe, step, world)
            if not all(math.isfinite(value) for value in losses.values()):
                _stop(out, step, batch.names, losses)
            trained = [p for p in model.parameters() if p.grad is not None]
            norm = torch.nn.utils.clip_grad_norm_(trained, recipe.optimiser.clip or math.inf)
            if not bool(torch.isfinite(norm)):
                _stop(out, step, batch.names, losses)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            if average is not None:
                average.update(model, step)
            step += 1
            advance_to(step, run.steps)
            if rank == 0 and writer is not None and (step % run.log_every == 0 or step == last):
                waited = stream.waited / max(perf_counter() - began, 1e-9)
                _log(out, writer, step, {**losses, "rate": rates[0] * share, "norm": float(norm), "waited": waited})
            if run.evaluate_every and held_out and (step % run.evaluate_every == 0 or step == run.steps):
                with evaluating(model, average.values if average else model.state_dict()):
                    measures = judge(model, held_out)
                    picture = draw_predictions(model, held_out[0].to(place))
                if writer is not None:
                    writer.add_image("predictions", picture, step, dataformats="HWC")
                    _log(out, writer, step, {f"held out/{name}": value for name, value in measures.items()})
                console.print(f"step {step}: " + ", ".join(f"{name} {value:.3f}" for name, value in measures.items()))
                if best is None or measures["score"] > best:
                    best = measures["score"]
                    _publish(out / BEST, model, average, step, table, measures)
            if rank == 0 and (step % run.save_every == 0 or step == last):
                # The model first: a state of this step then says that its model is there too.
                _publish(out / MODEL, model, average, step, table, measures)
                save_state(out, model, average, optimiser, Progress(step=step, best=best), table, run.keep)
            if step >= last:
                break
    if writer is not None:
        writer.close()
    if world > 1:
        torch.distributed.barrier()  # the first process writes; nobody leaves before
        torch.distributed.destroy_process_group()
    waited = stream.waited / max(perf_counter() - began, 1e-9)
    return TrainingReport(steps=step, measures=measures, waited=waited)


def _accumulate(
    model: nn.Module, stepper: Any, batch: Any, recipe: TrainingRecipe, step: int, world: int
) -> dict[str, float]:
    """Gradients of one step into the parameters, the batch taken in parts; returns the losses, averaged over them."""
    run = recipe.run
    total: dict[str, float] = {}
    place = next(model.parameters()).device
    parts = batch.split(run.accumulate)
    for number, part in enumerate(parts):
        generator = torch.Generator().manual_seed(loss_seed(run.seed, step, number))
        with _autocast(run.precision, place):
            losses = stepper(model, part, step / run.steps, recipe.model, generator)
        whole = torch.stack(list(losses.values())).sum() / len(parts)
        whole.backward()
        for name, value in losses.items():
            total[name] = total.get(name, 0.0) + float(value.detach()) / len(parts)
    if world > 1:
        for parameter in model.parameters():
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= world
    return total


def _autocast(precision: str, place: torch.device) -> AbstractContextManager[Any]:
    return torch.autocast(place.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def _join_processes(device: str) -> tuple[torch.device, int, int]:
    """This process' device, number and how many there are (torchrun's environment). Raises DeviceError."""
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device 'cuda': PyTorch finds no CUDA device on this machine; use --device cpu")
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if world > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    if device == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(place)
        return place, rank, world
    return torch.device(device), rank, world


def _held_out(recipe: TrainingRecipe, side: int) -> list[Any]:
    """Fixed batches of the held-out dataset, unchanged pictures."""
    run = recipe.run
    if run.evaluation is None or not run.evaluate_every:
        return []
    size = min(8 if recipe.model.kind == "rcnn" else 32, run.evaluation_samples)
    still = replace(
        recipe,
        model=replace(recipe.model, short_sides=recipe.model.short_sides[-1:]),
        data=DataSettings(sources=(SourceSettings(path=run.evaluation),), least_side=recipe.data.least_side),
        augment=NOTHING,
        run=RunSettings(batch=size, seed=0),
    )
    maker = BatchMaker(still, side)
    return [maker.make(k) for k in range(max(run.evaluation_samples // size, 1))]


def _stop(out: Path, step: int, names: tuple[str, ...], losses: dict[str, float]) -> NoReturn:
    """Say which pictures were in a bad step, and which state to go on from. Raises TrainingError, always.

    Nothing is saved: the forward pass has already moved the running averages of normalisation.
    """
    states = list_states(out)
    good = f"the last good state is {states[-1]}" if states else "no state was saved yet"
    values = ", ".join(f"{name} {value:g}" for name, value in losses.items())
    raise TrainingError(
        f"step {step}: losses or gradients are no numbers ({values}); stopped, {good}; its batch: {', '.join(names)}"
    )


def _publish(
    path: Path, model: nn.Module, average: Average | None, step: int, table: dict[str, Any], measures: dict[str, float]
) -> None:
    about = {"version": importlib.metadata.version("densesynth"), "step": step, "recipe": table, "measures": measures}
    publish(path, model, average.values if average else model.state_dict(), about)


def _log(out: Path, writer: SummaryWriter, step: int, values: dict[str, float]) -> None:
    for name, value in values.items():
        writer.add_scalar(name, value, step)
    with open(out / LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **values}) + "\n")


def _introduce(model: nn.Module, names: list[str], place: torch.device, world: int, step: int) -> str:
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    whole = sum(p.numel() for p in model.parameters())
    others = f", {world} processes" if world > 1 else ""
    start = f"going on from step {step}" if step else "a fresh run"
    return f"{count / 1e6:.2f} of {whole / 1e6:.2f} M parameters ({len(names)} arrays) on {place}{others}, {start}"
