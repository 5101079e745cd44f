"""Procedural surroundings, one Warp thread a pixel: a floor, then a room or the open air, and a few boxes of clutter.

Warp compiles these functions itself, so their annotations are Warp's types.
"""

# ruff: noqa: UP018, RUF046, SIM108  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import band, bump, cover, flag, mix, noise, ramp

wp.set_module_options({"enable_backward": False})

BOXES = wp.constant(6)
SHIFT = wp.constant(64.0)  # metres that bring all that is near into positive coordinates, as `noise` wants them


@wp.struct
class Surroundings:
    indoors: wp.int32
    ground: wp.int32
    ground_a: wp.vec3
    ground_b: wp.vec3
    ground_scale: wp.float32
    ground_cos: wp.float32
    ground_sin: wp.float32
    wall: wp.int32
    wall_a: wp.vec3
    wall_b: wp.vec3
    wall_cos: wp.float32
    wall_sin: wp.float32
    low: wp.vec3
    high: wp.vec3
    sky: wp.vec3
    horizon: wp.vec3
    cloud: wp.float32
    skyline: wp.int32
    skyline_colour: wp.vec3
    skyline_height: wp.float32
    seed: wp.float32


@wp.struct
class Box:
    centre: wp.vec3
    half: wp.vec3
    cos: wp.float32
    sin: wp.float32
    colour: wp.vec3
    second: wp.vec3
    kind: wp.int32


@wp.func
def hash2(a: wp.int32, b: wp.int32, salt: wp.int32, table: wp.array(dtype=wp.float32)) -> wp.float32:
    """A number in 0..1 for a cell."""
    i = ((a * 7 + salt) & 31) * 1024 + ((b * 11 + salt * 3) & 31) * 32 + ((a * 5 + b * 13 + salt * 17) & 31)
    return table[i] * 0.5 + 0.5


@wp.func
def rough(
    table: wp.array(dtype=wp.float32), x: wp.float32, y: wp.float32, f: wp.float32, seed: wp.float32, fp: wp.float32
) -> wp.float32:
    return noise(
        table, wp.vec3(wp.clamp(x, -60.0, 200.0) + SHIFT, wp.clamp(y, -60.0, 200.0) + SHIFT, 0.3), f, f, 1.0, seed, fp
    )


@wp.func
def floor_colour(
    table: wp.array(dtype=wp.float32), ws: wp.array(dtype=Surroundings), px: wp.float32, py: wp.float32, fp: wp.float32
) -> wp.vec3:
    c = ws[0].ground_cos
    n = ws[0].ground_sin
    x = c * px + n * py
    y = c * py - n * px
    a = ws[0].ground_a
    b = ws[0].ground_b
    scale = ws[0].ground_scale
    broad = rough(table, x, y, 0.7, ws[0].seed, fp)
    fine = rough(table, x, y, 23.0, ws[0].seed + 0.3, fp)
    colour = a
    if ws[0].ground == 0:  # tiles with joints
        i = wp.int32(wp.floor(x / scale))
        j = wp.int32(wp.floor(y / scale))
        tone = 1.0 + 0.16 * (hash2(i, j, 3, table) - 0.5) + 0.05 * fine
        joint = wp.max(band(x, scale, 0.03, fp), band(y, scale, 0.03, fp))
        colour = mix(a * tone, b * 0.6, joint)
    elif ws[0].ground == 1:  # planks
        j = wp.int32(wp.floor(y / (0.35 * scale)))
        shift = hash2(j, 5, 1, table) * 3.0
        i = wp.int32(wp.floor((x + shift) / (2.4 * scale)))
        grain = rough(table, x * 0.12, y, 60.0, ws[0].seed + 0.1, fp)
        tone = 1.0 + 0.4 * (hash2(i, j, 2, table) - 0.5) + 0.16 * grain
        joint = wp.max(band(y, 0.35 * scale, 0.03, fp), band(x + shift, 2.4 * scale, 0.004, fp))
        colour = mix(a * tone, b * 0.3, joint)
    elif ws[0].ground == 2:  # grass
        blade = rough(table, x, y, 9.0, ws[0].seed + 0.5, fp)
        colour = mix(a, b, wp.clamp(0.5 + 0.45 * broad + 0.25 * blade, 0.0, 1.0)) * (1.0 + 0.3 * fine)
    elif ws[0].ground == 3:  # carpet with a motif
        d = wp.max(band(x + y, scale, 0.2, fp), band(x - y, scale, 0.2, fp))
        colour = mix(a, b, 0.5 * d) * (1.0 + 0.14 * fine)
    elif ws[0].ground == 4:  # asphalt, concrete
        crack = bump(rough(table, x, y, 0.8, ws[0].seed + 0.7, fp) + 0.25 * fine, 0.02)
        colour = a * (1.0 + 0.14 * fine + 0.16 * broad) * (1.0 - 0.3 * crack)
        line = cover(0.06 - wp.abs(y - 2.6 * scale), fp) * flag(scale > 0.5)
        colour = mix(colour, b, 0.85 * line)
    else:  # chequers
        k = wp.int32(wp.floor(x / scale)) + wp.int32(wp.floor(y / scale))
        near = wp.clamp(2.0 - 3.0 * fp / scale, 0.0, 1.0)
        colour = mix(a, b, 0.5 + (flag((k & 1) == 1) - 0.5) * near) * (1.0 + 0.05 * fine)
    return colour * (1.0 + 0.08 * broad)


@wp.func
def wall_colour(
    table: wp.array(dtype=wp.float32),
    ws: wp.array(dtype=Surroundings),
    u: wp.float32,
    z: wp.float32,
    side: wp.int32,
    fp: wp.float32,
) -> wp.vec4:
    """Colour of a wall at u along it and height z, and in the fourth place what it shines by itself (a window)."""
    stain = rough(table, u, z, 0.6, ws[0].seed + 0.2 * wp.float32(side), fp)
    colour = ws[0].wall_a * (1.0 + 0.06 * stain)
    if ws[0].wall == 1:  # two colours with a rail
        colour = mix(colour, ws[0].wall_b, cover(1.0 - z, fp))
        colour = colour * (1.0 - 0.3 * cover(0.025 - wp.abs(z - 1.0), fp))
    elif ws[0].wall == 2:  # bricks
        course = wp.floor(z / 0.075)
        across = u + 0.11 * (course - 2.0 * wp.floor(0.5 * course))
        i = wp.int32(wp.floor(across / 0.22))
        tone = 1.0 + 0.35 * (hash2(i, wp.int32(course), 9, table) - 0.5)
        joint = wp.max(band(z, 0.075, 0.16, fp), band(across, 0.22, 0.06, fp))
        colour = mix(ws[0].wall_a * tone, ws[0].wall_b, joint)
    elif ws[0].wall == 3:  # striped paper
        colour = mix(colour, ws[0].wall_b, 0.4 * band(u, 0.24, 0.5, fp))
    elif ws[0].wall == 4:  # panels
        joint = wp.max(band(u, 1.2, 0.012, fp), band(z, 1.25, 0.012, fp))
        colour = colour * (1.0 - 0.35 * joint)
    # What hangs or stands on it, one thing to each stretch of wall.
    stretch = 1.7
    cell = wp.int32(wp.floor(u / stretch))
    x = u - (wp.float32(cell) + 0.5) * stretch
    pick = hash2(cell, side, 21, table)
    r1 = hash2(cell, side, 22, table)
    r2 = hash2(cell, side, 23, table)
    r3 = hash2(cell, side, 24, table)
    glow = float(0.0)
    if pick < 0.2:  # picture in a frame
        a = 0.2 + 0.45 * r1
        b = 0.2 + 0.35 * r2
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.65) - b)
        swirl = rough(table, x + r3 * 9.0, z + r1 * 9.0, 3.0, ws[0].seed, fp)
        art = mix(wp.vec3(r1, r2, r3) * 0.7, wp.vec3(r3, 0.3 + 0.5 * r1, r2) * 0.6, 0.5 + 0.5 * swirl)
        colour = colour * (1.0 - 0.3 * bump(wp.max(d, 0.0), 0.05) * flag(d > 0.0))
        colour = mix(colour, wp.vec3(0.05, 0.04, 0.03) * (1.0 + 8.0 * r2), cover(-d, fp))
        colour = mix(colour, art, cover(-d - 0.035, fp))
    elif pick < 0.42:  # window
        a = 0.45 + 0.25 * r1
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.6) - 0.65)
        colour = mix(colour, wp.vec3(0.75, 0.74, 0.7), cover(-d + 0.07, fp))
        pane = cover(-d, fp) * (1.0 - wp.max(cover(0.025 - wp.abs(x), fp), cover(0.02 - wp.abs(z - 1.75), fp)))
        view = mix(ws[0].horizon, ws[0].sky, wp.clamp((z - 1.0) * 0.8, 0.0, 1.0))
        leaf = ramp(0.1, 0.35, rough(table, x * 1.3 + r1 * 20.0, z * 1.3, 2.2, ws[0].seed, fp) - 0.9 * (z - 1.3))
        view = mix(view, wp.vec3(0.07, 0.13, 0.05), leaf)
        colour = mix(colour, view, pane)
        glow = pane
    elif pick < 0.54:  # door
        d = wp.max(wp.abs(x) - 0.43, z - 2.05)
        colour = mix(colour, ws[0].wall_b * 0.7, cover(-d + 0.08, fp))
        leaf_tone = wp.vec3(0.28, 0.17, 0.09) * (0.4 + 2.0 * r1)
        inset = wp.max(wp.abs(x) - 0.3, wp.abs(z - wp.where(z > 1.0, 1.5, 0.5)) - 0.35)
        colour = mix(colour, leaf_tone * (1.0 - 0.3 * bump(inset, 0.015)), cover(-d, fp))
        colour = mix(colour, wp.vec3(0.4, 0.36, 0.25), cover(0.025 - wp.max(wp.abs(x - 0.36), wp.abs(z - 1.02)), fp))
    elif pick < 0.74:  # shelves
        d = wp.max(wp.abs(x) - 0.6, z - (1.2 + 0.9 * r1))
        j = wp.int32(wp.floor(z / 0.36))
        book = wp.int32(wp.floor((x + 2.0) / (0.035 + 0.03 * r2)))
        tall = 0.16 + 0.15 * hash2(book, j, cell, table)
        on = flag(z - 0.36 * wp.float32(j) < tall + 0.03) * flag(hash2(book // 5, j, 31, table) > 0.25)
        spine = wp.vec3(hash2(book, j, 41, table), hash2(book, j, 42, table), hash2(book, j, 43, table))
        inner = mix(wp.vec3(0.03, 0.025, 0.02), wp.cw_mul(spine, spine) * 0.6, on)
        wood = wp.vec3(0.22, 0.14, 0.08) * (0.5 + 1.6 * r3)
        inner = mix(inner, wood, wp.max(band(z + 0.19, 0.36, 0.08, fp), cover(wp.abs(x) - 0.57, fp)))
        colour = mix(colour, inner, cover(-d, fp))
    skirting = cover(0.09 - z, fp)
    colour = mix(colour, ws[0].wall_b * 0.8 + wp.vec3(0.08, 0.08, 0.08), skirting * flag(ws[0].wall != 2))
    return wp.vec4(colour[0], colour[1], colour[2], glow)


@wp.func
def sky_colour(table: wp.array(dtype=wp.float32), ws: wp.array(dtype=Surroundings), d: wp.vec3) -> wp.vec3:
    up = wp.max(d[2], 0.0)
    colour = mix(ws[0].horizon, ws[0].sky, wp.sqrt(wp.min(1.6 * up, 1.0)))
    t = 1.0 / (up + 0.12)
    puff = rough(table, d[0] * t * 3.0, d[1] * t * 3.0, 0.55, ws[0].seed, 0.0) + 0.5 * rough(
        table, d[0] * t * 3.0, d[1] * t * 3.0, 1.4, ws[0].seed, 0.0
    )
    colour = mix(
        colour,
        wp.vec3(1.0, 1.0, 1.0) * (0.35 * (ws[0].horizon[0] + ws[0].horizon[1] + ws[0].horizon[2])),
        ws[0].cloud * ramp(0.0, 0.7, puff),
    )
    if ws[0].skyline == 0:
        return colour
    turn = wp.atan2(d[1], d[0]) + 3.2
    level = d[2] / wp.max(wp.sqrt(d[0] * d[0] + d[1] * d[1]), 1e-3)
    fp = 0.003
    haze = 0.35
    if ws[0].skyline == 1:  # trees
        top = ws[0].skyline_height * (
            0.75
            + 0.4 * rough(table, turn * 6.0, 0.0, 1.0, ws[0].seed, 0.0)
            + 0.2 * rough(table, turn * 40.0, 0.0, 1.0, ws[0].seed, 0.0)
        )
        leaves = rough(table, turn * 12.0, level * 14.0, 4.0, ws[0].seed, 0.0)
        tree = ws[0].skyline_colour * (1.0 + 0.6 * leaves)
        haze = 0.12
        return mix(colour, mix(tree, ws[0].horizon, haze), cover(top + 0.02 * leaves - level, fp))
    width = 0.16
    for layer in range(2):
        x = turn / width + wp.float32(layer) * 7.37
        cell = wp.int32(wp.floor(x))
        r = hash2(cell, layer, 51, table)
        top = ws[0].skyline_height * (0.35 + 1.2 * r) * (1.0 - 0.35 * wp.float32(layer))
        front = ws[0].skyline_colour * (0.6 + 0.9 * hash2(cell, layer, 52, table))
        rows = band(level, 0.028 + 0.02 * r, 0.45, fp) * band(x, 0.09 + 0.05 * r, 0.5, 0.02)
        pane = mix(wp.vec3(0.05, 0.06, 0.08), ws[0].sky, 0.5 * hash2(cell, wp.int32(level * 30.0), 53, table))
        front = mix(front, pane, 0.8 * rows)
        haze = 0.35 - 0.2 * wp.float32(layer)
        colour = mix(colour, mix(front, ws[0].horizon, haze), cover(top - level, fp))
    return colour


@wp.func
def light(normal: wp.vec3, ambient: wp.array(dtype=wp.vec3), key: wp.vec3, towards: wp.vec3) -> wp.vec3:
    x = normal[0]
    y = normal[1]
    z = normal[2]
    value = ambient[0] * 0.282095 + (ambient[1] * y + ambient[2] * z + ambient[3] * x) * 0.488603
    value += (ambient[4] * (x * y) + ambient[5] * (y * z) + ambient[7] * (x * z)) * 1.092548
    value += ambient[6] * (0.315392 * (3.0 * z * z - 1.0)) + ambient[8] * (0.546274 * (x * x - y * y))
    return value + key * wp.max(wp.dot(normal, towards), 0.0)


@wp.kernel
def backdrop_kernel(
    ws: wp.array(dtype=Surroundings),
    boxes: wp.array(dtype=Box),
    box_count: wp.int32,
    rays: wp.array2d(dtype=wp.vec3),
    width: wp.int32,
    height: wp.int32,
    eye: wp.vec3,
    pixel: wp.float32,
    towards: wp.vec3,
    key: wp.vec3,
    ambient: wp.array(dtype=wp.vec3),
    table: wp.array(dtype=wp.float32),
    colour_out: wp.array(dtype=wp.vec3),
    distance_out: wp.array(dtype=wp.float32),
    ground_out: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    px = i % width
    py = i // width
    # The rays of a coarse grid over the picture, between which lenses are all but linear.
    gx = (wp.float32(px) + 0.5) / wp.float32(width) * wp.float32(rays.shape[1] - 1)
    gy = (wp.float32(py) + 0.5) / wp.float32(height) * wp.float32(rays.shape[0] - 1)
    ix = wp.min(wp.int32(gx), rays.shape[1] - 2)
    iy = wp.min(wp.int32(gy), rays.shape[0] - 2)
    fx = gx - wp.float32(ix)
    fy = gy - wp.float32(iy)
    upper = rays[iy, ix] * (1.0 - fx) + rays[iy, ix + 1] * fx
    lower = rays[iy + 1, ix] * (1.0 - fx) + rays[iy + 1, ix + 1] * fx
    d = wp.normalize(upper * (1.0 - fy) + lower * fy)

    nowhere = wp.vec3(wp.NAN, wp.NAN, wp.NAN)
    t = float(1.0e6)
    normal = wp.vec3(0.0, 0.0, 1.0)
    albedo = wp.vec3(0.0, 0.0, 0.0)
    glow = float(0.0)
    shade = float(1.0)
    on_ground = False
    if d[2] < -1.0e-4:
        t = -eye[2] / d[2]
        on_ground = True
    wall_side = int(-1)
    if ws[0].indoors == 1:
        # A box seen from inside: the farthest entry is where the ray leaves.
        c = ws[0].wall_cos
        n = ws[0].wall_sin
        ex = c * eye[0] + n * eye[1]
        ey = c * eye[1] - n * eye[0]
        dx = c * d[0] + n * d[1]
        dy = c * d[1] - n * d[0]
        dx = wp.where(wp.abs(dx) < 1e-6, 1e-6, dx)
        dy = wp.where(wp.abs(dy) < 1e-6, 1e-6, dy)
        tx = (wp.where(dx > 0.0, ws[0].high[0], ws[0].low[0]) - ex) / dx
        ty = (wp.where(dy > 0.0, ws[0].high[1], ws[0].low[1]) - ey) / dy
        tw = wp.min(tx, ty)
        if tw < t:
            t = tw
            on_ground = False
            wall_side = wp.where(tx < ty, wp.where(dx > 0.0, 0, 1), wp.where(dy > 0.0, 2, 3))
            if d[2] > 0.0:
                tc = (ws[0].high[2] - eye[2]) / d[2]
                if tc < t:
                    t = tc
                    wall_side = 4
        hx = ex + t * dx
        hy = ey + t * dy
        hz = eye[2] + t * d[2]
        near_wall = wp.min(wp.min(ws[0].high[0] - hx, hx - ws[0].low[0]), wp.min(ws[0].high[1] - hy, hy - ws[0].low[1]))
        if wall_side == 4:
            albedo = wp.vec3(0.72, 0.71, 0.68)
            normal = wp.vec3(0.0, 0.0, -1.0)
            shade = 1.0 - 0.35 * wp.exp(-3.0 * near_wall)
        elif wall_side >= 0:
            along = wp.where(wall_side < 2, hy - ws[0].low[1], hx - ws[0].low[0])
            fp = pixel * t
            wall = wall_colour(table, ws, along, hz, wall_side, fp)
            albedo = wp.vec3(wall[0], wall[1], wall[2])
            glow = wall[3]
            sign = wp.where(wall_side == 0 or wall_side == 2, -1.0, 1.0)
            if wall_side < 2:
                normal = wp.vec3(c * sign, n * sign, 0.0)
            else:
                normal = wp.vec3(-n * sign, c * sign, 0.0)
            length = wp.where(wall_side < 2, ws[0].high[1] - ws[0].low[1], ws[0].high[0] - ws[0].low[0])
            corner = wp.min(wp.min(along, length - along), wp.min(hz, ws[0].high[2] - hz))
            shade = 1.0 - 0.4 * wp.exp(-3.0 * corner)
        else:
            shade = 1.0 - 0.4 * wp.exp(-3.0 * near_wall)

    # Clutter, each a box turned about the vertical.
    hit = int(-1)
    local = wp.vec3(0.0, 0.0, 0.0)
    axis = int(0)
    for k in range(box_count):
        c = boxes[k].cos
        n = boxes[k].sin
        rel = eye - boxes[k].centre
        ox = c * rel[0] + n * rel[1]
        oy = c * rel[1] - n * rel[0]
        dx = c * d[0] + n * d[1]
        dy = c * d[1] - n * d[0]
        ax = wp.where(wp.abs(dx) < 1e-6, 1e-6, dx)
        ay = wp.where(wp.abs(dy) < 1e-6, 1e-6, dy)
        az = wp.where(wp.abs(d[2]) < 1e-6, 1e-6, d[2])
        x0 = (-wp.sign(ax) * boxes[k].half[0] - ox) / ax
        y0 = (-wp.sign(ay) * boxes[k].half[1] - oy) / ay
        z0 = (-wp.sign(az) * boxes[k].half[2] - rel[2]) / az
        x1 = (wp.sign(ax) * boxes[k].half[0] - ox) / ax
        y1 = (wp.sign(ay) * boxes[k].half[1] - oy) / ay
        z1 = (wp.sign(az) * boxes[k].half[2] - rel[2]) / az
        enter = wp.max(wp.max(x0, y0), z0)
        if enter > 0.05 and enter < wp.min(wp.min(x1, y1), z1) and enter < t:
            t = enter
            hit = k
            local = wp.vec3(ox + enter * dx, oy + enter * dy, rel[2] + enter * d[2])
            if enter == x0:
                axis = 0
                normal = wp.vec3(-wp.sign(ax) * c, -wp.sign(ax) * n, 0.0)
            elif enter == y0:
                axis = 1
                normal = wp.vec3(wp.sign(ay) * n, -wp.sign(ay) * c, 0.0)
            else:
                axis = 2
                normal = wp.vec3(0.0, 0.0, -wp.sign(az))

    fp = pixel * t
    p = eye + t * d
    result = wp.vec3(0.0, 0.0, 0.0)
    ground_out[i] = nowhere
    if hit >= 0:
        k = hit
        u = wp.where(axis == 0, local[1], local[0])
        v = local[2] + boxes[k].half[2]
        albedo = boxes[k].colour
        if boxes[k].kind == 1:  # drawers
            joint = wp.max(band(v, 0.3, 0.05, fp), band(u, 0.6, 0.025, fp)) * flag(axis != 2)
            albedo = mix(albedo, boxes[k].second * 0.4, joint)
        elif boxes[k].kind == 2:  # cushions or hedge: mottled
            lump = rough(table, u * 2.0 + boxes[k].centre[0], v * 2.0 + boxes[k].centre[1], 3.0, ws[0].seed, fp)
            albedo = mix(albedo, boxes[k].second, wp.clamp(0.5 + 0.7 * lump, 0.0, 1.0))
        elif boxes[k].kind == 3:  # crate slats
            albedo = mix(albedo, boxes[k].second * 0.3, band(v, 0.14, 0.1, fp))
        lift = v
        shade = (1.0 - 0.45 * wp.exp(-6.0 * lift)) * (0.9 + 0.1 * flag(axis == 2))
        glow = 0.0
        result = wp.cw_mul(albedo, light(normal, ambient, key, towards)) * shade
    elif on_ground:
        albedo = floor_colour(table, ws, p[0], p[1], fp)
        for k in range(box_count):
            c = boxes[k].cos
            n = boxes[k].sin
            rx = p[0] - boxes[k].centre[0]
            ry = p[1] - boxes[k].centre[1]
            qx = wp.abs(c * rx + n * ry) - boxes[k].half[0]
            qy = wp.abs(c * ry - n * rx) - boxes[k].half[1]
            gap = wp.max(wp.max(qx, qy), 0.0)
            shade = shade * (1.0 - 0.5 * wp.exp(-5.0 * gap / (0.3 + boxes[k].half[2])))
        result = wp.cw_mul(albedo, light(wp.vec3(0.0, 0.0, 1.0), ambient, key, towards)) * shade
        if ws[0].indoors == 0:
            result = mix(ws[0].horizon * 0.6, result, wp.max(wp.exp(-0.002 * t), 0.5))
        ground_out[i] = p
    elif ws[0].indoors == 1:
        lit = wp.cw_mul(albedo, light(normal, ambient, key, towards)) * shade
        result = mix(lit, albedo * 1.3, glow)
    else:
        result = sky_colour(table, ws, d)
    colour_out[i] = result
    distance_out[i] = wp.min(t, 1.0e4)
