"""ResNet and feature pyramid. Parameter names are detectron2's.

Sources: He et al. 2016 (ResNet), Lin et al. 2017 (FPN), detectron2's `modeling/backbone`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model.layers import Conv, fill_xavier, frozen_conv
from densesynth.model.settings import BackboneSettings

BLOCKS = {26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
STRIDES = (4, 8, 16, 32, 64)  # of p2 … p6
DIVISIBLE = 32  # both sides of the padded input
# Mean and deviation of the input's channels, in the order the network takes them.
MSRA_MEAN, MSRA_STD = (103.53, 116.28, 123.675), (1.0, 1.0, 1.0)
TORCHVISION_MEAN, TORCHVISION_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 and a shortcut."""

    def __init__(self, inputs: int, middle: int, outputs: int, stride: int, *, stride_in_first: bool) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_in_first else (1, stride)
        self.shortcut = frozen_conv(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = frozen_conv(inputs, middle, 1, first)
        self.conv2 = frozen_conv(middle, middle, 3, second)
        self.conv3 = frozen_conv(middle, outputs, 1)

    def forward(self, maps: Float[Tensor, "n i h w"]) -> Float[Tensor, "n o y x"]:
        kept = maps if self.shortcut is None else self.shortcut(maps)
        inner = F.relu(self.conv2(F.relu(self.conv1(maps))))
        return F.relu(self.conv3(inner) + kept)


class Stem(nn.Module):
    """7×7 convolution and pooling, to a quarter of the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = frozen_conv(3, channels, 7, 2)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c y x"]:
        return F.max_pool2d(F.relu(self.conv1(picture)), kernel_size=3, stride=2, padding=1)


class ResNet(nn.Module):
    """Stages res2 … res5; `freeze` of them, counted from the stem, never learn."""

    def __init__(self, settings: BackboneSettings) -> None:
        super().__init__()
        self.stem = Stem(settings.width)
        inputs = settings.width
        for stage, blocks in enumerate(BLOCKS[settings.depth]):
            middle, outputs = settings.width << stage, (settings.width * 4) << stage
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Bottleneck(inputs, middle, outputs, stride, stride_in_first=settings.variant == "msra"))
                inputs = outputs
            self.add_module(f"res{stage + 2}", nn.Sequential(*layers))
        frozen: list[nn.Module] = [self.stem, *(self.get_submodule(f"res{k}") for k in range(2, 6))]
        for module in frozen[: settings.freeze]:
            module.requires_grad_(False)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        maps, answers = self.stem(picture), []
        for stage in range(2, 6):
            maps = self.get_submodule(f"res{stage}")(maps)
            answers.append(maps)
        return answers


class Backbone(nn.Module):
    """ResNet with a feature pyramid on it: p2 … p6 of equal width, strides 4 … 64."""

    def __init__(self, settings: BackboneSettings) -> None:
        super().__init__()
        for stage in range(2, 6):
            inputs = (settings.width * 4) << (stage - 2)
            for name, conv in (
                (f"fpn_lateral{stage}", Conv(inputs, settings.channels, 1)),
                (f"fpn_output{stage}", Conv(settings.channels, settings.channels, 3)),
            ):
                fill_xavier(conv)
                self.add_module(name, conv)
        self.bottom_up = ResNet(settings)

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        stages = self.bottom_up(picture)
        pyramid: list[Tensor] = []
        above: Tensor | None = None
        for stage in range(5, 1, -1):
            level = self.get_submodule(f"fpn_lateral{stage}")(stages[stage - 2])
            if above is not None:
                level = level + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = level
            pyramid.insert(0, self.get_submodule(f"fpn_output{stage}")(level))
        pyramid.append(F.max_pool2d(pyramid[-1], kernel_size=1, stride=2))
        return pyramid


def prepare_pictures(pictures: list[Tensor], variant: str, like: Tensor) -> Float[Tensor, "n 3 H W"]:
    """RGB pictures (3, h, w), 0..255 → the network's input: channel order, mean, deviation, zeros right and below.

    All are padded to one size whose sides divide by 32. like: gives the device and the type.
    """
    height, width = (-(-max(p.shape[axis] for p in pictures) // DIVISIBLE) * DIVISIBLE for axis in (1, 2))
    batch = torch.zeros(len(pictures), 3, height, width, device=like.device)
    for slot, picture in zip(batch, pictures, strict=True):
        slot[:, : picture.shape[1], : picture.shape[2]] = normalise_picture(picture.to(like.device), variant)
    return batch.to(like.dtype).contiguous(memory_format=torch.channels_last)


def normalise_picture(picture: Tensor, variant: str) -> Float[Tensor, "3 h w"]:
    """An RGB picture (3, h, w), 0..255 → the channels as the backbone wants them."""
    mean, std = (MSRA_MEAN, MSRA_STD) if variant == "msra" else (TORCHVISION_MEAN, TORCHVISION_STD)
    means, stds = (torch.tensor(values, device=picture.device)[:, None, None] for values in (mean, std))
    channels = picture.float()
    if variant == "msra":
        channels = channels.flip(0)
    return (channels - means) / stds
