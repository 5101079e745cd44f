"""Where eyes look: how far they turn in their sockets, as strengths of a face's `eyeLook` units. Limits and shares are
our own choice; the limits are about how far eyes turn before the head follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from densesynth.arrays import Array, Float32
from densesynth.body.expressions import CLOSING, SIDES, bound_expression

ASIDE = 25.0  # degrees that an eye turns sideways where `eyeLookIn` or `eyeLookOut` is 1
UP_OR_DOWN = 15.0  # degrees where `eyeLookUp` or `eyeLookDown` is 1
SPREAD = (9.0, 4.5)  # degrees, standard deviations of where eyes wander, sideways and up or down
LOWERED = -2.0  # degrees: eyes at rest look a little down
CAMERA_SHARE = 0.6  # of those whose eyes can reach the camera look into it
# Eyes that are narrowed so far, as `expressions.CLOSING` adds up, look no further down: lids would leave the ball.
NARROWED = 0.45


@dataclass(frozen=True)
class Gaze:
    """How far the eyes turn from straight ahead, degrees. yaw: to the person's own left; pitch: up. seeks: whether
    they would rather meet the camera, where it is within reach."""

    yaw: float
    pitch: float
    seeks: bool


def draw_gaze(share: float, rng: np.random.Generator) -> Gaze | None:
    """Somebody's gaze; None for eyes that look straight ahead. share: how many turn them. Draws four numbers."""
    turned, seeks = rng.random(2)
    aside, up = rng.normal(size=2)
    if turned >= share:
        return None
    yaw = float(np.clip(SPREAD[0] * aside, -ASIDE, ASIDE))
    pitch = float(np.clip(LOWERED + SPREAD[1] * up, -UP_OR_DOWN, UP_OR_DOWN))
    return Gaze(yaw, pitch, bool(seeks < CAMERA_SHARE))


def within_reach(yaw: float, pitch: float) -> bool:
    """Whether eyes turn so far, degrees; both at once reach less."""
    return bool((yaw / ASIDE) ** 2 + (pitch / UP_OR_DOWN) ** 2 <= 1.0)


def turn_eyes(
    names: tuple[str, ...], expression: Float32[Array, "e"] | None, turns: Sequence[tuple[float, float]]
) -> Float32[Array, "e"]:
    """The face with its eyes turned, its lids opened where they would pass each other. expression: None for a neutral
    one. turns: yaw and pitch of the left and the right eye, degrees, held at the limits."""
    face = np.zeros(len(names), np.float32) if expression is None else expression.copy()
    strength = face.tolist()
    for (looks, narrowing), outwards, (yaw, pitch) in zip(_find_units(names), (1.0, -1.0), turns, strict=True):
        narrowed = sum(part * strength[unit] for unit, part in narrowing)
        lowest = -max(NARROWED - narrowed, 0.0) / CLOSING["eyeLookDown"]
        aside, up = outwards * yaw / ASIDE, max(pitch / UP_OR_DOWN, lowest)
        face[looks] = [min(max(way, 0.0), 1.0) for way in (aside, -aside, up, -up)]
    return bound_expression(names, face)


@cache
def _find_units(names: tuple[str, ...]) -> list[tuple[list[int], list[tuple[int, float]]]]:
    """Of either eye: the units that turn it out, in, up and down; those that narrow it, and by how much."""
    return [
        (
            [names.index(f"eyeLook{way}{side}") for way in ("Out", "In", "Up", "Down")],
            [
                (names.index(unit + side), CLOSING[unit])
                for unit in CLOSING
                if unit + side in names and "Look" not in unit
            ],
        )
        for side in SIDES
    ]


def has_eyes(names: tuple[str, ...]) -> bool:
    """Whether a body's eyes turn by these of its coefficients."""
    return "eyeLookInLeft" in names
