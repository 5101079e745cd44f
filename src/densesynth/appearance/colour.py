"""Colours people come in: skin, hair, eyes, cloth. Linear RGB, 0..1, unless a name says srgb."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np

from densesynth.arrays import Array, Float64

Colour = tuple[float, float, float]

APART = 25.0  # CIELAB units between a garment's colours and its wearer's skin: nobody is to look undressed
UNLIKE_SKIN = 11.0  # CIELAB units between a garment's main colour and anybody's skin
TRIES = 24  # of a draw that may have to be drawn again
# Of these, one at least is apart from any skin and any other cloth.
SAFE: tuple[Colour, ...] = ((0.02, 0.02, 0.025), (0.78, 0.77, 0.74), (0.04, 0.09, 0.32), (0.05, 0.24, 0.12))

# Skin from the lightest to the darkest, as cameras see it under white light (sRGB); our own choice, spaced by eye.
SKIN_SRGB = np.array(
    [
        (240, 210, 192), (230, 194, 170), (217, 174, 145), (202, 153, 117), (173, 121, 85), (137, 91, 61),
        (102, 66, 45), (70, 46, 35),
    ]
)  # fmt: skip
HAIR_SRGB = {
    "black": (22, 19, 18),
    "dark brown": (44, 31, 24),
    "brown": (74, 50, 35),
    "light brown": (112, 80, 54),
    "blond": (171, 134, 86),
    "red": (124, 60, 31),
    "grey": (134, 131, 127),
    "white": (205, 202, 196),
}
IRIS_SRGB = {
    "dark brown": (52, 31, 20),
    "brown": (88, 54, 30),
    "hazel": (112, 88, 48),
    "green": (92, 108, 70),
    "blue": (88, 122, 156),
    "grey": (120, 130, 138),
}


def linear_from_srgb(srgb: Array) -> Float64[Array, "*n"]:
    """sRGB in 0..255 → linear light in 0..1 (IEC 61966-2-1)."""
    value = np.asarray(srgb, dtype=np.float64) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def as_colour(value: Array) -> Colour:
    red, green, blue = (float(channel) for channel in np.clip(value, 0.0, 1.0))
    return red, green, blue


def mix_skin(melanin: float, undertone: float) -> Colour:
    """Skin colour. melanin 0..1 from the lightest to the darkest; undertone −1 (olive, yellow) to 1 (pink)."""
    place = np.clip(melanin, 0.0, 1.0) * (len(SKIN_SRGB) - 1)
    low = min(int(place), len(SKIN_SRGB) - 2)
    srgb = SKIN_SRGB[low] + (place - low) * (SKIN_SRGB[low + 1] - SKIN_SRGB[low])
    return as_colour(linear_from_srgb(srgb) * (1.0 + undertone * np.array([0.05, -0.03, 0.02])))


def draw_cloth_colour(rng: np.random.Generator) -> Colour:
    """A colour that clothes are sold in: mostly neutrals, navy and earth, sometimes vivid."""
    kind = rng.random()
    if kind < 0.3:  # white to black, a hint warm or cold
        low, high = ((15.0, 45.0), (60.0, 170.0), (200.0, 243.0))[int(rng.integers(3))]
        grey = rng.uniform(low, high)
        red, green, blue = (grey + hint for hint in rng.normal(0.0, 3.0, 3).tolist())
    else:
        # hue, saturation, value: navy and blue; beige, brown and camel; muted; vivid
        if kind < 0.47:
            ranges = ((0.57, 0.66), (0.35, 0.75), (0.2, 0.5))
        elif kind < 0.65:
            ranges = ((0.05, 0.13), (0.2, 0.6), (0.3, 0.85))
        elif kind < 0.85:
            ranges = ((0.0, 1.0), (0.25, 0.55), (0.3, 0.85))
        else:
            ranges = ((0.0, 1.0), (0.6, 0.92), (0.45, 0.92))
        share = rng.random(3).tolist()
        hue, saturation, value = (low + (high - low) * t for (low, high), t in zip(ranges, share, strict=True))
        red, green, blue = (255.0 * channel for channel in colorsys.hsv_to_rgb(hue, saturation, value))
    return _decode(red), _decode(green), _decode(blue)


def _decode(srgb: float) -> float:
    """`linear_from_srgb` of one number, clipped; outfits draw many and NumPy is slow on one."""
    value = min(max(srgb / 255.0, 0.0), 1.0)
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def measure_difference(first: Colour, second: Colour) -> float:
    """How different two colours look: their distance in CIELAB (CIE 1976, white D65). About 2 can just be told."""
    return math.dist(_lab(first), _lab(second))


@lru_cache(maxsize=256)
def _lab(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (t ** (1.0 / 3.0) if t > 0.008856 else 7.787 * t + 16.0 / 116.0 for t in (x, y, z))
    return 116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)


@cache
def _skins() -> tuple[Colour, ...]:
    return tuple(mix_skin(melanin, 0.0) for melanin in np.linspace(0.0, 1.0, 22))


def draw_fabric(rng: np.random.Generator) -> Colour:
    """A cloth colour that is nobody's skin colour: from afar, pink trousers on dark legs are bare legs too."""
    for _ in range(TRIES):
        colour = draw_cloth_colour(rng)
        if all(measure_difference(colour, skin) >= UNLIKE_SKIN for skin in _skins()):
            return colour
    return SAFE[0]


def draw_apart(rng: np.random.Generator, draw: Callable[[np.random.Generator], Colour], skin: Colour) -> Colour:
    """What `draw` gives, drawn again until it can't be taken for bare skin (at least APART from it)."""
    for _ in range(TRIES):
        colour = draw(rng)
        if measure_difference(colour, skin) >= APART:
            return colour
    return max(SAFE, key=lambda colour: measure_difference(colour, skin))


def draw_second_colour(rng: np.random.Generator, first: Colour, skin: Colour | None = None) -> Colour:
    """A cloth colour that can be told from the first: their luminances differ by a third of the larger at least.
    Given a skin, nor can it be taken for that."""
    for _ in range(TRIES):
        colour = draw_cloth_colour(rng)
        if _luminances_differ(colour, first) and (skin is None or measure_difference(colour, skin) >= APART):
            return colour
    apart = [c for c in SAFE if skin is None or measure_difference(c, skin) >= APART]
    return max(apart, key=lambda colour: measure_difference(colour, first))


def _luminances_differ(first: Colour, second: Colour) -> bool:
    bright, dim = max(sum(first), sum(second)), min(sum(first), sum(second))
    return bright > 1.5 * dim + 0.05
