"""Skirts and coats: over the legs in every pose, each side on its own leg, swaying as a function of the poses alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.loose import AROUND, LOWEST, Dressmaker, draw_loose, rings_of, sway
from densesynth.appearance.outfit import Loose, draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.appearance.sway import BEFORE
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.motion.library import pose_at
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import index_faces
from densesynth.surface.covered import find_covered_vertices

SKIRT = Loose(kind="skirt", length=0.36, flare=0.3, folds=8, depth=0.3, opening=0.0)


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


@pytest.fixture(scope="module")
def maker(body: AnnyBody) -> Dressmaker:
    return Dressmaker(load_paint(body.faces), index_faces(load_atlas("anny").rest_position, body.faces))


def dressed_in(loose: Loose):
    return replace(draw_outfit(np.random.default_rng(1), 0.9), loose=loose)


def posed_at(body: AnnyBody, motion: str, time: float):
    betas = body.sample_betas(np.random.default_rng(8))
    rotations = pose_at(motion, time).rotations
    posed = body.pose(betas[None], rotations[None], np.zeros((1, 3), np.float32))
    before = np.stack([pose_at(motion, time - ago).rotations for ago in BEFORE])
    return posed.vertices[0], posed.joints[0], rotations, before


@pytest.mark.parametrize("motion", ["stand", "walk", "sit", "kick", "squat", "run"])
@pytest.mark.parametrize("length", [0.24, 0.36, 0.6])
def test_legs_do_not_poke_through(maker: Dressmaker, body: AnnyBody, motion: str, length: float) -> None:
    vertices, joints, rotations, before = posed_at(body, motion, 0.35)
    mesh, _, _ = maker.fit(dressed_in(replace(SKIRT, length=length)), vertices, joints, rotations, before)
    leg, arm = (maker.paint.fields[:, FIELDS.index(name)] for name in ("leg", "arm"))
    own = (arm < 0.0) & (maker.paint.fields[:, 2] > 0.2)
    under = np.flatnonzero(own & (leg > 0.0) & (leg < length - 0.06))
    # Across the legs, out from their middle at that length, there must be cloth.
    at = np.arange(-0.06, length + 0.06, 0.02)
    line = np.stack([vertices[own & (np.abs(leg - place) < 0.03)].mean(axis=0) for place in at])
    place = (leg[under] - at[0]) / 0.02
    middle, axis = (
        np.stack([np.interp(place, np.arange(len(at)), rows[:, k]) for k in range(3)], axis=1)
        for rows in (line, np.gradient(line, axis=0))
    )
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    out = vertices[under] - middle
    out -= (out * axis).sum(axis=1, keepdims=True) * axis
    far = np.linalg.norm(out, axis=1)
    under, out = under[far > 0.03], out[far > 0.03] / far[far > 0.03, None]
    bare = ~find_covered_vertices(vertices[under], out, mesh.vertices, mesh.faces, 0.9)
    assert np.isfinite(mesh.vertices).all()
    assert len(under) > 300
    assert bare.sum() <= 0.015 * len(under)


def test_each_half_is_bound_to_its_own_side(maker: Dressmaker, body: AnnyBody) -> None:
    vertices, joints, rotations, before = posed_at(body, "stand", 0.1)
    mesh, binding, _ = maker.fit(dressed_in(SKIRT), vertices, joints, rotations, before)
    angle = 2.0 * np.pi * (np.arange(len(mesh.vertices)) % AROUND) / AROUND
    side = np.cos(angle)
    bound = maker.index.rest[body.faces[binding.vertex.face]].mean(axis=1)[:, 0]
    clear = np.abs(side) > 0.2
    assert (np.sign(side[clear]) == np.sign(bound[clear])).mean() > 0.995
    leg = maker.paint.fields[body.faces[binding.vertex.face], FIELDS.index("leg")].mean(axis=1)
    ring = np.arange(len(leg)) // AROUND
    assert np.corrcoef(leg, ring)[0, 1] > 0.97
    assert (maker.paint.fields[body.faces[binding.vertex.face], FIELDS.index("arm")] < 0.0).all()


def test_outsides_face_outwards_and_a_coat_is_open_in_front(maker: Dressmaker, body: AnnyBody) -> None:
    vertices, joints, rotations, before = posed_at(body, "stand", 0.1)
    coat = replace(SKIRT, kind="coat", opening=0.5)
    for loose in (SKIRT, coat):
        mesh, _, _ = maker.fit(dressed_in(loose), vertices, joints, rotations, before)
        corner = mesh.vertices[mesh.faces].astype(np.float64)
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        middle = corner.mean(axis=1) - joints[0]
        assert ((normal * middle)[:, :2].sum(axis=1) > 0.0).mean() > 0.97
    heading = middle[:, 1] / np.linalg.norm(middle[:, :2], axis=1)
    assert heading.min() > -0.97  # nothing straight ahead (−y)
    assert heading.max() > 0.99


def test_cloth_at_rest_hangs_still_and_moving_cloth_lags(body: AnnyBody) -> None:
    _, joints, rotations, _ = posed_at(body, "stand", 0.1)
    count = rings_of(replace(SKIRT, length=0.5))
    still = np.stack([rotations] * len(BEFORE))
    assert np.abs(sway(joints, rotations, still, count)).max() < 1e-9
    _, joints, rotations, before = posed_at(body, "kick", 0.35)
    lag = sway(joints, rotations, before, count)
    assert np.array_equal(lag, sway(joints, rotations, before, count))
    size = np.linalg.norm(lag, axis=1)
    assert 0.0 < size.max() <= 0.0601
    assert size[:5].max() == 0.0  # the waist is held


def test_both_sexes_dress_plausibly() -> None:
    rng = np.random.default_rng(4)
    women = [draw_loose(draw_outfit(rng, 0.9), 0.9, rng) for _ in range(300)]
    men = [draw_loose(draw_outfit(rng, 0.1), 0.1, rng) for _ in range(300)]
    worn = [[outfit.loose.kind for outfit in people if outfit.loose is not None] for people in (women, men)]
    assert 0.25 < len(worn[0]) / 300 < 0.6
    assert {"skirt", "dress", "coat"} == set(worn[0])
    assert worn[1].count("coat") > 2 * (len(worn[1]) - worn[1].count("coat"))
    for outfit in women + men:
        if outfit.loose is not None:
            assert 0.1 <= outfit.loose.length <= LOWEST
            assert (outfit.loose.kind == "coat") == (outfit.top.kind == "jacket")
