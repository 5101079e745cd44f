"""Eyes that turn: as far as said, about their own middles, within lids that follow and stay apart."""

from __future__ import annotations

import numpy as np
import pytest
from test_faces import lid_gaps

from densesynth.appearance.paint import load_paint
from densesynth.body.anny import AnnyBody
from densesynth.body.expressions import SIDES
from densesynth.body.gaze import ASIDE, CAMERA_SHARE, UP_OR_DOWN, draw_gaze, has_eyes, turn_eyes, within_reach

EXTREMES = [(25.0, 0.0), (-25.0, 0.0), (0.0, 15.0), (0.0, -15.0), (18.0, 10.0), (-18.0, -10.0)]


def rotation_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The rotation that takes centred points there, by Kabsch."""
    u, _, v = np.linalg.svd((before - before.mean(0)).T @ (after - after.mean(0)))
    return v.T @ np.diag([1.0, 1.0, np.linalg.det(v.T @ u.T)]) @ u.T


@pytest.mark.parametrize("turn", EXTREMES)
def test_eyeballs_turn_rigidly_as_far_as_said(anny_body: AnnyBody, adults: np.ndarray, turn: tuple[float, float]):
    face = turn_eyes(anny_body.expression_names, None, [turn, turn])
    for betas in adults[:4]:
        plain, turned = anny_body.at_rest(betas), anny_body.at_rest(betas, face)
        for eyeball in anny_body.face.eyeballs:
            before, after = plain[eyeball.vertices], turned[eyeball.vertices]
            assert np.abs(after.mean(0) - before.mean(0)).max() < 5e-4
            ahead = rotation_of(before, after) @ (0.0, -1.0, 0.0)
            yaw, pitch = np.degrees(np.arctan2(ahead[0], -ahead[1])), np.degrees(np.arcsin(ahead[2]))
            assert (yaw, pitch) == pytest.approx(turn, abs=0.05)
            apart = np.linalg.norm(before[:, None] - before, axis=2) - np.linalg.norm(after[:, None] - after, axis=2)
            assert np.abs(apart).max() < 1e-6


def test_eyeballs_are_the_painted_ones(anny_body: AnnyBody):
    paint = load_paint(anny_body.faces)
    eyes = np.unique(paint.faces[paint.category == 1])
    balls = [eyeball.vertices for eyeball in anny_body.face.eyeballs]
    assert np.array_equal(np.sort(np.concatenate(balls)), eyes)
    assert (anny_body.at_rest(anny_body.average_betas())[balls[0], 0] > 0.0).all()


def test_lids_follow_and_cover_the_ball_as_before(anny_body: AnnyBody, adults: np.ndarray):
    """Looking down lowers the upper lid; the ball comes through no more of the skin around than it does straight on."""
    names, betas = anny_body.expression_names, adults[1]
    middle = anny_body._rest(betas)[0][anny_body.face.eyeballs[0].bone]
    ball = anny_body.face.eyeballs[0].vertices
    plain = anny_body.at_rest(betas)
    near = np.flatnonzero((np.linalg.norm(plain - middle, axis=1) < 0.0195) & (plain[:, 1] < middle[1] - 0.004))
    near = np.setdiff1d(near, ball)

    def count_inside(vertices: np.ndarray) -> int:
        radii = np.linalg.norm(vertices[ball] - middle, axis=1)
        return int((np.linalg.norm(vertices[near] - middle, axis=1) < radii.min() - 1e-4).sum())

    for turn in EXTREMES:
        turned = anny_body.at_rest(betas, turn_eyes(names, None, [turn, turn]))
        assert count_inside(turned) <= count_inside(plain) + 8  # of some forty in the folds behind the lids
    gaps = [
        lid_gaps(anny_body.at_rest(betas, turn_eyes(names, None, [(0.0, p)] * 2))).max() for p in (0.0, -8.0, -15.0)
    ]
    assert gaps[0] > gaps[1] + 0.5 > gaps[2] + 1.0 > 4.0


def test_lids_never_pass_each_other(anny_body: AnnyBody, adults: np.ndarray):
    for k in range(200):
        rng = np.random.default_rng([4, k])
        turn = (float(rng.uniform(-ASIDE, ASIDE)), float(rng.uniform(-UP_OR_DOWN, UP_OR_DOWN)))
        face = turn_eyes(anny_body.expression_names, anny_body.sample_expression(rng), [turn, turn])
        assert lid_gaps(anny_body.at_rest(adults[k % len(adults)], face)).min() > -0.5


def test_nothing_but_eyes_and_lids_moves(anny_body: AnnyBody, adults: np.ndarray):
    names = anny_body.expression_names
    still, at = np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32)
    plain = anny_body.pose(adults[:1], still, at)
    turned = anny_body.pose(adults[:1], still, at, turn_eyes(names, None, [(20.0, -8.0)] * 2)[None])
    moved = np.abs(turned.vertices[0] - plain.vertices[0]).max(axis=1) > 1e-7
    eyes = plain.keypoints[0, [1, 2]]
    apart = np.linalg.norm(plain.vertices[0][moved][:, None] - eyes, axis=2).min(axis=1)
    assert 144 < moved.sum() < 1200
    assert apart.max() < 0.05
    assert turned.joints.tobytes() == plain.joints.tobytes()
    off = np.linalg.norm(turned.keypoints[0] - plain.keypoints[0], axis=1)
    assert 0.001 < off[[1, 2]].min() <= off[[1, 2]].max() < 0.006  # COCO's eyes go with the irises
    assert np.delete(off, [1, 2]).max() < 1e-6
    # Nor does a turned eye stay behind for the next body, or the next face.
    assert anny_body.pose(adults[:1], still, at).vertices.tobytes() == plain.vertices.tobytes()


def test_gazes_that_are_drawn(anny_body: AnnyBody):
    rng = np.random.default_rng(0)
    drawn = [draw_gaze(0.8, rng) for _ in range(2000)]
    turned = [gaze for gaze in drawn if gaze is not None]
    assert len(turned) / len(drawn) == pytest.approx(0.8, abs=0.04)
    yaw, pitch = np.array([gaze.yaw for gaze in turned]), np.array([gaze.pitch for gaze in turned])
    assert np.abs(yaw).max() <= ASIDE
    assert np.abs(pitch).max() <= UP_OR_DOWN
    assert np.mean(np.abs(yaw) < 9.0) > 0.6
    assert abs(yaw.mean()) < 1.0
    assert np.mean([gaze.seeks for gaze in turned]) == pytest.approx(CAMERA_SHARE, abs=0.04)
    # Whatever the share, as many numbers are drawn.
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert draw_gaze(0.0, one) is None
    assert draw_gaze(1.0, other) is not None
    assert one.random() == other.random()
    assert within_reach(20.0, 5.0)
    assert not within_reach(24.0, 10.0)
    assert has_eyes(anny_body.expression_names)
    assert not has_eyes(("expression_0",))


def test_closed_and_narrowed_eyes_look_less_far_down(anny_body: AnnyBody):
    names = anny_body.expression_names
    down = [names.index(f"eyeLookDown{side}") for side in SIDES]
    closed = np.zeros(len(names), np.float32)
    closed[[names.index(f"eyeBlink{side}") for side in SIDES]] = 0.6
    assert turn_eyes(names, None, [(0.0, -15.0)] * 2)[down].tolist() == [1.0, 1.0]
    assert turn_eyes(names, closed, [(0.0, -15.0)] * 2)[down].tolist() == [0.0, 0.0]
