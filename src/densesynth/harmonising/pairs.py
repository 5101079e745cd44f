"""Pairs for training harmonisation: a real picture, a region of it, and the region spoiled.

Three kinds of folder are understood: a dataset of densesynth (people are the regions), iHarmony4, and any folder of
photographs `NAME.jpg` or `NAME.png` with masks `masks/NAME.png`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, UInt8
from densesynth.compose.harmonise.perturb import PerturbSettings, perturb
from densesynth.data.dataset import MANIFEST, complete_frames
from densesynth.data.record import IMAGES, SEGMENTATION, file_of
from densesynth.errors import AssetError

IHARMONY_TRAIN = "IHD_train.txt"
PICTURES = (".jpg", ".jpeg", ".png")
LEAST_SHARE, MOST_SHARE = 0.005, 0.9  # of the picture, that a region may fill to be of use


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """Where one pair comes from. composite: None where the region is spoiled by us. instances: the mask file is a
    segmentation of densesynth, whose first channel is above 0 at people."""

    real: Path
    mask: Path
    composite: Path | None = None
    instances: bool = False


@dataclass(frozen=True)
class Pair:
    """real, composite: sRGB, [0, 1]. mask: 0 or 1."""

    real: Float32[Array, "h w 3"]
    composite: Float32[Array, "h w 3"]
    mask: Float32[Array, "h w"]


def gather_pairs(folders: tuple[Path, ...]) -> tuple[PairFiles, ...]:
    """The pairs of all folders, one after another. Raises AssetError."""
    if not folders:
        raise AssetError("no folder of pairs: give a dataset, iHarmony4, or pictures with masks/")
    return tuple(pair for folder in folders for pair in find_pairs(folder))


def find_pairs(folder: Path) -> tuple[PairFiles, ...]:
    """The pairs a folder offers, sorted by name. Raises AssetError when it offers none."""
    if not folder.is_dir():
        raise AssetError(f"{folder}: there is no such folder; give a dataset, iHarmony4, or pictures with masks/")
    if (folder / MANIFEST).exists():
        found = [
            PairFiles(real=file_of(folder, IMAGES, k), mask=file_of(folder, SEGMENTATION, k), instances=True)
            for k in sorted(complete_frames(folder))
        ]
    elif (folder / IHARMONY_TRAIN).exists():
        lines = (folder / IHARMONY_TRAIN).read_text(encoding="utf-8").split()
        found = [_iharmony_files(folder, line) for line in sorted(lines)]
    else:
        pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        masks = {path: folder / "masks" / f"{path.stem}.png" for path in pictures}
        found = [PairFiles(real=path, mask=mask) for path, mask in masks.items() if mask.exists()]
    if not found:
        raise AssetError(
            f"{folder}: no pairs; expected a dataset of densesynth, {IHARMONY_TRAIN}, or pictures with masks/NAME.png"
        )
    return tuple(found)


def _iharmony_files(folder: Path, line: str) -> PairFiles:
    """`SET/composite_images/NAME_MASK_VARIANT.jpg` → its mask `NAME_MASK.png` and real picture `NAME.jpg`."""
    composite = folder / line
    name, part, _ = composite.stem.rsplit("_", 2)
    home = composite.parent.parent
    return PairFiles(
        real=home / "real_images" / f"{name}.jpg", mask=home / "masks" / f"{name}_{part}.png", composite=composite
    )


def read_rgb(path: Path) -> UInt8[Array, "h w 3"]:
    """A picture of three channels. Raises AssetError: missing, damaged, or another number of channels."""
    picture = _decode(path)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] != 3:
        raise AssetError(f"{path}: expected a picture of 3 channels, found {picture.shape[2]}; save it without alpha")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def read_mask(path: Path, instances: bool = False) -> Float32[Array, "h w"]:
    """A mask file: white (above half) is inside; of a segmentation, wherever its first channel says a person."""
    picture = _decode(path)
    if instances:
        return (picture[..., 2] > 0).astype(np.float32)
    if picture.ndim == 3:
        picture = picture[..., :3].max(axis=2)
    return (picture >= 128).astype(np.float32)


def _decode(path: Path) -> Array:
    try:
        content = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise AssetError(f"{path}: there is no such file") from None
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if picture is None or picture.dtype != np.uint8:
        raise AssetError(f"{path}: not an 8-bit JPEG or PNG, or damaged; save it again")
    return picture


def read_pair(files: PairFiles, size: int, perturbing: PerturbSettings, rng: np.random.Generator) -> Pair | None:
    """One pair at size × size, mirrored half of the time; None where the region is too small or too large to teach."""
    real, mask = read_rgb(files.real), read_mask(files.mask, files.instances)
    mirrored = rng.uniform() < 0.5
    if mask.shape != real.shape[:2]:
        raise AssetError(f"{files.mask}: expected the picture's size {real.shape[1]}×{real.shape[0]}, "
                         f"found {mask.shape[1]}×{mask.shape[0]}")  # fmt: skip
    small = _fit(real, size)
    mask = cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST)
    if not LEAST_SHARE <= mask.mean() <= MOST_SHARE:
        return None
    if files.composite is None:
        composite = perturb(small, mask, perturbing, rng)
    else:
        composite = _fit(read_rgb(files.composite), size)
        composite = np.where(mask[..., None] > 0, composite, small)
    if mirrored:
        small, composite, mask = (np.ascontiguousarray(a[:, ::-1]) for a in (small, composite, mask))
    return Pair(small, composite, mask)


def _fit(picture: UInt8[Array, "h w 3"], size: int) -> Float32[Array, "s s 3"]:
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
