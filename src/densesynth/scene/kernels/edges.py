"""Edges between what neighbouring pixels see, smoothed; a module of its own, so that what sees is inlined in both."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.scene.kernels.backdrop import ray_at, see_open, see_room
from densesynth.scene.kernels.base import Box, Surroundings

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.kernel
def smooth_edges(
    worlds: wp.array(dtype=Surroundings),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    lights: wp.array(dtype=wp.vec3),
    rays: wp.array2d(dtype=wp.vec3),
    width: wp.int32,
    height: wp.int32,
    eye: wp.vec3,
    pixel: wp.float32,
    table: wp.array(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.int32),
    colour: wp.array2d(dtype=wp.vec3),
):
    """Colours again, as the mean of four rays, where a pixel's neighbours see another side. One thread a row."""
    py = wp.tid()
    samples = int(4)  # a number known beforehand would be unrolled
    down = wp.float32(rays.shape[0] - 1) / wp.float32(height)
    across = wp.float32(rays.shape[1] - 1) / wp.float32(width)
    for px in range(width):
        own = surface[py, px]
        edge = bool(False)
        if px > 0:
            edge = edge or surface[py, px - 1] != own
        if px < width - 1:
            edge = edge or surface[py, px + 1] != own
        if py > 0:
            edge = edge or surface[py - 1, px] != own
        if py < height - 1:
            edge = edge or surface[py + 1, px] != own
        if edge:
            total = wp.vec3(0.0, 0.0, 0.0)
            for k in range(samples):  # a rotated grid
                x = 0.5 + wp.where(k == 0, -0.125, wp.where(k == 1, 0.375, wp.where(k == 2, 0.125, -0.375)))
                y = 0.5 + wp.where(k == 0, -0.375, wp.where(k == 1, -0.125, wp.where(k == 2, 0.375, 0.125)))
                d = ray_at(rays, (wp.float32(px) + x) * across, (wp.float32(py) + y) * down)
                if worlds[0].indoors == 1:
                    total = total + see_room(table, worlds, boxes, box_count, lights, eye, d, pixel, px, py).colour
                else:
                    total = total + see_open(table, worlds, boxes, box_count, lights, eye, d, pixel, px, py).colour
            colour[py, px] = 0.25 * total
