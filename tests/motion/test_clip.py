"""Clips: kinematics, sampling between frames, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.motion.clip import MarkerClip, MotionClip


def make_clip(rotations: np.ndarray, rate: float = 10.0) -> MotionClip:
    count = rotations.shape[1]
    offsets = np.tile([0.0, 0.0, 0.5], (count, 1))
    root = np.linspace([0.0, 0.0, 1.0], [1.0, 2.0, 1.0], len(rotations))
    return MotionClip("clip", tuple("abcdefgh"[:count]), tuple(range(-1, count - 1)), offsets, rotations, root, rate)


def test_forward_kinematics_of_a_bent_arm():
    rotations = np.zeros((1, 3, 3))
    rotations[0, 1] = (np.pi / 2.0, 0.0, 0.0)  # z up turns to −y
    world, places = make_clip(rotations).world()
    assert np.allclose(places[0], [[0, 0, 1], [0, 0, 1.5], [0, -0.5, 1.5]])
    assert np.allclose(world[0, 2], world[0, 1])


def test_rest_is_the_pose_of_no_rotation():
    clip = make_clip(np.zeros((1, 4, 3)))
    _, places = clip.world()
    assert np.allclose(places[0] - places[0, 0], clip.rest() - clip.rest()[0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.9))
def test_sampling_at_frames_gives_the_frames_and_between_lies_between(seed, time):
    rng = np.random.default_rng(seed)
    clip = make_clip(rng.normal(0.0, 0.6, (20, 3, 3)))
    same = clip.sample(np.arange(20) / 10.0)
    assert np.array_equal(same.rotations, clip.rotations)
    assert np.array_equal(same.root, clip.root)
    low = int(time * 10.0)
    first, middle, last = (
        matrix_from_vector(r)
        for r in (clip.rotations[low], clip.sample([time]).rotations[0], clip.rotations[min(low + 1, 19)])
    )

    def angle(a, b):
        return np.arccos(np.clip((np.einsum("jab,jab->j", a, b) - 1.0) / 2.0, -1.0, 1.0))

    assert np.allclose(angle(first, middle) + angle(middle, last), angle(first, last), atol=1e-6)


def test_times_outside_are_held_and_resampling_keeps_the_duration():
    clip = make_clip(np.random.default_rng(0).normal(0.0, 0.5, (21, 2, 3)))
    assert np.array_equal(clip.sample([-3.0]).rotations[0], clip.rotations[0])
    assert np.array_equal(clip.sample([99.0]).root[0], clip.root[-1])
    twice = clip.resample(20.0)
    assert twice.frames == 41
    assert twice.duration == pytest.approx(clip.duration)
    assert np.allclose(twice.rotations[::2], clip.rotations)


def test_a_clip_without_frames_can_be_had_but_not_sampled():
    clip = make_clip(np.zeros((0, 2, 3)))
    assert clip.frames == 0
    assert clip.duration == 0.0
    with pytest.raises(AssetError, match="at least one frame"):
        clip.sample([0.0])


def test_what_is_not_finite_is_named():
    rotations = np.zeros((4, 2, 3))
    rotations[2, 1, 0] = np.nan
    with pytest.raises(AssetError, match="rotations of frame 2"):
        make_clip(rotations)
    with pytest.raises(AssetError, match="frame rate"):
        make_clip(np.zeros((1, 2, 3)), rate=0.0)
    with pytest.raises(ValueError, match="parents before"):
        MotionClip("x", ("a", "b"), (-1, 1), np.zeros((2, 3)), np.zeros((1, 2, 3)), np.zeros((1, 3)), 30.0)
    with pytest.raises(ValueError, match="once each"):
        MarkerClip("x", ("A", "A"), np.zeros((1, 2, 3)), 100.0)
