"""The cache: what is kept comes back, keys tell everything apart, and trouble costs time only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from densesynth.cache import cache_folder, forget, holds, keep, make_key, recall


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_kept_comes_back() -> None:
    arrays = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.array([True, False])}
    assert recall("things", "one") is None
    keep("things", "one", arrays)
    found = recall("things", "one")
    assert found is not None
    assert found.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array)
        assert found[key].dtype == array.dtype
    assert recall("others", "one") is None


def test_what_begins_alike_is_forgotten_together() -> None:
    assert not holds("parts", "one")
    forget("parts", "one")
    for key in ("one-a", "one-b", "two-a"):
        keep("parts", key, {"x": np.zeros(1)})
    assert holds("parts", "one")
    forget("parts", "one")
    assert not holds("parts", "one")
    assert recall("parts", "two-a") is not None


def test_damage_and_folders_that_cannot_be_written_cost_time_only(place: Path) -> None:
    keep("things", "one", {"a": np.zeros(3)})
    (path,) = cache_folder("things").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert recall("things", "one") is None
    (place / "densesynth" / "blocked").write_text("a file in the way")
    keep("blocked", "one", {"a": np.zeros(3)})
    assert recall("blocked", "one") is None


def test_keys_tell_values_shapes_types_and_borders_apart() -> None:
    zeros = np.zeros((2, 3), np.float32)
    one = zeros.copy()
    one[1, 2] = 1e-30
    parts: list[list[str | bytes | np.ndarray]] = [
        [zeros], [one], [zeros.reshape(3, 2)], [zeros.astype(np.float64)], [zeros.view(np.int32)], ["ab", "c"],
        ["a", "bc"], ["abc"], [b"abc", b""], [],
    ]  # fmt: skip
    keys = [make_key(one) for one in parts]
    assert len(set(keys)) == len(parts)
    assert make_key([np.asfortranarray(one)]) == make_key([one])
