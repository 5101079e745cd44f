"""Blend shapes and skinning weights as `body.kernels` reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, Float64, Int32, Int64
from densesynth.body import kernels


def pack_blocks(template: Float64[Array, "v 3"], shapes: Float64[Array, "c v 3"]) -> tuple[Any, Any]:
    """Template and blend shapes in blocks of coordinates, a block's shapes side by side, for `kernels.blend`."""
    length = template.size + -template.size % kernels.BLOCK
    blocks = np.zeros((length // kernels.BLOCK, len(shapes) + 1, kernels.BLOCK), np.float32)
    flat = np.zeros(length, np.float32)
    for number, shape in enumerate((template, *shapes)):
        flat[: template.size] = shape.reshape(-1)
        blocks[:, number] = flat.reshape(-1, kernels.BLOCK)
    return (
        wp.array(np.ascontiguousarray(blocks[:, 0]), dtype=kernels.block, device="cpu"),
        wp.array(np.ascontiguousarray(blocks[:, 1:]), dtype=kernels.block, device="cpu"),
    )


def pack_skin(
    weights: Float64[Array, "v k"], bones: Int64[Array, "v k"]
) -> tuple[Int32[Array, "n"], Int32[Array, "m"], Float32[Array, "m"]]:
    """Skinning weights without their zeros: where each vertex starts, then bones and weights in a row."""
    used = weights != 0.0
    starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))]).astype(np.int32)
    return starts, bones[used].astype(np.int32), weights[used].astype(np.float32)
