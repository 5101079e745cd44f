"""Texture pictures in one layout → another, by way of surface points.

A layout says where on a picture each triangle's corners lie. Two kinds are read: DensePose's tiles (24 charts of equal
squares, as in its texture-transfer example: 4 columns, 6 rows, parts running down the columns, U to the right, V up)
and a mesh's own texture coordinates from a Wavefront OBJ (SMPL's, SURREAL's, MakeHuman's; v up).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8
from densesynth.errors import AssetError, ConfigurationError
from densesynth.surface.atlas import Atlas
from densesynth.surface.locate import Located, index_charts
from densesynth.surface.transfer import SurfaceMap

TILE_COLUMNS, TILE_ROWS = 4, 6
GUTTER = 4  # texels around each island that are filled too, so that filtering doesn't bring in the background


@dataclass(frozen=True, eq=False)
class TextureLayout:
    """corners: (f, 3, 2) x, y of each triangle's corners within its tile, [0, 1], from the tile's top left.

    tile: each triangle's tile, from 1, down the columns; columns, rows: of tiles. faces: the mesh the layout is for.
    """

    faces: Int32[Array, "f 3"]
    corners: Float32[Array, "f 3 2"]
    tile: UInt8[Array, "f"]
    columns: int = 1
    rows: int = 1

    def origin(self, tile: Array) -> Float64[Array, "n 2"]:
        """Column and row of tiles."""
        column, row = np.divmod(tile.astype(np.int64) - 1, self.rows)
        return np.stack([column, row], axis=-1).astype(np.float64)


def tile_layout(atlas: Atlas, columns: int = TILE_COLUMNS, rows: int = TILE_ROWS) -> TextureLayout:
    """DensePose's texture layout for an atlas: part k in tile k."""
    if columns * rows != 24:
        raise ConfigurationError(f"expected 24 tiles for DensePose's 24 parts, found {columns} × {rows}")
    corners = np.stack([atlas.uv[..., 0], 1.0 - atlas.uv[..., 1]], axis=-1).astype(np.float32)
    return TextureLayout(atlas.faces, corners, atlas.part, columns, rows)


def read_obj_layout(path: Path, faces: Int32[Array, "f 3"] | None = None) -> TextureLayout:
    """Texture coordinates of an OBJ; polygons are cut into fans. Raises AssetError for a file without them.

    faces: the body's triangles, where they aren't the OBJ's in order; matched by their vertices then.
    """
    places, triangles, textures = _read_obj(path)
    triangles = triangles.astype(np.int32)
    if faces is not None:
        index = {tuple(sorted(triple)): number for number, triple in reversed(list(enumerate(triangles.tolist())))}
        rows = np.array([index.get(tuple(sorted(triple)), -1) for triple in faces.tolist()])
        if (rows < 0).any():
            raise AssetError(
                f"{path}: {int((rows < 0).sum())} of the body's {len(faces)} triangles aren't in it; "
                "expected the OBJ of the same mesh"
            )
        order = (triangles[rows][:, None, :] == faces[:, :, None]).argmax(axis=2)
        triangles, textures = faces, np.take_along_axis(textures[rows], order, axis=1)
    return coordinates_layout(triangles, places[textures], str(path))


def read_npz_layout(path: Path, faces: Int32[Array, "f 3"]) -> TextureLayout:
    """Texture coordinates `vt` and their triangles `ft`, face by face the body's, as SMPL-X's own .npz files have them.

    Raises AssetError for a file without them or for another mesh.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            places, textures = np.asarray(archive["vt"], np.float64), np.asarray(archive["ft"]).astype(np.int64)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise AssetError(f"{path}: expected an .npz file with arrays `vt` and `ft` ({error})") from None
    if places.ndim != 2 or places.shape[1] != 2 or textures.shape != faces.shape:
        raise AssetError(
            f"{path}: `vt` {places.shape} and `ft` {textures.shape} don't fit the body's {len(faces)} triangles; "
            "expected the file of the same model"
        )
    if textures.min() < 0 or textures.max() >= len(places) or not np.isfinite(places).all():
        raise AssetError(f"{path}: `ft` names texture coordinates that aren't there, or `vt` isn't finite")
    return coordinates_layout(faces, places[textures], str(path))


def coordinates_layout(faces: Int32[Array, "f 3"], corners: Float64[Array, "f 3 2"], source: str) -> TextureLayout:
    """A layout of one picture from texture coordinates of each triangle's corners (v up); `source` names them.

    Raises AssetError where they leave [0, 1].
    """
    corners = np.stack([corners[..., 0], 1.0 - corners[..., 1]], axis=-1)
    if corners.min() < -1e-6 or corners.max() > 1.0 + 1e-6:
        raise AssetError(f"{source}: texture coordinates leave [0, 1] (several pictures in one mesh aren't read)")
    corners = np.clip(corners, 0, 1).astype(np.float32)
    return TextureLayout(np.ascontiguousarray(faces, np.int32), corners, np.ones(len(faces), np.uint8))


def _read_obj(path: Path) -> tuple[Float64[Array, "t 2"], Array, Array]:
    """Texture coordinates, and triangles of vertices and of texture coordinates, from 0."""
    places: list[list[float]] = []
    triangles: list[list[int]] = []
    textures: list[list[int]] = []
    vertices = 0
    try:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                vertices += 1
            elif words[0] == "vt":
                places.append([float(words[1]), float(words[2])])
            elif words[0] == "f":
                corners = [word.split("/") for word in words[1:]]
                ids = [_obj_number(corner[0], vertices) for corner in corners]
                spots = [_obj_number(corner[1], len(places)) for corner in corners]
                for k in range(1, len(ids) - 1):
                    triangles.append([ids[0], ids[k], ids[k + 1]])
                    textures.append([spots[0], spots[k], spots[k + 1]])
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    except (ValueError, IndexError) as error:
        raise AssetError(f"{path}: no OBJ with texture coordinates ({error}); export the mesh with its UVs") from None
    if not triangles or max(map(max, textures)) >= len(places) or min(map(min, textures)) < 0:
        raise AssetError(f"{path}: no OBJ with texture coordinates; export the mesh with its UVs")
    return np.array(places), np.array(triangles), np.array(textures)


def _obj_number(text: str, count: int) -> int:
    number = int(text)
    return number - 1 if number > 0 else count + number


def cover_texels(layout: TextureLayout, height: int, width: int) -> Bool[Array, "h w"]:
    """Which texels of a picture some triangle touches."""
    scale = np.array([width / layout.columns, height / layout.rows])
    corners = (layout.corners + layout.origin(layout.tile)[:, None]) * scale
    covered = np.zeros((height, width), np.uint8)
    for triangle in np.round((corners - 0.5) * 256).astype(np.int32):
        cv2.fillConvexPoly(covered, triangle, 1, shift=8)
    return covered > 0


def locate_texels(layout: TextureLayout, height: int, width: int) -> tuple[Bool[Array, "h w"], Located]:
    """Which texels of a picture belong to the surface (or lie in an island's gutter), and their surface points."""
    scale = np.array([width / layout.columns, height / layout.rows])
    y, x = np.nonzero(cover_texels(layout, height, width))
    spot = np.stack([x + 0.5, y + 0.5], axis=1) / scale
    cell = np.minimum(spot.astype(np.int64), (layout.columns - 1, layout.rows - 1))
    tile = (cell[:, 0] * layout.rows + cell[:, 1] + 1).astype(np.uint8)
    own = np.isin(tile, np.unique(layout.tile))  # drawing reaches a texel far, also into a tile without triangles
    y, x, tile, spot = y[own], x[own], tile[own], (spot - cell)[own]
    located = index_charts(layout.tile, layout.corners).locate(tile, spot)
    return _grow(layout, height, width, y, x, located)


def _grow(
    layout: TextureLayout, height: int, width: int, y: Array, x: Array, located: Located
) -> tuple[Array, Located]:
    """Fill the gutters: each texel takes the point of the nearest texel that has one, in its own tile."""
    row = np.full((height, width), -1)
    row[y, x] = np.arange(len(y))
    edges_y = np.round(np.arange(layout.rows + 1) * height / layout.rows).astype(int)
    edges_x = np.round(np.arange(layout.columns + 1) * width / layout.columns).astype(int)
    for top, bottom in pairwise(edges_y.tolist()):
        for left, right in pairwise(edges_x.tolist()):
            part = row[top:bottom, left:right]
            if (part >= 0).any():
                distance, nearest = distance_transform_edt(part < 0, return_indices=True)
                part[...] = np.where(distance <= GUTTER, part[tuple(nearest)], -1)
    covered = row >= 0
    chosen = row[covered]
    return covered, Located(located.face[chosen], located.barycentrics[chosen])


def transfer_texture(
    texture: UInt8[Array, "h w 3"],
    source: TextureLayout,
    target: TextureLayout,
    height: int,
    width: int,
    joined: SurfaceMap | None = None,
) -> UInt8[Array, "k m 3"]:
    """Repaint a texture in another layout; texels off every island are black.

    joined: from the target's mesh to the source's, where they differ (`transfer.map_surface(target, source)`).
    Raises ConfigurationError for layouts of different meshes without it.
    """
    if joined is None and not np.array_equal(source.faces, target.faces):
        raise ConfigurationError(
            f"the layouts are for meshes of {len(source.faces)} and {len(target.faces)} triangles; "
            "for different bodies join their surfaces first"
        )
    covered, located = locate_texels(target, height, width)
    if joined is not None:
        located = joined.carry(*located)
    corners = source.corners[located.face].astype(np.float64)
    spot = np.einsum("nk,nkc->nc", located.barycentrics.astype(np.float64), corners)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[covered] = sample_texture(texture, source, source.tile[located.face], spot)
    return picture


def sample_texture(
    texture: UInt8[Array, "h w 3"], layout: TextureLayout, tile: UInt8[Array, "n"], spot: Float64[Array, "n 2"]
) -> UInt8[Array, "n 3"]:
    """Bilinear colours at places (x, y in [0, 1]) of tiles, never reaching into the tile beside."""
    size = np.array([texture.shape[1] / layout.columns, texture.shape[0] / layout.rows])
    first = layout.origin(tile) * size
    at = np.clip(spot * size - 0.5, 0.0, size - 1.0) + first
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, np.floor(first + size - 1).astype(np.int64))
    share = (at - low)[:, :, None]
    colours = texture.astype(np.float64)
    top = colours[low[:, 1], low[:, 0]] * (1 - share[:, 0]) + colours[low[:, 1], high[:, 0]] * share[:, 0]
    bottom = colours[high[:, 1], low[:, 0]] * (1 - share[:, 0]) + colours[high[:, 1], high[:, 0]] * share[:, 0]
    return np.round(top * (1 - share[:, 1]) + bottom * share[:, 1]).astype(np.uint8)
