"""The whole experiment, tiny: every stage, killed and gone on with; the plan; what a user gets wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from densesynth.cli import EXIT_INTERRUPTED, EXIT_MISTAKE, run
from densesynth.low_data import draw_low_data_curve, low_data_recipe
from densesynth.reproduction import stages
from densesynth.reproduction.plan import PAPER_PEOPLE, Plan, tiny_plan


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.surface.geodesic.cache_folder", lambda: folder)
        yield


def few_steps(out: Path, seed: int = 0) -> Plan:
    return tiny_plan(out, seed, steps=4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Killed in the middle of the third training and of labelling, it goes on, and what was finished stays."""
    out = tmp_path_factory.mktemp("reproduce") / "tiny"
    command = ["reproduce", "--scale", "tiny", "--out", str(out)]
    train, detect = stages.train, stages.detect_people

    def killed_training(recipe, folder, **options):  # type: ignore[no-untyped-def]
        report = train(recipe, folder, **options)
        if folder.name == "scratch":
            raise KeyboardInterrupt
        return report

    def killed_labelling(predictor, truth, images, boxes=None, **options):  # type: ignore[no-untyped-def]
        if options["kept"].parent.name == "table3":
            raise KeyboardInterrupt
        return detect(predictor, truth, images, boxes, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.reproduction.plan.tiny_plan", few_steps)
        patch.setattr(stages, "train", killed_training)
        assert run(command) == EXIT_INTERRUPTED
        assert (out / "stages" / "finetune.json").exists()
        assert not (out / "stages" / "scratch.json").exists()
        made = {path: path.stat().st_mtime_ns for path in (out / "finetune").iterdir() if path.is_file()}
        patch.setattr(stages, "train", train)
        patch.setattr(stages, "detect_people", killed_labelling)
        assert run(command) == EXIT_INTERRUPTED
        assert (out / "stages" / "table1.json").exists()
        patch.setattr(stages, "detect_people", detect)
        assert run(command) == 0
    assert {path: path.stat().st_mtime_ns for path in made} == made
    return out


def test_tiny_runs_whole_after_kills(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (tiny / "report.html").read_text()
    for words in (
        "Table 1",
        "Table 2",
        "Table 3",
        "Figure 4",
        "Figure 5",
        "published 52.18",
        "published 66.69",
        "Tiny",
    ):
        assert words in page
    report = json.loads((tiny / "report.json").read_text())
    assert report["people"]["people"] >= 12
    assert [(one["training"], one["step"]) for one in report["figure_5"]] == [
        ("finetune", 2), ("finetune", 4), ("scratch", 2), ("scratch", 4)
    ]  # fmt: skip
    assert all(0.0 <= one["seen"] <= 1.0 and 0.0 <= one["unseen"] <= 1.0 for one in report["figure_5"])
    # Only the last layers were fine-tuned, so the given boxes of Table 3 are those of Table 2.
    assert report["tables"]["table3"]["box"]["AP"] == pytest.approx(report["tables"]["table2"]["box"]["AP"], abs=1e-3)
    assert (tiny / "table1" / "report.html").exists()
    assert run(["reproduce", "--scale", "tiny", "--out", str(tiny), "--seed", "5"]) == EXIT_MISTAKE
    assert "begun with other files or settings" in capsys.readouterr().err


def test_files_are_checked_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text('{"images": [], "annotations": []}')
    (tmp_path / "empty").mkdir()
    given = {
        "annotations": "a.json", "images": "none", "densepose": "empty", "smpl": "empty", "captures": "empty",
        "backgrounds": "empty", "checkpoint": "none.pkl", "objects": "empty",
    }  # fmt: skip
    options = [word for key, name in given.items() for word in (f"--{key}", str(tmp_path / name))]
    assert run(["reproduce", "--out", str(tmp_path / "out"), *options]) == EXIT_MISTAKE
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 12
    wrong = [line for line in lines if line.startswith("missing or wrong")]
    assert len(wrong) == len(given)
    assert all(any(f"--{key}:" in line for line in wrong) for key in given)
    assert "8 of 11 things to mend; nothing was started" in lines[-1]
    assert not (tmp_path / "out").exists()
    assert run(["reproduce", "--out", str(tmp_path / "out")]) == EXIT_MISTAKE
    assert "model_final_0ed407.pkl" in capsys.readouterr().err


def test_the_plan_is_told_without_starting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "--scale", "tiny", "--plan", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for words in ("synthetic people", "training: scratch", "labelling: table3", "Figure 5", "Free there"):
        assert words in printed
    assert not (tmp_path / "out").exists()
    assert PAPER_PEOPLE == 73_671


def test_a_finished_run_answers_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds something else is left alone."""
    (tmp_path / "notes.txt").write_text("mine")
    assert run(["reproduce", "--scale", "tiny", "--out", str(tmp_path)]) == EXIT_MISTAKE
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_low_data_curve_tiny(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the pictures that the other test has made: 10 trainings of a step."""
    out = tmp_path / "low"
    recipe = replace(low_data_recipe(few_steps(tiny), tiny), shares=(0.0, 0.1, 1.0), steps=1)
    page = draw_low_data_curve(recipe, out, tiny=True)
    curve = json.loads((out / "curve.json").read_text())["points"]
    assert {(one["share"], one["synthetic"]) for one in curve} == {
        (share, synthetic) for share in (0.0, 0.1, 1.0) for synthetic in (False, True)
    } - {(0.0, False)}
    for one in curve:
        assert one["seeds"] == 2
        assert one["gps_interval"][0] <= one["gps"] <= one["gps_interval"][1]
        assert [len(o["ap_draws"]) for o in one["outcomes"]] == [50, 50]
    assert "real and synthetic" not in page.read_text()  # it's in the picture
    assert (out / "curve.png").stat().st_size > 5000

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("densesynth.low_data.train_model", never)
    draw_low_data_curve(recipe, out, tiny=True)
