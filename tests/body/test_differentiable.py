"""The differentiable bodies against the fast ones, their derivatives, and points that ride on their skin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from smpl_files import make_tables, write_npz

from densesynth.body.anny import AnnyBody
from densesynth.body.differentiable import DifferentiableAnny, DifferentiableBody, differentiable_anny
from densesynth.body.differentiable_smpl import differentiable_smpl
from densesynth.body.skin_markers import attach
from densesynth.body.smpl import load_smpl
from densesynth.geometry import rotations as plain
from densesynth.geometry import torch_rotations
from densesynth.motion.library import MOTION_NAMES, draw_variation, pose_at


@pytest.fixture(scope="module")
def differentiable(anny_body: AnnyBody) -> DifferentiableAnny:
    return differentiable_anny(anny_body)


def draw_poses(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    poses = [pose_at(MOTION_NAMES[k % len(MOTION_NAMES)], rng.uniform(0, 5), draw_variation(rng)) for k in range(count)]
    rotations = np.stack([pose.rotations for pose in poses])
    rotations[:, 0] = Rotation.random(count, random_state=seed).as_rotvec()
    return rotations, rng.normal(size=(count, 3)).astype(np.float32)


def test_anny_is_the_same_body(anny_body: AnnyBody, differentiable: DifferentiableAnny, adults: np.ndarray) -> None:
    betas = adults[:6].copy()
    betas[0], betas[1] = 0.0, 1.0  # ends of every phenotype
    betas[2] = 0.5  # its middle, where two stretches meet
    rotations, transl = draw_poses(6, 1)
    rotations[3] = 0.0
    expected = anny_body.pose(betas, rotations, transl)
    vertices, joints = differentiable.forward(*(torch.tensor(part).double() for part in (betas, rotations, transl)))
    np.testing.assert_allclose(vertices.numpy(), expected.vertices, atol=1e-5)
    np.testing.assert_allclose(joints.numpy(), expected.joints, atol=1e-5)
    assert isinstance(differentiable, DifferentiableBody)


def test_chosen_vertices_and_shared_betas(differentiable: DifferentiableAnny, adults: np.ndarray) -> None:
    rotations, transl = (torch.tensor(part).double() for part in draw_poses(3, 2))
    betas = torch.tensor(adults[:1]).double()
    at = torch.tensor([13000, 5, 7000])
    whole, joints = differentiable.forward(betas.expand(3, -1), rotations, transl)
    some, same_joints = differentiable.forward(betas, rotations, transl, at)
    torch.testing.assert_close(some, whole[:, at], atol=1e-12, rtol=0)
    torch.testing.assert_close(same_joints, joints, atol=1e-12, rtol=0)


def test_derivatives_are_those_of_the_function(differentiable: DifferentiableAnny, adults: np.ndarray) -> None:
    rotations, transl = (torch.tensor(part).double().requires_grad_() for part in draw_poses(2, 3))
    betas = torch.tensor(adults[4:5]).double().requires_grad_()
    at = torch.tensor([100, 4000, 9000])

    def places(*parts: torch.Tensor) -> torch.Tensor:
        vertices, joints = differentiable.forward(*parts, at)
        return torch.cat([vertices, joints[:, ::5]], dim=1)

    assert torch.autograd.gradcheck(places, (betas, rotations, transl), eps=1e-6, atol=1e-5, fast_mode=True)


def test_derivatives_exist_at_rest(differentiable: DifferentiableAnny) -> None:
    """At zero rotation, where the formulas divide nothing by nothing, and at a half turn of the pelvis."""
    rotations = torch.zeros(2, 52, 3, dtype=torch.float64)
    rotations[1, 0, 2] = np.pi
    rotations.requires_grad_()
    betas = torch.full((1, 6), 0.5, dtype=torch.float64, requires_grad=True)
    vertices, joints = differentiable.forward(betas, rotations, torch.zeros(2, 3).double(), torch.arange(0, 13718, 100))
    (vertices.sin().sum() + joints.cos().sum()).backward()
    assert torch.isfinite(rotations.grad).all()
    assert torch.isfinite(betas.grad).all()
    assert (rotations.grad[:, :22].abs().sum(dim=2) > 0).all()  # every joint of the body moves something
    assert (betas.grad.abs() > 0).all()


@pytest.mark.parametrize("family", ["smpl", "smplh", "smplx"])
def test_smpl_is_the_same_body(family: str, tmp_path: Path) -> None:
    body = load_smpl(write_npz(tmp_path / f"{family}.npz", make_tables(family, seed=3)))
    rotations, transl = draw_poses(3, 4)
    rng = np.random.default_rng(0)
    betas = rng.normal(size=(3, len(body.betas_names))).astype(np.float32)
    expected = body.pose(betas, rotations, transl)
    one = differentiable_smpl(body)
    vertices, joints = one.forward(*(torch.tensor(part).double() for part in (betas, rotations, transl)))
    np.testing.assert_allclose(vertices.numpy(), expected.vertices, atol=1e-5)
    np.testing.assert_allclose(joints.numpy(), expected.joints, atol=1e-5)
    assert isinstance(one, DifferentiableBody)


def test_torch_rotations_are_the_plain_ones() -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(200, 3)) * rng.uniform(0, 1.8, (200, 1))
    vectors[:4] = [[0, 0, 0], [1e-9, 0, 0], [0, 1e-5, 1e-5], [0, 0, np.pi - 1e-9]]
    as_torch = torch.tensor(vectors)
    axis = np.array([0.0, 0.6, 0.8])
    matrices = plain.matrix_from_vector(vectors)
    np.testing.assert_allclose(torch_rotations.matrix_from_vector(as_torch).numpy(), matrices, atol=1e-14)
    back = torch_rotations.matrix_from_vector(torch_rotations.vector_from_matrix(torch.tensor(matrices)))
    np.testing.assert_allclose(back.numpy(), matrices, atol=1e-12)
    swing, angle = plain.split_twist(vectors, axis)
    torch_swing, torch_angle = torch_rotations.split_twist(as_torch, torch.tensor(axis))
    np.testing.assert_allclose(torch_angle.numpy(), angle, atol=1e-10)
    np.testing.assert_allclose(torch_swing.numpy(), swing, atol=1e-10)
    targets = rng.normal(size=(200, 3))
    np.testing.assert_allclose(
        torch_rotations.rotation_between(as_torch[4:], torch.tensor(targets[4:])).numpy(),
        plain.rotation_between(vectors[4:], targets[4:]),
        atol=1e-9,
    )


def test_markers_ride_on_the_skin(anny_body: AnnyBody, differentiable: DifferentiableAnny) -> None:
    """A marker keeps its distance from its vertex, outward, and turns with the body."""
    betas = torch.full((1, 6), 0.5, dtype=torch.float64)
    rest = differentiable.forward(betas, torch.zeros(1, 52, 3).double(), torch.zeros(1, 3).double())[0][0].numpy()
    chosen = np.array([50, 4000, 8000, 12000])
    markers = attach(chosen, anny_body.faces, rest)
    displacements = torch.tensor([[0.0, 0.0, 0.01], [0.02, 0.0, 0.01], [0.0, -0.03, 0.0], [0.01, 0.02, 0.03]]).double()
    rotations = torch.zeros(2, 52, 3, dtype=torch.float64)
    turn = torch.tensor([0.3, -1.2, 2.0]).double()
    rotations[1, 0] = turn
    vertices, _ = differentiable.forward(betas, rotations, torch.zeros(2, 3).double(), markers.at)
    placed = markers.predict(vertices, displacements)
    centre, along, across, normal = markers.frames(vertices)
    torch.testing.assert_close(centre[0], torch.tensor(rest[chosen]), atol=1e-9, rtol=0)
    torch.testing.assert_close((placed - centre).norm(dim=-1), displacements.norm(dim=-1).expand(2, -1))
    axes = torch.stack([along, across, normal], dim=-1)
    torch.testing.assert_close(axes.mT @ axes, torch.eye(3).double().expand(2, 4, 3, 3), atol=1e-9, rtol=0)
    assert (torch.linalg.det(axes) > 0.99).all()
    turned = placed[0] @ torch_rotations.matrix_from_vector(turn).T
    torch.testing.assert_close(placed[1], turned, atol=1e-9, rtol=0)
