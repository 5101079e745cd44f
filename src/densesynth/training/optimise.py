"""How parameters move: which of them, how fast at each step, and their average."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from densesynth.errors import ConfigurationError
from densesynth.training.recipe import OptimiserSettings


def choose_trained(model: nn.Module, patterns: tuple[str, ...]) -> list[str]:
    """Freeze every parameter whose name matches none of the patterns; returns the names that are trained.

    No pattern: all that the model itself leaves trainable. Raises ConfigurationError for a pattern that fits nothing.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not patterns:
        return names
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise ConfigurationError(f"`model.trained`: no parameter's name matches `{pattern}`; one is {names[-1]}")
    chosen = {name for pattern in patterns for name in fnmatch.filter(names, pattern)}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in chosen)
    return [name for name in names if name in chosen]


def make_optimiser(model: nn.Module, settings: OptimiserSettings, batch: int) -> torch.optim.Optimizer:
    """AdamW or SGD over the trained parameters; vectors and scalars (biases, normalisation) don't decay.

    The rate grows linearly with the batch (Goyal et al. 2017).
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = settings.rate * batch / settings.rate_batch
    if settings.kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum)
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def rate_share(settings: OptimiserSettings, step: int, steps: int) -> float:
    """Share of the full learning rate at step `step` (from 0) of `steps`."""
    share = 1.0
    if settings.warmup and step < settings.warmup:
        share = settings.warmup_from + (1.0 - settings.warmup_from) * step / settings.warmup
    if settings.schedule == "steps":
        share *= 0.1 ** sum(step >= milestone for milestone in settings.milestones)
    elif settings.schedule == "decay":
        begin = settings.decay_from * steps
        if step > begin:
            share *= 0.5 * (1.0 + math.cos(math.pi * min((step - begin) / max(steps - begin, 1.0), 1.0)))
    return share


class Average:
    """Exponential average of a model's parameters and buffers (whole-number buffers are copied)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the model after step `step` (from 0); the average is short at first, so that it forgets the start."""
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        for name, value in model.state_dict().items():
            held = self.values[name]
            if held.is_floating_point():
                held.lerp_(value.to(held.dtype), 1.0 - decay)
            else:
                held.copy_(value)


def all_finite(values: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in values)
