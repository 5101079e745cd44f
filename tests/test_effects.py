"""Every effect of a recipe: off, it leaves every byte as it was; on, it does to picture and labels what it should."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest

from densesynth.config import Recipe, recipe_from_table
from densesynth.data.record import FrameRecord, camera_of
from densesynth.frames import Generator
from densesynth.geometry.camera import Lens
from densesynth.geometry.fisheye import Fisheye

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
    Effect("background", {"background": {"procedural_share": 0.7, "environment_share": 0.1, "match_light": False}}, {}),
)  # fmt: skip
# Settings that are ranges or counts of what is always there, and files, which have tests where they are read.
ALWAYS = {
    "camera.focal_length", "camera.fill", "camera.elevation", "camera.roll", "camera.off_centre", "camera.rig",
    "light.elevation", "light.temperature", "light.key_share", "light.angular_radius", "light.exposure",
    "picture.width", "picture.height", "background.folder", "background.environments", "occluders.folder",
    "harmonise.batch", "harmonise.checkpoint",
}  # fmt: skip
SECTIONS = ("camera", "lens", "fisheye", "background", "light", "sensor", "occluders", "picture", "harmonise")


def merge(table: Mapping[str, Mapping[str, Any]], more: Mapping[str, Mapping[str, Any]]) -> Table:
    return {name: {**table.get(name, {}), **more.get(name, {})} for name in (*table, *(set(more) - set(table)))}


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


def test_everything_off_is_a_pinhole_that_sees_what_is_there() -> None:
    plain, _ = make(BASE)
    assert camera_of(plain.surface).lens == Lens()
    assert "occluder_alpha" not in plain.surface


def test_every_setting_is_an_effect_or_always_there() -> None:
    """A new setting of these sections has to be put on one of the two lists."""
    tried = {f"{section}.{key}" for effect in EFFECTS for part in (effect.off, effect.on)
             for section, keys in part.items() for key in keys}  # fmt: skip
    known = {f"{section}.{item.name}" for section in SECTIONS for item in fields(getattr(Recipe(), section))}
    assert known == tried | ALWAYS
    assert not tried & ALWAYS
