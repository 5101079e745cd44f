"""The paint on Anny: kernel against reference, nobody naked, mirror, anti-aliased edges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from densesynth.appearance.outfit import Outfit, draw_outfit
from densesynth.appearance.paint import FIELDS, Paint, load_paint
from densesynth.errors import AssetError
from densesynth.surface.atlas import load_atlas


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return load_atlas("anny").faces


@pytest.fixture(scope="module")
def paint(faces: np.ndarray) -> Paint:
    return load_paint(faces)


def draw_people(count: int) -> list[Outfit]:
    rng = np.random.default_rng(3)
    return [draw_outfit(rng, float(rng.random())) for _ in range(count)]


def draw_points(paint: Paint, count: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    face = rng.choice(np.arange(len(paint.faces)) if among is None else among, count).astype(np.int32)
    return face, rng.dirichlet((1.0, 1.0, 1.0), count).astype(np.float32)


def field(paint: Paint, name: str) -> np.ndarray:
    return paint.fields[paint.faces, FIELDS.index(name)].mean(axis=1)


def test_kernel_agrees_with_reference(paint: Paint):
    people = draw_people(60)
    face, barycentrics = draw_points(paint, 30_000)
    rng = np.random.default_rng(1)
    instance = rng.integers(1, len(people) + 1, len(face)).astype(np.int32)
    footprint = np.exp(rng.uniform(np.log(1e-3), np.log(2e-2), len(face))).astype(np.float32)
    fast = paint.evaluate(people, instance, face, barycentrics, footprint)
    slow = paint.albedo_reference(people, instance, face, barycentrics, footprint)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_teeth_are_painted_on_mouths_that_open(paint: Paint):
    """Kernel against reference on the lining; light teeth in two rows before dark flesh, and nowhere without."""
    opened = paint.with_teeth()
    assert set(np.unique(opened.category)) == {0, 1, 2, 5, 6}
    face, barycentrics = draw_points(paint, 6000, np.flatnonzero(np.isin(paint.category, (3, 4))))
    people, instance = draw_people(1), np.ones(6000, np.int32)
    footprint = np.full(6000, 4e-4, np.float32)
    fast, rough = opened.albedo(people, instance, face, barycentrics, footprint)
    slow, slow_rough, _ = opened.albedo_reference(people, instance, face, barycentrics, footprint)
    np.testing.assert_allclose(fast, slow, atol=2e-3)
    np.testing.assert_allclose(rough, slow_rough, atol=2e-3)
    place = (paint.fields[paint.faces[face], FIELDS.index("z")] * barycentrics).sum(axis=1)
    light = fast.min(axis=1) > 0.2
    assert (light & (place > 1.45)).sum() > 50
    assert (light & (place < 1.445)).sum() > 30
    plain, _ = paint.albedo(people, instance, face, barycentrics, footprint)
    assert plain[:, 1].max() < 0.15


def test_close_up_kernel_agrees_with_reference_nearly_everywhere(paint: Paint):
    """Below a millimetre a pixel, float32 moves edges by a visible share of a pixel at a few points."""
    people = draw_people(20)
    face, barycentrics = draw_points(paint, 20_000)
    instance = (np.arange(len(face)) % len(people) + 1).astype(np.uint8)
    footprint = np.full(len(face), 2e-4, np.float32)
    fast, _ = paint.albedo(people, instance, face, barycentrics, footprint)
    slow, _, _ = paint.albedo_reference(people, instance, face, barycentrics, footprint)
    error = np.abs(fast - slow).max(axis=1)
    assert np.quantile(error, 0.999) < 1e-4
    assert error.max() < 3e-3


def test_same_bytes_twice_and_in_any_company(paint: Paint):
    people = draw_people(3)
    face, barycentrics = draw_points(paint, 2000)
    footprint = np.full(2000, 2e-3, np.float32)
    alone, _ = paint.albedo(people[1:2], np.ones(2000, np.int32), face, barycentrics, footprint)
    among, _ = paint.albedo(people, np.full(2000, 2, np.int32), face, barycentrics, footprint)
    assert alone.tobytes() == among.tobytes()


def private_faces(paint: Paint) -> np.ndarray:
    """Chest, hips and what lies between the legs, on the skin."""
    arm, leg, z = field(paint, "arm"), field(paint, "leg"), field(paint, "z")
    y, x = field(paint, "y"), np.abs(field(paint, "x"))
    chest = (y < -0.02) & (z > 1.09) & (z < 1.24) & (x < 0.125) & (arm < -0.05)
    hips = (z > 0.76) & (z < 0.92) & (arm < 0.05) & (leg < 0.09)
    return np.flatnonzero((chest | hips) & (paint.category == 0))


def test_nobody_is_naked(paint: Paint):
    """Chest, hips and genital area are under a garment in 500 outfits, at every footprint's middle."""
    people = draw_people(500)
    face, barycentrics = draw_points(paint, 40_000, private_faces(paint))
    instance = (np.arange(len(face)) % len(people) + 1).astype(np.int32)
    _, _, covered = paint.evaluate(people, instance, face, barycentrics, np.full(len(face), 1e-3, np.float32))
    bare = covered < 1.0
    # An open jacket shows its shirt; nothing else opens.
    assert not bare.any(), f"{bare.sum()} of {len(bare)} points are bare"


def test_the_law_can_fail(paint: Paint):
    person = draw_people(1)[0]
    raised = dataclasses.replace(person, bottom=dataclasses.replace(person.bottom, waist=0.8, hem=0.01))
    face, barycentrics = draw_points(paint, 4000, private_faces(paint))
    _, _, covered = paint.evaluate(
        [dataclasses.replace(raised, top=dataclasses.replace(raised.top, hem=1.1))],
        np.ones(4000, np.int32), face, barycentrics, np.full(4000, 1e-3, np.float32),
    )  # fmt: skip
    assert (covered < 1.0).any()


def test_head_and_hands_are_never_garments(paint: Paint):
    z, arm = field(paint, "z"), field(paint, "arm")
    bare = np.flatnonzero((z > 1.45) | (arm > 0.58))
    face, barycentrics = draw_points(paint, 5000, bare)
    people = draw_people(50)
    instance = (np.arange(5000) % 50 + 1).astype(np.int32)
    _, _, covered = paint.evaluate(people, instance, face, barycentrics, np.full(5000, 1e-3, np.float32))
    assert covered.max() == 0.0


def along_sleeve(paint: Paint, people: list[Outfit], footprint: float) -> tuple[np.ndarray, np.ndarray]:
    """Coverage along edges of the mesh that cross the sleeve's end."""
    arm = paint.fields[:, FIELDS.index("arm")]
    sleeve = people[0].top.sleeve
    ends = arm[paint.faces]
    crossing = np.flatnonzero((ends.min(axis=1) < sleeve - 0.004) & (ends.max(axis=1) > sleeve + 0.004))
    low, high = ends[crossing].argmin(axis=1), ends[crossing].argmax(axis=1)
    t = np.linspace(0.0, 1.0, 101, dtype=np.float32)
    barycentrics = np.zeros((len(crossing), len(t), 3), np.float32)
    rows = np.arange(len(crossing))
    barycentrics[rows, :, low] = 1.0 - t
    barycentrics[rows, :, high] += t
    flat = barycentrics.reshape(-1, 3)
    face = np.repeat(crossing, len(t)).astype(np.int32)
    _, _, covered = paint.evaluate(
        people, np.ones(len(face), np.int32), face, flat, np.full(len(face), footprint, np.float32)
    )
    place = (arm[paint.faces[face]] * flat).sum(axis=1)
    return place - sleeve, covered


def test_edges_ramp_over_one_pixel(paint: Paint):
    person = next(p for p in draw_people(50) if p.top.kind == "t-shirt")
    beyond, covered = along_sleeve(paint, [person], 4e-3)
    np.testing.assert_allclose(covered, np.clip(0.5 - beyond / 4e-3, 0.0, 1.0), atol=1e-3)
    assert ((covered > 0.1) & (covered < 0.9)).any()


def test_garments_are_mirror_symmetric(paint: Paint):
    """Coverage at a vertex and at its mirror image is the same, patterns apart."""
    from scipy.spatial import cKDTree

    rest = paint.fields[:, :3]
    distance, partner = cKDTree(rest).query(rest * (-1, 1, 1))
    assert distance.max() < 1e-3
    first = np.zeros(len(rest), np.int32)
    corner = np.zeros(len(rest), np.int64)
    first[paint.faces.ravel()] = np.repeat(np.arange(len(paint.faces)), 3)
    corner[paint.faces.ravel()] = np.tile(np.arange(3), len(paint.faces))
    barycentrics = np.eye(3, dtype=np.float32)[corner]
    skin = paint.category[first] == 0
    skin &= skin[partner]
    for person in draw_people(12):
        _, _, covered = paint.evaluate(
            [person], np.ones(len(rest), np.int32), first, barycentrics, np.full(len(rest), 2e-2, np.float32)
        )
        assert np.abs(covered - covered[partner])[skin].max() < 0.12  # 20 mm pixels; the mesh is symmetric to 0.5 mm


def test_shares_stay_in_range(paint: Paint):
    people = draw_people(40)
    face, barycentrics = draw_points(paint, 10_000)
    instance = (np.arange(10_000) % 40 + 1).astype(np.int32)
    albedo, roughness = paint.albedo(people, instance, face, barycentrics, np.full(10_000, 1.5e-3, np.float32))
    assert np.isfinite(albedo).all()
    assert albedo.min() >= 0.0
    assert albedo.max() <= 1.0
    assert roughness.min() > 0.05
    assert roughness.max() <= 1.0


def test_nothing_to_paint(paint: Paint):
    albedo, roughness = paint.albedo(
        draw_people(1),
        np.zeros(0, np.int32),
        np.zeros(0, np.int32),
        np.zeros((0, 3), np.float32),
        np.zeros(0, np.float32),
    )
    assert albedo.shape == (0, 3)
    assert roughness.shape == (0,)


def test_eyes_have_dark_pupils_and_light_whites(paint: Paint):
    eye = np.flatnonzero(paint.category == 1)
    rho = np.hypot(np.abs(field(paint, "x")) - 0.0295, field(paint, "z") - 1.5162)
    forward = field(paint, "y") < -0.13
    face = eye[(rho[eye] < 0.0012) & forward[eye]].astype(np.int32)
    assert len(face)
    middle = np.full((len(face), 3), 1 / 3, np.float32)
    albedo, _ = paint.albedo(
        draw_people(1), np.ones(len(face), np.int32), face, middle, np.full(len(face), 5e-4, np.float32)
    )
    assert albedo.max() < 0.05


def test_another_mesh_is_refused():
    with pytest.raises(AssetError, match="Anny's default mesh"):
        load_paint(np.array([[0, 1, 2]], np.int32))
