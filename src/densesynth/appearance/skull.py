"""The mean adult's skull, which long hair is laid on, and where a posed head has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from densesynth.arrays import Array, Float64

CENTRE = np.array([0.0, -0.035, 1.53])  # of the mean adult's skull, metres, at rest
AZIMUTHS, POLARS = 120, 61  # of the table of a skull's radius
BLOCK = 30  # directions reckoned at a time: as many as stay in a core's cache


@dataclass(frozen=True, eq=False)
class Skull:
    """points: of the mean adult's head, from CENTRE, metres."""

    points: Float64[Array, "n 3"]

    def radius(self, direction: Float64[Array, "n 3"]) -> Float64[Array, "n"]:
        """How far the head, ears included, reaches in directions (unit), smoothed outwards."""
        around = (np.arctan2(direction[:, 0], -direction[:, 1]) / (2.0 * np.pi) % 1.0) * AZIMUTHS
        polar = np.arccos(np.clip(direction[:, 2], -1.0, 1.0)) / np.pi * (POLARS - 1)
        a, p = around.astype(np.int64) % AZIMUTHS, np.minimum(polar.astype(np.int64), POLARS - 2)
        da, dp = around - np.floor(around), polar - p
        upper = self._table[p, a] * (1.0 - da) + self._table[p, (a + 1) % AZIMUTHS] * da
        lower = self._table[p + 1, a] * (1.0 - da) + self._table[p + 1, (a + 1) % AZIMUTHS] * da
        return np.asarray(upper * (1.0 - dp) + lower * dp)

    @cached_property
    def _table(self) -> Float64[Array, "p a"]:
        """`radius` by polar angle and azimuth."""
        polar, around = np.meshgrid(
            np.pi * np.arange(POLARS) / (POLARS - 1), 2.0 * np.pi * np.arange(AZIMUTHS) / AZIMUTHS, indexing="ij"
        )
        flat = np.sin(polar)
        direction = np.stack([flat * np.sin(around), -flat * np.cos(around), np.cos(polar)], axis=2)
        return self._reach(direction.reshape(-1, 3)).reshape(polar.shape)

    def _reach(self, direction: Float64[Array, "n 3"]) -> Float64[Array, "n"]:
        far = np.linalg.norm(self.points, axis=1)
        towards, power = (self.points / far[:, None]).T, far**9
        reach = np.empty(len(direction))
        for start in range(0, len(direction), BLOCK):
            weight = direction[start : start + BLOCK] @ towards
            weight -= 1.0
            weight *= 160.0
            np.exp(weight, out=weight)
            weight += 1e-12
            total = weight.sum(axis=1)
            weight *= power
            reach[start : start + BLOCK] = weight.sum(axis=1) / total
        return np.asarray(reach ** (1.0 / 9.0))


@dataclass(frozen=True, eq=False)
class Head:
    """Where a head is: the similarity from the mean adult at rest, and what of its scalp it leaves over."""

    scale: float
    turn: Float64[Array, "3 3"]
    shift: Float64[Array, "3"]
    off: Float64[Array, "m 3"]

    def carry(self, points: Float64[Array, "n 3"], share: Float64[Array, "n m"] | None) -> Float64[Array, "n 3"]:
        """Points of the mean head at rest (metres) → in the world. share: how much of each scalp vertex's own
        difference (every third of them) each point takes over; None for nothing of it."""
        placed = self.scale * points @ self.turn.T + self.shift
        return placed if share is None else np.asarray(placed + share @ self.off[::3])
