"""Checkpoints come back the same, from every kind of file; what doesn't fit is told by name."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from small_model import small_rcnn, small_settings

from densesynth.errors import AssetError
from densesynth.model.checkpoint import load_state, open_model, read_state, save_model
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import BackboneSettings, RcnnSettings, zoo_settings
from densesynth.model.torchvision_names import rename_torchvision


def _same(first: DensePoseRCNN, second: DensePoseRCNN) -> None:
    states = first.state_dict(), second.state_dict()
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_ours_and_the_zoo_s_come_back(tmp_path: Path) -> None:
    for options in (
        {},
        {"kind": "deeplab", "non_local": True, "coarse": 15, "confidence": "wc2", "segmentation_confidence": True},
        {"output": "embedding"},
        {"confidence": "wc1"},
    ):
        model = small_rcnn(**options)
        save_model(tmp_path / "model.safetensors", model, {"steps": "12"})
        opened = open_model(tmp_path / "model.safetensors")
        assert opened.settings == model.settings
        _same(opened, model)
        arrays = {name: value.numpy() for name, value in model.state_dict().items()}
        zoo = {"model": {**arrays, "pixel_mean": np.zeros((3, 1, 1))}, "__author__": "Detectron2 Model Zoo"}
        (tmp_path / "model_final_0.pkl").write_bytes(pickle.dumps(zoo, protocol=2))
        opened = open_model(tmp_path / "model_final_0.pkl")
        meshes = opened.settings.head.meshes if "output" not in options else model.settings.head.meshes
        assert opened.settings.head == replace(model.settings.head, meshes=meshes)  # a chart model's file holds none
        _same(opened, model)


def test_two_channels_into_fifteen() -> None:
    """Mask-based supervision of the 14 parts from a foreground checkpoint: that layer starts fresh, and is named."""
    old, new = small_rcnn(seed=1), small_rcnn(seed=2, coarse=15)
    before = new.roi_heads.densepose_predictor.ann_index_lowres.weight.clone()
    report = load_state(new, old.state_dict())
    layer = "roi_heads.densepose_predictor.ann_index_lowres"
    assert [name for name, _, _ in report.reshaped] == [f"{layer}.weight", f"{layer}.bias"]
    assert not report.fresh
    assert not report.whole
    assert torch.equal(new.roi_heads.densepose_predictor.ann_index_lowres.weight, before)
    assert torch.equal(
        new.roi_heads.densepose_predictor.u_lowres.weight, old.roi_heads.densepose_predictor.u_lowres.weight
    )
    assert "[32, 2, 4, 4] in the file, [32, 15, 4, 4] here" in report.lines()[0]


def test_refused_in_one_line(tmp_path: Path) -> None:
    model = small_rcnn()
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    cases = {
        "missing.pkl": None,
        "cut.safetensors": b"\x10\x00\x00\x00\x00\x00\x00\x00{",
        "cut.pth": b"PK\x03\x04",
        "list.pkl": pickle.dumps([1, 2]),
        "none.pkl": pickle.dumps({"model": {"a": 1}}),
        "legacy.pkl": pickle.dumps({"model": {n: v for n, v in state.items() if "decoder" not in n}}),
        "part.pkl": pickle.dumps({"model": {n: v for n, v in state.items() if "u_lowres" not in n}}),
        "code.pkl": pickle.dumps({"model": print}),
    }
    for name, content in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(AssetError) as caught:
            open_model(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(AssetError, match="kind 'unknown'"):
        open_model(tmp_path / "other.safetensors")


def test_torchvision_s_backbone_is_the_same_function(tmp_path: Path) -> None:
    """torchvision's ResNet-50 and ours, the same weights: the same maps of every stage."""
    torch.manual_seed(0)
    theirs = torchvision.models.resnet50(weights=None, norm_layer=torchvision.ops.FrozenBatchNorm2d).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet50.pth")
    model = DensePoseRCNN(RcnnSettings(backbone=BackboneSettings(variant="torchvision"))).eval()
    report = load_state(model, read_state(tmp_path / "resnet50.pth"))
    assert not report.unexpected
    assert not report.reshaped
    assert not [name for name in report.fresh if name.startswith("backbone.bottom_up")]
    picture = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        stages = model.backbone.bottom_up(picture)
        maps = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(picture))))
        for k in range(4):
            maps = getattr(theirs, f"layer{k + 1}")(maps)
            torch.testing.assert_close(stages[k], maps, rtol=1e-4, atol=1e-4 * float(maps.std()))


def test_torchvision_s_detector_fills_all_but_the_surface() -> None:
    theirs = torchvision.models.detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    with torch.device("meta"):
        ours = DensePoseRCNN(RcnnSettings(backbone=BackboneSettings(variant="torchvision")))
    shapes = {name: tuple(value.shape) for name, value in ours.state_dict().items()}
    renamed = rename_torchvision(theirs.state_dict())
    assert all(shapes[name] == tuple(value.shape) for name, value in renamed.items() if name in shapes)
    assert not set(renamed) - set(shapes)
    fresh = set(shapes) - set(renamed)
    assert all(name.startswith(("roi_heads.densepose", "roi_heads.decoder")) for name in fresh), sorted(fresh)


def test_zoo_settings() -> None:
    settings = zoo_settings("densepose_rcnn_R_101_FPN_DL_WC2M_s1x")
    assert (settings.backbone.depth, settings.head.kind, settings.head.confidence) == (101, "deeplab", "wc2")
    assert settings.head.segmentation_confidence
    with pytest.raises(KeyError):
        zoo_settings("densepose_rcnn_R_50_FPN_s1x_legacy")
    assert small_settings().head.pool == 28
