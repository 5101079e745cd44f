"""Sets of optical markers: what they are called, and where on a body each one is stuck.

A marker's place is told in joints and directions of the T-pose (`marker_sets.toml`, which explains its keys), so that
one set serves every body that has the 52 joints, whatever its mesh: `place_markers` finds the vertices.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from densesynth.arrays import Array, Float64, Int64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import cross
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES

FREEDOM = 0.012  # metres: how well a trained hand finds a bony landmark (Della Croce and others 2005: 6 to 21 mm)
STATURE = 1.7  # metres, of the body that `shift` is told for
LEAST_MARKERS = 10  # fewer can't hold a whole body

_BUILT_IN = resources.files("densesynth.motion") / "marker_sets.toml"
Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class MarkerPlace:
    """Where a marker is stuck: the ray of `marker_sets.toml`, and other names it goes by."""

    joints: dict[str, float]
    toward: Triple
    shift: Triple = (0.0, 0.0, 0.0)
    freedom: float = FREEDOM
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkerSet:
    """Markers by name. `find` knows their other names too."""

    name: str
    markers: dict[str, MarkerPlace]

    def find(self, label: str) -> str | None:
        """The marker a clip's label means, None if there is none such. Case, and `Subject:` before it, don't matter."""
        plain = label.rpartition(":")[2].strip().removeprefix("Q_").lower()
        for name, place in self.markers.items():
            if plain == name.lower() or plain in (other.lower() for other in place.also):
                return name
        return None


@dataclass(frozen=True)
class MatchedMarkers:
    """A clip's markers that a set knows: their columns in the clip, and their names in the set."""

    columns: Int64[Array, "m"]
    names: tuple[str, ...]


def match_labels(labels: Sequence[str], marker_set: MarkerSet, source: str) -> MatchedMarkers:
    """The labels the set knows, in the clip's order; `source` names the clip in errors.

    Raises AssetError when fewer than `LEAST_MARKERS` are known, or when two labels mean one marker.
    """
    found = [(column, name) for column, label in enumerate(labels) if (name := marker_set.find(label)) is not None]
    names = tuple(name for _, name in found)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AssetError(
            f"{source}: more than one trajectory for {', '.join(twice)}; expected one person, each marker once "
            "(split the people into files of their own, or remove the doubles)"
        )
    if len(found) < LEAST_MARKERS:
        known = f"known: {', '.join(names)}" if names else "none known"
        raise AssetError(
            f"{source}: expected at least {LEAST_MARKERS} markers of the set `{marker_set.name}`, found {len(found)} "
            f"({known}) among {_some(labels)}; choose the set the markers belong to, or describe them in a TOML file "
            "(densesynth/motion/marker_sets.toml shows how)"
        )
    return MatchedMarkers(columns=np.array([column for column, _ in found], dtype=np.int64), names=names)


def choose_marker_set(labels: Sequence[str], source: str) -> MarkerSet:
    """The built-in set that knows most of the labels. Raises AssetError when none knows `LEAST_MARKERS` of them."""
    sets = built_in_marker_sets()
    counts = {name: len({found for label in labels if (found := one.find(label))}) for name, one in sets.items()}
    best = max(sets, key=lambda name: counts[name])
    if counts[best] < LEAST_MARKERS:
        found = ", ".join(f"{counts[name]} of `{name}`" for name in sets)
        raise AssetError(
            f"{source}: the labels {_some(labels)} belong to no known marker set (found {found}; a body needs at least "
            f"{LEAST_MARKERS}); describe the set in a TOML file (densesynth/motion/marker_sets.toml shows how)"
        )
    return sets[best]


def built_in_marker_sets() -> dict[str, MarkerSet]:
    """The sets that come with the package, by name."""
    return _read_sets(_BUILT_IN.read_text(encoding="utf-8"), "marker_sets.toml", {})


def load_marker_set(name_or_path: str | Path) -> MarkerSet:
    """A built-in set by its name, or the one set of a TOML file. Raises AssetError."""
    built_in = built_in_marker_sets()
    if str(name_or_path) in built_in:
        return built_in[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix != ".toml":
        near = difflib.get_close_matches(str(name_or_path), list(built_in), n=1)
        hint = f" did you mean `{near[0]}`?" if near else ""
        raise AssetError(
            f"there is no marker set `{name_or_path}`;{hint} known: {', '.join(built_in)}; or give the path of a "
            ".toml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise AssetError(f"{path}: the marker set can't be read ({reason}); give the path of a .toml file") from None
    sets = _read_sets(text, str(path), built_in)
    if len(sets) != 1:
        raise AssetError(f"{path}: expected one marker set ([my_set.markers]), found {len(sets)}")
    return next(iter(sets.values()))


def place_markers(
    marker_set: MarkerSet,
    names: Sequence[str],
    vertices: Float64[Array, "v 3"],
    joints: Float64[Array, "52 3"],
    faces: Array,
) -> Int64[Array, "m"]:
    """Vertex of each named marker on a body in the T-pose (metres): the nearest to where its ray leaves the skin.

    Raises AssetError for a marker whose ray meets no skin.
    """
    stature = float(np.ptp(vertices[:, 2]))
    corners = vertices[faces]
    placed = np.empty(len(names), dtype=np.int64)
    for number, name in enumerate(names):
        place = marker_set.markers[name]
        origin = sum(weight * joints[JOINT[joint]] for joint, weight in place.joints.items())
        origin = origin + np.array(place.shift) * stature / STATURE
        hit = _leave(corners, origin, np.array(place.toward))
        if hit is None:
            raise AssetError(
                f"marker `{name}` of the set `{marker_set.name}`: a ray from {np.round(origin, 3).tolist()} toward "
                f"{list(place.toward)} meets no skin of the body in the T-pose; correct `joints`, `shift` or `toward`"
            )
        face, point = hit
        placed[number] = faces[face][np.argmin(((corners[face] - point) ** 2).sum(axis=1))]
    return placed


def _leave(
    corners: Float64[Array, "f 3 3"], origin: Float64[Array, "3"], direction: Float64[Array, "3"]
) -> tuple[int, Float64[Array, "3"]] | None:
    """Face and point where a ray first leaves the mesh (Möller and Trumbore 1997); None if it never does."""
    a = corners[:, 0]
    first, second = corners[:, 1] - a, corners[:, 2] - a
    across = cross(np.broadcast_to(direction, second.shape), second)
    volume = (first * across).sum(axis=1)  # negative where the ray goes out through the face
    out = volume < -1e-15
    scale = np.where(out, volume, 1.0)
    gap = origin - a
    u = (gap * across).sum(axis=1) / scale
    around = cross(gap, first)
    v = (around @ direction) / scale
    distance = (around * second).sum(axis=1) / scale
    inside = np.minimum(np.minimum(u, v), 1.0 - u - v) > -1e-6  # a ray in the body's mid-plane runs along edges
    met = np.flatnonzero(out & inside & (distance > 0.0))
    if not len(met):
        return None
    face = int(met[np.argmin(distance[met])])
    return face, origin + distance[face] * direction


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A marker as the TOML file has it."""

    joints: dict[str, float] | None = None
    toward: Triple | None = None
    shift: Triple = (0.0, 0.0, 0.0)
    freedom: float = FREEDOM
    right: str | None = None
    also: tuple[str, ...] = ()
    right_also: tuple[str, ...] = ()
    same_as: str | None = None


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    markers: dict[str, Any]  # each an `_Entry`, read one by one so that an error can name it
    title: str = ""


def _read_sets(text: str, source: str, known: Mapping[str, MarkerSet]) -> dict[str, MarkerSet]:
    """The sets of a TOML text; `known` are those that `same_as` may speak of."""
    try:
        table = tomllib.loads(text)
        sections = {name: msgspec.convert(section, _Section) for name, section in table.items()}
    except tomllib.TOMLDecodeError as error:
        raise AssetError(f"{source}: not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise AssetError(f"{source}: {error}; expected sections like [my_set.markers]") from None
    return {
        name: MarkerSet(name, _read_markers(section, f"{source}: [{name}]", known))
        for name, section in sections.items()
    }


def _read_markers(section: _Section, where: str, known: Mapping[str, MarkerSet]) -> dict[str, MarkerPlace]:
    markers: dict[str, MarkerPlace] = {}

    def put(name: str, place: MarkerPlace) -> None:
        if name in markers:
            raise AssetError(f"{where}: marker `{name}` is placed twice; `right` names it too, remove one")
        markers[name] = place

    for name, plain in section.markers.items():
        try:
            entry = msgspec.convert(plain, _Entry)
        except msgspec.ValidationError as error:
            raise AssetError(f"{where}: marker `{name}`: {str(error).replace('`$.', '`')}") from None
        if entry.same_as is not None:
            other, _, marker = entry.same_as.partition(".")
            if other not in known or marker not in known[other].markers:
                raise AssetError(
                    f"{where}: `{name}` is the same as `{entry.same_as}`, which there isn't; expected `set.marker` of "
                    f"one of these sets: {', '.join(known)}"
                )
            put(name, replace(known[other].markers[marker], also=entry.also))
            continue
        place = _read_place(name, entry, where)
        put(name, place)
        if entry.right is not None:
            put(entry.right, _mirror(place, entry.right_also))
    return markers


def _read_place(name: str, entry: _Entry, where: str) -> MarkerPlace:
    if not entry.joints or entry.toward is None or not any(entry.toward):
        raise AssetError(f"{where}: marker `{name}` needs `joints` and a direction `toward` that isn't zero")
    for joint in entry.joints:
        if joint not in JOINT:
            near = difflib.get_close_matches(joint, JOINT_NAMES, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise AssetError(f"{where}: marker `{name}` hangs on an unknown joint `{joint}`{hint}")
    if abs(sum(entry.joints.values()) - 1.0) > 1e-6:
        raise AssetError(
            f"{where}: the weights of marker `{name}`'s joints sum to {sum(entry.joints.values()):g}; expected 1"
        )
    if not entry.freedom > 0.0:
        raise AssetError(f"{where}: marker `{name}` has freedom {entry.freedom:g}; expected metres above 0")
    return MarkerPlace(
        joints=dict(entry.joints), toward=entry.toward, shift=entry.shift, freedom=entry.freedom, also=entry.also
    )


def _mirror(place: MarkerPlace, also: tuple[str, ...]) -> MarkerPlace:
    swap: dict[str, Any] = {"left": "right", "right": "left"}
    joints = {}
    for joint, weight in place.joints.items():
        side, _, part = joint.partition("_")
        joints[f"{swap[side]}_{part}" if part else joint] = weight
    x, y, z = place.toward
    dx, dy, dz = place.shift
    return MarkerPlace(joints=joints, toward=(-x, y, z), shift=(-dx, dy, dz), freedom=place.freedom, also=also)


def _some(labels: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(labels[:most]) if labels else "no labels at all"
    return f"{shown}, … ({len(labels)} in all)" if len(labels) > most else shown
