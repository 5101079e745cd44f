"""How far each joint goes in a healthy adult, and bringing a pose within that.

Ranges are those of the American Academy of Orthopaedic Surgeons (*Joint Motion: Method of Measuring and Recording*,
1965), with thoracolumbar and cervical ranges divided between the skeleton's joints, the ankle's dorsiflexion as
measured under body weight (Bennell and others 1998), and hip, knee and shoulder rounded up by some 5° to what the
active young adults of Boone and Azen (1979) reached. They are stated as components of the joint's rotation vector in
the T-pose's axes, degrees, for the left side; where a joint turns about its own bone too, swing and twist are taken
apart first, so that the component along the bone is the twist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Bool, Float64
from densesynth.geometry.rotations import compose, split_twist
from densesynth.geometry.skeleton import JOINT_NAMES

Degrees = tuple[float, float]


@dataclass(frozen=True)
class JointRange:
    """Ranges of the rotation vector's components, degrees; `bone` is the axis of the twist: 0 x, 2 z, None for none."""

    x: Degrees
    y: Degrees
    z: Degrees
    bone: int | None = None


# Signs, left side: shoulder y lowers the arm, −z brings it forward, −x turns it outward; elbow −z bends, x pronates;
# wrist y bends to the palm, −z to the thumb; hip −x bends, −y spreads, z turns out; knee x bends; ankle −x lifts the
# toes; trunk and head x bend forward, y to the left, z turn left.
RANGES: dict[str, JointRange] = {
    "spine1": JointRange((-12, 32), (-16, 16), (-15, 15)),
    "spine2": JointRange((-12, 32), (-16, 16), (-18, 18)),
    "spine3": JointRange((-12, 28), (-14, 14), (-18, 18)),
    "neck": JointRange((-24, 24), (-20, 20), (-32, 32)),
    "head": JointRange((-28, 30), (-25, 25), (-45, 45)),
    "collar": JointRange((-30, 30), (-40, 12), (-30, 25)),
    "shoulder": JointRange((-95, 85), (-100, 105), (-140, 60), bone=0),
    "elbow": JointRange((-85, 85), (-8, 8), (-150, 5), bone=0),
    "wrist": JointRange((-12, 12), (-70, 80), (-20, 35)),
    "hip": JointRange((-125, 30), (-50, 30), (-45, 50), bone=2),
    "knee": JointRange((-3, 150), (-4, 4), (-12, 12)),
    "ankle": JointRange((-40, 55), (-32, 32), (-32, 32)),
    "foot": JointRange((-70, 40), (-10, 10), (-10, 10)),
    "finger1": JointRange((-8, 8), (-30, 95), (-20, 20)),
    "finger2": JointRange((-3, 3), (-5, 110), (-3, 3)),
    "finger3": JointRange((-3, 3), (-10, 80), (-3, 3)),
    "thumb1": JointRange((-25, 50), (-30, 30), (-30, 50)),
    "thumb2": JointRange((-15, 35), (-20, 20), (-15, 55)),
    "thumb3": JointRange((-15, 35), (-20, 20), (-20, 80)),
}


def _range_of(joint: str) -> JointRange:
    part = joint.split("_")[-1]
    if part[:-1] in ("index", "middle", "ring", "pinky"):
        part = "finger" + part[-1]
    return RANGES[part]


def _bounds() -> tuple[Float64[Array, "52 3"], Float64[Array, "52 3"]]:
    low, high = np.full((52, 3), -np.inf), np.full((52, 3), np.inf)
    for number, joint in enumerate(JOINT_NAMES):
        if joint == "pelvis":  # the body's place in the world: free
            continue
        limits = _range_of(joint)
        bounds = np.radians(np.array([limits.x, limits.y, limits.z], dtype=np.float64))
        if joint.startswith("right_"):  # mirrored: y and z change sign
            bounds[1:] = -bounds[1:, ::-1]
        low[number], high[number] = bounds[:, 0], bounds[:, 1]
    return low, high


def _bones() -> Float64[Array, "52 3"]:
    """Twist axis of each joint; zero where swing and twist aren't taken apart."""
    axes = np.zeros((52, 3))
    for number, joint in enumerate(JOINT_NAMES[1:], start=1):
        bone = _range_of(joint).bone
        if bone is not None:
            axes[number, bone] = 1.0
    return axes


LOW, HIGH = _bounds()
BONES = _bones()
TWISTING: Bool[Array, "52"] = np.asarray(BONES.any(axis=1))


def components(rotations: Float64[Array, "52 3"]) -> Float64[Array, "52 3"]:
    """What the ranges speak of: rotation vectors, swing and twist taken apart where joints turn about their bone."""
    parts = rotations.copy()
    swing, twist = split_twist(rotations[TWISTING], BONES[TWISTING])
    parts[TWISTING] = swing + twist[:, None] * BONES[TWISTING]
    return parts


def excess(rotations: Float64[Array, "52 3"]) -> Float64[Array, "52"]:
    """How far each joint leaves its range, radians; 0 within."""
    parts = components(rotations)
    return np.maximum(np.maximum(LOW - parts, parts - HIGH), 0.0).max(axis=1)


def clamp(rotations: Float64[Array, "52 3"]) -> Float64[Array, "52 3"]:
    """The nearest pose within the ranges, component by component; joints within their range keep their bits."""
    parts = components(rotations)
    held = np.clip(parts, LOW, HIGH)
    outside = (held != parts).any(axis=1)
    clamped = rotations.copy()
    plain = outside & ~TWISTING
    clamped[plain] = held[plain]
    twisted = outside & TWISTING
    if twisted.any():
        twist = (held * BONES)[twisted]
        clamped[twisted] = compose(held[twisted] - twist, twist)
    return clamped
