"""Colours of a room's walls and ceiling."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import band, bump, cover, flag, mix, ramp
from densesynth.scene.kernels.base import CLOUDS, LEAVES, Surroundings, fade, hash2, hash4, speck, texture, whole

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def wall_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    u: wp.float32,
    z: wp.float32,
    side: wp.int32,
    fp: wp.float32,
) -> wp.vec4:
    """Colour of a wall at u along it and height z, and in the fourth place what it shines by itself (a window)."""
    stain = texture(table, CLOUDS, 0.17 * u + 0.2 * wp.float32(side) + worlds[0].seed, 0.17 * z, 0.17 * fp)
    colour = worlds[0].wall_a * (1.0 + 0.09 * stain)
    if worlds[0].wall == 1:  # two colours with a rail
        colour = mix(colour, worlds[0].wall_b, cover(1.0 - z, fp))
        colour = colour * (1.0 - 0.3 * cover(0.025 - wp.abs(z - 1.0), fp))
    elif worlds[0].wall == 2:  # bricks
        course = wp.floor(z / 0.075)
        across = u + 0.11 * (course - 2.0 * wp.floor(0.5 * course))
        i = whole(across / 0.22)
        tone = 1.0 + 0.35 * (hash2(i, wp.int32(course), 9) - 0.5) + 0.25 * stain
        joint = wp.max(band(z, 0.075, 0.16, fp), band(across, 0.22, 0.06, fp))
        colour = mix(worlds[0].wall_a * tone, worlds[0].wall_b, joint)
    elif worlds[0].wall == 3:  # striped paper
        colour = mix(colour, worlds[0].wall_b, 0.4 * band(u, 0.24, 0.5, fp))
    elif worlds[0].wall == 4:  # panels
        joint = wp.max(band(u, 1.2, 0.012, fp), band(z, 1.25, 0.012, fp))
        colour = colour * (1.0 - 0.35 * joint)
    elif worlds[0].wall == 5:  # paper with leaves
        leaf = speck(table, LEAVES, 0.55 * u, 0.55 * z, 0.55 * fp)
        colour = mix(colour, worlds[0].wall_b, 0.6 * ramp(-0.2, 0.1, leaf))
    elif worlds[0].wall == 6:  # bare plaster, concrete
        spots = texture(table, CLOUDS, 0.9 * u, 0.9 * z, 0.9 * fp)
        joint = wp.max(band(u, 2.5, 0.004, fp), band(z + 0.3, 1.4, 0.006, fp))
        colour = colour * ((1.0 + 0.16 * spots + 0.12 * stain) * (1.0 - 0.35 * joint))
    elif worlds[0].wall == 7:  # boards
        board = whole(u / 0.13)
        vein = texture(table, CLOUDS, 1.3 * u, 0.09 * z + 0.37 * wp.float32(board), 1.3 * fp)
        colour = colour * (1.0 + 0.3 * (hash2(board, side, 5) - 0.5) + 0.3 * vein)
        colour = colour * (1.0 - 0.45 * band(u + 0.065, 0.13, 0.05, fp))
    elif worlds[0].wall == 8:  # tiles up to a height
        joint = wp.max(band(u, 0.15, 0.04, fp), band(z, 0.15, 0.04, fp))
        shade = 1.0 + 0.12 * (hash2(whole(u / 0.15), whole(z / 0.15), 8) - 0.5)
        colour = mix(colour, mix(worlds[0].wall_b * shade, wp.vec3(0.5, 0.49, 0.46), 0.7 * joint), cover(1.8 - z, fp))
    # What hangs or stands on it, one thing to each stretch of wall.
    stretch = 1.7
    cell = whole(u / stretch)
    x = u - (wp.float32(cell) + 0.5) * stretch
    key = side + 4 * whole(worlds[0].seed * 997.0)  # other rooms have other things
    drawn = hash4(cell, key, 21)
    pick = drawn[0]
    r1 = drawn[1]
    r2 = drawn[2]
    r3 = drawn[3]
    glow = float(0.0)
    if pick < 0.18:  # picture in a frame
        a = 0.2 + 0.45 * r1
        b = 0.2 + 0.35 * r2
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.65) - b)
        swirl = texture(table, CLOUDS, 0.6 * x + r3 * 9.0, 0.6 * z + r1 * 9.0, 0.6 * fp)
        art = mix(wp.vec3(r1, r2, r3) * 0.7, wp.vec3(r3, 0.3 + 0.5 * r1, r2) * 0.6, wp.clamp(0.5 + swirl, 0.0, 1.0))
        if r3 > 0.5:  # a landscape
            land = cover(1.6 + 0.25 * swirl - z, fp)
            art = mix(wp.vec3(0.4, 0.5, 0.6) * (0.8 + 0.5 * swirl), wp.vec3(0.12, 0.16, 0.07) * (1.0 + swirl), land)
        art = mix(art, wp.vec3(0.6, 0.58, 0.53), cover(d + 0.035 + 0.12 * r1, fp) * flag(r2 > 0.4))  # its mount
        colour = colour * (1.0 - 0.3 * bump(wp.max(d, 0.0), 0.05) * flag(d > 0.0))
        colour = mix(colour, wp.vec3(0.05, 0.04, 0.03) * (1.0 + 8.0 * r2), cover(-d, fp))
        colour = mix(colour, art, cover(-d - 0.035, fp))
    elif pick < 0.4:  # window
        a = 0.45 + 0.25 * r1
        d = wp.max(wp.abs(x) - a, wp.abs(z - 1.6) - 0.65)
        colour = mix(colour, wp.vec3(0.75, 0.74, 0.7), cover(-d + 0.07, fp))
        pane = cover(-d, fp) * (1.0 - wp.max(cover(0.025 - wp.abs(x), fp), cover(0.02 - wp.abs(z - 1.75), fp)))
        view = mix(worlds[0].horizon, worlds[0].sky, wp.clamp((z - 1.0) * 0.8, 0.0, 1.0))
        far = x + r1 * 20.0
        leaf = speck(table, LEAVES, 0.35 * far, 0.35 * z, 0.35 * fp)
        crown = 1.05 + 0.5 * r3 + 0.6 * texture(table, CLOUDS, 0.2 * far, 0.1 * z, 0.2 * fp) + 0.06 * leaf
        green = wp.vec3(0.08, 0.13, 0.06) * (1.0 + 0.7 * leaf)
        view = mix(view, mix(green, worlds[0].horizon, 0.25), ramp(-0.03, 0.03, crown - z))
        colour = mix(colour, view, pane)
        glow = pane
        if r2 < 0.55:  # curtains
            fold = 0.5 + 0.5 * wp.sin(x * 55.0 + 4.0 * wp.sin(x * 17.0 + r1 * 6.0))
            edge = 0.62 * a + 0.35 * a * r3
            cloth = wp.min(wp.min(wp.abs(x) - edge, a + 0.16 - wp.abs(x)), wp.min(2.42 - z, z - 0.12))
            share = cover(cloth, fp)
            colour = mix(colour, worlds[0].curtain * (0.6 + 0.5 * fold), share)
            colour = mix(
                colour, wp.vec3(0.08, 0.07, 0.06), cover(wp.min(0.02 - wp.abs(z - 2.44), a + 0.28 - wp.abs(x)), fp)
            )
            glow = pane * (1.0 - share) + 0.12 * share
        elif r2 < 0.8:  # a radiator
            body = wp.min(a - wp.abs(x), wp.min(0.7 - z, z - 0.12))
            ribs = 0.75 + 0.25 * band(x, 0.06, 0.7, fp)
            colour = mix(colour, wp.vec3(0.62, 0.61, 0.58) * ribs, cover(body, fp))
    elif pick < 0.52:  # door
        d = wp.max(wp.abs(x) - 0.43, z - 2.05)
        colour = mix(colour, worlds[0].wall_b * 0.7, cover(-d + 0.08, fp))
        leaf_tone = wp.vec3(0.28, 0.17, 0.09) * (0.4 + 2.0 * r1)
        inset = wp.max(wp.abs(x) - 0.3, wp.abs(z - wp.where(z > 1.0, 1.5, 0.5)) - 0.35)
        colour = mix(colour, leaf_tone * (1.0 - 0.3 * bump(inset, 0.015)), cover(-d, fp))
        colour = mix(colour, wp.vec3(0.4, 0.36, 0.25), cover(0.025 - wp.max(wp.abs(x - 0.36), wp.abs(z - 1.02)), fp))
    elif pick < 0.68:  # shelves
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
    elif pick < 0.77:  # wardrobe or sideboard, flat against the wall
        top = wp.where(r1 > 0.5, 2.0, 0.85)
        half = 0.55 + 0.25 * r2
        d = wp.max(wp.abs(x) - half, z - top)
        wood = mix(wp.vec3(0.3, 0.19, 0.1), wp.vec3(0.55, 0.54, 0.5), flag(r3 > 0.5)) * (0.4 + 0.9 * r2)
        vein = texture(table, CLOUDS, 1.4 * x + r3, 0.12 * z, 1.4 * fp)
        colour = colour * (1.0 - 0.4 * bump(wp.max(d, 0.0), 0.1) * flag(d > 0.0))
        leaf_width = 2.0 * half / 3.0
        seam = wp.max(band(x + half + 0.5 * leaf_width, leaf_width, 0.02, fp), cover(0.008 - wp.abs(z - 0.42), fp))
        handle = cover(0.012 - wp.abs(wp.abs(x) - 0.06), fp) * cover(0.08 - wp.abs(z - 0.55 * top), fp)
        wood = wood * ((1.0 + 0.25 * vein) * (1.0 - 0.6 * seam) * (1.0 - 0.5 * cover(0.07 - z, fp)))
        colour = mix(colour, mix(wood, wp.vec3(0.3, 0.29, 0.27), handle), cover(-d, fp))
    elif pick < 0.84:  # several small pictures
        column = wp.floor(x / 0.42)
        line = wp.floor((z - 1.1) / 0.5)
        if column > -3.0 and column < 2.0 and line > -1.0 and line < 2.0:
            q = hash2(wp.int32(column) + 9 * cell, wp.int32(line) + key, 27)
            d = wp.max(
                wp.abs(x - (column + 0.5) * 0.42) - 0.09 - 0.08 * q, wp.abs(z - 1.35 - 0.5 * line) - 0.2 + 0.09 * q
            )
            grey = hash2(wp.int32(column), wp.int32(line), key)
            dye = wp.vec3(0.2 + 0.6 * grey, 0.2 + 0.5 * grey + 0.15 * r2, 0.2 + 0.45 * grey + 0.2 * q)
            art = wp.cw_mul(dye, dye) * 0.7 * (1.0 + 0.7 * texture(table, CLOUDS, x + r1, z, fp))
            colour = colour * (1.0 - 0.25 * bump(wp.max(d, 0.0), 0.03) * flag(d > 0.0))
            colour = mix(colour, wp.vec3(0.04, 0.035, 0.03) * (1.0 + 9.0 * r3), cover(-d, fp))
            colour = mix(colour, art, cover(-d - 0.02, fp))
    elif pick < 0.91:  # a lamp on the wall, and its light
        up = z - 1.85
        bright = 0.5 / (1.0 + 9.0 * (x * x + up * up))
        colour = colour + wp.cw_mul(colour, wp.vec3(1.0, 0.75, 0.45)) * (1.6 * bright)
        shade = wp.min(0.1 + 0.25 * (0.1 - up) - wp.abs(x), 0.13 - wp.abs(up))
        colour = mix(colour, wp.vec3(0.95, 0.8, 0.55), cover(shade, fp))
        glow = 0.8 * cover(shade, fp)
    if z > 0.24 and z < 0.34:  # a socket
        plate = wp.max(wp.abs(u - 0.9 - 1.7 * wp.float32(cell)), wp.abs(z - 0.29))
        bare = flag(r3 < 0.4) * flag(pick < 0.4 or pick > 0.84)
        colour = mix(colour, wp.vec3(0.6, 0.59, 0.56), cover(0.04 - plate, fp) * bare)
    skirting = cover(0.09 - z, fp)
    colour = mix(colour, worlds[0].wall_b * 0.8 + wp.vec3(0.08, 0.08, 0.08), skirting * flag(worlds[0].wall != 2))
    return wp.vec4(colour[0], colour[1], colour[2], glow)


@wp.func
def ceiling_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    x: wp.float32,
    y: wp.float32,
    near_wall: wp.float32,
    rise: wp.float32,
    near: wp.float32,
) -> wp.vec4:
    """Colour of the ceiling, and what it shines by itself."""
    fp = near * wp.sqrt(1.0 / wp.clamp(rise, 0.05, 1.0))
    stain = texture(table, CLOUDS, 0.13 * x, 0.13 * y, 0.13 * fp)
    colour = worlds[0].ceiling_a * (1.0 + 0.07 * stain)
    glow = float(0.0)
    if worlds[0].ceiling == 1:  # hung panels, some of them lamps
        i = whole(x / 0.62)
        j = whole(y / 0.62)
        grain = speck(table, LEAVES, 1.7 * x, 1.7 * y, 1.7 * fp)
        colour = colour * (1.0 + 0.05 * (hash2(i, j, 5) - 0.5) + 0.1 * grain)
        colour = colour * (1.0 - 0.3 * wp.max(band(x, 0.62, 0.05, fp), band(y, 0.62, 0.05, fp)))
        if i % 4 == 0 and j % 3 == 0:
            d = wp.max(wp.abs(x - (wp.float32(i) + 0.5) * 0.62), wp.abs(y - (wp.float32(j) + 0.5) * 0.62))
            glow = cover(0.28 - d, fp)
            colour = mix(colour, wp.vec3(0.9, 0.9, 0.87), glow)
    elif worlds[0].ceiling == 2:  # beams
        beam = band(y, 0.95, 0.17, fp)
        vein = texture(table, CLOUDS, 0.1 * x, 1.5 * y, 1.5 * fp)
        phase = y / 0.95 - wp.floor(y / 0.95)
        colour = colour * (1.0 - 0.3 * fade(14.0 * wp.max(wp.abs(phase - 0.5) - 0.085, 0.0)))
        colour = mix(colour, worlds[0].wall_b * (0.5 + 0.35 * vein), beam)
    elif worlds[0].ceiling == 3:  # spotlights
        column = wp.floor(x / 1.3)
        line = wp.floor(y / 1.3)
        qx = x - (column + 0.5) * 1.3
        qy = y - (line + 0.5) * 1.3
        r = wp.sqrt(qx * qx + qy * qy)
        glow = cover(0.045 - r, fp)
        colour = mix(colour * (1.0 + 0.4 * fade(8.0 * r)), wp.vec3(1.0, 0.95, 0.85), cover(0.06 - r, fp))
    cornice = cover(0.09 - near_wall, fp)
    colour = mix(
        colour,
        worlds[0].ceiling_a * (0.8 + 0.3 * band(near_wall, 0.045, 0.5, fp)),
        cornice * flag(worlds[0].ceiling != 1),
    )
    return wp.vec4(colour[0], colour[1], colour[2], glow)
