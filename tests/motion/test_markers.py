"""Marker sets: their places on a body, their names, and the files that describe others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from densesynth.body.anny import AnnyBody
from densesynth.errors import AssetError
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.library import MOTION_NAMES, pose_at
from densesynth.motion.limits import HIGH, LOW, clamp
from densesynth.motion.marker_frames import choose_frames, lay_over
from densesynth.motion.markers import (
    LEAST_MARKERS,
    MarkerSet,
    built_in_marker_sets,
    choose_marker_set,
    load_marker_set,
    match_labels,
    place_markers,
)
from densesynth.motion.pose_prior import LIMIT_SOFTNESS, pose_residuals

GAIT = (
    "LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "RBAK", "LSHO", "LUPA", "LELB", "LFRM", "LWRA",
    "LWRB", "LFIN", "RSHO", "RUPA", "RELB", "RFRM", "RWRA", "RWRB", "RFIN", "LASI", "RASI", "LPSI", "RPSI", "LTHI",
    "LKNE", "LTIB", "LANK", "LHEE", "LTOE", "RTHI", "RKNE", "RTIB", "RANK", "RHEE", "RTOE",
)  # fmt: skip
ANIMATION = (
    "HeadL", "HeadR", "HeadTop", "HeadFront", "LShoulderTop", "LShoulderBack", "LArm", "LElbowOut", "LWristIn",
    "LWristOut", "LHandIn", "LHandOut", "RShoulderTop", "RShoulderBack", "RArm", "RElbowOut", "RWristIn",
    "RWristOut", "RHandIn", "RHandOut", "Chest", "SpineTop", "BackL", "BackR", "WaistLFront", "WaistLBack",
    "WaistRBack", "WaistRFront", "LThigh", "LKneeOut", "LShin", "LAnkleOut", "LHeelBack", "LForefootIn",
    "LForefootOut", "LToeTip", "RThigh", "RKneeOut", "RShin", "RAnkleOut", "RHeelBack", "RForefootIn",
    "RForefootOut", "RToeTip",
)  # fmt: skip


@pytest.fixture(scope="module")
def t_pose(anny_body: AnnyBody) -> tuple[np.ndarray, np.ndarray]:
    betas = np.array([[0.5, 0.8, 0.5, 0.5, 0.5, 0.5]], np.float32)
    posed = anny_body.pose(betas, np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    return posed.vertices[0].astype(np.float64), posed.joints[0].astype(np.float64)


def places(name: str, body: AnnyBody, t_pose: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    one = load_marker_set(name)
    names = tuple(one.markers)
    return dict(zip(names, t_pose[0][place_markers(one, names, *t_pose, body.faces)], strict=True))


def test_the_sets_know_their_labels() -> None:
    assert all(load_marker_set("plug_in_gait").find(label) == label for label in GAIT)
    assert all(load_marker_set("qualisys_full_body").find(label) == label for label in ANIMATION)
    assert choose_marker_set(GAIT, "a").name == "plug_in_gait"
    assert choose_marker_set([f"Anna:{label}" for label in ANIMATION], "b").name == "qualisys_full_body"
    assert load_marker_set("plug_in_gait").find("Bob:lfra") == "LFRM"
    assert load_marker_set("qualisys_full_body").find("Q_Chest") == "Chest"
    assert load_marker_set("plug_in_gait").find("HEDO") is None


def test_left_and_right_mirror(anny_body: AnnyBody, t_pose: tuple[np.ndarray, np.ndarray]) -> None:
    for name in built_in_marker_sets():
        found = places(name, anny_body, t_pose)
        pairs = [
            (left, right) for left in found for right in found if left != right and right == left.replace("L", "R", 1)
        ]
        assert len(pairs) >= 16
        for left, right in pairs:
            np.testing.assert_allclose(found[right], found[left] * (-1, 1, 1), atol=0.006, err_msg=left)


def test_markers_sit_where_anatomy_says(anny_body: AnnyBody, t_pose: tuple[np.ndarray, np.ndarray]) -> None:
    at, joints = places("plug_in_gait", anny_body, t_pose), t_pose[1]
    assert at["LFHD"][2] > joints[JOINT["head"]][2] + 0.05
    assert at["LFHD"][1] < -0.05 < 0.0 < at["LBHD"][1]
    for front, back in (("CLAV", "C7"), ("STRN", "T10"), ("LASI", "LPSI"), ("LWRA", "LWRB"), ("LTOE", "LHEE")):
        assert at[front][1] < at[back][1] - 0.03
    assert at["CLAV"][2] > at["STRN"][2] + 0.1 > at["LASI"][2] + 0.25
    assert at["LKNE"][0] > joints[JOINT["left_knee"]][0] + 0.03
    assert at["LANK"][0] > joints[JOINT["left_ankle"]][0] + 0.02
    assert abs(at["LANK"][2] - joints[JOINT["left_ankle"]][2]) < 0.02
    assert at["LSHO"][2] > joints[JOINT["left_shoulder"]][2] + 0.02
    assert at["LELB"][2] > joints[JOINT["left_elbow"]][2] + 0.02
    # Widths measured on people: between the front spines of the pelvis some 23 cm, between the back ones some 9.
    assert 0.18 < at["LASI"][0] - at["RASI"][0] < 0.27
    assert 0.06 < at["LPSI"][0] - at["RPSI"][0] < 0.12


def test_matching_names_what_is_wrong() -> None:
    one = load_marker_set("plug_in_gait")
    matched = match_labels(["junk", *GAIT[:12], "*111"], one, "clip")
    assert matched.columns.tolist() == list(range(1, 13))
    assert matched.names == GAIT[:12]
    with pytest.raises(AssetError, match=rf"clip: expected at least {LEAST_MARKERS}.*found 1 \(known: LASI\).*foo"):
        match_labels(["LASI", "foo"], one, "clip")
    with pytest.raises(AssetError, match="more than one trajectory for C7"):
        match_labels(["Anna:C7", "Bob:C7", *GAIT[:3]], one, "clip")
    with pytest.raises(AssetError, match=r"belong to no known marker set.*TOML"):
        choose_marker_set(["a", "b"], "clip")


def test_a_file_describes_another_set(
    tmp_path: Path, anny_body: AnnyBody, t_pose: tuple[np.ndarray, np.ndarray]
) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(
        '[lab.markers]\nkneeL = { right = "kneeR", joints = { left_knee = 1 }, toward = [1, 0, 0], also = ["K1"] }\n'
        'toe = { same_as = "plug_in_gait.LTOE", also = ["T"] }\n'
    )
    lab = load_marker_set(path)
    assert set(lab.markers) == {"kneeL", "kneeR", "toe"}
    assert lab.find("k1") == "kneeL"
    assert lab.find("t") == "toe"
    gait = load_marker_set("plug_in_gait")
    ours = place_markers(lab, ("kneeL", "kneeR", "toe"), *t_pose, anny_body.faces)
    theirs = place_markers(gait, ("LKNE", "RKNE", "LTOE"), *t_pose, anny_body.faces)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a.markers", "not valid TOML"),
        ("[a.markers]\nM = { joints = { left_kne = 1 }, toward = [1, 0, 0] }", "did you mean `left_knee`"),
        ("[a.markers]\nM = { joints = { left_knee = 0.5 }, toward = [1, 0, 0] }", "sum to 0.5; expected 1"),
        ("[a.markers]\nM = { joints = { left_knee = 1 }, toward = [0, 0, 0] }", "that isn't zero"),
        ("[a.markers]\nM = { joints = { left_knee = 1 } }", "needs `joints` and a direction `toward`"),
        ("[a.markers]\nM = { joints = { left_knee = 1 }, toward = [1, 0] }", "[a]: marker `M`: Expected"),
        ("[a.markers]\nM = { joints = { left_knee = 1 }, towards = [1, 0, 0] }", "towards"),
        ("[a.markers]\nM = { same_as = 'plug_in_gait.NOSE' }", "which there isn't"),
        ("[a.markers]\nM = { joints = { neck = 1 }, toward = [1, 0, 0], freedom = 0 }", "metres above 0"),
        ("[a.markers]\nL = { right = 'R', joints = { neck = 1 }, toward = [1, 0, 0] }\n"
        "R = { same_as = 'plug_in_gait.C7' }", "placed twice"),
        ("[a.markers]\n[b.markers]\n", "expected one marker set"),
        ("", "expected one marker set"),
    ],
)  # fmt: skip
def test_bad_files_are_told_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "set.toml"
    path.write_text(text)
    with pytest.raises(AssetError, match=r"set\.toml") as caught:
        load_marker_set(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_sets_and_files(tmp_path: Path, anny_body: AnnyBody, t_pose: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(AssetError, match="did you mean `plug_in_gait`"):
        load_marker_set("plug_in_gate")
    with pytest.raises(AssetError, match=r"nowhere.toml.*can't be read"):
        load_marker_set(tmp_path / "nowhere.toml")
    path = tmp_path / "off.toml"
    path.write_text("[off.markers]\nM = { joints = { head = 1 }, shift = [0, 0, 2], toward = [0, 0, 1] }")
    with pytest.raises(AssetError, match=r"marker `M`.*meets no skin"):
        place_markers(load_marker_set(path), ("M",), *t_pose, anny_body.faces)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_lay_over_finds_the_motion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(3, 12, 3))
    turns, shifts = Rotation.random(3, random_state=seed).as_matrix(), rng.normal(size=(3, 3))
    target = source @ turns.swapaxes(1, 2) + shifts[:, None]
    hidden = rng.uniform(size=(3, 12)) < 0.3
    hidden[:2, :4] = False  # four markers are enough
    hidden[2, 3:] = True  # three at most: too few
    target[hidden] = np.nan
    rotation, moved, distance = lay_over(source, target)
    np.testing.assert_allclose(rotation[:2], turns[:2], atol=1e-9)
    np.testing.assert_allclose(moved[:2], shifts[:2], atol=1e-9)
    assert (distance[:2] < 1e-9).all()
    assert np.isinf(distance[2])
    np.testing.assert_array_equal(rotation[2], np.eye(3))


def test_chosen_frames_differ() -> None:
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(3, 15, 3))
    kind = np.array([0] * 20 + [1] + [0] * 10 + [2] + [0] * 8)  # two rare moments in a long sameness
    turns = Rotation.random(len(kind), random_state=0).as_matrix()
    positions = shapes[kind] @ turns.swapaxes(1, 2)
    usable = np.ones(len(kind), bool)
    assert sorted(kind[choose_frames(positions, usable, 3)].tolist()) == [0, 1, 2]
    usable[20] = False
    chosen = choose_frames(positions, usable, 3)
    assert 20 not in chosen
    assert len(choose_frames(positions[:2], usable[:2], 9)) == 1  # the same but for where they stand


def test_prior_costs_nothing_within_limits_but_the_pull_to_rest() -> None:
    for name in MOTION_NAMES:
        rotations = clamp(pose_at(name, 0.7).rotations.astype(np.float64))[:22]
        beyond_range = pose_residuals(torch.tensor(rotations[None]))[0, :63]
        assert beyond_range.abs().max() < 1e-9
    beyond = np.zeros((1, 22, 3))
    beyond[0, JOINT["left_knee"], 0] = LOW[JOINT["left_knee"], 0] - 0.1  # a knee bent the wrong way
    beyond[0, JOINT["right_elbow"], 2] = HIGH[JOINT["right_elbow"], 2] + 0.1
    residuals = pose_residuals(torch.tensor(beyond))[0, :63].reshape(21, 3)
    assert residuals[JOINT["left_knee"] - 1, 0].item() == pytest.approx(-0.1 / LIMIT_SOFTNESS)
    assert residuals[JOINT["right_elbow"] - 1, 2].item() == pytest.approx(0.1 / LIMIT_SOFTNESS)


def test_a_set_is_a_plain_value() -> None:
    assert isinstance(built_in_marker_sets()["plug_in_gait"], MarkerSet)
    assert built_in_marker_sets() == built_in_marker_sets()
