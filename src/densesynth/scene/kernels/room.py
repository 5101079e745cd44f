"""Rooms, drawn: what each ray meets, and its colour."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import mix
from densesynth.scene.kernels.base import (
    BOX_SIDES,
    CEILING,
    CPU_FLAGS,
    FIRST_BOX,
    FLOOR,
    TOWARDS_KEY,
    Box,
    Surroundings,
    fade,
)
from densesynth.scene.kernels.clutter import box_colour, meet_boxes
from densesynth.scene.kernels.rays import (
    boxes_in_row,
    is_edge,
    off_focus,
    ray_at,
    rays_in_cell,
    sample_of,
    shade_of_boxes,
)
from densesynth.scene.kernels.surfaces import floor_colour
from densesynth.scene.kernels.walls import ceiling_colour, wall_colour

wp.set_module_options(
    {
        "enable_backward": False,
        "cpu_compiler_flags": CPU_FLAGS,
    }
)


@wp.kernel
def room_kernel(
    worlds: wp.array(dtype=Surroundings),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    lights: wp.array(dtype=wp.vec3),
    rays: wp.array2d(dtype=wp.vec3),
    width: wp.int32,
    height: wp.int32,
    eye: wp.vec3,
    pixel: wp.float32,
    focused: wp.float32,
    table: wp.array(dtype=wp.float32),
    smooth: wp.int32,
    colour: wp.array2d(dtype=wp.vec3),
    blur: wp.array2d(dtype=wp.float32),
    ground: wp.array3d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.int32),
):
    """One thread a row. smooth: 0 draws all pixels and tells which surface each sees; 1 draws those anew, as the mean
    of three rays, whose neighbours see another. One kernel without calls: what is passed to
    a function is copied for each pixel.

    Planes are compared by the reciprocal of their depth, which needs no division: the largest is the nearest. A ray d
    is as long as it takes to go one metre deeper into the picture.
    """
    py = wp.tid()
    down = wp.float32(rays.shape[0] - 1) / wp.float32(height)
    across = wp.float32(rays.shape[1] - 1) / wp.float32(width)
    near = boxes_in_row(boxes, box_count, width, py)
    y = (wp.float32(py) + 0.5) * down
    cell = int(-1)
    begin = wp.vec3(0.0, 0.0, 0.0)
    step = wp.vec3(0.0, 0.0, 0.0)
    for px in range(width):
        samples = int(1)
        if smooth == 1:
            if not is_edge(surface, px, py, width, height):
                continue
            samples = 3
        x = (wp.float32(px) + 0.5) * across
        column = wp.clamp(wp.int32(x), 0, rays.shape[1] - 2)
        if column != cell:
            cell = column
            begin, step = rays_in_cell(rays, column, y)
        mean = wp.vec3(0.0, 0.0, 0.0)
        for sample in range(samples):
            d = begin + step * (x - wp.float32(column))
            if smooth == 1:
                at = sample_of(sample)
                d = ray_at(rays, x + at[0] * across, y + at[1] * down)
            near_box = px >= near[0] and px < near[1]
            dx = worlds[0].wall_cos * d[0] + worlds[0].wall_sin * d[1]
            dy = worlds[0].wall_cos * d[1] - worlds[0].wall_sin * d[0]
            nx = wp.max(dx * worlds[0].inverse_high[0], dx * worlds[0].inverse_low[0])
            ny = wp.max(dy * worlds[0].inverse_high[1], dy * worlds[0].inverse_low[1])
            nearness = wp.max(nx, ny)
            side = wp.where(nx > ny, wp.where(dx > 0.0, 0, 1), wp.where(dy > 0.0, 2, 3))
            below = -d[2] * worlds[0].inverse_eye
            above = d[2] * worlds[0].inverse_high[2]
            if below > nearness:
                nearness = below
                side = FLOOR
            elif above > nearness:
                nearness = above
                side = CEILING
            t = 1.0 / nearness
            box = int(-1)
            axis = int(0)
            local = wp.vec3(0.0, 0.0, 0.0)
            normal = wp.vec3(0.0, 0.0, 1.0)
            if near_box:
                t, box, axis, local, normal = meet_boxes(table, boxes, box_count, eye, d, t, pixel, px, py)
            if box >= 0:
                nearness = 1.0 / t
            light = wp.vec3(0.0, 0.0, 0.0)
            fp = pixel * t
            hx = worlds[0].eye[0] + t * dx
            hy = worlds[0].eye[1] + t * dy
            # Brighter towards where the light comes from.
            toward = lights[TOWARDS_KEY]
            middle_x = 0.5 * (worlds[0].low[0] + worlds[0].high[0])
            middle_y = 0.5 * (worlds[0].low[1] + worlds[0].high[1])
            facing = toward[0] * (hx - middle_x) + toward[1] * (hy - middle_y)
            glow = 1.0 + wp.clamp(0.12 * facing, -0.3, 0.35)
            near_wall = wp.min(
                wp.min(worlds[0].high[0] - hx, hx - worlds[0].low[0]),
                wp.min(worlds[0].high[1] - hy, hy - worlds[0].low[1]),
            )
            if box >= 0:
                side = FIRST_BOX + BOX_SIDES * box + axis
                light = box_colour(table, boxes, lights, box, axis, local, normal, worlds[0].seed, fp)
            elif side < CEILING:
                hz = eye[2] + t * d[2]
                along = wp.where(side < 2, hy - worlds[0].low[1], hx - worlds[0].low[0])
                length = wp.where(side < 2, worlds[0].high[1] - worlds[0].low[1], worlds[0].high[0] - worlds[0].low[0])
                wall = wall_colour(table, worlds, along, hz, side, fp)
                albedo = wp.vec3(wall[0], wall[1], wall[2])
                corner = wp.min(wp.min(along, length - along), wp.min(hz, worlds[0].high[2] - hz))
                lit = wp.cw_mul(albedo, lights[side]) * ((1.0 - 0.4 * fade(3.0 * corner)) * glow)
                light = mix(lit, albedo * 1.3, wall[3])
            elif side == FLOOR:
                gx = eye[0] + t * d[0]
                gy = eye[1] + t * d[1]
                shade = 1.0 - 0.4 * fade(3.0 * near_wall)
                if px >= near[2] and px < near[3]:
                    shade *= shade_of_boxes(boxes, box_count, gx, gy, px, py)
                albedo = floor_colour(
                    table, worlds, worlds[0].ground, worlds[0].ground_a, worlds[0].ground_b, gx, gy, d, fp
                )
                light = wp.cw_mul(albedo, lights[FLOOR]) * (shade * glow)
            else:
                ceiling = ceiling_colour(table, worlds, hx, hy, near_wall, d[2], fp)
                albedo = wp.vec3(ceiling[0], ceiling[1], ceiling[2])
                lit = wp.cw_mul(albedo, lights[CEILING]) * ((1.0 - 0.35 * fade(3.0 * near_wall)) * glow)
                light = mix(lit, albedo * 1.3, ceiling[3])
            mean += light
            if smooth == 0:
                surface[py, px] = side
                blur[py, px] = off_focus(nearness, focused)
                ground[0, py, px] = wp.where(side == FLOOR, eye[0] + t * d[0], wp.NAN)
                ground[1, py, px] = wp.where(side == FLOOR, eye[1] + t * d[1], wp.NAN)
        colour[py, px] = mean * wp.where(samples == 1, 1.0, 1.0 / 3.0)
