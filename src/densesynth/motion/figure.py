"""A jointed figure of average build, on which the built-in motions are composed: angles, reaching, standing in balance.

Motions are written in anatomical terms (flexion, abduction, where a foot stands, what a hand reaches for) on this one
figure; only the rotations leave the module, so every body can wear them. World axes as everywhere: facing −y, left +x.
Angles are radians, lengths metres for a body of 1.7 m. The figure's pelvis joint is the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.geometry.rotations import (
    compose,
    cross,
    frame_from_axes,
    matrix_from_vector,
    rotation_between,
    vector_from_matrix,
)
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS

# Joints of the average adult Anny body in the rest pose, scaled to 1.7 m and made symmetric, metres.
_PLACES = {
    "pelvis": (0.0, 0.0, 0.0), "hip": (0.107, 0.008, -0.014), "knee": (0.107, 0.008, -0.424),
    "ankle": (0.107, 0.008, -0.848), "foot": (0.107, -0.135, -0.899), "spine1": (0.0, 0.037, 0.079),
    "spine2": (0.0, 0.027, 0.228), "spine3": (0.0, 0.035, 0.357), "neck": (0.0, -0.002, 0.535),
    "head": (0.0, -0.033, 0.629), "collar": (0.023, -0.017, 0.461), "shoulder": (0.179, -0.01, 0.461),
    "elbow": (0.441, -0.01, 0.461), "wrist": (0.674, -0.01, 0.461),
}  # fmt: skip
ANKLE_HEIGHT = 0.0755  # of the ankle joint above a flat sole
BALL = np.array([0.0, -0.143, -ANKLE_HEIGHT])  # of the foot, from the ankle, flat and pointing forward

# Segment masses as shares of the body's, mean of both sexes (de Leva 1996, table 4); centres halfway along the bones
# are within a few centimetres of that table's, which is all that balance asks.
_SEGMENTS = (
    ("hip", "knee", 0.145), ("knee", "ankle", 0.045), ("ankle", "ankle", 0.013),
    ("shoulder", "elbow", 0.026), ("elbow", "wrist", 0.015), ("wrist", "wrist", 0.006),
)  # fmt: skip
_TRUNK = (("pelvis", "spine2", 0.20), ("spine2", "neck", 0.23), ("head", "head", 0.07))

BODY_JOINTS = 22  # the figure's joints: fingers follow the wrist
DOWN = np.array([0.0, 0.0, -1.0])


def _rest_places() -> Float64[Array, "22 3"]:
    places = np.zeros((BODY_JOINTS, 3))
    for number, name in enumerate(JOINT_NAMES[:BODY_JOINTS]):
        side, _, part = name.rpartition("_")
        places[number] = np.array(_PLACES[part]) * ((-1.0 if side == "right" else 1.0), 1.0, 1.0)
    return places


def _joint_masses() -> Float64[Array, "22"]:
    """The body's mass shared out to the ends of its segments; sums to 1."""
    masses = np.zeros(BODY_JOINTS)
    sided = [(f"{side}_{a}", f"{side}_{b}", m) for a, b, m in _SEGMENTS for side in ("left", "right")]
    for first, second, mass in (*_TRUNK, *sided):
        masses[JOINT[first]] += 0.5 * mass
        masses[JOINT[second]] += 0.5 * mass
    return masses / masses.sum()


def _chain(number: int) -> list[int]:
    return [*_chain(PARENTS[number]), number] if PARENTS[number] >= 0 else [number]


REST = _rest_places()
MASSES = _joint_masses()
LEG_MASSES = tuple(float(MASSES[JOINT[f"left_{joint}"]]) for joint in ("hip", "knee", "ankle"))
_ABOVE_LEGS = np.array([not name.endswith(("hip", "knee", "ankle", "foot")) for name in JOINT_NAMES[:BODY_JOINTS]])
_CHAINS = [_chain(number) for number in range(BODY_JOINTS)]
_PARENTS = np.array(PARENTS[:BODY_JOINTS])
_LEVELS = [
    np.array([number for number in range(BODY_JOINTS) if len(_CHAINS[number]) == depth])
    for depth in range(2, max(map(len, _CHAINS)) + 1)
]
_OFFSETS = REST - REST[np.maximum(_PARENTS, 0)]
BALANCE_STEPS = 3
THIGH, SHANK = 0.410, 0.424
UPPER_ARM, FOREARM = 0.262, 0.233


def outward(side: str) -> float:
    """Sign of x on that side: +1 for "left", −1 for "right"."""
    return 1.0 if side == "left" else -1.0


def turn_by(x: float, y: float, z: float) -> Float64[Array, "3 3"]:
    """Matrix of the rotation vector (x, y, z)."""
    return matrix_from_vector(np.array([x, y, z]))


@dataclass(frozen=True)
class Foot:
    """Where a foot stands: its ankle relative to a point on the ground (metres); the sole's attitude, toes outward by
    `yaw`, toes up by `pitch`; the knee outward of the toes by `knee_out`; the toes bent up by `toes`."""

    ankle: tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0
    toes: float = 0.0
    knee_out: float = 0.03


class Figure:
    """The figure in one pose, built up joint by joint from the trunk outwards.

    rotations: rotation vectors of the 52 joints (float64). lift: height of the lowest point above the ground, metres.
    """

    def __init__(self) -> None:
        self.rotations = np.zeros((52, 3))
        self.lift = 0.0

    def turn(self, joint: str, vector: tuple[float, float, float]) -> None:
        """Set a joint's rotation vector."""
        self.rotations[JOINT[joint]] = vector

    def world(self, joint: str) -> Float64[Array, "3 3"]:
        """World rotation of a body part, from the rotations set so far."""
        chain = _CHAINS[JOINT[joint]]
        matrices = matrix_from_vector(self.rotations[chain])
        matrix = matrices[0]
        for step in matrices[1:]:
            matrix = matrix @ step
        return np.asarray(matrix)

    def places(self) -> Float64[Array, "22 3"]:
        """Where the body's joints are; the pelvis at the origin."""
        local = matrix_from_vector(self.rotations[:BODY_JOINTS])
        world, places = local.copy(), np.zeros((BODY_JOINTS, 3))
        for level in _LEVELS:
            parents = _PARENTS[level]
            world[level] = world[parents] @ local[level]
            places[level] = places[parents] + (world[parents] @ _OFFSETS[level, :, None])[..., 0]
        return places

    def centre_of_mass(self) -> Float64[Array, "3"]:
        """Of the whole body, relative to the pelvis joint."""
        return np.asarray(np.einsum("j,jd->d", MASSES, self.places()))

    # --- trunk ---

    def trunk(self, flex: float = 0.0, lean: float = 0.0, twist: float = 0.0) -> None:
        """Bend the spine: flex forward, lean to the left, twist to the left; shared by its three joints."""
        for joint, part in (("spine1", 0.34), ("spine2", 0.36), ("spine3", 0.30)):
            self.turn(joint, (part * flex, part * lean, part * twist))

    def gaze(self, nod: float = 0.0, turn: float = 0.0, tilt: float = 0.0) -> None:
        """Bend neck and head: nod forward, turn to the left, tilt to the left."""
        self.turn("neck", (0.4 * nod, 0.4 * tilt, 0.4 * turn))
        self.turn("head", (0.6 * nod, 0.6 * tilt, 0.6 * turn))

    # --- arms ---

    def shrug(self, side: str, lift: float = 0.0, forward: float = 0.0) -> None:
        """Raise the shoulder girdle, or pull it forward."""
        self.turn(f"{side}_collar", (0.0, -outward(side) * lift, -outward(side) * forward))

    def arm(
        self, side: str, *, out: float = 0.0, forward: float = 0.0, rotate: float = 0.0, elbow: float = 0.0,
        turned: float = 0.0, upright: float = 0.0,
    ) -> None:  # fmt: skip
        """Pose an arm by angles from its hanging down beside the trunk, palm to the thigh.

        out, forward: raise it sideways, forward. rotate: turn the upper arm inward about itself. elbow: bend it.
        turned: turn the palm backward (pronation). upright: 0 hangs from the chest, 1 hangs plumb however it leans.
        """
        sign = outward(side)
        # Down in the chest's axes, of the chest itself or of the world.
        chest = self.world(f"{side}_collar")
        plumb = rotation_between(DOWN, chest.T @ DOWN)
        plumb = matrix_from_vector(upright * vector_from_matrix(plumb))
        swing = turn_by(-forward, -sign * out, 0.0)
        hang = turn_by(0.0, sign * np.pi / 2.0, 0.0)
        twist = turn_by(0.0, 0.0, -sign * rotate)
        self.rotations[JOINT[f"{side}_shoulder"]] = vector_from_matrix(plumb @ swing @ twist @ hang)
        self._bend_elbow(side, elbow, turned)

    def _bend_elbow(self, side: str, bend: float, turned: float) -> None:
        sign = outward(side)
        self.rotations[JOINT[f"{side}_elbow"]] = compose(
            np.array([0.0, 0.0, -sign * bend]), np.array([turned, 0.0, 0.0])
        )

    def reach(
        self, side: str, target: Float64[Array, "3"], elbow_toward: tuple[float, float, float], turned: float = 0.0
    ) -> None:
        """Bring the wrist to `target` (relative to the pelvis joint, world axes), the elbow pointing `elbow_toward`.

        A target out of reach is reached for. `turned` as in `arm`.
        """
        sign = outward(side)
        shoulder = self.places()[JOINT[f"{side}_shoulder"]]
        upper, lower = two_bones(target - shoulder, np.array(elbow_toward), UPPER_ARM, FOREARM)
        hinge = cross(upper, lower)
        rest = frame_from_axes(np.array([sign, 0.0, 0.0]), np.array([0.0, 0.0, -sign]))
        world = frame_from_axes(upper, hinge) @ rest.T
        collar = self.world(f"{side}_collar")
        self.rotations[JOINT[f"{side}_shoulder"]] = vector_from_matrix(collar.T @ world)
        self._bend_elbow(side, float(np.arccos(np.clip(upper @ lower, -1.0, 1.0))), turned)

    def wrist(self, side: str, flex: float = 0.0, toward_thumb: float = 0.0) -> None:
        """Bend the hand: toward the palm, toward the thumb."""
        sign = outward(side)
        self.turn(f"{side}_wrist", (0.0, sign * flex, -sign * toward_thumb))

    # --- legs ---

    def leg(
        self, side: str, *, hip: float, knee: float, pitch: float | None = 0.0, out: float = 0.0, yaw: float = 0.0
    ) -> None:
        """Pose a leg by angles: hip flexed forward, knee bent, leg raised sideways by `out`.

        pitch: of the foot in the world, toes up, or None to leave the ankle straight; yaw: toes outward, in the world.
        """
        sign = outward(side)
        self.rotations[JOINT[f"{side}_hip"]] = compose(
            np.array([-hip, -sign * out, 0.0]), np.array([0.0, 0.0, sign * yaw])
        )
        self.turn(f"{side}_knee", (knee, 0.0, 0.0))
        if pitch is not None:
            self.sole(side, pitch, yaw)

    def stand(self, side: str, ankle: Float64[Array, "3"], foot: Foot) -> None:
        """Bring an ankle to a place relative to the pelvis joint, the foot in its attitude; set the pelvis first."""
        sign = outward(side)
        pelvis = matrix_from_vector(self.rotations[0])
        hip = pelvis @ REST[JOINT[f"{side}_hip"]]
        upper, lower = two_bones(ankle - hip, _ahead(side, foot), THIGH, SHANK)
        rest = frame_from_axes(DOWN, np.array([1.0, 0.0, 0.0]))
        thigh = frame_from_axes(upper, cross(upper, lower)) @ rest.T
        bend = math.acos(min(max(float(upper @ lower), -1.0), 1.0))
        shank = thigh @ turn_by(bend, 0.0, 0.0)
        level = turn_by(0.0, 0.0, sign * foot.yaw)
        wanted = level @ turn_by(-foot.pitch, 0.0, 0.0)
        vectors = vector_from_matrix(np.stack([pelvis.T @ thigh, shank.T @ wanted]))
        self.rotations[JOINT[f"{side}_hip"]], self.rotations[JOINT[f"{side}_ankle"]] = vectors
        self.turn(f"{side}_knee", (bend, 0.0, 0.0))
        self.bend_toes(side, foot.toes)

    def plant(
        self,
        feet: dict[str, Foot],
        height: float,
        over: tuple[float, float] | None,
        at: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Stand on both feet, all the rest being set.

        The pelvis joint comes to `height`, the mass over the point `over` of the ground; or, where that is None,
        the pelvis joint over `at`.
        """
        pelvis = matrix_from_vector(self.rotations[0])
        place = np.array([*at, height])
        if over is not None:
            # Only the legs' masses move as the pelvis does; the rest is weighed once.
            fixed = np.einsum("j,jd->d", MASSES[_ABOVE_LEGS], self.places()[_ABOVE_LEGS])
            hips = {side: pelvis @ REST[JOINT[f"{side}_hip"]] for side in feet}
            for hip in hips.values():
                fixed = fixed + (LEG_MASSES[0] + LEG_MASSES[1]) * hip
            place[:2] = over
            for _ in range(BALANCE_STEPS):
                mass = fixed
                for side, foot in feet.items():
                    ankle = np.array(foot.ankle) - place
                    upper, _ = two_bones(ankle - hips[side], _ahead(side, foot), THIGH, SHANK)
                    mass = mass + (LEG_MASSES[1] * THIGH) * upper + LEG_MASSES[2] * ankle
                place[:2] += np.array(over) - (place + mass)[:2]
        for side, foot in feet.items():
            self.stand(side, np.array(foot.ankle) - place, foot)

    def sole(self, side: str, pitch: float = 0.0, yaw: float = 0.0) -> None:
        """Turn the ankle so that the foot's world attitude is `pitch` (toes up) and `yaw` (toes outward)."""
        wanted = turn_by(0.0, 0.0, outward(side) * yaw) @ turn_by(-pitch, 0.0, 0.0)
        shank = self.world(f"{side}_knee")
        self.rotations[JOINT[f"{side}_ankle"]] = vector_from_matrix(shank.T @ wanted)

    def bend_toes(self, side: str, up: float) -> None:
        """Bend the toes up."""
        self.turn(f"{side}_foot", (-up, 0.0, 0.0))


def _ahead(side: str, foot: Foot) -> Float64[Array, "3"]:
    """Where the knee above a foot points."""
    heading = outward(side) * (foot.yaw + foot.knee_out)
    return np.array([math.sin(heading), -math.cos(heading), 0.0])


def two_bones(
    offset: Float64[Array, "3"], toward: Float64[Array, "3"], first: float, second: float
) -> tuple[Float64[Array, "3"], Float64[Array, "3"]]:
    """Directions of two bones of the given lengths that together span `offset`, their joint bent `toward`.

    Spans too long or too short are brought within what the bones can do, short of full extension by 1 %, so that the
    hinge stays defined.
    """
    # In plain floats, three times as fast as vectors of three: balance asks for it many times.
    distance = math.hypot(*offset.tolist())
    x, y, z = (value / distance for value in offset.tolist())
    reach = min(max(distance, abs(first - second) + 0.08 * second), 0.9985 * (first + second))
    cosine = (first * first + reach * reach - second * second) / (2.0 * first * reach)
    u, v, w = toward.tolist()
    inline = u * x + v * y + w * z
    u, v, w = u - inline * x, v - inline * y, w - inline * z
    aside = math.sqrt(max(1.0 - cosine * cosine, 0.0)) / math.hypot(u, v, w)
    upper = np.array([cosine * x + aside * u, cosine * y + aside * v, cosine * z + aside * w])
    lower = (np.array([reach * x, reach * y, reach * z]) - first * upper) / second
    return upper, lower
