"""Rasterising with the pixels' own rays, in double precision.

A ray (x, y, 1) meets the triangle (a, b, c) of camera-frame corners where the three triple products ray·(b×c),
ray·(c×a), ray·(a×b) share a sign; they are, up to scale, the perspective-correct barycentrics, and their sum divides
a·(b×c) to give the depth. Neighbours compute the product of a shared edge from the same two corners, and a×b is
exactly −(b×a) as long as the compiler contracts nothing (`fuse_fp` is off), so no ray slips between them.
"""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import NEAR, NO_HIT, OFF_SCREEN, TILE, ZERO, Optics, distort, tile_range

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})

FACE_MASK = wp.constant(wp.uint64(0xFFFFFFF))
NORMAL_SCALE = wp.constant(wp.float64(1.7592186044416e13))  # 2^44: area normals summed as integers, in any order


@wp.func
def edge(n: wp.vec3d, ray: wp.vec2d) -> wp.float64:
    return n[0] * ray[0] + n[1] * ray[1] + n[2]


# Warp's own minimum looks out for NaN, which costs more than the rest of the test.
@wp.func_native("""
    const double m = a < b ? a : b;
    return m < c ? m : c;
""")
def lowest(a: wp.float64, b: wp.float64, c: wp.float64) -> wp.float64: ...


@wp.func_native("""
    wp::vec4 m = a;
    for (int k = 0; k < 4; ++k) {
        m[k] = b[k] < m[k] ? b[k] : m[k];
        m[k] = c[k] < m[k] ? c[k] : m[k];
    }
    return m;
""")
def least(a: wp.vec4, b: wp.vec4, c: wp.vec4) -> wp.vec4: ...


@wp.func_native("""
    wp::vec4 m = a;
    for (int k = 0; k < 4; ++k) {
        m[k] = b[k] > m[k] ? b[k] : m[k];
        m[k] = c[k] > m[k] ? c[k] : m[k];
    }
    return m;
""")
def greatest(a: wp.vec4, b: wp.vec4, c: wp.vec4) -> wp.vec4: ...


@wp.func
def outside(low: wp.vec2d, high: wp.vec2d, a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> bool:
    """True when no ray between `low` and `high` (at z = 1) can meet the triangle: all its corners are behind, or
    beyond one side. Holds for corners behind the camera too."""
    hidden = a[2] <= NEAR and b[2] <= NEAR and c[2] <= NEAR
    for k in range(2):
        hidden = hidden or (a[k] < low[k] * a[2] and b[k] < low[k] * b[2] and c[k] < low[k] * c[2])
        hidden = hidden or (a[k] > high[k] * a[2] and b[k] > high[k] * b[2] and c[k] > high[k] * c[2])
    return hidden


@wp.kernel
def project_vertices(
    o: Optics,
    vertices: wp.array(dtype=wp.vec3),
    in_camera: wp.array(dtype=wp.vec3d),
    screen: wp.array(dtype=wp.vec4),
):
    """World → camera frame (metres) and screen: pixel x, y and normalised x, y, all OFF_SCREEN without an image."""
    i = wp.tid()
    v = vertices[i]
    p = o.rotation * wp.vec3d(wp.float64(v[0]), wp.float64(v[1]), wp.float64(v[2])) + o.translation
    in_camera[i] = p
    position = wp.vec4(OFF_SCREEN, OFF_SCREEN, OFF_SCREEN, OFF_SCREEN)
    if p[2] > NEAR:
        ideal = wp.vec2d(p[0] / p[2], p[1] / p[2])
        if wp.dot(ideal, ideal) <= o.domain_r2:
            d = distort(o, ideal)
            position = wp.vec4(
                wp.float32(d[0] * o.fx + o.cx),
                wp.float32(d[1] * o.fy + o.cy),
                wp.float32(ideal[0]),
                wp.float32(ideal[1]),
            )
    screen[i] = position


@wp.kernel
def bound_faces(
    o: Optics,
    faces: wp.array(dtype=wp.vec3i),
    closed: wp.array(dtype=wp.uint8),
    screen: wp.array(dtype=wp.vec4),
    in_camera: wp.array(dtype=wp.vec3d),
    bounds: wp.array(dtype=wp.vec4),
    boxes: wp.array(dtype=wp.vec4i),
    marks: wp.array(dtype=wp.uint8),
):
    """Where on the picture rays may meet the face: bounds, x0, y0, x1, y1 in px, and the box of pixels whose centres
    lie in them (inclusive; x0 > x1 when empty), whose tiles are marked. Nowhere for the back of a closed mesh.

    The lens bends an edge, but by no more than the sagitta away from the chord of its projected ends.
    """
    t = wp.tid()
    f = faces[t]
    if closed[t] != wp.uint8(0):
        p = in_camera[f[0]]
        if wp.dot(p, wp.cross(in_camera[f[1]], in_camera[f[2]])) >= ZERO:
            bounds[t] = wp.vec4(1.0, 1.0, 0.0, 0.0)
            boxes[t] = wp.vec4i(1, 1, 0, 0)
            return
    a = screen[f[0]]
    b = screen[f[1]]
    c = screen[f[2]]
    last_x = wp.float32(o.width)
    last_y = wp.float32(o.height)
    bound = wp.vec4(0.0, 0.0, last_x, last_y)
    if a[0] == OFF_SCREEN or b[0] == OFF_SCREEN or c[0] == OFF_SCREEN:
        if outside(o.ideal_min, o.ideal_max, in_camera[f[0]], in_camera[f[1]], in_camera[f[2]]):
            bound = wp.vec4(1.0, 1.0, 0.0, 0.0)
    else:
        low = least(a, b, c)
        high = greatest(a, b, c)
        dx = high[2] - low[2]
        dy = high[3] - low[3]
        grow = o.sagitta * (dx * dx + dy * dy) + o.slack
        bound = wp.vec4(low[0] - grow, low[1] - grow, high[0] + grow, high[1] + grow)
        if dx + dy == 0.0 and in_camera[f[0]] == in_camera[f[1]] and in_camera[f[0]] == in_camera[f[2]]:
            bound = wp.vec4(1.0, 1.0, 0.0, 0.0)  # a point, as all faces of a foot that a shoe stands in for
    bounds[t] = bound
    x0 = int(wp.ceil(wp.clamp(bound[0] - 0.5, 0.0, last_x)))
    y0 = int(wp.ceil(wp.clamp(bound[1] - 0.5, 0.0, last_y)))
    x1 = int(wp.floor(wp.clamp(bound[2] - 0.5, -1.0, last_x - 1.0)))
    y1 = int(wp.floor(wp.clamp(bound[3] - 0.5, -1.0, last_y - 1.0)))
    if y0 > y1 or x0 > x1:
        x0 = int(1)
        x1 = int(0)
    else:
        across = (o.width + TILE - 1) // TILE
        # One pixel beyond the box too: the pixels around a silhouette take colour samples of their own.
        left = wp.max(x0 - 1, 0) // TILE
        right = wp.min(x1 + 1, o.width - 1) // TILE
        top = wp.max(y0 - 1, 0) // TILE
        bottom = wp.min(y1 + 1, o.height - 1) // TILE
        if right - left > 1 or bottom - top > 1:
            for ty in range(top, bottom + 1):
                for tx in range(left, right + 1):
                    marks[ty * across + tx] = wp.uint8(1)
        else:  # nearly always, and without a loop
            marks[top * across + left] = wp.uint8(1)
            marks[top * across + right] = wp.uint8(1)
            marks[bottom * across + left] = wp.uint8(1)
            marks[bottom * across + right] = wp.uint8(1)
    boxes[t] = wp.vec4i(x0, y0, x1, y1)


# Eight pixels at once, which takes C++, for Clang: it compiles every CPU's kernels. A key is the depth's exponent and
# 25 bits of its mantissa above the face, so that an atomic minimum keeps the nearest.
@wp.func_native("""
    const double* ray = (const double*)rays.data;
    union Bits { double number; unsigned long long bits; } z;
    for (int y = box[1]; y <= box[3]; ++y) {
        const int end = y * width + box[2] + 1;
        for (int pixel = y * width + box[0]; pixel < end;) {
#if defined(__clang__) && !defined(__CUDACC__)
            typedef double Eight __attribute__((ext_vector_type(8), aligned(8)));
            typedef bool Bools __attribute__((ext_vector_type(8)));
            const Eight first = *(const Eight*)(ray + 2 * pixel), second = *(const Eight*)(ray + 2 * pixel + 8);
            const Eight h = __builtin_shufflevector(first, second, 0, 2, 4, 6, 8, 10, 12, 14);
            const Eight g = __builtin_shufflevector(first, second, 1, 3, 5, 7, 9, 11, 13, 15);
            const Eight u = h * na[0] + g * na[1] + na[2], v = h * nb[0] + g * nb[1] + nb[2];
            const Eight w = h * nc[0] + g * nc[1] + nc[2];
            const Bools met = __builtin_convertvector((u >= 0.0) & (v >= 0.0) & (w >= 0.0), Bools);
            unsigned char bits;
            __builtin_memcpy(&bits, &met, 1);
            unsigned int found = bits;
            if (end - pixel < 8)
                found &= (1u << (end - pixel)) - 1u;
            const int from = pixel;
            pixel += 8;
            while (found) {
                const int k = from + __builtin_ctz(found);
                found &= found - 1u;
#else
            const int k = pixel++;
            const double h = ray[2 * k], g = ray[2 * k + 1];
            if (na[0] * h + na[1] * g + na[2] >= 0.0 && nb[0] * h + nb[1] * g + nb[2] >= 0.0
                && nc[0] * h + nc[1] * g + nc[2] >= 0.0) {
#endif
                const double total = whole[0] * ray[2 * k] + whole[1] * ray[2 * k + 1] + whole[2];
                if (total > 0.0) {
                    z.number = det / total;
                    const wp::uint64 key = ((z.bits << 1) & ~0xFFFFFFFull) | (wp::uint64)t;
                    wp::atomic_min(&keys.data[k], key);
                    wp::atomic_or(&coverage.data[k], bit);
                }
            }
        }
    }
""")
def draw_box(
    box: wp.vec4i,
    width: int,
    t: int,
    bit: wp.uint32,
    det: wp.float64,
    na: wp.vec3d,
    nb: wp.vec3d,
    nc: wp.vec3d,
    whole: wp.vec3d,
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    coverage: wp.array(dtype=wp.uint32),
):
    """Face t in its box of pixels: where no edge's product with the ray is negative. On a CPU seven rays beyond the
    last may be read, so there must be such."""


@wp.kernel
def draw_faces(
    o: Optics,
    faces: wp.array(dtype=wp.vec3i),
    face_bits: wp.array(dtype=wp.uint32),
    in_camera: wp.array(dtype=wp.vec3d),
    boxes: wp.array(dtype=wp.vec4i),
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    coverage: wp.array(dtype=wp.uint32),
):
    """Nearest face of every pixel centre, and the bits of all the meshes that its ray meets."""
    t = wp.tid()
    box = boxes[t]
    if box[0] > box[2]:
        return
    f = faces[t]
    a = in_camera[f[0]]
    b = in_camera[f[1]]
    c = in_camera[f[2]]
    na = wp.cross(b, c)
    nb = wp.cross(c, a)
    nc = wp.cross(a, b)
    det = wp.dot(a, na)
    if det < ZERO:  # seen from behind: turned over, exactly, so that one test serves both sides
        det = -det
        na = -na
        nb = -nb
        nc = -nc
    draw_box(box, o.width, t, face_bits[t], det, na, nb, nc, na + nb + nc, rays, keys, coverage)


@wp.kernel
def sum_normals(faces: wp.array(dtype=wp.vec3i), vertices: wp.array(dtype=wp.vec3), sums: wp.array2d(dtype=wp.int64)):
    """Area-weighted normals at the vertices, in integers: a sum of floats would depend on the threads' order."""
    f = faces[wp.tid()]
    p = vertices[f[0]]
    n = wp.cross(vertices[f[1]] - p, vertices[f[2]] - p)
    x = wp.int64(wp.float64(n[0]) * NORMAL_SCALE)
    y = wp.int64(wp.float64(n[1]) * NORMAL_SCALE)
    z = wp.int64(wp.float64(n[2]) * NORMAL_SCALE)
    for k in range(3):
        wp.atomic_add(sums, f[k], 0, x)
        wp.atomic_add(sums, f[k], 1, y)
        wp.atomic_add(sums, f[k], 2, z)


@wp.kernel
def unit_normals(sums: wp.array2d(dtype=wp.int64), normals: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    n = wp.vec3(wp.float32(sums[i, 0]), wp.float32(sums[i, 1]), wp.float32(sums[i, 2]))
    normals[i] = wp.normalize(n)


@wp.func
def weights(f: wp.vec3i, in_camera: wp.array(dtype=wp.vec3d), ray: wp.vec2d) -> wp.vec4d:
    """Perspective-correct barycentrics (b0, b1, b2) and depth of a ray known to meet the face."""
    a = in_camera[f[0]]
    b = in_camera[f[1]]
    c = in_camera[f[2]]
    na = wp.cross(b, c)
    wa = edge(na, ray)
    wb = edge(wp.cross(c, a), ray)
    wc = edge(wp.cross(a, b), ray)
    s = wp.float64(1.0) / (wa + wb + wc)
    return wp.vec4d(wa * s, wb * s, wc * s, wp.dot(a, na) * s)


@wp.func
def blend_normals(f: wp.vec3i, b: wp.vec3, normals: wp.array(dtype=wp.vec3)) -> wp.vec3:
    return wp.normalize(normals[f[0]] * b[0] + normals[f[1]] * b[1] + normals[f[2]] * b[2])


# A tile's rows lie far from one another, so a CPU doesn't see by itself what is wanted next.
@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int across = (width + 7) / 8, tile = tiles.data[i + 1 < tiles.shape[0] ? i + 1 : i];
    const int top = tile / across * 8;
    for (int row = 0; row < 8 && top + row < height; ++row) {
        const int pixel = (top + row) * width + tile % across * 8;
        __builtin_prefetch(keys.data + pixel);
        __builtin_prefetch(rays.data + pixel);
        __builtin_prefetch(rays.data + pixel + 4);
        __builtin_prefetch(covered.data + pixel);
        __builtin_prefetch(instance.data + pixel, 1);
        __builtin_prefetch(face.data + pixel, 1);
        __builtin_prefetch(barycentrics.data + pixel, 1);
        __builtin_prefetch(barycentrics.data + pixel + 5, 1);
        __builtin_prefetch(depth.data + pixel, 1);
        __builtin_prefetch(normal.data + pixel, 1);
        __builtin_prefetch(normal.data + pixel + 5, 1);
        __builtin_prefetch(coverage.data + pixel, 1);
    }
#endif
""")
def fetch_ahead(
    i: int,
    width: int,
    height: int,
    tiles: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    covered: wp.array(dtype=wp.uint32),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    depth: wp.array(dtype=wp.float32),
    normal: wp.array(dtype=wp.vec3),
    coverage: wp.array(dtype=wp.uint32),
):
    """Asks a CPU for the next tile (8, `TILE`, pixels wide)."""


@wp.kernel
def resolve_tiles(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    faces: wp.array(dtype=wp.vec3i),
    face_instance: wp.array(dtype=wp.uint8),
    first_face: wp.array(dtype=wp.int32),
    in_camera: wp.array(dtype=wp.vec3d),
    normals: wp.array(dtype=wp.vec3),
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    covered: wp.array(dtype=wp.uint32),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    depth: wp.array(dtype=wp.float32),
    normal: wp.array(dtype=wp.vec3),
    coverage: wp.array(dtype=wp.uint32),
):
    """Winning faces → surface points; the arrays already say 'nothing' everywhere. Normals turn to the camera."""
    i = wp.tid()
    fetch_ahead(
        i, o.width, o.height, tiles, rays, keys, covered, instance, face, barycentrics, depth, normal, coverage
    )  # fmt: skip
    box = tile_range(o, tiles[i])
    rotation = wp.mat33(o.rotation)
    for y in range(box[1], box[3]):
        for pixel in range(y * o.width + box[0], y * o.width + box[2]):
            key = keys[pixel]
            if key != NO_HIT:
                t = int(key & FACE_MASK)
                f = faces[t]
                w = weights(f, in_camera, rays[pixel])
                b = wp.vec3(wp.float32(w[0]), wp.float32(w[1]), wp.float32(w[2]))
                k = face_instance[t]
                instance[pixel] = k
                face[pixel] = t - first_face[int(k) - 1]
                barycentrics[pixel] = b
                depth[pixel] = wp.float32(w[3])
                normal[pixel] = rotation * blend_normals(f, b, normals)
                coverage[pixel] = covered[pixel]
