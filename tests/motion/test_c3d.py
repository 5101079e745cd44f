"""C3D: markers out of all that the format holds; damaged files give one error and never a crash."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.motion.c3d import read_c3d
from densesynth.motion.read import read_clip, read_markers

LABELS = (
    "Ann:LFHD",
    "Ann:RFHD",
    "Ann:C7",
    "PELO",
    "PELA",
    "PELL",
    "PELP",
    "*110",
    "LHipAngles",
    "LKneeForce",
    "MyOutput",
)
FRAMES = 12


def write_c3d(path: Path, labels=LABELS, unit: str = "mm", up: str = "+Z", **outputs: list[str]) -> np.ndarray:
    """A small C3D; answers the positions written, (frames, points, 3), in the file's units."""
    file = ezc3d.c3d()
    positions = np.random.default_rng(0).uniform(100.0, 1800.0, (FRAMES, len(labels), 3)).round(2)
    points = np.ones((4, len(labels), FRAMES))
    points[:3] = positions.transpose(2, 1, 0)
    points[:3, 1, 5] = np.nan
    positions[5, 1] = np.nan
    points[:3, 2, 3] = 0.0
    file["parameters"]["POINT"]["RATE"]["value"] = [100]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(labels)
    file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", [up])
    for name, listed in outputs.items():
        file.add_parameter("POINT", name, listed)
    file["data"]["points"] = points
    file.write(str(path))
    return positions


def test_markers_in_metres_with_gaps_and_without_outputs_or_prefix(tmp_path):
    path = tmp_path / "walk.c3d"
    positions = write_c3d(path, ANGLES=["LHipAngles"], MODELED_MARKERS=["MyOutput"])
    clip = read_markers(path)
    assert clip.name == "walk"
    assert clip.labels == ("LFHD", "RFHD", "C7")
    assert clip.frame_rate == 100.0
    assert clip.positions.shape == (FRAMES, 3, 3)
    assert np.isnan(clip.positions[5, 1]).all()
    assert np.isnan(clip.positions[3, 2]).all()
    assert np.isnan(clip.positions).sum() == 6
    seen = np.isfinite(clip.positions)
    assert np.allclose(clip.positions[seen], 0.001 * positions[:, :3][seen], atol=1e-6)


@pytest.mark.parametrize(("unit", "metres"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001), ("in", 0.0254)])
def test_units_of_the_header(tmp_path, unit, metres):
    positions = write_c3d(tmp_path / "a.c3d", ("A", "B", "C"), unit)
    assert np.allclose(read_c3d(tmp_path / "a.c3d").positions[0], metres * positions[0], rtol=1e-6)


@pytest.mark.parametrize(("axis", "order"), [("+Z", (0, 1, 2)), ("+Y", (0, 2, 1)), ("+X", (1, 2, 0))])
def test_what_the_file_calls_up_is_up(tmp_path, axis, order):
    positions = write_c3d(tmp_path / "a.c3d", ("A", "B", "C"), "m", axis)
    found = read_c3d(tmp_path / "a.c3d").positions[0]
    assert np.allclose(np.abs(found), positions[0][:, order], rtol=1e-6)
    assert np.allclose(found[:, 2], positions[0][:, order[2]], rtol=1e-6)
    edges, original = np.diff(found, axis=0), np.diff(positions[0], axis=0)
    assert np.allclose(np.linalg.norm(edges, axis=1), np.linalg.norm(original, axis=1), rtol=1e-5)
    flip = np.linalg.det(np.linalg.lstsq(positions[0], found, rcond=None)[0])
    assert flip == pytest.approx(1.0, abs=1e-4)


def test_two_people_must_be_told_apart(tmp_path):
    path = tmp_path / "two.c3d"
    write_c3d(path, ("Ann:C7", "Bob:C7", "Bob:T10"))
    with pytest.raises(AssetError, match="both Ann and Bob"):
        read_c3d(path)
    assert read_c3d(path, subject="Bob").labels == ("C7", "T10")
    with pytest.raises(AssetError, match="Ann, Bob"):
        read_c3d(path, subject="Cid")


def test_units_that_are_none_and_files_without_markers(tmp_path):
    path = tmp_path / "a.c3d"
    write_c3d(path, ("A", "B", "C"), "furlong")
    with pytest.raises(AssetError, match="furlong"):
        read_c3d(path)
    write_c3d(path, ("*1", "*2", "*3"))
    with pytest.raises(AssetError, match="labelled markers"):
        read_c3d(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "a.c3d"
    with pytest.raises(AssetError, match="can't be read"):
        read_c3d(path)
    path.write_bytes(b"hello")
    with pytest.raises(AssetError, match="cut off"):
        read_c3d(path)
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(AssetError, match="another kind"):
        read_c3d(path)
    with pytest.raises(AssetError, match="densesynth fit"):
        read_clip(path)


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "a.c3d"
    write_c3d(path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 211), len(whole) - 1]:
        cut = tmp_path / "cut.c3d"
        cut.write_bytes(whole[:length])
        needed = _data_end(whole)
        if length >= needed:  # padding after the last frame may go
            continue
        with pytest.raises(AssetError, match=r"cut\.c3d") as caught:
            read_c3d(cut)
        assert "\n" not in str(caught.value)


def _data_end(content: bytes) -> int:
    points, analog, first, last = struct.unpack_from("<4H", content, 2)
    data = (struct.unpack_from("<H", content, 16)[0] - 1) * 512
    return data + (last - first + 1) * (4 * points + analog) * 4


def test_flipped_bytes_give_a_clip_or_one_error(tmp_path):
    path = tmp_path / "a.c3d"
    write_c3d(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    messages = []
    for _ in range(8):
        damaged = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 3000), size=4):
            damaged[at] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            clip = read_c3d(path)
        except AssetError as error:
            messages.append(str(error))
        else:
            assert clip.frames > 0
    assert messages
    assert all(len(message.splitlines()) == 1 for message in messages)


@pytest.mark.parametrize(("status", "told"), [(-11, "crashed with status -11"), (3, "mangled")])
def test_the_reading_process_dies_alone(tmp_path, monkeypatch, status, told):
    path = tmp_path / "a.c3d"
    write_c3d(path)
    dead = subprocess.CompletedProcess([], status, b"", b"mangled\n")
    monkeypatch.setattr("densesynth.motion.c3d.subprocess.run", lambda *_, **__: dead)
    with pytest.raises(AssetError, match=told):
        read_c3d(path)


def test_a_file_that_takes_for_ever_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "a.c3d"
    write_c3d(path)
    monkeypatch.setattr("densesynth.motion.c3d.PATIENCE", 0.001)
    with pytest.raises(AssetError, match="did not end within"):
        read_c3d(path)
