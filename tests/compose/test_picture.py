"""What belongs to the picture stays out of the labels, and anti-aliasing out of all but the edges."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.config import recipe_from_table
from densesynth.data.record import FrameRecord
from densesynth.frames import Generator


def make(**picture: object) -> FrameRecord:
    table = {
        "picture": {"width": 128, "height": 128, "noise": [0, 0], **picture},
        "people": {"count": [1, 1]},
        "furniture": {"seats": False},  # whose edges aren't people's
    }
    return Generator(recipe_from_table(table, "test")).frame(11, 2)


@pytest.fixture(scope="module")
def plain() -> FrameRecord:
    return make()


def test_noise_changes_the_picture_and_no_label(plain: FrameRecord) -> None:
    noisy = make(noise=[0.03, 0.03])
    assert np.array_equal(noisy.iuv, plain.iuv)
    assert noisy.annotations == plain.annotations
    difference = noisy.picture.astype(float) - plain.picture
    assert 2.0 < difference.std() < 15.0


def test_edge_samples_change_edges_alone(plain: FrameRecord) -> None:
    hard = make(edge_samples=1)
    assert np.array_equal(hard.iuv, plain.iuv)
    assert hard.annotations == plain.annotations
    changed = (hard.picture != plain.picture).any(axis=2)
    inside = plain.segmentation[..., 0] > 0
    assert 0 < changed.mean() < 0.1
    # far from people nothing changes: grow the mask by two pixels
    grown = inside.copy()
    for axis in (0, 1):
        for step in (-2, -1, 1, 2):
            grown |= np.roll(inside, step, axis)
    assert not (changed & ~grown & ~np.roll(grown, 1, 0) & ~np.roll(grown, -1, 0)).any()


def test_people_are_lit_and_stand_out(plain: FrameRecord) -> None:
    person = plain.picture[plain.segmentation[..., 0] > 0]
    assert person.std() > 5
    assert 10 < person.mean() < 245


def test_harmonised_people_are_as_bright_as_before() -> None:
    table = {"picture": {"width": 128, "height": 128, "noise": [0, 0]}, "people": {"count": [1, 1]}}
    plain = Generator(recipe_from_table(table, "test")).frame(9, 1)
    frame = Generator(recipe_from_table({**table, "harmonise": {"method": "reinhard"}}, "test")).frame(9, 1)
    person = plain.segmentation[..., 0] > 0
    assert frame.harmonise is not None
    assert not frame.harmonise.rejected
    assert 0.4 < frame.picture[person].mean() / plain.picture[person].mean() < 2.5
