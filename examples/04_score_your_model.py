"""Score detections of your own model against a dataset: AP by GPS, GPSm and mask, and errors in centimetres.

Here the "model" is the truth, once as it is and once spoiled on purpose: left and right arms exchanged.

Run: uv run examples/04_score_your_model.py OUT_FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from densesynth import Dataset, Recipe, generate_dataset, open_dataset
from densesynth.data.results import Detection, place_of, write_results
from densesynth.evaluate import evaluate
from densesynth.evaluation.report import write_report

LEFT_RIGHT = {15: 16, 16: 15, 17: 18, 18: 17, 19: 20, 20: 19, 21: 22, 22: 21}  # upper and lower arms, front and back


def predict(dataset: Dataset, exchange_arms: bool) -> Iterator[Detection]:
    """One detection for each person, as any model would give it: a box, a score, and I, U, V within the box."""
    parts = np.arange(25, dtype=np.uint8)
    if exchange_arms:
        for one, other in LEFT_RIGHT.items():
            parts[one] = other
    for frame in dataset:
        for annotation in frame.annotations:
            left, top, width, height = annotation.bbox
            x, y, w, h = place_of((left, top, width, height))
            window = np.s_[y : y + h, x : x + w]
            mine = frame.segmentation[window][..., 0] == annotation.densesynth.instance
            iuv = np.where(mine[..., None], frame.iuv[window], 0).transpose(2, 0, 1).copy()
            iuv[0] = parts[iuv[0]]
            box = (x, y, iuv.shape[2], iuv.shape[1])
            yield Detection(image_id=annotation.image_id, bbox=box, score=0.9, iuv=iuv)


def main(out: Path) -> None:
    generate_dataset(Recipe(), out / "people", frames=4, seed=5, progress=True)
    dataset = open_dataset(out / "people")
    for name in ("right", "exchanged"):
        write_results(out / f"{name}.json", predict(dataset, exchange_arms=name == "exchanged"))
        found = evaluate(out / "people", out / f"{name}.json", draws=0)
        print(f"{name:9s}", *(f"{mode} AP {100 * scores['AP']:.1f}  " for mode, scores in found.scores.items()))
        write_report(found, out / f"report_{name}", images=None)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "scored"))
