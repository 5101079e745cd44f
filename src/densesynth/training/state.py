"""A run's state on disk: all that the next step depends on, as tensors and JSON in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from densesynth.data.files import write_bytes
from densesynth.errors import DatasetError
from densesynth.training.optimise import Average

PREFIX, SUFFIX = "state-", ".safetensors"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """step: steps done. best: the best evaluation so far (higher is better), None before the first."""

    step: int
    best: float | None


def save_state(
    folder: Path, model: nn.Module, average: Average | None, optimiser: torch.optim.Optimizer, progress: Progress,
    recipe: dict[str, Any], keep: int,
) -> Path:  # fmt: skip
    """Write the state after `progress.step` steps, atomically, and delete all but the latest `keep`."""
    tensors: dict[str, Tensor] = {f"model.{name}": value for name, value in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.values.items()}
    numbers: dict[str, Any] = {}
    held = optimiser.state_dict()["state"]
    for index, entries in held.items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{key}"] = value
            elif value is not None:
                numbers[f"{index}.{key}"] = value
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    about = {"step": progress.step, "best": progress.best, "numbers": numbers, "recipe": recipe}
    content = save(
        {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
        {"densesynth": json.dumps(about)},
    )
    path = folder / f"{PREFIX}{progress.step:08d}{SUFFIX}"
    write_bytes(path, content, durable=True)
    for old in list_states(folder)[:-keep]:
        old.unlink()
    return path


def list_states(folder: Path) -> list[Path]:
    """Saved states, oldest first."""
    return sorted(path for path in folder.glob(f"{PREFIX}*{SUFFIX}") if path.is_file())


def load_state(
    path: Path, model: nn.Module, average: Average | None, optimiser: torch.optim.Optimizer, recipe: dict[str, Any]
) -> Progress:
    """Put a saved state into model, average, optimiser and torch's random numbers. Raises DatasetError."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["densesynth"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path}: no saved state, or damaged ({error}); delete it to go on from the one before"
        ) from None
    if about["recipe"] != recipe:
        raise DatasetError(
            f"{path.parent}: holds a run of another recipe ({_difference(about['recipe'], recipe)}); "
            "choose another --out"
        )
    model.load_state_dict(_under(tensors, "model."))
    if average is not None:
        for name, value in _under(tensors, "average.").items():
            average.values[name].copy_(value)
    state: dict[int, dict[str, Any]] = {}
    for name, value in _under(tensors, "optimiser.").items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    for name, number in about["numbers"].items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = number
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return Progress(step=about["step"], best=about["best"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    for section in sorted(found.keys() | wanted.keys()):
        there, here = found.get(section, {}), wanted.get(section, {})
        for key in sorted(there.keys() | here.keys()):
            if there.get(key) != here.get(key):
                return f"its `{section}.{key}` is {there.get(key)}, this run's is {here.get(key)}"
    return "they differ"
