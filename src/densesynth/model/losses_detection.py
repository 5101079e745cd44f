"""Losses of region proposals and boxes, as detectron2 computes them. Pure functions.

Sources: detectron2's `proposal_generator/rpn` and `roi_heads/fast_rcnn`; box losses are L1 (smooth L1 with β = 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn import functional as F

from densesynth.model import detection, proposals
from densesynth.model.boxes import (
    BACKGROUND,
    FOREGROUND,
    NEITHER,
    draw_sample,
    find_deltas,
    match,
    overlap,
)
from densesynth.model.proposals import ProposalMaps

ANCHOR_THRESHOLDS, ANCHORS, ANCHOR_FOREGROUND = (0.3, 0.7), 256, 0.5
REGION_THRESHOLDS, REGION_FOREGROUND = (0.5, 0.5), 0.25


@dataclass(frozen=True, kw_only=True)
class Regions:
    """The boxes of one picture that the box head learns from. person: index of the labelled box; −1 background."""

    boxes: Float32[Tensor, "r 4"]
    person: Int64[Tensor, "r"]


def label_anchors(
    anchors: Float32[Tensor, "a 4"], people: Float32[Tensor, "n 4"], generator: torch.Generator
) -> tuple[Int64[Tensor, "a"], Int64[Tensor, "a"]]:
    """(label, labelled box) of each anchor, all but a random sample of 256 set to neither."""
    which, label = match(overlap(people, anchors), ANCHOR_THRESHOLDS, keep_best=True)
    foreground, background = draw_sample(label, ANCHORS, ANCHOR_FOREGROUND, generator)
    sampled = torch.full_like(label, NEITHER)
    sampled[foreground], sampled[background] = FOREGROUND, BACKGROUND
    return sampled, which


def proposal_losses(
    maps: ProposalMaps, people: list[Float32[Tensor, "_ 4"]], generator: torch.Generator
) -> dict[str, Tensor]:
    """`loss_rpn_cls` (binary cross-entropy) and `loss_rpn_loc` (L1), sums over the sample / (256 × pictures)."""
    scores, boxes = maps.logits.sum() * 0, maps.deltas.sum() * 0
    for logits, deltas, own in zip(maps.logits, maps.deltas, people, strict=True):
        label, which = label_anchors(maps.anchors, own, generator)
        kept, positive = label != NEITHER, label == FOREGROUND
        target = positive[kept].to(logits.dtype)
        scores = scores + F.binary_cross_entropy_with_logits(logits[kept], target, reduction="sum")
        if len(own):
            wanted = find_deltas(maps.anchors[positive], own[which[positive]], proposals.DELTA_WEIGHTS)
            boxes = boxes + F.l1_loss(deltas[positive], wanted.to(deltas.dtype), reduction="sum")
    normaliser = ANCHORS * len(people)
    return {"loss_rpn_cls": scores / normaliser, "loss_rpn_loc": boxes / normaliser}


@torch.no_grad()
def sample_regions(
    candidates: Float32[Tensor, "p 4"], people: Float32[Tensor, "n 4"], count: int, generator: torch.Generator
) -> Regions:
    """A random `count` of the proposals and labelled boxes, at most a quarter of them people (IoU ≥ 0.5)."""
    boxes = torch.cat([candidates, people])
    which, label = match(overlap(people, boxes), REGION_THRESHOLDS, keep_best=False)
    foreground, background = draw_sample(label, count, REGION_FOREGROUND, generator)
    person = torch.cat([which[foreground], torch.full_like(background, -1)])
    return Regions(boxes=boxes[torch.cat([foreground, background])], person=person)


def box_losses(
    logits: Float[Tensor, "r 2"],
    deltas: Float[Tensor, "r 4"],
    regions: list[Regions],
    people: list[Float32[Tensor, "_ 4"]],
) -> dict[str, Tensor]:
    """`loss_cls` (cross-entropy, mean) and `loss_box_reg` (L1 of people's regions, sum / regions)."""
    person = torch.cat([r.person for r in regions])
    if len(person) == 0:
        return {"loss_cls": logits.sum() * 0, "loss_box_reg": deltas.sum() * 0}
    target = torch.where(person >= 0, detection.PERSON, 1 - detection.PERSON)
    scores = F.cross_entropy(logits, target)
    wanted = torch.cat(
        [
            find_deltas(r.boxes[r.person >= 0], own[r.person[r.person >= 0]], detection.DELTA_WEIGHTS)
            for r, own in zip(regions, people, strict=True)
        ]
    )
    boxes = F.l1_loss(deltas[person >= 0], wanted.to(deltas.dtype), reduction="sum") / len(person)
    return {"loss_cls": scores, "loss_box_reg": boxes}
