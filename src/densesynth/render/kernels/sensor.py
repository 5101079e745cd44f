"""Warp kernel of the sensor. One source for CPU and CUDA."""

import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.kernel
def develop_kernel(
    linear: wp.array(dtype=wp.float32),
    width: int,
    tones: wp.array(dtype=wp.uint8),
    spread: wp.array(dtype=wp.float32),
    grain: wp.array(dtype=wp.float32),
    tile: int,
    shift_x: wp.vec3i,
    shift_y: wp.vec3i,
    picture: wp.array(dtype=wp.uint8),
):
    """One row a thread. spread: the noise's deviation by tone, in steps of the tone table."""
    row = wp.tid()
    steps = float(tones.shape[0] - 1)
    mask = tile - 1
    first = row * width * 3
    r = ((row + shift_y[0]) & mask) * tile
    g = ((row + shift_y[1]) & mask) * tile
    b = ((row + shift_y[2]) & mask) * tile
    for column in range(width):
        at = first + 3 * column
        for channel in range(3):
            root = wp.sqrt(wp.clamp(linear[at + channel], 0.0, 1.0)) * steps
            line = r
            if channel == 1:
                line = g
            if channel == 2:
                line = b
            root += spread[int(root)] * grain[line + ((column + shift_x[channel]) & mask)]
            picture[at + channel] = tones[int(wp.clamp(root, 0.0, steps) + 0.5)]
