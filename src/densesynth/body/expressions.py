"""Faces that people make, as strengths of Anny's face units: kinds of expression, how often each is drawn, and what
keeps eyelids and lips from passing through each other. Shares and ranges are our own choice, set by eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float32

Range = tuple[float, float]


@dataclass(frozen=True)
class Expression:
    """One kind of face. share: how often it is drawn, of the sum of all. units: the range of each unit's strength; a
    name without its side stands for both."""

    name: str
    share: float
    units: dict[str, Range]


EXPRESSIONS = (
    Expression("slight smile", 0.22, {
        "mouthSmile": (0.35, 0.8), "mouthDimple": (0.0, 0.25), "cheekSquint": (0.0, 0.5), "eyeSquint": (0.0, 0.2),
    }),
    Expression("smile", 0.16, {
        "mouthSmile": (0.7, 1.0), "mouthUpperUp": (0.0, 0.7), "jawOpen": (0.0, 0.1), "cheekSquint": (0.3, 0.9),
        "eyeSquint": (0.1, 0.4),
    }),
    Expression("laugh", 0.1, {
        "mouthSmile": (0.6, 1.0), "mouthUpperUp": (0.2, 0.7), "mouthLowerDown": (0.0, 0.3), "jawOpen": (0.12, 0.4),
        "cheekSquint": (0.5, 1.0), "eyeSquint": (0.2, 0.6), "noseSneer": (0.0, 0.2), "browOuterUp": (0.0, 0.3),
    }),
    Expression("talk", 0.18, {
        "jawOpen": (0.04, 0.26), "mouthLowerDown": (0.0, 0.5), "mouthUpperUp": (0.0, 0.35), "mouthStretch": (0.0, 0.25),
        "mouthSmile": (0.0, 0.5), "browInnerUp": (0.0, 0.2), "browOuterUp": (0.0, 0.4),
    }),
    Expression("talk, lips rounded", 0.07, {
        "mouthFunnel": (0.2, 0.7), "mouthPucker": (0.0, 0.3), "jawOpen": (0.04, 0.22), "browOuterUp": (0.0, 0.4),
    }),
    Expression("surprise", 0.06, {
        "browInnerUp": (0.4, 1.0), "browOuterUp": (0.4, 1.0), "eyeWide": (0.3, 0.9), "jawOpen": (0.05, 0.45),
        "mouthFunnel": (0.0, 0.3),
    }),
    Expression("frown", 0.07, {
        "browDown": (0.3, 1.0), "mouthFrown": (0.1, 0.6), "mouthPress": (0.0, 0.3), "eyeSquint": (0.0, 0.4),
        "noseSneer": (0.0, 0.25),
    }),
    Expression("sad", 0.03, {
        "browInnerUp": (0.4, 1.0), "mouthFrown": (0.3, 0.9), "mouthShrugLower": (0.0, 0.3), "eyeSquint": (0.0, 0.3),
    }),
    Expression("disgust", 0.02, {
        "noseSneer": (0.4, 1.0), "mouthUpperUp": (0.2, 0.6), "browDown": (0.3, 0.8), "eyeSquint": (0.2, 0.6),
    }),
    Expression("pursed lips", 0.05, {"mouthPucker": (0.3, 0.9), "browDown": (0.0, 0.3), "cheekPuff": (0.0, 0.15)}),
    Expression("pressed lips", 0.04, {
        "mouthPress": (0.2, 0.8), "mouthRollLower": (0.0, 0.4), "mouthRollUpper": (0.0, 0.4), "mouthDimple": (0.0, 0.4),
    }),
    Expression("squint", 0.06, {
        "eyeSquint": (0.5, 1.0), "cheekSquint": (0.2, 0.8), "browDown": (0.2, 0.8), "noseSneer": (0.0, 0.3),
        "mouthUpperUp": (0.0, 0.3),
    }),
    Expression("raised brows", 0.04, {
        "browInnerUp": (0.2, 0.7), "browOuterUp": (0.3, 1.0), "eyeWide": (0.0, 0.3), "mouthShrugLower": (0.0, 0.3),
    }),
)  # fmt: skip

TOGETHER = 0.6  # how much the units of a face share one strength
ASYMMETRY = 0.12  # standard deviation of the difference between the sides, as a share of the strength
LOPSIDED: Range = (0.0, 0.2)  # how far the mouth goes to one side, on some
LOPSIDED_SHARE = 0.15
CLOSED_SHARE = 0.05  # of the people have their eyes closed, blinking
LOWERED_SHARE = 0.15  # of the people have their upper lids lowered
LOWERED: Range = (0.05, 0.25)

# An eye is closed where these, each times its unit's strength, come to CLOSED; beyond, the upper lid would pass the
# lower one. Measured on 15 adults, seen from above and below.
CLOSING = {
    "eyeBlink": 1.0, "eyeSquint": 0.28, "cheekSquint": 0.1, "browDown": 0.06, "mouthSmile": 0.02, "eyeWide": -0.3,
    "eyeLookDown": 0.25, "eyeLookUp": 0.05,
}  # fmt: skip
CLOSED = 0.74
# These bring the lips into each other; the jaw opens by so much of each unit's strength instead.
PARTING = {
    "mouthSmile": 0.08, "mouthPucker": 0.08, "mouthPress": 0.05, "mouthShrugLower": 0.13, "mouthRollLower": 0.08,
    "mouthRollUpper": 0.05, "mouthFrown": 0.04, "mouthFunnel": 0.03, "mouthLeft": 0.08, "mouthRight": 0.08,
    "cheekPuff": 0.05,
}  # fmt: skip
SIDES = ("Left", "Right")


def draw_expression(names: tuple[str, ...], rng: np.random.Generator) -> Float32[Array, "e"]:
    """A face that isn't neutral: the strength of each unit in `names`, in [0, 1]."""
    shares = np.array([kind.share for kind in EXPRESSIONS])
    kind = EXPRESSIONS[int(rng.choice(len(EXPRESSIONS), p=shares / shares.sum()))]
    strength: dict[str, float] = {}
    shared = rng.random()
    for unit, (low, high) in kind.units.items():
        value = low + (high - low) * (TOGETHER * shared + (1.0 - TOGETHER) * rng.random())
        if unit in names:
            strength[unit] = value
        else:
            lean = float(np.clip(ASYMMETRY * rng.normal(), -2.0 * ASYMMETRY, 2.0 * ASYMMETRY))
            strength |= {unit + side: value * (1.0 + sign * lean) for side, sign in zip(SIDES, (1, -1), strict=True)}
    if rng.random() < LOPSIDED_SHARE:
        strength["mouth" + SIDES[int(rng.integers(2))]] = rng.uniform(*LOPSIDED)
    lids = rng.random()
    lowered = rng.uniform(*LOWERED) if lids < CLOSED_SHARE + LOWERED_SHARE else 0.0
    for side in SIDES:
        strength["eyeBlink" + side] = CLOSED if lids < CLOSED_SHARE else lowered
    expression = np.array([strength.get(name, 0.0) for name in names], np.float32)
    return bound_expression(names, np.clip(expression, 0.0, 1.0))


def bound_expression(names: tuple[str, ...], expression: Float32[Array, "e"]) -> Float32[Array, "e"]:
    """The face with its lids opened where they would pass each other, and its jaw where the lips would."""
    strength = {name: float(value) for name, value in zip(names, expression, strict=True)}
    for side in SIDES:
        others = sum(part * strength.get(unit + side, 0.0) for unit, part in CLOSING.items() if unit != "eyeBlink")
        blink = "eyeBlink" + side
        strength[blink] = min(strength[blink], max(CLOSED - others, 0.0))
    part = sum(
        share * (strength[unit] if unit in strength else 0.5 * sum(strength[unit + side] for side in SIDES))
        for unit, share in PARTING.items()
    )
    strength["jawOpen"] = max(strength["jawOpen"], part)
    return np.array([strength[name] for name in names], np.float32)
