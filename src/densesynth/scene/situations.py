"""Situations people are photographed in: mixtures of the ranges that cameras are drawn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from densesynth.scene.settings import CameraSettings, Range

# focal length (mm), fill, elevation (degrees), roll (degrees), off centre, height aimed at (share of the person's)
Ranges = tuple[Range, Range, Range, Range, float, Range]
SITUATIONS: dict[str, Ranges] = {
    "portrait": ((50.0, 135.0), (1.6, 3.2), (-5.0, 12.0), (-4.0, 4.0), 0.12, (0.75, 0.9)),
    "whole_body": ((28.0, 85.0), (0.55, 0.9), (-5.0, 15.0), (-4.0, 4.0), 0.12, (0.5, 0.5)),
    "cut_off": ((28.0, 85.0), (1.05, 1.8), (-5.0, 15.0), (-6.0, 6.0), 0.25, (0.45, 0.8)),
    "selfie": ((20.0, 28.0), (2.2, 3.6), (5.0, 35.0), (-20.0, 20.0), 0.15, (0.8, 0.92)),
    "cctv": ((16.0, 40.0), (0.12, 0.4), (25.0, 60.0), (-3.0, 3.0), 0.35, (0.5, 0.5)),
    "drone": ((24.0, 35.0), (0.06, 0.25), (45.0, 85.0), (-180.0, 180.0), 0.3, (0.5, 0.5)),
}


def draw_situation(settings: CameraSettings, rng: np.random.Generator) -> tuple[CameraSettings, float]:
    """The ranges of one frame's camera, and the height aimed at as a share of the person's.

    Each situation has its share of the frames; the settings' own ranges have what is left.
    """
    at = rng.random()
    for name, (focal_length, fill, elevation, roll, off_centre, aim) in SITUATIONS.items():
        at -= getattr(settings, name)
        if at < 0.0:
            ranges = replace(
                settings, focal_length=focal_length, fill=fill, elevation=elevation, roll=roll, off_centre=off_centre
            )
            return ranges, float(rng.uniform(*aim))
    return settings, 0.5
