"""Rotations as vectors (axis × angle, radians) and 3×3 matrices, and the ways to share one between several bones.

A matrix applies to column points: `matrix @ point`. Everything is computed in double precision without calls into
a threaded library, so that the same input gives the same bits whatever else runs.
"""

from __future__ import annotations

import math

import numpy as np

from densesynth.arrays import Array, Float64

SMALL_ANGLE = 1e-8  # radians; below it sin(a)/a is 1 to double precision


def matrix_from_vector(vector: Array) -> Float64[Array, "*n 3 3"]:
    """Rotation vector (axis × angle, radians) → matrix (Rodrigues' formula)."""
    vector = np.asarray(vector, dtype=np.float64)
    if vector.ndim == 1:
        return _matrix_of_one(*vector.tolist())
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    square = x * x + y * y + z * z
    angle = np.sqrt(square)
    small = angle < SMALL_ANGLE
    safe = np.where(small, 1.0, angle)
    sine = np.where(small, 1.0, np.sin(safe) / safe)
    half = np.where(small, 0.5, np.sin(0.5 * safe) / safe)
    cosine = np.where(small, 0.5, 2.0 * half * half)  # (1 − cos a) / a²
    matrix = np.empty((*vector.shape[:-1], 3, 3))
    matrix[..., 0, 0] = 1.0 - cosine * (y * y + z * z)
    matrix[..., 1, 1] = 1.0 - cosine * (x * x + z * z)
    matrix[..., 2, 2] = 1.0 - cosine * (x * x + y * y)
    matrix[..., 0, 1] = cosine * x * y - sine * z
    matrix[..., 1, 0] = cosine * x * y + sine * z
    matrix[..., 0, 2] = cosine * x * z + sine * y
    matrix[..., 2, 0] = cosine * x * z - sine * y
    matrix[..., 1, 2] = cosine * y * z - sine * x
    matrix[..., 2, 1] = cosine * y * z + sine * x
    return matrix


def _matrix_of_one(x: float, y: float, z: float) -> Float64[Array, "3 3"]:
    """The same for one vector, six times as fast: motions turn joints one by one."""
    square = x * x + y * y + z * z
    angle = math.sqrt(square)
    small = angle < SMALL_ANGLE
    sine = 1.0 if small else math.sin(angle) / angle
    half = 0.5 if small else math.sin(0.5 * angle) / angle
    c = 0.5 if small else 2.0 * half * half
    return np.array(
        [
            [1.0 - c * (y * y + z * z), c * x * y - sine * z, c * x * z + sine * y],
            [c * x * y + sine * z, 1.0 - c * (x * x + z * z), c * y * z - sine * x],
            [c * x * z - sine * y, c * y * z + sine * x, 1.0 - c * (x * x + y * y)],
        ]
    )


def quaternion_from_vector(vector: Array) -> Float64[Array, "*n 4"]:
    """Rotation vector → unit quaternion (w, x, y, z)."""
    vector = np.asarray(vector, dtype=np.float64)
    angle = np.sqrt((vector * vector).sum(axis=-1, keepdims=True))
    small = angle < SMALL_ANGLE
    safe = np.where(small, 1.0, angle)
    return np.concatenate([np.cos(0.5 * angle), np.where(small, 0.5, np.sin(0.5 * safe) / safe) * vector], axis=-1)


def vector_from_quaternion(quaternion: Float64[Array, "*n 4"]) -> Float64[Array, "*n 3"]:
    """Unit quaternion (w, x, y, z) → rotation vector of the shortest way, angle in [0, π]."""
    quaternion = np.where(quaternion[..., :1] < 0.0, -quaternion, quaternion)
    sine = np.sqrt((quaternion[..., 1:] ** 2).sum(axis=-1, keepdims=True))
    small = sine < SMALL_ANGLE
    safe = np.where(small, 1.0, sine)
    scale = np.where(small, 2.0, 2.0 * np.arctan2(safe, quaternion[..., :1]) / safe)
    return scale * quaternion[..., 1:]


def multiply_quaternions(first: Float64[Array, "*n 4"], second: Float64[Array, "*n 4"]) -> Float64[Array, "*n 4"]:
    """Quaternion of `first` after `second`: as matrices, first @ second."""
    a, b, c, d = (first[..., k] for k in range(4))
    e, f, g, h = (second[..., k] for k in range(4))
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def compose(first: Array, second: Array) -> Float64[Array, "*n 3"]:
    """Rotation vector of `first` after `second`: as matrices, first @ second."""
    return vector_from_quaternion(multiply_quaternions(quaternion_from_vector(first), quaternion_from_vector(second)))


def vector_from_matrix(matrix: Array) -> Float64[Array, "*n 3"]:
    """Rotation matrix → rotation vector, angle in [0, π]. Exact at half turns too (Shepperd's choice of pivot)."""
    m = np.asarray(matrix, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    d, e, f = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    # Four times the outer product of the quaternion with itself; its longest row is the best conditioned.
    outer = np.stack(
        [
            np.stack([1.0 + xx + yy + zz, a - d, b - e, c - f], axis=-1),
            np.stack([a - d, 1.0 + xx - yy - zz, f + c, b + e], axis=-1),
            np.stack([b - e, f + c, 1.0 - xx + yy - zz, d + a], axis=-1),
            np.stack([c - f, b + e, d + a, 1.0 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    pivot = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    row = np.take_along_axis(outer, pivot[..., None, None], axis=-2)[..., 0, :]
    return vector_from_quaternion(row / np.sqrt((row * row).sum(axis=-1, keepdims=True)))


def split_twist(vector: Array, axis: Array) -> tuple[Float64[Array, "*n 3"], Float64[Array, "*n"]]:
    """Divide a rotation into swing ∘ twist: (swing vector, twist angle about the unit `axis`, in (−π, π]).

    As matrices, matrix(vector) = matrix(swing) @ matrix(angle · axis); the swing's axis is square to `axis`. A swing
    of a half turn has no twist of its own: the angle is 0 there.
    """
    quaternion = quaternion_from_vector(vector)
    axis = np.asarray(axis, dtype=np.float64)
    along = (quaternion[..., 1:] * axis).sum(axis=-1)
    angle = 2.0 * np.arctan2(along, quaternion[..., 0])
    angle = angle - 2.0 * np.pi * np.round(angle / (2.0 * np.pi))
    angle = np.where(np.hypot(along, quaternion[..., 0]) < SMALL_ANGLE, 0.0, angle)
    untwist = quaternion_from_vector(-angle[..., None] * axis)
    return vector_from_quaternion(multiply_quaternions(quaternion, untwist)), angle


def rotation_between(source: Array, target: Array) -> Float64[Array, "*n 3 3"]:
    """The smallest rotation that turns direction `source` into `target`; neither needs unit length.

    Opposite directions have no smallest rotation; there a half turn about some axis square to them is given.
    """
    source, target = np.broadcast_arrays(np.asarray(source, np.float64), np.asarray(target, np.float64))
    a = source / np.sqrt((source * source).sum(axis=-1, keepdims=True))
    b = target / np.sqrt((target * target).sum(axis=-1, keepdims=True))
    cosine = (a * b).sum(axis=-1, keepdims=True)
    quaternion = np.concatenate([1.0 + cosine, cross(a, b)], axis=-1)
    least = np.eye(3)[np.argmin(np.abs(a), axis=-1)]
    half_turn = np.concatenate([np.zeros_like(cosine), cross(a, least)], axis=-1)
    quaternion = np.where(cosine < -1.0 + 1e-12, half_turn, quaternion)
    quaternion = quaternion / np.sqrt((quaternion * quaternion).sum(axis=-1, keepdims=True))
    return matrix_from_vector(vector_from_quaternion(quaternion))


def cross(first: Array, second: Array) -> Float64[Array, "*n 3"]:
    """Cross product of vectors, as `numpy.cross` but several times faster on few of them."""
    a, b, c = first[..., 0], first[..., 1], first[..., 2]
    x, y, z = second[..., 0], second[..., 1], second[..., 2]
    product = np.empty(np.broadcast_shapes(first.shape, second.shape))
    product[..., 0] = b * z - c * y
    product[..., 1] = c * x - a * z
    product[..., 2] = a * y - b * x
    return product


def frame_from_axes(first: Array, second: Array) -> Float64[Array, "*n 3 3"]:
    """Right-handed orthonormal frame, as columns: along `first`, then `second` made square to it, then their cross."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    a = first / np.sqrt((first * first).sum(axis=-1, keepdims=True))
    b = second - (second * a).sum(axis=-1, keepdims=True) * a
    b = b / np.sqrt((b * b).sum(axis=-1, keepdims=True))
    return np.stack([a, b, cross(a, b)], axis=-1)


def mirror(rotations: Float64[Array, "*n 3"]) -> Float64[Array, "*n 3"]:
    """Rotation vectors seen in a mirror at x = 0 (left and right change places; the caller swaps the joints)."""
    return rotations * np.array([1.0, -1.0, -1.0])
