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


@pytest.mark.parametrize("options", [{}, {"kind": "deeplab", "coarse": 15}])
def test_onnxruntime_agrees(tmp_path: Path, options: dict[str, object]) -> None:
    model = small_rcnn(score_threshold=0.0, **options)
    export_onnx(model, tmp_path / "model.onnx", 64, 96)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    counts = set()
    for seed in range(3):
        picture = seeded_image(64, 96, 3, seed).transpose(2, 0, 1).astype(np.float32)
        with torch.inference_mode():
            expected = Graph(model)(torch.from_numpy(picture))
        found = session.run(list(OUTPUTS), {"picture": picture})
        counts.add(len(found[0]))
        for name, ours, theirs in zip(OUTPUTS, expected, found, strict=True):
            assert ours.shape == theirs.shape, name
            # A box's last digits move its maps, which random weights make steep.
            share = 1e-3 if name in ("boxes", "scores") else 2e-2
            tolerance = share * max(float(ours.std()), 1e-3)
            np.testing.assert_allclose(theirs, ours.numpy(), rtol=0, atol=tolerance, err_msg=name)
    assert counts - {0}


def test_sizes_and_models_that_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="multiples of 32"):
        export_onnx(small_rcnn(), tmp_path / "model.onnx", 60, 96)
    with pytest.raises(ConfigurationError, match="only chart models"):
        export_onnx(small_rcnn(output="embedding"), tmp_path / "model.onnx", 64, 96)
