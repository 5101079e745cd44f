"""The command line: a mistake ends in one readable line and a non-zero status, with nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from densesynth.cli import EXIT_BREACH, EXIT_MISTAKE, run
from densesynth.cli.command import EXIT_CLOSED


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text("[picture]\nwidth = 96\nheight = 96\n")
    return path


def mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail, and return the one line it says."""
    assert run(arguments) == EXIT_MISTAKE
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("densesynth: ")
    return lines[0]


def test_mistakes(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    tail = ["--out", str(out)]
    unknown = tmp_path / "unknown.toml"
    unknown.write_text("[camera]\nfocal_lenght = [20, 30]\n")
    assert "did you mean `focal_length`" in mistake(["generate", str(unknown), *tail], capsys)
    assert "no such recipe" in mistake(["generate", str(tmp_path / "none.toml"), *tail], capsys)
    assert "--frames 0" in mistake(["generate", str(recipe), *tail, "--frames", "0"], capsys)
    assert "unknown motion" in mistake(["generate", str(recipe), *tail, "--people.motions", "fly"], capsys)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in mistake(["generate", str(recipe), *tail, "--background.folder", str(empty)], capsys)
    missing = str(tmp_path / "nowhere")
    assert missing in mistake(["generate", str(recipe), *tail, "--background.folder", missing], capsys)
    assert missing in mistake(["audit", missing], capsys)
    assert missing in mistake(["show", missing], capsys)
    assert not out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert "cuda" in mistake(["generate", str(recipe), "--out", str(out), "--device", "cuda"], capsys)
    assert not out.exists()


def test_folder_with_other_files(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "thesis.txt" in mistake(["generate", str(recipe), "--out", str(tmp_path / "mine")], capsys)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_corrupt_background_is_skipped_with_a_warning(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "good.png"), np.full((80, 120, 3), (0, 200, 0), np.uint8))
    (pictures / "bad.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    out = str(tmp_path / "out")
    assert run(["generate", str(recipe), "--out", out, "--frames", "2", "--background.folder", str(pictures)]) == 0
    assert "bad.jpg" in capsys.readouterr().err
    picture = cv2.imread(f"{out}/images/000000.jpg")
    corner = picture[:4, :4].reshape(-1, 3).mean(axis=0)
    assert corner[1] > corner[0] + 20  # the green of the folder's only readable picture


def test_generate_audit_show(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "people"
    assert run(["generate", str(recipe), "--out", str(out), "--frames", "2", "--camera.roll", "0", "0"]) == 0
    assert run(["audit", str(out)]) == 0
    text = capsys.readouterr().out
    assert "px" in text
    assert run(["show", str(out)]) == 0
    assert (out / "show" / "index.html").exists()
    assert run(["audit", str(out)]) == 0  # what `show` drew is no breach
    iuv = cv2.imread(str(out / "iuv" / "000001.png"))
    iuv[..., 1] = np.where(iuv[..., 2] > 0, 255 - iuv[..., 1], 0)
    cv2.imwrite(str(out / "iuv" / "000001.png"), iuv)
    assert run(["audit", str(out)]) == EXIT_BREACH


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["audit", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(arguments)
    assert left.value.code == 0
    assert "densesynth" in capsys.readouterr().out


def test_senseless_options_are_named(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, named in ((["--camera.fill", "2", "1"], "must rise"), (["--framse", "3"], "--framse")):
        with pytest.raises(SystemExit) as left:
            run(["generate", str(recipe), "--out", str(tmp_path / "out"), *options])
        assert left.value.code == EXIT_MISTAKE
        assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_assets_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assets", "check", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "SMPL" in text
    assert "nothing that densesynth knows" in text
    assert str(tmp_path / "none") in mistake(["assets", "check", str(tmp_path / "none")], capsys)


def test_map_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text("vertex\n0\n500\n9000\n")
    assert run(["map", str(points), "--out", str(out)]) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()]
    vertex = rows[0].index("vertex")
    assert [row[vertex] for row in rows[1:]] == ["0", "500", "9000"]
    points.write_text("x\n1\n")
    capsys.readouterr()
    assert "points.csv" in mistake(["map", str(points), "--out", str(out)], capsys)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("densesynth ")


def test_output_that_nobody_reads_to_its_end_is_no_mistake() -> None:
    command = [sys.executable, "-m", "densesynth", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == EXIT_CLOSED
