"""Equidistant (fisheye) lens, in OpenCV's parameter names.

A point at an angle θ from the optical axis appears at a distance from the picture's centre that is a polynomial of θ
(OpenCV, "Fisheye camera model"). On normalised coordinates x = X/Z, y = Y/Z with r² = x² + y², θ = atan r:

    θ' = θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸),    x' = x θ'/r,    y' = y θ'/r

Depths are z in the camera frame here, so what lies beside or behind the camera (θ ≥ 90°) has no place in a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import CameraError

WIDEST = float(np.radians(86.0))  # the furthest from the axis that a picture may see
NEWTON_STEPS = 30
NEWTON_TOLERANCE = 1e-14  # radians
TINY = 1e-200  # squared radius that stands for 0, so that nothing is divided by it
ANGLES = 33  # at which the polynomial must rise


@dataclass(frozen=True, kw_only=True)
class Fisheye:
    """Coefficients of θ³, θ⁵, θ⁷, θ⁹, dimensionless, in OpenCV's names; all zero is the plain equidistant lens."""

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0

    def bend(self, angle: Float64[Array, "*n"]) -> Float64[Array, "*n"]:
        """Angle from the axis, radians → distance from the centre, normalised: θ' of θ."""
        t2 = angle * angle
        bent: Array = angle * (1.0 + t2 * (self.k1 + t2 * (self.k2 + t2 * (self.k3 + t2 * self.k4))))
        return bent

    def slope(self, angle: Float64[Array, "*n"]) -> Float64[Array, "*n"]:
        """Derivative of `bend`; not above 0 where the lens folds the picture."""
        t2 = angle * angle
        slope: Array = 1.0 + t2 * (3.0 * self.k1 + t2 * (5.0 * self.k2 + t2 * (7.0 * self.k3 + t2 * 9.0 * self.k4)))
        return slope

    def distort(self, normalised: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2"]:
        """Ideal normalised image coordinates → where the lens puts them."""
        radius = np.sqrt(np.maximum((normalised * normalised).sum(axis=-1, keepdims=True), TINY))
        return normalised * (self.bend(np.arctan(radius)) / radius)

    def jacobian(self, normalised: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2 2"]:
        """Derivative of `distort`; rows are x', y', columns x, y."""
        squared = np.maximum((normalised * normalised).sum(axis=-1, keepdims=True), TINY)
        radius = np.sqrt(squared)
        angle = np.arctan(radius)
        around = self.bend(angle) / radius
        outwards = self.slope(angle) / (1.0 + squared)
        outer = normalised[..., :, None] * normalised[..., None, :] * ((outwards - around) / squared)[..., None]
        return np.asarray(outer + around[..., None] * np.eye(2))

    def undistort(self, distorted: Float64[Array, "*n 2"]) -> Float64[Array, "*n 2"]:
        """Inverse of `distort`, by Newton's method on the angle. Raises CameraError where the lens has no inverse
        or looks further aside than `WIDEST`."""
        bent = np.sqrt(np.maximum((distorted * distorted).sum(axis=-1, keepdims=True), TINY))
        return np.asarray(distorted * (np.tan(self.find_angle(bent)) / bent))

    def find_angle(self, bent: Float64[Array, "*n"]) -> Float64[Array, "*n"]:
        """Inverse of `bend` within `WIDEST`. Raises CameraError."""
        angle = np.minimum(bent, WIDEST)
        for _ in range(NEWTON_STEPS):
            slope = self.slope(angle)
            if not angle.size or (slope <= 0.0).any():
                break
            step = (self.bend(angle) - bent) / slope
            angle = np.clip(angle - step, 0.0, WIDEST)
            if np.abs(step).max() < NEWTON_TOLERANCE:
                break
        if not angle.size:
            return angle
        furthest = float(angle.max())
        folded = bool((self.slope(np.linspace(0.0, furthest, ANGLES)) <= 0.0).any())
        if folded or float(np.abs(self.bend(angle) - bent).max()) > 1e-12:
            what = "folds the picture over itself inside the frame" if folded else "sees more than 86° off its axis"
            raise CameraError(f"the lens {self} {what}; use weaker coefficients or a longer focal length")
        return angle

    def largest_derivatives(self, radius: float) -> tuple[float, float]:
        """Bounds on |θ'′| and |θ'″| over the angle, out to that normalised radius."""
        angle = float(np.arctan(radius))
        first, second = 1.0, 0.0
        for order, k in ((3, self.k1), (5, self.k2), (7, self.k3), (9, self.k4)):
            first += order * abs(k) * angle ** (order - 1)
            second += order * (order - 1) * abs(k) * angle ** (order - 2)
        return first, second
