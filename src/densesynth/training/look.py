"""What a network says of held-out pictures, as one picture for TensorBoard."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from densesynth.arrays import Array, UInt8
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.small.crop import CropBatch, CropNetwork, normalise
from densesynth.model.small.detector import Detector, DetectorBatch, choose
from densesynth.training.judge import SCORE, part_map, parts_of
from densesynth.training.regions import RegionBatch
from densesynth.view.draw import blend, colour_labels, draw_boxes, enlarge
from densesynth.view.palette import FINE_COLOURS, instance_colour

MOST, PER_ROW, SIDE = 8, 4, 192  # pictures shown, in a row, and their side in pixels
OPACITY = 0.6


@torch.no_grad()
def draw_predictions(model: nn.Module, batch: CropBatch | DetectorBatch | RegionBatch) -> UInt8[Array, "h w 3"]:
    """The first pictures of a batch beside what the model, as it is, says of them. Crops: their labels too."""
    if isinstance(model, CropNetwork) and isinstance(batch, CropBatch):
        rows = _draw_crops(model, batch)
    elif isinstance(model, Detector) and isinstance(batch, DetectorBatch):
        rows = _draw_found(model, batch)
    elif isinstance(model, DensePoseRCNN) and isinstance(batch, RegionBatch):
        rows = _draw_regions(model, batch)
    else:
        raise TypeError(f"{type(model).__name__} and {type(batch).__name__}")
    rows += [np.zeros_like(rows[0])] * (-len(rows) % PER_ROW)
    return np.vstack([np.hstack(rows[k : k + PER_ROW]) for k in range(0, len(rows), PER_ROW)])


def _draw_crops(model: CropNetwork, batch: CropBatch) -> list[Array]:
    part = parts_of(model(normalise(batch.pictures[:MOST])))
    return [
        np.hstack([_scaled(_colour(picture, labels)) for labels in (true, found)])
        for picture, true, found in zip(
            _bytes(batch.pictures[:MOST]), _bytes(batch.targets.part[:MOST]), _bytes(part), strict=True
        )
    ]


def _draw_found(model: Detector, batch: DetectorBatch) -> list[Array]:
    logits, boxes = model(normalise(batch.pictures[:MOST]))
    rows = []
    for k, picture in enumerate(_bytes(batch.pictures[:MOST])):
        chosen, _ = choose(logits[k], boxes[k], least=SCORE, overlap=0.6, most=20)
        rows.append(_scaled(_outline(picture, chosen)))
    return rows


def _draw_regions(model: DensePoseRCNN, batch: RegionBatch) -> list[Array]:
    rows = []
    for picture in batch.pictures[:MOST]:
        (found,) = model.predict([picture])
        shown = picture.permute(1, 2, 0).cpu().numpy()
        drawn = _outline(_colour(shown, part_map(found, *shown.shape[:2])), found.boxes)
        side = max(drawn.shape[:2])
        square = np.zeros((side, side, 3), np.uint8)
        square[: drawn.shape[0], : drawn.shape[1]] = drawn
        rows.append(_scaled(square))
    return rows


def _bytes(values: Tensor) -> Array:
    return values.cpu().numpy().astype(np.uint8)


def _colour(picture: Array, part: Array) -> Array:
    large = cv2.resize(part, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST)
    return blend(picture, colour_labels(large, FINE_COLOURS), large > 0, OPACITY)


def _outline(picture: Array, boxes: Tensor) -> Array:
    corners = boxes.tolist()
    sizes = [(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in corners]
    return draw_boxes(np.ascontiguousarray(picture), sizes, [instance_colour(k + 1) for k in range(len(sizes))])


def _scaled(picture: Array) -> Array:
    return enlarge(picture, (SIDE, SIDE))
