"""Random numbers of a frame: one independent stream for each purpose.

A stream depends on (seed, frame, purpose) alone, so frames can be made in any order by any worker, and a change in how
many numbers one purpose draws leaves every other purpose as it was.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are drawn for. The values are part of the promise that old seeds give old pictures."""

    PEOPLE = 0
    CAMERA = 1
    LENS = 2
    PLACES = 3
    OUTFITS = 4
    LIGHT = 5
    BACKDROP = 6
    SENSOR = 7
    POINTS = 8
    SURROUNDINGS = 9
    LAMPS = 10
    RIG = 11
    EXPOSURE = 12
    JPEG = 13
    SITUATION = 14
    CUTS = 15
    OCCLUDERS = 16
    FISHEYE = 17
    LOOKS = 18
    GARMENTS = 19
    FURNITURE = 20
    LOOSE = 21
    TRESSES = 22
    CARRIED = 23
    EXPRESSIONS = 24
    GAZE = 25


def stream(seed: int, index: int, purpose: Purpose) -> np.random.Generator:
    """The stream of one purpose in frame `index` (≥ 0) of the run with `seed` (≥ 0)."""
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(index, int(purpose))))
