"""Recorded motion as values: a skeleton's clip, and a clip of optical markers.

World axes as everywhere (z up, metres). Readers bring every format to these two; `motion.retarget` and the marker
fitting take them from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import (
    matrix_from_vector,
    multiply_quaternions,
    quaternion_from_vector,
    vector_from_quaternion,
)

END = " (end)"  # follows a joint's name in the name of the tip of its bone, which no file names


@dataclass(frozen=True)
class MotionClip:
    """A skeleton's motion.

    joints: names, the root first, parents before children. parents: numbers of joints, −1 for the root. offsets: of
    each joint from its parent in the rest pose, metres, world axes; the root's is its place at rest. rotations:
    rotation vectors, radians, of each body part relative to its parent's, in axes that are the world's at rest. root:
    where the root joint is, metres. frame_rate: Hz. unit: metres to one unit of the file. betas, gender: where the file
    tells the performer's SMPL shape.
    Raises AssetError for numbers that are not finite, ValueError for parts that don't fit together.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float64[Array, "j 3"]
    rotations: Float64[Array, "f j 3"]
    root: Float64[Array, "f 3"]
    frame_rate: float
    unit: float = 1.0
    betas: Float64[Array, "s"] | None = None
    gender: str | None = None

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents) or len(set(self.joints)) != len(self.joints) or not self.joints:
            raise ValueError(f"{self.name}: joints must be named once each and have a parent each")
        if self.parents[0] != -1 or any(not 0 <= p < j for j, p in enumerate(self.parents[1:], start=1)):
            raise ValueError(f"{self.name}: the root must come first and parents before their children")
        if not (np.isfinite(self.frame_rate) and self.frame_rate > 0.0):
            raise AssetError(f"{self.name}: expected a frame rate above 0 Hz, found {self.frame_rate}")
        for what, numbers in (("offsets", self.offsets), ("rotations", self.rotations), ("root path", self.root)):
            if not np.isfinite(numbers).all():
                first = int(np.argwhere(~np.isfinite(numbers))[0, 0])
                place = f"joint {self.joints[first]}" if what == "offsets" else f"frame {first}"
                raise AssetError(f"{self.name}: the {what} of {place} are not finite numbers; repair or leave it out")

    @property
    def frames(self) -> int:
        """How many frames; 0 for a file that holds a rest pose alone."""
        return len(self.rotations)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return max(self.frames - 1, 0) / self.frame_rate

    def rest(self) -> Float64[Array, "j 3"]:
        """Joints' places in the rest pose, metres."""
        places = self.offsets.copy()
        for joint, parent in enumerate(self.parents[1:], start=1):
            places[joint] += places[parent]
        return places

    def world(self) -> tuple[Float64[Array, "f j 3 3"], Float64[Array, "f j 3"]]:
        """Forward kinematics: world rotation matrix of each body part (identity at rest), place of each joint."""
        return forward(self.parents, self.offsets, matrix_from_vector(self.rotations), self.root)

    def sample(self, times: Sequence[float] | Array) -> MotionClip:
        """The poses at these moments (seconds), between frames by the shortest rotation; held before and after.

        Raises AssetError for a clip without frames.
        """
        if not self.frames:
            raise AssetError(f"{self.name}: expected at least one frame, found none; leave this file out")
        at = np.clip(np.asarray(times, np.float64) * self.frame_rate, 0.0, self.frames - 1.0)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, self.frames - 1)
        share = at - low
        root = self.root[low] + share[:, None] * (self.root[high] - self.root[low])
        return replace(self, rotations=blend(self.rotations[low], self.rotations[high], share), root=root)

    def resample(self, frame_rate: float) -> MotionClip:
        """The same motion at another frame rate (Hz), the first frame in place."""
        count = int(np.floor(self.duration * frame_rate + 1e-9)) + 1
        return replace(self.sample(np.arange(count) / frame_rate), frame_rate=frame_rate)


@dataclass(frozen=True)
class MarkerClip:
    """Optical markers' paths: labels, positions in metres (NaN where a marker was not seen), frame rate in Hz."""

    name: str
    labels: tuple[str, ...]
    positions: Float64[Array, "f m 3"]
    frame_rate: float

    def __post_init__(self) -> None:
        if len(self.labels) != self.positions.shape[1] or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"{self.name}: markers must be labelled once each")
        if not (np.isfinite(self.frame_rate) and self.frame_rate > 0.0):
            raise AssetError(f"{self.name}: expected a frame rate above 0 Hz, found {self.frame_rate}")

    @property
    def frames(self) -> int:
        return len(self.positions)


def forward(
    parents: Sequence[int],
    offsets: Float64[Array, "j 3"],
    local: Float64[Array, "f j 3 3"],
    root: Float64[Array, "f 3"],
) -> tuple[Float64[Array, "f j 3 3"], Float64[Array, "f j 3"]]:
    """World rotation of each part and place of each joint, from rotations relative to the parents and a root path."""
    world, places = local.copy(), np.empty(local.shape[:-1])
    places[:, 0] = root
    for joint, parent in enumerate(parents[1:], start=1):
        world[:, joint] = world[:, parent] @ local[:, joint]
        places[:, joint] = places[:, parent] + world[:, parent] @ offsets[joint]
    return world, places


def blend(
    first: Float64[Array, "n j 3"], second: Float64[Array, "n j 3"], share: Float64[Array, "n"]
) -> Float64[Array, "n j 3"]:
    """Rotation vectors `share` of the shortest way from `first` to `second`; with a share of 0, `first` bit by bit."""
    start = quaternion_from_vector(first)
    inverse = start * np.array([1.0, -1.0, -1.0, -1.0])
    step = vector_from_quaternion(multiply_quaternions(inverse, quaternion_from_vector(second)))
    between = multiply_quaternions(start, quaternion_from_vector(share[:, None, None] * step))
    return np.where(share[:, None, None] == 0.0, first, vector_from_quaternion(between))
