"""A dataset's own labels as predictions, exact or spoilt."""

from __future__ import annotations

import numpy as np

from densesynth.data.dataset import Dataset
from densesynth.data.results import Detection, place_of
from densesynth.surface.parts import FINE_MIRROR


def own_labels(dataset: Dataset, *, swap: bool = False, noise: float = 0.0, seed: int = 0) -> list[Detection]:
    """swap: left and right exchanged. noise: of U and V, and of the score."""
    rng = np.random.default_rng(seed)
    found = []
    for frame in dataset:
        for annotation in frame.annotations:
            x, y, w, h = place_of(tuple(annotation.bbox))
            mine = frame.segmentation[y : y + h, x : x + w, 0] == annotation.densesynth.instance
            iuv = np.where(mine, np.moveaxis(frame.iuv[y : y + h, x : x + w], -1, 0), 0).astype(np.uint8)
            if swap:
                iuv[0] = FINE_MIRROR[iuv[0]]
            if noise:
                uv = iuv[1:] + 255 * noise * rng.normal(size=iuv[1:].shape)
                iuv[1:] = np.where(iuv[0] > 0, np.clip(uv, 0, 255), 0)
            found.append(
                Detection(image_id=frame.index, bbox=tuple(annotation.bbox), score=1.0 - 0.5 * rng.random(), iuv=iuv)
            )
    return found
