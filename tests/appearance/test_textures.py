"""UV pictures on people: sampling against a slow reference, seams, skin tones, and what is refused."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.appearance.colour import measure_difference
from densesynth.appearance.looks import (
    AppearanceSettings,
    Library,
    Look,
    Wardrobe,
    draw_looks,
    open_library,
    plain_face,
)
from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.appearance.textures import PARTS, Surface, prepare, sexes_of
from densesynth.appearance.tone import CONES_FROM_LINEAR, LINEAR_FROM_CONES
from densesynth.body.anny import load_anny
from densesynth.config import recipe_from_table
from densesynth.errors import AssetError
from densesynth.frames import Generator
from densesynth.scene.asset_folder import keep_readable
from densesynth.surface.textures import coordinates_layout

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from stand_in_textures import Easel, undress

SIDE = 256


@pytest.fixture(scope="module")
def surface() -> Surface:
    body = load_anny()
    layout = coordinates_layout(body.faces, body.texture_corners(), "anny")
    return Surface(load_paint(body.faces), layout, whole=False)


@pytest.fixture(scope="module")
def folder(surface: Surface, tmp_path_factory) -> Path:
    """Four dressed men and a bare one, painted by the procedural painter."""
    path = tmp_path_factory.mktemp("textures")
    easel = Easel(surface.paint, surface.layout, SIDE)
    for k in range(5):
        outfit = draw_outfit(np.random.default_rng([1, k]), 0.0)
        picture = easel.paint_person(undress(outfit) if k == 4 else outfit)
        cv2.imwrite(str(path / f"nongrey_male_{k:04d}.png"), picture[..., ::-1])
    return path


@pytest.fixture(scope="module")
def library(surface: Surface, folder: Path) -> Library:
    return open_library(AppearanceSettings(textures=folder, mix=1.0), surface, keep_readable)


def middles(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    face = np.flatnonzero(where).astype(np.int32)
    return face, np.full((len(face), 3), 1.0 / 3.0, np.float32)


def evaluate(surface: Surface, looks, face, weights, footprint=0.003):
    outfits = [draw_outfit(np.random.default_rng(0), 0.0)] * len(looks[1])
    n = len(face)
    return surface.paint.evaluate(
        outfits, np.ones(n, np.int32), face, weights, np.full(n, footprint, np.float32), Wardrobe(*looks)
    )


def of_faces(surface: Surface, name: str) -> np.ndarray:
    return surface.paint.fields[surface.paint.faces, FIELDS.index(name)].mean(axis=1)


def skin_faces(surface: Surface) -> np.ndarray:
    return surface.paint.category == 0


def reference(surface: Surface, library: Library, number: int, face, weights, footprint) -> np.ndarray:
    """Trilinear, one point at a time, from the reduced pictures as they are."""
    ready = prepare(surface, library.textures[number], library.settings.largest)
    levels, at = [], 0
    for k in range(ready.levels):
        side = ready.side >> k
        levels.append(ready.texels[at : at + side * side].view(np.uint8).reshape(side, side, 4) / 255.0)
        at += side * side
    answers = []
    for f, b in zip(face, weights.astype(np.float64), strict=True):
        x, y = b @ surface.corners[f].astype(np.float64)
        level = float(np.clip(np.log2(max(footprint * surface.density[f] * ready.side, 1.0)), 0, ready.levels - 1))
        total = np.zeros(4)
        for k, share in ((int(level), 1.0 - level % 1.0), (min(int(level) + 1, ready.levels - 1), level % 1.0)):
            side = ready.side >> k
            u, v = np.clip(x * side - 0.5, 0, side - 1), np.clip(y * side - 0.5, 0, side - 1)
            for row, vertical in ((int(v), 1 - v % 1.0), (min(int(v) + 1, side - 1), v % 1.0)):
                for column, across in ((int(u), 1 - u % 1.0), (min(int(u) + 1, side - 1), u % 1.0)):
                    texel = levels[k][row, column]
                    total += share * vertical * across * np.append(texel[:3] ** 2, texel[3])
        answers.append(total)
    return np.array(answers)


@pytest.mark.parametrize("footprint", [0.0005, 0.006, 0.05])
def test_a_picture_is_sampled_as_the_slow_reference_does(surface: Surface, library: Library, footprint: float) -> None:
    rng = np.random.default_rng(2)
    face = rng.choice(np.flatnonzero(skin_faces(surface)), 400).astype(np.int32)
    weights = rng.dirichlet((1.0, 1.0, 1.0), len(face)).astype(np.float32)
    look = Look(textures=(1,) * 5, gain=np.ones((5, 3)), waist=1.0, dressed=True)
    colour, _, _ = evaluate(surface, (library, [look]), face, weights, footprint)
    expected = reference(surface, library, 1, face, weights, np.float32(footprint))
    np.testing.assert_allclose(colour, expected[:, :3], atol=2e-4)


def test_people_without_pictures_keep_their_paint(surface: Surface, library: Library) -> None:
    face, weights = middles(skin_faces(surface))
    outfits = [draw_outfit(np.random.default_rng(k), 0.0) for k in range(2)]
    instance = (np.arange(len(face)) % 2 + 1).astype(np.int32)
    asked = outfits, instance, face, weights, np.full(len(face), 0.003, np.float32)
    look = Look(textures=(0,) * 5, gain=np.ones((5, 3)), waist=1.0, dressed=True)
    painted, mixed = surface.paint.evaluate(*asked), surface.paint.evaluate(*asked, Wardrobe(library, [None, look]))
    for before, after in zip(painted, mixed, strict=True):
        assert np.array_equal(before[instance == 1], after[instance == 1])
    assert not np.allclose(painted[0][instance == 2], mixed[0][instance == 2], atol=0.1)


def flat_library(surface: Surface, folder: Path) -> Library:
    """Five pictures of one grey each: what changes over the body is the mixing alone."""
    for k, part in enumerate(PARTS):
        cv2.imwrite(str(folder / f"{part}.png"), np.full((64, 64, 3), 40 + 45 * k, np.uint8))
    found = open_library(AppearanceSettings(textures=folder), surface, keep_readable)
    assert len(found.textures) == len(PARTS)
    return found


def test_parts_blend_over_their_feather_without_a_step(surface: Surface, tmp_path: Path) -> None:
    grey = flat_library(surface, tmp_path)
    names = [texture.path.stem for texture in grey.textures]
    look = Look(textures=tuple(names.index(p) for p in PARTS), gain=np.ones((5, 3)), waist=0.98, dressed=True)
    level = (np.array([40 + 45 * k for k in range(5)]) / 255.0 + 0.055) / 1.055
    level **= 2.4
    # Along every edge of the mesh in short steps: no step is larger than the steepest feather allows.
    faces = np.flatnonzero(skin_faces(surface)).astype(np.int32)
    steps = np.linspace(0.0, 1.0, 41)
    corner = surface.paint.fields[surface.paint.faces[faces]][..., :3]
    length = np.linalg.norm(corner[:, 1] - corner[:, 0], axis=1)
    weights = np.zeros((len(faces), len(steps), 3), np.float32)
    weights[..., 0], weights[..., 1] = 1.0 - steps, steps
    colour, _, _ = evaluate(surface, (grey, [look]), np.repeat(faces, len(steps)), weights.reshape(-1, 3))
    colour = colour[:, 0].reshape(len(faces), len(steps))
    assert colour.min() > level[0] - 0.01
    assert colour.max() < level[-1] + 0.01
    moved = length / 40.0
    # Fields change faster than places do at few edges (the neck's cone): at most three times.
    steepest = 1.5 / 0.024 * 3.0 * (level[-1] - level[0])
    assert (np.abs(np.diff(colour, axis=1)).max(axis=1) <= steepest * moved + 0.006).all()
    middle = {name: of_faces(surface, name)[faces] for name in ("z", "arm", "leg")}
    inside = {
        0: middle["z"] > 1.45, 1: (middle["z"] > 1.05) & (middle["z"] < 1.2) & (middle["arm"] < 0.0),
        2: middle["arm"] > 0.55, 3: (middle["leg"] > 0.2) & (middle["leg"] < 0.7), 4: middle["leg"] > 0.82,
    }  # fmt: skip
    for part, where in inside.items():
        np.testing.assert_allclose(colour[where], level[part], atol=0.006)


def test_mixed_skin_agrees_with_the_face(surface: Surface, library: Library) -> None:
    z, y, arm = (of_faces(surface, name) for name in ("z", "y", "arm"))
    lips, lid, nail = (of_faces(surface, name) for name in ("lips", "lid", "nail"))
    face_area = (z > 1.43) & (z < 1.53) & (y < -0.09) & (lips < -0.005) & (lid > 0.013) & skin_faces(surface)
    hand_area = (arm > 0.55) & (nail < 0.2) & skin_faces(surface)
    rng = np.random.default_rng(6)
    before, after = [], []
    for _ in range(12):
        (look,) = draw_looks(library, [0.0], rng)
        assert look is not None
        if not look.mixed:
            continue
        for matched, found in ((look, after), (Look(**{**vars(look), "gain": np.ones((5, 3))}), before)):
            tones = []
            for area in (face_area, hand_area):
                colour, _, cloth = evaluate(surface, (library, [matched]), *middles(area))
                tones.append(np.median(colour[cloth < 0.1], axis=0) if (cloth < 0.1).mean() > 0.5 else None)
            if tones[1] is not None:
                found.append(measure_difference(*(tuple(tone.tolist()) for tone in tones)))
    assert max(before) > 8.0  # the pictures' own skins differ
    assert max(after) < 2.5  # hardly to be told


def test_cones_and_back() -> None:
    np.testing.assert_allclose(CONES_FROM_LINEAR @ LINEAR_FROM_CONES, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(CONES_FROM_LINEAR.sum(axis=1), 1.0, atol=1e-6)  # white is white


def test_bare_bodies_wear_our_clothes(surface: Surface, library: Library) -> None:
    bare = [texture.bare for texture in library.textures]
    assert bare == [False, False, False, False, True]
    drawn = [draw_looks(library, [0.0], np.random.default_rng(k))[0] for k in range(40)]
    assert all(look is not None and look.dressed == (4 not in look.textures) for look in drawn)
    assert any(look is not None and not look.dressed for look in drawn)
    look = Look(textures=(4,) * 5, gain=np.ones((5, 3)), waist=1.0, dressed=False)
    z, arm = of_faces(surface, "z"), of_faces(surface, "arm")
    hips = (z > 0.8) & (z < 0.9) & (arm < 0.0) & skin_faces(surface)
    _, _, cloth = evaluate(surface, (library, [look]), *middles(hips))
    assert (cloth > 0.99).all()
    plain = plain_face(draw_outfit(np.random.default_rng(3), 0.0))
    assert plain.hair.beard == 0.0
    assert plain.hair.brow_strength == 0.0


def test_what_cant_be_used_is_left_out_and_named(surface: Surface, folder: Path, tmp_path: Path) -> None:
    good = cv2.imread(str(folder / "nongrey_male_0001.png"))
    cv2.imwrite(str(tmp_path / "good.png"), good)
    cv2.imwrite(str(tmp_path / "mirrored.png"), good[:, ::-1])
    cv2.imwrite(str(tmp_path / "other.png"), np.rot90(good))
    cv2.imwrite(str(tmp_path / "wide.png"), good[:100])
    whole = (folder / "nongrey_male_0001.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.warns(UserWarning, match="left out"):
        found = open_library(AppearanceSettings(textures=tmp_path), surface, keep_readable)
    assert [texture.path.name for texture in found.textures] == ["good.png"]
    told = dict(zip(("cut", "mirrored", "other", "text", "wide"), found.left_out, strict=True))
    assert "corrupt" in told["cut"]
    assert "corrupt" in told["text"]
    assert "square" in told["wide"]
    for name in ("mirrored", "other"):
        assert "layout" in told[name]
        assert "\n" not in told[name]
    (tmp_path / "good.png").unlink()
    with pytest.warns(UserWarning, match="left out"), pytest.raises(AssetError, match="none of the 5"):
        open_library(AppearanceSettings(textures=tmp_path), surface, keep_readable)


def test_sexes_come_from_names_and_folders() -> None:
    assert sexes_of(Path("textures/female/nongrey_female_0001.jpg")) == (1,)
    assert sexes_of(Path("textures/male/0001.jpg")) == (0,)
    assert sexes_of(Path("female/male_02.png")) == (0,)
    assert sexes_of(Path("skins/young.png")) == (0, 1)
    assert sexes_of(Path("alphamale/young.png")) == (0, 1)


def test_people_are_counted(library: Library) -> None:
    pool = library.pool(0, False)
    assert len(pool) == 4
    hems = [library.textures[k].hem for k in pool]
    pairs = sum(max(sum(lower > upper - 0.01 for lower in hems), 1) for upper in hems)
    assert library.count_people() == pairs * 4**3 + 1
    apart = dataclasses.replace(library, settings=AppearanceSettings(textures=Path(), mix=0.0))
    assert apart.count_people() == 5


def test_hems_are_found_and_legs_go_with_the_trunk(library: Library) -> None:
    for k in range(4):
        outfit = draw_outfit(np.random.default_rng([1, k]), 0.0)
        edge = outfit.bottom.waist if outfit.top.tucked else outfit.top.hem
        assert library.textures[k].hem == pytest.approx(edge, abs=0.03)
    rng = np.random.default_rng(0)
    for _ in range(30):
        (look,) = draw_looks(library, [0.0], rng)
        assert look is not None
        upper, lower = (library.textures[look.textures[k]].hem for k in (1, 3))
        assert lower > upper - 0.01


def test_pictures_change_no_label_and_no_share_changes_nothing(folder: Path) -> None:
    small = {"picture": {"width": 96, "height": 96}, "people": {"count": [1, 1], "shells": False}}
    frames = []
    for table in ({}, {"textures": str(folder)}, {"textures": str(folder), "share": 0.0}):
        generator = Generator(recipe_from_table(small | {"appearance": table}, "test"))
        frames.append(next(generator.frame(0, k) for k in range(20) if generator.body.sex(_betas(generator, k)) < 0.5))
    plain, pictured, none = frames
    assert plain.wears == none.wears == ()
    (worn,) = pictured.wears
    assert worn.instance == 1
    assert worn.garments == []
    assert tuple(worn.pictures) == PARTS
    assert all((folder / name).is_file() for name in worn.pictures.values())
    assert np.array_equal(plain.picture, none.picture)
    assert not np.array_equal(plain.picture, pictured.picture)
    assert plain.annotations == none.annotations == pictured.annotations
    for name, values in plain.surface.items():
        assert np.array_equal(values, none.surface[name]), name
        assert np.array_equal(values, pictured.surface[name]), name


def _betas(generator: Generator, index: int) -> np.ndarray:
    return generator._scene(0, index)[0].people[0].betas
