"""The networks a recipe can name, fresh or from a checkpoint."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from densesynth.errors import ConfigurationError
from densesynth.model.small.checkpoint import load_small, save_small
from densesynth.model.small.crop import TINY_CROP, CropNetwork, CropSettings
from densesynth.model.small.detector import TINY_DETECTOR, Detector, DetectorSettings
from densesynth.training.recipe import ModelSettings


@runtime_checkable
class Trainable(Protocol):
    """What the training program asks of a model: named losses, already weighted, of one batch. progress: the share of
    the run that is done, in [0, 1]."""

    def losses(self, batch: Any, progress: float) -> dict[str, Tensor]: ...


def make_model(settings: ModelSettings, seed: int) -> nn.Module:
    """The network a recipe asks for; fresh weights are a function of the seed. Raises DensesynthError."""
    torch.manual_seed(seed)
    model: nn.Module
    if settings.kind == "crop":
        model = CropNetwork(CropSettings() if settings.size == "full" else TINY_CROP)
    elif settings.kind == "detector":
        model = Detector(DetectorSettings() if settings.size == "full" else TINY_DETECTOR)
    else:
        raise ConfigurationError(f'`model.kind` = "{settings.kind}" can\'t be trained yet')
    if settings.weights is not None:
        held = load_small(settings.weights)
        network = held.crop if settings.kind == "crop" else held.detector
        if network is None:
            raise ConfigurationError(f"{settings.weights}: holds no {settings.kind} network to start from")
        take_weights(model, network.state_dict(), settings.fresh, str(settings.weights))
    return model


def take_weights(model: nn.Module, weights: Mapping[str, Tensor], fresh: tuple[str, ...], source: str) -> None:
    """Copy weights by name, except those whose names match a pattern of `fresh`. Raises ConfigurationError when a
    pattern fits nothing or a name that is wanted is missing or of another shape."""
    own = model.state_dict()
    for pattern in fresh:
        if not fnmatch.filter(own, pattern):
            raise ConfigurationError(f"`model.fresh`: no weight's name matches `{pattern}`")
    for name, value in own.items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in fresh):
            continue
        if name not in weights or weights[name].shape != value.shape:
            there = "nothing" if name not in weights else f"shape {tuple(weights[name].shape)}"
            raise ConfigurationError(
                f"{source}: `{name}` is expected with shape {tuple(value.shape)}, found {there}; "
                "choose the model the checkpoint is of, or list the name under `model.fresh`"
            )
        value.copy_(weights[name])


def input_side(model: nn.Module) -> int:
    """Side of the pictures that a small network takes, pixels."""
    if isinstance(model, CropNetwork | Detector):
        return model.settings.size
    raise TypeError(type(model).__name__)


def publish(path: Path, model: nn.Module, weights: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Write a checkpoint that `densesynth predict` reads, with these weights in the model's place."""
    if isinstance(model, CropNetwork):
        save_small(path, crop=(model.settings, dict(weights)), about=about)
    elif isinstance(model, Detector):
        save_small(path, detector=(model.settings, dict(weights)), about=about)
    else:
        raise TypeError(type(model).__name__)
