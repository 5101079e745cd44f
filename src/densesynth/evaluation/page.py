"""The report as one HTML page that holds all it needs: tables, plots, the best and the worst pictures."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

from densesynth.arrays import Array, Int64, UInt8
from densesynth.data.files import encode_jpeg
from densesynth.evaluation.average_precision import RECALLS, THRESHOLDS, Curve
from densesynth.surface.parts import FINE_NAMES

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}
small{color:#777;display:block;font-size:.75rem;white-space:pre-line}
img{max-width:100%}
.row{display:flex;flex-wrap:wrap;gap:1rem}.row figure{margin:0;flex:1 1 30rem}
figcaption{color:#555;font-size:.85rem}
"""
PICTURE_WIDTH = 420


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a cell's text after a line break is set small below it."""

    def cell(text: str, tag: str) -> str:
        first, _, rest = text.partition("\n")
        small = f"<small>{html.escape(rest)}</small>" if rest else ""
        return f"<{tag}>{html.escape(first)}{small}</{tag}>"

    lines = ["<tr>" + "".join(cell(text, "th") for text in header) + "</tr>"]
    lines += ["<tr>" + "".join(cell(text, "td") for text in row) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def page_html(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """(heading, inner HTML) of each section → the whole page."""
    body = "".join(f"<h2>{html.escape(heading)}</h2>{inner}" for heading, inner in sections)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>\n"
    )


def figure_html(content: bytes, kind: str, caption: str) -> str:
    """A picture (`png`, `jpeg`) within the page."""
    data = base64.b64encode(content).decode("ascii")
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/{kind};base64,{data}"><figcaption>{text}</figcaption></figure>'


def make_plots(count: int) -> tuple[Any, Any]:
    """A figure with so many plots side by side."""
    return plt.subplots(1, count, figsize=(5 * count, 3.6))


def plot_png(figure: Any) -> bytes:
    """A matplotlib figure as PNG; closes it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return stream.getvalue()


def plot_curves(curves: Mapping[str, Curve]) -> bytes:
    """AP against the threshold, and precision against recall at 0.5 and 0.75, of each mode. Returns a PNG."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    for number, (name, curve) in enumerate(curves.items()):
        colour = f"C{number}"
        left.plot(
            THRESHOLDS, np.maximum(curve.precision, 0.0).mean(axis=1), "o-", color=colour, label=name, markersize=3
        )
        for threshold, line in ((0, "-"), (5, ":")):
            label = f"{name} ≥ {THRESHOLDS[threshold]:g}"
            right.plot(RECALLS, np.maximum(curve.precision[threshold], 0.0), line, color=colour, label=label)
    left.set(xlabel="threshold", ylabel="AP", ylim=(0, 1.02))
    right.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02), xlim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return plot_png(figure)


def plot_groups(groups: Mapping[str, Mapping[str, Mapping[str, float]]]) -> bytes:
    """Mean and 90th percentile of the error by part and by the other groups. Returns a PNG."""
    names = [name for name in groups if name not in ("all", "part")]
    figure, axes = plt.subplots(1, 1 + len(names), figsize=(12, 5), width_ratios=[2.2, *[1] * len(names)])
    for axis, name in zip(np.atleast_1d(axes), ["part", *names], strict=True):
        some = {key: value for key, value in groups[name].items() if "mean" in value}
        place = np.arange(len(some))
        axis.barh(place, [value["p90"] for value in some.values()], color="#cfdceb", label="90 %")
        axis.barh(place, [value["mean"] for value in some.values()], color="#4878a8", height=0.5, label="mean")
        axis.set_yticks(place, list(some), fontsize=7)
        axis.invert_yaxis()
        axis.set_title(f"{name}, cm", fontsize=9)
        axis.tick_params(axis="x", labelsize=7)
    np.atleast_1d(axes)[0].legend(fontsize=7)
    figure.tight_layout()
    return plot_png(figure)


def plot_confusion(table: Int64[Array, "25 25"]) -> bytes:
    """Share of each true part's pixels by predicted part. Returns a PNG."""
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(7, 6))
    picture = axes.imshow(share[1:] ** 0.5, cmap="magma", vmin=0, vmax=1)
    axes.set_xticks(np.arange(25), FINE_NAMES, rotation=90, fontsize=7)
    axes.set_yticks(np.arange(24), FINE_NAMES[1:], fontsize=7)
    axes.set(xlabel="predicted", ylabel="true")
    bar = figure.colorbar(picture, ax=axes, ticks=np.sqrt([0, 0.01, 0.1, 0.25, 0.5, 1]))
    bar.ax.set_yticklabels(["0", "1 %", "10 %", "25 %", "50 %", "100 %"], fontsize=7)
    return plot_png(figure)


def picture_html(picture: UInt8[Array, "h w 3"], caption: str) -> str:
    return figure_html(encode_jpeg(picture, 82), "jpeg", caption)
