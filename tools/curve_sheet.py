"""Draws the losses and held-out measures of training runs: tools/curve_sheet.py RUN… --out curves.png"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

LEFT_OUT = {"step", "rate", "norm", "waited"}


def read_log(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Name → (step, value), from a run's log.jsonl; steps done twice (after a kill) count once, the later."""
    series: dict[str, dict[int, float]] = {}
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        for name, value in entry.items():
            if name not in LEFT_OUT:
                series.setdefault(name, {})[entry["step"]] = value
    return {name: sorted(values.items()) for name, values in series.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    mpl.use("agg")
    figure, axes = plt.subplots(2, len(options.runs), figsize=(5 * len(options.runs), 6), squeeze=False)
    for column, run in enumerate(options.runs):
        for name, values in read_log(run).items():
            held_out = name.startswith("held out/")
            steps, numbers = zip(*values, strict=True)
            if held_out and name.endswith("_cm"):
                numbers, name = tuple(number / 100.0 for number in numbers), name.replace("_cm", " (m)")
            axes[int(held_out), column].plot(steps, numbers, "o-" if held_out else "-", label=name, markersize=3)
        axes[0, column].set_title(f"{run.name}: losses")
        axes[1, column].set_title(f"{run.name}: held out")
        for axis in axes[:, column]:
            axis.set_xlabel("step")
            axis.grid(alpha=0.3)
            if axis.lines:
                axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
