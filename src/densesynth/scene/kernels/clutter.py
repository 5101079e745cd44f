"""Boxes of clutter: furniture, crates, and what grows: hedges, bushes, trees within their boxes."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import band, flag, mix, ramp
from densesynth.scene.kernels.base import BOX_SIDES, CLOUDS, FIRST_BOX, LEAVES, Box, fade, rough, speck, texture

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

MOTTLED = wp.constant(2)
HEDGE = wp.constant(4)  # kinds from here on have leaves
BUSH = wp.constant(5)
TREE = wp.constant(6)
WOOD = wp.constant(5)  # the side of a tree that its trunk is


@wp.func
def inside(px: wp.int32, py: wp.int32, first: wp.vec2i, last: wp.vec2i) -> wp.bool:
    return px >= first[0] and px < last[0] and py >= first[1] and py < last[1]


@wp.func
def leafy(table: wp.array(dtype=wp.float32), p: wp.vec3, seed: wp.float32, fp: wp.float32) -> wp.float32:
    """How far leaves stick out there, about −1..1."""
    u = p[0] + 0.35 * p[1] + seed
    v = p[2] + 0.45 * p[1]
    return texture(table, CLOUDS, 0.37 * u, 0.37 * v, 0.37 * fp) + 0.5 * speck(
        table, LEAVES, 0.9 * u, 0.9 * v, 0.9 * fp
    )


@wp.func
def meet_boxes(
    table: wp.array(dtype=wp.float32),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    eye: wp.vec3,
    d: wp.vec3,
    limit: wp.float32,
    pixel: wp.float32,
    px: wp.int32,
    py: wp.int32,
):
    """The box, turned about the vertical, that a ray meets first, if it is nearer than the limit: its depth, its number
    or −1, the side (`WOOD` for a trunk), where in the box's axes, and the normal there of what has leaves.

    Single values, for what is written into a struct in parts and read as a whole stalls the processor.
    """
    t = float(limit)
    box = int(-1)
    side = int(4)
    local = wp.vec3(0.0, 0.0, 0.0)
    normal = wp.vec3(0.0, 0.0, 1.0)
    for k in range(box_count):
        if inside(px, py, boxes[k].first, boxes[k].last):
            c = boxes[k].cos
            n = boxes[k].sin
            rel = eye - boxes[k].centre
            half = boxes[k].half
            kind = boxes[k].kind
            ox = c * rel[0] + n * rel[1]
            oy = c * rel[1] - n * rel[0]
            dx = c * d[0] + n * d[1]
            dy = c * d[1] - n * d[0]
            if kind < BUSH:
                ax = 1.0 / wp.where(wp.abs(dx) < 1e-6, 1e-6, dx)
                ay = 1.0 / wp.where(wp.abs(dy) < 1e-6, 1e-6, dy)
                az = 1.0 / wp.where(wp.abs(d[2]) < 1e-6, 1e-6, d[2])
                rx = half[0] * wp.abs(ax)
                ry = half[1] * wp.abs(ay)
                rz = half[2] * wp.abs(az)
                x0 = -ox * ax - rx
                y0 = -oy * ay - ry
                z0 = -rel[2] * az - rz
                enter = wp.max(wp.max(x0, y0), z0)
                leave = wp.min(wp.min(x0 + 2.0 * rx, y0 + 2.0 * ry), z0 + 2.0 * rz)
                if enter > 0.05 and enter < leave and enter < t:
                    at = wp.vec3(ox + enter * dx, oy + enter * dy, rel[2] + enter * d[2])
                    full = bool(True)
                    if kind == HEDGE:  # eaten where the ray would only graze it
                        full = (leave - enter) > 0.07 + 0.14 * leafy(table, at, boxes[k].centre[0], pixel * enter)
                        full = full or (at[2] < 0.1 - half[2])
                    if full:
                        t = enter
                        box = k
                        local = at
                        side = 4
                        if enter == x0:
                            side = wp.where(ax > 0.0, 0, 1)
                        elif enter == y0:
                            side = wp.where(ay > 0.0, 2, 3)
                        normal = wp.vec3(flag(side == 1) - flag(side == 0), flag(side == 3) - flag(side == 2), 0.5)
            else:
                # An ellipsoid: a bush's lower third is in the ground, a tree's crown is above its trunk.
                share = wp.where(kind == TREE, 0.7, 1.32)
                lift = (1.0 - share) * half[2]
                sx = 1.0 / half[0]
                sy = 1.0 / half[1]
                sz = 1.0 / (share * half[2])
                o = wp.vec3(ox * sx, oy * sy, (rel[2] - lift) * sz)
                e = wp.vec3(dx * sx, dy * sy, d[2] * sz)
                ee = wp.dot(e, e)
                oe = wp.dot(o, e)
                middle = -oe / ee
                off = wp.dot(o, o) - oe * oe / ee  # square of how far the ray passes the middle, the surface being at 1
                if off < 1.0 and middle > 0.05:
                    enter = middle - wp.sqrt((1.0 - off) / ee)
                    if enter > 0.05 and enter < t:
                        at = wp.vec3(ox + enter * dx, oy + enter * dy, rel[2] + enter * d[2])
                        flat = wp.vec3(ox + middle * dx, oy + middle * dy, rel[2] + middle * d[2])
                        if off < 0.74 + 0.3 * leafy(table, flat, boxes[k].centre[0], pixel * middle):
                            t = enter
                            box = k
                            local = at
                            side = 4
                            normal = wp.vec3((o[0] + enter * e[0]), (o[1] + enter * e[1]), (o[2] + enter * e[2]))
                if kind == TREE:
                    level = wp.max(dx * dx + dy * dy, 1e-8)
                    nearest = -(ox * dx + oy * dy) / level
                    up = rel[2] + nearest * d[2]
                    thick = 0.05 * half[2] * (1.0 - 0.25 * up / half[2]) * (1.0 + 0.6 * fade(8.0 * (up + half[2])))
                    aside = (ox * dy - oy * dx) / wp.sqrt(level)
                    if (
                        nearest > 0.05
                        and nearest < t
                        and wp.abs(aside) < thick
                        and up > -half[2]
                        and up < 0.5 * half[2]
                    ):
                        t = nearest
                        box = k
                        local = wp.vec3(aside / thick, 0.0, up)
                        side = WOOD
    return t, box, side, local, normal


@wp.func
def box_colour(
    table: wp.array(dtype=wp.float32),
    boxes: wp.array(dtype=Box),
    lights: wp.array(dtype=wp.vec3),
    k: wp.int32,
    axis: wp.int32,
    local: wp.vec3,
    normal: wp.vec3,
    seed: wp.float32,
    fp: wp.float32,
) -> wp.vec3:
    kind = boxes[k].kind
    half = boxes[k].half
    albedo = boxes[k].colour
    first = FIRST_BOX + BOX_SIDES * k
    v = local[2] + half[2]
    if kind >= HEDGE:
        if axis == WOOD:
            bark = texture(table, CLOUDS, 1.5 * local[0] * 0.2, 0.2 * v, fp)
            lit = 0.5 * (lights[first] + lights[first + 1]) + 0.5 * local[0] * (lights[first + 1] - lights[first])
            return wp.cw_mul(wp.vec3(0.13, 0.1, 0.075) * (1.0 + 0.8 * bark), lit)
        n = normal
        p = local
        nx = n[0] * n[0]
        ny = n[1] * n[1]
        # Across what faces most: elsewhere leaves would be drawn out into streaks.
        u = wp.where(nx > ny, p[1] + 0.35 * p[0], p[0] + 0.35 * p[1]) + boxes[k].centre[0]
        w = wp.where(n[2] * n[2] > nx + ny, p[1], p[2] + 0.45 * wp.where(nx > ny, p[0], p[1]))
        leaf = speck(table, LEAVES, 0.9 * u, 0.9 * w, 0.9 * fp)
        clump = texture(table, CLOUDS, 0.37 * u, 0.37 * w, 0.37 * fp)
        light = wp.vec3(0.0, 0.0, 0.0)
        up = n[2] + 0.25 * clump
        nz = up * up
        top = lights[first + 4]
        light = light + wp.where(n[0] > 0.0, lights[first + 1], lights[first]) * nx
        light = light + wp.where(n[1] > 0.0, lights[first + 3], lights[first + 2]) * ny
        light = light + top * (nz * wp.where(up > 0.0, 1.0, 0.3))
        light = light * (1.0 / wp.max(nx + ny + nz, 1e-3))
        deep = wp.clamp(0.78 + 0.55 * leaf + 0.45 * clump, 0.08, 1.5)
        albedo = mix(boxes[k].second, albedo, wp.clamp(0.5 + 0.6 * leaf, 0.0, 1.0))
        return wp.cw_mul(albedo, light) * (deep * (1.0 - 0.5 * fade(5.0 * v)))
    u = wp.where(axis < 2, local[1], local[0])
    if kind == 1:  # drawers
        if axis < 4:
            joint = wp.max(band(v, 0.3, 0.05, fp), band(u, 0.6, 0.025, fp))
            albedo = mix(albedo, boxes[k].second * 0.4, joint)
            knob = wp.max(wp.abs(u - 0.6 * wp.floor(u / 0.6) - 0.3), 2.0 * wp.abs(v - 0.3 * wp.floor(v / 0.3) - 0.15))
            albedo = mix(albedo, wp.vec3(0.5, 0.47, 0.4), flag(knob < 0.045) * ramp(0.03, 0.01, fp))
    elif kind == MOTTLED:
        at = u * 2.0 + boxes[k].centre[0]
        up = v * 2.0 + boxes[k].centre[1]
        lump = 0.7 * rough(table, at, up, 3.0, seed, fp) + 0.6 * rough(table, at, up, 17.0, seed, fp)
        albedo = mix(albedo, boxes[k].second, wp.clamp(0.5 + lump, 0.0, 1.0))
    elif kind == 3:  # crate slats
        streak = texture(table, CLOUDS, 0.2 * u + boxes[k].centre[0], 2.0 * v + boxes[k].centre[1], 2.0 * fp)
        albedo = mix(albedo * (1.0 + 0.3 * streak), boxes[k].second * 0.3, band(v, 0.14, 0.1, fp))
    shade = (1.0 - 0.45 * fade(6.0 * v)) * (0.9 + 0.1 * flag(axis == 4))
    return wp.cw_mul(albedo, lights[first + axis]) * shade
