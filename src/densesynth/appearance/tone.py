"""Skin tone on pictures: which texels are skin, how it looks, and what makes one tone another.

Tones are cube roots of cone responses, the space between OKLab's two matrices (Ottosson 2020): means there are means in
OKLab. Brought to power three they scale light, so a tone becomes another by three gains, and black stays black.
"""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, Float64, UInt8

# Ottosson's first matrix, linear sRGB to cones, and its inverse.
CONES_FROM_LINEAR: Float64[Array, "3 3"] = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LINEAR_FROM_CONES: Float64[Array, "3 3"] = np.linalg.inv(CONES_FROM_LINEAR)
# CIELAB units within which a colour is as good as a tone: of lightness, which shading moves, and of the two hues.
LIGHTNESS, CHROMA = 26.0, 11.0
SURE, UNSURE = 0.8, 1.3  # of these: within all skin, beyond all cloth
ENOUGH = 40  # points of skin whose tone counts


def cone_roots(srgb: UInt8[Array, "n 3"]) -> Float64[Array, "n 3"]:
    value = np.asarray(srgb, np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ CONES_FROM_LINEAR.T))


def srgb_of(tone: Float64[Array, "3"]) -> UInt8[Array, "3"]:
    """A tone as a colour, for judging likeness."""
    linear = np.clip(LINEAR_FROM_CONES @ tone**3, 0.0, 1.0)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255.0 * value).astype(np.uint8)


def skin_share(srgb: UInt8[Array, "n 3"], tone: Float64[Array, "3"]) -> Float32[Array, "n"]:
    """How surely colours are skin of a tone: 1 within SURE, 0 beyond UNSURE, smooth between."""
    lab = cv2.cvtColor(np.ascontiguousarray(srgb)[None], cv2.COLOR_RGB2LAB)[0].astype(np.float32)
    own = cv2.cvtColor(srgb_of(tone)[None, None], cv2.COLOR_RGB2LAB)[0, 0].astype(np.float32)
    off = lab - own
    off[:, 0] *= 100.0 / 255.0  # OpenCV's eight bits: L·2.55, a and b + 128
    distance = np.sqrt(np.square(off[:, 0] / LIGHTNESS) + np.square(off[:, 1:] / CHROMA).sum(axis=1))
    t = np.clip((UNSURE - distance) / (UNSURE - SURE), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def find_tone(
    points: UInt8[Array, "n 3"], others: UInt8[Array, "m 3"] | None = None, like: Float64[Array, "3"] | None = None
) -> Float64[Array, "3"]:
    """The tone of the skin among some colours.

    like: a tone that it must be like; where hardly any is, that one is given. others: the hands', which count where
    they are like the first's (no gloves).
    """
    if like is None:
        like = np.median(cone_roots(points), axis=0)
    skin = points[skin_share(points, like) > 0.5]
    if others is not None:
        near = others[skin_share(others, like) > 0.5]
        skin = np.concatenate([skin, near]) if len(near) > len(others) // 2 else skin
    return like if len(skin) < ENOUGH else np.asarray(cone_roots(skin).mean(axis=0))


def gains(tone: Float64[Array, "3"], wanted: Float64[Array, "3"]) -> Float64[Array, "3"]:
    """Factors of cone responses that make one tone another."""
    return np.asarray((wanted / np.maximum(tone, 1e-3)) ** 3)
