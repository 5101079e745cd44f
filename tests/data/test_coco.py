"""People ↔ COCO annotations: round trips, box frames, and pycocotools as the reader."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from doll import DollBody, camera_at, label, rotations_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools.coco import COCO

from densesynth.body.body import COCO_KEYPOINTS
from densesynth.data.coco import (
    SKELETON,
    annotation_of,
    decode_mask,
    decode_parts,
    encode_mask,
    encode_parts,
    from_box_frame,
    person_category,
    person_of,
    stretch_box,
    to_box_frame,
)
from densesynth.data.dataset import open_dataset, people_of
from densesynth.data.files import read_picture
from densesynth.data.record import FrameRecord, file_of
from densesynth.data.schema import Annotation, Record, encode_json
from densesynth.label.annotate import tight_box
from densesynth.label.person import Person
from densesynth.surface.atlas import Atlas


@pytest.fixture(scope="module")
def person(body: DollBody, atlas: Atlas) -> Person:
    posed = body.pose(
        np.zeros((1, 1), np.float32), rotations_of(left_shoulder=(0, 1.2, 0))[None], np.zeros((1, 3), np.float32)
    )
    return label(body, atlas, camera_at((0.8, -3.0, 0.5)), posed)[2][0]


def test_person_survives_the_round_trip(person: Person) -> None:
    text = encode_json(annotation_of(person, 12))
    back = person_of(msgspec.json.decode(text, type=Annotation), person.coarse, person.joints, person.visible_vertices)
    for field in dataclasses.fields(Person):
        there, here = getattr(person, field.name), getattr(back, field.name)
        if field.name == "points":
            for column in dataclasses.fields(there):
                np.testing.assert_allclose(getattr(there, column.name), getattr(here, column.name), atol=1e-6)
            assert np.array_equal(there.x, here.x)
            assert np.array_equal(there.y, here.y)
        elif isinstance(there, np.ndarray):
            assert there.dtype == here.dtype
            np.testing.assert_allclose(there, here, atol=1e-3, err_msg=field.name)
        else:
            assert there == pytest.approx(here, abs=1e-6) if isinstance(there, float) else there == here


def test_the_dataset_gives_people_back(dataset: Path, body: DollBody) -> None:
    frame = open_dataset(dataset).frame(1)
    people = people_of(frame, len(body.template))
    assert [person.instance for person in people] == [1, 2]
    for person in people:
        assert np.array_equal(person.mask, frame.segmentation[:, :, 0] == person.instance)
        assert tight_box(person.mask) == person.bbox
        annotation = next(a for a in frame.annotations if a.densesynth.instance == person.instance)
        assert annotation_of(person, 1) == annotation


@given(arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_rle_round_trip(mask: np.ndarray) -> None:
    rle = encode_mask(mask)
    assert rle.size == list(mask.shape)
    assert np.array_equal(decode_mask(rle), mask)


@given(start=st.integers(0, 8000), length=st.integers(1, 8192), data=st.data())
def test_box_frame_returns_the_exact_pixel(start: int, length: int, data: st.DataObject) -> None:
    pixel = np.array(data.draw(st.lists(st.integers(start, start + length - 1), min_size=1, max_size=20)))
    centre = (pixel + 0.5).astype(np.float32)
    boxed = to_box_frame(centre, float(start), float(length))
    assert all(0.0 <= value < 256.0 for value in boxed)
    assert np.array_equal(from_box_frame(json.loads(json.dumps(boxed)), float(start), float(length)), centre)
    # The documented formula, to within a fiftieth of a pixel.
    assert np.abs(start + np.array(boxed) * length / 256 - centre).max() < 0.002


def test_part_masks_are_the_stretched_parts(person: Person) -> None:
    masks = encode_parts(person.coarse, person.bbox)
    assert len(masks) == 14
    assert np.array_equal(decode_parts(masks), stretch_box(person.coarse, person.bbox))
    # Every pixel of a box smaller than the grid is in it.
    assert set(np.unique(decode_parts(masks))) == set(np.unique(person.coarse))
    assert encode_parts(np.zeros((9, 9), np.uint8), (0.0, 0.0, 9.0, 9.0)) == [[]] * 14


def test_stretching_keeps_what_is_where() -> None:
    coarse = np.zeros((20, 30), np.uint8)
    coarse[4:8, 10:14] = [[1, 2, 3, 4]] * 4
    stretched = stretch_box(coarse, (10.0, 4.0, 4.0, 4.0))
    assert np.array_equal(stretched, np.repeat([[1, 2, 3, 4]], 64, axis=1).repeat(256, axis=0))


def test_pycocotools_reads_the_file(dataset: Path) -> None:
    coco = COCO(str(dataset / "annotations.json"))
    assert sorted(coco.getImgIds()) == [0, 1, 2]
    assert coco.getCatIds(catNms=["person"]) == [1]
    ids = coco.getAnnIds()
    assert len(ids) == len(set(ids)) == 6
    assert min(ids) > 0  # COCOeval takes 0 for "no match"
    for annotation in coco.loadAnns(ids):
        index = annotation["image_id"]
        instance = read_picture(file_of(dataset, "segmentation", index))[:, :, 0]
        own = instance == annotation["densesynth"]["instance"]
        assert np.array_equal(coco.annToMask(annotation).astype(bool), own)
        assert coco.loadImgs(index)[0]["file_name"] == f"{index:06d}.jpg"
        assert (dataset / "images" / f"{index:06d}.jpg").exists()
        x, y, w, h = annotation["bbox"]
        for part, px, py in zip(annotation["dp_I"], annotation["dp_x"], annotation["dp_y"], strict=True):
            row, column = int(y + py * h / 256), int(x + px * w / 256)
            assert own[row, column]
            assert read_picture(file_of(dataset, "iuv", index))[row, column, 0] == part


def test_category_is_cocos() -> None:
    category = person_category()
    assert category.keypoints == list(COCO_KEYPOINTS)
    assert len(SKELETON) == 19
    assert {joint for bone in SKELETON for joint in bone} == set(range(1, 18))


def test_json_is_compact_and_deterministic(frames: tuple[FrameRecord, ...]) -> None:
    annotation = frames[0].annotations[0]
    text = encode_json(annotation)
    assert b" " not in text.replace(annotation.segmentation.counts.encode(), b"")
    record = Record(seed=1, image={"id": 0}, annotations=[annotation])  # type: ignore[arg-type]
    assert encode_json(record) == encode_json(record)
    assert json.loads(text)["keypoints"][2] in (0, 1, 2)
    assert isinstance(json.loads(text)["keypoints"][2], int)
