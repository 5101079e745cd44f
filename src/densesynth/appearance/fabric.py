"""What worn meshes that have looks of their own are made of: procedural cloth, leather and hair, or a texture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
import warp as wp

from densesynth.appearance.colour import linear_from_srgb
from densesynth.appearance.kernels import fabric as kernels
from densesynth.appearance.kernels.base import Cloth as KernelCloth
from densesynth.appearance.layout import CLOTH, pack_cloth
from densesynth.appearance.noise import make_noise_table
from densesynth.appearance.outfit import Cloth
from densesynth.arrays import Array, Float32, Int32, UInt8

FINISHES = ("woven", "smooth", "strands")
TEXTURE_ROUGHNESS = 0.8
LEVELS = 8  # of a texture's pyramid


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture laid over a mesh. uv: of each face's corners, v upwards; repeats."""

    picture: UInt8[Array, "h w c"]
    uv: Float32[Array, "f 3 2"]

    @cached_property
    def levels(self) -> list[Float32[Array, "h w 3"]]:
        """Linear RGB, each level half the size of the one before."""
        levels = [linear_from_srgb(self.picture[..., :3].astype(np.float32)).astype(np.float32)]
        while len(levels) < LEVELS and min(levels[-1].shape[:2]) > 1:
            levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        return levels


@dataclass(frozen=True, kw_only=True, eq=False)
class Weave:
    """How fabric lies on a mesh, the same for everybody who wears it.

    position: of the vertices on the average adult at rest, metres, feet on 0. across: metres across and along the
    fabric at each face's corners, not negative. piece: of each face, which of the fabric's cloths it is.
    """

    position: Float32[Array, "n 3"]
    across: Float32[Array, "f 3 2"]
    piece: Int32[Array, "f"]
    texture: Texture | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Fabric:
    """A worn mesh's looks. cloths, finish (of FINISHES): of each piece; finish "smooth" and "strands" use a cloth's
    first colour alone. With a texture the cloths aren't used. seed: places grain and folds, 0..1."""

    weave: Weave
    cloths: tuple[Cloth, ...]
    finish: tuple[str, ...]
    seed: float


def paint_fabric(
    fabric: Fabric,
    faces: Int32[Array, "f 3"],
    face: Int32[Array, "n"],
    barycentrics: Float32[Array, "n 3"],
    footprint: Float32[Array, "n"],
) -> tuple[Float32[Array, "n 3"], Float32[Array, "n"], Float32[Array, "n"]]:
    """(linear albedo, roughness, 1 on cloth) at points of a mesh whose faces are `faces`. footprint: metres a pixel."""
    count = len(face)
    weave = fabric.weave
    if weave.texture is not None:
        colour = _sample(weave.texture, weave, faces, face, barycentrics, footprint)
        woven = np.float32(fabric.finish[0] == "woven")
        return colour, np.full(count, TEXTURE_ROUGHNESS, np.float32), np.full(count, woven, np.float32)
    position = np.einsum("nk,nkc->nc", barycentrics, weave.position[faces[face]])
    across = np.einsum("nk,nkc->nc", barycentrics, weave.across[face])
    rows = np.zeros(len(fabric.cloths), CLOTH)
    for row, cloth in enumerate(fabric.cloths):
        rows[row] = pack_cloth(cloth)
    finish = np.array([FINISHES.index(name) for name in fabric.finish], np.int32)
    seeds = (fabric.seed + 0.37 * np.arange(len(finish), dtype=np.float32)).astype(np.float32) % np.float32(1.0)
    outputs = [wp.empty(count, dtype=kind, device="cpu") for kind in (wp.vec3, wp.float32, wp.float32)]
    pairs = (
        (noise_of_fabrics(), wp.float32), (finish, wp.int32), (seeds, wp.float32), (weave.piece[face], wp.int32),
        (position.astype(np.float32), wp.vec3), (across.astype(np.float32), wp.vec2), (footprint, wp.float32),
    )  # fmt: skip
    table, *others = (
        wp.array(np.ascontiguousarray(array), dtype=kind, device="cpu", copy=False) for array, kind in pairs
    )
    cloths = wp.array(ptr=rows.ctypes.data, shape=len(rows), dtype=KernelCloth, device="cpu")
    wp.launch(kernels.paint_fabric, count, [table, cloths, *others, *outputs], device="cpu")
    albedo, rough, covered = (output.numpy() for output in outputs)
    return albedo, rough, covered


def _sample(
    texture: Texture,
    weave: Weave,
    faces: Int32[Array, "f 3"],
    face: Int32[Array, "n"],
    barycentrics: Float32[Array, "n 3"],
    footprint: Float32[Array, "n"],
) -> Float32[Array, "n 3"]:
    """A texture at points of a mesh, bilinear, from the level whose texels are as large as pixels there."""
    uv = np.einsum("nk,nkc->nc", barycentrics, texture.uv[face])
    corner, flat = weave.position[faces[face]], texture.uv[face]
    size = np.sqrt(np.array(texture.picture.shape[:2]).prod())
    metres = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    edge, other = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    texels = np.abs(edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0]) * size * size
    per_pixel = footprint * np.sqrt(texels / np.maximum(metres, 1e-12))
    level = np.clip(np.rint(np.log2(np.maximum(per_pixel, 1.0))), 0, len(texture.levels) - 1).astype(np.int64)
    colour = np.empty((len(face), 3), np.float32)
    for number in np.unique(level):
        rows = np.flatnonzero(level == number)
        picture = texture.levels[number]
        height, width = picture.shape[:2]
        x = (uv[rows, 0] % 1.0) * width - 0.5
        y = ((1.0 - uv[rows, 1]) % 1.0) * height - 0.5
        x0, y0 = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        x1, y1 = (x0 + 1) % width, (y0 + 1) % height
        x0, y0 = x0 % width, y0 % height
        upper = picture[y0, x0] * (1.0 - fx) + picture[y0, x1] * fx
        lower = picture[y1, x0] * (1.0 - fx) + picture[y1, x1] * fx
        colour[rows] = upper * (1.0 - fy) + lower * fy
    return colour


@cache
def noise_of_fabrics() -> Float32[Array, "_"]:
    """The noise that fabrics and materials are made of, as their kernels read it."""
    return make_noise_table().ravel()
