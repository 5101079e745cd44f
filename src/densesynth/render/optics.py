"""What the kernels need to know about a camera: its numbers, and bounds on its lens that make culling rigorous."""

from __future__ import annotations

from typing import Any

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import CameraError
from densesynth.geometry.camera import Camera, Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.render.kernels.lens import TILE, Optics

BORDER_POINTS = 9  # per side of the frame
RADII, ANGLES = 12, 8  # polar grid on which the lens must not fold
DOMAIN = 1.5  # times the picture's own radius: how far beyond the frame a vertex still gets a position
MIN_DETERMINANT = 0.02  # of the lens's Jacobian; nearer to 0 the lens folds
STEEPEST = 0.65  # largest 2 r / (1 + r²)²
RAY_TOLERANCE = 5e-8  # normalised coordinates: 3e-5 px at a focal length of 600 px


def _curvature(lens: Lens | Fisheye, radius: float) -> float:
    """Bound on the lens's second derivative along any unit direction within `radius` (normalised coordinates)."""
    if isinstance(lens, Fisheye):
        # x' = g(r) x with r g(r) = f(r) = θ'(atan r). Along a unit direction at an angle α to the radius it is
        # f" cos²α + g' sin²α outwards and g' sin 2α around, and |g'| ≤ max |f"| / 2; f" = (θ'" − 2 r θ'') / (1 + r²)².
        first, second = lens.largest_derivatives(radius)
        return 1.5 * (second + STEEPEST * first)
    r2 = radius * radius
    first = abs(lens.k1) + r2 * (2.0 * abs(lens.k2) + r2 * 3.0 * abs(lens.k3))
    second = 2.0 * abs(lens.k2) + r2 * 6.0 * abs(lens.k3)
    return 6.0 * radius * first + 4.0 * radius**3 * second + 8.0 * (abs(lens.p1) + abs(lens.p2))


def _border(camera: Camera) -> Float64[Array, "n 2"]:
    """Normalised coordinates of points around the frame."""
    along = np.linspace(0.0, 1.0, BORDER_POINTS)
    x = np.concatenate([along, along, np.zeros_like(along), np.ones_like(along)]) * camera.width
    y = np.concatenate([np.zeros_like(along), np.ones_like(along), along, along]) * camera.height
    return camera.unproject(np.stack([x, y], axis=-1))[:, :2]


def _invertible_radius(camera: Camera, picture_radius: float) -> tuple[float, float]:
    """Radius within which the lens doesn't fold, and the largest stretch of its inverse within the picture's."""
    radii = np.linspace(DOMAIN / RADII, DOMAIN, RADII) * picture_radius
    angles = np.arange(ANGLES) * (2.0 * np.pi / ANGLES)
    points = radii[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    jacobian = camera.lens.jacobian(points)
    det = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
    det = np.where(jacobian[..., 0, 0] > 0.0, det, -1.0).min(axis=1)
    valid = radii[np.logical_and.accumulate(det > MIN_DETERMINANT)]
    if not valid.size or valid[-1] < picture_radius * (1.0 - 1e-9):
        raise CameraError(
            f"the lens {camera.lens} folds the picture over itself inside the frame;"
            " use weaker coefficients or a longer focal length"
        )
    inside = radii <= picture_radius * (1.0 + 1e-9)
    largest = np.sqrt((jacobian[inside] ** 2).sum(axis=(-1, -2)).max())
    return float(valid[-1]), float(largest / det[inside].min())


def _fisheye_reach(camera: Camera, lens: Fisheye) -> tuple[float, float]:
    """Normalised radius of the picture's furthest corner, and the one within which the lens doesn't fold."""
    width, height = float(camera.width), float(camera.height)
    corners = camera.unproject(np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]))
    radius = float(np.linalg.norm(corners[:, :2], axis=1).max())
    domain = radius * np.linspace(1.0, DOMAIN, RADII)
    rises = np.logical_and.accumulate(lens.slope(np.arctan(domain)) > MIN_DETERMINANT)
    if not rises[0]:
        raise CameraError(
            f"the lens {lens} folds the picture over itself inside the frame;"
            " use weaker coefficients or a longer focal length"
        )
    return radius, float(domain[rises][-1])


def make_optics(camera: Camera) -> Any:
    """Camera → the kernels' struct. Raises CameraError when the lens folds inside the frame."""
    lens = camera.lens
    o: Any = Optics()
    o.rotation = camera.camera_from_world[:3, :3].ravel().tolist()
    o.translation = camera.camera_from_world[:3, 3].tolist()
    o.fx, o.fy, o.cx, o.cy = camera.fx, camera.fy, camera.cx, camera.cy
    o.k1, o.k2, o.k3 = lens.k1, lens.k2, lens.k3
    o.width, o.height = camera.width, camera.height
    o.slack = 1e-3 + 2.5e-7 * max(camera.width, camera.height)
    focal = max(camera.fx, camera.fy)
    if isinstance(lens, Fisheye):
        radius, domain = _fisheye_reach(camera, lens)
        o.k4, o.p1, o.p2, o.straight, o.fisheye, o.newton_steps = lens.k4, 0.0, 0.0, 0, 1, 0
        o.domain_r2, o.sagitta = domain * domain, _curvature(lens, domain) * focal / 8.0
        o.ideal_min, o.ideal_max = [-1.000001 * radius] * 2, [1.000001 * radius] * 2
        return o
    o.k4, o.p1, o.p2, o.fisheye = 0.0, lens.p1, lens.p2, 0
    border = _border(camera)
    low, high = border.min(axis=0), border.max(axis=0)
    if lens == Lens():
        o.straight, o.newton_steps, o.domain_r2, o.sagitta = 1, 0, np.inf, 0.0
        margin = 1e-6
    else:
        radius = float(np.linalg.norm(border, axis=-1).max())
        domain, stretch = _invertible_radius(camera, radius)
        # How far the border may bulge between two of its points, and what a linear start in a quarter tile may miss.
        curve = _curvature(lens, radius)
        spacing = max(camera.width, camera.height) / (BORDER_POINTS - 1) / min(camera.fx, camera.fy)
        margin = 1e-6 + stretch**3 * curve * spacing**2 / 8.0
        miss = 0.5 * stretch**3 * curve * (0.36 * TILE / min(camera.fx, camera.fy)) ** 2
        steps = 0
        while miss > RAY_TOLERANCE and steps < 20:
            miss, steps = 0.5 * stretch * curve * miss * miss if miss < 0.1 else miss / 2.0, steps + 1
        o.straight, o.newton_steps, o.domain_r2 = 0, steps, domain * domain
        o.sagitta = _curvature(lens, domain) * focal / 8.0
    o.ideal_min, o.ideal_max = (low - margin).tolist(), (high + margin).tolist()
    return o
