"""The open air, drawn: what each ray meets, and its colour."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import cover, mix
from densesynth.scene.kernels.base import (
    BOX_SIDES,
    CPU_FLAGS,
    FARTHEST,
    FIRST_BOX,
    FLOOR,
    NOTHING,
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
from densesynth.scene.kernels.surfaces import floor_colour, hypotenuse
from densesynth.scene.kernels.upright import (
    ROW_CARS,
    ROW_HEDGE,
    ROW_HOUSES,
    ROW_RAILINGS,
    ROW_TREES,
    car_row,
    fence_row,
    hedge_row,
    house_row,
    sky_colour,
    tree_row,
)

wp.set_module_options(
    {
        "enable_backward": False,
        "cpu_compiler_flags": CPU_FLAGS,
    }
)

KERB = wp.constant(0.14)  # metres across


@wp.kernel
def open_air_kernel(
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
    a function is copied for each pixel."""
    py = wp.tid()
    down = wp.float32(rays.shape[0] - 1) / wp.float32(height)
    across = wp.float32(rays.shape[1] - 1) / wp.float32(width)
    rows = worlds[0].row_count
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
            nearness = -d[2] * worlds[0].inverse_eye
            on_ground = nearness > FARTHEST
            t = 1.0 / wp.max(nearness, FARTHEST)
            box = int(-1)
            axis = int(0)
            local = wp.vec3(0.0, 0.0, 0.0)
            normal = wp.vec3(0.0, 0.0, 1.0)
            if near_box:
                t, box, axis, local, normal = meet_boxes(table, boxes, box_count, eye, d, t, pixel, px, py)
            if box >= 0:
                nearness = 1.0 / t
            side = int(NOTHING)
            left = float(1.0)
            solid = float(1.0)  # nought once anything but railings is before the ground
            light = wp.vec3(0.0, 0.0, 0.0)
            away = 1.0 / wp.max(dy, 0.02)
            if rows > 0 and dy > 0.02 and worlds[0].row_gap[0] * away < t:
                slant = hypotenuse(wp.abs(dx) * away)
                for k in range(rows):
                    tr = worlds[0].row_gap[k] * away
                    kind = worlds[0].row_kind[k]
                    z = eye[2] + tr * d[2]
                    if tr < t and z < worlds[0].row_top[k] and tr < 160.0:
                        u = worlds[0].eye[0] + tr * dx
                        fp = pixel * tr
                        high = worlds[0].row_height[k]
                        a = worlds[0].row_colour[k]
                        b = worlds[0].row_second[k]
                        row = wp.vec4(0.0, 0.0, 0.0, 0.0)
                        if kind >= ROW_HOUSES:
                            row = house_row(
                                table, worlds, lights, a, b, high, worlds[0].row_cell[k], u, z, fp * slant, fp
                            )
                        elif kind >= ROW_TREES:
                            row = tree_row(table, worlds, lights, a, b, kind, k, high, worlds[0].row_cell[k], u, z, fp)
                        elif kind == ROW_CARS:
                            row = car_row(worlds, lights, u, z, fp)
                        elif kind == ROW_HEDGE:
                            row = hedge_row(table, lights, a, b, high, u, z, fp)
                        else:
                            row = fence_row(table, worlds, lights, a, b, kind, high, u, z, fp * slant, fp)
                        share = row[3] * left
                        if share > 0.0:
                            mist = 1.0 - fade(0.0028 * tr)
                            light += mix(wp.vec3(row[0], row[1], row[2]), worlds[0].horizon * 0.85, mist) * share
                            if left > 0.5 and left - share <= 0.5:
                                nearness = 1.0 / tr
                            left -= share
                            solid = wp.where(kind == ROW_RAILINGS, solid, solid - 2.5 * share)
                            if left < 0.01:
                                break
            behind = wp.vec3(0.0, 0.0, 0.0)
            if left < 0.01:
                light = light * (1.0 / (1.0 - left))
                left = 0.0
            elif box >= 0:
                behind = box_colour(table, boxes, lights, box, axis, local, normal, worlds[0].seed, pixel * t)
                if solid > 0.5:
                    side = FIRST_BOX + BOX_SIDES * box + axis
            elif on_ground:
                gx = eye[0] + t * d[0]
                gy = eye[1] + t * d[1]
                fp = pixel * t
                hy = worlds[0].eye[1] + t * dy
                past = hy - worlds[0].kerb
                kind = wp.where(past > 0.0, worlds[0].beyond, worlds[0].ground)
                a = wp.where(past > 0.0, worlds[0].beyond_a, worlds[0].ground_a)
                b = wp.where(past > 0.0, worlds[0].beyond_b, worlds[0].ground_b)
                albedo = floor_colour(table, worlds, kind, a, b, gx, gy, d, fp)
                if wp.abs(past) < 0.5 and worlds[0].beyond != worlds[0].ground:
                    wide = fp * hypotenuse(wp.abs(dy) / wp.max(wp.abs(d[2]), 1e-3))
                    stone = cover(KERB - wp.abs(past), wide)
                    gutter = cover(0.06 - wp.abs(past - KERB - 0.04), wide)
                    albedo = mix(albedo, wp.vec3(0.42, 0.41, 0.38), stone * wp.min(KERB / wide, 1.0))
                    albedo = albedo * (1.0 - 0.5 * gutter * wp.min(0.06 / wide, 1.0))
                behind = wp.cw_mul(albedo, lights[FLOOR])
                if px >= near[2] and px < near[3]:
                    behind *= shade_of_boxes(boxes, box_count, gx, gy, px, py)
                if rows > 0 and hy > worlds[0].eye[1] + worlds[0].row_gap[0] - 3.0:
                    for k in range(rows):
                        before = worlds[0].row_gap[k] + worlds[0].eye[1] - hy
                        if before > -1.0 and before < 3.0:
                            behind = behind * (1.0 - 0.35 * fade(2.0 * wp.abs(before)))
                behind = mix(worlds[0].horizon * 0.75, behind, wp.max(fade(0.0028 * t), 0.3))
                if solid > 0.5:
                    side = FLOOR
            else:
                behind = sky_colour(table, worlds, lights, wp.vec3(dx, dy, d[2]))
            light += behind * left
            mean += light
            if smooth == 0:
                surface[py, px] = side
                blur[py, px] = off_focus(nearness, focused)
                ground[0, py, px] = wp.where(side == FLOOR, eye[0] + t * d[0], wp.NAN)
                ground[1, py, px] = wp.where(side == FLOOR, eye[1] + t * d[1], wp.NAN)
        colour[py, px] = mean * wp.where(samples == 1, 1.0, 1.0 / 3.0)
