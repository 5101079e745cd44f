"""Warp kernel of a binding: the body point that a worn mesh covers, for the CPU."""

import warp as wp

wp.set_module_options({"enable_backward": False, "fuse_fp": False})


@wp.func
def nearest_weights(p: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec3:
    """Barycentrics of the triangle's point nearest to p (Ericson 2005, Real-Time Collision Detection, 5.1.5)."""
    ab = b - a
    ac = c - a
    ap = p - a
    d1 = wp.dot(ab, ap)
    d2 = wp.dot(ac, ap)
    if d1 <= 0.0 and d2 <= 0.0:
        return wp.vec3(1.0, 0.0, 0.0)
    bp = p - b
    d3 = wp.dot(ab, bp)
    d4 = wp.dot(ac, bp)
    if d3 >= 0.0 and d4 <= d3:
        return wp.vec3(0.0, 1.0, 0.0)
    vc = d1 * d4 - d3 * d2
    if vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v = d1 / wp.max(d1 - d3, 1.0e-30)
        return wp.vec3(1.0 - v, v, 0.0)
    cp = p - c
    d5 = wp.dot(ab, cp)
    d6 = wp.dot(ac, cp)
    if d6 >= 0.0 and d5 <= d6:
        return wp.vec3(0.0, 0.0, 1.0)
    vb = d5 * d2 - d1 * d6
    if vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        w = d2 / wp.max(d2 - d6, 1.0e-30)
        return wp.vec3(1.0 - w, 0.0, w)
    va = d3 * d6 - d5 * d4
    if va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        w = (d4 - d3) / wp.max(d4 - d3 + d5 - d6, 1.0e-30)
        return wp.vec3(0.0, 1.0 - w, w)
    total = 1.0 / wp.max(va + vb + vc, 1.0e-30)
    return wp.vec3(va * total, vb * total, vc * total)


@wp.kernel
def find_covered(
    faces: wp.array(dtype=wp.vec3i),
    anchors: wp.array(dtype=wp.vec3),
    rest: wp.array(dtype=wp.vec3),
    body_faces: wp.array(dtype=wp.vec3i),
    starts: wp.array(dtype=wp.int32),
    candidates: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    found: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=wp.vec3),
):
    """The nearest body point to each mesh point's interpolated anchor; among equals the first face."""
    i = wp.tid()
    f = faces[face[i]]
    w = barycentrics[i]
    p = anchors[f[0]] * w[0] + anchors[f[1]] * w[1] + anchors[f[2]] * w[2]
    best = wp.float32(wp.inf)
    for k in range(starts[face[i]], starts[face[i] + 1]):
        t = body_faces[candidates[k]]
        a = rest[t[0]]
        b = rest[t[1]]
        c = rest[t[2]]
        # Most candidates are ruled out by their first corner and their longest side from there.
        reach = wp.sqrt(wp.max(wp.length_sq(b - a), wp.length_sq(c - a)))
        if wp.length(p - a) - reach <= best:
            u = nearest_weights(p, a, b, c)
            gap = wp.length(a * u[0] + b * u[1] + c * u[2] - p)
            if gap < best:
                best = gap
                found[i] = candidates[k]
                weights[i] = u
