"""Harmonise a user's own pictures: files in, files out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float32
from densesynth.compose.harmonise.drift import Drift
from densesynth.compose.harmonise.harmoniser import Harmoniser, check_mask
from densesynth.data.files import encode_png, make_folder, write_bytes
from densesynth.errors import AssetError
from densesynth.harmonising.pairs import find_pairs, read_mask, read_rgb


@dataclass(frozen=True)
class Written:
    """path: the PNG written. rejected: it holds the picture as it was: edges would have moved by `drift`."""

    path: Path
    drift: Drift
    rejected: bool


def find_inputs(picture: Path, mask: Path | None) -> list[tuple[Path, Path, bool]]:
    """(picture, mask, whether the mask is a segmentation of densesynth) of one file, or of a folder as for training."""
    if picture.is_dir():
        if mask is not None:
            raise AssetError(f"{mask}: a mask goes with one picture, and {picture} is a folder; leave --mask out")
        return [(pair.composite or pair.real, pair.mask, pair.instances) for pair in find_pairs(picture)]
    if mask is None:
        raise AssetError(f"{picture}: give the region's mask with --mask, white inside")
    return [(picture, mask, False)]


def harmonise_pictures(
    inputs: Sequence[tuple[Path, Path, bool]],
    out: Path,
    harmoniser: Harmoniser,
    report: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """Write `out`/NAME.png for every input, in batches. report: told (done, total).

    Raises AssetError at the first input that can't be used; what is written stays.
    """
    make_folder(out)
    written: list[Written] = []
    for start in range(0, len(inputs), harmoniser.batch):
        group = inputs[start : start + harmoniser.batch]
        loaded = [_load(*item) for item in group]
        numbers = range(start, start + len(group))
        results = harmoniser.apply([picture for picture, _ in loaded], [mask for _, mask in loaded], numbers)
        for (path, _, _), result in zip(group, results, strict=True):
            target = out / f"{path.stem}.png"
            write_bytes(target, encode_png(np.rint(result.picture * 255.0).astype(np.uint8)))
            written.append(Written(target, result.drift, result.rejected))
        if report is not None:
            report(len(written), len(inputs))
    return written


def _load(path: Path, mask_path: Path, instances: bool) -> tuple[Float32[Array, "h w 3"], Float32[Array, "h2 w2"]]:
    picture = read_rgb(path).astype(np.float32) / np.float32(255)
    mask = read_mask(mask_path, instances)
    check_mask(picture, mask, str(mask_path))
    return picture, mask
