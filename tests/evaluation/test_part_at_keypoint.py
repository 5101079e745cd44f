"""Part at keypoint: planted predictions get the outcomes they were planted for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from densesynth.data.results import Detection
from densesynth.errors import AssetError
from densesynth.evaluation.part_at_keypoint import (
    MPII_JOINTS,
    JointedPerson,
    Outcome,
    count_outcomes,
    format_scores,
    judge_joint,
    judge_picture,
    read_joints,
    right_parts,
)
from densesynth.surface.parts import FINE_MIRROR


def _detection(part: int, bbox: tuple[float, float, float, float] = (10.0, 20.0, 40.0, 60.0)) -> Detection:
    iuv = np.zeros((3, int(bbox[3]), int(bbox[2])), dtype=np.uint8)
    iuv[0, 20:40, 10:30] = part
    return Detection(image_id=0, bbox=bbox, score=0.9, iuv=iuv)


def _person(joint: str, x: float, y: float) -> JointedPerson:
    return JointedPerson(joints={joint: (x, y)}, bbox=(10.0, 20.0, 40.0, 60.0))


@pytest.mark.parametrize(
    ("part", "outcome"),
    [(20, Outcome.RIGHT), (3, Outcome.RIGHT), (19, Outcome.SWAPPED), (4, Outcome.SWAPPED), (23, Outcome.WRONG)],
)
def test_planted_parts_at_the_right_wrist(part: int, outcome: Outcome) -> None:
    assert judge_picture([_person("right wrist", 30.0, 50.0)], [_detection(part)]) == [("right wrist", outcome)]


def test_the_disc_has_its_radius() -> None:
    """The part begins at x = 20 in the picture: a joint 5 px to the left still sees it, one 6 px away doesn't."""
    found = [_detection(20)]
    assert judge_picture([_person("right wrist", 15.6, 50.5)], found)[0][1] is Outcome.RIGHT
    assert judge_picture([_person("right wrist", 15.4, 50.5)], found)[0][1] is Outcome.UNCOVERED
    part = np.zeros((9, 9), np.uint8)
    part[4, 4] = 20
    assert judge_joint(part, 4.5, 4.5, "right wrist", radius=0.1) is Outcome.RIGHT
    assert judge_joint(part, -50.0, 4.5, "right wrist") is Outcome.UNCOVERED


def test_a_person_who_was_missed_is_uncovered_and_no_detection_serves_twice() -> None:
    people = [_person("right wrist", 30.0, 50.0), _person("right wrist", 30.0, 50.0)]
    outcomes = [outcome for _, outcome in judge_picture(people, [_detection(20)])]
    assert outcomes == [Outcome.RIGHT, Outcome.UNCOVERED]
    assert judge_picture(people[:1], [_detection(20, (60.0, 20.0, 40.0, 60.0))])[0][1] is Outcome.UNCOVERED


def test_sides_mirror_and_counts_add_up() -> None:
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "ear", "eye"):
        mirrored = {int(FINE_MIRROR[part]) for part in right_parts(f"right {joint}")}
        assert right_parts(f"left {joint}") == mirrored
    scores = count_outcomes([("nose", Outcome.RIGHT), ("nose", Outcome.UNCOVERED), ("left knee", Outcome.SWAPPED)])
    assert (scores["all"].total, scores["all"].right, scores["nose"].uncovered) == (3, 1, 1)
    assert "33.3%" in format_scores(scores).splitlines()[-1]


def test_annotations_of_both_kinds(tmp_path: Path) -> None:
    coco = {
        "images": [{"id": 7, "file_name": "a.jpg"}],
        "categories": [{"keypoints": ["Right Wrist", "Head top", "left_big_toe", "left_knee"]}],
        "annotations": [{"image_id": 7, "bbox": [1, 2, 30, 40], "keypoints": [5, 6, 2, 7, 8, 1, 1, 1, 2, 3, 4, 2]}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    (person,) = read_joints(tmp_path / "coco.json")["a.jpg"]
    assert person.joints == {"right wrist": (5.0, 6.0), "left knee": (3.0, 4.0)}
    entry = {"image": "b.jpg", "joints": [[k, 2 * k] for k in range(16)], "joints_vis": [1] * 15 + [0]}
    (tmp_path / "mpii.json").write_text(json.dumps([entry]))
    (person,) = read_joints(tmp_path / "mpii.json")["b.jpg"]
    assert len(person.joints) == 15
    assert person.joints[MPII_JOINTS[10]] == (10.0, 20.0)
    (tmp_path / "no.json").write_text('{"images": 3}')
    with pytest.raises(AssetError, match="neither COCO keypoints"):
        read_joints(tmp_path / "no.json")
