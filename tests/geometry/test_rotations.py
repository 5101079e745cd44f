"""Laws of rotation vectors and matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from densesynth.geometry.rotations import (
    compose,
    frame_from_axes,
    matrix_from_vector,
    mirror,
    rotation_between,
    split_twist,
    vector_from_matrix,
)

component = st.floats(-4.0, 4.0)
vectors = st.tuples(component, component, component).map(np.array)
directions = vectors.filter(lambda v: np.linalg.norm(v) > 1e-3)


@given(vectors)
def test_matrices_agree_with_scipy(vector):
    assert np.allclose(matrix_from_vector(vector), Rotation.from_rotvec(vector).as_matrix(), atol=1e-12)


@given(vectors)
def test_vector_and_matrix_undo_each_other(vector):
    matrix = matrix_from_vector(vector)
    assert np.allclose(matrix_from_vector(vector_from_matrix(matrix)), matrix, atol=1e-9)
    assert np.linalg.norm(vector_from_matrix(matrix)) <= np.pi + 1e-9


@pytest.mark.parametrize("axis", np.vstack([np.eye(3), -np.eye(3), [[0.6, 0.8, 0.0]], [[-0.48, 0.6, 0.64]]]))
def test_half_turns_survive(axis):
    matrix = matrix_from_vector(np.pi * axis)
    assert np.allclose(matrix_from_vector(vector_from_matrix(matrix)), matrix, atol=1e-9)


def test_tiny_rotations_keep_their_digits():
    vector = np.array([1e-9, -2e-9, 3e-9])
    assert np.allclose(vector_from_matrix(matrix_from_vector(vector)), vector, rtol=1e-6, atol=0.0)


@given(vectors, vectors)
def test_composition_is_the_matrix_product(first, second):
    product = matrix_from_vector(first) @ matrix_from_vector(second)
    assert np.allclose(matrix_from_vector(compose(first, second)), product, atol=1e-9)


@given(vectors, directions)
def test_swing_after_twist_is_the_rotation(vector, axis):
    axis = axis / np.linalg.norm(axis)
    swing, twist = split_twist(vector, axis)
    product = matrix_from_vector(swing) @ matrix_from_vector(twist * axis)
    assert np.allclose(product, matrix_from_vector(vector), atol=1e-7)
    assert abs(swing @ axis) < 1e-6
    assert abs(twist) <= np.pi + 1e-9


@given(directions, directions)
def test_rotation_between_directions(source, target):
    source, target = source / np.linalg.norm(source), target / np.linalg.norm(target)
    matrix = rotation_between(source, target)
    # Half a turn away the axis hangs on rounding; the direction still arrives.
    assert np.allclose(matrix @ source, target, atol=1e-5)
    assert np.isclose(np.linalg.det(matrix), 1.0)


def test_rotation_between_opposites_is_a_half_turn():
    matrix = rotation_between(np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, -1.0]))
    assert np.allclose(matrix @ [0.0, 0.0, 1.0], [0.0, 0.0, -1.0])


@given(directions, directions)
def test_frames_are_right_handed(first, second):
    if np.linalg.norm(np.cross(first, second)) < 1e-3 * np.linalg.norm(first) * np.linalg.norm(second):
        return
    frame = frame_from_axes(first, second)
    assert np.allclose(frame.T @ frame, np.eye(3), atol=1e-9)
    assert np.isclose(np.linalg.det(frame), 1.0)
    assert np.allclose(frame[:, 0] * np.linalg.norm(first), first)


@given(vectors)
def test_mirrored_rotation_is_the_rotation_seen_in_a_mirror(vector):
    flip = np.diag([-1.0, 1.0, 1.0])
    assert np.allclose(matrix_from_vector(mirror(vector)), flip @ matrix_from_vector(vector) @ flip, atol=1e-12)


def test_one_vector_gives_the_matrix_it_gives_among_many() -> None:
    vectors = np.concatenate([np.random.default_rng(0).normal(0, 2, (50, 3)), np.zeros((1, 3)), np.full((1, 3), 1e-10)])
    many = matrix_from_vector(vectors)
    assert np.abs(np.stack([matrix_from_vector(vector) for vector in vectors]) - many).max() < 1e-15
