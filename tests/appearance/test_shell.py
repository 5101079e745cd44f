"""Clothes and hair with thickness: where they stand off, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.layout import pack_bytes
from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.appearance.shell import CUT, Shell, draw_cuts
from densesynth.body.anny import load_anny
from densesynth.surface.closest import vertex_normals


@pytest.fixture(scope="module")
def dressed():
    """Six people in a T-pose: shell, their bodies, outfits, cuts, and dressed surfaces."""
    body = load_anny()
    rng = np.random.default_rng(4)
    betas = np.stack([body.sample_betas(rng) for _ in range(6)])
    posed = body.pose(betas, np.zeros((6, 52, 3), np.float32), np.zeros((6, 3), np.float32)).vertices
    outfits = [draw_outfit(rng, float(row[0])) for row in betas]
    cuts = draw_cuts(outfits, rng)
    shell = Shell(load_paint(body.faces))
    return shell, posed, outfits, cuts, shell.dress(posed, pack_bytes(outfits), cuts)


def test_bare_skin_and_eyes_stay_where_they_are(dressed) -> None:
    shell, posed, _, _, worn = dressed
    fields = shell.paint.fields
    hands = fields[:, FIELDS.index("arm")] > 0.6
    eyes = np.unique(shell.paint.faces[shell.paint.category == 1])
    assert np.array_equal(worn[:, hands], posed[:, hands])
    assert np.array_equal(worn[:, eyes], posed[:, eyes])


def test_clothes_stand_off_and_never_sink_into_the_skin(dressed) -> None:
    shell, posed, outfits, cuts, worn = dressed
    z, leg = shell.paint.fields[:, 2], shell.paint.fields[:, FIELDS.index("leg")]
    for k, outfit in enumerate(outfits):
        normals = vertex_normals(posed[k], shell.paint.faces)
        height = ((worn[k] - posed[k]) * normals).sum(axis=1)
        assert height.min() > -0.002
        waist = (z > outfit.top.hem + 0.03) & (z < 1.2) & (np.abs(shell.paint.fields[:, 0]) < 0.1)
        thickness = cuts[k, CUT.index("top")]
        assert np.median(height[waist]) > 0.5 * thickness
        thigh = (leg > 0.05) & (leg < outfit.bottom.hem - 0.03)
        assert np.median(height[thigh]) > 0.5 * cuts[k, CUT.index("bottom")]
        assert height.max() < 0.12


def test_hair_has_volume(dressed) -> None:
    shell, posed, outfits, cuts, worn = dressed
    crown = shell.paint.fields[:, FIELDS.index("hair")] > 0.0199
    for k, outfit in enumerate(outfits):
        if outfit.headwear == "none":
            off = np.linalg.norm(worn[k] - posed[k], axis=1)[crown]
            assert np.median(off) >= 0.5 * cuts[k, CUT.index("hair")]


def test_the_same_whoever_stands_beside(dressed) -> None:
    shell, posed, outfits, cuts, worn = dressed
    rows = pack_bytes(outfits)
    alone = shell.dress(posed[2:3], rows[2:3], cuts[2:3])
    assert np.array_equal(alone[0], worn[2])


def test_no_thickness_and_no_looseness_is_the_body(dressed) -> None:
    shell, posed, outfits, cuts, _ = dressed
    bare = shell.dress(posed, pack_bytes(outfits), np.zeros_like(cuts))
    # Without looseness only trousers' own small freedom is left, and no one wears a hat here with thickness 0.
    assert np.abs(bare - posed).max() < 0.02
