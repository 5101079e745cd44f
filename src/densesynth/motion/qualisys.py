"""Qualisys Track Manager's TSV exports: of 3D markers and of solved skeletons (QTM user manual, “TSV export”).

Both begin with lines of a keyword and its values; then, a line of column names in skeletons (in markers if asked for
at export), then a row a frame. Lengths are millimetres, z is up, gaps are empty cells, NULL, or zeros.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import multiply_quaternions, vector_from_quaternion
from densesynth.motion.clip import MarkerClip, MotionClip

MILLIMETRE = 0.001
_GAPS = {"", "null", "nan", "-"}
_SEGMENT = ["X", "Y", "Z", "QX", "QY", "QZ", "QW"]
# Parent of each segment of QTM's skeletons: the first of these that the file has ({S} is Left or Right).
_PARENTS = {
    "Spine": ("Hips",), "Spine1": ("Spine",), "Spine2": ("Spine1",), "Spine3": ("Spine2",),
    "Neck": ("Spine3", "Spine2", "Spine1", "Spine"), "Head": ("Neck",), "HeadEnd": ("Head",),
    "{S}Shoulder": ("Spine3", "Spine2", "Spine1", "Spine"), "{S}Arm": ("{S}Shoulder", "Spine3", "Spine2", "Spine1"),
    "{S}ForeArm": ("{S}Arm",), "{S}ForeArmRoll": ("{S}ForeArm",), "{S}Hand": ("{S}ForeArmRoll", "{S}ForeArm"),
    "{S}HandEnd": ("{S}Hand",),
    "{S}UpLeg": ("Hips",), "{S}Leg": ("{S}UpLeg",), "{S}Foot": ("{S}Leg",), "{S}ToeBase": ("{S}Foot",),
    "{S}ToeBaseEnd": ("{S}ToeBase",),
    **{f"{{S}}InHand{f}": ("{S}Hand",) for f in ("Thumb", "Index", "Middle", "Ring", "Pinky")},
    **{f"{{S}}Hand{f}1": (f"{{S}}InHand{f}", "{S}Hand") for f in ("Thumb", "Index", "Middle", "Ring", "Pinky")},
    **{f"{{S}}Hand{f}{k}": (f"{{S}}Hand{f}{k - 1}", "{S}Hand")
       for f in ("Thumb", "Index", "Middle", "Ring", "Pinky") for k in (2, 3, 4)},
}  # fmt: skip


@dataclass(frozen=True)
class _Table:
    """header: keyword → values. columns: their names, where the file has them. rows: (line number, cells)."""

    header: dict[str, list[str]]
    columns: list[str]
    rows: list[tuple[int, list[str]]]


def is_skeleton(path: str | os.PathLike[str]) -> bool:
    """Whether a TSV file is a skeleton export; False for one that can't be read, which its reader will tell."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return any("\tQX\tQY\tQZ\tQW" in line for _, line in zip(range(60), file, strict=False))
    except OSError:
        return False


def read_qualisys_markers(path: str | os.PathLike[str]) -> MarkerClip:
    """A marker export: metres, NaN in gaps. Raises AssetError."""
    path = str(path)
    table = _read_table(path)
    names = [name.strip() for name in table.header.get("MARKER_NAMES", []) if name.strip()]
    included = " ".join(table.header.get("DATA_INCLUDED", ["3D"])).strip()
    if not names or included.upper() != "3D":
        raise AssetError(
            f"{path}: expected MARKER_NAMES and DATA_INCLUDED 3D, found {included or 'neither'}; export 3D data"
        )
    if len(set(names)) != len(names):
        raise AssetError(f"{path}: expected each marker once in MARKER_NAMES, found {_twice(names)} twice")
    count = 3 * len(names)
    _check_frames(path, table)
    skip = _leading(table, count)
    values = np.full((len(table.rows), count), np.nan)
    for row, (number, cells) in enumerate(table.rows):
        values[row] = _row(path, number, cells[skip:], count)
    positions = MILLIMETRE * values.reshape(len(table.rows), -1, 3)
    gaps = ~np.isfinite(positions).all(axis=2) | (positions == 0.0).all(axis=2)
    positions[gaps] = np.nan
    return MarkerClip(Path(path).stem, tuple(names), positions, _rate(path, table))


def read_qualisys_skeleton(path: str | os.PathLike[str]) -> MotionClip:
    """A skeleton export: segments' places and rotations in the world (quaternion x, y, z, w; identity in the T-pose).

    Bones are the segments' median offsets from their parents. Frames in which the skeleton was not solved repeat the
    last solved one. Raises AssetError.
    """
    path = str(path)
    table = _read_table(path)
    names, starts, width = _segments(path, table)
    _check_frames(path, table)
    if " ".join(table.header.get("REFERENCE", ["GLOBAL"])).strip().upper() != "GLOBAL":
        raise AssetError(
            f"{path}: expected REFERENCE GLOBAL, found {table.header['REFERENCE']}; export global coordinates"
        )
    data = np.full((len(table.rows), len(names), 7), np.nan)
    for row, (number, cells) in enumerate(table.rows):
        values = _row(path, number, cells, width)
        for segment, start in enumerate(starts):
            data[row, segment] = values[start : start + 7]
    _fill_gaps(path, data, names)
    order, parents = _hierarchy(path, names)
    data = data[:, order]
    places = MILLIMETRE * data[..., :3]
    turns = data[..., [6, 3, 4, 5]] / np.linalg.norm(data[..., 3:], axis=-1, keepdims=True)
    conjugate = turns * np.array([1.0, -1.0, -1.0, -1.0])
    local, offsets = turns.copy(), np.zeros((len(order), 3))
    for joint, parent in enumerate(parents[1:], start=1):
        local[:, joint] = multiply_quaternions(conjugate[:, parent], turns[:, joint])
        bone = np.zeros((len(data), 4))
        bone[:, 1:] = places[:, joint] - places[:, parent]
        bone = multiply_quaternions(multiply_quaternions(conjugate[:, parent], bone), turns[:, parent])
        offsets[joint] = np.median(bone[:, 1:], axis=0)
    return MotionClip(
        name=Path(path).stem,
        joints=tuple(names[k] for k in order),
        parents=tuple(parents),
        offsets=offsets,
        rotations=vector_from_quaternion(local),
        root=places[:, 0],
        frame_rate=_rate(path, table),
        unit=MILLIMETRE,
    )


def _read_table(path: str) -> _Table:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    header: dict[str, list[str]] = {}
    columns: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.split("\t")
        key = cells[0].strip()
        if not line.strip():
            continue
        if rows or key.lower() in _GAPS or _is_number(key):
            rows.append((number, cells))
        elif key == "Frame":
            columns = [cell.strip() for cell in cells]
        elif key.replace("_", "").isupper():
            header.setdefault(key, [cell.strip() for cell in cells[1:]])
        elif not columns:
            columns = [cell.strip() for cell in cells]
    if "FREQUENCY" not in header:
        raise AssetError(
            f"{path}: expected a TSV export of Qualisys with a FREQUENCY line, found none; this is another file"
        )
    if not rows:
        raise AssetError(f"{path}: expected rows of data after the header, found none; the file is cut off")
    while columns and not columns[-1]:
        columns.pop()
    return _Table(header, columns, rows)


def _check_frames(path: str, table: _Table) -> None:
    said = next((value for value in table.header.get("NO_OF_FRAMES", []) if value), "")
    if said.isdecimal() and int(said) != len(table.rows):
        raise AssetError(f"{path}: expected {said} rows (NO_OF_FRAMES), found {len(table.rows)}; the file is cut off")


def _leading(table: _Table, count: int) -> int:
    """How many cells (frame, time) stand before a row's `count` coordinates; a tab may end each row."""
    if table.columns:
        return max(len(table.columns) - count, 0)
    width = max(len(cells) for _, cells in table.rows)
    whole = [cells for _, cells in table.rows if len(cells) == width]
    extra = width - count
    open_end = not any(cells[-1].strip() for cells in whole)
    if open_end and (extra == 1 or any(cells[-2].strip() for cells in whole)):
        extra -= 1
    return min(max(extra, 0), 2)


def _rate(path: str, table: _Table) -> float:
    said = next((value for value in table.header["FREQUENCY"] if value), "")
    if not _is_number(said) or not 0.0 < float(said) < 1e6:
        raise AssetError(f"{path}: expected a FREQUENCY above 0 Hz, found “{said[:20]}”")
    return float(said)


def _row(path: str, number: int, cells: list[str], count: int) -> Float64[Array, "c"]:
    """That many numbers, NaN for gaps; cells missing at a row's end are gaps that QTM left out, if it is but one."""
    while len(cells) > count and not cells[-1].strip():
        cells = cells[:-1]
    if not count - 1 <= len(cells) <= count:
        raise AssetError(f"{path}:{number}: expected {count} numbers, found {len(cells)}; the row is damaged")
    values = np.full(count, np.nan)
    for column, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() in _GAPS:
            continue
        if not _is_number(text):
            raise AssetError(f"{path}:{number}: expected a number or an empty cell, found “{text[:30]}”")
        values[column] = float(text)
    return values


def _segments(path: str, table: _Table) -> tuple[list[str], list[int], int]:
    """Segments' names, columns where their X stand, and how many columns there are."""
    columns = table.columns
    starts = [k + 1 for k in range(len(columns)) if columns[k + 1 : k + 8] == _SEGMENT]
    names = [columns[start - 1].rpartition(":")[2] for start in starts]
    if not names or not all(names):
        raise AssetError(
            f"{path}: expected columns “name X Y Z QX QY QZ QW”, found {', '.join(columns[:10]) or 'none'}"
        )
    if len(set(names)) != len(names):
        raise AssetError(
            f"{path}: expected one skeleton, found segment {_twice(names)} twice; export one skeleton a file"
        )
    # The name's own column is empty in each row; some exports leave it out of the rows altogether.
    width = len(table.rows[0][1])
    if width == len(columns) - len(names):
        starts = [start - k - 1 for k, start in enumerate(starts)]
        return names, starts, width
    return names, starts, len(columns)


def _fill_gaps(path: str, data: Float64[Array, "f s 7"], names: list[str]) -> None:
    whole = np.isfinite(data).all(axis=(1, 2)) & (np.linalg.norm(data[..., 3:], axis=2) > 0.5).all(axis=1)
    if not whole.any():
        bad = int(np.isfinite(data).all(axis=2).sum(axis=0).argmin())
        raise AssetError(
            f"{path}: expected a frame with every segment solved, found none ({names[bad]} is missing); solve it"
        )
    solved = np.flatnonzero(whole)
    last = solved[np.maximum(np.searchsorted(solved, np.arange(len(data)), side="right") - 1, 0)]
    data[:] = data[last]


def _hierarchy(path: str, names: list[str]) -> tuple[list[int], list[int]]:
    """Segments with parents first, and the parents' places in that order."""
    parent_of: dict[str, str | None] = {}
    for name in names:
        side = next((s for s in ("Left", "Right") if name.startswith(s)), "")
        key = "{S}" + name[len(side) :] if side else name
        options = [option.replace("{S}", side) for option in _PARENTS.get(key, ())]
        parent_of[name] = next((option for option in options if option in names), None)
        if parent_of[name] is None and name != "Hips":
            raise AssetError(f"{path}: segment {name} is none of Qualisys' human skeleton; export it as BVH instead")
    if "Hips" not in names:
        raise AssetError(f"{path}: expected a segment Hips, found {', '.join(names[:10])}")
    order = ["Hips"]
    for name in order:
        order += [child for child in names if parent_of[child] == name]
    place = {name: k for k, name in enumerate(order)}
    return [names.index(name) for name in order], [-1 if p is None else place[p] for p in (parent_of[n] for n in order)]


def _twice(names: list[str]) -> str:
    return next(name for name in names if names.count(name) > 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
