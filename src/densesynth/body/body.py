"""What every parametric body offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from densesynth.arrays import Array, Float32, Int32

COCO_KEYPOINTS: tuple[str, ...] = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip


@dataclass(frozen=True)
class PosedBodies:
    """A batch of posed bodies, world frame, metres.

    joints are those of `geometry.skeleton.JOINT_NAMES`; keypoints are COCO's 17.
    """

    vertices: Float32[Array, "b v 3"]
    joints: Float32[Array, "b 52 3"]
    keypoints: Float32[Array, "b 17 3"]


@runtime_checkable
class Body(Protocol):
    """Shape and pose in; vertices, joints and keypoints out. The result for one body never depends on its batch."""

    @property
    def name(self) -> str: ...

    @property
    def faces(self) -> Int32[Array, "f 3"]: ...

    @property
    def betas_names(self) -> tuple[str, ...]: ...

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Its coefficients of facial expression, 0 for a neutral face; none for a body with one face alone."""
        ...

    def sample_betas(self, rng: np.random.Generator) -> Float32[Array, "s"]:
        """Draw an adult's shape from the body's own distribution."""
        ...

    def sex(self, betas: Float32[Array, "s"]) -> float:
        """How a shape counts where looks go by sex (beards): 0 male .. 1 female, 0.5 neither."""
        ...

    def average_betas(self) -> Float32[Array, "s"]:
        """The average adult's shape."""
        ...

    def sample_expression(self, rng: np.random.Generator) -> Float32[Array, "e"]:
        """Draw a face that isn't neutral, where the body has `expression_names`."""
        ...

    def pose(
        self,
        betas: Float32[Array, "b s"],
        rotations: Float32[Array, "b 52 3"],
        transl: Float32[Array, "b 3"],
        expression: Float32[Array, "b e"] | None = None,
    ) -> PosedBodies:
        """betas as `betas_names` say; rotations: the 52 joints; transl moves the pelvis joint from the origin;
        expression as `expression_names` say, neutral faces without."""
        ...
