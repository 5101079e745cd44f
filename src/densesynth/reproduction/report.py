"""The reproduction's report: the three tables beside the published ones, Figures 4 and 5, and what went in."""

from __future__ import annotations

import html
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from densesynth.arrays import Array, UInt8
from densesynth.data.files import write_bytes
from densesynth.evaluation.page import figure_html, page_html, picture_html, table_html
from densesynth.evaluation.published import COLUMNS, TableName, published
from densesynth.evaluation.report import NAMES
from densesynth.reproduction.plan import Plan, plan_to_table
from densesynth.reproduction.stages import Labelled, People, Point, Scores, Trained

TITLES: Mapping[TableName, str] = {
    "table1": "Table 1: fine-tuned on synthetic people",
    "table2": "Table 2: trained on real people",
    "table3": "Table 3: boxes of the model trained on real people, the rest synthetic",
}
TINY = (
    "<p><b>Tiny: made-up pictures, networks of a few thousand weights, a few steps.</b> It shows that every stage "
    "works. Its scores say nothing about photographs, and compare with no published figure.</p>"
)


def rows_of(found: Scores, table: TableName) -> list[list[str]]:
    """Ours, with the 95 % interval, the published figure and the difference, percent."""
    rows = []
    for row, name in (("box", "Box"), *NAMES.items()):
        ours = found.box if row == "box" else found.scores[row]
        theirs, cells = published(table, row), []
        for column in COLUMNS:
            value = ours.get(column, -1.0)
            lines = [f"{100 * value:.2f}" if value >= 0 else "–"]
            interval = found.spread.get(row, {}).get(column)
            small = [] if interval is None or value < 0 else [f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"]
            if column in theirs:
                difference = f" ({100 * value - theirs[column]:+.2f})" if value >= 0 else ""
                small.append(f"published {theirs[column]:.2f}{difference}")
            cells.append("\n".join([*lines, *small]))
        rows.append([name, *cells])
    return rows


def report_content(
    plan: Plan,
    scores: Mapping[TableName, Scores],
    points: Sequence[Point],
    people: People,
    trained: Mapping[str, Trained],
    labelled: Mapping[str, Labelled],
) -> dict[str, Any]:
    """What report.json holds."""
    return {
        "version": importlib.metadata.version("densesynth"),
        "scale": plan.scale,
        "tables": {name: asdict(one) for name, one in scores.items()},
        "published": {name: {row: published(name, row) for row in ("box", *NAMES)} for name in scores},
        "figure_5": [asdict(one) for one in points],
        "people": asdict(people),
        "trainings": {name: asdict(one) for name, one in trained.items()},
        "labelled": {name: asdict(one) for name, one in labelled.items()},
        "plan": plan_to_table(plan),
    }


def write_report_page(
    plan: Plan,
    content: Mapping[str, Any],
    scores: Mapping[TableName, Scores],
    strips: Sequence[tuple[str, UInt8[Array, "_ _ 3"]]],
    columns: Sequence[str],
    curves: bytes,
    out: Path,
) -> Path:
    """Write report.json and report.html, which holds all it shows; the pages of each table lie beside it."""
    write_bytes(out / "report.json", msgspec.json.format(msgspec.json.encode(dict(content), enc_hook=str), indent=1))
    sections = []
    for name, title in TITLES.items():
        one = scores[name]
        edges = one.edges
        outline = (
            ""
            if "contour_px" not in edges
            else f"<p>Outlines of those found: boundary IoU {100 * edges['boundary_iou']:.1f} %, contours "
            f"{edges['contour_px']:.2f} px apart.</p>"
        )
        link = f'<p><a href="{html.escape(one.page.relative_to(out).as_posix())}">all of it</a></p>'
        words = "<p>Percent; small: 95 % bootstrap interval, the published figure, ours less it.</p>"
        sections.append((title, words + table_html(["", *COLUMNS], rows_of(one, name)) + outline + link))
    pictures = "".join(picture_html(strip, file) for file, strip in strips)
    legend = "annotated points, " + ", ".join(columns)
    sections.append(("Figure 4: the models side by side", f"<p>From the left: {html.escape(legend)}.</p>{pictures}"))
    words = (
        "<p>People labelled in their true boxes, while the last layers of the model trained on real people learn from "
        "synthetic ones (finetune), and while everything learns from nothing (scratch). Where the solid line rises and "
        "the dashed one doesn't follow, a training over-fits.</p>"
    )
    sections.append(("Figure 5: from nothing it over-fits", words + figure_html(curves, "png", "GPS and loss by step")))
    sections.append(("What it was made of", _made_of(plan, content)))
    title = "Learning Dense Correspondence from Synthetic Environments, reproduced"
    page = page_html(title, sections)
    if plan.scale == "tiny":
        page = page.replace("</h1>", "</h1>" + TINY, 1)
    write_bytes(out / "report.html", page.encode())
    return out / "report.html"


def _made_of(plan: Plan, content: Mapping[str, Any]) -> str:
    rows = [
        [
            "synthetic people",
            f"{content['people']['people']:,} in {content['people']['frames']:,} pictures",
            _hours(content["people"]),
        ],
        *(
            [f"training: {name}", f"{max(one['checkpoints']):,} steps", _hours(one)]
            for name, one in content["trainings"].items()
        ),
        *([f"labelled: {name}", f"{one['found']:,} people", _hours(one)] for name, one in content["labelled"].items()),
    ]
    real = plan.real_model or "trained here, on made-up pictures"
    words = (
        f"<p>densesynth {content['version']}; seed {plan.seed}; annotations {html.escape(str(plan.test.annotations))}; "
        f"model trained on real people: {html.escape(str(real))}. Everything else is in report.json and run.json; the "
        "assets' licences in people/manifest.json.</p>"
    )
    return words + table_html(["stage", "", "time"], rows)


def _hours(stage: Mapping[str, Any]) -> str:
    seconds = float(stage["seconds"])
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"
