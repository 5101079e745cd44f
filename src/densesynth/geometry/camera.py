"""Pinhole camera with a Brown–Conrady or fisheye lens, in OpenCV's axes and parameter names.

World frame: right-handed, metres, z up. Camera frame: x right, y down, z forward. Pixel coordinates are continuous;
the centre of the top-left pixel is (0.5, 0.5). Distortion (OpenCV, "Camera Calibration and 3D Reconstruction"), on
normalised coordinates x = X/Z, y = Y/Z with r² = x² + y²:

    x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x y + p2 (r² + 2 x²)
    y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶) + p1 (r² + 2 y²) + 2 p2 x y

The fisheye lens is in `geometry.fisheye`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import CameraError
from densesynth.geometry.fisheye import Fisheye

NEWTON_STEPS = 20
NEWTON_TOLERANCE = 1e-13  # normalised coordinates; 1e-10 px at a focal length of 1000 px


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Brown–Conrady distortion coefficients, dimensionless, in OpenCV's names; all zero is a pinhole."""

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0

    def distort(self, normalised: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2"]:
        """Ideal normalised image coordinates → where the lens puts them."""
        result = np.empty_like(normalised)
        result[..., 0], result[..., 1] = self._distort(normalised[..., 0], normalised[..., 1])
        return result

    def jacobian(self, normalised: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2 2"]:
        """Derivative of `distort`; rows are x', y', columns x, y."""
        xx, xy, yy = self._derive(normalised[..., 0], normalised[..., 1])
        result = np.empty((*normalised.shape, 2))
        result[..., 0, 0], result[..., 0, 1], result[..., 1, 0], result[..., 1, 1] = xx, xy, xy, yy
        return result

    def stretch(self, normalised: Float64[Array, "*n 2"]) -> Float64[Array, "*n"]:
        """Determinant of `jacobian`: how much the lens enlarges areas; not above 0 where it folds the picture."""
        xx, xy, yy = self._derive(normalised[..., 0], normalised[..., 1])
        return xx * yy - xy * xy

    def undistort(self, distorted: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2"]:
        """Inverse of `distort`, by Newton's method to 1e-13. Raises CameraError where the lens has no inverse."""
        ideal = distorted.copy()
        x, y = ideal[..., 0], ideal[..., 1]
        for _ in range(NEWTON_STEPS):
            u, v = self._distort(x, y)
            u -= distorted[..., 0]
            v -= distorted[..., 1]
            if not u.size or max(np.abs(u).max(), np.abs(v).max()) < NEWTON_TOLERANCE:
                return ideal
            xx, xy, yy = self._derive(x, y)
            det = xx * yy - xy * xy
            if (det <= 0.0).any():
                break
            x -= (yy * u - xy * v) / det
            y -= (xx * v - xy * u) / det
        raise CameraError(
            f"the lens {self} folds the picture over itself inside the frame; "
            "use weaker coefficients or a longer focal length"
        )

    def _distort(self, x: Any, y: Any) -> tuple[Any, Any]:
        r2 = x * x + y * y
        radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        return (
            x * radial + 2.0 * self.p1 * x * y + self.p2 * (r2 + 2.0 * x * x),
            y * radial + self.p1 * (r2 + 2.0 * y * y) + 2.0 * self.p2 * x * y,
        )

    def _derive(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        """∂x'/∂x, ∂x'/∂y = ∂y'/∂x, ∂y'/∂y."""
        r2 = x * x + y * y
        radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        twice_by_r2 = 2.0 * self.k1 + r2 * (4.0 * self.k2 + 6.0 * r2 * self.k3)
        return (
            radial + x * x * twice_by_r2 + 2.0 * self.p1 * y + 6.0 * self.p2 * x,
            x * y * twice_by_r2 + 2.0 * self.p1 * x + 2.0 * self.p2 * y,
            radial + y * y * twice_by_r2 + 6.0 * self.p1 * y + 2.0 * self.p2 * x,
        )


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One picture's camera.

    width, height: picture size in pixels. fx, fy: focal lengths in pixels. cx, cy: principal point in continuous
    pixel coordinates. camera_from_world: 4×4 rigid transform, float64.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    camera_from_world: Float64[Array, "4 4"]
    lens: Lens | Fisheye = Lens()

    def to_camera(self, points_in_world: Array) -> Float64[Array, "*n 3"]:
        """World points (metres) → camera frame, in double precision."""
        rotation, translation = self.camera_from_world[:3, :3], self.camera_from_world[:3, 3]
        return np.asarray(points_in_world, dtype=np.float64) @ rotation.T + translation

    @cached_property
    def centre_in_world(self) -> Float64[Array, "3"]:
        return -self.camera_from_world[:3, :3].T @ self.camera_from_world[:3, 3]

    def project_from_camera(self, points_in_camera: Float64[Array, "*n 3"]) -> Float64[Array, "*n 2"]:
        """Camera-frame points → continuous pixel coordinates. Meaningless for z ≤ 0: the caller looks at z."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ideal = points_in_camera[..., :2] / points_in_camera[..., 2:3]
        return self.lens.distort(ideal) * (self.fx, self.fy) + (self.cx, self.cy)

    def project(self, points_in_world: Array) -> Float64[Array, "*n 2"]:
        """World points → continuous pixel coordinates."""
        return self.project_from_camera(self.to_camera(points_in_world))

    def unproject(self, pixels: Array) -> Float64[Array, "*n 3"]:
        """Continuous pixel coordinates → ray in the camera frame, scaled to z = 1: depth × ray is the point."""
        distorted = (np.asarray(pixels, dtype=np.float64) - (self.cx, self.cy)) / (self.fx, self.fy)
        ideal = self.lens.undistort(distorted)
        return np.concatenate([ideal, np.ones_like(ideal[..., :1])], axis=-1)

    def pixel_rays(self) -> Float64[Array, "h w 3"]:
        """The ray of every pixel centre (camera frame, z = 1)."""
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        return self.unproject(np.stack([x, y], axis=-1))


def look_at(eye: Float64[Array, "3"], target: Float64[Array, "3"], roll: float = 0.0) -> Float64[Array, "4 4"]:
    """camera_from_world of a camera at `eye` that looks at `target` (world, metres), z up, rolled by `roll` radians.

    Positive roll turns the camera clockwise as seen from behind it, so the picture turns anticlockwise.
    """
    forward = target - eye
    distance = np.linalg.norm(forward)
    if distance < 1e-9:
        raise CameraError("a camera can't look at the point it stands on")
    forward = forward / distance
    right = np.cross(forward, (0.0, 0.0, 1.0))
    if np.linalg.norm(right) < 1e-6:  # straight up or down: any right will do
        right = np.array([1.0, 0.0, 0.0])
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    rotation = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = rotation
    camera_from_world[:3, 3] = -rotation @ eye
    return camera_from_world
