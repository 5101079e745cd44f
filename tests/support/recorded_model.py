"""The R-CNN against figures recorded from the original: the same weights, the same picture, every recorded array."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from seeded_weights import seeded_image, seeded_state

from densesynth.model.crops import enlarge
from densesynth.model.detection import POOL, pool_regions
from densesynth.model.output import ChartMaps
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import HeadSettings, RcnnSettings


def read_figures(path: Path) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """The recorded arrays, and every state-dict entry's shape by name."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    names, listed = arrays.pop("names"), arrays.pop("shapes")
    return arrays, {str(name): tuple(json.loads(str(shape))) for name, shape in zip(names, listed, strict=True)}


def seeded_model(path: Path) -> tuple[DensePoseRCNN, dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """The network with the weights that the figures were recorded with."""
    arrays, shapes = read_figures(path)
    kind = "deeplab" if any("ASPP" in name for name in shapes) else "v1convx"
    model = DensePoseRCNN(RcnnSettings(head=HeadSettings(kind=kind))).eval()
    state = seeded_state(shapes, int(arrays["seed"]))
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return model, arrays, shapes


@torch.inference_mode()
def run_recorded(model: DensePoseRCNN, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our arrays at the recorded points."""
    height, width = (int(side) for side in arrays["image_hw"])
    picture = torch.from_numpy(seeded_image(height, width, 3, int(arrays["seed"])))
    batch = model.prepare([picture.permute(2, 0, 1).flip(0)])  # the figures took it as BGR; ours takes RGB
    assert tuple(batch.shape[2:]) == tuple(arrays["padded_hw"])
    boxes = [torch.from_numpy(arrays["boxes"])]
    found: dict[str, torch.Tensor] = {}
    pyramid = model.backbone(batch)
    for name, level in zip(("p2", "p3", "p4", "p5", "p6"), pyramid, strict=True):
        step = [max(1, side // 8) for side in level.shape[2:]]
        found[f"fpn_{name}"] = level[0, ::16, :: step[0], :: step[1]]
    for k, level in enumerate(pyramid):
        logits, deltas = model.proposal_generator.rpn_head(level)
        found[f"rpn_logits_{k}"], found[f"rpn_deltas_{k}"] = logits[0, :, ::4, ::4], deltas[0, :, ::4, ::4]
    heads = model.roi_heads
    found["box_cls"], found["box_deltas"] = heads.find_boxes(pyramid, boxes)
    decoded = heads.decoder(pyramid)
    found["decoder"] = decoded[0, ::16, ::8, ::8]
    pooled = pool_regions([decoded], boxes, heads.pool)
    found["dp_pooled"] = pooled[:, ::16, ::4, ::4]
    found["dp_head"] = heads.densepose_head(pooled)[:, ::16, ::4, ::4]
    maps = heads.find_surface(pyramid, boxes)
    assert isinstance(maps, ChartMaps)
    for name, values in (("coarse_segm", maps.coarse), ("fine_segm", maps.fine), ("u", maps.u), ("v", maps.v)):
        found[f"dp_{name}"] = enlarge(values, maps.scale)[:, :, ::8, ::8]
    assert pool_regions(pyramid[:4], boxes, POOL).shape[2:] == (POOL, POOL)
    return {name: value.numpy() for name, value in found.items()}


def compare(path: Path) -> dict[str, float]:
    """Recorded array's name → the largest difference, in standard deviations of the recorded array."""
    model, arrays, _ = seeded_model(path)
    found = run_recorded(model, arrays)
    errors = {}
    for name, value in found.items():
        recorded = arrays[name]
        value = value.reshape(recorded.shape)
        errors[name] = float(np.abs(value - recorded).max() / recorded.std())
    return errors
