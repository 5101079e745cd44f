"""Boxes as plain tensors (x0, y0, x1, y1): anchors, differences, clipping, matching, sampling. Pure functions.

Sources: Ren et al. 2015 (Faster R-CNN), Lin et al. 2017 (which level a box is pooled from), detectron2's
`modeling/{anchor_generator,box_regression,matcher,sampling}`.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

LARGEST_LOG = math.log(1000.0 / 16)  # no box grows more than this in one step
CANONICAL_SIZE, CANONICAL_LEVEL = 224, 4  # a box of ImageNet's size is pooled from p4
RATIOS = (0.5, 1.0, 2.0)  # height : width of anchors
NEITHER, BACKGROUND, FOREGROUND = -1, 0, 1


def make_anchors(
    height: int, width: int, stride: int, size: float, like: Tensor, ratios: tuple[float, ...] = RATIOS
) -> Float32[Tensor, "a 4"]:
    """Anchors of a level: rows, then columns, then ratios; centres at whole multiples of the stride."""
    cell = []
    for ratio in ratios:
        w = math.sqrt(size**2 / ratio)
        h = ratio * w
        cell.append((-w / 2, -h / 2, w / 2, h / 2))
    y, x = torch.meshgrid(
        torch.arange(0, height * stride, stride, dtype=torch.float32),
        torch.arange(0, width * stride, stride, dtype=torch.float32),
        indexing="ij",
    )
    shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
    return (shifts + torch.tensor(cell, dtype=torch.float32)).reshape(-1, 4).to(like.device)


def apply_deltas(
    boxes: Float[Tensor, "n 4"], deltas: Float[Tensor, "n 4"], weights: tuple[float, float, float, float]
) -> Float[Tensor, "n 4"]:
    """Boxes moved and scaled by the network's (dx, dy, log dw, log dh), each over its weight."""
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + 0.5 * size
    scaled = deltas / torch.tensor(weights, dtype=deltas.dtype, device=deltas.device)
    centre = scaled[:, :2] * size + centre
    half = 0.5 * torch.exp(scaled[:, 2:].clamp(max=LARGEST_LOG)) * size
    return torch.cat([centre - half, centre + half], dim=1)


def find_deltas(
    source: Float[Tensor, "n 4"], target: Float[Tensor, "n 4"], weights: tuple[float, float, float, float]
) -> Float[Tensor, "n 4"]:
    """The deltas that turn `source` into `target`: the inverse of `apply_deltas`."""
    source_size, target_size = source[:, 2:] - source[:, :2], target[:, 2:] - target[:, :2]
    shift = (target[:, :2] + 0.5 * target_size - source[:, :2] - 0.5 * source_size) / source_size
    deltas = torch.cat([shift, torch.log(target_size / source_size)], dim=1)
    return deltas * torch.tensor(weights, dtype=deltas.dtype, device=deltas.device)


def clip_boxes(boxes: Float[Tensor, "n 4"], height: float, width: float) -> Float[Tensor, "n 4"]:
    """Boxes cut to a picture."""
    x, y = boxes[:, 0::2].clamp(0, width), boxes[:, 1::2].clamp(0, height)
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)


def not_empty(boxes: Float[Tensor, "n 4"]) -> Bool[Tensor, "n"]:
    """Which boxes have width and height."""
    return ((boxes[:, 2:] - boxes[:, :2]) > 0).all(dim=1)


def overlap(first: Float[Tensor, "n 4"], second: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Intersection over union of each with each; 0 where both are empty."""
    corner = torch.max(first[:, None, :2], second[:, :2])
    sides = (torch.min(first[:, None, 2:], second[:, 2:]) - corner).clamp(min=0)
    common = sides[..., 0] * sides[..., 1]
    areas = [(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1] - common
    return torch.where(common > 0, common / union, torch.zeros_like(common))


def levels_of(boxes: Float[Tensor, "n 4"], lowest: int = 2, highest: int = 5) -> Int64[Tensor, "n"]:
    """Which pyramid level each box is pooled from, counted from `lowest` (Lin et al., equation 1)."""
    size = torch.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    level = torch.floor(CANONICAL_LEVEL + torch.log2(size / CANONICAL_SIZE + 1e-8))
    return level.clamp(lowest, highest).long() - lowest


def match(
    overlaps: Float[Tensor, "m n"], thresholds: tuple[float, float], *, keep_best: bool
) -> tuple[Int64[Tensor, "n"], Int64[Tensor, "n"]]:
    """For n candidates and m labelled boxes: (the labelled box each overlaps most, its label).

    Label: foreground from the upper threshold on, background below the lower, neither between. keep_best: a labelled
    box's best candidates are foreground, however little they overlap.
    """
    if len(overlaps) == 0:
        nothing = torch.zeros(overlaps.shape[1], dtype=torch.int64, device=overlaps.device)
        return nothing, nothing + BACKGROUND
    value, which = overlaps.max(dim=0)
    label = torch.full_like(which, NEITHER)
    label[value < thresholds[0]] = BACKGROUND
    label[value >= thresholds[1]] = FOREGROUND
    if keep_best:
        best = overlaps.max(dim=1).values[:, None]
        label[((overlaps == best) & (best > 0)).any(dim=0)] = FOREGROUND
    return which, label


def draw_sample(
    label: Int64[Tensor, "n"], count: int, foreground: float, generator: torch.Generator
) -> tuple[Int64[Tensor, "p"], Int64[Tensor, "q"]]:
    """At most count × foreground foreground candidates, and background ones up to `count`, drawn at random.

    generator: of the CPU, whatever device the candidates are on, so that every device draws the same.
    """
    chosen = []
    room = int(count * foreground)
    for kind in (FOREGROUND, BACKGROUND):
        candidates = torch.nonzero(label == kind)[:, 0]
        order = torch.randperm(len(candidates), generator=generator)[:room].to(label.device)
        chosen.append(candidates[order])
        room = count - len(chosen[0])
    return chosen[0], chosen[1]
