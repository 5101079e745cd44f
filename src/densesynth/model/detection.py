"""Box head: which proposals are people, and their boxes.

Source: detectron2's `roi_heads/fast_rcnn` with one class; pooling is RoIAlign without the half-pixel shift
(`aligned=False`), as the zoo's configurations have it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import nms, roi_align

from densesynth.model.backbone import STRIDES
from densesynth.model.boxes import apply_deltas, clip_boxes, levels_of
from densesynth.model.layers import fill_xavier
from densesynth.model.settings import DetectorSettings

DELTA_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
POOL, SAMPLES = 7, 2
PERSON = 0  # the class; 1 is background


class BoxHead(nn.Module):
    """Two linear layers over a pooled region."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels * POOL * POOL, features)
        self.fc2 = nn.Linear(features, features)
        for layer in (self.fc1, self.fc2):
            fill_xavier(layer)

    def forward(self, regions: Float[Tensor, "n c s s"]) -> Float[Tensor, "n f"]:
        return F.relu(self.fc2(F.relu(self.fc1(regions.flatten(1)))))


class BoxPredictor(nn.Module):
    """Scores (person, background) and box deltas."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(features, 2)
        self.bbox_pred = nn.Linear(features, 4)
        for layer, deviation in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Float[Tensor, "n f"]) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 4"]]:
        return self.cls_score(features), self.bbox_pred(features)


def pool_regions(
    levels: list[Tensor], boxes: list[Float32[Tensor, "_ 4"]], side: int
) -> Float[Tensor, "n c side side"]:
    """RoIAlign from the level that suits each box, or from the only one (stride 4). Boxes of all pictures, in order."""
    flat = torch.cat(boxes)
    number = torch.cat([torch.full_like(own[:, :1], k) for k, own in enumerate(boxes)])
    regions = torch.cat([number, flat], dim=1).to(levels[0].dtype)
    if len(levels) == 1:
        return roi_align(levels[0], regions, side, 1.0 / STRIDES[0], SAMPLES, False)
    which = levels_of(flat)
    pooled = torch.zeros(flat.shape[0], levels[0].shape[1], side, side, dtype=levels[0].dtype, device=flat.device)
    for level, (maps, stride) in enumerate(zip(levels, STRIDES, strict=False)):
        mine = torch.nonzero(which == level)[:, 0]
        pooled = pooled.index_put((mine,), roi_align(maps, regions[mine], side, 1.0 / stride, SAMPLES, False))
    return pooled


def choose_people(
    proposals: Float32[Tensor, "p 4"],
    logits: Float[Tensor, "p 2"],
    deltas: Float[Tensor, "p 4"],
    size: tuple[int, int],
    settings: DetectorSettings,
) -> tuple[Float32[Tensor, "n 4"], Float32[Tensor, "n"]]:
    """Boxes and scores of one picture's people, by falling score, overlapping ones suppressed."""
    scores = logits.float().softmax(dim=1)[:, PERSON]
    boxes = apply_deltas(proposals, deltas.float(), DELTA_WEIGHTS)
    fine = torch.isfinite(boxes).all(dim=1) & torch.isfinite(logits).all(dim=1)
    boxes, scores = clip_boxes(boxes[fine], *size), scores[fine]
    sure = scores > settings.score_threshold
    boxes, scores = boxes[sure], scores[sure]
    keep = nms(boxes, scores, settings.overlap_threshold)[: settings.people]
    return boxes[keep], scores[keep]
