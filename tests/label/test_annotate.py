"""Charts and people from buffers: every label is a function of the surface point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from doll import DollBody, camera_at, doll_atlas, label, rotations_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from densesynth.body.body import PosedBodies
from densesynth.geometry.camera import Camera, Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.label.annotate import tight_box
from densesynth.label.charts import complete_barycentrics, pack_iuv
from densesynth.label.visibility import in_frame, pack_visible, unpack_visible
from densesynth.surface.parts import FINE_TO_COARSE

BODY = DollBody()
ATLAS = doll_atlas(BODY)
CAMERA = camera_at((0.7, -3.0, 0.5), 160, Lens(k1=-0.2, k2=0.05, p1=0.002, p2=-0.001))


def two_dolls() -> PosedBodies:
    rotations = np.stack([rotations_of(left_shoulder=(0, 1.0, 0)), rotations_of(pelvis=(0, 0, 0.6))])
    return BODY.pose(np.zeros((2, 1), np.float32), rotations, np.float32([[0, 0, 0], [0.2, 0.7, 0]]))


def test_maps_follow_the_surface_points() -> None:
    buffers, labels, _, _ = label(BODY, ATLAS, CAMERA, two_dolls())
    assert np.array_equal(labels.fine > 0, buffers.instance > 0)
    rows, columns = np.divmod(labels.pixel, 160)
    assert np.array_equal(labels.fine[rows, columns], BODY.part[buffers.face[rows, columns]])
    assert np.array_equal(labels.coarse, FINE_TO_COARSE[labels.fine])
    assert np.array_equal(labels.iuv[:, :, 0], labels.fine)
    assert (labels.iuv[buffers.instance == 0] == 0).all()
    bary = buffers.barycentrics[rows, columns].astype(np.float64)
    uv = np.einsum("nk,nkc->nc", bary, ATLAS.uv[labels.face])
    np.testing.assert_allclose(np.column_stack([labels.u, labels.v]), uv, atol=1e-6)
    off = labels.iuv[rows, columns, 1:] - uv * 255
    assert off.max() <= 1e-3
    assert off.min() > -1 - 1e-3


def test_people_own_their_pixels() -> None:
    buffers, labels, people, visible = label(BODY, ATLAS, CAMERA, two_dolls())
    assert [person.instance for person in people] == [1, 2]
    for person in people:
        assert np.array_equal(person.mask, buffers.instance == person.instance)
        assert person.area == person.mask.sum()
        assert np.array_equal(person.coarse, labels.coarse * person.mask)
        x, y, w, h = person.bbox
        outside = person.mask.copy()
        outside[int(y) : int(y + h), int(x) : int(x + w)] = False
        assert not outside.any()
        covered = (buffers.coverage >> (person.instance - 1) & 1).sum()
        assert person.occluded == pytest.approx(1 - person.area / covered)
        assert np.array_equal(person.visible_vertices, visible[person.instance - 1])
        assert person.ref_model == "doll"
    assert people[0].occluded == 0.0 < people[1].occluded


def test_dense_points_tell_the_surface_point_of_their_pixel() -> None:
    _, labels, people, _ = label(BODY, ATLAS, CAMERA, two_dolls())
    posed = two_dolls()
    for person in people:
        points = person.points
        assert (points.x % 1 == 0.5).all()
        assert (points.y % 1 == 0.5).all()
        row, column = points.y.astype(int), points.x.astype(int)
        assert person.mask[row, column].all()
        assert np.array_equal(points.part, labels.fine[row, column])
        # The vertex is near where the pixel looks: within the largest edge of the doll's faces.
        vertex = posed.vertices[person.instance - 1][points.vertex]
        gap = np.linalg.norm(CAMERA.project(vertex) - np.column_stack([points.x, points.y]), axis=1)
        assert gap.max() < 12.0


def test_the_hidden_have_no_annotation() -> None:
    posed = BODY.pose(
        np.float32([[0], [-5]]), np.zeros((2, 52, 3), np.float32), np.float32([[0, 0, 0.05], [0, 0.55, 0.05]])
    )
    camera = camera_at((0.0, -3.0, 0.0), 160)
    buffers, _, people, _ = label(BODY, ATLAS, camera, posed)
    if (buffers.instance == 2).any():  # whatever shows of the second doll, it is annotated iff it shows
        assert len(people) == 2
    behind = BODY.pose(
        np.zeros((2, 1), np.float32), np.zeros((2, 52, 3), np.float32), np.float32([[0, 0, 0], [0, 9, -9]])
    )
    _, _, people, _ = label(BODY, ATLAS, camera, behind)
    assert [person.instance for person in people] == [1]


def test_an_empty_picture_has_nobody() -> None:
    away = BODY.pose(np.zeros((1, 1), np.float32), np.zeros((1, 52, 3), np.float32), np.float32([[0, 20, 20]]))
    _, labels, people, _ = label(BODY, ATLAS, camera_at((0, -3, 0)), away)
    assert people == ()
    assert not labels.iuv.any()


def test_labels_depend_on_the_stream_of_points_alone() -> None:
    first, again, other = (label(BODY, ATLAS, CAMERA, two_dolls(), seed)[2] for seed in (1, 1, 2))
    assert np.array_equal(first[0].points.x, again[0].points.x)
    assert not np.array_equal(first[0].points.x, other[0].points.x)
    assert np.array_equal(first[0].keypoints, other[0].keypoints)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_tight_box_is_the_smallest(mask: np.ndarray) -> None:
    box = tight_box(mask)
    rows, columns = np.nonzero(mask)
    if not len(rows):
        assert box is None
        return
    assert box == (columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())


@given(st.lists(st.floats(-0.5, 1.5, width=32), min_size=1, max_size=30))
def test_packing_clamps_then_truncates(values: list[float]) -> None:
    u = np.array(values, dtype=np.float32)
    packed = pack_iuv(np.full(len(u), 7, np.uint8), u, np.ones_like(u))
    assert (packed[:, 0] == 7).all()
    assert (packed[:, 2] == 255).all()
    assert np.array_equal(packed[:, 1], np.floor(np.clip(u * np.float32(255), 0, 255)).astype(np.uint8))


def test_third_barycentric_sums_to_one() -> None:
    weights = np.random.default_rng(0).dirichlet((1, 1, 1), 1000).astype(np.float32)
    full = complete_barycentrics(weights[:, :2])
    assert full.dtype == np.float32
    np.testing.assert_allclose(full.sum(axis=1), 1.0, atol=3e-7)
    assert np.array_equal(full[:, :2], weights[:, :2])


@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_visible_vertices_round_trip(people: int, vertices: int, seed: int) -> None:
    visible = np.random.default_rng(seed).random((people, vertices)) < 0.5
    assert np.array_equal(unpack_visible(pack_visible(visible), vertices), visible)


def test_in_frame_agrees_with_unprojection() -> None:
    """A point is inside iff it lies on the ray of a point of the picture, folding lens or not."""
    camera: Camera = camera_at((0, -3, 0), 100, Lens(k1=-0.3, k2=0.02))
    rng = np.random.default_rng(0)
    inside = camera.unproject(rng.uniform(0.5, 99.5, (500, 2))) * rng.uniform(0.5, 9, (500, 1))
    assert in_frame(camera, inside).all()
    assert not in_frame(camera, -inside).any()
    fisheye: Camera = replace(camera, lens=Fisheye(k1=0.02, k2=-0.3), fx=120.0, fy=120.0)
    bent = fisheye.unproject(rng.uniform(0.5, 99.5, (500, 2))) * rng.uniform(0.5, 9, (500, 1))
    assert in_frame(fisheye, bent).all()
    assert not in_frame(fisheye, -bent).any()
    aside = np.column_stack([np.linspace(8.0, 90.0, 200), np.zeros(200), np.ones(200)])
    back = fisheye.project_from_camera(aside)
    assert ((back >= 0) & (back < 100)).all(axis=1).any()
    assert not in_frame(fisheye, aside).any()
    # Far outside, the polynomial turns back and projects into the frame.
    ideal = np.column_stack([np.linspace(1.0, 3.0, 200), np.zeros(200), np.ones(200)])
    folded = camera.project_from_camera(ideal)
    assert ((folded >= 0) & (folded < 100)).all(axis=1).any()
    assert not in_frame(camera, ideal).any()
