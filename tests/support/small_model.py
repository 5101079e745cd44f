"""A small R-CNN with random weights: the same design as the zoo's, in a fraction of its size."""

from __future__ import annotations

import torch

from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import BackboneSettings, DetectorSettings, HeadSettings, RcnnSettings


def small_settings(*, score_threshold: float = 0.05, short_side: int = 64, **head: object) -> RcnnSettings:
    """A network of few channels; 64 in the pyramid, since group norm needs two in each of its 32 groups."""
    options = {"channels": 32, "convolutions": 2, "meshes": (("tiny", 12, 8),), **head}
    return RcnnSettings(
        backbone=BackboneSettings(depth=26, width=8, channels=64),
        detector=DetectorSettings(
            box_features=32, score_threshold=score_threshold, proposals_before=(100, 50), proposals_after=(60, 30)
        ),
        head=HeadSettings(**options),  # type: ignore[arg-type]
        short_side=short_side,
        long_side=256,
    )


def small_rcnn(*, seed: int = 0, **options: object) -> DensePoseRCNN:
    """That network, initialised from a seed, in evaluation mode."""
    torch.manual_seed(seed)
    return DensePoseRCNN(small_settings(**options)).eval()  # type: ignore[arg-type]
