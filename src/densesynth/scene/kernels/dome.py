"""A panorama as the world around: its lower half lies on the ground, the rest on a dome."""

# ruff: noqa: UP018, RUF046  (in Warp's language float(0.0) declares a variable)
import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

PI = wp.constant(3.14159265)


@wp.func
def arc(y: wp.float32, x: wp.float32) -> wp.float32:
    """atan2, off by 1e-5 at most: Hastings' polynomial, several times as fast as the library's."""
    ax = wp.abs(x)
    ay = wp.abs(y)
    t = wp.min(ax, ay) / wp.max(wp.max(ax, ay), 1e-20)
    s = t * t
    a = t * (0.99997726 + s * (-0.33262347 + s * (0.19354346 + s * (-0.11643287 + s * (0.05265332 - s * 0.01172120)))))
    if ay > ax:
        a = 0.5 * PI - a
    if x < 0.0:
        a = PI - a
    return wp.where(y < 0.0, -a, a)


@wp.func
def smooth_weights(t: wp.float32) -> wp.vec4:
    """Of four texels around a place between the middle two: the cubic B-spline, which neither shows blocks nor, having
    no negative weights, draws dark rims around lamps."""
    s = 1.0 - t
    return wp.vec4(
        s * s * s / 6.0,
        2.0 / 3.0 - t * t * (1.0 - 0.5 * t),
        2.0 / 3.0 - s * s * (1.0 - 0.5 * s),
        t * t * t / 6.0,
    )


@wp.func
def look_up(panorama: wp.array2d(dtype=wp.vec3), d: wp.vec3, turn: wp.float32) -> wp.vec3:
    """Radiance from direction d (world, any length), the panorama turned by `turn` radians."""
    height = panorama.shape[0]
    width = panorama.shape[1]
    azimuth = arc(d[1], d[0]) - turn
    polar = arc(wp.sqrt(d[0] * d[0] + d[1] * d[1]), d[2])
    x = (0.5 - azimuth / (2.0 * PI)) * wp.float32(width) - 0.5
    y = polar / PI * wp.float32(height) - 0.5
    u = wp.floor(x)
    v = wp.floor(y)
    wx = smooth_weights(x - u)
    wy = smooth_weights(y - v)
    column = int(u) - 1
    row = int(v) - 1
    total = wp.vec3(0.0, 0.0, 0.0)
    for j in range(4):
        q = wp.clamp(row + j, 0, height - 1)
        line = wp.vec3(0.0, 0.0, 0.0)
        for i in range(4):
            p = (column + i + 2 * width) % width
            line = line + panorama[q, p] * wx[i]
        total = total + line * wy[j]
    return wp.max(total, wp.vec3(0.0, 0.0, 0.0))


@wp.kernel
def dome_kernel(
    panorama: wp.array2d(dtype=wp.vec3),
    turn: wp.float32,
    scale: wp.float32,
    brightest: wp.float32,
    eye: wp.vec3,
    stand: wp.float32,
    radius: wp.float32,
    rays: wp.array2d(dtype=wp.vec3),
    width: wp.int32,
    height: wp.int32,
    colour: wp.array2d(dtype=wp.vec3),
    distance: wp.array2d(dtype=wp.float32),
    ground: wp.array3d(dtype=wp.float32),
):
    """One thread a row. eye: the camera, world. stand: height above the world's origin that the panorama was taken at,
    metres; radius: of the dome about that point. rays: unit, world, on a coarse grid over the picture."""
    py = wp.tid()
    columns = rays.shape[1] - 1
    gy = (wp.float32(py) + 0.5) / wp.float32(height) * wp.float32(rays.shape[0] - 1)
    iy = wp.min(wp.int32(gy), rays.shape[0] - 2)
    fy = gy - wp.float32(iy)
    step = wp.float32(columns) / wp.float32(width)
    from_stand = wp.vec3(eye[0], eye[1], eye[2] - stand)
    c = wp.dot(from_stand, from_stand) - radius * radius
    for px in range(width):
        gx = (wp.float32(px) + 0.5) * step
        ix = wp.min(wp.int32(gx), columns - 1)
        fx = gx - wp.float32(ix)
        upper = rays[iy, ix] * (1.0 - fx) + rays[iy, ix + 1] * fx
        lower = rays[iy + 1, ix] * (1.0 - fx) + rays[iy + 1, ix + 1] * fx
        d = wp.normalize(upper * (1.0 - fy) + lower * fy)
        b = wp.dot(from_stand, d)
        t = wp.sqrt(wp.max(b * b - c, 0.0)) - b
        on_ground = int(0)
        if d[2] < -1e-4 and eye[2] < -d[2] * t:
            t = -eye[2] / d[2]
            on_ground = 1
        colour[py, px] = wp.min(
            look_up(panorama, from_stand + d * t, turn) * scale, wp.vec3(brightest, brightest, brightest)
        )
        distance[py, px] = t
        if on_ground == 1:
            ground[0, py, px] = eye[0] + t * d[0]
            ground[1, py, px] = eye[1] + t * d[1]
        else:
            ground[0, py, px] = wp.NAN
            ground[1, py, px] = wp.NAN
