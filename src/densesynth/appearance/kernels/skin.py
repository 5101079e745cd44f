"""Skin, face, hair and eyes."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import (
    EYE_X,
    EYE_Z,
    HEAD_BOTTOM,
    IRIS,
    LEAN,
    NAPE,
    PUPIL,
    SWEPT_Y,
    SWEPT_Z,
    WHORL_X,
    WHORL_Y,
    WHORL_Z,
    Row,
    Sample,
    angle,
    bump,
    cover,
    flag,
    mix,
    noise,
    ramp,
    tint,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def paint_skin(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.vec4:
    """Bare skin and the face: colour, roughness."""
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    side = wp.abs(x)
    seed = rows[k].seed
    blotch = noise(table, s.p, 70.0, 70.0, 70.0, seed, fp)
    pores = noise(table, s.p, 900.0, 900.0, 900.0, seed + 0.5, fp)
    on_face = float(0.0)
    if z > HEAD_BOTTOM:
        on_face = ramp(-0.05, -0.09, y) * ramp(1.38, 1.42, z)
    red = 0.35 * s.ear + 0.3 * ramp(0.5, 0.6, s.arm) * (0.6 + 0.4 * ramp(0.97, 0.9, s.open)) + 0.3 * ramp(0.06, 0.03, z)
    red += 0.16 * blotch
    oily = float(0.0)
    if on_face > 0.0:
        cheek = bump(side - 0.043, 0.02) * bump(z - 1.477, 0.02) * on_face
        nose = bump(x, 0.014) * bump(z - 1.468, 0.014) * on_face
        red += 0.55 * rows[k].blush * (cheek + 0.8 * nose)
        oily = (bump(x, 0.035) * bump(z - 1.55, 0.02) + nose) * on_face
    colour = rows[k].skin * (1.0 + 0.05 * blotch + 0.06 * pores)
    colour = tint(colour, 1.0 - 0.02 * red, 1.0 - 0.22 * red, 1.0 - 0.2 * red)
    roughness = (0.53 - 0.13 * oily + 0.06 * pores) * (1.0 - s.nail) + 0.3 * s.nail
    if rows[k].freckles * on_face > 0.0:
        freckle = noise(table, s.p, 480.0, 480.0, 480.0, seed + 0.7, fp) + 0.25 * blotch
        where = wp.clamp(rows[k].freckles * on_face * (bump(z - 1.483, 0.03) + 0.25), 0.0, 1.0)
        f = 0.4 * ramp(0.36, 0.7, freckle) * where
        colour = tint(colour, 1.0 - 0.6 * f, 1.0 - f, 1.0 - 1.2 * f)
    colour = mix(colour, tint(colour, 1.22, 1.08, 1.07) + wp.vec3(0.045, 0.045, 0.045), s.nail)
    age = wp.clamp(1.6 * (seed - 0.4), 0.0, 1.0)
    if on_face * age > 0.0:
        down = wp.clamp((1.468 - z) / 0.03, 0.0, 1.0)
        beside = bump(side - 0.0185 - 0.012 * down, 0.0022) * ramp(1.43, 1.437, z) * ramp(1.472, 1.466, z)
        wave = z - 1.553 - 0.0012 * wp.sin(120.0 * x) - 0.003 * bump(x, 0.02)
        across = bump(wave, 0.0014) + bump(wave - 0.009, 0.0014)
        furrows = (0.3 * beside + 0.16 * across * ramp(0.04, 0.025, side)) * on_face * age
        colour = tint(colour, 1.0 - 0.8 * furrows, 1.0 - furrows, 1.0 - furrows)
    if on_face > 0.0:
        lips = ramp(-0.001 - 0.4 * fp, 0.0018 + 0.4 * fp, s.lips) * on_face
        if lips > 0.0:
            crease = noise(table, s.p, 700.0, 60.0, 60.0, seed, fp)
            natural = tint(colour, 0.88, 0.64, 0.63) + wp.vec3(0.01, 0.0, 0.002)
            shade = (1.0 + 0.08 * crease) * (1.0 - 0.16 * ramp(1.447, 1.451, z) - 0.2 * bump(z - 1.4485, 0.0022))
            colour = mix(colour, mix(natural, rows[k].lip_tint, rows[k].lipstick) * shade, 0.92 * lips)
            roughness = roughness + (0.36 - roughness) * lips
        gap = ramp(0.93, 0.55, s.open) * bump(z - 1.4485, 0.0055) * ramp(-0.004, 0.0, s.lips) * on_face
        colour = tint(colour, 1.0 - 0.78 * gap, 1.0 - 0.88 * gap, 1.0 - 0.88 * gap)
        roughness = roughness + (0.8 - roughness) * gap
        if s.lid < 0.04:
            upper = ramp(-0.003, 0.003, z - EYE_Z + 0.06 * (side - EYE_X))
            lash = cover(0.0007 + 0.0014 * upper - s.lid, wp.max(fp, 0.0012)) * on_face
            fold = bump(s.lid - 0.0085, 0.0016) * upper * on_face * bump(side - EYE_X, 0.022)
            hollow = bump(s.lid - 0.004, 0.007) * on_face
            below = bump(s.lid - 0.0095, 0.006) * (1.0 - upper) * on_face * (0.4 + 0.6 * seed)
            colour = colour * (1.0 - (0.42 * fold + 0.14 * hollow))
            colour = tint(colour, 1.0 - 0.14 * below, 1.0 - 0.2 * below, 1.0 - 0.12 * below)
            colour = mix(colour, 0.25 * rows[k].hair + wp.vec3(0.006, 0.006, 0.006), (0.22 + 0.68 * upper) * lash)
    colour = colour * (0.25 + 0.75 * s.open * (0.7 + 0.3 * s.open))
    return wp.vec4(colour[0], colour[1], colour[2], roughness)


@wp.func
def paint_hair(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, under: wp.vec4) -> wp.vec4:
    z = s.p[2]
    if z <= HEAD_BOTTOM - 0.03:
        return under
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    side = wp.abs(x)
    seed = rows[k].seed
    fine = float(0.0)
    on_face = ramp(-0.05, -0.08, y)
    colour = wp.vec3(under[0], under[1], under[2])
    roughness = under[3]

    if on_face > 0.0 and z > EYE_Z and z < EYE_Z + 0.05:
        along = wp.clamp((side - 0.0115) / 0.043, 0.0, 1.0)
        height = EYE_Z + 0.0205 + rows[k].brow_arch * wp.sin(2.2 * along) - 0.003 * along * along * along
        thick = rows[k].brow * (0.72 + 0.62 * along - 1.1 * along * along)
        above = z - height
        if wp.abs(above) < thick + 0.004 and side > 0.0045 and side < 0.0585:
            # Hairs rise at the nose and lie outwards towards the temple.
            root = side - above * (0.35 + 2.2 * along)
            way = wp.vec3(wp.where(x > 0.0, root, root + 0.37), 0.0, above)
            strokes = noise(table, way, 560.0, 1.0, 110.0, seed + 0.4, fp)
            ragged = noise(table, way, 230.0, 1.0, 60.0, seed + 0.65, fp)
            inside = thick - wp.abs(above) + 0.001 * strokes + 0.0009 * ragged
            dense = (
                ramp(-0.0016, 0.0026, inside) * ramp(0.007, 0.016, side + 0.002 * ragged) * ramp(0.0585, 0.049, side)
            )
            brow = wp.clamp(dense * (0.9 + 0.7 * strokes * (1.3 - dense)), 0.0, 1.0) * on_face
            colour = mix(colour, 0.75 * rows[k].hair, brow * rows[k].brow_strength)

    if rows[k].beard > 0.0 or rows[k].moustache > 0.0:
        azimuth = side / wp.max(0.02 - y, 0.02)
        line = EYE_Z - 0.058 - 0.012 * bump(azimuth - 0.62, 0.35) + 0.062 * ramp(0.8, 2.2, azimuth)
        line = line + 0.013 * bump(azimuth - 0.19, 0.09)
        if z < wp.max(line + 0.009, 1.475) and azimuth < 3.6 and y < NAPE:
            patch = noise(table, s.p, 75.0, 75.0, 75.0, seed + 0.35, fp)
            hairs = noise(table, s.p, 760.0, 760.0, 230.0, seed + 0.55, fp)
            fine = noise(table, s.p, 800.0, 800.0, 800.0, seed + 0.2, fp)
            jaw = ramp(-0.004, 0.018, line + 0.004 * patch - z) * ramp(
                1.37, 1.402, z - 0.13 * (y + 0.1) + 0.006 * patch
            )
            jaw = jaw * ramp(3.6, 2.4, azimuth) * ramp(NAPE, NAPE - 0.018, y)
            lip_gap = ramp(0.0008, -0.0014, s.lips)
            above = (
                ramp(-0.001, 0.004, z - 1.457) * ramp(1.474, 1.466, z + 8.0 * side * side) * ramp(0.035, 0.021, side)
            )
            strength = wp.max(rows[k].beard * jaw, wp.max(rows[k].beard, rows[k].moustache) * above * on_face) * lip_gap
            # Stubble is dots, a full beard hairs that hang; where it thins out, single ones are left.
            full = ramp(0.45, 0.9, wp.max(rows[k].beard, rows[k].moustache))
            grain = fine + (hairs - fine) * full
            thin = 4.0 * strength * (1.0 - strength)
            beard = wp.clamp(strength * (0.95 + 0.1 * patch) + 0.45 * thin * grain, 0.0, 0.96)
            colour = mix(colour, (0.8 * (1.0 + 0.3 * full * hairs)) * rows[k].hair, beard)

    kind = rows[k].hair_kind
    recede = rows[k].recede * ramp(0.0, -0.08, y)
    if s.hair - recede > -0.04 and z > HEAD_BOTTOM - 0.02:
        front = ramp(-0.03, -0.08, y)
        soft = float(0.007)
        level = float(1.0)
        if kind == 0:
            soft = 0.02
            level = 0.1
        elif kind == 1:
            soft = 0.01
            level = 0.72
        elif kind == 3:
            soft = 0.009
            level = 0.28 + 0.72 * ramp(EYE_Z, EYE_Z + 0.055, z + 0.3 * (y + 0.03))
        soft = soft * (1.0 + 0.7 * ramp(0.03, 0.05, side) * front)
        inside = s.hair - recede - (0.003 + 0.003 * seed) * bump(side - 0.043, 0.016) * front
        if wp.abs(inside) < wp.max(soft, 0.02) + 0.004:
            inside = inside + 0.004 * noise(table, s.p, 105.0, 105.0, 60.0, seed + 0.8, fp)
        shaded = ramp(-0.02, 0.0, inside) * level
        colour = tint(colour, 1.0 - 0.13 * shaded, 1.0 - 0.17 * shaded, 1.0 - 0.17 * shaded)
        share = ramp(-soft, soft, inside)
        if share > 0.0:
            combed = ramp(0.35, 0.75, level) * flag(kind > 1)
            if fine == 0.0 and (combed < 1.0 or level < 0.9):
                fine = noise(table, s.p, 800.0, 800.0, 800.0, seed + 0.2, fp)
            # Where a hair begins on the circle about the whorl, and how far along it a point is.
            dx = x - WHORL_X
            dz = z - WHORL_Z
            dy = y - WHORL_Y - LEAN * dz
            turn = 0.003 * wp.sin(55.0 * z + 30.0 * x)
            flat = wp.sqrt(dx * dx + dy * dy)
            if kind == 4:  # back from the face, to where a tail is tied
                dz = (z - SWEPT_Z) * rows[k].swept_back - (y - SWEPT_Y) * rows[k].swept_up
                flat = wp.sqrt(dx * dx + dz * dz)
                turn += angle(dx, dz) * 0.15915494
            else:
                turn += angle(dx, -dy) * 0.15915494
            way = wp.vec3(turn, wp.sqrt(dx * dx + dy * dy + dz * dz), 0.0)
            around = fp / (6.2832 * wp.max(flat, 0.004))
            lock = noise(table, way, 96.0, 13.0, 1.0, seed + 0.15, around)
            hairs = fine
            if combed > 0.0:
                strand = noise(table, way, 352.0, 24.0, 1.0, seed + 0.9, around)
                hairs = fine + (strand + 0.7 * lock - fine) * combed
            # Towards its edge hair thins out to single strands.
            share = wp.clamp(share + 1.4 * share * (1.0 - share) * hairs, 0.0, 1.0)
            if level < 0.9:
                level = level + 0.25 * fine
            share = share * wp.clamp(level, 0.0, 1.0)
            shine = 1.0 + 0.36 * hairs + 0.14 * lock
            colour = mix(colour, rows[k].hair * wp.max(shine, 0.2), share)
            # Strands finer than a pixel turn every way: together they shine like a rougher surface.
            roughness = roughness + (0.5 + 0.25 * ramp(0.0006, 0.0025, fp) - roughness) * share
    return wp.vec4(colour[0], colour[1], colour[2], roughness)


@wp.func
def paint_eyes(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.vec3:
    dx = wp.abs(s.p[0]) - EYE_X
    dz = s.p[2] - EYE_Z
    rho = wp.sqrt(dx * dx + dz * dz)
    fp = wp.max(s.fp, 0.0004)
    spokes = noise(table, s.p, 900.0, 30.0, 900.0, rows[k].seed, s.fp)
    iris = rows[k].iris * (
        (0.85 + 0.35 * spokes + 0.5 * bump(rho - 0.0042, 0.0018)) * (1.0 - 0.65 * ramp(IRIS - 0.0016, IRIS, rho))
    )
    white = wp.vec3(0.54, 0.48, 0.45) * (1.0 - 0.3 * ramp(0.008, 0.016, rho))
    white = mix(white, wp.vec3(0.36, 0.17, 0.14), 0.75 * ramp(-0.0098, -0.013, dx))
    colour = mix(white, iris, cover(IRIS - rho, wp.max(fp, 0.0006)))
    colour = mix(colour, wp.vec3(0.004, 0.004, 0.004), cover(PUPIL - rho, fp))
    lid_shade = 1.0 - 0.6 * ramp(-0.001, 0.0085, dz + 0.06 * dx)
    return colour * (lid_shade * (0.18 + 0.82 * ramp(0.0, 0.55, s.open)))
