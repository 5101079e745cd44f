"""The field's own numbers, to the last digits: detectron2's DensePoseCocoEval and pycocotools on the same input."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from reference import Reference

from densesynth.evaluation.average_precision import MODES, Rules, score
from densesynth.evaluation.coco import score_boxes, score_masks
from densesynth.evaluation.pairs import measure_pairs, people_as_coco_loads_them
from densesynth.evaluation.truth import truth_of


@pytest.fixture(scope="module")
def pairs(reference: Reference) -> list:
    return measure_pairs(reference.truth, reference.detections, reference.mesh, reference.distances)


def test_every_pair(reference: Reference, pairs: list) -> None:
    answers = reference.gps()
    measured = {one.image_id: one for one in pairs}
    assert set(answers) <= set(measured)
    for image_id, (gps, box_iou) in answers.items():
        np.testing.assert_allclose(measured[image_id].gps, gps, rtol=0, atol=1e-6)
        np.testing.assert_allclose(measured[image_id].box_iou, box_iou, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("mode", "name"), zip(MODES, ("GPS", "GPSM", "IOU"), strict=True))
def test_every_summary(reference: Reference, pairs: list, mode: str, name: str) -> None:
    np.testing.assert_allclose(list(score(pairs, mode).values()), reference.file[f"stats_{name}"], rtol=0, atol=1e-9)


def test_boxes_and_masks(reference: Reference) -> None:
    boxes = score_boxes(reference.truth, reference.detections)
    np.testing.assert_allclose(list(boxes.values()), reference.file["stats_bbox"], rtol=0, atol=1e-9)
    masks = score_masks(reference.truth, reference.detections)
    assert masks is not None
    np.testing.assert_allclose(list(masks.values()), reference.file["stats_segm"], rtol=0, atol=1e-9)


def test_small_blocks_give_the_same(reference: Reference, pairs: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("densesynth.evaluation.pairs._BLOCK", 300)
    again = measure_pairs(reference.truth, reference.detections, reference.mesh, reference.distances)
    for one, other in zip(pairs, again, strict=True):
        assert one.image_id == other.image_id
        np.testing.assert_array_equal(one.gps, other.gps)
        np.testing.assert_array_equal(one.mask_iou, other.mask_iou)


def test_strict_rules_differ_and_say_more(reference: Reference, pairs: list) -> None:
    strict = measure_pairs(
        reference.truth, reference.detections, reference.mesh, reference.distances, Rules(strict=True)
    )
    assert score(strict, "gps", Rules(strict=True)) != score(pairs, "gps")


def test_repeated_ids_are_taken_as_pycocotools_does(reference: Reference) -> None:
    content = copy.deepcopy(reference.content)
    first, last = content["annotations"][0], content["annotations"][-1]
    last["id"] = first["id"]
    truth = truth_of(content, "twice")
    people = people_as_coco_loads_them(truth)
    assert sum(map(len, people.values())) == len(content["annotations"])
    assert [person.entry for person in people[last["image_id"]]].count(last) == 2
    assert first not in [person.entry for person in people[first["image_id"]]]
