"""Every effect of a recipe: off, it leaves every byte as it was; on, it does to picture and labels what it should."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from tailor import write_band

from densesynth.appearance.paint import load_paint
from densesynth.body.anny import load_anny
from densesynth.body.base_mesh import load_base_mesh
from densesynth.config import Recipe, recipe_from_table
from densesynth.data.record import FrameRecord, camera_of
from densesynth.frames import Generator
from densesynth.geometry.camera import Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.scene import Scene

Table = dict[str, dict[str, Any]]

# Nothing is on but what a picture can't be without.
BASE: Table = {
    "picture": {"width": 96, "height": 96, "noise": [0.0, 0.0]},
    "people": {"count": [2, 2], "motions": ["run"]},
    "lens": {key: [0.0, 0.0] for key in ("k1", "k2", "p1", "p2", "k3")},
    "light": {"contact": 0.0},
}
SEED, INDEX = 11, 2


@dataclass(frozen=True)
class Effect:
    """off: the effect switched off, with whatever else belongs to it set to something else. on: switched on. labels:
    whether the labels stay. picture: whether the picture changes (JPEG's quality is the file's)."""

    name: str
    off: Table
    on: Table
    labels: bool = True
    picture: bool = True


def _sensor(key: str, strength: float) -> Effect:
    return Effect(f"sensor.{key}", {"sensor": {key: [0.0, 0.0]}}, {"sensor": {key: [strength, strength]}})


def _situation(key: str) -> Effect:
    return Effect(f"camera.{key}", {"camera": {key: 0.0}}, {"camera": {key: 1.0}}, labels=False)


def _lens(key: str, strength: float) -> Effect:
    return Effect(f"lens.{key}", {"lens": {key: [0.0, 0.0]}}, {"lens": {key: [strength, strength]}}, labels=False)


_BEND = {"focal_length": [30.0, 40.0], "k1": [0.01, 0.02], "k2": [0.01, 0.01], "k3": [0.001, 0.001], "k4": [0.0, 0.001]}
_LAMP = {"lamp_strength": [0.5, 0.6], "lamp_distance": [1.5, 2.0]}
_HARMONISED = {"regions": "both", "max_drift": 3.0, "estimate_size": 64, "full_size": True}
_OBJECT = {"share": 1.0, "standing": 0.5, "size": [0.5, 0.9], "softness": [2.0, 2.0]}

EFFECTS = (
    *(_situation(key) for key in ("portrait", "whole_body", "cut_off", "selfie", "cctv", "drone")),
    *(_lens(key, at) for key, at in (("k1", -0.2), ("k2", 0.3), ("p1", 0.02), ("p2", 0.02), ("k3", 0.5))),
    Effect("fisheye", {"fisheye": {"share": 0.0, **_BEND}}, {"fisheye": {"share": 1.0, **_BEND}}, labels=False),
    Effect("light.lamps", {"light": {"lamps": [0, 0], **_LAMP}}, {"light": {"lamps": [3, 3], **_LAMP}}),
    Effect("light.contact", {"light": {"contact": 0.0}}, {"light": {"contact": 1.0}}),
    _sensor("aperture", 60.0),
    _sensor("shutter", 60.0),
    _sensor("shake", 4.0),
    _sensor("exposure", 1.0),
    _sensor("white_balance", 60.0),
    _sensor("vignette", 0.5),
    _sensor("fringe", 3.0),
    _sensor("shoulder", 1.0),
    _sensor("smoothing", 1.0),
    _sensor("sharpening", 1.0),
    Effect("occluders", {"occluders": {"count": [0, 0], **_OBJECT}}, {"occluders": {"count": [2, 2], **_OBJECT}},
           labels=False),
    Effect("picture.noise", {"picture": {"noise": [0.0, 0.0]}}, {"picture": {"noise": [0.05, 0.05]}}),
    Effect("picture.edge_samples", {"picture": {"edge_samples": 4}}, {"picture": {"edge_samples": 1}}),
    Effect("picture.jpeg_quality", {"picture": {"jpeg_quality": 95}}, {"picture": {"jpeg_quality": [30, 40]}},
           picture=False),
    Effect("harmonise", {"harmonise": {"method": "off", **_HARMONISED}},
           {"harmonise": {"method": "reinhard", "regions": "person", "max_drift": 10.0}}),
    Effect("people.shells", {"people": {"shells": True}}, {"people": {"shells": False}}, labels=False),
    Effect("people.wrinkles", {"people": {"wrinkles": 0.0}}, {"people": {"wrinkles": 1.0}}, labels=False),
    Effect("furniture.count", {"furniture": {"count": [0, 0], "before": 1.0, "spread": [0.0, 1.0]}},
           {"furniture": {"count": [6, 6], "before": 1.0, "spread": [0.0, 1.0]}}, labels=False),
    Effect("furniture.carried", {"furniture": {"carried": 0.0}}, {"furniture": {"carried": 1.0}}, labels=False),
    Effect("background", {"background": {"procedural_share": 0.7, "environment_share": 0.1, "match_light": False}}, {}),
)  # fmt: skip
# Settings that are ranges or counts of what is always there, and files, which have tests where they are read. Folds and
# strands, which close cameras alone see, have theirs in tests/appearance/test_relief.py.
ALWAYS = {
    "camera.focal_length", "camera.fill", "camera.elevation", "camera.roll", "camera.off_centre", "camera.rig",
    "light.elevation", "light.temperature", "light.key_share", "light.angular_radius", "light.exposure",
    "picture.width", "picture.height", "background.folder", "background.environments", "occluders.folder",
    "harmonise.batch", "harmonise.checkpoint", "people.count", "people.motions", "people.depth_spread", "people.clips",
    "people.joint_names", "people.marker_set", "people.garments", "people.folds", "people.combed",
    "appearance.textures", "appearance.layout", "appearance.share", "appearance.mix", "appearance.largest",
}  # fmt: skip


def merge(table: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> Table:
    return {name: {**table.get(name, {}), **more.get(name, {})} for name in (*table, *(set(more) - set(table)))}


# One person a frame, of whom some sit: each of the switches finds frames that it changes, and frames that it doesn't.
PEOPLE: Table = merge(BASE, {"people": {"count": [1, 1], "motions": ["sit", "walk", "dance"], "gaze": 0.0}})
PEOPLE_SEED, FRAMES = 17, 5


@dataclass(frozen=True)
class Sight:
    scene: Scene
    meshes: tuple[SceneMesh, ...]
    frame: FrameRecord


def _has_things(sight: Sight) -> bool:
    return any(mesh.owner == SCENERY for mesh in sight.meshes)


def _eyes_turn(scene: Scene) -> bool:
    looks = [k for k, name in enumerate(load_anny().expression_names) if name.startswith("eyeLook")]
    return any(person.expression is not None and bool(person.expression[looks].any()) for person in scene.people)


# Setting → on, off, and whether a frame has something of it.
SWITCHES: dict[str, tuple[object, object, Callable[[Sight], bool]]] = {
    "people.loose": (True, False, lambda sight: sight.scene.people[0].outfit.loose is not None),
    "people.hems": (True, False, lambda sight: any(mesh.outfit is not None for mesh in sight.meshes)),
    "people.long_hair": (True, False, lambda sight: sight.scene.people[0].outfit.tresses is not None),
    "people.expressions": (0.5, 0.0, lambda sight: sight.scene.people[0].expression is not None),
    "people.gaze": (0.5, 0.0, lambda sight: _eyes_turn(sight.scene)),
    "people.garment_share": (0.5, 0.0, lambda sight: bool(sight.scene.people[0].garments)),
    "furniture.seats": (True, False, _has_things),
}
SECTIONS = (
    "people", "appearance", "furniture", "camera", "lens", "fisheye", "background", "light", "sensor", "occluders",
    "picture", "harmonise",
)  # fmt: skip


@functools.cache
def _make(text: str) -> tuple[FrameRecord, int]:
    generator = Generator(recipe_from_table(json.loads(text), "test"))
    return generator.frame(SEED, INDEX), generator.jpeg_quality(SEED, INDEX)


def make(table: Table) -> tuple[FrameRecord, int]:
    """The frame, and the quality of its JPEG."""
    return _make(json.dumps(table, sort_keys=True))


def same_labels(a: FrameRecord, b: FrameRecord) -> bool:
    return (
        a.annotations == b.annotations
        and np.array_equal(a.iuv, b.iuv)
        and np.array_equal(a.segmentation, b.segmentation)
        and a.surface.keys() == b.surface.keys()
        and all(np.array_equal(a.surface[key], b.surface[key]) for key in a.surface)
    )


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_an_effect(effect: Effect) -> None:
    plain, quality = make(BASE)
    off, off_quality = make(merge(BASE, effect.off))
    assert off.picture.tobytes() == plain.picture.tobytes()
    assert same_labels(off, plain)
    assert off_quality == quality
    if not effect.on:
        return
    on, on_quality = make(merge(BASE, effect.on))
    assert (on.picture.tobytes() != plain.picture.tobytes()) == effect.picture
    assert same_labels(on, plain) == effect.labels
    assert (on_quality != quality) == (effect.name == "picture.jpeg_quality")
    if effect.name == "fisheye":
        assert isinstance(camera_of(on.surface).lens, Fisheye)
    elif effect.name.startswith("lens."):
        assert camera_of(on.surface).lens != Lens()
    if effect.name == "occluders":  # only what is hidden goes
        assert (on.surface["instance"] > 0).sum() < (plain.surface["instance"] > 0).sum()
        kept = on.surface["instance"] > 0
        assert np.array_equal(on.iuv[kept], plain.iuv[kept])


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Table], list[Sight]]:
    """Table → its first frames, kept."""
    folder, body = tmp_path_factory.mktemp("garments"), load_anny()
    write_band(folder, load_base_mesh(body), load_paint(body.faces))

    @functools.cache
    def draw(text: str) -> list[Sight]:
        table = json.loads(text)
        if "garment_share" in table["people"]:
            table["people"]["garments"] = str(folder)
        generator = Generator(recipe_from_table(table, "test"))
        sights = []
        for index in range(FRAMES):
            scene, _, _, meshes = generator._scene(PEOPLE_SEED, index)
            sights.append(Sight(scene, tuple(meshes), generator.frame(PEOPLE_SEED, index)))
        return sights

    return lambda table: draw(json.dumps(table, sort_keys=True))


@pytest.mark.parametrize("name", SWITCHES)
def test_who_has_nothing_of_it_stays_as_they_are(name: str, several: Callable[[Table], list[Sight]]) -> None:
    """Frames whose people have nothing of what is switched are the same to the bit, on or off; the others change."""
    section, key = name.split(".")
    on, off, has = SWITCHES[name]
    with_it, without = (several(merge(PEOPLE, {section: {key: value}})) for value in (on, off))
    changed = 0
    for one, other in zip(with_it, without, strict=True):
        same = one.frame.picture.tobytes() == other.frame.picture.tobytes() and same_labels(one.frame, other.frame)
        assert same != has(one)
        assert not has(other)
        changed += not same
    assert 0 < changed < FRAMES


@pytest.mark.parametrize("key", ["loose", "hems", "long_hair"])
def test_without_shells_nothing_hangs(key: str, several: Callable[[Table], list[Sight]]) -> None:
    bare = merge(PEOPLE, {"people": {"shells": False}})
    for one, other in zip(several(bare), several(merge(bare, {"people": {key: False}})), strict=True):
        assert one.frame.picture.tobytes() == other.frame.picture.tobytes()
        assert same_labels(one.frame, other.frame)
        assert "worn_owner" not in one.frame.surface


def test_everything_off_is_a_pinhole_that_sees_what_is_there() -> None:
    plain, _ = make(BASE)
    assert camera_of(plain.surface).lens == Lens()
    assert "occluder_alpha" not in plain.surface


def test_every_setting_is_an_effect_or_always_there() -> None:
    """A new setting of these sections has to be put on one of the two lists."""
    tried = {f"{section}.{key}" for effect in EFFECTS for part in (effect.off, effect.on)
             for section, keys in part.items() for key in keys}  # fmt: skip
    tried |= SWITCHES.keys()
    known = {f"{section}.{item.name}" for section in SECTIONS for item in fields(getattr(Recipe(), section))}
    assert known == tried | ALWAYS
    assert not tried & ALWAYS
