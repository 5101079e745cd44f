"""Fitting markers: the truth comes back from markers worn by known bodies, whatever is wrong with them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from worn_markers import joint_errors, wear

import densesynth.fitting.fit
from densesynth.body.anny import load_anny
from densesynth.body.differentiable import DifferentiableAnny, DifferentiableBody, differentiable_anny
from densesynth.body.differentiable_smpl import DifferentiableSmpl
from densesynth.body.smpl import OURS_FROM_SMPL
from densesynth.errors import AssetError
from densesynth.fitting.fit import fit_markers
from densesynth.fitting.parts import open_parts
from densesynth.fitting.settings import FitSettings
from densesynth.geometry.least_squares import colour, jacobian, minimise_each, solve_arrow, solve_row
from densesynth.geometry.skeleton import PARENTS
from densesynth.motion.clip import MarkerClip
from densesynth.motion.limits import excess
from densesynth.motion.markers import load_marker_set

QUICK = FitSettings(keyframes=3, iterations=12)


@pytest.fixture(scope="module")
def anny() -> DifferentiableAnny:
    torch.set_num_threads(1)
    return differentiable_anny(load_anny())


@pytest.fixture(scope="module")
def adult() -> np.ndarray:
    rng = np.random.default_rng(11)
    return load_anny().sample_betas(rng)


@pytest.fixture(scope="module")
def smpl_like(anny: DifferentiableAnny) -> DifferentiableSmpl:
    """A body of SMPL's making (52 joints, shape and pose blend shapes, regressed joints) on a person's skin."""
    rng = np.random.default_rng(0)
    with torch.no_grad():
        zeros = torch.zeros(1, 52, 3).double()
        typical = torch.as_tensor(anny.shape_prior.typical[None])
        vertices, joints = (part[0].numpy() for part in anny.forward(typical, zeros, zeros[:, 0]))
        tall = torch.tensor([[0.2, 0.8, 0.5, 0.5, 0.9, 0.5]]).double()
        heavy = torch.tensor([[0.5, 0.8, 0.3, 0.9, 0.5, 0.7]]).double()
        ways = [anny.forward(betas, zeros, zeros[:, 0])[0][0].numpy() - vertices for betas in (tall, heavy)]
    nearest = np.linalg.norm(vertices[:, None] - joints[None], axis=2)
    regressor = np.zeros((52, len(vertices)))
    for joint, around in enumerate(np.argsort(nearest, axis=0)[:400].T):  # a mean of vertices that is the joint
        affine = np.vstack([vertices[around].T, np.ones(400)])
        regressor[joint, around] = np.linalg.lstsq(affine, np.append(joints[joint], 1.0), rcond=None)[0]
    weights = np.exp(-((nearest / 0.06) ** 2) + (nearest.min(axis=1, keepdims=True) / 0.06) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    shapes = np.stack(ways)
    pose_shapes = 2e-3 * rng.normal(size=(51 * 9, 1, 3)) * np.sin(40 * vertices)
    tensor = torch.as_tensor
    return DifferentiableSmpl(
        name="smpl-like",
        faces=anny.faces,
        template=tensor(vertices),
        shapes=tensor(shapes),
        pose_shapes=tensor(pose_shapes),
        weights=tensor(weights),
        heads=tensor(regressor @ vertices),
        shape_heads=tensor(np.einsum("jv,svk->sjk", regressor, shapes)),
        parents=PARENTS,
        joints=torch.arange(52),
        moved=torch.arange(52),
        frame=tensor(OURS_FROM_SMPL),
    )


@pytest.mark.parametrize(
    ("motion", "marker_set", "seed", "frames", "rate", "keyframes"),
    [("dance", "plug_in_gait", 0, 9, 6.0, 9), ("pick", "qualisys_full_body", 3, 8, 8.0, 3)],
)
def test_the_truth_comes_back(
    anny: DifferentiableBody,
    adult: np.ndarray,
    motion: str,
    marker_set: str,
    seed: int,
    frames: int,
    rate: float,
    keyframes: int,
) -> None:
    """Knees stay bent in the dance: were its moments taken for so many draws of a pose, the pull to rest would move
    them by 2 cm."""
    worn = wear(anny, adult, motion, seed, marker_set=marker_set, frames=frames, rate=rate)
    assert 0.1 < np.isnan(worn.clip.positions[..., 0]).mean() < 0.3
    told: list[tuple[int, int]] = []
    settings = FitSettings(keyframes=keyframes, iterations=12)
    fitted = fit_markers(worn.clip, anny, settings=settings, progress=lambda *done: told.append(done))
    errors = joint_errors(anny, fitted, worn)
    assert errors.mean(axis=0).max() < 0.012
    assert errors.mean() < 0.006
    assert np.nanmean(fitted.errors(worn.clip)) < 0.005
    assert fitted.seen.all()
    assert max(excess(one.astype(np.float64)).max() for one in fitted.rotations) < np.radians(6)
    assert told[0] == (0, frames + keyframes)
    assert told[-1] == (frames + keyframes, frames + keyframes)


def test_smpl_and_misplaced_strayed_and_lost_markers(smpl_like: DifferentiableSmpl) -> None:
    """A SMPL body; markers some centimetres off; one far away in a few frames; two frames with nothing at all."""
    worn = wear(smpl_like, np.array([0.6, -0.5]), "walk", 5, frames=9, misplaced=0.5)
    positions = worn.clip.positions.copy()
    positions[2:4, 20] = worn.joints[2:4, 0] + (1.0, 0.5, 0.3)
    positions[5:7] = np.nan
    clip = MarkerClip("trouble", worn.clip.labels, positions, worn.clip.frame_rate)
    fitted = fit_markers(clip, smpl_like, settings=QUICK)
    errors = joint_errors(smpl_like, fitted, worn)
    assert errors[fitted.seen].mean(axis=0).max() < 0.015
    assert errors[fitted.seen].mean() < 0.01
    assert fitted.seen.tolist() == [True] * 5 + [False] * 2 + [True] * 2
    assert errors[~fitted.seen].mean() < 0.05  # what smoothness makes of two frames, 1/15 s of a walk
    assert np.isfinite(fitted.rotations).all()


def test_the_same_again_and_chunks_join(anny: DifferentiableBody, adult: np.ndarray) -> None:
    worn = wear(anny, adult, "walk", 4, frames=5, gaps=0.1, rate=15.0)
    first, second = (fit_markers(worn.clip, anny, settings=FitSettings(keyframes=1, iterations=8)) for _ in range(2))
    np.testing.assert_array_equal(first.rotations, second.rotations)
    np.testing.assert_array_equal(first.betas, second.betas)
    pieces = fit_markers(worn.clip, anny, settings=FitSettings(keyframes=1, iterations=8, chunk=3))
    np.testing.assert_allclose(pieces.transl, first.transl, atol=0.004)


def test_a_stopped_fit_goes_on_to_the_same_bits(
    anny: DifferentiableBody, adult: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    worn = wear(anny, adult, "walk", 4, frames=6, gaps=0.1, rate=15.0)
    settings = FitSettings(keyframes=1, iterations=8, chunk=3)
    marker_set = load_marker_set("plug_in_gait")
    whole = fit_markers(worn.clip, anny, marker_set, settings)
    parts = open_parts(worn.clip, anny, marker_set, settings)
    assert not parts.begun

    def stop(done: int, _: int) -> None:
        if done == 4:  # the frame that shape is found from, and the first chunk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_markers(worn.clip, anny, marker_set, settings, stop, parts)
    assert parts.begun
    others = (
        open_parts(replace(worn.clip, frame_rate=30.0), anny, marker_set, settings),
        open_parts(worn.clip, anny, marker_set, replace(settings, iterations=9)),
        open_parts(worn.clip, anny, load_marker_set("qualisys_full_body"), settings),
    )
    assert not any(other.begun for other in others)

    solved: list[int] = []
    find_poses = densesynth.fitting.fit._find_poses
    monkeypatch.setattr(densesynth.fitting.fit, "_find_shape", lambda *_: pytest.fail("shape found anew"))
    monkeypatch.setattr(densesynth.fitting.fit, "_find_poses", lambda *a: (solved.append(len(a[1])), find_poses(*a))[1])
    again = fit_markers(worn.clip, anny, marker_set, settings, None, open_parts(worn.clip, anny, marker_set, settings))
    assert solved == [3]
    for item in fields(whole):
        np.testing.assert_array_equal(getattr(again, item.name), getattr(whole, item.name))
    parts.forget()
    assert not parts.begun


def test_errors_say_what_is_missing(anny: DifferentiableBody, adult: np.ndarray) -> None:
    worn = wear(anny, adult, "walk", 4, frames=2)
    strangers = MarkerClip("lab7", tuple(f"M{k}" for k in range(41)), worn.clip.positions, 30.0)
    with pytest.raises(AssetError, match=r"lab7.*M0.*no known marker set"):
        fit_markers(strangers, anny)
    few = MarkerClip("legs", worn.clip.labels[-8:], worn.clip.positions[:, -8:], 30.0)
    with pytest.raises(AssetError, match=r"at least 10 markers.*found 8.*known: .*LTOE"):
        fit_markers(few, anny, load_marker_set("plug_in_gait"))
    gone = MarkerClip("gone", worn.clip.labels, np.full_like(worn.clip.positions, np.nan), 30.0)
    with pytest.raises(AssetError, match=r"gone.*half of the 41 known markers.*at most 0"):
        fit_markers(gone, anny)


def test_normal_equations() -> None:
    """Both shapes of equations against a dense solution, and None for what has none."""
    rng = np.random.default_rng(1)
    frames, own, shared = 5, 3, 2
    size = frames * own + shared
    dense = torch.zeros(size, size, dtype=torch.float64)
    for frame in range(frames):
        rows = torch.as_tensor(rng.normal(size=(9, own + shared)))
        at = torch.cat([torch.arange(own) + own * frame, torch.arange(shared) + frames * own])
        dense[at[:, None], at] += rows.T @ rows
    side = torch.as_tensor(rng.normal(size=size))
    blocks = torch.stack([dense[own * k : own * k + own, own * k : own * k + own] for k in range(frames)])
    mixed = torch.stack([dense[own * k : own * k + own, -shared:] for k in range(frames)])
    solved = solve_arrow(
        blocks, mixed, dense[-shared:, -shared:], side[:-shared].unflatten(0, (frames, own)), side[-shared:]
    )
    assert solved is not None
    expected = torch.linalg.solve(dense, side)
    torch.testing.assert_close(torch.cat([solved[0].flatten(), solved[1]]), expected)
    assert solve_arrow(-blocks, mixed, dense[-shared:, -shared:], solved[0], solved[1]) is None

    rows = torch.as_tensor(rng.normal(size=(40, frames * own)))
    band = rows.T @ rows
    away = (torch.arange(frames * own) // own)[:, None] - (torch.arange(frames * own) // own)
    band = torch.where(away.abs() <= 2, band, 0.0) + 60 * torch.eye(frames * own)
    grid = band.unflatten(0, (frames, own)).unflatten(2, (frames, own)).permute(0, 2, 1, 3)
    parts = [torch.stack([grid[k + step, k] for k in range(frames - step)]) for step in range(3)]
    side = torch.as_tensor(rng.normal(size=(frames, own)))
    found = solve_row(*parts, side)
    assert found is not None
    torch.testing.assert_close(found.flatten(), torch.linalg.solve(band, side.flatten()))
    assert solve_row(-parts[0], parts[1], parts[2], side) is None


def test_colours_give_the_whole_jacobian() -> None:
    rng = np.random.default_rng(2)
    touches = torch.as_tensor(rng.uniform(size=(12, 8)) < 0.2)
    mixing = torch.as_tensor(rng.normal(size=(12, 8))) * touches
    colouring = colour(touches)
    assert len(colouring.seeds) < 8
    at = torch.as_tensor(rng.normal(size=(4, 8)))
    values, slopes = jacobian(lambda own: own.sin() @ mixing.T, at, colouring)
    torch.testing.assert_close(values, at.sin() @ mixing.T)
    torch.testing.assert_close(slopes, mixing * at.cos()[:, None], atol=1e-5, rtol=1e-4)


def test_frames_on_their_own_descend() -> None:
    """Rosenbrock's valley from several starts, each frame with its own damping."""

    def residuals(own: torch.Tensor) -> torch.Tensor:
        return torch.stack([10 * (own[:, 1] - own[:, 0] ** 2), 1 - own[:, 0]], dim=1)

    def linearise(own: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        slopes = torch.zeros(len(own), 2, 2, dtype=torch.float64)
        slopes[:, 0, 0], slopes[:, 0, 1], slopes[:, 1, 0] = -20 * own[:, 0], 10.0, -1.0
        left = residuals(own)
        return left.square().sum(dim=1), slopes.mT @ slopes, -(slopes.mT @ left[..., None])[..., 0]

    start = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [1.0, 1.0]]).double()
    found, costs = minimise_each(start, linearise, lambda own: residuals(own).square().sum(dim=1), 60)
    assert costs.max() < 1e-6
    torch.testing.assert_close(found, torch.ones(3, 2).double(), atol=2e-3, rtol=0)
