"""Panoptic FPN's decoder: the pyramid's levels merged into one map at stride 4.

Source: Kirillov et al. 2019 (Panoptic Feature Pyramid Networks), DensePose's `Decoder`. The last 1×1 convolution has no
activation, so it commutes with pooling, whose weights sum to one inside the picture: `merge` leaves it out, and the
network applies it to the regions, which are fewer pixels.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model.layers import Conv, fill_msra

LEVELS = (2, 3, 4, 5)


class Decoder(nn.Module):
    """p2 … p5 → one map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for level in LEVELS:
            layers: list[nn.Module] = []
            for _ in range(max(1, level - LEVELS[0])):
                layers += [fill_msra(Conv(channels, channels, 3)), _Enlarge()]
            self.add_module(f"p{level}", nn.Sequential(*(layers if level > LEVELS[0] else layers[:1])))
        self.predictor = fill_msra(Conv(channels, channels, 1))

    def merge(self, pyramid: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The sum of the levels at stride 4, before the last convolution."""
        total: Tensor | None = None
        for level, maps in zip(LEVELS, pyramid, strict=False):
            for layer in self.get_submodule(f"p{level}").children():
                maps = F.relu(layer(maps)) if isinstance(layer, Conv) else layer(maps)
            total = maps if total is None else total + maps
        assert total is not None
        return total

    def forward(self, pyramid: list[Tensor]) -> Float[Tensor, "n c h w"]:
        return self.predictor(self.merge(pyramid))


class _Enlarge(nn.Module):
    """Twice the size, bilinear with half-pixel centres. A module so that layers are numbered as DensePose's are."""

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c y x"]:
        return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
