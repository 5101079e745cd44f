"""First hits of arbitrary rays: sort them into a grid on the plane z = 1, then let every face visit its cells.

On that plane a straight edge is straight whatever the lens does, so the cells a face can reach need no lens.
"""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import NEAR, NO_HIT, OFF_SCREEN, ZERO, Optics
from densesynth.render.kernels.raster import FACE_MASK, edge, lowest_weight, outside, pack_key, weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False})


@wp.struct
class Grid:
    """Cells of equal size on the plane z = 1."""

    low: wp.vec2
    cells_per_unit: wp.vec2
    across: int
    down: int


@wp.func
def cell_x(grid: Grid, x: wp.float32) -> int:
    return int(wp.clamp(wp.floor((x - grid.low[0]) * grid.cells_per_unit[0]), 0.0, wp.float32(grid.across - 1)))


@wp.func
def cell_y(grid: Grid, y: wp.float32) -> int:
    return int(wp.clamp(wp.floor((y - grid.low[1]) * grid.cells_per_unit[1]), 0.0, wp.float32(grid.down - 1)))


@wp.func
def hides(
    t: int,
    own: int,
    ray: wp.vec2d,
    limit: wp.float64,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
) -> bool:
    """True when face t, none of vertex `own`, meets the ray nearer than `limit`."""
    f = faces[t]
    found = bool(False)
    if f[0] != own and f[1] != own and f[2] != own:
        a = in_camera[f[0]]
        b = in_camera[f[1]]
        c = in_camera[f[2]]
        na = wp.cross(b, c)
        wa = edge(na, ray)
        wb = edge(wp.cross(c, a), ray)
        wc = edge(wp.cross(a, b), ray)
        if (wa >= ZERO and wb >= ZERO and wc >= ZERO) or (wa <= ZERO and wb <= ZERO and wc <= ZERO):
            z = wp.dot(a, na) / (wa + wb + wc)
            found = z > NEAR and z < limit
    return found


@wp.kernel
def aim(
    o: Optics,
    tolerance: wp.float64,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    screen: wp.array(dtype=wp.vec4),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    first_face: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
):
    """The ray through each projected vertex in the frame; OFF_SCREEN for the others, and for those that a face seen
    at one of the four pixel centres around already hides, which are most of the hidden ones."""
    i = wp.tid()
    s = screen[i]
    p = in_camera[i]
    ray = wp.vec2d(wp.float64(OFF_SCREEN), ZERO)
    if s[0] >= 0.0 and s[1] >= 0.0 and s[0] < wp.float32(o.width) and s[1] < wp.float32(o.height):
        own_ray = wp.vec2d(p[0] / p[2], p[1] / p[2])
        limit = p[2] * (wp.float64(1.0) - tolerance)
        hidden = bool(False)
        last = int(-1)
        x = int(wp.floor(s[0] - 0.5))
        y = int(wp.floor(s[1] - 0.5))
        for corner in range(4):
            qx = wp.clamp(x + corner % 2, 0, o.width - 1)
            qy = wp.clamp(y + corner // 2, 0, o.height - 1)
            k = instance[qy * o.width + qx]
            if k != wp.uint8(0) and not hidden:
                t = face[qy * o.width + qx] + first_face[int(k) - 1]
                if t != last:
                    hidden = hides(t, i, own_ray, limit, faces, in_camera)
                    last = t
        if not hidden:
            ray = own_ray
    rays[i] = ray


@wp.kernel
def count_rays(
    grid: Grid, rays: wp.array(dtype=wp.vec2d), cell: wp.array(dtype=wp.int32), counts: wp.array(dtype=wp.int32)
):
    i = wp.tid()
    r = rays[i]
    c = int(-1)
    if r[0] < wp.float64(OFF_SCREEN) * wp.float64(0.5):
        c = cell_y(grid, wp.float32(r[1])) * grid.across + cell_x(grid, wp.float32(r[0]))
        wp.atomic_add(counts, c + 1, 1)
    cell[i] = c


@wp.kernel
def sort_rays(
    rays: wp.array(dtype=wp.vec2d),
    cell: wp.array(dtype=wp.int32),
    cursor: wp.array(dtype=wp.int32),
    sorted_rays: wp.array(dtype=wp.vec2d),
    slot: wp.array(dtype=wp.int32),
):
    i = wp.tid()
    c = cell[i]
    k = int(-1)
    if c >= 0:
        k = wp.atomic_add(cursor, c, 1)
        sorted_rays[k] = rays[i]
    slot[i] = k


@wp.kernel
def meet_faces(
    grid: Grid,
    lowest_ray: wp.vec2d,
    highest_ray: wp.vec2d,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    screen: wp.array(dtype=wp.vec4),
    starts: wp.array(dtype=wp.int32),
    sorted_rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
):
    """Nearest face of every ray. starts: where each cell's rays begin, and the end."""
    t = wp.tid()
    f = faces[t]
    a = screen[f[0]]
    b = screen[f[1]]
    c = screen[f[2]]
    x0 = int(0)
    y0 = int(0)
    x1 = grid.across - 1
    y1 = grid.down - 1
    if a[0] < OFF_SCREEN and b[0] < OFF_SCREEN and c[0] < OFF_SCREEN:
        lowest = wp.min(wp.min(a, b), c)
        highest = wp.max(wp.max(a, b), c)
        slack = 1e-6 + 2.5e-7 * wp.max(wp.max(-lowest[2], highest[2]), wp.max(-lowest[3], highest[3]))
        if lowest[2] - slack > wp.float32(highest_ray[0]) or lowest[3] - slack > wp.float32(highest_ray[1]):
            return
        if highest[2] + slack < grid.low[0] or highest[3] + slack < grid.low[1]:
            return
        x0 = cell_x(grid, lowest[2] - slack)
        y0 = cell_y(grid, lowest[3] - slack)
        x1 = cell_x(grid, highest[2] + slack)
        y1 = cell_y(grid, highest[3] + slack)
    elif outside(lowest_ray, highest_ray, in_camera[f[0]], in_camera[f[1]], in_camera[f[2]]):
        return
    ready = int(0)
    pa = wp.vec3d()
    na = wp.vec3d()
    nb = wp.vec3d()
    nc = wp.vec3d()
    det = ZERO
    for y in range(y0, y1 + 1):
        first = starts[y * grid.across + x0]
        last = starts[y * grid.across + x1 + 1]
        if last > first and ready == 0:
            ready = int(1)
            pa = in_camera[f[0]]
            pb = in_camera[f[1]]
            pc = in_camera[f[2]]
            na = wp.cross(pb, pc)
            nb = wp.cross(pc, pa)
            nc = wp.cross(pa, pb)
            det = wp.dot(pa, na)
            if det < ZERO:
                det = -det
                na = -na
                nb = -nb
                nc = -nc
        for k in range(first, last):
            ray = sorted_rays[k]
            if lowest_weight(na, nb, nc, ray) >= ZERO:
                total = edge(na + nb + nc, ray)
                if total > ZERO:
                    wp.atomic_min(keys, k, pack_key(det / total, t))


@wp.kernel
def read_hits(
    slot: wp.array(dtype=wp.int32),
    keys: wp.array(dtype=wp.uint64),
    rays: wp.array(dtype=wp.vec2d),
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    hit: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float64),
):
    """Back in the rays' order: the face over all meshes (−1: none) and the depth."""
    i = wp.tid()
    t = int(-1)
    z = wp.float64(wp.inf)
    if slot[i] >= 0:
        key = keys[slot[i]]
        if key != NO_HIT:
            t = int(key & FACE_MASK)
            z = weights(faces[t], in_camera, rays[i])[3]
    hit[i] = t
    depth[i] = z


@wp.kernel
def see_vertices(
    in_camera: wp.array(dtype=wp.vec3d),
    faces: wp.array(dtype=wp.vec3i),
    slot: wp.array(dtype=wp.int32),
    hit: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float64),
    tolerance: wp.float64,
    visible: wp.array(dtype=wp.bool),
):
    """A vertex is seen when its own ray first meets one of its own faces, or nothing that lies before it."""
    i = wp.tid()
    seen = slot[i] >= 0
    if seen and depth[i] < in_camera[i][2] * (wp.float64(1.0) - tolerance):
        f = faces[hit[i]]
        seen = f[0] == i or f[1] == i or f[2] == i
    visible[i] = seen
