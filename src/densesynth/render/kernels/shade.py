"""The key light's shadow map and the light that each colour sample sends to the camera, in single precision."""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.render.kernels.address import FIRST, address_of_floats
from densesynth.render.kernels.openness import start_spiral

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

BLOCK = wp.constant(16)  # texels; the coarse map's cell
WIDEST = 100.0  # texels a penumbra may reach
GRAZING = 0.02  # metres: what lies nearer to a grazing surface is that surface itself
# How far light bleeds (in n·l) past the terminator: through cloth and all else, and through skin by channel, red the
# furthest (after Jensen 2001's mean free paths; a wrapped cosine that sends back no more light than Lambert's).
WRAP = wp.constant(wp.float32(0.08))
SKIN_WRAP = wp.constant(wp.vec3(0.34, 0.14, 0.09))
# What half-shadow adds to each channel on skin: its edge is red.
BLEED = wp.constant(wp.vec3(0.55, 0.1, 0.0))
OUTLINE = wp.constant(wp.float32(0.35))  # n·v below which light from behind weakens
SHEEN = wp.constant(wp.float32(0.35))  # strength of cloth's fuzz at grazing views


@wp.struct
class Light:
    direction: wp.vec3  # towards the light, world
    colour: wp.vec3
    spread: wp.float32  # tangent of the angular radius
    eye: wp.vec3  # the camera's centre, world


@wp.struct
class Lamps:
    """Up to three lamps; see `render.lighting.Lamp`."""

    count: int
    positions: wp.mat33  # a row a lamp
    colours: wp.mat33
    radii: wp.vec3


@wp.struct
class Map:
    """Orthographic: (u, v) in texels and depth in metres along the light's travel, all affine in world points."""

    rows: wp.mat33
    shift: wp.vec3
    nearest: wp.float32  # depth of the scene's point nearest to the light
    texel: wp.float32  # metres
    size: int
    blocks: int


@wp.func
def on_map(m: Map, p: wp.vec3) -> wp.vec3:
    return m.rows * p + m.shift


@wp.kernel
def place_vertices(m: Map, vertices: wp.array(dtype=wp.vec3), placed: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    placed[i] = on_map(m, vertices[i])


# In C++, as Warp's minima and clamps look out for NaN, which takes longer than the drawing.
@wp.func_native("""
    float* depth = reinterpret_cast<float*>(depths);
    const float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
    const float vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
    const float area = ux * vy - uy * vx;
    if (area < 1e-9f)
        return;
    float low[2], high[2];
    for (int k = 0; k < 2; ++k) {
        low[k] = a[k] < b[k] ? a[k] : b[k];
        low[k] = c[k] < low[k] ? c[k] : low[k];
        high[k] = a[k] > b[k] ? a[k] : b[k];
        high[k] = c[k] > high[k] ? c[k] : high[k];
        low[k] = low[k] - 0.5f;
        high[k] = high[k] - 0.5f;
    }
    const float last = (float)(size - 1);
    const int x0 = (int)ceilf(low[0] < 0.0f ? 0.0f : low[0] > last ? last : low[0]);
    const int y0 = (int)ceilf(low[1] < 0.0f ? 0.0f : low[1] > last ? last : low[1]);
    const int x1 = (int)floorf(high[0] < -1.0f ? -1.0f : high[0] > last ? last : high[0]);
    const int y1 = (int)floorf(high[1] < -1.0f ? -1.0f : high[1] > last ? last : high[1]);
    if (x0 > x1 || y0 > y1)
        return;
    const float s = 1.0f / area, px = (float)x0 + 0.5f - a[0], py = (float)y0 + 0.5f - a[1];
    // Barycentrics and depth are affine in the texel: at its box's first texel, and their steps along x and y.
    const float first[2] = {(px * vy - py * vx) * s, (ux * py - uy * px) * s};
    const float along_x[2] = {vy * s, -uy * s}, along_y[2] = {-vx * s, ux * s};
    const float z = a[2] + first[0] * uz + first[1] * vz;
    const float z_x = along_x[0] * uz + along_x[1] * vz, z_y = along_y[0] * uz + along_y[1] * vz;
    for (int y = y0; y <= y1; ++y) {
        const float rows = (float)(y - y0);
        float w0 = first[0] + along_y[0] * rows, w1 = first[1] + along_y[1] * rows, at = z + z_y * rows;
        for (int texel = y * size + x0; texel <= y * size + x1; ++texel) {
            const float least = w0 < w1 ? w0 : w1, third = 1.0f - w0 - w1;
            if ((least < third ? least : third) >= -1e-4f)
                wp::atomic_min(depth + texel, at);
            w0 += along_x[0];
            w1 += along_x[1];
            at += z_x;
        }
    }
""")
def draw_face(size: int, a: wp.vec3, b: wp.vec3, c: wp.vec3, depths: wp.uint64):
    """Lowers the map's texels (their address) under one face (its corners on the map) to it."""


@wp.kernel
def draw_depth(
    m: Map, placed: wp.array(dtype=wp.vec3), faces: wp.array(dtype=wp.vec3i), depth: wp.array(dtype=wp.float32)
):
    """Depth nearest to the light at every texel's centre. placed: vertices on the map.

    Faces turned away from the light are left out: on a closed mesh something nearer to the light hides them.
    """
    f = faces[wp.tid()]
    draw_face(m.size, placed[f[0]], placed[f[1]], placed[f[2]], address_of_floats(depth))


# All texels of a row side by side on a CPU: Warp's own minimum looks out for NaN, one by one.
@wp.func_native("""
    float nearest[16];
    for (int k = 0; k < 16; ++k) nearest[k] = depth.data[first + k];
    for (int row = 1; row < 16; ++row)
        for (int k = 0; k < 16; ++k) {
            const float z = depth.data[first + row * size + k];
            nearest[k] = z < nearest[k] ? z : nearest[k];
        }
    for (int k = 1; k < 16; ++k) nearest[0] = nearest[k] < nearest[0] ? nearest[k] : nearest[0];
    return nearest[0];
""")
def least_of_block(first: int, size: int, depth: wp.array(dtype=wp.float32)) -> wp.float32:
    """The least of the BLOCK² texels from `first` on."""


@wp.kernel
def coarsen_depth(m: Map, depth: wp.array(dtype=wp.float32), coarse: wp.array(dtype=wp.float32)):
    """Nearest depth of every block of texels, so that most points learn at once that nothing hides them."""
    i = wp.tid()
    coarse[i] = least_of_block((i // m.blocks) * BLOCK * m.size + (i % m.blocks) * BLOCK, m.size, depth)


# The least of the coarse map within r texels of (u, v); +inf beyond the map. 16 blocks beyond the last are read.
NEAREST_AROUND = """
    const auto nearest_around = [&](float u, float v, float r) -> float {
    const float end = (float)m.size;
    float nearest = INFINITY;
    if (u + r < 0.0f || v + r < 0.0f || u - r >= end || v - r >= end)
        return nearest;
    const int last = m.size - 1;
    const int left = (int)(u - r), top = (int)(v - r), right = (int)(u + r), bottom = (int)(v + r);
    const int x0 = (left > 0 ? left : 0) / 16, x1 = (right < last ? right : last) / 16;
    const int y0 = (top > 0 ? top : 0) / 16, y1 = (bottom < last ? bottom : last) / 16;
    float least[16];  // of a column of blocks each: WIDEST spans no more of them
    for (int k = 0; k < 16; ++k) least[k] = INFINITY;
    for (int y = y0; y <= y1; ++y) {
        const float* row = coarse + y * m.blocks + x0;
        for (int k = 0; k < 16; ++k) least[k] = row[k] < least[k] ? row[k] : least[k];
    }
    for (int k = 0; k <= x1 - x0; ++k) nearest = least[k] < nearest ? least[k] : nearest;
    return nearest;
    };
"""


def look_around(taps: int, turned: int = 0) -> str:
    """C++ that finds the map's `z` (+inf beside it) at `taps` places of a spiral within `reach` texels of p, and there
    the `plane`'s depth less the bias. The first lies towards d turned `turned` times by the golden angle, each next one
    is turned once more."""
    turns = (turned + np.arange(taps)) * 2.3999632
    rows = {
        "radius": np.sqrt((np.arange(taps) + 0.5) / taps),
        "cosine": np.cos(turns),
        "sine": np.sin(turns),
    }
    tables = "".join(
        f"    const float {name}[{taps}] = {{{', '.join(f'{value:.8f}f' for value in row)}}};\n"
        for name, row in rows.items()
    )
    return (
        f"    const int taps = {taps};\n{tables}"
        + """
    const float end = (float)m.size;
    float z[taps], plane[taps];
    int at[taps];
    for (int k = 0; k < taps; ++k) {  // side by side on a CPU
        const float r = reach * radius[k];
        const float x = r * (d[0] * cosine[k] - d[1] * sine[k]), y = r * (d[1] * cosine[k] + d[0] * sine[k]);
        const float u = p[0] + x, v = p[1] + y;
        plane[k] = p[2] + x * slope[0] + y * slope[1] - bias;
        const bool on = (u >= 0.0f) & (v >= 0.0f) & (u < end) & (v < end);
        at[k] = on ? (int)v * m.size + (int)u : -1;
    }
    for (int k = 0; k < taps; ++k)
        z[k] = at[k] < 0 ? INFINITY : depth[at[k]];
"""
    )


# Mean depth of what hides the light from places within `reach` texels (−∞ where nothing does), then the share of
# places within `reach` that the light meets.
FIND_BLOCKERS = (
    "    const auto find_blockers = [&](float reach) -> float {"
    + look_around(6)
    + """
    float total = 0.0f;
    int blockers = 0;
    for (int k = 0; k < taps; ++k) {
        blockers += z[k] < plane[k];
        total += z[k] < plane[k] ? z[k] : 0.0f;
    }
    return blockers > 0 ? total / (float)blockers : -INFINITY;
    };
"""
)
FILTER_LIGHT = (
    "    const auto filter_light = [&](float reach) -> float {"
    + look_around(12, turned=6)  # on from where the blockers' spiral ends
    + """
    int lit = 0;
    for (int k = 0; k < taps; ++k)
        lit += z[k] >= plane[k];
    return (float)lit / (float)taps;
    };
"""
)
# By addresses, and in one piece: a call that hands over whole arrays and structs copies them each time.
FIND_LIGHT = (
    f"    const float widest = {WIDEST}f, grazing = {GRAZING}f;\n"
    + """
    struct Frame { float rows[9], shift[3], nearest, texel; int size, blocks; };  // as `Map`
    const Frame& m = *reinterpret_cast<const Frame*>(frame);
    const float* depth = reinterpret_cast<const float*>(depths);
    const float* coarse = reinterpret_cast<const float*>(blocks);
    const float* rows = m.rows;
    const float lift = 1.5f * m.texel;
    const float at[3] = {point[0] + normal[0] * lift, point[1] + normal[1] * lift, point[2] + normal[2] * lift};
    float p[3], tilt[3];
    for (int k = 0; k < 3; ++k) {
        p[k] = rows[3 * k] * at[0] + rows[3 * k + 1] * at[1] + rows[3 * k + 2] * at[2] + m.shift[k];
        tilt[k] = rows[3 * k] * normal[0] + rows[3 * k + 1] * normal[1] + rows[3 * k + 2] * normal[2];
    }
    const float d[2] = {towards[0], towards[1]};
    const float shut = 1.0f - 4.0f * (facing > 0.0f ? facing : 0.0f);
    const float bias = 0.5f * m.texel + grazing * (shut > 0.0f ? shut : 0.0f);
    // The receiver's depth per texel: its plane is n·(rows⁻¹ q) = const, and rows are orthogonal.
    const float magnitude = tilt[2] < 0.0f ? -tilt[2] : tilt[2], square = m.texel * m.texel;
    const float steep = (magnitude > 0.2f ? magnitude : 0.2f) * (tilt[2] < 0.0f ? -1.0f : 1.0f);
    float slope[2];
    for (int k = 0; k < 2; ++k) {
        const float most = 2.0f * m.texel, s = -tilt[k] * square / steep;
        slope[k] = s < -most ? -most : s > most ? most : s;
    }
"""
    + NEAREST_AROUND
    + FIND_BLOCKERS
    + FILTER_LIGHT
    + """
    float far = spread * (p[2] - m.nearest) / m.texel;
    far = far < 0.0f ? 0.0f : far > widest ? widest : far;
    const float nearest = nearest_around(p[0], p[1], far + 1.5f);
    if (nearest > p[2] - bias)
        return 1.0f;
    const float near = spread * (p[2] - nearest) / m.texel;
    const float blocked_at = find_blockers((near < widest ? near : widest) + 1.5f);
    if (blocked_at == -INFINITY)
        return 1.0f;
    const float width = spread * (p[2] - blocked_at) / m.texel;
    return filter_light(width < 1.2f ? 1.2f : width > widest ? widest : width);
"""
)


@wp.func_native(FIND_LIGHT)
def find_light(
    frame: wp.uint64,
    depths: wp.uint64,
    blocks: wp.uint64,
    spread: wp.float32,
    point: wp.vec3,
    normal: wp.vec3,
    facing: wp.float32,
    towards: wp.vec2,
) -> wp.float32:
    """Share of the light's disc seen from a surface point (Fernando 2005, 'Percentage-closer soft shadows').

    frame, depths, blocks: addresses of the `Map`, its depths and their least by blocks. facing: n·l. towards: unit
    direction of the filter's first tap. The filter lies in the receiver's own plane, so that a wide one doesn't shade a
    slanted surface.
    """


@wp.func_native(FIRST)
def address_of_map(values: wp.array(dtype=Map)) -> wp.uint64: ...


@wp.kernel
def find_shadows(
    maps: wp.array(dtype=Map),
    light: Light,
    depth: wp.array(dtype=wp.float32),
    coarse: wp.array(dtype=wp.float32),
    points: wp.array(dtype=wp.vec3),
    normal: wp.vec3,
    width: int,
    lit: wp.array(dtype=wp.float32),
):
    i = wp.tid()
    p = points[i]
    share = wp.float32(1.0)
    if wp.abs(p[0]) + wp.abs(p[1]) + wp.abs(p[2]) < 1e6:  # metres; neither infinite nor NaN
        facing = wp.dot(normal, light.direction)
        share = find_light(
            address_of_map(maps), address_of_floats(depth), address_of_floats(coarse), light.spread, p, normal, facing,
            start_spiral(i % width, i // width),
        )  # fmt: skip
    lit[i] = share


# All channels of a coefficient side by side on a CPU.
@wp.func_native("""
    const float weights[9] = {
        0.28209479f, 0.48860251f * n[1], 0.48860251f * n[2], 0.48860251f * n[0], 1.09254843f * (n[0] * n[1]),
        1.09254843f * (n[1] * n[2]), 0.31539157f * (3.0f * n[2] * n[2] - 1.0f), 1.09254843f * (n[0] * n[2]),
        0.54627422f * (n[0] * n[0] - n[1] * n[1])};
    const float* e = reinterpret_cast<const float*>(ambient.data);
#if defined(__clang__) && !defined(__CUDACC__)
    typedef float Four __attribute__((ext_vector_type(4), aligned(4)));
    Four sum = {e[24] * weights[8], e[25] * weights[8], e[26] * weights[8], 0.0f};  // no room for four at the end
    for (int k = 0; k < 8; ++k)
        sum += *reinterpret_cast<const Four*>(e + 3 * k) * weights[k];
#else
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int k = 0; k < 9; ++k)
        for (int c = 0; c < 3; ++c)
            sum[c] += e[3 * k + c] * weights[k];
#endif
    return wp::vec3(sum[0] > 0.0f ? sum[0] : 0.0f, sum[1] > 0.0f ? sum[1] : 0.0f, sum[2] > 0.0f ? sum[2] : 0.0f);
""")
def find_ambient(ambient: wp.array(dtype=wp.vec3), n: wp.vec3) -> wp.vec3:
    """What a white surface with unit normal n sends back of the ambient light (nine harmonics); not negative."""


@wp.func
def fifth_power(x: wp.float32) -> wp.float32:
    return x * x * (x * x) * x


@wp.func
def diffuse(nl: wp.float32, skin: wp.float32) -> wp.vec3:
    """What of a light a surface sends back, by channel: a wrapped cosine, bent down in between, so that it is 1
    where the light falls straight and a sphere sends back about as much in all as with Lambert's."""
    out = wp.vec3(0.0, 0.0, 0.0)
    for c in range(3):
        w = WRAP + (SKIN_WRAP[c] - WRAP) * skin
        s = wp.max(nl + w, 0.0) / (1.0 + w)
        out[c] = s * (1.0 - w + w * s)
    return out


@wp.func
def highlight(
    n: wp.vec3, view: wp.vec3, towards: wp.vec3, nl: wp.float32, nv: wp.float32, rough: wp.float32
) -> wp.float32:
    """GGX with Smith's masking and Schlick's Fresnel for index 1.5; times n·l, irradiance's π cancelled."""
    half = wp.normalize(view + towards)
    nh = wp.max(wp.dot(n, half), 0.0)
    a2 = rough * rough * rough * rough
    d = nh * nh * (a2 - 1.0) + 1.0
    g = wp.float32(0.5) / wp.lerp(2.0 * nl * nv, nl + nv, rough * rough)
    fresnel = 0.04 + 0.96 * fifth_power(1.0 - wp.max(wp.dot(half, view), 0.0))
    return a2 / (d * d) * g * fresnel * nl


# A tile's rows lie far from one another, so a CPU doesn't see by itself what is wanted next.
@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int last = pixels.shape[0] - 1, pixel = pixels.data[i + 16 < last ? i + 16 : last];
    __builtin_prefetch(weight.data + pixel);
    __builtin_prefetch(picture.data + pixel, 1);
#endif
""")
def fetch_ahead(
    i: int, pixels: wp.array(dtype=wp.int32), weight: wp.array(dtype=wp.float32), picture: wp.array(dtype=wp.vec3)
):
    """Asks a CPU for what a pixel some way on will need."""


@wp.func
def soften_outline(nl: wp.float32, nv: wp.float32, vl: wp.float32) -> wp.float32:
    """n·l with the normal bent towards the camera near an outline, where the light comes from behind (v·l < 0): the
    last strip of a surface, narrower than a pixel, would stand as single bright pixels."""
    if nv >= OUTLINE or vl >= 0.0:
        return nl
    bend = OUTLINE - nv
    return (nl + bend * vl) / wp.sqrt(1.0 + bend * (bend + 2.0 * nv))


@wp.kernel
def shade_pixels(
    light: Light,
    lamps: Lamps,
    maps: wp.array(dtype=Map),
    depth: wp.array(dtype=wp.float32),
    coarse: wp.array(dtype=wp.float32),
    ambient: wp.array(dtype=wp.vec3),
    width: int,
    pixels: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    weight: wp.array(dtype=wp.float32),
    position: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    openness: wp.array(dtype=wp.float32),
    albedo: wp.array(dtype=wp.vec3),
    roughness: wp.array(dtype=wp.float32),
    specular: wp.array(dtype=wp.float32),
    cloth: wp.array(dtype=wp.float32),
    background_weight: wp.array(dtype=wp.float32),
    picture: wp.array(dtype=wp.vec3),
):
    """Skin or cloth under the key light, the lamps and the ambient; without a map: no shadows."""
    i = wp.tid()
    fetch_ahead(i, pixels, background_weight, picture)
    pixel = pixels[i]
    x = pixel % width
    y = pixel // width
    map_at = address_of_map(maps)
    depth_at = address_of_floats(depth)
    coarse_at = address_of_floats(coarse)
    total = picture[pixel] * background_weight[pixel]
    for k in range(starts[i], starts[i + 1]):
        p = position[k]
        n = normal[k]
        view = wp.normalize(light.eye - p)
        if wp.dot(n, view) < 0.0:
            # An interpolated normal may look away at a silhouette; an open mesh shows its back.
            n = n - view * (2.0 * wp.dot(n, view))
        nv = wp.max(wp.dot(n, view), 0.02)
        nl = soften_outline(wp.dot(n, light.direction), nv, wp.dot(view, light.direction))
        woven = cloth[k]
        skin = 1.0 - woven
        share = wp.float32(0.0)
        if nl > -SKIN_WRAP[0]:
            share = wp.float32(1.0)
            if maps.shape[0] > 0:
                share = find_light(map_at, depth_at, coarse_at, light.spread, p, n, nl, start_spiral(x, y))
        base = albedo[k]
        through = wp.vec3(share, share, share) + BLEED * (skin * share * (1.0 - share))
        grazing = fifth_power(1.0 - nv)
        # Fuzz: cloth's threads catch light at grazing views (a lobe of 1 − n·v, tinted by the cloth).
        fuzz = (wp.vec3(0.04, 0.04, 0.04) + base * 0.5) * (SHEEN * woven * (1.0 - nv) * (1.0 - nv) * (1.0 - nv))
        out = wp.cw_mul(wp.cw_mul(base, diffuse(nl, skin)) + fuzz * wp.max(nl, 0.0), wp.cw_mul(light.colour, through))
        sky = find_ambient(ambient, n)
        share_open = openness[k]
        # Where the picture closes the sky, skin glows red rather than going black.
        dim = wp.vec3(share_open, share_open, share_open) + BLEED * (0.4 * skin * share_open * (1.0 - share_open))
        out = out + wp.cw_mul(wp.cw_mul(base, sky), dim) + wp.cw_mul(fuzz, sky) * share_open
        rough = wp.max(roughness[k], 0.15)
        # The split sum's second half for index 1.5 (Karis 2014), with the harmonics as a blurred mirror.
        rim = 0.04 * (1.0 - 0.5 * rough) + grazing * (1.0 - rough) * 0.5
        mirror = n * (2.0 * nv) - view
        out = out + find_ambient(ambient, mirror) * (rim * specular[k] * share_open)
        if share > 0.0 and nl > 0.0:
            out = out + light.colour * (highlight(n, view, light.direction, nl, nv, rough) * specular[k] * share)
        for j in range(lamps.count):
            ray = wp.vec3(lamps.positions[j, 0], lamps.positions[j, 1], lamps.positions[j, 2]) - p
            d2 = wp.dot(ray, ray)
            towards = ray / wp.sqrt(wp.max(d2, 1e-8))
            facing = soften_outline(wp.dot(n, towards), nv, wp.dot(view, towards))
            if facing > -SKIN_WRAP[0]:
                colour = wp.vec3(lamps.colours[j, 0], lamps.colours[j, 1], lamps.colours[j, 2])
                falling = share_open / wp.max(d2, lamps.radii[j] * lamps.radii[j])
                lit = wp.cw_mul(base, diffuse(facing, skin)) + fuzz * wp.max(facing, 0.0)
                if facing > 0.0:
                    shine = highlight(n, view, towards, facing, nv, rough) * specular[k]
                    lit = lit + wp.vec3(shine, shine, shine)
                out = out + wp.cw_mul(lit, colour) * falling
        total = total + out * weight[k]
    picture[pixel] = total
