"""What each ray meets, and its colour."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import cover, mix
from densesynth.scene.kernels.base import (
    BOX_SIDES,
    CEILING,
    FARTHEST,
    FIRST_BOX,
    FLOOR,
    NOTHING,
    TOWARDS_KEY,
    Box,
    Seen,
    Surroundings,
    fade,
)
from densesynth.scene.kernels.clutter import box_colour, inside, meet_boxes
from densesynth.scene.kernels.open_air import (
    ROW_CARS,
    ROW_HEDGE,
    ROW_HOUSES,
    ROW_TREES,
    car_row,
    fence_row,
    hedge_row,
    house_row,
    sky_colour,
    tree_row,
)
from densesynth.scene.kernels.surfaces import floor_colour, hypotenuse
from densesynth.scene.kernels.walls import ceiling_colour, wall_colour

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

KERB = wp.constant(0.14)  # metres across


@wp.func
def off_focus(t: wp.float32, focused: wp.float32) -> wp.float32:
    """How much of the blur a distance takes, 0..1, when another is in focus."""
    return wp.clamp(1.6 * wp.abs(1.0 - focused / t) - 0.12, 0.0, 1.0)


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
def see_room(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    lights: wp.array(dtype=wp.vec3),
    eye: wp.vec3,
    d: wp.vec3,
    pixel: wp.float32,
    px: wp.int32,
    py: wp.int32,
) -> Seen:
    """What a ray from the eye meets first in a room; d is as long as it takes to go one metre deeper into the picture.

    Planes are compared by the reciprocal of their depth, which needs no division: the largest is the nearest.
    """
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
    seen = Seen()
    hit = meet_boxes(table, boxes, box_count, eye, d, 1.0 / nearness, pixel, px, py)
    t = hit.t
    fp = pixel * t
    seen.depth = t
    seen.on_floor = 0
    if hit.box >= 0:
        seen.surface = FIRST_BOX + BOX_SIDES * hit.box + hit.axis
        seen.colour = box_colour(table, boxes, lights, hit, worlds[0].seed, fp)
        return seen
    seen.surface = side
    hx = worlds[0].eye[0] + t * dx
    hy = worlds[0].eye[1] + t * dy
    # Brighter towards where the light comes from.
    toward = lights[TOWARDS_KEY]
    middle_x = 0.5 * (worlds[0].low[0] + worlds[0].high[0])
    middle_y = 0.5 * (worlds[0].low[1] + worlds[0].high[1])
    across = toward[0] * (hx - middle_x) + toward[1] * (hy - middle_y)
    glow = 1.0 + wp.clamp(0.12 * across, -0.3, 0.35)
    if side < CEILING:
        hz = eye[2] + t * d[2]
        along = wp.where(side < 2, hy - worlds[0].low[1], hx - worlds[0].low[0])
        length = wp.where(side < 2, worlds[0].high[1] - worlds[0].low[1], worlds[0].high[0] - worlds[0].low[0])
        wall = wall_colour(table, worlds, along, hz, side, fp)
        albedo = wp.vec3(wall[0], wall[1], wall[2])
        corner = wp.min(wp.min(along, length - along), wp.min(hz, worlds[0].high[2] - hz))
        lit = wp.cw_mul(albedo, lights[side]) * ((1.0 - 0.4 * fade(3.0 * corner)) * glow)
        seen.colour = mix(lit, albedo * 1.3, wall[3])
        return seen
    near_wall = wp.min(wp.min(worlds[0].high[0] - hx, hx - worlds[0].low[0]), wp.min(worlds[0].high[1] - hy, hy - worlds[0].low[1]))
    if side == FLOOR:
        x = eye[0] + t * d[0]
        y = eye[1] + t * d[1]
        seen.on_floor = 1
        shade = (1.0 - 0.4 * fade(3.0 * near_wall)) * shade_of_boxes(boxes, box_count, x, y, px, py)
        albedo = floor_colour(table, worlds, worlds[0].ground, worlds[0].ground_a, worlds[0].ground_b, x, y, d, fp)
        seen.colour = wp.cw_mul(albedo, lights[FLOOR]) * (shade * glow)
    else:
        ceiling = ceiling_colour(table, worlds, hx, hy, near_wall, d[2], fp)
        albedo = wp.vec3(ceiling[0], ceiling[1], ceiling[2])
        lit = wp.cw_mul(albedo, lights[CEILING]) * ((1.0 - 0.35 * fade(3.0 * near_wall)) * glow)
        seen.colour = mix(lit, albedo * 1.3, ceiling[3])
    return seen


@wp.func
def see_open(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    lights: wp.array(dtype=wp.vec3),
    eye: wp.vec3,
    d: wp.vec3,
    pixel: wp.float32,
    px: wp.int32,
    py: wp.int32,
) -> Seen:
    """What a ray from the eye meets in the open air, through what rows leave open; d as in a room."""
    dx = worlds[0].wall_cos * d[0] + worlds[0].wall_sin * d[1]
    dy = worlds[0].wall_cos * d[1] - worlds[0].wall_sin * d[0]
    nearness = -d[2] * worlds[0].inverse_eye
    side = wp.where(nearness > FARTHEST, FLOOR, NOTHING)
    seen = Seen()
    hit = meet_boxes(table, boxes, box_count, eye, d, 1.0 / wp.max(nearness, FARTHEST), pixel, px, py)
    t = hit.t
    seen.on_floor = 0
    seen.depth = t
    left = float(1.0)
    total = wp.vec3(0.0, 0.0, 0.0)
    if dy > 0.02:
        away = 1.0 / dy
        slant = hypotenuse(wp.abs(dx) * away)
        rows = int(3)
        for k in range(rows):
            tr = worlds[0].row_gap[k] * away
            kind = worlds[0].row_kind[k]
            z = eye[2] + tr * d[2]
            if kind > 0 and tr < t and z < worlds[0].row_top[k] and tr < 160.0:
                u = worlds[0].eye[0] + tr * dx
                fp = pixel * tr
                high = worlds[0].row_height[k]
                a = worlds[0].row_colour[k]
                b = worlds[0].row_second[k]
                row = wp.vec4(0.0, 0.0, 0.0, 0.0)
                if kind >= ROW_HOUSES:
                    row = house_row(table, worlds, lights, a, b, high, worlds[0].row_cell[k], u, z, fp * slant, fp)
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
                    total += mix(wp.vec3(row[0], row[1], row[2]), worlds[0].horizon * 0.85, mist) * share
                    if left > 0.5 and left - share <= 0.5:
                        seen.depth = tr
                    left -= share
                    if left < 0.01:
                        break
    seen.surface = NOTHING
    if left < 0.01:
        seen.colour = total * (1.0 / (1.0 - left))
        return seen
    colour = wp.vec3(0.0, 0.0, 0.0)
    if hit.box >= 0:
        colour = box_colour(table, boxes, lights, hit, worlds[0].seed, pixel * t)
        if left > 0.5:
            seen.surface = FIRST_BOX + BOX_SIDES * hit.box + hit.axis
    elif side == FLOOR:
        x = eye[0] + t * d[0]
        y = eye[1] + t * d[1]
        fp = pixel * t
        hy = worlds[0].eye[1] + t * dy
        past = hy - worlds[0].kerb
        kind = wp.where(past > 0.0, worlds[0].beyond, worlds[0].ground)
        a = wp.where(past > 0.0, worlds[0].beyond_a, worlds[0].ground_a)
        b = wp.where(past > 0.0, worlds[0].beyond_b, worlds[0].ground_b)
        albedo = floor_colour(table, worlds, kind, a, b, x, y, d, fp)
        if wp.abs(past) < 0.5 and worlds[0].beyond != worlds[0].ground:
            wide = fp * hypotenuse(wp.abs(dy) / wp.max(wp.abs(d[2]), 1e-3))
            stone = cover(KERB - wp.abs(past), wide)
            gutter = cover(0.06 - wp.abs(past - KERB - 0.04), wide)
            albedo = mix(albedo, wp.vec3(0.42, 0.41, 0.38), stone * wp.min(KERB / wide, 1.0))
            albedo = albedo * (1.0 - 0.5 * gutter * wp.min(0.06 / wide, 1.0))
        colour = wp.cw_mul(albedo, lights[FLOOR]) * shade_of_boxes(boxes, box_count, x, y, px, py)
        for k in range(3):
            before = worlds[0].row_gap[k] + worlds[0].eye[1] - hy
            if worlds[0].row_kind[k] > 0 and before > -1.0 and before < 3.0:
                colour = colour * (1.0 - 0.35 * fade(2.0 * wp.abs(before)))
        colour = mix(worlds[0].horizon * 0.75, colour, wp.max(fade(0.0028 * t), 0.3))
        if left > 0.5:
            seen.on_floor = 1
            seen.surface = FLOOR
    else:
        colour = sky_colour(table, worlds, lights, wp.vec3(dx, dy, d[2]))
    seen.colour = total + colour * left
    return seen


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


@wp.kernel
def backdrop_kernel(
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
    colour: wp.array2d(dtype=wp.vec3),
    blur: wp.array2d(dtype=wp.float32),
    ground: wp.array3d(dtype=wp.float32),
    surface: wp.array2d(dtype=wp.int32),
):
    """One thread a row. surface: number of the side that each pixel sees, for `smooth_edges`."""
    py = wp.tid()
    down = wp.float32(rays.shape[0] - 1) / wp.float32(height)
    across = wp.float32(rays.shape[1] - 1) / wp.float32(width)
    y = (wp.float32(py) + 0.5) * down
    iy = wp.clamp(wp.int32(y), 0, rays.shape[0] - 2)
    fy = y - wp.float32(iy)
    cell = int(-1)
    begin = wp.vec3(0.0, 0.0, 0.0)
    step = wp.vec3(0.0, 0.0, 0.0)
    for px in range(width):
        x = (wp.float32(px) + 0.5) * across
        ix = wp.clamp(wp.int32(x), 0, rays.shape[1] - 2)
        if ix != cell:  # as `ray_at` has it, with less to do for each pixel
            cell = ix
            begin = rays[iy, ix] * (1.0 - fy) + rays[iy + 1, ix] * fy
            step = rays[iy, ix + 1] * (1.0 - fy) + rays[iy + 1, ix + 1] * fy - begin
        d = begin + step * (x - wp.float32(ix))
        seen = Seen()
        if worlds[0].indoors == 1:
            seen = see_room(table, worlds, boxes, box_count, lights, eye, d, pixel, px, py)
        else:
            seen = see_open(table, worlds, boxes, box_count, lights, eye, d, pixel, px, py)
        colour[py, px] = seen.colour
        surface[py, px] = seen.surface
        blur[py, px] = off_focus(seen.depth, focused)
        if seen.on_floor == 1:
            ground[0, py, px] = eye[0] + seen.depth * d[0]
            ground[1, py, px] = eye[1] + seen.depth * d[1]
        else:
            ground[0, py, px] = wp.NAN
            ground[1, py, px] = wp.NAN
