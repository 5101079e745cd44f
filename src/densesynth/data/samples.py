"""A picture with everything that may be learnt from it, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from densesynth.arrays import Array, Bool, Float32, Int64, UInt8
from densesynth.data.dataset import Dataset
from densesynth.data.files import read_arrays, read_picture
from densesynth.data.record import IMAGES, RECORDS, SURFACE, FrameRecord, file_of
from densesynth.data.schema import Annotation, Record, read_json
from densesynth.label.charts import complete_barycentrics
from densesynth.surface.atlas import Atlas

Charts = Literal["densesynth", "densepose"]


@dataclass(frozen=True, kw_only=True)
class PointLabels:
    """Annotated points of all people. person: 1-based number. x, y: continuous pixels. part 1..24; u, v: [0, 1]."""

    person: Int64[Array, "k"]
    x: Float32[Array, "k"]
    y: Float32[Array, "k"]
    part: UInt8[Array, "k"]
    u: Float32[Array, "k"]
    v: Float32[Array, "k"]


@dataclass(frozen=True, kw_only=True)
class SurfaceMaps:
    """Every pixel's label. part: 0 background. u, v: [0, 1]. rest: the point's place on the template, metres
    (`Atlas.rest_position`'s frame: the person's left at +x). All 0 on background."""

    part: UInt8[Array, "h w"]
    u: Float32[Array, "h w"]
    v: Float32[Array, "h w"]
    rest: Float32[Array, "h w 3"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture and its p people, numbered from 1.

    name: for messages. boxes: x0, y0, x1, y1. instance: the person of each pixel, 0 nobody. surface: full labels, which
    synthetic pictures have. coarse: 14-part map where people's `has_coarse` is true. points: None where nobody has any.
    charts: whose U, V these are; they decide how a flip maps them. mixed: pixels in a cut-out's soft edge, which show
    both it and what it hides, so that their label says too much; None where there are none.
    """

    name: str
    picture: UInt8[Array, "h w 3"]
    boxes: Float32[Array, "p 4"]
    instance: UInt8[Array, "h w"]
    surface: SurfaceMaps | None = None
    coarse: UInt8[Array, "h w"] | None = None
    has_coarse: tuple[bool, ...] = ()
    points: PointLabels | None = None
    charts: Charts = field(default="densesynth")
    mixed: Bool[Array, "h w"] | None = None


def sample_of_frame(frame: FrameRecord, atlas: Atlas, name: str) -> Sample:
    """A generated frame → a sample, surface points taken to the atlas' charts and its template."""
    return _sample(frame.picture, frame.surface, tuple(frame.annotations), atlas, name)


def read_sample(dataset: Dataset, index: int, atlas: Atlas) -> Sample:
    """Frame `index` of a dataset on disk. Reads three of its five files. Raises DatasetError."""
    folder = dataset.folder
    record = read_json(file_of(folder, RECORDS, index), Record)
    picture = read_picture(file_of(folder, IMAGES, index))
    return _sample(
        picture,
        read_arrays(file_of(folder, SURFACE, index)),
        tuple(record.annotations),
        atlas,
        f"{Path(folder).name}/{index:06d}",
    )


def _sample(
    picture: UInt8[Array, "h w 3"],
    surface: dict[str, Array],
    annotations: tuple[Annotation, ...],
    atlas: Atlas,
    name: str,
) -> Sample:
    instance = surface["instance"]
    shape = instance.shape
    at = np.flatnonzero(instance)
    face = surface["face"].astype(np.int32)
    weights = complete_barycentrics(surface["barycentrics"])
    part, u, v = atlas.encode(face, weights)
    corners = atlas.rest_position[atlas.faces[face]]
    rest = np.einsum("nk,nkc->nc", weights, corners).astype(np.float32)

    def spread(values: Array) -> Array:
        whole = np.zeros((shape[0] * shape[1], *values.shape[1:]), values.dtype)
        whole[at] = values
        return whole.reshape(*shape, *values.shape[1:])

    maps = SurfaceMaps(part=spread(part), u=spread(u), v=spread(v), rest=spread(rest))
    # People without a pixel have no annotation: number those that are left 1, 2, 3 …
    number = np.zeros(256, np.uint8)
    boxes, points = [], []
    for k, annotation in enumerate(annotations, start=1):
        number[annotation.densesynth.instance] = k
        x, y, w, h = annotation.bbox
        boxes.append((x, y, x + w, y + h))
        points.append(_points(annotation, k))
    joined = [np.concatenate(columns) for columns in zip(*points, strict=True)] if points else None
    return Sample(
        name=name,
        picture=picture,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        instance=number[instance],
        surface=maps,
        mixed=_mixed(surface.get("occluder_alpha")),
        points=None
        if joined is None
        else PointLabels(person=joined[0], x=joined[1], y=joined[2], part=joined[3], u=joined[4], v=joined[5]),
    )


def _mixed(alpha: UInt8[Array, "h w"] | None) -> Bool[Array, "h w"] | None:
    return None if alpha is None else (alpha > 0) & (alpha < 255)


def _points(annotation: Annotation, person: int) -> tuple[Array, ...]:
    x0, y0, w, h = annotation.bbox
    columns = {key: np.asarray(getattr(annotation, key), np.float32) for key in ("dp_x", "dp_y", "dp_U", "dp_V")}
    return (
        np.full(len(columns["dp_x"]), person, np.int64),
        (x0 + columns["dp_x"] * w / 256.0).astype(np.float32),
        (y0 + columns["dp_y"] * h / 256.0).astype(np.float32),
        np.asarray(annotation.dp_I, np.uint8),
        columns["dp_U"],
        columns["dp_V"],
    )
