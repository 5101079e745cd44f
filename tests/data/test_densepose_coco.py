"""DensePose-COCO's files, as they are: what is ours comes back where it was, and oddities are borne or named."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from densesynth.data.densepose_coco import open_densepose_coco
from densesynth.errors import DatasetError


def runs(mask: np.ndarray) -> dict:
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(packed["size"]), "counts": packed["counts"].decode("ascii")}


def make_person(**changes: object) -> dict:
    """A person over x 10..42, y 20..84: torso above, head nowhere, right foot below."""
    torso, foot = np.zeros((256, 256), bool), np.zeros((256, 256), bool)
    torso[:128], foot[192:] = True, True
    masks: list = [[] for _ in range(14)]
    masks[0], masks[4] = runs(torso), runs(foot)
    person = {
        "id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "bbox": [10.0, 20.0, 32.0, 64.0], "area": 1.0,
        "segmentation": [[10, 20, 42, 20, 42, 84, 10, 84]], "dp_masks": masks,
        "dp_x": [0.0, 128.0], "dp_y": [64.0, 255.0], "dp_I": [2.0, 6.0], "dp_U": [0.25, 1.0], "dp_V": [0.5, 0.0],
    }  # fmt: skip
    return {key: value for key, value in {**person, **changes}.items() if value is not None}


def write(folder: Path, people: list[dict], images: tuple[int, ...] = (7,)) -> Path:
    for number in images:
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((100, 80, 3), (10, 100, 200), np.uint8))
    records = [{"id": n, "file_name": f"{n}.jpg", "width": 80, "height": 100, "licence": 1} for n in images]
    path = folder / "densepose.json"
    path.write_text(json.dumps({"images": records, "annotations": people, "info": {}}))
    return path


def test_labels_are_where_they_were(tmp_path: Path) -> None:
    read = open_densepose_coco(write(tmp_path, [make_person()]), tmp_path)
    sample = read.sample(0)
    assert sample.boxes.tolist() == [[10, 20, 42, 84]]
    assert sample.charts == "densepose"
    assert np.array_equal(np.unique(np.nonzero(sample.coarse == 1)[0])[[0, -1]], [20, 51])
    assert np.array_equal(np.unique(np.nonzero(sample.coarse == 5)[0])[[0, -1]], [68, 83])
    assert (sample.instance == 1).sum() == pytest.approx(32 * 64, abs=70)
    points = sample.points
    assert points.x.tolist() == [10.0, 26.0]
    assert points.y.tolist() == [36.0, 83.75]
    assert points.part.tolist() == [2, 6]
    assert abs(int(sample.picture[50, 50, 0]) - 200) < 6  # RGB


def test_oddities_are_borne(tmp_path: Path) -> None:
    bare = dict.fromkeys(("dp_masks", "dp_x", "dp_y", "dp_I", "dp_U", "dp_V"))
    one_mask = runs(np.ones((256, 256), bool))
    people = [
        make_person(),
        make_person(**bare, bbox=[50.0, 10.0, 20.0, 30.0], segmentation=None),  # the same id, no dense labels
        make_person(dp_masks=one_mask, bbox=[45.0, 50.0, 30.0, 40.0], segmentation=runs(np.zeros((100, 80), bool))),
        make_person(iscrowd=1),
        make_person(category_id=3),
        make_person(**bare, image_id=8),
    ]
    read = open_densepose_coco(write(tmp_path, people, (7, 8, 9)), tmp_path)
    assert len(read) == 1  # picture 8 has nobody with dense labels, 9 nobody at all
    sample = read.sample(0)
    assert len(sample.boxes) == 3
    assert sample.has_coarse == (True, False, False)
    assert set(sample.points.person) == {1, 3}
    assert len(open_densepose_coco(tmp_path / "densepose.json", tmp_path, dense_only=False)) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dp_x": [1.0]}, "different lengths"),
        ({"dp_I": [0.0, 2.0]}, "dp_I"),
        ({"segmentation": [[1, 2]]}, "segmentation"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: dict, message: str) -> None:
    read = open_densepose_coco(write(tmp_path, [make_person(**changes)]), tmp_path)
    with pytest.raises(DatasetError, match=message):
        read.sample(0)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = write(tmp_path, [make_person(dp_x=None)])
    with pytest.raises(DatasetError, match="no picture with dense labels"):
        open_densepose_coco(path, tmp_path)
    path.write_text("[]")
    with pytest.raises(DatasetError, match="not COCO"):
        open_densepose_coco(path, tmp_path)
    read = open_densepose_coco(write(tmp_path, [make_person()]), tmp_path)
    (tmp_path / "7.jpg").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"7\.jpg"):
        read.sample(0)
