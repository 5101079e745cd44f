"""The lower edge of what is worn over trousers: a short loose garment about the hips that carries on a top.

Painted on the body, the hem of an untucked shirt would follow the crotch as a leotard does. So the shirt on the body
ends above the hips, and from the waist down a stack of rings (`appearance.loose`) hangs about them, painted as the body
points that it covers are in the whole shirt: pattern, buttons and seams go on over it.
"""

from __future__ import annotations

from dataclasses import replace

from densesynth.appearance.loose import AROUND, STEP, TOP
from densesynth.appearance.outfit import HIGHEST_TOP_HEM, Loose, Outfit

HIP = 0.862  # metres above the ground of the mean adult's hip joint, where lengths along the leg begin
DROP = 0.03  # metres that a hem hangs lower than the painted one would end
SHORTEST = -0.005  # metres along the leg
OVERLAP = 0.06  # metres above the hem that the top on the body ends, hidden
CLOSED = 0.09  # radians to either side of a jacket's middle that its zip leaves open below
HALF_WIDTH = 0.135  # metres from the body's middle to its front


def cut_hem(outfit: Outfit) -> tuple[Outfit, Outfit, Loose] | None:
    """(outfit of the body, outfit that the hem is painted in, the hem); None for tops that are tucked in or that have
    a skirt or a coat below."""
    top = outfit.top
    if top.tucked or outfit.loose is not None or not 0.5 < top.hem < 1.1:
        return None
    rings = round((max(HIP - top.hem + DROP, SHORTEST) - TOP) / STEP)
    length = TOP + STEP * rings
    spread = (7.31 * outfit.seed) % 1.0
    opening = 0.0
    if top.kind == "jacket":
        # As wide as the opening that is painted above, in whole faces.
        step = 6.2832 / AROUND
        wide = top.opening * 1.1 / HALF_WIDTH if top.opening > 0.0 else CLOSED * (spread < 0.4)
        opening = step * round(wide / step)
    loose = Loose(
        kind="hem",
        length=length,
        flare=(0.0 if top.kind in ("jumper", "jacket", "vest") else 0.04) + 0.14 * spread,
        folds=5 + int(4.0 * ((3.7 * outfit.seed) % 1.0)),
        depth=0.5,
        opening=opening,
    )
    body = replace(outfit, top=replace(top, hem=min(HIP - length + OVERLAP, HIGHEST_TOP_HEM)))
    hung = replace(outfit, top=replace(top, hem=HIP - length, opening=0.0 if opening > 0.0 else top.opening))
    return body, hung, loose
