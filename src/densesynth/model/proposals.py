"""Region proposal network: where people may be.

Source: Ren et al. 2015 (Faster R-CNN) on a feature pyramid, as detectron2's `proposal_generator/rpn`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import batched_nms

from densesynth.model.backbone import STRIDES
from densesynth.model.boxes import RATIOS, apply_deltas, clip_boxes, make_anchors, not_empty
from densesynth.model.layers import Conv

ANCHOR_SIZES = (32.0, 64.0, 128.0, 256.0, 512.0)  # of p2 … p6
DELTA_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
OVERLAP_THRESHOLD = 0.7


@dataclass(frozen=True, kw_only=True)
class ProposalMaps:
    """What the network answers, anchors of all levels in one row (level, row, column, ratio).

    logits: that an anchor holds a person. deltas: from the anchor to the person's box. counts: anchors of each level.
    """

    anchors: Float32[Tensor, "a 4"]
    logits: Float[Tensor, "n a"]
    deltas: Float[Tensor, "n a 4"]
    counts: tuple[int, ...]


class ProposalHead(nn.Module):
    """One 3×3 convolution for every level, then a score and a box for each anchor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        anchors = len(RATIOS)
        self.conv = Conv(channels, channels, 3)
        self.objectness_logits = Conv(channels, anchors, 1)
        self.anchor_deltas = Conv(channels, anchors * 4, 1)
        for layer in (self.conv, self.objectness_logits, self.anchor_deltas):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, level: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.conv(level))
        return self.objectness_logits(hidden), self.anchor_deltas(hidden)


class ProposalGenerator(nn.Module):
    """Pyramid → proposals."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rpn_head = ProposalHead(channels)

    def forward(self, pyramid: list[Tensor]) -> ProposalMaps:
        anchors, logits, deltas = [], [], []
        for level, stride, size in zip(pyramid, STRIDES, ANCHOR_SIZES, strict=True):
            score, delta = self.rpn_head(level)
            height, width = int(level.shape[-2]), int(level.shape[-1])  # plain numbers, also under a tracer
            anchors.append(make_anchors(height, width, stride, size, level))
            logits.append(score.permute(0, 2, 3, 1).flatten(1))
            deltas.append(delta.permute(0, 2, 3, 1).reshape(len(delta), -1, 4))
        return ProposalMaps(
            anchors=torch.cat(anchors),
            logits=torch.cat(logits, dim=1),
            deltas=torch.cat(deltas, dim=1),
            counts=tuple(len(a) for a in anchors),
        )


@torch.no_grad()
def choose_proposals(
    maps: ProposalMaps, sizes: list[tuple[int, int]], before: int, after: int
) -> list[Float32[Tensor, "p 4"]]:
    """The best boxes of each picture by falling score, near copies within a level suppressed.

    sizes: height, width of the pictures without padding. before, after: how many to keep per level before, and per
    picture after suppression. Boxes that aren't finite are left out.
    """
    chosen = []
    for logits, deltas, (height, width) in zip(maps.logits.float(), maps.deltas.float(), sizes, strict=True):
        boxes, scores, levels = [], [], []
        starts = torch.tensor((0, *maps.counts)).cumsum(0).tolist()
        for level, count in enumerate(maps.counts):
            score, index = logits[starts[level] : starts[level] + count].topk(min(count, before))
            index = index + starts[level]
            boxes.append(apply_deltas(maps.anchors[index], deltas[index], DELTA_WEIGHTS))
            scores.append(score)
            levels.append(torch.full_like(index, level))
        box, score, level_of = torch.cat(boxes), torch.cat(scores), torch.cat(levels)
        box = clip_boxes(box, height, width)
        fine = torch.isfinite(box).all(dim=1) & torch.isfinite(score) & not_empty(box)
        box, score, level_of = box[fine], score[fine], level_of[fine]
        keep = batched_nms(box, score, level_of, OVERLAP_THRESHOLD)[:after]
        chosen.append(box[keep])
    return chosen
