"""How much of the ambient light nearby surfaces of the picture let through, and the spirals of taps that ask them."""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import Optics, tile_range

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

REACH = wp.constant(wp.float32(0.15))  # metres over which neighbouring surfaces take ambient light away
CLOSING = wp.constant(wp.float32(1.6))  # how much a wall on every side would close, and more: half of it is unseen
TAPS = wp.constant(4)
GOLDEN_COS = wp.constant(wp.float32(-0.73736888))  # of the golden angle, 2.3999632 radians
GOLDEN_SIN = wp.constant(wp.float32(0.67549029))


@wp.func
def grain(x: int, y: int) -> wp.float32:
    """Low-discrepancy number in [0, 1) of a pixel (interleaved gradient noise, Jimenez 2014)."""
    v = 0.06711056 * wp.float32(x) + 0.00583715 * wp.float32(y)
    w = 52.9829189 * (v - wp.floor(v))
    return w - wp.floor(w)


@wp.func
def start_spiral(x: int, y: int) -> wp.vec2:
    """First direction of a pixel's spiral of taps, in a half circle; the tangent of half its angle saves a sine."""
    t = 2.0 * grain(x, y) - 1.0
    s = 1.0 / (1.0 + t * t)
    return wp.vec2((1.0 - t * t) * s, 2.0 * t * s)


@wp.func
def next_spiral(d: wp.vec2) -> wp.vec2:
    """Turned by the golden angle, without asking for a sine again."""
    return wp.vec2(d[0] * GOLDEN_COS - d[1] * GOLDEN_SIN, d[1] * GOLDEN_COS + d[0] * GOLDEN_SIN)


@wp.func
def find_openness(
    o: Optics,
    pixel: int,
    point: wp.vec3,
    normal: wp.vec3,
    depth: wp.array(dtype=wp.float32),
) -> wp.float32:
    """Share of the hemisphere left open by surfaces that the picture shows nearby (camera frame).

    Between neighbouring pixels the rays are taken as a pinhole's: this is a guess at ambient light, no label.
    """
    x = pixel % o.width
    y = pixel // o.width
    per_x = 1.0 / wp.float32(o.fx)
    per_y = 1.0 / wp.float32(o.fy)
    ray_x = point[0] / point[2]
    ray_y = point[1] / point[2]
    reach = wp.clamp(REACH * wp.float32(o.fx) / point[2], 2.0, 64.0)
    d = start_spiral(x // 2, y // 2)  # of `open_quads`, so that any three by three of them look all around
    taken = wp.float32(0.0)
    for k in range(TAPS):
        radius = reach * (wp.float32(k) + 0.5) / wp.float32(TAPS)
        qx = int(wp.float32(x) + 0.5 + radius * d[0])
        qy = int(wp.float32(y) + 0.5 + radius * d[1])
        d = next_spiral(d)
        if qx >= 0 and qy >= 0 and qx < o.width and qy < o.height:
            q = qy * o.width + qx
            z = depth[q]
            if z < wp.inf:
                v = wp.vec3(
                    (ray_x + per_x * wp.float32(qx - x)) * z - point[0],
                    (ray_y + per_y * wp.float32(qy - y)) * z - point[1],
                    z - point[2],
                )
                d2 = wp.dot(v, v)
                rise = wp.max(wp.dot(v, normal) / wp.sqrt(d2 + 1e-6) - 0.1, 0.0)
                taken = taken + rise * wp.max(1.0 - d2 * (1.0 / (REACH * REACH)), 0.0)
    return wp.max(1.0 - CLOSING * taken / wp.float32(TAPS), 0.2)


@wp.kernel
def open_quads(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    depth: wp.array(dtype=wp.float32),
    normal: wp.array(dtype=wp.vec3),
    openness: wp.array(dtype=wp.float32),
):
    """Openness at every other pixel of every other row, where the picture shows a surface."""
    box = tile_range(o, tiles[wp.tid()])
    across = (o.width + 1) // 2
    for y in range(box[1], box[3], 2):
        for x in range(box[0], box[2], 2):
            pixel = y * o.width + x
            z = depth[pixel]
            if z < wp.inf:
                ray = rays[pixel]
                point = wp.vec3(wp.float32(ray[0]), wp.float32(ray[1]), 1.0) * z
                openness[(y // 2) * across + x // 2] = find_openness(o, pixel, point, normal[pixel], depth)


@wp.kernel
def smooth_quads(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    depth: wp.array(dtype=wp.float32),
    rough: wp.array(dtype=wp.float32),
    openness: wp.array(dtype=wp.float32),
):
    """Openness averaged over three by three of `open_quads`' pixels that lie about as deep: one pixel's few taps are
    noise, and noise of a regular pattern looks like scales on skin."""
    box = tile_range(o, tiles[wp.tid()])
    across = (o.width + 1) // 2
    down = (o.height + 1) // 2
    for y in range(box[1] // 2, (box[3] + 1) // 2):
        for x in range(box[0] // 2, (box[2] + 1) // 2):
            z = depth[2 * y * o.width + 2 * x]
            if z < wp.inf:
                total = wp.float32(0.0)
                count = wp.float32(0.0)
                for v in range(wp.max(y - 1, 0), wp.min(y + 2, down)):
                    for u in range(wp.max(x - 1, 0), wp.min(x + 2, across)):
                        if wp.abs(depth[2 * v * o.width + 2 * u] - z) < 0.01 * z:
                            total = total + rough[v * across + u]
                            count = count + 1.0
                openness[y * across + x] = total / count


@wp.func
def blend_openness(
    o: Optics, pixel: int, z: wp.float32, depth: wp.array(dtype=wp.float32), openness: wp.array(dtype=wp.float32)
) -> wp.float32:
    """Openness between the four pixels around that have one, counting those alone that lie about as deep; −1 where
    none does."""
    x = pixel % o.width
    y = pixel // o.width
    across = (o.width + 1) // 2
    total = wp.float32(0.0)
    count = wp.float32(0.0)
    for corner in range(4):
        qx = (x // 2) + (corner % 2) * (x % 2)
        qy = (y // 2) + (corner // 2) * (y % 2)
        if 2 * qx < o.width and 2 * qy < o.height and wp.abs(depth[2 * qy * o.width + 2 * qx] - z) < 0.01 * z:
            total = total + openness[qy * across + qx]
            count = count + 1.0
    return wp.where(count > 0.0, total / wp.max(count, 1.0), -1.0)
