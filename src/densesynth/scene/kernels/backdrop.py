"""What each ray meets, and its colour."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import band, flag, mix
from densesynth.scene.kernels.base import (
    BOX_SIDES,
    CEILING,
    FARTHEST,
    FIRST_BOX,
    FLOOR,
    NOTHING,
    Box,
    Seen,
    Surroundings,
    fade,
    rough,
)
from densesynth.scene.kernels.surfaces import floor_colour, sky_colour, wall_colour

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def off_focus(t: wp.float32, focused: wp.float32) -> wp.float32:
    """How much of the blur a distance takes, 0..1, when another is in focus."""
    return wp.clamp(1.6 * wp.abs(1.0 - focused / t) - 0.12, 0.0, 1.0)


@wp.func
def inside(px: wp.int32, py: wp.int32, first: wp.vec2i, last: wp.vec2i) -> wp.bool:
    return px >= first[0] and px < last[0] and py >= first[1] and py < last[1]


@wp.func
def see(
    table: wp.array(dtype=wp.float32),
    ws: Surroundings,
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    lights: wp.array(dtype=wp.vec3),
    eye: wp.vec3,
    d: wp.vec3,
    pixel: wp.float32,
    px: wp.int32,
    py: wp.int32,
) -> Seen:
    """What a ray from the eye meets first; d is as long as it takes to go one metre deeper into the picture.

    Planes are compared by the reciprocal of their depth, which needs no division: the largest is the nearest.
    """
    nearness = float(FARTHEST)
    side = int(NOTHING)
    below = -d[2] * ws.inverse_eye
    if below > nearness:
        nearness = below
        side = FLOOR
    dx = float(0.0)
    dy = float(0.0)
    if ws.indoors == 1:
        dx = ws.wall_cos * d[0] + ws.wall_sin * d[1]
        dy = ws.wall_cos * d[1] - ws.wall_sin * d[0]
        nx = wp.max(dx * ws.inverse_high[0], dx * ws.inverse_low[0])
        ny = wp.max(dy * ws.inverse_high[1], dy * ws.inverse_low[1])
        above = d[2] * ws.inverse_high[2]
        if wp.max(nx, ny) > nearness:
            nearness = wp.max(nx, ny)
            side = wp.where(nx > ny, wp.where(dx > 0.0, 0, 1), wp.where(dy > 0.0, 2, 3))
        if above > nearness:
            nearness = above
            side = CEILING
    t = 1.0 / nearness
    hx = ws.eye[0] + t * dx
    hy = ws.eye[1] + t * dy

    # Clutter, each a box turned about the vertical.
    hit = int(-1)
    local = wp.vec3(0.0, 0.0, 0.0)
    axis = int(0)
    for k in range(box_count):
        if inside(px, py, boxes[k].first, boxes[k].last):
            c = boxes[k].cos
            n = boxes[k].sin
            rel = eye - boxes[k].centre
            ox = c * rel[0] + n * rel[1]
            oy = c * rel[1] - n * rel[0]
            dx = c * d[0] + n * d[1]
            dy = c * d[1] - n * d[0]
            ax = 1.0 / wp.where(wp.abs(dx) < 1e-6, 1e-6, dx)
            ay = 1.0 / wp.where(wp.abs(dy) < 1e-6, 1e-6, dy)
            az = 1.0 / wp.where(wp.abs(d[2]) < 1e-6, 1e-6, d[2])
            rx = boxes[k].half[0] * wp.abs(ax)
            ry = boxes[k].half[1] * wp.abs(ay)
            rz = boxes[k].half[2] * wp.abs(az)
            x0 = -ox * ax - rx
            y0 = -oy * ay - ry
            z0 = -rel[2] * az - rz
            enter = wp.max(wp.max(x0, y0), z0)
            leave = wp.min(wp.min(x0 + 2.0 * rx, y0 + 2.0 * ry), z0 + 2.0 * rz)
            if enter > 0.05 and enter < leave and enter < t:
                t = enter
                hit = k
                local = wp.vec3(ox + enter * dx, oy + enter * dy, rel[2] + enter * d[2])
                axis = 4
                if enter == x0:
                    axis = wp.where(ax > 0.0, 0, 1)
                elif enter == y0:
                    axis = wp.where(ay > 0.0, 2, 3)

    fp = pixel * t
    seen = Seen()
    seen.depth = t
    seen.on_floor = 0
    seen.surface = side
    shade = float(1.0)
    if hit >= 0:
        k = hit
        seen.surface = FIRST_BOX + BOX_SIDES * k + axis
        u = wp.where(axis < 2, local[1], local[0])
        v = local[2] + boxes[k].half[2]
        albedo = boxes[k].colour
        if boxes[k].kind == 1:  # drawers
            if axis < 4:
                joint = wp.max(band(v, 0.3, 0.05, fp), band(u, 0.6, 0.025, fp))
                albedo = mix(albedo, boxes[k].second * 0.4, joint)
        elif boxes[k].kind == 2:  # cushions or hedge: mottled
            at = u * 2.0 + boxes[k].centre[0]
            up = v * 2.0 + boxes[k].centre[1]
            lump = 0.7 * rough(table, at, up, 3.0, ws.seed, fp) + 0.6 * rough(table, at, up, 17.0, ws.seed, fp)
            albedo = mix(albedo, boxes[k].second, wp.clamp(0.5 + lump, 0.0, 1.0))
        elif boxes[k].kind == 3:  # crate slats
            albedo = mix(albedo, boxes[k].second * 0.3, band(v, 0.14, 0.1, fp))
        shade = (1.0 - 0.45 * fade(6.0 * v)) * (0.9 + 0.1 * flag(axis == 4))
        seen.colour = wp.cw_mul(albedo, lights[FIRST_BOX + BOX_SIDES * k + axis]) * shade
    elif side == FLOOR:
        x = eye[0] + t * d[0]
        y = eye[1] + t * d[1]
        seen.on_floor = 1
        if ws.indoors == 1:
            near_wall = wp.min(wp.min(ws.high[0] - hx, hx - ws.low[0]), wp.min(ws.high[1] - hy, hy - ws.low[1]))
            shade = 1.0 - 0.4 * fade(3.0 * near_wall)
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
        albedo = floor_colour(table, ws, x, y, d, fp)
        seen.colour = wp.cw_mul(albedo, lights[FLOOR]) * shade
        if ws.indoors == 0:
            seen.colour = mix(ws.horizon * 0.6, seen.colour, wp.max(fade(0.002 * t), 0.5))
    elif side == NOTHING:
        seen.colour = sky_colour(table, ws, d)
    elif side == CEILING:
        near_wall = wp.min(wp.min(ws.high[0] - hx, hx - ws.low[0]), wp.min(ws.high[1] - hy, hy - ws.low[1]))
        seen.colour = wp.cw_mul(wp.vec3(0.72, 0.71, 0.68), lights[CEILING]) * (1.0 - 0.35 * fade(3.0 * near_wall))
    else:
        hz = eye[2] + t * d[2]
        along = wp.where(side < 2, hy - ws.low[1], hx - ws.low[0])
        wall = wall_colour(table, ws, along, hz, side, fp)
        albedo = wp.vec3(wall[0], wall[1], wall[2])
        length = wp.where(side < 2, ws.high[1] - ws.low[1], ws.high[0] - ws.low[0])
        corner = wp.min(wp.min(along, length - along), wp.min(hz, ws.high[2] - hz))
        lit = wp.cw_mul(albedo, lights[side]) * (1.0 - 0.4 * fade(3.0 * corner))
        seen.colour = mix(lit, albedo * 1.3, wall[3])
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
    ws: Surroundings,
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
    for px in range(width):
        d = ray_at(rays, (wp.float32(px) + 0.5) * across, (wp.float32(py) + 0.5) * down)
        seen = see(table, ws, boxes, box_count, lights, eye, d, pixel, px, py)
        colour[py, px] = seen.colour
        surface[py, px] = seen.surface
        blur[py, px] = off_focus(seen.depth, focused)
        if seen.on_floor == 1:
            ground[0, py, px] = eye[0] + seen.depth * d[0]
            ground[1, py, px] = eye[1] + seen.depth * d[1]
        else:
            ground[0, py, px] = wp.NAN
            ground[1, py, px] = wp.NAN


@wp.kernel
def smooth_edges(
    ws: Surroundings,
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
            for k in range(4):  # a rotated grid
                x = 0.5 + wp.where(k == 0, -0.125, wp.where(k == 1, 0.375, wp.where(k == 2, 0.125, -0.375)))
                y = 0.5 + wp.where(k == 0, -0.375, wp.where(k == 1, -0.125, wp.where(k == 2, 0.375, 0.125)))
                d = ray_at(rays, (wp.float32(px) + x) * across, (wp.float32(py) + y) * down)
                total = total + see(table, ws, boxes, box_count, lights, eye, d, pixel, px, py).colour
            colour[py, px] = 0.25 * total
