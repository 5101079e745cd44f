"""What a DensePose R-CNN is made of, as one frozen value; the zoo's configurations are functions that return it.

Names and figures follow detectron2's DensePose configurations (projects/DensePose/configs).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class BackboneSettings:
    """ResNet and feature pyramid."""

    depth: Literal[26, 50, 101] = 50
    """Layers; 26 has two blocks a stage, for small configurations."""
    variant: Literal["msra", "torchvision"] = "msra"
    """msra: the zoo's (BGR, deviation 1, stride in a stage's first 1×1); torchvision: RGB, stride in the 3×3."""
    width: int = 64
    """Channels of the stem; every stage follows."""
    channels: int = 256
    """Channels of each pyramid level."""
    freeze: int = 2
    """How many stages from the stem on never learn: 0 none, 1 the stem, 2 the stem and res2."""


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """Region proposals and boxes."""

    box_features: int = 1024
    """Width of the two layers of the box head."""
    proposals_before: tuple[int, int] = (2000, 1000)
    """Proposals kept per level before suppression: training, inference."""
    proposals_after: tuple[int, int] = (1000, 1000)
    """Proposals kept per picture after it: training, inference."""
    score_threshold: float = 0.05
    """People scored no higher are dropped."""
    overlap_threshold: float = 0.5
    """Of two boxes with a larger IoU the better one stays."""
    people: int = 100
    """Most people of one picture."""
    regions: int = 512
    """Boxes of each picture that the box head learns from."""
    dense_overlap: float = 0.7
    """IoU with a labelled box above which a region learns its surface."""


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """The DensePose branch."""

    kind: Literal["v1convx", "deeplab"] = "v1convx"
    """Eight convolutions, or DeepLabV3's pyramid pooling before eight with group norm."""
    non_local: bool = False
    """A non-local block after the pyramid pooling (deeplab only)."""
    convolutions: int = 8
    """How many 3×3 convolutions."""
    channels: int = 512
    """Their width."""
    pool: int = 28
    """Side of a region's features; maps are twice as large, and enlarged twice again."""
    output: Literal["chart", "embedding"] = "chart"
    """I, U, V charts, or continuous surface embeddings (CSE)."""
    coarse: Literal[2, 15] = 2
    """Coarse segmentation: foreground, or the 14 parts."""
    confidence: Literal["off", "wc1", "wc2"] = "off"
    """Uncertainty of U, V: one variance a part (wc1), or a correlated one (wc2). Neverova et al., NeurIPS 2019."""
    segmentation_confidence: bool = False
    """Learn how sure the segmentations are, too (the zoo's M variants)."""
    embedding: int = 16
    """Dimensions of the surface embedding."""
    meshes: tuple[tuple[str, int, int], ...] = (("smpl_27554", 27554, 256),)
    """Meshes embedded: name, vertices, features a vertex."""


@dataclass(frozen=True, kw_only=True)
class RcnnSettings:
    """A DensePose R-CNN."""

    backbone: BackboneSettings = field(default_factory=BackboneSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    head: HeadSettings = field(default_factory=HeadSettings)
    short_side: int = 800
    """Pictures are resized to this short side, pixels …"""
    long_side: int = 1333
    """… unless the long side would exceed this."""


def zoo_settings(name: str) -> RcnnSettings:
    """The zoo's configuration `name`: densepose_rcnn_R_50_FPN_s1x, …_R_101_FPN_DL_WC2M_s1x and so on.

    Raises KeyError for a name of another form (the legacy ones among them: they have no decoder).
    """
    words = name.removeprefix("densepose_rcnn_").removeprefix("densepose_").split("_")
    depths: dict[str, Literal[50, 101]] = {"50": 50, "101": 101}
    if words[:1] != ["R"] or words[2:3] != ["FPN"] or words[-1] != "s1x" or words[1] not in depths:
        raise KeyError(name)
    options = set(words[3:-1])
    if options - {"DL", "WC1", "WC2", "WC1M", "WC2M", "soft"}:
        raise KeyError(name)
    wc1, wc2 = bool(options & {"WC1", "WC1M"}), bool(options & {"WC2", "WC2M"})
    return RcnnSettings(
        backbone=BackboneSettings(depth=depths[words[1]]),
        head=HeadSettings(
            kind="deeplab" if "DL" in options else "v1convx",
            confidence="wc1" if wc1 else "wc2" if wc2 else "off",
            segmentation_confidence=bool(options & {"WC1M", "WC2M"}),
        ),
    )
