"""People as COCO annotations with DensePose's fields, and back: pure functions.

Sources: the COCO data format (cocodataset.org), DensePose's fields as densesynth's docs/formats.md states them.
"""

from __future__ import annotations

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from densesynth.arrays import Array, Bool, Float32, Int64, UInt8
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.data.schema import Annotation, Category, Extras, Image, Rle
from densesynth.label.person import DensePoints, Person

PERSON = 1  # COCO's category id
COARSE_PARTS = 14
GRID = 256  # side of DensePose's box frame
INSTANCES_PER_IMAGE = 256  # annotation id = image id × this + instance: unique without knowing the other frames

# Decimals kept in the JSON: a dp coordinate of a box 8192 px wide then stays within 0.002 px of its pixel's centre.
BOX_DECIMALS, UV_DECIMALS, PIXEL_DECIMALS, METRE_DECIMALS, SHARE_DECIMALS = 4, 6, 3, 5, 6

# COCO's skeleton, 1-based.
SKELETON: tuple[tuple[int, int], ...] = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10), (9, 11),
    (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip


def person_category() -> Category:
    """COCO's person category with its keypoint names and skeleton."""
    return Category(
        id=PERSON,
        name="person",
        supercategory="person",
        keypoints=list(COCO_KEYPOINTS),
        skeleton=[list(bone) for bone in SKELETON],
    )


def image_of(index: int, width: int, height: int) -> Image:
    """The entry of frame `index`; its file name is relative to images/."""
    return Image(id=index, file_name=f"{index:06d}.jpg", width=width, height=height)


def annotation_of(person: Person, image_id: int) -> Annotation:
    """One person → COCO annotation with DensePose's fields."""
    points = person.points
    x, y, w, h = person.bbox
    return Annotation(
        id=image_id * INSTANCES_PER_IMAGE + person.instance,
        image_id=image_id,
        category_id=PERSON,
        bbox=[x, y, w, h],
        area=person.area,
        iscrowd=0,
        segmentation=encode_mask(person.mask),
        keypoints=_flat_keypoints(person.keypoints),
        num_keypoints=int(np.count_nonzero(person.keypoints[:, 2])),
        dp_masks=encode_parts(person.coarse, person.bbox),
        dp_I=points.part.astype(float).tolist(),
        dp_U=_rounded(points.u, UV_DECIMALS),
        dp_V=_rounded(points.v, UV_DECIMALS),
        dp_x=to_box_frame(points.x, x, w),
        dp_y=to_box_frame(points.y, y, h),
        dp_vertex=points.vertex.tolist(),
        ref_model=person.ref_model,
        densesynth=Extras(
            instance=person.instance,
            occluded=round(person.occluded, SHARE_DECIMALS),
            truncated=round(person.truncated, SHARE_DECIMALS),
            keypoints_in_camera=np.round(person.keypoints_in_camera.astype(float), METRE_DECIMALS).tolist(),
        ),
    )


def person_of(
    annotation: Annotation,
    coarse: UInt8[Array, "h w"],
    joints: Float32[Array, "52 2"],
    visible_vertices: Bool[Array, "v"],
) -> Person:
    """COCO annotation → person: the inverse of `annotation_of`, up to the rounding of numbers.

    coarse: the frame's coarse part map. joints, visible_vertices: from the frame's surface file.
    """
    x, y, w, h = annotation.bbox
    mask = decode_mask(annotation.segmentation)
    return Person(
        instance=annotation.densesynth.instance,
        bbox=(x, y, w, h),
        area=annotation.area,
        mask=mask,
        coarse=np.where(mask, coarse, np.uint8(0)),
        keypoints=np.array(annotation.keypoints, dtype=np.float32).reshape(17, 3),
        keypoints_in_camera=np.array(annotation.densesynth.keypoints_in_camera, dtype=np.float32),
        joints=joints,
        points=DensePoints(
            x=from_box_frame(annotation.dp_x, x, w),
            y=from_box_frame(annotation.dp_y, y, h),
            part=np.array(annotation.dp_I, dtype=np.uint8),
            u=np.array(annotation.dp_U, dtype=np.float32),
            v=np.array(annotation.dp_V, dtype=np.float32),
            vertex=np.array(annotation.dp_vertex, dtype=np.int32),
        ),
        visible_vertices=visible_vertices,
        occluded=annotation.densesynth.occluded,
        truncated=annotation.densesynth.truncated,
        ref_model=annotation.ref_model,
    )


def to_box_frame(coordinate: Float32[Array, "k"], start: float, length: float) -> list[float]:
    """Picture coordinates (x or y) → the box stretched to [0, 256)."""
    return _rounded((coordinate.astype(np.float64) - start) * (GRID / length), BOX_DECIMALS)


def from_box_frame(coordinate: list[float], start: float, length: float) -> Float32[Array, "k"]:
    """Box frame → the centre of the pixel that the coordinate falls in: the exact inverse for points at centres."""
    pixel = np.floor(start + np.array(coordinate, dtype=np.float64) * (length / GRID))
    return (pixel + 0.5).astype(np.float32)


def encode_mask(mask: Bool[Array, "h w"]) -> Rle:
    """Mask → COCO's compressed RLE with its counts as text."""
    # OpenCV turns pictures over several times as fast as NumPy.
    packed = coco_mask.encode(cv2.transpose(np.ascontiguousarray(mask, dtype=np.uint8)).T)
    return Rle(size=list(packed["size"]), counts=packed["counts"].decode("ascii"))


def decode_mask(rle: Rle) -> Bool[Array, "h w"]:
    """Inverse of `encode_mask`. Raises ValueError for runs that don't fit the size."""
    decoded = coco_mask.decode({"size": rle.size, "counts": rle.counts.encode("ascii")})
    return np.asarray(decoded, dtype=bool)


def encode_parts(coarse: UInt8[Array, "h w"], bbox: tuple[float, float, float, float]) -> list[Rle | list[int]]:
    """Coarse map → DensePose's 14 masks in the box stretched to 256×256, `[]` for parts that own no cell.

    Each of the grid's cells takes the pixel that holds its centre.
    """
    columns, rows = _stretch(bbox)
    cells = cv2.transpose(coarse).take(columns, axis=0).take(rows, axis=1).reshape(-1)
    masks: list[Rle | list[int]] = [[] for _ in range(COARSE_PARTS)]
    # COCO's runs go down the columns: where the part changes, one of its runs ends.
    first = np.concatenate([[0], np.flatnonzero(cells[1:] != cells[:-1]) + 1, [cells.size]])
    part_of_run = cells[first[:-1]]
    present = [int(part) for part in range(1, COARSE_PARTS + 1) if (part_of_run == part).any()]
    runs = [{"size": [GRID, GRID], "counts": _run_lengths(first, part_of_run == part)} for part in present]
    for part, packed in zip(present, coco_mask.frPyObjects(runs, GRID, GRID) if runs else (), strict=True):
        masks[part - 1] = Rle(size=[GRID, GRID], counts=packed["counts"].decode("ascii"))
    return masks


def _run_lengths(first: Int64[Array, "r"], mine: Bool[Array, "s"]) -> list[int]:
    """Lengths of the runs outside and inside a mask by turns, outside first, of which the last may be missing.

    first: where the picture's runs begin, and its end. mine: the runs inside, of which no two are neighbours.
    """
    run = np.flatnonzero(mine)
    edges = np.empty(2 * len(run) + 2, dtype=np.int64)
    edges[0], edges[1:-1:2], edges[2:-1:2], edges[-1] = 0, first[run], first[run + 1], first[-1]
    lengths: list[int] = np.diff(edges).tolist()
    return lengths if lengths[-1] else lengths[:-1]


def decode_parts(masks: list[Rle | list[int]]) -> UInt8[Array, "256 256"]:
    """DensePose's 14 masks → coarse map of the box frame; as in DensePose, later parts overwrite earlier ones."""
    coarse = np.zeros((GRID, GRID), dtype=np.uint8)
    for part, rle in enumerate(masks, start=1):
        if isinstance(rle, Rle):
            coarse[decode_mask(rle)] = part
    return coarse


def stretch_box(coarse: UInt8[Array, "h w"], bbox: tuple[float, float, float, float]) -> UInt8[Array, "256 256"]:
    """The box's share of a map, stretched to 256×256 by nearest pixel."""
    columns, rows = _stretch(bbox)
    return coarse[rows[:, None], columns]


def _stretch(bbox: tuple[float, float, float, float]) -> tuple[Int64[Array, "256"], Int64[Array, "256"]]:
    """The column and the row of the pixel under each cell of the box frame."""
    x, y, w, h = bbox
    cell = (np.arange(GRID) + 0.5) / GRID
    return np.floor(x + cell * w).astype(np.int64), np.floor(y + cell * h).astype(np.int64)


def _flat_keypoints(keypoints: Float32[Array, "17 3"]) -> list[int | float]:
    values: list[int | float] = []
    for x, y, code in np.round(keypoints.astype(np.float64), PIXEL_DECIMALS).tolist():
        values += [x, y, int(code)]
    return values


def _rounded(values: Array, decimals: int) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), decimals).tolist()
    return rounded
