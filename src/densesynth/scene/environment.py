"""Light of a scene, drawn: one key light, and an ambient of sky, horizon and ground as order-2 spherical harmonics.

Exposure is part of the draw: key and ambient together give a white surface that faces the light a radiosity between the
exposure's bounds, so pictures are neither black nor burnt whatever the mixture. Linear RGB, 1 is the picture's white.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from densesynth.arrays import Array, Float32, Float64
from densesynth.render.lighting import COSINE_LOBE, Lamp, Lighting, evaluate_basis
from densesynth.scene.light_settings import DEFAULT_LIGHT, LightRanges


def colour_of_temperature(kelvin: float) -> Float64[Array, "3"]:
    """Linear sRGB colour of a black body (1667 .. 25000 K), scaled to luminance 1.

    The locus is the cubic of Kim et al. (US patent 7024034), then CIE xy to sRGB primaries (IEC 61966-2-1).
    """
    t = 1000.0 / kelvin
    if kelvin < 4000.0:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin < 2222.0:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin < 4000.0:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1.0 - x - y) / y])
    matrix = np.array(
        [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
    )
    return np.maximum(matrix @ xyz, 0.0)


@cache
def _sphere() -> Float64[Array, "2048 3"]:
    """Equal-area directions (a Fibonacci spiral)."""
    k = np.arange(2048) + 0.5
    z = 1.0 - 2.0 * k / 2048
    turn = np.pi * (1.0 + 5.0**0.5) * k
    r = np.sqrt(1.0 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


@cache
def _projection() -> Float64[Array, "27 2048"]:
    """What each of `_sphere`'s directions adds to the ambient's 9 terms (slowest) for a sky, a horizon and a ground of
    radiance 1 (fastest): the surroundings are a mixture of these three profiles."""
    towards = _sphere()
    up = towards[:, 2]
    below = np.clip(0.5 - 6.0 * up, 0.0, 1.0)
    high = np.sqrt(np.maximum(up, 0.0))
    above = np.where(up > 0, 1.0 - below, 0.0)
    profiles = np.stack([above * high, above * (1.0 - high), below])
    terms = evaluate_basis(towards).T * np.asarray(COSINE_LOBE)[:, None] * (4.0 * np.pi / len(towards))
    return np.ascontiguousarray((terms[:, None] * profiles).reshape(27, len(towards)))


@cache
def _projected() -> Float64[Array, "9 3"]:
    """Ambient terms of sky, horizon and ground of radiance 1."""
    return _projection().sum(axis=1).reshape(9, 3)


def draw_lighting(rng: np.random.Generator, ranges: LightRanges = DEFAULT_LIGHT) -> Lighting:
    """A key light and its surroundings, world frame (z up)."""
    azimuth = rng.uniform(-np.pi, np.pi)
    elevation = np.radians(rng.uniform(*ranges.elevation))
    direction = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    low, high = ranges.temperature
    key = colour_of_temperature(1.0 / rng.uniform(1.0 / high, 1.0 / low))
    share = rng.uniform(*ranges.key_share)
    radius = float(np.exp(rng.uniform(*np.log(ranges.angular_radius))))
    exposure = rng.uniform(*ranges.exposure)

    ambient = _draw_surroundings(rng, direction)
    facing = float((evaluate_basis(direction[None]) @ ambient.astype(np.float64))[0].mean())
    return Lighting(
        direction=direction,
        colour=(key * (share * exposure)).astype(np.float32),
        angular_radius=float(np.radians(radius)),
        ambient=(ambient * ((1.0 - share) * exposure / facing)).astype(np.float32),
    )


def _draw_surroundings(rng: np.random.Generator, direction: Float64[Array, "3"]) -> Float32[Array, "9 3"]:
    """Ambient light of unnamed strength: a sky, a horizon with one brighter side, and what the ground throws back."""
    tint = colour_of_temperature(1.0 / rng.uniform(1.0 / 11000.0, 1.0 / 3600.0))
    sky = tint * rng.uniform(0.7, 1.3)
    horizon = (0.5 + 0.5 * tint) * rng.uniform(0.5, 1.1)
    ground = rng.uniform(0.12, 0.5) * np.clip(rng.normal((1.0, 0.94, 0.86), 0.06), 0.6, 1.2)
    # A window, a bright wall or the sky about the sun: somewhere on the key light's side more often than not.
    side = direction + rng.normal(0.0, 0.8, 3)
    side = side / np.linalg.norm(side)
    facing = np.maximum(_sphere() @ side, 0.0)
    strength = rng.uniform(0.0, 1.6)
    glow = np.einsum("kn,n->k", _projection(), facing * facing * facing).reshape(9, 3)
    ambient = (_projected() + strength * glow) @ np.stack([sky, horizon, ground])
    return ambient.astype(np.float32)


MOST_LAMP = 0.7  # radiosity of a white surface at the nearest point that anybody's box has to a lamp


def draw_lamps(
    rng: np.random.Generator, ranges: LightRanges, boxes: Sequence[Float64[Array, "2 3"]]
) -> tuple[Lamp, ...]:
    """Lamps around the first of the people in `boxes` (lowest and highest corner, world, metres), warm or cold, a few
    of them coloured. One that stands next to somebody else is dimmed until it doesn't burn them out."""
    low, high = ranges.temperature
    about = boxes[0].mean(axis=0)
    lamps = []
    for _ in range(int(rng.integers(ranges.lamps[0], ranges.lamps[1], endpoint=True))):
        azimuth, height = rng.uniform(-np.pi, np.pi), rng.uniform(-0.2, 1.5)
        distance = rng.uniform(*ranges.lamp_distance)
        colour = colour_of_temperature(1.0 / rng.uniform(1.0 / high, 1.0 / low))
        gel = rng.uniform(0.45, 1.2, 3)
        colour = colour * gel / gel.mean() if rng.random() < 0.06 else colour
        rise = min(height, 0.95 * distance)
        level = np.sqrt(distance**2 - rise**2)
        position = about + np.array([level * np.cos(azimuth), level * np.sin(azimuth), rise])
        position[2] = max(position[2], 0.2)
        strength = rng.uniform(*ranges.lamp_strength)
        radius = float(rng.uniform(0.1, 0.5))
        nearest = min(float(np.linalg.norm(np.clip(position, b[0], b[1]) - position)) for b in boxes)
        strength = min(strength, max(MOST_LAMP, ranges.lamp_strength[0]) * (max(nearest, radius) / distance) ** 2)
        lamps.append(
            Lamp(
                position=position,
                colour=(colour * strength * distance**2).astype(np.float32),
                radius=radius,
            )
        )
    return tuple(lamps)
