"""What every layer of the paint uses: outfits and samples as structs, noise, patterns, edges."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.reference import base as plain

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
NAPE = wp.constant(plain.NAPE)
WHORL_X = wp.constant(plain.WHORL[0])
WHORL_Y = wp.constant(plain.WHORL[1])
WHORL_Z = wp.constant(plain.WHORL[2])
LEAN = wp.constant(plain.LEAN)
SWEPT_Y = wp.constant(plain.SWEPT[1])
SWEPT_Z = wp.constant(plain.SWEPT[2])
wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

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
    swept_back: wp.float32
    swept_up: wp.float32
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
    across: wp.float32
    up: wp.float32
    fp: wp.float32


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


# By its address: a call that hands over an array copies all that Warp knows of it.
@wp.func_native("return reinterpret_cast<wp::uint64>(table.data);")
def address_of_table(table: wp.array(dtype=wp.float32)) -> wp.uint64: ...


@wp.func_native("return reinterpret_cast<const float*>(table)[index];")
def value_at(table: wp.uint64, index: wp.int32) -> wp.float32: ...


@wp.func
def noise(
    table: wp.uint64, p: wp.vec3, fx: wp.float32, fy: wp.float32, fz: wp.float32, seed: wp.float32,
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
    a = value_at(table, x0 + y0 + z0) + (value_at(table, x0 + y0 + z1) - value_at(table, x0 + y0 + z0)) * z
    b = value_at(table, x0 + y1 + z0) + (value_at(table, x0 + y1 + z1) - value_at(table, x0 + y1 + z0)) * z
    c = value_at(table, x1 + y0 + z0) + (value_at(table, x1 + y0 + z1) - value_at(table, x1 + y0 + z0)) * z
    d = value_at(table, x1 + y1 + z0) + (value_at(table, x1 + y1 + z1) - value_at(table, x1 + y1 + z0)) * z
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
    table: wp.uint64, p: wp.vec3, fp: wp.float32, seed: wp.float32, colour: wp.vec3, second: wp.vec3,
    kind: wp.int32, scale: wp.float32, u: wp.float32, v: wp.float32, panel: wp.float32,
) -> wp.vec3:  # fmt: skip
    share = float(0.0)
    value = float(1.0)
    if kind == 1:
        share = band(v, scale, 0.5, fp)
    elif kind == 2:
        share = band(u, scale * 0.6, 0.28, fp)
    elif kind == 3:
        share = 0.5 * (band(u, scale, 0.45, fp) + band(v, scale, 0.45, fp))
    elif kind == 4:
        share = dots(u, v, scale * 0.8, fp)
    elif kind == 5 or kind == 6:
        blotch = noise(table, p, 38.0, 38.0, 38.0, seed + 0.3, fp)
        if kind == 5:
            share = cover((blotch - 0.12) * 0.012, fp)
        else:
            value = 1.0 + wp.max(0.55 * bump(p[2] - 0.62, 0.16) + 0.175 * blotch, -0.3)
    elif kind == 7:
        value = 0.78 + 0.3 * band(u, 0.007, 0.5, fp)
    elif kind >= 8:
        share = panel
    grain = noise(table, p, 620.0, 620.0, 620.0, seed, fp)
    folds = noise(table, p, 11.0, 11.0, 17.0, seed + 0.6, fp)
    folds += 0.55 * noise(table, p, 31.0, 31.0, 22.0, seed + 0.1, fp)
    return mix(colour, second, share) * (value * (1.0 + 0.07 * grain) * (1.0 + 0.11 * folds))


@wp.func
def runs_across(kind: wp.int32) -> wp.bool:
    """Whether a pattern must know how far round the limb a point lies; hoops, for one, do not."""
    return kind == 2 or kind == 3 or kind == 4 or kind == 7


@wp.func
def angle(y: wp.float32, x: wp.float32) -> wp.float32:
    """atan2 to 2e-7 rad or so, faster (Abramowitz and Stegun 4.4.49)."""
    ax = wp.abs(x)
    ay = wp.abs(y)
    t = wp.min(ax, ay) / wp.max(wp.max(ax, ay), 1.0e-30)
    q = t * t
    r = 0.0028662257 * q - 0.0161657367
    r = r * q + 0.0429096138
    r = r * q - 0.0752896400
    r = r * q + 0.1065626393
    r = r * q - 0.1420889944
    r = r * q + 0.1999355085
    r = r * q - 0.3333314528
    r = t + t * q * r
    r = wp.where(ay > ax, 1.5707963 - r, r)
    r = wp.where(x < 0.0, 3.1415927 - r, r)
    return wp.where(y < 0.0, -r, r)


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
