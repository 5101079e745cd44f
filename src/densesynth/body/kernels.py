"""Warp kernels of the body: blend shapes and skinning, one thread per block or vertex, sums in a fixed order.

One vertex's arithmetic depends on that body alone, so its bits depend neither on the batch nor on the thread count.
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

BLOCK = 8  # coordinates per block: one vector register
block = wp.types.vector(length=BLOCK, dtype=wp.float32)


@wp.kernel
def blend(
    base: wp.array(dtype=block),
    shapes: wp.array2d(dtype=block),
    coefficients: wp.array(dtype=wp.float32),
    rest: wp.array(dtype=block),
):
    """rest = base + Σ coefficients · shapes, a block of coordinates a thread; shapes lie block by block."""
    i = wp.tid()
    total = base[i]
    for k in range(coefficients.shape[0]):
        total = total + coefficients[k] * shapes[i, k]
    rest[i] = total


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
