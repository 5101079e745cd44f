"""Mirrors of charts: ours against the atlas' own mirrored surface points, DensePose's against a table made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from densesynth.errors import AssetError
from densesynth.surface.atlas import load_atlas
from densesynth.surface.mirror import mirror_atlas, read_symmetry_transforms
from densesynth.surface.parts import FINE_MIRROR


def test_formula_is_the_mirrored_surface_point() -> None:
    atlas = load_atlas("anny")
    rng = np.random.default_rng(0)
    face = rng.integers(0, len(atlas.faces), 2000).astype(np.int32)
    weights = rng.dirichlet((1, 1, 1), 2000).astype(np.float32)
    expected = atlas.encode(*atlas.mirror(face, weights))
    found = mirror_atlas(*atlas.encode(face, weights))
    assert np.array_equal(found[0], expected[0])
    assert np.abs(found[1] - expected[1]).max() < 1e-5
    assert np.abs(found[2] - expected[2]).max() < 1e-5


def test_background_stays() -> None:
    zero = np.zeros(3, np.float32)
    for value in mirror_atlas(np.zeros(3, np.uint8), zero, zero):
        assert not value.any()


def write_tables(path: Path, size: int = 256) -> np.ndarray:
    tables = np.random.default_rng(1).random((24, size, size))
    cells = np.empty((1, 24), object)
    for k in range(24):
        cells[0, k] = tables[k]
    savemat(path, {"U_transforms": cells, "V_transforms": cells})
    return tables


def test_official_tables_are_read_by_row_v_and_column_u(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "t.mat")
    mirror = read_symmetry_transforms(tmp_path / "t.mat")
    part, u, v = np.array([0, 3, 24], np.uint8), np.float32([0.0, 0.5, 1.0]), np.float32([0.0, 0.25, 0.0])
    found = mirror(part, u, v)
    assert found[0].tolist() == FINE_MIRROR[part].tolist()
    assert np.allclose(found[1], [0.0, tables[2, 63, 127], tables[23, 0, 255]])


def test_small_tables_are_refused(tmp_path: Path) -> None:
    write_tables(tmp_path / "t.mat", size=100)
    with pytest.raises(AssetError, match="256"):
        read_symmetry_transforms(tmp_path / "t.mat")
