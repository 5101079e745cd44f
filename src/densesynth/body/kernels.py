"""Warp kernels of the body: blend shapes and skinning, one thread per block or vertex, sums in a fixed order.

One vertex's arithmetic depends on that body alone, so its bits depend neither on the batch nor on the thread count.
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

BLOCK = 32  # coordinates per block: two of a CPU's widest registers, whose sums don't wait for each other
block = wp.types.vector(length=BLOCK, dtype=wp.float32)


# In C++, as the coordinates of Warp's vectors are added one by one.
@wp.func_native("""
    const int count = coefficients.shape[0];
    const float* weight = coefficients.data;
    const float* from = reinterpret_cast<const float*>(base.data + i);
    const float* shape = reinterpret_cast<const float*>(shapes.data + (size_t)i * count);
    float* to = reinterpret_cast<float*>(rest.data + i);
#if defined(__clang__) && !defined(__CUDACC__)
    typedef float Half __attribute__((ext_vector_type(16), aligned(4)));
    Half first = *reinterpret_cast<const Half*>(from), second = *reinterpret_cast<const Half*>(from + 16);
    for (int k = 0; k < count; ++k, shape += 32) {
        first += weight[k] * *reinterpret_cast<const Half*>(shape);
        second += weight[k] * *reinterpret_cast<const Half*>(shape + 16);
    }
    *reinterpret_cast<Half*>(to) = first;
    *reinterpret_cast<Half*>(to + 16) = second;
#else
    for (int c = 0; c < 32; ++c) {
        float total = from[c];
        for (int k = 0; k < count; ++k)
            total += weight[k] * shape[32 * k + c];
        to[c] = total;
    }
#endif
""")
def blend_block(
    i: int,
    base: wp.array(dtype=block),
    shapes: wp.array2d(dtype=block),
    coefficients: wp.array(dtype=wp.float32),
    rest: wp.array(dtype=block),
):
    """rest = base + Σ coefficients · shapes in block i."""


@wp.kernel
def blend(
    base: wp.array(dtype=block),
    shapes: wp.array2d(dtype=block),
    coefficients: wp.array(dtype=wp.float32),
    rest: wp.array(dtype=block),
):
    """rest = base + Σ coefficients · shapes, a block of coordinates a thread; shapes lie block by block."""
    blend_block(wp.tid(), base, shapes, coefficients, rest)


@wp.kernel
def skin(
    rest: wp.array(dtype=wp.vec3),
    starts: wp.array(dtype=wp.int32),
    bones: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=wp.float32),
    rotations: wp.array(dtype=wp.mat33),
    translations: wp.array(dtype=wp.vec3),
    posed: wp.array(dtype=wp.vec3),
):
    """Linear blend skinning; vertex i's bones are bones[starts[i]:starts[i + 1]]."""
    i = wp.tid()
    point = rest[i]
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(starts[i], starts[i + 1]):
        b = bones[k]
        total = total + weights[k] * (rotations[b] * point + translations[b])
    posed[i] = total
