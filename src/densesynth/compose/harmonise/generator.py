"""RainNet's generator: a U-Net of stride-2 convolutions with RAIN in its decoder (Ling et al., CVPR 2021, section 3.3).

Parameters carry the names of the authors' released checkpoint, so its weights load unchanged. Skip connections carry
what the activation before the next convolution has left of a tensor: the released network activates in place, and its
weights were trained that way. Here the activations stand in the open instead.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from densesynth.compose.harmonise.rain import Rain
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings
from densesynth.errors import ConfigurationError

SLOPE = 0.2  # of the leaky activations before the encoder's convolutions
WIDEST = 8  # channels of the narrow part, in multiples of ngf


def _down(channels: int, out: int) -> nn.Sequential:
    """Place 0 is the activation's in the released network; here it has none of its own."""
    return nn.Sequential(nn.Identity(), nn.Conv2d(channels, out, 4, stride=2, padding=1, bias=False))


def _up(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Identity(), nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1, bias=False))


def _attention(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Sigmoid())


class _Innermost(nn.Module):
    """The bottom of the U: down, up, RAIN, beside what came in. No normalisation at the bottom itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.Sequential(*_down(channels, channels), *_up(channels, channels))
        self.upnorm = Rain(channels)

    def forward(self, x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 H W"]) -> Float[Tensor, "b c2 h w"]:
        skip = F.leaky_relu(x, SLOPE)
        bottom = F.relu(self.up[1](skip))
        return torch.cat([skip, self.upnorm(self.up[3](bottom), mask)], dim=1)


class _Block(nn.Module):
    """One level: down with instance normalisation, what lies inside, up with RAIN, beside what came in."""

    def __init__(self, channels: int, inside: nn.Module, dropout: float) -> None:
        super().__init__()
        self.down = _down(channels, channels)
        self.downnorm = nn.InstanceNorm2d(channels)
        self.submodule = inside
        self.up = _up(2 * channels, channels)
        self.upnorm = Rain(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 H W"]) -> Float[Tensor, "b c2 h w"]:
        skip = F.leaky_relu(x, SLOPE)
        inside = self.submodule(self.downnorm(self.down(skip)), mask)
        up = self.upnorm(self.up(F.relu(inside)), mask)
        return torch.cat([skip, self.dropout(up)], dim=1)


class RainNet(nn.Module):
    """Composite and mask → the picture with the region in the style of its surroundings."""

    def __init__(self, settings: RainNetSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = RainNetSettings() if settings is None else settings
        n, widest = settings.ngf, WIDEST * settings.ngf
        self.model_layer0 = nn.Conv2d(3, n, 4, stride=2, padding=1, bias=False)
        self.model_layer1 = _down(n, 2 * n)
        self.model_layer1norm = nn.InstanceNorm2d(2 * n)
        self.model_layer2 = _down(2 * n, 4 * n)
        self.model_layer2norm = nn.InstanceNorm2d(4 * n)
        self.model_layer3 = _down(4 * n, widest)
        self.model_layer3norm = nn.InstanceNorm2d(widest)
        block: nn.Module = _Innermost(widest)
        for _ in range(settings.blocks - 1):
            block = _Block(widest, block, settings.dropout)
        self.unet_block = block
        self.model_layer11 = _up(2 * widest, 4 * n)
        self.model_layer11norm = Rain(4 * n)
        self.model_layer11att = _attention(8 * n)
        self.model_layer12 = _up(8 * n, 2 * n)
        self.model_layer12norm = Rain(2 * n)
        self.model_layer12att = _attention(4 * n)
        self.model_layer13 = _up(4 * n, n)
        self.model_layer13norm = Rain(n)
        self.model_layer13att = _attention(2 * n)
        self.model_out = nn.Sequential(nn.Identity(), nn.ConvTranspose2d(2 * n, 3, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, composite: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 3 h w"]:
        """composite: RGB in [-1, 1]. mask: 1 inside the region. Answers the whole picture as the network sees it, in
        (-1, 1); `harmonise` pastes it. Raises ConfigurationError when a side is no multiple of `settings.stride`."""
        height, width = composite.shape[-2:]
        if height % self.settings.stride or width % self.settings.stride:
            raise ConfigurationError(
                f"RainNet: expected sides that are multiples of {self.settings.stride}, found {width}×{height}"
            )
        x0 = F.leaky_relu(self.model_layer0(composite), SLOPE)
        x1 = F.leaky_relu(self.model_layer1norm(self.model_layer1(x0)), SLOPE)
        x2 = F.leaky_relu(self.model_layer2norm(self.model_layer2(x1)), SLOPE)
        y = self.unet_block(self.model_layer3norm(self.model_layer3(x2)), mask)
        y = torch.cat([x2, self.model_layer11norm(self.model_layer11(F.relu(y)), mask)], dim=1)
        y = self.model_layer11att(y) * y
        y = torch.cat([x1, self.model_layer12norm(self.model_layer12(F.relu(y)), mask)], dim=1)
        y = self.model_layer12att(y) * y
        y = torch.cat([x0, self.model_layer13norm(self.model_layer13(F.relu(y)), mask)], dim=1)
        y = self.model_layer13att(y) * y
        return self.model_out(F.relu(y))

    def harmonise(
        self, composite: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
    ) -> Float[Tensor, "b 3 h w"]:
        """The network's picture inside the mask, the composite outside of it."""
        return self(composite, mask) * mask + composite * (1.0 - mask)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Convolutions' weights N(0, 0.02²) and biases 0, as published; RAIN's parameters stay 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            with torch.no_grad():
                module.weight.normal_(0.0, 0.02, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
