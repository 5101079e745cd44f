"""The table that all procedural noise is read from; the same in every run."""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Float32

NOISE_SIZE = 32  # cells of the noise's period; the kernels wrap by the same number


def make_noise_table() -> Float32[Array, "32 32 32"]:
    """Uniform values in −1..1."""
    return np.random.default_rng(20220301).uniform(-1.0, 1.0, (NOISE_SIZE,) * 3).astype(np.float32)
