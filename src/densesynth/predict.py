"""Pictures → people: one straight line from a folder to results JSON, IUV pictures and overlays.

Each picture's detections are a small file written last, so that a run goes on where it was stopped; results.json joins
them in the end. A picture that can't be read is left out with a warning, and counted.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import torch

from densesynth.arrays import Array, Float32, UInt8
from densesynth.data.files import encode_jpeg, encode_png, make_folder, write_bytes
from densesynth.data.results import Detection, read_boxes, read_results, write_results
from densesynth.errors import AssetError, DatasetError
from densesynth.evaluation.detect import Picture, Predictor, detections_of
from densesynth.evaluation.part_at_keypoint import RADIUS, Outcome, boxes_of, judge_picture, read_joints
from densesynth.model.output import Predictions
from densesynth.view.draw import blend, colour_labels, draw_boxes
from densesynth.view.palette import FINE_COLOURS, instance_colour

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
JPEG_QUALITY = 92
OVERLAY_OPACITY = 0.6
JPEG_START, JPEG_END, TAIL = b"\xff\xd8", b"\xff\xd9", 65536  # some cameras write a few kB after the end


@dataclass(frozen=True, kw_only=True)
class Source:
    """One picture to predict. name: of its files in the output folder."""

    path: Path
    image_id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class PredictReport:
    """What a run did. people: in all pictures. unreadable: pictures left out, with the reason."""

    pictures: int
    people: int
    unreadable: tuple[str, ...]


def find_pictures(source: Path) -> tuple[Source, ...]:
    """The pictures of a folder (by name), of a COCO JSON (beside it, or in images/ beside it), or one file.

    Raises AssetError when there is none.
    """
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise AssetError(f"{source}: no picture in this folder; expected {', '.join(sorted(SUFFIXES))}")
        stems = [path.stem for path in paths]
        names = [path.stem if stems.count(path.stem) == 1 else path.name for path in paths]
        return tuple(Source(path=p, image_id=k, name=n) for k, (p, n) in enumerate(zip(paths, names, strict=True)))
    if source.suffix.lower() == ".json":
        return _pictures_of_json(source)
    if not source.is_file():
        raise AssetError(f"{source}: no such file or folder; expected a picture, a folder of pictures, or a COCO JSON")
    return (Source(path=source, image_id=0, name=source.stem),)


def read_photo(path: Path) -> Picture:
    """Any picture as RGB, turned upright where its EXIF says so. Raises AssetError, one line, when it is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    cut = content.startswith(JPEG_START) and JPEG_END not in content[-TAIL:]
    picture = None if cut or not content else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise AssetError(f"{path}: no picture, cut off or damaged")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def paste_iuv(detections: tuple[Detection, ...], height: int, width: int) -> UInt8[Array, "h w 3"]:
    """One (I, U, V) picture of all people; where two meet, the surer one shows."""
    iuv = np.zeros((height, width, 3), dtype=np.uint8)
    for found in sorted(detections, key=lambda d: d.score):
        x, y = int(found.bbox[0]), int(found.bbox[1])
        crop = found.iuv[:, : max(height - y, 0), : max(width - x, 0)].transpose(1, 2, 0)
        target = iuv[y : y + crop.shape[0], x : x + crop.shape[1]]
        body = crop[..., 0] > 0
        target[body] = crop[body]
    return iuv


def draw_overlay(picture: Picture, detections: tuple[Detection, ...]) -> Picture:
    """The picture with its people's parts in colour, and their boxes."""
    part = paste_iuv(detections, *picture.shape[:2])[..., 0]
    drawn = blend(picture, colour_labels(part, FINE_COLOURS), part > 0, OVERLAY_OPACITY)
    colours = [instance_colour(k + 1) for k in range(len(detections))]
    return draw_boxes(drawn, [d.bbox for d in detections], colours)


@dataclass(frozen=True, kw_only=True)
class GivenBoxes:
    """People of one picture that somebody else found: x0, y0, x1, y1 in pixels, and how sure of each they were."""

    corners: Float32[Array, "n 4"]
    scores: Float32[Array, "n"]


NOBODY = GivenBoxes(corners=np.zeros((0, 4), np.float32), scores=np.zeros(0, np.float32))


def predict_pictures(
    sources: tuple[Source, ...],
    predictor: Predictor,
    out: Path,
    *,
    about: Mapping[str, Any],
    boxes: Mapping[int, GivenBoxes] | None = None,
    advance_to: Callable[[int, int], None] | None = None,
) -> PredictReport:
    """Predict every picture into `out`: results.json, iuv/, overlays/.

    about: what the results depend on (checkpoint, options); a folder begun with another raises DatasetError. boxes:
    image id → boxes to label in place of detecting, whose scores are kept; a picture without any gets no people.
    """
    for folder in ("iuv", "overlays", "parts"):
        make_folder(out / folder)
    _check_same_run(out / "run.json", about)
    unreadable, people = [], 0
    everything: list[Detection] = []
    for done, source in enumerate(sources):
        part = out / "parts" / f"{source.name}.json"
        try:
            picture = read_photo(source.path)
        except AssetError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
            unreadable.append(str(error))
            continue
        sizes = {source.image_id: (picture.shape[1], picture.shape[0])}
        if part.is_file():
            found = read_results(part, sizes)
        else:
            given = None if boxes is None else boxes.get(source.image_id, NOBODY)
            found = detections_of(_predict(predictor, picture, given, source), source.image_id)
            write_bytes(out / "iuv" / f"{source.name}.png", encode_png(paste_iuv(found, *picture.shape[:2])))
            write_bytes(
                out / "overlays" / f"{source.name}.jpg", encode_jpeg(draw_overlay(picture, found), JPEG_QUALITY)
            )
            write_results(part, found)
        people += len(found)
        everything += found
        if advance_to is not None:
            advance_to(done + 1, len(sources))
    write_results(out / "results.json", everything)
    return PredictReport(pictures=len(sources) - len(unreadable), people=people, unreadable=tuple(unreadable))


def _predict(predictor: Predictor, picture: Picture, given: GivenBoxes | None, source: Source) -> Predictions:
    if given is None:
        return predictor(picture, None)
    answer = predictor(picture, given.corners)
    if len(answer.boxes) != len(given.scores):
        raise AssetError(
            f"{source.path}: of {len(given.scores)} given boxes only {len(answer.boxes)} lie in the picture"
        )
    return replace(answer, scores=torch.from_numpy(given.scores).to(answer.boxes.device))


def read_given_boxes(path: Path, sources: tuple[Source, ...]) -> dict[int, GivenBoxes]:
    """Boxes of each picture from COCO results or annotations, with their scores. Raises AssetError."""
    sizes = {}
    for source in sources:
        picture = read_photo(source.path)
        sizes[source.image_id] = (picture.shape[1], picture.shape[0])
    grouped: dict[int, list[tuple[float, float, float, float, float]]] = {}
    for box in read_boxes(path, sizes):
        x, y, w, h = box.bbox
        grouped.setdefault(box.image_id, []).append((x, y, x + w, y + h, box.score))
    tables = {image: np.array(rows, dtype=np.float32) for image, rows in grouped.items()}
    return {
        image: GivenBoxes(corners=table[:, :4].copy(), scores=table[:, 4].copy()) for image, table in tables.items()
    }


def judge_keypoints(
    annotations: tuple[Path, ...],
    pictures: Path | None,
    predictor: Predictor,
    *,
    given: bool = False,
    radius: float = RADIUS,
    advance_to: Callable[[int, int], None] | None = None,
) -> list[tuple[str, Outcome]]:
    """Part at keypoint over the pictures of annotation files. given: label the annotated boxes, detect nobody.

    pictures: their folder; each file's own when None. Raises AssetError for files that can't be used.
    """
    work = [
        ((pictures or path.parent) / name, people)
        for path in annotations
        for name, people in read_joints(path).items()
        if people
    ]
    outcomes = []
    for done, (path, people) in enumerate(work):
        picture = read_photo(path)
        boxes = boxes_of(people, *picture.shape[:2]) if given else None
        outcomes += judge_picture(people, detections_of(predictor(picture, boxes), 0), radius)
        if advance_to is not None:
            advance_to(done + 1, len(work))
    return outcomes


def fingerprint(path: Path) -> str:
    """A file's SHA-256, to tell one checkpoint from another."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_same_run(path: Path, about: Mapping[str, Any]) -> None:
    content = msgspec.json.format(msgspec.json.encode(dict(about)), indent=2)
    if path.is_file() and path.read_bytes() != content:
        raise DatasetError(f"{path.parent}: begun with another model or other options (run.json); choose another --out")
    write_bytes(path, content)


class _Image(msgspec.Struct):
    id: int
    file_name: str


class _Images(msgspec.Struct):
    images: list[_Image]


def _pictures_of_json(source: Path) -> tuple[Source, ...]:
    try:
        listed = msgspec.json.decode(source.read_bytes(), type=_Images).images
    except (OSError, msgspec.MsgspecError) as error:
        raise AssetError(f"{source}: no COCO JSON with `images` ({error})") from None
    folder = next(
        (f for f in (source.parent, source.parent / "images") if listed and (f / listed[0].file_name).is_file()), None
    )
    if folder is None:
        raise AssetError(f"{source}: its pictures are neither beside it nor in images/ beside it")
    stems = [Path(image.file_name).stem for image in listed]
    return tuple(
        Source(
            path=folder / image.file_name,
            image_id=image.id,
            name=stem if stems.count(stem) == 1 else f"{stem}_{image.id}",
        )
        for image, stem in zip(listed, stems, strict=True)
    )
