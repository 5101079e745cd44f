"""Soft blending: an alpha whose edge is spread over a thick band, inside and outside."""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Float32

BAND = 2.5  # half width of the band, standard deviations: what the Gaussian leaves beyond it is under a grey level


def soften_alpha(alpha: Float32[Array, "h w"], sigma: float) -> Float32[Array, "h w"]:
    """Alpha blurred by a Gaussian of `sigma` pixels within BAND · sigma of its half-level contour, on both sides; as it
    was beyond. Leave that much room around the object."""
    inside = (alpha >= 0.5).astype(np.uint8)
    if sigma < 0.1 or not inside.any() or inside.all():
        return alpha
    to_edge = np.where(
        inside > 0,
        cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE),
        cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE),
    )
    blurred = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.where(to_edge <= BAND * sigma + 1.0, blurred, alpha).astype(np.float32)


def extend_values(
    values: Float32[Array, "h w c"], alpha: Float32[Array, "h w"], sigma: float
) -> Float32[Array, "h w c"]:
    """Values that hold where alpha > 0, carried outwards over the band, so that a soft edge shows the object's own
    colours instead of whatever stood behind it."""
    inside = alpha >= 0.5
    result = values
    for spread in (1.0, max(sigma, 1.0), 3.0 * max(sigma, 1.0)):
        weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), spread, borderType=cv2.BORDER_CONSTANT)
        take = ~inside & (weight > 1e-3)
        if not take.any():
            continue
        held = values * inside[..., None]
        near = np.concatenate(
            [
                cv2.GaussianBlur(
                    np.ascontiguousarray(held[..., k : k + 3]), (0, 0), spread, borderType=cv2.BORDER_CONSTANT
                )
                for k in range(0, values.shape[2], 3)
            ],
            axis=2,
        )
        taken = np.flatnonzero(take)
        result = result.copy()
        flat = result.reshape(-1, result.shape[2])
        flat[taken] = near.reshape(flat.shape)[taken] / np.maximum(weight.reshape(-1)[taken], np.float32(1e-6))[:, None]
        values, inside = result, inside | take
    return np.ascontiguousarray(result, dtype=np.float32)
