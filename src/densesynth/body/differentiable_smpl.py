"""SMPL, SMPL-H and SMPL-X as `DifferentiableBody`: only the vertices asked for are computed, in any precision.

`SmplBody.forward` gives whole meshes; fitting needs a few hundred vertices a thousand times over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from densesynth.arrays import Array, Float64, Int32
from densesynth.body.differentiable import ShapePrior
from densesynth.body.smpl import OURS_FROM_SMPL, SmplBody
from densesynth.geometry.torch_rotations import matrix_from_vector


@dataclass(frozen=True, eq=False)
class DifferentiableSmpl:
    """A body of the SMPL family in PyTorch, in our frame; made by `differentiable_smpl`.

    template, shapes, pose_shapes: vertices and their offsets. heads, shape_heads: the file's joints likewise. joints:
    the file's joint for each of the 52; moved: those of the 52 that the file can turn. frame: ours from SMPL's.
    """

    name: str
    faces: Int32[Array, "f 3"]
    template: Float[Tensor, "v 3"]
    shapes: Float[Tensor, "s v 3"]
    pose_shapes: Float[Tensor, "p v 3"]
    weights: Float[Tensor, "v j"]
    heads: Float[Tensor, "j 3"]
    shape_heads: Float[Tensor, "s j 3"]
    parents: tuple[int, ...]
    joints: Int[Tensor, "52"]
    moved: Int[Tensor, "m"]
    frame: Float[Tensor, "3 3"]

    @property
    def betas_count(self) -> int:
        return len(self.shapes)

    @property
    def shape_prior(self) -> ShapePrior:
        """Standard normal, as the coefficients are scaled."""
        count = self.betas_count
        endless = np.full(count, np.inf)
        zeros = np.zeros(count)
        return ShapePrior(low=-endless, high=endless, typical=zeros, spread=np.ones(count), starts=zeros[None])

    def pelvis_at_rest(self, betas: Float64[Array, "s"]) -> Float64[Array, "3"]:
        """Where a shape's pelvis joint lies at rest, SMPL's own axes: what its translation leaves out."""
        ours = self.heads[0] + torch.as_tensor(betas).to(self.heads) @ self.shape_heads[:, 0]
        return (ours @ self.frame).double().cpu().numpy()

    def forward(
        self,
        betas: Float[Tensor, "#b s"],
        rotations: Float[Tensor, "b 52 3"],
        transl: Float[Tensor, "b 3"],
        at: Int[Tensor, "n"] | None = None,
    ) -> tuple[Float[Tensor, "b v 3"], Float[Tensor, "b 52 3"]]:
        """As `SmplBody.pose`: transl is where the pelvis joint comes to lie."""
        template, shapes, pose_shapes, weights = self.template, self.shapes, self.pose_shapes, self.weights
        if at is not None:
            template, shapes, pose_shapes, weights = template[at], shapes[:, at], pose_shapes[:, at], weights[at]
        batch, count = len(rotations), len(self.heads)
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        local = identity.expand(batch, count, 3, 3).index_copy(
            1, self.joints[self.moved], matrix_from_vector(rotations[:, self.moved])
        )
        heads = self.heads + torch.einsum("bs,sjk->bjk", betas, self.shape_heads)
        turns, places = [local[:, 0]], [transl]
        for joint, parent in enumerate(self.parents[1:], start=1):
            turns.append(turns[parent] @ local[:, joint])
            step = (heads[:, joint] - heads[:, parent])[..., None]
            places.append(places[parent] + (turns[parent] @ step)[..., 0])
        turn, placed = torch.stack(turns, dim=1), torch.stack(places, dim=1)
        # Pose shapes were learnt in SMPL's own axes.
        features = (self.frame.T @ (local[:, 1:] - identity) @ self.frame).flatten(1)
        rest = template + torch.einsum("bs,svk->bvk", betas, shapes)
        rest = rest + (features @ pose_shapes.flatten(1)).unflatten(1, (-1, 3))
        offsets = placed - (turn @ heads[..., None])[..., 0]
        transforms = torch.cat([turn, offsets[..., None]], dim=-1).flatten(2)
        blended = (weights @ transforms).unflatten(2, (3, 4))
        vertices = (blended[..., :3] @ rest[..., None])[..., 0] + blended[..., 3]
        return vertices, placed[:, self.joints]


def differentiable_smpl(
    body: SmplBody, dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu"
) -> DifferentiableSmpl:
    """The same body as `body`, as a function PyTorch can differentiate."""
    data = body.data

    def tensor(array: Array, kind: torch.dtype = dtype) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=kind, device=device)

    shapes = data.shapes.transpose(2, 0, 1) @ OURS_FROM_SMPL.T
    template = data.template @ OURS_FROM_SMPL.T
    return DifferentiableSmpl(
        name=body.name,
        faces=body.faces,
        template=tensor(template),
        shapes=tensor(shapes),
        pose_shapes=tensor(data.pose_shapes.transpose(2, 0, 1) @ OURS_FROM_SMPL.T),
        weights=tensor(data.weights),
        heads=tensor(data.joint_regressor @ template),
        shape_heads=tensor(np.einsum("jv,kvc->kjc", data.joint_regressor, shapes, optimize=True)),
        parents=tuple(int(parent) for parent in data.parents),
        joints=tensor(body.joints, torch.int64),
        moved=tensor(body.moved, torch.int64),
        frame=tensor(OURS_FROM_SMPL),
    )
