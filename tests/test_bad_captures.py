"""Damaged motion and body files given to the command line: one clear line each, status 2, and nothing executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from densesynth.cli import EXIT_MISTAKE, run

LEG = """HIERARCHY
ROOT {root}
{{
OFFSET 0 0 0
CHANNELS 3 Xposition Yposition Zposition
JOINT Knob
{{
OFFSET 0 -40 0
CHANNELS 3 Zrotation Xrotation Yrotation
}}
}}
MOTION
Frames: 2
Frame Time: 0.04
0 0 0 0 0 0
0 0 0 {last}
"""


def mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(arguments) == EXIT_MISTAKE
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip() and not line.endswith("…")]
    assert len(lines) == 1, lines  # but for what is told of work begun
    assert lines[0].startswith("densesynth: ")
    return lines[0]


def write_c3d(path: Path) -> None:
    file = ezc3d.c3d()
    points = np.ones((4, 4, 10))
    file["parameters"]["POINT"]["RATE"]["value"] = [100]
    file["parameters"]["POINT"]["LABELS"]["value"] = ["LFHD", "RFHD", "LBHD", "RBHD"]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["data"]["points"] = points
    file.write(str(path))


class _Call:
    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.flag}",)


def test_bad_clips_in_a_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text("[picture]\nwidth = 96\nheight = 96\n")
    whole = tmp_path / "whole.c3d"
    write_c3d(whole)
    poses = np.zeros((3, 156))
    poses[1, 7] = np.nan
    amass = {"trans": np.zeros((3, 3)), "mocap_framerate": np.array(30.0)}
    cases = {
        "short.bvh": (LEG.format(root="Hips", last="1 2"), r"short.bvh:16: expected 6 numbers in frame 2, found 5"),
        "nan.bvh": (LEG.format(root="Hips", last="1 nan 2"), "nan in column 5"),
        "strange.bvh": (LEG.format(root="Foo", last="1 2 3"), "joint"),
        "nan.npz": ({"poses": poses, **amass}, "expected finite numbers under `poses`, found nan in frame 1"),
        "cut.c3d": (whole.read_bytes()[:-600], "cut.c3d"),
        "few.c3d": (whole.read_bytes(), "a body needs at least 10"),
    }
    for name, (content, said) in cases.items():
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        if isinstance(content, dict):
            np.savez(folder / name, **content)
        else:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        out = tmp_path / "out"
        line = mistake(["generate", str(recipe), "--out", str(out), "--people.clips", str(folder)], capsys)
        assert said in line, line
        assert name in line, line
        assert not out.exists()
        if name.endswith("c3d"):
            line = mistake(["fit", str(folder / name), "--out", str(tmp_path / "clip.npz")], capsys)
            assert said in line, line
            assert not (tmp_path / "clip.npz").exists()


def test_a_pickle_that_calls_is_refused_and_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flag = tmp_path / "ran"
    evil = tmp_path / "models" / "smpl_male.pkl"
    evil.parent.mkdir()
    evil.write_bytes(pickle.dumps({"v_template": np.zeros((6890, 3)), "f": _Call(flag)}, protocol=2))
    recipe = tmp_path / "small.toml"
    recipe.write_text("[picture]\nwidth = 96\nheight = 96\n")
    body = ["--body.model", "smpl", "--body.files"]
    write_c3d(tmp_path / "some.c3d")
    marks = ["--marker-set", "plug_in_gait"]
    for arguments in (
        ["generate", str(recipe), "--out", str(tmp_path / "out"), *body, str(evil)],
        ["generate", str(recipe), "--out", str(tmp_path / "out"), *body, str(evil.parent)],
        ["fit", str(tmp_path / "some.c3d"), "--out", str(tmp_path / "clip.npz"), *marks, "--body", str(evil)],
    ):
        assert "system" in mistake(arguments, capsys)
    run(["assets", "check", str(evil.parent)])
    assert "system" in "".join(capsys.readouterr())
    assert not flag.exists()
