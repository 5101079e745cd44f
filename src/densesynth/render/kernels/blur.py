"""Defocus and motion blur by gathering, and exposure in one pass. One source for CPU and CUDA."""

import warp as wp

from densesynth.render.kernels.samples import next_spiral, start_spiral

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

DEFOCUS_TAPS = wp.constant(20)
MOTION_TAPS = wp.constant(11)
TILE = wp.constant(16)  # pixels


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
    own = radius[y, x]
    z = depth[y, x]
    width = reach[y, x]
    total = colour[y, x]
    weight = wp.float32(1.0)
    if width > 0.3:
        d = start_spiral(x, y)
        share = 1.0 / wp.max(own * own, 0.5)
        total = total * share
        weight = share
        for k in range(DEFOCUS_TAPS):
            far = width * wp.sqrt((wp.float32(k) + 0.5) / wp.float32(DEFOCUS_TAPS))
            qx = wp.clamp(int(wp.float32(x) + 0.5 + far * d[0]), 0, colour.shape[1] - 1)
            qy = wp.clamp(int(wp.float32(y) + 0.5 + far * d[1]), 0, colour.shape[0] - 1)
            d = next_spiral(d)
            disc = radius[qy, qx]
            if depth[qy, qx] > z * 1.02:
                disc = wp.min(disc, own)
            covers = wp.clamp(disc - far + 0.5, 0.0, 1.0) / wp.max(disc * disc, 0.5)
            total = total + colour[qy, qx] * covers
            weight = weight + covers
    blurred[y, x] = total / weight


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
    length = wp.length(along)
    here = colour[y, x]
    if length > 0.5:
        own = wp.length(velocity[y, x])
        total = wp.vec3(0.0, 0.0, 0.0)
        for k in range(MOTION_TAPS):
            t = (wp.float32(k) + 0.5) / wp.float32(MOTION_TAPS) - 0.5
            fx = wp.clamp(wp.float32(x) + along[0] * t, 0.0, wp.float32(colour.shape[1]) - 1.001)
            fy = wp.clamp(wp.float32(y) + along[1] * t, 0.0, wp.float32(colour.shape[0]) - 1.001)
            qx = int(fx + 0.5)
            qy = int(fy + 0.5)
            spans = wp.max(wp.length(velocity[qy, qx]), own) * 0.5
            if spans >= wp.abs(t) * length:
                ix = int(fx)
                iy = int(fy)
                right = fx - wp.float32(ix)
                down = fy - wp.float32(iy)
                upper = colour[iy, ix] * (1.0 - right) + colour[iy, ix + 1] * right
                lower = colour[iy + 1, ix] * (1.0 - right) + colour[iy + 1, ix + 1] * right
                total = total + upper * (1.0 - down) + lower * down
            else:
                total = total + here
        here = total / wp.float32(MOTION_TAPS)
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
