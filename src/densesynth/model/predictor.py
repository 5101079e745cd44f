"""The last layers: a region's head features → its maps. Parameter names are DensePose's.

Sources: DensePose's `predictors/{chart,chart_confidence,cse}`; Neverova et al. 2019 (correlated uncertainty), Neverova
et al. 2020 (continuous surface embeddings).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model.output import PARTS, ChartMaps, EmbeddingMaps
from densesynth.model.settings import HeadSettings

SCALE = 2  # how many times maps are enlarged after the last layer


class ChartPredictor(nn.Module):
    """Coarse and fine segmentation, U and V, and what confidences are asked for. One transposed convolution in all."""

    def __init__(self, inputs: int, settings: HeadSettings) -> None:
        super().__init__()
        layers = {"ann_index": settings.coarse, "index_uv": PARTS, "u": PARTS, "v": PARTS}
        if settings.confidence != "off":
            layers["sigma_2"] = PARTS
        if settings.confidence == "wc2":
            layers |= {"kappa_u": PARTS, "kappa_v": PARTS}
        if settings.segmentation_confidence:
            layers |= {"fine_segm_confidence": 1, "coarse_segm_confidence": 1}
        self.outputs = tuple(layers)
        for name, channels in layers.items():
            self.add_module(f"{name}_lowres", _transposed(inputs, channels))

    def forward(self, features: Float[Tensor, "n c s s"]) -> ChartMaps:
        maps = _apply_together(features, [self.get_submodule(f"{name}_lowres") for name in self.outputs])
        found = dict(zip(self.outputs, maps, strict=True))
        return ChartMaps(
            coarse=found["ann_index"],
            fine=found["index_uv"],
            u=found["u"],
            v=found["v"],
            scale=SCALE,
            sigma=found.get("sigma_2"),
            kappa_u=found.get("kappa_u"),
            kappa_v=found.get("kappa_v"),
            coarse_confidence=found.get("coarse_segm_confidence"),
            fine_confidence=found.get("fine_segm_confidence"),
        )


class EmbeddingPredictor(nn.Module):
    """Coarse segmentation and the embedding of each pixel's surface point."""

    def __init__(self, inputs: int, settings: HeadSettings) -> None:
        super().__init__()
        self.coarse_segm_lowres = _transposed(inputs, settings.coarse)
        self.embed_lowres = _transposed(inputs, settings.embedding)

    def forward(self, features: Float[Tensor, "n c s s"]) -> EmbeddingMaps:
        coarse, embedding = _apply_together(features, [self.coarse_segm_lowres, self.embed_lowres])
        return EmbeddingMaps(coarse=coarse, embedding=embedding, scale=SCALE)


class VertexEmbedder(nn.Module):
    """Fixed features of a mesh's vertices, and the learnt map from them to the embedding."""

    features: Tensor

    def __init__(self, vertices: int, features: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(vertices, features))
        self.embeddings = nn.Parameter(torch.zeros(features, dimensions))

    def forward(self) -> Float32[Tensor, "v d"]:
        """Unit vectors, one for each vertex."""
        return normalise(self.features @ self.embeddings)


class Embedder(nn.Module):
    """Vertex embeddings of each mesh by name."""

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__()
        for name, vertices, features in settings.meshes:
            self.add_module(f"embedder_{name}", VertexEmbedder(vertices, features, settings.embedding))

    def forward(self, mesh: str) -> Float32[Tensor, "v d"]:
        return self.get_submodule(f"embedder_{mesh}")()


def normalise(vectors: Float[Tensor, "n d"], floor: float = 1e-6) -> Float[Tensor, "n d"]:
    """Vectors at unit length; DensePose's floor keeps a zero vector finite."""
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=floor)


def _transposed(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _apply_together(features: Tensor, layers: list[nn.Module]) -> tuple[Tensor, ...]:
    """Several transposed convolutions of the same input as one."""
    weight = torch.cat([layer.get_parameter("weight") for layer in layers], dim=1)
    bias = torch.cat([layer.get_parameter("bias") for layer in layers])
    answer = F.conv_transpose2d(features, weight, bias, stride=2, padding=1)
    return answer.split([layer.get_parameter("bias").shape[0] for layer in layers], dim=1)
