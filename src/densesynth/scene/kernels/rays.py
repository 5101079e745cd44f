"""What the kernels of rooms and of the open air have in common: rays, edges, shade about boxes."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.scene.kernels.base import Box, fade
from densesynth.scene.kernels.clutter import inside

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def off_focus(nearness: wp.float32, focused: wp.float32) -> wp.float32:
    """How much of the blur a distance takes, 0..1, when another is in focus. nearness: 1 / the distance."""
    return wp.clamp(1.6 * wp.abs(1.0 - focused * nearness) - 0.12, 0.0, 1.0)


@wp.func
def shade_of_boxes(
    boxes: wp.array(dtype=Box), box_count: wp.int32, x: wp.float32, y: wp.float32, px: wp.int32, py: wp.int32
) -> wp.float32:
    """What boxes leave of the light on the ground next to them."""
    shade = float(1.0)
    for k in range(box_count):
        if inside(px, py, boxes[k].first_shade, boxes[k].last_shade):
            c = boxes[k].cos
            n = boxes[k].sin
            rx = x - boxes[k].centre[0]
            ry = y - boxes[k].centre[1]
            qx = wp.abs(c * rx + n * ry) - boxes[k].half[0]
            qy = wp.abs(c * ry - n * rx) - boxes[k].half[1]
            gap = wp.max(wp.max(qx, qy), 0.0) * boxes[k].reach
            shade = shade * (1.0 - 0.5 * fade(gap))
    return shade


@wp.func
def ray_at(rays: wp.array2d(dtype=wp.vec3), x: wp.float32, y: wp.float32) -> wp.vec3:
    """The ray at a place of the picture, in cells of the grid; between the grid's, lenses are all but linear."""
    ix = wp.clamp(wp.int32(x), 0, rays.shape[1] - 2)
    iy = wp.clamp(wp.int32(y), 0, rays.shape[0] - 2)
    fx = x - wp.float32(ix)
    fy = y - wp.float32(iy)
    upper = rays[iy, ix] * (1.0 - fx) + rays[iy, ix + 1] * fx
    lower = rays[iy + 1, ix] * (1.0 - fx) + rays[iy + 1, ix + 1] * fx
    return upper * (1.0 - fy) + lower * fy


@wp.func
def rays_in_cell(rays: wp.array2d(dtype=wp.vec3), column: wp.int32, y: wp.float32):
    """What `ray_at` gives at height y for a column of the grid's cells: the ray at its left, and how it changes."""
    row = wp.clamp(wp.int32(y), 0, rays.shape[0] - 2)
    share = y - wp.float32(row)
    begin = rays[row, column] * (1.0 - share) + rays[row + 1, column] * share
    end = rays[row, column + 1] * (1.0 - share) + rays[row + 1, column + 1] * share
    return begin, end - begin


@wp.func
def sample_of(k: wp.int32) -> wp.vec2:
    """Where in a pixel the k-th of three rays goes, from its middle: each in a row and a column of its own."""
    third = 1.0 / 3.0
    return wp.vec2(third * wp.float32(k - 1), wp.where(k == 0, 0.0, wp.where(k == 1, third, -third)))


@wp.func
def is_edge(
    surface: wp.array2d(dtype=wp.int32), px: wp.int32, py: wp.int32, width: wp.int32, height: wp.int32
) -> wp.bool:
    """Whether a neighbour of the pixel sees another side."""
    own = surface[py, px]
    level = (own ^ surface[py, wp.max(px - 1, 0)]) | (own ^ surface[py, wp.min(px + 1, width - 1)])
    upright = (own ^ surface[wp.max(py - 1, 0), px]) | (own ^ surface[wp.min(py + 1, height - 1), px])
    return (level | upright) != 0


@wp.func
def boxes_in_row(boxes: wp.array(dtype=Box), box_count: wp.int32, width: wp.int32, py: wp.int32) -> wp.vec4i:
    """First column of a row where there may be a box, and the one after the last; the same of boxes' shade."""
    first = int(width)
    last = int(0)
    first_shade = int(width)
    last_shade = int(0)
    for k in range(box_count):
        if py >= boxes[k].first[1] and py < boxes[k].last[1]:
            first = wp.min(first, boxes[k].first[0])
            last = wp.max(last, boxes[k].last[0])
        if py >= boxes[k].first_shade[1] and py < boxes[k].last_shade[1]:
            first_shade = wp.min(first_shade, boxes[k].first_shade[0])
            last_shade = wp.max(last_shade, boxes[k].last_shade[0])
    return wp.vec4i(first, last, first_shade, last_shade)
