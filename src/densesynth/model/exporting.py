"""DensePose R-CNN as one ONNX graph: a picture of one size in, its people with their maps out.

Input `picture`: (3, height, width) float32, RGB, 0..255, at the network's size. Outputs: `boxes` (n, 4) in that
picture's pixels, `scores` (n), and the maps `coarse`, `fine`, `u`, `v` (n, channels, 56, 56), which `model.crops` (or
two bilinear enlargements) lays over the boxes. RoIAlign and suppression are ONNX's own operators.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from densesynth.data.files import write_bytes
from densesynth.errors import ConfigurationError
from densesynth.model.backbone import DIVISIBLE, normalise_picture
from densesynth.model.output import ChartMaps
from densesynth.model.rcnn import DensePoseRCNN

OPSET = 17
OUTPUTS = ("boxes", "scores", "coarse", "fine", "u", "v")


class Graph(nn.Module):
    """What is exported: inference on one picture at the network's size."""

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Float32[Tensor, "3 h w"]) -> tuple[Tensor, ...]:
        size = (int(picture.shape[1]), int(picture.shape[2]))
        prepared = normalise_picture(picture, self.model.settings.backbone.variant)
        pyramid = self.model.backbone(prepared[None])
        boxes, scores = self.model._detect(pyramid, [size])[0]
        maps = self.model.roi_heads.find_surface(pyramid, [boxes])
        assert isinstance(maps, ChartMaps)
        return boxes, scores, maps.coarse, maps.fine, maps.u, maps.v


def export_onnx(model: DensePoseRCNN, path: Path, height: int, width: int) -> None:
    """Write the graph for pictures of that size. Raises ConfigurationError for a size or a model that can't be."""
    if height < DIVISIBLE or width < DIVISIBLE or height % DIVISIBLE or width % DIVISIBLE:
        raise ConfigurationError(f"ONNX for {width}×{height} pixels: expected multiples of {DIVISIBLE}")
    head = model.settings.head
    if head.output != "chart" or head.segmentation_confidence:
        raise ConfigurationError("ONNX: only chart models without segmentation confidences can be exported")
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise ConfigurationError("ONNX needs its packages: pip install 'densesynth[onnx]'") from None
    names = {name: {0: "people"} for name in OUTPUTS}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of every size that it takes as fixed, as we mean it to
        torch.onnx.export(
            Graph(model.eval()),
            (torch.zeros(3, height, width),),
            Path(folder) / "model.onnx",
            input_names=["picture"],
            output_names=list(OUTPUTS),
            dynamic_axes=names,
            opset_version=OPSET,
            dynamo=False,
        )
        write_bytes(path, (Path(folder) / "model.onnx").read_bytes())
