"""One interface to every way of harmonising: pictures and masks in, pictures out, with how far edges moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from densesynth.arrays import Array, Float32
from densesynth.compose.harmonise.carry import FINE_CELL, GRID, carry_colours
from densesynth.compose.harmonise.checkpoint import load_generator
from densesynth.compose.harmonise.drift import Drift, measure_drift
from densesynth.compose.harmonise.generator import RainNet
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.compose.harmonise.transfer import match_band, transfer_reinhard
from densesynth.errors import AssetError

GPU_BATCH = 8


@dataclass(frozen=True)
class Harmonised:
    """picture: sRGB, [0, 1]; the one that came in where it was rejected. drift: of the harmonised one, also then."""

    picture: Float32[Array, "h w 3"]
    drift: Drift
    rejected: bool


@dataclass(frozen=True)
class Harmoniser:
    """The way of harmonising, the same for every picture of a run. network: of the method `rain`, on its device.
    batch: pictures that the network looks at together."""

    settings: HarmoniseSettings
    network: RainNet | None = None
    batch: int = 1

    def apply(
        self,
        pictures: Sequence[Float32[Array, "_ _ 3"]],
        masks: Sequence[Float32[Array, "_ _"]],
        numbers: Sequence[int] | None = None,
    ) -> tuple[Harmonised, ...]:
        """Harmonise pictures (sRGB, [0, 1]); they may differ in size. masks: the region's share of each pixel.
        numbers: of the pictures in their run, 0, 1, … by default: a picture's answer depends on itself and its number
        alone, not on the others here.

        Raises AssetError for a mask that is empty, full or of another size.
        """
        for picture, mask in zip(pictures, masks, strict=True):
            check_mask(picture, mask)
        if self.settings.method == "rain":
            results = self._apply_network(pictures, masks, range(len(pictures)) if numbers is None else numbers)
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
        self,
        pictures: Sequence[Float32[Array, "_ _ 3"]],
        masks: Sequence[Float32[Array, "_ _"]],
        numbers: Sequence[int],
    ) -> list[Float32[Array, "_ _ 3"]]:
        assert self.network is not None
        if self.settings.full_size:
            stride = self.network.settings.stride
            whole = [_extend(picture, stride) for picture in pictures]
            answers = self._look(whole, [_extend((mask > 0.5).astype(np.float32), stride) for mask in masks], numbers)
            return [
                _keep_detail(np.ascontiguousarray(answer[: mask.shape[0], : mask.shape[1]]), picture, mask)
                for answer, picture, mask in zip(answers, pictures, masks, strict=True)
            ]
        stride = self.network.settings.stride
        size = max(stride, self.settings.estimate_size // stride * stride)
        small = [cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures]
        small_masks = [_shrink_mask(mask, size) for mask in masks]
        answers = self._look(small, small_masks, numbers)
        return [
            carry_colours(before, after, small_mask, picture, mask)
            for before, after, small_mask, picture, mask in zip(
                small, answers, small_masks, pictures, masks, strict=True
            )
        ]

    def _look(
        self,
        pictures: Sequence[Float32[Array, "_ _ 3"]],
        masks: Sequence[Float32[Array, "_ _"]],
        numbers: Sequence[int],
    ) -> list[Float32[Array, "_ _ 3"]]:
        """What the network makes of pictures whose sides fit its stride.

        Picture n has the place n modulo `batch` in a batch that is always whole: places that nobody takes stay empty.
        So the same kernels run on the same shapes whoever is there, and in them no place's numbers meet another's: a
        picture's answer is a function of itself and its place, to the last bit.
        """
        answers: dict[int, Float32[Array, "_ _ 3"]] = {}
        for chosen in share_out([picture.shape[:2] for picture in pictures], numbers, self.batch):
            height, width = pictures[next(iter(chosen.values()))].shape[:2]
            seen = np.zeros((self.batch, height, width, 3), np.float32)
            regions = np.zeros((self.batch, 1, height, width), np.float32)
            for place, item in chosen.items():
                seen[place], regions[place, 0] = pictures[item], masks[item]
            made = self._run(seen, regions)
            answers |= {item: np.ascontiguousarray(made[place]) for place, item in chosen.items()}
        return [answers[item] for item in range(len(pictures))]

    def _run(self, pictures: Float32[Array, "b h w 3"], masks: Float32[Array, "b 1 h w"]) -> Float32[Array, "b h w 3"]:
        assert self.network is not None
        device = next(self.network.parameters()).device
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.no_grad(), exact:
            composite = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2) * 2.0 - 1.0
            answer = self.network.harmonise(composite, torch.from_numpy(masks).to(device))
            return ((answer + 1.0) / 2.0).permute(0, 2, 3, 1).cpu().numpy()


def share_out(shapes: Sequence[tuple[int, ...]], numbers: Sequence[int], batch: int) -> list[dict[int, int]]:
    """Batches of pictures of one shape: in each, place → item. Items stay in order; a place that is taken begins the
    next batch."""
    batches: list[dict[int, int]] = []
    open_ones: dict[tuple[int, ...], dict[int, int]] = {}
    for item, (shape, number) in enumerate(zip(shapes, numbers, strict=True)):
        chosen = open_ones.get(shape)
        if chosen is None or number % batch in chosen:
            chosen = open_ones[shape] = {}
            batches.append(chosen)
        chosen[number % batch] = item
    return batches


def open_harmoniser(settings: HarmoniseSettings, device: str = "cpu") -> Harmoniser | None:
    """None when it is off. Raises AssetError for a checkpoint that can't be used."""
    if settings.method == "off":
        return None
    if settings.checkpoint is None:
        return Harmoniser(settings)
    batch = settings.batch or (1 if device == "cpu" else GPU_BATCH)
    return Harmoniser(settings, load_generator(settings.checkpoint, device), batch)


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


def _keep_detail(
    answer: Float32[Array, "h w 3"], picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]
) -> Float32[Array, "h w 3"]:
    """The picture with the answer's colours, and detail of its own."""
    region = (mask > 0.5).astype(np.float32)
    return carry_colours(picture, answer, region, picture, mask, max(GRID, max(mask.shape) // FINE_CELL))


def _extend(values: Float32[Array, "h w *c"], stride: int) -> Float32[Array, "H W *c"]:
    """Mirrored outwards at the bottom and the right to a multiple of the network's stride."""
    height, width = values.shape[:2]
    return cv2.copyMakeBorder(values, 0, -height % stride, 0, -width % stride, cv2.BORDER_REFLECT)


def _shrink_mask(mask: Float32[Array, "h w"], size: int) -> Float32[Array, "s s"]:
    """0 or 1 by half; a region too thin for that keeps every pixel it touches, and one too wide none it doesn't."""
    share = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA)
    small = (share > 0.5).astype(np.float32)
    if not small.any():
        return (share >= share.max()).astype(np.float32)
    return (share >= 0.999).astype(np.float32) if small.all() and (share < 0.999).any() else small
