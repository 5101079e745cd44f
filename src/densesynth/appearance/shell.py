"""Clothes and hair with thickness: the body's surface displaced, same topology, so that labels stay exact.

Cloth lies over the skin at its garment's thickness; loose cloth is smoothed, so that it spans hollows instead of
following every muscle, hangs below raised arms, and stands off in folds, the farther the more a joint bends; hair
stands off the scalp by its style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import warp as wp

from densesynth.appearance.kernels import shell as kernels
from densesynth.appearance.kernels.base import Row
from densesynth.appearance.kernels.relief import Bends
from densesynth.appearance.layout import ROW
from densesynth.appearance.outfit import Outfit
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.appearance.relief import bend_joints
from densesynth.arrays import Array, Float32, UInt8
from densesynth.errors import AssetError

SMOOTHING = 14  # averagings over a vertex's neighbours; even
CUT = ("top", "top_loose", "bottom", "bottom_loose", "hair", "hat", "top_wrinkle", "bottom_wrinkle")
"""Metres of thickness of top, bottom, hair and hat; how loose top and bottom are, 0 (skin-tight) .. 1; metres that the
deepest folds of these stand off. A row of UNCUT leaves the body as it is: what it wears is on a picture."""
UNCUT = -1.0

# Metres of thickness; least and greatest looseness; metres that the deepest folds stand off where it is greatest.
_TOP = {
    "t-shirt": (0.004, 0.3, 1.0, 0.017), "long sleeve": (0.004, 0.2, 0.8, 0.016), "vest": (0.003, 0.1, 0.7, 0.011),
    "shirt": (0.006, 0.4, 1.0, 0.02), "jumper": (0.011, 0.5, 1.0, 0.02), "jacket": (0.016, 0.5, 1.0, 0.02),
}  # fmt: skip
_BOTTOM = {
    "shorts": (0.007, 0.3, 1.0, 0.014), "knee-length": (0.006, 0.2, 1.0, 0.016), "trousers": (0.005, 0.1, 1.0, 0.022),
    "leggings": (0.0015, 0.0, 0.0, 0.0),
}  # fmt: skip
_HAIR = {
    "bald": (0.0, 0.0), "buzz": (0.002, 0.004), "short": (0.012, 0.03), "fade": (0.015, 0.035),
    "swept back": (0.012, 0.024),
}  # fmt: skip
_COMBED = {"loose": (0.003, 0.005), "pony tail": (0.006, 0.01), "bun": (0.006, 0.01)}  # under long hair


def draw_cuts(outfits: Sequence[Outfit], rng: np.random.Generator, wrinkles: float = 0.0) -> Float32[Array, "p 8"]:
    """How the people's clothes and hair stand off: one row per outfit, in the order of CUT. wrinkles: how deep cloth
    folds, 1 as it does; 0 is not at all."""
    cuts = np.zeros((len(outfits), len(CUT)), np.float32)
    for row, outfit in zip(cuts, outfits, strict=True):
        share = rng.random(6)
        thick, low, high, top_fold = _TOP[outfit.top.kind]
        row[:2] = thick * (0.8 + 0.5 * share[0]), low + (high - low) * share[1]
        thick, low, high, bottom_fold = _BOTTOM[outfit.bottom.kind]
        row[2:4] = thick * (0.8 + 0.5 * share[2]), low + (high - low) * share[3]
        low, high = _HAIR[outfit.hair.kind] if outfit.tresses is None else _COMBED[outfit.tresses.kind]
        row[4:6] = low + (high - low) * share[4], 0.005 + 0.004 * share[5]
        row[6] = wrinkles * top_fold * (0.25 + 0.75 * row[1])
        row[7] = wrinkles * bottom_fold * (0.25 + 0.75 * row[3])
    return cuts


@dataclass(frozen=True, eq=False)
class Shell:
    """What displaces bodies of the paint's topology."""

    paint: Paint

    def dress(
        self,
        vertices: Float32[Array, "p v 3"],
        outfits: UInt8[Array, "p b"],
        cuts: Float32[Array, "p 8"],
        rotations: Float32[Array, "p 52 3"] | None = None,
    ) -> Float32[Array, "p v 3"]:
        """Posed bodies (world, metres) → the surfaces of their clothes and hair; bare skin stays as it is.

        outfits: the bytes of `pack_outfits`' rows; cuts: `draw_cuts`'; rotations: rotation vectors of the 52 joints,
        where cloth folds the deeper the more they bend (None: none is bent). A function of these alone.
        """
        if vertices.shape[1] != len(self.paint.fields):
            raise AssetError(
                f"the clothes are for a body of {len(self.paint.fields)} vertices, found {vertices.shape[1]}; "
                "use the paint that was made for this body"
            )
        bends = self._bends(outfits, cuts, rotations)
        return np.stack([self._dress_one(k, body, outfits, cuts, bends) for k, body in enumerate(vertices)])

    def _bends(
        self, outfits: UInt8[Array, "p b"], cuts: Float32[Array, "p 8"], rotations: Float32[Array, "p 52 3"] | None
    ) -> Array:
        """What folds ask for: `relief.BENDS`, with metres for how deep they are."""
        bends = bend_joints(np.zeros((len(cuts), 52, 3), np.float32) if rotations is None else rotations)
        bends["top"], bends["bottom"] = cuts[:, CUT.index("top_wrinkle")], cuts[:, CUT.index("bottom_wrinkle")]
        bends["seed"] = np.ascontiguousarray(outfits).view(ROW)["seed"].ravel()
        return bends

    def _dress_one(
        self,
        k: int,
        body: Float32[Array, "v 3"],
        outfits: UInt8[Array, "p b"],
        cuts: Float32[Array, "p 8"],
        bends: Array,
    ) -> Float32[Array, "v 3"]:
        if (cuts[k] == UNCUT).all():
            return body.copy()
        count = len(body)
        fields, bare, faces, face_starts, around, starts, beside, active, table = self._tables
        outfits, cuts = np.ascontiguousarray(outfits), np.ascontiguousarray(cuts)
        vertices = wp.array(np.ascontiguousarray(body), dtype=wp.vec3, device="cpu", copy=False)
        rows = wp.array(ptr=outfits.ctypes.data, shape=len(outfits), dtype=Row, device="cpu")
        cut = wp.array(ptr=cuts.ctypes.data, shape=len(cuts), dtype=kernels.Cut, device="cpu")
        normals, now, then, worn = (wp.empty(count, dtype=wp.vec3, device="cpu") for _ in range(4))
        face_normals = wp.empty(faces.shape, dtype=wp.vec3, device="cpu")
        bent = wp.array(ptr=bends.ctypes.data, shape=len(bends), dtype=Bends, device="cpu")
        thick, loose, wrinkles = (wp.empty(count, dtype=wp.float32, device="cpu") for _ in range(3))
        wp.launch(kernels.find_face_normals, faces.shape, [vertices, faces, face_normals], device="cpu")
        wp.launch(kernels.find_normals, count, [face_normals, face_starts, around, normals], device="cpu")
        inputs = [k, fields, bare, table, rows, cut, bent, normals, thick, loose, wrinkles]
        wp.launch(kernels.measure_shell, count, inputs, device="cpu")
        wp.launch(kernels.lift, count, [vertices, normals, thick, now, then], device="cpu")
        wp.launch(kernels.relax, 1, [SMOOTHING // 2, active, starts, beside, loose, now, then], device="cpu")
        wp.launch(kernels.settle, count, [vertices, normals, thick, loose, now, wrinkles, worn], device="cpu")
        return np.asarray(worn.numpy().copy())

    @cached_property
    def _tables(self) -> tuple[Any, ...]:
        paint = self.paint
        order = ("x", "y", "z", "arm", "leg", "open", "ear", "nail", "lips", "lid", "hair", "hair")
        values = paint.fields[:, [FIELDS.index(name) for name in order]]
        count = len(values)
        bare = np.zeros(count, np.uint8)
        bare[paint.faces[paint.category > 0]] = 1
        corners = paint.faces.ravel()
        by_vertex = np.argsort(corners, kind="stable")
        face_starts = np.concatenate([[0], np.cumsum(np.bincount(corners, minlength=count))])
        edges = np.concatenate([paint.faces[:, [0, 1]], paint.faces[:, [1, 2]], paint.faces[:, [2, 0]]])
        edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
        starts = np.concatenate([[0], np.cumsum(np.bincount(edges[:, 0], minlength=count))])
        z, arm = paint.fields[:, 2], paint.fields[:, FIELDS.index("arm")]
        active = np.flatnonzero((bare == 0) & (z > 0.04) & (z < 1.42) & (arm < 0.56))
        whole = (
            (np.ascontiguousarray(values).reshape(-1, 3, 4), wp.vec4), (bare, wp.uint8), (paint.faces, wp.vec3i),
            (face_starts, wp.int32), (by_vertex // 3, wp.int32), (starts, wp.int32), (edges[:, 1], wp.int32),
            (active, wp.int32), (paint.noise_table.ravel(), wp.float32),
        )  # fmt: skip
        return tuple(
            wp.array(np.ascontiguousarray(a, np.int32) if kind is wp.int32 else a, dtype=kind, device="cpu")
            for a, kind in whole
        )
