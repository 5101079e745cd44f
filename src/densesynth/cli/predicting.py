"""`densesynth predict`, `densesynth export` and `densesynth part-at-keypoint`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.console import Console

from densesynth.cli.command import Command
from densesynth.errors import ConfigurationError
from densesynth.progress import frames_bar


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Find people in pictures and label their surface: results JSON, IUV pictures, overlays.

    Run the same command again to continue one that was interrupted. Example:
    densesynth predict photos --out predicted
    """

    pictures: tyro.conf.Positional[Path]
    """A folder of pictures, one picture, or a COCO JSON with its pictures beside it."""
    out: Path
    """Folder for results.json (COCO DensePose challenge), iuv/ and overlays/."""
    model: Path | None = None
    """Checkpoint: ours (.safetensors: R-CNN or small model), or detectron2's (.pkl, .pth). Left out: the small model
    that comes with densesynth, learnt from synthetic people alone (docs/results.md says how well)."""
    boxes: Path | None = None
    """Label these people (COCO results or annotations with boxes, ids of the pictures) in place of detecting any."""
    score: float | None = None
    """Drop people scored no higher; the model's own threshold when left out."""
    cse_mesh: Path | None = None
    """Of a surface-embedding (CSE) model: its mesh, such as smpl_27554.pkl, whose vertices are read as I, U, V."""
    body: str = "anny"
    """Body that mesh is of: anny, or an SMPL or SMPL-H file."""
    charts: Path | None = None
    """DensePose's UV_Processed.mat, for an SMPL or SMPL-H body."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""


@dataclass(frozen=True, kw_only=True)
class PartAtKeypoint:
    """Judge a model on photographs by their 2D joints: is a right part within 5 pixels of each visible joint?

    Reads COCO keypoints, AI Challenger and MPII annotations. Detects people, or labels the annotated boxes (--given).
    Example: densesynth part-at-keypoint joints.json --pictures photos
    """

    joints: tyro.conf.Positional[tuple[Path, ...]]
    """Annotation files."""
    model: Path | None = None
    """Checkpoint, as for `predict`."""
    pictures: Path | None = None
    """Folder of the pictures; the annotations' own folder when left out."""
    given: bool = False
    """Label boxes around the annotated joints in place of detecting people."""
    radius: float = 5.0
    """Radius of the disc around a joint, pixels."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to compute."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a DensePose R-CNN as ONNX: pyramid, detector and surface heads for pictures of one size.

    Example: densesynth export model.safetensors --out model.onnx --height 800 --width 1088
    """

    model: tyro.conf.Positional[Path]
    """Checkpoint, as for `predict`."""
    out: Path
    """File to write."""
    height: int = 800
    """Height of the network's input; a multiple of 32."""
    width: int = 1088
    """Width of the network's input; a multiple of 32."""


def predict(command: Predict) -> int:
    from densesynth.evaluation.detect import open_predictor
    from densesynth.mapping import read_vertex_charts
    from densesynth.model.small.checkpoint import shipped_checkpoint
    from densesynth.predict import find_pictures, fingerprint, predict_pictures, read_given_boxes

    sources = find_pictures(command.pictures)
    if command.score is not None and not 0.0 <= command.score <= 1.0:
        raise ConfigurationError(f"--score {command.score}: expected 0 to 1")
    model = command.model or shipped_checkpoint()
    surface = None if command.cse_mesh is None else read_vertex_charts(command.cse_mesh, command.body, command.charts)
    predictor = open_predictor(model, command.device, command.score, surface)
    boxes = None if command.boxes is None else read_given_boxes(command.boxes, sources)
    about: dict[str, Any] = {
        "model": fingerprint(model),
        "score": command.score,
        "boxes": None if command.boxes is None else fingerprint(command.boxes),
    }
    if command.cse_mesh is not None:
        about["surface"] = [
            command.body,
            *(fingerprint(p) for p in (command.cse_mesh, command.charts) if p is not None),
        ]
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with frames_bar(console, "predicted") as advance_to, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_args, **_more: console.print(f"densesynth: {message}", markup=False)
        report = predict_pictures(sources, predictor, command.out, about=about, boxes=boxes, advance_to=advance_to)
    left_out = f"; {len(report.unreadable)} unreadable, left out" if report.unreadable else ""
    Console(soft_wrap=True, highlight=False).print(
        f"{report.people} people in {report.pictures} pictures{left_out}: {command.out}", markup=False
    )
    return 0


def judge_parts(command: PartAtKeypoint) -> int:
    from densesynth.evaluation.detect import open_predictor
    from densesynth.evaluation.part_at_keypoint import count_outcomes, format_scores
    from densesynth.model.small.checkpoint import shipped_checkpoint
    from densesynth.predict import judge_keypoints

    predictor = open_predictor(command.model or shipped_checkpoint(), command.device)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with frames_bar(console, "judged") as advance_to:
        outcomes = judge_keypoints(
            command.joints, command.pictures, predictor, given=command.given, radius=command.radius,
            advance_to=advance_to,
        )  # fmt: skip
    Console(soft_wrap=True, highlight=False).print(format_scores(count_outcomes(outcomes)), markup=False)
    return 0


def export(command: Export) -> int:
    from densesynth.model.checkpoint import open_model
    from densesynth.model.exporting import export_onnx

    export_onnx(open_model(command.model), command.out, command.height, command.width)
    Console(soft_wrap=True, highlight=False).print(f"ONNX: {command.out}", markup=False)
    return 0


COMMANDS = (
    Command(name="predict", options=Predict, run=predict),
    Command(name="part-at-keypoint", options=PartAtKeypoint, run=judge_parts),
    Command(name="export", options=Export, run=export),
)
