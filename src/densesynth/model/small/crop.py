"""The crop network: one person's square crop → mask, 24 parts, U, V, the point on the template, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from densesynth.model.small.blocks import Ascent, Backbone, initialise
from densesynth.model.small.losses import CropTargets, crop_losses

PARTS = 24
MARGIN = 0.1  # share of the box's longer side added on each side of a crop
MEAN, DEVIATION = 114.0, 58.0  # of pictures' bytes


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """Sizes of the crop network."""

    size: int = 224
    """Side of the crop, pixels; maps are half of it."""
    widths: tuple[int, ...] = (48, 96, 192, 320)
    """Channels at strides 4, 8, 16, 32."""
    depths: tuple[int, ...] = (2, 3, 5, 3)
    """Blocks at those strides."""
    ascent: tuple[int, ...] = (64, 64, 96, 160)
    """Channels on the way up, at strides 2, 4, 8, 16."""


TINY_CROP = CropSettings(size=128, widths=(24, 48, 96, 160), depths=(1, 2, 2, 2), ascent=(32, 32, 48, 96))


@dataclass(frozen=True, kw_only=True)
class CropMaps:
    """Raw answers for n crops, at half their size. mask: logit. part: logits, 0 background. u, v: of parts 1..24.
    rest: the point on the template, metres. log_scale: logarithm of the Laplace scale of U, V and of rest."""

    mask: Float[Tensor, "n 1 s s"]
    part: Float[Tensor, "n 25 s s"]
    u: Float[Tensor, "n 24 s s"]
    v: Float[Tensor, "n 24 s s"]
    rest: Float[Tensor, "n 3 s s"]
    log_scale: Float[Tensor, "n 2 s s"]


@dataclass(frozen=True, kw_only=True)
class CropBatch:
    """n crops and their labels. pictures: RGB. names: the samples', for messages."""

    pictures: UInt8[Tensor, "n s s 3"]
    targets: CropTargets
    names: tuple[str, ...]

    def to(self, device: torch.device) -> CropBatch:
        return CropBatch(
            pictures=self.pictures.to(device, non_blocking=True), targets=self.targets.to(device), names=self.names
        )

    def split(self, parts: int) -> list[CropBatch]:
        """The same in equal parts."""
        if parts == 1:
            return [self]
        size = len(self.pictures) // parts
        names = {f.name: getattr(self.targets, f.name) for f in fields(self.targets)}
        return [
            CropBatch(
                pictures=self.pictures[k : k + size],
                targets=CropTargets(**{name: value[k : k + size] for name, value in names.items()}),
                names=self.names[k : k + size],
            )
            for k in range(0, size * parts, size)
        ]


class CropNetwork(nn.Module):
    """Backbone, way up to stride 2, one 1×1 convolution for all maps."""

    def __init__(self, settings: CropSettings) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = Backbone(settings.widths, settings.depths)
        self.ascent = Ascent(self.backbone.channels, settings.ascent)
        self.sizes = (1, PARTS + 1, PARTS, PARTS, 3, 2)
        initialise(self)
        self.head = nn.Conv2d(settings.ascent[0], sum(self.sizes), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[1 + PARTS + 1 : 1 + PARTS + 1 + 2 * PARTS] = 0.5  # the middle of the charts

    def forward(self, pictures: Tensor) -> CropMaps:
        """pictures: float (n, 3, s, s) from `normalise`."""
        answers = self.head(self.ascent(self.backbone(pictures))[0]).float()
        # split along the last axis: the pieces' gradients are then joined without being turned over
        pieces = answers.permute(0, 2, 3, 1).split(self.sizes, dim=3)
        mask, part, u, v, rest, log_scale = (piece.permute(0, 3, 1, 2) for piece in pieces)
        return CropMaps(mask=mask, part=part, u=u, v=v, rest=rest, log_scale=log_scale)

    def losses(self, batch: CropBatch, progress: float) -> dict[str, Tensor]:
        """Named losses, already weighted, of which the sum is minimised. progress: [0, 1] of the training."""
        maps = self.forward(normalise(batch.pictures))
        return crop_losses(
            maps.mask, maps.part, maps.u, maps.v, maps.rest, maps.log_scale, batch.targets, progress=progress
        )


def normalise(pictures: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """Bytes → zero mean, unit deviation; channels stay last in memory."""
    return (pictures.float().sub_(MEAN).div_(DEVIATION)).permute(0, 3, 1, 2)
