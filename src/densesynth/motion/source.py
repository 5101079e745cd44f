"""A folder of clips as a source of poses, balanced by how different the poses are.

Poses alike in where their joints are form a group; a draw takes a group first and a moment of it second, so that ten
minutes of standing count no more than a cartwheel.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64, Int64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import PARENTS, Pose
from densesynth.motion.clip import MotionClip, blend, forward
from densesynth.motion.figure import BODY_JOINTS, REST
from densesynth.motion.read import CLIP_SUFFIXES, MARKER_SUFFIXES, read_clip
from densesynth.motion.retarget import Retargeted, retarget

ALIKE = 0.12  # metres: poses whose joints are on average (root mean square) nearer than this are alike
MOMENTS = 10.0  # a second, at which clips are looked at
_NO_CLIPS = ("shape.npz", "neutral_stagei.npz", "male_stagei.npz", "female_stagei.npz")  # AMASS's, of bodies

Names = str | os.PathLike[str] | Mapping[str, str | Sequence[str]] | None


@dataclass(frozen=True)
class ClipLibrary:
    """Clips in our joints and their moments in groups of poses alike; made by `open_clips`.

    clips: by name, the file's path within the folder without its suffix. moments: (clip's number, frame) of each moment
    looked at. groups: numbers of moments, one array a group. skipped: files that could not be used, and why.
    """

    clips: dict[str, Retargeted]
    moments: Int64[Array, "m 2"]
    groups: tuple[Int64[Array, "_"], ...] = field(repr=False)
    skipped: dict[str, str]

    def draw(self, rng: np.random.Generator, ahead: float = 0.0) -> tuple[str, float, Pose]:
        """A clip's name, a time in it (seconds) and the pose `ahead` seconds after it; every group of poses alike is as
        likely."""
        group = self.groups[int(rng.integers(len(self.groups)))]
        number, frame = self.moments[group[int(rng.integers(len(group)))]]
        name = tuple(self.clips)[number]
        clip = self.clips[name]
        aside = rng.uniform(-0.5, 0.5) / MOMENTS
        time = float(np.clip(frame / clip.frame_rate + aside, 0.0, (len(clip.poses) - 1) / clip.frame_rate))
        return name, time, self.pose_at(name, time + ahead)

    def pose_at(self, name: str, time: float) -> Pose:
        """The pose of a clip at `time` seconds; held before its start and after its end. Raises AssetError."""
        if name not in self.clips:
            raise AssetError(f"there is no clip “{name}”; known: {', '.join(sorted(self.clips)[:20])}")
        clip = self.clips[name]
        at = float(np.clip(time * clip.frame_rate, 0.0, len(clip.poses) - 1))
        low = int(at)
        high, share = min(low + 1, len(clip.poses) - 1), at - low
        rotations = blend(clip.poses[low : low + 1], clip.poses[high : high + 1], np.array([share]))[0]
        height = (1.0 - share) * clip.heights[low] + share * clip.heights[high]
        if min(clip.heights[low], clip.heights[high]) == 0.0 and share not in (0.0, 1.0):
            height = 0.0  # taking off or landing: still on the ground
        return Pose(rotations=rotations.astype(np.float32), height=float(height))


def list_clips(folder: str | os.PathLike[str]) -> list[Path]:
    """The motion and marker files in a folder and the folders in it, in the order of their paths. Raises AssetError."""
    root = Path(folder)
    if not root.is_dir():
        raise AssetError(
            f"{folder}: expected a folder of motion clips, found {'a file' if root.exists() else 'nothing'}"
        )
    return sorted(
        (
            file
            for file in root.rglob("*")
            if file.suffix.lower() in (*CLIP_SUFFIXES, *MARKER_SUFFIXES) and file.name not in _NO_CLIPS
        ),
        key=lambda file: file.relative_to(root).as_posix(),
    )


def open_clips(
    folder: str | os.PathLike[str],
    names: Names = None,
    fitted: Mapping[Path, MotionClip] | None = None,
    refused: Mapping[Path, str] | None = None,
) -> ClipLibrary:
    """Every clip in a folder and the folders in it, read and retargeted once, kept in memory.

    names: joint names for files of unknown naming (see `retarget_names`). fitted: clips that stand for marker files;
    refused: why others of them can't be used. A file that can't be used is left out with a warning. The library depends
    on the files' names and content alone. Raises AssetError where no clip is left.
    """
    root = Path(folder)
    files = list_clips(root)
    fitted, refused = fitted or {}, refused or {}
    clips: dict[str, Retargeted] = {}
    skipped: dict[str, str] = {}
    for file in files:
        name = file.relative_to(root).with_suffix("").as_posix()
        name = name if name not in clips else file.relative_to(root).as_posix()
        try:
            clips[name] = retarget(_take(file, fitted, refused), names)
        except AssetError as error:
            reason = str(error)  # some errors know the clip's name alone
            skipped[str(file)] = reason if str(file) in reason else f"{file}: {reason.removeprefix(f'{file.stem}: ')}"
    if not clips:
        found = "none"
        if skipped:
            count = f"{len(skipped)} files, none of which can be used; the first" if len(skipped) > 1 else "one file"
            found = f"{count}: {next(iter(skipped.values()))}"
        known = ", ".join(dict.fromkeys((*CLIP_SUFFIXES, *MARKER_SUFFIXES)))
        raise AssetError(f"{folder}: expected motion clips ({known}), found {found}")
    for reason in skipped.values():
        warnings.warn(f"clip left out: {reason}", stacklevel=2)
    moments = np.concatenate([_moments(number, clip) for number, clip in enumerate(clips.values())])
    features = np.concatenate(
        [_features(clip.poses[moments[moments[:, 0] == number, 1]]) for number, clip in enumerate(clips.values())]
    )
    return ClipLibrary(clips, moments, _group(features), skipped)


def _take(file: Path, fitted: Mapping[Path, MotionClip], refused: Mapping[Path, str]) -> MotionClip:
    if file in refused:
        raise AssetError(refused[file])
    return fitted[file] if file in fitted else read_clip(file)


def _moments(number: int, clip: Retargeted) -> Int64[Array, "m 2"]:
    count = int(np.floor((len(clip.poses) - 1) / clip.frame_rate * MOMENTS)) + 1
    frames = np.round(np.arange(count) * clip.frame_rate / MOMENTS).astype(np.int64)
    frames = np.unique(np.minimum(frames, len(clip.poses) - 1))
    return np.stack([np.full(len(frames), number, np.int64), frames], axis=1)


def _features(poses: Float64[Array, "m 52 3"]) -> Float64[Array, "m 66"]:
    """Joints' places about the pelvis, metres, seen from where the body heads; divided so that norms are means."""
    local = matrix_from_vector(poses[:, :BODY_JOINTS])
    # Take out the turn about the vertical that brings the pelvis's left side nearest to +x.
    heading = np.arctan2(local[:, 0, 1, 0] - local[:, 0, 0, 1], local[:, 0, 0, 0] + local[:, 0, 1, 1])
    upright = matrix_from_vector(np.stack([0.0 * heading, 0.0 * heading, -heading], axis=1))
    local[:, 0] = upright @ local[:, 0]
    offsets = REST - REST[np.maximum(np.array(PARENTS[:BODY_JOINTS]), 0)]
    _, places = forward(PARENTS[:BODY_JOINTS], offsets, local, np.zeros((len(poses), 3)))
    return places.reshape(len(poses), -1) / np.sqrt(BODY_JOINTS)


def _group(features: Float64[Array, "m d"]) -> tuple[Int64[Array, "_"], ...]:
    """Moments in groups: each joins the nearest of the leaders within `ALIKE`, or leads a group of its own.

    Every moment but a leader is alike to its leader, and leaders are unlike each other.
    """
    leaders: list[int] = []
    for number, feature in enumerate(features):
        if not leaders or np.linalg.norm(features[leaders] - feature, axis=1).min() > ALIKE:
            leaders.append(number)
    lead = features[leaders]
    nearest = np.array([int(np.linalg.norm(lead - feature, axis=1).argmin()) for feature in features])
    return tuple(np.flatnonzero(nearest == number) for number in range(len(leaders)))
