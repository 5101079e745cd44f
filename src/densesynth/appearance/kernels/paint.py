"""All layers over one another, each computed only where it shows."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import Row, Sample, address_of_table, cover
from densesynth.appearance.kernels.extras import paint_extras, paint_feet
from densesynth.appearance.kernels.garments import (
    bottom_distance,
    inner_share,
    open_front,
    paint_bottom,
    paint_top,
    top_distance,
)
from densesynth.appearance.kernels.mouth import paint_mouth
from densesynth.appearance.kernels.skin import paint_eyes, paint_hair, paint_skin

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def gather_sample(
    f: wp.int32, b: wp.vec3, fields: wp.array2d(dtype=wp.vec4), faces: wp.array(dtype=wp.vec3i), footprint: wp.float32,
    smallest: wp.float32,
) -> Sample:  # fmt: skip
    """The fields that every layer asks for at a surface point."""
    v = faces[f]
    place = fields[v[0], 0] * b[0] + fields[v[1], 0] * b[1] + fields[v[2], 0] * b[2]
    other = fields[v[0], 1] * b[0] + fields[v[1], 1] * b[1] + fields[v[2], 1] * b[2]
    s = Sample()
    s.p = wp.vec3(place[0], place[1], place[2])
    s.arm = place[3]
    s.leg = other[0]
    s.open = other[1]
    s.across = wp.min(other[2], other[3])
    s.fp = wp.max(footprint, smallest)
    if s.p[2] > 1.3:
        head = fields[v[0], 2] * b[0] + fields[v[1], 2] * b[1] + fields[v[2], 2] * b[2]
        s.lips = head[0]
        s.lid = head[1]
        s.hair = head[2]
        s.ear = head[3]
    if s.arm > 0.5 or s.p[2] < 0.12 or (s.arm <= 0.0 and s.p[2] > 0.7):
        more = fields[v[0], 3] * b[0] + fields[v[1], 3] * b[1] + fields[v[2], 3] * b[2]
        s.up = more[0]
        s.nail = more[1]
    return s


@wp.func
def lay_clothes(
    table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, below: wp.vec4,
    outline: wp.float32, opening: wp.float32, leg: wp.float32, under: wp.float32,
):  # fmt: skip
    """Top, bottom, gloves and headwear over skin: colour and roughness; the share that top and bottom cover. outline,
    opening, leg, under: what `top_distance`, `open_front`, `bottom_distance` and `inner_share` say."""
    top = wp.min(outline, opening) >= 0.5 * s.fp
    bottom = leg >= 0.5 * s.fp
    tucked = rows[k].tucked > 0.5
    upper = wp.vec4(0.0, 0.0, 0.0, 1.0)
    lower = wp.vec4(0.0, 0.0, 0.0, 1.0)
    if not (tucked and bottom):
        upper = paint_top(table, s, rows, k, outline, opening, under)
    if tucked or not top:
        lower = paint_bottom(table, s, rows, k, leg)
    # Layers are linear in what lies below them: painted once each, laid over one another either way round.
    first = wp.where(tucked, upper, lower)
    last = wp.where(tucked, lower, upper)
    upper_share = wp.max(cover(wp.min(outline, opening), s.fp), under)
    lower_share = cover(leg, s.fp)
    share = 1.0 - (1.0 - upper_share) * (1.0 - lower_share)
    upper_rough = rows[k].top.roughness
    lower_rough = rows[k].bottom.roughness
    rough = below[3]
    if tucked:
        rough = rough + (upper_rough - rough) * upper_share
        rough = rough + (lower_rough - rough) * lower_share
    else:
        rough = rough + (lower_rough - rough) * lower_share
        rough = rough + (upper_rough - rough) * upper_share
    c = (below * first[3] + first) * last[3] + last
    c[3] = rough
    return paint_extras(table, s, rows, k, c), share


@wp.func
def paint_point(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, kind: wp.int32):
    """Colour and roughness of a point of the body's surface, and how much cloth covers it. kind: its category."""
    c = wp.vec4(0.35, 0.1, 0.1, 0.4)
    share = float(0.0)
    if kind == 0:
        outline = top_distance(s, rows, k)
        opening = open_front(s, rows, k)
        leg = bottom_distance(s, rows, k)
        under = inner_share(s, rows, k)
        c = wp.vec4(0.0, 0.0, 0.0, 0.0)
        # What is wholly under cloth is not painted.
        if wp.min(outline, opening) < 0.5 * s.fp and leg < 0.5 * s.fp:
            c = paint_skin(table, s, rows, k)
            c = paint_hair(table, s, rows, k, c)
            c = paint_feet(table, s, rows, k, c)
        c, share = lay_clothes(table, s, rows, k, c, outline, opening, leg, under)
    elif kind == 1:
        eye = paint_eyes(table, s, rows, k)
        c = wp.vec4(eye[0], eye[1], eye[2], 0.12)
    elif kind == 2:
        c = wp.vec4(0.2, 0.07, 0.06, 0.6)
    elif kind == 3:
        c = wp.vec4(0.12, 0.022, 0.02, 0.5)
    elif kind == 5:
        c = paint_mouth(s)
    elif kind == 6:
        c = wp.vec4(0.24, 0.065, 0.065, 0.75)
    return c, share


# Where samples lie on the surface jumps about, so a CPU doesn't see by itself what is wanted next.
@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int last = face.shape[0] - 1, far = face.data[i + 16 < last ? i + 16 : last];
    if (far >= 0) {
        __builtin_prefetch(faces.data + far);
        __builtin_prefetch(category.data + far);
    }
    const int near = face.data[i + 8 < last ? i + 8 : last];
    if (near >= 0) {
        const wp::vec3i v = faces.data[near];
        for (int c = 0; c < 3; ++c)
            __builtin_prefetch(fields.data + v[c] * fields.shape[1]);
    }
#endif
""")
def fetch_ahead(
    i: wp.int32,
    fields: wp.array2d(dtype=wp.vec4),
    category: wp.array(dtype=wp.uint8),
    faces: wp.array(dtype=wp.vec3i),
    face: wp.array(dtype=wp.int32),
):
    """Asks a CPU for what samples some way on will need."""


@wp.kernel
def paint_kernel(
    run: wp.int32,
    fields: wp.array2d(dtype=wp.vec4),
    category: wp.array(dtype=wp.uint8),
    faces: wp.array(dtype=wp.vec3i),
    noise_table: wp.array(dtype=wp.float32),
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
    """Samples, `run` of them a thread: one on a GPU; on a CPU, where threads follow one another, many."""
    table = address_of_table(noise_table)
    first = wp.tid() * run
    for i in range(first, wp.min(first + run, face.shape[0])):
        fetch_ahead(i, fields, category, faces, face)
        f = face[i]
        c = wp.vec4(0.0, 0.0, 0.0, 0.0)
        share = float(0.0)
        if f >= 0:
            s = gather_sample(f, barycentrics[i], fields, faces, footprint[i], smallest)
            c, share = paint_point(table, s, rows, instance[i] - 1, int(category[f]))
        albedo[i] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
        roughness[i] = c[3]
        covered[i] = share
