"""Who has long hair, and of which kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from densesynth.appearance.colour import draw_cloth_colour
from densesynth.appearance.outfit import Outfit, Tresses

WOMEN, MEN = 0.66, 0.07  # of those without headwear have long hair
LONG = (0.07, 0.42)  # metres below the ears


def draw_tresses(outfit: Outfit, sex: float, rng: np.random.Generator) -> Outfit:
    """Some outfits with long hair for what hair they had; sex: 0 male .. 1 female. Always the same number of draws."""
    chance, which, length, front, aside, volume, wave, forward, high = rng.random(9)
    tie = draw_cloth_colour(np.random.default_rng(rng.integers(2**63)))
    female = sex > 0.5
    if chance >= (WOMEN if female else MEN) or outfit.headwear != "none":
        return outfit
    shares = (0.56, 0.82) if female else (0.4, 0.65)
    kind: Literal["loose", "pony tail", "bun"] = (
        "loose" if which < shares[0] else "pony tail" if which < shares[1] else "bun"
    )
    tresses = Tresses(
        kind=kind,
        length=LONG[0] + (LONG[1] - LONG[0]) * length**1.4 if kind == "loose" else 0.12 + 0.28 * length,
        front=62.0 + 26.0 * front,
        aside=0.035 * (2.0 * aside - 1.0) if aside < 0.7 else 0.0,
        volume=0.012 + 0.012 * volume,
        wave=0.012 * max(2.0 * wave - 1.0, 0.0),
        forward=95.0 if forward < 0.4 else 60.0,
        high=high,
        tie=tie,
    )
    hair = replace(outfit.hair, kind="swept back", recede=min(outfit.hair.recede, 0.0))
    return replace(outfit, hair=hair, tresses=tresses)


def sways(outfit: Outfit) -> bool:
    """Whether an outfit has something that hangs free."""
    return outfit.loose is not None or (outfit.tresses is not None and outfit.tresses.kind != "bun")
