"""Official charts and CSE meshes, on seeded files of the official keys, shapes and dtypes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from official_files import Ball, make_ball, make_chart_tables, subdivide, write_mat

from densesynth.errors import AssetError
from densesynth.surface.atlas import Atlas
from densesynth.surface.closest import place_points
from densesynth.surface.cse import read_cse_mesh
from densesynth.surface.official import make_official_atlas, mirror_share, read_official_charts


@pytest.fixture(scope="module")
def ball() -> Ball:
    return make_ball()


@pytest.fixture(scope="module")
def mat(ball: Ball, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mat(tmp_path_factory.mktemp("uv") / "UV_Processed.mat", make_chart_tables(ball))


@pytest.fixture(scope="module")
def atlas(ball: Ball, mat: Path) -> Atlas:
    return make_official_atlas(read_official_charts(mat), ball.faces, ball.vertices)


def test_the_seeded_file_has_the_official_counts(ball: Ball) -> None:
    tables = make_chart_tables(ball)
    assert tables["All_vertices"].shape == (1, 7829)
    assert tables["All_Faces"].shape == (13774, 3)
    assert tables["All_FaceIndices"].shape == (13774, 1)
    assert tables["All_U_norm"].shape == tables["All_V_norm"].shape == (7829, 1)
    assert ball.faces.shape == (13776, 3)


def test_charts_are_matched_by_vertices_not_by_number(ball: Ball, atlas: Atlas) -> None:
    charted = np.setdiff1d(np.arange(13776), ball.missing)
    np.testing.assert_array_equal(atlas.part[charted], ball.part[charted])
    np.testing.assert_array_equal(atlas.uv[charted], ball.uv[charted])


def test_the_two_uncharted_faces_get_their_neighbours_chart(ball: Ball, atlas: Atlas) -> None:
    assert len(ball.missing) == 2
    np.testing.assert_array_equal(atlas.part[ball.missing], ball.part[ball.missing])
    np.testing.assert_array_equal(atlas.uv[ball.missing], ball.uv[ball.missing])


def test_points_go_round(ball: Ball, atlas: Atlas) -> None:
    rng = np.random.default_rng(1)
    face = rng.integers(0, len(ball.faces), 3000).astype(np.int32)
    barycentrics = rng.dirichlet(np.ones(3), 3000).astype(np.float32)
    found = atlas.decode(*atlas.encode(face, barycentrics))
    gap = place_points(ball.vertices, ball.faces, found) - place_points(
        ball.vertices, ball.faces, type(found)(face, barycentrics)
    )
    assert np.linalg.norm(gap, axis=1).max() < 1e-4


def test_mirror_is_its_own_inverse_and_mostly_exact(ball: Ball, atlas: Atlas) -> None:
    np.testing.assert_array_equal(atlas.mirror_vertex, np.roll(np.arange(6890), 3445))
    assert 0.95 < mirror_share(atlas) < 1.0  # faces across the middle cut their quadrilaterals along either diagonal
    rng = np.random.default_rng(2)
    face = rng.integers(0, len(ball.faces), 2000).astype(np.int32)
    barycentrics = rng.dirichlet(np.ones(3), 2000).astype(np.float32)
    mirrored = atlas.mirror(face, barycentrics)
    before = place_points(ball.vertices, ball.faces, type(mirrored)(face, barycentrics)) * (-1, 1, 1)
    gap = np.linalg.norm(place_points(ball.vertices, ball.faces, mirrored) - before, axis=1)
    assert np.quantile(gap, 0.9) < 1e-6
    assert gap.max() < 0.2
    swapped = replace(atlas, mirror_vertex=np.roll(atlas.mirror_vertex, 1))
    assert mirror_share(swapped) < 0.1


def test_a_mirror_that_the_body_file_tells_is_used(ball: Ball, mat: Path) -> None:
    told = np.roll(np.arange(6890), 3445)
    atlas = make_official_atlas(read_official_charts(mat), ball.faces, ball.vertices, told)
    np.testing.assert_array_equal(atlas.mirror_vertex, told)


@pytest.mark.parametrize(
    ("key", "cut", "said"),
    [
        ("All_vertices", np.s_[:, :-100], "truncated"),
        ("All_FaceIndices", np.s_[:-1], "truncated"),
        ("All_U_norm", None, "lacks All_U_norm"),
    ],
)
def test_truncated_tables_say_so(ball: Ball, tmp_path: Path, key: str, cut: object, said: str) -> None:
    tables = make_chart_tables(ball)
    if cut is None:
        del tables[key]
    else:
        tables[key] = tables[key][cut]
    path = write_mat(tmp_path / "UV_Processed.mat", tables)
    with pytest.raises(AssetError, match=said) as caught:
        read_official_charts(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("All_Faces", 7830), ("All_FaceIndices", 25), ("All_V_norm", 1.5)])
def test_values_out_of_range_say_so(ball: Ball, tmp_path: Path, key: str, value: float) -> None:
    tables = make_chart_tables(ball)
    tables[key][5, 0] = value
    with pytest.raises(AssetError, match=key):
        read_official_charts(write_mat(tmp_path / "uv.mat", tables))


def test_a_file_of_fewer_faces_or_another_mesh_is_refused(ball: Ball, mat: Path, tmp_path: Path) -> None:
    tables = make_chart_tables(ball)
    for key in ("All_Faces", "All_FaceIndices"):
        tables[key] = tables[key][:9000]
    charts = read_official_charts(write_mat(tmp_path / "short.mat", tables))
    with pytest.raises(AssetError, match=r"4776 of the body's 13776 triangles are in no chart.*13774"):
        make_official_atlas(charts, ball.faces, ball.vertices)
    with pytest.raises(AssetError, match="SMPL's topology"):
        make_official_atlas(read_official_charts(mat), ball.faces[:10], ball.vertices[:100])


def test_damaged_files_end_in_one_line(mat: Path, tmp_path: Path) -> None:
    content = mat.read_bytes()
    rng = np.random.default_rng(3)
    path = tmp_path / "UV_Processed.mat"
    for length in (0, 50, 127, 200, 5000, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(AssetError):
            read_official_charts(path)
    for _ in range(20):
        damaged = bytearray(content)
        damaged[int(rng.integers(128, len(content)))] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_official_charts(path)
        except AssetError as error:
            assert "\n" not in str(error)  # noqa: PT017 (some damage is harmless)
    with pytest.raises(AssetError, match="can't be read"):
        read_official_charts(tmp_path / "absent.mat")


def test_cse_vertices_lie_on_corners_and_edge_middles(ball: Ball, atlas: Atlas, tmp_path: Path) -> None:
    faces, vertices = subdivide(ball.faces, ball.vertices)
    assert (len(vertices), len(faces)) == (27554, 55104)
    path = tmp_path / "smpl_27554.pkl"
    # Another body's shape: placing by topology doesn't mind.
    path.write_bytes(pickle.dumps({"vertices": vertices * (1, 2, 3), "faces": faces}, 2))
    mesh = read_cse_mesh(path, atlas)
    assert mesh.name == "smpl_27554"
    np.testing.assert_allclose(mesh.rest, vertices, atol=1e-6)
    rng = np.random.default_rng(4)
    face = rng.integers(0, len(ball.faces), 500).astype(np.int32)
    barycentrics = rng.dirichlet(np.ones(3), 500).astype(np.float32)
    points = place_points(ball.vertices, ball.faces, type(mesh.located)(face, barycentrics))
    nearest = np.linalg.norm(points[:, None] - vertices, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(mesh.nearest(atlas, face, barycentrics), nearest)
    np.testing.assert_array_equal(mesh.nearest(atlas, *mesh.located), np.arange(27554))


def test_another_cse_mesh_is_placed_by_nearest_points(ball: Ball, atlas: Atlas, tmp_path: Path) -> None:
    kept = np.random.default_rng(5).permutation(6890)[:5000]
    turned = ball.vertices[kept] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)  # ours → SMPL's axes
    path = tmp_path / "mesh.npz"
    np.savez(path, vertices=turned, faces=np.arange(4998).reshape(-1, 3))
    np.testing.assert_allclose(read_cse_mesh(path, atlas).rest, ball.vertices[kept], atol=1e-6)
    np.savez(path, vertices=turned[:300] * 1.3, faces=np.arange(300).reshape(-1, 3))
    with pytest.raises(AssetError, match="off the body"):
        read_cse_mesh(path, atlas)
    np.savez(path, points=turned)
    with pytest.raises(AssetError, match="`vertices` and `faces`"):
        read_cse_mesh(path, atlas)
