"""Curves of one variable that motions are made of: easing, pulses, keyed values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ease(value: float) -> float:
    """0 to 1 with level ends (Perlin's fifth-degree step); held outside [0, 1]."""
    x = min(max(value, 0.0), 1.0)
    return x * x * x * (x * (6.0 * x - 15.0) + 10.0)


def ramp(value: float, start: float, end: float) -> float:
    """Eased 0 to 1 while `value` goes from `start` to `end`."""
    return ease((value - start) / (end - start))


def hold(value: float, rise: float, stay: float, leave: float, fall: float) -> float:
    """Up from 0 at `rise` to 1 at `stay`, down again from `leave` to 0 at `fall`, eased."""
    return ramp(value, rise, stay) * (1.0 - ramp(value, leave, fall))


def keyed(keys: Sequence[tuple[float, float]], value: float, *, periodic: bool = False) -> float:
    """Smooth curve through (position, value) keys: cubic Hermite with slopes that never overshoot between keys.

    Slopes are Fritsch and Butland's harmonic means (SIAM J. Sci. Stat. Comput. 5, 1984). periodic: the keys cover
    [0, 1) and the curve repeats; otherwise it is held at its ends.
    """
    if periodic:
        value = value % 1.0
        keys = [(keys[-1][0] - 1.0, keys[-1][1]), *keys, (keys[0][0] + 1.0, keys[0][1]), (keys[1][0] + 1.0, keys[1][1])]
        if value < keys[1][0]:
            value += 1.0
    x = np.array([key[0] for key in keys])
    y = np.array([key[1] for key in keys])
    if value <= x[0]:
        return float(y[0])
    if value >= x[-1]:
        return float(y[-1])
    number = min(int(np.searchsorted(x, value, side="right")) - 1, len(x) - 2)
    steps = np.diff(x)
    slopes = np.diff(y) / steps

    def tangent(k: int) -> float:
        if k in (0, len(x) - 1):
            return 0.0
        before, after = float(slopes[k - 1]), float(slopes[k])
        if before * after <= 0.0:
            return 0.0
        a, b = 2.0 * steps[k] + steps[k - 1], steps[k] + 2.0 * steps[k - 1]
        return float((a + b) / (a / before + b / after))

    step = float(steps[number])
    s = (value - float(x[number])) / step
    first, second = tangent(number) * step, tangent(number + 1) * step
    low, high = float(y[number]), float(y[number + 1])
    cubic = low + s * first
    cubic += s * s * (3.0 * (high - low) - 2.0 * first - second)
    cubic += s * s * s * (2.0 * (low - high) + first + second)
    return cubic
