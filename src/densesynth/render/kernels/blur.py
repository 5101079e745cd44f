"""Defocus and motion blur by gathering, and exposure in one pass. One source for CPU and CUDA."""

from math import cos, pi, sin

import warp as wp

from densesynth.render.kernels.openness import start_spiral

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

DEFOCUS_TAPS = 20
MOTION_TAPS = 11
MOTION_RUN = 16  # pixels of a row that share their path
TILE = wp.constant(MOTION_RUN)
STILL = wp.constant(0.5)  # px; a movement below it doesn't blur


def _numbers(values: list[float]) -> str:
    return "{" + ", ".join(f"{value:.9e}f" for value in values) + "}"


# Taps of a disc of radius 1: each a golden angle further, and as far out as shares its area evenly. Some more, never
# summed up, make whole registers of them.
_RINGS = [((k + 0.5) / DEFOCUS_TAPS) ** 0.5 for k in range(DEFOCUS_TAPS)]
_ANGLES = [k * pi * (3.0 - 5.0**0.5) for k in range(DEFOCUS_TAPS)]
_SPARE = [0.0] * (-DEFOCUS_TAPS % 8)

# In C++, a step for all taps at a time, so that the compiler may do several side by side.
GATHER_DISC = (
    f"""
    const int summed = {DEFOCUS_TAPS}, taps = {DEFOCUS_TAPS + len(_SPARE)};
    const float rings[taps] = {_numbers(_RINGS + _SPARE)};
    const float east[taps] = {_numbers([r * cos(a) for r, a in zip(_RINGS, _ANGLES, strict=True)] + _SPARE)};
    const float north[taps] = {_numbers([r * sin(a) for r, a in zip(_RINGS, _ANGLES, strict=True)] + _SPARE)};
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
    const float* here = light + 4 * (y * across + x);
    float sum[4];
    for (int c = 0; c < 4; ++c) sum[c] = here[c] * alone;
    for (int k = 0; k < summed; ++k) {
        const float* there = light + 4 * at[k];
        for (int c = 0; c < 4; ++c) sum[c] += there[c] * covers[k];
    }
    return wp::vec3(sum[0] / sum[3], sum[1] / sum[3], sum[2] / sum[3]);
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
    colour: wp.array2d(dtype=wp.vec4),
    radius: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
) -> wp.vec3:
    """The mean of the pixels within `width` whose discs cover (x, y). start: the first tap's direction. own, z: the
    pixel's radius and depth. colour: with a fourth part of 1. All arrays lie row by row."""


@wp.kernel
def defocus_kernel(
    colour: wp.array2d(dtype=wp.vec4),
    radius: wp.array2d(dtype=wp.float32),
    depth: wp.array2d(dtype=wp.float32),
    reach: wp.array2d(dtype=wp.float32),
    blurred: wp.array2d(dtype=wp.vec3),
):
    """Each pixel gathers from those whose disc of confusion covers it. colour: with a fourth part of 1. radius: of each
    pixel's disc, pixels; reach: the largest radius around. A disc from behind a pixel covers it no wider than the
    pixel's own: blur from the backdrop doesn't creep over a sharp person, while a blurred person in front does spread
    over what is behind."""
    y, x = wp.tid()
    width = reach[y, x]
    own = colour[y, x]
    out = wp.vec3(own[0], own[1], own[2])
    if width > 0.3:
        out = gather_disc(x, y, start_spiral(x, y), radius[y, x], depth[y, x], width, colour, radius, depth)
    blurred[y, x] = out


LAY_SOFT = """
    const float* __restrict__ sharp = reinterpret_cast<const float*>(colour.data) + 3 * row * width;
    const float* __restrict__ soft = reinterpret_cast<const float*>(blurred.data) + 3 * row * width;
    const float* __restrict__ deep = depth.data + row * width;
    const float* __restrict__ around = spread.data + row * width;
    float* __restrict__ out = reinterpret_cast<float*>(laid.data) + 3 * row * width;
    for (int x = 0; x < width; ++x) {
        float disc = strength * (1.0f / deep[x] - 1.0f / focused);
        disc = disc < 0.0f ? -disc : disc;
        disc = disc > around[x] ? disc : around[x];
        float share = disc * 2.0f - 0.5f;
        share = share > 0.0f ? share < 1.0f ? share : 1.0f : 0.0f;
        for (int c = 0; c < 3; ++c)
            out[3 * x + c] = soft[3 * x + c] * share + sharp[3 * x + c] * (1.0f - share);
    }
"""


@wp.func_native(LAY_SOFT)
def lay_soft_row(
    row: int,
    width: int,
    focused: wp.float32,
    strength: wp.float32,
    colour: wp.array2d(dtype=wp.vec3),
    blurred: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
    spread: wp.array2d(dtype=wp.float32),
    laid: wp.array2d(dtype=wp.vec3),
): ...


@wp.kernel
def lay_soft_kernel(
    focused: wp.float32,
    strength: wp.float32,
    colour: wp.array2d(dtype=wp.vec3),
    blurred: wp.array2d(dtype=wp.vec3),
    depth: wp.array2d(dtype=wp.float32),
    spread: wp.array2d(dtype=wp.float32),
    laid: wp.array2d(dtype=wp.vec3),
):
    """One thread a row: the blurred picture over the sharp one where a pixel's disc, strength · |1/depth − 1/focused|,
    or the one that spreads over it, is wide enough to see."""
    row = wp.tid()
    lay_soft_row(row, colour.shape[1], focused, strength, colour, blurred, depth, spread, laid)


LONGEST = """
    const float* __restrict__ moved = reinterpret_cast<const float*>(movement.data);
    const int height = movement.shape[0], across = movement.shape[1];
    const int bottom = top + side < height ? top + side : height, right = left + side < across ? left + side : across;
    float best = 0.0f, u = 0.0f, v = 0.0f;
    for (int y = top; y < bottom; ++y) {
        for (int x = left; x < right; ++x) {
            const float* own = moved + 2 * (y * across + x);
            const float squared = own[0] * own[0] + own[1] * own[1];
            if (squared > best) {
                best = squared;
                u = own[0];
                v = own[1];
            }
        }
    }
    return wp::vec2(u, v);
"""


@wp.func_native(LONGEST)
def longest_in_tile(movement: wp.array2d(dtype=wp.vec2), left: int, top: int, side: int) -> wp.vec2: ...


@wp.kernel
def fastest_kernel(movement: wp.array2d(dtype=wp.vec2), fastest: wp.array2d(dtype=wp.vec2)):
    """Longest movement in each tile."""
    ty, tx = wp.tid()
    fastest[ty, tx] = longest_in_tile(movement, tx * TILE, ty * TILE, TILE)


LAY_ROW = """
    const float* __restrict__ light = reinterpret_cast<const float*>(colour.data) + 3 * y * across;
    const float* __restrict__ moved = reinterpret_cast<const float*>(movement.data) + 2 * y * across;
    const int wide = planes.shape[2], plane = planes.shape[1] * wide;
    float* __restrict__ red = planes.data + row * wide + margin;
    float* __restrict__ green = red + plane;
    float* __restrict__ blue = green + plane;
    float* __restrict__ moves = blue + plane;
    for (int x = 0; x < across; ++x) {
        red[x] = light[3 * x];
        green[x] = light[3 * x + 1];
        blue[x] = light[3 * x + 2];
        moves[x] = sqrtf(moved[2 * x] * moved[2 * x] + moved[2 * x + 1] * moved[2 * x + 1]);
    }
    for (int c = 0; c < 4; ++c) {
        float* own = red + c * plane;
        for (int x = 0; x < margin; ++x) {
            own[x - margin] = own[0];
            own[across + x] = own[across - 1];
        }
    }
"""


@wp.func_native(LAY_ROW)
def lay_row(
    row: int,
    y: int,
    across: int,
    margin: int,
    colour: wp.array2d(dtype=wp.vec3),
    movement: wp.array2d(dtype=wp.vec2),
    planes: wp.array3d(dtype=wp.float32),
): ...


@wp.kernel
def lay_kernel(
    colour: wp.array2d(dtype=wp.vec3),
    movement: wp.array2d(dtype=wp.vec2),
    top: int,
    margin: int,
    planes: wp.array3d(dtype=wp.float32),
):
    """One thread a row: red, green, blue and how far pixels move, as planes whose first row is the picture's row `top`.
    Outside the picture, as in the `margin` columns on either side, they go on as at its edge."""
    row = wp.tid()
    y = wp.clamp(top + row, 0, colour.shape[0] - 1)
    lay_row(row, y, colour.shape[1], margin, colour, movement, planes)


# All pixels of a run share their path, so that each tap reads rows that lie side by side, with the same weights.
GATHER_PATH = (
    f"    const int taps = {MOTION_TAPS}, run = {MOTION_RUN};"
    + """
    const int wide = planes.shape[2], plane = planes.shape[1] * wide, most = margin - 2;
    const float* __restrict__ here = planes.data + y * wide + x + margin;
    float* __restrict__ out = reinterpret_cast<float*>(smeared.data) + 3 * first;
    const float length = sqrtf(along[0] * along[0] + along[1] * along[1]);
    const float* __restrict__ own = here + 3 * plane;
    float moves[run];
    for (int j = 0; j < run; ++j) moves[j] = own[j];
    for (int aside = 1; aside <= 3; ++aside)
        for (int j = 0; j < run; ++j) {
            const float left = own[j - aside], right = own[j + aside];
            const float above = own[j - aside * wide], below = own[j + aside * wide];
            const float level = left > right ? left : right, upright = above > below ? above : below;
            const float around = level > upright ? level : upright;
            moves[j] = moves[j] > around ? moves[j] : around;
        }
    float total[3][run] = {};
    for (int k = 0; k < taps; ++k) {
        const float t = (k + 0.5f) / taps - 0.5f;
        float fx = along[0] * t, fy = along[1] * t;
        fx = fx < -most ? -most : fx > most ? most : fx;
        fy = fy < -most ? -most : fy > most ? most : fy;
        const float far = 2.0f * (t < 0.0f ? -t : t) * length;
        const int ix = (int)floorf(fx), iy = (int)floorf(fy);
        const float r = fx - ix, d = fy - iy;
        const float upper_left = (1.0f - r) * (1.0f - d), upper_right = r * (1.0f - d);
        const float lower_left = (1.0f - r) * d, lower_right = r * d;
        const float* __restrict__ upper = here + iy * wide + ix;
        const float* __restrict__ lower = upper + wide;
        const float* __restrict__ there = own + (int)floorf(fy + 0.5f) * wide + (int)floorf(fx + 0.5f);
        for (int j = 0; j < run; ++j) {
            const bool passes = (there[j] > moves[j] ? there[j] : moves[j]) >= far;
            for (int c = 0; c < 3; ++c) {
                const int at = c * plane + j;
                const float tap = upper[at] * upper_left + upper[at + 1] * upper_right
                    + lower[at] * lower_left + lower[at + 1] * lower_right;
                total[c][j] += passes ? tap : here[at];
            }
        }
    }
    for (int j = 0; j < count; ++j)
        for (int c = 0; c < 3; ++c)
            out[3 * j + c] = total[c][j] * (1.0f / taps);
"""
)


@wp.func_native(GATHER_PATH)
def gather_path(
    x: int,
    y: int,
    first: int,
    count: int,
    margin: int,
    along: wp.vec2,
    planes: wp.array3d(dtype=wp.float32),
    smeared: wp.array2d(dtype=wp.vec3),
): ...


@wp.kernel
def smear_kernel(
    planes: wp.array3d(dtype=wp.float32),
    fastest: wp.array2d(dtype=wp.vec2),
    top: int,
    margin: int,
    smeared: wp.array2d(dtype=wp.vec3),
):
    """Along the fastest movement around (after McGuire 2012): a tap counts where its own movement or the pixel's spans
    the distance between them, else the pixel stays what it is there. What moves within three pixels moves a pixel too:
    at an outline it shows some of that, and would stand as a line. Where all around move less than STILL, pixels are
    left as they are. One thread a row of a tile. planes: `lay_kernel`'s; top: the first row that moves, of those
    `margin` lie above."""
    row, tx = wp.tid()
    y = top + row
    ty = y // TILE
    along = wp.vec2(0.0, 0.0)
    for j in range(wp.max(ty - 1, 0), wp.min(ty + 2, fastest.shape[0])):
        for i in range(wp.max(tx - 1, 0), wp.min(tx + 2, fastest.shape[1])):
            v = fastest[j, i]
            if wp.dot(v, v) > wp.dot(along, along):
                along = v
    if wp.length(along) > STILL:
        x = tx * TILE
        count = wp.min(TILE, smeared.shape[1] - x)
        gather_path(x, row + margin, y * smeared.shape[1] + x, count, margin, along, planes, smeared)


# Shifts change so slowly that the pixels of most runs are read from the same pixels beside them.
STRETCH = """
    const int run = 16;
    const float* __restrict__ light = reinterpret_cast<const float*>(colour.data);
    const float middle = 0.5f * width - 0.5f;
    float* __restrict__ out = reinterpret_cast<float*>(parted.data) + 3 * row * width;
    for (int x = 0; x < width; ++x) out[3 * x + 1] = light[3 * (row * width + x) + 1];
    for (int c = 0; c < 3; c += 2) {
        const float more = c == 0 ? red : blue;
        float y = row + (row - 0.5f * height + 0.5f) * more;
        y = y > 0.0f ? y < height - 1.0f ? y : height - 1.0f : 0.0f;
        const int above = (int)y, below = above + 1 < height ? above + 1 : above;
        const float d = y - above;
        const float* __restrict__ upper = light + 3 * above * width + c;
        const float* __restrict__ lower = light + 3 * below * width + c;
        for (int first = 0; first < width; first += run) {
            const int last = first + run - 1;
            const int shift = (int)floorf((first - middle) * more), other = (int)floorf((last - middle) * more);
            if (shift == other && first + shift >= 0 && last + shift + 1 < width) {
                for (int x = first; x <= last; ++x) {
                    const int at = 3 * (x + shift);
                    const float r = (x - middle) * more - shift;
                    out[3 * x + c] = (upper[at] * (1.0f - r) + upper[at + 3] * r) * (1.0f - d)
                        + (lower[at] * (1.0f - r) + lower[at + 3] * r) * d;
                }
                continue;
            }
            for (int x = first; x <= last && x < width; ++x) {
                const float aside = (x - middle) * more, whole = floorf(aside), r = aside - whole;
                int left = x + (int)whole, right = left + 1;
                left = left > 0 ? left < width ? left : width - 1 : 0;
                right = right > 0 ? right < width ? right : width - 1 : 0;
                out[3 * x + c] = (upper[3 * left] * (1.0f - r) + upper[3 * right] * r) * (1.0f - d)
                    + (lower[3 * left] * (1.0f - r) + lower[3 * right] * r) * d;
            }
        }
    }
"""


@wp.func_native(STRETCH)
def stretch_row(
    row: int,
    width: int,
    height: int,
    red: wp.float32,
    blue: wp.float32,
    colour: wp.array2d(dtype=wp.vec3),
    parted: wp.array2d(dtype=wp.vec3),
): ...


@wp.kernel
def fringe_kernel(
    red: wp.float32, blue: wp.float32, colour: wp.array2d(dtype=wp.vec3), parted: wp.array2d(dtype=wp.vec3)
):
    """One thread a row. red, blue: by which share of its distance from the middle a pixel reads them further out."""
    stretch_row(wp.tid(), colour.shape[1], colour.shape[0], red, blue, colour, parted)


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
