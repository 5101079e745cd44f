"""What lights are drawn from: a section of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from densesynth.scene.settings import Range, check_ranges


@dataclass(frozen=True, kw_only=True)
class LightRanges:
    """The light on the people. Panoramas and photographs behind them bring their own: of those the exposure is drawn
    here, and for photographs how soft the key light is."""

    elevation: Range = (15.0, 75.0)
    """Of the key light above the horizon, degrees."""
    temperature: Range = (3000.0, 7500.0)
    """Of the key light, kelvin; drawn uniformly in its reciprocal, as eyes judge it."""
    key_share: Range = (0.25, 0.85)
    """Share of a facing surface's light that comes from the key light."""
    angular_radius: Range = (0.3, 14.0)
    """Of the key light, degrees: the sun has 0.27, a window or soft box many."""
    exposure: Range = (0.75, 1.2)
    """Radiosity of a white surface that faces the key light; 1 is the picture's white."""
    lamps: tuple[int, int] = (0, 0)
    """How many lamps (0 to 3) stand about the first person, besides the key light."""
    lamp_strength: Range = (0.1, 0.6)
    """Radiosity of a white surface at the first person's place that faces a lamp."""
    lamp_distance: Range = (1.2, 4.0)
    """Metres from a lamp to the first person; light falls off with its square."""
    contact: Annotated[float, Meta(ge=0.0, le=1.5)] = 1.0
    """How dark bodies make the ground right below them: 1 as it is, 0 off."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            elevation=(-10.0, 90.0),
            temperature=(1700.0, 25000.0),
            key_share=(0.0, 1.0),
            angular_radius=(0.05, 30.0),
            exposure=(0.01, 20.0),
            lamps=(0, 3),
            lamp_strength=(0.0, 10.0),
            lamp_distance=(0.3, 50.0),
        )


DEFAULT_LIGHT = LightRanges()
