"""Hands: from flat to fist, finger by finger."""

from __future__ import annotations

import numpy as np

from densesynth.geometry.skeleton import JOINT
from densesynth.motion.figure import Figure, outward
from densesynth.motion.variation import Variation

FINGERS = ("index", "middle", "ring", "pinky")
# Flexion of a finger's three joints at curl 1, radians: as far as fingers of any build go before they meet the palm.
FULL_CURL = (1.2, 1.3, 0.7)
# Thumb at curl 1: rotation vectors of its three joints on the left hand.
THUMB_CURL = ((0.5, 0.1, -0.2), (0.2, 0.0, 0.3), (0.2, 0.0, 0.75))

FLAT = (0.1, 0.03, 0.03, 0.03, 0.05)
FIST = (0.6, 0.88, 0.9, 0.9, 0.88)
GRIP = (0.6, 0.6, 0.62, 0.65, 0.7)
POINT = (0.6, 0.05, 0.85, 0.88, 0.88)


def hand(figure: Figure, side: str, curl: tuple[float, float, float, float, float], spread: float = 0.0) -> None:
    """Curl the fingers (thumb first; 0 flat, 1 fist) and spread them (radians between neighbours)."""
    sign = outward(side)
    for place, (finger, amount) in enumerate(zip(FINGERS, curl[1:], strict=True)):
        # A curled finger can't spread: its neighbours are in the way.
        aside = (place - 1.2) * spread * (1.0 - min(amount, 1.0))
        for k, full in enumerate(FULL_CURL):
            bend = (0.0, sign * amount * full, sign * aside if k == 0 else 0.0)
            figure.rotations[JOINT[f"{side}_{finger}{k + 1}"]] = bend
    for k, full_thumb in enumerate(THUMB_CURL):
        vector = np.array(full_thumb) * curl[0]
        figure.rotations[JOINT[f"{side}_thumb{k + 1}"]] = vector if side == "left" else vector * (1.0, -1.0, -1.0)


def relaxed(figure: Figure, side: str, variation: Variation) -> None:
    """The performer's hand at ease; the right one a little other than the left."""
    extra = 0.08 * variation.asymmetry * (1.0 if side == "left" else -1.0)
    first, second, third, fourth, fifth = (min(max(c + extra, 0.0), 1.0) for c in variation.curl)
    hand(figure, side, (first, second, third, fourth, fifth), variation.spread)
