"""Files of `torch.save` as NumPy arrays, read without running anything of them.

Three layouts are in use: a ZIP archive of one pickle and raw storages (torch ≥ 1.6), a row of pickles followed by raw
storages (before), and a plain pickle whose tensors hold such a row each. Source: torch's serialization notes and
`pickletools` on files of each kind.
"""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from densesynth.arrays import Array
from densesynth.errors import AssetError
from densesynth.pickle_names import Name, RefusalError
from densesynth.pickles import Dialect, parse_leading_pickle

_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the older layout
_STORAGES = {
    "torch.FloatStorage": "f4", "torch.DoubleStorage": "f8", "torch.HalfStorage": "f2", "torch.LongStorage": "i8",
    "torch.IntStorage": "i4", "torch.ShortStorage": "i2", "torch.CharStorage": "i1", "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}  # fmt: skip

Names = Mapping[str, Callable[..., Any]]


def read_torch_file(path: Path, names: Names, expected: str) -> Any:
    """The value a file of `torch.save` (or of `pickle`, with tensors) holds; tensors come as NumPy arrays.

    names: what globals beyond tensors stand for, as in `pickles.Dialect`. expected: what such a file holds, for errors.
    Raises AssetError when it is missing or damaged, or names anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _parse_archive(content, str(path), names, expected)
    return _parse_row(content, str(path), names, expected)


def _parse_archive(content: bytes, source: str, names: Names, expected: str) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pickle = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
            if pickle is None:
                raise AssetError(
                    f"{source}: a ZIP file without data.pkl; expected {expected} as `torch.save` writes it"
                )
            folder = pickle.removesuffix("data.pkl")
            order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in archive.namelist() else b"little"

            def storage(kind: str, key: str, count: int) -> Array:
                raw = archive.read(f"{folder}data/{key}")
                return np.frombuffer(raw, _dtype_of(kind, order == b"little"), count)

            return _parse(archive.read(pickle), source, names, expected, storage)[0]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise AssetError(f"{source}: damaged or cut off ({error})") from None


def _parse_row(content: bytes, source: str, names: Names, expected: str) -> Any:
    """The older layout: magic number, version, machine, value, storage keys, and each storage's count and bytes."""

    def nothing(_kind: str, _key: str, _count: int) -> Array:
        raise RefusalError("the pickle keeps tensors outside itself")

    first, at = _parse(content, source, names, expected, nothing)
    if first != _MAGIC:
        return first
    little = True
    for number in range(2):
        head, length = _parse(content[at:], source, names, expected, nothing)
        at += length
        if number == 1 and isinstance(head, dict):
            little = bool(head.get("little_endian", True))
    kinds: dict[str, tuple[str, int]] = {}

    def note(kind: str, key: str, count: int) -> Array:
        kinds[key] = (kind, count)
        return np.zeros(count, _dtype_of(kind, little))

    value = content[at:]
    _, length = _parse(value, source, names, expected, note)
    keys, more = _parse(value[length:], source, names, expected, nothing)
    at += length + more
    found: dict[str, Array] = {}
    for key in keys if isinstance(keys, list) else ():
        kind, count = kinds.get(str(key), ("torch.ByteStorage", 0))
        dtype = _dtype_of(kind, little)
        if int.from_bytes(content[at : at + 8], "little") != count or at + 8 + count * dtype.itemsize > len(content):
            raise AssetError(f"{source}: damaged or cut off (storage {key})")
        found[str(key)] = np.frombuffer(content, dtype, count, at + 8)
        at += 8 + count * dtype.itemsize
    return _parse(value, source, names, expected, lambda _kind, key, _count: found[key])[0]


def _parse(
    content: bytes, source: str, names: Names, expected: str, storage: Callable[[str, str, int], Array]
) -> tuple[Any, int]:
    def load(place: Any) -> Array:
        if not isinstance(place, tuple) or len(place) < 5 or place[0] != "storage" or not isinstance(place[1], Name):
            raise RefusalError("the pickle names values outside itself that are no tensors")
        return storage(place[1].name, str(place[2]), _whole(place[4]))

    dialect = Dialect(
        names={
            **dict.fromkeys(_STORAGES, _refuse_call),
            "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
            "torch._utils._rebuild_tensor": _rebuild_tensor,
            "torch.storage._load_from_bytes": lambda raw: _parse_row(_bytes(raw), source, {}, expected),
            **names,
        },
        load=load,
        expected=expected,
    )
    return parse_leading_pickle(content, source, dialect)


def _rebuild_tensor(storage: Any, start: Any, size: Any, strides: Any, *_: Any) -> Array:
    """torch's view of a storage, as an array of its own."""
    if not isinstance(storage, np.ndarray) or len(size) != len(strides):
        raise ValueError("a tensor without its storage")
    shape, steps = tuple(_whole(n) for n in size), tuple(_whole(n) for n in strides)
    if 0 in shape:
        return np.zeros(shape, storage.dtype)
    last = _whole(start) + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if last >= storage.size:
        raise ValueError("a tensor that reaches beyond its storage")
    view = np.lib.stride_tricks.as_strided(
        storage[start:], shape, tuple(step * storage.itemsize for step in steps), writeable=False
    )
    return view.astype(storage.dtype.newbyteorder("="))


def _dtype_of(kind: str, little: bool) -> np.dtype[Any]:
    if kind not in _STORAGES:
        raise RefusalError(f"the pickle names {kind}")
    return np.dtype(_STORAGES[kind]).newbyteorder("<" if little else ">")


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= sys.maxsize:
        raise TypeError("expected a whole number")
    return value


def _bytes(raw: Any) -> bytes:
    if not isinstance(raw, bytes):
        raise TypeError("expected bytes")
    return raw


def _refuse_call(*_: Any) -> Any:
    raise RefusalError("the pickle makes a storage of its own")
