"""The skeleton every motion speaks and every body understands: SMPL-H's 52 joints, by their usual names.

Rest pose: T-pose, standing upright, facing −y, left arm along +x, z up, palms down. A pose is one rotation vector
(axis × angle, radians) per joint, of the joint's body part relative to its parent, in axes that are the world's in
the rest pose. Joint 0 is the pelvis; its rotation is SMPL's `global_orient`, here in the z-up world.
"""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.arrays import Array, Float32

_HAND = ("index", "middle", "pinky", "ring", "thumb")

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    *(f"{side}_{finger}{k}" for side in ("left", "right") for finger in _HAND for k in (1, 2, 3)),
)  # fmt: skip

_BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

PARENTS: tuple[int, ...] = _BODY_PARENTS + tuple(
    (20 if side == 0 else 21) if k == 0 else 22 + side * 15 + finger * 3 + k - 1
    for side in (0, 1)
    for finger in range(5)
    for k in range(3)
)

JOINT: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}


@dataclass(frozen=True)
class Pose:
    """One moment of a motion.

    rotations: rotation vectors of the 52 joints, radians. height: how far the lowest point of the body is above the
    ground, in metres for a body of 1.7 m; 0 for a body that touches it (a jump is the exception).
    """

    rotations: Float32[Array, "52 3"]
    height: float = 0.0
