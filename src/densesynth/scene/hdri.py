"""A folder of HDR panoramas: found, checked once, read when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from densesynth.arrays import Array, Float32
from densesynth.errors import AssetError
from densesynth.scene.asset_folder import keep_readable
from densesynth.scene.extraction import EnvironmentLight, extract_light

SUFFIXES = (".hdr", ".exr")
WIDEST = 2048  # columns kept; a picture shows a part of them, and what is behind a person is seldom in focus
BRIGHTEST = 1e6  # radiance above this is no light but damage


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One panorama. radiance: equirectangular, linear RGB, finite, ≥ 0. light: what it casts."""

    name: str
    radiance: Float32[Array, "h w 3"]
    light: EnvironmentLight


@dataclass(frozen=True)
class EnvironmentFolder:
    """Panoramas that can be used, in the order of their names. left_out: one line for each file that can't be."""

    paths: tuple[Path, ...]
    left_out: tuple[str, ...]

    def draw(self, rng: np.random.Generator) -> Environment:
        """One of them, each as likely."""
        return read_environment(self.paths[int(rng.integers(len(self.paths)))])


def open_environments(folder: Path) -> EnvironmentFolder:
    """Check every panorama of a folder and its subfolders. Those that can't be used are left out with a warning;
    raises AssetError when none is left."""
    good, left_out = keep_readable(
        folder,
        read_panorama,
        suffixes=SUFFIXES,
        what="equirectangular HDR panoramas (.hdr)",
        setting="background.environments",
    )
    return EnvironmentFolder(good, left_out)


def read_panorama(path: Path) -> Float32[Array, "h w 3"]:
    """Linear RGB of an equirectangular panorama, at most WIDEST columns. Raises AssetError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror})") from None
    if data.startswith(b"\x76\x2f\x31\x01") and "OpenEXR:                     NO" in cv2.getBuildInformation():
        raise AssetError(f"{path}: this OpenCV reads no OpenEXR; convert it to Radiance .hdr")
    try:
        flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR_RGB
        panorama = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        panorama = None
    if panorama is None or panorama.dtype != np.float32:
        raise AssetError(f"{path}: expected a Radiance .hdr picture; this is corrupt, cut short or something else")
    height, width = panorama.shape[:2]
    if width != 2 * height:
        raise AssetError(f"{path}: expected a whole panorama twice as wide as high, found {width}×{height} pixels")
    wrong = ~np.isfinite(panorama) | (panorama < 0.0) | (panorama > BRIGHTEST)
    if wrong.any():
        count = int(wrong.any(axis=-1).sum())
        raise AssetError(f"{path}: {count} pixels are NaN, infinite, negative or above {BRIGHTEST:g}; mend the file")
    if float(panorama.max()) <= 0.0:
        raise AssetError(f"{path}: black all over; it lights nothing")
    if width > WIDEST:
        panorama = cv2.resize(panorama, (WIDEST, WIDEST // 2), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(panorama, dtype=np.float32)


@lru_cache(maxsize=16)
def read_environment(path: Path) -> Environment:
    """A panorama with its light. Raises AssetError."""
    radiance = read_panorama(path)
    return Environment(name=path.name, radiance=radiance, light=extract_light(radiance))
