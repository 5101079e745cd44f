"""A checkpoint's people on annotated pictures, as detections to score: found by the model, or in boxes given to it."""

from __future__ import annotations

import pickletools
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from densesynth.arrays import Array, Float32, UInt8
from densesynth.data.files import make_folder, read_picture
from densesynth.data.results import Box, Detection, read_results, write_results
from densesynth.errors import AssetError, ConfigurationError, DeviceError
from densesynth.evaluation.truth import TrueImage, Truth
from densesynth.model.checkpoint import open_model
from densesynth.model.crops import crop_of, quantise
from densesynth.model.output import EmbeddedSurface, Predictions
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.small.checkpoint import is_small, load_small
from densesynth.model.small.predict import LEAST_SCORE, label_boxes, predict_small
from densesynth.surface.cse import VertexCharts

Picture: TypeAlias = UInt8[Array, "h w 3"]
Predictor: TypeAlias = Callable[[Picture, "Float32[Array, 'n 4'] | None"], Predictions]
_OPENINGS = ("PROTO", "FRAME", "MARK")  # of a pickle, before the first value


def is_checkpoint(path: Path) -> bool:
    """Whether a file of predictions is a model to run: .safetensors, .pth, or a .pkl that holds a dictionary, as the
    zoo's do, where a dump of `apply_net` holds a list. A file that can't be read is none."""
    if path.suffix in (".safetensors", ".pth", ".pt"):
        return True
    try:
        if path.suffix != ".pkl" or zipfile.is_zipfile(path):  # torch.save: `apply_net dump` of our years
            return False
        with path.open("rb") as file:
            first = next(code for code, _, _ in pickletools.genops(file.read(64)) if code.name not in _OPENINGS)
    except (OSError, ValueError, StopIteration):
        return False
    return "DICT" in first.name


def open_predictor(
    checkpoint: Path,
    device: str = "cpu",
    score_threshold: float | None = None,
    charts: VertexCharts | None = None,
) -> Predictor:
    """A function from an RGB picture (and, where given, boxes x0, y0, x1, y1) to its people.

    charts: of the vertices of a surface-embedding model's mesh, which such a model can't do without. Raises AssetError
    for a checkpoint that can't be used, DeviceError for a device that isn't there, ConfigurationError for charts
    missing or of another mesh.
    """
    if device != "cpu" and not torch.cuda.is_available():
        raise DeviceError(f"device {device!r}: no CUDA device or driver was found; use --device cpu")
    if is_small(checkpoint):
        return _open_small(checkpoint, device, LEAST_SCORE if score_threshold is None else score_threshold)
    model = open_model(checkpoint)
    surface = _surface_of(model, checkpoint, charts) if model.settings.head.output == "embedding" else None
    if score_threshold is not None:
        model.settings = replace(
            model.settings, detector=replace(model.settings.detector, score_threshold=score_threshold)
        )
    model = model.to(device)
    if surface is not None:
        surface = EmbeddedSurface(**{field.name: getattr(surface, field.name).to(device) for field in fields(surface)})

    def predict(picture: Picture, boxes: Float32[Array, "n 4"] | None = None) -> Predictions:
        tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        given = None if boxes is None else [torch.from_numpy(boxes)]
        return replace(model.predict([tensor], given)[0], surface=surface)

    return predict


@torch.inference_mode()
def _surface_of(model: DensePoseRCNN, checkpoint: Path, charts: VertexCharts | None) -> EmbeddedSurface:
    """The mesh of a surface-embedding model with its charts, the first mesh where there are several."""
    name, vertices, _ = model.settings.head.meshes[0]
    if charts is None:
        raise ConfigurationError(
            f"{checkpoint}: a surface-embedding model; to read I, U, V from its vertices it needs the mesh `{name}` "
            "(--cse-mesh), SMPL's file (--body) and DensePose's UV_Processed.mat (--charts)"
        )
    if len(charts.part) != vertices:
        raise ConfigurationError(
            f"{checkpoint}: embeds the {vertices} vertices of `{name}`, and the mesh given has {len(charts.part)}"
        )
    assert model.roi_heads.embedder is not None
    return EmbeddedSurface(
        embedding=model.roi_heads.embedder(name).float(),
        part=torch.from_numpy(charts.part.astype(np.uint8)),
        u=torch.from_numpy(charts.u.astype(np.float32)),
        v=torch.from_numpy(charts.v.astype(np.float32)),
    )


def _open_small(checkpoint: Path, device: str, score_threshold: float) -> Predictor:
    small = load_small(checkpoint)
    for network in (small.crop, small.detector):
        if network is not None:
            network.to(device)

    def predict(picture: Picture, boxes: Float32[Array, "n 4"] | None = None) -> Predictions:
        if boxes is None:
            return predict_small(small, picture, score_threshold)
        if small.crop is None:
            raise AssetError(f"{checkpoint}: holds no crop network, so it can't label boxes")
        given = torch.from_numpy(boxes).to(device)
        return Predictions(boxes=given, scores=torch.ones(len(given)), maps=label_boxes(small.crop, picture, given))

    return predict


def detect_people(
    predictor: Predictor,
    truth: Truth,
    images: Path,
    boxes: Sequence[Box] | None = None,
    *,
    kept: Path | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> tuple[Detection, ...]:
    """People of every picture of the annotations.

    images: their folder. boxes: label these, with their scores, in place of detecting anyone (the paper's Table 3).
    kept: folder for each picture's detections as a small file, so that a run goes on where it was stopped; it must be
    of the same model, boxes and annotations. Raises AssetError for a model that can't label boxes, DatasetError for a
    picture that can't be read or isn't of the annotated size.
    """
    by_image: dict[int, list[Box]] = {image_id: [] for image_id in truth.images}
    for box in boxes or ():
        by_image[box.image_id].append(box)
    if kept is not None:
        make_folder(kept)
    found: list[Detection] = []
    for done, image in enumerate(truth.images.values(), start=1):
        part = None if kept is None else kept / f"{image.id}.json"
        if part is not None and part.is_file():
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                people = read_results(part, truth.sizes)
        else:
            people = _detect_in(predictor, image, images, None if boxes is None else by_image[image.id])
            if part is not None:
                write_results(part, people)
        found += people
        if advance is not None:
            advance(done, len(truth.images))
    return tuple(found)


def _detect_in(
    predictor: Predictor, image: TrueImage, images: Path, given: Sequence[Box] | None
) -> tuple[Detection, ...]:
    picture = read_picture(images / image.file_name)
    if given is None:
        return detections_of(predictor(picture, None), image.id)
    corners, scores = corners_of(given, *picture.shape[:2])
    if not len(corners):
        return ()
    labelled = predictor(picture, corners)
    if len(labelled.boxes) != len(scores):
        raise AssetError(
            f"{images / image.file_name}: of {len(scores)} given boxes only {len(labelled.boxes)} were labelled"
        )
    return detections_of(replace(labelled, scores=torch.from_numpy(scores).to(labelled.boxes.device)), image.id)


def corners_of(given: Sequence[Box], height: int, width: int) -> tuple[Float32[Array, "n 4"], Float32[Array, "n"]]:
    """Boxes as x0, y0, x1, y1, cut to the picture, and their scores, by falling score; boxes with less than a pixel in
    the picture are left out."""
    corners = np.array([one.bbox for one in given], dtype=np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    corners = np.clip(corners, 0.0, [width, height, width, height])
    inside = ((corners[:, 2:] - corners[:, :2]) >= 1.0).all(axis=1)
    scores = np.array([one.score for one in given], dtype=np.float32)[inside]
    order = np.argsort(-scores, kind="stable")
    return corners[inside][order].astype(np.float32), scores[order]


def detections_of(predictions: Predictions, image_id: int) -> tuple[Detection, ...]:
    """People as the field exchanges them: box, score, and I, U, V of each pixel of the box."""
    found = []
    for index, (corners, score) in enumerate(zip(predictions.boxes.tolist(), predictions.scores.tolist(), strict=True)):
        x0, y0, x1, y1 = corners
        iuv = quantise(crop_of(predictions, index)).cpu().numpy()
        found.append(Detection(image_id=image_id, bbox=(x0, y0, x1 - x0, y1 - y0), score=score, iuv=iuv))
    return tuple(found)
