"""How varied a dataset is: histograms of its people, and the same of COCO's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from densesynth.appearance.layout import ROW
from densesynth.arrays import Array, Float32, UInt8
from densesynth.data.dataset import open_dataset
from densesynth.data.files import read_arrays, read_bytes
from densesynth.data.record import RECORDS, SURFACE, camera_of, file_of
from densesynth.data.schema import Annotation, Record, read_json
from densesynth.errors import DatasetError
from densesynth.geometry.camera import Camera
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import JOINT

AT_THE_EDGE = 1.0  # pixels between a box and the frame's edge below which the frame counts as cutting the person


@dataclass(frozen=True)
class Measure:
    """One histogram. key: name in the JSON; edges: of its bins, values beyond them count into the outermost."""

    key: str
    title: str
    unit: str
    edges: tuple[float, ...]


def _even(low: float, high: float, bins: int) -> tuple[float, ...]:
    return tuple(float(edge) for edge in np.linspace(low, high, bins + 1))


HEIGHTS = (0.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0, 320.0, 384.0, 448.0, 512.0, 640.0)
MEASURES = (
    Measure("people", "People in a picture", "people", _even(0.5, 14.5, 14)),
    Measure("height", "Height of the visible person", "pixels", HEIGHTS),
    Measure("height_share", "The same, of the picture's height", "", _even(0.0, 1.0, 20)),
    Measure("area_share", "Area of the visible person, of the picture", "", _even(0.0, 1.0, 20)),
    Measure("edge", "Boxes that touch the frame's edge", "0 no, 1 yes", (-0.5, 0.5, 1.5)),
    Measure("hidden", "Keypoints in the frame that something hides", "share", _even(0.0, 1.0, 10)),
    Measure("occluded", "Share of the person that others and objects hide", "", _even(0.0, 1.0, 20)),
    Measure("truncated", "Share of the body outside the frame", "", _even(0.0, 1.0, 20)),
    Measure("azimuth", "Seen from: 0 the front, 90 their left, ±180 behind", "degrees", _even(-180.0, 180.0, 24)),
    Measure("elevation", "Camera above the pelvis; negative looks up", "degrees", _even(-45.0, 90.0, 27)),
    Measure("skin", "Skin: individual typology angle, light to the right", "degrees", _even(-70.0, 80.0, 30)),
    Measure("roll", "Roll of the camera", "degrees", _even(-180.0, 180.0, 36)),
)  # fmt: skip
OF_FRAMES = {"people", "roll"}

Values = dict[str, list[float]]


def measure_dataset(folder: Path, advance_to: Callable[[int, int], None] | None = None) -> Values:
    """Every measure of a dataset's finished frames, one value a person (or a frame). Raises DatasetError."""
    dataset = open_dataset(folder)
    values = no_values()
    for done, index in enumerate(dataset.indices, start=1):
        record = read_json(file_of(folder, RECORDS, index), Record)
        surface = read_arrays(file_of(folder, SURFACE, index))
        measure_frame(
            values,
            camera_of(surface),
            record.annotations,
            surface["joints_in_world"],
            surface["rotations"],
            surface.get("outfits"),
        )
        if advance_to is not None:
            advance_to(done, len(dataset.indices))
    if not values["people"]:
        raise DatasetError(f"{folder}: there is no finished frame to measure")
    return values


def no_values() -> Values:
    """Every measure, of nobody."""
    return {measure.key: [] for measure in MEASURES}


def measure_frame(
    values: Values,
    camera: Camera,
    annotations: Sequence[Annotation],
    joints: Float32[Array, "p 52 3"],
    rotations: Float32[Array, "p 52 3"],
    outfits: UInt8[Array, "p b"] | None,
) -> None:
    """Adds one frame's people to the values. joints (world, metres), rotations, outfits (rows of bytes): of everybody
    in the scene, as in surface files."""
    values["people"].append(len(annotations))
    across = camera.camera_from_world[:2, 2]  # the world's vertical in the picture's plane
    values["roll"].append(float(np.degrees(np.arctan2(across[0], -across[1]))))
    for annotation in annotations:
        _measure_box(values, annotation.bbox, annotation.area, camera.width, camera.height)
        _measure_keypoints(values, annotation.keypoints)
        values["occluded"].append(annotation.densesynth.occluded)
        values["truncated"].append(annotation.densesynth.truncated)
        k = annotation.densesynth.instance - 1
        pelvis = joints[k, JOINT["pelvis"]].astype(np.float64)
        turn = np.asarray(matrix_from_vector(rotations[k, 0].astype(np.float64)))
        to_eye = turn.T @ (camera.centre_in_world - pelvis)
        values["azimuth"].append(float(np.degrees(np.arctan2(to_eye[0], -to_eye[1]))))
        upward = camera.centre_in_world[2] - pelvis[2]
        values["elevation"].append(float(np.degrees(np.arcsin(upward / np.linalg.norm(to_eye)))))
        if outfits is not None:
            values["skin"].append(typology_angle(outfits[k].view(ROW)[0]["skin"]))


def measure_coco(path: Path) -> Values:
    """The same measures of the people of a COCO annotation file, those that it has. Raises DatasetError."""
    try:
        table = json.loads(read_bytes(path))
        people = {category["id"] for category in table["categories"] if category["name"] == "person"}
        sizes = {image["id"]: (image["width"], image["height"]) for image in table["images"]}
        values = no_values()
        count: dict[int, int] = {}
        for annotation in table["annotations"]:
            if annotation["category_id"] not in people or annotation.get("iscrowd", 0):
                continue
            count[annotation["image_id"]] = count.get(annotation["image_id"], 0) + 1
            _measure_box(values, annotation["bbox"], annotation["area"], *sizes[annotation["image_id"]])
            _measure_keypoints(values, annotation.get("keypoints", []))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: expected COCO annotations with people ({type(error).__name__}: {error})") from None
    values["people"] = [float(number) for number in count.values()]
    if not count:
        raise DatasetError(f"{path}: there is no person in it; give COCO's instances or person_keypoints file")
    return values


def _measure_box(values: Values, box: list[float], area: float, width: int, height: int) -> None:
    x, y, w, h = box
    values["height"].append(h)
    values["height_share"].append(h / height)
    values["area_share"].append(area / (width * height))
    gap = min(x, y, width - x - w, height - y - h)
    values["edge"].append(float(gap < AT_THE_EDGE))


def _measure_keypoints(values: Values, keypoints: list[int | float]) -> None:
    codes = np.asarray(keypoints[2::3])
    if (codes > 0).any():
        values["hidden"].append(float((codes == 1).sum() / (codes > 0).sum()))


def typology_angle(linear: Array) -> float:
    """Linear RGB of skin → individual typology angle, degrees: atan((L* − 50) / b*) of CIELAB, D65 (Chardon 1991)."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    share = to_xyz @ np.asarray(linear, dtype=np.float64) / (0.9505, 1.0, 1.089)
    f = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16.0 / 116.0)
    lightness, yellow = 116.0 * f[1] - 16.0, 200.0 * (f[1] - f[2])
    return float(np.degrees(np.arctan2(lightness - 50.0, max(yellow, 1e-6))))


@dataclass(frozen=True)
class Histogram:
    """counts: one a bin. mean, quantiles (5, 50, 95 %): of the values themselves."""

    counts: tuple[int, ...]
    number: int
    mean: float
    quantiles: tuple[float, float, float]


def histograms(values: Values) -> dict[str, Histogram]:
    """A histogram of each measure that has values."""
    made = {}
    for measure in MEASURES:
        if not values[measure.key]:
            continue
        numbers = np.asarray(values[measure.key], dtype=np.float64)
        edges = np.asarray(measure.edges)
        counts = np.histogram(np.clip(numbers, edges[0], edges[-1]), edges)[0]
        low, middle, high = np.quantile(numbers, (0.05, 0.5, 0.95)).tolist()
        made[measure.key] = Histogram(tuple(counts.tolist()), len(numbers), float(numbers.mean()), (low, middle, high))
    return made


def empty_bins(measure: Measure, histogram: Histogram) -> tuple[tuple[float, float], ...]:
    """Holes: bins without anyone between bins with someone."""
    filled = np.flatnonzero(histogram.counts)
    return tuple(
        (measure.edges[k], measure.edges[k + 1])
        for k in range(int(filled[0]), int(filled[-1]))
        if histogram.counts[k] == 0
    )
