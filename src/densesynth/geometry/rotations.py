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
    quaternion = np.empty((*vector.shape[:-1], 4))
    quaternion[..., :1] = np.cos(0.5 * angle)
    quaternion[..., 1:] = np.where(small, 0.5, np.sin(0.5 * safe) / safe) * vector
    return quaternion


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
    product = np.empty((*np.broadcast_shapes(a.shape, e.shape), 4))
    product[..., 0] = a * e - b * f - c * g - d * h
    product[..., 1] = a * f + b * e + c * h - d * g
    product[..., 2] = a * g - b * h + c * e + d * f
    product[..., 3] = a * h + b * g - c * f + d * e
    return product


def compose(first: Array, second: Array) -> Float64[Array, "*n 3"]:
    """Rotation vector of `first` after `second`: as matrices, first @ second."""
    if np.ndim(first) == 1 and np.ndim(second) == 1:
        a, b, c, d = _quaternion_of_one(*first.tolist())
        e, f, g, h = _quaternion_of_one(*second.tolist())
        product = (
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        )
        return np.array(_vector_of_quaternion(*product))
    return vector_from_quaternion(multiply_quaternions(quaternion_from_vector(first), quaternion_from_vector(second)))


def vector_from_matrix(matrix: Array) -> Float64[Array, "*n 3"]:
    """Rotation matrix → rotation vector, angle in [0, π]. Exact at half turns too (Shepperd's choice of pivot)."""
    m = np.asarray(matrix, dtype=np.float64)
    if m.ndim == 2:
        return np.array(_vector_of_one(*m.ravel().tolist()))
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    a, b, c = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    d, e, f = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    # Four times the outer product of the quaternion with itself; its longest row is the best conditioned.
    outer = np.empty((*m.shape[:-2], 4, 4))
    outer[..., 0, 0] = 1.0 + xx + yy + zz
    outer[..., 1, 1] = 1.0 + xx - yy - zz
    outer[..., 2, 2] = 1.0 - xx + yy - zz
    outer[..., 3, 3] = 1.0 - xx - yy + zz
    outer[..., 0, 1] = outer[..., 1, 0] = a - d
    outer[..., 0, 2] = outer[..., 2, 0] = b - e
    outer[..., 0, 3] = outer[..., 3, 0] = c - f
    outer[..., 1, 2] = outer[..., 2, 1] = f + c
    outer[..., 1, 3] = outer[..., 3, 1] = b + e
    outer[..., 2, 3] = outer[..., 3, 2] = d + a
    pivot = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    row = np.take_along_axis(outer, pivot[..., None, None], axis=-2)[..., 0, :]
    return vector_from_quaternion(row / np.sqrt((row * row).sum(axis=-1, keepdims=True)))


def _vector_of_one(
    xx: float, f: float, b: float, c: float, yy: float, d: float, e: float, a: float, zz: float
) -> tuple[float, float, float]:
    """The same for one matrix, its elements in rows, many times as fast."""
    diagonal = (1.0 + xx + yy + zz, 1.0 + xx - yy - zz, 1.0 - xx + yy - zz, 1.0 - xx - yy + zz)
    pivot = diagonal.index(max(diagonal))
    longest = diagonal[pivot]
    w, x, y, z = (
        (longest, a - d, b - e, c - f),
        (a - d, longest, f + c, b + e),
        (b - e, f + c, longest, d + a),
        (c - f, b + e, d + a, longest),
    )[pivot]
    length = math.sqrt(w * w + x * x + y * y + z * z)
    return _vector_of_quaternion(w / length, x / length, y / length, z / length)


def _vector_of_quaternion(w: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """`vector_from_quaternion` of one."""
    if w < 0.0:
        w, x, y, z = -w, -x, -y, -z
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if sine < SMALL_ANGLE else 2.0 * math.atan2(sine, w) / sine
    return scale * x, scale * y, scale * z


def _quaternion_of_one(x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """`quaternion_from_vector` of one."""
    angle = math.sqrt(x * x + y * y + z * z)
    scale = 0.5 if angle < SMALL_ANGLE else math.sin(0.5 * angle) / angle
    return math.cos(0.5 * angle), scale * x, scale * y, scale * z


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
    if np.ndim(source) == 1 and np.ndim(target) == 1:
        return _rotation_between_two(source.tolist(), target.tolist())
    source, target = np.broadcast_arrays(np.asarray(source, np.float64), np.asarray(target, np.float64))
    a = source / np.sqrt((source * source).sum(axis=-1, keepdims=True))
    b = target / np.sqrt((target * target).sum(axis=-1, keepdims=True))
    cosine = (a * b).sum(axis=-1, keepdims=True)
    quaternion = np.concatenate([1.0 + cosine, cross(a, b)], axis=-1)
    opposite = cosine < -1.0 + 1e-12
    if opposite.any():
        least = np.eye(3)[np.argmin(np.abs(a), axis=-1)]
        half_turn = np.concatenate([np.zeros_like(cosine), cross(a, least)], axis=-1)
        quaternion = np.where(opposite, half_turn, quaternion)
    quaternion = quaternion / np.sqrt((quaternion * quaternion).sum(axis=-1, keepdims=True))
    return matrix_from_vector(vector_from_quaternion(quaternion))


def _rotation_between_two(source: list[float], target: list[float]) -> Float64[Array, "3 3"]:
    """`rotation_between` of one direction and another."""
    length, other = math.hypot(*source), math.hypot(*target)
    ax, ay, az = (value / length for value in source)
    bx, by, bz = (value / other for value in target)
    cosine = ax * bx + ay * by + az * bz
    w = 1.0 + cosine
    if cosine < -1.0 + 1e-12:
        sizes = (abs(ax), abs(ay), abs(az))
        bx, by, bz = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))[sizes.index(min(sizes))]
        w = 0.0
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    size = math.sqrt(w * w + x * x + y * y + z * z)
    return _matrix_of_one(*_vector_of_quaternion(w / size, x / size, y / size, z / size))


def cross(first: Array, second: Array) -> Float64[Array, "*n 3"]:
    """Cross product of vectors, as `numpy.cross` but several times faster on few of them."""
    if first.ndim == 1 and second.ndim == 1:
        a, b, c = first.tolist()
        x, y, z = second.tolist()
        return np.array([b * z - c * y, c * x - a * z, a * y - b * x], dtype=np.float64)
    a, b, c = first[..., 0], first[..., 1], first[..., 2]
    x, y, z = second[..., 0], second[..., 1], second[..., 2]
    product = np.empty(np.broadcast_shapes(first.shape, second.shape))
    product[..., 0] = b * z - c * y
    product[..., 1] = c * x - a * z
    product[..., 2] = a * y - b * x
    return product


def unit(vectors: Array) -> Array:
    """Vectors at length 1, ... × 3 (those shorter than 1e-9 stay short)."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def frame_from_axes(first: Array, second: Array) -> Float64[Array, "*n 3 3"]:
    """Right-handed orthonormal frame, as columns: along `first`, then `second` made square to it, then their cross."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    a = first / np.sqrt((first * first).sum(axis=-1, keepdims=True))
    b = second - (second * a).sum(axis=-1, keepdims=True) * a
    b = b / np.sqrt((b * b).sum(axis=-1, keepdims=True))
    frame = np.empty((*b.shape, 3))
    frame[..., 0], frame[..., 1], frame[..., 2] = a, b, cross(a, b)
    return frame


def mirror(rotations: Float64[Array, "*n 3"]) -> Float64[Array, "*n 3"]:
    """Rotation vectors seen in a mirror at x = 0 (left and right change places; the caller swaps the joints)."""
    return rotations * np.array([1.0, -1.0, -1.0])
