"""What happens to light between the lens and the sensor: blurs, aberrations, exposure; linear light in and out.

Each effect returns its input, the very array, when it is off.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32, UInt8
from densesynth.device import address, start_warp
from densesynth.render.kernels import blur as kernels
from densesynth.render.kernels.process import smooth_kernel, step_kernel
from densesynth.render.sensor import MID_GREY, READ_SHARE, load_grain

WIDEST_DISC = 14.0  # half-resolution pixels a disc of confusion's radius may reach
BRIGHTEST = 4.0  # light that a full shoulder still tells from white
STILL = float(kernels.STILL)
GREY_MIRED = 154.0  # of daylight, 6500 K


def defocus(
    linear: Float32[Array, "h w 3"], depth: Float32[Array, "h w"], focused: float, strength: float, device: str = "cpu"
) -> Float32[Array, "h w 3"]:
    """Depth of field. depth: metres, +inf far away. focused: metres in focus. strength: focal length (px) times the
    aperture's diameter (m), so that a point's disc is strength · |1/depth − 1/focused| px wide; 0 is off.

    Gathered at half resolution (a disc blurs more than that), and laid over the picture where discs pass a pixel.
    """
    if strength <= 0.0:
        return linear
    height, width = depth.shape
    half = (width + 1) // 2, (height + 1) // 2
    small = cv2.resize(linear, half, interpolation=cv2.INTER_AREA)
    near = np.ascontiguousarray(depth[::2, ::2])
    radius = np.abs(1.0 / near - np.float32(1.0 / focused)) * np.float32(strength / 4.0)
    radius = np.minimum(radius, np.float32(WIDEST_DISC))
    # Discs of what is in front reach out over pixels beside it; what is behind reaches as far as the pixel's own.
    size = int(2 * np.ceil(float(radius.max())) + 1)
    front = np.where(near < focused, radius, np.float32(0.0))
    reach = np.maximum(cv2.dilate(front, np.ones((size, size), np.uint8)), radius) if front.any() else radius

    def place(array: Any, kind: Any) -> Any:
        return wp.array(np.ascontiguousarray(array), dtype=kind, device=device, copy=False)

    blurred = wp.empty(near.shape, dtype=wp.vec3, device=device)
    colour = place(cv2.cvtColor(small, cv2.COLOR_RGB2RGBA), wp.vec4)
    inputs = [colour, *(place(a, wp.float32) for a in (radius, near, reach)), blurred]
    wp.launch(kernels.defocus_kernel, near.shape, inputs, device=device)
    soft = cv2.resize(cv2.blur(blurred.numpy(), (2, 2)), (width, height), interpolation=cv2.INTER_LINEAR)
    spread = cv2.resize(cv2.blur(np.where(reach > radius, reach, np.float32(0.0)), (3, 3)), (width, height))
    laid = wp.empty((height, width), dtype=wp.vec3, device=device)
    pictures = [place(linear, wp.vec3), place(soft, wp.vec3), place(depth, wp.float32), place(spread, wp.float32)]
    wp.launch(kernels.lay_soft_kernel, height, [focused, strength / 4.0, *pictures, laid], device=device)
    return np.asarray(laid.numpy())


def smear(
    linear: Float32[Array, "h w 3"], movement: Float32[Array, "h w 2"] | None, device: str = "cpu"
) -> Float32[Array, "h w 3"]:
    """Motion blur about the middle of the exposure. movement: of each pixel during it, px; None is off."""
    if movement is None:
        return linear
    height, width = movement.shape[:2]
    side = int(kernels.TILE)
    tiles = -(-height // side), -(-width // side)
    moved = wp.array(np.ascontiguousarray(movement), dtype=wp.vec2, device=device, copy=False)
    fastest = wp.empty(tiles, dtype=wp.vec2, device=device)
    wp.launch(kernels.fastest_kernel, tiles, [moved, fastest], device=device)
    longest = np.abs(fastest.numpy()).max(axis=2)
    if longest.max() < STILL:
        return linear
    # The planes hold the rows that change and what their paths reach.
    moving = np.flatnonzero(longest.any(axis=1))
    top, bottom = max(int(moving[0]) - 1, 0) * side, min((int(moving[-1]) + 2) * side, height)
    margin = int(min(0.5 * float(longest.max()), max(height, width))) + 3
    planes = wp.empty((4, bottom - top + 2 * margin, tiles[1] * side + 2 * margin), dtype=wp.float32, device=device)
    light = wp.array(np.ascontiguousarray(linear), dtype=wp.vec3, device=device, copy=False)
    wp.launch(kernels.lay_kernel, planes.shape[1], [light, moved, top - margin, margin, planes], device=device)
    out = wp.clone(light)
    wp.launch(kernels.smear_kernel, (bottom - top, tiles[1]), [planes, fastest, top, margin, out], device=device)
    return np.asarray(out.numpy())


def shake(linear: Float32[Array, "h w 3"], moved: tuple[float, float]) -> Float32[Array, "h w 3"]:
    """The whole picture smeared by `moved` pixels (x, y); (0, 0) is off."""
    if moved == (0.0, 0.0):
        return linear
    reach = int(np.ceil(max(abs(moved[0]), abs(moved[1])) / 2.0))
    line = np.zeros((2 * reach + 1, 2 * reach + 1))
    for t in np.linspace(-0.5, 0.5, 8 * reach + 1):  # each point of the path, spread over the four pixels around it
        x, y = reach + t * moved[0], reach + t * moved[1]
        column, row = min(int(x), 2 * reach - 1), min(int(y), 2 * reach - 1)
        across, down = x - column, y - row
        line[row : row + 2, column : column + 2] += np.outer((1.0 - down, down), (1.0 - across, across))
    kernel = (line / line.sum()).astype(np.float32)
    return np.asarray(cv2.filter2D(linear, -1, kernel, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def fringe(linear: Float32[Array, "h w 3"], pixels: float, device: str = "cpu") -> Float32[Array, "h w 3"]:
    """Lateral chromatic aberration: red drawn larger, blue smaller, by `pixels` each in the corners; 0 is off."""
    if pixels == 0.0:
        return linear
    height, width = linear.shape[:2]
    share = pixels / (0.5 * np.hypot(width, height))
    light = wp.array(np.ascontiguousarray(linear), dtype=wp.vec3, device=device, copy=False)
    parted = wp.empty((height, width), dtype=wp.vec3, device=device)
    inputs = [1.0 / (1.0 + share) - 1.0, 1.0 / (1.0 - share) - 1.0, light, parted]
    wp.launch(kernels.fringe_kernel, height, inputs, device=device)
    return np.asarray(parted.numpy())


def expose(
    linear: Float32[Array, "h w 3"],
    gains: Float32[Array, "3"],
    vignette: float,
    shoulder: float,
    noise: float,
    rng: np.random.Generator,
    device: str = "cpu",
) -> Float32[Array, "h w 3"]:
    """Exposure and white balance (gains by channel), light lost in the corners (share), shot and read noise in linear
    light, then the tone curve's shoulder (0 none: light is cut at white; 1: it bends from a third of white on).

    noise: as `sensor.develop`'s, which is then called without any.
    """
    height, width = linear.shape[:2]
    slope = 1.055 / 2.4 * MID_GREY ** (1 / 2.4 - 1)
    variance = (noise / slope) ** 2
    # A run of a row reads no further than the tape goes on beyond TAPE.
    grain = load_grain(device)
    last = max(grain.shape[0] - 3 * width, 1)
    starts = wp.array(rng.integers(last, size=height, dtype=np.int32), dtype=wp.int32, device=device)
    source = wp.array(np.ascontiguousarray(linear).ravel(), dtype=wp.float32, device=device, copy=False)
    out = wp.empty(linear.size, dtype=wp.float32, device=device)
    knee, brightest = 1.0 - shoulder * 2.0 / 3.0, 1.001 + shoulder * (BRIGHTEST - 1.001)
    shares = READ_SHARE * variance, (1.0 - READ_SHARE) * variance / MID_GREY
    inputs = [source, width, height, vignette, wp.vec3(*gains.tolist()), *shares, knee, brightest, grain, starts, out]
    wp.launch(kernels.expose_kernel, height, inputs, device=device)
    return np.asarray(out.numpy()).reshape(linear.shape)


def process(picture: UInt8[Array, "h w 3"], smoothing: float, sharpening: float) -> UInt8[Array, "h w 3"]:
    """What telephones do to a developed picture: noise smoothed (colour more than brightness), edges sharpened; each
    0..1 and above, 0 off."""
    if smoothing > 0.0:
        start_warp()
        split = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
        soft = np.ascontiguousarray(cv2.GaussianBlur(split, (0, 0), 0.6 + 1.4 * smoothing))
        step = np.empty(split.shape[:2], np.float32)
        pixels, noise = step.size, 2.0 + 8.0 * smoothing
        wp.launch(step_kernel, 1, [pixels, noise, address(split), address(soft), address(step)], device="cpu")
        # Edges keep their brightness, with their neighbours, or single pixels of them would.
        near = np.ascontiguousarray(cv2.GaussianBlur(step, (0, 0), 1.2))
        most = 0.7 * min(smoothing, 1.0)
        wp.launch(smooth_kernel, 1, [pixels, most, address(near), address(soft), address(split)], device="cpu")
        picture = cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB)
    if sharpening > 0.0:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
        picture = cv2.addWeighted(picture, 1.0 + sharpening, soft, -sharpening, 0)
    return np.asarray(picture, dtype=np.uint8)
