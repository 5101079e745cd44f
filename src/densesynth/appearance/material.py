"""What things are made of: wood with its grain, paint, metal, cloth, leaves, cardboard, rubber, leather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from densesynth.appearance.fabric import noise_of_fabrics
from densesynth.appearance.kernels import material as kernels
from densesynth.arrays import Array, Float32, Int32, UInt8

MATERIALS = ("paint", "wood", "metal", "cloth", "leaf", "card", "rubber", "leather")


@dataclass(frozen=True, kw_only=True, eq=False)
class Materials:
    """A thing's looks. position: of its vertices in its own frame, metres, within 3 of its origin. colours: linear RGB
    of each face. kind: index into MATERIALS. along: which axis (0..2) of its own frame each face's piece is longest
    in. piece: of each face; places grain."""

    position: Float32[Array, "v 3"]
    colours: Float32[Array, "f 3"]
    kind: UInt8[Array, "f"]
    along: UInt8[Array, "f"]
    piece: Int32[Array, "f"]


def paint_materials(
    materials: Materials,
    faces: Int32[Array, "f 3"],
    face: Int32[Array, "n"],
    barycentrics: Float32[Array, "n 3"],
    footprint: Float32[Array, "n"],
) -> tuple[Float32[Array, "n 3"], Float32[Array, "n"]]:
    """(linear albedo, roughness) at points of a thing whose faces are `faces`. footprint: metres a pixel."""
    count = len(face)
    outputs = [wp.empty(count, dtype=kind, device="cpu") for kind in (wp.vec3, wp.float32)]
    pairs = (
        (noise_of_fabrics(), wp.float32), (materials.position, wp.vec3), (faces, wp.vec3i),
        (materials.colours, wp.vec3), (materials.kind, wp.uint8), (materials.along, wp.uint8),
        (materials.piece, wp.int32), (face, wp.int32), (barycentrics, wp.vec3), (footprint, wp.float32),
    )  # fmt: skip
    inputs = [wp.array(np.ascontiguousarray(array), dtype=kind, device="cpu", copy=False) for array, kind in pairs]
    wp.launch(kernels.paint_materials, count, inputs, outputs, device="cpu")
    albedo, rough = (output.numpy() for output in outputs)
    return albedo, rough
