"""Dumps of detectron2's `apply_net dump`, read as data.

A dump is a list of `{file_name, scores, pred_boxes_XYXY, pred_densepose}`, one for each picture; `pred_densepose` holds
a result object for each box: labels (h, w) and uv (2, h, w) as of 2020, the quantised or compressed form of them, or
(before) one object with a PNG for each box. Source: DensePose's `apply_net` and `structures` of those years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.data.results import Box, Detection, Size, decode_iuv, make_detection, warn_of_outsiders
from densesynth.errors import AssetError
from densesynth.pickle_names import Pending
from densesynth.torch_file import read_torch_file

_RESULT_CLASSES = (
    "densepose.structures.chart_result.DensePoseChartResult",
    "densepose.structures.chart_result.DensePoseChartResultWithConfidences",
    "densepose.structures.chart_result.DensePoseChartResultQuantized",
    "densepose.structures.chart_result.DensePoseChartResultCompressed",
    "densepose.structures.DensePoseResult",
)


def _attributes(*_: Any) -> Pending:
    """An object as the dictionary of its attributes."""

    def build(state: Any) -> dict[str, Any]:
        if not isinstance(state, dict):
            raise TypeError("an object whose state is no dictionary")
        return dict(state)

    return Pending(build)


_NAMES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_RESULT_CLASSES, _attributes),
    "torch.Size": lambda sizes=(): tuple(sizes),
    "torch.device": lambda *_: None,
}


def read_dump(
    path: Path, ids: Mapping[str, int], images: Mapping[int, Size]
) -> tuple[tuple[Detection, ...], tuple[Box, ...]]:
    """Detections of a dump, in its order, and the same as boxes.

    ids: picture's file name (without folders) → image id; images: id → width, height. A dump without dense labels (of
    a model without that head) gives boxes only. Raises AssetError, one line, for a damaged file, one that names any
    class other than the results', pictures that aren't annotated, and results that contradict their boxes.
    """
    value = read_torch_file(path, _NAMES, "an `apply_net dump` of chart results")
    if not isinstance(value, list) or not all(isinstance(entry, dict) and "file_name" in entry for entry in value):
        raise AssetError(f"{path}: no list of pictures with file_name; expected the output of `apply_net dump`")
    detections: list[Detection] = []
    boxes: list[Box] = []
    for number, entry in enumerate(value):
        where = f"{path}: picture {number} ({entry['file_name']})"
        name = str(entry["file_name"]).replace("\\", "/").rpartition("/")[2]
        if name not in ids:
            raise AssetError(f"{where}: the annotations have no picture of that name; expected dumps of their pictures")
        corners, scores = _boxes_of(entry, where)
        found = [
            Box(image_id=ids[name], bbox=_to_xywh(corner), score=float(score))
            for corner, score in zip(corners, scores, strict=True)
        ]
        boxes += found
        maps = _maps_of(entry.get("pred_densepose"), where)
        if maps is None:
            continue
        if len(maps) != len(found):
            raise AssetError(f"{where}: {len(maps)} dense results for {len(found)} boxes")
        for k, (box, iuv) in enumerate(zip(found, maps, strict=True)):
            detections.append(make_detection(box.image_id, box.bbox, box.score, iuv, f"{where}, detection {k}"))
    warn_of_outsiders(path, [(box.image_id, box.bbox) for box in boxes], images)
    return tuple(detections), tuple(boxes)


def _to_xywh(corners: Array) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 → x, y, w, h, in the file's own precision as detectron2 subtracts them."""
    x0, y0, x1, y1 = corners
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def _boxes_of(entry: dict[Any, Any], where: str) -> tuple[Array, Array]:
    corners, scores = entry.get("pred_boxes_XYXY"), entry.get("scores")
    if not isinstance(corners, np.ndarray) or not isinstance(scores, np.ndarray):
        raise AssetError(f"{where}: no pred_boxes_XYXY or scores; expected the output of `apply_net dump`")
    if corners.ndim != 2 or corners.shape[1] != 4 or scores.shape != (len(corners),):
        raise AssetError(f"{where}: boxes {corners.shape} with scores {scores.shape}; expected (n, 4) and (n,)")
    return corners, scores


def _maps_of(results: Any, where: str) -> list[UInt8[Array, "3 h w"]] | None:
    """The IUV of each box; None where the dump has no dense results."""
    if results is None:
        return None
    if isinstance(results, dict) and isinstance(results.get("results"), list):  # before 2020: (shape, PNG) for each box
        return [_decode(shape, text, where) for shape, text in results["results"]]
    if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
        raise AssetError(f"{where}: dense results of a kind that isn't known; expected chart results (I, U, V)")
    return [_map_of(result, f"{where}, result {k}") for k, result in enumerate(results)]


def _map_of(result: dict[str, Any], where: str) -> UInt8[Array, "3 h w"]:
    if "labels_uv_str" in result:
        return _decode(result.get("shape_chw"), result["labels_uv_str"], where)
    quantised, labels, uv = (result.get(key) for key in ("labels_uv_uint8", "labels", "uv"))
    if isinstance(quantised, np.ndarray) and quantised.dtype == np.uint8 and quantised.shape[:1] == (3,):
        return quantised
    if not isinstance(labels, np.ndarray) or not isinstance(uv, np.ndarray) or uv.shape != (2, *labels.shape):
        raise AssetError(f"{where}: no labels (h, w) with uv (2, h, w)")
    return quantise(labels, uv)


def quantise(labels: Array, uv: Array) -> UInt8[Array, "3 h w"]:
    """Parts (h, w) and coordinates (2, h, w) → I, U·255, V·255 as DensePose packs them: clamped, then truncated."""
    packed = np.empty((3, *labels.shape), np.uint8)
    packed[0] = labels
    packed[1:] = np.clip(np.nan_to_num(uv) * uv.dtype.type(255.0), 0.0, 255.0).astype(np.uint8)
    return packed


def _decode(shape: Any, text: Any, where: str) -> UInt8[Array, "3 h w"]:
    if not isinstance(text, str) or not isinstance(shape, tuple | list) or len(shape) != 3:
        raise AssetError(f"{where}: a compressed result without its shape")
    return decode_iuv(text, tuple(shape), where)
