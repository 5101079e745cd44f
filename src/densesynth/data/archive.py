"""NumPy's .npz, uncompressed, written in one go.

The bytes are those of `numpy.savez`, in a quarter of its time: the checksums are igzip's (docs/decisions/0004-igzip.md)
and nothing is written twice. Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 (local headers), 4.3.12 (the directory),
4.3.16 (its end), 4.5.3 (64-bit sizes); numpy.lib.format for the arrays.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from isal import isal_zlib

from densesynth.arrays import Array

_VERSION = 45  # of the format: the first with 64-bit sizes
_DATE = 33  # 1 January 1980, the earliest there is
_UNIX, _MODE = 3, 0o600 << 16
_SMALL = 2**31 - 1  # bytes; larger archives need 64-bit places in the directory too


def pack_npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays → an .npz archive in memory; the same arrays always give the same bytes. Names are ASCII.

    Raises ValueError for arrays of Python objects.
    """
    objects = any(array.dtype.hasobject for array in arrays.values())
    if objects or sum(array.nbytes for array in arrays.values()) > _SMALL // 2:
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()
    parts: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    for key, array in arrays.items():
        name = f"{key}.npy".encode("ascii")
        values = np.asarray(array, order="C")
        header = _header_of(values.dtype, values.shape)
        content = values.reshape(-1).view(np.uint8).data
        crc = isal_zlib.crc32(content, isal_zlib.crc32(header))
        size = len(header) + len(content)
        about = struct.pack("<4H", 0, 0, 0, _DATE) + struct.pack("<L", crc)
        local = struct.pack("<4sH", b"PK\3\4", _VERSION) + about
        local += struct.pack("<LLHH", 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20) + name
        local += struct.pack("<HHQQ", 1, 16, size, size)
        directory.append(
            struct.pack("<4sBBH", b"PK\1\2", _VERSION, _UNIX, _VERSION)
            + about
            + struct.pack("<LLHHHHHLL", size, size, len(name), 0, 0, 0, 0, _MODE, at)
            + name
        )
        parts += (local, header, content)
        at += len(local) + size
    count, length = len(directory), sum(map(len, directory))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, at, 0)
    return b"".join([*parts, *directory, end])


@lru_cache(maxsize=256)
def _header_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What stands before an array's values in a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()
