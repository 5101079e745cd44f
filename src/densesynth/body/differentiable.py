"""Bodies as functions PyTorch can differentiate, for fitting; and Anny as one of them.

`AnnyBody.pose` is made for speed and has no derivatives; `DifferentiableAnny.forward` gives the same vertices and
joints (to 1e-5 m) with them. Both speak the same parameters: shape, the 52 joints of `geometry.skeleton`, translation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from densesynth.arrays import Array, Float64, Int32, Int64
from densesynth.body.anny import AnnyBody
from densesynth.body.differentiable_rig import RigTensors, place, read_rig_tensors, share, t_pose


@dataclass(frozen=True, kw_only=True)
class ShapePrior:
    """What is known of betas before any measurement: within low..high, about typical ± spread, each on its own.

    starts: shapes to begin a search from, strictly within the range. A body whose shape follows its betas in straight
    pieces has a valley on each; one that is linear needs one start.
    """

    low: Float64[Array, "s"]
    high: Float64[Array, "s"]
    typical: Float64[Array, "s"]
    spread: Float64[Array, "s"]
    starts: Float64[Array, "n s"]


@runtime_checkable
class DifferentiableBody(Protocol):
    """Shape and pose in, vertices and joints out, in PyTorch; world frame, metres (docs/conventions.md)."""

    @property
    def name(self) -> str: ...

    @property
    def faces(self) -> Int32[Array, "f 3"]: ...

    @property
    def betas_count(self) -> int: ...

    @property
    def shape_prior(self) -> ShapePrior: ...

    def forward(
        self,
        betas: Float[Tensor, "#b s"],
        rotations: Float[Tensor, "b 52 3"],
        transl: Float[Tensor, "b 3"],
        at: Int[Tensor, "n"] | None = None,
    ) -> tuple[Float[Tensor, "b v 3"], Float[Tensor, "b 52 3"]]:
        """Vertices and joints. betas may be one row for all; `at`: only those vertices, in that order."""
        ...


# Age is hardly seen from outside once a person is grown: 18 years (0.77) to 64 (0.83) and a little beyond.
ANNY_SHAPE_PRIOR: dict[str, tuple[float, float, float, float]] = {  # low, high, typical, spread
    "gender": (0.0, 1.0, 0.5, 0.5),
    "age": (0.77, 0.90, 0.80, 0.02),
    "muscle": (0.0, 1.0, 0.5, 0.2),
    "weight": (0.0, 1.0, 0.5, 0.2),
    "height": (0.0, 1.0, 0.5, 0.2),
    "proportions": (0.0, 1.0, 0.5, 0.2),
}


@dataclass(frozen=True, eq=False)
class DifferentiableAnny:
    """Anny in PyTorch; made by `differentiable_anny`. Tensors have one dtype and lie on one device.

    anchors, columns: of each phenotype's variations, as in `body.phenotype`. factors: the variations each blend shape
    multiplies. weights: of skinning, dense. tip_vertices: fingertips of the left and the right hand, thumb first.
    """

    faces: Int32[Array, "f 3"]
    betas_names: tuple[str, ...]
    rig: RigTensors
    anchors: tuple[Float[Tensor, "_"], ...]
    columns: tuple[int, ...]
    fixed: Float[Tensor, "w"]
    factors: Int[Tensor, "k n"]
    projection: Float[Tensor, "k c"]
    template: Float[Tensor, "v 3"]
    shapes: Float[Tensor, "c v 3"]
    weights: Float[Tensor, "v bones"]
    template_heads: Float[Tensor, "bones 3"]
    shape_heads: Float[Tensor, "c bones 3"]
    tip_vertices: Int[Tensor, "2 5"]
    name: str = "anny"

    @property
    def betas_count(self) -> int:
        return len(self.betas_names)

    @property
    def shape_prior(self) -> ShapePrior:
        low, high, typical, spread = np.array([ANNY_SHAPE_PRIOR[name] for name in self.betas_names]).T
        # Muscle and weight have a kink in their middle: search on each of its sides.
        kinked = [self.betas_names.index(name) for name in ("muscle", "weight")]
        starts = np.repeat(typical[None], 4, axis=0)
        starts[:, kinked] = [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
        return ShapePrior(low=low, high=high, typical=typical, spread=spread, starts=starts)

    def forward(
        self,
        betas: Float[Tensor, "#b s"],
        rotations: Float[Tensor, "b 52 3"],
        transl: Float[Tensor, "b 3"],
        at: Int[Tensor, "n"] | None = None,
    ) -> tuple[Float[Tensor, "b v 3"], Float[Tensor, "b 52 3"]]:
        """As `AnnyBody.pose`: betas are Anny's phenotypes, transl moves the pelvis joint from the origin."""
        template, shapes, weights = self.template, self.shapes, self.weights
        if at is not None:
            template, shapes, weights = template[at], shapes[:, at], weights[at]
        coefficients = self.coefficients(betas)
        rest = template + torch.einsum("bc,cvk->bvk", coefficients, shapes)
        heads = self.template_heads + torch.einsum("bc,cnk->bnk", coefficients, self.shape_heads)
        tips = self.tip_vertices.flatten()
        at_tips = self.template[tips] + torch.einsum("bc,cvk->bvk", coefficients, self.shapes[:, tips])
        turn = share(self.rig, rotations) @ t_pose(self.rig, heads, at_tips.unflatten(1, (2, 5)))
        placed = place(self.rig, turn, heads, transl)
        offsets = placed - (turn @ heads[..., None])[..., 0]
        # Skinning: each vertex's own blend of the bones' 3×4 transforms.
        transforms = torch.cat([turn, offsets[..., None]], dim=-1).flatten(2)
        blended = (weights @ transforms).unflatten(2, (3, 4))
        vertices = (blended[..., :3] @ rest[..., None])[..., 0] + blended[..., 3]
        return vertices, placed[:, self.rig.joint_bones]

    def coefficients(self, betas: Float[Tensor, "b s"]) -> Float[Tensor, "b c"]:
        """Blend shape coefficients; outside a phenotype's anchors the nearest anchor's, with derivative 0."""
        table = self.fixed.expand(len(betas), -1).clone()
        for number, (anchors, column) in enumerate(zip(self.anchors, self.columns, strict=True)):
            value = betas[:, number].clamp(anchors[0], anchors[-1])
            # At an anchor the derivative is that of the stretch below it, never a mean of two that fits neither.
            upper = torch.searchsorted(anchors, value.detach().contiguous()).clamp(1, len(anchors) - 1)
            share = (value - anchors[upper - 1]) / (anchors[upper] - anchors[upper - 1])
            steps = torch.arange(len(anchors), device=betas.device) - upper[:, None]  # 0 at the upper anchor
            hats = torch.where(steps == 0, share[:, None], torch.where(steps == -1, 1.0 - share[:, None], 0.0))
            table = torch.cat([table[:, :column], hats, table[:, column + len(anchors) :]], dim=1)
        return table[:, self.factors].prod(dim=-1) @ self.projection


def differentiable_anny(
    body: AnnyBody, dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu"
) -> DifferentiableAnny:
    """The same Anny as `body`, as a function PyTorch can differentiate."""

    def tensor(array: Array, kind: torch.dtype = dtype) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=kind, device=device)

    count = body.vertex_count
    template = body.template.numpy().reshape(-1)[: 3 * count].reshape(count, 3)
    phenotype, blocks = (
        body.everyone.phenotype,
        body.everyone.blocks.numpy(),
    )  # (blocks, shapes, coordinates of a block)
    shapes = blocks.transpose(1, 0, 2).reshape(blocks.shape[1], -1)[:, : 3 * count].reshape(-1, count, 3)
    return DifferentiableAnny(
        faces=body.faces,
        betas_names=body.betas_names,
        rig=read_rig_tensors(body.rig, dtype, device),
        anchors=tuple(tensor(phenotype.anchors[label]) for label in body.betas_names),
        columns=tuple(phenotype.columns[label] for label in body.betas_names),
        fixed=tensor(phenotype.fixed),
        factors=tensor(phenotype.factors, torch.int64),
        projection=tensor(phenotype.projection),
        template=tensor(template),
        shapes=tensor(shapes),
        weights=tensor(_dense_weights(body)),
        template_heads=tensor(body.template_heads),
        shape_heads=tensor(body.everyone.heads),
        tip_vertices=tensor(body.tip_vertices, torch.int64),
    )


def _dense_weights(body: AnnyBody) -> Float64[Array, "v bones"]:
    starts: Int64[Array, "_"] = body.skin_starts.numpy().astype(np.int64)
    weights = np.zeros((body.vertex_count, len(body.rig.parents)))
    vertex = np.repeat(np.arange(body.vertex_count), np.diff(starts))
    np.add.at(weights, (vertex, body.skin_bones.numpy()), body.skin_weights.numpy().astype(np.float64))
    return weights
