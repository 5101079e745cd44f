"""Long hair: outside of whom it belongs to in every pose, bound to head, neck and trunk, swaying by the poses alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.hairdresser import Hairdresser, _sway
from densesynth.appearance.hairstyles import LONGEST, SKULL, STRANDS, rows_of
from densesynth.appearance.outfit import Outfit, Tresses, draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.appearance.sway import BEFORE, FARTHEST
from densesynth.appearance.tresses import draw_tresses, sways
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.config import recipe_from_table
from densesynth.frames import Generator
from densesynth.motion.library import pose_at
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import index_faces
from densesynth.surface.closest import closest_points, vertex_normals

LOOSE = Tresses(
    kind="loose", length=0.3, front=66.0, aside=0.02, volume=0.016, wave=0.006, forward=95.0, high=0.6,
    tie=(0.5, 0.1, 0.1),
)  # fmt: skip


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


@pytest.fixture(scope="module")
def dresser(body: AnnyBody) -> Hairdresser:
    return Hairdresser(load_paint(body.faces), index_faces(load_atlas("anny").rest_position, body.faces))


def wearing(tresses: Tresses) -> Outfit:
    return replace(draw_outfit(np.random.default_rng(1), 0.9), tresses=tresses)


def posed_at(body: AnnyBody, motion: str, time: float, seed: int = 8):
    betas = body.sample_betas(np.random.default_rng(seed))
    rotations = pose_at(motion, time).rotations
    posed = body.pose(betas[None], rotations[None], np.zeros((1, 3), np.float32))
    before = np.stack([pose_at(motion, time - ago).rotations for ago in BEFORE])
    return posed.vertices[0], posed.joints[0], rotations, before


@pytest.mark.parametrize("motion", ["stand", "run", "pick", "dance", "sit"])
@pytest.mark.parametrize("kind", ["loose", "pony tail", "bun"])
def test_hair_lies_outside_of_the_body(dresser: Hairdresser, body: AnnyBody, motion: str, kind: str) -> None:
    vertices, joints, rotations, before = posed_at(body, motion, 0.35)
    outfit = wearing(replace(LOOSE, kind=kind))
    mesh, binding, fabric = dresser.fit(outfit, vertices, vertices, joints, rotations, before)
    again, _, _ = dresser.fit(outfit, vertices, vertices, joints, rotations, before)
    assert np.array_equal(mesh.vertices, again.vertices)
    assert np.isfinite(mesh.vertices).all()
    assert len(fabric.weave.piece) == len(mesh.faces) == len(binding.faces)
    z, arm = dresser.paint.fields[:, 2], dresser.paint.fields[:, FIELDS.index("arm")]
    skin = (z > 0.9) & (arm < 0.2)
    rows = np.flatnonzero(skin[body.faces].all(axis=1) & (dresser.paint.category == 0))
    near = closest_points(mesh.vertices, vertices, body.faces[rows])
    normals = vertex_normals(vertices, body.faces)
    corner = body.faces[rows[near.located.face]]
    at = np.einsum("nk,nkc->nc", near.located.barycentrics, vertices[corner])
    facing = np.einsum("nk,nkc->nc", near.located.barycentrics, normals[corner])
    height = ((mesh.vertices - at) * facing).sum(axis=1)
    inside = height < -0.002
    if kind != "loose":  # their roots are in the hair
        inside &= np.arange(len(inside)) > 40
    assert inside.mean() < 0.02, inside.mean()


def test_shorter_hair_is_bound_as_the_beginning_of_longer(dresser: Hairdresser, body: AnnyBody) -> None:
    vertices, joints, rotations, _ = posed_at(body, "stand", 0.2)
    short, long = (
        dresser.fit(wearing(replace(LOOSE, length=length)), vertices, vertices, joints, rotations, None)
        for length in (0.1, 0.4)
    )
    count = len(short[0].vertices)
    assert count == (SKULL + rows_of(replace(LOOSE, length=0.1))) * (STRANDS + 2) < len(long[0].vertices)
    assert np.array_equal(short[1].vertex.face, long[1].vertex.face[:count])
    bound = dresser.paint.fields[body.faces[long[1].vertex.face]].mean(axis=1)
    assert (bound[:, FIELDS.index("arm")] < 0.03).all()
    assert bound[: SKULL * (STRANDS + 2), 2].min() > 1.4  # on the skull it covers the head
    assert bound[-STRANDS:, 2].max() < 1.45  # its ends cover neck, back or chest


def test_hair_at_rest_hangs_still_and_moving_hair_lags(body: AnnyBody) -> None:
    _, joints, rotations, before = posed_at(body, "dance", 0.35)
    assert np.abs(_sway(joints, rotations, np.stack([rotations] * len(BEFORE)))).max() < 1e-9
    lag = np.linalg.norm(_sway(joints, rotations, before), axis=1)
    assert lag.shape == (LONGEST,)
    assert 0.001 < lag.max() <= FARTHEST + 1e-4
    assert lag[0] < 0.3 * lag.max() + 1e-3


def test_both_sexes_wear_it_plausibly() -> None:
    rng = np.random.default_rng(4)
    for sex, low, high in ((0.9, 0.4, 0.7), (0.1, 0.02, 0.12)):
        plain = [draw_outfit(rng, sex) for _ in range(400)]
        people = [draw_tresses(outfit, sex, rng) for outfit in plain]
        long = [outfit for outfit in people if outfit.tresses is not None]
        assert low < len(long) / 400 < high
        assert {outfit.tresses.kind for outfit in long} == {"loose", "pony tail", "bun"}
        for outfit, before in zip(people, plain, strict=True):
            if outfit.tresses is None:
                assert outfit == before
                continue
            assert outfit.headwear == "none"
            assert outfit.hair.colour == before.hair.colour
            assert sways(outfit) == (outfit.tresses.kind != "bun")


def test_on_and_off() -> None:
    """Off, nothing of it is left; on, people without it stay as they are to the byte, in the labels too."""
    people = {"count": [1, 1], "loose": False}
    base = {"picture": {"width": 128, "height": 128, "noise": [0.0, 0.0]}, "camera": {"portrait": 1.0}}
    on, off = (
        Generator(recipe_from_table({**base, "people": {**people, "long_hair": there}}, "test"))
        for there in (True, False)
    )
    changed = 0
    for index in range(10, 14):
        long = on._scene(2, index)[0].people[0].outfit.tresses is not None
        assert off._scene(2, index)[0].people[0].outfit.tresses is None
        one, other = on.frame(2, index), off.frame(2, index)
        assert (one.picture.tobytes() != other.picture.tobytes()) == long
        assert len(one.surface["worn_owner"]) == len(other.surface["worn_owner"]) + long
        if not long:
            assert all(np.array_equal(one.surface[key], other.surface[key]) for key in one.surface)
        changed += long
    assert 0 < changed < 4
