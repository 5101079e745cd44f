"""Convolutions named as detectron2 names them (`conv.weight`, `conv.norm.weight`), and batch norm that never learns."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

NORM_EPSILON = 1e-5
GROUPS = 32


class FrozenNorm(nn.Module):
    """Batch norm with fixed statistics: buffers, so that no optimiser sees them."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels) - NORM_EPSILON)

    def factors(self) -> tuple[Tensor, Tensor]:
        """(scale, shift): the norm is x · scale + shift, channel by channel."""
        scale = self.weight * (self.running_var + NORM_EPSILON).rsqrt()
        return scale, self.bias - self.running_mean * scale

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        scale, shift = self.factors()
        return maps * scale[:, None, None] + shift[:, None, None]


class Conv(nn.Conv2d):
    """A convolution, then (where it has one) its norm."""

    def __init__(
        self, inputs: int, outputs: int, side: int, *, stride: int = 1, norm: nn.Module | None = None, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, side, stride=stride, padding=side // 2, bias=bias)
        self.norm = norm

    def forward(self, maps: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o y x"]:
        if isinstance(self.norm, FrozenNorm):
            # A fixed norm is part of the convolution: one pass over the maps, and none of its own to keep for training.
            scale, shift = self.norm.factors()
            weight = self.weight * scale.to(self.weight.dtype)[:, None, None, None]
            return F.conv2d(maps, weight, shift.to(self.weight.dtype), self.stride, self.padding)
        maps = super().forward(maps)
        return maps if self.norm is None else self.norm(maps)


def frozen_conv(inputs: int, outputs: int, side: int, stride: int = 1) -> Conv:
    """A convolution of the backbone, initialised as MSRA's."""
    conv = Conv(inputs, outputs, side, stride=stride, norm=FrozenNorm(outputs), bias=False)
    return fill_msra(conv)


def fill_msra(conv: Conv) -> Conv:
    """He et al.'s initialisation as Caffe2 has it: normal by fan-out, zero bias."""
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def fill_xavier(layer: nn.Conv2d | nn.Linear) -> None:
    """Caffe2's Xavier: uniform by fan-in, zero bias; of the pyramid and the box head."""
    nn.init.kaiming_uniform_(layer.weight, a=1)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
