"""Errors on exact truth: geodesic centimetres, part confusion, left/right swaps, edges of masks.

Only synthetic pictures allow it: every visible pixel's surface point is known, so errors are taken over pixels of the
whole person, not at a hundred points an annotator chose. People nobody detected count in `detected` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from densesynth.arrays import Array, Bool, Float64, Int64, UInt8
from densesynth.data.record import FrameRecord, camera_of
from densesynth.data.results import Detection, place_of
from densesynth.evaluation.average_precision import match_all
from densesynth.evaluation.edges import EDGE_PX, edge_f
from densesynth.evaluation.masks import window_of_detection
from densesynth.evaluation.pairs import ImagePairs
from densesynth.surface.atlas import Atlas
from densesynth.surface.geodesic import Distances
from densesynth.surface.parts import FINE_MIRROR, FINE_NAMES

SHARES_CM = (5, 10, 20)
HEIGHTS_PX = (0, 64, 128, 256, 10**9)
OCCLUSIONS = (0.0, 0.01, 0.25, 0.5, 1.01)
ELEVATIONS_DEG = (-90, -15, 15, 90.01)
VIEWS = ("front", "left side", "back", "right side")  # of the person that the camera sees


@dataclass(frozen=True, kw_only=True)
class PersonErrors:
    """One visible person. true, predicted: part of each sampled pixel (predicted 0: background). error: metres over the
    surface, ∞ where the prediction is background. azimuth: of the camera seen from the person, degrees, 0 in front, 90
    on their left; elevation: above their horizon. height: of the visible box, px. edge_f: of the mask's edge."""

    image_id: int
    detected: bool
    true: UInt8[Array, "n"]
    predicted: UInt8[Array, "n"]
    error: Float64[Array, "n"]
    azimuth: float
    elevation: float
    height: float
    occluded: float
    edge_f: float
    mask_iou: float


def measure_people(
    frames: Iterable[FrameRecord],
    pairs: Sequence[ImagePairs],
    atlas: Atlas,
    distances: Distances,
    rng: np.random.Generator,
    pixels: int = 300,
) -> list[PersonErrors]:
    """Every annotated person of the frames. pairs: measured with masks. pixels: sampled of each person, at most."""
    by_image = {one.image_id: (one, match) for one, match in zip(pairs, match_all(pairs, "iou"), strict=True)}
    found: list[PersonErrors] = []
    for frame in frames:
        one, match = by_image.get(frame.index, (None, None))
        for annotation in frame.annotations:
            detection, overlap = None, 0.0
            if one is not None and match is not None:
                g = next(k for k, person in enumerate(one.people) if person.id == annotation.id)
                mine = np.flatnonzero(match.person[0] == g)
                if len(mine):
                    detection, overlap = one.detections[mine[0]], float(one.mask_iou[mine[0], g])
            azimuth, elevation = view_of(frame, annotation.densesynth.instance - 1)
            mask = frame.segmentation[:, :, 0] == annotation.densesynth.instance
            true, predicted, error = _errors(frame, mask, detection, atlas, distances, rng, pixels)
            found.append(
                PersonErrors(
                    image_id=frame.index,
                    detected=detection is not None,
                    true=true,
                    predicted=predicted,
                    error=error,
                    azimuth=azimuth,
                    elevation=elevation,
                    height=annotation.bbox[3],
                    occluded=annotation.densesynth.occluded,
                    edge_f=0.0 if detection is None else edge_f(mask, _mask_of(detection, mask.shape), EDGE_PX),
                    mask_iou=overlap,
                )
            )
    return found


def view_of(frame: FrameRecord, k: int) -> tuple[float, float]:
    """Azimuth and elevation of the camera in person k's root frame (at rest: facing −y, left +x, z up), degrees."""
    eye = np.linalg.inv(camera_of(frame.surface).camera_from_world)[:3, 3]
    root = Rotation.from_rotvec(frame.surface["rotations"][k, 0].astype(np.float64))
    x, y, z = root.inv().apply(eye - frame.surface["joints_in_world"][k, 0])
    return float(np.degrees(np.arctan2(x, -y))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _errors(
    frame: FrameRecord,
    mask: Bool[Array, "h w"],
    detection: Detection | None,
    atlas: Atlas,
    distances: Distances,
    rng: np.random.Generator,
    pixels: int,
) -> tuple[UInt8[Array, "n"], UInt8[Array, "n"], Float64[Array, "n"]]:
    labelled = np.flatnonzero(frame.surface["instance"].ravel() > 0)
    place = np.flatnonzero(mask.ravel()[labelled])
    chosen = np.sort(rng.permutation(place)[:pixels])
    face = frame.surface["face"][chosen].astype(np.int32)
    two = frame.surface["barycentrics"][chosen]
    barycentrics = np.column_stack([two, 1.0 - two.sum(axis=1)]).astype(np.float32)
    true = atlas.part[face]
    if detection is None:
        return true, np.zeros_like(true), np.full(len(true), np.inf)
    y, x = np.divmod(labelled[chosen], mask.shape[1])
    iuv = _read(detection, x, y)
    predicted = np.where(iuv[0] <= 24, iuv[0], 0).astype(np.uint8)
    error = np.full(len(true), np.inf)
    hit = np.flatnonzero(predicted)
    if len(hit):
        u, v = (iuv[1:, hit] / 255.0).astype(np.float32)
        there = atlas.decode(predicted[hit], u, v)
        ours = atlas.nearest_vertex(face[hit], barycentrics[hit]).astype(np.int64)
        theirs = atlas.nearest_vertex(there.face, there.barycentrics.astype(np.float32)).astype(np.int64)
        error[hit] = distances.between(ours, theirs)
    return true, predicted, error


def _read(detection: Detection, x: Int64[Array, "n"], y: Int64[Array, "n"]) -> UInt8[Array, "3 n"]:
    left, top, w, h = place_of(detection.bbox)
    column, row = x - left, y - top
    inside = (column >= 0) & (row >= 0) & (column < w) & (row < h)
    iuv = np.zeros((3, len(x)), np.uint8)
    iuv[:, inside] = detection.iuv[:, row[inside], column[inside]]
    return iuv


def _mask_of(detection: Detection, shape: tuple[int, ...]) -> Bool[Array, "h w"]:
    mask = np.zeros(shape, np.bool_)
    window = window_of_detection(detection, shape[1], shape[0])
    x0, y0, x1, y1 = window.box
    mask[y0:y1, x0:x1] = window.mask
    return mask


def describe(error: Float64[Array, "n"]) -> dict[str, float]:
    """Errors in centimetres over pixels predicted as person; `missed`: the share predicted as background."""
    known = 100.0 * error[np.isfinite(error)]
    if not len(error):
        return {"pixels": 0.0}
    result = {"pixels": float(len(error)), "missed": 1.0 - len(known) / len(error)}
    if len(known):
        result |= {
            "mean": float(known.mean()),
            "median": float(np.median(known)),
            "p90": float(np.quantile(known, 0.9)),
        }
    return result | {f"under_{cm}": float((known < cm).sum() / len(error)) for cm in SHARES_CM}


def group_errors(people: Sequence[PersonErrors]) -> dict[str, dict[str, dict[str, float]]]:
    """`describe` of detected people's pixels: whole, by part, view, elevation, height and occlusion."""
    seen = [one for one in people if one.detected]
    groups: dict[str, dict[str, dict[str, float]]] = {"all": {"all": describe(_joined(seen))}}
    parts = np.concatenate([one.true for one in seen]) if seen else np.zeros(0, np.uint8)
    error = _joined(seen)
    groups["part"] = {FINE_NAMES[k]: describe(error[parts == k]) for k in range(1, 25) if (parts == k).any()}
    sides = {name: [one for one in seen if _side(one.azimuth) == name] for name in VIEWS}
    groups["view"] = {name: describe(_joined(some)) for name, some in sides.items() if some}
    for name, attribute, edges in (
        ("elevation", "elevation", ELEVATIONS_DEG),
        ("height", "height", HEIGHTS_PX),
        ("occlusion", "occluded", OCCLUSIONS),
    ):
        groups[name] = {}
        for low, high in pairwise(edges):
            some = [one for one in seen if low <= getattr(one, attribute) < high]
            if some:
                groups[name][f"{low:g} to {high:g}" if high < 10**8 else f"{low:g} and more"] = describe(_joined(some))
    return groups


def _side(azimuth: float) -> str:
    return VIEWS[int(((azimuth + 45.0) % 360.0) // 90.0)]


def _joined(people: Sequence[PersonErrors]) -> Float64[Array, "n"]:
    return np.concatenate([one.error for one in people]) if people else np.zeros(0)


def confusion(people: Sequence[PersonErrors]) -> Int64[Array, "25 25"]:
    """Pixels of true part (row) predicted as part (column, 0 background), of detected people."""
    table = np.zeros((25, 25), dtype=np.int64)
    for one in people:
        if one.detected:
            np.add.at(table, (one.true, one.predicted), 1)
    return table


def swap_rate(table: Int64[Array, "25 25"]) -> float:
    """Share of limb and head-half pixels predicted as the same part's other side, of those predicted as person."""
    sided = np.flatnonzero(np.arange(25) != FINE_MIRROR)
    predicted = table[sided, 1:].sum()
    return float(table[sided, FINE_MIRROR[sided]].sum() / predicted) if predicted else 0.0
