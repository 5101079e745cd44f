"""Short hair, brows and beards as strands: along and across, broken edges, the same on average from afar, light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import warp as wp

from densesynth.appearance.outfit import Hair, Outfit, Tresses, draw_outfit
from densesynth.appearance.paint import FIELDS, Paint, load_paint
from densesynth.appearance.reference.base import EYE, WHORL
from densesynth.appearance.relief import Worn, comb_short
from densesynth.body.anny import load_anny
from densesynth.surface.closest import vertex_normals

BLACK = (0.01, 0.01, 0.01)
THIRD = np.float32(1.0 / 3.0)


@pytest.fixture(scope="module")
def paint() -> Paint:
    return load_paint(load_anny().faces)


def fair(**hair: object) -> Outfit:
    """A fair, bare-headed person with black hair of some kind."""
    person = draw_outfit(np.random.default_rng(1), 0.0)
    plain = Hair(
        kind="short", colour=BLACK, recede=0.0, beard=0.0, moustache=0.0, brow=0.005, brow_arch=0.003, brow_strength=0.9
    )
    skin = replace(person.skin, melanin=0.1, freckles=0.0, lipstick=0.0)
    return replace(person, seed=0.3, skin=skin, headwear="none", hair=replace(plain, **hair))


def points(paint: Paint, where: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(2)
    faces = np.flatnonzero((paint.category == 0) & where[paint.faces].all(axis=1))
    face = rng.choice(faces, count).astype(np.int32)
    weights = rng.dirichlet((1.0, 1.0, 1.0), count).astype(np.float32)
    values = np.einsum("nk,nkc->cn", weights, paint.fields[paint.faces[face]])
    return face, weights, dict(zip(FIELDS, values, strict=True))


def brightness(paint: Paint, person: Outfit, face: np.ndarray, weights: np.ndarray, size: float) -> np.ndarray:
    ones = np.ones(len(face), np.int32)
    return paint.albedo([person], ones, face, weights, np.full(len(face), size, np.float32))[0].mean(axis=1)


def test_hair_changes_across_its_strands_and_keeps_along_them(paint: Paint) -> None:
    """Between neighbours on the crown, tones differ more the more turns, not the more metres, lie between them."""
    hair, z = paint.fields[:, FIELDS.index("hair")], paint.fields[:, 2]
    face, weights, at = points(paint, (hair > 0.0199) & (z > 1.52), 6000)
    tone = brightness(paint, fair(colour=(0.3, 0.3, 0.3)), face, weights, 4e-4)
    dx, dy = at["x"] - WHORL[0], at["y"] - WHORL[1]
    around, out = np.arctan2(dx, -dy) * 0.09, np.hypot(np.hypot(dx, dy), at["z"] - WHORL[2])
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, len(face), (2, 4_000_000))
    across, along = np.abs(around[one] - around[two]), np.abs(out[one] - out[two])
    differ = np.abs(tone[one] - tone[two])
    same_strand, beside = (across < 4e-4) & (along > 6e-3) & (along < 1e-2), (along < 4e-3) & (across > 4e-3)
    assert same_strand.sum() > 50
    assert differ[same_strand].mean() < 0.75 * differ[beside].mean()


def test_the_hairline_is_broken(paint: Paint) -> None:
    """At one height above the line, hair and skin both show; well inside and outside, only one."""
    x, y, hair = paint.fields[:, 0], paint.fields[:, 1], paint.fields[:, FIELDS.index("hair")]
    face, weights, at = points(paint, (np.abs(x) < 0.05) & (y < -0.09) & (np.abs(hair) < 0.03), 20_000)
    tone = brightness(paint, replace(fair(), seed=0.6), face, weights, 5e-4)
    line, inside, outside = np.abs(at["hair"] - 0.003) < 0.002, at["hair"] > 0.016, at["hair"] < -0.016
    assert (tone[line] < 0.08).mean() > 0.1
    assert (tone[line] > 0.25).mean() > 0.2
    assert (tone[inside] < 0.08).mean() > 0.99
    assert (tone[outside] > 0.25).mean() > 0.99


@pytest.mark.parametrize("beard", [0.3, 1.0])
def test_beards_are_grains_that_keep_their_mean_from_afar(paint: Paint, beard: float) -> None:
    y, z = paint.fields[:, 1], paint.fields[:, 2]
    face, weights, at = points(paint, (y < -0.06) & (z > 1.36) & (z < 1.47), 20_000)
    person = fair(beard=beard)
    near, far = (brightness(paint, person, face, weights, size) for size in (3e-4, 6e-3))
    bare = brightness(paint, fair(), face, weights, 3e-4)
    chin = (np.abs(at["x"]) < 0.03) & (at["z"] < 1.43) & (at["z"] > 1.405) & (at["lips"] < -0.006)
    assert near[chin].mean() < 0.85 * bare[chin].mean()
    assert abs(near[chin].mean() / far[chin].mean() - 1.0) < 0.08
    edge = (near / bare > 0.3) & (near / bare < 0.95)
    assert edge.mean() > 0.1  # it fades
    if beard < 0.5:
        assert (near / bare)[chin].std() > 2.0 * (far / bare)[chin].std()


def test_brows_are_strokes_of_the_brows_own_height(paint: Paint) -> None:
    x, y, z = paint.fields[:, 0], paint.fields[:, 1], paint.fields[:, 2]
    face, weights, at = points(paint, (y < -0.08) & (np.abs(z - EYE[2] - 0.02) < 0.018) & (np.abs(x) < 0.065), 20_000)
    share = brightness(paint, fair(), face, weights, 3e-4) / brightness(
        paint, fair(brow_strength=0.0), face, weights, 3e-4
    )
    middle = np.abs(np.abs(at["x"]) - 0.028) < 0.008
    high = np.abs(at["z"] - EYE[2] - 0.0225)
    assert share[middle & (high < 0.001)].mean() < 0.5
    assert share[middle & (high < 0.003)].std() > 0.1
    assert share[middle & (high > 0.009)].min() > 0.99
    assert share[np.abs(at["x"]) < 0.004].min() > 0.99  # between the brows


def test_light_tilts_across_short_hair_alone(paint: Paint) -> None:
    vertices = paint.fields[:, :3].copy()
    face = np.flatnonzero(paint.category == 0).astype(np.int32)
    weights = np.full((len(face), 3), THIRD)
    before = vertex_normals(vertices, paint.faces)[paint.faces[face]].mean(axis=1)
    before = (before / np.linalg.norm(before, axis=1, keepdims=True)).astype(np.float32)
    person, size = np.zeros(len(face), np.int32), np.full(len(face), 2e-4, np.float32)

    def combed(outfit: Outfit | None, strength: float = 1.0) -> np.ndarray:
        normals = wp.array(before.copy(), dtype=wp.vec3, device="cpu")
        comb_short(paint, [outfit], Worn(vertices[None], person, face, weights, size), strength, normals)
        return normals.numpy()

    after = combed(fair())
    hair = paint.fields[paint.faces[face], FIELDS.index("hair")].mean(axis=1)
    turned = np.linalg.norm(after - before, axis=1)
    assert turned[hair < -0.002].max() < 1e-6
    assert turned[hair > 0.018].mean() > 0.08
    middle = vertices[paint.faces[face]].mean(axis=1) - np.array(WHORL, np.float32)
    around = np.stack([-middle[:, 1], middle[:, 0], np.zeros(len(face))], axis=1)
    strand = np.cross(before, around / np.linalg.norm(around, axis=1, keepdims=True))
    side = (hair > 0.018) & (np.linalg.norm(middle[:, :2], axis=1) > 0.05)
    along = np.abs(((after - before)[side] * strand[side]).sum(axis=1))
    assert along.mean() < 0.25 * turned[side].mean()  # towards the whorl less than around it
    for nothing in (
        combed(fair(kind="bald")),
        combed(None),
        combed(fair(), 0.0),
        combed(replace(fair(), headwear="beanie")),
    ):
        assert np.array_equal(nothing, before)


def test_swept_back_hair_runs_from_the_face_to_the_back(paint: Paint) -> None:
    """Beside the head, tones keep along y when hair is swept back, and along z when it lies about the whorl."""
    hair, x = paint.fields[:, FIELDS.index("hair")], np.abs(paint.fields[:, 0])
    face, weights, at = points(paint, (hair > 0.0199) & (x > 0.055), 6000)
    one, two = np.random.default_rng(0).integers(0, len(face), (2, 4_000_000))
    near = (at["x"][one] > 0.0) == (at["x"][two] > 0.0)
    across, down = (np.abs(at[axis][one] - at[axis][two]) for axis in "yz")
    level, upright = near & (down < 6e-4) & (across > 0.005) & (across < 0.009), near & (across < 6e-4)
    upright &= (down > 0.005) & (down < 0.009)
    ratio = {}
    for kind in ("swept back", "short"):
        tone = brightness(paint, fair(kind=kind, colour=(0.3, 0.3, 0.3)), face, weights, 4e-4)
        differ = np.abs(tone[one] - tone[two])
        ratio[kind] = differ[level].mean() / differ[upright].mean()
    assert ratio["swept back"] < 0.75
    assert ratio["short"] > 1.3


@pytest.mark.parametrize("high", [0.0, 0.5, 1.0])
def test_tied_hair_runs_to_its_tie(paint: Paint, high: float) -> None:
    """Beside the head, tones keep in the direction of the tail or bun, however high it is tied."""
    tresses = Tresses(
        kind="bun", length=0.3, front=70.0, aside=0.0, volume=0.015, wave=0.0, forward=95.0, high=high,
        tie=(0.2, 0.2, 0.2),
    )  # fmt: skip
    back, up = tresses.tied_towards
    hair, x = paint.fields[:, FIELDS.index("hair")], np.abs(paint.fields[:, 0])
    face, weights, at = points(paint, (hair > 0.0199) & (x > 0.055), 6000)
    one, two = np.random.default_rng(0).integers(0, len(face), (2, 4_000_000))
    near = (at["x"][one] > 0.0) == (at["x"][two] > 0.0)
    dy, dz = (at[axis][one] - at[axis][two] for axis in "yz")
    towards, aside = np.abs(back * dy + up * dz), np.abs(back * dz - up * dy)
    along, across = near & (aside < 6e-4), near & (towards < 6e-4)
    along &= (towards > 0.005) & (towards < 0.009)
    across &= (aside > 0.005) & (aside < 0.009)
    outfit = replace(fair(kind="swept back", colour=(0.3, 0.3, 0.3)), tresses=tresses)
    tone = brightness(paint, outfit, face, weights, 4e-4)
    differ = np.abs(tone[one] - tone[two])
    assert differ[along].mean() < 0.75 * differ[across].mean()
