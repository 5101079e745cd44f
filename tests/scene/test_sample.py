"""Scenes: feet on the ground, nobody inside anybody, the stored parameters give the posed bodies back."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.tresses import sways
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.config import Recipe
from densesynth.errors import ConfigurationError
from densesynth.scene.sample import built_in_poses, draw_scene, turn
from densesynth.scene.scene import Scene
from densesynth.scene.settings import PeopleSettings

CROWD = PeopleSettings(count=(3, 4))


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


def draw(body: AnnyBody, index: int, people: PeopleSettings = CROWD) -> tuple[Scene, np.ndarray]:
    recipe = Recipe()
    scene, posed = draw_scene(people, built_in_poses(()), recipe.camera, recipe.lens, recipe.picture, body, 5, index)
    return scene, posed.vertices


def test_scene_is_a_function_of_seed_and_index(body: AnnyBody) -> None:
    first, vertices = draw(body, 3)
    again, same = draw(body, 3)
    other, _ = draw(body, 4)
    assert np.array_equal(vertices, same)
    assert np.array_equal(first.camera.camera_from_world, again.camera.camera_from_world)
    assert first.people[0].outfit == again.people[0].outfit
    assert not np.array_equal(first.camera.camera_from_world, other.camera.camera_from_world)


def test_feet_stand_on_the_ground_and_people_apart(body: AnnyBody) -> None:
    crowded = 0
    for index in range(12):
        scene, vertices = draw(body, index)
        crowded += len(vertices) > 1
        lowest = vertices[:, :, 2].min(axis=1)
        for person, low in zip(scene.people, lowest, strict=True):
            if person.motion in ("run", "jump"):
                assert -1e-5 <= low < 0.6
            else:
                assert abs(low) < 1e-5
        for a in range(len(vertices)):
            for b in range(a):
                apart = (vertices[a].min(axis=0) > vertices[b].max(axis=0)) | (
                    vertices[b].min(axis=0) > vertices[a].max(axis=0)
                )
                assert apart.any()
    assert crowded >= 9


def test_stored_parameters_give_the_bodies_back(body: AnnyBody) -> None:
    scene, vertices = draw(body, 1)
    neutral = np.zeros(len(body.expression_names), np.float32)
    posed = body.pose(
        np.stack([person.betas for person in scene.people]),
        np.stack([person.rotations for person in scene.people]),
        np.stack([person.transl for person in scene.people]),
        np.stack([neutral if person.expression is None else person.expression for person in scene.people]),
    )
    assert np.abs(posed.vertices - vertices).max() < 2e-6


def test_faces_are_drawn_apart_from_everything_else(body: AnnyBody) -> None:
    """Off, half and all: the same people, poses, clothes and places; the share of faces that aren't neutral."""
    shares = []
    for share in (0.0, 0.5, 1.0):
        scenes = [
            draw(body, index, PeopleSettings(count=(2, 3), expressions=share, gaze=0.0))[0] for index in range(12)
        ]
        everybody = [person for scene in scenes for person in scene.people]
        shares.append(np.mean([person.expression is not None for person in everybody]))
        if share == 0.0:
            before = everybody
        for one, other in zip(before, everybody, strict=True):
            np.testing.assert_array_equal(one.betas, other.betas)
            np.testing.assert_array_equal(one.rotations, other.rotations)
            np.testing.assert_allclose(one.transl, other.transl, atol=0.01)  # a chin may be a box's edge
            assert one.outfit == other.outfit
    assert shares[0] == 0.0
    assert 0.2 < shares[1] < 0.8
    assert shares[2] == 1.0


def test_eyes_turn_apart_from_everything_else_and_meet_the_camera(body: AnnyBody) -> None:
    """Off: nobody's. On: the same people, their places and faces; some look into the lens, to a degree."""
    looks = np.array([name.startswith("eyeLook") for name in body.expression_names])
    blink = np.array([name.startswith("eyeBlink") for name in body.expression_names])
    met = turned = 0
    for index in range(30):
        (before, _), (scene, vertices) = (draw(body, index, PeopleSettings(count=(2, 3), gaze=g)) for g in (0.0, 1.0))
        assert np.array_equal(before.camera.camera_from_world, scene.camera.camera_from_world)
        for k, (one, other) in enumerate(zip(before.people, scene.people, strict=True)):
            for name in ("betas", "rotations", "transl"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert other.expression is not None
            face = np.zeros(len(looks), np.float32) if one.expression is None else one.expression
            assert not face[looks].any()
            np.testing.assert_allclose(other.expression[~looks & ~blink], face[~looks & ~blink], atol=1e-6)
            turned += bool(other.expression[looks].any())
            met += max(_off_camera(body, scene, k, vertices[k])) < 1.0
    assert turned > 50
    assert met >= 3


def _off_camera(body: AnnyBody, scene: Scene, person: int, vertices: np.ndarray) -> list[float]:
    """Degrees between where each eye looks and the camera."""
    rest, off = body.at_rest(scene.people[person].betas), []
    for eyeball in body.face.eyeballs:
        before, after = rest[eyeball.vertices].astype(float), vertices[eyeball.vertices].astype(float)
        middle = after.mean(0)
        u, _, v = np.linalg.svd((before - before.mean(0)).T @ (after - middle))
        ahead = (u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v).T @ (0.0, -1.0, 0.0)
        to_camera = scene.camera.centre_in_world - middle
        off.append(float(np.degrees(np.arccos(np.clip(ahead @ to_camera / np.linalg.norm(to_camera), -1.0, 1.0)))))
    return off


def test_subject_is_in_the_picture(body: AnnyBody) -> None:
    for index in range(8):
        scene, vertices = draw(body, index)
        camera = scene.camera
        in_camera = camera.to_camera(vertices[0])
        pixels = camera.project_from_camera(in_camera[in_camera[:, 2] > 0])
        inside = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        assert inside.mean() > 0.2


def test_one_person_changes_nothing_of_the_first(body: AnnyBody) -> None:
    alone, vertices = draw(body, 2, PeopleSettings(count=(1, 1)))
    crowd, all_vertices = draw(body, 2)
    assert np.array_equal(vertices[0], all_vertices[0])
    assert np.array_equal(alone.camera.camera_from_world, crowd.camera.camera_from_world)


def test_without_loose_clothes_all_else_is_the_same(body: AnnyBody) -> None:
    changed = 0
    for index in range(6):
        on, vertices = draw(body, index)
        off, same = draw(body, index, PeopleSettings(count=CROWD.count, loose=False))
        assert np.array_equal(vertices, same)
        for person, plain in zip(on.people, off.people, strict=True):
            assert plain.outfit.loose is None
            assert (plain.before is None) == (not sways(plain.outfit))
            assert np.array_equal(person.rotations, plain.rotations)
            if person.outfit.loose is None:
                assert person.outfit == plain.outfit
            else:
                changed += 1
                assert person.before is not None
                assert person.outfit.top.cloth == plain.outfit.top.cloth
    assert changed


def test_turn_is_about_the_vertical() -> None:
    rotations = np.zeros((52, 3), np.float32)
    assert np.allclose(turn(rotations, 0.7)[0], (0, 0, 0.7))
    rotations[0] = (0.3, 0, 0)
    assert np.allclose(turn(turn(rotations, 1.1), -1.1), rotations, atol=1e-6)


def test_unknown_motion_is_refused() -> None:
    drawn = {built_in_poses(("walk", "run"))(np.random.default_rng(seed))[0] for seed in range(20)}
    assert drawn == {"walk", "run"}
    with pytest.raises(ConfigurationError, match="swim"):
        built_in_poses(("walk", "swim"))
