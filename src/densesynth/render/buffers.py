"""What the renderer answers: for each pixel centre, the surface point that its ray meets first."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.arrays import Array, Float32, Int32, UInt8, UInt32


@dataclass(frozen=True)
class Buffers:
    """Per-pixel surface points of one picture, rows top to bottom.

    instance: 0 = nothing, k = the k-th mesh given (from 1).
    face: row of that mesh's `faces`; −1 where there is nothing.
    barycentrics: weights of the face's three vertices in order, perspective-correct, summing to 1; 0 where nothing.
    depth: z in the camera frame, metres; +inf where nothing.
    normal: unit normal in the camera frame, interpolated from vertex normals; 0 where nothing.
    coverage: bit k−1 is set where the ray of the pixel meets a mesh of group k at all, occluded or not; unless told
    otherwise (`geometry.upload`), mesh k is group k.
    """

    instance: UInt8[Array, "h w"]
    face: Int32[Array, "h w"]
    barycentrics: Float32[Array, "h w 3"]
    depth: Float32[Array, "h w"]
    normal: Float32[Array, "h w 3"]
    coverage: UInt32[Array, "h w"]
