"""DensePose points: enough, apart, on their part, and the same for the same stream."""

from __future__ import annotations

import numpy as np
import pytest
from doll import DollBody, doll_atlas, make_atlas
from hypothesis import given, settings
from hypothesis import strategies as st

from densesynth.label.charts import ChartLabels, chart_surface
from densesynth.label.points import choose_points
from densesynth.surface.parts import FINE_TO_COARSE

# A mesh whose face k is all of fine part k + 1, so that a map of parts is a map of faces.
PARTS = np.arange(1, 25, dtype=np.uint8)
FACES = np.arange(72, dtype=np.int32).reshape(24, 3)
ATLAS = make_atlas("parts", FACES, PARTS, np.full((24, 3, 2), 0.5, np.float32), np.zeros((72, 3), np.float32))


def labels_of(instance: np.ndarray, part: np.ndarray) -> ChartLabels:
    owned = instance.reshape(-1) > 0
    face = part.reshape(-1)[owned].astype(np.int32) - 1
    return chart_surface(instance.astype(np.uint8), face, np.full((len(face), 2), 1 / 3, np.float32), ATLAS)


def check(labels: ChartLabels, people: int, chosen: tuple[np.ndarray, ...]) -> None:
    assert len(chosen) == people
    for k, rows in enumerate(chosen, start=1):
        assert (labels.instance[rows] == k).all()
        assert (np.diff(rows) > 0).all()
        pixels = np.bincount(FINE_TO_COARSE[labels.part[labels.instance == k]], minlength=15)
        points = np.bincount(FINE_TO_COARSE[labels.part[rows]], minlength=15)
        assert np.array_equal(points, np.minimum(pixels, 14))
        assert len(rows) <= 196


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    people=st.integers(1, 3),
    parts=st.integers(1, 24),
)
def test_every_part_has_as_many_points_as_it_can(seed: int, height: int, width: int, people: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    instance = rng.integers(0, people + 1, (height, width))
    labels = labels_of(instance, rng.integers(1, parts + 1, (height, width)))
    check(labels, people, choose_points(labels, people, np.random.default_rng(seed)))


def test_nobody_and_nothing() -> None:
    labels = labels_of(np.zeros((8, 8), np.uint8), np.ones((8, 8)))
    chosen = choose_points(labels, 2, np.random.default_rng(0))
    assert [len(rows) for rows in chosen] == [0, 0]
    labels = labels_of(np.ones((8, 8)), np.ones((8, 8)))
    assert [len(rows) for rows in choose_points(labels, 2, np.random.default_rng(0))] == [14, 0]


@pytest.mark.parametrize(("height", "width"), [(100, 100), (400, 20), (15, 300), (14, 1)])
def test_points_are_well_spread(height: int, width: int) -> None:
    labels = labels_of(np.ones((height, width)), np.ones((height, width)))
    best, rng = [], np.random.default_rng(1)
    for seed in range(5):
        (rows,) = choose_points(labels, 1, np.random.default_rng(seed))
        pixel = labels.pixel[rows]
        best.append(_closest(np.column_stack([pixel // width, pixel % width])))
    random = [_closest(np.column_stack([rng.integers(0, height, 14), rng.integers(0, width, 14)])) for _ in range(50)]
    # A square grid of 14 in the area would be this far apart; good samples reach half of it, random ones don't.
    ideal = min((height * width / 14) ** 0.5, max(height, width) / 14)
    assert min(best) >= max(1.0, 0.5 * ideal)
    assert np.mean(best) > 2.0 * np.mean(random)


def _closest(points: np.ndarray) -> float:
    """Distance of the two nearest points."""
    gap = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return float(gap[np.triu_indices(len(points), 1)].min())


def test_same_stream_same_points_other_stream_others() -> None:
    labels = labels_of(np.ones((80, 80)), np.repeat(np.arange(1, 11), 8)[:, None] * np.ones((1, 80), int))
    a, b, c = (choose_points(labels, 1, np.random.default_rng(seed))[0] for seed in (3, 3, 4))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_doll_has_the_atlas_it_needs() -> None:
    """The fixture itself: 24 parts, outward faces, charts without overlap."""
    body = DollBody()
    atlas = doll_atlas(body)
    assert set(atlas.part) == set(range(1, 25))
    corners = body.template[body.faces]
    centre = np.array([body.template[np.unique(body.faces[body.part == p])].mean(axis=0) for p in body.part])
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("fc,fc->f", normal, corners.mean(axis=1) - centre) > 0).all()
    for fine in range(1, 25):
        cells = np.floor(atlas.uv[atlas.part == fine].mean(axis=1) * 9).astype(int)
        assert len(np.unique(cells, axis=0)) == 80
