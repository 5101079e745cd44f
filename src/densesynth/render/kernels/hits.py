"""First hits of arbitrary rays: faces are sorted into cells of the picture, then every ray asks the faces near it.

A face's bounds on the picture hold whatever the lens does (see `kernels.raster.bound_faces`). There is a grid of cells
for every size of faces, 2, 4, 8, … px, each face lies in one cell of one grid, that of its bounds' first corner, and a
ray finds in the cells about it, four of each grid, all faces that it may meet. `Cells` says how they are stored.
"""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import ZERO
from densesynth.render.kernels.raster import weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})

SMALLEST = wp.constant(2)  # px; the first grid's cells
LANES = wp.constant(16)  # faces that a CPU compares at once
FILL = wp.constant(wp.float32(0.999))  # of a cell's size that its faces may have: room for rounding


@wp.struct
class Cells:
    """starts: where each cell's faces begin, row by row, grid by grid, and the end. listed: faces over all meshes,
    cell by cell. boxes: of the listed faces, in rows: bounds x0, y0, x1, y1 (px) and the nearest corner's depth (m);
    wider than `listed` by LANES, of any value."""

    width: int
    height: int
    starts: wp.array(dtype=wp.int32)
    listed: wp.array(dtype=wp.int32)
    boxes: wp.array2d(dtype=wp.float32)


@wp.kernel
def count_faces(
    width: int,
    height: int,
    bounds: wp.array(dtype=wp.vec4),
    cells: wp.array(dtype=wp.int32),
    counts: wp.array(dtype=wp.int32),
):
    """Each face's cell (−1: it lies beside the picture), and how many faces each cell has."""
    t = wp.tid()
    b = bounds[t]
    x = wp.max(b[0], 0.0)
    y = wp.max(b[1], 0.0)
    cell = int(-1)
    if b[0] <= b[2] and b[2] >= 0.0 and b[3] >= 0.0 and x < wp.float32(width) and y < wp.float32(height):
        extent = wp.max(wp.min(b[2], wp.float32(width)) - x, wp.min(b[3], wp.float32(height)) - y)
        size = int(SMALLEST)
        first = int(0)
        while extent > FILL * wp.float32(size) and (size < width or size < height):
            first = first + (width // size + 1) * (height // size + 1)
            size = size * 2
        s = 1.0 / wp.float32(size)
        cell = first + int(y * s) * (width // size + 1) + int(x * s)
        wp.atomic_add(counts, cell, 1)
    cells[t] = cell


@wp.kernel
def list_faces(
    cells: wp.array(dtype=wp.int32),
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    bounds: wp.array(dtype=wp.vec4),
    starts: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
    boxes: wp.array2d(dtype=wp.float32),
):
    """Writes every face into its cell. starts: the cells' ends, of which each face takes one away."""
    t = wp.tid()
    cell = cells[t]
    if cell >= 0:
        k = wp.atomic_sub(starts, cell, 1) - 1
        f = faces[t]
        b = bounds[t]
        listed[k] = t
        for side in range(4):
            boxes[side, k] = b[side]
        boxes[4, k] = wp.float32(wp.min(wp.min(in_camera[f[0]][2], in_camera[f[1]][2]), in_camera[f[2]][2]))


def visit(body: str) -> str:
    """C++ that runs `body` for every face whose bounds hold a point within `reach` (px, each way) of (x, y) and whose
    nearest corner lies no deeper than `limit`, as the loop goes on. The body knows the face as `t`.

    Most of the time goes to looking for those faces: hence C++, and many at once where it can be said.
    """
    return (
        """
    const int columns = cells.boxes.shape[1];
    const float right = x + reach, left = x - reach, bottom = y + reach, top = y - reach;
    int offset = 0;
    for (int size = 2;; size *= 2) {
        const int across = cells.width / size + 1, down = cells.height / size + 1;
        const int* start = cells.starts.data + offset;
        offset += across * down;
        if (start[across * down] > start[0]) {
            const float s = 1.0f / size;
            int c0 = (int)(left * s) - 1, c1 = (int)(right * s), r0 = (int)(top * s) - 1, r1 = (int)(bottom * s);
            c0 = c0 > 0 ? c0 : 0;
            r0 = r0 > 0 ? r0 : 0;
            c1 = c1 < across ? c1 : across - 1;
            r1 = r1 < down ? r1 : down - 1;
            for (int row = r0; row <= r1; ++row) {
                const int last = start[row * across + c1 + 1];
                for (int first = start[row * across + c0]; first < last;) {
                    const float* box = cells.boxes.data + first;
#if defined(__clang__) && !defined(__CUDACC__)
                    typedef float Floats __attribute__((ext_vector_type(16), aligned(4)));
                    typedef bool Bools __attribute__((ext_vector_type(16)));
                    const auto within = (*(const Floats*)box <= right) & (*(const Floats*)(box + columns) <= bottom)
                        & (*(const Floats*)(box + 2 * columns) >= left) & (*(const Floats*)(box + 3 * columns) >= top)
                        & (*(const Floats*)(box + 4 * columns) <= limit);
                    const Bools some = __builtin_convertvector(within, Bools);
                    unsigned short bits;
                    __builtin_memcpy(&bits, &some, 2);
                    unsigned int found = bits;
                    if (last - first < 16)
                        found &= (1u << (last - first)) - 1u;
                    const int from = first;
                    first += 16;
                    while (found) {
                        const int k = from + __builtin_ctz(found);
                        found &= found - 1u;
#else
                    const int k = first++;
                    if (box[0] <= right && box[columns] <= bottom && box[2 * columns] >= left
                        && box[3 * columns] >= top && box[4 * columns] <= limit) {
#endif
                        const int t = cells.listed.data[k];
"""
        + body
        + """
                    }
                }
            }
        }
        if (size >= cells.width && size >= cells.height)
            break;
    }
"""
    )


# Corners p, q, r of face t and the normals u, v, w of the planes through the eye and its edges.
CORNERS = """
                        const int* f = reinterpret_cast<const int*>(faces.data + t);
                        const double* p = reinterpret_cast<const double*>(in_camera.data + f[0]);
                        const double* q = reinterpret_cast<const double*>(in_camera.data + f[1]);
                        const double* r = reinterpret_cast<const double*>(in_camera.data + f[2]);
                        double u[3] = {q[1] * r[2] - q[2] * r[1], q[2] * r[0] - q[0] * r[2], q[0] * r[1] - q[1] * r[0]};
                        double v[3] = {r[1] * p[2] - r[2] * p[1], r[2] * p[0] - r[0] * p[2], r[0] * p[1] - r[1] * p[0]};
                        double w[3] = {p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
                        double det = p[0] * u[0] + p[1] * u[1] + p[2] * u[2];
"""

# Seen from behind: turned over, exactly, so that one test serves both sides.
TURN = """
                        if (det < 0.0) {
                            det = -det;
                            for (int c = 0; c < 3; ++c) {
                                u[c] = -u[c];
                                v[c] = -v[c];
                                w[c] = -w[c];
                            }
                        }
"""

# All rays of a row go through the faces together: a face is fetched and its normals are worked out once.
MEET_FIRST = (
    """
    const int n = rays.shape[1];
    union Bits { double number; unsigned long long bits; };
    for (int lane = 0; lane < n; lane += 4) {  // four at a time, side by side
        double h[4], g[4], z[4];
        unsigned long long best[4];
        for (int s = 0; s < 4; ++s) {
            const int from = row * n + (lane + s < n ? lane + s : n - 1);
            const double* ray = reinterpret_cast<const double*>(rays.data + from);
            h[s] = ray[0];
            g[s] = ray[1];
            z[s] = 1e300;
            best[s] = ~0ull;
        }
        float limit = 1e30f;
"""
    + visit(
        CORNERS
        + TURN
        + """
                        double low[4];
                        for (int s = 0; s < 4; ++s) {
                            const double wu = u[0] * h[s] + u[1] * g[s] + u[2], wv = v[0] * h[s] + v[1] * g[s] + v[2];
                            const double ww = w[0] * h[s] + w[1] * g[s] + w[2], uv = wu < wv ? wu : wv;
                            low[s] = uv < ww ? uv : ww;
                        }
                        if (low[0] < 0.0 && low[1] < 0.0 && low[2] < 0.0 && low[3] < 0.0)
                            continue;
                        const double sum[3] = {u[0] + v[0] + w[0], u[1] + v[1] + w[1], u[2] + v[2] + w[2]};
                        for (int s = 0; s < 4; ++s) {
                            const double total = sum[0] * h[s] + sum[1] * g[s] + sum[2];
                            if (low[s] >= 0.0 && total > 0.0) {
                                Bits at;
                                at.number = det / total;
                                z[s] = at.number < z[s] ? at.number : z[s];
                                const unsigned long long key
                                    = ((at.bits << 1) & ~0xFFFFFFFull) | (unsigned long long)t;
                                best[s] = key < best[s] ? key : best[s];
                            }
                        }
                        const double near_half = z[0] > z[1] ? z[0] : z[1], far_half = z[2] > z[3] ? z[2] : z[3];
                        const double farthest = near_half > far_half ? near_half : far_half;
                        limit = farthest < 1e29 ? (float)farthest * 1.000001f : 1e30f;
"""
    )
    + """
        for (int s = 0; s < 4 && lane + s < n; ++s)
            out.data[row * n + lane + s] = best[s] == ~0ull ? -1 : (int)(best[s] & 0xFFFFFFFull);
    }
"""
)


@wp.func_native(MEET_FIRST)
def meet_first(
    row: int,
    x: wp.float32,
    y: wp.float32,
    reach: wp.float32,
    cells: Cells,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    rays: wp.array2d(dtype=wp.vec2d),
    out: wp.array2d(dtype=wp.int32),
):
    """The first faces (−1: none) that a row's rays (x, y at z = 1) meet, which stand within `reach` of (x, y), px."""


# The same as a row's, for one ray.
FIND_FIRST = """
    const float reach = 0.0f;
    union Bits { double number; unsigned long long bits; } at;
    unsigned long long best = ~0ull;
""" + visit(
    CORNERS
    + TURN
    + """
                        const double wu = u[0] * h + u[1] * g + u[2], wv = v[0] * h + v[1] * g + v[2];
                        const double ww = w[0] * h + w[1] * g + w[2];
                        const double total = (u[0] + v[0] + w[0]) * h + (u[1] + v[1] + w[1]) * g + (u[2] + v[2] + w[2]);
                        if (wu >= 0.0 && wv >= 0.0 && ww >= 0.0 && total > 0.0) {
                            at.number = det / total;
                            const unsigned long long key = ((at.bits << 1) & ~0xFFFFFFFull) | (unsigned long long)t;
                            best = key < best ? key : best;
                            const float behind = (float)at.number * 1.000001f;
                            limit = behind < limit ? behind : limit;
                        }
"""
)


@wp.func_native(FIND_FIRST + "return best == ~0ull ? -1 : (int)(best & 0xFFFFFFFull);")
def find_first(
    h: wp.float64,
    g: wp.float64,
    x: wp.float32,
    y: wp.float32,
    limit: wp.float32,
    cells: Cells,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
) -> int:
    """The first face (−1: none) that the ray (h, g, 1) meets; x, y: where it stands in the picture, px.

    limit: depth, metres; what lies wholly beyond it may be left out, so ask for +inf to find everything.
    """


@wp.kernel
def meet_rays(
    rays: wp.array(dtype=wp.vec2d),
    pixels: wp.array(dtype=wp.vec2d),
    cells: Cells,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    hit: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float64),
):
    """First face over all meshes (−1: none) and depth of rays that stand at `pixels` in the picture, px; a negative
    column leaves a ray out."""
    i = wp.tid()
    at = pixels[i]
    t = int(-1)
    z = wp.float64(wp.inf)
    if at[0] >= ZERO:
        ray = rays[i]
        t = find_first(
            ray[0], ray[1], wp.float32(at[0]), wp.float32(at[1]), wp.float32(wp.inf), cells, faces, in_camera
        )
        if t >= 0:
            z = weights(faces[t], in_camera, rays[i])[3]
    hit[i] = t
    depth[i] = z
