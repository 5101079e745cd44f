"""Quick measures on held-out pictures while training; `densesynth evaluate` gives the field's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from densesynth.model.small.crop import CropBatch, CropMaps, CropNetwork, normalise
from densesynth.model.small.detector import Detector, DetectorBatch, choose, paired_iou

SCORE, OVERLAP = 0.3, 0.5


@torch.no_grad()
def judge(
    model: nn.Module, weights: Mapping[str, Tensor], batches: list[CropBatch] | list[DetectorBatch]
) -> dict[str, float]:
    """Measures of the model with these weights; `score` is the one to choose by (higher is better)."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    was_training = model.training
    model.load_state_dict(dict(weights))
    model.eval()
    try:
        if isinstance(model, CropNetwork):
            return _judge_crops(model, [b for b in batches if isinstance(b, CropBatch)])
        if isinstance(model, Detector):
            return _judge_boxes(model, [b for b in batches if isinstance(b, DetectorBatch)])
        raise TypeError(type(model).__name__)
    finally:
        model.load_state_dict(own)
        model.train(was_training)


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
    people = boxes = matched = 0
    for batch in batches:
        batch = batch.to(device)
        logits, found = model(normalise(batch.pictures))
        for k, truth in enumerate(batch.boxes):
            chosen, _ = choose(logits[k], found[k], least=SCORE, overlap=0.6, most=50)
            people, boxes = people + len(truth), boxes + len(chosen)
            free = set(range(len(truth)))
            for box in chosen:
                best = max(free, key=lambda j: float(paired_iou(box[None], truth[j : j + 1])), default=None)
                if best is not None and float(paired_iou(box[None], truth[best : best + 1])) >= OVERLAP:
                    free.discard(best)
                    matched += 1
    recall, precision = matched / max(people, 1), matched / max(boxes, 1)
    score = 2.0 * recall * precision / max(recall + precision, 1e-9)
    return {"score": score, "found": recall, "right": precision}
