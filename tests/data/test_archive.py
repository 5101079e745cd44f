"""Our own .npz writer: NumPy's bytes, whatever the arrays."""

from __future__ import annotations

import io

import numpy as np
import pytest

from densesynth.arrays import Array
from densesynth.data.archive import pack_npz


def savez(arrays: dict[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"empty": np.zeros((0, 3), np.float32), "scalar": np.ones(()), "flags": np.ones((3, 2), bool)},
        {f"array_{kind}": np.arange(30).reshape(5, 6).astype(kind) for kind in ("u1", "i1", "u2", "i4", "f4", "f8")},
    ],
)
def test_the_bytes_are_numpys(arrays: dict[str, Array]) -> None:
    assert pack_npz(arrays) == savez(arrays)


def test_arrays_that_lie_otherwise_read_back_equal() -> None:
    arrays = {"turned": np.arange(12.0).reshape(3, 4).T, "thinned": np.arange(20)[::3]}
    with np.load(io.BytesIO(pack_npz(arrays))) as archive:
        assert all(np.array_equal(archive[key], array) for key, array in arrays.items())


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="pickle"):
        pack_npz({"thing": np.array([{}], dtype=object)})
