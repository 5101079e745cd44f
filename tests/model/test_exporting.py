"""The exported graph says what the network says, on other pictures than the one it was traced with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from seeded_weights import seeded_image
from small_model import small_rcnn

from densesynth.errors import ConfigurationError
from densesynth.model.exporting import OUTPUTS, Graph, export_onnx
from densesynth.model.rcnn import DensePoseRCNN


def _compare(model: DensePoseRCNN, path: Path, names: tuple[str, ...], share: float) -> None:
    """Three pictures through both; the largest difference stays under a share of each output's deviation."""
    export_onnx(model, path, 64, 96)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    counts = set()
    for seed in range(3):
        picture = seeded_image(64, 96, 3, seed).transpose(2, 0, 1).astype(np.float32)
        with torch.inference_mode():
            expected = dict(zip(OUTPUTS, Graph(model)(torch.from_numpy(picture)), strict=True))
        found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"picture": picture}), strict=True))
        counts.add(len(found["boxes"]))
        for name in names:
            assert expected[name].shape == found[name].shape, name
            tolerance = share * max(float(expected[name].std()), 1e-3)
            np.testing.assert_allclose(found[name], expected[name].numpy(), rtol=0, atol=tolerance, err_msg=name)
    assert counts - {0}


@pytest.mark.parametrize("options", [{}, {"kind": "deeplab", "coarse": 15}])
def test_onnxruntime_agrees(tmp_path: Path, options: dict[str, object]) -> None:
    """Boxes and scores as they come; maps with boxes that both sides know to the last digit (anchors, not moved),
    since random weights make maps steep in their box."""
    model = small_rcnn(score_threshold=0.0, **options)
    _compare(model, tmp_path / "whole.onnx", ("boxes", "scores"), 1e-3)
    with torch.no_grad():
        for layer in (model.proposal_generator.rpn_head.anchor_deltas, model.roi_heads.box_predictor.bbox_pred):
            layer.weight.zero_()
    _compare(model, tmp_path / "still.onnx", OUTPUTS, 5e-3)


def test_sizes_and_models_that_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="multiples of 32"):
        export_onnx(small_rcnn(), tmp_path / "model.onnx", 60, 96)
    with pytest.raises(ConfigurationError, match="only chart models"):
        export_onnx(small_rcnn(output="embedding"), tmp_path / "model.onnx", 64, 96)
