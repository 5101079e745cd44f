"""Faces of Anny: the package's own units, nothing else moved, and drawn faces whose lids and lips stay apart."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from lips import lip_depth

from densesynth.appearance.paint import Paint, load_paint
from densesynth.body.anny import AnnyBody
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.body.expressions import ASYMMETRY, CLOSED, CLOSING, EXPRESSIONS, PARTING, SIDES, bound_expression

AT = np.zeros((1, 3), np.float32)
STILL = np.zeros((1, 52, 3), np.float32)
# The eyelids' edges of the left eye, from its inner corner outwards.
UPPER = [7777, 7776, 7775, 7758, 7757, 7759, 7760, 7761, 7762]
LOWER = [7774, 11687, 7773, 7772, 7771, 7770, 7769, 7768, 7767]


@pytest.fixture(scope="module")
def paint(anny_body: AnnyBody) -> Paint:
    return load_paint(anny_body.faces)


def face_of(body: AnnyBody, **strength: float) -> np.ndarray:
    """An expression; a name without its side stands for both."""
    expression = np.zeros(len(body.expression_names), np.float32)
    for unit, value in strength.items():
        for name in (unit,) if unit in body.expression_names else (unit + side for side in SIDES):
            expression[body.expression_names.index(name)] = value
    return expression


def swap_sides(body: AnnyBody, expression: np.ndarray) -> np.ndarray:
    """Every unit's strength at the other side's. The eyes' own, which turn them in and out, keep their sense."""
    other = {SIDES[0]: SIDES[1], SIDES[1]: SIDES[0]}
    names = [
        next((name[: -len(s)] + other[s] for s in SIDES if name.endswith(s)), name) for name in body.expression_names
    ]
    return expression[[body.expression_names.index(name) for name in names]]


def lid_gaps(vertices: np.ndarray) -> np.ndarray:
    """Heights between the left eye's lids, upper above lower, at six places, millimetres."""
    inner, outer = vertices[UPPER[0], 0], vertices[UPPER[-1], 0]
    x = inner + (outer - inner) * np.linspace(0.2, 0.85, 6)
    upper, lower = (np.interp(x, vertices[rows, 0], vertices[rows, 2]) for rows in (UPPER, LOWER))
    return 1000.0 * (upper - lower)


def test_a_neutral_face_is_none_to_the_bit(anny_body, adults):
    plain = anny_body.pose(adults[:2], STILL.repeat(2, 0), AT.repeat(2, 0))
    zeros = np.zeros((2, len(anny_body.expression_names)), np.float32)
    neutral = anny_body.pose(adults[:2], STILL.repeat(2, 0), AT.repeat(2, 0), zeros)
    assert plain.vertices.tobytes() == neutral.vertices.tobytes()
    zeros[1, anny_body.expression_names.index("jawOpen")] = 0.3
    one = anny_body.pose(adults[:2], STILL.repeat(2, 0), AT.repeat(2, 0), zeros)
    assert plain.vertices[0].tobytes() == one.vertices[0].tobytes()
    assert plain.vertices[1].tobytes() != one.vertices[1].tobytes()
    # Nor does a face stay behind for the next body.
    after = anny_body.pose(adults[:1], STILL, AT)
    assert after.vertices[0].tobytes() == plain.vertices[0].tobytes()


def test_units_are_the_packages_own(anny_body, adults):
    """Anny's blend shapes, but for the lining that folds into teeth and eyeballs, which turn."""
    import roma
    import torch
    from anny.models.facial_actions import load_facial_action_blendshapes

    turned = roma.Linear(0.1 * roma.euler_to_rotmat("X", [90], degrees=True, dtype=torch.float64))[None]
    names, shapes = load_facial_action_blendshapes(19158, turned)
    assert tuple(names) == anny_body.expression_names
    with (resources.files("densesynth.body") / "data" / "teeth.npz").open("rb") as file:
        teeth = np.load(file)["vertices"]
    kept = anny_body._model.base_mesh_vertex_indices.numpy()
    same = ~np.isin(kept, teeth)
    same[np.concatenate([eyeball.vertices for eyeball in anny_body.face.eyeballs])] = False
    rng = np.random.default_rng(2)
    strength = rng.uniform(0.0, 1.0, len(names)).astype(np.float32)
    moved = anny_body.at_rest(adults[3], strength) - anny_body.at_rest(adults[3])
    expected = np.einsum("e,evc->vc", strength, shapes.numpy())[kept]
    np.testing.assert_allclose(moved[same], expected[same], atol=2e-6)
    assert (np.linalg.norm(expected[same], axis=1) > 0.005).sum() > 300


def test_strengths_are_held_within_their_range(anny_body, adults):
    beyond = face_of(anny_body, jawOpen=1.7, mouthSmile=-0.5)
    held = face_of(anny_body, jawOpen=1.0)
    assert anny_body.at_rest(adults[0], beyond).tobytes() == anny_body.at_rest(adults[0], held).tobytes()


def test_a_turned_head_takes_its_face_along(anny_body, adults):
    """Faces are made before the body is posed: what they move is moved in the head's own frame."""
    turned = STILL.copy()
    turned[0, 0] = (0.0, 0.0, np.pi / 2)
    face = face_of(anny_body, jawOpen=0.5)[None]
    ahead = anny_body.pose(adults[:1], STILL, AT, face).vertices[0] - anny_body.pose(adults[:1], STILL, AT).vertices[0]
    aside = (
        anny_body.pose(adults[:1], turned, AT, face).vertices[0] - anny_body.pose(adults[:1], turned, AT).vertices[0]
    )
    np.testing.assert_allclose(aside, np.stack([-ahead[:, 1], ahead[:, 0], ahead[:, 2]], axis=1), atol=1e-5)


def test_a_mirrored_expression_gives_the_mirrored_face(anny_body):
    from scipy.spatial import cKDTree

    plain = anny_body.at_rest(anny_body.average_betas())
    distance, partner = cKDTree(plain).query(plain * (-1.0, 1.0, 1.0))
    paired = (distance < 5e-4) & (plain[:, 2] > 0.6)
    expression = face_of(anny_body, mouthSmileLeft=0.8, browDownRight=0.7, eyeBlinkLeft=0.5, mouthLeft=0.3, jawOpen=0.2)
    one, other = (
        anny_body.at_rest(anny_body.average_betas(), face) - plain
        for face in (expression, swap_sides(anny_body, expression))
    )
    error = np.linalg.norm(other[partner[paired]] * (-1.0, 1.0, 1.0) - one[paired], axis=1)
    assert error.max() < 0.0015
    assert np.linalg.norm(one[paired] - other[paired], axis=1).max() > 0.008


@pytest.fixture(scope="module")
def drawn(anny_body) -> list[np.ndarray]:
    return [anny_body.sample_expression(np.random.default_rng([3, k])) for k in range(400)]


def test_drawn_faces_vary_and_depend_on_the_seed_alone(anny_body, drawn):
    again = anny_body.sample_expression(np.random.default_rng([3, 17]))
    assert again.tobytes() == drawn[17].tobytes()
    assert len({face.tobytes() for face in drawn}) == len(drawn)
    strength = {name: np.array([face[k] for face in drawn]) for k, name in enumerate(anny_body.expression_names)}
    assert all(((values >= 0.0) & (values <= 1.0)).all() for values in strength.values())
    assert 0.01 < np.mean(strength["eyeBlinkLeft"] > 0.5) < 0.12
    assert np.mean(strength["jawOpen"] > 0.1) > 0.2
    assert np.mean(strength["mouthSmileLeft"] > 0.3) > 0.2
    apart = np.abs(strength["mouthSmileLeft"] - strength["mouthSmileRight"])
    assert 0.05 < apart.max() < 4.0 * ASYMMETRY + 1e-6
    gaze = [name for name in strength if name.startswith("eyeLook")]
    assert len(gaze) == 8
    assert not any(strength[name].any() for name in gaze)


def test_every_kind_names_units_that_exist(anny_body):
    names = set(anny_body.expression_names)
    for unit in {unit for kind in EXPRESSIONS for unit in kind.units} | CLOSING.keys() | PARTING.keys():
        assert unit in names or {unit + side for side in SIDES} <= names


def test_drawn_faces_leave_eyes_and_keypoints_where_they_are(anny_body, adults, drawn, paint):
    plain = anny_body.pose(adults[:1], STILL, AT)
    eyes = np.unique(paint.faces[paint.category == 1])
    face = plain.vertices[0, :, 2] > plain.joints[0, :, 2].max() - 0.4
    for expression in drawn[:60]:
        posed = anny_body.pose(adults[:1], STILL, AT, expression[None])
        assert posed.vertices[0, eyes].tobytes() == plain.vertices[0, eyes].tobytes()
        off = np.linalg.norm(posed.keypoints[0] - plain.keypoints[0], axis=1)
        assert off[:3].max() < 0.002  # skin of nose and eyes
        assert off[COCO_KEYPOINTS.index("left_ear") :].max() < 1e-6
        assert posed.joints.tobytes() == plain.joints.tobytes()
        assert posed.vertices[0, ~face].tobytes() == plain.vertices[0, ~face].tobytes()


def test_lids_never_pass_each_other(anny_body, adults, drawn):
    closed = 0
    for k, expression in enumerate(drawn):
        gaps = lid_gaps(anny_body.at_rest(adults[k % len(adults)], expression))
        assert gaps.min() > -0.5
        closed += gaps.max() < 2.0
    assert closed > 3
    shut = face_of(anny_body, eyeBlink=1.0)
    assert lid_gaps(anny_body.at_rest(adults[0], shut)).max() < -0.5
    held = bound_expression(anny_body.expression_names, shut)
    assert held[anny_body.expression_names.index("eyeBlinkLeft")] == pytest.approx(CLOSED)


def test_lips_never_pass_each_other(anny_body, adults, drawn, paint):
    depths = [
        lip_depth(anny_body.at_rest(adults[k % len(adults)], expression), paint)
        for k, expression in enumerate(drawn[:120])
    ]
    assert max(depths) < 1.0
    assert np.percentile(depths, 95) < 0.3
    pressed = face_of(anny_body, mouthSmile=1.0)
    assert lip_depth(anny_body.at_rest(adults[0], pressed), paint) > 1.0
    parted = bound_expression(anny_body.expression_names, pressed)
    assert lip_depth(anny_body.at_rest(adults[0], parted), paint) < 0.5


def test_teeth_stay_with_the_skull_and_the_jaw(anny_body, paint):
    """Where lips are raised the upper teeth stay; where the jaw opens the lower ones go with it, between the lips."""
    betas = anny_body.average_betas()
    place = paint.fields[:, :3]
    front = np.zeros(len(place), bool)
    front[np.unique(paint.faces[paint.category == 3])] = True
    front &= (np.abs(place[:, 0]) < 0.012) & (place[:, 1] < -0.135)
    upper = front & (place[:, 2] > 1.461) & (place[:, 2] < 1.466)
    lower = front & (place[:, 2] > 1.436) & (place[:, 2] < 1.4395)
    assert upper.sum() > 5
    assert lower.sum() > 2
    slightly, raised, opened = (
        anny_body.at_rest(betas, face_of(anny_body, **strength))
        for strength in ({"jawOpen": 0.1}, {"jawOpen": 0.1, "mouthUpperUp": 1.0, "mouthSmile": 1.0}, {"jawOpen": 0.6})
    )
    np.testing.assert_allclose(raised[upper], slightly[upper], atol=1e-6)
    np.testing.assert_allclose(opened[upper], slightly[upper], atol=1e-6)
    fallen = opened[lower, 2] - slightly[lower, 2]
    assert (fallen < -0.01).all()
    assert np.ptp(fallen) < 0.002
    # Edges below and above where the lining was: they hang before the dark of the mouth.
    assert (slightly[upper, 2] < anny_body.at_rest(betas)[upper, 2] - 0.01).all()
