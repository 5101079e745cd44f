"""The lining of the mouth: two rows of teeth where it folds (`body.faces`), gums around them, dark flesh behind."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.reference.base import Samples, bump, mix, ramp
from densesynth.arrays import Array

FLESH, GUM, ENAMEL = (0.12, 0.022, 0.02), (0.26, 0.07, 0.065), (0.58, 0.53, 0.43)
GAPS = (0.0, 0.0084, 0.0152, 0.0222)  # metres from the middle at which a tooth ends


def paint_mouth(s: Samples) -> tuple[Array, Array]:
    """Colour and roughness."""
    x, y, z = s.p.T
    side, fp = np.abs(x), s.footprint
    scallop = 0.0007 * np.abs(np.cos(np.pi * (side - GAPS[1] / 2.0) / 0.0072))
    upper = z - 1.4592 - scallop + 0.0016 * ramp(0.017, 0.024, side)
    lower = 1.4392 + 0.0024 * bump(side - 0.0125, 0.007) - scallop - z
    front = ramp(-0.118, -0.124, y) * ramp(0.026, 0.022, side)
    soft = 0.0004 + 0.5 * fp
    tooth = ramp(-soft, soft, upper) * ramp(1.4712, 1.4704, z) + ramp(-soft, soft, lower) * ramp(1.4305, 1.4312, z)
    gum = ramp(-0.0046, -0.0034, upper) * ramp(1.4712, 1.4704, z) + ramp(-0.004, -0.003, lower) * ramp(1.43, 1.431, z)
    tooth, gum = tooth * front, np.minimum(gum, 1.0) * front
    gap = sum(bump(side - at, 0.00035 + 0.4 * fp) for at in GAPS) * (0.00035 / (0.00035 + 0.4 * fp))
    shade = (1.0 - 0.45 * np.minimum(gap, 1.0)) * (1.0 - 0.6 * ramp(0.01, 0.025, side))
    colour = mix(np.broadcast_to(np.array(FLESH), s.p.shape), np.array(GUM), gum)
    colour = mix(colour, np.array(ENAMEL) * shade[:, None], tooth)
    return colour, 0.5 - 0.28 * tooth
