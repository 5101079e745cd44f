"""A picture → people, by the small model: find them, cut each out, label the crop, lay the answer over the box."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional as F

from densesynth.data.warp import fit_box, warp_picture
from densesynth.errors import AssetError
from densesynth.model.output import ChartMaps, Predictions
from densesynth.model.small.checkpoint import SmallModel
from densesynth.model.small.crop import MARGIN, CropMaps, CropNetwork, normalise
from densesynth.model.small.detector import Detector, choose
from densesynth.model.small.twice import look_twice

LEAST_SCORE, OVERLAP, MOST = 0.1, 0.6, 100
NEVER = -1e4  # logit of background within the mask: there, one of the 24 parts is chosen
TOGETHER = 16  # crops at a time


@torch.no_grad()
def predict_small(
    model: SmallModel, picture: UInt8[np.ndarray, "h w 3"], least_score: float = LEAST_SCORE
) -> Predictions:
    """People in an RGB picture whose score is at least `least_score`. Raises AssetError when a network is missing."""
    if model.detector is None or model.crop is None:
        missing = "detector" if model.detector is None else "crop network"
        raise AssetError(
            f"this checkpoint of the small model holds no {missing}; train both, or use the one of densesynth"
        )
    boxes, scores = find_people(model.detector, picture, least_score)
    return Predictions(boxes=boxes, scores=scores, maps=label_boxes(model.crop, picture, boxes))


@torch.no_grad()
def find_people(
    detector: Detector, picture: UInt8[np.ndarray, "h w 3"], least_score: float = LEAST_SCORE
) -> tuple[Float32[Tensor, "n 4"], Float32[Tensor, "n"]]:
    """Boxes in the picture's pixels, within it, by falling score."""
    height, width = picture.shape[:2]
    size, place = detector.settings.size, next(detector.parameters()).device
    affine = fit_box(np.array([0, 0, width, height], np.float32), size, margin=0.0)
    square = torch.from_numpy(warp_picture(picture, affine, (size, size)))[None].to(place)
    logits, boxes = detector(normalise(square))
    boxes, scores = choose(logits[0], boxes[0], least=least_score, overlap=OVERLAP, most=MOST)
    scale, shift = float(affine[0, 0]), torch.tensor(affine[:, 2], dtype=torch.float32, device=place).repeat(2)
    boxes = (boxes - shift) / scale
    limit = torch.tensor([width, height, width, height], dtype=torch.float32, device=place)
    boxes = torch.minimum(boxes.clamp(min=0.0), limit)
    sound = ((boxes[:, 2:] - boxes[:, :2]) >= 1.0).all(dim=1)
    return boxes[sound].float(), scores[sound].float()


@torch.no_grad()
def label_boxes(network: CropNetwork, picture: UInt8[np.ndarray, "h w 3"], boxes: Float32[Tensor, "n 4"]) -> ChartMaps:
    """The crop network's answer for each box, resampled from its square crop to the box."""
    size, place = network.settings.size, next(network.parameters()).device
    found: list[CropMaps] = []
    frames = []
    for start in range(0, len(boxes), TOGETHER):
        crops = []
        for box in boxes[start : start + TOGETHER].cpu().numpy():
            affine = fit_box(box, size, margin=MARGIN)
            crops.append(warp_picture(picture, affine, (size, size)))
            corners = affine @ np.array([[box[0], box[2]], [box[1], box[3]], [1.0, 1.0]])
            frames.append(corners.T.ravel() / size)
        found.append(look_twice(network, normalise(torch.from_numpy(np.stack(crops)).to(place))))
    side = size // 2
    if not found:
        return ChartMaps(
            coarse=torch.zeros(0, 2, side, side), fine=torch.zeros(0, 25, side, side),
            u=torch.zeros(0, 25, side, side), v=torch.zeros(0, 25, side, side),
        )  # fmt: skip
    stacked = torch.cat([torch.cat([maps.mask, maps.part[:, 1:], maps.u, maps.v], dim=1) for maps in found])
    over = resample(stacked, torch.tensor(np.array(frames), dtype=torch.float32, device=place), side)
    mask, part, u, v = over.split((1, 24, 24, 24), dim=1)
    blank = torch.zeros_like(mask)
    return ChartMaps(
        coarse=torch.cat([blank, mask], dim=1),
        fine=torch.cat([blank + NEVER, part], dim=1),
        u=torch.cat([blank, u], dim=1),
        v=torch.cat([blank, v], dim=1),
    )


def resample(maps: Float32[Tensor, "n c s s"], frames: Float32[Tensor, "n 4"], side: int) -> Float32[Tensor, "n c t t"]:
    """Maps over rectangles of their squares (x0, y0, x1, y1 as shares), bilinear, `side` samples each way."""
    steps = (torch.arange(side, device=maps.device) + 0.5) / side
    x = frames[:, 0:1] + (frames[:, 2:3] - frames[:, 0:1]) * steps
    y = frames[:, 1:2] + (frames[:, 3:4] - frames[:, 1:2]) * steps
    grid = torch.stack([x[:, None].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], dim=-1) * 2.0 - 1.0
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
