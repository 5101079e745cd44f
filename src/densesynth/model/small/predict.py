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
from densesynth.model.small.crop import MARGIN, CropNetwork, normalise
from densesynth.model.small.detector import Detector, choose
from densesynth.model.small.twice import look_twice

LEAST_SCORE, OVERLAP, MOST = 0.1, 0.6, 100
NEVER = -1e4  # logit of background within the mask: there, one of the 24 parts is chosen
TOGETHER = 16  # crops at a time
REACH = 0.08  # how far a mask may move a side of its box, in box lengths; beyond, one of the two is mistaken


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
    answers, affines = label_crops(model.crop, picture, boxes)
    size = model.crop.settings.size
    boxes = to_whole_pixels(fit_to_masks(boxes, answers[:, 0], affines, size, picture.shape[:2]))
    return Predictions(boxes=boxes, scores=scores, maps=lay_crops(answers, affines, boxes, size))


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
    answers, affines = label_crops(network, picture, boxes)
    return lay_crops(answers, affines, boxes, network.settings.size)


@torch.no_grad()
def label_crops(
    network: CropNetwork, picture: UInt8[np.ndarray, "h w 3"], boxes: Float32[Tensor, "n 4"]
) -> tuple[Float32[Tensor, "n c s s"], Float32[Tensor, "n 2 3"]]:
    """The crop network's answer for the square about each box (mask, 24 parts, U, V as channels), and the map from the
    picture's pixels to that square's."""
    size, place = network.settings.size, next(network.parameters()).device
    affines = [fit_box(box, size, margin=MARGIN) for box in boxes.cpu().numpy()]
    answers = [torch.zeros(0, 73, size // 2, size // 2, device=place)]
    for start in range(0, len(boxes), TOGETHER):
        crops = [warp_picture(picture, affine, (size, size)) for affine in affines[start : start + TOGETHER]]
        maps = look_twice(network, normalise(torch.from_numpy(np.stack(crops)).to(place)))
        answers.append(torch.cat([maps.mask, maps.part[:, 1:], maps.u, maps.v], dim=1))
    stacked = np.array(affines, np.float32).reshape(-1, 2, 3)
    return torch.cat(answers), torch.from_numpy(stacked).to(place)


def fit_to_masks(
    boxes: Float32[Tensor, "n 4"],
    masks: Float32[Tensor, "n s s"],
    affines: Float32[Tensor, "n 2 3"],
    size: int,
    limits: tuple[int, ...],
) -> Float32[Tensor, "n 4"]:
    """Boxes drawn to what the crop network sees of their person, each side by at most `REACH` of the box's own length.

    masks: logits over the squares that `affines` cut out, `size` pixels wide. limits: height and width of the picture.
    The detector sees the whole picture small, so its sides are some pixels off; the crop network sees the person large.
    An empty mask leaves its box as it was.
    """
    if not len(boxes):
        return boxes
    scale = affines[:, 0, 0]
    fitted = boxes.clone()
    for axis in (0, 1):  # x, y
        profile = masks.amax(dim=1 + axis)
        low = (_first_crossing(profile) * size - affines[:, axis, 2]) / scale
        high = ((1.0 - _first_crossing(profile.flip(1))) * size - affines[:, axis, 2]) / scale
        reach = REACH * (boxes[:, axis + 2] - boxes[:, axis])
        for side, found in ((axis, low), (axis + 2, high)):
            moved = torch.minimum(torch.maximum(found, boxes[:, side] - reach), boxes[:, side] + reach)
            fitted[:, side] = moved.clamp(0.0, float(limits[1 - axis]))
    sound = (masks.flatten(1).amax(dim=1) > 0.0) & ((fitted[:, 2:] - fitted[:, :2]) >= 1.0).all(dim=1)
    return torch.where(sound[:, None], fitted, boxes)


def to_whole_pixels(boxes: Float32[Tensor, "n 4"]) -> Float32[Tensor, "n 4"]:
    """Boxes whose sides run between pixels, at least one pixel long.

    Results are written as pixels from the box's truncated corner on (`model.crops.whole_box`, DensePose's way), which
    moves the labels of any other box by up to a pixel.
    """
    whole = boxes.round()
    whole[:, :2] = torch.minimum(whole[:, :2], whole[:, 2:] - 1.0).clamp(min=0.0)  # not beyond the picture
    whole[:, 2:] = torch.maximum(whole[:, 2:], whole[:, :2] + 1.0)
    return whole


def _first_crossing(profile: Float32[Tensor, "n s"]) -> Float32[Tensor, "n"]:
    """Where each row of samples first rises above 0, between samples, as a share of the row's length; 0 where its first
    sample already is."""
    index = (profile > 0.0).to(torch.uint8).argmax(dim=1)
    rows = torch.arange(len(profile), device=profile.device)
    after, before = profile[rows, index], profile[rows, (index - 1).clamp(min=0)]
    place = index + 0.5 - after / (after - before).clamp(min=1e-6)
    return torch.where(index > 0, place / profile.shape[1], 0.0)


def lay_crops(
    answers: Float32[Tensor, "n c s s"], affines: Float32[Tensor, "n 2 3"], boxes: Float32[Tensor, "n 4"], size: int
) -> ChartMaps:
    """What `label_crops` answered, as maps over boxes within those squares."""
    side = answers.shape[-1]
    if not len(boxes):
        return ChartMaps(
            coarse=torch.zeros(0, 2, side, side), fine=torch.zeros(0, 25, side, side),
            u=torch.zeros(0, 25, side, side), v=torch.zeros(0, 25, side, side),
        )  # fmt: skip
    corners = boxes.reshape(-1, 2, 2) * affines[:, None, [0, 1], [0, 1]] + affines[:, None, :, 2]
    over = resample(answers, corners.reshape(-1, 4) / size, side)
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
