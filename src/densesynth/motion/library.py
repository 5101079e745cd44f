"""The built-in motions by name: a pose for any of them at any time, in any performer's manner."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from densesynth.errors import ConfigurationError
from densesynth.geometry.rotations import mirror
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, Pose
from densesynth.motion.actions import ACTIONS
from densesynth.motion.figure import Figure
from densesynth.motion.limits import clamp
from densesynth.motion.postures import POSTURES
from densesynth.motion.variation import Variation, draw_variation

__all__ = ["MOTION_NAMES", "Variation", "draw_variation", "duration", "pose_at"]

_MOTIONS = {**POSTURES, **ACTIONS}
MOTION_NAMES: tuple[str, ...] = tuple(_MOTIONS)

_OTHER = {"left": "right", "right": "left"}


def _partner(joint: str) -> int:
    side, _, part = joint.partition("_")
    return JOINT[f"{_OTHER[side]}_{part}"] if part else JOINT[joint]


_SWAPPED = np.array([_partner(joint) for joint in JOINT_NAMES])


def duration(name: str) -> float:
    """Seconds that one performance takes at tempo 1; every motion then begins again where it began."""
    return _find(name)[1]


def pose_at(name: str, time: float, variation: Variation = Variation()) -> Pose:  # noqa: B008 (frozen)
    """The pose of a motion at `time` seconds, any number: motions repeat. Joints stay within `motion.limits`.

    Raises ConfigurationError for a motion that doesn't exist.
    """
    perform, seconds = _find(name)
    figure = perform((time * variation.tempo / seconds) % 1.0, variation)
    rotations = clamp(figure.rotations)
    if variation.mirrored:
        rotations = mirror(rotations[_SWAPPED])
    return Pose(rotations=rotations.astype(np.float32), height=figure.lift)


def _find(name: str) -> tuple[Callable[[float, Variation], Figure], float]:
    if name not in _MOTIONS:
        near = difflib.get_close_matches(name, MOTION_NAMES, n=1)
        hint = f" Did you mean “{near[0]}”?" if near else ""
        raise ConfigurationError(f"there is no motion “{name}”.{hint} Known: {', '.join(MOTION_NAMES)}")
    return _MOTIONS[name]
