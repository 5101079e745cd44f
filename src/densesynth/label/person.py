"""One person's labels in one picture: a value, independent of how it was made and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.arrays import Array, Bool, Float32, Int32, UInt8


@dataclass(frozen=True, kw_only=True)
class DensePoints:
    """DensePose's annotated points. x, y: continuous pixel coordinates (pixel centres). part 1..24; u, v in [0, 1];
    vertex: nearest mesh vertex of the surface point, 0-based."""

    x: Float32[Array, "k"]
    y: Float32[Array, "k"]
    part: UInt8[Array, "k"]
    u: Float32[Array, "k"]
    v: Float32[Array, "k"]
    vertex: Int32[Array, "k"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Labels of one visible person.

    instance: id in the instance map, from 1. bbox: x, y, w, h of the visible pixels (continuous, COCO). area: visible
    pixels. mask: visible pixels. coarse: 14-part map, zero outside the mask. keypoints: x, y, v of COCO's 17 (v: 0
    outside the frame, and then x = y = 0; 1 hidden; 2 visible). keypoints_in_camera: metres. occluded: share of the
    person's in-frame pixels hidden by others. truncated: share of the vertices outside the frame. visible_vertices:
    per vertex.
    """

    instance: int
    bbox: tuple[float, float, float, float]
    area: int
    mask: Bool[Array, "h w"]
    coarse: UInt8[Array, "h w"]
    keypoints: Float32[Array, "17 3"]
    keypoints_in_camera: Float32[Array, "17 3"]
    joints: Float32[Array, "52 2"]
    points: DensePoints
    visible_vertices: Bool[Array, "v"]
    occluded: float
    truncated: float
    ref_model: str
