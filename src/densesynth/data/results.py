"""Detections as the field exchanges them: the COCO DensePose challenge's results JSON, and plain boxes.

Sources: the challenge's format (`image_id`, `category_id`, `score`, `bbox`, `uv_shape`, `uv_data`: base64 of an RGB PNG
with R = I, G = U·255, B = V·255), COCO's results format for boxes. Dumps of detectron2's `apply_net` are in
`data.dump`.
"""

from __future__ import annotations

import base64
import binascii
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.data.coco import PERSON
from densesynth.data.files import encode_png, write_bytes
from densesynth.errors import AssetError

Size = tuple[int, int]  # width, height

BOX_TOLERANCE = 1.0  # px between a box's length and its IUV's: the format writes boxes rounded or truncated


@dataclass(frozen=True, kw_only=True, eq=False)
class Detection:
    """One detected person.

    bbox: x, y, w, h in pixels of the picture (continuous, COCO). score: higher is surer. iuv: I (0..24), U·255, V·255
    of each pixel of the box, whose whole-pixel place and size are `place_of(bbox)`: where DensePose puts it.
    """

    image_id: int
    bbox: tuple[float, float, float, float]
    score: float
    iuv: UInt8[Array, "3 h w"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box without dense labels: x, y, w, h in pixels."""

    image_id: int
    bbox: tuple[float, float, float, float]
    score: float


def place_of(bbox: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """Whole-pixel x, y, w, h of a box as DensePose resamples and pastes it: truncated towards zero, w and h ≥ 1."""
    x, y, w, h = bbox
    return int(x), int(y), max(int(w), 1), max(int(h), 1)


class _Entry(msgspec.Struct):
    image_id: int
    bbox: tuple[float, float, float, float]
    score: float
    category_id: int = PERSON
    uv_shape: tuple[int, int, int] | None = None
    uv_data: str | None = None


def write_results(path: Path, detections: Iterable[Detection]) -> None:
    """Write detections as the challenge's results JSON, atomically. Raises DatasetError."""
    entries = [
        {
            "image_id": found.image_id,
            "category_id": PERSON,
            "bbox": [float(value) for value in found.bbox],
            "score": float(found.score),
            "uv_shape": list(found.iuv.shape),
            "uv_data": encode_iuv(found.iuv),
        }
        for found in detections
    ]
    write_bytes(path, msgspec.json.encode(entries))


def read_results(path: Path, images: Mapping[int, Size]) -> tuple[Detection, ...]:
    """Detections of people in `images` (id → width, height), in the file's order; other categories are left out.

    Raises AssetError, one line, for a damaged file, results of other images, entries without IUV, and IUV whose size
    contradicts its box. Boxes wholly outside their pictures are kept (they count as any other) with one warning.
    """
    entries = _read_entries(path)
    _check_images(path, entries, images)
    detections = []
    for number, entry in enumerate(entries):
        if entry.category_id != PERSON:
            continue
        where = f"{path}: result {number} (image {entry.image_id})"
        if entry.uv_data is None or entry.uv_shape is None:
            raise AssetError(
                f"{where}: no uv_data or uv_shape; expected the COCO DensePose challenge's results, and this file "
                "holds boxes only (those go to --boxes)"
            )
        iuv = decode_iuv(entry.uv_data, entry.uv_shape, where)
        detections.append(make_detection(entry.image_id, entry.bbox, entry.score, iuv, where))
    warn_of_outsiders(path, [(found.image_id, found.bbox) for found in detections], images)
    return tuple(detections)


def read_boxes(path: Path, images: Mapping[int, Size]) -> tuple[Box, ...]:
    """Boxes of people from any COCO results JSON, IUV or not. Raises AssetError as `read_results` does."""
    entries = _read_entries(path)
    _check_images(path, entries, images)
    boxes = [
        Box(image_id=entry.image_id, bbox=entry.bbox, score=entry.score)
        for entry in entries
        if entry.category_id == PERSON
    ]
    for number, box in enumerate(boxes):
        check_numbers(box.bbox, box.score, f"{path}: box {number} (image {box.image_id})")
    warn_of_outsiders(path, [(box.image_id, box.bbox) for box in boxes], images)
    return tuple(boxes)


def make_detection(
    image_id: int, bbox: tuple[float, float, float, float], score: float, iuv: Array, where: str
) -> Detection:
    """A detection whose parts agree; `where` names it in errors. Raises AssetError.

    A box a pixel larger or smaller than its IUV is taken at the IUV's size (files round boxes); the evaluator reads
    whole pixels.
    """
    check_numbers(bbox, score, where)
    x, y, w, h = bbox
    rows, columns = iuv.shape[1:]
    place = place_of(bbox)
    if (columns, rows) != place[2:]:
        if abs(w - columns) > BOX_TOLERANCE or abs(h - rows) > BOX_TOLERANCE:
            raise AssetError(
                f"{where}: IUV of {columns}×{rows} pixels in a box of {w:.1f}×{h:.1f}; expected "
                f"{place[2]}×{place[3]} (the box's size, fractions cut off)"
            )
        bbox = (x, y, float(columns), float(rows))
    if iuv[0].max(initial=0) > 24:
        raise AssetError(f"{where}: part {int(iuv[0].max())} in its IUV; expected 0..24 in the first (red) channel")
    return Detection(image_id=image_id, bbox=bbox, score=float(score), iuv=np.ascontiguousarray(iuv))


def check_numbers(bbox: tuple[float, float, float, float], score: float, where: str) -> None:
    if not all(math.isfinite(value) for value in (*bbox, score)) or bbox[2] < 0 or bbox[3] < 0:
        raise AssetError(f"{where}: box {bbox} with score {score}; expected finite x, y, w, h with w, h ≥ 0")


def warn_of_outsiders(
    path: Path, boxes: list[tuple[int, tuple[float, float, float, float]]], images: Mapping[int, Size]
) -> None:
    """One warning that counts the boxes with no pixel in their picture."""
    outside = 0
    for image_id, (x, y, w, h) in boxes:
        width, height = images[image_id]
        outside += x >= width or y >= height or x + w <= 0 or y + h <= 0
    if outside:
        warnings.warn(
            f"{path}: {outside} of {len(boxes)} boxes lie outside their pictures; they count as detections that match "
            "nobody",
            stacklevel=2,
        )


def encode_iuv(iuv: UInt8[Array, "3 h w"]) -> str:
    """(I, U, V) → base64 of an RGB PNG, in lines of 76 characters."""
    png = encode_png(np.ascontiguousarray(np.moveaxis(iuv, 0, -1)))
    return base64.encodebytes(png).decode("ascii")


def decode_iuv(text: str, shape: tuple[int, ...], where: str) -> UInt8[Array, "3 h w"]:
    """Inverse of `encode_iuv`. Raises AssetError when text, picture and shape don't agree."""
    try:
        content = binascii.a2b_base64(text)
    except (binascii.Error, ValueError) as error:
        raise AssetError(f"{where}: its IUV is no base64 ({error})") from None
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise AssetError(f"{where}: its IUV is no RGB PNG of 8 bits, or damaged; expected R = I, G = U, B = V")
    iuv = np.moveaxis(picture[:, :, ::-1], -1, 0)
    if iuv.shape != tuple(shape):
        raise AssetError(f"{where}: its IUV picture is {iuv.shape}, and its shape says {tuple(shape)}")
    return iuv


def _read_entries(path: Path) -> list[_Entry]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Entry])
    except FileNotFoundError:
        raise AssetError(f"{path}: there is no such results file") from None
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    except msgspec.ValidationError as error:
        raise AssetError(
            f"{path}: {error}; expected a list of results, each with image_id, bbox, score, and uv_shape with uv_data"
        ) from None
    except msgspec.DecodeError as error:
        raise AssetError(f"{path}: not valid JSON, or cut off ({error})") from None


def _check_images(path: Path, entries: list[_Entry], images: Mapping[int, Size]) -> None:
    strangers = sorted({entry.image_id for entry in entries} - images.keys())
    if strangers:
        raise AssetError(
            f"{path}: results for {len(strangers)} images that the annotations don't have (such as image "
            f"{strangers[0]}); expected results for the annotated images"
        )
