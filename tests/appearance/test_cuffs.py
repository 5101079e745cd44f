"""Ends of sleeves and legs: a step of cloth, a seam, a shadow below; nothing beyond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densesynth.appearance.layout import pack_bytes
from densesynth.appearance.outfit import Outfit, draw_outfit
from densesynth.appearance.paint import FIELDS, Paint, load_paint
from densesynth.appearance.shell import CUT, Shell
from densesynth.body.anny import load_anny
from densesynth.surface.closest import vertex_normals


@pytest.fixture(scope="module")
def paint() -> Paint:
    return load_paint(load_anny().faces)


def worn(sleeve: float, hem: float) -> Outfit:
    """A plain t-shirt and plain trousers or shorts that end there."""
    person = draw_outfit(np.random.default_rng(5), 0.0)
    plain = replace(person.top.cloth, pattern="plain", colour=(0.4, 0.4, 0.4), second=(0.4, 0.4, 0.4))
    top = replace(
        person.top,
        kind="t-shirt",
        cloth=plain,
        sleeve=sleeve,
        collar=False,
        trim=plain.colour,
        opening=0.0,
        placket=False,
    )
    bottom = replace(person.bottom, kind="shorts", cloth=plain, hem=hem, side_stripe=0.0)
    return replace(person, seed=0.5, top=top, bottom=bottom, glove_cuff=9.0, skin=replace(person.skin, melanin=0.2))


def along(paint: Paint, name: str, low: float, high: float) -> np.ndarray:
    """Vertices of arms or legs between two places along them."""
    at, arm = paint.fields[:, FIELDS.index(name)], paint.fields[:, FIELDS.index("arm")]
    return np.flatnonzero((at > low) & (at < high) & ((arm > 0.06) if name == "arm" else (arm < 0.0)))


@pytest.mark.parametrize(("limb", "part"), [("arm", "top"), ("leg", "bottom")])
def test_cloth_ends_in_a_step(paint: Paint, limb: str, part: str) -> None:
    """Tight cloth keeps its thickness to its very end, where it lies double, and is gone 2 mm beyond."""
    bare = paint.fields[:, :3].copy()
    normals = vertex_normals(bare, paint.faces)
    cuts = np.zeros((1, len(CUT)), np.float32)
    cuts[0, CUT.index(part)] = thick = 0.005
    at_end, beyond, above = [], [], []
    for k in range(12):
        sleeve, hem = 0.15 + 0.003 * k, 0.2 + 0.003 * k
        dressed = Shell(paint).dress(bare[None], pack_bytes([worn(sleeve, hem)]), cuts)[0]
        height = ((dressed - bare) * normals).sum(axis=1)
        end = sleeve if limb == "arm" else hem
        at_end.append(height[along(paint, limb, end - 0.006, end - 0.001)])
        beyond.append(height[along(paint, limb, end + 0.0025, end + 0.1)])
        above.append(height[along(paint, limb, end - 0.06, end - 0.045)])
    assert np.concatenate(at_end).size > 20
    if limb == "arm":  # trousers, free to span, are smoothed
        np.testing.assert_allclose(np.concatenate(at_end), 1.3 * thick, rtol=0.02)
        np.testing.assert_allclose(np.concatenate(above), thick, rtol=0.02)
    assert np.concatenate(at_end).mean() > np.concatenate(above).mean()
    assert np.abs(np.concatenate(beyond)).max() < 1e-6


@pytest.mark.parametrize(("limb", "width"), [("arm", 0.02), ("leg", 0.03)])
def test_a_seam_within_and_a_shadow_below(paint: Paint, limb: str, width: float) -> None:
    sleeve, hem = 0.16, 0.24
    end = sleeve if limb == "arm" else hem
    rows = np.zeros(len(paint.fields), bool)
    rows[along(paint, limb, end - 0.09, end + 0.09)] = True
    rng = np.random.default_rng(0)
    face = rng.choice(np.flatnonzero(rows[paint.faces].all(axis=1)), 40_000).astype(np.int32)
    weights = rng.dirichlet((1.0, 1.0, 1.0), len(face)).astype(np.float32)
    ones, size = np.ones(len(face), np.int32), np.full(len(face), 3e-4, np.float32)
    tone = paint.albedo([worn(sleeve, hem)], ones, face, weights, size)[0].mean(axis=1)
    d = end - np.einsum("nk,nk->n", weights, paint.fields[paint.faces[face], FIELDS.index(limb)])

    def mean(low: float, high: float) -> float:
        return float(tone[(d > low) & (d < high)].mean())

    cloth, skin = mean(0.06, 0.08), mean(-0.08, -0.06)
    assert mean(width - 0.0005, width + 0.0005) < 0.85 * cloth
    stitch = tone[np.abs(d - width) < 3e-4]
    assert np.quantile(stitch, 0.9) > 1.3 * np.quantile(stitch, 0.1)  # dashed
    assert mean(width - 0.009, width - 0.006) > 0.95 * cloth
    assert mean(-0.002, -0.0005) < 0.6 * skin
    assert mean(-0.012, -0.009) < 0.95 * skin
    assert mean(-0.06, -0.045) > 0.95 * skin
