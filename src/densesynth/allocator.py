"""The C library's memory, kept for the next step instead of given back after each."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's <malloc.h>


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees; answers whether the C library can be told so (glibc's can).

    A training step on a CPU takes and frees the same few large blocks. By default each of them is a new mapping, whose
    pages the kernel fills with zeros one by one: more than a quarter of a step of the small model's crop network.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        tell = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl
        return False
    return bool(tell(_MMAP_MAX, 0)) and bool(tell(_TRIM_THRESHOLD, -1))
