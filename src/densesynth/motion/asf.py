"""Acclaim skeletons and motion (.asf with .amc), as CMU and HDM05 publish them.

After the format's description by J. Lander, *Working with Motion Capture File Formats* (1998). A bone has a direction
and a length in the rest pose and axes of its own; its rotation M applies there: in the world's axes, axes · M · axesᵀ.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import (
    multiply_quaternions,
    quaternion_from_vector,
    vector_from_quaternion,
)
from densesynth.motion.clip import END, MotionClip
from densesynth.motion.upright import UNITS, find_unit, find_up

CMU_RATE = 120.0  # Hz; .amc files don't say
_AXIS = {"x": 0, "y": 1, "z": 2}


@dataclass
class _Bone:
    name: str
    line: int
    direction: Float64[Array, "3"] = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axes: Float64[Array, "4"] = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    channels: list[str] = field(default_factory=list)  # rx, tz, …
    parent: int = -1


@dataclass
class _Skeleton:
    path: str
    bones: list[_Bone]  # the root first, parents before children
    length_unit: float = 1.0
    degrees: bool = True


def read_amc(
    path: str | os.PathLike[str],
    skeleton: str | os.PathLike[str] | None = None,
    *,
    frame_rate: float = CMU_RATE,
    unit: str | float | None = None,
    up: str | None = None,
) -> MotionClip:
    """An .amc motion on its .asf skeleton. A bone is named at the joint where it begins; tips are joints too.

    skeleton: the .asf; without it, the one beside the motion: of the same name, of the name up to the last underscore
    (CMU's 02_01.amc and 02.asf), or the only one there. frame_rate: Hz, which the format doesn't tell. unit, up: see
    `motion.upright`. Raises AssetError.
    """
    path = str(path)
    found = str(skeleton) if skeleton is not None else _find_skeleton(path)
    asf = _parse_asf(_read(found), found)
    rows = _parse_amc(_read(path), path, asf)
    names, parents, offsets = _joints(asf)
    quaternions, root = _interpret(asf, rows, len(names), offsets[0])
    metres = find_unit(found, names, parents, offsets, unit if unit is not None else _told_unit(asf, offsets, parents))
    turn = find_up(found, names, parents, offsets, up)
    return MotionClip(
        name=Path(path).stem,
        joints=names,
        parents=parents,
        offsets=metres * offsets @ turn.T,
        rotations=vector_from_quaternion(quaternions) @ turn.T,
        root=metres * root @ turn.T,
        frame_rate=frame_rate,
        unit=metres,
    )


def _find_skeleton(path: str) -> str:
    folder, stem = Path(path).parent, Path(path).stem
    beside = sorted(file for file in folder.glob("*") if file.suffix.lower() == ".asf")
    for name in (stem, stem.rpartition("_")[0]):
        for file in beside:
            if file.stem.lower() == name.lower():
                return str(file)
    if len(beside) == 1:
        return str(beside[0])
    raise AssetError(
        f"{path}: expected its skeleton {stem}.asf beside it, found {len(beside)} .asf files; put it there"
    )


def _told_unit(asf: _Skeleton, offsets: Float64[Array, "j 3"], parents: tuple[int, ...]) -> float | None:
    """CMU's scale, where the file has it and a person of human size comes out; else left to the rest pose."""
    extent = float(np.abs(offsets).sum(axis=0).max())
    if asf.length_unit == 0.45 and len(parents) > 1 and 0.5 < extent * UNITS["cmu"] < 10.0:
        return UNITS["cmu"]
    return None


def _read(path: str) -> list[tuple[int, list[str]]]:
    """Lines that say something: number and words, comments taken off."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    lines = ((number, line.split("#")[0].split()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, words) for number, words in lines if words]


def _parse_asf(lines: list[tuple[int, list[str]]], path: str) -> _Skeleton:
    root, bones = _Bone("root", 0), dict[str, _Bone]()
    asf = _Skeleton(path, [root])
    section, here, parents = "", root, dict[str, str]()
    for number, words in lines:
        key = words[0].lower()
        if key.startswith(":"):
            section = key[1:]
            continue
        if section == "units":
            if key == "length":
                asf.length_unit = _floats(path, number, words[1:], 1)[0]
            elif key == "angle" and len(words) > 1:
                asf.degrees = words[1].lower().startswith("deg")
        elif section == "root":
            _read_bone(path, number, words, root, asf.degrees)
        elif section == "bonedata":
            if key == "begin":
                here = _Bone("", number)
            elif key == "end":
                if not here.name or here.name in bones:
                    raise AssetError(f"{path}:{number}: expected a bone with a name of its own, found “{here.name}”")
                bones[here.name] = here
            else:
                _read_bone(path, number, words, here, asf.degrees)
        elif section == "hierarchy" and key not in ("begin", "end"):
            parents.update(dict.fromkeys(words[1:], words[0]))
    if not bones or not parents:
        raise AssetError(
            f"{path}: expected sections :bonedata and :hierarchy, found {len(bones)} bones; this is no ASF file"
        )
    _order(asf, bones, parents)
    return asf


def _read_bone(path: str, number: int, words: list[str], bone: _Bone, degrees: bool) -> None:
    key = words[0].lower()
    if key == "name" and len(words) > 1:
        bone.name = words[1]
    elif key == "direction":
        bone.direction = _floats(path, number, words[1:], 3)
    elif key == "length":
        bone.length = float(_floats(path, number, words[1:], 1)[0])
    elif key == "position":
        bone.direction = _floats(path, number, words[1:], 3)  # the root's place
    elif key == "orientation" and bone.name == "root":
        bone.axes = _euler(_floats(path, number, words[1:], 3), "xyz", degrees)
    elif key == "axis" and len(words) == 5:
        bone.axes = _euler(_floats(path, number, words[1:4], 3), words[4].lower(), degrees)
    elif key in ("dof", "order"):
        channels = [word.lower() for word in words[1:]]
        bad = [channel for channel in channels if not re.fullmatch(r"[rt][xyz]|l", channel)]
        if bad:
            raise AssetError(f"{path}:{number}: expected degrees of freedom such as rx or tz, found “{bad[0][:20]}”")
        bone.channels = channels


def _order(asf: _Skeleton, bones: dict[str, _Bone], parents: dict[str, str]) -> None:
    unknown = sorted((set(parents) | set(parents.values())) - set(bones) - {"root"})
    orphans = sorted(set(bones) - set(parents))
    if unknown or orphans:
        what = f"{unknown[0]} without bone data" if unknown else f"{orphans[0]} without a place in it"
        raise AssetError(f"{asf.path}: expected every bone in :hierarchy and in :bonedata, found {what}")
    for number, bone in enumerate(asf.bones):  # grows as it goes: each bone is followed by its children
        for child in [name for name, parent in parents.items() if parent == bone.name]:
            bones[child].parent = number
            asf.bones.append(bones[child])
    if len(asf.bones) != len(bones) + 1:
        raise AssetError(f"{asf.path}: expected a :hierarchy that begins at root, found a ring among its bones")


def _joints(asf: _Skeleton) -> tuple[tuple[str, ...], tuple[int, ...], Float64[Array, "j 3"]]:
    """Joints of the clip: each bone at its beginning, then the tips of the bones that end there."""
    names, parents = [bone.name for bone in asf.bones], [bone.parent for bone in asf.bones]
    vectors = [np.zeros(3), *(_along(bone) for bone in asf.bones[1:])]
    offsets = [asf.bones[0].direction, *(vectors[bone.parent] for bone in asf.bones[1:])]
    for number, bone in enumerate(asf.bones[1:], start=1):
        if number not in parents:
            names.append(bone.name + END)
            parents.append(number)
            offsets.append(vectors[number])
    return tuple(names), tuple(parents), np.stack(offsets)


def _along(bone: _Bone) -> Float64[Array, "3"]:
    norm = float(np.linalg.norm(bone.direction))
    return bone.length * bone.direction / norm if norm > 0.0 else np.zeros(3)


def _parse_amc(lines: list[tuple[int, list[str]]], path: str, asf: _Skeleton) -> list[dict[str, Float64[Array, "n"]]]:
    counts = {bone.name: len([c for c in bone.channels if c != "l"]) for bone in asf.bones}
    frames: list[dict[str, Float64[Array, "n"]]] = []
    for number, words in lines:
        if len(words) == 1 and words[0].isdecimal():
            _check_frame(path, number, frames, counts)
            frames.append({})
        elif words[0].startswith(":"):
            continue
        elif not frames:
            raise AssetError(f"{path}:{number}: expected a frame's number first, found “{words[0][:30]}”; no AMC file")
        elif words[0] not in counts:
            raise AssetError(
                f"{path}:{number}: bone {words[0][:30]} is not in {asf.path}; give the skeleton that belongs"
            )
        else:
            frames[-1][words[0]] = _floats(path, number, words[1:], counts[words[0]])
    _check_frame(path, lines[-1][0] if lines else 0, frames, counts)
    return frames


def _check_frame(path: str, number: int, frames: list[dict[str, Float64[Array, "n"]]], counts: dict[str, int]) -> None:
    if frames:
        lacking = [name for name, count in counts.items() if count and name not in frames[-1]]
        if lacking:
            raise AssetError(
                f"{path}:{number}: frame {len(frames)} lacks {', '.join(lacking[:5])}; the file is cut off"
            )


def _interpret(
    asf: _Skeleton, rows: list[dict[str, Float64[Array, "n"]]], joints: int, origin: Float64[Array, "3"]
) -> tuple[Float64[Array, "f j 4"], Float64[Array, "f 3"]]:
    turns = np.zeros((len(rows), joints, 4))
    turns[..., 0] = 1.0
    root = np.repeat(origin[None], len(rows), axis=0)
    for number, bone in enumerate(asf.bones):
        channels = [channel for channel in bone.channels if channel != "l"]
        if not channels or not rows:
            continue
        values = np.stack([row[bone.name] for row in rows])
        turn = np.zeros((len(rows), 4))
        turn[:, 0] = 1.0
        for column, channel in enumerate(channels):
            axis = _AXIS[channel[1]]
            if channel[0] == "t":
                if number == 0:
                    root[:, axis] += values[:, column]
                continue
            angle = np.radians(values[:, column]) if asf.degrees else values[:, column]
            step = quaternion_from_vector(angle[:, None] * np.eye(3)[axis])
            turn = multiply_quaternions(step, turn)  # listed innermost first
        axes = np.broadcast_to(bone.axes, turn.shape)
        turns[:, number] = multiply_quaternions(multiply_quaternions(axes, turn), axes * (1.0, -1.0, -1.0, -1.0))
    return turns, root


def _euler(angles: Float64[Array, "3"], order: str, degrees: bool) -> Float64[Array, "4"]:
    """Axes of a bone: turns about the fixed axes, in that order."""
    turn = np.array([1.0, 0.0, 0.0, 0.0])
    for angle, letter in zip(np.radians(angles) if degrees else angles, order, strict=True):
        turn = multiply_quaternions(quaternion_from_vector(angle * np.eye(3)[_AXIS[letter]]), turn)
    return turn


def _floats(path: str, number: int, words: list[str], count: int) -> Float64[Array, "n"]:
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        raise AssetError(f"{path}:{number}: expected {count} numbers, found “{' '.join(words)[:40]}”") from None
    if len(values) != count or not np.isfinite(values).all():
        raise AssetError(f"{path}:{number}: expected {count} finite numbers, found “{' '.join(words)[:40]}”")
    return values
