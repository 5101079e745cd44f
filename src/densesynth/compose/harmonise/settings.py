"""Harmonisation as a section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

Method = Literal["off", "reinhard", "histogram", "rain"]
Regions = Literal["person", "object", "both"]


@dataclass(frozen=True, kw_only=True)
class HarmoniseSettings:
    """Pasted regions in the style of the background, before the sensor. Labels stay as they are."""

    method: Method = "off"
    """off, reinhard (colour statistics), histogram (of the boundary band), rain (a network: `checkpoint`)."""
    checkpoint: Path | None = None
    """A generator of `densesynth harmonise train`, or the RainNet authors' net_G_last.pth."""
    regions: Regions = "person"
    """What is harmonised: the people, pasted objects, or both together. A frame without any is left alone."""
    max_drift: Annotated[float, Meta(gt=0.0, le=10.0)] = 0.5
    """A picture whose edges or texture would move by more, pixels on average, keeps its unharmonised state."""
    estimate_size: Annotated[int, Meta(ge=32, le=2048)] = 256
    """Side at which the network looks at a picture; its change of colour is carried to full size smoothly."""

    full_size: bool = False
    """The network looks at the picture at its own size, and its answer is carried in windows of some 12 pixels;
    `estimate_size` is unused. Colours may then change from place to place within a person; it costs with the picture's
    area."""
    batch: Annotated[int, Meta(ge=1, le=256)] | None = None
    """Frames that the network looks at together, in places of their own (frame i in place i modulo this): pictures may
    depend on it in their last bits, and never on who shares a batch. By default 1 on a CPU and 8 on a GPU."""

    def __post_init__(self) -> None:
        if (self.method == "rain") != (self.checkpoint is not None):
            raise ValueError('`checkpoint` and `method` = "rain" go together: give both or neither')
