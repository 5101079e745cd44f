"""Chart labels of a whole picture: every labelled pixel's surface point, told as part, U and V."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, Int32, Int64, UInt8
from densesynth.device import address, start_warp
from densesynth.label.kernels import chart_kernel
from densesynth.render.buffers import Buffers
from densesynth.surface.atlas import Atlas
from densesynth.surface.parts import FINE_TO_COARSE


@dataclass(frozen=True, kw_only=True)
class ChartLabels:
    """The labelled pixels in row order, n of them, and the maps made from them.

    pixel: index into the flattened picture, rising. instance: from 1. face, barycentrics: the surface point; the third
    barycentric is recomputed as 1 − b0 − b1 in float32, because files keep two, and a label is a function of what is
    kept. part: fine, 1..24. u, v: in [0, 1]. fine, coarse: maps, 0 = background. iuv: DensePose's packing, channels
    (I, U·255, V·255), clamped, then truncated.
    """

    pixel: Int64[Array, "n"]
    instance: UInt8[Array, "n"]
    face: Int32[Array, "n"]
    barycentrics: Float32[Array, "n 3"]
    part: UInt8[Array, "n"]
    u: Float32[Array, "n"]
    v: Float32[Array, "n"]
    fine: UInt8[Array, "h w"]
    coarse: UInt8[Array, "h w"]
    iuv: UInt8[Array, "h w 3"]


def label_charts(buffers: Buffers, atlas: Atlas) -> ChartLabels:
    """Surface points → chart labels, on the CPU. Every mesh in the picture must have the atlas's topology."""
    start_warp()
    shape = buffers.instance.shape
    count = int(np.count_nonzero(buffers.instance != 0))
    labels = ChartLabels(
        pixel=np.empty(count, np.int64),
        instance=np.empty(count, np.uint8),
        face=np.empty(count, np.int32),
        barycentrics=np.empty((count, 3), np.float32),
        part=np.empty(count, np.uint8),
        u=np.empty(count, np.float32),
        v=np.empty(count, np.float32),
        fine=np.zeros(shape, np.uint8),
        coarse=np.zeros(shape, np.uint8),
        iuv=np.zeros((*shape, 3), np.uint8),
    )
    read = (buffers.instance, buffers.face, buffers.barycentrics, atlas.part, atlas.uv, FINE_TO_COARSE)
    written = np.array([address(array) for array in vars(labels).values()], dtype=np.uint64)
    inputs = [buffers.instance.size, *(address(array) for array in read), address(written)]
    wp.launch(chart_kernel, 1, inputs, device="cpu")
    return labels


def chart_surface(
    instance: UInt8[Array, "h w"], face: Int32[Array, "n"], first_two: Float32[Array, "n 2"], atlas: Atlas
) -> ChartLabels:
    """The same from what files keep: the instance map, and face and (b0, b1) of its labelled pixels in row order.

    In NumPy, so that an audit doesn't trust the kernel that made the labels.
    """
    pixel = np.flatnonzero(instance != 0)
    barycentrics = complete_barycentrics(first_two)
    part, u, v = atlas.encode(face, barycentrics)
    return ChartLabels(
        pixel=pixel.astype(np.int64, copy=False),
        instance=instance.reshape(-1)[pixel],
        face=face,
        barycentrics=barycentrics,
        part=part,
        u=u,
        v=v,
        fine=_scatter(part, pixel, instance.shape),
        coarse=_scatter(FINE_TO_COARSE[part], pixel, instance.shape),
        iuv=_scatter(pack_iuv(part, u, v), pixel, instance.shape),
    )


def complete_barycentrics(first_two: Float32[Array, "n 2"]) -> Float32[Array, "n 3"]:
    """(b0, b1) → (b0, b1, 1 − b0 − b1), in float32 and in this order, so that writer and audit agree bit by bit."""
    third = np.float32(1.0) - first_two[:, 0] - first_two[:, 1]
    return np.column_stack([first_two, third])


def pack_iuv(part: UInt8[Array, "n"], u: Float32[Array, "n"], v: Float32[Array, "n"]) -> UInt8[Array, "n 3"]:
    """DensePose's bytes (I, U·255, V·255): clamp, then truncate (densepose_spec §4)."""
    packed = np.empty((len(part), 3), dtype=np.uint8)
    packed[:, 0] = part
    for channel, value in ((1, u), (2, v)):
        packed[:, channel] = np.clip(value * np.float32(255.0), 0.0, 255.0)
    return packed


def _scatter(values: Array, pixel: Array, shape: tuple[int, ...]) -> Array:
    """Values of the labelled pixels → a picture that is zero elsewhere."""
    picture = np.zeros((shape[0] * shape[1], *values.shape[1:]), dtype=values.dtype)
    picture[pixel] = values
    return picture.reshape(*shape, *values.shape[1:])
