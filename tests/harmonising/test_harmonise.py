"""Training goes on to the same bytes after a stop and learns; the command line says what is wrong with its input."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.cli import EXIT_MISTAKE, run
from densesynth.compose.harmonise.checkpoint import load_generator
from densesynth.compose.harmonise.perturb import PerturbSettings
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings
from densesynth.config import recipe_from_table
from densesynth.data.audit import audit as audit_dataset
from densesynth.data.audit import format_report
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.frames import Generator
from densesynth.generate import generate_dataset
from densesynth.harmonising.pairs import find_pairs, read_pair
from densesynth.harmonising.settings import TrainSettings
from densesynth.harmonising.train import GENERATOR, STATE, measure, rate_at, split_pairs, train

TINY = TrainSettings(
    size=64, batch=4, epochs=2, decay_epochs=1, rate=2e-3, adversarial=0.0, verification=0.0, save_every=2,
    network=RainNetSettings(ngf=4, blocks=2),
)  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures with a region each."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "masks").mkdir()
    for k in range(20):
        rng = np.random.default_rng(k)
        picture = cv2.GaussianBlur(rng.uniform(0, 255, (80, 96, 3)).astype(np.float32), (0, 0), 4)
        picture = np.clip((picture - 127) * 4 + 127, 0, 255).astype(np.uint8)
        mask = np.zeros((80, 96), np.uint8)
        cv2.circle(mask, (30 + k, 40), 18, 255, -1)
        cv2.imwrite(str(folder / f"{k:02d}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"{k:02d}.png"), mask)
    return folder


@pytest.mark.parametrize("critics", [False, True])
def test_stopped_training_goes_on_to_the_same_bytes(photos: Path, tmp_path: Path, critics: bool) -> None:
    settings = TINY
    if critics:
        network = RainNetSettings(ngf=2, blocks=2, dropout=0.5)
        settings = TrainSettings(size=128, batch=9, epochs=2, decay_epochs=0, ndf=2, save_every=1, network=network)
    train((photos,), tmp_path / "whole", settings, seed=5, stop_after=4)
    train((photos,), tmp_path / "parts", settings, seed=5, stop_after=3)
    assert (tmp_path / "parts" / STATE).read_bytes() != (tmp_path / "whole" / STATE).read_bytes()
    train((photos,), tmp_path / "parts", settings, seed=5, stop_after=4)
    for name in (GENERATOR, STATE):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(DatasetError, match="other settings"):
        train((photos,), tmp_path / "parts", settings, seed=6)


def test_training_learns(photos: Path, tmp_path: Path) -> None:
    _, held = split_pairs(find_pairs(photos))
    train((photos,), tmp_path / "run", TINY, stop_after=1)
    before = measure(load_generator(tmp_path / "run" / GENERATOR), held, TINY)["rain"]
    train((photos,), tmp_path / "run", TINY)
    after = measure(load_generator(tmp_path / "run" / GENERATOR), held, TINY)["rain"]
    assert after > before + 0.3


def test_schedule_is_the_released_one() -> None:
    settings = TrainSettings()
    assert rate_at(0, settings) == rate_at(99, settings) == 2e-4
    assert rate_at(199, settings) == pytest.approx(2e-4 / 101)
    with pytest.raises(ConfigurationError, match="multiple of 256"):
        TrainSettings(size=128)


def test_iharmony_folders_are_read(tmp_path: Path) -> None:
    home = tmp_path / "HCOCO"
    picture = np.full((64, 64, 3), 90, np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 255
    spoiled = picture + (mask[..., None] > 0) * np.uint8(60)
    for kind, name, content in (
        ("real_images", "c1.jpg", picture), ("masks", "c1_7.png", mask), ("composite_images", "c1_7_2.jpg", spoiled),
    ):  # fmt: skip
        (home / kind).mkdir(parents=True)
        cv2.imwrite(str(home / kind / name), content)
    (tmp_path / "IHD_train.txt").write_text("HCOCO/composite_images/c1_7_2.jpg\n")
    (files,) = find_pairs(tmp_path)
    pair = read_pair(files, 64, PerturbSettings(), np.random.default_rng(0))
    assert pair is not None
    assert np.abs((pair.composite - pair.real)[pair.mask > 0] * 255 - 60).max() < 8
    assert np.array_equal(pair.composite[pair.mask == 0], pair.real[pair.mask == 0])


@pytest.mark.parametrize("mistake", [
    "empty", "full", "size", "channels", "corrupt", "missing", "checkpoint", "no checkpoint", "no mask", "no folder",
])  # fmt: skip
def test_mistakes_end_in_one_line(
    mistake: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, mask = tmp_path / "p.png", tmp_path / "m.png"
    picture.write_bytes((photos / "00.png").read_bytes())
    mask.write_bytes((photos / "masks" / "00.png").read_bytes())
    (tmp_path / "bad.safetensors").write_bytes(b"0" * 100)
    expected = mistake
    extra = ["--method", "reinhard"]
    match mistake:
        case "empty" | "full":
            cv2.imwrite(str(mask), np.full((80, 96), 255 * (mistake == "full"), np.uint8))
        case "size":
            cv2.imwrite(str(mask), np.full((80, 90), 255, np.uint8))
        case "channels":
            cv2.imwrite(str(picture), np.zeros((80, 96, 4), np.uint8))
        case "corrupt":
            picture.write_bytes(picture.read_bytes()[:60])
            expected = "damaged"
        case "missing":
            picture.unlink()
            expected = "no such file"
        case "checkpoint":
            extra = ["--checkpoint", str(tmp_path / "bad.safetensors")]
            expected = "no safetensors file"
        case "no checkpoint":
            extra = []
            expected = "go together"
        case "no folder":
            picture = tmp_path / "nowhere"
            picture.mkdir()
            expected = "no pairs"
    arguments = ["harmonise", "apply", str(picture), "--out", str(tmp_path / "out"), *extra]
    if mistake not in ("no mask", "no folder"):
        arguments += ["--mask", str(mask)]
    if mistake == "no mask":
        expected = "--mask"
    assert run(arguments) == EXIT_MISTAKE
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("densesynth:")]
    assert len(lines) == 1
    assert expected in lines[0]


def test_command_line_harmonises_a_folder(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["harmonise", "apply", str(photos), "--out", str(tmp_path), "--method", "histogram"]) == 0
    assert "20 harmonised" in capsys.readouterr().out
    before, after = cv2.imread(str(photos / "03.png")), cv2.imread(str(tmp_path / "03.png"))
    inside = cv2.imread(str(photos / "masks" / "03.png"), 0) > 0
    assert np.array_equal(before[~inside], after[~inside])
    assert not np.array_equal(before[inside], after[inside])


def test_check_measures_what_was_held_out_or_everything(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = train((photos,), tmp_path, TINY, seed=5, stop_after=1)
    for extra, count in (([], 2), (["--every"], 20)):
        assert run(["harmonise", "check", str(photos), "--checkpoint", str(generator), "--size", "64", *extra]) == 0
        assert f"{count} held-out pairs" in capsys.readouterr().out


def test_pipeline_recolours_people_alone_and_records_drift(tmp_path: Path) -> None:
    table = {"picture": {"width": 128, "height": 128, "noise": [0, 0]}, "people": {"count": [1, 1]}}
    plain = Generator(recipe_from_table(table, "test")).frame(4, 1)
    way = {"method": "reinhard", "max_drift": 10.0}
    generator = Generator(recipe_from_table({**table, "harmonise": way}, "test"))
    changed = generator.frame(4, 1)
    assert plain.harmonise is None
    assert changed.harmonise is not None
    assert not changed.harmonise.rejected
    assert changed.harmonise.silhouette_px < 0.2
    assert np.array_equal(changed.iuv, plain.iuv)
    assert changed.annotations == plain.annotations
    different = (changed.picture != plain.picture).any(axis=2)
    person = plain.segmentation[..., 0] > 0
    grown = cv2.dilate(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert different[person].mean() > 0.5
    assert not (different & ~grown).any()
    # a bound that nothing meets: every picture stays as it was, and is counted
    strict = recipe_from_table({**table, "harmonise": {**way, "max_drift": 1e-6}}, "test")
    kept = Generator(strict).frame(4, 1)
    assert np.array_equal(kept.picture, plain.picture)
    assert kept.harmonise is not None
    assert kept.harmonise.rejected
    generate_dataset(strict, tmp_path / "strict", frames=2, seed=4)
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "strict" / "records").iterdir())]
    assert all(record["harmonise"]["rejected"] for record in records)
    report = audit_dataset(tmp_path / "strict", lambda _: generator.body, generator.atlas)
    assert "harmonised: 0 pictures, 2 rejected" in format_report(report)
    assert report.ok
