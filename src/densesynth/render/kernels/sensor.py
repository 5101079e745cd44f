"""Warp kernel of the sensor. One source for CPU and CUDA."""

import warp as wp


@wp.kernel
def develop_kernel(
    linear: wp.array2d(dtype=wp.vec3),
    width: int,
    tones: wp.array(dtype=wp.uint8),
    grain: wp.array2d(dtype=wp.float32),
    noise: float,
    shift_x: wp.vec3i,
    shift_y: wp.vec3i,
    mid_grey: float,
    read_share: float,
    picture: wp.array3d(dtype=wp.uint8),
):
    tid = wp.tid()
    row = tid // width
    column = tid - row * width
    light = linear[row, column]
    steps = tones.shape[0] - 1
    mask = grain.shape[0] - 1
    for channel in range(3):
        value = wp.clamp(light[channel], 0.0, 1.0)
        if noise > 0.0:
            deviate = grain[(row + shift_y[channel]) & mask, (column + shift_x[channel]) & mask]
            spread = wp.sqrt(read_share + (1.0 - read_share) * value / mid_grey)
            value = wp.clamp(value + noise * spread * deviate, 0.0, 1.0)
        picture[row, column, channel] = tones[int(wp.sqrt(value) * float(steps) + 0.5)]
