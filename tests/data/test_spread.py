"""What is measured of a dataset's people is what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from doll import DollBody, make_frame, with_surface

from densesynth.appearance.colour import mix_skin
from densesynth.cli import EXIT_MISTAKE, run
from densesynth.data.record import FrameRecord
from densesynth.data.spread import (
    MEASURES,
    Histogram,
    empty_bins,
    histograms,
    measure_coco,
    measure_dataset,
    typology_angle,
)
from densesynth.geometry.camera import look_at
from densesynth.surface.atlas import Atlas

Write = Callable[[Path, tuple[FrameRecord, ...]], Path]


def test_views_are_measured_from_the_person(body: DollBody, atlas: Atlas, write_dataset: Write, tmp_path: Path) -> None:
    """A person at rest faces −y with their left towards +x; the camera goes around and up."""
    frame = make_frame(body, atlas, 0)
    pelvis = frame.surface["joints_in_world"][0, 0].astype(np.float64)
    still = frame.surface["rotations"].copy()
    still[:, 0] = 0.0
    for eye, azimuth, elevation in (
        ((0.0, -3.0, 0.0), 0.0, 0.0),
        ((3.0, 0.0, 0.0), 90.0, 0.0),
        ((-3.0, 0.0, 3.0), -90.0, 45.0),
        ((0.0, -3.0, -3.0), 0.0, -45.0),
    ):
        view = look_at(pelvis + eye, pelvis)
        folder = tmp_path / f"{azimuth}{elevation}"
        seen = with_surface(frame, camera_from_world=view, rotations=still)
        write_dataset(folder, tuple(replace(seen, index=index) for index in range(3)))
        values = measure_dataset(folder)
        assert values["azimuth"][0] == pytest.approx(azimuth, abs=1e-4)
        assert values["elevation"][0] == pytest.approx(elevation, abs=1e-4)
        assert values["roll"][0] == pytest.approx(0.0, abs=1e-6)


def test_measures_of_a_dataset_and_of_its_coco_file_agree(dataset: Path) -> None:
    """annotations.json is COCO's format: read as such, it says the same about boxes and keypoints."""
    ours, as_coco = measure_dataset(dataset), measure_coco(dataset / "annotations.json")
    for key in ("people", "height", "height_share", "area_share", "edge", "hidden"):
        assert sorted(ours[key]) == pytest.approx(sorted(as_coco[key])), key
    assert not as_coco["azimuth"]
    assert len(ours["occluded"]) == len(ours["truncated"]) == len(ours["height"])


def test_crowds_and_other_things_are_no_people(tmp_path: Path) -> None:
    person = {"image_id": 1, "category_id": 1, "bbox": [10.0, 10.0, 20.0, 50.0], "area": 600.0, "iscrowd": 0}
    table = {
        "images": [{"id": 1, "width": 200, "height": 100}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {**person, "keypoints": [1, 1, 2, 2, 2, 1, 0, 0, 0]},
            {**person, "bbox": [0.0, 10.0, 20.0, 50.0]},
            {**person, "iscrowd": 1},
            {**person, "category_id": 2},
        ],
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(table))
    values = measure_coco(path)
    assert values["people"] == [2.0]
    assert values["height_share"] == [0.5, 0.5]
    assert values["edge"] == [0.0, 1.0]
    assert values["hidden"] == [0.5]


def test_skin_tones_rise_with_lightness() -> None:
    angles = [typology_angle(np.array(mix_skin(melanin, 0.0))) for melanin in np.linspace(1.0, 0.0, 12)]
    assert (np.diff(angles) > 0).all()
    assert angles[0] < 0.0
    assert angles[-1] > 41.0
    assert typology_angle(np.array([1.0, 1.0, 1.0])) > 80.0  # white: L* 100, hardly yellow


def test_histograms_lose_nobody_and_name_holes() -> None:
    values = {measure.key: [] for measure in MEASURES} | {"people": [1.0, 1.0, 4.0, 99.0], "azimuth": [-180.0, 180.0]}
    made = histograms(values)
    assert set(made) == {"people", "azimuth"}
    assert sum(made["people"].counts) == 4
    assert made["people"].counts[0] == 2
    assert made["people"].counts[-1] == 1
    measure = next(measure for measure in MEASURES if measure.key == "people")
    one = Histogram((1, 0, 0, 2) + (0,) * 10, 3, 3.0, (1.0, 4.0, 4.0))
    assert empty_bins(measure, one) == ((1.5, 2.5), (2.5, 3.5))


def test_the_command_writes_a_page_and_numbers(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["spread", str(dataset), "--coco", str(dataset / "annotations.json")]) == 0
    table = json.loads((dataset / "spread" / "spread.json").read_text())
    assert table["dataset"]["people"]["number"] == 3
    assert table["coco"]["people"]["counts"] == table["dataset"]["people"]["counts"]
    page = (dataset / "spread" / "index.html").read_text()
    assert "data:image/png;base64," in page
    assert "sites.google.com/view/coco-crowd" in page
    capsys.readouterr()
    wrong = dataset / "manifest.json"
    assert run(["spread", str(dataset), "--coco", str(wrong)]) == EXIT_MISTAKE
    assert "expected COCO annotations" in capsys.readouterr().err
