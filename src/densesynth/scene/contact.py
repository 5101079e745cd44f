"""Contact shadows: how much of the sky bodies near the ground take away from it.

Bodies are cut into layers by height; a layer darkens the ground below it, the less and the wider the higher it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.arrays import Array, Float32

CELL = 0.02  # metres
MOST_CELLS = 320
MARGIN = 0.5  # metres around the bodies
# Up to this height (m) a layer reaches; its blur (m); the share of the sky it takes where it is everywhere above.
LAYERS = ((0.03, 0.012, 0.6), (0.07, 0.035, 0.5), (0.3, 0.12, 0.35), (1.0, 0.3, 0.25))
TOUCHING = 0.6  # share of the sky left from where down the key light is taken too: where soles all but touch the ground


@dataclass(frozen=True)
class Contact:
    """A map of the ground. open_sky: share of the sky left, 0..1. first: x, y of its first cell's centre; cell: its
    width, metres."""

    open_sky: Float32[Array, "h w"]
    first: tuple[float, float]
    cell: float

    def open_at(self, x: Float32[Array, "n"], y: Float32[Array, "n"]) -> Float32[Array, "n"]:
        """Share of the sky that points of the ground see; 1 beyond the map."""
        u, v = (
            ((x - self.first[0]) / self.cell).astype(np.float32),
            ((y - self.first[1]) / self.cell).astype(np.float32),
        )
        columns = 1024  # cv2's maps are pictures, none of whose sides may be long
        rows = -(-len(u) // columns)
        padded = np.zeros((2, rows * columns), np.float32)
        padded[0, : len(u)], padded[1, : len(v)] = u, v
        across, down = padded.reshape(2, rows, columns)
        found = cv2.remap(
            self.open_sky, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0
        )
        return np.asarray(found.reshape(-1)[: len(u)], dtype=np.float32)


def find_contact(vertices_in_world: Float32[Array, "v 3"], strength: float) -> Contact | None:
    """Contact shadows of bodies on the ground z = 0; strength: 1 as it would be, 0 none. None without bodies low."""
    by_axis = np.ascontiguousarray(vertices_in_world.T)  # reduces ten times as fast
    low = by_axis.take(np.flatnonzero(by_axis[2] < LAYERS[-1][0]), axis=1)
    if not low.shape[1] or strength <= 0.0:
        return None
    first, last = low[:2].min(axis=1) - MARGIN, low[:2].max(axis=1) + MARGIN
    cell = max(CELL, float((last - first).max()) / MOST_CELLS)
    columns, rows = (int(size) for size in np.ceil((last - first) / cell) + 1)
    across, down = np.rint((low[:2] - first[:, None]) / cell).astype(np.int64)
    flat = down * columns + across
    open_sky = np.ones((rows, columns), np.float32)
    spread = np.ones((3, 3), np.uint8)
    for height, blur, taken in LAYERS:
        mask = np.zeros(rows * columns, np.uint8)
        mask[flat[low[2] < height]] = 255
        covered = cv2.morphologyEx(mask.reshape(rows, columns), cv2.MORPH_CLOSE, spread, iterations=2)
        soft = _blur(covered.astype(np.float32), max(blur / cell, 0.5))
        open_sky *= np.float32(1.0) - np.float32(min(taken * strength, 0.95) / 255.0) * soft
    return Contact(open_sky, (float(first[0]), float(first[1])), cell)


def _blur(values: Float32[Array, "h w"], sigma: float) -> Float32[Array, "h w"]:
    """A Gaussian blur of `sigma` cells, wide ones on a coarser grid: their cost grows with the width."""
    factor = min(int(sigma // 3.0), *values.shape)
    if factor < 2:
        return cv2.GaussianBlur(values, (0, 0), sigma)
    height, width = values.shape
    padded = cv2.copyMakeBorder(values, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE)
    size = padded.shape[1] // factor, padded.shape[0] // factor
    # Taking means and drawing between them spread a point by themselves, by a variance of about 1/12 + 1/6 of a cell's.
    rest = float(np.sqrt(max((sigma / factor) ** 2 - 0.25, 0.25)))
    coarse = cv2.GaussianBlur(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), (0, 0), rest)
    return cv2.resize(coarse, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
