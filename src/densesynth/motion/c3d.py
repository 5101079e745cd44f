"""C3D files of optical markers (https://www.c3d.org/HTML), read by `ezc3d` at arm's length.

ezc3d believes what a file says: of files cut off it makes up the rest, of damaged ones it can crash or ask for absurd
amounts of memory. So header, parameter section and size are checked first, and it runs in a process of its own.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.motion.c3d_child import REFUSED
from densesynth.motion.clip import MarkerClip
from densesynth.motion.upright import UNITS

BLOCK = 512
MAGIC = 80
_ORDER = {84: "<", 85: "<", 86: ">"}  # processor: Intel, DEC, MIPS
_METRES = {
    "m": 1.0,
    "cm": UNITS["cm"],
    "mm": UNITS["mm"],
    "in": UNITS["inch"],
    "inch": UNITS["inch"],
    "dm": UNITS["dm"],
}
_OUTPUT_GROUPS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "REACTIONS", "MODELED_MARKERS")
_OUTPUT_NAME = re.compile(
    r"(angles?|forces?|moments?|powers?|grf|reaction|centreofmass\w*|progress\w*)$", re.IGNORECASE
)
_AXES = {"X": 0, "Y": 1, "Z": 2}
PATIENCE = 120.0  # seconds that reading one file may take
Texts = Mapping[str, list[str]]


def read_c3d(path: str | os.PathLike[str], *, subject: str | None = None) -> MarkerClip:
    """A C3D file's markers, metres, z up; NaN where one was not seen (negative residual, or all zeros).

    Left out are model outputs (points listed in POINT:ANGLES, FORCES and the like, or named so, and Plug-in Gait's
    bones, four points XXXO, XXXA, XXXL, XXXP) and unlabelled points (`*110`). Subject prefixes (`Name:LFHD`) are taken
    off; subject: whose markers, where the file has several people's. Raises AssetError.
    """
    path = str(path)
    _check(path)
    points, residuals, rate, point = _ask_child(path)
    labels = list(point.get("LABELS", []))
    number = 2
    while len(labels) < points.shape[1] and f"LABELS{number}" in point:
        labels += point[f"LABELS{number}"]
        number += 1
    if points.shape[2] == 0 or points.shape[1] == 0:
        raise AssetError(f"{path}: expected markers and frames, found {points.shape[1]} and {points.shape[2]}")
    if len(labels) < points.shape[1]:
        raise AssetError(f"{path}: expected a label for each of {points.shape[1]} points, found {len(labels)}")
    if not (math.isfinite(rate) and rate > 0.0):
        raise AssetError(f"{path}: expected a frame rate above 0 Hz, found {rate}; mend POINT:RATE")
    positions = points[:3].transpose(2, 1, 0)
    gaps = (residuals.T < 0.0) | ~np.isfinite(positions).all(axis=2) | (positions == 0.0).all(axis=2)
    positions = np.where(gaps[..., None], np.nan, positions)
    kept = _choose(path, labels[: points.shape[1]], point, subject)
    metres = _metres(path, point)
    return MarkerClip(
        name=Path(path).stem,
        labels=tuple(kept),
        positions=metres * positions[:, list(kept.values())] @ _upright(point).T,
        frame_rate=rate,
    )


def _ask_child(path: str) -> tuple[Float64[Array, "4 m f"], Float64[Array, "m f"], float, Texts]:
    """Points (x, y, z, 1), residuals, rate and the texts of the POINT group, by `c3d_child` in a process of its own."""
    child = Path(__file__).with_name("c3d_child.py")
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(child), os.path.abspath(path)],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssetError(f"{path}: damaged: reading it did not end within {PATIENCE:.0f} s; copy it again") from None
    if done.returncode:
        told = (done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"])[-1]
        if done.returncode != REFUSED and "No module named" in told:
            raise AssetError(f"{path}: C3D files need ezc3d; install it: pip install ezc3d")
        told = told if done.returncode == REFUSED else f"it crashed with status {done.returncode}"
        raise AssetError(f"{path}: expected a whole C3D file, ezc3d can't read it ({told}); copy or export it again")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as archive:
        texts = json.loads(str(archive["texts"]))
        return archive["points"], archive["residuals"], float(archive["rate"]), texts


def _check(path: str) -> None:
    """Raise AssetError unless header, parameters and size agree with each other."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    if len(content) < 2 * BLOCK:
        raise AssetError(
            f"{path}: expected a C3D file of at least {2 * BLOCK} bytes, found {len(content)}; it is cut off"
        )
    start = (content[0] - 1) * BLOCK
    if content[1] != MAGIC or start < BLOCK:
        raise AssetError(f"{path}: expected a C3D file, found another kind (byte 2 is {content[1]}, not {MAGIC})")
    if start + 4 > len(content):
        raise AssetError(f"{path}: cut off before its parameters (at byte {start} of {len(content)}); copy it again")
    order = _ORDER.get(content[start + 3])
    if order is None:
        raise AssetError(f"{path}: damaged: processor type {content[start + 3]} where 84, 85 or 86 was expected")
    end = _walk_parameters(path, content, start, order)
    points, analog, first, last = struct.unpack_from(order + "4H", content, 2)
    data_block = struct.unpack_from(order + "H", content, 16)[0]
    size = 4 if _scale(content, order, content[start + 3]) < 0.0 else 2
    frames = max(last - first + 1, 0)
    data = (data_block - 1) * BLOCK
    if data < end - BLOCK or data_block < 2:
        raise AssetError(f"{path}: damaged: the header puts the data at byte {data}, inside the parameters")
    needed = data + frames * (4 * points + analog) * size
    if len(content) < needed:
        raise AssetError(
            f"{path}: expected {needed} bytes for {frames} frames of {points} points, found {len(content)}; "
            "the file is cut off: copy it again"
        )


def _scale(content: bytes, order: str, processor: int) -> float:
    if processor == 85:  # DEC's floats swap their halves; only the sign matters here
        return -1.0 if content[13] & 0x80 else 1.0
    return float(struct.unpack_from(order + "f", content, 12)[0])


def _walk_parameters(path: str, content: bytes, start: int, order: str) -> int:
    """Follow the chain of parameters; its end. Raises AssetError where a link leads nowhere."""
    at, end = start + 4, min(start + max(content[start + 2], 1) * BLOCK, len(content))
    while True:
        if at + 2 > len(content):
            raise AssetError(f"{path}: cut off within its parameters (at byte {len(content)}); copy it again")
        length, group = struct.unpack_from("bb", content, at)
        if length == 0 or group == 0:
            return max(end, at)
        link = at + 2 + abs(length)
        if link + 2 > len(content):
            raise AssetError(f"{path}: cut off within its parameters (at byte {len(content)}); copy it again")
        step = struct.unpack_from(order + "H", content, link)[0]
        if group > 0:
            _check_parameter(path, content, link)
        if step == 0:
            return max(end, link)
        if step < 2:
            raise AssetError(f"{path}: damaged: the parameter at byte {at} leads back to itself; copy the file again")
        at = link + step


def _check_parameter(path: str, content: bytes, link: int) -> None:
    """The values must lie within the file."""
    if link + 4 > len(content):
        raise AssetError(f"{path}: cut off within its parameters (at byte {len(content)}); copy it again")
    kind, dimensions = struct.unpack_from("bB", content, link + 2)
    sizes = content[link + 4 : link + 4 + dimensions]
    if kind not in (-1, 1, 2, 4) or dimensions > 7 or len(sizes) < dimensions:
        raise AssetError(f"{path}: damaged: a parameter of type {kind} and {dimensions} dimensions at byte {link}")
    if link + 4 + dimensions + abs(kind) * math.prod(sizes) > len(content):
        raise AssetError(f"{path}: damaged: the parameter at byte {link} goes beyond the end of the file")


def _choose(path: str, labels: Sequence[str], point: Texts, subject: str | None) -> dict[str, int]:
    """The markers among the points: label without prefix → number of the point."""
    outputs = {name for group in _output_groups(point) for name in point.get(group, [])}
    bare = [label.rpartition(":")[2].strip() for label in labels]
    bones = {
        name[:-1] for name in bare if len(name) == 4 and all(name[:-1] + end in bare for end in ("O", "A", "L", "P"))
    }
    kept: dict[str, int] = {}
    owners: dict[str, str] = {}
    subjects = {label.rpartition(":")[0] for label in labels if ":" in label}
    if subject is not None and subject not in subjects:
        known = ", ".join(sorted(subjects)) or "none named"
        raise AssetError(f"{path}: expected subject “{subject}” among the file's, found {known}")
    for number, (label, name) in enumerate(zip(labels, bare, strict=True)):
        owner = label.rpartition(":")[0]
        if subject is not None and owner != subject:
            continue
        if not name or name.startswith("*") or label in outputs or name in outputs or _OUTPUT_NAME.search(name):
            continue
        if len(name) == 4 and name[:-1] in bones and name[-1] in "OALP":
            continue
        if name in kept and owner != owners[name]:
            raise AssetError(
                f"{path}: expected one person's markers, found {name} of both {owners[name]} and {owner}; "
                "give the `subject` to read"
            )
        if name not in kept:
            kept[name], owners[name] = number, owner
    if not kept:
        raise AssetError(f"{path}: expected labelled markers, found {', '.join(labels[:8])} …; label them first")
    return kept


def _output_groups(point: Texts) -> list[str]:
    return [*point.get("TYPE_GROUPS", []), *(name for name in point if name.rstrip("0123456789") in _OUTPUT_GROUPS)]


def _metres(path: str, point: Texts) -> float:
    """Metres to one unit of the file; millimetres where it doesn't say, as most do."""
    said = point.get("UNITS", [])[:1]
    unit = said[0].lower() if said and said[0] else "mm"
    if unit not in _METRES:
        raise AssetError(f"{path}: expected POINT:UNITS out of {', '.join(_METRES)}, found “{said[0][:20]}”; mend it")
    return _METRES[unit]


def _upright(point: Texts) -> Float64[Array, "3 3"]:
    """Rotation to z up, from the axis that POINT:Y_SCREEN shows upright; z where the file doesn't say."""
    said = point.get("Y_SCREEN", [])[:1]
    match = re.fullmatch(r"\+?([XYZ])", said[0].upper()) if said else None
    axis = _AXES[match[1]] if match else 2
    return np.roll(np.eye(3), axis - 2, axis=1) if axis != 1 else np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
