"""Average precision of detections matched by any similarity: COCO's way, with DensePose's rules for who is ignored.

Source: `pycocotools.cocoeval` and detectron2's `DensePoseCocoEval`, whose quirks the default rules keep because
published numbers have them; `Rules(strict=True)` is without them (docs/evaluation.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Bool, Float64
from densesynth.evaluation.pairs import ImagePairs, Rules

THRESHOLDS: Float64[Array, "10"] = np.linspace(0.5, 0.95, 10)
RECALLS: Float64[Array, "101"] = np.linspace(0.0, 1.0, 101)
AREAS = {"all": (0.0, 1e10), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}  # px², bounds included
IGNORE_BOX_IOU = 0.8  # an unmatched detection this near to an ignored person is ignored too
STRICT_IGNORE_BOX_IOU = 0.5  # COCO's own line between finding a person and not
METRICS = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
MODES = ("gps", "gpsm", "iou")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageMatches:
    """Who matched whom in one picture. matched, ignored: of each threshold and detection; counted: of each person,
    whether they must be found; person: of each threshold and detection, the index of its match, −1 without."""

    image_id: int
    scores: Float64[Array, "d"]
    matched: Bool[Array, "t d"]
    ignored: Bool[Array, "t d"]
    person: Array
    counted: Bool[Array, "g"]


def similarity(pairs: ImagePairs, mode: str) -> Float64[Array, "d g"]:
    """What a mode matches by: GPS, GPSm = √(GPS · mask IoU), or mask IoU alone."""
    if mode == "gps":
        return pairs.gps
    return pairs.mask_iou if mode == "iou" else np.sqrt(pairs.mask_iou * pairs.gps)


def match_all(pairs: Sequence[ImagePairs], mode: str, area: str = "all", rules: Rules = Rules()) -> list[ImageMatches]:  # noqa: B008
    """Match every picture's detections to its people at each threshold. area: a key of AREAS."""
    return [match_image(one, similarity(one, mode), AREAS[area], rules) for one in pairs]


def match_image(
    pairs: ImagePairs, value: Float64[Array, "d g"], area: tuple[float, float], rules: Rules
) -> ImageMatches:
    """Greedy matching by falling score: each detection takes the free person it is most similar to, one that counts
    before one that is ignored; of equals, the later."""
    low, high = area
    outside = np.array([person.area < low or person.area > high for person in pairs.people], dtype=bool)
    unlabelled = np.array(
        [person.points is None or (rules.strict and person.crowd) for person in pairs.people], dtype=bool
    )
    ignored_person = outside | unlabelled
    order = np.argsort(ignored_person, kind="stable")
    crowd = [pairs.people[g].crowd for g in order]
    is_ignored: list[bool] = ignored_person[order].tolist()
    # A match is remembered by the person's id, and id 0 is no match (pycocotools). Ours start at 1.
    counts_as_match = [rules.strict or pairs.people[g].id != 0 for g in order]
    detections = len(pairs.detections)
    person = np.full((len(THRESHOLDS), detections), -1)
    ignored = np.zeros((len(THRESHOLDS), detections), dtype=bool)
    if not rules.strict and all(is_ignored):
        ignored[:] = True  # also without any person: false positives there are free
    values: list[list[float]] = value[:, order].tolist()
    boxes: list[list[float]] = pairs.box_iou[:, order].tolist()
    taken = [[False] * len(order) for _ in THRESHOLDS]
    for d, row in enumerate(values):
        candidates = [g for g, similar in enumerate(row) if similar >= THRESHOLDS[0] and similar != 0.0]
        for t in range(len(THRESHOLDS)) if candidates else ():
            best, found = min(float(THRESHOLDS[t]), 1.0 - 1e-10), -1
            for g in candidates:
                if taken[t][g] and not crowd[g]:
                    continue
                if found >= 0 and not is_ignored[found] and is_ignored[g]:
                    break
                if row[g] >= best:
                    best, found = row[g], g
            if found >= 0:
                ignored[t, d] = is_ignored[found]
                person[t, d] = found
                taken[t][found] = True
    matched = np.zeros_like(ignored)
    for t, d in zip(*np.nonzero(person >= 0), strict=True):
        matched[t, d] = counts_as_match[person[t, d]]
    if rules.strict:
        _ignore_near_ignored(boxes, is_ignored, taken, matched, ignored)
    else:
        _ignore_as_the_reference(boxes, is_ignored, crowd, counts_as_match, taken[-1], person, matched, ignored)
    size = np.array([one.bbox[2] * one.bbox[3] for one in pairs.detections])
    ignored |= ~matched & ((size < low) | (size > high))
    return ImageMatches(
        image_id=pairs.image_id,
        scores=np.array([one.score for one in pairs.detections], dtype=np.float64),
        matched=matched,
        ignored=ignored,
        person=np.where(person >= 0, order[person], -1) if len(order) else person,
        counted=~ignored_person,
    )


def _ignore_as_the_reference(
    boxes: list[list[float]],
    is_ignored: list[bool],
    crowd: list[bool],
    counts_as_match: list[bool],
    taken: list[bool],
    person: Array,
    matched: Bool[Array, "t d"],
    ignored: Bool[Array, "t d"],
) -> None:
    """detectron2: a detection without a match at the *last* threshold takes the free person it overlaps most (box IoU
    ≥ 0.8), and whether that person is ignored then holds at *every* threshold, true positives included."""
    for d, row in enumerate(boxes):
        if matched[-1, d]:
            continue
        best, found = IGNORE_BOX_IOU, -1
        for g, overlap in enumerate(row):
            if (not taken[g] or crowd[g]) and overlap >= best:
                best, found = overlap, g
        if found >= 0:
            ignored[:, d] = is_ignored[found]
            if is_ignored[found]:
                person[-1, d] = found
                matched[-1, d] = counts_as_match[found]
                taken[found] = True


def _ignore_near_ignored(
    boxes: list[list[float]],
    is_ignored: list[bool],
    taken: list[list[bool]],
    matched: Bool[Array, "t d"],
    ignored: Bool[Array, "t d"],
) -> None:
    """Strict: at each threshold by itself, a detection without a match whose box is on an ignored person is ignored."""
    for d, row in enumerate(boxes):
        near = [g for g, overlap in enumerate(row) if is_ignored[g] and overlap >= STRICT_IGNORE_BOX_IOU]
        for t in range(len(taken)) if near else ():
            if not matched[t, d]:
                ignored[t, d] = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """precision: of each threshold and recall of RECALLS; recall: the highest of each threshold; −1 without people."""

    precision: Float64[Array, "t 101"]
    recall: Float64[Array, "t"]


def accumulate(matches: Sequence[ImageMatches], weights: Float64[Array, "i"] | None = None) -> Curve:
    """Precision at each recall over all pictures, detections by falling score (of equals, the earlier picture's first).

    weights: how often each picture counts (a bootstrap's draw), once by default.
    """
    count = len(THRESHOLDS)
    if not matches:
        return Curve(precision=np.full((count, len(RECALLS)), -1.0), recall=np.full(count, -1.0))
    weight = np.ones(len(matches)) if weights is None else weights
    return _accumulate(*_flatten(matches, weight))


def _flatten(matches: Sequence[ImageMatches], weight: Float64[Array, "i"]) -> tuple[Array, Array, float]:
    """True and false positives of all pictures by falling score, weighted, and the weighted number of people."""
    scores = np.concatenate([one.scores for one in matches])
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate([one.matched for one in matches], axis=1)[:, order]
    ignored = np.concatenate([one.ignored for one in matches], axis=1)[:, order]
    each = np.repeat(weight, [len(one.scores) for one in matches])[order]
    people = float(sum(w * np.count_nonzero(one.counted) for w, one in zip(weight, matches, strict=True)))
    return (matched & ~ignored) * each, (~matched & ~ignored) * each, people


def _accumulate(true: Array, false: Array, people: float) -> Curve:
    precision, recall = np.full((len(true), len(RECALLS)), -1.0), np.full(len(true), -1.0)
    if people == 0:
        return Curve(precision=precision, recall=recall)
    found, wrong = np.cumsum(true, axis=1), np.cumsum(false, axis=1)
    for t, (tp, fp) in enumerate(zip(found, wrong, strict=True)):
        recalled = tp / people
        recall[t] = recalled[-1] if len(tp) else 0.0
        exact = tp / (fp + tp + np.spacing(1))
        envelope = np.maximum.accumulate(exact[::-1])[::-1]
        place = np.searchsorted(recalled, RECALLS, side="left")
        precision[t] = np.where(place < len(tp), np.append(envelope, 0.0)[np.minimum(place, len(tp))], 0.0)
    return Curve(precision=precision, recall=recall)


def summarise(curves: dict[str, Curve]) -> dict[str, float]:
    """METRICS from the curves of AREAS, in [0, 1]; −1 where there is nobody of that size."""

    def ap(area: str, threshold: int | None = None) -> float:
        values = curves[area].precision if threshold is None else curves[area].precision[threshold]
        return float(values[values > -1].mean()) if (values > -1).any() else -1.0

    def ar(area: str, threshold: int | None = None) -> float:
        values = curves[area].recall if threshold is None else curves[area].recall[threshold : threshold + 1]
        return float(values[values > -1].mean()) if (values > -1).any() else -1.0

    at = {"50": 0, "75": 5}
    return {
        "AP": ap("all"),
        **{f"AP{name}": ap("all", t) for name, t in at.items()},
        "APm": ap("medium"),
        "APl": ap("large"),
        "AR": ar("all"),
        **{f"AR{name}": ar("all", t) for name, t in at.items()},
        "ARm": ar("medium"),
        "ARl": ar("large"),
    }


def score(pairs: Sequence[ImagePairs], mode: str, rules: Rules = Rules()) -> dict[str, float]:  # noqa: B008
    """METRICS of a mode of MODES."""
    return summarise({area: accumulate(match_all(pairs, mode, area, rules)) for area in AREAS})
