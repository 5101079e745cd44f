"""One page that shows a dataset: opens from disk in any browser, and holds all it needs."""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from densesynth.arrays import Array, Int32, UInt8
from densesynth.data.schema import Annotation
from densesynth.surface.parts import FINE_NAMES, FINE_TO_COARSE
from densesynth.view.draw import ISO_LINES
from densesynth.view.frames import BONES, BrokenFrame, ShownFrame
from densesynth.view.palette import (
    COARSE_COLOURS,
    FINE_COLOURS,
    INSTANCE_COLOURS,
    KEYPOINT_COLOURS,
    chart_ramp,
)
from densesynth.view.sheet import points_in_picture
from densesynth.view.summary import Summary

PLACE = re.compile(r"@([a-z]+)@")  # a place to fill in page.html


@dataclass(frozen=True)
class PagePiece:
    """What one frame adds to the page: its card in the grid, and the script element that holds its labels."""

    card: str
    script: str
    broken: bool


def page_piece(frame: ShownFrame | BrokenFrame, vertex: Int32[Array, "h w"] | None) -> PagePiece:
    """One frame for the page. vertex: nearest mesh vertex per pixel, −1 where nothing; None: the mesh is not known."""
    if isinstance(frame, BrokenFrame):
        return PagePiece(_broken_card(frame), "", broken=True)
    return PagePiece(_card(frame), _frame_script(frame, vertex), broken=False)


def draw_page(summary: Summary, pieces: Sequence[PagePiece]) -> str:
    """The page's whole text: it names no other file and no address."""
    data = files("densesynth.view") / "data"
    texts = {name: (data / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    parts = {
        "title": html.escape(summary.title),
        "style": texts["css"],
        "summary": summary_html(summary),
        "count": _count_line(len(pieces), sum(piece.broken for piece in pieces), summary.frames),
        "cards": "\n".join(piece.card for piece in pieces),
        "constants": _json(_constants()),
        "frames": "\n".join(piece.script for piece in pieces if piece.script),
        "script": texts["js"],
    }
    return PLACE.sub(lambda place: parts[place[1]], texts["html"])


def _count_line(shown: int, broken: int, total: int) -> str:
    if total == 0:
        return "This dataset has no finished frame yet."
    line = f"Showing {shown} of {total} frame{'s' if total != 1 else ''}."
    return f'{line} <strong class="problem">{broken} cannot be read.</strong>' if broken else line


def summary_html(summary: Summary) -> str:
    """Counts, the audit's verdict, licences and the manifest, as the page's head."""
    facts = "".join(
        f"<li><span>{html.escape(name)}</span> <b>{html.escape(text)}</b></li>" for name, text in summary.facts
    )
    state = {True: "passed", False: "failed", None: "open"}[summary.audit_passed]
    verdict, detail = (html.escape(text) for text in summary.audit)
    licences = "".join(f"<li>{html.escape(line)}</li>" for line in summary.licences)
    went_in = (
        licences and f"<details><summary>What went in, and under which licences</summary><ul>{licences}</ul></details>"
    )
    return (
        f'<ul class="facts">{facts}</ul>\n'
        f'<p class="audit {state}"><strong>{verdict}</strong> {detail}</p>\n'
        f"{went_in}\n"
        f"<details><summary>Manifest</summary><pre>{html.escape(summary.manifest)}</pre></details>"
    )


def _card(frame: ShownFrame) -> str:
    people = len(frame.annotations)
    label = f"{people} {'person' if people == 1 else 'people'}"
    height, width = frame.instance.shape
    source = f"data:image/jpeg;base64,{base64.b64encode(frame.jpeg).decode('ascii')}"
    return (
        f'<li><button type="button" class="card" id="frame-{frame.index:06d}" data-frame="data-{frame.index:06d}">'
        f'<span class="thumb"><img src="{source}" width="{width}" height="{height}" '
        f'alt="Frame {frame.index:06d}, {label}"><canvas aria-hidden="true"></canvas></span>'
        f'<span class="name">{frame.index:06d} <span>{label}</span></span></button></li>'
    )


def _broken_card(frame: BrokenFrame) -> str:
    return (
        f'<li><div class="card broken" id="frame-{frame.index:06d}"><b>{frame.index:06d} cannot be read</b>'
        f"{html.escape(frame.reason)}</div></li>"
    )


def _frame_script(frame: ShownFrame, vertex: Int32[Array, "h w"] | None) -> str:
    height, width = frame.instance.shape
    content = {
        "name": f"{frame.index:06d}",
        "width": width,
        "height": height,
        "vertices": vertex is not None,
        "people": [_person(annotation) for annotation in frame.annotations],
        "planes": base64.b64encode(pack_planes(frame, vertex)).decode("ascii"),
    }
    return f'<script type="application/json" id="data-{frame.index:06d}">{_json(content)}</script>'


def _person(annotation: Annotation) -> dict[str, Any]:
    """What the page's table and marks need of one annotation; points in picture coordinates."""
    x, y = points_in_picture(annotation)
    keypoints = np.asarray(annotation.keypoints, dtype=float).reshape(-1, 3)
    return {
        "instance": annotation.densesynth.instance,
        "bbox": annotation.bbox,
        "area": annotation.area,
        "occluded": annotation.densesynth.occluded,
        "truncated": annotation.densesynth.truncated,
        "keypoints": [[round(kx, 2), round(ky, 2), int(kv)] for kx, ky, kv in keypoints.tolist()],
        "points": [
            [round(px, 2), round(py, 2), int(part)]
            for px, py, part in zip(x.tolist(), y.tolist(), annotation.dp_I, strict=True)
        ],
    }


def pack_planes(frame: ShownFrame, vertex: Int32[Array, "h w"] | None) -> bytes:
    """Part, U, V, instance and the vertex's low and high byte: six byte planes, each row differenced, then zlib."""
    low_high = np.zeros((2, *frame.instance.shape), dtype=np.uint8)
    if vertex is not None:
        known = np.maximum(vertex, 0)
        low_high[0], low_high[1] = known & 255, known >> 8
    planes = np.concatenate([frame.iuv.transpose(2, 0, 1), frame.instance[None], low_high])
    differences = planes.copy()
    differences[..., 1:] -= planes[..., :-1]
    return zlib.compress(differences.tobytes(), 6)


def unpack_planes(packed: bytes, height: int, width: int) -> UInt8[Array, "6 h w"]:
    """Inverse of `pack_planes`, as the page's script does it."""
    differences = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(6, height, width)
    return np.add.accumulate(differences, axis=-1, dtype=np.uint8)


def _constants() -> dict[str, Any]:
    return {
        "fine": FINE_COLOURS.tolist(),
        "coarse": COARSE_COLOURS.tolist(),
        "people": INSTANCE_COLOURS.tolist(),
        "ramp": chart_ramp().tolist(),
        "isoLines": ISO_LINES,
        "fineToCoarse": FINE_TO_COARSE.tolist(),
        "fineNames": list(FINE_NAMES),
        "keypointColours": KEYPOINT_COLOURS.tolist(),
        "bones": [list(bone) for bone in BONES],
    }


def _json(value: Any) -> str:
    """Compact JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
