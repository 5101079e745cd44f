"""Socks, shoes, gloves and headwear."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import (
    Row,
    Sample,
    angle,
    band,
    bump,
    contact,
    cover,
    edge_lines,
    flag,
    mix,
    noise,
    ramp,
    weave,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def paint_feet(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, under: wp.vec4) -> wp.vec4:
    z = s.p[2]
    if z > 0.4:
        return under
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    side = wp.abs(x)
    colour = wp.vec3(under[0], under[1], under[2])
    edge = rows[k].sock_top - z
    if rows[k].sock_top > 0.0:
        colour = colour * contact(edge, 0.3, 0.006)
    sock = cover(edge, fp)
    rib = band(side * 3.0 + y * 2.0, 0.008, 0.5, fp)
    stripe = cover(0.012 - wp.abs(edge - 0.03), fp)
    colour = mix(colour, mix(rows[k].sock, rows[k].sock_band, stripe) * (0.88 + 0.14 * rib), sock)
    roughness = under[3] + (0.9 - under[3]) * sock

    d = rows[k].shoe_top - z + 0.28 * wp.clamp(-(y + 0.012), 0.0, 0.09)
    colour = colour * contact(d, 0.35, 0.006)
    shoe = cover(d, fp)
    if shoe > 0.0:
        middle = side - 0.181 + 0.02 * (y + 0.06)
        instep = rows[k].laced * ramp(-0.128, -0.118, y) * ramp(0.0, 0.004, d) * flag(y < -0.02) * ramp(0.088, 0.078, z)
        tongue = cover(0.013 - wp.abs(middle), fp) * instep
        laces = cover(0.015 - wp.abs(middle), fp) * instep * band(y + 0.25 * z, 0.0125, 0.42, fp)
        heel = cover(y - 0.022 - 0.2 * z, fp)
        tone = mix(rows[k].upper, rows[k].shoe_second, heel * rows[k].laced)
        toes = ramp(-0.09, -0.13, y)
        tone = tone * ((1.0 - 0.2 * toes) * (1.0 - 0.4 * tongue))
        tone = mix(tone, rows[k].lace, laces) * (1.0 - 0.3 * bump(d - 0.008, 0.0022))
        sole = cover(rows[k].sole * (1.0 - toes) - z, fp)
        welt = bump(z - rows[k].sole, 0.0018) * (1.0 - toes)
        tone = mix(tone, rows[k].sole_colour, sole) * (1.0 - 0.45 * welt)
        scuff = noise(table, s.p, 60.0, 60.0, 60.0, rows[k].seed, fp)
        colour = mix(colour, tone * (1.0 + 0.06 * scuff), shoe)
        roughness = roughness + (wp.where(sole > 0.5, 0.8, 0.42 + 0.4 * toes) - roughness) * shoe
    return wp.vec4(colour[0], colour[1], colour[2], roughness)


@wp.func
def paint_extras(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, below: wp.vec4) -> wp.vec4:
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    d = s.arm - rows[k].glove_cuff
    kind = rows[k].headwear
    if d <= -0.5 * fp and (kind == 0 or z <= 1.2):
        return below
    colour = wp.vec3(below[0], below[1], below[2])
    roughness = below[3]
    glove = cover(d, fp)
    if glove > 0.0:
        grain = noise(table, s.p, 120.0, 120.0, 120.0, rows[k].seed, fp)
        tone = rows[k].glove * (edge_lines(d) * (1.0 + 0.06 * grain) * (0.4 + 0.6 * s.open))
        colour = mix(colour, tone, glove)
        roughness = roughness + (0.75 - roughness) * glove
    if kind == 0 or z <= 1.2:
        return wp.vec4(colour[0], colour[1], colour[2], roughness)
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
        colour = colour * contact(cap, 0.35, 0.006)
    share = cover(cap, fp)
    if share > 0.0:
        fold = float(0.0)
        if kind == 1:
            fold = 0.3 * bump(brim - 0.04, 0.003) - 0.06 * flag(brim < 0.04)
        u = 0.1 * angle(x, -(y + 0.02))
        tone = weave(
            table,
            s.p,
            fp,
            rows[k].seed,
            rows[k].hat.colour,
            rows[k].hat.second,
            rows[k].hat.pattern,
            rows[k].hat.scale,
            u,
            z,
            0.0,
        )
        tone = tone * ((1.0 - fold) * edge_lines(cap) * (0.35 + 0.65 * s.open))
        colour = mix(colour, tone, share)
        roughness = roughness + (0.9 - roughness) * share
    return wp.vec4(colour[0], colour[1], colour[2], roughness)
