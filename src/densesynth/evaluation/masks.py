"""Masks of people in their boxes, and how much they overlap.

A mask is kept as the window of the picture it lies in. Rules are those of detectron2's `DensePoseCocoEval`: the dense
masks' union is stretched to the box by linear interpolation as `scipy.ndimage.zoom` does it, and pasted at the box's
whole-pixel corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from densesynth.arrays import Array, Bool, UInt8
from densesynth.data.coco import GRID
from densesynth.data.results import Detection
from densesynth.errors import DatasetError
from densesynth.evaluation.truth import Box, TruePerson


@dataclass(frozen=True, eq=False)
class Window:
    """The part of a picture-sized mask that may be set. x, y: of its top-left pixel, in the picture."""

    x: int
    y: int
    mask: Bool[Array, "h w"]
    area: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x, self.y, self.x + self.mask.shape[1], self.y + self.mask.shape[0]


def mask_iou(one: Window, other: Window, crowd: bool = False) -> float:
    """Intersection over union; over `one` alone when `other` is a crowd, as COCO does."""
    x0, y0 = max(one.x, other.x), max(one.y, other.y)
    x1, y1 = min(one.box[2], other.box[2]), min(one.box[3], other.box[3])
    if x1 <= x0 or y1 <= y0:
        return 0.0
    mine = one.mask[y0 - one.y : y1 - one.y, x0 - one.x : x1 - one.x]
    theirs = other.mask[y0 - other.y : y1 - other.y, x0 - other.x : x1 - other.x]
    shared = int(np.count_nonzero(mine & theirs))
    union = one.area if crowd else one.area + other.area - shared
    return shared / union if union else 0.0


def window_of_detection(found: Detection, width: int, height: int) -> Window:
    """Where the detection's part is not background."""
    return paste(found.iuv[0] > 0, found.bbox, width, height)


def window_of_person(person: TruePerson, width: int, height: int, where: str) -> Window:
    """The dense masks' union; without them COCO's segmentation; without that nothing. Raises DatasetError."""
    if person.masks is not None:
        _, _, w, h = person.bbox
        return paste(stretch(union_of_parts(person.masks, where), max(w, 1.0), max(h, 1.0)), person.bbox, width, height)
    return _window_of_segmentation(person.segmentation, width, height, where)


def window_of_outline(person: TruePerson, width: int, height: int, where: str) -> Window:
    """COCO's segmentation, its outline finer than the dense masks'; without it their union. Raises DatasetError."""
    if person.segmentation:
        return _window_of_segmentation(person.segmentation, width, height, where)
    return window_of_person(person, width, height, where)


def _window_of_segmentation(segmentation: Any, width: int, height: int, where: str) -> Window:
    if not segmentation:
        return Window(0, 0, np.zeros((0, 0), np.bool_), 0)
    try:
        whole = coco_mask.decode(rle_of(segmentation, width, height))
    except (TypeError, ValueError, KeyError) as error:
        raise DatasetError(f"{where}: its segmentation is no COCO polygon or RLE ({error})") from None
    if whole.shape != (height, width):
        raise DatasetError(f"{where}: a mask of {whole.shape[1]}×{whole.shape[0]} in a picture of {width}×{height}")
    return crop(whole > 0)


def rle_of(segmentation: Any, width: int, height: int) -> Any:
    """COCO's polygons, or RLE in either form, as a compressed RLE."""
    if isinstance(segmentation, list):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    if isinstance(segmentation["counts"], list):
        return coco_mask.frPyObjects(segmentation, height, width)
    return segmentation


def crop(mask: Bool[Array, "h w"]) -> Window:
    """A picture-sized mask as its window."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Window(0, 0, np.zeros((0, 0), np.bool_), 0)
    window = np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return Window(int(columns[0]), int(rows[0]), window, int(np.count_nonzero(window)))


def paste(mask: Bool[Array, "h w"], bbox: Box, width: int, height: int) -> Window:
    """A box's mask in the picture: at the box's corner truncated to whole pixels, cut at the picture's edge and at the
    box's far corner."""
    x, y, w, h = bbox
    left, top = int(x), int(y)
    x0, y0 = max(left, 0), max(top, 0)
    x1 = max(min(int(x + w), width, left + mask.shape[1]), x0)
    y1 = max(min(int(y + h), height, top + mask.shape[0]), y0)
    inside = mask[y0 - top : y1 - top, x0 - left : x1 - left]
    return Window(x0, y0, inside, int(np.count_nonzero(inside)))


def union_of_parts(masks: Any, where: str) -> UInt8[Array, "256 256"]:
    """`dp_masks` → 1 where any part is. One RLE instead of a list (a foreground mask) is taken as it is; detectron2's
    training accepts it, its evaluator fails on it. Raises DatasetError."""
    present = [masks] if isinstance(masks, dict) else [part for part in masks[:14] if part]
    if not present:
        return np.zeros((GRID, GRID), np.uint8)
    try:
        whole = coco_mask.decode(coco_mask.merge(present))
    except (TypeError, ValueError, KeyError) as error:
        raise DatasetError(f"{where}: its dp_masks are no RLEs ({error})") from None
    if whole.shape != (GRID, GRID):
        raise DatasetError(f"{where}: dp_masks of {whole.shape}; expected 256×256")
    return whole


def stretch(mask: UInt8[Array, "256 256"], w: float, h: float) -> Bool[Array, "rows columns"]:
    """`scipy.ndimage.zoom(mask, (h / 256, w / 256), order=1) > 0.5`, bit for bit, for masks of 0 and 1.

    Only pixels between unequal neighbours are interpolated.
    """
    y, wy, rows_out = _samples(mask.shape[0], h)
    x, wx, columns_out = _samples(mask.shape[1], w)
    below, right = np.minimum(y + 1, mask.shape[0] - 1), np.minimum(x + 1, mask.shape[1] - 1)
    corners = mask | (np.roll(mask, -1, axis=1) << 1)
    corners[:, -1] = mask[:, -1] * 3
    corners |= np.concatenate([corners[1:], corners[-1:]]) << 2
    code = corners.take(x, axis=1).take(y, axis=0)
    result = code == 15
    r, c = np.divmod(np.flatnonzero((code - np.uint8(1)) < 14), len(x))  # neither 0, which wraps round, nor 15
    if len(r):
        value = (mask[y[r], x[c]] * (1.0 - wy[r])) * (1.0 - wx[c])
        value = value + (mask[y[r], right[c].astype(np.intp)] * (1.0 - wy[r])) * wx[c]
        value = value + (mask[below[r], x[c]] * wy[r]) * (1.0 - wx[c])
        value = value + (mask[below[r], right[c]] * wy[r]) * wx[c]
        result[r, c] = value > 0.5
    result[rows_out] = False
    result[:, columns_out] = False
    return result


def _samples(count: int, length: float) -> tuple[Array, Array, Array]:
    """Source cell, weight of the next cell, and which samples rounding puts outside (scipy makes them 0)."""
    size = round(count * (length / count))
    step = (count - 1) / (size - 1) if size > 1 else 1.0
    place = np.arange(size) * step
    cell = np.floor(place)
    return cell.astype(np.intp), place - cell, place > count - 1
