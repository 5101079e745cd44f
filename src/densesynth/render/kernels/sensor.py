"""Warp kernel of the sensor. One source for CPU and CUDA.

Its inner loop is C++: Warp's own loops hide their bounds from the compiler's vectoriser, which makes this one eight
times as fast. It has neither tables nor branches, and reads in a row.
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

RUN = wp.constant(1024)  # values a thread develops

# Linear light → sRGB (IEC 61966-2-1): the curve's power 5/6 of the light's square root is a polynomial of its fourth
# root, fitted (Chebyshev) from where the straight part ends to 1; off by at most 0.005 of a byte's step. The noise is
# added to the square root of the light, where it is nearly as strong everywhere; below a root of 0.01 it grows no more.
DEVELOP = """
    const float* __restrict__ light = linear.data + first;
    const float* __restrict__ deviate = grain.data + start;
    unsigned char* __restrict__ out = picture.data + first;
    for (int k = 0; k < count; ++k) {
        float value = light[k];
        value = value > 0.0f ? value : 0.0f;
        float root = sqrtf(value < 1.0f ? value : 1.0f);
        float bright = root > 0.01f ? root : 0.01f;
        root += sqrtf(read + shot * bright * bright) * deviate[k] / (2.0f * bright);
        root = root > 0.0f ? root : 0.0f;
        root = root < 1.0f ? root : 1.0f;
        float q = sqrtf(root);
        float curve = 0.27524421f - 0.06395f * q;
        curve = 1.24396175f + q * (-0.55891129f + q * curve);
        curve = -0.06170004f + q * (0.16534432f + q * curve);
        float straight = 12.92f * root * root;
        out[k] = (unsigned char)(int)(255.0f * (root <= 0.05595355f ? straight : curve) + 0.5f);
    }
"""


@wp.func_native(DEVELOP)
def develop_run(
    linear: wp.array(dtype=wp.float32),
    read: wp.float32,
    shot: wp.float32,
    grain: wp.array(dtype=wp.float32),
    start: int,
    first: int,
    count: int,
    picture: wp.array(dtype=wp.uint8),
): ...


@wp.kernel
def develop_kernel(
    linear: wp.array(dtype=wp.float32),
    read: wp.float32,
    shot: wp.float32,
    grain: wp.array(dtype=wp.float32),
    starts: wp.array(dtype=wp.int32),
    picture: wp.array(dtype=wp.uint8),
):
    """starts: where in `grain` each run of values begins. read, shot: the noise's variance in linear light is
    read + shot · light."""
    i = wp.tid()
    first = i * RUN
    develop_run(linear, read, shot, grain, starts[i], first, wp.min(RUN, linear.shape[0] - first), picture)
