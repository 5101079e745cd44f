"""Settings of training a harmonisation network, without its heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field

from densesynth.compose.harmonise.perturb import PerturbSettings
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings
from densesynth.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The defaults are the published ones (Ling et al., CVPR 2021, and the authors' released training)."""

    size: int = 256
    """Side of the training pictures, pixels."""
    batch: int = 11
    """Pairs in a step."""
    epochs: int = 100
    """Epochs at the full learning rate."""
    decay_epochs: int = 100
    """Epochs over which the rate then falls to 0."""
    rate: float = 2e-4
    """Adam's learning rate, of both networks."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay rates."""
    l1: float = 100.0
    """Weight of the mean absolute difference from the real picture."""
    adversarial: float = 1.0
    """Weight of the critic of the whole picture; with 0 for both critics none is trained."""
    verification: float = 1.0
    """Weight of the critic of region against surroundings."""
    penalty: float = 10.0
    """Weight of the gradient penalty."""
    ndf: int = 64
    """Channels after the critics' first convolution."""
    save_every: int = 500
    """Steps between checkpoints."""
    network: RainNetSettings = field(default_factory=RainNetSettings)
    perturbing: PerturbSettings = field(default_factory=PerturbSettings)

    def __post_init__(self) -> None:
        if self.size % self.network.stride or self.size <= 0:
            raise ConfigurationError(
                f"size {self.size}: expected a multiple of {self.network.stride} for {self.network.blocks} blocks"
            )
        if min(self.batch, self.save_every, self.ndf) < 1 or self.epochs + self.decay_epochs < 1:
            raise ConfigurationError("batch, save_every, ndf and the number of epochs must be at least 1")
        if self.size < 128 and self.has_critics:
            raise ConfigurationError(
                f"size {self.size}: the critics need 128 px; or set adversarial, verification to 0"
            )

    @property
    def has_critics(self) -> bool:
        return self.adversarial > 0.0 or self.verification > 0.0
