"""Maps over a box → (I, U, V) of each of its pixels, with DensePose's own result and a fraction of its work.

DensePose enlarges every map of every box, twice, and then keeps one part's U and V at each pixel. Here both
enlargements are one product of small matrices, parts are decided within the foreground alone, and U and V are read
only where they are kept. Source of the result: DensePose's chart converter (bilinear, half-pixel centres).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

from densesynth.model.output import ChartCrop, ChartMaps, EmbeddedSurface, EmbeddingMaps, Predictions

AT_ONCE = 2048  # pixels compared with all vertices: about 200 MB of products for 27,554
CONFIDENCE_FLOOR = 0.01  # of DensePose's segmentation confidences


def crop_of(predictions: Predictions, index: int) -> ChartCrop:
    """The labels of person `index` over their box, which is cut to whole pixels as DensePose cuts it.

    An embedding becomes the charts' point of its nearest vertex. Raises TypeError when the predictions hold embeddings
    and no surface to read them with.
    """
    x, y, w, h = whole_box(predictions.boxes[index])
    if isinstance(predictions.maps, ChartMaps):
        part, u, v = lay_over(predictions.maps, index, h, w)
    elif predictions.surface is None:
        raise TypeError("these predictions hold embeddings, and no surface says where in charts they lie")
    else:
        vertex = nearest_vertices(predictions.maps, index, h, w, predictions.surface.embedding)
        part, u, v = _charts_of(vertex, predictions.surface)
    return ChartCrop(x=x, y=y, part=part, u=u, v=v)


def whole_box(box: Float32[Tensor, "4"]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 → x, y, w, h: each truncated, width and height at least 1."""
    x0, y0, x1, y1 = box.tolist()
    return int(x0), int(y0), max(int(x1 - x0), 1), max(int(y1 - y0), 1)


def quantise(crop: ChartCrop) -> UInt8[Tensor, "3 h w"]:
    """(I, U·255, V·255), clamped, then truncated: DensePose's quantised result."""
    coordinates = (torch.stack([crop.u, crop.v]).clamp(0.0, 1.0) * 255.0).to(torch.uint8)
    return torch.cat([crop.part[None], coordinates])


def lay_over(
    maps: ChartMaps, index: int, height: int, width: int
) -> tuple[UInt8[Tensor, "h w"], Float32[Tensor, "h w"], Float32[Tensor, "h w"]]:
    """Fine part, U and V of box `index`, enlarged to height × width; U and V are 0 where the part is 0."""
    maps = one_box(maps, index)
    size = maps.fine.shape[-1]
    rows = enlarging_matrix(size, maps.scale, height, maps.fine)
    columns = enlarging_matrix(size, maps.scale, width, maps.fine)
    foreground = _foreground(maps.coarse[0], rows, columns)
    part = torch.zeros(height, width, dtype=torch.uint8, device=foreground.device)
    u = torch.zeros(height, width, dtype=maps.u.dtype, device=foreground.device)
    v = torch.zeros_like(u)
    span = _span(foreground)
    if span is None:
        return part, u, v
    tall, wide = span
    logits = rows[tall] @ maps.fine[0] @ columns[wide].T
    part[tall, wide] = logits.argmax(dim=0).to(torch.uint8) * foreground[tall, wide]
    y, x = torch.nonzero(part, as_tuple=True)
    channel = part[y, x].long() if maps.u.shape[1] > 1 else torch.zeros_like(y)
    both = torch.cat([maps.u, maps.v])
    u[y, x], v[y, x] = _read_channel(both, channel, _taps(rows, y), _taps(columns, x))
    return part, u, v


def nearest_vertices(
    maps: EmbeddingMaps, index: int, height: int, width: int, vertices: Float32[Tensor, "m d"]
) -> Int64[Tensor, "h w"]:
    """The vertex whose embedding (unit vectors `vertices`) is nearest to that of each pixel of box `index`, enlarged to
    height × width; −1 on background. Between unit vectors the nearest is the one of largest product, whatever the
    pixel's own length (Neverova et al. 2020, section 3)."""
    rows = enlarging_matrix(maps.embedding.shape[-1], maps.scale, height, maps.embedding)
    columns = enlarging_matrix(maps.embedding.shape[-1], maps.scale, width, maps.embedding)
    foreground = _foreground(maps.coarse[index].float(), rows, columns)
    vertex = torch.full((height, width), -1, dtype=torch.int64, device=foreground.device)
    span = _span(foreground)
    if span is None:
        return vertex
    tall, wide = span
    inside = foreground[tall, wide]
    embedding = rows[tall] @ maps.embedding[index].float() @ columns[wide].T
    pixels = embedding[:, inside].T
    nearest = [(some @ vertices.T).argmax(dim=1) for some in pixels.split(AT_ONCE)]
    vertex[tall, wide] = vertex[tall, wide].masked_scatter(inside, torch.cat(nearest))
    return vertex


def _charts_of(
    vertex: Int64[Tensor, "h w"], surface: EmbeddedSurface
) -> tuple[UInt8[Tensor, "h w"], Float32[Tensor, "h w"], Float32[Tensor, "h w"]]:
    """Part, U and V of each pixel's vertex; 0 where there is none."""
    body, row = vertex >= 0, vertex.clamp(min=0)
    return surface.part[row] * body, surface.u[row] * body, surface.v[row] * body


def one_box(maps: ChartMaps, index: int) -> ChartMaps:
    """The maps of one box in float32, segmentation confidences multiplied in as DensePose does, after enlarging."""
    chosen = {
        name: getattr(maps, name)[index : index + 1].float()
        for name in ("coarse", "fine", "u", "v", "coarse_confidence", "fine_confidence")
        if getattr(maps, name) is not None
    }
    if "fine_confidence" not in chosen:
        return replace(maps, **chosen, sigma=None, kappa_u=None, kappa_v=None)
    large = {name: enlarge(value, maps.scale) for name, value in chosen.items()}
    coarse, fine = (F.softplus(large.pop(f"{name}_confidence")) + CONFIDENCE_FLOOR for name in ("coarse", "fine"))
    return ChartMaps(coarse=large["coarse"] * coarse, fine=large["fine"] * fine, u=large["u"], v=large["v"])


def enlarge(maps: Float32[Tensor, "n c s s"], scale: int) -> Float32[Tensor, "n c t t"]:
    """Maps enlarged by a whole number, bilinear with half-pixel centres."""
    return maps if scale == 1 else F.interpolate(maps, scale_factor=scale, mode="bilinear", align_corners=False)


def enlarging_matrix(size: int, scale: int, length: int, like: Tensor) -> Float32[Tensor, "length size"]:
    """The matrix that enlarges `size` samples by `scale` and then to `length`, each time bilinearly."""
    matrix = torch.eye(size, dtype=torch.float32)[:, None]
    for target in ([size * scale] if scale > 1 else []) + [length]:
        matrix = F.interpolate(matrix, size=target, mode="linear", align_corners=False)
    return matrix[:, 0].T.contiguous().to(like.device)


def _foreground(
    coarse: Float32[Tensor, "c s s"], rows: Float32[Tensor, "h s"], columns: Float32[Tensor, "w s"]
) -> Bool[Tensor, "h w"]:
    """Where some coarse part's logit is above the background's."""
    if coarse.shape[0] == 2:
        return rows @ (coarse[1] - coarse[0]) @ columns.T > 0
    logits: Tensor = rows @ coarse @ columns.T
    return logits[1:].amax(dim=0) > logits[0]


def _span(mask: Bool[Tensor, "h w"]) -> tuple[slice, slice] | None:
    """The rows and columns that a mask occupies; None for an empty one."""
    spans = []
    for axis in (1, 0):
        occupied = torch.nonzero(mask.any(dim=axis))
        if len(occupied) == 0:
            return None
        spans.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return spans[0], spans[1]


def _taps(matrix: Float32[Tensor, "length s"], at: Int64[Tensor, "k"]) -> tuple[Int64[Tensor, "k t"], Tensor]:
    """The few samples (and weights) that rows `at` of an enlarging matrix read; never more than three."""
    weight, sample = matrix.topk(min(3, matrix.shape[1]), dim=1)
    return sample[at], weight[at]


def _read_channel(
    maps: Float32[Tensor, "2 p s s"],
    channel: Int64[Tensor, "k"],
    rows: tuple[Int64[Tensor, "k t"], Tensor],
    columns: tuple[Int64[Tensor, "k r"], Tensor],
) -> Float32[Tensor, "2 k"]:
    """Interpolated values of both maps, at each point from its own channel."""
    size = maps.shape[-1]
    flat = maps.flatten(1)
    start = channel * (size * size)
    total = torch.zeros(2, len(channel), dtype=maps.dtype, device=maps.device)
    for i in range(rows[0].shape[1]):
        line = start + rows[0][:, i] * size
        for j in range(columns[0].shape[1]):
            total += flat[:, line + columns[0][:, j]] * (rows[1][:, i] * columns[1][:, j])
    return total
