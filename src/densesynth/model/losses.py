"""DensePose's losses on annotated points and coarse masks, and what full synthetic maps allow beyond them.

Pure functions: maps and labels in, scalars out. Sources: Güler et al. 2018, DensePose's `losses/{chart,
chart_with_confidences,segm}`, Neverova et al. 2019 (confidences). A point or pixel of a region's map is found as
DensePose finds it in training: (position − box corner) · side / box length, with no half-pixel shift.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

VARIANCE_FLOOR = 0.01


def place_points(
    x: Float32[Tensor, "k"], y: Float32[Tensor, "k"], boxes: Float32[Tensor, "k 4"], side: int
) -> tuple[Float32[Tensor, "k 2"], Bool[Tensor, "k"]]:
    """Points in the pixels of each one's region map (x, y), and whether they lie in the region.

    boxes: each point's region (x0, y0, x1, y1). A point on the region's left or upper edge is inside, one on its right
    or lower edge isn't.
    """
    start, length = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    inside = torch.stack([x, y], dim=1) - start
    valid = ((inside >= 0) & (inside < length)).all(dim=1)
    return inside * side / length, valid


def read_points(
    maps: Float[Tensor, "n c s s"], region: Int64[Tensor, "k"], place: Float32[Tensor, "k 2"]
) -> Float[Tensor, "k c"]:
    """All channels at places of the maps, interpolated between the four pixels around (edges repeat)."""
    side = maps.shape[-1]
    low = place.floor().long().clamp(0, side - 1)
    high = (low + 1).clamp(max=side - 1)
    weight = (torch.minimum(place, high.to(place.dtype)) - low).to(maps.dtype)
    (x0, y0), (x1, y1) = low.unbind(1), high.unbind(1)
    wx, wy = weight[:, :1], weight[:, 1:]
    upper = maps[region, :, y0, x0] * (1 - wx) + maps[region, :, y0, x1] * wx
    lower = maps[region, :, y1, x0] * (1 - wx) + maps[region, :, y1, x1] * wx
    return upper * (1 - wy) + lower * wy


def of_part(values: Float[Tensor, "k c"], part: Int64[Tensor, "k"]) -> Float[Tensor, "k"]:
    """Each point's value in the channel of its own labelled part."""
    return values.gather(1, part[:, None])[:, 0] if values.shape[1] > 1 else values[:, 0]


def part_loss(logits: Float[Tensor, "k 25"], part: Int64[Tensor, "k"]) -> Float[Tensor, ""]:
    """Cross-entropy of the fine part, mean over points."""
    return F.cross_entropy(logits, part)


def coordinate_loss(found: Float[Tensor, "k"], wanted: Float[Tensor, "k"]) -> Float[Tensor, ""]:
    """Smooth L1 (β = 1) of U or of V, sum over points."""
    return F.smooth_l1_loss(found, wanted, reduction="sum")


def isotropic_loss(difference: Float[Tensor, "k 2"], sigma: Float[Tensor, "k"]) -> Float[Tensor, ""]:
    """WC1: −log likelihood of (U, V) under one learnt variance, softplus(sigma) + 0.01; sum over points."""
    variance = F.softplus(sigma) + VARIANCE_FLOOR
    square = (difference**2).sum(dim=1)
    return 0.5 * (math.log(2 * math.pi) + 2 * torch.log(variance) + square / variance).sum()


def correlated_loss(
    difference: Float[Tensor, "k 2"], sigma: Float[Tensor, "k"], kappa: Float[Tensor, "k 2"]
) -> Float[Tensor, ""]:
    """WC2: the same with covariance variance · 1 + kappa kappaᵀ (log 2π once, as DensePose has it)."""
    variance = F.softplus(sigma) + VARIANCE_FLOOR
    determinant = variance * (variance + (kappa**2).sum(dim=1))
    square, along = (difference**2).sum(dim=1), (difference * kappa).sum(dim=1) ** 2
    terms = math.log(2 * math.pi) + torch.log(determinant) + square / variance - along / determinant
    return 0.5 * terms.sum()


def coarse_targets(
    coarse: UInt8[Tensor, "n 256 256"],
    people: Float32[Tensor, "n 4"],
    regions: Float32[Tensor, "n 4"],
    side: int,
    channels: int,
) -> Int64[Tensor, "n side side"]:
    """Coarse labels in the people's boxes → labels of the regions' maps, nearest, 0 outside the box.

    channels: 2 keeps foreground and background, 15 the parts.
    """
    start, length = people[:, :2], people[:, 2:] - people[:, :2]
    grid = torch.arange(side, device=people.device, dtype=torch.float32) / side
    corner = 2 * (regions[:, :2] - start) / length - 1
    reach = 2 * (regions[:, 2:] - regions[:, :2]) / length
    x, y = (corner[:, None, axis] + grid * reach[:, None, axis] for axis in (0, 1))
    places = torch.stack([x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], dim=-1)
    values = F.grid_sample(coarse[:, None].float(), places, mode="nearest", padding_mode="zeros", align_corners=True)[
        :, 0
    ].long()
    return (values > 0).long() if channels == 2 else values


def coarse_loss(logits: Float[Tensor, "n c s s"], target: Int64[Tensor, "n s s"]) -> Float[Tensor, ""]:
    """Cross-entropy of the coarse segmentation, mean over all pixels of all regions."""
    return F.cross_entropy(logits, target)


def dense_targets(
    maps: dict[str, Tensor], regions: Float32[Tensor, "n 4"], person: Int64[Tensor, "n"], side: int
) -> tuple[Int64[Tensor, "n side side"], Float32[Tensor, "n side side"], Float32[Tensor, "n side side"]]:
    """Full maps of one picture → fine part, U, V at every pixel of the regions' maps.

    maps: `instance`, `part`, `u`, `v` (h, w). person: whose region it is; another person's pixels are background. Each
    map pixel (centre at k + ½, where inference puts it) takes the picture's pixel that holds its place.
    """
    height, width = maps["part"].shape
    step = (torch.arange(side, device=regions.device, dtype=torch.float32) + 0.5) / side
    x = (regions[:, :1] + step * (regions[:, 2:3] - regions[:, :1])).floor().long()
    y = (regions[:, 1:2] + step * (regions[:, 3:] - regions[:, 1:2])).floor().long()
    inside = ((x >= 0) & (x < width))[:, None, :] & ((y >= 0) & (y < height))[:, :, None]
    rows, columns = y.clamp(0, height - 1)[:, :, None], x.clamp(0, width - 1)[:, None, :]
    mine = inside & (maps["instance"][rows, columns].long() == person[:, None, None] + 1)
    part = torch.where(mine, maps["part"][rows, columns].long(), 0)
    body = part > 0
    return part, torch.where(body, maps["u"][rows, columns], 0.0), torch.where(body, maps["v"][rows, columns], 0.0)


def pixels_of_part(maps: Float[Tensor, "n c s s"], part: Int64[Tensor, "n s s"]) -> Float[Tensor, "k"]:
    """Values of a per-part map in each body pixel's labelled part, regions in order, row by row."""
    if maps.shape[1] == 1:
        return maps[:, 0][part > 0]
    return maps.gather(1, part[:, None])[:, 0][part > 0]


def embedding_loss(
    found: Float[Tensor, "k d"], vertex: Int64[Tensor, "k"], vertices: Float[Tensor, "v d"], sigma: float = 0.01
) -> Float[Tensor, ""]:
    """CSE, hard: cross-entropy of the vertex by squared distance / −sigma between unit embeddings; −1 is left out."""
    return F.cross_entropy(_similarity(found, vertices, sigma), vertex, ignore_index=-1)


def soft_embedding_loss(
    found: Float[Tensor, "k d"],
    geodesic: Float[Tensor, "k v"],
    vertices: Float[Tensor, "v d"],
    sigma: float = 0.01,
    geodesic_sigma: float = 0.01,
) -> Float[Tensor, ""]:
    """CSE, soft: cross-entropy against a softmax of geodesic distances (metres) from each point's vertex to all."""
    wanted = (geodesic / -geodesic_sigma).softmax(dim=1)
    return -(wanted * _similarity(found, vertices, sigma).log_softmax(dim=1)).sum(dim=1).mean()


def _similarity(found: Tensor, vertices: Tensor, sigma: float) -> Tensor:
    distance = (found**2).sum(dim=1, keepdim=True) + (vertices**2).sum(dim=1) - 2 * found @ vertices.T
    return distance / -sigma
