"""The built-in motions: names, repetition, limits, mirror, contact with the ground, balance, collisions."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.errors import ConfigurationError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS
from densesynth.motion.figure import FOREARM, MASSES, REST, SHANK, THIGH, UPPER_ARM, Figure, two_bones
from densesynth.motion.library import MOTION_NAMES, Variation, draw_variation, duration, pose_at
from densesynth.motion.limits import clamp, excess

AVERAGE = np.array([[0.5, 0.8, 0.5, 0.5, 0.5, 0.5]], np.float32)
NOWHERE = np.zeros((1, 3), np.float32)
GAITS = {"walk", "run"}
# Both soles flat on the ground from beginning to end.
FLAT_FOOTED = ("stand", "sit", "squat", "wave", "pick", "dance", "point", "clap", "phone", "hips", "folded")
COLLIDING_AVERAGE = 0.006  # the stated bounds on faces that collide beyond the rest pose
COLLIDING_ADULTS = 0.03


def world_rotations(rotations: np.ndarray) -> np.ndarray:
    local = matrix_from_vector(rotations.astype(np.float64))
    world = local.copy()
    for joint in range(1, 52):
        world[joint] = world[PARENTS[joint]] @ local[joint]
    return world


def test_there_are_the_motions_promised():
    assert {"stand", "walk", "run", "sit", "squat", "reach", "wave", "kick", "jump", "throw", "pick", "dance"} <= set(
        MOTION_NAMES
    )
    assert all(0.3 < duration(name) < 10.0 for name in MOTION_NAMES)


def test_an_unknown_motion_names_the_nearest():
    with pytest.raises(ConfigurationError, match="“walk”"):
        pose_at("wlak", 0.0)
    with pytest.raises(ConfigurationError, match="Known"):
        duration("zzz")


@pytest.mark.parametrize("name", MOTION_NAMES)
def test_motions_repeat_without_a_jump(name):
    start, again = pose_at(name, 0.0), pose_at(name, 3.0 * duration(name))
    assert np.allclose(start.rotations, again.rotations, atol=1e-5)
    last = pose_at(name, duration(name) * (1.0 - 1e-4))
    assert np.abs(last.rotations - start.rotations).max() < 0.02
    negative = pose_at(name, -0.25 * duration(name))
    assert np.allclose(negative.rotations, pose_at(name, 0.75 * duration(name)).rotations, atol=1e-5)


@pytest.mark.parametrize("name", MOTION_NAMES)
def test_motions_are_smooth_and_do_move(name):
    times = np.arange(0.0, duration(name), duration(name) / 50)
    rotations = np.stack([matrix_from_vector(pose_at(name, float(t)).rotations) for t in times])
    trace = np.einsum("tjab,tjab->tj", rotations[1:], rotations[:-1])
    speed = np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)) * 50.0 / duration(name)
    assert speed.max() < 32.0  # rad/s; a thrower's arm reaches more than 100, a runner's knee 15
    assert np.ptp(rotations, axis=0).max() > 0.05


def test_tempo_is_speed():
    slow, fast = Variation(tempo=0.8), Variation(tempo=1.25)
    assert np.allclose(pose_at("kick", 1.0, slow).rotations, pose_at("kick", 0.64, fast).rotations, atol=1e-5)


def test_joints_stay_within_their_ranges():
    rng = np.random.default_rng(0)
    for name in MOTION_NAMES:
        for _ in range(40):  # 200 were tried when the motions were made
            pose = pose_at(name, float(rng.uniform(0.0, 10.0)), draw_variation(rng))
            assert np.isfinite(pose.rotations).all()
            assert pose.height >= 0.0
            over = excess(pose.rotations.astype(np.float64))
            assert over.max() < 1e-5, (name, JOINT_NAMES[int(over.argmax())], np.degrees(over.max()))


def test_a_knee_bent_backward_is_seen_and_mended():
    rotations = np.zeros((52, 3))
    rotations[JOINT["right_knee"], 0] = -0.4
    rotations[JOINT["left_shoulder"]] = (2.2, 0.3, -0.2)
    assert set(np.flatnonzero(excess(rotations) > 0.0)) == {JOINT["right_knee"], JOINT["left_shoulder"]}
    assert excess(clamp(rotations)).max() < 1e-9
    untouched = np.delete(np.arange(52), [JOINT["right_knee"], JOINT["left_shoulder"]])
    assert np.array_equal(clamp(rotations)[untouched], rotations[untouched])


def test_drawn_manners_stay_within_their_documented_ranges():
    rng = np.random.default_rng(4)
    for _ in range(500):
        v = draw_variation(rng)
        assert 0.75 <= v.amplitude <= 1.15
        assert 0.7 <= v.tempo <= 1.3
        assert abs(v.asymmetry) <= 1.0
        assert 0.8 <= v.stance <= 1.4
        assert -0.05 <= v.toes_out <= 0.2
        assert abs(v.head_turn) <= 0.5
        assert -0.2 <= v.head_nod <= 0.3
        assert abs(v.lean) <= 0.06
        assert -0.05 <= v.stoop <= 0.12
        assert 0.0 <= v.arms_out <= 0.2
        assert 0.0 <= v.elbow_bend <= 0.35
        assert len(v.curl) == 5
        assert 0.0 <= min(v.curl) <= max(v.curl) <= 1.0
        assert -0.05 <= v.spread <= 0.12


@pytest.mark.parametrize("name", MOTION_NAMES)
def test_mirrored_performance_is_the_mirror_image(name):
    plain, other = Variation(), Variation(mirrored=True)
    time = 0.4 * duration(name)
    one, two = (world_rotations(pose_at(name, time, v).rotations) for v in (plain, other))
    flip = np.diag([-1.0, 1.0, 1.0])
    swap = {"left": "right", "right": "left"}
    for joint, number in JOINT.items():
        partner = JOINT["_".join(swap.get(part, part) for part in joint.split("_"))]
        assert np.allclose(two[partner], flip @ one[number] @ flip, atol=1e-5)


@pytest.mark.parametrize("name", FLAT_FOOTED)
def test_soles_stay_flat(name):
    rng = np.random.default_rng(1)
    for _ in range(5):
        pose = pose_at(name, float(rng.uniform(0.0, 10.0)), draw_variation(rng))
        world = world_rotations(pose.rotations)
        for side in ("left", "right"):
            up = world[JOINT[f"{side}_foot"]] @ (0.0, 0.0, 1.0)
            assert np.degrees(np.arccos(min(up[2], 1.0))) < 2.0, (name, side)


@pytest.mark.parametrize("name", FLAT_FOOTED)
def test_both_feet_reach_the_ground(anny_body, adults, name):
    for k, betas in enumerate(adults[:4]):
        pose = pose_at(name, 0.37 * k * duration(name), Variation(amplitude=0.8 + 0.1 * k))
        vertices = anny_body.pose(betas[None], pose.rotations[None], NOWHERE).vertices[0]
        joints = anny_body.pose(betas[None], pose.rotations[None], NOWHERE).joints[0]
        lowest = [
            vertices[np.linalg.norm(vertices - joints[JOINT[f"{side}_foot"]], axis=1) < 0.12][:, 2].min()
            for side in ("left", "right")
        ]
        assert abs(lowest[0] - lowest[1]) < 0.02, (name, lowest)
        assert min(lowest) - vertices[:, 2].min() < 0.005  # and nothing hangs below the feet


def test_only_running_and_jumping_leave_the_ground():
    for name in MOTION_NAMES:
        heights = [pose_at(name, duration(name) * k / 16).height for k in range(16)]
        if name in ("run", "jump"):
            assert 0.02 < max(heights) < 0.4
            assert min(heights) == 0.0
        else:
            assert max(heights) == 0.0


@pytest.mark.parametrize("name", [n for n in MOTION_NAMES if n not in GAITS | {"sit", "jump", "throw", "lunge"}])
def test_the_mass_is_over_the_feet(anny_body, name):
    for k in range(6):
        pose = pose_at(name, duration(name) * k / 6, Variation(asymmetry=0.5))
        joints = anny_body.pose(AVERAGE, pose.rotations[None], NOWHERE).joints[0]
        mass = np.einsum("j,jd->d", MASSES, joints[:22].astype(np.float64))
        feet = np.stack([joints[JOINT[f"{s}_{j}"]] for s in ("left", "right") for j in ("ankle", "foot")])
        on_ground = feet[feet[:, 2] < feet[:, 2].min() + 0.12]
        margin = 0.06  # a sole reaches this far beyond the ankle and the ball
        low, high = on_ground[:, :2].min(axis=0) - margin, on_ground[:, :2].max(axis=0) + margin
        assert (mass[:2] > low).all(), (name, k)
        assert (mass[:2] < high).all(), (name, k)


def share_of_collisions(body, betas, pose) -> float:
    rest = body.pose(betas, np.zeros((1, 52, 3), np.float32), NOWHERE).vertices[0]
    posed = body.pose(betas, pose.rotations[None], NOWHERE).vertices[0]
    return body.colliding_share(posed, body.colliding_faces(rest))


@pytest.mark.parametrize("name", MOTION_NAMES)
def test_the_average_body_hardly_meets_itself(anny_body, name):
    for k in range(6):
        pose = pose_at(name, duration(name) * k / 6)
        assert share_of_collisions(anny_body, AVERAGE, pose) <= COLLIDING_AVERAGE, (name, k)


def test_adults_hardly_meet_themselves(anny_body):
    rng = np.random.default_rng(12)
    shares = []
    for name in MOTION_NAMES:
        for _ in range(2):
            pose = pose_at(name, float(rng.uniform(0.0, 10.0)), draw_variation(rng))
            shares.append(share_of_collisions(anny_body, anny_body.sample_betas(rng)[None], pose))
            assert shares[-1] <= COLLIDING_ADULTS, name
    assert np.mean(shares) < 0.005


def test_the_figure_is_measured_right():
    def length(first: str, second: str) -> float:
        return float(np.linalg.norm(REST[JOINT[first]] - REST[JOINT[second]]))

    assert np.isclose(length("left_hip", "left_knee"), THIGH)
    assert np.isclose(length("left_knee", "left_ankle"), SHANK)
    assert np.isclose(length("right_shoulder", "right_elbow"), UPPER_ARM)
    assert np.isclose(length("right_elbow", "right_wrist"), FOREARM)
    assert np.isclose(MASSES.sum(), 1.0)


def test_two_bones_span_what_they_are_asked_to():
    rng = np.random.default_rng(2)
    for _ in range(100):
        offset, toward = rng.standard_normal(3) * 0.25, rng.standard_normal(3)
        upper, lower = two_bones(offset, toward, 0.41, 0.42)
        assert np.isclose(np.linalg.norm(upper), 1.0)
        assert np.isclose(np.linalg.norm(lower), 1.0)
        if 0.06 < np.linalg.norm(offset) < 0.8:
            assert np.allclose(0.41 * upper + 0.42 * lower, offset, atol=1e-9)
        assert (upper - lower) @ (toward - (toward @ offset) * offset / (offset @ offset)) > 0.0


def test_a_hand_arrives_where_it_reaches():
    figure = Figure()
    figure.trunk(0.3, 0.1, -0.2)
    target = np.array([0.25, -0.35, 0.35])
    figure.reach("left", target, (0.5, 0.2, -1.0))
    assert np.allclose(figure.places()[JOINT["left_wrist"]], target, atol=1e-6)
