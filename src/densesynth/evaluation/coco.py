"""Box and mask AP as COCO counts them, by pycocotools itself."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from densesynth.data.coco import PERSON
from densesynth.data.results import Box, Detection
from densesynth.evaluation.masks import window_of_detection
from densesynth.evaluation.truth import Truth

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


def score_boxes(truth: Truth, detections: Sequence[Detection | Box]) -> dict[str, float]:
    """Box AP over 100 detections a picture and all people (dense labels or not), in [0, 1]; −1 where undefined."""
    return _score(truth, [_result(one) for one in detections], "bbox")


def score_masks(truth: Truth, detections: Sequence[Detection]) -> dict[str, float] | None:
    """COCO's segm AP with each detection's `I > 0` as its mask. None where an annotation has no segmentation."""
    if any(not person.segmentation for person in truth.annotations):
        return None
    results = []
    for one in detections:
        width, height = truth.sizes[one.image_id]
        window = window_of_detection(one, width, height)
        mask = np.zeros((height, width), np.uint8, order="F")
        x0, y0, x1, y1 = window.box
        mask[y0:y1, x0:x1] = window.mask
        results.append({**_result(one), "segmentation": coco_mask.encode(mask)})
    return _score(truth, results, "segm")


def _result(one: Detection | Box) -> dict[str, Any]:
    return {"image_id": one.image_id, "category_id": PERSON, "bbox": list(one.bbox), "score": one.score}


def _score(truth: Truth, results: list[dict[str, Any]], kind: str) -> dict[str, float]:
    if not results:  # pycocotools can't read an empty list
        return dict.fromkeys(METRICS, 0.0 if truth.annotations else -1.0)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(dict(truth.content))  # pycocotools writes into it
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), kind)
        evaluation.params.catIds = [PERSON]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: float(value) for name, value in zip(METRICS, evaluation.stats, strict=True)}
