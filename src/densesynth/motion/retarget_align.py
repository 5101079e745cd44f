"""How a file's rest pose differs from ours, part by part: the rotation that takes our T-pose to it.

Trunk and head are taken to be at rest alike, limbs by the directions of their bones. A bone's direction leaves its
twist open: a bent elbow or knee shows it, the palm shows the hand's, and else it is that of the smallest rotation from
the part before.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import cross, frame_from_axes, matrix_from_vector, rotation_between
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MotionClip
from densesynth.motion.figure import DOWN, REST

FORWARD = np.array([0.0, -1.0, 0.0])
UP = np.array([0.0, 0.0, 1.0])
BENT = np.radians(12.0)  # a rest elbow or knee bent further than this shows its hinge
LEANING = np.radians(20.0)  # a rest trunk within this of plumb is a trunk at rest, upright as ours
POINTED = 0.35  # a rest foot of which less than this share is level hangs and shows no sole
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
SIDES = ("left", "right")
# From the wrist to the thumb's first joint in our T-pose, square to the hand: forward and a little down (Anny's).
THUMB_ASIDE = np.array([0.0, -0.95, -0.32])


def outward_of(side: str) -> Float64[Array, "3"]:
    """Direction of that side's arm in the T-pose."""
    return np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])


def rest_direction(joint: str) -> Float64[Array, "3"]:
    """Direction of a limb's bone in our T-pose, by the joint where it begins."""
    side, _, part = joint.rpartition("_")
    if part in ("hip", "knee"):
        return DOWN
    if part == "ankle":
        direction = REST[JOINT[f"{side}_foot"]] - REST[JOINT[joint]]
        return direction / np.linalg.norm(direction)
    return outward_of(side)


def elbow_frame(side: str) -> Float64[Array, "3 3"]:
    """Arm bone and elbow hinge in our T-pose, as `frame_from_axes` has them."""
    return frame_from_axes(outward_of(side), cross(outward_of(side), FORWARD))


def knee_frame() -> Float64[Array, "3 3"]:
    """Leg bone and knee hinge in our T-pose."""
    return frame_from_axes(DOWN, np.array([1.0, 0.0, 0.0]))


def align(clip: MotionClip, found: Mapping[str, int]) -> Float64[Array, "52 3 3"]:
    """Rotation from our T-pose to the clip's rest pose of each body part; parts the clip lacks follow their parent's.

    found: as `retarget_names.match_joints` gives it. Raises AssetError for a rest pose without room between its joints.
    """
    at = _Rest(clip, found)
    trunk = _trunk(at)
    aligned = np.broadcast_to(trunk, (52, 3, 3)).copy()
    for side in SIDES:
        _align_leg(aligned, at, trunk, side)
        _align_arm(aligned, at, trunk, side)
    return aligned


class _Rest:
    """Places of the clip's rest pose by our names, and bones between them."""

    def __init__(self, clip: MotionClip, found: Mapping[str, int]) -> None:
        self.name, self.found, self.places = clip.name, found, clip.rest()
        self.labels = clip.joints

    def has(self, *names: str) -> bool:
        return all(name in self.found for name in names)

    def bone(self, start: str, end: str) -> Float64[Array, "3"]:
        bone = self.places[self.found[end]] - self.places[self.found[start]]
        if np.linalg.norm(bone) < 1e-6:
            raise AssetError(
                f"{self.name}: expected joints {self.labels[self.found[start]]} and {self.labels[self.found[end]]} "
                "apart in the rest pose, found them in one place; name others in a TOML file given as `names`"
            )
        return np.asarray(bone)

    def any_bone(self, start: str, end: str) -> Float64[Array, "3"] | None:
        if not self.has(start, end):
            return None
        bone = self.places[self.found[end]] - self.places[self.found[start]]
        return bone if np.linalg.norm(bone) > 1e-6 else None


def _trunk(at: _Rest) -> Float64[Array, "3 3"]:
    across = at.bone("right_hip", "left_hip") + at.bone("right_shoulder", "left_shoulder")
    rise = at.bone("left_hip", "left_shoulder") + at.bone("right_hip", "right_shoulder")
    if np.arccos(np.clip(rise @ UP / np.linalg.norm(rise), -1.0, 1.0)) < LEANING:
        rise = UP
    if np.linalg.norm(cross(rise, across)) < 0.1 * np.linalg.norm(rise) * np.linalg.norm(across):
        raise AssetError(
            f"{at.name}: expected the rest pose's left side beside its right, found its hips above each other"
        )
    return frame_from_axes(rise, across) @ frame_from_axes(UP, np.array([1.0, 0.0, 0.0])).T


def _align_leg(aligned: Float64[Array, "52 3 3"], at: _Rest, trunk: Float64[Array, "3 3"], side: str) -> None:
    hip, knee, ankle, foot = (JOINT[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle", "foot"))
    thigh, shank = at.bone(f"{side}_hip", f"{side}_knee"), at.bone(f"{side}_knee", f"{side}_ankle")
    hinge = cross(thigh, shank)
    if _bend(thigh, shank) > BENT and hinge @ trunk[:, 0] > 0.0:
        aligned[hip] = frame_from_axes(thigh, hinge) @ knee_frame().T
        aligned[knee] = frame_from_axes(shank, hinge) @ knee_frame().T
    else:
        aligned[hip] = rotation_between(trunk @ DOWN, thigh) @ trunk
        aligned[knee] = rotation_between(aligned[hip] @ DOWN, shank) @ aligned[hip]
    aligned[ankle] = aligned[knee]
    toes = at.any_bone(f"{side}_ankle", f"{side}_foot")
    if toes is None:
        toes = at.any_bone(f"{side}_ankle", f"{side}_toe_end")
    if toes is not None:
        ours = rest_direction(f"{side}_ankle")
        level = toes - (toes @ trunk[:, 2]) * trunk[:, 2]
        if np.linalg.norm(level) > POINTED * np.linalg.norm(toes):
            heading = trunk @ (ours * (1.0, 1.0, 0.0))
            aligned[ankle] = rotation_between(heading, level) @ trunk
        else:
            aligned[ankle] = rotation_between(aligned[knee] @ ours, toes) @ aligned[knee]
    aligned[foot] = aligned[ankle]


def _align_arm(aligned: Float64[Array, "52 3 3"], at: _Rest, trunk: Float64[Array, "3 3"], side: str) -> None:
    shoulder, elbow, wrist = (JOINT[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
    out = outward_of(side)
    upper, lower = at.bone(f"{side}_shoulder", f"{side}_elbow"), at.bone(f"{side}_elbow", f"{side}_wrist")
    if _bend(upper, lower) > BENT:
        hinge = cross(upper, lower)
        aligned[shoulder] = frame_from_axes(upper, hinge) @ elbow_frame(side).T
        aligned[elbow] = frame_from_axes(lower, hinge) @ elbow_frame(side).T
    else:
        aligned[shoulder] = rotation_between(trunk @ out, upper) @ trunk
        aligned[elbow] = rotation_between(aligned[shoulder] @ out, lower) @ aligned[shoulder]
    aligned[wrist] = _align_hand(at, aligned[elbow], side)
    for finger in FINGERS:
        before = aligned[wrist]
        for k in (1, 2, 3):
            joint = f"{side}_{finger}{k}"
            bone = _finger_bone(at, side, finger, k)
            if finger != "thumb" and bone is not None:
                before = rotation_between(before @ out, bone) @ before
            aligned[JOINT[joint]] = before


def _align_hand(at: _Rest, forearm: Float64[Array, "3 3"], side: str) -> Float64[Array, "3 3"]:
    out, wrist = outward_of(side), f"{side}_wrist"
    along = at.any_bone(wrist, f"{side}_hand_end")
    hand = forearm if along is None else rotation_between(forearm @ out, along) @ forearm
    along = hand @ out
    across, ours = at.any_bone(f"{side}_pinky1", f"{side}_index1"), FORWARD
    if across is None:
        across, ours = at.any_bone(wrist, f"{side}_thumb1"), THUMB_ASIDE
        if across is None and at.has(f"{side}_thumb1"):  # the thumb begins at the wrist: its tip tells
            tip = at.labels[at.found[f"{side}_thumb1"]] + " (end)"
            across = at.places[at.labels.index(tip)] - at.places[at.found[wrist]] if tip in at.labels else None
    if across is None or np.linalg.norm(across - (across @ along) * along) < 0.3 * np.linalg.norm(across):
        return hand
    return frame_from_axes(along, across) @ frame_from_axes(out, ours).T


def _finger_bone(at: _Rest, side: str, finger: str, k: int) -> Float64[Array, "3"] | None:
    joint = f"{side}_{finger}{k}"
    if k < 3:
        return at.any_bone(joint, f"{side}_{finger}{k + 1}")
    if joint not in at.found:
        return None
    tip = at.labels[at.found[joint]] + " (end)"
    bone = at.places[at.labels.index(tip)] - at.places[at.found[joint]] if tip in at.labels else None
    return bone if bone is not None and np.linalg.norm(bone) > 1e-6 else None


def _bend(first: Float64[Array, "3"], second: Float64[Array, "3"]) -> float:
    return float(np.arctan2(np.linalg.norm(cross(first, second)), first @ second))


def turned(matrix: Float64[Array, "*n 3 3"], angle: Float64[Array, "*n"], axis: Float64[Array, "3"]) -> Array:
    """The part turned about its own axis (T-pose axes) by `angle` radians."""
    return matrix @ matrix_from_vector(angle[..., None] * axis)
