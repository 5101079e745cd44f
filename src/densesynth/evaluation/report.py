"""What an evaluation found, and its report: a table for the terminal, `report.json`, `report.html` with pictures."""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.data.files import make_folder, read_picture, write_bytes
from densesynth.data.results import Detection, place_of
from densesynth.evaluation.average_precision import MODES, Curve
from densesynth.evaluation.pairs import ImagePairs
from densesynth.evaluation.published import COLUMNS, TableName, published
from densesynth.evaluation.surface_error import PersonErrors, confusion, group_errors, swap_rate
from densesynth.evaluation.truth import open_truth
from densesynth.view.draw import blend, colour_labels
from densesynth.view.palette import FINE_COLOURS

NAMES = {"gps": "GPS", "gpsm": "GPSm", "iou": "Segm"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a run found. scores, spread: by mode (GPS, GPSm, mask IoU), METRICS in [0, 1] and their 95 % intervals. box,
    mask: COCO's 12 (mask None without segmentations). edges: of the outlines of people found (`evaluation.edges`).
    people: None unless the truth is a dataset of ours."""

    source: str
    predictions: str
    strict: bool
    counts: Mapping[str, int]
    scores: Mapping[str, Mapping[str, float]]
    spread: Mapping[str, Mapping[str, tuple[float, float]]]
    curves: Mapping[str, Curve]
    box: Mapping[str, float]
    mask: Mapping[str, float] | None
    pairs: Sequence[ImagePairs]
    edges: Mapping[str, float]
    people: Sequence[PersonErrors] | None


def as_table(found: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Header and rows: percent, with 95 % intervals after a line break."""
    header = ["", "AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]

    def cell(mode: str, metric: str) -> str:
        value = found.scores[mode][metric]
        if value < 0:
            return "–"
        interval = found.spread[mode].get(metric)
        return f"{100 * value:.2f}" + (f"\n{100 * interval[0]:.1f} to {100 * interval[1]:.1f}" if interval else "")

    rows = [[NAMES[mode], *(cell(mode, metric) for metric in header[1:])] for mode in MODES]
    for name, values in (("Box", found.box), ("Mask", found.mask)):
        if values is not None:
            known = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "APm": "APm", "APl": "APl", "AR": "AR100"}
            known |= {"ARm": "ARm", "ARl": "ARl"}
            shown = [values[known[metric]] if metric in known else -1.0 for metric in header[1:]]
            rows.append([name, *(f"{100 * value:.2f}" if value >= 0 else "–" for value in shown)])
    return header, rows


def beside_published(found: Evaluation, table: TableName) -> tuple[list[str], list[list[str]]]:
    """Header and rows: ours, and after a line break the published figure and the difference, percent."""
    ours = {"box": found.box, **found.scores}
    rows = []
    for row, name in (("box", "Box"), *NAMES.items()):
        figures, cells = published(table, row), []
        for column in COLUMNS:
            value, theirs = ours[row].get(column, -1.0), figures.get(column)
            text = f"{100 * value:.2f}" if value >= 0 else "–"
            if theirs is not None:
                text += f"\npublished {theirs:.2f}" + (f" ({100 * value - theirs:+.2f})" if value >= 0 else "")
            cells.append(text)
        rows.append([name, *cells])
    return ["", *COLUMNS], rows


def as_json(found: Evaluation) -> dict[str, Any]:
    """The report's numbers."""
    content: dict[str, Any] = {
        "version": importlib.metadata.version("densesynth"),
        "annotations": found.source,
        "predictions": found.predictions,
        "rules": "strict" if found.strict else "reference",
        "counts": dict(found.counts),
        **{f"densepose_{mode}": dict(found.scores[mode]) for mode in MODES},
        "intervals_95": {mode: dict(found.spread[mode]) for mode in MODES},
        "bbox": dict(found.box),
        "segm": None if found.mask is None else dict(found.mask),
        "edges": dict(found.edges),
    }
    if found.people is not None:
        table = confusion(found.people)
        seen = [one for one in found.people if one.detected]
        content["surface"] = {
            "people": len(found.people),
            "detected": len(seen),
            "error_cm": group_errors(found.people),
            "left_right_swaps": swap_rate(table),
            "edge_f_2px": float(np.mean([one.edge_f for one in seen])) if seen else None,
            "mask_iou": float(np.mean([one.mask_iou for one in seen])) if seen else None,
            "confusion": table.tolist(),
        }
    return content


def write_report(
    found: Evaluation, out: Path, images: Path | None, pictures: int = 4, table: TableName | None = None
) -> Path:
    """Write report.json and report.html into `out`; returns the page. images: folder of the pictures, for the best and
    worst of them; those that aren't there are left out with a warning. table: published figures to show beside ours."""
    from densesynth.evaluation.page import figure_html, page_html, plot_confusion, plot_curves, plot_groups, table_html

    make_folder(out)
    content = as_json(found)
    write_bytes(out / "report.json", msgspec.json.format(msgspec.json.encode(content), indent=1))
    header, rows = as_table(found)
    counts = ", ".join(f"{value:,} {name}" for name, value in found.counts.items())
    rules = "strict" if found.strict else "the reference's, quirks included"
    note = f"<p>{found.source} · {found.predictions}<br>{counts}. Rules: {rules}. Small: 95 % bootstrap intervals.</p>"
    curves = figure_html(plot_curves({NAMES[mode]: found.curves[mode] for mode in MODES}), "png", "AP and precision")
    sections = [("Scores, %", note + table_html(header, rows) + _edges_html(found)), ("Curves", curves)]
    if table is not None:
        words = f"<p>The paper's table {table[-1]}, DensePose-COCO 2014 minival; it compares with that file only.</p>"
        sections.insert(1, ("Beside the published figures, %", words + table_html(*beside_published(found, table))))
    if found.people is not None:
        sections.append(("Errors over the surface", _surface_html(content["surface"])))
        groups = content["surface"]["error_cm"]
        if "mean" in groups["all"]["all"]:
            sections.append(("Where errors are", figure_html(plot_groups(groups), "png", "geodesic error")))
            sections.append(("Parts", figure_html(plot_confusion(confusion(found.people)), "png", "part confusion")))
    if images is not None:
        sections += _examples(found, images, pictures)
    page = out / "report.html"
    write_bytes(page, page_html("DensePose evaluation", sections).encode())
    return page


def _edges_html(found: Evaluation) -> str:
    if "contour_px" not in found.edges:
        return ""
    edges = found.edges
    return (
        f"<p>Outlines of the {edges['people']:.0f} people found (mask IoU ≥ 0.5): boundary IoU "
        f"{100 * edges['boundary_iou']:.1f} %; mean distance of contours {edges['contour_px']:.2f} px (median "
        f"{edges['contour_px_median']:.2f}); edges within 2 px: F {edges['edge_f_2px']:.3f}.</p>"
    )


def _surface_html(content: Mapping[str, Any]) -> str:
    from densesynth.evaluation.page import table_html

    header = ["", "pixels", "missed %", "mean cm", "median cm", "90 % cm", "< 5 cm %", "< 10 cm %", "< 20 cm %"]
    rows = []
    for group, entries in content["error_cm"].items():
        if group == "part":
            continue
        for name, value in entries.items():
            numbers = [100 * value.get("missed", 0.0), *(value.get(key, np.nan) for key in ("mean", "median", "p90"))]
            numbers += [100 * value.get(f"under_{cm}", np.nan) for cm in (5, 10, 20)]
            title = "all" if group == "all" else f"{group} {name}"
            rows.append([title, f"{value['pixels']:.0f}", *(f"{number:.1f}" for number in numbers)])
    edge = content["edge_f_2px"]
    words = (
        f"<p>{content['detected']} of {content['people']} people detected (mask IoU ≥ 0.5); left/right swaps "
        f"{100 * content['left_right_swaps']:.2f} % of sided pixels; edges within 2 px: F "
        f"{'–' if edge is None else f'{edge:.3f}'}. Errors are over detected people's pixels.</p>"
    )
    return words + table_html(header, rows)


def _examples(found: Evaluation, images: Path, pictures: int) -> list[tuple[str, str]]:
    from densesynth.evaluation.page import PICTURE_WIDTH, picture_html

    truth, _ = open_truth(Path(found.source))
    ranked = sorted((one for one in found.pairs if any(p.points is not None for p in one.people)), key=mean_gps)
    groups = [("Worst pictures", ranked[:pictures]), ("Best pictures", ranked[::-1][:pictures])]
    sections, absent = [], 0
    for heading, some in groups:
        figures = []
        for one in some:
            path = images / truth.images[one.image_id].file_name
            if not path.exists():
                absent += 1
                continue
            picture = read_picture(path)
            drawn = np.hstack([picture, draw_detections(picture, one.detections)])
            width = 2 * PICTURE_WIDTH
            height = round(width * drawn.shape[0] / drawn.shape[1])
            small = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
            caption = f"{path.name}: mean GPS of its people {mean_gps(one):.3f}; right: predicted parts"
            figures.append(picture_html(np.ascontiguousarray(small), caption))
        if figures:
            sections.append((heading, f'<div class="row">{"".join(figures)}</div>'))
    if absent:
        warnings.warn(f"{images}: {absent} of the pictures to show aren't there", stacklevel=2)
    return sections


def mean_gps(one: ImagePairs) -> float:
    """Mean over a picture's labelled people of their best GPS."""
    labelled = [g for g, person in enumerate(one.people) if person.points is not None]
    return float(one.gps[:, labelled].max(axis=0, initial=0.0).mean()) if labelled else 0.0


def draw_detections(picture: UInt8[Array, "h w 3"], detections: Sequence[Detection]) -> UInt8[Array, "h w 3"]:
    """Predicted parts over the picture, the surest on top; detections below a score of 0.3 are left out."""
    rows, columns = picture.shape[0], picture.shape[1]
    part = np.zeros((rows, columns), np.uint8)
    for one in sorted(detections, key=lambda one: one.score):
        if one.score < 0.3:
            continue
        x, y, w, h = place_of(one.bbox)
        x0, y0 = max(x, 0), max(y, 0)
        x1, y1 = max(min(x + w, columns), x0), max(min(y + h, rows), y0)
        mine = np.minimum(one.iuv[0, y0 - y : y1 - y, x0 - x : x1 - x], 24)
        part[y0:y1, x0:x1] = np.where(mine > 0, mine, part[y0:y1, x0:x1])
    return blend(picture, colour_labels(part, FINE_COLOURS), part > 0, 0.7)
