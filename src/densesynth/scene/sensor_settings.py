"""What the camera does to the light: a section of the recipe. Every range is (low, high), uniform; [0, 0] is off."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.scene.settings import Range, check_ranges

OFF: Range = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class SensorSettings:
    """Lens and sensor effects on the picture; labels stay at pixel centres and at the middle of the exposure."""

    aperture: Range = OFF
    """Diameter of the aperture, millimetres: depth of field about the first person. A telephone's has 2 to 5, a
    portrait lens 30 to 60. Takes the place of procedural backdrops' own blur."""
    shutter: Range = OFF
    """Exposure time, milliseconds: people who move are smeared."""
    shake: Range = OFF
    """How far the camera moves during the exposure, pixels, in any direction."""
    exposure: Range = OFF
    """Error of the exposure, stops; 1 is twice as bright."""
    white_balance: Range = OFF
    """Error of the white balance, mired; positive is warmer."""
    vignette: Range = OFF
    """Share of the light lost in the picture's corners."""
    fringe: Range = OFF
    """Lateral chromatic aberration in the picture's corners, pixels."""
    shoulder: Range = OFF
    """How gently the tone curve goes into white: 0 cuts, 1 bends from a third of white on."""
    smoothing: Range = OFF
    """Strength of noise smoothing after development, as telephones do."""
    sharpening: Range = OFF
    """Strength of sharpening after development."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            aperture=(0.0, 300.0),
            shutter=(0.0, 1000.0),
            shake=(0.0, 100.0),
            exposure=(-6.0, 6.0),
            white_balance=(-120.0, 200.0),
            vignette=(0.0, 1.0),
            fringe=(0.0, 20.0),
            shoulder=(0.0, 1.0),
            smoothing=(0.0, 3.0),
            sharpening=(0.0, 3.0),
        )
