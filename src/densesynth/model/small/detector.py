"""The detector: where people are. One class, no anchors: every cell of three grids tells how sure it is that it lies
near the middle of a person, and the distances to the person's four sides (Tian et al. 2019, FCOS).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss, nms

from densesynth.model.small.blocks import Ascent, Backbone, initialise, shared_conv
from densesynth.model.small.crop import normalise

STRIDES = (8, 16, 32)
REACH = ((0.0, 56.0), (40.0, 112.0), (80.0, 1e9))  # longest distance to a side that each grid answers for, pixels
CENTRE = 1.5  # cells from the middle of a person that answer for them, in strides
FOCUS = 2.0  # exponent of the quality focal loss (Li et al. 2020)


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """Sizes of the detector."""

    size: int = 384
    """Side of the square that pictures are fitted into, pixels; a multiple of 32."""
    widths: tuple[int, ...] = (32, 64, 128, 192)
    """Channels at strides 4, 8, 16, 32."""
    depths: tuple[int, ...] = (1, 2, 3, 2)
    """Blocks at those strides."""
    channels: int = 96
    """Channels of the three grids."""


TINY_DETECTOR = DetectorSettings(size=256, widths=(16, 32, 64, 128), depths=(1, 1, 2, 1), channels=48)


@dataclass(frozen=True, kw_only=True)
class DetectorBatch:
    """n pictures. boxes[i]: x0, y0, x1, y1 of picture i's people."""

    pictures: UInt8[Tensor, "n s s 3"]
    boxes: tuple[Float[Tensor, "_ 4"], ...]
    names: tuple[str, ...]

    def to(self, device: torch.device) -> DetectorBatch:
        return DetectorBatch(
            pictures=self.pictures.to(device, non_blocking=True),
            boxes=tuple(boxes.to(device) for boxes in self.boxes),
            names=self.names,
        )

    def split(self, parts: int) -> list[DetectorBatch]:
        """The same in equal parts."""
        size = len(self.pictures) // parts
        return [
            DetectorBatch(
                pictures=self.pictures[k : k + size], boxes=self.boxes[k : k + size], names=self.names[k : k + size]
            )
            for k in range(0, size * parts, size)
        ]


class Detector(nn.Module):
    """Backbone, way up to stride 8, one head shared by the three grids."""

    def __init__(self, settings: DetectorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = Backbone(settings.widths, settings.depths)
        channels = settings.channels
        self.ascent = Ascent(self.backbone.channels[2:], (channels, channels))
        self.deepest = nn.Conv2d(settings.widths[-1], channels, 1)
        self.tower = nn.Sequential(shared_conv(channels), shared_conv(channels))
        initialise(self)
        self.head = nn.Conv2d(channels, 5, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[0] = -4.0  # most cells hold nobody
        self.stretch = nn.Parameter(torch.ones(len(STRIDES)))

    def forward(self, pictures: Tensor) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n k 4"]]:
        """Pictures from `normalise` → logit and box (x0, y0, x1, y1) of each of the k cells."""
        features = self.backbone(pictures)[2:]
        levels = [*self.ascent(features), self.deepest(features[-1])]
        logits, boxes = [], []
        for number, (level, stride) in enumerate(zip(levels, STRIDES, strict=True)):
            answers = self.head(self.tower(level)).float().flatten(2).transpose(1, 2)
            reach = F.softplus(answers[..., 1:] * self.stretch[number]) * (4.0 * stride)
            centres = cell_centres(level.shape[-2], level.shape[-1], stride, level.device)
            logits.append(answers[..., 0])
            boxes.append(torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1))
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1)

    def losses(self, batch: DetectorBatch, progress: float) -> dict[str, Tensor]:  # noqa: ARG002 - the protocol's
        """score: quality focal loss; box: generalised IoU loss."""
        logits, boxes = self.forward(normalise(batch.pictures))
        size = batch.pictures.shape[1:3]
        assigned = torch.stack([assign(people, size[0], size[1]) for people in batch.boxes])
        picture, cell = (assigned >= 0).nonzero(as_tuple=True)
        quality = torch.zeros_like(logits)
        count = max(len(cell), 1)
        if len(cell):
            truth = torch.cat([people[assigned[i][assigned[i] >= 0]] for i, people in enumerate(batch.boxes)])
            found = boxes[picture, cell]
            box_loss = generalized_box_iou_loss(found, truth, reduction="sum") / count
            quality[picture, cell] = paired_iou(found.detach(), truth).clamp(min=0.05)
        else:
            box_loss = boxes.sum() * 0.0
        p = torch.sigmoid(logits)
        focal = (quality - p).abs().pow(FOCUS) * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
        return {"score": focal.sum() / count, "box": 2.0 * box_loss}


def cell_centres(rows: int, columns: int, stride: int, device: torch.device) -> Float[Tensor, "k 2"]:
    """x, y of a grid's cells, row by row, pixels."""
    y, x = torch.meshgrid(
        (torch.arange(rows, device=device) + 0.5) * stride,
        (torch.arange(columns, device=device) + 0.5) * stride,
        indexing="ij",
    )
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def assign(boxes: Float[Tensor, "p 4"], height: int, width: int) -> Tensor:
    """The person that each cell of all grids answers for, −1 nobody: the smallest of those near whose middle it lies
    and whose reach is the grid's."""
    answers = []
    for stride, (low, high) in zip(STRIDES, REACH, strict=True):
        centres = cell_centres(height // stride, width // stride, stride, boxes.device)
        if not len(boxes):
            answers.append(torch.full((len(centres),), -1, device=boxes.device))
            continue
        to = torch.cat([centres[:, None] - boxes[None, :, :2], boxes[None, :, 2:] - centres[:, None]], dim=2)
        middle = 0.5 * (boxes[:, :2] + boxes[:, 2:])
        near = (centres[:, None] - middle[None]).abs().amax(dim=2) < CENTRE * stride
        longest = to.amax(dim=2)
        fits = near & (to.amin(dim=2) > 0.0) & (longest >= low) & (longest < high)
        area = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))[None].expand_as(fits)
        area = torch.where(fits, area, torch.inf)
        smallest, who = area.min(dim=1)
        answers.append(torch.where(smallest < torch.inf, who, -1))
    return torch.cat(answers)


def paired_iou(a: Float[Tensor, "k 4"], b: Float[Tensor, "k 4"]) -> Float[Tensor, "k"]:
    """IoU of each box of `a` with the one of `b` in the same place."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0.0).prod(dim=1)
    total = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - shared
    return shared / total.clamp(min=1e-6)


def choose(
    logits: Float[Tensor, "k"], boxes: Float[Tensor, "k 4"], *, least: float, overlap: float, most: int
) -> tuple[Float[Tensor, "m 4"], Float[Tensor, "m"]]:
    """The boxes that stand out: score at least `least`, none overlapping a better one by more than `overlap`."""
    scores = torch.sigmoid(logits)
    sure = scores >= least
    boxes, scores = boxes[sure], scores[sure]
    kept = nms(boxes, scores, overlap)[:most]
    return boxes[kept], scores[kept]
