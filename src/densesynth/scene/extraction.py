"""Light taken out of a panorama: its key light as a disc, and all the rest as order-2 spherical harmonics.

What the key takes out of the panorama is missing in the rest, so that a surface receives what the panorama sends.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, Float64
from densesynth.render.lighting import Lighting, ambient_from_radiance, evaluate_basis

WIDTH = 256  # columns of the panorama that light is taken from
KEY_REACH = 0.35  # radians about the brightest place that belong to the key light
KEY_CONTRAST = 4.0  # times the mean: what is brighter than this is a light source rather than surroundings
TYPICAL = 0.4
NARROWEST = 0.0047  # radians: the sun's radius
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, kw_only=True)
class EnvironmentLight:
    """Unscaled light of a panorama, in its own frame: z up, its middle column towards +x, columns to the right of it
    towards −y. direction: unit, towards the key light. colour: what a white surface facing it sends back.
    angular_radius: radians. ambient: as `Lighting.ambient`, the key light left out. typical: the panorama's median
    luminance."""

    direction: Float64[Array, "3"]
    colour: Float64[Array, "3"]
    angular_radius: float
    ambient: Float64[Array, "9 3"]
    typical: float

    def turned(self, angle: float, scale: float) -> Lighting:
        """In the world, the panorama turned about the vertical by `angle` radians (anticlockwise from above)."""
        c, s = np.cos(angle), np.sin(angle)
        x, y, z = self.direction
        return Lighting(
            direction=np.array([c * x - s * y, s * x + c * y, z]),
            colour=(self.colour * scale).astype(np.float32),
            angular_radius=self.angular_radius,
            ambient=(turn_harmonics(self.ambient, angle) * scale).astype(np.float32),
        )


def turn_harmonics(terms: Float64[Array, "9 3"], angle: float) -> Float64[Array, "9 3"]:
    """Order-2 harmonics (in the order of SH_FACTORS) turned about z by `angle` radians."""
    turned = terms.copy()
    for times, cosine, sine in ((1, 3, 1), (1, 7, 5), (2, 8, 4)):  # rows that go as cos and sin of times × azimuth
        c, s = np.cos(times * angle), np.sin(times * angle)
        turned[cosine] = c * terms[cosine] - s * terms[sine]
        turned[sine] = s * terms[cosine] + c * terms[sine]
    return turned


def panorama_directions(height: int, width: int) -> tuple[Float64[Array, "n 3"], Float64[Array, "n"]]:
    """Unit directions of an equirectangular panorama's pixel centres, row by row, and their solid angles (sr)."""
    polar = (np.arange(height) + 0.5) * (np.pi / height)
    azimuth = np.pi - (np.arange(width) + 0.5) * (2.0 * np.pi / width)
    towards = np.empty((height, width, 3))
    towards[..., 0] = np.sin(polar)[:, None] * np.cos(azimuth)
    towards[..., 1] = np.sin(polar)[:, None] * np.sin(azimuth)
    towards[..., 2] = np.cos(polar)[:, None]
    edges = np.cos(np.arange(height + 1) * (np.pi / height))
    angles = np.repeat((edges[:-1] - edges[1:]) * (2.0 * np.pi / width), width)
    return towards.reshape(-1, 3), angles


def extract_light(radiance: Float32[Array, "h w 3"]) -> EnvironmentLight:
    """An equirectangular panorama (linear RGB, finite, ≥ 0) → its key light and the rest.

    The key light is what outshines KEY_CONTRAST times the panorama's mean within KEY_REACH of the brightest place
    above the horizon; where nothing does (an overcast sky), the brightest tenth of it in that cap.
    """
    small = cv2.resize(radiance, (WIDTH, WIDTH // 2), interpolation=cv2.INTER_AREA).astype(np.float64)
    towards, angles = panorama_directions(*small.shape[:2])
    light = small.reshape(-1, 3)
    bright = light @ LUMINANCE
    mean = float((bright * angles).sum() / angles.sum())
    # Blurred by a few degrees, so that a single hot pixel (a lamp's glint) doesn't win over the sky's bright side.
    capped = np.minimum(bright, 1e3 * mean).reshape(small.shape[:2]).astype(np.float32)
    padded = np.concatenate([capped[:, -16:], capped, capped[:, :16]], axis=1)
    blurred = cv2.GaussianBlur(padded, (0, 0), 3.0)[:, 16:-16].ravel() * (towards[:, 2] > 0.05)
    peak = towards[int(blurred.argmax())]
    cap = towards @ peak > np.cos(KEY_REACH)
    excess = np.where(cap, np.maximum(bright - KEY_CONTRAST * mean, 0.0), 0.0)
    if (excess * angles).sum() < 0.05 * mean * np.pi:
        floor = float(np.quantile(bright[cap], 0.6))
        excess = np.where(cap, np.maximum(bright - floor, 0.0), 0.0)
    share = excess / np.maximum(bright, 1e-12)
    taken = light * share[:, None]
    weight = excess * angles
    middle = weight @ towards
    norm = float(np.linalg.norm(middle))
    direction = middle / norm if norm > 0.0 else np.array([0.0, 0.0, 1.0])
    # A disc of radius r has a mean squared angle of r²/2 from its centre.
    off = np.maximum(1.0 - towards @ direction, 0.0)
    radius = np.sqrt(2.0 * 2.0 * float(weight @ off) / max(float(weight.sum()), 1e-12))
    pixel = 2.0 * np.pi / WIDTH
    radius = np.sqrt(max(radius**2 - 0.5 * pixel**2, NARROWEST**2))
    return EnvironmentLight(
        direction=direction,
        colour=(taken * (angles * np.maximum(towards @ direction, 0.0))[:, None]).sum(axis=0) / np.pi,
        angular_radius=float(min(radius, KEY_REACH)),
        ambient=ambient_from_radiance(towards, light - taken, angles).astype(np.float64),
        typical=float(np.median(bright)),
    )


def expose(light: EnvironmentLight, towards_camera: Float64[Array, "3"], exposure: float) -> float:
    """The factor on a panorama (in its own frame) that exposes people as a camera would.

    `exposure` is the geometric mean of what a white surface sends back that faces the key light and of one that faces
    the camera: between a light that is never burnt and a person before the sun who is never black. But what is behind
    isn't burnt for it: half of the panorama stays below TYPICAL times the exposure.
    """
    facing = evaluate_basis(np.stack([light.direction, towards_camera])) @ light.ambient
    key = light.colour * np.array([1.0, max(float(light.direction @ towards_camera), 0.0)])[:, None]
    received = np.maximum((facing + key) @ LUMINANCE, 1e-9)
    scale = exposure / np.sqrt(received[0] * max(received[1], 0.1 * received[0]))
    return float(min(scale, TYPICAL * exposure / max(light.typical, 1e-9)))
