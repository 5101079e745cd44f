"""How well masks follow people's outlines: boundary IoU, mean distance of contours, and the F score of edges.

Mask IoU of a large person hardly feels their outline; these do. Boundary IoU is Cheng et al.'s ("Boundary IoU",
CVPR 2021). Outlines along the picture's edge are nobody's merit and are left out of contours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_cdt, distance_transform_edt

from densesynth.arrays import Array, Bool, Float64
from densesynth.evaluation.average_precision import match_all
from densesynth.evaluation.masks import Window, window_of_detection, window_of_outline
from densesynth.evaluation.pairs import ImagePairs
from densesynth.evaluation.truth import Truth

EDGE_PX = 2  # a mask's edge counts as found within this distance
DILATION = 0.02  # width of the boundary, as a share of the picture's diagonal (Cheng et al.)


@dataclass(frozen=True, kw_only=True)
class PersonEdges:
    """One person that was found (mask IoU ≥ 0.5). boundary_iou, edge_f: in [0, 1]; contour_px: pixels, ∞ when one of
    the masks has no outline within the picture."""

    image_id: int
    boundary_iou: float
    contour_px: float
    edge_f: float


def measure_edges(truth: Truth, pairs: Sequence[ImagePairs]) -> list[PersonEdges]:
    """Everyone found, against COCO's `segmentation`, or the dense masks' union where there is none. pairs: measured
    with masks. Raises DatasetError for a segmentation that can't be read."""
    found = []
    for one, match in zip(pairs, match_all(pairs, "iou"), strict=True):
        image = truth.images[one.image_id]
        for d in np.flatnonzero(match.person[0] >= 0):
            person = one.people[int(match.person[0, d])]
            if person.crowd:
                continue
            mine = window_of_detection(one.detections[d], image.width, image.height)
            theirs = window_of_outline(person, image.width, image.height, f"annotation {person.id}")
            if not mine.area or not theirs.area:
                continue
            predicted, true, inside = side_by_side(mine, theirs, image.width, image.height)
            width = max(round(DILATION * float(np.hypot(image.width, image.height))), 1)
            found.append(
                PersonEdges(
                    image_id=one.image_id,
                    boundary_iou=boundary_iou(true, predicted, width),
                    contour_px=contour_distance(true, predicted, inside),
                    edge_f=edge_f(true, predicted, EDGE_PX, inside),
                )
            )
    return found


def side_by_side(
    one: Window, other: Window, width: int, height: int
) -> tuple[Bool[Array, "h w"], Bool[Array, "h w"], Bool[Array, "h w"]]:
    """Two windows of a picture in one frame a pixel wider than both, and which of its pixels are the picture's."""
    x0, y0 = min(one.x, other.x) - 1, min(one.y, other.y) - 1
    x1, y1 = max(one.box[2], other.box[2]) + 1, max(one.box[3], other.box[3]) + 1
    masks = []
    for window in (one, other):
        mask = np.zeros((y1 - y0, x1 - x0), np.bool_)
        left, top, right, bottom = window.box
        mask[top - y0 : bottom - y0, left - x0 : right - x0] = window.mask
        masks.append(mask)
    rows, columns = np.arange(y0, y1), np.arange(x0, x1)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None]
    return masks[0], masks[1], inside


def boundary_iou(true: Bool[Array, "h w"], predicted: Bool[Array, "h w"], width: int) -> float:
    """Intersection over union of what lies within `width` pixels (by rows and columns) of each mask's outline, inside
    it. The masks' frame counts as background around them."""

    def boundary(mask: Bool[Array, "h w"]) -> Bool[Array, "h w"]:
        depth = distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
        return mask & (depth <= width)

    one, other = boundary(true), boundary(predicted)
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 0.0


def contour_distance(
    true: Bool[Array, "h w"], predicted: Bool[Array, "h w"], inside: Bool[Array, "h w"] | None = None
) -> float:
    """Mean distance from each mask's edge pixels to the nearest of the other's, pixels, the mean of both ways; ∞ when
    one has none. inside: which pixels are the picture's."""
    one, other = edge_of(true, inside), edge_of(predicted, inside)
    if not one.any() or not other.any():
        return float("inf")

    def way(start: Bool[Array, "h w"], end: Bool[Array, "h w"]) -> float:
        distance: Float64[Array, "h w"] = distance_transform_edt(~end)
        return float(distance[start].mean())

    return 0.5 * (way(one, other) + way(other, one))


def edge_f(
    true: Bool[Array, "h w"], predicted: Bool[Array, "h w"], px: int, inside: Bool[Array, "h w"] | None = None
) -> float:
    """F score of edges: the share of each mask's edge pixels within `px` of the other's, both shares' harmonic mean.

    After Martin et al.'s boundary measure as DAVIS uses it. 1 for equal masks; 0 when one has no edge.
    """
    one, other = edge_of(true, inside), edge_of(predicted, inside)
    if not one.any() or not other.any():
        return 0.0
    y, x = np.mgrid[-px : px + 1, -px : px + 1]
    disc = x * x + y * y <= px * px
    recall = float((one & binary_dilation(other, disc)).sum() / one.sum())
    precision = float((other & binary_dilation(one, disc)).sum() / other.sum())
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def edge_of(mask: Bool[Array, "h w"], inside: Bool[Array, "h w"] | None = None) -> Bool[Array, "h w"]:
    """The mask's pixels that have a neighbour outside it, beyond the picture not counted."""
    whole = mask if inside is None else mask | ~inside
    return mask & ~binary_erosion(whole, border_value=1)


def describe_edges(edges: Sequence[PersonEdges]) -> dict[str, float]:
    """Means over the people; contours over those that have both."""
    contours = [one.contour_px for one in edges if np.isfinite(one.contour_px)]
    result = {"people": float(len(edges))}
    if edges:
        result["boundary_iou"] = float(np.mean([one.boundary_iou for one in edges]))
        result["edge_f_2px"] = float(np.mean([one.edge_f for one in edges]))
    if contours:
        result["contour_px"] = float(np.mean(contours))
        result["contour_px_median"] = float(np.median(contours))
    return result
