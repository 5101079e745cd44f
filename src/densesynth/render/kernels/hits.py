"""First hits of arbitrary rays: faces are sorted into cells of the picture, then every ray asks the faces of its cell.

A face's bounds on the picture hold whatever the lens does (see `kernels.raster.bound_faces`).
"""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import NEAR, NO_HIT, ZERO, Optics
from densesynth.render.kernels.raster import FACE_MASK, edge, lowest, lowest_weight, pack_key, weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

CELL = wp.constant(2)  # px; smaller cells list a face more often, larger ones show a ray more faces
FARTHER = wp.constant(wp.float32(1.000001))  # a face this much behind a hit can't win, keys rounding to 2^-25


@wp.func
def cell_range(bound: wp.vec4, across: int, down: int) -> wp.vec4i:
    """Cells x0, y0, x1, y1 (inclusive; empty when x0 > x1 or y0 > y1) that a face's bounds (px) touch."""
    s = 1.0 / wp.float32(CELL)
    return wp.vec4i(
        int(wp.clamp(wp.floor(bound[0] * s), 0.0, wp.float32(across))),
        int(wp.clamp(wp.floor(bound[1] * s), 0.0, wp.float32(down))),
        int(wp.clamp(wp.floor(bound[2] * s), -1.0, wp.float32(across - 1))),
        int(wp.clamp(wp.floor(bound[3] * s), -1.0, wp.float32(down - 1))),
    )


@wp.kernel
def count_faces(
    across: int,
    down: int,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
    counts: wp.array(dtype=wp.int32),
):
    """How many faces touch each cell, and the depth of every face's nearest corner. A cell's count stands one behind
    its number, so that the inclusive sums are where the cells' lists start."""
    t = wp.tid()
    f = faces[t]
    nearest[t] = wp.float32(wp.min(wp.min(in_camera[f[0]][2], in_camera[f[1]][2]), in_camera[f[2]][2]))
    r = cell_range(bounds[t], across, down)
    for y in range(r[1], r[3] + 1):
        for cell in range(y * across + r[0], y * across + r[2] + 1):
            wp.atomic_add(counts, cell + 1, 1)


@wp.kernel
def list_faces(
    across: int,
    down: int,
    bounds: wp.array(dtype=wp.vec4),
    cursor: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
):
    """Writes every face into the lists of the cells that it touches; cursor: where the next one goes."""
    t = wp.tid()
    r = cell_range(bounds[t], across, down)
    for y in range(r[1], r[3] + 1):
        for cell in range(y * across + r[0], y * across + r[2] + 1):
            listed[wp.atomic_add(cursor, cell, 1)] = t


@wp.func
def find_cell(o: Optics, x: wp.float32, y: wp.float32) -> int:
    across = (o.width + CELL - 1) // CELL
    down = (o.height + CELL - 1) // CELL
    return wp.clamp(int(y) // CELL, 0, down - 1) * across + wp.clamp(int(x) // CELL, 0, across - 1)


# The one loop that most of the time goes to, in C++ and with a single branch: Warp's loops and its minima, which look
# out for NaN, make finding the seen vertices a fifth slower.
NEXT_CANDIDATE = """
    for (; k < end; ++k) {
        const int t = listed.data[k];
        const float* b = reinterpret_cast<const float*>(bounds.data + t);
        const float left = b[0] - x, above = b[1] - y, right = x - b[2], below = y - b[3];
        const float aside = left > right ? left : right, over = above > below ? above : below;
        const float apart = aside > over ? aside : over, behind = nearest.data[t] - limit;
        if ((apart > behind ? apart : behind) <= 0.0f)
            break;
    }
    return k;
"""


@wp.func_native(NEXT_CANDIDATE)
def next_candidate(
    k: int,
    end: int,
    x: wp.float32,
    y: wp.float32,
    limit: wp.float32,
    listed: wp.array(dtype=wp.int32),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
) -> int: ...


@wp.func
def find_first(
    o: Optics,
    ray: wp.vec2d,
    x: wp.float32,
    y: wp.float32,
    limit: wp.float32,
    starts: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
) -> wp.uint64:
    """Key of the first face that a ray (x, y at z = 1) meets; x, y: where it stands in the picture, px.

    limit: depth, metres; what lies wholly beyond it may be left out, so ask for +inf to find everything.
    """
    cell = find_cell(o, x, y)
    best = NO_HIT
    end = starts[cell + 1]
    k = next_candidate(starts[cell], end, x, y, limit, listed, bounds, nearest)
    while k < end:
        t = listed[k]
        f = faces[t]
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
        if lowest_weight(na, nb, nc, ray) >= ZERO:
            total = edge(na + nb + nc, ray)
            if total > ZERO:
                z = det / total
                best = wp.min(best, pack_key(z, t))
                limit = wp.min(limit, wp.float32(z) * FARTHER)
        k = next_candidate(k + 1, end, x, y, limit, listed, bounds, nearest)
    return best


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
        if wp.max(lowest(wa, wb, wc), lowest(-wa, -wb, -wc)) >= ZERO:
            z = wp.dot(a, na) / (wa + wb + wc)
            found = z > NEAR and z < limit
    return found


@wp.func
def hidden_in_cell(
    o: Optics,
    own: int,
    ray: wp.vec2d,
    x: wp.float32,
    y: wp.float32,
    limit: wp.float64,
    starts: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
) -> bool:
    """True when some face, none of vertex `own`, meets the vertex's ray nearer than `limit`."""
    cell = find_cell(o, x, y)
    before = wp.float32(limit) * FARTHER
    found = bool(False)
    end = starts[cell + 1]
    k = next_candidate(starts[cell], end, x, y, before, listed, bounds, nearest)
    while k < end:
        if hides(listed[k], own, ray, limit, faces, in_camera):
            found = True
            break
        k = next_candidate(k + 1, end, x, y, before, listed, bounds, nearest)
    return found


@wp.kernel
def see_vertices(
    o: Optics,
    tolerance: wp.float64,
    screen: wp.array(dtype=wp.vec4),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    first_face: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    visible: wp.array(dtype=wp.bool),
):
    """A vertex is seen when it is in the frame and its own ray first meets one of its own faces, or nothing that lies
    before it. The faces seen at the four pixel centres around are asked first: they hide most of the hidden ones."""
    i = wp.tid()
    s = screen[i]
    seen = bool(False)
    if s[0] >= 0.0 and s[1] >= 0.0 and s[0] < wp.float32(o.width) and s[1] < wp.float32(o.height):
        seen = True
        p = in_camera[i]
        ray = wp.vec2d(p[0] / p[2], p[1] / p[2])
        limit = p[2] * (wp.float64(1.0) - tolerance)
        last = int(-1)
        x = int(wp.floor(s[0] - 0.5))
        y = int(wp.floor(s[1] - 0.5))
        for corner in range(4):
            qx = wp.clamp(x + corner % 2, 0, o.width - 1)
            qy = wp.clamp(y + corner // 2, 0, o.height - 1)
            k = instance[qy * o.width + qx]
            if k != wp.uint8(0) and seen:
                t = face[qy * o.width + qx] + first_face[int(k) - 1]
                if t != last:
                    seen = not hides(t, i, ray, limit, faces, in_camera)
                    last = t
        if seen and hidden_in_cell(o, i, ray, s[0], s[1], limit, starts, listed, bounds, nearest, faces, in_camera):
            # Unless one of its own faces, seen edge-on, comes first after all.
            own = wp.float32(p[2]) * FARTHER
            key = find_first(o, ray, s[0], s[1], own, starts, listed, bounds, nearest, faces, in_camera)
            if key != NO_HIT:
                f = faces[int(key & FACE_MASK)]
                if weights(f, in_camera, ray)[3] < limit:
                    seen = f[0] == i or f[1] == i or f[2] == i
    visible[i] = seen


@wp.kernel
def meet_rays(
    o: Optics,
    rays: wp.array(dtype=wp.vec2d),
    pixels: wp.array(dtype=wp.vec2d),
    starts: wp.array(dtype=wp.int32),
    listed: wp.array(dtype=wp.int32),
    bounds: wp.array(dtype=wp.vec4),
    nearest: wp.array(dtype=wp.float32),
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
        x = wp.float32(at[0])
        y = wp.float32(at[1])
        key = find_first(o, rays[i], x, y, wp.float32(wp.inf), starts, listed, bounds, nearest, faces, in_camera)
        if key != NO_HIT:
            t = int(key & FACE_MASK)
            z = weights(faces[t], in_camera, rays[i])[3]
    hit[i] = t
    depth[i] = z
