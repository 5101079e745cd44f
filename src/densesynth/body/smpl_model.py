"""The SMPL family as a differentiable PyTorch module, batched, on any device, in SMPL's own frame.

Loper and others, *SMPL: A Skinned Multi-Person Linear Model* (2015), equations 2 to 10; Romero and others, *Embodied
Hands* (2017) for SMPL-H; Pavlakos and others, *Expressive Body Capture* (2019) for SMPL-X. Results equal those of the
`smplx` package, against which tests compare them.

The order of work is chosen for speed: all blend shapes are one product, joints come from the coefficients without a
pass over the vertices, a coordinate's vertices lie side by side, and a strip of vertices is blended and skinned while
it is still in the processor's cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from densesynth.body.smpl_files import SmplData
from densesynth.errors import ConfigurationError

STRIP = 512  # vertices worked on at a time; measured with benchmarks/smpl.py
SMALL_SQUARE = 1e-3  # radians²; below it the series is exact to double precision


class SmplOutput(NamedTuple):
    """Metres, in SMPL's frame: y up, facing +z, the person's left +x."""

    vertices: Float[Tensor, "b v 3"]
    joints: Float[Tensor, "b j 3"]


class SmplModel(nn.Module):
    """Shape, pose and translation → vertices and joints. Nothing in it is trained; `.to(device, dtype)` moves it.

    Joints are the file's own: 24 of SMPL, 52 of SMPL-H, 55 of SMPL-X (jaw, left and right eye are 22, 23, 24, the hands
    follow). Rotations are about each joint, relative to its parent, axes as at rest. Zero fingers are flat hands, the
    template's: `flat_hand_mean=True` of smplx. For its other convention add `hand_means` to the fingers' rotations.
    """

    blend: Tensor  # (strips, coefficients, 3 · STRIP): all x of the strip, then all y, then all z
    template: Tensor  # (strips, 3 · STRIP)
    weights: Tensor  # (strips, joints, STRIP)
    joint_blend: Tensor
    joint_template: Tensor
    hand_components: Tensor
    hand_means: Tensor

    def __init__(self, data: SmplData, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.family = data.family
        self.betas = data.shapes.shape[2]
        self.expressions = data.expressions.shape[2]
        self.joint_count = len(data.parents)
        self.vertex_count = len(data.template)
        bodily = np.concatenate([data.shapes, data.expressions], axis=2)
        blend = np.concatenate([bodily, data.pose_shapes], axis=2)  # (v, 3, k)
        self._keep("blend", _cut_strips(blend.transpose(2, 1, 0)), dtype)
        self._keep("template", _cut_strips(data.template.T[None])[:, 0], dtype)
        self._keep("weights", _cut_strips(data.weights.T[:, None]), dtype)
        joints = np.einsum("jv,vck->kjc", data.joint_regressor, bodily, optimize=True)
        self._keep("joint_blend", joints.reshape(len(joints), -1), dtype)
        self._keep("joint_template", (data.joint_regressor @ data.template).reshape(-1), dtype)
        hands, means = data.hand_components, data.hand_means
        self._keep("hand_components", np.zeros((2, 0, 45)) if hands is None else hands, dtype)
        self._keep("hand_means", np.zeros((2, 0)) if means is None else means, dtype)
        self._levels, self._order = _arrange_levels([int(parent) for parent in data.parents])
        self._parents = [max(int(parent), 0) for parent in data.parents]

    def _keep(self, name: str, values: np.ndarray, dtype: torch.dtype) -> None:
        self.register_buffer(name, torch.as_tensor(np.ascontiguousarray(values), dtype=dtype))

    def forward(
        self,
        betas: Float[Tensor, "b s"],
        pose: Float[Tensor, "b j 3"],
        transl: Float[Tensor, "b 3"] | None = None,
        expression: Float[Tensor, "b e"] | None = None,
    ) -> SmplOutput:
        """pose: rotation vectors (radians) of all joints; transl: added to everything, as in SMPL (metres).

        betas and expression may have fewer coefficients than the model; the rest count as 0.
        """
        return self.forward_matrices(betas, matrices_from_vectors(pose), transl, expression)

    def forward_matrices(
        self,
        betas: Float[Tensor, "b s"],
        rotations: Float[Tensor, "b j 3 3"],
        transl: Float[Tensor, "b 3"] | None = None,
        expression: Float[Tensor, "b e"] | None = None,
    ) -> SmplOutput:
        """`forward` with each joint's rotation as a matrix."""
        batch = len(rotations)
        if rotations.shape[1] != self.joint_count:
            raise ConfigurationError(
                f"{self.family} has {self.joint_count} joints, found {rotations.shape[1]} rotations"
            )
        bodily = self._bodily(betas, expression)
        features = (rotations[:, 1:] - torch.eye(3, dtype=rotations.dtype, device=rotations.device)).flatten(1)
        coefficients = torch.cat([bodily, features], dim=1)
        heads = torch.addmm(self.joint_template, bodily, self.joint_blend).view(batch, -1, 3)
        turns, joints = self._chain(rotations, heads)
        shift = joints - (turns @ heads[..., None])[..., 0]
        moves = torch.cat([turns, shift[..., None]], dim=-1).permute(0, 2, 3, 1)  # (b, 3, 4, j)
        moves = moves.reshape(-1, self.joint_count)
        strips = []
        for template, blend, weights in zip(self.template, self.blend, self.weights, strict=True):
            rest = torch.addmm(template, coefficients, blend).view(batch, 3, -1)
            blended = (moves @ weights).view(batch, 3, 4, -1)
            posed = blended[:, :, 3]
            for axis in range(3):
                posed = torch.addcmul(posed, blended[:, :, axis], rest[:, axis : axis + 1])
            strips.append(posed.transpose(1, 2))
        strips[-1] = strips[-1][:, : self.vertex_count - STRIP * (len(strips) - 1)]
        vertices = torch.cat(strips, dim=1)
        if transl is None:
            return SmplOutput(vertices, joints)
        return SmplOutput(vertices + transl[:, None], joints + transl[:, None])

    def rest_joints(
        self, betas: Float[Tensor, "b s"], expression: Float[Tensor, "b e"] | None = None
    ) -> Float[Tensor, "b j 3"]:
        """The joints of a shape at rest, metres."""
        bodily = self._bodily(betas, expression)
        return torch.addmm(self.joint_template, bodily, self.joint_blend).view(len(betas), -1, 3)

    def hands_from_components(
        self, left: Float[Tensor, "b c"], right: Float[Tensor, "b c"], *, flat_hand_mean: bool = False
    ) -> Float[Tensor, "b 30 3"]:
        """Principal components of the hands' poses → rotation vectors of the 15 left and 15 right finger joints.

        flat_hand_mean as in smplx: False adds the file's mean hand pose. Raises ConfigurationError without hands.
        """
        if self.hand_components.shape[1] == 0:
            raise ConfigurationError(f"this {self.family} file has no hand components; SMPL-H and SMPL-X have them")
        sides = []
        for side, weights in enumerate((left, right)):
            fingers = weights @ self.hand_components[side, : weights.shape[1]]
            sides.append(fingers if flat_hand_mean else fingers + self.hand_means[side])
        return torch.cat(sides, dim=1).view(len(left), 30, 3)

    def _bodily(self, betas: Tensor, expression: Tensor | None) -> Tensor:
        """Shape and expression coefficients side by side, missing ones 0."""
        if betas.shape[1] > self.betas:
            raise ConfigurationError(
                f"the model was read with {self.betas} shape coefficients, found {betas.shape[1]}; read it with more"
            )
        if expression is None:
            expression = betas.new_zeros(len(betas), self.expressions)
        if expression.shape[1] > self.expressions:
            raise ConfigurationError(
                f"the model has {self.expressions} expression coefficients, found {expression.shape[1]}"
            )
        pad = nn.functional.pad
        return torch.cat(
            [
                pad(betas, (0, self.betas - betas.shape[1])),
                pad(expression, (0, self.expressions - expression.shape[1])),
            ],
            dim=1,
        )

    def _chain(self, rotations: Tensor, heads: Tensor) -> tuple[Tensor, Tensor]:
        """World rotations and joint places, one level of the tree at a time."""
        offsets = heads - heads[:, self._parents]
        turns, places = [rotations[:, :1]], [heads[:, :1]]
        for joints, parents in self._levels:
            above = turns[-1][:, parents]
            places.append(places[-1][:, parents] + (above @ offsets[:, joints, :, None])[..., 0])
            turns.append(above @ rotations[:, joints])
        return torch.cat(turns, dim=1)[:, self._order], torch.cat(places, dim=1)[:, self._order]


def _cut_strips(values: np.ndarray) -> np.ndarray:
    """(k, c, vertices) → (strips, k, c · STRIP), the last strip filled up with zeros."""
    rows, columns, count = values.shape
    padded = np.zeros((rows, columns, count + -count % STRIP))
    padded[:, :, :count] = values
    strips = padded.reshape(rows, columns, -1, STRIP).transpose(2, 0, 1, 3)
    return strips.reshape(len(strips), rows, columns * STRIP)


def _arrange_levels(parents: list[int]) -> tuple[list[tuple[list[int], list[int]]], list[int]]:
    """Joints of equal depth with their parents' places in the level above; and where each joint comes in that order."""
    depth = [0] * len(parents)
    for joint, parent in enumerate(parents[1:], start=1):
        depth[joint] = depth[parent] + 1
    above, flat, levels = [0], [0], []
    for level in range(1, max(depth) + 1):
        joints = [joint for joint, d in enumerate(depth) if d == level]
        levels.append((joints, [above.index(parents[joint]) for joint in joints]))
        above = joints
        flat += joints
    return levels, [flat.index(joint) for joint in range(len(parents))]


def matrices_from_vectors(vectors: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Rotation vectors → matrices (Rodrigues), with right derivatives at zero too."""
    square = (vectors * vectors).sum(dim=-1)
    small = square < SMALL_SQUARE
    angle = torch.sqrt(torch.where(small, torch.ones_like(square), square))
    half = torch.sin(0.5 * angle) / angle
    sine = torch.where(small, 1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)), angle.sin() / angle)
    cosine = torch.where(small, 0.5 - square / 24.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)), 2.0 * half * half)
    x, y, z = vectors.unbind(dim=-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(*vectors.shape, 3)
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    outer = vectors[..., :, None] * vectors[..., None, :]
    # cos a · 1 + (sin a / a) · skew + (1 − cos a)/a² · outer, with cos a = 1 − a² (1 − cos a)/a²
    return (
        (1.0 - cosine * square)[..., None, None] * eye + sine[..., None, None] * skew + cosine[..., None, None] * outer
    )
