"""Atomic writing, readable errors, and readers that notice damage."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from densesynth.data import files
from densesynth.data.files import (
    encode_arrays,
    encode_jpeg,
    encode_png,
    make_folder,
    read_arrays,
    read_picture,
    write_bytes,
)
from densesynth.errors import DatasetError

PICTURE = (np.mgrid[:40, :60].sum(axis=0)[..., None] * (1, 2, 3) % 256).astype(np.uint8)


def failing(code: int) -> object:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("durable", [False, True])
def test_writing_replaces_and_leaves_nothing_else(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.bin"
    for content in (b"old", b"", b"new"):
        write_bytes(path, content, durable=durable)
        assert path.read_bytes() == content
        assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "disk is full; free some space"),
        (errno.EACCES, "not allowed to write"),
        (errno.EROFS, "not allowed to write"),
        (errno.EIO, "can't be written"),
    ],
)
@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_failed_write_keeps_the_old_file_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str, where: str
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os, where, failing(code))
    with pytest.raises(DatasetError, match=advice) as caught:
        write_bytes(path, b"new", durable=True)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_really_full_disk(tmp_path: Path) -> None:
    """/dev/full refuses every byte."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError) as caught:  # noqa: PT011
        full.write(b"x")
    assert "disk is full" in files.explain_write_error(tmp_path / "x", caught.value)


def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.bin", b"new")
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for path in (tmp_path / "x", tmp_path / "x" / "y"):
        with pytest.raises(DatasetError, match="in the way"):
            make_folder(path)


def test_png_is_lossless_and_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(PICTURE))
    assert np.array_equal(read_picture(path), PICTURE)


def test_jpeg_is_close_and_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    flat = np.full((32, 32, 3), (200, 100, 30), np.uint8)
    path.write_bytes(encode_jpeg(flat, 95))
    assert np.abs(read_picture(path).astype(int) - flat).max() <= 3
    assert len(encode_jpeg(PICTURE, 30)) < len(encode_jpeg(PICTURE, 95))


@settings(deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True), kind=st.sampled_from([".png", ".jpg", ".npz.zst"]))
def test_cut_off_files_are_refused(tmp_path_factory: pytest.TempPathFactory, share: float, kind: str) -> None:
    content = {".png": encode_png(PICTURE), ".jpg": encode_jpeg(PICTURE, 90)}.get(kind) or encode_arrays({"a": PICTURE})
    path = tmp_path_factory.mktemp("cut") / f"a{kind}"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match="damaged or cut off"):
        read_arrays(path) if kind == ".npz.zst" else read_picture(path)


@settings(deadline=None, max_examples=60)
@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), kind=st.sampled_from([".png", ".npz.zst"]))
def test_a_changed_byte_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: float, flip: int, kind: str
) -> None:
    """Both formats carry checksums. A byte outside what they cover (a zstd header flag) may change without effect."""
    content = bytearray(encode_png(PICTURE) if kind == ".png" else encode_arrays({"a": PICTURE}))
    content[int(at * len(content))] ^= flip
    path = tmp_path_factory.mktemp("flip") / f"a{kind}"
    path.write_bytes(content)
    with contextlib.suppress(DatasetError):
        found = read_picture(path) if kind == ".png" else read_arrays(path)["a"]
        assert np.array_equal(found, PICTURE)


def test_readers_name_a_missing_file(tmp_path: Path) -> None:
    for read in (read_picture, read_arrays):
        with pytest.raises(DatasetError, match="missing"):
            read(tmp_path / "none.png")


def test_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_jpeg(PICTURE, 90))
    with pytest.raises(DatasetError, match="damaged"):
        read_picture(path)
    (tmp_path / "b.npz.zst").write_bytes(zstandard.ZstdCompressor().compress(b"no archive"))
    with pytest.raises(DatasetError, match="damaged"):
        read_arrays(tmp_path / "b.npz.zst")


def test_pickles_are_never_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        encode_arrays({"a": np.array([object()])})
    path = tmp_path / "a.npz.zst"
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{}], dtype=object))
    path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    with pytest.raises(DatasetError, match="damaged"):
        read_arrays(path)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        arrays.arrays(
            st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64]),
            arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
        ),
    )
)
def test_arrays_round_trip_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, content: dict[str, np.ndarray]) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.npz.zst"
    path.write_bytes(encode_arrays(content))
    found = read_arrays(path)
    assert found.keys() == content.keys()
    for key, value in content.items():
        assert found[key].dtype == value.dtype
        assert found[key].shape == value.shape
        assert found[key].tobytes() == value.tobytes()
    assert encode_arrays(content) == encode_arrays({key: value.copy() for key, value in content.items()})
