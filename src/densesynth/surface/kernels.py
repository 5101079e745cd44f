"""Warp kernels of worn meshes, for the CPU: the body point that one covers, and the vertices that lie under one."""

import warp as wp

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})


LANES = 16  # candidates that are compared at once, which takes C++, for Clang: it compiles every CPU's kernels

# Weights w of triangle abc's point nearest to p (Ericson 2005, Real-Time Collision Detection, 5.1.5); its distance.
NEAREST_POINT = """
            const float *a = corners + 9 * (long long)row, *b = a + 3, *c = a + 6;
            const float ab[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]};
            const float ac[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
            const float ap[3] = {p[0] - a[0], p[1] - a[1], p[2] - a[2]};
            const float bp[3] = {p[0] - b[0], p[1] - b[1], p[2] - b[2]};
            const float cp[3] = {p[0] - c[0], p[1] - c[1], p[2] - c[2]};
            const float d1 = ab[0] * ap[0] + ab[1] * ap[1] + ab[2] * ap[2];
            const float d2 = ac[0] * ap[0] + ac[1] * ap[1] + ac[2] * ap[2];
            const float d3 = ab[0] * bp[0] + ab[1] * bp[1] + ab[2] * bp[2];
            const float d4 = ac[0] * bp[0] + ac[1] * bp[1] + ac[2] * bp[2];
            const float d5 = ab[0] * cp[0] + ab[1] * cp[1] + ab[2] * cp[2];
            const float d6 = ac[0] * cp[0] + ac[1] * cp[1] + ac[2] * cp[2];
            const float va = d3 * d6 - d5 * d4, vb = d5 * d2 - d1 * d6, vc = d1 * d4 - d3 * d2;
            float w[3] = {0.0f, 0.0f, 0.0f};
            if (d1 <= 0.0f && d2 <= 0.0f) {
                w[0] = 1.0f;
            } else if (d3 >= 0.0f && d4 <= d3) {
                w[1] = 1.0f;
            } else if (vc <= 0.0f && d1 >= 0.0f && d3 <= 0.0f) {
                const float length = d1 - d3;
                w[1] = d1 / (length > 1.0e-30f ? length : 1.0e-30f);
                w[0] = 1.0f - w[1];
            } else if (d6 >= 0.0f && d5 <= d6) {
                w[2] = 1.0f;
            } else if (vb <= 0.0f && d2 >= 0.0f && d6 <= 0.0f) {
                const float length = d2 - d6;
                w[2] = d2 / (length > 1.0e-30f ? length : 1.0e-30f);
                w[0] = 1.0f - w[2];
            } else if (va <= 0.0f && d4 - d3 >= 0.0f && d5 - d6 >= 0.0f) {
                const float length = d4 - d3 + d5 - d6;
                w[2] = (d4 - d3) / (length > 1.0e-30f ? length : 1.0e-30f);
                w[1] = 1.0f - w[2];
            } else {
                const float sum = va + vb + vc, total = 1.0f / (sum > 1.0e-30f ? sum : 1.0e-30f);
                w[0] = va * total;
                w[1] = vb * total;
                w[2] = vc * total;
            }
            const float off[3] = {
                a[0] * w[0] + b[0] * w[1] + c[0] * w[2] - p[0], a[1] * w[0] + b[1] * w[1] + c[1] * w[2] - p[1],
                a[2] * w[0] + b[2] * w[1] + c[2] * w[2] - p[2]};
            const float gap = sqrtf(off[0] * off[0] + off[1] * off[1] + off[2] * off[2]);
"""

COVERED = (
    """
    typedef float Floats __attribute__((ext_vector_type(16), aligned(4)));
    typedef bool Bools __attribute__((ext_vector_type(16)));
    const wp::uint64* mesh = (const wp::uint64*)mesh_at;
    const int* faces = (const int*)mesh[0];
    const float* anchors = (const float*)mesh[1];
    const int* starts = (const int*)mesh[2];
    const float* boxes = (const float*)mesh[3];
    const int* candidates = (const int*)mesh[4];
    const float* corners = (const float*)mesh[5];
    const int* face = (const int*)face_at;
    const float* barycentrics = (const float*)barycentrics_at;
    int* found = (int*)found_at;
    float* weights = (float*)weights_at;
    int before = -1, guess = 0;
    for (int i = 0; i < count; ++i) {
        const int* f = faces + 3 * (long long)face[i];
        const float* s = barycentrics + 3 * (long long)i;
        float p[3];
        for (int k = 0; k < 3; ++k)
            p[k] = anchors[3 * (long long)f[0] + k] * s[0] + anchors[3 * (long long)f[1] + k] * s[1]
                + anchors[3 * (long long)f[2] + k] * s[2];
        const int first = starts[face[i]], end = starts[face[i] + 1];
        // What covers the point before, on the same face, tells how near others must come; else the nearest box.
        if (face[i] != before) {
            float least = 1e30f;
            for (int k = first; k < end; ++k) {
                float d2 = 0.0f;
                for (int c = 0; c < 3; ++c) {
                    const float d = 0.5f * (boxes[c * columns + k] + boxes[(3 + c) * columns + k]) - p[c];
                    d2 += d * d;
                }
                guess = d2 < least ? k : guess;
                least = d2 < least ? d2 : least;
            }
            before = face[i];
        }
        int chosen = candidates[guess];
        float best = 0.0f, share[3] = {0.0f, 0.0f, 0.0f};
        {
            const int row = chosen;
"""
    + NEAREST_POINT
    + """
            best = gap;
            for (int k = 0; k < 3; ++k) share[k] = w[k];
        }
        for (int from = first; from < end; from += 16) {
            const float reach = best * 1.00001f + 1e-6f;  // room for rounding
            Floats d2 = 0.0f;
            for (int c = 0; c < 3; ++c) {
                const Floats below = *(const Floats*)(boxes + c * columns + from) - p[c];
                const Floats above = p[c] - *(const Floats*)(boxes + (3 + c) * columns + from);
                Floats d = below > above ? below : above;
                d = d > 0.0f ? d : 0.0f;
                d2 += d * d;
            }
            const Bools within = __builtin_convertvector(d2 <= reach * reach, Bools);
            unsigned short some;
            __builtin_memcpy(&some, &within, 2);
            unsigned int bits = some;
            if (end - from < 16) bits &= (1u << (end - from)) - 1u;
            while (bits) {
                const int k = from + __builtin_ctz(bits), row = candidates[k];
                bits &= bits - 1u;
"""
    + NEAREST_POINT
    + """
                if (gap < best || (gap == best && row < chosen)) {
                    best = gap;
                    chosen = row;
                    guess = k;
                    for (int j = 0; j < 3; ++j) share[j] = w[j];
                }
            }
        }
        found[i] = chosen;
        for (int k = 0; k < 3; ++k) weights[3 * (long long)i + k] = share[k];
    }
"""
)


@wp.func_native(COVERED)
def covered_points(
    count: int,
    columns: int,
    mesh_at: wp.uint64,
    face_at: wp.uint64,
    barycentrics_at: wp.uint64,
    found_at: wp.uint64,
    weights_at: wp.uint64,
): ...


@wp.kernel
def find_covered(
    count: int,
    columns: int,
    mesh_at: wp.uint64,
    face_at: wp.uint64,
    barycentrics_at: wp.uint64,
    found_at: wp.uint64,
    weights_at: wp.uint64,
):
    """One thread: the nearest body point to each mesh point's interpolated anchor; among equals the first face.

    Arrays by their addresses (`device.address`). mesh: of faces, anchors, starts (of each face's candidates), boxes
    (about each candidate: least x, y, z, then greatest, in rows of `columns`, LANES more than there are), candidates
    and corners (of all body faces).
    """
    covered_points(count, columns, mesh_at, face_at, barycentrics_at, found_at, weights_at)


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
