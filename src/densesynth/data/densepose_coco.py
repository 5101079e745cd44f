"""DensePose-COCO, read as samples: people's boxes, masks, coarse parts and annotated points, in the picture's pixels.

Tolerant of what the files hold: people without `dp_*`, `dp_masks` as one mask in place of fourteen, repeated annotation
ids, crowds. Source of the layout: densepose_spec §1 (COCO with DensePose's fields).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from pycocotools import mask as coco_mask

from densesynth.arrays import Array, UInt8
from densesynth.data.coco import GRID
from densesynth.data.files import read_bytes
from densesynth.data.samples import PointLabels, Sample
from densesynth.errors import DatasetError

PERSON = 1
POINTS = ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V")


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int


class _Annotation(msgspec.Struct):
    image_id: int
    bbox: tuple[float, float, float, float]
    category_id: int = PERSON
    iscrowd: int = 0
    segmentation: Any = None
    dp_masks: Any = None
    dp_x: list[float] | None = None
    dp_y: list[float] | None = None
    dp_I: list[float] | None = None  # noqa: N815 - the file's names
    dp_U: list[float] | None = None  # noqa: N815
    dp_V: list[float] | None = None  # noqa: N815


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


@dataclass(frozen=True, kw_only=True, eq=False)
class DensePoseCoco:
    """Pictures with their people; made by `open_densepose_coco`."""

    source: Path
    folder: Path
    images: tuple[_Image, ...]
    people: dict[int, list[_Annotation]]

    def __len__(self) -> int:
        return len(self.images)

    def sample(self, number: int) -> Sample:
        """Picture `number` of the file's order. Raises DatasetError when it is missing or damaged."""
        image = self.images[number]
        path = self.folder / image.file_name
        content = np.frombuffer(read_bytes(path), np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
        if picture is None:
            raise DatasetError(f"{path}: no picture, or damaged")
        if picture.shape[:2] != (image.height, image.width):
            raise DatasetError(
                f"{path}: {picture.shape[1]}×{picture.shape[0]} pixels; {self.source} says {image.width}×{image.height}"
            )
        return self._label(image, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))

    def _label(self, image: _Image, picture: UInt8[Array, "h w 3"]) -> Sample:
        shape = (image.height, image.width)
        instance, coarse = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        boxes, known = [], []
        columns: list[tuple[Array, ...]] = []
        for number, person in enumerate(self.people[image.id][:255], start=1):
            x, y, w, h = person.bbox
            boxes.append((x, y, x + w, y + h))
            where = f"{self.source}: a person of image {image.id}"
            mask = _decode_segmentation(person.segmentation, shape, where)
            instance[mask] = number
            parts = _decode_parts(person.dp_masks, where)
            known.append(parts is not None)
            if parts is not None:
                rows, cols, values = _lay(parts, person.bbox, shape)
                here = coarse[rows, cols]
                here[values > 0] = values[values > 0]
                coarse[rows, cols] = here
                owner = instance[rows, cols]
                owner[values > 0] = number
                instance[rows, cols] = owner
            if person.dp_x:
                columns.append(_read_points(person, number, where))
        points = [np.concatenate(column) for column in zip(*columns, strict=True)] if columns else None
        return Sample(
            name=image.file_name,
            picture=picture,
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            instance=instance,
            coarse=coarse if any(known) else None,
            has_coarse=tuple(known),
            points=None
            if points is None
            else PointLabels(person=points[0], x=points[1], y=points[2], part=points[3], u=points[4], v=points[5]),
            charts="densepose",
        )


def open_densepose_coco(annotations: Path, folder: Path, *, dense_only: bool = True) -> DensePoseCoco:
    """Open an annotation file and its pictures' folder. dense_only: leave pictures out where nobody has dense labels.

    Raises DatasetError when the file is missing, damaged, or no picture is left.
    """
    try:
        file = msgspec.json.decode(read_bytes(annotations), type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{annotations}: not COCO annotations with DensePose's fields ({error})") from None
    people: dict[int, list[_Annotation]] = defaultdict(list)
    for person in file.annotations:
        if person.category_id == PERSON and not person.iscrowd and min(person.bbox[2:]) >= 1.0:
            people[person.image_id].append(person)
    wanted = [
        image
        for image in file.images
        if people[image.id] and (not dense_only or any(person.dp_x for person in people[image.id]))
    ]
    if not wanted:
        kind = "with dense labels (dp_x …)" if dense_only else "with people"
        raise DatasetError(f"{annotations}: no picture {kind} in it; take a densepose_*.json of DensePose-COCO")
    return DensePoseCoco(source=annotations, folder=folder, images=tuple(wanted), people=dict(people))


def _read_points(person: _Annotation, number: int, where: str) -> tuple[Array, ...]:
    values = [np.asarray(getattr(person, name) or [], np.float32) for name in POINTS]
    if len({len(column) for column in values}) != 1:
        raise DatasetError(f"{where}: its dp_x, dp_y, dp_I, dp_U, dp_V have different lengths")
    dp_x, dp_y, part, u, v = values
    if not ((part >= 1) & (part <= 24)).all():
        raise DatasetError(f"{where}: dp_I outside 1..24")
    x0, y0, w, h = person.bbox
    return (
        np.full(len(dp_x), number, np.int64),
        np.float32(x0) + dp_x * np.float32(w / GRID),
        np.float32(y0) + dp_y * np.float32(h / GRID),
        part.astype(np.uint8),
        np.clip(u, 0.0, 1.0),
        np.clip(v, 0.0, 1.0),
    )


def _decode_segmentation(segmentation: Any, shape: tuple[int, int], where: str) -> Array:
    """Polygons, runs or compressed runs → mask."""
    if not segmentation:
        return np.zeros(shape, bool)
    try:
        if isinstance(segmentation, list):
            runs = coco_mask.merge(coco_mask.frPyObjects(segmentation, *shape))
        elif isinstance(segmentation["counts"], list):
            runs = coco_mask.frPyObjects(segmentation, *shape)
        else:
            runs = {**segmentation, "counts": segmentation["counts"].encode("ascii")}
        mask = np.asarray(coco_mask.decode(runs), bool)
    except Exception as error:  # pycocotools raises whatever odd polygons lead it to
        raise DatasetError(f"{where}: its segmentation can't be read ({error})") from None
    if mask.shape != shape:
        raise DatasetError(f"{where}: its segmentation is for {mask.shape[1]}×{mask.shape[0]} pixels")
    return mask


def _decode_parts(masks: Any, where: str) -> UInt8[Array, "256 256"] | None:
    """DensePose's 14 masks → the box frame's parts, later ones over earlier; None without them or with one for all."""
    if not isinstance(masks, list) or not any(masks):
        return None
    coarse = np.zeros((GRID, GRID), np.uint8)
    for part, runs in enumerate(masks, start=1):
        if runs:
            mask = coco_mask.decode({"size": runs["size"], "counts": runs["counts"].encode("ascii")})
            if mask.shape != coarse.shape or part > 14:
                raise DatasetError(f"{where}: dp_masks are expected to be 14 masks of {GRID}×{GRID}")
            coarse[mask.astype(bool)] = part
    return coarse


def _lay(parts: Array, bbox: tuple[float, float, float, float], shape: tuple[int, int]) -> tuple[slice, slice, Array]:
    """The box frame's parts at the picture's pixels: rows, columns, and what each pixel's centre lies on."""
    x, y, w, h = bbox
    rows = np.arange(max(int(np.floor(y)), 0), min(int(np.ceil(y + h)), shape[0]))
    columns = np.arange(max(int(np.floor(x)), 0), min(int(np.ceil(x + w)), shape[1]))
    down, across = (rows + 0.5 - y) * GRID / h, (columns + 0.5 - x) * GRID / w
    inside = ((down >= 0) & (down < GRID))[:, None] & ((across >= 0) & (across < GRID))[None]
    cell_y, cell_x = (np.clip(value.astype(np.int64), 0, GRID - 1) for value in (down, across))
    values = np.where(inside, parts[cell_y[:, None], cell_x[None]], 0).astype(np.uint8)
    if not values.size:
        return slice(0, 0), slice(0, 0), values
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1), values
