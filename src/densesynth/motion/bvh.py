"""Biovision Hierarchy (.bvh): a skeleton with any joint names and channel orders, and its motion.

The format has no specification of its own; this follows Meredith and Maddock, *Motion Capture File Formats Explained*
(2001): channels apply in the order in which they stand, the first outermost, angles in degrees.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import multiply_quaternions, vector_from_quaternion
from densesynth.motion.clip import END, MotionClip
from densesynth.motion.upright import find_unit, find_up

_AXIS = {"x": 0, "y": 1, "z": 2}
STILL_RATE = 30.0  # Hz, of a single frame without a frame time


@dataclass
class _Joint:
    name: str
    parent: int
    line: int
    offset: Float64[Array, "3"] | None = None
    channels: list[tuple[str, int]] | None = None  # ("position" or "rotation", axis)
    column: int = 0


@dataclass
class _Lines:
    """The file's lines that hold something, and where the reader is."""

    path: str
    lines: list[tuple[int, list[str]]]
    at: int = 0
    last: int = field(default=0)

    def next(self, expected: str) -> tuple[int, list[str]]:
        if self.at >= len(self.lines):
            raise AssetError(f"{self.path}: ends after line {self.last} where {expected} was expected; it is cut off")
        self.last, words = self.lines[self.at]
        self.at += 1
        return self.last, words


def read_bvh(path: str | os.PathLike[str], *, unit: str | float | None = None, up: str | None = None) -> MotionClip:
    """A BVH file as a clip; the tips of bones (`End Site`) are joints named after the last joint and `clip.END`.

    unit, up: see `motion.upright`. Position channels of joints other than the root say where the joint is (or, where
    they are about zero, how far it is from its offset); their median is taken for the bone. A file without frames
    gives a clip without frames. Raises AssetError.
    """
    path = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    return parse_bvh(text, path, unit=unit, up=up)


def parse_bvh(text: str, path: str, *, unit: str | float | None = None, up: str | None = None) -> MotionClip:
    """`read_bvh` of a text; path: its name in errors."""
    words = ((number, line.split()) for number, line in enumerate(text.splitlines(), start=1))
    lines = _Lines(path, [(number, line) for number, line in words if line])
    joints = _read_hierarchy(lines)
    rows, seconds = _read_motion(lines, sum(len(j.channels or ()) for j in joints))
    names = tuple(_unique([j.name for j in joints]))
    parents = tuple(j.parent for j in joints)
    offsets = np.stack([np.zeros(3) if j.offset is None else j.offset for j in joints])
    quaternions, root = _interpret(joints, rows, offsets)
    metres = find_unit(path, names, parents, offsets, unit)
    turn = find_up(path, names, parents, offsets, up)
    return MotionClip(
        name=Path(path).stem,
        joints=names,
        parents=parents,
        offsets=metres * offsets @ turn.T,
        rotations=vector_from_quaternion(quaternions) @ turn.T,
        root=metres * root @ turn.T,
        frame_rate=1.0 / seconds,
        unit=metres,
    )


def _read_hierarchy(lines: _Lines) -> list[_Joint]:
    number, words = lines.next("HIERARCHY")
    if words[0].upper() != "HIERARCHY":
        raise AssetError(f"{lines.path}:{number}: expected HIERARCHY, found “{_short(words)}”; this is no BVH file")
    joints: list[_Joint] = []
    open_joints: list[int] = []  # innermost last
    column = 0
    while True:
        number, words = lines.next("JOINT, End Site, OFFSET, CHANNELS or }" if open_joints else "ROOT or MOTION")
        key = words[0].upper()
        here = joints[open_joints[-1]] if open_joints else None
        if key in ("ROOT", "JOINT", "END"):
            _check_place(lines.path, number, words, key, joints, here)
            name = here.name + END if key == "END" and here else " ".join(w for w in words[1:] if w != "{")
            joints.append(_Joint(name or "joint", open_joints[-1] if open_joints else -1, number))
            if key == "END":
                joints[-1].channels = []
            if words[-1] != "{":
                brace, words = lines.next("{")
                if words != ["{"]:
                    raise AssetError(f"{lines.path}:{brace}: expected {{, found “{_short(words)}”")
            open_joints.append(len(joints) - 1)
        elif key == "OFFSET" and here and here.offset is None:
            here.offset = _numbers(lines.path, number, words[1:], 3, "OFFSET")
        elif key == "CHANNELS" and here and here.channels is None:
            here.channels, here.column = _channels(lines.path, number, words), column
            column += len(here.channels)
        elif key == "}" and here and len(words) == 1:
            if here.offset is None:
                raise AssetError(f"{lines.path}:{here.line}: expected an OFFSET for joint {here.name}, found none")
            open_joints.pop()
        elif key == "MOTION" and joints and not open_joints:
            return joints
        else:
            inside = f"in joint {here.name}" if here else "outside any joint"
            raise AssetError(f"{lines.path}:{number}: unexpected “{_short(words)}” {inside}; check the braces there")


def _check_place(path: str, number: int, words: list[str], key: str, joints: list[_Joint], here: _Joint | None) -> None:
    if key == "ROOT" and joints:
        raise AssetError(f"{path}:{number}: expected one ROOT, found a second, {_short(words[1:])}; split the file")
    if key != "ROOT" and here is None:
        raise AssetError(f"{path}:{number}: expected ROOT first, found “{_short(words)}”; check the braces above")
    if here is not None and here.name.endswith(END):
        raise AssetError(f"{path}:{number}: expected only an OFFSET in an End Site, found “{_short(words)}”")
    if key != "END" and len(words) < 2:
        raise AssetError(f"{path}:{number}: expected a joint's name after {key}, found none")


def _channels(path: str, number: int, words: list[str]) -> list[tuple[str, int]]:
    channels = []
    for word in words[2:]:
        axis, kind = _AXIS.get(word[:1].lower()), word[1:].lower()
        if axis is None or kind not in ("position", "rotation"):
            raise AssetError(f"{path}:{number}: expected channels such as Xposition or Zrotation, found “{word[:40]}”")
        channels.append((kind, axis))
    if len(words) < 2 or not words[1].isdecimal() or int(words[1]) != len(channels):
        said = words[1] if len(words) > 1 else "no number"
        raise AssetError(f"{path}:{number}: CHANNELS says {said[:20]} and names {len(channels)}; make them agree")
    if len(set(channels)) != len(channels):
        raise AssetError(f"{path}:{number}: expected each channel once, found “{_short(words)}”")
    return channels


def _read_motion(lines: _Lines, columns: int) -> tuple[Float64[Array, "f c"], float]:
    path = lines.path
    number, words = lines.next("Frames:")
    if words[0].lower().rstrip(":") != "frames" or len(words) != 2 or not words[1].isdecimal():
        raise AssetError(f"{path}:{number}: expected “Frames:” and a number, found “{_short(words)}”")
    frames = int(words[1])
    number, words = lines.next("Frame Time:")
    if [w.lower() for w in words[:2]] != ["frame", "time:"]:
        raise AssetError(f"{path}:{number}: expected “Frame Time:” and seconds, found “{_short(words)}”")
    seconds = float(_numbers(path, number, words[2:], 1, "Frame Time")[0])
    if seconds <= 0.0 or not np.isfinite(1.0 / seconds):
        if frames > 1:
            raise AssetError(f"{path}:{number}: expected a frame time above 0 s, found {seconds:g}; write the true one")
        seconds = 1.0 / STILL_RATE
    rest = lines.lines[lines.at :]
    if len(rest) != frames:
        told = "is cut off or its Frames: line is wrong" if len(rest) < frames else "goes on after its last frame"
        raise AssetError(f"{path}: expected {frames} rows of motion, found {len(rest)}; the file {told}")
    rows = np.empty((frames, columns))
    for row, (number, words) in enumerate(rest):
        rows[row] = _numbers(path, number, words, columns, f"frame {row + 1}")
    return rows, seconds


def _numbers(path: str, number: int, words: list[str], count: int, what: str) -> Float64[Array, "n"]:
    """That many finite numbers, or an AssetError that names the line."""
    if len(words) != count:
        raise AssetError(
            f"{path}:{number}: expected {count} numbers in {what}, found {len(words)}; the line is damaged"
        )
    try:
        numbers = np.array(words, dtype=np.float64)
    except ValueError:
        bad = next(word for word in words if not _is_number(word))
        raise AssetError(f"{path}:{number}: expected numbers in {what}, found “{bad[:40]}”") from None
    wrong = ~(np.abs(numbers) < 1e9)
    if wrong.any():
        column = int(np.argmax(wrong))
        raise AssetError(
            f"{path}:{number}: expected finite numbers in {what}, found {words[column][:40]} in column {column + 1}; "
            "repair the recording or cut these frames"
        )
    return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _interpret(
    joints: list[_Joint], rows: Float64[Array, "f c"], offsets: Float64[Array, "j 3"]
) -> tuple[Float64[Array, "f j 4"], Float64[Array, "f 3"]]:
    """Channels → local rotations (quaternions) and root path; `offsets` of joints with position channels are mended."""
    quaternions = np.zeros((len(rows), len(joints), 4))
    quaternions[..., 0] = 1.0
    root = np.repeat(offsets[:1], len(rows), axis=0)
    for number, joint in enumerate(joints):
        turn = quaternions[:, number]
        moved = np.zeros((len(rows), 3))
        for k, (kind, axis) in enumerate(joint.channels or ()):
            values = rows[:, joint.column + k]
            if kind == "position":
                moved[:, axis] = values
                continue
            step = np.zeros((len(rows), 4))
            half = np.radians(0.5 * values)
            step[:, 0], step[:, 1 + axis] = np.cos(half), np.sin(half)
            turn = multiply_quaternions(turn, step)
        quaternions[:, number] = turn
        if number == 0:
            root = root + moved
        elif len(rows) and any(kind == "position" for kind, _ in joint.channels or ()):
            median = np.median(moved, axis=0)
            replaces = np.linalg.norm(median - offsets[number]) < np.linalg.norm(median)
            offsets[number] = median if replaces else offsets[number] + median
    return quaternions, root


def _unique(names: list[str]) -> list[str]:
    seen: set[str] = set()
    unique = []
    for name in names:
        new, count = name, 1
        while new in seen:
            count += 1
            new = f"{name} ({count})"
        seen.add(new)
        unique.append(new)
    return unique


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 40 else text[:39] + "…"
