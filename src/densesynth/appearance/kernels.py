"""The paint as one Warp kernel, for CPU and CUDA: the layers of `reference.py`, each computed only where it shows.

Warp compiles these functions itself, so their annotations are Warp's types. Names and numbers are the reference's; a
test holds the two together.
"""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance import reference as plain

EYE_X = wp.constant(plain.EYE[0])
EYE_Z = wp.constant(plain.EYE[2])
IRIS = wp.constant(plain.IRIS)
PUPIL = wp.constant(plain.PUPIL)
NECK_Z = wp.constant(plain.NECK_Z)
NECK_Y = wp.constant(plain.NECK_Y)
NECK_SLOPE = wp.constant(plain.NECK_SLOPE)
NECK_RADIUS = wp.constant(plain.NECK_RADIUS)
NECK_CONE = wp.constant(plain.NECK_CONE)
ARM_START = wp.constant(plain.ARM_START)
HEAD_BOTTOM = wp.constant(plain.HEAD_BOTTOM)
wp.set_module_options({"enable_backward": False})

FAR = wp.constant(3.3)  # widths from a bump's middle, from where it is below 2e-5


@wp.struct
class Cloth:
    colour: wp.vec3
    second: wp.vec3
    pattern: wp.int32
    scale: wp.float32
    roughness: wp.float32


@wp.struct
class Row:
    seed: wp.float32
    freckles: wp.float32
    blush: wp.float32
    lipstick: wp.float32
    recede: wp.float32
    beard: wp.float32
    moustache: wp.float32
    brow: wp.float32
    brow_arch: wp.float32
    brow_strength: wp.float32
    top_hem: wp.float32
    sleeve: wp.float32
    neck_drop: wp.float32
    neck_width: wp.float32
    neck_rise: wp.float32
    pointed: wp.float32
    collar: wp.float32
    placket: wp.float32
    jacket: wp.float32
    opening: wp.float32
    tucked: wp.float32
    waist: wp.float32
    bottom_hem: wp.float32
    denim_cut: wp.float32
    belt: wp.float32
    side_stripe: wp.float32
    shoe_top: wp.float32
    sole: wp.float32
    laced: wp.float32
    sock_top: wp.float32
    glove_cuff: wp.float32
    hair_kind: wp.int32
    headwear: wp.int32
    skin: wp.vec3
    lip_tint: wp.vec3
    hair: wp.vec3
    iris: wp.vec3
    trim: wp.vec3
    belt_colour: wp.vec3
    upper: wp.vec3
    shoe_second: wp.vec3
    sole_colour: wp.vec3
    lace: wp.vec3
    sock: wp.vec3
    sock_band: wp.vec3
    glove: wp.vec3
    top: Cloth
    inner: Cloth
    bottom: Cloth
    hat: Cloth


@wp.struct
class Sample:
    p: wp.vec3
    arm: wp.float32
    leg: wp.float32
    lips: wp.float32
    lid: wp.float32
    hair: wp.float32
    ear: wp.float32
    nail: wp.float32
    open: wp.float32
    fp: wp.float32


@wp.struct
class Layer:
    """Colour, roughness and how much of the sample garments cover, so far."""

    colour: wp.vec3
    roughness: wp.float32
    covered: wp.float32


@wp.func
def cover(distance: wp.float32, footprint: wp.float32) -> wp.float32:
    return wp.clamp(distance / footprint + 0.5, 0.0, 1.0)


@wp.func
def ramp(low: wp.float32, high: wp.float32, value: wp.float32) -> wp.float32:
    t = wp.clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def bump(value: wp.float32, width: wp.float32) -> wp.float32:
    t = value / width
    if wp.abs(t) > FAR:
        return 0.0
    return wp.exp(-t * t)


@wp.func
def tint(colour: wp.vec3, r: wp.float32, g: wp.float32, b: wp.float32) -> wp.vec3:
    return wp.vec3(colour[0] * r, colour[1] * g, colour[2] * b)


@wp.func
def mix(a: wp.vec3, b: wp.vec3, t: wp.float32) -> wp.vec3:
    return a + (b - a) * t


@wp.func
def noise(
    table: wp.array(dtype=wp.float32), p: wp.vec3, fx: wp.float32, fy: wp.float32, fz: wp.float32, seed: wp.float32,
    footprint: wp.float32,
) -> wp.float32:  # fmt: skip
    share = wp.clamp(1.5 - footprint * wp.max(fx, wp.max(fy, fz)), 0.0, 1.0)
    if share <= 0.0:
        return 0.0
    # Everything is positive here, so that truncation is the floor.
    qx = (p[0] + 1.0) * fx + seed * 17.0
    qy = (p[1] + 1.0) * fy + seed * 29.0
    qz = (p[2] + 1.0) * fz + seed * 23.0
    ix = wp.int32(qx)
    iy = wp.int32(qy)
    iz = wp.int32(qz)
    x = qx - wp.float32(ix)
    y = qy - wp.float32(iy)
    z = qz - wp.float32(iz)
    x = x * x * (3.0 - 2.0 * x)
    y = y * y * (3.0 - 2.0 * y)
    z = z * z * (3.0 - 2.0 * z)
    x0 = (ix & 31) * 1024
    x1 = ((ix + 1) & 31) * 1024
    y0 = (iy & 31) * 32
    y1 = ((iy + 1) & 31) * 32
    z0 = iz & 31
    z1 = (iz + 1) & 31
    a = table[x0 + y0 + z0] + (table[x0 + y0 + z1] - table[x0 + y0 + z0]) * z
    b = table[x0 + y1 + z0] + (table[x0 + y1 + z1] - table[x0 + y1 + z0]) * z
    c = table[x1 + y0 + z0] + (table[x1 + y0 + z1] - table[x1 + y0 + z0]) * z
    d = table[x1 + y1 + z0] + (table[x1 + y1 + z1] - table[x1 + y1 + z0]) * z
    a = a + (b - a) * y
    c = c + (d - c) * y
    return (a + (c - a) * x) * share


@wp.func
def band(t: wp.float32, period: wp.float32, duty: wp.float32, footprint: wp.float32) -> wp.float32:
    phase = t / period
    share = cover((0.5 * duty - wp.abs(phase - wp.floor(phase) - 0.5)) * period, footprint)
    return share + (duty - share) * wp.clamp(2.0 * footprint / period - 0.5, 0.0, 1.0)


@wp.func
def dots(u: wp.float32, v: wp.float32, period: wp.float32, footprint: wp.float32) -> wp.float32:
    b = v / period
    row = wp.floor(b)
    a = u / period + 0.5 * (row - 2.0 * wp.floor(0.5 * row))
    da = a - wp.floor(a) - 0.5
    db = b - row - 0.5
    share = cover((0.27 - wp.sqrt(da * da + db * db)) * period, footprint)
    return share + (0.229 - share) * wp.clamp(2.0 * footprint / period - 0.5, 0.0, 1.0)


@wp.func
def weave(
    table: wp.array(dtype=wp.float32), s: Sample, seed: wp.float32, cloth: Cloth, u: wp.float32, v: wp.float32,
    panel: wp.float32,
) -> wp.vec3:  # fmt: skip
    fp = s.fp
    scale = cloth.scale
    share = float(0.0)
    value = float(1.0)
    kind = cloth.pattern
    if kind == 1:
        share = band(v, scale, 0.5, fp)
    elif kind == 2:
        share = band(u, scale * 0.6, 0.28, fp)
    elif kind == 3:
        share = 0.5 * (band(u, scale, 0.45, fp) + band(v, scale, 0.45, fp))
    elif kind == 4:
        share = dots(u, v, scale * 0.8, fp)
    elif kind == 5:
        share = cover((noise(table, s.p, 38.0, 38.0, 38.0, seed + 0.3, fp) - 0.12) * 0.012, fp)
    elif kind == 6:
        blotch = noise(table, s.p, 38.0, 38.0, 38.0, seed + 0.3, fp)
        value = 1.0 + wp.max(0.55 * bump(s.p[2] - 0.62, 0.16) + 0.175 * blotch, -0.3)
    elif kind == 7:
        value = 0.78 + 0.3 * band(u, 0.007, 0.5, fp)
    elif kind >= 8:
        share = panel
    grain = noise(table, s.p, 620.0, 620.0, 620.0, seed, fp)
    folds = noise(table, s.p, 11.0, 11.0, 17.0, seed + 0.6, fp) + 0.55 * noise(
        table, s.p, 31.0, 31.0, 22.0, seed + 0.1, fp
    )
    return mix(cloth.colour, cloth.second, share) * (value * (1.0 + 0.07 * grain) * (1.0 + 0.11 * folds))


@wp.func
def neck_height(p: wp.vec3) -> wp.float32:
    back = p[1] - NECK_Y
    radius = wp.sqrt(p[0] * p[0] + back * back)
    return p[2] - NECK_Z - NECK_SLOPE * back - NECK_CONE * wp.max(radius - NECK_RADIUS, 0.0)


@wp.func
def neckline(p: wp.vec3, drop: wp.float32, width: wp.float32, rise: wp.float32, pointed: wp.float32) -> wp.float32:
    t = p[0] / width
    rounded = wp.sqrt(wp.max(1.0 - t * t, 0.0))
    sharp = wp.max(1.0 - wp.abs(p[0]) / (0.75 * width), 0.0)
    return rise - drop * ramp(0.02, -0.05, p[1]) * (rounded + (sharp - rounded) * pointed) - neck_height(p)


@wp.func
def edge_lines(d: wp.float32) -> wp.float32:
    return 1.0 - 0.22 * bump(d, 0.0035) - 0.16 * bump(d - 0.02, 0.0013)


@wp.func
def contact(d: wp.float32, strength: wp.float32, width: wp.float32) -> wp.float32:
    if d < 0.0:
        return 1.0 - strength * bump(d, width)
    return 1.0


@wp.func
def flag(condition: wp.bool) -> wp.float32:
    return wp.where(condition, 1.0, 0.0)


@wp.func
def paint_skin(table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> Layer:
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    side = wp.abs(x)
    seed = rows[k].seed
    mottle = noise(table, s.p, 70.0, 70.0, 70.0, seed, fp) + 0.6 * noise(
        table, s.p, 900.0, 900.0, 900.0, seed + 0.5, fp
    )
    on_face = float(0.0)
    if z > HEAD_BOTTOM:
        on_face = ramp(-0.05, -0.09, y) * ramp(1.38, 1.42, z)
    red = 0.35 * s.ear + 0.3 * ramp(0.5, 0.6, s.arm) * (0.6 + 0.4 * ramp(0.97, 0.9, s.open)) + 0.3 * ramp(0.06, 0.03, z)
    if on_face > 0.0:
        cheek = bump(side - 0.043, 0.02) * bump(z - 1.477, 0.02) * on_face
        nose = bump(x, 0.014) * bump(z - 1.468, 0.014) * on_face
        red += 0.55 * rows[k].blush * (cheek + 0.8 * nose)
    colour = rows[k].skin * (1.0 + 0.05 * mottle)
    colour = tint(colour, 1.0 - 0.02 * red, 1.0 - 0.22 * red, 1.0 - 0.2 * red)
    roughness = float(0.52)
    if rows[k].freckles * on_face > 0.0:
        freckle = noise(table, s.p, 330.0, 330.0, 330.0, seed + 0.7, fp)
        where = wp.clamp(rows[k].freckles * on_face * (bump(z - 1.483, 0.03) + 0.25), 0.0, 1.0)
        f = 0.45 * ramp(0.3, 0.62, freckle) * where
        colour = tint(colour, 1.0 - 0.6 * f, 1.0 - f, 1.0 - 1.2 * f)
    colour = mix(colour, tint(colour, 1.12, 1.03, 1.02) + wp.vec3(0.03, 0.03, 0.03), s.nail)
    if on_face > 0.0:
        lips = cover(s.lips, wp.max(fp, 0.0012)) * on_face
        if lips > 0.0:
            crease = noise(table, s.p, 700.0, 60.0, 60.0, seed, fp)
            natural = tint(colour, 0.86, 0.55, 0.54) + wp.vec3(0.015, 0.0, 0.002)
            colour = mix(colour, mix(natural, rows[k].lip_tint, rows[k].lipstick) * (1.0 + 0.08 * crease), lips)
            roughness = roughness + (0.36 - roughness) * lips
        gap = ramp(0.93, 0.55, s.open) * bump(z - 1.4485, 0.0055) * ramp(-0.004, 0.0, s.lips) * on_face
        colour = tint(colour, 1.0 - 0.78 * gap, 1.0 - 0.88 * gap, 1.0 - 0.88 * gap)
        roughness = roughness + (0.8 - roughness) * gap
        if s.lid < 0.04:
            upper = ramp(-0.003, 0.003, z - EYE_Z + 0.06 * (side - EYE_X))
            lash = cover(0.0006 + 0.0011 * upper - s.lid, wp.max(fp, 0.0012)) * on_face
            fold = bump(s.lid - 0.0085, 0.002) * upper * on_face * bump(side - EYE_X, 0.022)
            hollow = bump(s.lid - 0.004, 0.007) * on_face
            colour = colour * (1.0 - (0.3 * fold + 0.14 * hollow))
            colour = mix(colour, 0.25 * rows[k].hair + wp.vec3(0.006, 0.006, 0.006), (0.3 + 0.55 * upper) * lash)
    layer = Layer()
    layer.colour = colour * (0.25 + 0.75 * s.open * (0.7 + 0.3 * s.open))
    layer.roughness = roughness
    layer.covered = 0.0
    return layer


@wp.func
def paint_hair(
    table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32, under: Layer
) -> Layer:
    layer = under
    z = s.p[2]
    if z <= HEAD_BOTTOM - 0.03:
        return layer
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    side = wp.abs(x)
    seed = rows[k].seed
    fine = noise(table, s.p, 950.0, 950.0, 950.0, seed + 0.2, fp)
    on_face = ramp(-0.05, -0.08, y)
    colour = layer.colour

    if on_face > 0.0 and z > EYE_Z and z < EYE_Z + 0.05:
        along = wp.clamp((side - 0.0115) / 0.043, 0.0, 1.0)
        height = EYE_Z + 0.0205 + rows[k].brow_arch * wp.sin(2.2 * along) - 0.003 * along * along * along
        thick = rows[k].brow * (0.62 + 0.5 * along - 1.0 * along * along)
        ends = ramp(0.0085, 0.016, side) * ramp(0.058, 0.052, side)
        strokes = noise(table, s.p, 700.0, 700.0, 700.0, seed + 0.4, fp)
        inside = thick - wp.abs(z - height) + 0.0007 * strokes
        brow = ramp(-0.0012, 0.0026, inside) * (0.86 + 0.22 * strokes) * ends * on_face
        colour = mix(colour, 0.75 * rows[k].hair, brow * rows[k].brow_strength)

    if rows[k].beard > 0.0 or rows[k].moustache > 0.0:
        azimuth = side / wp.max(0.02 - y, 0.02)
        line = EYE_Z - 0.058 - 0.012 * bump(azimuth - 0.62, 0.35) + 0.062 * ramp(0.8, 2.2, azimuth)
        line = line + 0.013 * bump(azimuth - 0.19, 0.09)
        jaw = ramp(0.0, 0.012, line - z) * ramp(1.38, 1.4, z - 0.13 * (y + 0.1)) * ramp(3.6, 2.6, azimuth)
        lip_gap = ramp(-0.0005, -0.003, s.lips)
        above = ramp(0.0, 0.004, z - 1.4585) * ramp(1.473, 1.467, z + 8.0 * side * side) * ramp(0.034, 0.022, side)
        strength = wp.max(rows[k].beard * jaw, wp.max(rows[k].beard, rows[k].moustache) * above * on_face) * lip_gap
        beard = wp.clamp(strength * (0.95 + 0.5 * fine * ramp(0.0, 0.5, strength)), 0.0, 0.96)
        colour = mix(colour, 0.8 * rows[k].hair, beard)

    kind = rows[k].hair_kind
    recede = rows[k].recede * ramp(0.0, -0.08, y)
    if s.hair - recede > -0.03 and z > HEAD_BOTTOM - 0.02:
        ragged = noise(table, s.p, 520.0, 520.0, 190.0, seed + 0.8, fp)
        soft = float(0.006)
        level = float(1.0)
        if kind == 0:
            soft = 0.02
            level = 0.1
        elif kind == 1:
            soft = 0.009
            level = 0.72
        elif kind == 3:
            soft = 0.008
            level = 0.28 + 0.72 * ramp(EYE_Z, EYE_Z + 0.055, z + 0.3 * (y + 0.03))
        share = ramp(-soft, soft, s.hair - recede + 0.0024 * ragged)
        if share > 0.0:
            strand = fine
            if kind == 4:
                strand = noise(table, s.p, 520.0, 34.0, 300.0, seed + 0.9, fp)
            elif kind >= 2:
                strand = noise(table, s.p, 720.0, 300.0, 360.0, seed + 0.9, fp)
            lock = noise(table, s.p, 90.0, 22.0, 60.0, seed + 0.15, fp)
            if level < 0.9:
                level = level + 0.25 * fine
            share = share * wp.clamp(level, 0.0, 1.0)
            colour = mix(colour, rows[k].hair * (1.0 + 0.28 * strand + 0.14 * lock), share)
            layer.roughness = layer.roughness + (0.5 - layer.roughness) * share
    layer.colour = colour
    return layer


@wp.func
def paint_eyes(table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.vec3:
    dx = wp.abs(s.p[0]) - EYE_X
    dz = s.p[2] - EYE_Z
    rho = wp.sqrt(dx * dx + dz * dz)
    fp = wp.max(s.fp, 0.0004)
    spokes = noise(table, s.p, 900.0, 30.0, 900.0, rows[k].seed, s.fp)
    iris = rows[k].iris * (
        (0.85 + 0.35 * spokes + 0.5 * bump(rho - 0.0042, 0.0018)) * (1.0 - 0.65 * ramp(IRIS - 0.0016, IRIS, rho))
    )
    white = wp.vec3(0.56, 0.5, 0.47) * (1.0 - 0.25 * ramp(0.009, 0.016, rho))
    colour = mix(white, iris, cover(IRIS - rho, wp.max(fp, 0.0006)))
    colour = mix(colour, wp.vec3(0.004, 0.004, 0.004), cover(PUPIL - rho, fp))
    lid_shade = 1.0 - 0.5 * ramp(0.001, 0.009, dz + 0.06 * dx)
    return colour * (lid_shade * (0.18 + 0.82 * ramp(0.0, 0.55, s.open)))


@wp.func
def paint_feet(
    table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32, under: Layer
) -> Layer:
    layer = under
    z = s.p[2]
    if z > 0.4:
        return layer
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    side = wp.abs(x)
    colour = layer.colour
    edge = rows[k].sock_top - z
    if rows[k].sock_top > 0.0:
        colour = colour * contact(edge, 0.3, 0.006)
    sock = cover(edge, fp)
    rib = band(side * 3.0 + y * 2.0, 0.008, 0.5, fp)
    stripe = cover(0.012 - wp.abs(edge - 0.03), fp)
    colour = mix(colour, mix(rows[k].sock, rows[k].sock_band, stripe) * (0.88 + 0.14 * rib), sock)
    roughness = layer.roughness + (0.9 - layer.roughness) * sock

    d = rows[k].shoe_top - z + 0.28 * wp.clamp(-(y + 0.012), 0.0, 0.09)
    colour = colour * contact(d, 0.35, 0.006)
    shoe = cover(d, fp)
    if shoe > 0.0:
        middle = side - 0.181 + 0.02 * (y + 0.06)
        instep = rows[k].laced * ramp(-0.128, -0.118, y) * ramp(0.0, 0.004, d) * flag(y < -0.02)
        tongue = cover(0.013 - wp.abs(middle), fp) * instep
        laces = cover(0.015 - wp.abs(middle), fp) * instep * band(y + 0.25 * z, 0.0125, 0.42, fp)
        cap = cover(-0.138 + 0.01 - y - 0.7 * middle * middle / 0.05, fp)
        heel = cover(y - 0.022 - 0.2 * z, fp)
        tone = mix(rows[k].upper, rows[k].shoe_second, wp.max(cap, heel) * rows[k].laced)
        tone = tone * (1.0 - 0.35 * bump(y + 0.128, 0.0022) * rows[k].laced - 0.4 * tongue)
        tone = mix(tone, rows[k].lace, laces) * (1.0 - 0.3 * bump(d - 0.008, 0.0022))
        spring = 0.004 * ramp(-0.13, -0.19, y)
        sole = cover(rows[k].sole + spring - z, fp)
        tone = mix(tone, rows[k].sole_colour, sole) * (1.0 - 0.45 * bump(z - rows[k].sole - spring, 0.0018))
        scuff = noise(table, s.p, 60.0, 60.0, 60.0, rows[k].seed, fp)
        colour = mix(colour, tone * (1.0 + 0.06 * scuff), shoe)
        roughness = roughness + (wp.where(sole > 0.5, 0.8, 0.42) - roughness) * shoe
    layer.colour = colour
    layer.roughness = roughness
    return layer


@wp.func
def trunk_uv(s: Sample) -> wp.vec2:
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    if s.arm > 0.0:
        bone = wp.clamp(s.arm / 0.252, 0.0, 1.0)
        fore = wp.clamp((s.arm - 0.252) / 0.254, 0.0, 1.0)
        middle_y = -0.017 - 0.004 * bone - 0.158 * fore
        middle_h = (0.162 + 0.167 * bone + 0.117 * fore) * 0.75 + (1.287 - 0.189 * bone - 0.115 * fore) * 0.66
        return wp.vec2(0.047 * wp.atan2(y - middle_y, wp.abs(x) * 0.75 + z * 0.66 - middle_h), s.arm)
    depth = wp.where(y < -0.015, -(y + 0.015), y + 0.015)
    return wp.vec2(0.15 * wp.atan2(x, depth + 0.02), z)


@wp.func
def chest_panel(s: Sample, cloth: Cloth) -> wp.float32:
    if cloth.pattern < 8:
        return 0.0
    fp = s.fp
    x = s.p[0]
    z = s.p[2]
    if cloth.pattern == 9:
        return cover(wp.where(s.arm > 0.0, 0.08 - s.arm, z - 1.17), fp)
    if s.p[1] >= 0.0 or s.arm >= 0.0:
        return 0.0
    a = x / 0.062
    b = (z - 1.19) / 0.05
    ring = wp.sqrt(a * a + b * b)
    shape = float(0.0)
    if cloth.scale < 0.035:
        shape = cover((0.16 - wp.abs(ring - 0.8)) * 0.05, fp) + cover((0.4 - wp.abs(a) - wp.abs(b)) * 0.05, fp)
    elif cloth.scale < 0.06:
        shape = cover((1.0 - ring) * 0.05, fp) * band(b + 0.13, 0.5, 0.62, fp / 0.05)
    else:
        frame = cover(wp.min(1.5 - wp.abs(a), 0.32 - wp.abs(b)) * 0.05, fp)
        shape = frame * wp.max(band(x, 0.028, 0.62, fp), cover((0.1 - wp.abs(b - 0.2)) * 0.05, fp))
    return wp.clamp(shape, 0.0, 1.0)


@wp.func
def top_distance(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Signed distance inside the top's outline, the open front of a jacket not yet cut."""
    if s.arm > ARM_START:
        return rows[k].sleeve - s.arm
    collar = neckline(s.p, rows[k].neck_drop, rows[k].neck_width, rows[k].neck_rise, rows[k].pointed)
    return wp.min(wp.min(rows[k].sleeve - s.arm, s.p[2] - rows[k].top_hem), collar)


@wp.func
def open_front(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Distance from an open jacket's edge, positive on cloth."""
    if rows[k].opening > 0.0 and s.p[1] < 0.0 and s.arm < ARM_START:
        return wp.abs(s.p[0]) - rows[k].opening * (1.15 - 0.5 * (s.p[2] - rows[k].top_hem) / 0.5)
    return 1.0


@wp.func
def bottom_distance(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    if s.arm > ARM_START:
        return -1.0
    return wp.min(rows[k].waist - s.p[2], rows[k].bottom_hem - s.leg)


@wp.func
def paint_top(
    table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32, below: Layer
) -> Layer:
    layer = below
    fp = s.fp
    p = s.p
    x = p[0]
    y = p[1]
    z = p[2]
    side = wp.abs(x)
    d = top_distance(s, rows, k)
    if d < -0.25:
        return layer
    uv = trunk_uv(s)
    seed = rows[k].seed
    colour = layer.colour
    under = float(0.0)
    if rows[k].jacket > 0.5:
        shirt = rows[k].sleeve - 0.01 - s.arm
        if s.arm <= ARM_START:
            shirt = wp.min(shirt, wp.min(z - rows[k].top_hem, neckline(p, 0.02, 0.075, 0.004, 0.0)))
        under = cover(shirt, fp)
        if under > 0.0:
            cloth = rows[k].inner
            colour = mix(colour, weave(table, s, seed, cloth, uv[0], uv[1], chest_panel(s, cloth)), under)

    front = y < 0.0 and s.arm < ARM_START
    d = wp.min(d, open_front(s, rows, k))
    if d > -0.05:
        colour = colour * contact(d, 0.32, 0.007)
    share = cover(d, fp)
    if share > 0.0:
        cloth = rows[k].top
        tone = weave(table, s, seed, cloth, uv[0], uv[1], chest_panel(s, cloth))
        if rows[k].collar < 0.5 and rows[k].jacket < 0.5 and cloth.pattern != 6:
            tone = mix(tone, rows[k].trim, share * cover(0.016 - d, fp))
        tone = tone * edge_lines(d)
        shoulder = bump(s.arm + 0.004, 0.0016) * flag(rows[k].sleeve > 0.0)
        flank = bump(y + 0.015, 0.0016) * flag(s.arm < 0.0 and z < 1.2)
        placket = rows[k].placket * flag(front and rows[k].opening <= 0.0)
        shirt_front = placket * flag(rows[k].jacket < 0.5)
        strip = shirt_front * bump(side - 0.0135, 0.0012)
        zipper = placket * flag(rows[k].jacket > 0.5) * bump(x, 0.0035)
        tone = tone * (1.0 - 0.28 * wp.max(shoulder, flank) - 0.3 * strip - 0.5 * zipper)
        if shirt_front > 0.0:
            step = (z - 0.93) / 0.085
            off = (step - wp.floor(step) - 0.5) * 0.085
            button = cover(0.0052 - wp.sqrt(x * x + off * off), fp)
            tone = mix(tone, wp.vec3(0.42, 0.42, 0.42) + 0.25 * rows[k].trim, button)
        if rows[k].collar > 0.5:
            leaf = neck_height(p) + 0.018 + 0.62 * wp.max(0.042 - wp.abs(side - 0.03), 0.0) * ramp(0.0, -0.04, y)
            on_collar = cover(leaf, fp) * flag(s.arm < ARM_START)
            tone = tone * (1.0 + 0.1 * on_collar - 0.42 * bump(leaf, 0.002) - 0.16 * bump(leaf + 0.006, 0.006))
        colour = mix(colour, tone, share)
    covered = wp.max(share, under)
    layer.colour = colour
    layer.roughness = layer.roughness + (rows[k].top.roughness - layer.roughness) * covered
    layer.covered = 1.0 - (1.0 - layer.covered) * (1.0 - covered)
    return layer


@wp.func
def paint_bottom(
    table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32, below: Layer
) -> Layer:
    layer = below
    d = bottom_distance(s, rows, k)
    if d < -0.05:
        return layer
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    side = wp.abs(x)
    colour = layer.colour * contact(d, 0.32, 0.007)
    share = cover(d, fp)
    if share > 0.0:
        thigh = wp.clamp((0.858 - z) / 0.389, 0.0, 1.0)
        calf = wp.clamp((0.469 - z) / 0.398, 0.0, 1.0)
        middle_x = 0.102 + 0.033 * thigh + 0.042 * calf
        middle_y = -0.008 - 0.032 * thigh + 0.036 * calf
        about = wp.atan2(side - middle_x, -(y - middle_y))
        u = 0.078 * about
        cloth = rows[k].bottom
        panel = float(0.0)
        if cloth.pattern == 9:
            panel = cover(0.03 - wp.abs(u - 0.1), fp)
        tone = weave(table, s, rows[k].seed, cloth, u, z, panel)
        lateral = wp.abs(about - 1.5708) * 0.078
        if rows[k].side_stripe > 0.0:
            tone = mix(tone, cloth.second, cover(0.5 * rows[k].side_stripe - lateral, fp))
        tone = tone * edge_lines(d)
        lines = bump(lateral, 0.0016)
        if rows[k].denim_cut > 0.0 and z > 0.79:
            down = rows[k].waist - 0.035 - z
            if y < 0.0:
                lines = wp.max(lines, wp.max(bump(side, 0.0018), bump(x - 0.022, 0.0014) * ramp(0.86, 0.88, z)))
                if y < -0.005 and down > 0.0 and down < 0.13:
                    lines = wp.max(lines, bump(side - 0.075 - 0.55 * down, 0.0017))
            elif y > 0.0:
                lines = wp.max(lines, bump(wp.max(wp.abs(side - 0.075) - 0.038, wp.abs(z - 0.905) - 0.042), 0.0018))
            lines = wp.max(lines, bump(rows[k].waist - z - 0.036, 0.0016))
        tone = tone * (1.0 - 0.34 * lines)
        if rows[k].belt > 0.0:
            strap = cover(wp.min(rows[k].waist - 0.002 - z, z - rows[k].waist + rows[k].belt), fp)
            buckle = cover(0.021 - side, fp) * flag(y < 0.0) * cover(side - 0.013, fp)
            tone = mix(tone, mix(rows[k].belt_colour, wp.vec3(0.42, 0.39, 0.33), buckle), strap)
        colour = mix(colour, tone, share)
    layer.colour = colour
    layer.roughness = layer.roughness + (rows[k].bottom.roughness - layer.roughness) * share
    layer.covered = 1.0 - (1.0 - layer.covered) * (1.0 - share)
    return layer


@wp.func
def paint_extras(
    table: wp.array(dtype=wp.float32), s: Sample, rows: wp.array(dtype=Row), k: wp.int32, below: Layer
) -> Layer:
    layer = below
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    d = s.arm - rows[k].glove_cuff
    glove = cover(d, fp)
    if glove > 0.0:
        grain = noise(table, s.p, 120.0, 120.0, 120.0, rows[k].seed, fp)
        tone = rows[k].glove * (edge_lines(d) * (1.0 + 0.06 * grain) * (0.4 + 0.6 * s.open))
        layer.colour = mix(layer.colour, tone, glove)
        layer.roughness = layer.roughness + (0.75 - layer.roughness) * glove
    kind = rows[k].headwear
    if kind == 0 or z <= 1.2:
        return layer
    brim = z - 1.556 + 0.25 * (y + 0.05)
    cap = float(-1.0)
    if kind == 1:
        cap = brim
    elif kind == 2:
        cap = 1.0
        if y < -0.035:
            a = x / 0.064
            b = (z - 1.487) / 0.09
            cap = wp.max((wp.sqrt(a * a + b * b) - 1.0) * 0.065, 1.44 - 0.25 * (y + 0.14) - z - 0.05)
        cap = wp.min(cap, wp.min(z - 1.27 - 0.4 * wp.abs(x), -0.035 - s.arm))
    else:
        cap = 0.017 - wp.abs(z - 1.578 + 0.3 * (y + 0.05))
    if cap > -0.05:
        layer.colour = layer.colour * contact(cap, 0.35, 0.006)
    share = cover(cap, fp)
    if share > 0.0:
        fold = float(0.0)
        if kind == 1:
            fold = 0.3 * bump(brim - 0.04, 0.003) - 0.06 * flag(brim < 0.04)
        cloth = rows[k].hat
        tone = weave(table, s, rows[k].seed, cloth, 0.1 * wp.atan2(x, -(y + 0.02)), z, 0.0)
        tone = tone * ((1.0 - fold) * edge_lines(cap) * (0.35 + 0.65 * s.open))
        layer.colour = mix(layer.colour, tone, share)
        layer.roughness = layer.roughness + (0.9 - layer.roughness) * share
    return layer


@wp.kernel
def paint_kernel(
    fields: wp.array2d(dtype=wp.float32),
    category: wp.array(dtype=wp.uint8),
    faces: wp.array2d(dtype=wp.int32),
    table: wp.array(dtype=wp.float32),
    rows: wp.array(dtype=Row),
    instance: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    smallest: wp.float32,
    albedo: wp.array(dtype=wp.vec3),
    roughness: wp.array(dtype=wp.float32),
    covered: wp.array(dtype=wp.float32),
):
    i = wp.tid()
    f = face[i]
    if f < 0:
        return
    b = barycentrics[i]
    v0 = faces[f, 0]
    v1 = faces[f, 1]
    v2 = faces[f, 2]
    s = Sample()
    s.p = wp.vec3(
        fields[v0, 0] * b[0] + fields[v1, 0] * b[1] + fields[v2, 0] * b[2],
        fields[v0, 1] * b[0] + fields[v1, 1] * b[1] + fields[v2, 1] * b[2],
        fields[v0, 2] * b[0] + fields[v1, 2] * b[1] + fields[v2, 2] * b[2],
    )
    s.arm = fields[v0, 3] * b[0] + fields[v1, 3] * b[1] + fields[v2, 3] * b[2]
    s.leg = fields[v0, 4] * b[0] + fields[v1, 4] * b[1] + fields[v2, 4] * b[2]
    s.ear = fields[v0, 8] * b[0] + fields[v1, 8] * b[1] + fields[v2, 8] * b[2]
    s.nail = fields[v0, 9] * b[0] + fields[v1, 9] * b[1] + fields[v2, 9] * b[2]
    s.open = fields[v0, 10] * b[0] + fields[v1, 10] * b[1] + fields[v2, 10] * b[2]
    if s.p[2] > 1.3:
        s.lips = fields[v0, 5] * b[0] + fields[v1, 5] * b[1] + fields[v2, 5] * b[2]
        s.lid = fields[v0, 6] * b[0] + fields[v1, 6] * b[1] + fields[v2, 6] * b[2]
        s.hair = fields[v0, 7] * b[0] + fields[v1, 7] * b[1] + fields[v2, 7] * b[2]
    s.fp = wp.max(footprint[i], smallest)
    k = instance[i] - 1

    kind = int(category[f])
    layer = Layer()
    if kind == 0:
        # What is wholly under cloth is not painted.
        top = cover(wp.min(top_distance(s, rows, k), open_front(s, rows, k)), s.fp) >= 1.0
        bottom = cover(bottom_distance(s, rows, k), s.fp) >= 1.0
        if not (top or bottom):
            layer = paint_skin(table, s, rows, k)
            layer = paint_hair(table, s, rows, k, layer)
            layer = paint_feet(table, s, rows, k, layer)
        if rows[k].tucked > 0.5:
            if not bottom:
                layer = paint_top(table, s, rows, k, layer)
            layer = paint_bottom(table, s, rows, k, layer)
        else:
            if not top:
                layer = paint_bottom(table, s, rows, k, layer)
            layer = paint_top(table, s, rows, k, layer)
        layer = paint_extras(table, s, rows, k, layer)
    elif kind == 1:
        layer.colour = paint_eyes(table, s, rows, k)
        layer.roughness = 0.12
    elif kind == 2:
        layer.colour = wp.vec3(0.2, 0.07, 0.06)
        layer.roughness = 0.6
    elif kind == 3:
        layer.colour = wp.vec3(0.12, 0.022, 0.02)
        layer.roughness = 0.5
    else:
        layer.colour = wp.vec3(0.35, 0.1, 0.1)
        layer.roughness = 0.4
    c = layer.colour
    albedo[i] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
    roughness[i] = layer.roughness
    covered[i] = layer.covered
