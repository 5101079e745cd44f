"""Feet on the ground: when a clip's feet stand still, and a root path under which they stand still on another body.

Contacts are told from height and speed (as in most motion capture cleaning): the ankle or the ball of a foot touches
the ground while it is about as low as it ever gets and hardly moves. The ground is taken to be level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Bool, Float64
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MotionClip
from densesynth.motion.figure import ANKLE_HEIGHT, REST, SHANK, THIGH

# For a body of 1.7 m, metres and metres a second.
TOUCHING = 0.035  # above a point's lowest, it still touches
STANDING = 0.40  # slower, it stands
LIFTED = 0.03  # a body less far above the ground than this is taken to touch it
FLESH = 0.08  # from a joint to the skin that would touch the ground: what hands, knees, hips and heads have about them
TOES = 0.015  # the same, of toes
LOWEST = 5.0  # percentile of a point's heights taken for its lowest: captures dip
SHORTEST = 0.08  # seconds: contacts and gaps briefly shorter are noise
SETTLE = 0.06  # seconds over which the root's correction is smoothed
LEG = THIGH + SHANK
POINTS = ("ankle", "foot")
_SIDES = ("left", "right")


@dataclass(frozen=True)
class Feet:
    """root: path of our pelvis joint, metres. heights, contacts, slide: as in `Retargeted`."""

    root: Float64[Array, "f 3"]
    heights: Float64[Array, "f"]
    contacts: Bool[Array, "f 2 2"]
    slide: tuple[float, float]


def plant(
    clip: MotionClip,
    found: Mapping[str, int],
    places: Float64[Array, "f j 3"],
    own: Float64[Array, "f 22 3"],
    rest: Float64[Array, "22 3"],
) -> Feet:
    """Scale the clip's path to our legs and mend it so that feet in contact stay where they are.

    places: of the clip's joints. own: of ours, the pelvis joint at the origin. rest: ours in the T-pose.
    """
    theirs, ours = _leg_of(clip.rest(), found), _leg_of(rest, JOINT)
    size = LEG / theirs  # their metres → those of a body of 1.7 m
    points = _foot_points(places, found) * size
    floors, ground = _find_ground(places * size, points)
    contacts = _find_contacts(points, floors, clip.frame_rate)
    flesh = np.where(_below_ankles(clip, found), TOES, FLESH)
    heights = _heights(places * size - ground, points, floors, flesh, contacts)

    hips = [found["left_hip"], found["right_hip"]]
    scale = ours / theirs
    middle = places[:, hips].mean(axis=1) * scale
    middle[:, 2] -= ground / size * scale
    root = middle - own[:, [JOINT["left_hip"], JOINT["right_hip"]]].mean(axis=1)
    standing = own[:, [[JOINT[f"{side}_{point}"] for point in POINTS] for side in _SIDES]]
    root = root + _correction(standing + root[:, None, None], contacts, _rest_heights(rest), clip.frame_rate)
    return Feet(root, heights, contacts, _slide(standing + root[:, None, None], contacts))


def _leg_of(places: Float64[Array, "j 3"], found: Mapping[str, int]) -> float:
    """Length from hip joint to ankle joint along the bones, mean of both legs."""
    return 0.5 * sum(
        float(np.linalg.norm(places[found[f"{side}_{a}"]] - places[found[f"{side}_{b}"]]))
        for side in _SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    )


def _rest_heights(rest: Float64[Array, "22 3"]) -> Float64[Array, "2"]:
    """Of our ankle and ball joints above the sole, metres: the average adult's, scaled by the leg."""
    scale = _leg_of(rest, JOINT) / LEG
    drop = REST[JOINT["left_ankle"], 2] - REST[JOINT["left_foot"], 2]
    return np.array([ANKLE_HEIGHT, ANKLE_HEIGHT - drop]) * scale


def _foot_points(places: Float64[Array, "f j 3"], found: Mapping[str, int]) -> Float64[Array, "f 2 2 3"]:
    """Ankle and ball of each foot; a file without balls has its ankles twice."""
    numbers = [
        [found[f"{side}_ankle"], found.get(f"{side}_foot", found.get(f"{side}_toe_end", found[f"{side}_ankle"]))]
        for side in _SIDES
    ]
    return places[:, numbers]


def _find_ground(
    places: Float64[Array, "f j 3"], points: Float64[Array, "f 2 2 3"]
) -> tuple[Float64[Array, "2"], float]:
    """Heights at which ankles and balls stand, and the ground's: below the feet, or below hands in a handstand.

    Feet that never come down stand nowhere: −inf, below which nothing is.
    """
    floors = np.percentile(points[..., 2], LOWEST, axis=0).min(axis=0)
    ground = min(float(floors[0]) - ANKLE_HEIGHT, float(np.percentile(places[..., 2].min(axis=1), LOWEST)))
    return np.where(floors < ground + _rest_heights(REST) + FLESH, floors, -np.inf), ground


def _find_contacts(
    points: Float64[Array, "f 2 2 3"], floors: Float64[Array, "2"], frame_rate: float
) -> Bool[Array, "f 2 2"]:
    low = points[..., 2] < floors + TOUCHING
    if len(points) < 2:
        return low
    # Speed over some 30 ms, so that a fast capture's jitter is no movement.
    step = max(1, round(0.03 * frame_rate))
    ahead, behind = (
        np.minimum(np.arange(len(points)) + step, len(points) - 1),
        np.maximum(np.arange(len(points)) - step, 0),
    )
    seconds = (ahead - behind) / frame_rate
    speed = np.linalg.norm(points[ahead] - points[behind], axis=-1) / seconds[:, None, None]
    contacts = low & (speed < STANDING)
    shortest = max(1, round(SHORTEST * frame_rate))
    for side in range(2):
        for point in range(2):
            run = contacts[:, side, point]
            _drop_short(run, shortest, filling=True)
            _drop_short(run, shortest, filling=False)
    return contacts


def _drop_short(run: Bool[Array, "f"], shortest: int, filling: bool) -> None:
    """Fill gaps, or take out spells, of fewer than `shortest` frames; not at the clip's ends, where they are cut."""
    for start, end in _spells(~run if filling else run):
        if end - start < shortest and start > 0 and end < len(run):
            run[start:end] = filling


def _spells(run: Bool[Array, "f"]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], run, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _below_ankles(clip: MotionClip, found: Mapping[str, int]) -> Bool[Array, "j"]:
    """Which of the clip's joints are ankles or hang from them."""
    below = np.zeros(len(clip.joints), dtype=bool)
    below[[found["left_ankle"], found["right_ankle"]]] = True
    for joint, parent in enumerate(clip.parents[1:], start=1):
        below[joint] |= below[parent]
    return below


def _heights(
    above: Float64[Array, "f j 3"],
    points: Float64[Array, "f 2 2 3"],
    floors: Float64[Array, "2"],
    flesh: Float64[Array, "j"],
    contacts: Bool[Array, "f 2 2"],
) -> Float64[Array, "f"]:
    """How far the body is off the ground, metres; a still picture's is unknown and taken for 0.

    above: the clip's joints above the ground. flesh: from each to the skin below it.
    """
    if len(above) < 2:
        return np.zeros(len(above))
    feet = (points[..., 2] - floors).min(axis=(1, 2))
    rest = np.maximum((above[..., 2] - flesh).min(axis=1), 0.0)
    lift = np.minimum(feet, rest)
    return np.where(contacts.any(axis=(1, 2)) | (lift < LIFTED), 0.0, lift)


def _correction(
    points: Float64[Array, "f 2 2 3"],
    contacts: Bool[Array, "f 2 2"],
    heights: Float64[Array, "2"],
    frame_rate: float,
) -> Float64[Array, "f 3"]:
    """What to add to the root path so that points in contact stay at their mean place, at rest height above ground."""
    wanted, weight = np.zeros((len(points), 3)), np.zeros(len(points))
    for side in range(2):
        for point in range(2):
            for start, end in _spells(contacts[:, side, point]):
                path = points[start:end, side, point]
                target = np.array([*path[:, :2].mean(axis=0), heights[point]])
                wanted[start:end] += target - path
                weight[start:end] += 1.0
    held = np.flatnonzero(weight > 0.0)
    if not len(held):
        return wanted
    wanted[held] /= weight[held, None]
    frames = np.arange(len(points))
    filled = np.stack([np.interp(frames, held, wanted[held, axis]) for axis in range(3)], axis=1)
    return _smooth(filled, SETTLE * frame_rate)


def _smooth(path: Float64[Array, "f 3"], sigma: float) -> Float64[Array, "f 3"]:
    reach = int(np.ceil(3.0 * sigma))
    if reach < 1 or len(path) < 2:
        return path
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in range(3)], axis=1)


def _slide(points: Float64[Array, "f 2 2 3"], contacts: Bool[Array, "f 2 2"]) -> tuple[float, float]:
    ways = []
    for side in range(2):
        for point in range(2):
            for start, end in _spells(contacts[:, side, point]):
                path = points[start:end, side, point, :2]
                ways.append(float(np.linalg.norm(path - path.mean(axis=0), axis=1).max()))
    return (float(np.median(ways)), max(ways)) if ways else (0.0, 0.0)
