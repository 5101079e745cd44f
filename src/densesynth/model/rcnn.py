"""DensePose R-CNN: pictures → people with their surface maps. Parameter names are the zoo's.

Source: Güler et al. 2018 (DensePose), detectron2's DensePose configurations; `RcnnSettings` says which.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model.backbone import Backbone, prepare_pictures
from densesynth.model.boxes import clip_boxes, not_empty
from densesynth.model.decoder import Decoder
from densesynth.model.detection import POOL, BoxHead, BoxPredictor, choose_people, pool_regions
from densesynth.model.heads import DeepLabHead, PlainHead
from densesynth.model.output import Maps, Predictions, change_maps
from densesynth.model.predictor import ChartPredictor, Embedder, EmbeddingPredictor
from densesynth.model.proposals import ProposalGenerator, choose_proposals
from densesynth.model.settings import RcnnSettings

Size = tuple[int, int]  # height, width


class RegionHeads(nn.Module):
    """Everything that works on regions."""

    def __init__(self, settings: RcnnSettings) -> None:
        super().__init__()
        channels, head = settings.backbone.channels, settings.head
        self.box_head = BoxHead(channels, settings.detector.box_features)
        self.box_predictor = BoxPredictor(settings.detector.box_features)
        self.decoder = Decoder(channels)
        self.densepose_head = DeepLabHead(channels, head) if head.kind == "deeplab" else PlainHead(channels, head)
        kind = ChartPredictor if head.output == "chart" else EmbeddingPredictor
        self.densepose_predictor = kind(head.channels, head)
        self.embedder = Embedder(head) if head.output == "embedding" else None
        self.pool = head.pool

    def find_boxes(self, pyramid: list[Tensor], boxes: list[Float32[Tensor, "_ 4"]]) -> tuple[Tensor, Tensor]:
        """Scores' logits and box deltas of each region."""
        return self.box_predictor(self.box_head(pool_regions(pyramid[:4], boxes, POOL)))

    def find_surface(self, pyramid: list[Tensor], boxes: list[Float32[Tensor, "_ 4"]]) -> Maps:
        """Maps of each region, pictures in order. The decoder's last layer works on the regions (see `model.decoder`).

        Boxes must lie within the picture.
        """
        pooled = pool_regions([self.decoder.merge(pyramid)], boxes, self.pool)
        return self.read_regions(self.decoder.predictor(pooled))

    def read_regions(self, pooled: Float[Tensor, "n c s s"]) -> Maps:
        """Maps of regions already pooled."""
        return self.densepose_predictor(self.densepose_head(pooled.contiguous(memory_format=torch.channels_last)))


class DensePoseRCNN(nn.Module):
    """The network.

    `predict` takes RGB pictures of any size, finds people (or takes boxes) and answers in the pictures' own pixels.
    `model.learning` computes its losses. State-dict names and shapes are those of the zoo's checkpoints.
    """

    def __init__(self, settings: RcnnSettings) -> None:
        super().__init__()
        self.settings = settings
        self.backbone = Backbone(settings.backbone)
        self.proposal_generator = ProposalGenerator(settings.backbone.channels)
        self.roi_heads = RegionHeads(settings)
        self.to(memory_format=torch.channels_last)

    def prepare(
        self, pictures: list[UInt8[Tensor, "3 _ _"]] | list[Float[Tensor, "3 _ _"]]
    ) -> Float[Tensor, "n 3 h w"]:
        """RGB pictures (0..255) at the network's size → its normalised, padded input."""
        like = self.roi_heads.box_predictor.cls_score.weight
        return prepare_pictures(pictures, self.settings.backbone.variant, like)

    @torch.inference_mode()
    def predict(
        self,
        pictures: list[UInt8[Tensor, "3 _ _"]],
        boxes: list[Float32[Tensor, "_ 4"]] | None = None,
    ) -> list[Predictions]:
        """People of RGB pictures, in each picture's own pixels, by falling score.

        boxes: use these (x0, y0, x1, y1 in the picture's pixels, cut to it; scores are then 1) in place of the
        detector's: the paper's evaluation with given boxes. A box outside its picture raises ValueError.
        """
        resized = [resize_picture(p, self.settings.short_side, self.settings.long_side) for p in pictures]
        sizes = [(r.shape[1], r.shape[2]) for r in resized]
        pyramid = self.backbone(self.prepare(resized))
        if boxes is None:
            people = self._detect(pyramid, sizes)
        else:
            people = [
                (_fit_boxes(given.to(pyramid[0].device), (p.shape[1], p.shape[2]), size), torch.ones(len(given)))
                for given, p, size in zip(boxes, pictures, sizes, strict=True)
            ]
        found = [box for box, _ in people]
        maps = self.roi_heads.find_surface(pyramid, found) if sum(map(len, found)) else None
        answers, start = [], 0
        for (box, score), picture, size in zip(people, pictures, sizes, strict=True):
            own = _slice(maps, start, start + len(box)) if maps is not None else self._no_maps(pyramid[0])
            start += len(box)
            original = _rescale(box.float(), size, (picture.shape[1], picture.shape[2]))
            kept = torch.nonzero(not_empty(original))[:, 0]
            if len(kept) < len(original):
                own = change_maps(own, _taking(kept))
            answers.append(Predictions(boxes=original[kept], scores=score.to(box.device)[kept], maps=own))
        return answers

    def _detect(self, pyramid: list[Tensor], sizes: list[Size]) -> list[tuple[Tensor, Tensor]]:
        detector = self.settings.detector
        proposals = choose_proposals(
            self.proposal_generator(pyramid), sizes, detector.proposals_before[1], detector.proposals_after[1]
        )
        logits, deltas = self.roi_heads.find_boxes(pyramid, proposals)
        if len(sizes) == 1:  # nothing to split, which also keeps the exported graph free of fixed counts
            return [choose_people(proposals[0], logits, deltas, sizes[0], detector)]
        counts = [len(p) for p in proposals]
        parts = zip(proposals, logits.split(counts), deltas.split(counts), sizes, strict=True)
        return [choose_people(p, score, delta, size, detector) for p, score, delta, size in parts]

    def _no_maps(self, like: Tensor) -> Maps:
        """Maps of no person."""
        channels, side = self.settings.backbone.channels, self.settings.head.pool
        return _slice(self.roi_heads.read_regions(like.new_zeros(1, channels, side, side)), 0, 0)


def network_size(height: int, width: int, short: int, long: int) -> Size:
    """Height and width at which the network sees a picture: short side `short`, unless the long one exceeds `long`."""
    scale = short / min(height, width)
    if scale * max(height, width) > long:
        scale = long / max(height, width)
    return max(int(height * scale + 0.5), 1), max(int(width * scale + 0.5), 1)


def resize_picture(picture: UInt8[Tensor, "3 h w"], short: int, long: int) -> UInt8[Tensor, "3 y x"]:
    """A picture at the network's size, bilinear with antialiasing (as Pillow, which detectron2 uses, does it)."""
    size = network_size(picture.shape[1], picture.shape[2], short, long)
    if size == tuple(picture.shape[1:]):
        return picture
    return F.interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def _rescale(boxes: Float32[Tensor, "n 4"], source: Size, target: Size) -> Float32[Tensor, "n 4"]:
    """Boxes of a picture of one size in the same picture of another, cut to it."""
    y, x = target[0] / source[0], target[1] / source[1]
    return clip_boxes(boxes * torch.tensor([x, y, x, y], device=boxes.device), *target)


def _fit_boxes(boxes: Float32[Tensor, "n 4"], source: Size, target: Size) -> Float32[Tensor, "n 4"]:
    inside = _rescale(clip_boxes(boxes, *source), source, target)
    bad = torch.nonzero(~not_empty(inside))
    if len(bad):
        raise ValueError(f"box {boxes[bad[0, 0]].tolist()} has no part within its picture of {source[1]}×{source[0]}")
    return inside


def _slice(maps: Maps, start: int, stop: int) -> Maps:
    return change_maps(maps, lambda tensor: tensor[start:stop])


def _taking(index: Int64[Tensor, "k"]) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor[index]
