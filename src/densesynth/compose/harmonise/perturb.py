"""Self-supervision: a region's appearance spoiled as a careless paste would, for a network to learn to restore."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.arrays import Array, Float32
from densesynth.compose.harmonise.transfer import paste

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709


@dataclass(frozen=True, kw_only=True)
class PerturbSettings:
    """How strongly; each strength is the half-width of a uniform range, 0 is off."""

    exposure: float = 1.5
    """Stops of linear light."""
    temperature: float = 0.5
    """Warm or cold: natural logarithm of the gain of red over that of blue."""
    tint: float = 0.12
    """Green or magenta: natural logarithm of green's gain."""
    tone: float = 0.35
    """Natural logarithm of the tone curve's exponent (gamma)."""
    contrast: float = 0.4
    """Natural logarithm of the contrast about the region's mean."""
    saturation: float = 0.6
    """Natural logarithm of the saturation."""
    blur: float = 0.5
    """Largest standard deviation, pixels; every third region is blurred."""
    noise: float = 0.02
    """Largest standard deviation, share of white; every third region gets noise."""


def perturb(
    picture: Float32[Array, "h w 3"], mask: Float32[Array, "h w"], settings: PerturbSettings, rng: np.random.Generator
) -> Float32[Array, "h w 3"]:
    """The picture (sRGB, [0, 1]) with its region spoiled; outside the mask it stays as it is."""
    s = settings
    names = ("exposure", "temperature", "tint", "tone", "contrast", "saturation")
    exposure, temperature, tint, tone, contrast, saturation = (rng.uniform(-1, 1) * getattr(s, name) for name in names)
    gains = 2.0**exposure * np.exp([temperature / 2, tint, -temperature / 2])
    # 2.2 is close enough to sRGB's curve for a perturbation.
    region = np.clip(picture**2.2 * gains.astype(np.float32), 0.0, 1.0) ** np.float32(np.exp(tone) / 2.2)
    mean = region[mask > 0.5].mean(axis=0)
    region = (region - mean) * np.float32(np.exp(contrast)) + mean
    grey = (region @ LUMA)[..., None]
    region = grey + (region - grey) * np.float32(np.exp(saturation))
    blur, noise = rng.uniform(0, 1, 2) * (rng.uniform(0, 1, 2) < 1 / 3) * (s.blur, s.noise)
    if blur > 0.05:
        region = cv2.GaussianBlur(region, (0, 0), float(blur))
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    return paste((region + np.float32(noise) * grain).astype(np.float32), picture, mask)
