"""Points that ride on the skin of a posed body: a vertex, and a displacement in the skin's own frame there.

The frame at a vertex is (along the skin, along the skin, outward): the normal is that of the faces around it, so the
frame turns with the skin and is defined on any mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from densesynth.arrays import Array, Float64, Int64
from densesynth.geometry.torch_rotations import normalise


@dataclass(frozen=True, eq=False)
class SkinMarkers:
    """Markers on some vertices of a mesh; made by `attach`.

    at: the mesh's vertices that matter, each once. centres, corners, ahead are positions in `at`: of each marker's
    vertex, of the corners of the faces around it (padded with faces of no area), of the neighbour its first axis
    points to.
    """

    at: Int[Tensor, "n"]
    centres: Int[Tensor, "m"]
    corners: Int[Tensor, "m f 3"]
    ahead: Int[Tensor, "m"]

    def predict(self, vertices: Float[Tensor, "b n 3"], displacements: Float[Tensor, "m 3"]) -> Float[Tensor, "b m 3"]:
        """Where the markers are: vertices are those of `at`, displacements in the skin's frames, metres."""
        centre, along, across, normal = self.frames(vertices)
        first, second, out = (displacements[:, k, None] for k in range(3))
        return centre + first * along + second * across + out * normal

    def frames(self, vertices: Float[Tensor, "b n 3"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Each marker's vertex and the three axes of the skin's frame there, each (b, m, 3)."""
        centre = vertices[:, self.centres]
        a, b, c = vertices[:, self.corners].unbind(dim=3)
        normal = normalise(torch.linalg.cross(b - a, c - a, dim=-1).sum(dim=2))
        toward = vertices[:, self.ahead] - centre
        along = normalise(toward - (toward * normal).sum(dim=-1, keepdim=True) * normal)
        return centre, along, torch.linalg.cross(normal, along, dim=-1), normal


def attach(vertices: Int64[Array, "m"], faces: Array, rest: Float64[Array, "v 3"]) -> SkinMarkers:
    """Markers on the given vertices. rest: the mesh in any pose without creases, to choose the frames' first axes."""
    around = [faces[(faces == vertex).any(axis=1)] for vertex in vertices]
    most = max(len(part) for part in around)
    corners = np.empty((len(vertices), most, 3), dtype=np.int64)
    ahead = np.empty(len(vertices), dtype=np.int64)
    for number, (vertex, part) in enumerate(zip(vertices, around, strict=True)):
        corners[number] = vertex
        corners[number, : len(part)] = part
        neighbours = np.unique(part)
        neighbours = neighbours[neighbours != vertex]
        sides = rest[part]
        normal = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0]).sum(axis=0)
        steps = rest[neighbours] - rest[vertex]
        square = steps - (steps @ normal)[:, None] * normal / (normal @ normal)
        ahead[number] = neighbours[np.argmax((square**2).sum(axis=1))]
    at, inverse = np.unique(np.concatenate([vertices, corners.reshape(-1), ahead]), return_inverse=True)
    count = len(vertices)
    return SkinMarkers(
        at=torch.as_tensor(at),
        centres=torch.as_tensor(inverse[:count]),
        corners=torch.as_tensor(inverse[count:-count].reshape(corners.shape)),
        ahead=torch.as_tensor(inverse[-count:]),
    )
