"""Quick measures on held-out pictures while training; `densesynth evaluate` gives the field's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from densesynth.arrays import Array, UInt8
from densesynth.model.crops import crop_of
from densesynth.model.output import ChartMaps, Predictions
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.small.crop import CropBatch, CropMaps, CropNetwork, normalise
from densesynth.model.small.detector import Detector, DetectorBatch, choose, paired_iou
from densesynth.training.regions import RegionBatch

SCORE, OVERLAP = 0.3, 0.5
Batches: TypeAlias = list[CropBatch] | list[DetectorBatch] | list[RegionBatch]


@contextmanager
def evaluating(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with these weights and without training's habits, for a while; then as it was."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    was_training = model.training
    model.load_state_dict(dict(weights))
    model.eval()
    try:
        yield
    finally:
        model.load_state_dict(own)
        model.train(was_training)


@torch.no_grad()
def judge(model: nn.Module, batches: Batches) -> dict[str, float]:
    """Measures of the model as it is; `score` is the one to choose by (higher is better)."""
    if isinstance(model, CropNetwork):
        return _judge_crops(model, [b for b in batches if isinstance(b, CropBatch)])
    if isinstance(model, Detector):
        return _judge_boxes(model, [b for b in batches if isinstance(b, DetectorBatch)])
    if isinstance(model, DensePoseRCNN):
        return _judge_regions(model, [b for b in batches if isinstance(b, RegionBatch)])
    raise TypeError(type(model).__name__)


def _judge_crops(model: CropNetwork, batches: list[CropBatch]) -> dict[str, float]:
    """part: share of the people's pixels with the right part, missed ones counted. mask: IoU. uv: mean error of U and V
    (chart units) and rest: of the template point (cm), on people's pixels."""
    device = next(model.parameters()).device
    right = pixels = overlap = union = 0.0
    gap_uv = gap_rest = 0.0
    for batch in batches:
        batch = batch.to(device)
        maps = model(normalise(batch.pictures))
        truth = batch.targets.part.long()
        known = batch.targets.known
        person = (truth > 0) & known
        part = parts_of(maps) * known
        right += float((part == truth)[person].sum())
        pixels += float(person.sum())
        overlap += float(((part > 0) & person).sum())
        union += float(((part > 0) | person).sum())
        channel = (truth - 1).clamp(min=0)[:, None]
        for values, wanted in ((maps.u, batch.targets.u), (maps.v, batch.targets.v)):
            gap_uv += 0.5 * float((values.gather(1, channel)[:, 0] - wanted).abs()[person].sum())
        gap_rest += float((maps.rest - batch.targets.rest).norm(dim=1)[person].sum())
    share = right / max(pixels, 1.0)
    iou = overlap / max(union, 1.0)
    return {
        "score": share * iou,
        "part": share,
        "mask": iou,
        "uv": gap_uv / max(pixels, 1.0),
        "rest_cm": 100.0 * gap_rest / max(pixels, 1.0),
    }


def parts_of(maps: CropMaps) -> Tensor:
    """Fine part of each pixel: the likeliest of 1..24 where the mask says person, 0 elsewhere."""
    body = maps.part[:, 1:].argmax(dim=1) + 1
    return torch.where(maps.mask[:, 0] > 0.0, body, 0)


def _judge_boxes(model: Detector, batches: list[DetectorBatch]) -> dict[str, float]:
    """found: share of people with a box of IoU ≥ 0.5; right: share of the boxes (score ≥ 0.3) that are people's."""
    device = next(model.parameters()).device
    counts = np.zeros(3, np.int64)
    for batch in batches:
        batch = batch.to(device)
        logits, found = model(normalise(batch.pictures))
        for k, truth in enumerate(batch.boxes):
            chosen, _ = choose(logits[k], found[k], least=SCORE, overlap=0.6, most=50)
            counts += (len(truth), len(chosen), _count_matches(chosen, truth))
    return _rates(*counts.tolist())


def _judge_regions(model: DensePoseRCNN, batches: list[RegionBatch]) -> dict[str, float]:
    """found and right: as of the detector. part: share of the people's pixels with the right part when their boxes are
    given. score: of the boxes, times part."""
    counts = np.zeros(3, np.int64)
    right = pixels = 0
    for batch in batches:
        for picture, target in zip(batch.pictures, batch.targets, strict=True):
            (found,) = model.predict([picture])
            chosen = found.boxes[found.scores >= SCORE]
            counts += (len(target.boxes), len(chosen), _count_matches(chosen, target.boxes.to(chosen.device)))
            if target.dense is not None and len(target.boxes):
                (given,) = model.predict([picture], [target.boxes])
                true = target.dense.part.cpu().numpy()
                person = true > 0
                right += int((part_map(given, *true.shape) == true)[person].sum())
                pixels += int(person.sum())
    rates, part = _rates(*counts.tolist()), right / max(pixels, 1)
    return {**rates, "score": rates["score"] * part, "part": part}


def part_map(found: Predictions, height: int, width: int) -> UInt8[Array, "h w"]:
    """Fine parts of all people of a picture, the surest on top; nobody without charts."""
    parts = np.zeros((height, width), np.uint8)
    if not isinstance(found.maps, ChartMaps):
        return parts
    for index in reversed(range(len(found.boxes))):
        crop = crop_of(found, index)
        part = crop.part.cpu().numpy()[: max(height - crop.y, 0), : max(width - crop.x, 0)]
        target = parts[crop.y : crop.y + part.shape[0], crop.x : crop.x + part.shape[1]]
        target[part > 0] = part[part > 0]
    return parts


def _count_matches(chosen: Tensor, truth: Tensor) -> int:
    """How many of the boxes, surest first, are another person's with IoU ≥ 0.5."""
    free = set(range(len(truth)))
    for box in chosen:
        best = max(free, key=lambda j: float(paired_iou(box[None], truth[j : j + 1])), default=None)
        if best is not None and float(paired_iou(box[None], truth[best : best + 1])) >= OVERLAP:
            free.discard(best)
    return len(truth) - len(free)


def _rates(people: int, boxes: int, matched: int) -> dict[str, float]:
    recall, precision = matched / max(people, 1), matched / max(boxes, 1)
    return {"score": 2.0 * recall * precision / max(recall + precision, 1e-9), "found": recall, "right": precision}
