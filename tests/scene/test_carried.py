"""What people carry: closed things that hang on the body, hide exactly what they hide, and are off by default."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from densesynth.appearance.paint import load_paint
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.body import PosedBodies
from densesynth.config import recipe_from_table
from densesynth.data.audit import audit
from densesynth.frames import Generator
from densesynth.generate import generate_dataset
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.library import draw_variation, pose_at
from densesynth.scene import carried
from densesynth.scene.carried import KINDS, SINK, _make, carry, find_hand_frame, find_trunk_frame
from densesynth.scene.sample import _shift, _stand

TABLE = {
    "picture": {"width": 160, "height": 160, "noise": [0.0, 0.0]},
    "people": {"count": [1, 2], "motions": ["stand", "walk", "hips"]},
    "camera": {"fill": [0.7, 0.9]},
}


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


def posed(body: AnnyBody, motion: str, time: float, seed: int) -> PosedBodies:
    rng = np.random.default_rng(seed)
    betas, pose = body.sample_betas(rng), pose_at(motion, time, draw_variation(rng))
    bodies, _, shift = _stand(body, betas, pose.rotations, None, pose.height)
    return _shift(bodies, shift)


@pytest.fixture(scope="module")
def crowd(body: AnnyBody) -> list[PosedBodies]:
    motions = ("stand", "walk", "run", "phone", "run", "clap", "run", "punch")
    return [posed(body, motion, 0.4 * seed, seed) for seed, motion in enumerate(motions)]


def test_frames_are_the_bodys_own(body: AnnyBody) -> None:
    """At rest the trunk's axes are the world's; palms look down, fingers point out."""
    rest, _, _ = _stand(
        body, np.zeros_like(body.sample_betas(np.random.default_rng(0))), np.zeros((52, 3), np.float32), None, 0
    )
    joints = rest.joints[0].astype(np.float64)
    assert (np.diag(find_trunk_frame(joints).turn) > 0.95).all()
    for left, sign in ((True, 1.0), (False, -1.0)):
        turn = find_hand_frame(joints, left).turn
        np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn) == pytest.approx(1.0)
        assert turn[2, 1] < -0.8
        assert sign * turn[0, 2] > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_things_are_closed_turned_outwards_and_on_the_body(body: AnnyBody, crowd: list[PosedBodies], kind: str) -> None:
    trunk, found = load_paint(body.faces).trunk, 0
    for seed, people in enumerate(crowd):
        made = _make(kind, people, 0, False, [], trunk, seed % 2 == 0, np.random.default_rng(seed))
        if made is None:
            continue
        found += 1
        thing, frame = made
        place = np.unique(np.round(thing.vertices, 5), axis=0, return_inverse=True)[1].ravel()[thing.faces]
        kept = (place[:, 0] != place[:, 1]) & (place[:, 1] != place[:, 2]) & (place[:, 2] != place[:, 0])
        edges = Counter((a, b) for face in place[kept].tolist() for a, b in zip(face, face[1:] + face[:1], strict=True))
        assert all(edges[(b, a)] == count for (a, b), count in edges.items())
        corners = thing.vertices[thing.faces].astype(np.float64)
        for piece in np.unique(thing.materials.piece):
            a, b, c = np.moveaxis(corners[thing.materials.piece == piece], 1, 0)
            middle = a.mean(axis=0)
            assert (np.cross(a - middle, b - middle) * (c - middle)).sum() > 0.0, piece
        world = thing.vertices @ frame.turn.T + frame.origin
        assert world[:, 2].min() > 0.0
        skin = people.vertices[0].astype(np.float64)
        gaps = np.linalg.norm(world[::3, None] - skin[None, ::5], axis=2).min(axis=1)
        assert gaps.min() < 0.06  # it touches the body, or nearly: ends of a tube are all that it has of vertices
        inside = frame.own(skin)
        low, high = thing.solids[0] + np.array([[2 * SINK + 0.01], [-2 * SINK - 0.01]])
        if (high > low).all():
            assert ((inside > low) & (inside < high)).all(axis=1).mean() < 0.01
    assert found


def test_who_sits_carries_nothing_on_the_back(body: AnnyBody) -> None:
    people = posed(body, "sit", 2.0, 3)
    trunk = load_paint(body.faces).trunk
    for kind in ("backpack", "shoulder bag", "hand bag"):
        assert _make(kind, people, 0, True, [], trunk, True, np.random.default_rng(0)) is None
    assert carry(0.0, people, [True], [], trunk, np.random.default_rng(0)) == []


def test_a_hand_bag_hangs_below_the_hand(body: AnnyBody) -> None:
    people = posed(body, "stand", 0.0, 1)
    made = _make("hand bag", people, 0, False, [], None, True, np.random.default_rng(2))
    assert made is not None
    thing, frame = made
    np.testing.assert_allclose(frame.turn[:, 2], (0.0, 0.0, 1.0), atol=1e-12)
    wrist = people.joints[0, JOINT["left_wrist"]]
    top = (thing.vertices @ frame.turn.T + frame.origin)[:, 2].max()
    assert top < wrist[2]


def test_labels_lose_exactly_what_is_hidden(tmp_path) -> None:
    """Off is bit-identical; on, pixels of people go where something is carried, and no other label changes."""
    plain = Generator(recipe_from_table(TABLE, "test"))
    off = Generator(recipe_from_table({**TABLE, "furniture": {"carried": 0.0}}, "test"))
    table = {**TABLE, "furniture": {"carried": 1.0}}
    on = Generator(recipe_from_table(table, "test"))
    lost = 0
    for index in range(3):
        before, same, after = (generator.frame(5, index) for generator in (plain, off, on))
        assert before.picture.tobytes() == same.picture.tobytes()
        assert before.annotations == same.annotations
        kept = after.surface["instance"] > 0
        assert (before.surface["instance"][kept] == after.surface["instance"][kept]).all()
        np.testing.assert_array_equal(before.iuv[kept], after.iuv[kept])
        lost += int(((before.surface["instance"] > 0) & ~kept).sum())
    assert lost > 100
    generate_dataset(recipe_from_table(table, "test"), tmp_path / "carried", frames=3, seed=5)
    report = audit(tmp_path / "carried", lambda _: plain.body, plain.atlas)
    assert report.ok, report.breaches


@pytest.mark.parametrize(("apart", "packs"), [(0.35, 1), (3.0, 2)])
def test_nobody_stands_in_what_somebody_carries(
    body: AnnyBody, monkeypatch: pytest.MonkeyPatch, apart: float, packs: int
) -> None:
    monkeypatch.setattr(carried, "KINDS", ("backpack",))
    monkeypatch.setattr(carried, "SHARES", (1.0,))
    one = posed(body, "stand", 0.0, 1)
    behind = find_trunk_frame(one.joints[0].astype(np.float64)).turn[:, 1] * (1.0, 1.0, 0.0) * apart
    other = _shift(one, behind.astype(np.float32))
    both = PosedBodies(
        np.concatenate([one.vertices, other.vertices]),
        np.concatenate([one.joints, other.joints]),
        np.concatenate([one.keypoints, other.keypoints]),
    )
    trunk = load_paint(body.faces).trunk
    meshes = carry(1.0, both, [False, False], [], trunk, np.random.default_rng(0))
    assert len(meshes) == packs
    assert all(mesh.owner == 0 and mesh.materials is not None for mesh in meshes)
