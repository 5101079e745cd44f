"""`body.rig` in PyTorch, over batches: Anny's T-pose, the sharing of 52 joints between 104 bones, and kinematics.

Each function computes what its namesake there does, and is tested against it; the shares are taken from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from densesynth.body import rig as plain
from densesynth.geometry.skeleton import JOINT
from densesynth.geometry.torch_rotations import (
    frame_from_axes,
    matrix_from_vector,
    rotation_between,
    split_twist,
    vector_from_matrix,
)

_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_TRUNK = (
    ("spine1", "spine05", "spine04", plain.SPINE1_LOW),
    ("spine2", "spine03", "spine02", plain.SPINE2_LOW),
    ("neck", "neck01", "neck02", plain.NECK_LOW),
    ("head", "neck03", "head", plain.HEAD_LOW),
)


@dataclass(frozen=True, eq=False)
class RigTensors:
    """A `body.rig.Rig` with its index lists as tensors on the device.

    levels: per depth below the root, the bones there and each one's parent's position in the level above. order: where
    each bone stands when the levels are put one after the other.
    """

    plain: plain.Rig
    joint_bones: Int[Tensor, "52"]
    levels: tuple[tuple[Int[Tensor, "_"], Int[Tensor, "_"]], ...]
    order: Int[Tensor, "n"]
    parents: Int[Tensor, "n"]
    outward: Float[Tensor, "2 3"]
    up: Float[Tensor, "3"]
    forward: Float[Tensor, "3"]

    def bones(self, *labels: str) -> Int[Tensor, "n"]:
        """Left and right bone of each label, label by label."""
        return torch.as_tensor(np.concatenate([self.plain.pairs[label] for label in labels]), device=self.order.device)


def read_rig_tensors(rig: plain.Rig, dtype: torch.dtype, device: str | torch.device) -> RigTensors:
    """The tensors of a rig."""
    above, levels = np.array([0]), []
    for level in rig.levels:
        position = {int(bone): place for place, bone in enumerate(above)}
        parents = np.array([position[int(parent)] for parent in rig.parents[level]])
        levels.append((torch.as_tensor(level, device=device), torch.as_tensor(parents, device=device)))
        above = level
    return RigTensors(
        plain=rig,
        joint_bones=torch.as_tensor(rig.joint_bones, device=device),
        levels=tuple(levels),
        order=torch.as_tensor(np.argsort(np.concatenate([[0], *rig.levels])), device=device),
        parents=torch.as_tensor(rig.parents, device=device),
        outward=torch.as_tensor(plain.OUTWARD, dtype=dtype, device=device),
        up=torch.as_tensor(plain.UP, dtype=dtype, device=device),
        forward=torch.as_tensor(plain.FORWARD, dtype=dtype, device=device),
    )


def t_pose(rig: RigTensors, heads: Float[Tensor, "b n 3"], tips: Float[Tensor, "b 2 5 3"]) -> Float[Tensor, "b n 3 3"]:
    """World rotation of each bone from Anny's rest pose to the canonical T-pose."""
    labels: list[str] = []
    turns: list[Float[Tensor, "b m 3 3"]] = []

    def put(turn: Float[Tensor, "b 2 3 3"], *names: str) -> None:
        labels.extend(names)
        turns.extend([turn] * len(names))

    def at(name: str) -> Float[Tensor, "b 2 3"]:
        return heads[:, rig.bones(name)]

    upper, lower = at("lowerarm01") - at("upperarm01"), at("wrist") - at("lowerarm01")
    hinge = torch.linalg.cross(upper, lower, dim=-1)
    target = frame_from_axes(rig.outward, torch.linalg.cross(rig.outward, rig.forward.expand(2, 3), dim=-1))
    upper_turn = target @ frame_from_axes(upper, hinge).mT
    lower_turn = target @ frame_from_axes(lower, hinge).mT
    palm = frame_from_axes(at("finger3-1") - at("wrist"), at("finger2-1") - at("finger5-1"))
    hand_turn = frame_from_axes(rig.outward, rig.forward) @ palm.mT
    _, twist = split_twist(vector_from_matrix(hand_turn @ lower_turn.mT), rig.outward)
    turned = twist[..., None] * rig.outward
    near, middle = plain.FOREARM_TWIST[0], plain.FOREARM_TWIST[0] + plain.FOREARM_TWIST[1]
    put(matrix_from_vector(plain.SHOULDER_GIRDLE * vector_from_matrix(upper_turn)), "shoulder01")
    put(upper_turn, "upperarm01", "upperarm02")
    put(matrix_from_vector(near * turned) @ lower_turn, "lowerarm01")
    put(matrix_from_vector(middle * turned) @ lower_turn, "lowerarm02")
    put(hand_turn, "wrist", "metacarpal1", "metacarpal2", "metacarpal3", "metacarpal4")
    for finger in range(5):
        for k in range(3):
            label = f"finger{finger + 1}-{k + 1}"
            if finger == 0:
                put(hand_turn, label)  # the thumb keeps its place beside the palm
                continue
            end = at(f"finger{finger + 1}-{k + 2}") if k < 2 else tips[:, :, finger]
            bone = (hand_turn @ (end - at(label))[..., None])[..., 0]
            put(rotation_between(bone, rig.outward) @ hand_turn, label)

    down = -rig.up
    level = (at("toe3-1") - at("foot")) * (1.0 - rig.up)
    put(rotation_between(at("lowerleg01") - at("upperleg01"), down), "upperleg01", "upperleg02")
    put(rotation_between(at("foot") - at("lowerleg01"), down), "lowerleg01", "lowerleg02")
    feet = [name for name in rig.plain.pairs if name == "foot" or name.startswith("toe")]
    put(rotation_between(level, rig.forward), *feet)

    turn = torch.eye(3, dtype=heads.dtype, device=heads.device).expand(*heads.shape[:2], 3, 3)
    return turn.index_copy(1, rig.bones(*labels), torch.cat(turns, dim=1))


def share(rig: RigTensors, rotations: Float[Tensor, "b 52 3"]) -> Float[Tensor, "b n 3 3"]:
    """World rotation of each bone from the T-pose, for the canonical joints' rotation vectors."""
    bones: list[Int[Tensor, "_"]] = []
    rows: list[Float[Tensor, "b m 3"]] = []
    after: list[Int[Tensor, "_"]] = []
    after_rows: list[Float[Tensor, "b m 3"]] = []
    for joint, low, high, part in _TRUNK:
        bones.append(torch.tensor([rig.plain.bone[low], rig.plain.bone[high]], device=rotations.device))
        rotation = rotations[:, JOINT[joint], None]
        rows.append(torch.cat([part * rotation, (1.0 - part) * rotation], dim=1))

    # As in `body.rig.share`: hands and feet are taken apart from the other end, so their signs are turned.
    limb_joints = [JOINT[f"{side}_{joint}"] for joint in _LIMB_JOINTS for side in ("left", "right")]
    axes = torch.cat([rig.outward] * 3 + [rig.up.expand(2, 3)] * 3)
    sense = axes.new_tensor([1.0, 1.0, -1.0, 1.0, 1.0, -1.0]).repeat_interleave(2)[:, None]
    swings, angles = split_twist(sense * rotations[:, limb_joints], axes)
    swings = (sense * swings).unflatten(1, (6, 2))
    twists = (sense * angles[..., None] * axes).unflatten(1, (6, 2))

    def put(label: str, first: Tensor, second: Tensor | None = None) -> None:
        bones.append(rig.bones(label))
        rows.append(first)
        if second is not None:
            after.append(rig.bones(label))
            after_rows.append(second)

    shoulder, hip = 0, 3
    put("shoulder01", plain.SHOULDER_GIRDLE * swings[:, shoulder])
    upper_twist = twists[:, shoulder]
    put("upperarm01", (1.0 - plain.SHOULDER_GIRDLE) * swings[:, shoulder], plain.UPPER_ARM_TWIST * upper_twist)
    put("upperarm02", (1.0 - plain.UPPER_ARM_TWIST) * upper_twist)
    put("upperleg01", swings[:, hip], plain.THIGH_TWIST * twists[:, hip])
    put("upperleg02", (1.0 - plain.THIGH_TWIST) * twists[:, hip])
    for middle, bone, end, parts in (
        (1, "lowerarm", "wrist", plain.FOREARM_TWIST),
        (4, "lowerleg", "foot", plain.SHANK_TWIST),
    ):
        total = twists[:, middle] + twists[:, middle + 1]
        put(bone + "01", swings[:, middle], parts[0] * total)
        put(bone + "02", parts[1] * total)
        put(end, parts[2] * total, swings[:, middle + 1])
    toes = rotations[:, [JOINT["left_foot"], JOINT["right_foot"]]]
    for toe in range(1, 6):
        put(f"toe{toe}-1", toes)

    zeros = rotations.new_zeros(len(rotations), len(rig.order), 3)
    first = zeros.index_copy(1, rig.joint_bones, rotations).index_copy(1, torch.cat(bones), torch.cat(rows, dim=1))
    second_bones = torch.cat(after)
    local = matrix_from_vector(first)
    turned = local[:, second_bones] @ matrix_from_vector(torch.cat(after_rows, dim=1))
    local = local.index_copy(1, second_bones, turned)
    above = local[:, :1]
    levels = [above]
    for level, parents in rig.levels:
        above = above[:, parents] @ local[:, level]
        levels.append(above)
    return torch.cat(levels, dim=1)[:, rig.order]


def place(
    rig: RigTensors, world: Float[Tensor, "b n 3 3"], heads: Float[Tensor, "#b n 3"], root: Float[Tensor, "b 3"]
) -> Float[Tensor, "b n 3"]:
    """Posed heads of the bones (metres): rest offsets carried by each parent's rotation, the root at `root`."""
    parents = rig.parents.clamp_min(0)
    steps = (world[:, parents] @ (heads - heads[:, parents])[..., None])[..., 0]
    above = root[:, None]
    levels = [above]
    for level, above_position in rig.levels:
        above = above[:, above_position] + steps[:, level]
        levels.append(above)
    return torch.cat(levels, dim=1)[:, rig.order]
