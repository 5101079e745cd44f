"""The colours of parts, instances and keypoints, sRGB uint8.

Colours were chosen in OKLCH so that the person's right side is warm and their left side cool, a pair of parts differs
in lightness, and no two parts are closer than 15 in CIELAB.
"""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, UInt8

BACKGROUND = (23, 24, 28)


def _table(*colours: str) -> UInt8[Array, "n 3"]:
    table = np.array([tuple(bytes.fromhex(colour)) for colour in colours], dtype=np.uint8)
    table.setflags(write=False)
    return table


_BACKGROUND_HEX = bytes(BACKGROUND).hex()

FINE_COLOURS: UInt8[Array, "25 3"] = _table(
    _BACKGROUND_HEX,
    "278733", "6dd456",  # torso back, front
    "fbdf12", "22fcfd",  # hands right, left
    "623ac3", "a30877",  # feet left, right
    "9e0016", "1a41be", "e94646", "4e7ffd",  # upper legs: back right, left; front right, left
    "ed4f8d", "af6af2", "ff94b8", "c4b0ff",  # lower legs, in the same order
    "1292c0", "c9690c", "40cfff", "fda856",  # upper arms: front left, right; back left, right
    "0dc1d0", "d6a20a", "138297", "9b690b",  # lower arms, in the same order
    "ffb183", "a6cdff",  # head right, left
)  # fmt: skip

COARSE_COLOURS: UInt8[Array, "15 3"] = _table(
    _BACKGROUND_HEX,
    "4aad45",  # torso
    "fbdf12", "22fcfd",  # hands right, left
    "623ac3", "a30877",  # feet left, right
    "e94646", "4e7ffd",  # upper legs right, left
    "ff94b8", "c4b0ff",  # lower legs right, left
    "40cfff", "fda856",  # upper arms left, right
    "138297", "9b690b",  # lower arms left, right
    "e8dcd0",  # head
)  # fmt: skip

INSTANCE_COLOURS: UInt8[Array, "8 3"] = _table(
    "ffb000", "35a7ff", "fe6100", "7bd389", "dc267f", "b8a1ff", "c5d86d", "00c2a8"
)  # fmt: skip

# COCO's 17 keypoints: nose neutral, the person's left cool, their right warm.
KEYPOINT_COLOURS: UInt8[Array, "17 3"] = _table("ffffff", *(("2ec4ff", "ff8c2e") * 8))


def instance_colour(instance: int) -> tuple[int, int, int]:
    """The colour of person `instance` (from 1); colours repeat after eight."""
    red, green, blue = INSTANCE_COLOURS[(instance - 1) % len(INSTANCE_COLOURS)]
    return int(red), int(green), int(blue)


def chart_ramp() -> UInt8[Array, "256 3"]:
    """The colour ramp of U and V: viridis, 0 dark violet to 255 yellow."""
    return cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_VIRIDIS)[:, 0, ::-1].copy()
