"""The cheap ways: colour statistics and histograms carried from the surroundings to the region.

Pictures are sRGB floats in [0, 1]; masks are 1 inside the region. What lies outside stays as it is, bit for bit.
"""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, UInt8

BAND_SHARE = 0.06  # width of the boundary band as a share of the picture's shorter side
LEVELS = 256
LEAST_SPREAD = 0.5  # of a channel of CIELAB, so that a flat region isn't blown up


def transfer_reinhard(picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]) -> Float32[Array, "h w 3"]:
    """The region with the surroundings' mean and standard deviation in CIELAB.

    Reinhard et al., Color Transfer between Images, 2001, with CIELAB for lαβ.
    """
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    inside, outside = lab[mask > 0.5], lab[mask <= 0.5]
    spread = np.maximum(inside.std(axis=0), LEAST_SPREAD)
    moved = (lab - inside.mean(axis=0)) * (outside.std(axis=0) / spread) + outside.mean(axis=0)
    return paste(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB), picture, mask)


def match_band(picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]) -> Float32[Array, "h w 3"]:
    """The region through one curve a channel: the one that gives the inner side of its boundary the histogram of the
    outer side. Raises nothing: where the picture has no outer side, the whole surroundings count."""
    inner, outer = boundary_bands(mask)
    source, target = picture[inner], picture[outer]
    matched = np.empty_like(picture)
    quantiles = np.linspace(0.0, 1.0, LEVELS)
    for channel in range(3):
        there = np.quantile(target[:, channel], quantiles)
        here = np.quantile(source[:, channel], quantiles) + np.arange(LEVELS) * 1e-7  # rising, for the inverse
        matched[..., channel] = np.interp(picture[..., channel], here, there)
        below, above = picture[..., channel] < here[0], picture[..., channel] > here[-1]
        matched[..., channel][below] += (picture[..., channel] - np.float32(here[0]))[below]
        matched[..., channel][above] += (picture[..., channel] - np.float32(here[-1]))[above]
    return paste(matched, picture, mask)


def boundary_bands(mask: Float32[Array, "h w"]) -> tuple[Array, Array]:
    """Boolean maps (h, w) of the two sides of the region's boundary, each a band of `BAND_SHARE`."""
    inside: UInt8[Array, "h w"] = (mask > 0.5).astype(np.uint8)
    width = max(2, round(BAND_SHARE * min(mask.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inner = (inside > 0) & (cv2.dilate(1 - inside, kernel) > 0)
    outer = (inside == 0) & (cv2.dilate(inside, kernel) > 0)
    return inner, outer


def paste(
    region: Float32[Array, "h w 3"], picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"]
) -> Float32[Array, "h w 3"]:
    """The region's colours, clipped to [0, 1], where the mask says so; shares blend."""
    share = mask[..., None]
    blended = np.where(share > 0.0, picture + (np.clip(region, 0.0, 1.0) - picture) * share, picture)
    return blended.astype(np.float32)
