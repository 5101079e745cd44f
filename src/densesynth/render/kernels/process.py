"""Warp kernels of what telephones do to a developed picture, for the CPU: OpenCV blurs it on the host.

Each is one loop in C++ over arrays given by their addresses (`device.address`).
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

STEP = """
    const unsigned char* __restrict__ picture = (const unsigned char*)picture_at;
    const unsigned char* __restrict__ soft = (const unsigned char*)soft_at;
    float* __restrict__ out = (float*)step_at;
    for (int k = 0; k < pixels; ++k) {
        const int apart = (int)picture[3 * k] - (int)soft[3 * k];
        const float step = (float)(apart < 0 ? -apart : apart) / noise - 0.5f;
        out[k] = step > 0.0f ? step < 1.0f ? step : 1.0f : 0.0f;
    }
"""


@wp.func_native(STEP)
def find_steps(pixels: int, noise: wp.float32, picture_at: wp.uint64, soft_at: wp.uint64, step_at: wp.uint64): ...


@wp.kernel
def step_kernel(pixels: int, noise: wp.float32, picture_at: wp.uint64, soft_at: wp.uint64, step_at: wp.uint64):
    """One thread: how surely the brightness of each pixel stands out by more than noise, 0 to 1.

    picture, soft: YCrCb, as it is and blurred. noise: levels of 255 that noise may reach.
    """
    find_steps(pixels, noise, picture_at, soft_at, step_at)


SMOOTH = """
    const float* __restrict__ step = (const float*)step_at;
    const unsigned char* __restrict__ soft = (const unsigned char*)soft_at;
    unsigned char* __restrict__ picture = (unsigned char*)picture_at;
    for (int k = 0; k < pixels; ++k) {
        const float kept = 2.0f * step[k], smoothed = most * (1.0f - (kept < 1.0f ? kept : 1.0f));
        const float bright = picture[3 * k] * (1.0f - smoothed) + soft[3 * k] * smoothed;
        picture[3 * k] = (unsigned char)(int)rintf(bright);
        picture[3 * k + 1] = soft[3 * k + 1];
        picture[3 * k + 2] = soft[3 * k + 2];
    }
"""


@wp.func_native(SMOOTH)
def smooth_pixels(pixels: int, most: wp.float32, step_at: wp.uint64, soft_at: wp.uint64, picture_at: wp.uint64): ...


@wp.kernel
def smooth_kernel(pixels: int, most: wp.float32, step_at: wp.uint64, soft_at: wp.uint64, picture_at: wp.uint64):
    """One thread: colour as soft, brightness by the share `most` of the soft one where it doesn't stand out.

    picture, soft: YCrCb; the former changes. step: `step_kernel`'s, blurred.
    """
    smooth_pixels(pixels, most, step_at, soft_at, picture_at)
