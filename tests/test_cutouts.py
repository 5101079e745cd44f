"""Objects cut out of made-up COCO files: the right ones, along their masks, with their licences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from densesynth.cli import EXIT_MISTAKE, run
from densesynth.cutouts import CutoutSettings, cut_one, cut_out
from densesynth.errors import AssetError, ConfigurationError, DatasetError
from densesynth.scene.occluders import open_cutouts, read_cutout

GREEN, RED = (0, 200, 0), (0, 0, 220)  # BGR: background and objects
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "fire hydrant"}, {"id": 7, "name": "cup"}]


def annotation(number: int, category: int, box: tuple[int, int, int, int], image: int = 1, **more: Any) -> dict:
    x, y, w, h = box
    corners = [x, y, x + w, y, x + w, y + h, x, y + h]
    base = {"id": number, "image_id": image, "category_id": category, "bbox": list(box), "iscrowd": 0}
    return {**base, "segmentation": [corners], "area": w * h, **more}


@pytest.fixture
def coco(tmp_path: Path) -> tuple[Path, Path]:
    """A picture with a hydrant that can be cut out, and much that can't; a second picture with two cups."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    first = np.full((300, 400, 3), GREEN, np.uint8)
    first[60:200, 80:160] = RED
    second = np.full((300, 400, 3), GREEN, np.uint8)
    second[40:120, 40:120] = second[150:250, 200:300] = RED
    cv2.imwrite(str(pictures / "one.png"), first)
    cv2.imwrite(str(pictures / "two.png"), second)
    ring = np.zeros((300, 400), np.uint8)
    ring[150:250, 200:300] = 1
    runs = coco_mask.encode(np.asfortranarray(ring))
    table = {
        "images": [
            {"id": 1, "file_name": "one.png", "width": 400, "height": 300, "license": 4, "flickr_url": "http://f/1"},
            {"id": 2, "file_name": "two.png", "width": 400, "height": 300},
            {"id": 3, "file_name": "gone.jpg", "width": 400, "height": 300},
            {"id": 4, "file_name": "one.png", "width": 300, "height": 300},
        ],
        "licenses": [{"id": 4, "name": "Attribution License", "url": "http://cc/by"}],
        "categories": CATEGORIES,
        "annotations": [
            annotation(1, 3, (80, 60, 80, 140)),
            annotation(2, 1, (80, 60, 80, 140)),  # a person
            annotation(3, 3, (80, 60, 80, 140), iscrowd=1),
            annotation(4, 3, (80, 60, 20, 20)),  # too small
            annotation(5, 3, (0, 60, 100, 140)),  # the picture's edge cuts it
            annotation(6, 3, (10, 10, 380, 280)),  # too large
            annotation(7, 7, (40, 40, 80, 80), image=2),
            annotation(8, 7, (200, 150, 100, 100), image=2,
                       segmentation={"size": [300, 400], "counts": runs["counts"].decode()}),
            annotation(9, 7, (100, 100, 100, 100), image=3),
            annotation(11, 7, (80, 60, 80, 140), image=4),  # another picture than the one annotated
            annotation(10, 7, (40, 40, 160, 80), image=2,
                       segmentation=[[40, 40, 80, 40, 80, 120, 40, 120], [160, 40, 200, 40, 200, 120, 160, 120]]),
        ],
    }  # fmt: skip
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(table))
    return path, pictures


def test_what_can_be_cut_out_is(coco: tuple[Path, Path], tmp_path: Path) -> None:
    made = cut_out(*coco, tmp_path / "out", CutoutSettings())
    assert [path.name for path in made.paths] == [
        "cup_000000000007.png", "cup_000000000008.png", "fire-hydrant_000000000001.png",
    ]  # fmt: skip
    assert len(made.left_out) == 2
    assert "gone.jpg" in "".join(made.left_out)
    assert "is 400×300 pixels, its annotations say 300×300" in "".join(made.left_out)
    assert made.licences == {"Attribution License": 1, "unknown": 2}
    listed = json.loads((tmp_path / "out" / "licences.json").read_text())
    assert listed["fire-hydrant_000000000001.png"] == {
        "picture": "http://f/1", "licence": "Attribution License", "url": "http://cc/by",
    }  # fmt: skip
    assert len(open_cutouts(tmp_path / "out").paths) == 3  # what `occluders.folder` reads
    for path in made.paths:
        rgba = read_cutout(path)
        solid = rgba[..., 3] > 0.5
        assert np.allclose(rgba[solid][:, :3], np.array(RED[::-1]) / 255.0, atol=0.01)  # nothing green came along
        height, width = {"1": (140, 80), "7": (80, 80), "8": (100, 100)}[path.stem[-1]]
        assert abs(int(solid.any(axis=1).sum()) - height) <= 3
        assert abs(int(solid.any(axis=0).sum()) - width) <= 3
        assert ((rgba[..., 3] > 0.05) & (rgba[..., 3] < 0.95)).any()


def test_the_same_bytes_again_and_no_category_prevails(coco: tuple[Path, Path], tmp_path: Path) -> None:
    first = cut_out(*coco, tmp_path / "a", CutoutSettings(count=2))
    again = cut_out(*coco, tmp_path / "b", CutoutSettings(count=2))
    assert [path.read_bytes() for path in first.paths] == [path.read_bytes() for path in again.paths]
    assert {path.name.split("_")[0] for path in first.paths} == {"cup", "fire-hydrant"}
    only = cut_out(*coco, tmp_path / "c", CutoutSettings(without=("cup",)))
    assert len(only.paths) == 1
    assert (
        cut_out(*coco, tmp_path / "c", CutoutSettings(without=("cup",))).paths == only.paths
    )  # a second run is welcome


def test_pieces_are_no_objects() -> None:
    picture, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    assert cut_one(picture, mask) is None
    mask[5:15, 5:15] = mask[20:35, 20:35] = 1
    assert cut_one(picture, mask) is None


def test_mistakes(coco: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, pictures = coco
    with pytest.raises(ConfigurationError, match="--without dog"):
        cut_out(annotations, pictures, tmp_path / "o", CutoutSettings(without=("dog",)))
    with pytest.raises(AssetError, match="can be cut out"):
        cut_out(annotations, pictures, tmp_path / "o", CutoutSettings(smallest=4000))
    (tmp_path / "empty").mkdir()
    with pytest.raises(AssetError, match="none of"):
        cut_out(annotations, tmp_path / "empty", tmp_path / "o", CutoutSettings())
    with pytest.raises(DatasetError, match="COCO's instances"):
        cut_out(pictures / "one.png", pictures, tmp_path / "o", CutoutSettings())
    with pytest.raises(AssetError, match="no cut-out"):
        cut_out(annotations, pictures, tmp_path, CutoutSettings())
    assert run(["cutouts", str(annotations), str(tmp_path / "none"), "--out", str(tmp_path / "o")]) == EXIT_MISTAKE
    assert "folder of the annotations' pictures" in capsys.readouterr().err
    assert run(["cutouts", str(annotations), str(pictures), "--out", str(tmp_path / "done"), "--count", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 objects of 6 that fit" in said
    assert "1 under: " in said
