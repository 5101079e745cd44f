"""Which vertices are seen: those whose own ray first meets one of their own faces, or nothing that lies before them."""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.address import (
    address_of_boxes,
    address_of_bytes,
    address_of_corners,
    address_of_floats,
    address_of_numbers,
    address_of_points,
)
from densesynth.render.kernels.hits import CORNERS, FIND_FIRST, Cells, visit
from densesynth.render.kernels.lens import Optics

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})

CLOSE = 0.003  # metres: what is seen nearer than this to a vertex is often its own surface

# Of the face whose corners are there: true when the ray (h, g, 1) meets it, from either side, nearer than `depth`.
LIES_BEFORE = """
                        const double wu = u[0] * h + u[1] * g + u[2], wv = v[0] * h + v[1] * g + v[2];
                        const double ww = w[0] * h + w[1] * g + w[2];
                        if ((wu >= 0.0 && wv >= 0.0 && ww >= 0.0) || (wu <= 0.0 && wv <= 0.0 && ww <= 0.0)) {
                            const double z = det / (wu + wv + ww);
                            if (z > 1e-6 && z < depth)
                                return true;
                        }
"""

# True when some face, one of the vertex's own (own 1) or none of them (0), meets its ray nearer than `depth`.
MEETS_BEFORE = (
    """
    const auto meets_before = [&](int own) -> bool {
    const float reach = 0.0f, limit = (float)depth * 1.000001f;
"""
    + visit(
        """
                        const int* corner = reinterpret_cast<const int*>(faces.data + t);
                        if ((corner[0] == vertex || corner[1] == vertex || corner[2] == vertex) != (own != 0))
                            continue;
"""
        + CORNERS
        + LIES_BEFORE
    )
    + """
    return false;
    };
"""
)


# The faces seen at the four pixel centres around a vertex: does one of them, none of its own, lie before it?
HIDDEN_AROUND = (
    f"    const float close = {CLOSE}f;\n"
    + """
    const auto hidden_around = [&]() -> bool {
    const float before = (float)depth - close;
    const int left = (int)floorf(x - 0.5f), top = (int)floorf(y - 0.5f), right = width - 1, bottom = height - 1;
    int last = -1;
    for (int around = 0; around < 4; ++around) {
        const int column = left + (around & 1), row = top + (around >> 1);
        const int pixel = (row < 0 ? 0 : row > bottom ? bottom : row) * width
            + (column < 0 ? 0 : column > right ? right : column);
        const int k = instance.data[pixel];
        if (k == 0 || !(seen_depth.data[pixel] < before))
            continue;
        const int t = face.data[pixel] + first_face.data[k - 1];
        if (t == last)
            continue;
        last = t;
        const int* corner = reinterpret_cast<const int*>(faces.data + t);
        if (corner[0] == vertex || corner[1] == vertex || corner[2] == vertex)
            continue;
"""
    + CORNERS
    + LIES_BEFORE
    + """
    }
    return false;
    };
"""
)

# The faces at the pixels' centres are asked first: they hide most of the hidden vertices. All arrays come by address: a
# call that hands them over whole copies them each time.
SEE_VERTEX = (
    """
    struct { int width, height; struct { const int* data; } starts, listed;
             struct { const float* data; int shape[2]; } boxes; }
        cells = {width, height, {reinterpret_cast<const int*>(starts)}, {reinterpret_cast<const int*>(listed)},
                 {reinterpret_cast<const float*>(boxes), {5, stride}}};
    struct { const wp::vec3i* data; } faces = {reinterpret_cast<const wp::vec3i*>(corners)};
    struct { const wp::vec3d* data; } in_camera = {reinterpret_cast<const wp::vec3d*>(vertices)};
    struct { const unsigned char* data; } instance = {reinterpret_cast<const unsigned char*>(seen_instance)};
    struct { const int* data; } face = {reinterpret_cast<const int*>(seen_face)};
    struct { const float* data; } seen_depth = {reinterpret_cast<const float*>(depths)};
    struct { const int* data; } first_face = {reinterpret_cast<const int*>(first_faces)};
"""
    + HIDDEN_AROUND
    + MEETS_BEFORE
    + """
    if (hidden_around())
        return false;
    if (!meets_before(0))
        return true;
    if (!meets_before(1))
        return false;
    // One of its own faces, seen edge-on, may come first after all.
    float limit = (float)own_depth * 1.000001f;
"""
    + FIND_FIRST
    + """
    if (best == ~0ull)
        return false;
    const int* corner = reinterpret_cast<const int*>(faces.data + (int)(best & 0xFFFFFFFull));
    return corner[0] == vertex || corner[1] == vertex || corner[2] == vertex;
"""
)


@wp.func_native(SEE_VERTEX)
def see_vertex(
    vertex: int,
    h: wp.float64,
    g: wp.float64,
    x: wp.float32,
    y: wp.float32,
    own_depth: wp.float64,
    depth: wp.float64,
    width: int,
    height: int,
    stride: int,
    starts: wp.uint64,
    listed: wp.uint64,
    boxes: wp.uint64,
    corners: wp.uint64,
    vertices: wp.uint64,
    seen_instance: wp.uint64,
    seen_face: wp.uint64,
    depths: wp.uint64,
    first_faces: wp.uint64,
) -> bool:
    """Whether a vertex's ray (h, g, 1), which stands at (x, y) in the picture, px, first meets one of its own faces, or
    nothing nearer than `depth`, metres, a little less than own_depth. width, height: the picture's. stride: of the
    cells' boxes. The rest: addresses of the cells' arrays, the faces, the vertices in the camera's frame and what
    `see_vertices` is given."""


# Vertices that follow one another lie anywhere in the picture: a CPU doesn't see by itself what is wanted next.
@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int last = screen.shape[0] - 1;
    const wp::vec4 s = screen.data[i + 8 < last ? i + 8 : last];
    if (s[0] >= 0.5f && s[1] >= 0.5f && s[0] < (float)width && s[1] < (float)height) {
        const int column = (int)(s[0] - 0.5f), row = (int)(s[1] - 0.5f), pixel = row * width + column;
        const int below = row + 1 < height ? pixel + width : pixel;
        __builtin_prefetch(instance.data + pixel);
        __builtin_prefetch(instance.data + below);
        __builtin_prefetch(face.data + pixel);
        __builtin_prefetch(face.data + below);
        __builtin_prefetch(depth.data + pixel);
        __builtin_prefetch(depth.data + below);
        int offset = 0;
        for (int size = 2; size <= 4; size *= 2) {
            const int across = width / size + 1;
            const int cell = offset + (int)(s[1] / size) * across + (int)(s[0] / size);
            __builtin_prefetch(cells.starts.data + cell);
            __builtin_prefetch(cells.starts.data + (cell >= across ? cell - across : cell));
            offset += across * (height / size + 1);
        }
    }
#endif
""")
def fetch_ahead(
    i: int,
    width: int,
    height: int,
    screen: wp.array(dtype=wp.vec4),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float32),
    cells: Cells,
):
    """Asks a CPU for what a vertex some way on will need."""


@wp.kernel
def see_vertices(
    o: Optics,
    first: int,
    tolerance: wp.float64,
    screen: wp.array(dtype=wp.vec4),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float32),
    first_face: wp.array(dtype=wp.int32),
    cells: Cells,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    visible: wp.array(dtype=wp.bool),
):
    """Of the vertices from `first` on, a vertex is seen when it is in the frame and its own ray first meets one of its
    own faces, or nothing that lies before it."""
    i = first + wp.tid()
    fetch_ahead(i, o.width, o.height, screen, instance, face, depth, cells)
    s = screen[i]
    seen = bool(False)
    if s[0] >= 0.0 and s[1] >= 0.0 and s[0] < wp.float32(o.width) and s[1] < wp.float32(o.height):
        p = in_camera[i]
        limit = p[2] * (wp.float64(1.0) - tolerance)
        seen = see_vertex(
            i, p[0] / p[2], p[1] / p[2], s[0], s[1], p[2], limit, o.width, o.height, cells.boxes.shape[1],
            address_of_numbers(cells.starts), address_of_numbers(cells.listed), address_of_boxes(cells.boxes),
            address_of_corners(faces), address_of_points(in_camera), address_of_bytes(instance),
            address_of_numbers(face), address_of_floats(depth), address_of_numbers(first_face),
        )  # fmt: skip
    visible[i - first] = seen
