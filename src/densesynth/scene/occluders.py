"""Cut-outs that hide parts of people, as values: drawn here, made and placed in `compose/occluder.py`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from densesynth.arrays import Array, Float32
from densesynth.errors import AssetError
from densesynth.scene.asset_folder import keep_readable
from densesynth.scene.settings import Range, check_ranges

KINDS = ("box", "ball", "bottle", "plant", "bag", "chair")
USUAL = (1.0, 0.65, 0.5, 1.0, 0.7, 1.4)  # sizes of things of these kinds that stand, to the size drawn
LARGEST = 1024  # pixels kept of a file's longer side
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class OccluderSettings:
    """Flat cut-outs over people. What they hide is nobody's in the labels."""

    count: tuple[int, int] = (0, 0)
    """Cut-outs over each person who gets any, up to 8; [0, 0] is off."""
    share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.25
    """How many of the people get any."""
    size: Range = (0.2, 0.6)
    """Longer side of a cut-out, as a share of the longer side of the person's box; of a procedural one that stands,
    times what is usual for its kind."""
    softness: Range = (0.5, 3.0)
    """Standard deviation of the Gaussian that softens its edge, pixels; [0, 0] leaves edges as they are."""
    standing: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.6
    """How many of them stand on the ground before the person, with a shadow; the others come in from the frame's edge
    where one is near, or else stand too."""
    folder: Path | None = None
    """Folder (searched with its subfolders) of PNG pictures with alpha; leave out for procedural objects."""

    def __post_init__(self) -> None:
        check_ranges(self, count=(0, 8), size=(0.02, 2.0), softness=(0.0, 50.0))


@dataclass(frozen=True, kw_only=True)
class Occluder:
    """One cut-out. stands: how far below the person's lowest pixel it stands, as a share of its height; None where it
    doesn't. person: whom it hides, from 1. kind: index into KINDS or number of the folder's file. seed: of a
    procedural object. at: which of the person's pixels its middle covers, as a share of them in row order. size: see
    `OccluderSettings`. turn: radians, anticlockwise. softness: pixels."""

    person: int
    kind: int
    seed: int
    at: float
    size: float
    turn: float
    mirrored: bool
    softness: float
    stands: float | None = None


def draw_occluders(
    settings: OccluderSettings, people: int, kinds: int, rng: np.random.Generator
) -> tuple[Occluder, ...]:
    """Draw the cut-outs of a frame, the furthest first. kinds: how many files or procedural kinds there are."""
    if settings.count[1] == 0:
        return ()
    drawn = []
    for person in range(1, people + 1):
        chosen = bool(rng.random() < settings.share)
        count = int(rng.integers(settings.count[0], settings.count[1], endpoint=True))
        for _ in range(count if chosen else 0):
            one = Occluder(
                person=person,
                kind=int(rng.integers(kinds)),
                seed=int(rng.integers(2**31)),
                at=float(rng.random()),
                size=float(rng.uniform(*settings.size)),
                turn=float(rng.normal(0.0, 0.2)),
                mirrored=bool(rng.random() < 0.5),
                softness=float(rng.uniform(*settings.softness)),
            )
            drawn.append(_stand(one, rng) if rng.random() < settings.standing else one)
    return tuple(drawn)


def _stand(one: Occluder, rng: np.random.Generator) -> Occluder:
    """The cut-out upright on the ground, a little nearer to the camera than the person."""
    return replace(one, stands=float(rng.uniform(0.0, 0.45)), turn=0.1 * one.turn)


@dataclass(frozen=True)
class CutoutFolder:
    """Pictures with alpha that can be used, in the order of their names. left_out: one line for each that can't be."""

    paths: tuple[Path, ...]
    left_out: tuple[str, ...]


def open_cutouts(folder: Path) -> CutoutFolder:
    """Check every PNG of a folder and its subfolders. Those that can't be used are left out with a warning; raises
    AssetError when none is left."""
    good, left_out = keep_readable(
        folder, read_cutout, suffixes=(".png",), what="PNG pictures with alpha", setting="occluders.folder"
    )
    return CutoutFolder(good, left_out)


@lru_cache(maxsize=32)
def read_cutout(path: Path) -> Float32[Array, "h w 4"]:
    """sRGB and alpha, [0, 1], cropped to what isn't transparent, at most LARGEST on a side. Raises AssetError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror})") from None
    try:
        whole = _is_whole(data)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    except cv2.error:
        picture = None
    if picture is None:
        raise AssetError(f"{path}: expected a PNG picture with alpha; this is corrupt, cut short or something else")
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise AssetError(f"{path}: expected a PNG picture with alpha, found one without; cut the object out")
    scaled = picture.astype(np.float32) / np.float32(np.iinfo(picture.dtype).max)
    shown = scaled[..., 3] > 0.0
    if not (scaled[..., 3] >= 0.5).any() or (scaled[..., 3] >= 0.5).all():
        what = "opaque" if shown.any() and (scaled[..., 3] >= 0.5).all() else "transparent"
        raise AssetError(f"{path}: {what} all over; cut the object out")
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    scaled = scaled[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    colour = cv2.cvtColor(np.ascontiguousarray(scaled[..., :3]), cv2.COLOR_BGR2RGB)
    rgba = np.dstack([colour, scaled[..., 3]])
    if max(rgba.shape[:2]) > LARGEST:
        factor = LARGEST / max(rgba.shape[:2])
        premultiplied = np.dstack([rgba[..., :3] * rgba[..., 3:], rgba[..., 3]])
        small = cv2.resize(premultiplied, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        rgba = np.dstack([small[..., :3] / np.maximum(small[..., 3:], 1e-4), small[..., 3]])
    return np.ascontiguousarray(np.clip(rgba, 0.0, 1.0), dtype=np.float32)


def _is_whole(content: bytes) -> bool:
    """Whether every chunk of a PNG is there and matches its checksum (PNG specification, section 5)."""
    at = len(_PNG_SIGNATURE)
    while content.startswith(_PNG_SIGNATURE) and at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        told = int.from_bytes(content[end - 4 : end], "big")
        if end > len(content) or zlib.crc32(content[at + 4 : end - 4]) != told:
            return False
        if content[at + 4 : at + 8] == b"IEND":
            return True
        at = end
    return False
