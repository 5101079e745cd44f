"""Warp kernels of the labels, for the CPU: the labels are made of the host's arrays.

Each is one loop in C++ over arrays given by their addresses (`device.address`), because Warp's wrappers of arrays cost
more than the loops. Sums are never fused, so that the answers are NumPy's to the bit (`charts.chart_surface`).
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})

CHART = """
    const unsigned char* __restrict__ instance = (const unsigned char*)instance_at;
    const int* __restrict__ face = (const int*)face_at;
    const float* __restrict__ weights = (const float*)weights_at;
    const unsigned char* __restrict__ part_of = (const unsigned char*)part_of_at;
    const float* __restrict__ uv_of = (const float*)uv_of_at;
    const unsigned char* __restrict__ coarse_of = (const unsigned char*)coarse_of_at;
    const wp::uint64* table = (const wp::uint64*)out_at;
    long long* __restrict__ out_pixel = (long long*)table[0];
    unsigned char* __restrict__ out_instance = (unsigned char*)table[1];
    int* __restrict__ out_face = (int*)table[2];
    float* __restrict__ out_weights = (float*)table[3];
    unsigned char* __restrict__ out_part = (unsigned char*)table[4];
    float* __restrict__ out_u = (float*)table[5];
    float* __restrict__ out_v = (float*)table[6];
    unsigned char* __restrict__ fine = (unsigned char*)table[7];
    unsigned char* __restrict__ coarse = (unsigned char*)table[8];
    unsigned char* __restrict__ iuv = (unsigned char*)table[9];
    long long n = 0;
    for (int pixel = 0; pixel < pixels; ++pixel) {
        if (instance[pixel] == 0) continue;
        const int ahead = face[pixel + 16 < pixels ? pixel + 16 : pixel];  // asked for early: faces lie anywhere
        __builtin_prefetch(uv_of + 6 * (long long)ahead);
        __builtin_prefetch(part_of + ahead);
        const int f = face[pixel];
        const float* corner = uv_of + 6 * (long long)f;
        const float b0 = weights[3 * (long long)pixel];
        const float b1 = weights[3 * (long long)pixel + 1];
        const float b2 = 1.0f - b0 - b1;
        float u = b0 * corner[0] + b1 * corner[2] + b2 * corner[4];
        float v = b0 * corner[1] + b1 * corner[3] + b2 * corner[5];
        u = u < 0.0f ? 0.0f : u;
        u = u > 1.0f ? 1.0f : u;
        v = v < 0.0f ? 0.0f : v;
        v = v > 1.0f ? 1.0f : v;
        const unsigned char part = part_of[f];
        out_pixel[n] = pixel;
        out_instance[n] = instance[pixel];
        out_face[n] = f;
        out_weights[3 * n] = b0;
        out_weights[3 * n + 1] = b1;
        out_weights[3 * n + 2] = b2;
        out_part[n] = part;
        out_u[n] = u;
        out_v[n] = v;
        fine[pixel] = part;
        coarse[pixel] = coarse_of[part];
        unsigned char* packed = iuv + 3 * (long long)pixel;
        packed[0] = part;
        packed[1] = (unsigned char)(int)(u * 255.0f);
        packed[2] = (unsigned char)(int)(v * 255.0f);
        ++n;
    }
"""


@wp.func_native(CHART)
def chart_pixels(
    pixels: int,
    instance_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    part_of_at: wp.uint64,
    uv_of_at: wp.uint64,
    coarse_of_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def chart_kernel(
    pixels: int,
    instance_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    part_of_at: wp.uint64,
    uv_of_at: wp.uint64,
    coarse_of_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: the labels of all pixels of an instance, in row order. out: addresses of `ChartLabels`' arrays."""
    chart_pixels(pixels, instance_at, face_at, weights_at, part_of_at, uv_of_at, coarse_of_at, out_at)


NEAREST = """
    const float* __restrict__ vertex = (const float*)vertices_at;
    const float* __restrict__ point = (const float*)points_at;
    float* __restrict__ out = (float*)squared_at;
    for (int first = 0; first < points; first += 8) {
        float x[8], y[8], z[8], best[8];
        for (int j = 0; j < 8; ++j) {
            const int k = first + j < points ? first + j : points - 1;
            x[j] = point[3 * k];
            y[j] = point[3 * k + 1];
            z[j] = point[3 * k + 2];
            best[j] = 3.0e38f;
        }
        for (int i = 0; i < vertices; ++i) {
            const float vx = vertex[3 * i], vy = vertex[3 * i + 1], vz = vertex[3 * i + 2];
            for (int j = 0; j < 8; ++j) {
                const float dx = vx - x[j], dy = vy - y[j], dz = vz - z[j];
                const float squared = dx * dx + dy * dy + dz * dz;
                best[j] = squared < best[j] ? squared : best[j];
            }
        }
        for (int j = 0; j < 8 && first + j < points; ++j) out[first + j] = best[j];
    }
"""


@wp.func_native(NEAREST)
def nearest_vertices(
    points: int, points_at: wp.uint64, vertices: int, vertices_at: wp.uint64, squared_at: wp.uint64
): ...


@wp.kernel
def nearest_kernel(points: int, points_at: wp.uint64, vertices: int, vertices_at: wp.uint64, squared_at: wp.uint64):
    """One thread: each point's squared distance to the nearest vertex."""
    nearest_vertices(points, points_at, vertices, vertices_at, squared_at)


INSIDE = """
    const double* __restrict__ p = (const double*)points_at;
    const double* __restrict__ c = (const double*)camera_at;
    unsigned char* __restrict__ inside = (unsigned char*)inside_at;
    const double fx = c[0], fy = c[1], cx = c[2], cy = c[3], k1 = c[4], k2 = c[5], p1 = c[6], p2 = c[7], k3 = c[8];
    const double width = c[9], height = c[10], furthest = c[11];
    for (int i = 0; i < points; ++i) {
        const double px = p[3 * i], py = p[3 * i + 1], pz = p[3 * i + 2];
        const bool candidate = (pz > 0.0) & (px * px + py * py <= furthest * pz * pz);
        const double x = px / pz, y = py / pz;
        const double r2 = x * x + y * y;
        const double radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        const double u = (x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)) * fx + cx;
        const double v = (y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y) * fy + cy;
        inside[i] = candidate & (u >= 0.0) & (u < width) & (v >= 0.0) & (v < height);
    }
"""


@wp.func_native(INSIDE)
def points_inside(points: int, points_at: wp.uint64, camera_at: wp.uint64, inside_at: wp.uint64): ...


@wp.kernel
def inside_kernel(points: int, points_at: wp.uint64, camera_at: wp.uint64, inside_at: wp.uint64):
    """One thread: which points of the camera frame project into the picture (`visibility.in_frame`).

    camera: fx, fy, cx, cy, k1, k2, p1, p2, k3, width, height, and the squared tangent beyond which nothing is inside.
    """
    points_inside(points, points_at, camera_at, inside_at)


SPREAD = """
    const int CANDIDATES = 128, CENTRES = 14;
    const float FAR = 3.0e38f;
    const float* x = (const float*)x_at + (long long)group * CANDIDATES;
    const float* y = (const float*)y_at + (long long)group * CANDIDATES;
    const int count = (int)((const long long*)count_at)[group];
    long long* chosen = (long long*)chosen_at + (long long)group * CENTRES;
    const int used = count < CENTRES ? count : CENTRES;
    float sum_x = 0.0f, sum_y = 0.0f;
    for (int c = 0; c < count; ++c) {
        sum_x += x[c];
        sum_y += y[c];
    }
    const double middle_x = (double)sum_x / count, middle_y = (double)sum_y / count;
    double least = 1.0e300;
    for (int c = 0; c < count; ++c) {
        const double dx = x[c] - middle_x, dy = y[c] - middle_y, squared = dx * dx + dy * dy;
        if (squared < least) {
            least = squared;
            chosen[0] = c;
        }
    }
    float nearest[CANDIDATES], gap[CANDIDATES];
    int cluster[CANDIDATES];
    for (int c = 0; c < count; ++c) nearest[c] = FAR;
    for (int k = 0; k < used; ++k) {
        if (k) {
            int farthest = 0;
            for (int c = 1; c < count; ++c) farthest = nearest[c] > nearest[farthest] ? c : farthest;
            chosen[k] = farthest;
        }
        const float ax = x[chosen[k]], ay = y[chosen[k]];
        for (int c = 0; c < count; ++c) {
            const float squared = (x[c] - ax) * (x[c] - ax) + (y[c] - ay) * (y[c] - ay);
            nearest[c] = squared < nearest[c] ? squared : nearest[c];
        }
    }
    for (int turn = 0; turn < rounds; ++turn) {
        float mean_x[CENTRES], mean_y[CENTRES], size[CENTRES], best[CENTRES];
        for (int c = 0; c < count; ++c) {
            gap[c] = FAR;
            cluster[c] = 0;
        }
        for (int k = 0; k < used; ++k) {
            const float ax = x[chosen[k]], ay = y[chosen[k]];
            mean_x[k] = mean_y[k] = size[k] = 0.0f;
            best[k] = FAR;
            for (int c = 0; c < count; ++c) {
                const float squared = (x[c] - ax) * (x[c] - ax) + (y[c] - ay) * (y[c] - ay);
                cluster[c] = squared < gap[c] ? k : cluster[c];
                gap[c] = squared < gap[c] ? squared : gap[c];
            }
        }
        for (int c = 0; c < count; ++c) {
            mean_x[cluster[c]] += x[c];
            mean_y[cluster[c]] += y[c];
            size[cluster[c]] += 1.0f;
        }
        for (int k = 0; k < used; ++k) {
            mean_x[k] /= size[k];
            mean_y[k] /= size[k];
        }
        for (int c = 0; c < count; ++c) {
            const int k = cluster[c];
            const float dx = x[c] - mean_x[k], dy = y[c] - mean_y[k], squared = dx * dx + dy * dy;
            if (squared < best[k]) {
                best[k] = squared;
                chosen[k] = c;
            }
        }
    }
"""


@wp.func_native(SPREAD)
def spread_group(
    group: int, rounds: int, x_at: wp.uint64, y_at: wp.uint64, count_at: wp.uint64, chosen_at: wp.uint64
): ...


@wp.kernel
def spread_kernel(rounds: int, x_at: wp.uint64, y_at: wp.uint64, count_at: wp.uint64, chosen_at: wp.uint64):
    """One thread a group of 128 candidates, of which the first `count` exist: the centres (`points._spread`)."""
    spread_group(wp.tid(), rounds, x_at, y_at, count_at, chosen_at)


OWN = """
    const unsigned char* __restrict__ number = (const unsigned char*)number_at;
    const int* __restrict__ face = (const int*)face_at;
    const float* __restrict__ weights = (const float*)weights_at;
    const unsigned char* owner_of = (const unsigned char*)owner_of_at;
    const unsigned char* row_of = (const unsigned char*)row_of_at;
    const wp::uint64* table = (const wp::uint64*)out_at;
    unsigned char* __restrict__ out_instance = (unsigned char*)table[0];
    unsigned char* __restrict__ out_layer = (unsigned char*)table[1];
    int* __restrict__ out_face = (int*)table[2];
    float* __restrict__ out_weights = (float*)table[3];
    int* __restrict__ worn_pixel = (int*)table[4];
    int* __restrict__ worn_face = (int*)table[5];
    float* __restrict__ worn_weights = (float*)table[6];
    int n = 0;
    for (int pixel = 0; pixel < pixels; ++pixel) {
        const int k = number[pixel];
        if (k == 0 || owner_of[k] == 0) continue;
        out_instance[pixel] = owner_of[k];
        out_layer[pixel] = row_of[k];
        out_face[pixel] = face[pixel];
        for (int c = 0; c < 3; ++c) out_weights[3 * pixel + c] = weights[3 * pixel + c];
        if (row_of[k] == 0) continue;
        worn_pixel[n] = pixel;
        worn_face[n] = face[pixel];
        for (int c = 0; c < 3; ++c) worn_weights[3 * n + c] = weights[3 * pixel + c];
        ++n;
    }
    ((int*)table[7])[0] = n;
"""


@wp.func_native(OWN)
def own_pixels(
    pixels: int,
    number_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    owner_of_at: wp.uint64,
    row_of_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def own_kernel(
    pixels: int,
    number_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    owner_of_at: wp.uint64,
    row_of_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: the pixels of somebody (`owners.find_owners`), into maps that say nothing, and those of worn meshes.

    owner_of, row_of: of each mesh's number, its person and its number among the worn meshes. out: addresses of the maps
    of person, worn mesh, face and weights, then of the worn pixels, their faces and weights, and how many there are.
    """
    own_pixels(pixels, number_at, face_at, weights_at, owner_of_at, row_of_at, out_at)


BESIDE = """
    const unsigned char* visible = (const unsigned char*)visible_at;
    const float* screen = (const float*)screen_at;
    const unsigned char* mask = (const unsigned char*)mask_at;
    int* found = (int*)found_at;
    int n = 0;
    for (int i = 0; i < vertices; ++i) {
        const float x = screen[4 * i], y = screen[4 * i + 1];
        if (visible[i] || !(x >= 0.0f && y >= 0.0f && x < width && y < height)) continue;
        if (mask[(int)y * width + (int)x]) found[++n] = i;
    }
    found[0] = n;
"""


@wp.func_native(BESIDE)
def vertices_beside(
    vertices: int,
    width: int,
    height: int,
    visible_at: wp.uint64,
    screen_at: wp.uint64,
    mask_at: wp.uint64,
    found_at: wp.uint64,
): ...


@wp.kernel
def beside_kernel(
    vertices: int,
    width: int,
    height: int,
    visible_at: wp.uint64,
    screen_at: wp.uint64,
    mask_at: wp.uint64,
    found_at: wp.uint64,
):
    """One thread: which vertices, not seen yet, stand on a pixel of the mask. found: how many, then which."""
    vertices_beside(vertices, width, height, visible_at, screen_at, mask_at, found_at)


UNDER = """
    const int* asked = (const int*)asked_at;
    const long long* pixel = (const long long*)pixel_at;
    const wp::uint64* table = (const wp::uint64*)picture_at;
    const unsigned char* layer = (const unsigned char*)table[0];
    const unsigned char* instance = (const unsigned char*)table[1];
    const int* seen_face = (const int*)table[2];
    const float* weights = (const float*)table[3];
    const wp::uint64* body = (const wp::uint64*)body_at;
    const float* rest = (const float*)body[0];
    const float* posed = (const float*)body[1];
    const int* corner = (const int*)body[2];
    const double* eye = (const double*)body[3];
    double* normal = (double*)body[4];
    unsigned char* visible = (unsigned char*)body[5];
    unsigned char* candidate = (unsigned char*)body[6];
    int some = 0;
    for (int j = 0; j < count; ++j) {
        const long long p = pixel[j];
        const int v = asked[j];
        if (layer[p] == 0 || instance[p] != person) continue;
        float d2 = 0.0f;
        for (int c = 0; c < 3; ++c) {
            float covered = 0.0f;
            for (int k = 0; k < 3; ++k)
                covered += weights[3 * p + k] * rest[3 * (long long)corner[3 * (long long)seen_face[p] + k] + c];
            const float d = covered - rest[3 * (long long)v + c];
            d2 += d * d;
        }
        candidate[v] = sqrtf(d2) < within;
        some += candidate[v];
    }
    if (!some) return;
    for (int f = 0; f < faces; ++f) {
        const int* at = corner + 3 * (long long)f;
        if (!(candidate[at[0]] | candidate[at[1]] | candidate[at[2]])) continue;
        const float *a = posed + 3 * (long long)at[0], *b = posed + 3 * (long long)at[1];
        const float* c = posed + 3 * (long long)at[2];
        const float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, w[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
        const float n[3] = {u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]};
        for (int k = 0; k < 3; ++k)
            for (int c = 0; c < 3; ++c) normal[3 * (long long)at[k] + c] += n[c];
    }
    for (int j = 0; j < count; ++j) {
        const long long v = asked[j];
        if (!candidate[v]) continue;
        double towards = 0.0;
        for (int c = 0; c < 3; ++c) towards += (eye[c] - posed[3 * v + c]) * normal[3 * v + c];
        if (towards > 0.0) visible[v] = 1;
    }
"""


@wp.func_native(UNDER)
def vertices_under(
    count: int,
    person: int,
    within: wp.float32,
    faces: int,
    asked_at: wp.uint64,
    pixel_at: wp.uint64,
    picture_at: wp.uint64,
    body_at: wp.uint64,
): ...


@wp.kernel
def under_kernel(
    count: int,
    person: int,
    within: wp.float32,
    faces: int,
    asked_at: wp.uint64,
    pixel_at: wp.uint64,
    picture_at: wp.uint64,
    body_at: wp.uint64,
):
    """One thread: marks the vertices under cloth that is seen (`owners.see_vertices`). asked, pixel: vertices, and
    where in the picture each stands. picture: addresses of `Layers.mesh` and of the buffers' instance, face and
    barycentrics. body: of the vertices at rest and posed, the faces, the eye, room for normals (zeros), what is
    visible, and room for marks (zeros)."""
    vertices_under(count, person, within, faces, asked_at, pixel_at, picture_at, body_at)
