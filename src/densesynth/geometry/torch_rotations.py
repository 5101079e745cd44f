"""What `geometry.rotations` does, on PyTorch tensors, with derivatives that stay finite everywhere they exist.

Same conventions: rotation vectors are axis × angle in radians, a matrix applies to column points, quaternions are
(w, x, y, z). Where a formula divides by a vanishing angle its series takes over, chosen by `torch.where` on arguments
that are safe in both branches, for a NaN in the branch not taken would still reach the gradient.
"""

from __future__ import annotations

import functools

import torch
from jaxtyping import Float
from torch import Tensor

SMALL_SQUARE = 1e-8  # of an angle in radians; the series' next term is below double precision's rounding there
_LEAST = 1e-300  # keeps the square root of a zero from dividing by it


@functools.cache
def _generators(dtype: torch.dtype, device: torch.device) -> Float[Tensor, "3 9"]:
    """Rows: the cross product matrices of x, y and z."""
    rows = [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]]
    return torch.tensor(rows, dtype=dtype, device=device)


def matrix_from_vector(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Rotation vector → matrix (Rodrigues' formula)."""
    square = (vector * vector).sum(dim=-1)[..., None, None]
    small = square < SMALL_SQUARE
    safe = torch.where(small, 1.0, square)
    angle = safe.sqrt()
    first = torch.where(small, 1.0 - square / 6.0, angle.sin() / angle)
    second = torch.where(small, 0.5 - square / 24.0, (1.0 - angle.cos()) / safe)
    cross = (vector @ _generators(vector.dtype, vector.device)).unflatten(-1, (3, 3))
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + first * cross + second * (cross @ cross)


def quaternion_from_vector(vector: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 4"]:
    """Rotation vector → unit quaternion."""
    square = (vector * vector).sum(dim=-1, keepdim=True)
    small = square < SMALL_SQUARE
    angle = torch.where(small, 1.0, square).sqrt()
    real = torch.where(small, 1.0 - square / 8.0, (0.5 * angle).cos())
    scale = torch.where(small, 0.5 - square / 48.0, (0.5 * angle).sin() / angle)
    return torch.cat([real, scale * vector], dim=-1)


def vector_from_quaternion(quaternion: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 3"]:
    """Unit quaternion → rotation vector of the shortest way, angle in [0, π]."""
    quaternion = torch.where(quaternion[..., :1] < 0.0, -quaternion, quaternion)
    real, imaginary = quaternion[..., :1], quaternion[..., 1:]
    square = (imaginary * imaginary).sum(dim=-1, keepdim=True)
    small = square < SMALL_SQUARE
    sine = torch.where(small, 1.0, square).sqrt()
    near = torch.where(small, real, 1.0)
    scale = torch.where(small, 2.0 / near * (1.0 - square / (3.0 * near**2)), 2.0 * torch.atan2(sine, real) / sine)
    return scale * imaginary


def vector_from_matrix(matrix: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3"]:
    """Rotation matrix → rotation vector, angle in [0, π] (Shepperd's choice of pivot, as in `rotations`)."""
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    d, e, f = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    rows = [
        torch.stack([1.0 + xx + yy + zz, a - d, b - e, c - f], dim=-1),
        torch.stack([a - d, 1.0 + xx - yy - zz, f + c, b + e], dim=-1),
        torch.stack([b - e, f + c, 1.0 - xx + yy - zz, d + a], dim=-1),
        torch.stack([c - f, b + e, d + a, 1.0 - xx - yy + zz], dim=-1),
    ]
    outer = torch.stack(rows, dim=-2)
    pivot = outer.detach().diagonal(dim1=-2, dim2=-1).argmax(dim=-1)
    row = torch.take_along_dim(outer, pivot[..., None, None], dim=-2)[..., 0, :]
    return vector_from_quaternion(normalise(row))


def multiply_quaternions(first: Float[Tensor, "*n 4"], second: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Quaternion of `first` after `second`: as matrices, first @ second."""
    p, u = first[..., :1], first[..., 1:]
    q, v = second[..., :1], second[..., 1:]
    real = p * q - (u * v).sum(dim=-1, keepdim=True)
    return torch.cat([real, p * v + q * u + torch.linalg.cross(u, v, dim=-1)], dim=-1)


def split_twist(
    vector: Float[Tensor, "*n 3"], axis: Float[Tensor, "*#n 3"]
) -> tuple[Float[Tensor, "*n 3"], Float[Tensor, "*n"]]:
    """Rotation = swing ∘ twist about the unit `axis`: (swing vector, twist angle in (−π, π])."""
    quaternion = quaternion_from_vector(vector)
    real, along = quaternion[..., 0], (quaternion[..., 1:] * axis).sum(dim=-1)
    half_turn = real * real + along * along < SMALL_SQUARE  # a swing of π has no twist of its own
    angle = 2.0 * torch.atan2(torch.where(half_turn, 0.0, along), torch.where(half_turn, 1.0, real))
    angle = angle - 2.0 * torch.pi * torch.round(angle.detach() / (2.0 * torch.pi))
    untwist = quaternion_from_vector(-angle[..., None] * axis)
    return vector_from_quaternion(multiply_quaternions(quaternion, untwist)), angle


def normalise(vector: Float[Tensor, "*n k"]) -> Float[Tensor, "*n k"]:
    """The vector at unit length; a zero vector stays zero."""
    return vector / ((vector * vector).sum(dim=-1, keepdim=True) + _LEAST).sqrt()


def rotation_between(source: Float[Tensor, "*#n 3"], target: Float[Tensor, "*#n 3"]) -> Float[Tensor, "*n 3 3"]:
    """The smallest rotation that turns direction `source` into `target`; they must not be opposite."""
    a, b = torch.broadcast_tensors(normalise(source), normalise(target))
    axis, cosine = torch.linalg.cross(a, b, dim=-1), (a * b).sum(dim=-1)[..., None, None]
    cross = (axis @ _generators(axis.dtype, axis.device)).unflatten(-1, (3, 3))
    return torch.eye(3, dtype=axis.dtype, device=axis.device) + cross + cross @ cross / (1.0 + cosine)


def frame_from_axes(first: Float[Tensor, "*#n 3"], second: Float[Tensor, "*#n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Right-handed orthonormal frame, as columns: along `first`, then `second` made square to it, then their cross."""
    a, second = torch.broadcast_tensors(normalise(first), second)
    b = normalise(second - (second * a).sum(dim=-1, keepdim=True) * a)
    return torch.stack([a, b, torch.linalg.cross(a, b, dim=-1)], dim=-1)
