"""Defocus and motion blur by gathering, and exposure in one pass. One source for CPU and CUDA."""

from math import cos, pi, sin

import warp as wp

from densesynth.render.kernels.samples import start_spiral

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

DEFOCUS_TAPS = 20
MOTION_TAPS = 11
TILE = wp.constant(16)  # pixels


def _numbers(values: list[float]) -> str:
    return "{" + ", ".join(f"{value:.9e}f" for value in values) + "}"


# Taps of a disc of radius 1: each a golden angle further, and as far out as shares its area evenly.
_RINGS = [((k + 0.5) / DEFOCUS_TAPS) ** 0.5 for k in range(DEFOCUS_TAPS)]
_ANGLES = [k * pi * (3.0 - 5.0**0.5) for k in range(DEFOCUS_TAPS)]

# In C++, a step for all taps at a time, so that the compiler may do several side by side.
GATHER_DISC = (
    f"""
    const int taps = {DEFOCUS_TAPS};
    const float rings[taps] = {_numbers(_RINGS)};
    const float east[taps] = {_numbers([r * cos(a) for r, a in zip(_RINGS, _ANGLES, strict=True)])};
    const float north[taps] = {_numbers([r * sin(a) for r, a in zip(_RINGS, _ANGLES, strict=True)])};
"""
    + """
    const int height = radius.shape[0], across = radius.shape[1];
    const float* light = reinterpret_cast<const float*>(colour.data);
    const float px = x + 0.5f, py = y + 0.5f, right = across - 1.0f, last = height - 1.0f;
    int at[taps];
    for (int k = 0; k < taps; ++k) {
        float fx = px + width * (east[k] * start[0] - north[k] * start[1]);
        float fy = py + width * (north[k] * start[0] + east[k] * start[1]);
        fx = fx > 0.0f ? fx : 0.0f;
        fy = fy > 0.0f ? fy : 0.0f;
        at[k] = (int)(fy < last ? fy : last) * across + (int)(fx < right ? fx : right);
    }
    float disc[taps], deep[taps], covers[taps];
    for (int k = 0; k < taps; ++k) {
        disc[k] = radius.data[at[k]];
        deep[k] = depth.data[at[k]];
    }
    for (int k = 0; k < taps; ++k) {
        const float seen = deep[k] > z * 1.02f && own < disc[k] ? own : disc[k];
        const float over = seen - width * rings[k] + 0.5f, square = seen * seen;
        covers[k] = (over > 1.0f ? 1.0f : over > 0.0f ? over : 0.0f) / (square > 0.5f ? square : 0.5f);
    }
    const float alone = own * own > 0.5f ? 1.0f / (own * own) : 2.0f;
    const float* here = light + 3 * (y * across + x);
    float red = here[0] * alone, green = here[1] * alone, blue = here[2] * alone, weight = alone;
    for (int k = 0; k < taps; ++k) {
        const float* there = light + 3 * at[k];
        red += there[0] * covers[k];
        green += there[1] * covers[k];
        blue += there[2] * covers[k];
        weight += covers[k];
    }
    return wp::vec3(red / weight, green / weight, blue / weight);
"""
)


@wp.func_native(GATHER_DISC)
def gather_disc(
    x: int,
    y: int,
    start: wp.vec2,
    own: wp.float32,
    z: wp.float32,
    width: wp.float32,
    colour: wp.array2d(dtype=wp.vec3),
    radius: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
) -> wp.vec3:
    """The mean of the pixels within `width` whose discs cover (x, y). start: the first tap's direction. own, z: the
    pixel's radius and depth. All arrays lie row by row."""


@wp.kernel
def defocus_kernel(
    colour: wp.array2d(dtype=wp.vec3),
    radius: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
    reach: wp.array2d(dtype=wp.float32),
    blurred: wp.array2d(dtype=wp.vec3),
):
    """Each pixel gathers from those whose disc of confusion covers it. radius: of each pixel's disc, pixels; reach:
    the largest radius around. A disc from behind a pixel covers it no wider than the pixel's own: blur from the
    backdrop doesn't creep over a sharp person, while a blurred person in front does spread over what is behind."""
    y, x = wp.tid()
    width = reach[y, x]
    out = colour[y, x]
    if width > 0.3:
        out = gather_disc(x, y, start_spiral(x, y), radius[y, x], depth[y, x], width, colour, radius, depth)
    blurred[y, x] = out


@wp.kernel
def fastest_kernel(velocity: wp.array2d(dtype=wp.vec2), fastest: wp.array2d(dtype=wp.vec2)):
    """Longest velocity of each tile."""
    ty, tx = wp.tid()
    best = wp.vec2(0.0, 0.0)
    for y in range(ty * TILE, wp.min(ty * TILE + TILE, velocity.shape[0])):
        for x in range(tx * TILE, wp.min(tx * TILE + TILE, velocity.shape[1])):
            v = velocity[y, x]
            if wp.dot(v, v) > wp.dot(best, best):
                best = v
    fastest[ty, tx] = best


GATHER_PATH = (
    f"    const int taps = {MOTION_TAPS};"
    + """
    const int height = colour.shape[0], across = colour.shape[1];
    const float* light = reinterpret_cast<const float*>(colour.data);
    const float* moved = reinterpret_cast<const float*>(velocity.data);
    const float right = across - 1.001f, last = height - 1.001f;
    const float length = sqrtf(along[0] * along[0] + along[1] * along[1]);
    float fx[taps], fy[taps], far[taps], span[taps];
    int nearest[taps];
    for (int k = 0; k < taps; ++k) {
        const float t = (k + 0.5f) / taps - 0.5f;
        fx[k] = x + along[0] * t;
        fy[k] = y + along[1] * t;
        fx[k] = fx[k] > 0.0f ? (fx[k] < right ? fx[k] : right) : 0.0f;
        fy[k] = fy[k] > 0.0f ? (fy[k] < last ? fy[k] : last) : 0.0f;
        far[k] = (t < 0.0f ? -t : t) * length;
        nearest[k] = (int)(fy[k] + 0.5f) * across + (int)(fx[k] + 0.5f);
    }
    for (int k = 0; k < taps; ++k) {
        const float u = moved[2 * nearest[k]], v = moved[2 * nearest[k] + 1];
        const float there = sqrtf(u * u + v * v);
        span[k] = (there > own ? there : own) * 0.5f;
    }
    const float* here = light + 3 * (y * across + x);
    float total[3] = {0.0f, 0.0f, 0.0f};
    for (int k = 0; k < taps; ++k) {
        if (span[k] >= far[k]) {
            const int ix = (int)fx[k], iy = (int)fy[k];
            const float r = fx[k] - ix, d = fy[k] - iy;
            const float* upper = light + 3 * (iy * across + ix);
            const float* lower = upper + 3 * across;
            for (int c = 0; c < 3; ++c)
                total[c] += (upper[c] * (1.0f - r) + upper[3 + c] * r) * (1.0f - d)
                    + (lower[c] * (1.0f - r) + lower[3 + c] * r) * d;
        } else {
            for (int c = 0; c < 3; ++c)
                total[c] += here[c];
        }
    }
    return wp::vec3(total[0] / taps, total[1] / taps, total[2] / taps);
"""
)


@wp.func_native(GATHER_PATH)
def gather_path(
    x: int,
    y: int,
    along: wp.vec2,
    own: wp.float32,
    colour: wp.array2d(dtype=wp.vec3),
    velocity: wp.array2d(dtype=wp.vec2),
) -> wp.vec3:
    """The mean of the taps along the fastest movement around (px). own: the pixel's own, px. Arrays lie row by row."""


@wp.kernel
def smear_kernel(
    colour: wp.array2d(dtype=wp.vec3),
    velocity: wp.array2d(dtype=wp.vec2),
    fastest: wp.array2d(dtype=wp.vec2),
    smeared: wp.array2d(dtype=wp.vec3),
):
    """Along the fastest movement around (after McGuire 2012): a tap counts where its own movement or the pixel's spans
    the distance between them, else the pixel stays what it is there. velocity: pixels during the exposure."""
    y, x = wp.tid()
    ty = y // TILE
    tx = x // TILE
    along = wp.vec2(0.0, 0.0)
    for j in range(wp.max(ty - 1, 0), wp.min(ty + 2, fastest.shape[0])):
        for i in range(wp.max(tx - 1, 0), wp.min(tx + 2, fastest.shape[1])):
            v = fastest[j, i]
            if wp.dot(v, v) > wp.dot(along, along):
                along = v
    here = colour[y, x]
    if wp.length(along) > 0.5:
        here = gather_path(x, y, along, wp.length(velocity[y, x]), colour, velocity)
    smeared[y, x] = here


# Per row, so that the compiler vectorises over its pixels; noise is Gaussian with the variance read + shot · light,
# which is Poisson's for more than a few photons. The shoulder is Reinhard's extended curve above the knee.
EXPOSE = """
    const float* __restrict__ light = linear.data + row * width * 3;
    const float* __restrict__ deviate = grain.data + start;
    float* __restrict__ out = exposed.data + row * width * 3;
    const float gains[3] = {red, green, blue};
    const float dy = (row + 0.5f - 0.5f * height) * scale;
    for (int x = 0; x < width; ++x) {
        const float dx = (x + 0.5f - 0.5f * width) * scale;
        const float fall = 1.0f - vignette * (dx * dx + dy * dy);
        for (int c = 0; c < 3; ++c) {
            float value = light[3 * x + c] * gains[c] * (fall > 0.0f ? fall : 0.0f);
            value += sqrtf(read + shot * (value > 0.0f ? value : 0.0f)) * deviate[3 * x + c];
            const float over = (value - knee) * over_scale;
            const float t = over > 0.0f ? over : 0.0f;
            const float bent = knee + t * (1.0f + t * white) / ((1.0f + t) * over_scale);
            out[3 * x + c] = over > 0.0f ? bent : value;
        }
    }
"""


@wp.func_native(EXPOSE)
def expose_row(
    linear: wp.array(dtype=wp.float32),
    row: int,
    width: int,
    height: int,
    scale: wp.float32,
    vignette: wp.float32,
    red: wp.float32,
    green: wp.float32,
    blue: wp.float32,
    read: wp.float32,
    shot: wp.float32,
    knee: wp.float32,
    over_scale: wp.float32,
    white: wp.float32,
    grain: wp.array(dtype=wp.float32),
    start: int,
    exposed: wp.array(dtype=wp.float32),
): ...


@wp.kernel
def expose_kernel(
    linear: wp.array(dtype=wp.float32),
    width: int,
    height: int,
    vignette: wp.float32,
    gains: wp.vec3,
    read: wp.float32,
    shot: wp.float32,
    knee: wp.float32,
    brightest: wp.float32,
    grain: wp.array(dtype=wp.float32),
    starts: wp.array(dtype=wp.int32),
    exposed: wp.array(dtype=wp.float32),
):
    """One thread a row. knee: light above which the curve bends, so that `brightest` becomes 1."""
    row = wp.tid()
    scale = 2.0 / wp.sqrt(wp.float32(width * width + height * height))
    over = 1.0 / (1.0 - knee + 1e-6)
    white = (brightest - knee) * over
    expose_row(
        linear, row, width, height, scale, vignette, gains[0], gains[1], gains[2], read, shot, knee, over,
        1.0 / (white * white), grain, starts[row], exposed,
    )  # fmt: skip
