"""How markers are fitted."""

from __future__ import annotations

from dataclasses import dataclass

METHOD = 2  # part of the keys of fits that are kept: raised when the same markers would come out otherwise


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How markers are fitted. Lengths in metres."""

    keyframes: int = 12
    """Frames that shape and marker places are found from."""
    distance: float = 0.0095
    """From the skin to a marker's centre: radius of a 14 mm marker and what it is stuck on with."""
    distance_spread: float = 0.004
    """Standard deviation of that distance from marker to marker."""
    noise: float = 0.005
    """Standard deviation of a marker from where the body carries it: skin that slides, and the cameras' error."""
    stray: float = 0.06
    """From here on an error says little: the marker is somewhere else."""
    acceleration: float = 40.0
    """m/s², standard deviation, of joints: what counts as smooth."""
    angular_acceleration: float = 160.0
    """rad/s², standard deviation, of the rotations at joints."""
    chunk: int = 128
    """Frames solved at a time."""
    iterations: int = 30
    """At most, in each of the stages."""
