"""Where arrays' values begin on the device, for native functions: a call that hands over an array copies all that Warp
knows of it, and what it copied isn't there yet when the function reads it."""

from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False})

FIRST = "return reinterpret_cast<wp::uint64>(values.data);"


@wp.func_native(FIRST)
def address_of_bytes(values: wp.array(dtype=wp.uint8)) -> wp.uint64: ...


@wp.func_native(FIRST)
def address_of_numbers(values: wp.array(dtype=wp.int32)) -> wp.uint64: ...


@wp.func_native(FIRST)
def address_of_floats(values: wp.array(dtype=wp.float32)) -> wp.uint64: ...


@wp.func_native(FIRST)
def address_of_boxes(values: wp.array2d(dtype=wp.float32)) -> wp.uint64: ...


@wp.func_native(FIRST)
def address_of_corners(values: wp.array(dtype=wp.vec3i)) -> wp.uint64: ...


@wp.func_native(FIRST)
def address_of_points(values: wp.array(dtype=wp.vec3d)) -> wp.uint64: ...
