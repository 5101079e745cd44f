"""The camera's sensor: linear light → noisy sRGB bytes, in one pass.

Noise has a standard deviation that grows with the square root of the light (shot noise) over a constant floor (read
noise). Its grain comes from one fixed tape of normal deviates, of which each run of values reads another piece.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, UInt8
from densesynth.render.kernels.sensor import RUN, develop_kernel

TAPE = 1 << 18  # normal deviates
MID_GREY = 0.18  # linear light where the noise is as strong as it is said to be
READ_SHARE = 0.05  # share of the noise's variance at mid-grey that doesn't depend on light


def encode_srgb(linear: Float32[Array, "*n"]) -> Float32[Array, "*n"]:
    """Linear light [0, 1] → sRGB value [0, 1] (IEC 61966-2-1)."""
    low = linear * np.float32(12.92)
    high = np.float32(1.055) * np.maximum(linear, np.float32(0.0031308)) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, low, high)


@cache
def load_grain(device: str) -> wp.array:
    grain = np.random.default_rng(20220101).standard_normal(TAPE + int(RUN), dtype=np.float32)
    return wp.array(grain, dtype=wp.float32, device=device)


def develop(
    linear: Float32[Array, "h w 3"], noise: float, rng: np.random.Generator, device: str = "cpu"
) -> UInt8[Array, "h w 3"]:
    """Linear light (white = 1) → sRGB picture.

    noise: standard deviation at mid-grey as a share of white, after encoding; 0 is off. rng draws the grain.
    """
    slope = 1.055 / 2.4 * MID_GREY ** (1 / 2.4 - 1)  # of the sRGB curve at mid-grey
    variance = (noise / slope) ** 2  # of linear light at mid-grey
    read, shot = READ_SHARE * variance, (1.0 - READ_SHARE) * variance / MID_GREY
    runs = -(-linear.size // int(RUN))
    starts = wp.array(rng.integers(TAPE, size=runs, dtype=np.int32), dtype=wp.int32, device=device)
    source = wp.array(np.ascontiguousarray(linear).ravel(), dtype=wp.float32, device=device, copy=False)
    picture = wp.empty(linear.size, dtype=wp.uint8, device=device)
    inputs = [source, read, shot, load_grain(device), starts, picture]
    wp.launch(develop_kernel, runs, inputs, device=device)
    return picture.numpy().reshape(linear.shape)
