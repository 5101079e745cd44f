"""End to end: the same bytes however a dataset is made, and what it holds passes the audit and loads in pycocotools."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from densesynth.cli import run
from densesynth.config import Recipe, recipe_from_table
from densesynth.data.audit import audit
from densesynth.data.dataset import complete_frames, open_dataset, read_manifest
from densesynth.data.files import encode_arrays, read_arrays
from densesynth.data.record import SURFACE, file_of
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.frames import Generator
from densesynth.generate import generate_dataset

SMALL = {"picture": {"width": 160, "height": 160}}
FRAMES = 6


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset, by its path inside."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return recipe_from_table(SMALL, "test")


@pytest.fixture(scope="module")
def dataset(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "people"
    generate_dataset(recipe, folder, frames=FRAMES, seed=3)
    return folder


def test_two_workers_write_the_same_bytes(recipe: Recipe, dataset: Path, tmp_path: Path) -> None:
    generate_dataset(recipe, tmp_path / "two", frames=FRAMES, seed=3, workers=2)
    assert contents(tmp_path / "two") == contents(dataset)


def test_killed_run_goes_on_to_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    recipe_file = tmp_path / "small.toml"
    recipe_file.write_text("[picture]\nwidth = 160\nheight = 160\n")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "densesynth", "generate", recipe_file, "--out", out, "--frames", str(FRAMES)]
    command += ["--seed", "3"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (list(out.glob("records/*.json"))) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    held = len(list(out.glob("records/*.json")))
    assert 1 <= held < FRAMES
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert contents(out) == contents(dataset)


def test_more_frames_leave_the_first_ones_alone(recipe: Recipe, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "grown"
    generate_dataset(recipe, out, frames=2, seed=3)
    generate_dataset(recipe, out, frames=FRAMES, seed=3)
    assert contents(out) == contents(dataset)


def test_frames_do_not_depend_on_their_order(recipe: Recipe, dataset: Path) -> None:
    generator = Generator(recipe)
    later = generator.frame(3, 4)
    stored = open_dataset(dataset).frame(4)
    assert np.array_equal(later.iuv, stored.iuv)
    assert not np.array_equal(generator.frame(4, 4).iuv, stored.iuv)


def test_audit_passes(dataset: Path, recipe: Recipe) -> None:
    generator = Generator(recipe)
    report = audit(dataset, lambda _: generator.body, generator.atlas)
    assert report.ok, report.breaches
    assert report.max_error_px is not None
    assert 0.0 < report.max_error_px <= 0.01
    assert report.counts.pixels > 1000


def test_faces_are_stored_and_proved(tmp_path: Path) -> None:
    """Expressions on: the audit poses the same faces again, from stored parameters alone, and a wrong one shows."""
    table = {**SMALL, "people": {"expressions": 1.0, "count": [1, 1]}, "camera": {"portrait": 1.0}}
    out = tmp_path / "faces"
    generate_dataset(recipe_from_table(table, "test"), out, frames=4, seed=3)
    generator = Generator(recipe_from_table(table, "test"))
    faces = [open_dataset(out).frame(index).surface["expression"] for index in range(4)]
    assert all(face.shape == (1, 52) and face.any() for face in faces)
    report = audit(out, lambda _: generator.body, generator.atlas)
    assert report.ok, report.breaches
    file = file_of(out, SURFACE, 1)
    surface = read_arrays(file)
    file.write_bytes(encode_arrays({**surface, "expression": np.zeros_like(surface["expression"])}))
    breaches = audit(out, lambda _: generator.body, generator.atlas).breaches
    assert any("reproject" in breach.what and "000001" in breach.file for breach in breaches)
    off = Generator(recipe_from_table({**table, "people": {"expressions": 0.0, "count": [1, 1]}}, "test"))
    assert "expression" not in off.frame(3, 0).surface


def test_pycocotools_reads_masks_as_the_png_holds_them(dataset: Path) -> None:
    coco = COCO(str(dataset / "annotations.json"))
    read = open_dataset(dataset)
    assert len(coco.anns) >= FRAMES
    for annotation in coco.anns.values():
        frame = read.frame(annotation["image_id"])
        mask = coco.annToMask(annotation).astype(bool)
        assert np.array_equal(mask, frame.segmentation[..., 0] == annotation["densesynth"]["instance"])
        assert annotation["area"] == mask.sum()


def test_geometry_is_kept_when_asked_for(recipe: Recipe, tmp_path: Path) -> None:
    generate_dataset(recipe, tmp_path / "kept", frames=1, keep_geometry=True)
    surface = open_dataset(tmp_path / "kept").frame(0).surface
    assert surface["vertices"].shape == (len(surface["betas"]), 13718, 3)


@pytest.mark.parametrize(("name", "value"), [("frames", 0), ("frames", -3), ("seed", -1), ("workers", 0)])
def test_senseless_numbers_are_refused(recipe: Recipe, tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(ConfigurationError, match=f"--{name} {value}"):
        generate_dataset(recipe, tmp_path / "out", **{"frames": 1, name: value})
    assert not (tmp_path / "out").exists()


def test_another_run_is_not_overwritten(recipe: Recipe, dataset: Path) -> None:
    before = contents(dataset)
    with pytest.raises(DatasetError, match="seed"):
        generate_dataset(recipe, dataset, frames=FRAMES, seed=4)
    other = recipe_from_table({**SMALL, "camera": {"roll": [0, 0]}}, "test")
    with pytest.raises(DatasetError, match="roll"):
        generate_dataset(other, dataset, frames=FRAMES, seed=3)
    assert contents(dataset) == before


def test_full_disk_loses_nothing(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "full"
    generate_dataset(recipe, out, frames=1, seed=3)
    first = {name: content for name, content in contents(out).items() if "000000" in name}

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_space)
        with pytest.raises(DatasetError, match="space"):
            generate_dataset(recipe, out, frames=3, seed=3)
    assert complete_frames(out) == {0}
    assert {name: content for name, content in contents(out).items() if "000000" in name} == first
    assert not [name for name in contents(out) if "000001" in name]


def test_a_run_goes_on_without_bad_files_and_says_so_at_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line for each bad file when it is found and one at the end, from the command line; and nothing else."""
    panoramas, pictures, cutouts = (tmp_path / name for name in ("panoramas", "pictures", "cutouts"))
    for folder in (panoramas, pictures, cutouts):
        folder.mkdir()
    radiance = np.random.default_rng(0).uniform(0.0, 2.0, (32, 64, 3)).astype(np.float32)
    cv2.imwrite(str(panoramas / "good.hdr"), radiance)
    whole = (panoramas / "good.hdr").read_bytes()
    (panoramas / "cut.hdr").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(panoramas / "square.hdr"), radiance[:, :32])
    cv2.imwrite(str(pictures / "good.jpg"), np.full((40, 60, 3), 90, np.uint8))
    (pictures / "cut.jpg").write_bytes((pictures / "good.jpg").read_bytes()[:-30])
    (pictures / "text.jpg").write_text("no picture")
    disc = cv2.circle(np.zeros((40, 40, 4), np.uint8), (20, 20), 15, (20, 80, 200, 255), -1)
    cv2.imwrite(str(cutouts / "good.png"), disc)
    cv2.imwrite(str(cutouts / "opaque.png"), np.full((40, 40, 3), 90, np.uint8))
    (cutouts / "cut.png").write_bytes((cutouts / "good.png").read_bytes()[:60])
    folders = ["--background.environments", str(panoramas), "--background.folder", str(pictures)]
    folders += ["--occluders.folder", str(cutouts), "--picture.width", "64", "--picture.height", "64"]
    assert run(["generate", "occluded", "--out", str(tmp_path / "out"), "--frames", "2", *folders]) == 0
    said = capfd.readouterr().err.splitlines()
    for bad in ("cut.hdr", "square.hdr", "cut.jpg", "text.jpg", "opaque.png", "cut.png"):
        about = [line for line in said if bad in line]
        assert [line.split(":")[0].split(" ")[0] for line in about] == ["warning", "made"], bad
    assert not [line for line in said if "ERROR" in line or "good" in line]


@pytest.mark.parametrize(("options", "quality"), [(["40"], 40), (["40", "60"], [40, 60])])
def test_a_number_or_a_range_can_be_given_as_an_option(options: list[str], quality: object, tmp_path: Path) -> None:
    out = tmp_path / "out"
    size = ["--picture.width", "32", "--picture.height", "32"]
    command = ["generate", "default", "--out", str(out), "--frames", "1", *size, "--picture.jpeg-quality", *options]
    assert run(command) == 0
    assert read_manifest(out).configuration["picture"]["jpeg_quality"] == quality
