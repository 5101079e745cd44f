"""Where kernels run: Warp started without its greetings, and devices by name."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import warp as wp

from densesynth.errors import DeviceError


@cache
def start_warp() -> None:
    """Start Warp quietly; every entry to code that launches kernels calls this first.

    Warp tells on standard output which devices it found, and its native library tells on standard error that there is
    no CUDA driver. Neither is the user's business: `choose_device` says so where a GPU was asked for.
    """
    wp.config.log_level = wp.LOG_WARNING
    error_stream = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        wp.init()
    finally:
        os.dup2(error_stream, 2)
        os.close(error_stream)
        os.close(nowhere)


def choose_device(name: str) -> str:
    """'cpu' or 'cuda' → Warp's name of that device.

    Raises DeviceError when the device isn't there: a run asked for on a GPU never falls back to the CPU unseen.
    """
    start_warp()
    if name == "cpu":
        return "cpu"
    if name != "cuda":
        raise DeviceError(f"device: expected 'cpu' or 'cuda', found {name!r}")
    if not wp.is_cuda_available():
        raise DeviceError(
            "device 'cuda': no CUDA device or driver was found on this machine; "
            "install the NVIDIA driver or use --device cpu"
        )
    return "cuda:0"


def kernels_are_compiled() -> bool:
    """Whether this machine's cache holds kernels of ours, so that the first frame won't wait for the compiler."""
    start_warp()
    folder = wp.config.kernel_cache_dir
    return folder is not None and any(Path(folder).glob("wp_densesynth.render*"))


def address(array: Any) -> int:
    """Where a C-contiguous array's values begin, for CPU kernels that take arrays so. The caller keeps it alive."""
    if not array.flags.c_contiguous:
        raise ValueError("expected an array whose values lie in a row")
    return int(array.ctypes.data)
