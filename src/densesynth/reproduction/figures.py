"""Figures 4 and 5: the models side by side on the same pictures, and what training from nothing does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.data.files import read_picture
from densesynth.data.results import Detection
from densesynth.evaluation.page import make_plots, plot_png
from densesynth.evaluation.report import draw_detections
from densesynth.evaluation.truth import Truth
from densesynth.reproduction.low_data import CurvePoint
from densesynth.reproduction.stages import Point
from densesynth.train import LOG
from densesynth.view.palette import FINE_COLOURS

HEIGHT = 260  # of a picture in Figure 4, pixels
SMOOTH = 50  # logged steps that a point of the loss curve is the mean of, at most


def draw_side_by_side(
    truth: Truth, images: Path, columns: Mapping[str, Sequence[Detection]], pictures: int
) -> list[tuple[str, UInt8[Array, "h w 3"]]]:
    """(file name, strip) of pictures spread evenly over those with dense labels, nobody's choice: the annotated points,
    then each column's people."""
    labelled = [image for image in truth.images.values() if any(one.points for one in truth.people[image.id])]
    chosen = np.unique(np.linspace(0, len(labelled) - 1, min(pictures, len(labelled))).round().astype(int))
    strips = []
    for image in (labelled[k] for k in chosen):
        picture = read_picture(images / image.file_name)
        scale = HEIGHT / picture.shape[0]
        panels = [_draw_points(picture, truth, image.id, scale)]
        for found in columns.values():
            drawn = draw_detections(picture, [one for one in found if one.image_id == image.id])
            panels.append(_resize(drawn, scale))
        strips.append((image.file_name, np.ascontiguousarray(np.hstack(panels))))
    return strips


def _resize(picture: UInt8[Array, "h w 3"], scale: float) -> UInt8[Array, "y x 3"]:
    size = (max(round(picture.shape[1] * scale), 1), HEIGHT)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _draw_points(picture: UInt8[Array, "h w 3"], truth: Truth, image_id: int, scale: float) -> UInt8[Array, "y x 3"]:
    drawn = np.ascontiguousarray(_resize(picture, scale))
    for person in truth.people[image_id]:
        if person.points is None:
            continue
        x, y, w, h = person.bbox
        for k, part in enumerate(person.points.part.astype(int)):
            at = ((x + person.points.x[k] * w / 256) * scale, (y + person.points.y[k] * h / 256) * scale)
            place = (round(float(at[0])), round(float(at[1])))
            cv2.circle(drawn, place, 4, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(drawn, place, 3, [int(value) for value in FINE_COLOURS[part]], -1, cv2.LINE_AA)
    return drawn


def plot_training(points: Sequence[Point], folders: Mapping[str, Path]) -> bytes:
    """GPS in true boxes by step, on pictures learnt from and on annotated ones, and the dense losses. Returns a PNG.

    folders: of the trainings, by name.
    """
    figure, (left, right) = make_plots(2)
    for number, (name, folder) in enumerate(folders.items()):
        mine = [one for one in points if one.training == name]
        steps = [one.step for one in mine]
        left.plot(steps, [one.seen for one in mine], "o-", color=f"C{number}", label=f"{name}, synthetic, learnt from")
        left.plot(steps, [one.unseen for one in mine], "s--", color=f"C{number}", label=f"{name}, annotated pictures")
        step, loss = read_losses(folder / LOG)
        right.plot(step, loss, color=f"C{number}", label=name)
    left.set(xlabel="step", ylabel="mean GPS in true boxes", ylim=(0, None))
    right.set(xlabel="step", ylabel="dense losses (I, U, V, S)", ylim=(0, None))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return plot_png(figure)


def read_losses(log: Path) -> tuple[list[float], list[float]]:
    """Steps and the sum of the dense losses, each the mean of up to SMOOTH logged steps. A line that a kill cut off is
    left out; of a step that was done twice, the later counts."""
    rows: dict[int, float] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        dense = [value for key, value in entry.items() if key.startswith("loss_densepose")]
        if dense:
            rows[int(entry["step"])] = float(sum(dense))
    steps, losses = np.array(sorted(rows)), np.array([rows[step] for step in sorted(rows)])
    pieces = np.array_split(np.arange(len(steps)), max(len(steps) // SMOOTH, min(len(steps), 40)))
    some = [piece for piece in pieces if len(piece)]
    return [float(steps[piece].mean()) for piece in some], [float(losses[piece].mean()) for piece in some]


def plot_low_data(points: Sequence[CurvePoint]) -> bytes:
    """GPS AP, and mean GPS in true boxes, by the share of real labels, with 95 % intervals. Returns a PNG."""
    figure, axes = make_plots(2)
    shares = sorted({one.share for one in points})
    for synthetic, colour, label in ((False, "C1", "real alone"), (True, "C0", "real and synthetic")):
        mine = [one for one in points if one.synthetic == synthetic]
        if not mine:
            continue
        place = [shares.index(one.share) + (0.04 if synthetic else -0.04) for one in mine]
        for axis, values, intervals in (
            (axes[0], [one.ap for one in mine], [one.ap_interval for one in mine]),
            (axes[1], [one.gps for one in mine], [one.gps_interval for one in mine]),
        ):
            middle, ends = np.array(values), np.array(intervals)
            reach = np.stack([np.maximum(middle - ends[:, 0], 0.0), np.maximum(ends[:, 1] - middle, 0.0)])
            axis.errorbar(place, middle, yerr=reach, fmt="o-", color=colour, label=label, capsize=3)
    for axis, name in zip(axes, ("GPS AP", "mean GPS in true boxes"), strict=True):
        axis.set_xticks(range(len(shares)), [f"{100 * share:g} %" for share in shares])
        axis.set(xlabel="share of the real labels", ylabel=name, ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return plot_png(figure)
