"""Fitted clips: what is written in AMASS's layout comes back as the same poses, and feeds a folder of clips."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from smpl_files import make_tables, write_npz
from worn_markers import wear, write_tsv

from densesynth.body.anny import load_anny
from densesynth.body.differentiable import DifferentiableAnny, differentiable_anny
from densesynth.body.differentiable_smpl import differentiable_smpl
from densesynth.body.smpl import load_smpl
from densesynth.body.smpl_model import SmplModel
from densesynth.cli import run
from densesynth.errors import AssetError, ConfigurationError
from densesynth.fitting.fit import FittedClip
from densesynth.fitting.fitted import every_nth, write_fitted
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.motion.clip import MarkerClip
from densesynth.motion.read import read_clip
from densesynth.motion.source import open_clips


@pytest.fixture(scope="module")
def anny() -> DifferentiableAnny:
    return differentiable_anny(load_anny())


def make_fitted() -> FittedClip:
    rng = np.random.default_rng(0)
    return FittedClip(
        name="made up",
        frame_rate=25.0,
        betas=np.full(6, 0.5, np.float32),
        rotations=rng.normal(0, 0.4, (5, 52, 3)).astype(np.float32),
        transl=rng.normal(size=(5, 3)).astype(np.float32),
        markers=("LFHD",),
        columns=np.array([0]),
        vertices=np.array([0]),
        displacements=np.zeros((1, 3)),
        predicted=np.zeros((5, 1, 3)),
        seen=np.ones(5, dtype=bool),
    )


def test_a_clip_comes_back(anny: DifferentiableAnny, tmp_path: Path) -> None:
    fitted = make_fitted()
    path = tmp_path / "new" / "clip.npz"
    write_fitted(path, fitted, anny)
    clip = read_clip(path)
    assert clip.frame_rate == 25.0
    turned = matrix_from_vector(fitted.rotations.astype(np.float64))
    np.testing.assert_allclose(matrix_from_vector(clip.rotations), turned, atol=1e-12)
    np.testing.assert_allclose(clip.root, fitted.transl, atol=1e-6)
    library = open_clips(tmp_path)
    np.testing.assert_allclose(library.pose_at("new/clip", 0.04).rotations, fitted.rotations[1], atol=1e-6)
    with pytest.raises(ConfigurationError, match=r"ends so"):
        write_fitted(tmp_path / "clip.bvh", fitted, anny)


def test_smpl_is_placed_as_smpl_places_it(tmp_path: Path) -> None:
    """The file's numbers put through the model as AMASS means them: the same body in the same place, any shape."""
    path = write_npz(tmp_path / "smplh_female.npz", make_tables("smplh", seed=3))
    body = load_smpl(path, betas=10)
    fitted = replace(make_fitted(), betas=np.linspace(-2, 2, 10).astype(np.float32))
    write_fitted(tmp_path / "clip.npz", fitted, differentiable_smpl(body))
    written = np.load(tmp_path / "clip.npz")
    assert written["gender"] == "female"
    pose = torch.as_tensor(written["poses"]).unflatten(1, (52, 3))
    betas = torch.as_tensor(written["betas"]).double().expand(len(pose), -1)
    placed = SmplModel(body.data, torch.float64)(betas, pose, transl=torch.as_tensor(written["trans"]))
    shapes = np.repeat(fitted.betas[None], len(pose), axis=0)
    np.testing.assert_allclose(placed.vertices, body.pose(shapes, fitted.rotations, fitted.transl).vertices, atol=1e-5)
    np.testing.assert_allclose(read_clip(tmp_path / "clip.npz").root, fitted.transl, atol=1e-6)


def test_a_sex_that_nobody_told_is_not_made_up(tmp_path: Path) -> None:
    body = load_smpl(write_npz(tmp_path / "model.npz", make_tables("smplh", seed=3)), betas=10)
    assert body.data.sex is None
    fitted = replace(make_fitted(), betas=np.zeros(10, np.float32))
    write_fitted(tmp_path / "clip.npz", fitted, differentiable_smpl(body))
    assert "gender" not in np.load(tmp_path / "clip.npz")
    assert read_clip(tmp_path / "clip.npz").gender is None


def test_frames_are_left_out_evenly() -> None:
    clip = MarkerClip("a", ("x",), np.arange(21.0).reshape(7, 1, 3), 100.0)
    third = every_nth(clip, 3)
    assert third.frame_rate == pytest.approx(100 / 3)
    np.testing.assert_array_equal(third.positions[:, 0, 0], [0, 9, 18])
    with pytest.raises(ConfigurationError, match="at least 1"):
        every_nth(clip, 0)


def test_the_command_and_its_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.c3d"
    bad.write_bytes(b"\x02\x50" + bytes(200))
    assert run(["fit", str(bad), "--out", str(tmp_path / "clip.npz")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "clip.npz").exists()
    with pytest.raises(AssetError, match=r"one file: .*bad\.c3d.*densesynth fit"):
        open_clips(tmp_path)


def test_a_killed_command_goes_on(
    anny: DifferentiableAnny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed when the shape is found; the same command doesn't look for it again, and leaves nothing behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    worn = wear(anny, load_anny().average_betas(), "wave", 1, marker_set="qualisys_full_body", frames=4)
    write_tsv(tmp_path / "wave.tsv", worn.clip)
    arguments = ["fit", str(tmp_path / "wave.tsv"), "--out", str(tmp_path / "wave.npz")]
    process = subprocess.Popen(
        [sys.executable, "-m", "densesynth", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    parts, deadline = tmp_path / "cache" / "densesynth" / "fits-under-way", time.monotonic() + 180
    while not list(parts.glob("*-keys*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(parts.glob("*-keys*"))
    assert not (tmp_path / "wave.npz").exists()
    monkeypatch.setattr("densesynth.fitting.fit._find_shape", lambda *_: pytest.fail("shape found anew"))
    assert run(arguments) == 0
    assert "going on where an earlier fit stopped" in capsys.readouterr().err
    assert read_clip(tmp_path / "wave.npz").frames == 4
    assert not list(parts.iterdir())
