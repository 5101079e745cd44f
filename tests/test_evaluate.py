"""`densesynth evaluate` from files to page, on a few generated pictures; laws that need a dataset."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from small_model import small_rcnn

sys.path.insert(0, str(Path(__file__).parent / "evaluation"))
from predictions import own_labels

from densesynth import Recipe, generate_dataset, open_dataset
from densesynth.cli import EXIT_MISTAKE, run
from densesynth.data.results import Detection, write_results
from densesynth.errors import ConfigurationError
from densesynth.evaluate import evaluate, open_mesh
from densesynth.evaluation.average_precision import MODES, score
from densesynth.evaluation.detect import detect_people, is_checkpoint, open_predictor
from densesynth.evaluation.pairs import Rules, measure_pairs
from densesynth.evaluation.truth import Points, TruePerson, Truth, open_truth
from densesynth.model.checkpoint import save_model
from densesynth.model.output import Predictions
from densesynth.model.small.checkpoint import save_small
from densesynth.model.small.crop import TINY_CROP, CropNetwork
from densesynth.model.small.detector import TINY_DETECTOR, Detector


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.surface.geodesic.cache_folder", lambda: folder)
        yield


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate") / "people"
    generate_dataset(Recipe(), folder, frames=2, seed=3)
    return folder


def test_own_labels_as_predictions_are_right(people: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "own.json", own_labels(open_dataset(people)))
    found = evaluate(people, tmp_path / "own.json", strict=True, draws=5)
    for mode in MODES:
        assert found.scores[mode]["AP"] == pytest.approx(1.0)
        assert found.spread[mode]["AP"] == pytest.approx((1.0, 1.0))
    assert found.box["AP"] == pytest.approx(1.0)
    assert found.people is not None
    for one in found.people:
        assert one.detected
        np.testing.assert_array_equal(one.predicted, one.true)
        assert np.median(one.error) < 0.015  # U, V in steps of 1/255, vertices a centimetre or two apart
        assert one.edge_f == 1.0
    assert found.edges["people"] == len(found.people)
    assert found.edges["boundary_iou"] == 1.0
    assert found.edges["contour_px"] == 0.0


def test_swapping_sides_never_raises_gps(people: Path) -> None:
    truth, dataset = open_truth(people)
    assert dataset is not None
    mesh, distances = open_mesh(None, truth)
    right = measure_pairs(truth, own_labels(dataset), mesh, distances, Rules(strict=True))
    swapped = measure_pairs(truth, own_labels(dataset, swap=True), mesh, distances, Rules(strict=True))
    for one, other in zip(right, swapped, strict=True):
        assert (other.gps.diagonal() <= one.gps.diagonal()).all()


def test_the_command_writes_its_report(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detections = own_labels(open_dataset(people), noise=0.1)[:-1]
    stray = Detection(image_id=0, bbox=(-50.0, 0.0, 20.0, 20.0), score=0.99, iuv=np.zeros((3, 20, 20), np.uint8))
    write_results(tmp_path / "found.json", [*detections, stray])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        status = run(
            [
                "evaluate",
                str(people),
                str(tmp_path / "found.json"),
                "--out",
                str(tmp_path / "r"),
                "--draws",
                "3",
                "--published",
                "table1",
            ]
        )
    assert status == 0
    printed = capsys.readouterr()
    assert "GPSm" in printed.out
    assert "1 of" in printed.err
    assert "lie outside" in printed.err
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["surface"]["detected"] <= report["surface"]["people"]
    assert 0.0 < report["surface"]["error_cm"]["all"]["all"]["mean"] < 50.0
    page = (tmp_path / "r" / "report.html").read_text()
    assert "Worst pictures" in page
    assert "52.18" in page  # the published GPS AP
    assert "://" not in page  # it needs no other file; base64 has no colons


def test_mistakes_are_one_line(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "r.json", own_labels(open_dataset(people)))
    for arguments, message in (
        ([str(people), str(tmp_path / "none.json")], "no such results file"),
        ([str(tmp_path), str(tmp_path / "r.json")], "no dataset of densesynth"),
        ([str(people), str(tmp_path / "r.json"), "--densepose", str(tmp_path)], "SMPL_subdiv.mat"),
    ):
        assert run(["evaluate", *arguments, "--out", str(tmp_path / "r")]) == EXIT_MISTAKE
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert message in line


def test_a_checkpoint_labels_given_boxes(people: Path, tmp_path: Path) -> None:
    """With boxes given, box AP is that of the boxes, whatever the (untrained) network says."""
    torch.manual_seed(0)
    crop, detector = CropNetwork(TINY_CROP), Detector(TINY_DETECTOR)
    save_small(
        tmp_path / "m.safetensors",
        crop=(TINY_CROP, crop.state_dict()),
        detector=(TINY_DETECTOR, detector.state_dict()),
        about={},
    )
    write_results(tmp_path / "boxes.json", own_labels(open_dataset(people)))
    given = evaluate(people, tmp_path / "m.safetensors", boxes=tmp_path / "boxes.json", draws=0)
    assert given.box["AP"] == pytest.approx(1.0)
    assert given.counts["detections"] == given.counts["people"]
    found = evaluate(people, tmp_path / "m.safetensors", draws=0)
    assert found.box["AP"] < 1.0
    with pytest.raises(ConfigurationError, match="--images"):
        evaluate(people / "annotations.json", tmp_path / "m.safetensors")


def test_an_rcnn_is_run_and_labels_given_boxes(people: Path, tmp_path: Path) -> None:
    """From its checkpoint, by the command; a run that was stopped goes on from the pictures it had labelled."""
    save_model(tmp_path / "m.safetensors", small_rcnn(score_threshold=0.0))
    write_results(tmp_path / "boxes.json", own_labels(open_dataset(people)))
    command = ["evaluate", str(people), str(tmp_path / "m.safetensors"), "--boxes", str(tmp_path / "boxes.json")]
    assert run([*command, "--out", str(tmp_path / "r"), "--draws", "0"]) == 0
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    assert report["bbox"]["AP"] == pytest.approx(1.0)
    assert report["counts"]["detections"] == report["counts"]["people"]
    truth, _ = open_truth(people)
    predictor = open_predictor(tmp_path / "m.safetensors")
    first = detect_people(predictor, truth, people / "images", kept=tmp_path / "kept")
    (tmp_path / "kept" / "1.json").unlink()
    asked: list[int] = []

    def count(picture: np.ndarray, boxes: np.ndarray | None) -> Predictions:
        asked.append(len(picture))
        return predictor(picture, boxes)

    again = detect_people(count, truth, people / "images", kept=tmp_path / "kept")
    assert len(asked) == 1
    assert [(one.image_id, one.score) for one in again] == [(one.image_id, one.score) for one in first]
    for one, other in zip(again, first, strict=True):
        np.testing.assert_array_equal(one.iuv, other.iuv)


def test_checkpoints_are_told_from_dumps(tmp_path: Path) -> None:
    (tmp_path / "zoo.pkl").write_bytes(pickle.dumps({"model": {}}, 2))
    (tmp_path / "dump.pkl").write_bytes(pickle.dumps([{"file_name": "a"}], 4))
    torch.save([{"file_name": "a"}], tmp_path / "saved.pkl")
    (tmp_path / "empty.pkl").write_bytes(b"")
    (tmp_path / "text.pkl").write_bytes(b"not a pickle")
    found = {
        name: is_checkpoint(tmp_path / name) for name in ("zoo.pkl", "dump.pkl", "saved.pkl", "empty.pkl", "text.pkl")
    }
    assert found == {"zoo.pkl": True, "dump.pkl": False, "saved.pkl": False, "empty.pkl": False, "text.pkl": False}
    assert is_checkpoint(Path("model.safetensors"))
    assert not is_checkpoint(Path("results.json"))


def in_units_of_255(truth: Truth) -> Truth:
    """Coordinates as the reference's evaluator takes them: 255 to a box's side."""

    def convert(person: TruePerson) -> TruePerson:
        if person.points is None:
            return person
        scaled = {"x": person.points.x * 255 / 256, "y": person.points.y * 255 / 256}
        return TruePerson(**{**vars(person), "points": Points(**{**vars(person.points), **scaled})})

    people = {image: tuple(convert(one) for one in some) for image, some in truth.people.items()}
    return Truth(
        source=truth.source,
        images=truth.images,
        people=people,
        annotations=tuple(one for some in people.values() for one in some),
        content=truth.content,
    )


def test_the_unit_of_dp_x_alone_costs_the_reference_rules_a_perfect_score(people: Path) -> None:
    """dp_x is in 1/256 of the box (DensePose's documentation and its training code), its evaluator divides by 255: what
    it reads lies up to a pixel further right and down, on another part or beside the person."""
    truth, dataset = open_truth(people)
    assert dataset is not None
    mesh, distances = open_mesh(None, truth, dataset)
    own = own_labels(dataset)
    as_written = measure_pairs(truth, own, mesh, distances)
    assert min(one.gps.max(axis=0).min() for one in as_written) < 0.99
    converted = measure_pairs(in_units_of_255(truth), own, mesh, distances)
    assert min(one.gps.max(axis=0).min() for one in converted) > 0.999  # U, V in steps of 1/255, no more
    for mode in MODES:
        assert score(converted, mode)["AP"] == pytest.approx(1.0)
    strict = measure_pairs(truth, own, mesh, distances, Rules(strict=True))
    for one, other in zip(converted, strict, strict=True):
        np.testing.assert_allclose(one.gps, other.gps, atol=1e-3)
