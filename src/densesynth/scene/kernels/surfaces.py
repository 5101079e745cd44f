"""Colours of floors and grounds."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import cover, mix, ramp
from densesynth.scene.kernels.base import (
    CLOUDS,
    LEAVES,
    PLANK_ACROSS,
    PLANK_ALONG,
    Surroundings,
    fade,
    hash2,
    rough,
    speck,
    stripes,
    texture,
    whole,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def hypotenuse(leg: wp.float32) -> wp.float32:
    """Of a right triangle whose other leg is 1, within a tenth."""
    return wp.max(leg, 1.0) + 0.35 * wp.min(leg, 1.0)


@wp.func
def grit(table: wp.array(dtype=wp.float32), x: wp.float32, y: wp.float32, f: wp.float32, fp: wp.float32) -> wp.float32:
    """Blades or grains, f periods a metre; further off tufts and stains instead, four times as large."""
    f = wp.where(fp * f > 0.022, 0.25 * f, f)
    return speck(table, LEAVES, f * x, f * y, 0.8 * f * fp)


@wp.func
def grass_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    a: wp.vec3,
    b: wp.vec3,
    x: wp.float32,
    y: wp.float32,
    fp: wp.float32,
) -> wp.vec3:
    """Grass, with patches and a path where feet wore it off."""
    broad = texture(table, CLOUDS, 0.11 * x, 0.11 * y, 0.11 * fp)
    blade = grit(table, x, y, 1.4, fp)
    colour = mix(a, b, wp.clamp(0.45 + 0.6 * broad, 0.0, 1.0)) * (1.0 + 0.42 * blade + 0.25 * broad)
    if worlds[0].wear > 0.5:
        large = rough(table, x, y, 0.16, worlds[0].seed, 0.0)
        worn = 0.6 * large + 0.5 * broad + 0.2 * blade + 1.7 * worlds[0].wear - 1.6
        trodden = 0.75 - wp.abs(y - 1.1 + 1.2 * large) + 0.5 * broad + 0.15 * blade
        worn = wp.max(worn, wp.where(worlds[0].wear > 0.7, trodden, -1.0))
        if worn > -0.15:
            earth = mix(wp.vec3(0.27, 0.2, 0.13), b, 0.25) * (1.0 + 0.3 * broad + 0.14 * blade)
            colour = mix(colour, earth, ramp(-0.15, 0.25, worn))
    return colour


@wp.func
def asphalt_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    a: wp.vec3,
    b: wp.vec3,
    x: wp.float32,
    y: wp.float32,
    wy: wp.float32,
    fp: wp.float32,
) -> wp.vec3:
    """Asphalt or concrete: stains, cracks, where it was dug up and mended, perhaps a painted line. wy: metres across y
    that a pixel covers."""
    broad = texture(table, CLOUDS, 0.19 * x, 0.19 * y, 0.19 * fp)
    fine = grit(table, x, y, 3.3, fp)
    tone = (1.0 + 0.1 * broad) * (1.0 + 0.2 * fine + 0.08 * broad)
    thin = 1.0 / (1.0 + 60.0 * fp)  # fainter than a pixel further off
    crack = 60.0 * (broad - 0.33) * thin
    tone *= 1.0 - 0.3 * thin * fade(crack * crack)
    column = wp.floor(x * 0.21)
    line = wp.floor(y * 0.34)
    r = hash2(wp.int32(column), wp.int32(line), worlds[0].key)
    if r < 0.14:
        wide = 1.3 + 7.0 * r - wp.abs(x - (column + 0.5) * 4.76)
        edge = wp.min(wide, 0.7 + 5.0 * r - wp.abs(y - (line + 0.5) * 2.94))
        seam = cover(0.03 - wp.abs(edge), fp) * wp.min(0.06 / fp, 1.0)
        tone *= 1.0 - (0.1 + 1.5 * r) * cover(edge, fp) - 0.3 * seam
    if worlds[0].ground_scale > 0.5:
        across = wp.max(wy, 1e-4)
        joint = cover(0.06 - wp.abs(y - 2.6 * worlds[0].ground_scale), across) * wp.min(0.12 / across, 1.0)
        a = mix(a, b, 0.85 * joint * wp.clamp(1.1 + 0.9 * fine - 0.8 * broad, 0.3, 1.0))
    return a * tone


@wp.func
def floor_colour(
    table: wp.array(dtype=wp.float32),
    worlds: wp.array(dtype=Surroundings),
    kind: wp.int32,
    a: wp.vec3,
    b: wp.vec3,
    px: wp.float32,
    py: wp.float32,
    d: wp.vec3,
    near: wp.float32,
) -> wp.vec3:
    """The floor at (px, py), seen along d. near: metres across the ray that a pixel covers there.

    Along the ray a pixel covers more, the flatter it looks on to the floor; joints widen each by its own direction.
    """
    c = worlds[0].ground_cos
    n = worlds[0].ground_sin
    x = c * px + n * py
    y = c * py - n * px
    slant = 1.0 / wp.max(wp.abs(d[2]), 1.0e-3)
    fp = near * wp.sqrt(wp.max(slant, 1.0))
    if kind == 2:
        return grass_colour(table, worlds, a, b, x, y, fp)
    if kind == 4:
        wide = near * hypotenuse(wp.abs(c * d[1] - n * d[0]) * slant)
        return asphalt_colour(table, worlds, a, b, x, y, wide, fp)
    scale = worlds[0].ground_scale
    often = 1.0 / scale
    dx = c * d[0] + n * d[1]
    dy = c * d[1] - n * d[0]
    wx = near * often * hypotenuse(wp.abs(dx) * slant)  # a pixel's widths in periods
    wy = near * often * hypotenuse(wp.abs(dy) * slant)
    u = x * often
    v = y * often
    broad = texture(table, CLOUDS, 0.19 * x, 0.19 * y, 0.19 * fp)
    tone = 1.0 + 0.12 * broad
    colour = a
    joint = float(0.0)
    if kind == 0:  # tiles with joints
        fine = speck(table, LEAVES, 1.7 * x, 1.7 * y, 1.7 * fp)
        tone *= 1.0 + 0.16 * (hash2(whole(u), whole(v), 3) - 0.5) + 0.09 * fine
        joint = wp.max(stripes(u, 0.03, wx), stripes(v, 0.03, wy))
        colour = mix(a, b * 0.6, joint)
    elif kind == 1:  # planks
        v = v * PLANK_ACROSS
        j = whole(v)
        u = (x + hash2(j, 5, 1) * 3.0) * (often * PLANK_ALONG)
        grain = rough(table, x * 0.12, y, 60.0, worlds[0].seed + 0.1, wy * scale)
        tone *= 1.0 + 0.4 * (hash2(whole(u), j, 2) - 0.5) + 0.16 * grain
        joint = wp.max(stripes(v, 0.03, wy * PLANK_ACROSS), stripes(u, 0.004, wx * PLANK_ALONG))
        colour = mix(a, b * 0.3, joint)
    elif kind == 3:  # carpet with a motif
        fine = speck(table, LEAVES, 1.9 * x, 1.9 * y, 1.9 * fp)
        joint = wp.max(stripes(u + v, 0.2, wx + wy), stripes(u - v, 0.2, wx + wy))
        tone *= 1.0 + 0.2 * fine
        colour = mix(a, b, 0.5 * joint)
    elif kind == 6:  # slabs
        fine = speck(table, LEAVES, 1.7 * x, 1.7 * y, 1.7 * fp)
        j = whole(v * 1.2)
        u = u * 0.8 + 0.5 * wp.float32(j)
        tone *= 1.0 + 0.22 * (hash2(whole(u), j, 3) - 0.5) + 0.09 * fine
        joint = wp.max(stripes(u, 0.02, 0.8 * wx), stripes(v * 1.2, 0.03, 1.2 * wy))
        colour = mix(a, b * 0.55, joint)
    else:  # chequers: the product of two square waves, each smoothed over its own footprint
        fine = speck(table, LEAVES, 1.7 * x, 1.7 * y, 1.7 * fp)
        wave = (2.0 * stripes(0.5 * u, 0.5, 0.5 * wx) - 1.0) * (2.0 * stripes(0.5 * v, 0.5, 0.5 * wy) - 1.0)
        tone *= 1.0 + 0.08 * fine
        colour = mix(a, b, 0.5 + 0.5 * wave)
    return colour * tone
