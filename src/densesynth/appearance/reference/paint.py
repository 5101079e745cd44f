"""All layers over one another."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.reference.base import Samples
from densesynth.appearance.reference.clothes import paint_bottom, paint_extras, paint_feet, paint_top
from densesynth.appearance.reference.mouth import paint_mouth
from densesynth.appearance.reference.skin import paint_eyes, paint_hair, paint_skin
from densesynth.arrays import Array


def paint(s: Samples) -> tuple[Array, Array, Array]:
    """(albedo [n 3] linear RGB, roughness [n], share of the sample that trunk and leg garments cover [n])."""
    colour, roughness = paint_skin(s)
    colour, roughness = paint_hair(s, colour, roughness)
    colour, roughness = paint_feet(s, colour, roughness)
    tucked = s.row["tucked"] > 0.5
    first, first_rough, top = paint_top(s, colour, roughness)
    first, first_rough, bottom = paint_bottom(s, first, first_rough)
    last, last_rough, _ = paint_bottom(s, colour, roughness)
    last, last_rough, _ = paint_top(s, last, last_rough)
    colour = np.where(tucked[:, None], first, last)
    roughness = np.where(tucked, first_rough, last_rough)
    colour, roughness = paint_extras(s, colour, roughness)
    inside = [s.category == k for k in range(1, 7)]
    mouth, mouth_rough = paint_mouth(s)
    closed = [np.array([0.2, 0.07, 0.06]), np.array([0.12, 0.022, 0.02]), np.array([0.35, 0.1, 0.1])]
    lining = [paint_eyes(s), *closed, mouth, np.array([0.24, 0.065, 0.065])]
    colour = np.select([k[:, None] for k in inside], [np.broadcast_to(c, colour.shape) for c in lining], colour)
    roughness = np.select(inside, [0.12, 0.6, 0.5, 0.4, mouth_rough, 0.75], roughness)
    covered = np.where(s.category == 0, 1.0 - (1.0 - top) * (1.0 - bottom), 0.0)
    return np.clip(colour, 0.0, 1.0).astype(np.float32), roughness.astype(np.float32), covered.astype(np.float32)
