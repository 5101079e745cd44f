"""Files that are either whole or absent, and readers that name the file when one is damaged."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import zstandard
from isal import isal_zlib

from densesynth.arrays import Array, UInt8
from densesynth.data.archive import pack_npz
from densesynth.errors import DatasetError

TEMPORARY_SUFFIX = ".tmp"  # of half-written files, whose names also start with a dot

_ZSTD_LEVEL = -1  # a tenth more bytes than at level 1, in little more than half of the time

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_RGB8 = (8, 2, 0, 0, 0)  # bits, RGB, deflate, the five filters, not interlaced
_PNG_FILTER_UP = 2
_DEFLATE_LEVEL = 1
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file atomically: a reader sees the old file or the new one, also after a kill.

    durable: wait until the disk has it (survives a power cut). Raises DatasetError, and leaves no half-written file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # a KeyboardInterrupt must not leave it behind either
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise DatasetError(explain_write_error(path, error)) from error
        raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises DatasetError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(explain_write_error(path, error)) from error


def explain_write_error(path: Path, error: OSError) -> str:
    """One line for the user: which file, what went wrong, what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full; free some space and run the same command again, or choose another --out"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: not allowed to write here; change the folder's permissions or choose another --out"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path}: a file of that name is in the way; move it or choose another --out"
    return f"{path}: can't be written ({error.strerror or error}); choose another --out"


def read_bytes(path: Path) -> bytes:
    """A file's content. Raises DatasetError when it is missing or unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DatasetError(f"{path}: missing; run the `densesynth generate` command of this dataset again") from None
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error.strerror or error})") from None


def encode_png(picture: UInt8[Array, "h w 3"]) -> bytes:
    """RGB → PNG (W3C PNG specification), each row stored as its difference from the one above.

    Written here and not by OpenCV because igzip's deflate makes it eight times as fast, and smaller
    (docs/decisions/0004-igzip.md).
    """
    height, width = picture.shape[:2]
    rows = np.empty((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 0] = _PNG_FILTER_UP
    flat = picture.reshape(height, 3 * width)
    rows[:1, 1:] = flat[:1]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    chunks = (
        (b"IHDR", struct.pack(">II5B", width, height, *_PNG_RGB8)),
        (b"IDAT", isal_zlib.compress(rows, _DEFLATE_LEVEL)),
        (b"IEND", b""),
    )
    return _PNG_SIGNATURE + b"".join(
        b"".join((struct.pack(">I", len(body)), name, body, struct.pack(">I", isal_zlib.crc32(body, zlib.crc32(name)))))
        for name, body in chunks
    )


def encode_jpeg(picture: UInt8[Array, "h w 3"], quality: int) -> bytes:
    """RGB → JPEG of that quality (1..100)."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    if not done:  # pragma: no cover - OpenCV refuses only formats it lacks
        raise DatasetError("OpenCV can't write .jpg files; reinstall opencv-python-headless")
    return bytes(content)


def read_picture(path: Path) -> UInt8[Array, "h w 3"]:
    """A PNG or JPEG as RGB. Raises DatasetError when it is missing, cut off or damaged."""
    content = read_bytes(path)
    # OpenCV decodes what there is of a file that was cut off and says nothing, so look first.
    whole = _is_whole_png(content) if path.suffix == ".png" else _is_whole_jpeg(content)
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if whole else None
    if picture is None:
        raise DatasetError(f"{path}: damaged or cut off; delete it and run `densesynth generate` again")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _is_whole_jpeg(content: bytes) -> bool:
    return content.startswith(_JPEG_START) and content.endswith(_JPEG_END)


def _is_whole_png(content: bytes) -> bool:
    """Whether every chunk is there and matches its checksum (PNG specification, section 5)."""
    if not content.startswith(_PNG_SIGNATURE):
        return False
    view, at = memoryview(content), len(_PNG_SIGNATURE)
    while at + 12 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big")
        end = at + 12 + length
        if end > len(view) or zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return False
        if content[at + 4 : at + 8] == b"IEND":
            return end == len(view)
        at = end
    return False


def encode_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Arrays → zstandard-compressed .npz; the same arrays always give the same bytes."""
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(pack_npz(arrays))


def read_arrays(path: Path) -> dict[str, Array]:
    """A .npz.zst file's arrays. Raises DatasetError when it is missing or damaged; never unpickles."""
    content = read_bytes(path)
    try:
        plain = zstandard.ZstdDecompressor().decompress(content)
        with np.load(io.BytesIO(plain), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (zstandard.ZstdError, zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, OSError) as error:
        raise DatasetError(
            f"{path}: damaged or cut off ({error}); delete it and run `densesynth generate` again"
        ) from None
