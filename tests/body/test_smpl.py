"""SMPL, SMPL-H and SMPL-X against the `smplx` package, on seeded files of the official keys, shapes and dtypes."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import smplx
import torch
from scipy.spatial.transform import Rotation
from smpl_files import make_tables, write_npz, write_pickle

from densesynth.body.body import COCO_KEYPOINTS, Body
from densesynth.body.smpl import OURS_FROM_SMPL, SmplBody, load_smpl
from densesynth.body.smpl_files import read_smpl, tell_sex
from densesynth.body.smpl_model import SmplModel, matrices_from_vectors
from densesynth.errors import AssetError, ConfigurationError
from densesynth.geometry.skeleton import JOINT

FAMILIES = ("smpl", "smplh", "smplx")
TOLERANCE = 1e-5  # metres


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of each family; SMPL's with chumpy in it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("smpl")
    paths = {}
    for seed, family in enumerate(FAMILIES):
        table = make_tables(family, seed)
        if family == "smpl":
            paths["smpl"] = write_pickle(folder / "basicModel_f_lbs_10_207_0_v1.0.0.pkl", table)
            paths["plain"] = write_pickle(folder / "plain.pkl", table, chumpy=False)
        else:
            paths[family] = write_npz(folder / f"{family.upper()}_MALE.npz", table)
    return paths


@pytest.fixture(scope="module")
def bodies(files: dict[str, Path]) -> dict[str, SmplBody]:
    return {family: load_smpl(files[family]) for family in FAMILIES}


@pytest.fixture(scope="module")
def rivals(files: dict[str, Path]) -> dict[str, Any]:
    """The same files in smplx, double precision, hands as rotations."""
    hands = {"use_pca": False, "flat_hand_mean": True, "ext": "npz"}
    with contextlib.redirect_stdout(io.StringIO()):
        return {
            "smpl": smplx.SMPL(str(files["plain"]), dtype=torch.float64),
            "smplh": smplx.SMPLH(str(files["smplh"]), dtype=torch.float64, **hands),
            "smplx": smplx.SMPLX(str(files["smplx"]), dtype=torch.float64, use_face_contour=False, **hands),
        }


def draw(body: SmplBody, count: int, seed: int, scale: float = 0.5) -> dict[str, torch.Tensor]:
    """Random arguments, some joints turned more than half round."""
    rng = np.random.default_rng(seed)
    joints = len(body.data.parents)
    pose = rng.normal(0, scale, (count, joints, 3))
    pose[0] = 0.0
    drawn = {
        "betas": rng.normal(0, 1.5, (count, 10)),
        "pose": pose,
        "transl": rng.normal(0, 2, (count, 3)),
        "expression": rng.normal(0, 1.5, (count, body.expressions_count)),
    }
    return {key: torch.from_numpy(value) for key, value in drawn.items()}


def ask_smplx(model: Any, family: str, drawn: dict[str, torch.Tensor]) -> Any:
    pose = drawn["pose"].flatten(1)
    arguments = {
        "betas": drawn["betas"],
        "global_orient": pose[:, :3],
        "body_pose": pose[:, 3:66] if family != "smpl" else pose[:, 3:],
        "transl": drawn["transl"],
    }
    if family == "smplh":
        arguments |= {"left_hand_pose": pose[:, 66:111], "right_hand_pose": pose[:, 111:]}
    if family == "smplx":
        parts = {"jaw_pose": 66, "leye_pose": 69, "reye_pose": 72}
        arguments |= {key: pose[:, at : at + 3] for key, at in parts.items()}
        arguments |= {
            "left_hand_pose": pose[:, 75:120],
            "right_hand_pose": pose[:, 120:],
            "expression": drawn["expression"],
        }
    with torch.no_grad():
        return model(**arguments)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 0.5), (torch.float64, 0.5), (torch.float64, 3.0)])
def test_vertices_and_joints_equal_those_of_smplx(bodies, rivals, family, dtype, scale) -> None:
    drawn = draw(bodies[family], 4, 3, scale)
    expected = ask_smplx(rivals[family], family, drawn)
    model = SmplModel(bodies[family].data, dtype)
    with torch.no_grad():
        found = model(**{key: value.to(dtype) for key, value in drawn.items()})
    joints = len(bodies[family].data.parents)
    assert (found.vertices - expected.vertices).abs().max() < TOLERANCE
    assert (found.joints - expected.joints[:, :joints]).abs().max() < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
def test_the_body_protocol_agrees_with_smplx_in_our_frame(bodies, rivals, family) -> None:
    body = bodies[family]
    assert isinstance(body, Body)
    drawn = draw(body, 3, 5)
    if family == "smpl":
        drawn["pose"][:, 22:] = 0.0  # hands don't turn
    expected = ask_smplx(rivals[family], family, drawn)
    pelvis = expected.joints[:, :1]
    places = np.random.default_rng(1).normal(0, 2, (3, 3)).astype(np.float32)
    vectors = (drawn["pose"].numpy() @ OURS_FROM_SMPL.T).astype(np.float32)
    rotations = np.zeros((3, 52, 3), np.float32)
    count = 22 if family == "smpl" else 52
    rotations[:, :count] = vectors[:, body.joints[:count]]
    face = {}
    if family == "smplx":
        face = {key: vectors[:, at] for key, at in (("jaw_pose", 22), ("leye_pose", 23), ("reye_pose", 24))}
        face["expression"] = drawn["expression"].numpy().astype(np.float32)
    posed = body.pose(drawn["betas"].numpy().astype(np.float32), rotations, places, **face)

    def ours(points: torch.Tensor) -> np.ndarray:
        return (points - pelvis).numpy() @ OURS_FROM_SMPL.T + places[:, None]

    np.testing.assert_allclose(posed.vertices, ours(expected.vertices), atol=TOLERANCE)
    np.testing.assert_allclose(posed.joints, ours(expected.joints)[:, body.joints], atol=TOLERANCE)
    np.testing.assert_array_equal(posed.joints[:, 0], places)
    if family != "smplx":  # forward has no face
        with torch.no_grad():
            arguments = (drawn["betas"].float(), torch.from_numpy(rotations), torch.from_numpy(places))
            vertices, joints = body.forward(*arguments)
        np.testing.assert_allclose(vertices, posed.vertices, atol=TOLERANCE)
        np.testing.assert_allclose(joints, posed.joints, atol=TOLERANCE)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_body_never_depends_on_its_batch(bodies, family) -> None:
    body = bodies[family]
    rng = np.random.default_rng(2)
    betas = np.stack([body.sample_betas(rng) for _ in range(3)])
    rotations = rng.normal(0, 0.4, (3, 52, 3)).astype(np.float32)
    transl = rng.normal(0, 1, (3, 3)).astype(np.float32)
    faces = np.stack([body.sample_expression(rng) for _ in range(3)])
    assert faces.shape == (3, len(body.expression_names)) == (3, 10 if family == "smplx" else 0)
    together = body.pose(betas, rotations, transl, faces)
    assert np.array_equal(together.vertices, body.pose(betas, rotations, transl).vertices) == (family != "smplx")
    for i in (2, 0):
        alone = body.pose(betas[i : i + 1], rotations[i : i + 1], transl[i : i + 1], faces[i : i + 1])
        for part in ("vertices", "joints", "keypoints"):
            np.testing.assert_array_equal(getattr(alone, part)[0], getattr(together, part)[i])
    assert body.pose(betas[:0], rotations[:0], transl[:0]).vertices.shape == (0, len(body.data.template), 3)


def test_at_rest_people_stand_upright_facing_minus_y_left_on_plus_x(bodies) -> None:
    for body in bodies.values():
        posed = body.pose(*(np.zeros((1, *shape), np.float32) for shape in ((10,), (52, 3), (3,))))
        joints = posed.joints[0]
        assert joints[JOINT["head"], 2] > 0.5 > -0.8 > joints[JOINT["left_ankle"], 2]
        assert joints[JOINT["left_wrist"], 0] > 0.5
        assert joints[JOINT["right_wrist"], 0] < -0.5
        assert joints[JOINT["left_foot"], 1] < joints[JOINT["left_ankle"], 1]
        named = dict(zip(COCO_KEYPOINTS, posed.keypoints[0], strict=True))
        np.testing.assert_array_equal(named["left_knee"], joints[JOINT["left_knee"]])
        np.testing.assert_array_equal(named["right_wrist"], joints[JOINT["right_wrist"]])


def test_hand_components_and_mean_follow_smplx(files, bodies) -> None:
    rng = np.random.default_rng(4)
    hands = {side: torch.from_numpy(rng.normal(0, 1, (2, 12))) for side in ("left", "right")}
    for flat in (False, True):
        with contextlib.redirect_stdout(io.StringIO()):
            rival = smplx.SMPLX(
                str(files["smplx"]), num_pca_comps=12, flat_hand_mean=flat, ext="npz", dtype=torch.float64, batch_size=2
            )
        with torch.no_grad():
            expected = rival(left_hand_pose=hands["left"], right_hand_pose=hands["right"])
            model = SmplModel(bodies["smplx"].data, torch.float64)
            pose = torch.zeros(2, 55, 3, dtype=torch.float64)
            pose[:, 25:] = model.hands_from_components(hands["left"], hands["right"], flat_hand_mean=flat)
            found = model(torch.zeros(2, 10, dtype=torch.float64), pose)
        assert (found.vertices - expected.vertices).abs().max() < TOLERANCE
    with pytest.raises(ConfigurationError, match="no hand components"):
        SmplModel(bodies["smpl"].data).hands_from_components(hands["left"], hands["right"])


def test_keypoints_on_the_face_are_the_vertices_that_smplx_lists() -> None:
    from smplx.vertex_ids import vertex_ids

    from densesynth.body.smpl import FACE_VERTICES

    names = ("nose", "leye", "reye", "lear", "rear")
    assert FACE_VERTICES["smpl"] == FACE_VERTICES["smplh"] == tuple(vertex_ids["smplh"][name] for name in names)
    assert FACE_VERTICES["smplx"] == tuple(vertex_ids["smplx"][name] for name in names)


def test_translation_of_amass_is_the_pelvis_place(bodies) -> None:
    body = bodies["smplh"]
    drawn = draw(body, 2, 8)
    with torch.no_grad():
        posed = SmplModel(body.data, torch.float64)(drawn["betas"], drawn["pose"], drawn["transl"])
    found = body.transl_of_smpl(drawn["betas"].numpy().astype(np.float32), drawn["transl"].numpy().astype(np.float32))
    np.testing.assert_allclose(found, posed.joints[:, 0], atol=TOLERANCE)


def test_rotation_matrices_are_scipys_and_differentiable_everywhere() -> None:
    rng = np.random.default_rng(6)
    directions = rng.normal(size=(60, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    vectors = directions * np.geomspace(1e-12, 6.0, 60)[:, None]
    found = matrices_from_vectors(torch.from_numpy(vectors)).numpy()
    np.testing.assert_allclose(found, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-14)
    around = torch.zeros(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(matrices_from_vectors, (around,))
    some = torch.from_numpy(vectors[::6].copy()).requires_grad_()
    assert torch.autograd.gradcheck(matrices_from_vectors, (some,))


def test_gradients_reach_shape_pose_and_place(bodies) -> None:
    body = bodies["smpl"]
    betas, rotations, transl = (torch.zeros(1, *shape, requires_grad=True) for shape in ((10,), (52, 3), (3,)))
    vertices, joints = body.forward(betas, rotations, transl)
    (vertices[:, 100:140].square().sum() + joints.sum()).backward()
    for leaf in (betas, rotations, transl):
        assert torch.isfinite(leaf.grad).all()
        assert leaf.grad.abs().max() > 0
    assert rotations.grad[:, 22:].abs().max() == 0  # SMPL's fingers don't bend


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(bodies) -> None:  # pragma: no cover - needs a GPU
    drawn = {key: value.float() for key, value in draw(bodies["smplx"], 4, 3).items()}
    model = SmplModel(bodies["smplx"].data)
    expected = model(**drawn).vertices
    found = model.to("cuda")(**{key: value.cuda() for key, value in drawn.items()}).vertices
    assert (found.cpu() - expected).abs().max() < TOLERANCE


def test_shapes_drawn_are_about_standard_normal_and_bounded(bodies) -> None:
    rng = np.random.default_rng(0)
    betas = np.stack([bodies["smpl"].sample_betas(rng) for _ in range(500)])
    assert np.abs(betas).max() <= 2.5
    assert abs(betas.mean()) < 0.05
    assert 0.85 < betas.std() < 1.0


@pytest.mark.parametrize(
    ("name", "sex"),
    [
        ("SMPL_python_v.1.0.0/smpl/models/basicModel_f_lbs_10_207_0_v1.0.0.pkl", "female"),
        ("SMPL_python_v.1.0.0/smpl/models/basicmodel_m_lbs_10_207_0_v1.0.0.pkl", "male"),
        ("SMPL_python_v.1.1.0/smpl/models/basicmodel_m_lbs_10_207_0_v1.1.0.pkl", "male"),
        ("SMPL_python_v.1.1.0/smpl/models/basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl", "neutral"),
        ("smplify/code/models/basicModel_neutral_lbs_10_207_0_v1.0.0.pkl", "neutral"),
        ("smpl/SMPL_FEMALE.pkl", "female"),
        ("mano_v1_2/models/SMPLH_female.pkl", "female"),
        ("smplh/male/model.npz", "male"),
        ("smplh/neutral/model.npz", "neutral"),
        ("models/smplx/SMPLX_NEUTRAL.npz", "neutral"),
        ("models_lockedhead/smplx/SMPLX_MALE.npz", "male"),
        ("smplx/SMPLX_NEUTRAL_2020.npz", "neutral"),
        ("models/model.npz", None),
    ],
)
def test_official_names_tell_the_sex(name: str, sex: str | None) -> None:
    assert tell_sex({}, Path(name)) == sex
    for said in ("male", b"male", np.array("male"), np.array(b"male"), np.array(["male"])):
        assert tell_sex({"gender": said}, Path(name)) == "male"


def test_coefficients_layout_and_sex(tmp_path, files) -> None:
    assert read_smpl(files["smpl"]).sex == "female"
    assert read_smpl(files["smplx"]).sex == "male"
    assert read_smpl(files["plain"]).sex is None
    assert read_smpl(files["plain"], sex="neutral").sex == "neutral"
    wide = read_smpl(files["smplx"], betas=300, expressions=100)
    assert wide.shapes.shape[2] == 300
    assert wide.expressions.shape[2] == 100
    narrow = read_smpl(files["smplx"], betas=3, expressions=2)
    np.testing.assert_array_equal(narrow.expressions, wide.expressions[:, :, :2])
    with pytest.raises(ConfigurationError, match="has 10 shape coefficients"):
        read_smpl(files["smpl"], betas=11)
    old = make_tables("smplx", 1, betas=20)
    short = read_smpl(write_npz(tmp_path / "old.npz", old))
    np.testing.assert_array_equal(short.expressions, old["shapedirs"][:, :, 10:])


def _break_weights(table: dict[str, Any]) -> None:
    table["weights"] = table["weights"] * 0.5


def _break_tree(table: dict[str, Any]) -> None:
    table["kintree_table"][0, 3] = 20


def _break_numbers(table: dict[str, Any]) -> None:
    table["v_template"][0, 0] = np.nan


def _break_faces(table: dict[str, Any]) -> None:
    table["f"] = table["f"].astype(np.int64) + 6890


def _break_shape(table: dict[str, Any]) -> None:
    table["posedirs"] = table["posedirs"][:, :, :-1]


def _break_keys(table: dict[str, Any]) -> None:
    del table["J_regressor"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_break_weights, "don't sum to 1"),
        (_break_tree, "no tree"),
        (_break_numbers, "no numbers"),
        (_break_faces, "there are 6890"),
        (_break_shape, "posedirs is 6890×3×206; expected 6890×3×207"),
        (_break_keys, "lacks J_regressor"),
    ],
)
def test_a_bad_file_gives_one_clear_line(tmp_path, damage, said) -> None:
    table = make_tables("smpl", 9)
    damage(table)
    path = write_npz(tmp_path / "SMPL_NEUTRAL.npz", table)
    with pytest.raises(AssetError) as caught:
        read_smpl(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_models(tmp_path, files) -> None:
    with pytest.raises(AssetError, match="no such file"):
        read_smpl(tmp_path / "absent.pkl")
    cut = tmp_path / "cut.pkl"
    cut.write_bytes(files["smpl"].read_bytes()[:100_000])
    with pytest.raises(AssetError, match="cut off"):
        read_smpl(cut)
    zipped = tmp_path / "cut.npz"
    content = files["smplh"].read_bytes()
    zipped.write_bytes(content[: len(content) // 2])
    with pytest.raises(AssetError, match=r"cut\.npz"):
        read_smpl(zipped)
    objects = make_tables("smpl", 9)
    objects["weights"] = np.array([{}], dtype=object)
    with pytest.raises(AssetError, match="Python objects"):
        read_smpl(write_npz(tmp_path / "objects.npz", objects))
