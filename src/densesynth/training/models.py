"""The networks a recipe can name, fresh or from a checkpoint."""

from __future__ import annotations

import copy
import fnmatch
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from densesynth.errors import ConfigurationError
from densesynth.model.checkpoint import read_state, save_model
from densesynth.model.learning import LossSettings, rcnn_losses
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import BackboneSettings, HeadSettings, RcnnSettings
from densesynth.model.settings import DetectorSettings as ProposalSettings
from densesynth.model.small.checkpoint import load_small, save_small
from densesynth.model.small.crop import TINY_CROP, CropNetwork, CropSettings
from densesynth.model.small.detector import TINY_DETECTOR, Detector, DetectorSettings
from densesynth.training.recipe import ModelSettings


def compute_losses(
    model: nn.Module, batch: Any, progress: float, settings: ModelSettings, generator: torch.Generator
) -> dict[str, Tensor]:
    """Named losses of a batch, already weighted; their sum is minimised.

    progress: share of the run that is done, [0, 1]. generator: of the CPU; the R-CNN samples regions with it.
    """
    if isinstance(model, CropNetwork | Detector):
        return model.losses(batch, progress)
    if isinstance(model, DensePoseRCNN):
        weights = LossSettings(supervision=settings.supervision)
        return rcnn_losses(model, list(batch.pictures), list(batch.targets), generator, weights)
    raise TypeError(type(model).__name__)


def make_model(settings: ModelSettings, seed: int) -> nn.Module:
    """The network a recipe asks for; fresh weights are a function of the seed. Raises DensesynthError."""
    torch.manual_seed(seed)
    model: nn.Module
    if settings.kind == "crop":
        model = CropNetwork(CropSettings() if settings.size == "full" else TINY_CROP)
    elif settings.kind == "detector":
        model = Detector(DetectorSettings() if settings.size == "full" else TINY_DETECTOR)
    else:
        model = DensePoseRCNN(rcnn_settings(settings))
    if settings.weights is not None and settings.kind == "rcnn":
        take_weights(model, read_state(settings.weights), settings.fresh, str(settings.weights))
    elif settings.weights is not None:
        held = load_small(settings.weights)
        network = held.crop if settings.kind == "crop" else held.detector
        if network is None:
            raise ConfigurationError(f"{settings.weights}: holds no {settings.kind} network to start from")
        take_weights(model, network.state_dict(), settings.fresh, str(settings.weights))
    return model


def rcnn_settings(settings: ModelSettings) -> RcnnSettings:
    """The R-CNN a recipe names: ResNet-50 with the head and the coarse channels asked for; tiny: for trying things."""
    head = HeadSettings(kind=settings.head, coarse=settings.coarse)
    short, long = max(settings.short_sides), settings.long_side  # of pictures to predict
    if settings.size == "full":
        return RcnnSettings(head=head, short_side=short, long_side=long)
    return RcnnSettings(
        short_side=short,
        long_side=long,
        backbone=BackboneSettings(depth=26, width=8, channels=64, freeze=0),  # two for each group of group norm
        detector=ProposalSettings(box_features=64, proposals_before=(200, 100), proposals_after=(100, 50), regions=64),
        head=replace(head, convolutions=2, channels=32, pool=14),
    )


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
    return 0  # the R-CNN's pictures have sizes of their own


def publish(path: Path, model: nn.Module, weights: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Write a checkpoint that `densesynth predict` reads, with these weights in the model's place."""
    if isinstance(model, CropNetwork):
        save_small(path, crop=(model.settings, dict(weights)), about=about)
    elif isinstance(model, Detector):
        save_small(path, detector=(model.settings, dict(weights)), about=about)
    elif isinstance(model, DensePoseRCNN):
        whole = copy.deepcopy(model)  # a new one would draw from the run's random numbers
        whole.load_state_dict(dict(weights))
        save_model(path, whole, {"about": json.dumps(about)})
    else:
        raise TypeError(type(model).__name__)
