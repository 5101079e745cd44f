"""Laws of AP, the reference's quirks one by one, and bad annotations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference

from densesynth.data.results import Detection
from densesynth.errors import DatasetError
from densesynth.evaluation.average_precision import AREAS, MODES, Rules, match_all, score
from densesynth.evaluation.pairs import ImagePairs, measure_pairs
from densesynth.evaluation.truth import Points, TruePerson, truth_of

STRICT = Rules(strict=True)
BOX = (10.0, 10.0, 100.0, 100.0)


def person(number: int, *, labelled: bool = True, area: float = 10_000.0, crowd: bool = False) -> TruePerson:
    one = np.array([1.0])
    points = Points(x=one, y=one, part=one, u=one, v=one) if labelled else None
    return TruePerson(
        id=number, image_id=1, bbox=BOX, area=area, crowd=crowd, points=points, masks=None, segmentation=None, entry={}
    )


def detection(score: float) -> Detection:
    return Detection(image_id=1, bbox=BOX, score=score, iuv=np.zeros((3, 100, 100), np.uint8))


def pairs_of(people: list[TruePerson], scores: list[float], gps: Any, box_iou: Any) -> list[ImagePairs]:
    gps = np.array(gps, dtype=np.float64).reshape(len(scores), len(people))
    return [
        ImagePairs(
            image_id=1,
            people=tuple(people),
            detections=tuple(map(detection, scores)),
            gps=gps,
            box_iou=np.array(box_iou, dtype=np.float64).reshape(gps.shape),
            mask_iou=gps,
        )
    ]


def test_one_person_found() -> None:
    for rules in (Rules(), STRICT):
        assert score(pairs_of([person(1)], [0.9], [1.0], [1.0]), "gps", rules)["AP"] == pytest.approx(1.0)


def test_the_threshold_leak() -> None:
    """GPS 0.92 is a match up to 0.90; unmatched at 0.95, its box is on someone without labels, and so all is lost."""
    pairs = pairs_of([person(1), person(2, labelled=False)], [0.9], [0.92, 0.0], [0.7, 0.9])
    assert score(pairs, "gps")["AP"] == 0.0
    assert score(pairs, "gps", STRICT)["AP"] == pytest.approx(0.9)


def test_false_positives_in_pictures_without_labels_are_free() -> None:
    found = pairs_of([person(1)], [0.5], [1.0], [1.0])
    stray = [replace(pairs_of([person(2, labelled=False)], [0.9], [0.0], [0.0])[0], image_id=2)]
    assert score(found + stray, "gps")["AP"] == pytest.approx(1.0)
    assert score(found + stray, "gps", STRICT)["AP"] == pytest.approx(0.5)


def test_id_zero_is_no_match() -> None:
    pairs = pairs_of([person(0)], [0.5], [1.0], [0.0])
    assert score(pairs, "gps")["AP"] == 0.0
    assert score(pairs, "gps", STRICT)["AP"] == pytest.approx(1.0)


def test_no_people_is_minus_one_and_no_detections_is_zero() -> None:
    assert set(score([], "gps").values()) == {-1.0}
    none = pairs_of([person(1)], [], [], [])
    assert score(none, "gps")["AP"] == 0.0
    assert score(none, "gps")["APl"] == 0.0
    assert score(none, "gps")["APm"] == -1.0 if AREAS["medium"][1] < 10_000 else True


@settings(deadline=None, max_examples=25)
@given(st.floats(0.2, 5.0), st.floats(-3.0, 3.0))
def test_a_monotone_change_of_scores_changes_nothing(power: float, shift: float) -> None:
    pairs = _measured()
    changed = [
        replace(
            one,
            detections=tuple(replace(found, score=np.exp(shift) * found.score**power) for found in one.detections),
        )
        for one in pairs
    ]
    for mode in MODES:
        for rules in (Rules(), STRICT):
            assert score(changed, mode, rules) == score(pairs, mode, rules)


_CACHE: dict[str, Any] = {}


def _reference() -> Reference:
    return _CACHE.setdefault("reference", Reference())


def _measured() -> list[ImagePairs]:
    one = _reference()
    return _CACHE.setdefault("pairs", measure_pairs(one.truth, one.detections, one.mesh, one.distances))


def test_each_person_is_matched_once() -> None:
    for one, pairs in zip(match_all(_measured(), "gps"), _measured(), strict=True):
        for row in one.person:
            people = [g for g in row if g >= 0 and not pairs.people[g].crowd]
            assert len(people) == len(set(people))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dp_U": None}, "has dp_x but no dp_U"),
        ({"dp_V": [0.5]}, "1 dp_V"),
        ({"image_id": 999}, "isn't listed"),
        ({"bbox": "box"}, "no COCO annotation"),
        ({"dp_masks": {"size": [4, 4], "counts": "04"}}, None),
    ],
)
def test_contradictory_annotations(reference: Reference, change: dict[str, Any], message: str | None) -> None:
    content = {**reference.content, "annotations": [dict(one) for one in reference.content["annotations"]]}
    first = content["annotations"][0]
    first.update({key: value for key, value in change.items() if value is not None})
    for key, value in change.items():
        if value is None:
            del first[key]
    if message is not None:
        with pytest.raises(DatasetError, match=message):
            truth_of(content, "file")
        return
    with pytest.raises(DatasetError, match="expected 256×256"):
        measure_pairs(truth_of(content, "file"), reference.detections, reference.mesh, reference.distances)
