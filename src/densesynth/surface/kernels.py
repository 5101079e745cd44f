"""Warp kernels of worn meshes, for the CPU: the body point that one covers, and the vertices that lie under one."""

import warp as wp

wp.set_module_options({"enable_backward": False, "fuse_fp": False})


LANES = wp.constant(16)  # candidates that are compared at once


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


@wp.func
def distance(p: wp.vec3, corners: wp.array2d(dtype=wp.vec3), row: int, w: wp.vec3) -> wp.float32:
    return wp.length(corners[row, 0] * w[0] + corners[row, 1] * w[1] + corners[row, 2] * w[2] - p)


# Candidates are asked many at once, which takes C++, for Clang: it compiles every CPU's kernels.
LOAD = """
    typedef float Floats __attribute__((ext_vector_type(16), aligned(4)));
    typedef bool Bools __attribute__((ext_vector_type(16)));
    const int columns = balls.shape[1];
    const float* ball = balls.data + k;
    const Floats x = *(const Floats*)ball - p[0], y = *(const Floats*)(ball + columns) - p[1];
    const Floats z = *(const Floats*)(ball + 2 * columns) - p[2], d2 = x * x + y * y + z * z;
"""


@wp.func_native(
    """
    int nearest = first;
    float least = 1e30f;
    for (int k = first; k < end; k += 16) {"""
    + LOAD
    + """
        for (int lane = 0; lane < 16 && k + lane < end; ++lane) {
            nearest = d2[lane] < least ? k + lane : nearest;
            least = d2[lane] < least ? d2[lane] : least;
        }
    }
    return nearest;
"""
)
def nearest_ball(first: int, end: int, p: wp.vec3, balls: wp.array2d(dtype=wp.float32)) -> int:
    """Which of the balls from `first` to before `end` has the nearest centre."""


@wp.func_native(
    LOAD
    + """
    const Floats reach = *(const Floats*)(ball + 3 * columns) + distance;
    const Bools within = __builtin_convertvector(d2 <= reach * reach, Bools);
    unsigned short bits;
    __builtin_memcpy(&bits, &within, 2);
    return bits;
"""
)
def balls_within(k: int, p: wp.vec3, distance: wp.float32, balls: wp.array2d(dtype=wp.float32)) -> wp.uint32:
    """Of the LANES balls from k on, those that come within `distance` of p, one bit each."""


@wp.func_native("return __builtin_ctz(bits);")
def lowest_bit(bits: wp.uint32) -> int: ...


@wp.kernel
def find_covered(
    faces: wp.array(dtype=wp.vec3i),
    anchors: wp.array(dtype=wp.vec3),
    starts: wp.array(dtype=wp.int32),
    balls: wp.array2d(dtype=wp.float32),
    candidates: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.vec3),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    found: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=wp.vec3),
):
    """The nearest body point to each mesh point's interpolated anchor; among equals the first face.

    balls: of each candidate, a ball that holds it: x, y, z, radius, in rows; wider by LANES. corners: of all body
    faces.
    """
    i = wp.tid()
    f = faces[face[i]]
    w = barycentrics[i]
    p = anchors[f[0]] * w[0] + anchors[f[1]] * w[1] + anchors[f[2]] * w[2]
    first = starts[face[i]]
    end = starts[face[i] + 1]
    # The one about the nearest centre goes first: it tells how near others must come.
    k = nearest_ball(first, end, p, balls)
    chosen = candidates[k]
    share = nearest_weights(p, corners[chosen, 0], corners[chosen, 1], corners[chosen, 2])
    best = distance(p, corners, chosen, share)
    for block in range(first, end, LANES):
        bits = balls_within(block, p, best, balls)
        if end - block < LANES:
            bits = bits & ((wp.uint32(1) << wp.uint32(end - block)) - wp.uint32(1))
        while bits != wp.uint32(0):
            row = candidates[block + lowest_bit(bits)]
            bits = bits & (bits - wp.uint32(1))
            u = nearest_weights(p, corners[row, 0], corners[row, 1], corners[row, 2])
            gap = distance(p, corners, row, u)
            if gap < best or (gap == best and row < chosen):
                best = gap
                chosen = row
                share = u
    found[i] = chosen
    weights[i] = share


@wp.kernel
def look_up(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    below: wp.float32,
    reach: wp.float32,
    found: wp.array(dtype=wp.bool),
):
    """Whether a ray along the normal, from a little below each point, meets the mesh within reach."""
    i = wp.tid()
    query = wp.mesh_query_ray(mesh, points[i] - normals[i] * below, normals[i], reach)
    found[i] = query.result
