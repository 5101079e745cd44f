"""Soft blending: an alpha whose edge is spread over a thick band, inside and outside."""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, UInt8

BAND = 2.5  # half width of the band, standard deviations: what the Gaussian leaves beyond it is under a grey level


Box = tuple[slice, slice]  # rows and columns
WIDE = 16.0  # px; discs below it are laid faster than distances are found
FAINTEST = 1.0 / 512.0  # alpha below it leaves a pixel of 8 bits as it was


def bounds(where: Bool[Array, "h w"]) -> Box:
    """The smallest rectangle about what is true; empty where nothing is."""
    x, y, w, h = cv2.boundingRect(where.view(np.uint8))
    return np.s_[y : y + h, x : x + w]


def soften_alpha(alpha: Float32[Array, "h w"], sigma: float) -> Float32[Array, "h w"]:
    """Alpha blurred by a Gaussian of `sigma` pixels within BAND · sigma of its half-level contour, on both sides; as it
    was beyond. Leave that much room around the object."""
    inside = (alpha >= 0.5).astype(np.uint8)
    if sigma < 0.1 or not inside.any() or inside.all():
        return alpha
    soft = alpha.copy()
    np.copyto(soft, _blur(alpha, sigma), where=_near_edge(inside, BAND * sigma + 1.0))
    return soft


def _near_edge(inside: UInt8[Array, "h w"], reach: float) -> Bool[Array, "h w"]:
    """Which pixels lie within `reach` of the nearest one of the other kind."""
    if reach > WIDE:
        distances = [cv2.distanceTransform(own, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for own in (inside, 1 - inside)]
        return np.asarray(np.maximum(*distances) <= reach)
    along = np.arange(-int(reach), int(reach) + 1)
    disc = (along * along + (along * along)[:, None] <= reach * reach).astype(np.uint8)
    return np.asarray(cv2.dilate(inside, disc) != cv2.erode(inside, disc))


def extend_values(
    values: Float32[Array, "c h w"], alpha: Float32[Array, "h w"], soft: Float32[Array, "h w"], sigma: float
) -> Float32[Array, "c h w"]:
    """Values that hold where alpha > 0, carried outwards as far as `soft`, alpha as softened by sigma, can be seen:
    a soft edge shows the object's own colours instead of whatever stood behind it. Changes values."""
    inside = alpha >= 0.5
    missing = ~inside & (soft > FAINTEST)
    for spread in (1.0, max(sigma, 1.0), 3.0 * max(sigma, 1.0)):
        if not missing.any() or not inside.any():
            break
        own = inside.astype(np.float32)
        weight = _blur(own, spread)
        take = ~inside & (weight > 1e-3)
        weight[~take] = 1.0
        for plane in values:
            np.divide(_blur(plane * own, spread), weight, out=plane, where=take)
        inside |= take
        missing &= ~take
    return values


def _blur(plane: Float32[Array, "h w"], spread: float) -> Float32[Array, "h w"]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), spread, borderType=cv2.BORDER_CONSTANT))
