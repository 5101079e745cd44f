"""What stands in the open air beyond the clutter: three rows of things, each in an upright plane, then the sky with
what is on its horizon. A row's colours come with the share of the pixel that it covers."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import angle, band, cover, flag, mix, ramp
from densesynth.scene.kernels.base import (
    CLOUDS,
    FACADE,
    FLOOR,
    KEY,
    LEAVES,
    TOWARDS_KEY,
    Surroundings,
    fade,
    hash2,
    hash4,
    speck,
    texture,
    whole,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

ROW_HEDGE = wp.constant(1)
ROW_FENCE = wp.constant(2)
ROW_WALL = wp.constant(3)
ROW_RAILINGS = wp.constant(4)
ROW_CARS = wp.constant(5)
ROW_TREES = wp.constant(6)
ROW_CONIFERS = wp.constant(7)
ROW_HOUSES = wp.constant(8)
STOREY = wp.constant(3.0)  # metres
PLINTH = wp.constant(0.5)


@wp.func
def hedge_row(
    table: wp.array(dtype=wp.float32),
    lights: wp.array(dtype=wp.vec3),
    a: wp.vec3,
    b: wp.vec3,
    high: wp.float32,
    u: wp.float32,
    z: wp.float32,
    fp: wp.float32,
) -> wp.vec4:
    leaf = speck(table, LEAVES, 0.8 * u, 0.8 * z, 0.8 * fp)
    clump = texture(table, CLOUDS, 0.21 * u, 0.21 * z, 0.21 * fp)
    edge = high * (1.0 + 0.3 * clump) + 0.1 * leaf - z
    light = mix(lights[FACADE] * (0.7 + 0.3 * z / high), lights[FLOOR], 0.25 + 0.75 * ramp(0.35, 0.0, edge))
    tone = mix(b, a, wp.clamp(0.5 + 0.6 * leaf, 0.0, 1.0)) * wp.clamp(0.75 + 0.55 * leaf + 0.5 * clump, 0.08, 1.5)
    colour = wp.cw_mul(tone, light)
    return wp.vec4(colour[0], colour[1], colour[2], cover(edge, 2.0 * fp))


@wp.func
def fence_row(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    lights: wp.array(dtype=wp.vec3),
    a: wp.vec3,
    b: wp.vec3,
    kind: wp.int32,
    high: wp.float32,
    u: wp.float32,
    z: wp.float32,
    fu: wp.float32,
    fp: wp.float32,
) -> wp.vec4:
    """A fence of boards, a wall of bricks or plaster, or railings."""
    colour = a
    share = cover(high - z, fp)
    if kind == ROW_WALL:
        stain = texture(table, CLOUDS, 0.2 * u, 0.2 * z, 0.2 * fp)
        if worlds[0].key % 2 == 0:
            course = wp.floor(z / 0.075)
            across = u + 0.11 * (course - 2.0 * wp.floor(0.5 * course))
            tone = 1.0 + 0.35 * (hash2(whole(across / 0.22), wp.int32(course), 9) - 0.5)
            colour = mix(a * tone, b, wp.max(band(z, 0.075, 0.16, fp), band(across, 0.22, 0.06, fu)))
        colour = colour * ((1.0 + 0.3 * stain) * (1.0 - 0.3 * fade(4.0 * z)))
        coping = cover(z - high + 0.08, fp)
        colour = mix(colour * (1.0 - 0.35 * fade(20.0 * wp.max(high - 0.08 - z, 0.0))), b * 1.2, coping)
    elif kind == ROW_RAILINGS:
        post = band(u, 2.4, 0.03, fu)
        bar = wp.max(band(u, 0.12, 0.16, fu), post)
        rail = wp.max(cover(0.025 - wp.abs(z - high + 0.12), fp), cover(0.025 - wp.abs(z - 0.15), fp))
        share = share * wp.max(bar, rail)
    else:
        board = whole(u / 0.14)
        streak = texture(table, CLOUDS, 0.9 * u, 0.07 * z, 0.9 * fu)
        tone = 1.0 + 0.35 * (hash2(board, worlds[0].key, 3) - 0.5) + 0.25 * streak
        top = high - 0.04 * hash2(board, worlds[0].key, 4)
        gap = band(u + 0.07, 0.14, 0.1, fu)
        share = cover(top - z, fp) * (1.0 - 0.6 * gap)
        rail = wp.max(cover(0.05 - wp.abs(z - 0.3 * high), fp), cover(0.05 - wp.abs(z - 0.8 * high), fp))
        share = wp.max(share, rail)
        colour = a * (tone * (1.0 - 0.5 * gap) * (1.0 - 0.25 * fade(5.0 * z)))
    colour = wp.cw_mul(colour, lights[FACADE])
    return wp.vec4(colour[0], colour[1], colour[2], share)


@wp.func
def car_row(
    worlds: wp.array(dtype=Surroundings),
    lights: wp.array(dtype=wp.vec3),
    u: wp.float32,
    z: wp.float32,
    fp: wp.float32,
) -> wp.vec4:
    """Parked cars, from the side."""
    cell = whole(u / 5.4)
    r = hash4(cell, worlds[0].key, 61)
    r1 = r[0]
    if r1 < 0.3:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    r2 = r[1]
    r3 = r[2]
    ahead = wp.where(r3 > 0.5, 1.0, -1.0)
    x = (u - (wp.float32(cell) + 0.5) * 5.4) * ahead
    half = 1.95 + 0.3 * r2
    tall = 1.38 + 0.3 * r3
    ax = wp.abs(x)
    nose = wp.max(ax - half + 0.25, 0.0)
    body = wp.min(0.9 - 0.5 * nose * nose - 0.05 * x / half - z, half - ax)
    body = wp.min(body, z - 0.2)
    slope = 0.62
    cabin = wp.min(1.25 + 0.25 * r2 - wp.abs(x + 0.25) - slope * (z - 0.85), tall - z - 0.03 * x * x)
    wheel = 0.32 - wp.sqrt(wp.pow(wp.abs(ax - 0.64 * half), 2.0) + (z - 0.31) * (z - 0.31))
    share = cover(wp.max(wp.max(body, wp.min(cabin, z - 0.2)), wheel), fp)
    under = 0.75 * cover(half - 0.1 - ax, 0.3) * cover(0.3 - z, fp)
    grey = r[3]
    paint = wp.vec3(grey, grey, grey) * (0.75 * grey) + wp.vec3(0.015, 0.015, 0.017)
    if r1 > 0.72:
        paint = mix(wp.vec3(0.35, 0.03, 0.03), wp.vec3(0.04, 0.1, 0.3), flag(grey > 0.45))
    up = wp.clamp((z - 0.25) / (tall - 0.25), 0.0, 1.0)
    light = mix(lights[FACADE] * (0.55 + 0.4 * up), lights[FLOOR], 0.5 * ramp(0.12, 0.0, tall - z) + 0.25 * up * up)
    shine = worlds[0].horizon * (0.05 + 0.1 * up)
    colour = wp.cw_mul(paint, light) * (1.0 - 0.3 * cover(0.02 - wp.abs(z - 0.62), fp)) + shine
    seam = cover(0.012 - wp.min(wp.abs(x - 0.75), wp.abs(x + 0.35)), fp) * flag(z < 0.9)
    colour = colour * (1.0 - 0.5 * seam)
    glass = wp.min(wp.min(cabin - 0.1, z - 0.9), wp.abs(x + 0.3) - 0.04)
    pane = mix(wp.vec3(0.03, 0.035, 0.04), worlds[0].sky, 0.12 + 0.25 * up)
    colour = mix(colour, pane, cover(glass, fp))
    colour = mix(colour, wp.vec3(0.3, 0.3, 0.3), cover(0.08 - wp.max(half - 0.12 - ax, 2.0 * wp.abs(z - 0.68)), fp))
    arch = cover(wheel + 0.06, fp) * flag(z < 0.9)
    colour = mix(colour, wp.vec3(0.012, 0.012, 0.012), arch)
    colour = mix(colour, wp.cw_mul(wp.vec3(0.3, 0.3, 0.31), lights[FACADE]), cover(wheel - 0.12, fp))
    all_of = share + (1.0 - share) * under
    colour = colour * (share / wp.max(all_of, 1e-4))
    return wp.vec4(colour[0], colour[1], colour[2], all_of)


@wp.func
def tree_row(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    lights: wp.array(dtype=wp.vec3),
    a: wp.vec3,
    b: wp.vec3,
    kind: wp.int32,
    number: wp.int32,
    high: wp.float32,
    wide: wp.float32,
    u: wp.float32,
    z: wp.float32,
    fp: wp.float32,
) -> wp.vec4:
    """Trees in two layers, undergrowth between the trunks of the rear one."""
    clump = texture(table, CLOUDS, 0.13 * u + 0.3 * wp.float32(number), 0.13 * z, 0.13 * fp)
    leaf = speck(table, LEAVES, 0.4 * u, 0.4 * z, 0.4 * fp)
    ragged = 0.55 * clump + 0.22 * leaf
    total = wp.vec3(0.0, 0.0, 0.0)
    left = float(1.0)
    layers = int(2)
    for layer in range(layers):
        rear = wp.float32(layer)
        stretch = wide * (1.0 + 0.2 * rear)
        at = u / stretch + 0.41 * rear
        cell = whole(at)
        salt = 70 + 10 * number + 3 * layer
        r = hash4(cell, worlds[0].key, salt)
        r1 = r[0]
        r2 = r[1]
        x = (at - wp.float32(cell) - 0.5) * stretch
        top = high * (0.62 + 0.45 * r1) * (1.0 + 0.12 * rear)
        rx = stretch * (0.4 + 0.1 * r2)
        x = x - (r2 - 0.5) * (stretch - 2.0 * rx)
        if kind == ROW_CONIFERS:
            up = z / top
            tier = z * 1.3 - wp.floor(z * 1.3)
            inside = (1.0 - up) * rx * (0.62 + 0.3 * tier) - wp.abs(x) + 0.45 * ragged
            inside = wp.min(inside, z - 0.1 * top)
            shade = 0.75 + 0.35 * tier * flag(fp < 0.2) - 0.3 * (1.0 - up) * (1.0 - wp.abs(x) / rx)
        else:
            ex = x / rx
            ez = (z - 0.6 * top) / (0.4 * top)
            inside = 0.5 * rx * (1.0 - ex * ex - ez * ez + 1.5 * ragged)
            shade = 0.72 + 0.34 * ez + 0.25 * ex * lights[TOWARDS_KEY][0]
        shade = wp.max(shade, 0.2)
        share = cover(inside, 2.0 * fp) * left
        under = 0.13 * high * (0.9 + 0.8 * r1 + 0.8 * clump) + 0.2 * leaf - z
        wood = cover(0.022 * top * (1.2 - z / top) - wp.abs(x + 0.1 * z * (r1 - 0.5)), fp) * flag(z < 0.6 * top)
        if layer == 1:
            low = cover(under, fp) * left
            if low > share:
                share = low
                shade = 0.5 + 0.25 * z
        if share > 0.0:
            deep = wp.clamp(0.85 + 0.55 * leaf + 0.5 * clump, 0.1, 1.6) * shade * (1.0 - 0.3 * rear)
            leaves = mix(b, a, wp.clamp(0.45 + 0.5 * leaf + 0.6 * (r1 - 0.5), 0.0, 1.0))
            light = mix(lights[FACADE], lights[FLOOR], wp.clamp(shade - 0.1, 0.2, 0.9))
            total += wp.cw_mul(leaves, light) * (deep * share)
            left -= share
        wood = wood * left
        if wood > 0.0:
            total += wp.cw_mul(wp.vec3(0.11, 0.09, 0.07) * (1.0 + 0.5 * leaf), lights[FACADE]) * (
                wood * (1.0 - 0.4 * rear)
            )
            left -= wood
        if left <= 0.004:
            break
    covered = 1.0 - left
    total = total * (1.0 / wp.max(covered, 1e-4))
    return wp.vec4(total[0], total[1], total[2], covered)


@wp.func
def house_row(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    lights: wp.array(dtype=wp.vec3),
    a: wp.vec3,
    b: wp.vec3,
    high: wp.float32,
    wide: wp.float32,
    u: wp.float32,
    z: wp.float32,
    fu: wp.float32,
    fp: wp.float32,
) -> wp.vec4:
    """Houses wall to wall or with gaps; high: storeys of the tallest."""
    cell = whole(u / wide)
    r = hash4(cell, worlds[0].key, 51)
    r1 = r[0]
    r2 = r[1]
    r3 = r[2]
    r4 = r[3]
    x = u - (wp.float32(cell) + 0.5) * wide
    storeys = wp.floor(1.0 + high * (0.35 + 0.6 * r1))
    eaves = STOREY * storeys + PLINTH
    half = 0.5 * wide * wp.where(r2 < 0.3, 0.98 - r2, 1.0)
    roof = wp.where(r3 < 0.6, 0.9 + 0.22 * wide * r4, 0.3)
    over = wp.max(z - eaves, 0.0)
    side = half - wp.abs(x) - over * wp.where(r3 < 0.6, 0.5, 0.0)
    ridge = eaves + roof - z
    share = wp.min(cover(side, fu), cover(ridge, fp))
    chimney = wp.min(0.35 - wp.abs(x - 0.35 * half), ridge + 0.8)
    if r3 < 0.6:
        share = wp.max(share, wp.min(cover(chimney, fu), 1.0))
    if share <= 0.0:
        return wp.vec4(0.0, 0.0, 0.0, 0.0)
    stain = texture(table, CLOUDS, 0.11 * u, 0.11 * z, 0.11 * fp)
    wall = mix(a, b, r4) * (0.65 + 0.6 * r2)
    front = wall * (1.0 + 0.2 * stain)
    light = lights[FACADE]
    if z > eaves:
        light = mix(lights[FACADE], lights[FLOOR], 0.5)
        tile = mix(wp.vec3(0.17, 0.075, 0.05), wp.vec3(0.09, 0.09, 0.1), flag(r1 > 0.5))
        tile = tile * ((1.0 + 0.3 * stain) * (0.8 + 0.3 * band(z, 0.28, 0.6, fp)))
        front = wp.where(r3 < 0.6, tile, wall * 1.1)
        if r3 < 0.6:
            front = mix(front, wall * 0.8, wp.where(side < 0.0 or ridge < 0.0, 1.0, 0.0))
    else:
        count = wp.floor(2.0 * half / (2.1 + 1.8 * r3))
        period = 2.0 * half / wp.max(count, 1.0)
        column = wp.floor((x + half) / period)
        storey = wp.floor(wp.max(z - PLINTH, 0.0) / STOREY)
        wx = x + half - (column + 0.5) * period
        wz = z - PLINTH - STOREY * storey - 1.65
        pick = hash2(cell * 31 + wp.int32(column), wp.int32(storey) + 97 * worlds[0].key, 55)
        w = wp.min(0.42 + 0.35 * r2, 0.36 * period)
        h = 0.62 + 0.25 * r4
        low = -h
        door = storey == 0.0 and wp.abs(column - wp.floor(r2 * count)) < 0.5
        shop = storey == 0.0 and r1 > 0.45 and r1 < 0.8 and count > 1.5
        if shop:
            w = 0.44 * period
            h = 0.75
            low = float(-1.75)
        if door:
            w = wp.min(0.55, 0.4 * period)
            low = float(-2.3)
        dx = wp.abs(wx) - w
        dz = wp.max(wz - h, low - wz)
        frame = wp.min(cover(0.1 - dx, fu), cover(0.09 - dz, fp))
        pane = wp.min(cover(-dx, fu), cover(-dz, fp))
        bars = wp.max(cover(0.03 - wp.abs(wx), fu), cover(0.025 - wp.abs(wz - 0.25 * h), fp))
        glass = mix(wp.vec3(0.025, 0.03, 0.036), worlds[0].sky, 0.08 + 0.3 * pick * wp.clamp(0.6 + wz, 0.0, 1.0))
        drawn = flag(wp.abs(wx) > w * (1.1 - pick)) * flag(pick > 0.35)
        glass = mix(glass, wp.vec3(0.32, 0.31, 0.28), 0.7 * drawn)
        if door:
            glass = mix(wp.vec3(0.1, 0.05, 0.03), wp.vec3(0.05, 0.09, 0.08), flag(r3 > 0.5)) * (0.6 + r4)
            bars = float(0.0)
        front = front * (
            1.0
            - 0.3
            * cover(0.05 - wp.abs(z - PLINTH - STOREY * wp.floor((z - PLINTH) / STOREY + 0.5)), fp)
            * flag(r3 > 0.35)
        )
        front = mix(front, wall * 0.6, cover(PLINTH - 0.05 - z, fp))
        front = mix(front, wp.vec3(0.55, 0.54, 0.5) * (0.5 + 0.6 * r1), frame)
        recess = 1.0 - 0.4 * cover(wz - h + 0.22, fp)  # the lintel's shadow
        front = mix(front, glass * recess, pane * (1.0 - bars))
        if shop:
            blind = wp.min(cover(0.28 - wp.abs(wz - 1.08), fp), cover(half - 0.2 - wp.abs(x), fu))
            front = mix(front, wp.vec3(r4, r2, 1.0 - r3) * (0.1 + 0.4 * r2) + wp.vec3(0.05, 0.05, 0.05), blind)
        joint = fade(12.0 * wp.max(half - wp.abs(x), 0.0))  # between two houses
        front = front * ((1.0 - 0.45 * fade(3.0 * (eaves - z))) * (1.0 - 0.35 * joint))
        front = front * (1.0 - 0.25 * fade(2.0 * z))
    colour = wp.cw_mul(front, light)
    return wp.vec4(colour[0], colour[1], colour[2], share)


@wp.func
def sky_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    lights: wp.array(dtype=wp.vec3),
    ray: wp.vec3,
) -> wp.vec3:
    """Sky, clouds, and what is on the horizon: hills, and trees or houses before them."""
    d = wp.normalize(ray)
    level = float(1.0)
    flat = d[0] * d[0] + d[1] * d[1]
    highest = 0.9 * worlds[0].skyline_height + 0.1
    fp = 0.003
    total = wp.vec3(0.0, 0.0, 0.0)
    left = float(1.0)
    if d[2] < 0.0 or d[2] * d[2] < highest * highest * flat:
        level = d[2] / wp.sqrt(wp.max(flat, 1e-6))
        turn = angle(d[0], d[1]) + 3.2  # the seam is behind the camera
        light = 0.5 * (lights[FACADE] + lights[FLOOR])
        if worlds[0].skyline == 1:
            bulk = texture(table, CLOUDS, turn * 0.9 + worlds[0].seed, 0.13, 0.002)
            leaves = speck(table, LEAVES, turn * 3.0, level * 3.4, 0.003)
            clump = texture(table, CLOUDS, turn * 3.0, level * 4.0, 0.01)
            top = worlds[0].skyline_height * (0.6 + 0.5 * bulk) + 0.05 * clump * worlds[0].skyline_height
            share = cover(top + 0.008 * leaves - level, fp)
            tone = wp.clamp(0.75 + 0.5 * leaves + 0.5 * clump, 0.2, 1.5)
            tree = mix(wp.cw_mul(worlds[0].skyline_colour, light) * tone, worlds[0].horizon, 0.22)
            total += tree * share
            left -= share
        elif worlds[0].skyline == 2:
            layers = int(2)
            for layer in range(layers):  # the nearer row first: what it hides is not painted
                far = wp.float32(layer)
                x = turn * (9.0 + 5.0 * far) + far * 7.37
                cell = whole(x)
                r = hash2(cell + worlds[0].key, layer, 51)
                top = worlds[0].skyline_height * (0.3 + 0.75 * r * r) * (0.6 + 0.3 * far)
                share = cover(top - level, fp) * left
                if share > 0.0:
                    front = wp.cw_mul(worlds[0].skyline_colour, light) * (
                        0.6 + 0.8 * hash2(cell + worlds[0].key, layer, 52)
                    )
                    rows = band(level, 0.014 + 0.012 * r, 0.5, fp) * band(x, 0.07 + 0.05 * r, 0.55, 0.02 + 0.01 * far)
                    pane = mix(wp.vec3(0.05, 0.06, 0.08), worlds[0].sky, 0.4)
                    total += mix(mix(front, pane, 0.6 * rows), worlds[0].horizon, 0.3 + 0.25 * far) * share
                    left -= share
        if left > 0.0:
            ridge = 0.05 + 0.07 * texture(table, CLOUDS, turn * 0.35 + 0.6 * worlds[0].seed, 0.71, 0.002)
            hill = cover(ridge - level, fp) * left
            if hill > 0.0:
                total += mix(wp.vec3(0.16, 0.2, 0.2), worlds[0].horizon, 0.62 + 4.0 * level) * hill
                left -= hill
        if left <= 0.0:
            return total
    up = wp.max(d[2], 0.0)
    low = wp.max(1.0 - 1.6 * up, 0.0)
    colour = mix(worlds[0].horizon, worlds[0].sky, 1.0 - low * low * low)
    toward = lights[TOWARDS_KEY]
    near_sun = wp.max(d[0] * toward[0] + d[1] * toward[1] + d[2] * toward[2], 0.0)
    glow = near_sun * near_sun
    glow = glow * glow
    glow = glow * glow
    key = lights[KEY]
    t = 0.32 / (up + 0.13)
    x = d[0] * t + worlds[0].seed
    y = d[1] * t
    wide = 0.03 * t * t
    puff = texture(table, CLOUDS, x, y, wide)
    thick = ramp(0.0, 0.75, 1.1 * puff + 1.3 * worlds[0].cloud - 0.75)
    if thick > 0.0:
        shaded = texture(table, CLOUDS, x + 0.03 * toward[0], y + 0.03 * toward[1], wide)
        white = 0.36 * (worlds[0].horizon[0] + worlds[0].horizon[1] + worlds[0].horizon[2])
        lit = wp.clamp(0.8 + 0.9 * (puff - shaded) - 0.25 * thick * puff, 0.45, 1.15)
        cloud = mix(wp.vec3(white, white, white), worlds[0].sky, 0.12) * lit
        colour = mix(colour, mix(cloud, worlds[0].horizon, 0.5 * fade(6.0 * up)), thick)
    return (colour + (worlds[0].horizon * 0.3 + key * 0.35) * (glow * 0.6 * (1.0 - 0.5 * thick))) * left + total
