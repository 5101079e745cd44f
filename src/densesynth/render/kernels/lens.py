"""Both lenses in both directions and the ray of every pixel that a triangle may cover, in double precision.

`geometry.camera.Lens` and `geometry.fisheye.Fisheye` are the definitions; the functions here agree to rounding.
"""

from __future__ import annotations

import warp as wp

from densesynth.geometry import fisheye

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

TILE = wp.constant(8)  # pixels; rays, keys and buffers are only touched in tiles that some triangle's box meets
NEAR = wp.constant(wp.float64(1e-6))  # metres; nearer than this is behind the camera
NO_HIT = wp.constant(wp.uint64(0xFFFFFFFFFFFFFFFF))
OFF_SCREEN = wp.constant(wp.float32(1e30))  # screen position of a vertex that has none

ONE = wp.constant(wp.float64(1.0))
TWO = wp.constant(wp.float64(2.0))
THREE = wp.constant(wp.float64(3.0))
FIVE = wp.constant(wp.float64(5.0))
SIX = wp.constant(wp.float64(6.0))
SEVEN = wp.constant(wp.float64(7.0))
NINE = wp.constant(wp.float64(9.0))
ZERO = wp.constant(wp.float64(0.0))
HALF = wp.constant(wp.float64(0.5))
TINY = wp.constant(wp.float64(1e-200))  # as in geometry.fisheye, and so is the next
WIDEST = wp.constant(wp.float64(fisheye.WIDEST))
ANGLE_STEPS = wp.constant(12)  # Newton's on a fisheye's angle; 3 to 5 are needed


@wp.struct
class Optics:
    """The camera and what the host has proved about its lens (see `render.optics`)."""

    rotation: wp.mat33d  # camera_from_world
    translation: wp.vec3d
    fx: wp.float64
    fy: wp.float64
    cx: wp.float64
    cy: wp.float64
    k1: wp.float64
    k2: wp.float64
    k3: wp.float64
    k4: wp.float64
    p1: wp.float64
    p2: wp.float64
    width: int
    height: int
    straight: int  # 1: no distortion
    fisheye: int  # 1: k1 to k4 are a fisheye's
    newton_steps: int  # from the tile's linear start to 1e-9 px
    domain_r2: wp.float64  # the lens is invertible within this squared radius of normalised coordinates
    sagitta: wp.float32  # px a straight edge bends by at most, per squared normalised length
    slack: wp.float32  # px, covers float32 rounding of screen positions
    ideal_min: wp.vec2d  # rectangle that holds the normalised coordinates of every point of the picture
    ideal_max: wp.vec2d


@wp.func
def bend(o: Optics, angle: wp.float64) -> wp.float64:
    t2 = angle * angle
    return angle * (ONE + t2 * (o.k1 + t2 * (o.k2 + t2 * (o.k3 + t2 * o.k4))))


@wp.func
def bend_slope(o: Optics, angle: wp.float64) -> wp.float64:
    t2 = angle * angle
    return ONE + t2 * (THREE * o.k1 + t2 * (FIVE * o.k2 + t2 * (SEVEN * o.k3 + t2 * NINE * o.k4)))


@wp.func
def distort_fisheye(o: Optics, p: wp.vec2d) -> wp.vec2d:
    radius = wp.sqrt(wp.max(wp.dot(p, p), TINY))
    return p * (bend(o, wp.atan(radius)) / radius)


@wp.func
def inverse_jacobian_fisheye(o: Optics, p: wp.vec2d) -> wp.mat22d:
    squared = wp.max(wp.dot(p, p), TINY)
    radius = wp.sqrt(squared)
    angle = wp.atan(radius)
    around = radius / bend(o, angle)
    outwards = (ONE + squared) / bend_slope(o, angle)
    more = (outwards - around) / squared
    xy = more * p[0] * p[1]
    return wp.mat22d(around + more * p[0] * p[0], xy, xy, around + more * p[1] * p[1])


@wp.func
def undistort_fisheye(o: Optics, distorted: wp.vec2d) -> wp.vec2d:
    bent = wp.sqrt(wp.max(wp.dot(distorted, distorted), TINY))
    angle = wp.min(bent, WIDEST)
    for _ in range(ANGLE_STEPS):
        step = (bend(o, angle) - bent) / bend_slope(o, angle)
        angle = wp.clamp(angle - step, ZERO, WIDEST)
        if wp.abs(step) < wp.float64(1e-15):
            break
    return distorted * (wp.tan(angle) / bent)


@wp.func
def distort(o: Optics, p: wp.vec2d) -> wp.vec2d:
    if o.fisheye == 1:
        return distort_fisheye(o, p)
    x = p[0]
    y = p[1]
    r2 = x * x + y * y
    radial = ONE + r2 * (o.k1 + r2 * (o.k2 + r2 * o.k3))
    return wp.vec2d(
        x * radial + TWO * o.p1 * x * y + o.p2 * (r2 + TWO * x * x),
        y * radial + o.p1 * (r2 + TWO * y * y) + TWO * o.p2 * x * y,
    )


@wp.func
def inverse_jacobian(o: Optics, p: wp.vec2d) -> wp.mat22d:
    if o.fisheye == 1:
        return inverse_jacobian_fisheye(o, p)
    x = p[0]
    y = p[1]
    r2 = x * x + y * y
    radial = ONE + r2 * (o.k1 + r2 * (o.k2 + r2 * o.k3))
    by_r2 = o.k1 + r2 * (TWO * o.k2 + THREE * r2 * o.k3)
    xx = radial + TWO * x * x * by_r2 + TWO * o.p1 * y + SIX * o.p2 * x
    xy = TWO * x * y * by_r2 + TWO * o.p1 * x + TWO * o.p2 * y
    yy = radial + TWO * y * y * by_r2 + SIX * o.p1 * y + TWO * o.p2 * x
    s = ONE / (xx * yy - xy * xy)
    return wp.mat22d(yy * s, -xy * s, -xy * s, xx * s)


@wp.func
def undistort_from(o: Optics, start: wp.vec2d, distorted: wp.vec2d, steps: int) -> wp.vec2d:
    """Newton's method from a start near enough for `steps` steps; a fisheye needs no start."""
    if o.fisheye == 1:
        return undistort_fisheye(o, distorted)
    p = start
    for _ in range(steps):
        p = p - inverse_jacobian(o, p) * (distort(o, p) - distorted)
    return p


@wp.func
def undistort(o: Optics, distorted: wp.vec2d) -> wp.vec2d:
    if o.fisheye == 1:
        return undistort_fisheye(o, distorted)
    p = distorted
    for _ in range(20):
        step = inverse_jacobian(o, p) * (distort(o, p) - distorted)
        p = p - step
        if wp.abs(step[0]) + wp.abs(step[1]) < wp.float64(1e-14):
            break
    return p


@wp.func
def tile_range(o: Optics, tile: int) -> wp.vec4i:
    """x0, y0, x1, y1 (exclusive) of a tile's pixels."""
    across = (o.width + TILE - 1) // TILE
    x = (tile % across) * TILE
    y = (tile // across) * TILE
    return wp.vec4i(x, y, wp.min(x + TILE, o.width), wp.min(y + TILE, o.height))


@wp.kernel
def trace_tiles(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    keys: wp.array(dtype=wp.uint64),
    coverage: wp.array(dtype=wp.uint32),
):
    """The rays of the marked tiles' pixel centres, at z = 1; clears the same pixels for the rasteriser."""
    box = tile_range(o, tiles[wp.tid()])
    fx1 = ONE / o.fx
    fy1 = ONE / o.fy
    centre = wp.vec2d()
    slope = wp.mat22d(ONE, ZERO, ZERO, ONE)
    middle = wp.vec2d()
    for corner in range(4):
        # Each quarter has its own linear start: four times nearer than one for the tile, 16 after a Newton step.
        x0 = box[0] + (corner % 2) * (TILE // 2)
        y0 = box[1] + (corner // 2) * (TILE // 2)
        x1 = wp.min(x0 + TILE // 2, box[2])
        y1 = wp.min(y0 + TILE // 2, box[3])
        last = middle
        middle = wp.vec2d((HALF * wp.float64(x0 + x1) - o.cx) * fx1, (HALF * wp.float64(y0 + y1) - o.cy) * fy1)
        if o.straight == 0:
            if corner == 0:
                centre = undistort(o, middle)
            else:
                centre = undistort_from(o, centre + slope * (middle - last), middle, o.newton_steps + 1)
            slope = inverse_jacobian(o, centre)
        for y in range(y0, y1):
            for x in range(x0, x1):
                target = wp.vec2d((wp.float64(x) + HALF - o.cx) * fx1, (wp.float64(y) + HALF - o.cy) * fy1)
                ray = target
                if o.straight == 0:
                    ray = undistort_from(o, centre + slope * (target - middle), target, o.newton_steps)
                pixel = y * o.width + x
                rays[pixel] = ray
                keys[pixel] = NO_HIT
                coverage[pixel] = wp.uint32(0)
