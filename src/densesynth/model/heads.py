"""The heads between a region's features and its maps: plain convolutions (v1convx), or DeepLabV3's first.

Sources: Güler et al. 2018 (DensePose), Chen et al. 2017 (DeepLabV3), Wang et al. 2018 (non-local networks), DensePose's
`roi_heads/{v1convx,deeplab}`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model.layers import GROUPS, Conv, fill_msra
from densesynth.model.settings import HeadSettings

DILATIONS = (6, 12, 56)


class PlainHead(nn.Module):
    """Convolutions and nothing else."""

    def __init__(self, inputs: int, settings: HeadSettings) -> None:
        super().__init__()
        self.count = settings.convolutions
        for k in range(self.count):
            conv = Conv(settings.channels if k else inputs, settings.channels, 3)
            self.add_module(f"body_conv_fcn{k + 1}", fill_msra(conv))

    def forward(self, regions: Float[Tensor, "n i s s"]) -> Float[Tensor, "n o s s"]:
        for k in range(self.count):
            regions = F.relu(self.get_submodule(f"body_conv_fcn{k + 1}")(regions))
        return regions


class DeepLabHead(nn.Module):
    """Pyramid pooling, a non-local block where asked for, then convolutions with group norm."""

    def __init__(self, inputs: int, settings: HeadSettings) -> None:
        super().__init__()
        self.count = settings.convolutions
        self.ASPP = PyramidPooling(inputs)
        self.NLBlock = NonLocal(inputs) if settings.non_local else None
        for k in range(self.count):
            norm = nn.GroupNorm(GROUPS, settings.channels)
            conv = Conv(settings.channels if k else inputs, settings.channels, 3, norm=norm, bias=False)
            self.add_module(f"body_conv_fcn{k + 1}", fill_msra(conv))

    def forward(self, regions: Float[Tensor, "n i s s"]) -> Float[Tensor, "n o s s"]:
        regions = self.ASPP(regions)
        if self.NLBlock is not None:
            regions = self.NLBlock(regions)
        for k in range(self.count):
            regions = F.relu(self.get_submodule(f"body_conv_fcn{k + 1}")(regions))
        return regions


class PyramidPooling(nn.Module):
    """DeepLabV3's ASPP: one 1×1, three dilated 3×3 and one pooled branch side by side, then a 1×1 over all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        branches: list[nn.Module] = [nn.Sequential(_conv(channels, channels, 1), _norm(channels))]
        branches += [nn.Sequential(Dilated(channels, dilation), _norm(channels)) for dilation in DILATIONS]
        branches.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), _conv(channels, channels, 1), _norm(channels)))
        self.convs = nn.ModuleList(branches)
        self.project = nn.Sequential(_conv(5 * channels, channels, 1))

    def forward(self, regions: Float[Tensor, "n c s s"]) -> Float[Tensor, "n c s s"]:
        answers = [F.relu(branch(regions)) for branch in self.convs]
        answers[-1] = answers[-1].expand_as(regions)
        return F.relu(self.project(torch.cat(answers, dim=1)))


class Dilated(nn.Conv2d):
    """A dilated 3×3 convolution; one whose outer taps fall beside the map everywhere is computed as its centre tap."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if self.dilation[0] >= max(maps.shape[-2:]):
            return F.conv2d(maps, self.weight[:, :, 1:2, 1:2])
        return super().forward(maps)


class NonLocal(nn.Module):
    """Embedded-Gaussian non-local block: every place attends to every other, at half the resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.g = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))
        norm = nn.GroupNorm(GROUPS, channels)
        nn.init.zeros_(norm.weight)
        self.W = nn.Sequential(nn.Conv2d(inner, channels, 1), norm)
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        values, keys = self.g(maps).flatten(2), self.phi(maps).flatten(2)
        queries = self.theta(maps).flatten(2)
        attention = (queries.transpose(1, 2) @ keys).softmax(dim=-1)
        answer = (attention @ values.transpose(1, 2)).transpose(1, 2)
        return maps + self.W(answer.reshape(len(maps), -1, *maps.shape[-2:]))


def _conv(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, bias=False)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels)
