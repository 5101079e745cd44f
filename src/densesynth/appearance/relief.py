"""What light shows of surfaces finer than their meshes: folds of cloth that follow the pose, and hair's strands.

Normals alone are tilted: what is seen, and every label, stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import warp as wp

from densesynth.appearance.fabric import Fabric
from densesynth.appearance.kernels.relief import Bends, comb_normals, fold_normals
from densesynth.appearance.outfit import Outfit
from densesynth.appearance.paint import Paint
from densesynth.arrays import Array, Float32, Int32
from densesynth.geometry.skeleton import JOINT

BENDS = np.dtype(
    [(name, np.float32) for name in ("left_elbow", "right_elbow", "left_knee", "right_knee", "left_hip", "right_hip",
                                     "waist", "top", "bottom", "seed")]
)  # fmt: skip
TOPS = {"t-shirt": 0.8, "long sleeve": 0.7, "vest": 0.6, "shirt": 1.0, "jumper": 0.55, "jacket": 0.9}
BOTTOMS = {"shorts": 0.8, "knee-length": 0.9, "trousers": 1.0, "leggings": 0.12}
FINE, LOCKS = 0.0032, 0.0105  # metres from strand to strand, and from lock to lock
TILT = (0.34, 0.17)  # of normals by these
SHORT = {
    "bald": 0.0,
    "buzz": 0.0,
    "short": 0.8,
    "fade": 0.7,
    "swept back": 1.0,
}  # how far short hair's strands tilt them


def measure_bends(outfits: Sequence[Outfit], rotations: Sequence[Float32[Array, "52 3"]]) -> Array:
    """One row of dtype BENDS a person. rotations: rotation vectors of the 52 joints."""
    rows = bend_joints(np.stack(rotations))
    for row, outfit in zip(rows, outfits, strict=True):
        row["top"], row["bottom"] = TOPS[outfit.top.kind], BOTTOMS[outfit.bottom.kind]
        row["seed"] = outfit.seed
    return rows


def bend_joints(rotations: Float32[Array, "p 52 3"]) -> Array:
    """One row of dtype BENDS a person, of which the joints alone are filled in, from their rotation vectors."""
    rows = np.zeros(len(rotations), BENDS)
    size = np.linalg.norm(rotations, axis=2)
    for name in ("left_elbow", "right_elbow", "left_knee", "right_knee", "left_hip", "right_hip"):
        rows[name] = np.minimum(size[:, JOINT[name]], 1.6)
    rows["waist"] = np.minimum(size[:, [JOINT["spine1"], JOINT["spine2"], JOINT["spine3"]]].sum(axis=1), 1.2)
    return rows


class Worn(NamedTuple):
    """Samples on bodies. bodies: as dressed, world, metres. person: of each sample, from 0, −1 for none. face,
    barycentrics: its body point. footprint: metres that it covers."""

    bodies: Float32[Array, "p v 3"]
    person: Int32[Array, "n"]
    face: Int32[Array, "n"]
    barycentrics: Float32[Array, "n 3"]
    footprint: Float32[Array, "n"]

    def place(self, device: str) -> list[Any]:
        """As the kernels take them: vertices, each body's first, then the samples'."""
        starts = np.arange(len(self.bodies), dtype=np.int32) * self.bodies.shape[1]
        kinds = (
            (self.bodies.reshape(-1, 3), wp.vec3), (starts, wp.int32), (self.person, wp.int32), (self.face, wp.int32),
            (self.barycentrics, wp.vec3), (self.footprint, wp.float32),
        )  # fmt: skip
        return [_place(array, kind, device) for array, kind in kinds]


def _place(array: Array, kind: Any, device: str) -> Any:
    return wp.array(np.ascontiguousarray(array), dtype=kind, device=device, copy=False)


def fold(paint: Paint, bends: Array, seen: Worn, cloth: Float32[Array, "n"], strength: float, normals: Any) -> None:
    """Tilt the normals (Warp's, in place) of samples on cloth by its folds. cloth: how much of each is cloth."""
    device = paint.device
    fields, _, faces, _ = paint.tables
    rows = wp.array(ptr=bends.ctypes.data, shape=len(bends), dtype=Bends, device="cpu").to(device)
    inputs = [fields, faces, rows, *seen.place(device), _place(cloth, wp.float32, device), strength, normals]
    wp.launch(fold_normals, len(seen.face), inputs, device=device)


def comb_short(paint: Paint, outfits: Sequence[Outfit | None], seen: Worn, strength: float, normals: Any) -> None:
    """Tilt the normals (Warp's, in place) of samples on the hair that bodies themselves wear. outfits: None where a
    head is painted otherwise."""
    hair, swept = np.zeros((len(outfits), 3), np.float32), np.zeros((len(outfits), 2), np.float32)
    for number, outfit in enumerate(outfits):
        if outfit is not None and outfit.headwear in ("none", "headband"):
            hair[number] = strength * SHORT[outfit.hair.kind], outfit.hair.recede, outfit.seed
            swept[number] = outfit.swept_towards if outfit.hair.kind == "swept back" else 0.0
    if not hair[:, 0].any():
        return
    device = paint.device
    fields, category, faces, _ = paint.tables
    inputs = [
        fields,
        category,
        faces,
        _place(hair, wp.vec3, device),
        _place(swept, wp.vec2, device),
        *seen.place(device),
        normals,
    ]
    wp.launch(comb_normals, len(seen.face), inputs, device=device)


def comb(
    fabric: Fabric,
    vertices: Float32[Array, "v 3"],
    faces: Int32[Array, "f 3"],
    face: Int32[Array, "n"],
    barycentrics: Float32[Array, "n 3"],
    footprint: Float32[Array, "n"],
    strength: float,
    normals: Float32[Array, "n 3"],
) -> Float32[Array, "n 3"]:
    """The normals at points of a mesh of hair, tilted from strand to strand, so that its shine is drawn out across
    them. Points of other finishes keep theirs."""
    strands = np.array([finish == "strands" for finish in fabric.finish])[fabric.weave.piece[face]]
    corner, flat = vertices[faces[face]], fabric.weave.across[face]
    one, two = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    normal = np.cross(one, two)
    area = np.maximum((normal * normal).sum(axis=1, keepdims=True), 1e-14)
    across = np.cross(two, normal) * (flat[:, 1, :1] - flat[:, 0, :1])
    across = (across + np.cross(normal, one) * (flat[:, 2, :1] - flat[:, 0, :1])) / area
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    u, v = np.einsum("nk,nkc->cn", barycentrics, flat)
    wander = np.sin(23.0 * v + 140.0 * u + 6.0 * fabric.seed) + 0.6 * np.sin(61.0 * v + 5.0 * fabric.seed)
    wander += 1.4 * np.sin(67.0 * u + 9.0 * v + 2.0 * fabric.seed)
    tilt = np.zeros(len(face))
    for period, size in zip((FINE, LOCKS), TILT, strict=True):
        fade = np.clip(1.5 - 2.5 * footprint / period, 0.0, 1.0)
        tilt += size * fade * np.sin(u * (6.2832 / period) + 1.3 * wander)
    tilted = normals + (strength * tilt * strands)[:, None] * across
    return (tilted / np.linalg.norm(tilted, axis=1, keepdims=True)).astype(np.float32)
