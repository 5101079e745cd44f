"""A small picture's harmonisation carried to full resolution by a smooth colour transform.

One affine transform of colour for the whole region, and around it a field of small local ones that changes slowly
over the picture: the linear part of a guided filter (He et al., PAMI 2013) with wide windows, fitted on a coarse grid.
Such a transform can recolour, but can neither blur nor move an edge inside the region. A harmonisation at full size is
carried likewise, in windows of some pixels: what a network blurs or weaves into its answer (transposed convolutions
leave a checkerboard) stays behind, and the picture keeps its own detail.
"""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, Float64
from densesynth.compose.harmonise.transfer import paste

GRID = 32  # cells along the longer side
FINE_CELL = 4  # pixels to a cell where a harmonisation at full size is carried
WINDOW = 3.0  # standard deviation of the local fits' windows, cells
STIFFNESS = 0.02  # of the local transforms, as a share of the whole region's mass in one window
RIDGE = 1e-3  # of the global transform towards doing nothing


def carry_colours(
    before: Float32[Array, "sh sw 3"],
    after: Float32[Array, "sh sw 3"],
    small_mask: Float32[Array, "sh sw"],
    picture: Float32[Array, "h w 3"],
    mask: Float32[Array, "h w"],
    grid: int = GRID,
) -> Float32[Array, "h w 3"]:
    """`picture` recoloured inside `mask` as `before` was recoloured to `after` (sRGB, [0, 1], shapes of the same view).

    mask: shares blend, so that an edge pixel is recoloured as much as it shows of the region. grid: cells along the
    longer side.
    """
    whole, local = fit_colours(before, after, small_mask, grid)
    height, width = mask.shape
    field = _resize(local.reshape(*local.shape[:2], 12), (width, height), cv2.INTER_LINEAR)
    field = field.reshape(height, width, 4, 3)
    moved = picture @ whole[:3].astype(np.float32) + whole[3].astype(np.float32) + field[..., 3, :]
    for channel in range(3):
        moved = moved + picture[..., channel, None] * field[..., channel, :]
    return paste(moved.astype(np.float32), picture, mask)


def fit_colours(
    before: Float32[Array, "h w 3"], after: Float32[Array, "h w 3"], mask: Float32[Array, "h w"], grid: int = GRID
) -> tuple[Float64[Array, "4 3"], Float32[Array, "gh gw 4 3"]]:
    """The region's transform (r, g, b, 1) → RGB, and on a coarse grid what is added to it."""
    inside = mask > 0.5
    ones = np.ones((*mask.shape, 1), np.float32)
    features = np.concatenate([before, ones], axis=2)
    x, y = features[inside].astype(np.float64), after[inside].astype(np.float64)
    identity = np.eye(4, 3)
    ridge = RIDGE * len(x) * np.eye(4)
    whole = np.linalg.solve(x.T @ x + ridge, x.T @ y + ridge @ identity)
    residual = (after - (features @ whole).astype(np.float32)) * inside[..., None]
    weighted = features * inside[..., None]
    moments = (weighted[..., :, None] * features[..., None, :]).reshape(*mask.shape, 16)
    targets = (weighted[..., :, None] * residual[..., None, :]).reshape(*mask.shape, 12)
    scale = grid / max(mask.shape)
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))

    def gather(values: Array) -> Array:
        coarse = _resize(values, size, cv2.INTER_AREA)
        return cv2.GaussianBlur(coarse, (0, 0), WINDOW, borderType=cv2.BORDER_CONSTANT)

    m = gather(moments).reshape(size[1], size[0], 4, 4).astype(np.float64)
    t = gather(targets).reshape(size[1], size[0], 4, 3).astype(np.float64)
    local = np.linalg.solve(m + STIFFNESS * np.eye(4), t)
    return whole, local.astype(np.float32)


def _resize(values: Float32[Array, "h w c"], size: tuple[int, int], interpolation: int) -> Float32[Array, "H W c"]:
    """cv2.resize for any multiple of four channels: it takes four at most."""
    parts = [np.ascontiguousarray(values[..., k : k + 4]) for k in range(0, values.shape[2], 4)]
    return np.concatenate([cv2.resize(part, size, interpolation=interpolation) for part in parts], axis=2)
