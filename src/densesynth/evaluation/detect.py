"""A checkpoint's people on annotated pictures, as detections to score: found by the model, or in boxes given to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from densesynth.data.files import read_picture
from densesynth.data.results import Box, Detection
from densesynth.errors import AssetError
from densesynth.evaluation.truth import Truth
from densesynth.model.crops import crop_of, quantise
from densesynth.model.output import Predictions
from densesynth.model.small.checkpoint import SmallModel, load_small
from densesynth.model.small.predict import label_boxes, predict_small

CHECKPOINT_SUFFIX = ".safetensors"


def detect_people(
    checkpoint: Path,
    truth: Truth,
    images: Path,
    boxes: Sequence[Box] | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> tuple[Detection, ...]:
    """People of every picture of the annotations.

    images: their folder. boxes: label these, with their scores, in place of detecting anyone (the paper's Table 3).
    Raises AssetError for a checkpoint that can't be used, DatasetError for a picture that can't be read.
    """
    model = load_small(checkpoint)
    by_image: dict[int, list[Box]] = {image_id: [] for image_id in truth.images}
    for box in boxes or ():
        by_image[box.image_id].append(box)
    found: list[Detection] = []
    for done, image in enumerate(truth.images.values(), start=1):
        picture = read_picture(images / image.file_name)
        given = None if boxes is None else by_image[image.id]
        predictions = predict_small(model, picture) if given is None else _label(checkpoint, model, picture, given)
        found += detections_of(predictions, image.id)
        if advance is not None:
            advance(done, len(truth.images))
    return tuple(found)


def _label(checkpoint: Path, model: SmallModel, picture: np.ndarray, given: Sequence[Box]) -> Predictions:
    """The given boxes, cut to the picture; those with less than a pixel in it are left out."""
    if model.crop is None:
        raise AssetError(f"{checkpoint}: holds no crop network, which labels people in boxes")
    height, width = picture.shape[:2]
    corners = np.array([one.bbox for one in given], dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    corners = np.clip(corners, 0.0, [width, height, width, height])
    kept = ((corners[:, 2:] - corners[:, :2]) >= 1.0).all(axis=1)
    boxed = torch.from_numpy(corners[kept].astype(np.float32))
    scores = torch.tensor([one.score for one in given], dtype=torch.float32)[torch.from_numpy(kept)]
    order = torch.argsort(scores, descending=True, stable=True)
    return Predictions(boxes=boxed[order], scores=scores[order], maps=label_boxes(model.crop, picture, boxed[order]))


def detections_of(predictions: Predictions, image_id: int) -> tuple[Detection, ...]:
    """People as the field exchanges them: box, score, and I, U, V of each pixel of the box."""
    found = []
    for index, (corners, score) in enumerate(zip(predictions.boxes.tolist(), predictions.scores.tolist(), strict=True)):
        x0, y0, x1, y1 = corners
        iuv = quantise(crop_of(predictions, index)).cpu().numpy()
        found.append(Detection(image_id=image_id, bbox=(x0, y0, x1 - x0, y1 - y0), score=score, iuv=iuv))
    return tuple(found)
