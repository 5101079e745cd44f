"""Colour samples: which pixels need several, and what each of them sees."""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import HALF, Optics, inverse_jacobian, tile_range, undistort_from
from densesynth.render.kernels.raster import FACE_MASK, blend_normals, weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

INSIDE = wp.constant(wp.uint8(1))
EDGE = wp.constant(wp.uint8(2))
JUMP = wp.constant(wp.float32(6.0))  # footprints; a surface seen at 80° changes depth by 5.7 a pixel
REACH = wp.constant(wp.float32(0.15))  # metres over which neighbouring surfaces take ambient light away
CLOSING = wp.constant(wp.float32(1.6))  # how much a wall on every side would close, and more: half of it is unseen
TAPS = wp.constant(6)
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


@wp.kernel
def classify_pixels(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    instance: wp.array(dtype=wp.uint8),
    depth: wp.array(dtype=wp.float32),
    kind: wp.array2d(dtype=wp.uint8),
    pixels: wp.array2d(dtype=wp.int32),
):
    """Per tile and pixel: nothing, inside a surface, or at an edge (another instance, nothing, or a jump in depth
    among the 3×3 neighbours)."""
    i = wp.tid()
    box = tile_range(o, tiles[i])
    slope = JUMP / wp.float32(o.fx)
    k = int(0)
    for y in range(box[1], box[3]):
        for x in range(box[0], box[2]):
            pixel = y * o.width + x
            own = instance[pixel]
            found = wp.uint8(0)
            if own != wp.uint8(0):
                found = INSIDE
            z = depth[pixel]
            jump = slope * z
            # Depth is +inf where there is nothing, so one comparison finds most edges.
            for ny in range(wp.max(y - 1, 0), wp.min(y + 2, o.height)):
                for other in range(ny * o.width + wp.max(x - 1, 0), ny * o.width + wp.min(x + 2, o.width)):
                    if wp.abs(depth[other] - z) > jump or instance[other] != own:
                        found = EDGE
            kind[i, k] = found
            pixels[i, k] = pixel
            k = k + 1


@wp.kernel
def aim_between(
    o: Optics,
    pixels: wp.array(dtype=wp.int32),
    offsets: wp.array(dtype=wp.vec2d),
    rays: wp.array(dtype=wp.vec2d),
    out: wp.array2d(dtype=wp.vec2d),
):
    """Rays at `offsets` (px) from the centres of edge pixels, starting from the centre's own ray."""
    i, s = wp.tid()
    pixel = pixels[i]
    x = wp.float64(pixel % o.width) + HALF + offsets[s][0]
    y = wp.float64(pixel // o.width) + HALF + offsets[s][1]
    target = wp.vec2d((x - o.cx) / o.fx, (y - o.cy) / o.fy)
    ray = target
    if o.straight == 0:
        centre = rays[pixel]
        shift = wp.vec2d(offsets[s][0] / o.fx, offsets[s][1] / o.fy)
        ray = undistort_from(o, centre + inverse_jacobian(o, centre) * shift, target, 1)
    out[i, s] = ray


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
    d = start_spiral(x, y)
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
def fill_samples(
    o: Optics,
    pixels: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    edge_row: wp.array(dtype=wp.int32),
    edge_rays: wp.array2d(dtype=wp.vec2d),
    edge_faces: wp.array2d(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    depth: wp.array(dtype=wp.float32),
    faces: wp.array(dtype=wp.vec3i),
    face_instance: wp.array(dtype=wp.uint8),
    first_face: wp.array(dtype=wp.int32),
    in_camera: wp.array(dtype=wp.vec3d),
    normals: wp.array(dtype=wp.vec3),
    pixel_out: wp.array(dtype=wp.int32),
    weight: wp.array(dtype=wp.float32),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    position: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    openness: wp.array(dtype=wp.float32),
):
    """One thread per pixel: its samples stand together, in the order of the offsets."""
    i = wp.tid()
    pixel = pixels[i]
    k = starts[i]
    row = edge_row[i]
    tries = int(1)
    if row >= 0:
        tries = edge_rays.shape[1]
    rotation = wp.mat33(o.rotation)
    shift = wp.vec3(o.translation)
    near_open = wp.float32(1.0)
    open_at = wp.float32(-1.0)
    per_pixel = wp.float32(wp.float64(1.0) / wp.sqrt(o.fx * o.fy))
    for s in range(tries):
        ray = wp.vec2d()
        t = int(-1)
        if row >= 0:
            ray = edge_rays[row, s]
            t = edge_faces[row, s]
        else:
            ray = rays[pixel]
            t = int(keys[pixel] & FACE_MASK)
        if t >= 0:
            f = faces[t]
            w = weights(f, in_camera, ray)
            b = wp.vec3(wp.float32(w[0]), wp.float32(w[1]), wp.float32(w[2]))
            z = wp.float32(w[3])
            number = face_instance[t]
            n = blend_normals(f, b, normals)
            towards = wp.vec3(wp.float32(ray[0]), wp.float32(ray[1]), 1.0)
            point = towards * z
            turned = rotation * n
            pixel_out[k] = pixel
            weight[k] = 1.0 / wp.float32(tries)
            instance[k] = number
            face[k] = t - first_face[int(number) - 1]
            barycentrics[k] = b
            position[k] = wp.transpose(rotation) * (point - shift)
            normal[k] = n
            facing = wp.abs(wp.dot(turned, towards)) / wp.length(towards)
            footprint[k] = z * per_pixel / wp.sqrt(wp.max(facing, 0.1))
            if wp.abs(z - open_at) > 0.01 * z:  # once for a pixel's samples of one surface
                near_open = find_openness(o, pixel, point, turned, depth)
                open_at = z
            openness[k] = near_open
            k = k + 1
