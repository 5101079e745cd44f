"""What is dear to compute and the same every time, kept in the user's cache folder (`$XDG_CACHE_HOME/densesynth`).

A name is a hash of everything the content depends on, so nothing in the folder ever goes stale: delete it at will.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from densesynth.arrays import Array
from densesynth.data.files import encode_arrays, make_folder, read_arrays, write_bytes
from densesynth.errors import DatasetError

_SUFFIX = ".npz.zst"


def cache_folder(kind: str) -> Path:
    """Where things of a kind are kept; `~/.cache` where `XDG_CACHE_HOME` isn't set. It may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "densesynth" / kind


def make_key(parts: Iterable[str | bytes | Array]) -> str:
    """A name for what is made from these texts, bytes and arrays (values, shapes and types of them)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            part = np.ascontiguousarray(part).tobytes()
        content = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def recall(kind: str, key: str) -> dict[str, Array] | None:
    """What was kept under a key; None where nothing is, or where it can't be read."""
    try:
        return read_arrays(cache_folder(kind) / f"{key}{_SUFFIX}")
    except DatasetError:
        return None


def keep(kind: str, key: str, arrays: dict[str, Array]) -> None:
    """Keep arrays under a key, whole or not at all. A folder that can't be written costs time and nothing else."""
    folder = cache_folder(kind)
    with contextlib.suppress(DatasetError):
        make_folder(folder)
        write_bytes(folder / f"{key}{_SUFFIX}", encode_arrays(arrays))


def holds(kind: str, prefix: str) -> bool:
    """Whether anything is kept under a key that begins so."""
    return next(cache_folder(kind).glob(f"{prefix}*{_SUFFIX}"), None) is not None


def forget(kind: str, prefix: str) -> None:
    """Remove what is kept under keys that begin so."""
    for path in cache_folder(kind).glob(f"{prefix}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()
