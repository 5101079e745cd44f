"""The camera's sensor: linear light → noisy sRGB bytes, in one pass.

Noise has a standard deviation that grows with the square root of the light (shot noise) over a constant floor (read
noise). Its grain comes from one fixed tile of normal deviates, shifted anew in every picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, UInt8
from densesynth.render.kernels.sensor import develop_kernel

TILE = 512  # pixels; a power of two
TONES = 4096  # steps of the linear → sRGB table
MID_GREY = 0.18  # linear light where the noise is as strong as it is said to be
READ_SHARE = 0.25  # share of the noise's variance at mid-grey that doesn't depend on light


def encode_srgb(linear: Float32[Array, "*n"]) -> Float32[Array, "*n"]:
    """Linear light [0, 1] → sRGB value [0, 1] (IEC 61966-2-1)."""
    low = linear * np.float32(12.92)
    high = np.float32(1.055) * np.maximum(linear, np.float32(0.0031308)) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= 0.0031308, low, high)


@cache
def _tables(device: str) -> tuple[wp.array, wp.array]:
    # Tones are spaced as squares of linear light, so that shadows have as many steps as they need.
    linear = (np.arange(TONES, dtype=np.float32) / np.float32(TONES - 1)) ** 2
    tones = np.round(encode_srgb(linear) * 255).astype(np.uint8)
    grain = np.random.default_rng(20220101).standard_normal(TILE * TILE, dtype=np.float32)
    return wp.array(tones, dtype=wp.uint8, device=device), wp.array(grain, dtype=wp.float32, device=device)


def _spread(noise: float) -> Float32[Array, "4096"]:
    """Standard deviation of the noise at each tone, in steps of the table."""
    root = np.maximum(np.arange(TONES) / (TONES - 1), 1e-2)
    slope = 1.055 / 2.4 * MID_GREY ** (1 / 2.4 - 1)  # of the sRGB curve at mid-grey
    deviation = noise / slope * np.sqrt(READ_SHARE + (1.0 - READ_SHARE) * root**2 / MID_GREY)
    return (deviation / (2.0 * root) * (TONES - 1)).astype(np.float32)


def develop(
    linear: Float32[Array, "h w 3"], noise: float, rng: np.random.Generator, device: str = "cpu"
) -> UInt8[Array, "h w 3"]:
    """Linear light (white = 1) → sRGB picture.

    noise: standard deviation at mid-grey as a share of white, after encoding; 0 is off. rng shifts the grain.
    """
    height, width = linear.shape[:2]
    tones, grain = _tables(device)
    shifts = [int(s) for s in rng.integers(TILE, size=6)]
    source = wp.array(np.ascontiguousarray(linear).ravel(), dtype=wp.float32, device=device, copy=False)
    spread = wp.array(_spread(noise), dtype=wp.float32, device=device)
    picture = wp.empty(height * width * 3, dtype=wp.uint8, device=device)
    inputs = [source, width, tones, spread, grain, TILE, wp.vec3i(*shifts[:3]), wp.vec3i(*shifts[3:]), picture]
    wp.launch(develop_kernel, height, inputs, device=device)
    return picture.numpy().reshape(height, width, 3)
