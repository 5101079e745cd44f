"""Label drift: how far a change of appearance has moved edges and texture, in pixels.

What a smooth change of colour explains is taken out first (the colour transform of `carry`, fitted between the two
pictures); what is left is followed by optical flow (Lucas and Kanade 1981, dense Gaussian windows, coarse to fine). So
recolouring alone counts as no motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.arrays import Array, Float32
from densesynth.compose.harmonise.carry import carry_colours

BAND = 2  # pixels on either side of the silhouette that count to it
WINDOW = 8.0  # standard deviation of the flow's windows, pixels
SMOOTHING = (4.0, 2.0, 1.0, 1.0, 1.0)  # of both pictures before each round, pixels
STEP = 32  # OpenCV's warps come in steps of 1/32 px: round first, so that the next round sees what was left
TINY = 1e-12
STIFFNESS = 2e-6  # against motion where there is nothing to see, squared contrast per pixel


@dataclass(frozen=True)
class Drift:
    """Mean displacement, pixels, weighted by contrast. silhouette: in a band about the mask's outline. texture: inside
    of it. Either is 0 where there is nothing to follow."""

    silhouette: float
    texture: float

    @property
    def worst(self) -> float:
        return max(self.silhouette, self.texture)


def measure_drift(
    before: Float32[Array, "h w 3"], after: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]
) -> Drift:
    """before, after: sRGB, [0, 1]. mask: share of the region in each pixel of `before`."""
    inside = (mask > 0.5).astype(np.uint8)
    if inside.all() or not inside.any() or np.array_equal(before, after):
        return Drift(0.0, 0.0)
    expected = carry_colours(before, after, mask, before, mask)
    flow = follow(_grey(expected), _grey(after))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND + 1, 2 * BAND + 1))
    inner, outer = cv2.erode(inside, kernel), cv2.dilate(inside, kernel)
    grey = _grey(expected)
    contrast = cv2.Sobel(grey, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(grey, cv2.CV_32F, 0, 1) ** 2
    length = np.linalg.norm(flow, axis=2)

    def mean(where: Array) -> float:
        weight = contrast * where
        total = float(weight.sum())
        return float((weight * length).sum()) / total if total > 0.0 else 0.0

    return Drift(silhouette=mean(outer - inner), texture=mean(inner))


def follow(first: Float32[Array, "h w"], second: Float32[Array, "h w"]) -> Float32[Array, "h w 2"]:
    """Displacement (x, y) of what `first` shows, such that second(p + d) ≈ first(p), pixels."""
    height, width = first.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    flow = np.zeros((height, width, 2), np.float32)
    for sigma in SMOOTHING:
        a, b = cv2.GaussianBlur(first, (0, 0), sigma), cv2.GaussianBlur(second, (0, 0), sigma)
        flow = np.round(flow * STEP) / np.float32(STEP)
        warped = cv2.remap(
            b, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        middle = 0.5 * (a + warped)
        dx = cv2.filter2D(middle, -1, np.array([[-0.5, 0.0, 0.5]], np.float32))
        dy = cv2.filter2D(middle, -1, np.array([[-0.5], [0.0], [0.5]], np.float32))
        change = a - warped
        xx, xy, yy, xt, yt = (
            cv2.GaussianBlur(v, (0, 0), WINDOW) for v in (dx * dx, dx * dy, dy * dy, dx * change, dy * change)
        )
        xx, yy = xx + np.float32(STIFFNESS), yy + np.float32(STIFFNESS)
        determinant = xx * yy - xy * xy
        step = np.stack([yy * xt - xy * yt, xx * yt - xy * xt], axis=2) / determinant[..., None]
        flow = flow + step.astype(np.float32)
    return flow * _explained(a, b, flow, columns, rows)[..., None]


def _explained(
    first: Float32[Array, "h w"],
    second: Float32[Array, "h w"],
    flow: Float32[Array, "h w 2"],
    columns: Float32[Array, "h w"],
    rows: Float32[Array, "h w"],
) -> Float32[Array, "h w"]:
    """How far to believe a motion: 1 where it explains half or more of the pictures' squared difference around, falling
    to 0 where it explains nothing of it: what a colour transform has left there is no motion, stripes above all."""
    moved = cv2.remap(
        second, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    still_error, moved_error = (cv2.GaussianBlur((item - first) ** 2, (0, 0), WINDOW) for item in (second, moved))
    return np.clip(2.0 * (1.0 - moved_error / (still_error + np.float32(TINY))), 0.0, 1.0).astype(np.float32)


def _grey(picture: Float32[Array, "h w 3"]) -> Float32[Array, "h w"]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
