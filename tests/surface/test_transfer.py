"""Mapping between charts, vertices and bodies: exact against brute force, and Anny of one shape against another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from densesynth.body.anny import load_anny
from densesynth.errors import AssetError, ConfigurationError
from densesynth.surface.atlas import Atlas, load_atlas
from densesynth.surface.closest import closest_points, place_points, vertex_normals
from densesynth.surface.locate import Located
from densesynth.surface.textures import TextureLayout, locate_texels, read_obj_layout, tile_layout, transfer_texture
from densesynth.surface.transfer import (
    PosedSurface,
    iuv_from_vertices,
    locate_vertices,
    map_surface,
    vertices_from_iuv,
    warp_landmarks,
)


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return load_atlas()


def brute_distance(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Least distance of each point to some triangles: to their edges, and to their planes where it lies above them."""
    best = np.full(len(points), np.inf)
    for a, b, c in triangles:
        normal = np.cross(b - a, c - a)
        for start, end in ((a, b), (b, c), (c, a)):
            along = end - start
            share = np.clip((points - start) @ along / max(along @ along, 1e-300), 0, 1)
            best = np.minimum(best, np.linalg.norm(points - start - share[:, None] * along, axis=1))
        area = normal @ normal
        if area > 1e-20:
            foot = points - ((points - a) @ normal / area)[:, None] * normal
            sides = [np.cross(e - s, foot - s) @ normal for s, e in ((a, b), (b, c), (c, a))]
            inside = np.min(sides, axis=0) >= 0
            best = np.where(inside, np.minimum(best, np.abs((points - a) @ normal) / np.sqrt(area)), best)
    return best


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, (9, 3), elements=st.floats(-2, 2, width=32)), st.integers(0, 2**32 - 1))
def test_closest_points_are_the_closest(vertices: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 9, (7, 3)).astype(np.int32)  # degenerate ones too
    points = rng.normal(0, 2, (30, 3))
    nearest = closest_points(points, vertices, faces)
    np.testing.assert_allclose(nearest.distance, brute_distance(points, vertices[faces]), atol=1e-7)
    placed = place_points(vertices, faces, nearest.located)
    np.testing.assert_allclose(np.linalg.norm(placed - points, axis=1), nearest.distance, atol=1e-5)


def test_closest_points_on_a_real_body_come_back(atlas: Atlas) -> None:
    rng = np.random.default_rng(0)
    face = rng.integers(0, len(atlas.faces), 400).astype(np.int32)
    barycentrics = rng.dirichlet(np.ones(3), 400).astype(np.float32)
    points = place_points(atlas.rest_position, atlas.faces, Located(face, barycentrics))
    nearest = closest_points(points, atlas.rest_position, atlas.faces)
    assert nearest.distance.max() < 1e-6


def test_normals_keep_to_the_side_that_faces_the_same_way() -> None:
    """Two sheets a millimetre apart, back to back: each point belongs to the sheet it looks out of."""
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    vertices = np.concatenate([square, square - (0, 0, 0.001)])
    faces = np.array([[0, 1, 2], [0, 2, 3], [6, 5, 4], [7, 6, 4]], np.int32)
    points = np.random.default_rng(1).uniform(0.1, 0.9, (50, 3)) * (1, 1, 0) + (0, 0, 0.01)
    up, down = np.tile([0.0, 0, 1], (50, 1)), np.tile([0.0, 0, -1], (50, 1))
    assert (closest_points(points, vertices, faces, up).located.face < 2).all()
    assert (closest_points(points, vertices, faces, down).located.face >= 2).all()
    sideways = closest_points(points, vertices, faces, np.tile([1.0, 0, 0], (50, 1)))  # none faces so: nearest of all
    assert (sideways.located.face < 2).all()
    np.testing.assert_allclose(vertex_normals(vertices, faces), np.concatenate([up[:4], down[:4]]))


def test_vertices_go_to_charts_and_back(atlas: Atlas) -> None:
    vertex = np.arange(len(atlas.rest_position), dtype=np.int32)
    part, u, v = iuv_from_vertices(atlas, vertex)
    back = vertices_from_iuv(atlas, part, u, v)
    gap = np.linalg.norm(atlas.rest_position[back] - atlas.rest_position[vertex], axis=1)
    assert (back == vertex).mean() > 0.99  # others: seams that touch themselves within a chart, corners on its edge
    assert np.quantile(gap, 0.999) < 0.02
    for number in (5, 700, 9000):  # the lowest part, then the lowest face
        faces = np.flatnonzero((atlas.faces == number).any(axis=1))
        expected = faces[np.lexsort((faces, atlas.part[faces]))[0]]
        assert locate_vertices(atlas, vertex[number : number + 1]).face[0] == expected
    for wrong in (-1, len(vertex)):
        with pytest.raises(ConfigurationError, match="expected vertices"):
            iuv_from_vertices(atlas, np.array([wrong], np.int32))


def test_landmarks_land_and_affine_maps_are_exact() -> None:
    rng = np.random.default_rng(2)
    source, points = rng.normal(size=(12, 3)), rng.normal(size=(50, 3))
    matrix, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    np.testing.assert_allclose(
        warp_landmarks(points, source, source @ matrix + shift), points @ matrix + shift, atol=1e-8
    )
    target = source + rng.normal(0, 0.1, source.shape)
    doubled = np.concatenate([source, source[:3]]), np.concatenate([target, target[:3]])  # SMPL's fingers coincide
    np.testing.assert_allclose(warp_landmarks(source, *doubled), target, atol=1e-8)


def test_one_shape_of_anny_maps_to_another(atlas: Atlas) -> None:
    """The same topology twice, so the truth is known: vertex i belongs to vertex i."""
    torch.set_num_threads(1)
    body = load_anny()
    shapes = np.float32([[0.1, 0.8, 0.6, 0.5, 0.6, 0.5], [0.9, 0.8, 0.3, 0.4, 0.4, 0.5]])
    posed = body.pose(shapes, np.zeros((2, 52, 3), np.float32), np.zeros((2, 3), np.float32))
    source, target = (
        PosedSurface(posed.vertices[i], body.faces, np.concatenate([posed.joints[i], posed.keypoints[i]]).astype(float))
        for i in (0, 1)
    )
    joined = map_surface(source, target)
    outer = np.unique(atlas.faces[~atlas.interior])
    error = np.linalg.norm(place_points(target.vertices, target.faces, joined.located) - target.vertices, axis=1)[outer]
    assert np.median(error) < 0.004
    assert np.quantile(error, 0.9) < 0.02
    assert np.quantile(error, 0.99) < 0.05
    rng = np.random.default_rng(3)
    face = rng.choice(np.flatnonzero(~atlas.interior), 300).astype(np.int32)
    part, _, _ = atlas.encode(face, np.full((300, 3), 1 / 3, np.float32))
    carried, _, _ = atlas.encode(*joined.carry(face, np.full((300, 3), 1 / 3, np.float32)))
    assert (part == carried).mean() > 0.93
    unposed = PosedSurface(target.vertices, target.faces, target.landmarks[:-1])
    with pytest.raises(ConfigurationError, match="landmarks"):
        map_surface(source, unposed)


def paint(atlas: Atlas, layout: TextureLayout, height: int, width: int) -> np.ndarray:
    """A texture whose colour is the place on the template, smooth across the surface."""
    covered, located = locate_texels(layout, height, width)
    points = place_points(atlas.rest_position, atlas.faces, located)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[covered] = np.clip(127 + 120 * points, 0, 255)
    return picture


def test_textures_go_from_layout_to_layout_and_back(atlas: Atlas, tmp_path: Path) -> None:
    tiles = tile_layout(atlas)
    place = (tiles.corners + tiles.origin(tiles.tile)[:, None]) / (tiles.columns, tiles.rows)  # one picture of islands
    lines = [f"v {x} {y} {z}" for x, y, z in atlas.rest_position]
    lines += [f"vt {x:.8f} {1 - y:.8f}" for x, y in place.reshape(-1, 2)[:, [1, 0]]]  # turned over: another layout
    rows = np.random.default_rng(4).permutation(len(atlas.faces))
    lines += ["f " + " ".join(f"{atlas.faces[row, k] + 1}/{3 * row + k + 1}/1" for k in (1, 2, 0)) for row in rows]
    path = tmp_path / "body.obj"
    path.write_text("\n".join(lines))
    other = read_obj_layout(path, atlas.faces)
    np.testing.assert_allclose(other.corners, place[..., [1, 0]], atol=1e-6)

    painted = paint(atlas, tiles, 900, 600)
    expected = paint(atlas, other, 600, 900)
    found = transfer_texture(painted, tiles, other, 600, 900)
    filled = found.any(axis=2)
    np.testing.assert_array_equal(filled, expected.any(axis=2))
    off = np.abs(found[filled].astype(int) - expected[filled]).max(axis=1)
    assert np.quantile(off, 0.98) <= 6
    again = transfer_texture(found, other, tiles, 900, 600)
    filled = again.any(axis=2) & painted.any(axis=2)
    assert np.quantile(np.abs(again[filled].astype(int) - painted[filled]).max(axis=1), 0.97) <= 8

    with pytest.raises(ConfigurationError, match="join their surfaces"):
        transfer_texture(painted, tiles, TextureLayout(other.faces[:5], other.corners[:5], other.tile[:5]), 10, 10)
    with pytest.raises(AssetError, match="aren't in it"):
        read_obj_layout(path, atlas.faces[:, [0, 0, 1]])
    for bad in ("v 0 0 0\nf 1 1 1\n", "vt 0 0\nf 1/9 1/9 1/9\n", "vt x y\n", "", "vt 3 3\nv 0 0 0\nf 1/1 1/1 1/1\n"):
        path.write_text(bad)
        with pytest.raises(AssetError, match=r"body\.obj"):
            read_obj_layout(path)


def test_texture_transfer_agrees_with_a_tile_by_hand(atlas: Atlas) -> None:
    """Part 9 stands in column 1, row 2 (4 columns of 6); U runs right, V up."""
    tiles = tile_layout(atlas)
    covered, located = locate_texels(tiles, 600, 400)
    part, u, v = atlas.encode(*located)
    y, x = np.nonzero(covered)
    own = np.flatnonzero((x // 100 == 1) & (y // 100 == 2))
    assert (part[own] == 9).all()
    inside = np.hypot(u[own] - (x[own] % 100 + 0.5) / 100, v[own] - 1 + (y[own] % 100 + 0.5) / 100) < 1e-3
    assert inside.mean() > 0.8  # the rest is gutter
