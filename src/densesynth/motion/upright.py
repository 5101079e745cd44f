"""Which way is up in a skeleton's file and how long its unit is, told from the rest pose: BVH and ASF don't say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import rotation_between
from densesynth.motion.retarget_names import match_joints

# Units met in the wild, metres: tried in this order. CMU's recordings are in 1/0.45 inches.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "dm": 0.1, "inch": 0.0254, "cmu": 0.0254 / 0.45}
STATURES = (1.35, 2.05)  # metres: whom a unit must make of the skeleton to be believed
STATURE = 1.7  # of a skeleton whose unit is none of these
LEG_SHARE = 0.49  # hip joint to ankle joint as a share of stature (geometry of `motion.figure`)


def find_unit(
    clip: str, joints: Sequence[str], parents: Sequence[int], offsets: Float64[Array, "j 3"], unit: str | float | None
) -> float:
    """Metres to one unit of the file.

    unit: the answer, as a name of `UNITS` or in metres. Without it, the first of `UNITS` under which the performer is
    of an adult's stature, told by the legs, or by the skeleton's extent where its joints have no known names; failing
    that, what makes the performer 1.7 m tall. Raises AssetError for a unit that is none.
    """
    if isinstance(unit, str):
        if unit not in UNITS:
            raise AssetError(f"{clip}: expected a unit out of {', '.join(UNITS)} or metres, found “{unit}”")
        return UNITS[unit]
    if unit is not None:
        if not (np.isfinite(unit) and unit > 0.0):
            raise AssetError(f"{clip}: expected a unit above 0 metres, found {unit}")
        return float(unit)
    stature = _stature(clip, joints, parents, offsets)
    if stature <= 0.0:
        return 1.0
    for metres in UNITS.values():
        if STATURES[0] <= stature * metres <= STATURES[1]:
            return metres
    return STATURE / stature


def find_up(
    clip: str, joints: Sequence[str], parents: Sequence[int], offsets: Float64[Array, "j 3"], up: str | None
) -> Float64[Array, "3 3"]:
    """Rotation that takes the file's axes to ours, z up, as a matrix of −1, 0 and 1.

    up: "x", "y" or "z", the axis that points up in the file. Without it, the one along which the shoulders lie above
    the ankles in the rest pose; where the joints have no known names, y, as most BVH files have it.
    """
    axis = np.array([0.0, 1.0, 0.0])
    if up is not None:
        if up not in ("x", "y", "z"):
            raise AssetError(f"{clip}: expected x, y or z as the axis that points up, found “{up}”")
        axis = np.eye(3)["xyz".index(up)]
    else:
        found = _known(clip, joints)
        if found is not None:
            places = _places(parents, offsets)
            rise = sum(
                places[found[f"{s}_shoulder"]] + places[found[f"{s}_hip"]] - 2.0 * places[found[f"{s}_ankle"]]
                for s in ("left", "right")
            )
            longest = int(np.argmax(np.abs(rise)))
            if abs(rise[longest]) > 0.0:
                axis = np.eye(3)[longest] * np.sign(rise[longest])
    return np.round(rotation_between(axis, np.array([0.0, 0.0, 1.0])))


def _known(clip: str, joints: Sequence[str]) -> dict[str, int] | None:
    try:
        return match_joints(joints, clip)
    except AssetError:
        return None


def _places(parents: Sequence[int], offsets: Float64[Array, "j 3"]) -> Float64[Array, "j 3"]:
    places = offsets.copy()
    for joint, parent in enumerate(parents[1:], start=1):
        places[joint] += places[parent]
    return places


def _stature(clip: str, joints: Sequence[str], parents: Sequence[int], offsets: Float64[Array, "j 3"]) -> float:
    """In the file's units."""
    places = _places(parents, offsets)
    found = _known(clip, joints)
    if found is None:
        return float(np.ptp(places, axis=0).max())
    legs = [
        np.linalg.norm(places[found[f"{side}_{a}"]] - places[found[f"{side}_{b}"]])
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return float(sum(legs)) / 2.0 / LEG_SHARE
