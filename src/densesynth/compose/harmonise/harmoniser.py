"""One interface to every way of harmonising: pictures and masks in, pictures out, with how far edges moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from densesynth.arrays import Array, Float32
from densesynth.compose.harmonise.carry import carry_colours
from densesynth.compose.harmonise.checkpoint import load_generator
from densesynth.compose.harmonise.drift import Drift, measure_drift
from densesynth.compose.harmonise.generator import RainNet
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.compose.harmonise.transfer import match_band, paste, transfer_reinhard
from densesynth.errors import AssetError


@dataclass(frozen=True)
class Harmonised:
    """picture: sRGB, [0, 1]; the one that came in where it was rejected. drift: of the harmonised one, also then."""

    picture: Float32[Array, "h w 3"]
    drift: Drift
    rejected: bool


@dataclass(frozen=True)
class Harmoniser:
    """The way of harmonising, the same for every picture of a run. network: of the method `rain`, on its device."""

    settings: HarmoniseSettings
    network: RainNet | None = None

    def apply(
        self, pictures: Sequence[Float32[Array, "_ _ 3"]], masks: Sequence[Float32[Array, "_ _"]]
    ) -> tuple[Harmonised, ...]:
        """Harmonise pictures (sRGB, [0, 1]) together; they may differ in size. masks: the region's share of each pixel.

        Raises AssetError for a mask that is empty, full or of another size.
        """
        for picture, mask in zip(pictures, masks, strict=True):
            check_mask(picture, mask)
        if self.settings.method == "rain":
            results = self._apply_network(pictures, masks)
        else:
            transfer = transfer_reinhard if self.settings.method == "reinhard" else match_band
            results = [transfer(picture, mask) for picture, mask in zip(pictures, masks, strict=True)]
        return tuple(self._judge(*item) for item in zip(pictures, results, masks, strict=True))

    def _judge(
        self, before: Float32[Array, "h w 3"], after: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]
    ) -> Harmonised:
        drift = measure_drift(before, after, mask)
        rejected = not drift.worst <= self.settings.max_drift
        return Harmonised(before if rejected else after, drift, rejected)

    def _apply_network(
        self, pictures: Sequence[Float32[Array, "_ _ 3"]], masks: Sequence[Float32[Array, "_ _"]]
    ) -> list[Float32[Array, "_ _ 3"]]:
        assert self.network is not None
        if self.settings.full_size:
            return [self._run_whole(picture, mask) for picture, mask in zip(pictures, masks, strict=True)]
        stride = self.network.settings.stride
        size = max(stride, self.settings.estimate_size // stride * stride)
        small = [cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures]
        small_masks = [_shrink_mask(mask, size) for mask in masks]
        device = next(self.network.parameters()).device
        composite = torch.from_numpy(np.stack(small)).to(device).permute(0, 3, 1, 2) * 2.0 - 1.0
        with torch.no_grad():
            seen = self.network.harmonise(composite, torch.from_numpy(np.stack(small_masks))[:, None].to(device))
        answers = ((seen + 1.0) / 2.0).permute(0, 2, 3, 1).cpu().numpy()
        return [
            carry_colours(before, np.ascontiguousarray(after), small_mask, picture, mask)
            for before, after, small_mask, picture, mask in zip(
                small, answers, small_masks, pictures, masks, strict=True
            )
        ]

    def _run_whole(self, picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]) -> Float32[Array, "h w 3"]:
        """The network's own answer at the picture's size, mirrored outwards to a multiple of its stride."""
        assert self.network is not None
        stride, (height, width) = self.network.settings.stride, mask.shape
        below, beside = -height % stride, -width % stride
        device = next(self.network.parameters()).device

        def extend(values: Array) -> torch.Tensor:
            whole = cv2.copyMakeBorder(values, 0, below, 0, beside, cv2.BORDER_REFLECT)
            return torch.from_numpy(whole.reshape(*whole.shape[:2], -1)).permute(2, 0, 1)[None].to(device)

        region = extend((mask > 0.5).astype(np.float32))
        with torch.no_grad():
            seen = self.network.harmonise(extend(picture) * 2.0 - 1.0, region)
        answer = ((seen[0] + 1.0) / 2.0).permute(1, 2, 0)[:height, :width].cpu().numpy()
        return paste(np.ascontiguousarray(answer), picture, mask)


def open_harmoniser(settings: HarmoniseSettings, device: str = "cpu") -> Harmoniser | None:
    """None when it is off. Raises AssetError for a checkpoint that can't be used."""
    if settings.method == "off":
        return None
    return Harmoniser(settings, None if settings.checkpoint is None else load_generator(settings.checkpoint, device))


def check_mask(picture: Float32[Array, "h w 3"], mask: Float32[Array, "H W"], source: str = "the mask") -> None:
    """Raise AssetError unless the mask has the picture's size and both sides in it."""
    if mask.shape != picture.shape[:2]:
        raise AssetError(
            f"{source}: expected the picture's size {picture.shape[1]}×{picture.shape[0]}, "
            f"found {mask.shape[1]}×{mask.shape[0]}"
        )
    if not (mask > 0.5).any():
        raise AssetError(f"{source}: empty; nothing to harmonise: mark the region in white")
    if (mask > 0.5).all():
        raise AssetError(f"{source}: full; nothing to harmonise the region with: leave surroundings in black")


def _shrink_mask(mask: Float32[Array, "h w"], size: int) -> Float32[Array, "s s"]:
    """0 or 1 by half; a region too thin for that keeps every pixel it touches, and one too wide none it doesn't."""
    share = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)
    small = (share > 0.5).astype(np.float32)
    if not small.any():
        return (share >= share.max()).astype(np.float32)
    return (share >= 0.999).astype(np.float32) if small.all() and (share < 0.999).any() else small
