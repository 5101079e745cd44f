"""What a picture's flip does to parts and chart coordinates: for our charts a formula, for DensePose's a lookup."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from densesynth.arrays import Array, Float32, UInt8
from densesynth.errors import AssetError
from densesynth.surface.official import read_mat
from densesynth.surface.parts import FINE_MIRROR

TORSO, HEAD = (1, 2), (23, 24)
Charted = tuple[UInt8[Array, "*n"], Float32[Array, "*n"], Float32[Array, "*n"]]


@runtime_checkable
class ChartMirror(Protocol):
    """(I, U, V) of a surface point → those of its counterpart on the other side; background stays 0, 0, 0."""

    def __call__(self, part: UInt8[Array, "*n"], u: Float32[Array, "*n"], v: Float32[Array, "*n"]) -> Charted: ...


def mirror_atlas(part: UInt8[Array, "*n"], u: Float32[Array, "*n"], v: Float32[Array, "*n"]) -> Charted:
    """The mirror of densesynth's charts (laws in `surface.atlas`); its own inverse, to a rounding of 1 − (1 − u)."""
    torso, head = np.isin(part, TORSO), np.isin(part, HEAD)
    one = np.float32(1.0)
    return FINE_MIRROR[part], np.where(head, one - u, u), np.where(torso, one - v, v)


@dataclass(frozen=True, eq=False)
class OfficialMirror:
    """DensePose's own: tables of each original part, row V, column U (densepose_spec, flip)."""

    u: Float32[Array, "24 s s"]
    v: Float32[Array, "24 s s"]

    def __call__(self, part: UInt8[Array, "*n"], u: Float32[Array, "*n"], v: Float32[Array, "*n"]) -> Charted:
        chart = np.maximum(part.astype(np.int64) - 1, 0)
        column, row = (np.clip(value * 255.0, 0, 255).astype(np.int64) for value in (u, v))
        body = part > 0
        zero = np.float32(0.0)
        return (
            FINE_MIRROR[part],
            np.where(body, self.u[chart, row, column], zero),
            np.where(body, self.v[chart, row, column], zero),
        )


def read_symmetry_transforms(path: Path) -> OfficialMirror:
    """Read `UV_symmetry_transforms.mat`. Raises AssetError when it is another file or damaged."""
    table = read_mat(path, ("U_transforms", "V_transforms"))
    stacks = []
    for key in ("U_transforms", "V_transforms"):
        cells = [np.asarray(cell, np.float32) for cell in table[key].ravel()]
        if len(cells) != 24 or any(cell.ndim != 2 or min(cell.shape) < 256 for cell in cells):
            raise AssetError(f"{path}: {key} is expected to hold 24 arrays of at least 256×256; download it again")
        stacks.append(np.stack([cell[:256, :256] for cell in cells]))
    return OfficialMirror(stacks[0], stacks[1])
