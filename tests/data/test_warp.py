"""Labels follow the picture through every map, and a flip done twice is no flip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densesynth.data.samples import PointLabels, Sample, SurfaceMaps
from densesynth.data.warp import chain, fit_box, flip, warp_sample
from densesynth.surface.mirror import mirror_atlas
from densesynth.surface.parts import COARSE_MIRROR, FINE_MIRROR

MIRRORS = {"densesynth": mirror_atlas, "densepose": mirror_atlas}


def make_sample(seed: int = 0, height: int = 40, width: int = 60) -> Sample:
    """Two rectangles of people full of random labels, in multiples of 1/256 so that 1 − (1 − u) is exact."""
    rng = np.random.default_rng(seed)
    instance = np.zeros((height, width), np.uint8)
    instance[5:30, 4:20], instance[10:38, 30:55] = 1, 2
    body = instance > 0
    part = (rng.integers(1, 25, instance.shape) * body).astype(np.uint8)
    u, v = (np.where(body, rng.integers(0, 257, body.shape) / 256, 0).astype(np.float32) for _ in range(2))
    rest = np.where(body[..., None], rng.normal(size=(height, width, 3)), 0).astype(np.float32)
    ys, xs = np.nonzero(body)
    at = rng.choice(len(ys), 30, replace=False)
    y, x = ys[at], xs[at]
    points = PointLabels(
        person=instance[y, x].astype(np.int64),
        x=(x + 0.5).astype(np.float32),
        y=(y + 0.5).astype(np.float32),
        part=part[y, x],
        u=u[y, x],
        v=v[y, x],
    )
    return Sample(
        name="made",
        picture=rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        boxes=np.array([[4, 5, 20, 30], [30, 10, 55, 38]], np.float32),
        instance=instance,
        surface=SurfaceMaps(part=part, u=u, v=v, rest=rest),
        coarse=(rng.integers(1, 15, body.shape) * body).astype(np.uint8),
        has_coarse=(True, False),
        points=points,
    )


def maps_of(sample: Sample) -> dict[str, np.ndarray]:
    assert sample.surface is not None
    return {"picture": sample.picture, "instance": sample.instance, "coarse": sample.coarse, **vars(sample.surface)}


def check_points_agree(sample: Sample) -> None:
    """Each point says what the maps say under it."""
    points, surface = sample.points, sample.surface
    assert points is not None
    assert surface is not None
    y, x = points.y.astype(int), points.x.astype(int)
    assert np.array_equal(surface.part[y, x], points.part)
    assert np.array_equal(surface.u[y, x], points.u)
    assert np.array_equal(surface.v[y, x], points.v)
    assert np.array_equal(sample.instance[y, x], points.person)


def test_flipping_twice_changes_nothing() -> None:
    sample = make_sample()
    once = warp_sample(sample, flip(60), (60, 40), MIRRORS)
    twice = warp_sample(once, flip(60), (60, 40), MIRRORS)
    for name, value in maps_of(sample).items():
        assert np.array_equal(maps_of(twice)[name], value), name
        assert not np.array_equal(maps_of(once)[name], value), name
    assert np.array_equal(twice.boxes, sample.boxes)
    for name, value in vars(sample.points).items():
        assert np.array_equal(getattr(twice.points, name), value)
    check_points_agree(once)


def test_flip_mirrors_parts_and_template() -> None:
    sample = make_sample()
    once = warp_sample(sample, flip(60), (60, 40), MIRRORS)
    assert np.array_equal(once.surface.part, FINE_MIRROR[sample.surface.part[:, ::-1]])
    assert np.array_equal(once.coarse, COARSE_MIRROR[sample.coarse[:, ::-1]])
    assert np.array_equal(once.surface.rest, sample.surface.rest[:, ::-1] * np.float32([-1, 1, 1]))
    assert np.array_equal(once.boxes[0], [40, 5, 56, 30])


@settings(max_examples=20, deadline=None)
@given(st.integers(-12, 12), st.integers(-12, 12))
def test_shift_moves_everything_alike(dx: int, dy: int) -> None:
    sample = make_sample()
    moved = warp_sample(sample, np.array([[1.0, 0, dx], [0, 1.0, dy]]), (60, 40), MIRRORS)
    for y, x in ((20, 10), (25, 40), (12, 50)):
        if 0 <= y + dy < 40 and 0 <= x + dx < 60:
            for name, value in maps_of(sample).items():
                if name != "instance":
                    assert np.array_equal(maps_of(moved)[name][y + dy, x + dx], value[y, x]), name
    check_points_agree(moved)
    assert moved.instance.max() == len(moved.boxes)


def test_quarter_turn() -> None:
    sample = make_sample()
    turned = warp_sample(sample, np.array([[0.0, -1.0, 40.0], [1.0, 0.0, 0.0]]), (40, 60), MIRRORS)
    for name, value in maps_of(sample).items():
        assert np.array_equal(maps_of(turned)[name], np.rot90(value, -1)), name
    check_points_agree(turned)
    assert turned.boxes.tolist() == [[10, 4, 35, 20], [2, 30, 30, 55]]


def test_people_who_leave_are_dropped_and_the_others_renumbered() -> None:
    moved = warp_sample(make_sample(), np.array([[1.0, 0, -25], [0, 1.0, 0]]), (40, 40), MIRRORS)
    assert moved.boxes.tolist() == [[5, 10, 30, 38]]
    assert set(np.unique(moved.instance)) == {0, 1}
    assert moved.has_coarse == (False,)
    assert set(moved.points.person) == {1}
    nobody = warp_sample(make_sample(), np.array([[1.0, 0, 500], [0, 1.0, 0]]), (40, 40), MIRRORS)
    assert nobody.boxes.shape == (0, 4)
    assert not nobody.instance.any()
    assert len(nobody.points.x) == 0


@pytest.mark.parametrize("over", [False, True])
def test_fit_box_brings_the_box_to_the_middle(over: bool) -> None:
    box = np.array([10, 20, 30, 60], np.float32)
    affine = fit_box(box, 100, margin=0.125, over=over)
    corners = affine @ np.array([[10, 30], [20, 60], [1, 1]])
    expected = [[70, 30], [10, 90]] if over else [[30, 70], [10, 90]]
    assert np.allclose(corners, expected)
    assert np.allclose(chain(flip(100), chain(flip(100), affine)), affine)
