"""Retargeting: our own motions survive other rest poses, names and axes; limits; feet; names from a table."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector, vector_from_matrix
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS
from densesynth.motion.amass import canonical_offsets
from densesynth.motion.clip import MotionClip, forward
from densesynth.motion.figure import REST
from densesynth.motion.library import duration, pose_at
from densesynth.motion.limits import clamp, excess
from densesynth.motion.retarget import LIMBS, hold, retarget
from densesynth.motion.retarget_names import known_conventions, match_joints

RATE = 30.0


def library_poses(motion: str) -> np.ndarray:
    times = np.arange(0.0, duration(motion), 1.0 / RATE)
    return np.stack([pose_at(motion, float(t)).rotations for t in times]).astype(np.float64)


def rerested(poses: np.ndarray, rest: np.ndarray, name: str = "clip", scale: float = 1.0) -> MotionClip:
    """Our poses on a skeleton that rests otherwise: `rest` are rotation vectors of the 52 joints from the T-pose."""
    offsets = canonical_offsets() * scale
    tilt, _ = forward(PARENTS, offsets, matrix_from_vector(rest)[None], np.zeros((1, 3)))
    world, _ = forward(PARENTS, offsets, matrix_from_vector(poses), np.zeros((len(poses), 3)))
    world = world @ tilt[0].swapaxes(-1, -2)
    parents = np.array(PARENTS)
    local = world.copy()
    local[:, 1:] = world[:, parents[1:]].swapaxes(-1, -2) @ world[:, 1:]
    new_offsets = offsets.copy()
    new_offsets[1:] = (tilt[0, parents[1:]] @ offsets[1:, :, None])[..., 0]
    root = np.tile([0.3, -0.2, 0.93 * scale], (len(poses), 1))
    return MotionClip(name, JOINT_NAMES, PARENTS, new_offsets, vector_from_matrix(local), root, RATE)


def a_pose() -> np.ndarray:
    rest = np.zeros((52, 3))
    rest[JOINT["left_shoulder"]], rest[JOINT["right_shoulder"]] = (0, 0.8, 0), (0, -0.8, 0)
    rest[JOINT["left_elbow"]], rest[JOINT["right_elbow"]] = (0, 0, -0.6), (0, 0, 0.6)
    rest[JOINT["left_hip"]], rest[JOINT["right_hip"]] = (0, -0.15, 0), (0, 0.15, 0)
    return rest


def arms_down() -> np.ndarray:
    rest = np.zeros((52, 3))
    rest[JOINT["left_shoulder"]], rest[JOINT["right_shoulder"]] = (0, 1.4, 0), (0, -1.4, 0)
    return rest


def facing_away() -> np.ndarray:
    rest = np.zeros((52, 3))
    rest[0] = (0.0, 0.0, np.pi)
    return rest


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between world rotations of body parts, (frames, 52)."""
    matrices = []
    for poses in (first, second):
        world, _ = forward(PARENTS, canonical_offsets(), matrix_from_vector(poses), np.zeros((len(poses), 3)))
        matrices.append(world)
    trace = np.einsum("fjab,fjab->fj", *matrices)
    return np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)))


@pytest.mark.parametrize("rest", [a_pose, arms_down, facing_away])
@pytest.mark.parametrize("motion", ["walk", "wave", "squat", "kick"])
def test_our_motions_come_back_from_other_rest_poses(motion, rest):
    poses = library_poses(motion)
    done = retarget(rerested(poses, rest()))
    assert done.direction_error < 0.5
    assert np.nanmax(done.errors) < 6.0
    turned = angle_between(poses, done.poses)[:, : JOINT["left_wrist"]]
    if rest is facing_away:  # the same world, seen from a skeleton that rests the other way round
        assert np.median(turned) < 1.0
    assert np.percentile(turned, 90) < 12.0  # twists: hinges tell them but for straight limbs


def test_a_wrong_pose_has_a_large_error():
    poses = library_poses("wave")
    clip = rerested(poses, a_pose())
    moved = clip.rotations.copy()
    moved[:, JOINT["left_elbow"]] = (0.0, 1.5, 0.0)  # sideways: no elbow does
    wrong = MotionClip("wrong", clip.joints, clip.parents, clip.offsets, moved, clip.root, RATE)
    done = retarget(wrong)
    column = LIMBS.index("left_elbow")
    assert np.nanmin(done.clamped.max(axis=1)) >= 0.0
    assert done.errors[:, column].max() > 1.0 or done.clamped[:, JOINT["left_elbow"]].max() > 1.0


@pytest.mark.parametrize("motion", ["walk", "dance", "throw"])
def test_limits_hold_and_what_they_changed_is_told(motion):
    done = retarget(rerested(library_poses(motion), a_pose()))
    assert max(excess(pose).max() for pose in done.poses) < 1e-6
    assert done.clamped.shape == (len(done.poses), 52)


def test_hold_is_clamp_joint_by_joint():
    rotations = np.random.default_rng(1).normal(0.0, 1.2, (40, 52, 3))
    held = np.stack([hold(rotations[:, joint], joint) for joint in range(52)], axis=1)
    assert np.allclose(held, np.stack([clamp(pose) for pose in rotations]), atol=1e-12)


def test_planted_feet_stay_and_the_body_stands_on_the_ground():
    frames = 60
    poses = np.zeros((frames, 52, 3))
    sway = np.sin(np.linspace(0.0, 2.0 * np.pi, frames))
    for side in ("left", "right"):  # the knees bend while the ankles stay where they are
        poses[:, JOINT[f"{side}_hip"], 0] = -0.5 - 0.2 * sway
        poses[:, JOINT[f"{side}_knee"], 0] = 1.0 + 0.4 * sway
        poses[:, JOINT[f"{side}_ankle"], 0] = -0.5 - 0.2 * sway
    clip = rerested(poses, np.zeros((52, 3)), scale=1.3)
    _, places = clip.world()
    root = clip.root - (places[:, JOINT["left_ankle"]] - (0.1, 0.0, 0.1))
    clip = MotionClip("squats", clip.joints, clip.parents, clip.offsets, clip.rotations, root, RATE)
    done = retarget(clip)
    assert done.contacts.all()
    assert done.slide[1] < 0.002
    assert np.all(done.heights == 0.0)
    _, ours = forward(PARENTS, canonical_offsets(), matrix_from_vector(done.poses), done.root)
    ankle = ours[:, JOINT["left_ankle"]]
    assert np.ptp(ankle, axis=0).max() < 0.002
    assert 0.06 < ankle[0, 2] < 0.09


def test_a_jump_leaves_the_ground_and_comes_back():
    frames = 60
    rise = np.clip(np.sin(np.linspace(-1.0, 2.0 * np.pi - 2.0, frames)), 0.0, None) * 0.5
    clip = rerested(np.zeros((frames, 52, 3)), np.zeros((52, 3)))
    root = clip.root + np.stack([0.0 * rise, 0.0 * rise, rise], axis=1)
    done = retarget(MotionClip("jump", clip.joints, clip.parents, clip.offsets, clip.rotations, root, RATE))
    assert done.heights.max() == pytest.approx(0.5, abs=0.02)
    assert done.heights[0] == 0.0
    assert done.contacts[0].all()
    assert not done.contacts[int(rise.argmax())].any()
    assert np.ptp(done.root[:, 2]) == pytest.approx(0.5, abs=0.02)


def renamed(clip: MotionClip, names: dict[str, str]) -> MotionClip:
    joints = tuple(names.get(name, name) for name in clip.joints)
    return MotionClip(clip.name, joints, clip.parents, clip.offsets, clip.rotations, clip.root, clip.frame_rate)


@pytest.mark.parametrize("convention", [name for name in known_conventions() if name != "smpl"])
@pytest.mark.parametrize("prefix", ["", "mixamorig:", "Bip01 "])
def test_every_known_naming_is_found(convention, prefix):
    table = known_conventions()[convention]
    names = {joint: options[0] for joint, options in table.items() if joint in JOINT}
    if len(set(names.values())) != len(names):
        names |= {"spine1": table["spine1"][0]}
    file = [prefix + name for name in dict.fromkeys(names.values())]
    found = match_joints(file, "file")
    for joint in ("pelvis", "left_hip", "right_knee", "left_shoulder", "right_wrist", "head"):
        assert file[found[joint]] == prefix + names[joint]


def test_unknown_joints_give_one_error_with_the_form_of_the_table(tmp_path):
    clip = renamed(rerested(np.zeros((2, 52, 3)), a_pose()), {name: f"bone{k}" for k, name in enumerate(JOINT_NAMES)})
    with pytest.raises(AssetError, match=r"bone0, bone1.*") as caught:
        retarget(clip)
    message = str(caught.value)
    assert "[joints]" in message
    assert "left_hip" in message
    assert "\n" not in message
    table = tmp_path / "names.toml"
    lines = [f'{name} = "bone{k}"' for k, name in enumerate(JOINT_NAMES)]
    table.write_text("[joints]\n" + "\n".join(lines))
    assert retarget(clip, table).direction_error < 0.5
    table.write_text("[joints]\n" + "\n".join(lines[:5]))
    with pytest.raises(AssetError, match="still needs"):
        retarget(clip, table)
    table.write_text('[joints]\npelvis = "bone99"\n')
    with pytest.raises(AssetError, match="pelvis = bone99"):
        retarget(clip, table)
    table.write_text('[joints]\nfin = "bone0"\n')
    with pytest.raises(AssetError, match="`fin` is no joint"):
        retarget(clip, table)
    table.write_text("[joints")
    with pytest.raises(AssetError, match="TOML"):
        retarget(clip, table)


def test_both_sides_from_one_line():
    names = {"pelvis": "p", **{j: f"{{L}}_{j}" for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")}}
    file = ["p", *(f"{s}_{j}" for s in "LR" for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"))]
    found = match_joints(file, "file", names)
    assert file[found["right_knee"]] == "R_knee"
    assert file[found["left_wrist"]] == "L_wrist"


def test_a_clip_without_frames_is_refused():
    clip = rerested(np.zeros((0, 52, 3)), a_pose())
    with pytest.raises(AssetError, match="at least one frame"):
        retarget(clip)


def test_joints_in_one_place_are_named():
    clip = rerested(np.zeros((2, 52, 3)), a_pose())
    offsets = clip.offsets.copy()
    offsets[JOINT["left_elbow"]] = 0.0
    flat = MotionClip("flat", clip.joints, clip.parents, offsets, clip.rotations, clip.root, RATE)
    with pytest.raises(AssetError, match="left_shoulder and left_elbow"):
        retarget(flat)


def test_fingers_without_motion_are_at_ease():
    clip = rerested(library_poses("wave"), a_pose())
    kept = [k for k, name in enumerate(JOINT_NAMES) if not name[-1].isdigit() or name.startswith("spine")]
    place = {k: n for n, k in enumerate(kept)}
    parents = tuple(-1 if PARENTS[k] < 0 else place[PARENTS[k]] for k in kept)
    bare = MotionClip(
        "bare",
        tuple(JOINT_NAMES[k] for k in kept),
        parents,
        clip.offsets[kept],
        clip.rotations[:, kept],
        clip.root,
        RATE,
    )
    done = retarget(bare)
    assert np.all(done.poses[:, JOINT["left_index1"], 1] > 0.1)
    assert np.all(done.clamped[:, JOINT["left_index1"]] == 0.0)


def test_root_follows_the_body_that_wears_the_clip():
    clip = rerested(library_poses("walk"), a_pose())
    small, tall = retarget(clip, rest=0.8 * REST), retarget(clip, rest=1.2 * REST)
    assert np.median(tall.root[:, 2]) / np.median(small.root[:, 2]) == pytest.approx(1.5, rel=0.02)
    assert np.array_equal(small.poses, tall.poses)
