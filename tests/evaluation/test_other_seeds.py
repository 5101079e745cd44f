"""The fast measures against slow ones, point by point and person by person as the reference is specified, on people
that a seed spoils: other boxes, tied scores, missing labels, crowds, ids 0 and twice, every size."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from reference import Reference

from densesynth.data.results import Detection
from densesynth.evaluation.average_precision import AREAS, MODES, RECALLS, THRESHOLDS, score, similarity
from densesynth.evaluation.chart_mesh import nearest_slowly
from densesynth.evaluation.gps import KAPPA
from densesynth.evaluation.pairs import ImagePairs, measure_pairs
from densesynth.evaluation.truth import Points, TruePerson, truth_of


def spoil(reference: Reference, seed: int) -> tuple[dict[str, Any], list[Detection]]:
    rng = np.random.default_rng(seed)
    content = copy.deepcopy(reference.content)
    for entry in content["annotations"]:
        entry["bbox"] = [
            float(value) for value in np.array(entry["bbox"]) + rng.normal(scale=1.5, size=4) * [1, 1, 0, 0]
        ]
        if rng.random() < 0.15:
            for key in ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V"):
                entry.pop(key, None)
        entry["iscrowd"] = int(rng.random() < 0.1)
        entry["area"] = float(rng.choice([900.0, 32.0**2, 5000.0, 96.0**2, 40_000.0]))
    first, second = rng.permutation(len(content["annotations"]))[:2]
    content["annotations"][first]["id"] = 0
    content["annotations"][second]["id"] = content["annotations"][(second + 1) % len(content["annotations"])]["id"]
    found = []
    for one in reference.detections:
        if rng.random() < 0.2:
            continue
        x, y, w, h = one.bbox
        dx, dy = rng.normal(scale=1.5, size=2)
        box = (x + float(dx), y + float(dy), w, h)
        found.append(Detection(image_id=one.image_id, bbox=box, score=round(float(rng.random()), 1), iuv=one.iuv))
    return content, found


def slow_gps(reference: Reference, person: TruePerson, found: Detection) -> float:
    points = person.points
    if points is None:
        return 0.0
    return _mean_similarity(reference, points, person.bbox, found)


def _mean_similarity(reference: Reference, points: Points, bbox: Any, found: Detection) -> float:
    total, count, inside = 0.0, 0, False
    for k, part in enumerate(points.part):
        if part not in range(1, 25):
            continue
        count += 1
        x = int(points.x[k] * bbox[2] / 255.0 + bbox[0] - found.bbox[0])
        y = int(points.y[k] * bbox[3] / 255.0 + bbox[1] - found.bbox[1])
        if not (0 <= x < int(found.bbox[2]) and 0 <= y < int(found.bbox[3])):
            continue
        inside = True
        i, u, v = (int(value) for value in found.iuv[:, y, x])
        if not 1 <= i <= 24:
            continue
        mine = nearest_slowly(reference.mesh, *np.array([[part], [points.u[k]], [points.v[k]]]))
        theirs = nearest_slowly(reference.mesh, *np.array([[i], [u / 255.0], [v / 255.0]]))
        distance = float(reference.distances.between(mine, theirs)[0])
        total += math.exp(-(distance**2) / (2 * KAPPA[int(part)] ** 2))
    return total / count if inside and count else 0.0


def slow_matches(one: ImagePairs, value: np.ndarray, area: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, int]:
    """Matched and ignored, of each threshold and detection, and how many people count."""
    bad = [p.points is None or not area[0] <= p.area <= area[1] for p in one.people]
    order = sorted(range(len(bad)), key=lambda g: bad[g])
    counting = any(not b for b in bad)
    shape = (len(THRESHOLDS), len(one.detections))
    match, ignored = np.zeros(shape, np.int64), np.full(shape, not counting)
    free_for_all = [p.crowd for p in one.people]
    taken = np.zeros((len(THRESHOLDS), len(bad)), bool)
    for t, threshold in enumerate(THRESHOLDS):
        for d in range(shape[1]):
            best, who = min(threshold, 1 - 1e-10), None
            for g in order:
                if taken[t, g] and not free_for_all[g]:
                    continue
                if who is not None and not bad[who] and bad[g]:
                    break
                if value[d, g] < best or value[d, g] == 0.0:
                    continue
                best, who = value[d, g], g
            if who is not None:
                match[t, d], ignored[t, d], taken[t, who] = one.people[who].id, bad[who], True
    last = len(THRESHOLDS) - 1
    for d in range(shape[1]):
        if match[last, d] != 0:
            continue
        best, who = 0.8, None
        for g in order:
            if (taken[last, g] and not free_for_all[g]) or one.box_iou[d, g] < best:
                continue
            best, who = one.box_iou[d, g], g
        if who is not None:
            ignored[:, d] = bad[who]
            if bad[who]:
                match[last, d], taken[last, who] = one.people[who].id, True
    size = np.array([found.bbox[2] * found.bbox[3] for found in one.detections])
    outside = (size < area[0]) | (size > area[1])
    return match != 0, ignored | ((match == 0) & outside), sum(not b for b in bad)


def slow_summary(pairs: list[ImagePairs], mode: str) -> dict[str, float]:
    precision: dict[str, np.ndarray] = {}
    recall: dict[str, np.ndarray] = {}
    for name, area in AREAS.items():
        matches = [slow_matches(one, similarity(one, mode), area) for one in pairs]
        people = sum(count for _, _, count in matches)
        scores = [found.score for one in pairs for found in one.detections]
        order = sorted(range(len(scores)), key=lambda k: -scores[k])
        matched = np.concatenate([m for m, _, _ in matches], axis=1)[:, order]
        ignored = np.concatenate([i for _, i, _ in matches], axis=1)[:, order]
        precision[name], recall[name] = np.full((10, 101), -1.0), np.full(10, -1.0)
        for t in range(10) if people else ():
            right, wrong, curve = 0, 0, []
            for hit, skip in zip(matched[t], ignored[t], strict=True):
                right, wrong = right + int(hit and not skip), wrong + int(not hit and not skip)
                curve.append((right / people, right / (right + wrong + np.spacing(1))))
            recall[name][t] = curve[-1][0] if curve else 0.0
            for r, level in enumerate(RECALLS):
                precision[name][t, r] = max((p for reached, p in curve if reached >= level), default=0.0)

    def mean(values: np.ndarray) -> float:
        return float(values[values > -1].mean()) if (values > -1).any() else -1.0

    result = {"AP": mean(precision["all"]), "AP50": mean(precision["all"][0]), "AP75": mean(precision["all"][5])}
    result |= {"APm": mean(precision["medium"]), "APl": mean(precision["large"]), "AR": mean(recall["all"])}
    result |= {"AR50": mean(recall["all"][:1]), "AR75": mean(recall["all"][5:6])}
    return result | {"ARm": mean(recall["medium"]), "ARl": mean(recall["large"])}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spoilt_people_are_scored_as_slowly(reference: Reference, seed: int) -> None:
    content, detections = spoil(reference, seed)
    truth = truth_of(content, "spoilt")
    pairs = measure_pairs(truth, detections, reference.mesh, reference.distances)
    assert sum(one.gps.size for one in pairs) > 50
    rng = np.random.default_rng(seed)
    for one in pairs:
        for g, person in enumerate(one.people):
            for d in np.flatnonzero(rng.random(len(one.detections)) < 0.1):
                assert one.gps[d, g] == pytest.approx(slow_gps(reference, person, one.detections[d]), abs=1e-9)
    for mode in MODES:
        expected = slow_summary(pairs, mode)
        assert score(pairs, mode) == pytest.approx(expected, abs=1e-12)
    assert 0.0 < score(pairs, "iou")["AP"] < 1.0
