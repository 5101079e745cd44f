"""Contact sheets: one row a frame, one column a kind of label."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, UInt8
from densesynth.data.coco import from_box_frame
from densesynth.data.schema import Annotation
from densesynth.view.draw import (
    blend,
    colour_chart,
    colour_depth,
    colour_labels,
    colour_normal,
    draw_boxes,
    draw_keypoints,
    draw_points,
    enlarge,
    outline_mask,
)
from densesynth.view.frames import BONES, BrokenFrame, ShownFrame
from densesynth.view.palette import COARSE_COLOURS, FINE_COLOURS, instance_colour

COLUMNS = ("picture", "keypoints", "parts", "coarse parts", "U", "V", "points", "depth", "normals")
ROWS_PER_SHEET = 8
CELL_HEIGHT = 256  # pixels
HEAD_HEIGHT = 26
GAP = 4
LABEL_HEIGHT = 19
LABEL_SCALE = 0.42
FONT = cv2.FONT_HERSHEY_SIMPLEX
PAPER = (250, 250, 248)
INK = (40, 42, 48)
MAX_CELL_ASPECT = 2.0  # a wider picture is shrunk, so that a sheet keeps a width that viewers open


def draw_row(frame: ShownFrame | BrokenFrame) -> UInt8[Array, "h w 3"]:
    """One frame: a line of text over its cells, each `CELL_HEIGHT` high; of a broken frame, the reason alone."""
    if isinstance(frame, BrokenFrame):
        return _broken_row(frame)
    cells = [_framed(cell, name) for name, cell in zip(COLUMNS, _cells(frame), strict=True)]
    row = np.concatenate([cells[0][:, :GAP] * 0 + np.array(PAPER, np.uint8), *cells], axis=1)
    shares = [
        f"{a.densesynth.instance}: {a.area} px, {a.densesynth.occluded:.0%} occluded, "
        f"{a.densesynth.truncated:.0%} truncated"
        for a in frame.annotations
    ]
    people = f"{len(shares)} {'person' if len(shares) == 1 else 'people'}"
    return np.concatenate([_text_line(f"{frame.index:06d}   {people}   {'   '.join(shares)}", row.shape[1]), row])


def _cells(frame: ShownFrame) -> tuple[UInt8[Array, "h w 3"], ...]:
    height, width = frame.instance.shape
    scale = min(CELL_HEIGHT / height, CELL_HEIGHT * MAX_CELL_ASPECT / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = enlarge(frame.picture, size)
    part, body = frame.iuv[..., 0], frame.instance > 0

    marked = frame.picture
    for annotation in frame.annotations:
        instance = annotation.densesynth.instance
        marked = outline_mask(marked, frame.instance == instance, instance_colour(instance))
    marked = enlarge(marked, size)
    dotted = enlarge(blend(frame.picture, np.zeros_like(frame.picture), np.ones_like(body), 0.45), size)
    boxes = [(a.bbox[0], a.bbox[1], a.bbox[2], a.bbox[3]) for a in frame.annotations]
    colours = [instance_colour(a.densesynth.instance) for a in frame.annotations]
    marked = draw_boxes(marked, boxes, colours, scale)
    for annotation in frame.annotations:
        keypoints = np.array(annotation.keypoints, dtype=np.float32).reshape(17, 3)
        marked = draw_keypoints(marked, keypoints, BONES, scale, radius=2.0)
        x, y = points_in_picture(annotation)
        dotted = draw_points(dotted, x, y, np.array(annotation.dp_I, dtype=np.uint8), scale, radius=1.6)
    return (
        picture,
        marked,
        enlarge(blend(frame.picture, colour_labels(part, FINE_COLOURS), body, 0.85), size),
        enlarge(colour_labels(frame.coarse, COARSE_COLOURS), size),
        enlarge(colour_chart(part, frame.iuv[..., 1]), size),
        enlarge(colour_chart(part, frame.iuv[..., 2]), size),
        dotted,
        enlarge(colour_depth(frame.depth), size),
        enlarge(colour_normal(frame.normal), size),
    )


def points_in_picture(annotation: Annotation) -> tuple[Float32[Array, "k"], Float32[Array, "k"]]:
    """An annotation's dense points in continuous pixel coordinates of the picture."""
    left, top, width, height = annotation.bbox
    return from_box_frame(annotation.dp_x, left, width), from_box_frame(annotation.dp_y, top, height)


def _framed(cell: UInt8[Array, "h w 3"], name: str) -> UInt8[Array, "H W 3"]:
    """The cell in a column of fixed height, with its name in the corner and the gap to the next on its right."""
    height, width = cell.shape[:2]
    framed = np.full((CELL_HEIGHT + GAP, width + GAP, 3), PAPER, dtype=np.uint8)
    framed[:height, :width] = cell
    (text_width, _), _ = cv2.getTextSize(name, FONT, LABEL_SCALE, 1)
    framed[:LABEL_HEIGHT, : text_width + 10] = INK
    cv2.putText(framed, name, (5, LABEL_HEIGHT - 6), FONT, LABEL_SCALE, (255, 255, 255), 1, cv2.LINE_AA)
    return framed


def _text_line(text: str, width: int) -> UInt8[Array, "h w 3"]:
    line = np.full((HEAD_HEIGHT, width, 3), PAPER, dtype=np.uint8)
    cv2.putText(line, text, (GAP + 2, 18), FONT, 0.45, INK, 1, cv2.LINE_AA)
    return line


def _broken_row(frame: BrokenFrame) -> UInt8[Array, "h w 3"]:
    width = len(COLUMNS) * (CELL_HEIGHT + GAP) + GAP
    line = _text_line(f"{frame.index:06d}   cannot be read: {frame.reason}", width)
    bar = np.full((HEAD_HEIGHT, width, 3), (250, 222, 219), dtype=np.uint8)
    return np.concatenate([np.minimum(line, bar), np.full((GAP, width, 3), PAPER, dtype=np.uint8)])


def stack_rows(rows: Sequence[UInt8[Array, "_ _ 3"]]) -> UInt8[Array, "h w 3"]:
    """Rows under one another, padded to the widest."""
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER[0]) for row in rows]
    return np.concatenate(padded)
