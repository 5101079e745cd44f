"""What of a body the frame holds, and packing of the visible-vertex mask for files.

Which vertices are visible is the renderer's to answer: it knows the rays and the faces.
"""

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float64, UInt8
from densesynth.device import address, start_warp
from densesynth.geometry.camera import Camera
from densesynth.geometry.fisheye import Fisheye
from densesynth.label.kernels import inside_kernel


def in_frame(camera: Camera, points_in_camera: Float64[Array, "n 3"]) -> Bool[Array, "n"]:
    """Whether each point projects into the picture.

    A lens polynomial turns back beyond its valid range and would fold far points into the frame; none that is further
    off the axis than the frame's corners is inside.
    """
    width, height = float(camera.width), float(camera.height)
    corners = camera.unproject(np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]))
    furthest = 1.001 * float((corners[:, :2] ** 2).sum(axis=1).max())
    lens = camera.lens
    if isinstance(lens, Fisheye):
        tangent2 = (points_in_camera[:, :2] ** 2).sum(axis=1)
        ahead = (points_in_camera[:, 2] > 0.0) & (tangent2 <= furthest * points_in_camera[:, 2] ** 2)
        pixels = camera.project_from_camera(np.where(ahead[:, None], points_in_camera, (0.0, 0.0, 1.0)))
        held: Array = ahead & ((pixels >= 0.0) & (pixels < (width, height))).all(axis=1)
        return held
    start_warp()
    bends = (lens.k1, lens.k2, lens.p1, lens.p2, lens.k3)
    told = np.array([camera.fx, camera.fy, camera.cx, camera.cy, *bends, width, height, furthest])
    points, inside = np.ascontiguousarray(points_in_camera), np.empty(len(points_in_camera), dtype=bool)
    inputs = [len(points), address(points), address(told), address(inside)]
    wp.launch(inside_kernel, 1, inputs, device="cpu")
    return inside


def pack_visible(visible: Bool[Array, "p v"]) -> UInt8[Array, "p b"]:
    """Visible-vertex masks of p people → bits, eight vertices a byte, first vertex in the highest bit."""
    return np.packbits(visible, axis=1)


def unpack_visible(packed: UInt8[Array, "p b"], vertices: int) -> Bool[Array, "p v"]:
    """Inverse of `pack_visible` for bodies with that many vertices."""
    return np.unpackbits(packed, axis=1, count=vertices).astype(bool)
