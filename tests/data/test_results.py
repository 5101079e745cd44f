"""Results files: what is written comes back; every contradiction is one clear error."""

from __future__ import annotations

import json
import pickle
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from densesynth.data.dump import read_dump
from densesynth.data.results import Detection, place_of, read_boxes, read_results, write_results
from densesynth.errors import AssetError

IMAGES = {1: (64, 48), 2: (64, 48)}
IDS = {"one.jpg": 1, "two.jpg": 2}


def detections() -> list[Detection]:
    rng = np.random.default_rng(0)
    found = []
    for k, bbox in enumerate([(1.5, 2.25, 20.75, 30.5), (-3.2, 0.0, 11.0, 9.9), (5.0, 5.0, 0.4, 3.0)]):
        _, _, w, h = place_of(bbox)
        iuv = rng.integers(0, 256, (3, h, w), dtype=np.uint8)
        iuv[0] %= 25
        found.append(Detection(image_id=1 + k % 2, bbox=bbox, score=0.5 + 0.1 * k, iuv=iuv))
    return found


def test_results_come_back(tmp_path: Path) -> None:
    write_results(tmp_path / "r.json", detections())
    back = read_results(tmp_path / "r.json", IMAGES)
    assert len(back) == 3
    for one, other in zip(detections(), back, strict=True):
        assert (one.image_id, one.bbox, one.score) == (other.image_id, other.bbox, other.score)
        np.testing.assert_array_equal(one.iuv, other.iuv)
    assert [box.bbox for box in read_boxes(tmp_path / "r.json", IMAGES)] == [one.bbox for one in detections()]


def test_other_tools_find_what_they_expect(tmp_path: Path) -> None:
    """R = I, in lines of 76 characters, read by another PNG reader."""
    import base64
    import io

    from PIL import Image

    write_results(tmp_path / "r.json", detections()[:1])
    entry = json.loads((tmp_path / "r.json").read_text())[0]
    assert entry["uv_shape"] == [3, 30, 20]
    assert max(map(len, entry["uv_data"].splitlines())) == 76
    picture = np.asarray(Image.open(io.BytesIO(base64.decodebytes(entry["uv_data"].encode()))))
    np.testing.assert_array_equal(np.moveaxis(picture, -1, 0), detections()[0].iuv)


def test_boxes_rounded_up_take_their_iuvs_size(tmp_path: Path) -> None:
    write_results(tmp_path / "r.json", detections()[:1])
    entries = json.loads((tmp_path / "r.json").read_text())
    entries[0]["bbox"][2] = 19.6  # 20 pixels of IUV
    (tmp_path / "r.json").write_text(json.dumps(entries))
    assert read_results(tmp_path / "r.json", IMAGES)[0].bbox == (1.5, 2.25, 20.0, 30.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 7}, "results for 1 images that the annotations don't have"),
        ({"bbox": [1, 1, 40, 30]}, "IUV of 20×30 pixels in a box of 40.0×30.0"),
        ({"bbox": [1, 1, -4, 30]}, "expected finite x, y, w, h"),
        ({"bbox": [1, 1, 30]}, "length 4"),
        ({"uv_data": "no picture"}, "IUV"),
        ({"uv_shape": [3, 20, 30]}, "its shape says"),
        ({"uv_data": None}, "those go to --boxes"),
    ],
)
def test_contradictions_are_told(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_results(tmp_path / "r.json", detections()[:1])
    entries = json.loads((tmp_path / "r.json").read_text())
    entries[0].update(change)
    (tmp_path / "r.json").write_text(json.dumps(entries))
    with pytest.raises(AssetError, match=message) as caught:
        read_results(tmp_path / "r.json", IMAGES)
    assert "\n" not in str(caught.value)


def test_damaged_and_missing_files_and_unknown_parts(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no such results file"):
        read_results(tmp_path / "r.json", IMAGES)
    (tmp_path / "r.json").write_text('[{"image_id": 1,')
    with pytest.raises(AssetError, match="not valid JSON"):
        read_results(tmp_path / "r.json", IMAGES)
    first = detections()[0]
    write_results(tmp_path / "r.json", [Detection(image_id=1, bbox=first.bbox, score=1.0, iuv=first.iuv + np.uint8(9))])
    with pytest.raises(AssetError, match=r"expected 0\.\.24"):
        read_results(tmp_path / "r.json", IMAGES)


def test_boxes_outside_are_counted_and_kept(tmp_path: Path) -> None:
    first = detections()[0]
    moved = [Detection(image_id=1, bbox=(x, 2.25, 20.75, 30.5), score=1.0, iuv=first.iuv) for x in (100.0, -30.0, 50.0)]
    write_results(tmp_path / "r.json", moved)
    with pytest.warns(UserWarning, match="2 of 3 boxes lie outside"):
        assert len(read_results(tmp_path / "r.json", IMAGES)) == 3


@dataclass
class _Chart:
    labels: Any
    uv: Any
    sigma_1: Any = None


@pytest.fixture
def chart_class() -> Iterator[type]:
    """Pickles name detectron2's class and module, which aren't installed here."""
    name = "densepose.structures.chart_result"
    modules = {"densepose": types.ModuleType("densepose"), "densepose.structures": types.ModuleType("structures")}
    modules[name] = types.ModuleType(name)
    kind = type("DensePoseChartResultWithConfidences", (_Chart,), {"__module__": name})
    setattr(modules[name], kind.__name__, kind)
    sys.modules.update(modules)
    yield kind
    for module in modules:
        del sys.modules[module]


def dump_of(kind: type) -> list[dict[str, Any]]:
    rng = torch.Generator().manual_seed(0)
    boxes = torch.tensor([[1.25, 2.0, 21.75, 32.5], [10.0, 5.0, 18.0, 30.0]])
    results = []
    for x0, y0, x1, y1 in boxes.tolist():
        h, w = int(y1 - y0), int(x1 - x0)
        labels = torch.randint(0, 25, (h, w), generator=rng)
        results.append(kind(labels=labels, uv=torch.rand((2, h, w), generator=rng) * 1.2 - 0.1))
    nobody = {"file_name": "b/two.jpg", "scores": torch.zeros(0), "pred_boxes_XYXY": torch.zeros(0, 4)}
    return [
        {
            "file_name": "a/one.jpg",
            "scores": torch.tensor([0.9, 0.3]),
            "pred_boxes_XYXY": boxes,
            "pred_densepose": results,
        },
        {**nobody, "pred_densepose": []},
    ]


@pytest.mark.parametrize("layout", ["zip", "row", "plain"])
def test_dumps_of_every_age_are_read(tmp_path: Path, chart_class: type, layout: str) -> None:
    path, value = tmp_path / "dump.pkl", dump_of(chart_class)
    if layout == "plain":
        path.write_bytes(pickle.dumps(value))
    else:
        torch.save(value, path, _use_new_zipfile_serialization=layout == "zip")
    found, boxes = read_dump(path, IDS, IMAGES)
    assert [one.bbox for one in found] == [(1.25, 2.0, 20.5, 30.5), (10.0, 5.0, 8.0, 25.0)]
    assert [one.bbox for one in boxes] == [one.bbox for one in found]
    np.testing.assert_allclose([one.score for one in found], [0.9, 0.3])
    for one, result in zip(found, value[0]["pred_densepose"], strict=True):
        np.testing.assert_array_equal(one.iuv[0], result.labels)
        np.testing.assert_array_equal(one.iuv[1:], (result.uv * 255).clamp(0, 255).byte())


def test_dumps_that_name_anything_else_are_refused(tmp_path: Path, chart_class: type) -> None:
    value = dump_of(chart_class)
    value[0]["extra"] = types.SimpleNamespace(x=1)
    torch.save(value, tmp_path / "dump.pkl")
    with pytest.raises(AssetError, match=r"types\.SimpleNamespace"):
        read_dump(tmp_path / "dump.pkl", IDS, IMAGES)
    torch.save(dump_of(chart_class), tmp_path / "dump.pkl")
    with pytest.raises(AssetError, match="no picture of that name"):
        read_dump(tmp_path / "dump.pkl", {"two.jpg": 2}, IMAGES)
    whole = (tmp_path / "dump.pkl").read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.pkl").write_bytes(whole[:length])
        with pytest.raises(AssetError):
            read_dump(tmp_path / "cut.pkl", IDS, IMAGES)
