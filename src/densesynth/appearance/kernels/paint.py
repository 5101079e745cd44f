"""All layers over one another, each computed only where it shows."""

import warp as wp

from densesynth.appearance.kernels.base import Layer, Row, Sample
from densesynth.appearance.kernels.extras import paint_extras, paint_feet
from densesynth.appearance.kernels.garments import bottom_distance, open_front, paint_bottom, paint_top, top_distance
from densesynth.appearance.kernels.skin import paint_eyes, paint_hair, paint_skin

wp.set_module_options({"enable_backward": False})


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
        albedo[i] = wp.vec3(0.0, 0.0, 0.0)
        roughness[i] = 0.0
        covered[i] = 0.0
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
    s.open = fields[v0, 10] * b[0] + fields[v1, 10] * b[1] + fields[v2, 10] * b[2]
    s.fp = wp.max(footprint[i], smallest)
    k = instance[i] - 1

    kind = int(category[f])
    layer = Layer()
    if kind == 0:
        # What is wholly under cloth is not painted.
        outline = top_distance(s, rows, k)
        opening = open_front(s, rows, k)
        leg = bottom_distance(s, rows, k)
        top = wp.min(outline, opening) >= 0.5 * s.fp
        bottom = leg >= 0.5 * s.fp
        if not (top or bottom):
            s.ear = fields[v0, 8] * b[0] + fields[v1, 8] * b[1] + fields[v2, 8] * b[2]
            s.nail = fields[v0, 9] * b[0] + fields[v1, 9] * b[1] + fields[v2, 9] * b[2]
            if s.p[2] > 1.3:
                s.lips = fields[v0, 5] * b[0] + fields[v1, 5] * b[1] + fields[v2, 5] * b[2]
                s.lid = fields[v0, 6] * b[0] + fields[v1, 6] * b[1] + fields[v2, 6] * b[2]
                s.hair = fields[v0, 7] * b[0] + fields[v1, 7] * b[1] + fields[v2, 7] * b[2]
            layer = paint_skin(table, s, rows, k)
            layer = paint_hair(table, s, rows, k, layer)
            layer = paint_feet(table, s, rows, k, layer)
        if rows[k].tucked > 0.5:
            if not bottom:
                layer = paint_top(table, s, rows, k, outline, opening, layer)
            layer = paint_bottom(table, s, rows, k, leg, layer)
        else:
            if not top:
                layer = paint_bottom(table, s, rows, k, leg, layer)
            layer = paint_top(table, s, rows, k, outline, opening, layer)
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
