"""The critics of training: one of the whole picture, one of how well region and surroundings agree.

The domain-verification pair of DoveNet (Cong et al., CVPR 2020, section 3.3), which RainNet trains against: spectral
normalisation, stride-2 convolutions, instance normalisation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2
KERNEL = 3
WIDEST = 8  # channels in multiples of ndf
TINY = 1e-8


class _PartialConvolution(nn.Module):
    """A convolution that sees the masked part alone, rescaled by how much of its window that is (Liu et al. 2018)."""

    def __init__(self, channels: int, out: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.convolution = spectral_norm(nn.Conv2d(channels, out, KERNEL, stride=stride, bias=False))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.stride = stride

    def forward(
        self, x: Float[Tensor, "b c h w"], mask: Float[Tensor, "#b 1 h w"]
    ) -> tuple[Float[Tensor, "b d h2 w2"], Float[Tensor, "#b 1 h2 w2"]]:
        with torch.no_grad():
            seen = F.avg_pool2d(mask, KERNEL, self.stride)  # share of the window
            valid = (seen > 0.0).to(x.dtype)
            ratio = valid / (seen + TINY)
        y = self.convolution(x * mask) * ratio
        if self.bias is not None:
            y = (y + self.bias[:, None, None]) * valid
        return y, valid


class _Branch(nn.Module):
    """Stride-2 partial convolutions, then one of stride 1."""

    def __init__(self, ndf: int, layers: int) -> None:
        super().__init__()
        widths = [3, *(ndf * min(2**k, WIDEST) for k in range(layers)), ndf * WIDEST]
        self.convolutions = nn.ModuleList(
            _PartialConvolution(widths[k], widths[k + 1], 2 if k < layers else 1, bias=True) for k in range(layers + 1)
        )

    def forward(self, x: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "#b 1 h w"]) -> Float[Tensor, "b c h2 w2"]:
        last = len(self.convolutions) - 1
        for k, convolution in enumerate(self.convolutions):
            x, mask = convolution(x, mask)
            if k < last:
                x = F.leaky_relu(x if k == 0 else F.instance_norm(x), SLOPE)
        return x


class Discriminator(nn.Module):
    """Picture and mask → two scores, higher for what looks real.

    layers: stride-2 convolutions of each branch; 6 for 256 px, 5 for 128 px, so that 3×3 features meet the last one.
    """

    def __init__(self, ndf: int = 64, layers: int = 6) -> None:
        super().__init__()
        channels = ndf * WIDEST
        self.whole = _Branch(ndf, layers)
        self.part = _Branch(ndf, layers)
        self.whole_score = nn.Conv2d(channels, 1, 1)
        self.agreement = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, channels, 1)),
            nn.LeakyReLU(SLOPE),
            spectral_norm(nn.Conv2d(channels, channels, 1)),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, 1, 1),
        )

    def forward(
        self, picture: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
    ) -> tuple[Float[Tensor, "b 1 h2 w2"], Float[Tensor, "b 1 h2 w2"]]:
        """Global score of the picture, local score of region against surroundings (both features' product)."""
        everything = torch.ones_like(mask[:1])
        region, around = self.part(picture, mask), self.part(picture, 1.0 - mask)
        return self.whole_score(self.whole(picture, everything)), self.agreement(region * around)


def critic_loss(
    discriminator: Discriminator,
    real: Float[Tensor, "b 3 h w"],
    fake: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, ""]:
    """Hinge on both scores, as the authors' released training computes it under the name of WGAN-GP."""
    loss = torch.zeros((), device=real.device)
    for score in discriminator(fake, mask):
        loss = loss + F.relu(1.0 + score).mean()
    for score in discriminator(real, mask):
        loss = loss + F.relu(1.0 - score).mean()
    return loss


def gradient_penalty(
    discriminator: Discriminator,
    real: Float[Tensor, "b 3 h w"],
    fake: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
    share: Float[Tensor, "b 1 1 1"],
) -> Float[Tensor, ""]:
    """Mean squared distance from 1 of the gradient's length on the line between real and fake pictures
    (Gulrajani et al., NeurIPS 2017). share: of the real picture, uniform in [0, 1]."""
    between = (share * real + (1.0 - share) * fake).detach().requires_grad_(True)
    scores = discriminator(between, mask)
    score = 0.5 * (scores[0] + scores[1])
    (slope,) = torch.autograd.grad(score.sum(), between, create_graph=True)
    length: Tensor = torch.linalg.vector_norm(slope.flatten(1) + 1e-16, dim=1)
    return ((length - 1.0) ** 2).mean()
