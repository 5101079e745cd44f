"""Visibility codes by ray, on a doll whose limbs can be put before or behind anything."""

from __future__ import annotations

import numpy as np
import pytest
from doll import DollBody, camera_at, doll_atlas, label, rotations_of

from densesynth.body.body import COCO_KEYPOINTS
from densesynth.geometry.camera import Camera
from densesynth.label.keypoints import COVERING_PARTS, flesh_over
from densesynth.label.person import Person
from densesynth.surface.parts import COARSE_NAMES

BODY = DollBody()
ATLAS = doll_atlas(BODY)
FRONT, BACK = (0.0, -3.0, 0.0), (0.0, 3.0, 0.0)
ARMS_DOWN = {"left_shoulder": (0.0, 1.4, 0.0), "right_shoulder": (0.0, -1.4, 0.0)}


def annotate_at(
    eye: tuple[float, float, float], *people: tuple[dict, tuple[float, float, float]]
) -> tuple[Person, ...]:
    rotations = np.stack([rotations_of(**turns) for turns, _ in people])
    transl = np.array([place for _, place in people], dtype=np.float32)
    posed = BODY.pose(np.zeros((len(people), 1), np.float32), rotations, transl)
    return label(BODY, ATLAS, camera_at(eye, 192), posed)[2]


def codes(person: Person) -> dict[str, int]:
    return dict(zip(COCO_KEYPOINTS, person.keypoints[:, 2].astype(int).tolist(), strict=True))


def test_from_the_front_all_is_visible_but_the_face_shows_no_more_than_it_has() -> None:
    code = codes(annotate_at(FRONT, (ARMS_DOWN, (0, 0, 0)))[0])
    assert {name for name, value in code.items() if value != 2} == set()


def test_from_behind_the_face_is_hidden_and_the_joints_are_visible() -> None:
    code = codes(annotate_at(BACK, (ARMS_DOWN, (0, 0, 0)))[0])
    assert {name for name, value in code.items() if value == 1} == {"nose", "left_eye", "right_eye"}
    assert code["left_shoulder"] == code["right_hip"] == code["left_ear"] == 2


def test_from_the_side_the_far_ear_is_hidden() -> None:
    code = codes(annotate_at((3.0, 0.0, 0.2), (ARMS_DOWN, (0, 0, 0)))[0])  # from the person's left
    assert code["left_ear"] == 2
    assert code["right_ear"] == 1
    assert code["right_elbow"] == 1


def test_a_wrist_behind_the_back_is_hidden_from_the_front_only() -> None:
    behind = {"left_shoulder": (0.0, 1.2, 0.0), "left_elbow": (0.0, 0.0, 2.4), "right_shoulder": (0.0, -1.4, 0.0)}
    front, back = (codes(annotate_at(eye, (behind, (0, 0, 0)))[0]) for eye in (FRONT, BACK))
    before = {**behind, "left_elbow": (0.0, 0.0, -2.4)}
    assert sorted([front["left_wrist"], back["left_wrist"]]) == [1, 2]
    mirrored = codes(annotate_at(FRONT, (before, (0, 0, 0)))[0])
    assert mirrored["left_wrist"] == 3 - front["left_wrist"]


def test_a_hip_behind_the_own_hand_is_hidden() -> None:
    """The hand is nearer to the joint than the flesh allowance, but a hand doesn't cover hips."""
    posed = BODY.pose(np.zeros((1, 1), np.float32), rotations_of(**ARMS_DOWN)[None], np.zeros((1, 3), np.float32))
    camera = camera_at(FRONT, 192)
    _, labels, people, _ = label(BODY, ATLAS, camera, posed)
    assert codes(people[0])["left_hip"] == 2
    vertices = posed.vertices.copy()
    hand = np.unique(BODY.faces[BODY.part == 4])
    hip = posed.keypoints[0, COCO_KEYPOINTS.index("left_hip")]
    vertices[0, hand] += hip + np.float32([0, -0.09, 0]) - vertices[0, hand].mean(axis=0)
    moved = type(posed)(vertices, posed.joints, posed.keypoints)
    assert codes(label(BODY, ATLAS, camera, moved)[2][0])["left_hip"] == 1
    assert labels.coarse.max() > 0


def test_knees_behind_another_person_are_hidden() -> None:
    alone = codes(annotate_at(FRONT, (ARMS_DOWN, (0, 0, 0)))[0])
    assert alone["left_knee"] == 2
    behind, front = annotate_at(FRONT, (ARMS_DOWN, (0, 0, 0)), (ARMS_DOWN, (0, -0.5, 0)))
    assert codes(behind)["left_knee"] == codes(behind)["left_shoulder"] == 1
    assert all(value == 2 for value in codes(front).values())
    assert behind.occluded > 0.5
    assert front.occluded == 0.0


def test_a_person_behind_hides_nothing() -> None:
    front, behind = annotate_at(FRONT, (ARMS_DOWN, (0, 0, 0)), (ARMS_DOWN, (0.3, 0.6, 0)))
    assert all(value == 2 for value in codes(front).values())
    assert 0.0 < behind.occluded < 1.0


def test_outside_the_frame_is_zero() -> None:
    person = annotate_at(FRONT, ({}, (1.2, 0, 0)))[0]
    outside = person.keypoints[:, 2] == 0
    assert 0 < outside.sum() < 17
    assert (person.keypoints[outside] == 0).all()
    assert 0.0 < person.truncated < 1.0
    inside = person.keypoints[~outside]
    assert ((inside[:, :2] >= 0) & (inside[:, :2] < 192)).all()


def test_keypoints_lie_where_the_camera_sees_them() -> None:
    camera: Camera = camera_at((0.5, -3.0, 0.3), 192)
    posed = BODY.pose(np.zeros((1, 1), np.float32), rotations_of(**ARMS_DOWN)[None], np.zeros((1, 3), np.float32))
    person = label(BODY, ATLAS, camera, posed)[2][0]
    expected = camera.project(posed.keypoints[0])
    seen = person.keypoints[:, 2] > 0
    np.testing.assert_allclose(person.keypoints[seen, :2], expected[seen], atol=1e-4)
    np.testing.assert_allclose(person.keypoints_in_camera, camera.to_camera(posed.keypoints[0]), atol=1e-5)
    np.testing.assert_allclose(person.joints, camera.project(posed.joints[0]), atol=1e-3)


def test_flesh_grows_with_depth_and_never_vanishes() -> None:
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    sphere = (0.1 * sphere / np.linalg.norm(sphere, axis=1, keepdims=True)).astype(np.float32)
    points = np.float32([[0, 0, 0], [0.05, 0, 0], [0.1, 0, 0]])
    centre, half, skin = flesh_over(points, sphere)
    assert centre == pytest.approx(0.22, abs=0.001)
    assert half == pytest.approx(0.12, abs=0.003)
    assert skin == pytest.approx(0.02, abs=0.012)


def test_covering_parts_are_on_the_keypoints_side() -> None:
    for name, parts in zip(COCO_KEYPOINTS, COVERING_PARTS, strict=True):
        side = name.partition("_")[0]
        for part in parts:
            other = {"left": "right", "right": "left"}.get(side, "neither")
            assert not COARSE_NAMES[part].startswith(other), (name, COARSE_NAMES[part])
