"""Which joint of a file is which of ours: by the known conventions (`joint_names.toml`) or by the user's own table."""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from densesynth.errors import AssetError
from densesynth.geometry.skeleton import JOINT_NAMES

ENDS = ("head_end", *(f"{side}_{end}" for side in ("left", "right") for end in ("hand_end", "toe_end")))
NEEDED = (
    "pelvis",
    *(f"{side}_{j}" for side in ("left", "right") for j in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
)
_KNOWN = (*JOINT_NAMES, *ENDS)
_SIDED = {name.removeprefix("left_") for name in _KNOWN if name.startswith("left_")}
_SIDES = {
    "left": {"Left": "Left", "left": "left", "L": "L", "l": "l"},
    "right": {"Left": "Right", "left": "right", "L": "R", "l": "r"},
}
FORM = '[joints] pelvis = "…", left_hip = "…", hip = "{Left}Thigh" (both sides), …'

Names = Mapping[str, Sequence[str]]


def match_joints(
    joints: Sequence[str], clip: str, names: str | os.PathLike[str] | Mapping[str, str | Sequence[str]] | None = None
) -> dict[str, int]:
    """Our joints' names, and the ends of bones in `ENDS`, → numbers of the file's joints, for those that it has.

    clip: the clip's name, for errors. names: a TOML file (see `read_names`) or the same as a mapping; without it, the
    known conventions are tried. Raises AssetError when a joint of `NEEDED` can't be found.
    """
    if names is not None:
        own = read_names(names) if isinstance(names, str | os.PathLike) else _expand(names, "names")
        source = str(names) if isinstance(names, str | os.PathLike) else "names"
        absent = sorted(
            f"{key} = {', '.join(options)}" for key, options in own.items() if not set(options) & set(joints)
        )
        if absent:
            raise AssetError(
                f"{source}: these joints are not in {clip}: {'; '.join(absent)}; it has: {_listed(joints)}"
            )
        found = {
            key: joints.index(option)
            for key, options in own.items()
            for option in reversed(options)
            if option in joints
        }
        lacking = [name for name in NEEDED if name not in found]
        if lacking:
            raise AssetError(f"{source}: still needs {', '.join(lacking)}; {clip} has: {_listed(joints)}")
        return found
    matches = [_match(joints, table) for table in known_conventions().values()]
    whole = [match for match in matches if all(name in match for name in NEEDED)]
    if not whole:
        nearest = max(matches, key=lambda match: sum(name in match for name in NEEDED))
        lacking = [name for name in NEEDED if name not in nearest]
        raise AssetError(
            f"{clip}: its joints follow no known naming (nearest lacks {', '.join(lacking)}); name them in a TOML file "
            f"of the form {FORM} and give that as `names` (`people.joint_names` of a recipe); the file's joints: "
            f"{_listed(joints)}"
        )
    return max(whole, key=len)


def read_names(path: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """The user's table of joint names: a TOML file with `[joints]`, our names (or ends of bones) = the file's.

    A key without a side stands for both: in its names {Left}, {left}, {L} and {l} become Left or Right and so on.
    Raises AssetError.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssetError(f"{path}: expected a TOML file of the form {FORM}; found: {error}") from None
    if not isinstance(table.get("joints"), dict):
        raise AssetError(f"{path}: expected a table [joints], found {', '.join(table) or 'nothing'}; its form: {FORM}")
    return _expand(table["joints"], str(path))


@functools.cache
def known_conventions() -> dict[str, dict[str, tuple[str, ...]]]:
    """The conventions of `joint_names.toml`: name → our joints' names → the names they go by."""
    text = resources.files("densesynth.motion").joinpath("joint_names.toml").read_text(encoding="utf-8")
    return {convention: _expand(table, "joint_names.toml") for convention, table in tomllib.loads(text).items()}


def _expand(table: Mapping[str, object], where: str) -> dict[str, tuple[str, ...]]:
    expanded: dict[str, tuple[str, ...]] = {}
    for key, value in table.items():
        options = [value] if isinstance(value, str) else value
        if not isinstance(options, Sequence) or not options or not all(isinstance(o, str) for o in options):
            raise AssetError(f"{where}: expected a joint's name or a list of names for `{key}`, found {value!r}")
        if key in _KNOWN:
            expanded[key] = tuple(options)
        elif key in _SIDED:
            for side, words in _SIDES.items():
                expanded[f"{side}_{key}"] = tuple(
                    re.sub(r"\{(Left|left|L|l)\}", lambda m, words=words: words[m[1]], option)  # type: ignore[misc]
                    for option in options
                )
        else:
            raise AssetError(f"{where}: `{key}` is no joint; known: {', '.join([*JOINT_NAMES[:22], *ENDS])}, fingers")
    return expanded


def _match(joints: Sequence[str], table: Names) -> dict[str, int]:
    bare = _bare(joints)
    exact = {name: number for number, name in reversed(list(enumerate(bare)))}
    folded = {_fold(name): number for number, name in reversed(list(enumerate(bare)))}
    found = {}
    for key, options in table.items():
        for option in options:
            number = exact.get(option, folded.get(_fold(option)))
            if number is not None:
                found[key] = number
                break
    return found


def _bare(joints: Sequence[str]) -> list[str]:
    """Names without what differs between exports of the same rig: namespace, prefix shared by all."""
    bare = [name.rsplit(":", 1)[-1] for name in joints]
    low, high = min(bare), max(bare)  # what these two share, all share
    shared = low[: next((k for k, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))]
    cut = max(shared.rfind(separator) for separator in " _") + 1
    return [name[cut:] for name in bare]


def _fold(name: str) -> str:
    return name.casefold().replace(" ", "").replace("_", "")


def _listed(joints: Sequence[str], most: int = 40) -> str:
    shown = ", ".join(joints[:most])
    return shown if len(joints) <= most else f"{shown} … ({len(joints)} in all)"
