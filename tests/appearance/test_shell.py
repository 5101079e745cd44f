"""Clothes and hair with thickness: where they stand off, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.layout import pack_bytes
from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.appearance.shell import CUT, Shell, draw_cuts
from densesynth.body.anny import load_anny
from densesynth.geometry.skeleton import JOINT
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


def test_folds_stand_off_where_cloth_is_and_joints_bend(dressed) -> None:
    shell, posed, outfits, cuts, worn = dressed
    rows = pack_bytes(outfits)
    folded = draw_cuts(outfits, np.random.default_rng(4), wrinkles=1.0)
    folded[:, : CUT.index("top_wrinkle")] = cuts[:, : CUT.index("top_wrinkle")]
    bent = np.zeros((len(outfits), 52, 3), np.float32)
    bent[:, [JOINT["left_elbow"], JOINT["left_knee"]], 0] = 1.5
    straight, at_bends = shell.dress(posed, rows, folded), shell.dress(posed, rows, folded, bent)
    assert np.array_equal(shell.dress(posed, rows, cuts, bent), worn)  # without folds, however much joints bend
    fields = shell.paint.fields
    left, arm = fields[:, 0] > 0.0, fields[:, FIELDS.index("arm")]
    bare = (shell.paint.fields[:, 2] > 1.42) | (arm > 0.6)
    grown = []
    for k, outfit in enumerate(outfits):
        normals = vertex_normals(posed[k], shell.paint.faces)
        by = ((straight[k] - worn[k]) * normals).sum(axis=1)
        assert by.min() > -1e-4
        assert by.max() < 0.02
        assert np.array_equal(straight[k][bare], worn[k][bare])
        more = np.linalg.norm(at_bends[k] - straight[k], axis=1)
        assert more[~left].max() < 1e-6
        if outfit.top.sleeve > 0.4:
            grown.append(more[left & (np.abs(arm - 0.25) < 0.08)].max())
    assert np.ptp(straight - worn) > 0.006
    assert grown
    assert min(grown) > 0.0005


def test_nobody_s_folds_depend_on_who_stands_beside(dressed) -> None:
    shell, posed, outfits, _, _ = dressed
    rows, cuts = pack_bytes(outfits), draw_cuts(outfits, np.random.default_rng(4), wrinkles=1.0)
    turned = np.full((len(outfits), 52, 3), 0.3, np.float32)
    together = shell.dress(posed, rows, cuts, turned)
    assert np.array_equal(shell.dress(posed[2:3], rows[2:3], cuts[2:3], turned[2:3])[0], together[2])
