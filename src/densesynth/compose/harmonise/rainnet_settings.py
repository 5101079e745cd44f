"""Size of RainNet's generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from densesynth.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class RainNetSettings:
    """Size of the generator; the defaults are the released network's."""

    ngf: int = 64
    """Channels after the first convolution."""
    blocks: int = 4
    """Stride-2 blocks inside the four outer levels; the picture's sides must be multiples of 2 ** (4 + blocks)."""
    dropout: float = 0.0
    """Share of the decoder's inner features dropped while training."""

    def __post_init__(self) -> None:
        if not 1 <= self.ngf <= 512 or not 1 <= self.blocks <= 8 or not 0.0 <= self.dropout < 1.0:
            raise ConfigurationError(
                f"RainNet: expected ngf in 1..512, blocks in 1..8 and dropout in [0, 1), found {asdict(self)}"
            )

    @property
    def stride(self) -> int:
        """The picture's sides must be multiples of this, pixels."""
        return int(2 ** (4 + self.blocks))


def settings_from_table(table: Mapping[str, Any]) -> RainNetSettings:
    """Plain values → settings. Raises ConfigurationError on unknown keys and wrong types."""
    known = {name: type(value) for name, value in asdict(RainNetSettings()).items()}
    for name, value in table.items():
        if name not in known or not isinstance(value, known[name]):
            raise ConfigurationError(f"RainNet settings: expected {', '.join(known)}, found {name} = {value!r}")
    return RainNetSettings(**table)
