"""What is known of a pose before any measurement, as a smooth cost: joint limits, and how far from rest joints stray.

The limits are `motion.limits`'s, soft: a marker may pull a joint out of its range by some degrees, not by many.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from densesynth.geometry.skeleton import JOINT_NAMES
from densesynth.geometry.torch_rotations import split_twist
from densesynth.motion.limits import BONES, HIGH, LOW, TWISTING

BODY_JOINTS = 22  # pelvis to wrists; the fingers come after
LIMIT_SOFTNESS = np.radians(3.0)  # of going beyond a joint's range

# Degrees (standard deviation) each joint strays from rest. They only decide what the markers leave open: how the
# trunk's bend is divided, what the collar does and what the shoulder, where the toes point.
_STRAYING = {
    "spine1": 15, "spine2": 15, "spine3": 12, "neck": 20, "head": 20, "collar": 10, "shoulder": 90, "elbow": 60,
    "wrist": 25, "hip": 60, "knee": 60, "ankle": 25, "foot": 10,
}  # fmt: skip


def pose_residuals(rotations: Float[Tensor, "b 22 3"], independent: float = 1.0) -> Float[Tensor, "b 126"]:
    """Numbers whose squares sum to twice the negative log likelihood of each pose.

    independent: how much of a draw of its own each pose is. Twelve moments of one dance, knees bent in each, are nearer
    to one draw than to twelve; counted as twelve they would straighten the legs and move the markers to make up for it.
    The pelvis is the body's place in the world and has no part in it.
    """
    low, high, straying, twisting, bones = _tables(rotations.dtype, rotations.device)
    swing, twist = split_twist(rotations[:, twisting], bones)
    parts = rotations.index_copy(1, twisting, swing + twist[..., None] * bones)[:, 1:]
    beyond = (torch.relu(parts - high[1:]) - torch.relu(low[1:] - parts)) / LIMIT_SOFTNESS
    from_rest = rotations[:, 1:] / straying * independent**0.5
    return torch.cat([beyond, from_rest], dim=1).flatten(1)


@functools.cache
def _tables(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    twisting = np.flatnonzero(TWISTING[:BODY_JOINTS])
    straying = np.radians([_STRAYING[name.rpartition("_")[2]] for name in JOINT_NAMES[1:BODY_JOINTS]])

    def tensor(array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=dtype, device=device)

    return (
        tensor(LOW[:BODY_JOINTS]),
        tensor(HIGH[:BODY_JOINTS]),
        tensor(straying[:, None]),
        torch.as_tensor(twisting, device=device),
        tensor(BONES[twisting]),
    )
