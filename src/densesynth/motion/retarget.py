"""From any skeleton's clip to poses of the 52 joints of `geometry.skeleton`.

Each body part turns in the world as the file's does, from a rest pose whose difference from ours `retarget_align` has
found; bones of limbs then point exactly where the file's point. Elbows and knees are hinges: a bent one tells how the
upper arm or thigh is turned about itself, a straight one leaves that to the file. Joints are held within
`motion.limits` from the pelvis outwards, so that what a joint may not do its children do as far as they can.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Bool, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import (
    compose,
    cross,
    frame_from_axes,
    matrix_from_vector,
    rotation_between,
    split_twist,
    vector_from_matrix,
)
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS
from densesynth.motion.amass import is_canonical
from densesynth.motion.clip import MotionClip, forward
from densesynth.motion.figure import BODY_JOINTS, REST, Figure
from densesynth.motion.hands import relaxed
from densesynth.motion.limits import BONES, HIGH, LOW, TWISTING
from densesynth.motion.retarget_align import (
    FINGERS,
    SIDES,
    align,
    elbow_frame,
    knee_frame,
    outward_of,
    rest_direction,
    turned,
)
from densesynth.motion.retarget_feet import plant
from densesynth.motion.retarget_names import match_joints
from densesynth.motion.variation import Variation

_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
LIMBS: tuple[str, ...] = tuple(f"{side}_{joint}" for joint in _LIMB_JOINTS for side in SIDES)
_FAR = {"shoulder": "elbow", "elbow": "wrist", "wrist": "hand_end", "hip": "knee", "knee": "ankle", "ankle": "foot"}
_HINGES = {"shoulder": "elbow", "hip": "knee"}
# A bend at which a hinge begins to tell the twist of the bone before it, and one at which it alone does, radians.
HINGE_FROM, HINGE_FULL = np.radians(12.0), np.radians(35.0)
ANKLE_TWIST = np.radians(15.0)  # of the foot about a straight leg, left to the ankle
OVERBENT = np.radians(3.0)  # beyond its limits, a spine or neck shares its whole bend out anew
TRUNK = ("spine1", "spine2", "spine3")
NECK = ("neck", "head")


@dataclass(frozen=True)
class Retargeted:
    """A clip in our joints.

    poses: rotation vectors, radians. root: path of the pelvis joint, metres, for the body whose rest pose was given,
    standing on z = 0. heights: of the body's lowest point above the ground, metres for a body of 1.7 m; 0 in contact.
    contacts: whether the (left, right) (ankle, ball) of the feet stands still on the ground. errors: angle between the
    bones in `LIMBS` (by the joint where they begin; feet by their soles) and the file's, degrees, NaN where the file
    has none. clamped: by how much the limits changed each joint, degrees. slide: horizontal way of each contact's point
    from its own mean, metres: median and greatest over contacts; 0 without any.
    """

    name: str
    frame_rate: float
    poses: Float64[Array, "f 52 3"]
    root: Float64[Array, "f 3"]
    heights: Float64[Array, "f"]
    contacts: Bool[Array, "f 2 2"]
    errors: Float64[Array, "f 12"]
    clamped: Float64[Array, "f 52"]
    slide: tuple[float, float]

    @property
    def direction_error(self) -> float:
        """Median of `errors`, degrees."""
        return float(np.nanmedian(self.errors))


def retarget(
    clip: MotionClip,
    names: str | os.PathLike[str] | Mapping[str, str | Sequence[str]] | None = None,
    rest: Float64[Array, "22 3"] = REST,
) -> Retargeted:
    """The clip's motion for our skeleton.

    names: joint names, where the file follows no known convention (see `retarget_names`). rest: places of the first 22
    joints in the T-pose of the body that is to wear it, metres (the average adult's by default); only root, contacts'
    slide and errors depend on it. A clip that already is in our joints (AMASS) passes as it is, limits or not; its
    `clamped` is what they would have changed. Raises AssetError for a clip without frames or with unknown joints.
    """
    if not clip.frames:
        raise AssetError(f"{clip.name}: expected at least one frame, found none; leave this file out")
    found = match_joints(clip.joints, clip.name, names)
    world, places = clip.world()
    offsets = rest - rest[np.maximum(np.array(PARENTS[:BODY_JOINTS]), 0)]
    if is_canonical(clip):
        poses = clip.rotations
        goal = world
        clamped = np.stack([_change(poses[:, joint], hold(poses[:, joint], joint)) for joint in range(52)], axis=1)
    else:
        goal = _goal(clip, found, world, places)
        poses, clamped = _pose(clip, found, goal)
    own_world, own_places = forward(
        PARENTS[:BODY_JOINTS], offsets, matrix_from_vector(poses[:, :BODY_JOINTS]), np.zeros((clip.frames, 3))
    )
    feet = plant(clip, found, places, own_places, rest)
    return Retargeted(
        name=clip.name,
        frame_rate=clip.frame_rate,
        poses=poses,
        root=feet.root,
        heights=feet.heights,
        contacts=feet.contacts,
        errors=_direction_errors(found, goal, places, own_world, own_places),
        clamped=np.degrees(clamped),
        slide=feet.slide,
    )


def hold(rotations: Float64[Array, "f 3"], joint: int) -> Float64[Array, "f 3"]:
    """One joint's rotation vectors within its limits: `limits.clamp` for many moments of a joint at once."""
    if TWISTING[joint]:
        swing, twist = split_twist(rotations, BONES[joint])
        parts = swing + twist[:, None] * BONES[joint]
        held = np.clip(parts, LOW[joint], HIGH[joint])
        along = held * BONES[joint]
        within = compose(held - along, along)
    else:
        parts, within = rotations, np.clip(rotations, LOW[joint], HIGH[joint])
        held = within
    return np.where((held != parts).any(axis=1, keepdims=True), within, rotations)


def _goal(
    clip: MotionClip, found: Mapping[str, int], world: Float64[Array, "f j 3 3"], places: Float64[Array, "f j 3"]
) -> Float64[Array, "f 52 3 3"]:
    """World rotation of each of our body parts as the file has it; parts that it lacks turn with their parents."""
    aligned = align(clip, found)
    goal = np.empty((clip.frames, 52, 3, 3))
    for joint, name in enumerate(JOINT_NAMES):
        if name in found:
            goal[:, joint] = world[:, _carrier(clip, found, name)] @ aligned[joint]
        elif PARENTS[joint] >= 0:
            goal[:, joint] = goal[:, PARENTS[joint]]
    _fill_trunk(goal, found)
    for name in LIMBS:
        side, _, part = name.rpartition("_")
        far = f"{side}_{_FAR[part]}"
        if part == "ankle" or far not in found:
            continue
        bone = places[:, found[far]] - places[:, found[name]]
        known = np.linalg.norm(bone, axis=1) > 1e-6
        part_goal = goal[known, JOINT[name]]
        goal[known, JOINT[name]] = rotation_between(part_goal @ rest_direction(name), bone[known]) @ part_goal
    for side in SIDES:
        _follow_hinge(goal, side, "shoulder", elbow_frame(side), outward_of(side))
        _follow_hinge(goal, side, "hip", knee_frame(), rest_direction(f"{side}_hip"))
        _turn_forearm(goal, side)
        _turn_leg(goal, side)
    return goal


def _carrier(clip: MotionClip, found: Mapping[str, int], name: str) -> int:
    """The file's joint whose rotation is the part's: the last one before the bone's far end (rigs split limbs)."""
    side, _, part = name.rpartition("_")
    far = found.get(f"{side}_{_FAR[part]}") if part in _FAR else None
    if far is None:
        return found[name]
    above, step = clip.parents[far], clip.parents[far]
    while step >= 0:
        if step == found[name]:
            return above
        step = clip.parents[step]
    return found[name]


def _fill_trunk(goal: Float64[Array, "f 52 3 3"], found: Mapping[str, int]) -> None:
    """Spine joints that the file lacks share evenly what its neighbours differ by."""
    chain = ("pelvis", *TRUNK, *NECK)
    known = [place for place, name in enumerate(chain) if name in found]
    for low, high in itertools.pairwise(known):
        first, last = goal[:, JOINT[chain[low]]], goal[:, JOINT[chain[high]]]
        step = vector_from_matrix(first.swapaxes(-1, -2) @ last)
        for place in range(low + 1, high):
            share = (place - low) / (high - low)
            goal[:, JOINT[chain[place]]] = first @ matrix_from_vector(share * step)
    for place in range(known[-1] + 1, len(chain)):
        goal[:, JOINT[chain[place]]] = goal[:, JOINT[chain[known[-1]]]]
    for side in SIDES:
        if f"{side}_collar" not in found:
            goal[:, JOINT[f"{side}_collar"]] = goal[:, JOINT["spine3"]]


def _follow_hinge(
    goal: Float64[Array, "f 52 3 3"], side: str, part: str, frame: Float64[Array, "3 3"], axis: Float64[Array, "3"]
) -> None:
    """Turn the upper arm or thigh about itself so that elbow or knee bends about its hinge."""
    upper, lower = JOINT[f"{side}_{part}"], JOINT[f"{side}_{_HINGES[part]}"]
    first, second = goal[:, upper] @ axis, goal[:, lower] @ axis
    share = _bentness(first, second)
    bent = share > 0.0
    if not bent.any():
        return
    wanted = frame_from_axes(first[bent], cross(first[bent], second[bent])) @ frame.T
    _, angle = split_twist(vector_from_matrix(goal[bent, upper].swapaxes(-1, -2) @ wanted), axis)
    goal[bent, upper] = turned(goal[bent, upper], share[bent] * angle, axis)


def _bentness(first: Float64[Array, "f 3"], second: Float64[Array, "f 3"]) -> Float64[Array, "f"]:
    """How far the hinge between two bones tells its axis: 0 straight, 1 bent."""
    square = cross(first, second)
    bend = np.arctan2(np.sqrt((square * square).sum(axis=1)), (first * second).sum(axis=1))
    share = np.clip((bend - HINGE_FROM) / (HINGE_FULL - HINGE_FROM), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _turn_leg(goal: Float64[Array, "f 52 3 3"], side: str) -> None:
    """The toes of a straight leg turn out at the hip: an ankle gives its twist beyond `ANKLE_TWIST` to thigh and shank.

    Captures divide that turn anyhow (suits by their drift), for a straight leg turns about one axis everywhere.
    """
    hip, knee, ankle = (JOINT[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    axis = rest_direction(f"{side}_hip")
    _, against = split_twist(vector_from_matrix(goal[:, ankle].swapaxes(-1, -2) @ goal[:, knee]), axis)
    extra = np.clip(against, -ANKLE_TWIST, ANKLE_TWIST) - against
    extra *= 1.0 - _bentness(goal[:, hip] @ axis, goal[:, knee] @ axis)
    for joint in (hip, knee):
        goal[:, joint] = turned(goal[:, joint], extra, axis)


def _turn_forearm(goal: Float64[Array, "f 52 3 3"], side: str) -> None:
    """A wrist doesn't turn about the forearm: the forearm turns with the hand, so that the wrist only bends."""
    elbow, wrist, axis = JOINT[f"{side}_elbow"], JOINT[f"{side}_wrist"], outward_of(side)
    _, angle = split_twist(vector_from_matrix(goal[:, wrist].swapaxes(-1, -2) @ goal[:, elbow]), axis)
    goal[:, elbow] = turned(goal[:, elbow], -angle, axis)


def _pose(
    clip: MotionClip, found: Mapping[str, int], goal: Float64[Array, "f 52 3 3"]
) -> tuple[Float64[Array, "f 52 3"], Float64[Array, "f 52"]]:
    """Rotation vectors within the limits, and by how much the limits changed them (radians)."""
    poses, clamped = np.zeros((clip.frames, 52, 3)), np.zeros((clip.frames, 52))
    _share_out(goal, ("pelvis", *TRUNK))
    _share_out(goal, ("spine3", *NECK))
    at_ease = _hands_at_ease()
    reached = np.empty_like(goal)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            poses[:, joint] = vector_from_matrix(goal[:, joint])
            reached[:, joint] = goal[:, joint]
            continue
        if _is_bare(JOINT_NAMES[joint], found):
            poses[:, joint] = at_ease[joint]
        else:
            wanted = vector_from_matrix(reached[:, parent].swapaxes(-1, -2) @ goal[:, joint])
            poses[:, joint] = hold(wanted, joint)
            clamped[:, joint] = _change(wanted, poses[:, joint])
        reached[:, joint] = reached[:, parent] @ matrix_from_vector(poses[:, joint])
    return poses, clamped


def _share_out(goal: Float64[Array, "f 52 3 3"], chain: Sequence[str]) -> None:
    """Where a joint of the chain would leave its limits anywhere in the clip, all of them share the bend evenly."""
    numbers = [JOINT[name] for name in chain]
    local = [
        vector_from_matrix(goal[:, first].swapaxes(-1, -2) @ goal[:, second])
        for first, second in itertools.pairwise(numbers)
    ]
    over = [
        float(_change(step, hold(step, joint)).max(initial=0.0)) for step, joint in zip(local, numbers[1:], strict=True)
    ]
    if max(over) < OVERBENT:
        return
    total = vector_from_matrix(goal[:, numbers[0]].swapaxes(-1, -2) @ goal[:, numbers[-1]])
    for place, joint in enumerate(numbers[1:-1], start=1):
        share = matrix_from_vector(place / len(local) * total)
        goal[:, joint] = goal[:, numbers[0]] @ share


def _change(before: Float64[Array, "f 3"], after: Float64[Array, "f 3"]) -> Float64[Array, "f"]:
    """Angle between two rotations, radians."""
    between = compose(-before, after)
    return np.where((before == after).all(axis=1), 0.0, np.sqrt((between * between).sum(axis=1)))


def _is_bare(joint: str, found: Mapping[str, int]) -> bool:
    """Whether it is a finger's joint of which the file has no motion: a lone first joint is a stub without one."""
    side, _, part = joint.rpartition("_")
    return part[:-1] in FINGERS and not {f"{side}_{part[:-1]}1", f"{side}_{part[:-1]}2"} <= set(found)


def _hands_at_ease() -> Float64[Array, "52 3"]:
    figure = Figure()
    for side in SIDES:
        relaxed(figure, side, Variation())
    return figure.rotations


def _direction_errors(
    found: Mapping[str, int],
    goal: Float64[Array, "f 52 3 3"],
    places: Float64[Array, "f j 3"],
    own_world: Float64[Array, "f 22 3 3"],
    own_places: Float64[Array, "f 22 3"],
) -> Float64[Array, "f 12"]:
    errors = np.full((len(places), len(LIMBS)), np.nan)
    for column, name in enumerate(LIMBS):
        side, _, part = name.rpartition("_")
        far, joint = f"{side}_{_FAR[part]}", JOINT[name]
        if far not in found:
            continue
        direction = rest_direction(name)
        ours = own_world[:, joint] @ direction
        theirs = places[:, found[far]] - places[:, found[name]]
        if part == "ankle":
            theirs = goal[:, joint] @ direction
        elif part != "wrist":
            ours = own_places[:, JOINT[far]] - own_places[:, joint]
        square = cross(ours, theirs)
        error = np.degrees(np.arctan2(np.sqrt((square * square).sum(axis=1)), (ours * theirs).sum(axis=1)))
        errors[:, column] = np.where((theirs * theirs).sum(axis=1) > 1e-12, error, np.nan)
    return errors
