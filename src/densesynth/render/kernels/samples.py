"""Colour samples: which pixels need several, and what each of them sees."""

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.lens import HALF, Optics, inverse_jacobian, tile_range, undistort_from
from densesynth.render.kernels.raster import FACE_MASK, blend_normals, weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

INSIDE = wp.constant(wp.uint8(1))
EDGE = wp.constant(wp.uint8(2))
JUMP = wp.constant(wp.float32(6.0))  # footprints; a surface seen at 80° changes depth by 5.7 a pixel
REACH = wp.constant(wp.float32(0.15))  # metres over which neighbouring surfaces take ambient light away
TAPS = wp.constant(8)
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
    """First direction of a pixel's spiral of taps."""
    turn = 6.2831853 * grain(x, y)
    return wp.vec2(wp.cos(turn), wp.sin(turn))


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
            for ny in range(wp.max(y - 1, 0), wp.min(y + 2, o.height)):
                for nx in range(wp.max(x - 1, 0), wp.min(x + 2, o.width)):
                    other = ny * o.width + nx
                    if instance[other] != own:
                        found = EDGE
                    elif own != wp.uint8(0):
                        if wp.abs(depth[other] - z) > jump:
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
    rays: wp.array(dtype=wp.vec2d),
    depth: wp.array(dtype=wp.float32),
) -> wp.float32:
    """Share of the hemisphere left open by surfaces that the picture shows nearby (camera frame)."""
    x = pixel % o.width
    y = pixel // o.width
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
                r = rays[q]
                v = wp.vec3(wp.float32(r[0]) * z, wp.float32(r[1]) * z, z) - point
                d2 = wp.dot(v, v)
                if d2 > 1e-8:
                    rise = wp.dot(v, normal) / wp.sqrt(d2) - 0.1
                    taken = taken + wp.max(rise, 0.0) * wp.max(1.0 - d2 / (REACH * REACH), 0.0)
    return wp.max(1.0 - 1.6 * taken / wp.float32(TAPS), 0.2)


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
    vertices: wp.array(dtype=wp.vec3),
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
            position[k] = vertices[f[0]] * b[0] + vertices[f[1]] * b[1] + vertices[f[2]] * b[2]
            normal[k] = n
            facing = wp.abs(wp.dot(turned, towards)) / wp.length(towards)
            footprint[k] = z * per_pixel / wp.sqrt(wp.max(facing, 0.1))
            openness[k] = find_openness(o, pixel, point, turned, rays, depth)
            k = k + 1
