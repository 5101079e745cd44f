"""Things in the room: closed meshes on the ground, seats that touch nobody, people hidden exactly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from doll import DollBody, camera_at

from densesynth.body.anny import load_anny
from densesynth.config import recipe_from_table
from densesynth.frames import Generator
from densesynth.geometry.mesh import Mesh
from densesynth.label.owners import find_owners, groups_of
from densesynth.motion.library import MOTION_NAMES, draw_variation, duration, pose_at
from densesynth.render.reference import render as render_slowly
from densesynth.render.render import rasterise
from densesynth.scene.furniture import (
    CLEARANCE,
    KINDS,
    SEATS,
    FurnitureSettings,
    find_seat,
    furnish,
    needs_seat,
)
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.sample import _shift, _stand
from densesynth.scene.shapes import Thing
from densesynth.scene.things import make_seat, make_thing


def draw_things() -> list[Thing]:
    rng = np.random.default_rng(0)
    seats = [make_seat(kind, rng, 0.45, 0.3, -0.15, 0.4) for kind in SEATS for _ in range(2)]
    return seats + [make_thing(kind, rng) for kind in KINDS for _ in range(3)]


@pytest.mark.parametrize("thing", draw_things(), ids=lambda thing: thing.kind)
def test_things_are_closed_turned_outwards_and_stand_on_the_ground(thing: Thing) -> None:
    assert thing.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    place = np.unique(np.round(thing.vertices, 5), axis=0, return_inverse=True)[1].ravel()[thing.faces]
    kept = (place[:, 0] != place[:, 1]) & (place[:, 1] != place[:, 2]) & (place[:, 2] != place[:, 0])
    edges = Counter((a, b) for face in place[kept].tolist() for a, b in zip(face, face[1:] + face[:1], strict=True))
    assert all(edges[(b, a)] == count for (a, b), count in edges.items())
    a, b, c = (thing.vertices[thing.faces[:, k]].astype(np.float64) for k in range(3))
    assert (np.cross(a, b) * c).sum() > 0.0  # six times the volume
    low, high = thing.solids[:, 0].min(axis=0), thing.solids[:, 1].max(axis=0)
    np.testing.assert_allclose(low, thing.vertices.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(high, thing.vertices.max(axis=0), atol=1e-6)


def posed(body, motion: str, time: float, seed: int):
    rng = np.random.default_rng(seed)
    betas, pose = body.sample_betas(rng), pose_at(motion, time, draw_variation(rng))
    bodies, _, shift = _stand(body, betas, pose.rotations, None, pose.height)
    return _shift(bodies, shift)


@pytest.fixture(scope="module")
def body():
    return load_anny()


def test_who_sits_has_a_seat_close_below_and_clear_of_the_body(body) -> None:
    gaps, found = [], 0
    for seed in range(24):
        people = posed(body, "sit", 2.0, seed)  # the middle of the rest
        assert needs_seat(people.joints[0])
        seat = find_seat(people, 0, False, np.random.default_rng(seed))
        if seat is None:
            continue
        found += 1
        at, points = seat.mesh.vertices, people.vertices[0]
        over = points[(points[:, :2] > at[:, :2].min(axis=0)).all(1) & (points[:, :2] < at[:, :2].max(axis=0)).all(1)]
        # The seat's upper side: the highest level that many of its vertices share.
        levels, counts = np.unique(np.round(at[:, 2], 4), return_counts=True)
        top = float(levels[counts >= 12].max()) if seat.mesh.faces.shape[0] < 1000 else float(at[:, 2].max())
        thighs = over[(over[:, 2] > 0.3) & (over[:, 2] < 0.75)]
        gaps.append(float(np.abs(thighs[:, 2] - top).min()))
    assert found >= 23
    assert np.median(gaps) < 0.02


@pytest.mark.parametrize("motion", [name for name in MOTION_NAMES if name != "sit"])
def test_no_other_motion_is_taken_for_sitting(body, motion: str) -> None:
    for k in range(8):
        assert not needs_seat(posed(body, motion, duration(motion) * (k + 0.5) / 8, k).joints[0])


@pytest.mark.parametrize(("motion", "time"), [("walk", 0.3), ("squat", 1.0), ("stand", 1.0), ("pick", 1.0)])
def test_who_stands_on_both_feet_needs_none(body, motion: str, time: float) -> None:
    for seed in range(6):
        people = posed(body, motion, time, seed)
        assert not needs_seat(people.joints[0])
        assert find_seat(people, 0, False, np.random.default_rng(seed)) is None


def hidden_slowly(points: np.ndarray, eye: np.ndarray, meshes: list[Mesh]) -> np.ndarray:
    """Whether a triangle lies between the eye and each point, one ray after another, in double precision."""
    hidden = np.zeros(len(points), bool)
    for mesh in meshes:
        a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
        for row, point in enumerate(points.astype(np.float64)):
            ray = point - eye
            p = np.cross(ray, c - a)
            det = ((b - a) * p).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                u = ((eye - a) * p).sum(axis=1) / det
                q = np.cross(eye - a, b - a)
                v, t = (ray * q).sum(axis=1) / det, ((c - a) * q).sum(axis=1) / det
                met = (det != 0.0) & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (t > 0.0) & (t < 1.0 - 1e-4)
            hidden[row] |= bool(met.any())
    return hidden


def test_things_hide_exactly_what_the_slow_reference_says() -> None:
    doll = DollBody()
    bodies = doll.pose(np.zeros((1, 1), np.float32), np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    lift = np.array([0.0, 0.0, -bodies.vertices[0, :, 2].min()], np.float32)
    people = _shift(bodies, lift)
    camera = camera_at((0.4, -4.0, 1.2), 96)
    settings = FurnitureSettings(count=(6, 6), before=1.0)
    things = furnish(settings, people, ["stand"], camera, np.random.default_rng(4))
    assert len(things) >= 3
    meshes = [SceneMesh(mesh=Mesh(people.vertices[0], doll.faces), owner=1), *things]
    view = rasterise([mesh.mesh for mesh in meshes], camera, groups=groups_of(meshes))
    fast, _ = find_owners(view.buffers(), meshes)
    slow = render_slowly([mesh.mesh for mesh in meshes], camera)
    expected = np.where(slow.instance == 1, 1, 0)
    assert ((slow.instance > 1) & (slow.coverage & 1 > 0)).sum() > 60  # some of the person is behind things
    assert (fast.instance != expected).mean() < 2e-3  # rays that graze an edge
    assert np.array_equal(np.unique(fast.coverage), [0, 1])
    seen = view.visible_vertices(0)
    own = [mesh.mesh for mesh in meshes]
    rows = np.random.default_rng(1).choice(len(seen), 150, replace=False)
    away = hidden_slowly(people.vertices[0][rows], camera.centre_in_world, own)
    inside = (camera.project_from_camera(camera.to_camera(people.vertices[0][rows])) < (96, 96)).all(axis=1)
    assert (seen[rows] & away).sum() <= 2
    assert (~seen[rows] & ~away & inside).sum() <= 4


def test_things_keep_clear_of_everybody() -> None:
    doll = DollBody()
    bodies = doll.pose(np.zeros((1, 1), np.float32), np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    people = _shift(bodies, np.array([0.0, 0.0, -bodies.vertices[0, :, 2].min()], np.float32))
    camera = camera_at((0.4, -4.0, 1.2), 96)
    boxes = []
    for seed in range(5):
        things = furnish(FurnitureSettings(count=(5, 5)), people, ["stand"], camera, np.random.default_rng(seed))
        boxes = [(m.mesh.vertices.min(axis=0), m.mesh.vertices.max(axis=0)) for m in things]
        boxes.append((people.vertices[0].min(axis=0), people.vertices[0].max(axis=0)))
        for i, (low, high) in enumerate(boxes):
            for other_low, other_high in boxes[:i]:
                assert (low > other_high + CLEARANCE).any() or (other_low > high + CLEARANCE).any()


def test_seats_take_labels_away_and_change_none() -> None:
    small = {"picture": {"width": 128, "height": 128}, "people": {"count": [1, 1], "motions": ["sit"]}}
    off = Generator(recipe_from_table(small | {"furniture": {"seats": False}}, "test"))
    on = Generator(recipe_from_table(small, "test"))
    hidden = 0
    for index in range(3):
        without, furnished = off.frame(2, index), on.frame(2, index)
        before, after = without.surface["instance"], furnished.surface["instance"]
        assert ((after == before) | (after == 0)).all()
        hidden += int((after != before).sum())
        kept = (after > 0)[before > 0]
        assert np.array_equal(without.surface["face"][kept], furnished.surface["face"])
        assert np.array_equal(without.surface["depth"][kept], furnished.surface["depth"])
        assert not np.array_equal(without.picture, furnished.picture)
    assert hidden > 50


def test_nobody_sits_nothing_changes() -> None:
    small = {"picture": {"width": 96, "height": 96}, "people": {"count": [1, 1], "motions": ["walk"]}}
    frames = [
        Generator(recipe_from_table(small | {"furniture": {"seats": seats}}, "test")).frame(1, 0)
        for seats in (False, True)
    ]
    assert np.array_equal(frames[0].picture, frames[1].picture)


def test_materials_are_for_things_alone() -> None:
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(ValueError, match="scenery"):
        SceneMesh(mesh=mesh, owner=1, materials=make_thing("ball", np.random.default_rng(0)).materials)
    assert SceneMesh(mesh=mesh, owner=SCENERY).materials is None


@pytest.mark.parametrize("kind", ["chair", "bench", "table", "crate"])
def test_no_two_pieces_show_the_same_plane(kind: str) -> None:
    """Which of two would be seen would change from pixel to pixel."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        if kind in ("table", "crate"):
            thing = make_thing(kind, rng)
        else:
            thing = make_seat(kind, rng, top=0.45, front=0.4, rear=0.0, width=0.42)
        for k, one in enumerate(thing.solids):
            for other in thing.solids[k + 1 :]:
                shared = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
                for axis in range(3):
                    beside = np.delete(shared, axis)
                    level = np.abs(one[:, axis] - other[:, axis]) < 1e-5  # of both lowest, of both highest sides
                    if axis == 2:
                        level[0] = False  # on the ground, which nobody sees
                    assert not (level.any() and (beside > 1e-3).all())
