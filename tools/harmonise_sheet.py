"""Draw before/after pairs of 32 composites: python tools/harmonise_sheet.py DATASET CHECKPOINT OUT.jpg.

The people of a dataset that nothing was trained from are spoiled as training does, then harmonised by the network, its
colours carried to the picture's own size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from densesynth.compose.harmonise.harmoniser import open_harmoniser
from densesynth.compose.harmonise.perturb import PerturbSettings, perturb
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.data.files import encode_jpeg, write_bytes
from densesynth.harmonising.pairs import find_pairs, read_mask, read_rgb

COUNT, PER_ROW, SIDE, GAP = 32, 4, 152, 4
ESTIMATE_SIZE = 128


def draw(dataset: Path, checkpoint: Path, out: Path) -> None:
    settings = HarmoniseSettings(method="rain", checkpoint=checkpoint, estimate_size=ESTIMATE_SIZE)
    harmoniser = open_harmoniser(settings)
    assert harmoniser is not None
    held = find_pairs(dataset)
    cells, drifts = [], []
    for k, files in enumerate(held):
        picture = read_rgb(files.real).astype(np.float32) / np.float32(255)
        mask = read_mask(files.mask, files.instances)
        if not 0.05 < mask.mean() < 0.6 or len(cells) == COUNT:
            continue
        before = perturb(picture, mask, PerturbSettings(), np.random.default_rng([0, 2, k]))
        (result,) = harmoniser.apply([before], [mask])
        drifts.append(result.drift.worst)
        pair = [cv2.resize(item, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for item in (before, result.picture)]
        cells.append(np.pad(np.concatenate(pair, axis=1), ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0))
    rows = [np.concatenate(cells[k : k + PER_ROW], axis=1) for k in range(0, len(cells) - PER_ROW + 1, PER_ROW)]
    write_bytes(out, encode_jpeg(np.rint(np.concatenate(rows) * 255).astype(np.uint8), 85))
    print(f"{len(cells)} composites, mean drift {np.mean(drifts):.3f} px, largest {np.max(drifts):.3f} px: {out}")


if __name__ == "__main__":
    draw(*(Path(argument) for argument in sys.argv[1:4]))
