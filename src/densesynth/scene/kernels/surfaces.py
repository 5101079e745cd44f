"""Colours of floors, walls and the sky."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import band, bump, cover, flag, mix, ramp
from densesynth.scene.kernels.base import PLANK_ACROSS, PLANK_ALONG, Surroundings, fade, hash2, rough, stripes, whole

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def hypotenuse(leg: wp.float32) -> wp.float32:
    """Of a right triangle whose other leg is 1, within a tenth."""
    return wp.max(leg, 1.0) + 0.35 * wp.min(leg, 1.0)


@wp.func
def floor_colour(
    table: wp.array(dtype=wp.float32), ws: Surroundings, px: wp.float32, py: wp.float32, d: wp.vec3, near: wp.float32
) -> wp.vec3:
    """The floor at (px, py), seen along d. near: metres across the ray that a pixel covers there.

    Along the ray a pixel covers more, the flatter it looks on to the floor; joints widen each by its own direction.
    """
    c = ws.ground_cos
    n = ws.ground_sin
    x = c * px + n * py
    y = c * py - n * px
    slant = 1.0 / wp.max(wp.abs(d[2]), 1.0e-3)
    fp = near * wp.sqrt(wp.max(slant, 1.0))
    a = ws.ground_a
    b = ws.ground_b
    broad = rough(table, x, y, 0.7, ws.seed, fp)
    fine = rough(table, x, y, 23.0, ws.seed + 0.3, fp)
    if ws.ground == 2:  # grass
        blade = rough(table, x, y, 9.0, ws.seed + 0.5, fp)
        return mix(a, b, wp.clamp(0.5 + 0.45 * broad + 0.25 * blade, 0.0, 1.0)) * (
            (1.0 + 0.3 * fine) * (1.0 + 0.08 * broad)
        )
    scale = ws.ground_scale
    often = 1.0 / scale
    dx = c * d[0] + n * d[1]
    dy = c * d[1] - n * d[0]
    wx = near * often * hypotenuse(wp.abs(dx) * slant)  # a pixel's widths in periods
    wy = near * often * hypotenuse(wp.abs(dy) * slant)
    u = x * often
    v = y * often
    tone = 1.0 + 0.08 * broad
    colour = a
    joint = float(0.0)
    if ws.ground == 0:  # tiles with joints
        tone *= 1.0 + 0.16 * (hash2(whole(u), whole(v), 3) - 0.5) + 0.05 * fine
        joint = wp.max(stripes(u, 0.03, wx), stripes(v, 0.03, wy))
        colour = mix(a, b * 0.6, joint)
    elif ws.ground == 1:  # planks
        v = v * PLANK_ACROSS
        j = whole(v)
        u = (x + hash2(j, 5, 1) * 3.0) * (often * PLANK_ALONG)
        grain = rough(table, x * 0.12, y, 60.0, ws.seed + 0.1, wy * scale)
        tone *= 1.0 + 0.4 * (hash2(whole(u), j, 2) - 0.5) + 0.16 * grain
        joint = wp.max(stripes(v, 0.03, wy * PLANK_ACROSS), stripes(u, 0.004, wx * PLANK_ALONG))
        colour = mix(a, b * 0.3, joint)
    elif ws.ground == 3:  # carpet with a motif
        joint = wp.max(stripes(u + v, 0.2, wx + wy), stripes(u - v, 0.2, wx + wy))
        tone *= 1.0 + 0.14 * fine
        colour = mix(a, b, 0.5 * joint)
    elif ws.ground == 4:  # asphalt, concrete
        crack = 50.0 * (rough(table, x, y, 0.8, ws.seed + 0.7, fp) + 0.25 * fine) / (1.0 + 60.0 * fp)
        cracked = 0.25 * ramp(0.0, 0.5, broad) / (1.0 + 60.0 * fp)  # in places, and fainter than a pixel further off
        tone *= (1.0 + 0.14 * fine + 0.16 * broad) * (1.0 - cracked * fade(crack * crack))
        if scale > 0.5:  # with a painted line
            wide = wp.max(wy * scale, 1e-4)
            joint = cover(0.06 - wp.abs(y - 2.6 * scale), wide) * wp.min(0.12 / wide, 1.0)
            colour = mix(a, b, 0.85 * joint)
    else:  # chequers: the product of two square waves, each smoothed over its own footprint
        wave = (2.0 * stripes(0.5 * u, 0.5, 0.5 * wx) - 1.0) * (2.0 * stripes(0.5 * v, 0.5, 0.5 * wy) - 1.0)
        tone *= 1.0 + 0.05 * fine
        colour = mix(a, b, 0.5 + 0.5 * wave)
    return colour * tone


@wp.func
def wall_colour(
    table: wp.array(dtype=wp.float32),
    ws: Surroundings,
    u: wp.float32,
    z: wp.float32,
    side: wp.int32,
    fp: wp.float32,
) -> wp.vec4:
    """Colour of a wall at u along it and height z, and in the fourth place what it shines by itself (a window)."""
    stain = rough(table, u, z, 0.6, ws.seed + 0.2 * wp.float32(side), fp)
    colour = ws.wall_a * (1.0 + 0.06 * stain)
    if ws.wall == 1:  # two colours with a rail
        colour = mix(colour, ws.wall_b, cover(1.0 - z, fp))
        colour = colour * (1.0 - 0.3 * cover(0.025 - wp.abs(z - 1.0), fp))
    elif ws.wall == 2:  # bricks
        course = wp.floor(z / 0.075)
        across = u + 0.11 * (course - 2.0 * wp.floor(0.5 * course))
        i = whole(across / 0.22)
        tone = 1.0 + 0.35 * (hash2(i, wp.int32(course), 9) - 0.5)
        joint = wp.max(band(z, 0.075, 0.16, fp), band(across, 0.22, 0.06, fp))
        colour = mix(ws.wall_a * tone, ws.wall_b, joint)
    elif ws.wall == 3:  # striped paper
        colour = mix(colour, ws.wall_b, 0.4 * band(u, 0.24, 0.5, fp))
    elif ws.wall == 4:  # panels
        joint = wp.max(band(u, 1.2, 0.012, fp), band(z, 1.25, 0.012, fp))
        colour = colour * (1.0 - 0.35 * joint)
    # What hangs or stands on it, one thing to each stretch of wall.
    stretch = 1.7
    cell = whole(u / stretch)
    x = u - (wp.float32(cell) + 0.5) * stretch
    key = side + 4 * whole(ws.seed * 997.0)  # other rooms have other things
    pick = hash2(cell, key, 21)
    r1 = hash2(cell, key, 22)
    r2 = hash2(cell, key, 23)
    r3 = hash2(cell, key, 24)
    glow = float(0.0)
    if pick < 0.2:  # picture in a frame
        a = 0.2 + 0.45 * r1
        b = 0.2 + 0.35 * r2
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.65) - b)
        swirl = rough(table, x + r3 * 9.0, z + r1 * 9.0, 3.0, ws.seed, fp)
        art = mix(wp.vec3(r1, r2, r3) * 0.7, wp.vec3(r3, 0.3 + 0.5 * r1, r2) * 0.6, 0.5 + 0.5 * swirl)
        colour = colour * (1.0 - 0.3 * bump(wp.max(d, 0.0), 0.05) * flag(d > 0.0))
        colour = mix(colour, wp.vec3(0.05, 0.04, 0.03) * (1.0 + 8.0 * r2), cover(-d, fp))
        colour = mix(colour, art, cover(-d - 0.035, fp))
    elif pick < 0.42:  # window
        a = 0.45 + 0.25 * r1
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.6) - 0.65)
        colour = mix(colour, wp.vec3(0.75, 0.74, 0.7), cover(-d + 0.07, fp))
        pane = cover(-d, fp) * (1.0 - wp.max(cover(0.025 - wp.abs(x), fp), cover(0.02 - wp.abs(z - 1.75), fp)))
        view = mix(ws.horizon, ws.sky, wp.clamp((z - 1.0) * 0.8, 0.0, 1.0))
        far = x + r1 * 20.0
        crown = (
            1.05
            + 0.5 * r3
            + 0.3 * rough(table, far, 0.0, 1.7, ws.seed, fp)
            + 0.1 * rough(table, far, z, 9.0, ws.seed, fp)
        )
        green = wp.vec3(0.08, 0.13, 0.06) * (1.0 + 0.5 * rough(table, far, z, 14.0, ws.seed, fp))
        view = mix(view, mix(green, ws.horizon, 0.25), ramp(-0.03, 0.03, crown - z))
        colour = mix(colour, view, pane)
        glow = pane
    elif pick < 0.54:  # door
        d = wp.max(wp.abs(x) - 0.43, z - 2.05)
        colour = mix(colour, ws.wall_b * 0.7, cover(-d + 0.08, fp))
        leaf_tone = wp.vec3(0.28, 0.17, 0.09) * (0.4 + 2.0 * r1)
        inset = wp.max(wp.abs(x) - 0.3, wp.abs(z - wp.where(z > 1.0, 1.5, 0.5)) - 0.35)
        colour = mix(colour, leaf_tone * (1.0 - 0.3 * bump(inset, 0.015)), cover(-d, fp))
        colour = mix(colour, wp.vec3(0.4, 0.36, 0.25), cover(0.025 - wp.max(wp.abs(x - 0.36), wp.abs(z - 1.02)), fp))
    elif pick < 0.74:  # shelves
        d = wp.max(wp.abs(x) - 0.6, z - (1.2 + 0.9 * r1))
        j = whole(z / 0.36)
        book = whole((x + 2.0) / (0.035 + 0.03 * r2))
        tall = 0.16 + 0.15 * hash2(book, j, cell)
        on = flag(z - 0.36 * wp.float32(j) < tall + 0.03) * flag(hash2(book // 5, j, 31) > 0.25)
        shelf = j + 16 * key
        tone = 0.25 + 0.75 * hash2(book, shelf, 44)
        spine = wp.vec3(hash2(book, shelf, 41), hash2(book, shelf, 42), hash2(book, shelf, 43)) * 0.5
        spine = (spine + wp.vec3(0.3, 0.25, 0.2)) * tone
        inner = mix(wp.vec3(0.03, 0.025, 0.02), wp.cw_mul(spine, spine) * 0.6, on)
        wood = wp.vec3(0.22, 0.14, 0.08) * (0.5 + 1.6 * r3)
        inner = mix(inner, wood, wp.max(band(z + 0.19, 0.36, 0.08, fp), cover(wp.abs(x) - 0.57, fp)))
        colour = mix(colour, inner, cover(-d, fp))
    skirting = cover(0.09 - z, fp)
    colour = mix(colour, ws.wall_b * 0.8 + wp.vec3(0.08, 0.08, 0.08), skirting * flag(ws.wall != 2))
    return wp.vec4(colour[0], colour[1], colour[2], glow)


@wp.func
def sky_colour(table: wp.array(dtype=wp.float32), ws: Surroundings, ray: wp.vec3) -> wp.vec3:
    """Sky, clouds, and the trees or houses on the horizon."""
    d = wp.normalize(ray)
    trees = wp.vec4(0.0, 0.0, 0.0, 0.0)
    level = d[2] / wp.max(wp.sqrt(d[0] * d[0] + d[1] * d[1]), 1e-3)
    on_skyline = ws.skyline > 0 and level < 1.6 * ws.skyline_height + 0.05
    turn = float(0.0)
    if on_skyline:
        turn = wp.atan2(d[1], d[0]) + 3.2
    fp = 0.003
    if on_skyline and ws.skyline == 1:
        top = ws.skyline_height * (
            0.75
            + 0.4 * rough(table, turn * 6.0, 0.0, 1.0, ws.seed, 0.0)
            + 0.2 * rough(table, turn * 40.0, 0.0, 1.0, ws.seed, 0.0)
        )
        leaves = rough(table, turn * 12.0, level * 14.0, 4.0, ws.seed, 0.0)
        tree = mix(ws.skyline_colour * (1.0 + 0.6 * leaves), ws.horizon, 0.12)
        share = cover(top + 0.02 * leaves - level, fp)
        if share >= 1.0:
            return tree
        trees = wp.vec4(tree[0], tree[1], tree[2], share)
    houses = wp.vec3(0.0, 0.0, 0.0)
    left = float(1.0)  # share of what lies behind the houses
    if on_skyline and ws.skyline == 2:
        home = whole(ws.seed * 997.0)
        for layer in range(2):  # the nearer row first: what it hides is not painted
            far = wp.float32(layer)
            x = turn * (1.0 / 0.16) + far * 7.37
            cell = whole(x)
            r = hash2(cell + home, layer, 51)
            top = ws.skyline_height * (0.35 + 1.2 * r) * (0.65 + 0.35 * far)
            share = cover(top - level, fp) * left
            if share > 0.0:
                front = ws.skyline_colour * (0.6 + 0.9 * hash2(cell + home, layer, 52))
                rows = band(level, 0.028 + 0.02 * r, 0.45, fp) * band(x, 0.09 + 0.05 * r, 0.5, 0.02)
                pane = mix(wp.vec3(0.05, 0.06, 0.08), ws.sky, 0.5 * hash2(cell, whole(level * 30.0), 53))
                houses += mix(mix(front, pane, 0.8 * rows), ws.horizon, 0.15 + 0.2 * far) * share
                left -= share
                if left <= 0.0:
                    return houses
    up = wp.max(d[2], 0.0)
    colour = mix(ws.horizon, ws.sky, wp.sqrt(wp.min(1.6 * up, 1.0)))
    t = 3.0 / (up + 0.12)
    puff = rough(table, d[0] * t, d[1] * t, 0.55, ws.seed, 0.0)
    puff += 0.5 * rough(table, d[0] * t, d[1] * t, 1.4, ws.seed, 0.0)
    white = 0.35 * (ws.horizon[0] + ws.horizon[1] + ws.horizon[2])
    colour = mix(colour, wp.vec3(white, white, white), ws.cloud * ramp(0.0, 0.7, puff))
    if ws.skyline == 1:
        return mix(colour, wp.vec3(trees[0], trees[1], trees[2]), trees[3])
    return colour * left + houses
