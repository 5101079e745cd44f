"""The light of one picture: a key light far away and an ambient environment, in linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float32, Float64

# Orthonormal real spherical harmonics of a unit vector, order 2: 1; y, z, x; xy, yz, 3z²−1, xz, x²−y².
SH_FACTORS = (0.28209479, *(0.48860251,) * 3, 1.09254843, 1.09254843, 0.31539157, 1.09254843, 0.54627422)
# The clamped cosine's lobe divided by π, per band (Ramamoorthi and Hanrahan 2001, eq. 8 over π).
COSINE_LOBE = (1.0, *(2.0 / 3.0,) * 3, *(0.25,) * 5)


MOST_LAMPS = 3


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A lamp nearby, without shadows. position: world, metres. colour: linear RGB that a white surface facing it sends
    back one metre away; it falls off with the square of the distance beyond `radius`, metres, the lamp's size."""

    position: Float64[Array, "3"]
    colour: Float32[Array, "3"]
    radius: float


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """direction: unit vector towards the key light, world. colour: linear RGB that a white surface facing the key
    light sends back. angular_radius: of the key light's disc, radians (the sun's is 0.0047). ambient: order-2
    spherical harmonics of irradiance/π, RGB, world frame, in the order of SH_FACTORS, so that the radiance of a
    white surface with normal n is Σ ambient[i] · Y_i(n). lamps: at most MOST_LAMPS."""

    direction: Float64[Array, "3"]
    colour: Float32[Array, "3"]
    angular_radius: float
    ambient: Float32[Array, "9 3"]
    lamps: tuple[Lamp, ...] = ()


def evaluate_basis(directions: Array) -> Float64[Array, "*n 9"]:
    """Y_i of unit vectors (world)."""
    d = np.asarray(directions, dtype=np.float64)
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    terms = [np.ones_like(x), y, z, x, x * y, y * z, 3.0 * z * z - 1.0, x * z, x * x - y * y]
    return np.stack(terms, axis=-1) * SH_FACTORS


def ambient_from_sky(sky: Float32[Array, "3"], ground: Float32[Array, "3"]) -> Float32[Array, "9 3"]:
    """Ambient of a sky of one radiance above a ground of another; exact: it is linear in the normal's z."""
    ambient = np.zeros((9, 3), np.float32)
    ambient[0] = (sky + ground) / (2.0 * SH_FACTORS[0])
    ambient[2] = (sky - ground) / (2.0 * SH_FACTORS[2])
    return ambient


def ambient_from_radiance(
    directions: Float64[Array, "n 3"], radiance: Float64[Array, "n 3"], solid_angles: Float64[Array, "n"]
) -> Float32[Array, "9 3"]:
    """Ambient of an environment sampled in `directions` (unit, world), each standing for `solid_angles` steradians."""
    projected = evaluate_basis(directions).T @ (radiance * solid_angles[:, None])
    return np.asarray(projected * np.asarray(COSINE_LOBE)[:, None], dtype=np.float32)
