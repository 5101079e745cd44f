"""The small model's backbone and decoder: plain 3×3 convolutions, which CPUs and GPUs both run fast.

The first stage mixes instance and batch normalisation (IBN, Pan et al. 2018): styles differ between renders and
photographs, and instance normalisation takes style out where it is strongest.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 8  # of group normalisation


class Mixed(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first_half = channels // 2
        self.instance = nn.InstanceNorm2d(self.first_half, affine=True)
        self.batch = nn.BatchNorm2d(channels - self.first_half)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.split([self.first_half, x.shape[1] - self.first_half], dim=1)
        return torch.cat([self.instance(first), self.batch(second)], dim=1)


def conv(inputs: int, outputs: int, *, stride: int = 1, mixed: bool = False, active: bool = True) -> nn.Sequential:
    """3×3 convolution, batch or mixed normalisation, ReLU."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)]
    layers.append(Mixed(outputs) if mixed else nn.BatchNorm2d(outputs))
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def shared_conv(channels: int) -> nn.Sequential:
    """3×3 convolution, group normalisation (Wu and He 2018), ReLU, for features of several scales.

    Not batch normalisation: each scale has statistics of its own, which training would use and prediction, with one
    running average for all, wouldn't.
    """
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.GroupNorm(GROUPS, channels), nn.ReLU(inplace=True)
    )


class Block(nn.Module):
    """Two convolutions around which the input is added."""

    def __init__(self, channels: int, *, mixed: bool = False) -> None:
        super().__init__()
        self.first = conv(channels, channels, mixed=mixed)
        self.second = conv(channels, channels, active=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Backbone(nn.Module):
    """Picture → features at strides 2, 4, 8, …: `widths[0]` channels at stride 2, and one stage for each width."""

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = conv(3, widths[0], stride=2, mixed=True)
        stages, before = [], widths[0]
        for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            mixed = number == 0
            blocks = [Block(width, mixed=mixed) for _ in range(depth)]
            stages.append(nn.Sequential(conv(before, width, stride=2, mixed=mixed), *blocks))
            before = width
        self.stages = nn.ModuleList(stages)
        self.channels = (widths[0], *widths)

    def forward(self, x: Float32[Tensor, "n 3 h w"]) -> list[Tensor]:
        features = [self.stem(x)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features


class Ascent(nn.Module):
    """Coarse features carried up to finer ones: enlarge, add what the backbone had there, convolve.

    channels: the backbone's. widths: of the answers, finest first; the answer has as many levels.
    """

    def __init__(self, channels: tuple[int, ...], widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = len(widths)
        self.lateral = nn.ModuleList(nn.Conv2d(channels[k], width, 1) for k, width in enumerate(widths))
        above = (*widths[1:], channels[self.levels])
        self.carry = nn.ModuleList(nn.Conv2d(above[k], width, 1) for k, width in enumerate(widths))
        self.smooth = nn.ModuleList(conv(width, width) for width in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """features: finest first, one more than there are levels."""
        x = features[self.levels]
        answers: list[Tensor] = []
        for k in reversed(range(self.levels)):
            up = F.interpolate(self.carry[k](x), size=features[k].shape[-2:], mode="nearest")
            x = self.smooth[k](up + self.lateral[k](features[k]))
            answers.insert(0, x)
        return answers


def initialise(module: nn.Module) -> None:
    """He's start for every convolution; biases 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
