from __future__ import annotations

import platform

from densesynth.allocator import keep_freed_memory


def test_glibc_is_told() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
