"""Every detection against every person of its picture, once for all modes: GPS, box IoU, mask IoU.

`Rules` says which of detectron2's conventions hold. Its reference mode follows `DensePoseCocoEval` in everything that
numbers depend on; strict mode is what its documentation and the training code say. docs/evaluation.md explains each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from densesynth.arrays import Array, Float64, UInt8
from densesynth.data.coco import GRID
from densesynth.data.results import Detection
from densesynth.evaluation.chart_mesh import ChartMesh
from densesynth.evaluation.gps import mean_similarity
from densesynth.evaluation.masks import mask_iou, window_of_detection, window_of_person
from densesynth.evaluation.truth import Box, Points, TrueImage, TruePerson, Truth
from densesynth.surface.geodesic import Distances

MAX_DETECTIONS = 20  # a picture (detectron2 `setUvParams`)
IGNORED_BOX_SHARE, IGNORED_MASK_SHARE = 0.7, 0.9  # of a person's box, of a detection's mask (PoseTrack's regions)
_BLOCK = 2_000_000  # points measured at once: some 100 MB


@dataclass(frozen=True, kw_only=True)
class Rules:
    """strict: without the reference's quirks. max_detections: a picture."""

    strict: bool = False
    max_detections: int = MAX_DETECTIONS


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePairs:
    """One picture. people, detections: in the matrices' order, detections by falling score. gps: 0 for people without
    dense labels; box_iou, mask_iou: over the detection alone where the person is a crowd."""

    image_id: int
    people: tuple[TruePerson, ...]
    detections: tuple[Detection, ...]
    gps: Float64[Array, "d g"]
    box_iou: Float64[Array, "d g"]
    mask_iou: Float64[Array, "d g"]


def measure_pairs(
    truth: Truth,
    detections: Iterable[Detection],
    mesh: ChartMesh,
    distances: Distances,
    rules: Rules = Rules(),
    masks: bool = True,
    advance: Callable[[int, int], None] | None = None,
) -> list[ImagePairs]:
    """Measure every picture that has people or detections, by rising image id.

    masks: whether mask IoU is wanted (0 otherwise). advance: is told (pictures done, pictures in all).
    """
    by_image: dict[int, list[Detection]] = {}
    for found in detections:
        by_image.setdefault(found.image_id, []).append(found)
    people_of = truth.people if rules.strict else people_as_coco_loads_them(truth)
    measured: list[ImagePairs] = []
    waiting: list[_Waiting] = []
    points = 0
    ids = [image_id for image_id in truth.images if people_of[image_id] or image_id in by_image]
    for done, image_id in enumerate(ids, start=1):
        one = _gather(truth.images[image_id], people_of[image_id], by_image.get(image_id, []), rules, masks)
        waiting.append(one)
        points += sum(iuv.shape[1] for iuv in one.predicted)
        if points > _BLOCK:
            measured += _measure(waiting, mesh, distances)
            waiting, points = [], 0
        if advance is not None:
            advance(done, len(ids))
    return measured + _measure(waiting, mesh, distances)


def people_as_coco_loads_them(truth: Truth) -> dict[int, tuple[TruePerson, ...]]:
    """pycocotools keeps the last of the annotations that share an id and answers it for each of them (DensePose's
    minival file has such): a picture may lose a person, and another count theirs twice."""
    last = {person.id: person for person in truth.annotations}
    loaded: dict[int, list[TruePerson]] = {image_id: [] for image_id in truth.images}
    for people in truth.people.values():
        for person in people:
            loaded[last[person.id].image_id].append(last[person.id])
    return {image_id: tuple(people) for image_id, people in loaded.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    """A picture whose points are read but not measured. pair: (detection, person) of each entry of predicted (packed
    I, U, V of its points) and of true (an index into true_points)."""

    image_id: int
    people: tuple[TruePerson, ...]
    detections: tuple[Detection, ...]
    box_iou: Float64[Array, "d g"]
    mask_iou: Float64[Array, "d g"]
    pair: list[tuple[int, int]]
    predicted: list[Array]
    true: list[int]
    true_points: list[Points]


def _gather(
    image: TrueImage,
    people: tuple[TruePerson, ...],
    found: list[Detection],
    rules: Rules,
    masks: bool,
) -> _Waiting:
    if people and image.ignore:
        people, found = _leave_out_ignored(image, people, found)
    order = np.argsort([-one.score for one in found], kind="stable")[: rules.max_detections]
    kept = tuple(found[k] for k in order)
    pair: list[tuple[int, int]] = []
    predicted: list[Array] = []
    true: list[int] = []
    true_points: list[Points] = []
    for g, person in enumerate(people):
        known = None if person.points is None else points_with_parts(person.points)
        if known is None or not len(known.part):
            continue
        for d, detection in enumerate(kept):
            iuv = read_points(known, person.bbox, detection, rules.strict)
            if iuv is not None:
                pair.append((d, g))
                predicted.append(iuv)
                true.append(len(true_points))
        true_points.append(known)
    return _Waiting(
        image_id=image.id,
        people=people,
        detections=kept,
        box_iou=box_ious(kept, people),
        mask_iou=_mask_ious(image, kept, people) if masks else np.zeros((len(kept), len(people))),
        pair=pair,
        predicted=predicted,
        true=true,
        true_points=true_points,
    )


def points_with_parts(points: Points) -> Points:
    """Without the points whose part is none of 1..24: the reference leaves those out of the mean."""
    known = np.isin(points.part, np.arange(1, 25))
    return points if known.all() else Points(**{name: values[known] for name, values in vars(points).items()})


def read_points(points: Points, bbox: Box, found: Detection, strict: bool) -> UInt8[Array, "3 k"] | None:
    """What a detection says at a person's points: packed I, U, V, with I = 0 outside its box; None if all are outside.

    The reference takes dp coordinates over 255, though the annotation tool's and the training code's unit is 1/256, and
    truncates towards zero, so that a point up to a pixel outside on the left or above is inside. Strict mode takes 256,
    floors, and scales by the box's exact size.
    """
    x0, y0, w0, h0 = bbox
    x1, y1, w1, h1 = found.bbox
    if strict:
        rows, columns = found.iuv.shape[1:]
        px = np.floor((x0 + points.x * (w0 / GRID) - x1) * (columns / max(w1, 1e-9))).astype(np.int64)
        py = np.floor((y0 + points.y * (h0 / GRID) - y1) * (rows / max(h1, 1e-9))).astype(np.int64)
    else:
        columns, rows = int(w1), int(h1)
        px = (points.x * w0 / 255.0 + x0 - x1).astype(np.int64)
        py = (points.y * h0 / 255.0 + y0 - y1).astype(np.int64)
    inside = (px >= 0) & (py >= 0) & (px < columns) & (py < rows)
    if not inside.any():
        return None
    iuv = np.zeros((3, len(px)), np.uint8)
    iuv[:, inside] = found.iuv[:, py[inside], px[inside]]
    return iuv


def _measure(waiting: list[_Waiting], mesh: ChartMesh, distances: Distances) -> list[ImagePairs]:
    """GPS of the pictures' pairs, all at once."""
    truths = [points for one in waiting for points in one.true_points]
    sizes = np.array([len(points.part) for points in truths], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)])
    part = _joined([points.part for points in truths]).astype(np.uint8)
    u, v = _joined([points.u for points in truths]), _joined([points.v for points in truths])
    true_vertex = mesh.nearest(part, u, v)
    offset, persons = 0, []
    for one in waiting:
        persons += [offset + k for k in one.true]
        offset += len(one.true_points)
    count = sizes[persons] if persons else np.zeros(0, np.int64)
    # Each pair's points in a row: the place of its person's first point, and 0, 1, … from there.
    starts = np.concatenate([[0], np.cumsum(count)])[:-1]
    place = (
        np.arange(int(count.sum())) - np.repeat(starts, count) + np.repeat(first[persons] if persons else starts, count)
    )
    packed = [iuv for one in waiting for iuv in one.predicted]
    vertex = mesh.nearest_packed(np.concatenate(packed, axis=1)) if packed else np.zeros(0, np.int64)
    hit = np.flatnonzero(vertex >= 0)
    distance = np.full(len(vertex), np.inf)
    distance[hit] = distances.between(true_vertex[place[hit]], vertex[hit])
    similarity = mean_similarity(distance, part[place], count)
    result, at = [], 0
    for one in waiting:
        gps = np.zeros((len(one.detections), len(one.people)))
        for d, g in one.pair:
            gps[d, g] = similarity[at]
            at += 1
        result.append(
            ImagePairs(
                image_id=one.image_id,
                people=one.people,
                detections=one.detections,
                gps=gps,
                box_iou=one.box_iou,
                mask_iou=one.mask_iou,
            )
        )
    return result


def _joined(arrays: list[Array]) -> Float64[Array, "n"]:
    return np.concatenate(arrays) if arrays else np.zeros(0)


def box_ious(detections: tuple[Detection, ...], people: tuple[TruePerson, ...]) -> Float64[Array, "d g"]:
    """COCO's box IoU; over the detection's area alone where the person is a crowd."""
    if not detections or not people:
        return np.zeros((len(detections), len(people)))
    mine = np.array([one.bbox for one in detections], dtype=np.float64)
    theirs = np.array([person.bbox for person in people], dtype=np.float64)
    return np.asarray(coco_mask.iou(mine, theirs, [int(person.crowd) for person in people]))


def _mask_ious(
    image: TrueImage, detections: tuple[Detection, ...], people: tuple[TruePerson, ...]
) -> Float64[Array, "d g"]:
    result = np.zeros((len(detections), len(people)))
    if not detections or not people:
        return result
    mine = [window_of_detection(one, image.width, image.height) for one in detections]
    for g, person in enumerate(people):
        theirs = window_of_person(person, image.width, image.height, f"annotation {person.id}")
        result[:, g] = [mask_iou(window, theirs, person.crowd) for window in mine]
    return result


def _leave_out_ignored(
    image: TrueImage, people: tuple[TruePerson, ...], found: list[Detection]
) -> tuple[tuple[TruePerson, ...], list[Detection]]:
    """Without what PoseTrack's ignored regions cover: 0.7 of a person's box, 0.9 of a detection's mask."""
    polygons = [list(region) for region in image.ignore]
    region = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, image.height, image.width)))

    def covered(bbox: Box) -> Array | None:
        """The region's share of the box; None for a box of no whole pixel."""
        x, y, w, h = (int(value) for value in bbox)
        return None if w * h == 0 else region[y : min(y + h, region.shape[0]), x : min(x + w, region.shape[1])]

    def keep_person(person: TruePerson) -> bool:
        share = covered(person.bbox)
        if share is None:
            return False
        return not share.any() or int(share.sum()) / int(person.bbox[2]) / int(person.bbox[3]) < IGNORED_BOX_SHARE

    def keep_detection(one: Detection) -> bool:
        share = covered(one.bbox)
        if share is None:
            return False
        mask = one.iuv[0] > 0
        if share.shape != mask.shape:  # cut at the picture's edge: the reference compares nothing, and keeps it
            return True
        area = int(mask.sum())
        return area == 0 or int(np.count_nonzero(mask & (share > 0))) / area < IGNORED_MASK_SHARE

    return tuple(filter(keep_person, people)), list(filter(keep_detection, found))
