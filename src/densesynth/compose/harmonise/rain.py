"""Region-aware adaptive instance normalisation (Ling et al., CVPR 2021, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

EPSILON = 1e-5


class Rain(nn.Module):
    """Gives a region's features the mean and spread of the features around it.

    The region and its surroundings are normalised apart (equations 1 to 4). The surroundings get their own scale and
    shift; the region first gets the surroundings' mean and standard deviation, then its own scale and shift. Scales
    are stored as their difference from 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.foreground_gamma = nn.Parameter(torch.zeros(channels))
        self.foreground_beta = nn.Parameter(torch.zeros(channels))
        self.background_gamma = nn.Parameter(torch.zeros(channels))
        self.background_beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "b c h w"], mask: Float[Tensor, "#b 1 H W"]) -> Float[Tensor, "b c h w"]:
        """mask: 1 inside the region, 0 around it, of any size; the nearest of its pixels counts."""
        inside = F.interpolate(mask.detach(), size=x.shape[-2:], mode="nearest")
        outside = 1.0 - inside
        outside_mean, outside_std = region_statistics(x, outside)
        inside_mean, inside_std = region_statistics(x, inside)
        around = _scale((x - outside_mean) / outside_std, self.background_gamma, self.background_beta)
        region = (x - inside_mean) / inside_std * outside_std + outside_mean
        return _scale(region, self.foreground_gamma, self.foreground_beta) * inside + around * outside


def region_statistics(
    x: Float[Tensor, "b c h w"], weight: Float[Tensor, "b2 1 h w"]
) -> tuple[Float[Tensor, "b c 1 1"], Float[Tensor, "b c 1 1"]]:
    """Mean and standard deviation of x where weight is 1; of an empty region about 0 and √ε.

    ε stands in both denominators and under the root, as in the authors' released code.
    """
    count = weight.sum(dim=(2, 3), keepdim=True) + EPSILON
    mean = (x * weight).sum(dim=(2, 3), keepdim=True) / count
    variance = (((x - mean) * weight) ** 2).sum(dim=(2, 3), keepdim=True) / count
    return mean, torch.sqrt(variance + EPSILON)


def _scale(
    x: Float[Tensor, "b c h w"], gamma: Float[Tensor, "c"], beta: Float[Tensor, "c"]
) -> Float[Tensor, "b c h w"]:
    return x * (1.0 + gamma[None, :, None, None]) + beta[None, :, None, None]
