"""What the user brings to a reproduction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHARTS, SYMMETRY = "UV_Processed.mat", "UV_symmetry_transforms.mat"


@dataclass(frozen=True, kw_only=True)
class PaperFiles:
    """What the user brings. None: not given."""

    annotations: Path | None = None
    """densepose_coco_2014_minival.json."""
    images: Path | None = None
    """COCO's val2014, whose pictures minival is of."""
    densepose: Path | None = None
    """Folder of DensePose's UV data: SMPL_subdiv.mat, SMPL_SUBDIV_TRANSFORM.mat, Pdist_matrix.pkl, UV_Processed.mat,
    UV_symmetry_transforms.mat."""
    smpl: Path | None = None
    """Folder of SMPL's official files, male and female."""
    captures: Path | None = None
    """Folder of motion clips: AMASS, BVH, ASF/AMC, or what `densesynth fit` makes of Qualisys captures."""
    backgrounds: Path | None = None
    """Folder of people-free pictures; the paper has 3,456 of COCO's."""
    checkpoint: Path | None = None
    """The zoo's model_final_0ed407.pkl (densepose_rcnn_R_50_FPN_DL_s1x): the model trained on real data."""
    textures: Path | None = None
    """Folder of body textures (SURREAL's); without it skin and clothes are painted."""
    texture_layout: Path | None = None
    """smpl_uv.obj of SMPL's site: where the textures' texels lie on the body."""
    objects: Path | None = None
    """Folder of cut-outs with alpha (the paper has 227); without it objects are made up."""
    harmoniser: Path | None = None
    """RainNet's net_G_last.pth; without it pictures aren't harmonised."""


OPTIONAL = ("textures", "texture_layout", "objects", "harmoniser")
