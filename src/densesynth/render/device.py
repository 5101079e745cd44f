"""Which device the kernels run on, and the one place where Warp is told to be quiet."""

from __future__ import annotations

import warp as wp

from densesynth.errors import DeviceError

wp.config.quiet = True  # Warp's banner isn't the user's business; choose_device says what went wrong instead


def choose_device(name: str) -> str:
    """'cpu' or 'cuda' → Warp's name of that device.

    Raises DeviceError when the device isn't there: a run asked for on a GPU never falls back to the CPU unseen.
    """
    if name == "cpu":
        return "cpu"
    if name != "cuda":
        raise DeviceError(f"device: expected 'cpu' or 'cuda', found {name!r}")
    if not wp.is_cuda_available():
        raise DeviceError(
            "device 'cuda': no CUDA device or driver was found on this machine;"
            " install the NVIDIA driver or use --device cpu"
        )
    return "cuda:0"
