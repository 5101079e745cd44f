"""What every model of ours answers for one picture.

Maps stay as small as the network makes them; `model.crops` lays them over a box where someone wants to see it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from jaxtyping import Float32, UInt8
from torch import Tensor

PARTS = 25  # fine parts and background


@dataclass(frozen=True, kw_only=True)
class ChartMaps:
    """Maps of n boxes, each s×s over its box.

    coarse: logits of background and foreground (2) or of the 14 coarse parts and background (15). fine: logits of the
    fine parts, 0 background. u, v: values, not clamped; one channel per fine part (25; channel 0 unused), or one for
    all. scale: how many times the maps are enlarged, bilinearly, before they are laid over the box (DensePose
    R-CNN: 2). The rest are the raw outputs of the confidence layers of a model that has them (`model.predictor`).
    """

    coarse: Float32[Tensor, "n c s s"]
    fine: Float32[Tensor, "n 25 s s"]
    u: Float32[Tensor, "n p s s"]
    v: Float32[Tensor, "n p s s"]
    scale: int = 1
    sigma: Float32[Tensor, "n p s s"] | None = None
    kappa_u: Float32[Tensor, "n p s s"] | None = None
    kappa_v: Float32[Tensor, "n p s s"] | None = None
    coarse_confidence: Float32[Tensor, "n 1 s s"] | None = None
    fine_confidence: Float32[Tensor, "n 1 s s"] | None = None


@dataclass(frozen=True, kw_only=True)
class EmbeddingMaps:
    """Maps of n boxes of a continuous-surface-embedding model: coarse as in `ChartMaps`; embedding: not normalised."""

    coarse: Float32[Tensor, "n c s s"]
    embedding: Float32[Tensor, "n d s s"]
    scale: int = 1


Maps: TypeAlias = ChartMaps | EmbeddingMaps


@dataclass(frozen=True, kw_only=True)
class EmbeddedSurface:
    """The vertices of the mesh that a surface-embedding model knows: where each lies in the embedding, and in charts.

    embedding: unit vectors. part: 1..24. u, v: [0, 1].
    """

    embedding: Float32[Tensor, "m d"]
    part: UInt8[Tensor, "m"]
    u: Float32[Tensor, "m"]
    v: Float32[Tensor, "m"]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The n people found in one picture, by falling score.

    boxes: x0, y0, x1, y1 in the pixels of the picture as it was given, within it. scores: [0, 1]. surface: what
    embeddings are read with; chart maps need none.
    """

    boxes: Float32[Tensor, "n 4"]
    scores: Float32[Tensor, "n"]
    maps: Maps
    surface: EmbeddedSurface | None = None


@dataclass(frozen=True, kw_only=True)
class ChartCrop:
    """One person's labels over their box.

    x, y: the crop's top-left pixel. part: fine part, 0 background. u, v: not clamped, 0 on background.
    """

    x: int
    y: int
    part: UInt8[Tensor, "h w"]
    u: Float32[Tensor, "h w"]
    v: Float32[Tensor, "h w"]


def change_maps(maps: Maps, change: Callable[[Tensor], Tensor]) -> Maps:
    """The same function applied to each tensor of the maps: a choice of boxes, another device."""
    tensors = {field.name: getattr(maps, field.name) for field in fields(maps)}
    changed: dict[str, Any] = {name: change(t) for name, t in tensors.items() if isinstance(t, Tensor)}
    return replace(maps, **changed)
