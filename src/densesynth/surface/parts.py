"""DensePose's part ids, names and mirror pairs. Index 0 is background; left and right are the person's own."""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, UInt8

COARSE_NAMES: tuple[str, ...] = (
    "background", "torso", "right hand", "left hand", "left foot", "right foot", "right upper leg", "left upper leg",
    "right lower leg", "left lower leg", "left upper arm", "right upper arm", "left lower arm", "right lower arm",
    "head",
)  # fmt: skip

FINE_NAMES: tuple[str, ...] = (
    "background", "torso back", "torso front", "right hand", "left hand", "left foot", "right foot",
    "right upper leg back", "left upper leg back", "right upper leg front", "left upper leg front",
    "right lower leg back", "left lower leg back", "right lower leg front", "left lower leg front",
    "left upper arm front", "right upper arm front", "left upper arm back", "right upper arm back",
    "left lower arm front", "right lower arm front", "left lower arm back", "right lower arm back",
    "right head", "left head",
)  # fmt: skip


def _table(*values: int) -> UInt8[Array, "k"]:
    table = np.array(values, dtype=np.uint8)
    table.flags.writeable = False
    return table


FINE_TO_COARSE: UInt8[Array, "25"] = _table(
    0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 14
)
FINE_MIRROR: UInt8[Array, "25"] = _table(
    0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23
)
COARSE_MIRROR: UInt8[Array, "15"] = _table(0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14)
