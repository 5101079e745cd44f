"""Distances against known ones on a plane and a sphere; DensePose's file read without loading it."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from densesynth.errors import AssetError
from densesynth.surface import geodesic
from densesynth.surface.geodesic import MeshDistances, TriangleDistances, read_official_distances


def sphere(count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    points = np.stack([np.cos(turn) * np.sqrt(1 - z**2), np.sin(turn) * np.sqrt(1 - z**2), z], axis=1)
    return points, ConvexHull(points).simplices.astype(np.int64)


def plane(side: int = 40) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1) / side
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = [[corner, corner + 1, corner + side], [corner + 1, corner + side + 1, corner + side]]
    return points.astype(np.float64), np.concatenate([np.stack(face, axis=1) for face in faces])


@pytest.mark.parametrize("make", [sphere, plane])
def test_computed_distances_are_near_the_true_ones(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    points, faces = make()
    distances = MeshDistances(points, faces, tmp_path)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, len(points), 4000), rng.integers(0, len(points), 4000)
    a = a[np.arange(4000) % 50]  # few sources
    found = distances.between(a, b)
    if make is sphere:
        true = np.arccos(np.clip((points[a] * points[b]).sum(axis=1), -1, 1))
    else:
        true = np.linalg.norm(points[a] - points[b], axis=1)
    far = true > 0.2
    ratio = found[far] / true[far]
    assert ratio.min() > 0.999
    assert ratio.mean() < 1.003
    assert ratio.max() < 1.012
    np.testing.assert_array_equal(MeshDistances(points, faces, tmp_path).between(a, b), found)  # from disk
    assert (distances.between(a, a) == 0.0).all()


def test_pieces_are_tied_together(tmp_path: Path) -> None:
    points, faces = sphere(200)
    both = np.concatenate([points, points + np.array([5.0, 0.0, 0.0])])
    distances = MeshDistances(both, np.concatenate([faces, faces + 200]), tmp_path)
    assert np.isfinite(distances.between(np.zeros(400, np.int64), np.arange(400))).all()


def triangle(count: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(0).normal(size=(count, 3))
    i, j = np.tril_indices(count, -1)
    return points, np.linalg.norm(points[i] - points[j], axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("window", [1 << 28, 4096])
def test_official_layout(tmp_path: Path, dtype: type, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geodesic, "_WINDOW", window)
    points, values = triangle(700)
    path = tmp_path / "Pdist_matrix.pkl"
    for protocol in (2, 4, 5):
        path.write_bytes(pickle.dumps({"Pdist_matrix": values.astype(dtype)[:, None]}, protocol))
        distances = read_official_distances(path)
        assert distances.vertices == 700
        rng = np.random.default_rng(1)
        a, b = rng.integers(0, 700, (2, 5000))
        np.testing.assert_allclose(
            distances.between(a, b), np.linalg.norm(points[a] - points[b], axis=1), rtol=3e-7, atol=0
        )


def python_2_pickle(values: np.ndarray) -> bytes:
    """As Python 2's cPickle writes `{"Pdist_matrix": array}` with protocol 2: the data as a byte string."""
    raw = values.tobytes()
    rows = struct.pack("<i", len(values))
    return (
        b"\x80\x02}U\x0cPdist_matrixcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J" + rows + b"K\x01\x86cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tbs."
    )  # fmt: skip


def test_the_file_stays_on_disk(tmp_path: Path) -> None:
    points, values = triangle(900)
    path = tmp_path / "Pdist_matrix.pkl"
    path.write_bytes(python_2_pickle(values.astype(np.float32)))
    distances = read_official_distances(path)
    base = distances.values
    while isinstance(base, np.ndarray):
        base = base.base
    assert type(base).__name__ == "memoryview"  # of the mapped file
    assert distances.between(np.array([5]), np.array([800]))[0] == pytest.approx(
        np.linalg.norm(points[5] - points[800]), rel=1e-6
    )


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no such file"):
        read_official_distances(tmp_path / "Pdist_matrix.pkl")
    (tmp_path / "p.pkl").write_bytes(pickle.dumps({"other": 1}))
    with pytest.raises(AssetError, match="no `Pdist_matrix`"):
        read_official_distances(tmp_path / "p.pkl")
    whole = python_2_pickle(triangle(900)[1].astype(np.float32))
    (tmp_path / "p.pkl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssetError, match="cut off"):
        read_official_distances(tmp_path / "p.pkl")
    with pytest.raises(AssetError, match="expected n"):
        TriangleDistances(np.zeros(11), "file")
    with pytest.raises(AssetError, match="different meshes"):
        TriangleDistances(np.zeros(10), "file").between(np.array([5]), np.array([0]))
