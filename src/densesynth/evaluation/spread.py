"""The page and the JSON of `densesynth spread`: histograms of a dataset's or a recipe's people, beside COCO's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

from densesynth.data.files import make_folder, write_bytes
from densesynth.data.spread import (
    AT_THE_EDGE,
    MEASURES,
    OF_FRAMES,
    Histogram,
    Measure,
    Values,
    empty_bins,
    histograms,
    measure_coco,
)
from densesynth.evaluation.page import figure_html, page_html, plot_png, table_html

# What is published of COCO's people, with its source. Of heights, occlusion and the frame's cuts we know of nothing.
PUBLISHED = (
    ("People with keypoints", "250,000", "cocodataset.org, keypoints task"),
    (
        "People in a training picture that has any",
        "4.0, on 64,115 pictures",
        "CrowdHuman (arXiv 1805.00123), COCOPersons in its table of datasets",
    ),
    (
        "People whose box overlaps another person's by IoU ≥ 0.1",
        "35,148, in 14,003 groups",
        "COCO-Crowd (sites.google.com/view/coco-crowd), of the 2014 train and val sets",
    ),
)


def report_spread(name: str, measured: Callable[[], Values], out: Path, coco: Path | None = None) -> tuple[Path, Path]:
    """Write index.html and spread.json into `out`, and return them.

    name: of what was measured, on the page. measured: called for the values once COCO's file is known to be one.
    coco: an annotation file of COCO to count people of in the same way. Raises DatasetError.
    """
    theirs = {} if coco is None else histograms(measure_coco(coco))
    ours = histograms(measured())
    make_folder(out)
    page, numbers = out / "index.html", out / "spread.json"
    named = None if coco is None else coco.name
    table = {"dataset": _plain(ours), "coco_file": named, "coco": _plain(theirs)}
    write_bytes(numbers, (json.dumps(table, indent=1) + "\n").encode())
    write_bytes(page, draw_page(name, ours, theirs, named).encode())
    return page, numbers


def draw_page(name: str, ours: Mapping[str, Histogram], theirs: Mapping[str, Histogram], coco: str | None) -> str:
    """The whole page. coco: name of the file that `theirs` was counted in."""
    header = ["", "number", "mean", "5 %", "median", "95 %", "bins with nobody"]
    rows = []
    for who, some in ((name, ours), (coco or "", theirs)):
        for measure in MEASURES:
            if measure.key in some:
                one = some[measure.key]
                holes = ", ".join(f"{low:g} to {high:g}" for low, high in empty_bins(measure, one)) or "none"
                numbers = [f"{value:.3g}" for value in (one.mean, *one.quantiles)]
                rows.append([f"{measure.title}\n{who}", str(one.number), *numbers, holes])
    beside = (
        f"<p>Beside it, in grey: {coco}, its people without crowds, counted in the same way.</p>"
        if coco
        else "<p>Give COCO's annotation file (<code>--coco person_keypoints_val2017.json</code>) to see its people "
        "beside these, counted in the same way. Published figures that we know of are below; of "
        "heights, occlusion and what frames cut we know of none.</p>"
    )
    drawn = plot(ours, theirs, name, coco or "")
    caption = f"Share of the people (of the pictures: people, roll). A box touches the edge within {AT_THE_EDGE:g} px."
    return page_html(
        f"Spread of {name}",
        [
            ("Histograms", beside + figure_html(drawn, "png", caption)),
            ("In numbers", table_html(header, rows)),
            ("Published of COCO's people", table_html(["", "figure", "source"], [list(row) for row in PUBLISHED])),
        ],
    )


def plot(ours: Mapping[str, Histogram], theirs: Mapping[str, Histogram], name: str, coco: str) -> bytes:
    """Every measure's histogram, one figure. Returns a PNG."""
    shown = [measure for measure in MEASURES if measure.key in ours]
    columns = 3
    figure, axes = plt.subplots(-(-len(shown) // columns), columns, figsize=(12, 2.6 * -(-len(shown) // columns)))
    for axis, measure in zip(axes.flat, shown, strict=False):
        _draw(axis, measure, ours[measure.key], "#4878a8", name)
        if measure.key in theirs:
            _draw(axis, measure, theirs[measure.key], "#555555", coco)
            axis.legend(fontsize=7)
        axis.set_title(measure.title, fontsize=9)
        axis.set_xlabel(measure.unit, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_ylabel("of the pictures" if measure.key in OF_FRAMES else "of the people", fontsize=7)
    for axis in axes.flat[len(shown) :]:
        axis.axis("off")
    figure.tight_layout()
    return plot_png(figure)


def _draw(axis: Any, measure: Measure, histogram: Histogram, colour: str, label: str) -> None:
    share = np.array(histogram.counts) / max(sum(histogram.counts), 1)
    axis.stairs(share, measure.edges, fill=colour != "#555555", color=colour, label=label, linewidth=1.4)


def _plain(some: Mapping[str, Histogram]) -> dict[str, Any]:
    edges = {measure.key: measure.edges for measure in MEASURES}
    return {
        key: {
            "edges": edges[key],
            "counts": one.counts,
            "number": one.number,
            "mean": one.mean,
            "quantiles_5_50_95": one.quantiles,
        }
        for key, one in some.items()
    }
