"""Shoes: closed over the foot at every height, laid onto other feet, bound to their own foot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import load_paint
from densesynth.appearance.shoes import Shoemaker, find_leg, load_bound, make_shoe
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import index_faces


@pytest.fixture(scope="module")
def maker() -> Shoemaker:
    atlas = load_atlas("anny")
    return Shoemaker(load_paint(atlas.faces), index_faces(atlas.rest_position, atlas.faces))


def outfit_with_top(top: float):
    outfit = draw_outfit(np.random.default_rng(1), 0.5)
    return replace(outfit, footwear=replace(outfit.footwear, top=top))


@pytest.mark.parametrize("top", [0.058, 0.09, 0.13, 0.175, 0.24])
def test_shoes_hold_the_foot_they_are_made_for(maker: Shoemaker, top: float) -> None:
    rest = maker.paint.fields[:, :3]
    left, right = maker.fit(rest, outfit_with_top(top))
    part = load_atlas("anny").part
    for (mesh, binding), foot, side in ((left, 5, 1.0), (right, 6, -1.0)):
        assert np.isfinite(mesh.vertices).all()
        assert (mesh.vertices[:, 0] * side > 0.0).all()
        assert mesh.vertices[:, 2].max() <= top + 0.002
        own = rest[np.unique(maker.paint.faces[part == foot])]
        low, high = own.min(axis=0), own.max(axis=0)
        assert (mesh.vertices[:, :2].min(axis=0) < low[:2]).all()  # longer and wider than the foot
        assert (mesh.vertices[:, :2].max(axis=0) > high[:2]).all()
        # Bound to its own leg alone.
        bound = rest[maker.paint.faces[binding.vertex.face]].mean(axis=1)
        assert (bound[:, 0] * side > 0.0).all()
    # One is the other's mirror image.
    mirrored = right[0].vertices * np.float32([-1, 1, 1])
    assert np.abs(mirrored - left[0].vertices).max() < 0.012


def test_what_is_in_the_shoe_is_not_drawn_and_faces_keep_their_numbers(maker: Shoemaker) -> None:
    faces = maker.hide(outfit_with_top(0.09))
    assert faces.shape == maker.paint.faces.shape
    gone = (faces == 0).all(axis=1)
    assert gone.sum() > 1000
    assert maker.paint.fields[maker.paint.faces[gone], 2].max() < 0.09
    assert np.array_equal(faces[~gone], maker.paint.faces[~gone])


@pytest.mark.parametrize(("collar", "left"), [(6, True), (17, False)])
def test_the_bindings_that_come_along_are_those_that_would_be_found(maker: Shoemaker, collar: int, left: bool) -> None:
    known = load_bound(len(maker.paint.fields))
    leg, index = find_leg(maker.paint, left), maker.index
    made = make_shoe(leg, index, collar / 100.0).binding
    assert np.array_equal(known[collar, left].face, made.vertex.face)
    np.testing.assert_allclose(known[collar, left].barycentrics, made.vertex.barycentrics, atol=1e-5)
    again = make_shoe(leg, index, collar / 100.0, known[collar, left]).binding
    assert np.array_equal(again.candidates, made.candidates)
    assert load_bound(6890) == {}


def test_every_height_of_the_outfits_has_its_bindings() -> None:
    known = load_bound(len(load_paint(load_atlas("anny").faces).fields))
    rng = np.random.default_rng(0)
    drawn = {int(100.0 * draw_outfit(rng, 0.5).footwear.top) for _ in range(300)}
    assert {collar for collar, _ in known} >= drawn
