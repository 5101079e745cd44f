"""The Anny body: its T-pose, its laws, and its agreement with Anny's own forward pass."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.body.anny import ADULT, AnnyBody, ground
from densesynth.body.anny_package import split_alike
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.body.phenotype import ADULT_YEARS
from densesynth.geometry.rotations import mirror
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES
from densesynth.surface.atlas import load_atlas

SIDES = (("left", 1.0), ("right", -1.0))


def rest(body: AnnyBody, betas: np.ndarray):
    return body.pose(betas, np.zeros((len(betas), 52, 3), np.float32), np.zeros((len(betas), 3), np.float32))


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    return np.degrees(np.arccos(np.clip((a * np.asarray(b)).sum(axis=-1), -1.0, 1.0)))


def some_poses(count: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((count, 52, 3)) * 0.3).astype(np.float32)


def test_rest_is_a_t_pose_for_every_shape(anny_body, adults):
    joints = rest(anny_body, adults).joints
    for side, sign in SIDES:

        def bone(start: str, end: str, side: str = side) -> np.ndarray:
            return joints[:, JOINT[f"{side}_{end}"]] - joints[:, JOINT[f"{side}_{start}"]]

        out = (sign, 0.0, 0.0)
        assert degrees_between(bone("shoulder", "elbow"), out).max() < 0.1
        assert degrees_between(bone("elbow", "wrist"), out).max() < 0.1
        assert degrees_between(bone("wrist", "middle1"), out).max() < 0.1
        assert degrees_between(bone("shoulder", "wrist"), out).max() < 3.0
        for finger in ("index", "middle", "ring", "pinky"):
            assert degrees_between(bone(f"{finger}1", f"{finger}2"), out).max() < 0.1
            assert degrees_between(bone(f"{finger}2", f"{finger}3"), out).max() < 0.1
        assert degrees_between(bone("hip", "knee"), (0.0, 0.0, -1.0)).max() < 0.1
        assert degrees_between(bone("knee", "ankle"), (0.0, 0.0, -1.0)).max() < 0.1
        # Palm down: from the little finger's knuckle to the forefinger's is forward, and level.
        assert degrees_between(bone("pinky1", "index1") * (0.0, 1.0, 1.0), (0.0, -1.0, 0.0)).max() < 1.0
        # The thumb lies before the palm, the toes before the ankle.
        assert (bone("wrist", "thumb3")[:, 1] < -0.03).all()
        assert degrees_between(bone("ankle", "foot") * (1.0, 1.0, 0.0), (0.0, -1.0, 0.0)).max() < 0.1


def test_rest_faces_forward_and_stands_upright(anny_body, adults):
    posed = rest(anny_body, adults)
    nose = posed.keypoints[:, COCO_KEYPOINTS.index("nose")]
    ears = posed.keypoints[:, [COCO_KEYPOINTS.index("left_ear"), COCO_KEYPOINTS.index("right_ear")]]
    assert (nose[:, 1] < ears[:, :, 1].min(axis=1) - 0.05).all()
    assert (ears[:, 0, 0] > 0.04).all()
    assert (ears[:, 1, 0] < -0.04).all()
    assert (posed.joints[:, JOINT["head"], 2] > 0.45).all()
    heights = np.ptp(posed.vertices[:, :, 2], axis=1)
    assert (heights > 1.35).all()
    assert (heights < 2.15).all()


def test_soles_are_flat_at_rest(anny_body, adults):
    for vertices in rest(anny_body, adults).vertices:
        lowest = vertices[:, 2].min()
        sole = vertices[vertices[:, 2] < lowest + 0.012]
        for sign in (1.0, -1.0):
            foot = sole[sole[:, 0] * sign > 0.0]
            assert np.ptp(foot[:, 1]) > 0.15  # heel and ball both reach the ground


def test_anny_itself_agrees(anny_body, adults):
    rng = np.random.default_rng(3)
    betas, rotations = adults[:4], some_poses(4, 11)
    transl = rng.standard_normal((4, 3)).astype(np.float32)
    fast, slow = anny_body.pose(betas, rotations, transl), anny_body.reference(betas, rotations, transl)
    assert np.abs(fast.vertices - slow.vertices).max() < 1e-5
    assert np.abs(fast.joints - slow.joints).max() < 1e-5
    assert np.abs(fast.keypoints - slow.keypoints).max() < 1e-5


def test_the_comparison_sees_a_small_difference(anny_body, adults):
    still = np.zeros((1, 52, 3), np.float32)
    turned = still.copy()
    turned[0, JOINT["left_pinky3"], 1] = 0.01
    at = np.zeros((1, 3), np.float32)
    fast, slow = anny_body.pose(adults[:1], turned, at), anny_body.reference(adults[:1], still, at)
    assert np.abs(fast.vertices - slow.vertices).max() > 1e-5


def test_a_body_does_not_depend_on_its_batch(anny_body, adults):
    rotations = some_poses(12, 5)
    transl = np.random.default_rng(6).standard_normal((12, 3)).astype(np.float32)
    together = anny_body.pose(adults, rotations, transl)
    for k in (0, 5, 11):
        alone = anny_body.pose(adults[k : k + 1], rotations[k : k + 1], transl[k : k + 1])
        assert alone.vertices.tobytes() == together.vertices[k : k + 1].tobytes()
        assert alone.joints.tobytes() == together.joints[k : k + 1].tobytes()
        assert alone.keypoints.tobytes() == together.keypoints[k : k + 1].tobytes()


def test_an_empty_batch_is_an_empty_answer(anny_body):
    posed = anny_body.pose(np.zeros((0, 6), np.float32), some_poses(0, 0), np.zeros((0, 3), np.float32))
    assert posed.vertices.shape == (0, 13718, 3)


def test_transl_moves_everything(anny_body, adults):
    rotations = some_poses(1, 8)
    move = np.array([[1.0, -2.0, 0.5]], np.float32)
    here = anny_body.pose(adults[:1], rotations, np.zeros((1, 3), np.float32))
    there = anny_body.pose(adults[:1], rotations, move)
    assert np.array_equal(here.joints[0, 0], np.zeros(3))
    assert np.allclose(there.vertices - here.vertices, move, atol=2e-6)
    assert np.allclose(there.keypoints - here.keypoints, move, atol=2e-6)


def test_pelvis_turns_the_body_rigidly(anny_body, adults):
    rotations = some_poses(1, 9)
    rotations[0, 0] = 0.0
    turned = rotations.copy()
    turned[0, 0] = (0.0, 0.0, np.pi / 2)
    at = np.zeros((1, 3), np.float32)
    before, after = (anny_body.pose(adults[:1], r, at).vertices[0] for r in (rotations, turned))
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert np.allclose(after, before @ quarter.T, atol=1e-5)


def partners(body: AnnyBody, betas: np.ndarray) -> np.ndarray:
    """Each vertex's mirror partner: the nearest to its mirror image in the T-pose."""
    from scipy.spatial import cKDTree

    vertices = rest(body, betas[None]).vertices[0]
    distance, partner = cKDTree(vertices).query(vertices * (-1.0, 1.0, 1.0))
    assert np.median(distance) < 1e-3
    return np.where(distance < 2e-3, partner, -1)


def mirrored(rotations: np.ndarray) -> np.ndarray:
    swap = {"left": "right", "right": "left"}
    other = [JOINT["_".join([swap.get(p, p) for p in name.split("_")])] for name in JOINT_NAMES]
    return mirror(rotations[..., other, :].astype(np.float64)).astype(np.float32)


def test_mirrored_pose_gives_the_mirrored_body(anny_body, adults):
    partner = partners(anny_body, adults[0])
    paired = partner >= 0
    assert paired.mean() > 0.95
    rotations = some_poses(1, 21)
    at = np.zeros((1, 3), np.float32)
    one = anny_body.pose(adults[:1], rotations, at).vertices[0]
    other = anny_body.pose(adults[:1], mirrored(rotations), at).vertices[0]
    error = np.linalg.norm(other[partner[paired]] * (-1.0, 1.0, 1.0) - one[paired], axis=1)
    assert np.percentile(error, 99) < 0.004
    assert error.max() < 0.015


@pytest.mark.parametrize(
    ("joint", "vector", "moves", "toward"),
    [
        ("left_shoulder", (0.0, np.pi / 2, 0.0), "left_wrist", (0.0, 0.0, -1.0)),  # arm down
        ("right_shoulder", (0.0, 0.0, np.pi / 2), "right_wrist", (0.0, -1.0, 0.0)),  # arm ahead
        ("left_hip", (-np.pi / 2, 0.0, 0.0), "left_ankle", (0.0, -1.0, 0.0)),  # thigh ahead
    ],
)
def test_limbs_go_where_their_rotation_says(anny_body, adults, joint, vector, moves, toward):
    rotations = np.zeros((1, 52, 3), np.float32)
    rotations[0, JOINT[joint]] = vector
    joints = anny_body.pose(adults[:1], rotations, np.zeros((1, 3), np.float32)).joints[0]
    assert degrees_between(joints[JOINT[moves]] - joints[JOINT[joint]], toward) < 0.1


def test_twist_turns_the_hand_and_not_the_elbow(anny_body, adults):
    rotations = np.zeros((1, 52, 3), np.float32)
    rotations[0, JOINT["left_wrist"], 0] = 1.0
    at = np.zeros((1, 3), np.float32)
    before = rest(anny_body, adults[:1])
    after = anny_body.pose(adults[:1], rotations, at)
    elbow, wrist = before.joints[0, JOINT["left_elbow"]], before.joints[0, JOINT["left_wrist"]]
    along = (before.vertices[0, :, 0] - elbow[0]) / (wrist[0] - elbow[0])
    moved = np.linalg.norm(after.vertices[0] - before.vertices[0], axis=1)
    near_elbow, near_wrist = (along > -0.3) & (along < 0.02), (along > 0.9) & (along < 1.0)
    assert moved[near_elbow].max() < 0.012
    assert np.median(moved[near_wrist]) > 0.01
    # Nowhere does the forearm collapse to a thread: its girth stays most of what it was.
    for part in np.linspace(0.15, 0.9, 6):
        ring = np.abs(along - part) < 0.08
        radius = [
            np.linalg.norm((p.vertices[0, ring] - p.vertices[0, ring].mean(axis=0))[:, 1:], axis=1).mean()
            for p in (before, after)
        ]
        assert radius[1] > 0.85 * radius[0]


def test_ground_puts_the_lowest_vertex_at_the_height(anny_body, adults):
    posed = anny_body.pose(adults[:3], some_poses(3, 2), np.zeros((3, 3), np.float32))
    heights = np.array([0.0, 0.2, 0.0], np.float32)
    rise = ground(posed, heights)
    lowest = (posed.vertices[:, :, 2] + rise[:, None]).min(axis=1)
    assert np.allclose(lowest, heights, atol=1e-6)


def test_shapes_are_adults_and_repeatable(anny_body):
    def draw(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.stack([anny_body.sample_betas(rng) for _ in range(300)])

    betas = draw(0)
    assert np.array_equal(betas, draw(0))
    assert betas.min() >= 0.0
    assert betas.max() <= 1.0
    ages = betas[:, anny_body.betas_names.index("age")]
    low, high = np.interp(ADULT_YEARS, anny_body.distribution.years, anny_body.distribution.ages)
    assert ages.min() >= low - 1e-6
    assert ages.max() <= high + 1e-6
    assert (betas.std(axis=0) > (0.2, 0.01, 0.15, 0.15, 0.05, 0.2)).all()


def test_heights_of_the_sexes_are_those_of_people(anny_body):
    rng = np.random.default_rng(1)
    heights: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(60):
        betas = anny_body.sample_betas(rng)
        heights[bool(betas[0] > 0.5)].append(float(np.ptp(rest(anny_body, betas[None]).vertices[0, :, 2])))
    assert 1.68 < np.mean(heights[False]) < 1.85
    assert 1.54 < np.mean(heights[True]) < 1.72


def test_collisions_are_seen(anny_body, adults):
    still = rest(anny_body, adults[:1]).vertices[0]
    at_rest = anny_body.colliding_faces(still)
    assert anny_body.colliding_share(still, at_rest) == 0.0
    through = np.zeros((1, 52, 3), np.float32)
    through[0, JOINT["left_shoulder"]] = (0.0, 2.3, 0.0)  # the arm through the trunk and thigh
    posed = anny_body.pose(adults[:1], through, np.zeros((1, 3), np.float32)).vertices[0]
    assert anny_body.colliding_share(posed, at_rest) > 0.002  # two surfaces meet along a line: few faces


def test_the_mesh_is_the_charts_whatever_diagonals_the_machine_picks(anny_body):
    """Some quads of the eyes have two diagonals of one length, which Anny splits as the machine rounds."""
    charted = load_atlas("anny").faces
    np.testing.assert_array_equal(anny_body.faces, charted)
    chosen = np.random.default_rng(0).choice(len(charted) // 2, 500, replace=False) * 2
    chosen = [first for first in chosen if len(set(charted[first]) | set(charted[first + 1])) == 4]
    faces, textures = charted.astype(np.int64), charted.astype(np.int64) + 7  # a corner's texture tells its vertex
    for first in chosen:  # the same quad, along its other diagonal
        (a, b, c), (_, d, _) = _rolled(charted[first], charted[first + 1])
        faces[first], faces[first + 1] = (b, d, a), (d, b, c)
        textures[first], textures[first + 1] = faces[first] + 7, faces[first + 1] + 7
    assert (faces != charted).any(axis=1).sum() > 500
    split, laid = split_alike(faces, textures, charted)
    np.testing.assert_array_equal(split, charted)
    np.testing.assert_array_equal(laid, charted + 7)


def test_another_mesh_keeps_its_faces():
    charted = load_atlas("anny").faces
    other = charted.astype(np.int64)
    other[[0, 1], 0] = other[[5000, 7000], 0]
    assert split_alike(other, other, charted)[0] is other
    shorter = other[1:]
    assert split_alike(shorter, shorter, charted)[0] is shorter


def _rolled(first: np.ndarray, second: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two triangles on one diagonal as (a, b, c) and (c, d, a)."""
    for turn in range(3):
        a, b, c = np.roll(first, turn)
        if b not in second:
            return (a, b, c), (c, next(v for v in second if v not in first), a)
    raise AssertionError("no diagonal")


def test_the_shapes_of_adults_span_what_everyones_do(anny_body, adults):
    phenotype = anny_body.everyone.phenotype
    narrow, sums = phenotype.within("age", phenotype.anchors["age"][ADULT])
    assert len(sums) < 0.7 * len(anny_body.everyone.heads)
    for betas in adults:
        np.testing.assert_allclose(narrow.coefficients(betas) @ sums, phenotype.coefficients(betas), atol=1e-12)


def test_a_child_has_shapes_that_adults_lack(anny_body):
    child = anny_body.average_betas()[None]
    child[0, anny_body.betas_names.index("age")] = 0.4
    own = anny_body.reference(child, np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    np.testing.assert_allclose(rest(anny_body, child).vertices, own.vertices, atol=1e-5)
