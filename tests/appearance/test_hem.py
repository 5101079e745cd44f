"""Hems: a top worn over trousers hangs about the hips, painted on as it is above; who has none stays as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.hem import HIP, SHORTEST, cut_hem
from densesynth.appearance.loose import AROUND, LONGEST, LOWEST, Dressmaker
from densesynth.appearance.outfit import HIGHEST_TOP_HEM, Loose, Outfit, draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.config import recipe_from_table
from densesynth.frames import Generator
from densesynth.motion.library import pose_at
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import index_faces
from densesynth.surface.covered import find_covered_vertices


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


@pytest.fixture(scope="module")
def maker(body: AnnyBody) -> Dressmaker:
    return Dressmaker(load_paint(body.faces), index_faces(load_atlas("anny").rest_position, body.faces))


def outfits(count: int) -> list[Outfit]:
    rng = np.random.default_rng(3)
    return [draw_outfit(rng, float(k % 2)) for k in range(count)]


def test_only_what_hangs_over_trousers_is_cut() -> None:
    cut = 0
    for outfit in outfits(200):
        found = cut_hem(outfit)
        assert (found is None) == outfit.top.tucked
        assert cut_hem(replace(outfit, loose=_skirt())) is None
        if found is None:
            continue
        cut += 1
        below, hung, loose = found
        assert SHORTEST - 1e-9 <= loose.length < LONGEST + 1e-9
        assert below.top.hem <= HIGHEST_TOP_HEM
        assert below.top.hem > HIP - loose.length + 0.03  # hidden under the hem
        assert replace(below, top=outfit.top) == outfit
        assert hung.bottom == outfit.bottom
        assert (loose.opening > 0.0) <= (outfit.top.kind == "jacket")
    assert cut > 100


def _skirt() -> Loose:
    return Loose(kind="skirt", length=LOWEST, flare=0.1, folds=7, depth=0.2, opening=0.0)


@pytest.mark.parametrize("motion", ["stand", "walk", "sit", "kick", "squat", "lunge"])
def test_the_hips_do_not_poke_through(maker: Dressmaker, body: AnnyBody, motion: str) -> None:
    betas = body.sample_betas(np.random.default_rng(8))
    rotations = pose_at(motion, 0.35).rotations
    posed = body.pose(betas[None], rotations[None], np.zeros((1, 3), np.float32))
    vertices, joints = posed.vertices[0], posed.joints[0]
    loose = Loose(kind="hem", length=0.055, flare=0.1, folds=6, depth=0.5, opening=0.0)
    mesh, binding = maker.hem(loose, vertices, rotations[0])
    assert np.isfinite(mesh.vertices).all()
    leg, arm = (maker.paint.fields[:, FIELDS.index(name)] for name in ("leg", "arm"))
    under = np.flatnonzero((arm < 0.0) & (leg > -0.06) & (leg < 0.02) & (maker.paint.fields[:, 2] > 0.2))
    out = vertices[under] - joints[0]
    size = np.linalg.norm(out, axis=1)
    below = joints[1:3].mean(axis=0) - joints[0]
    aside = np.abs(out @ below) < 0.7 * size * np.linalg.norm(below)  # not the crotch
    under, out = under[aside], out[aside] / size[aside, None]
    covered = find_covered_vertices(vertices[under], out, mesh.vertices, mesh.faces, 0.3)
    assert len(under) > 100
    assert covered.mean() > 0.97, covered.mean()
    # Bound to the trunk and thighs below it, each half to its own side.
    bound = maker.index.rest[body.faces[binding.vertex.face]].mean(axis=1)
    side = np.cos(2.0 * np.pi * (np.arange(len(mesh.vertices)) % AROUND) / AROUND)
    assert (np.sign(side) == np.sign(bound[:, 0]))[np.abs(side) > 0.2].mean() > 0.995
    assert (maker.paint.fields[body.faces[binding.vertex.face], FIELDS.index("arm")] < 0.0).all()


def test_an_open_jacket_is_part_of_the_closed_one(maker: Dressmaker) -> None:
    vertices, upright = maker.index.rest, np.zeros(3, np.float32)
    closed = Loose(kind="hem", length=0.025, flare=0.1, folds=6, depth=0.5, opening=0.0)
    whole, binding = maker.hem(closed, vertices, upright)
    part, some = maker.hem(replace(closed, opening=0.35), vertices, upright)
    assert np.array_equal(whole.vertices, part.vertices)
    kept = (whole.faces[:, None] == part.faces[None]).all(axis=2).any(axis=1)
    assert kept.sum() == len(part.faces) < len(whole.faces)
    weights = np.full((len(part.faces), 3), 1.0 / 3.0, np.float32)
    carried = binding.carry(np.flatnonzero(kept).astype(np.int32), weights)
    again = some.carry(np.arange(len(part.faces), dtype=np.int32), weights)
    assert np.array_equal(carried.face, again.face)
    assert np.array_equal(carried.barycentrics, again.barycentrics)


def test_on_and_off() -> None:
    """Off, nothing of a hem is left; on, people with a tucked shirt stay as they are to the byte, others change."""
    base = {"picture": {"width": 128, "height": 128, "noise": [0.0, 0.0]}, "people": {"count": [1, 1]}}
    on, off = (
        Generator(recipe_from_table({**base, "people": {"count": [1, 1], "hems": hems}}, "test"))
        for hems in (True, False)
    )
    changed = 0
    for index in range(8):
        scene = off._scene(2, index)[0]
        hung = cut_hem(scene.people[0].outfit) is not None
        one, other = on.frame(2, index), off.frame(2, index)
        assert (one.picture.tobytes() != other.picture.tobytes()) == hung
        assert len(other.surface["worn_owner"]) + hung == len(one.surface["worn_owner"])
        assert np.array_equal(one.surface["rotations"], other.surface["rotations"])
        changed += hung
    assert 0 < changed < 8
