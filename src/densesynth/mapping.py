"""`densesynth map`: points and textures of one body's surface onto its vertices, its charts, or another body's.

Points come and go as CSV with a header: `I,U,V` or `vertex` in; all of them out.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.body.anny import AnnyBody, load_anny, load_anny_on
from densesynth.body.body import Body
from densesynth.body.smpl import load_smpl
from densesynth.data.files import encode_png, write_bytes
from densesynth.errors import AssetError, ConfigurationError
from densesynth.retopology import SUFFIX, read_table
from densesynth.skin import join_bodies
from densesynth.surface.atlas import Atlas, load_atlas
from densesynth.surface.cse import VertexCharts, charts_of, read_cse_mesh
from densesynth.surface.locate import Located
from densesynth.surface.official import make_official_atlas, read_official_charts
from densesynth.surface.textures import (
    TextureLayout,
    coordinates_layout,
    read_obj_layout,
    tile_layout,
    transfer_texture,
)
from densesynth.surface.transfer import locate_vertices


@dataclass(frozen=True, eq=False)
class NamedSurface:
    """A body with the charts that lie on it."""

    body: Body
    atlas: Atlas


def open_surface(body: str = "anny", charts: Path | None = None) -> NamedSurface:
    """`anny` with densesynth's own charts; or, with DensePose's `UV_Processed.mat`, an official SMPL or SMPL-H file, or
    anny2smpl.pth for Anny on SMPL's mesh.

    Raises AssetError, ConfigurationError for files that don't fit each other.
    """
    if body == "anny":
        if charts is not None:
            raise ConfigurationError(
                f"{charts}: DensePose's charts are for SMPL's topology; Anny has charts of its own"
            )
        return NamedSurface(load_anny(), load_atlas("anny"))
    if charts is None:
        raise ConfigurationError(f"{body}: a body of SMPL's topology needs charts; give UV_Processed.mat with --charts")
    if Path(body).suffix == SUFFIX:
        anny = load_anny_on(read_table(Path(body)))
        rest = anny.at_rest(anny.average_betas())
        return NamedSurface(anny, make_official_atlas(read_official_charts(charts), anny.faces, rest))
    model = load_smpl(Path(body))
    atlas = make_official_atlas(read_official_charts(charts), model.faces, model.rest_position, model.data.mirror)
    return NamedSurface(model, atlas)


def read_vertex_charts(mesh: Path, body: str, charts: Path | None) -> VertexCharts:
    """Where the vertices of a CSE mesh (`smpl_27554.pkl`) lie in the charts of a body's surface, as `open_surface`
    reads it. Raises AssetError, ConfigurationError."""
    atlas = open_surface(body, charts).atlas
    return charts_of(read_cse_mesh(mesh, atlas), atlas)


def map_points(points: Path, out: Path, source: NamedSurface, target: NamedSurface | None = None) -> int:
    """Read surface points of `source`, write them in the terms of `target` (or of the same body); returns their number.

    In: CSV with columns I, U, V (part 1..24, [0, 1]) or vertex. Out: I, U, V, vertex, face, b0, b1, b2, a line a point.
    """
    located = _read_points(points, source.atlas)
    goal = source if target is None else target
    if target is not None and target.body is not source.body:
        located = join_bodies(source.body, target.body).carry(*located)
    part, u, v = goal.atlas.encode(*located)
    vertex = goal.atlas.nearest_vertex(*located)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["I", "U", "V", "vertex", "face", "b0", "b1", "b2"])
    for row in zip(part, u, v, vertex, located.face, *located.barycentrics.T, strict=True):
        writer.writerow(
            [int(row[0]), f"{row[1]:.9g}", f"{row[2]:.9g}", int(row[3]), int(row[4]), *(f"{b:.9g}" for b in row[5:])]
        )
    write_bytes(out, text.getvalue().encode())
    return len(part)


def _read_points(path: Path, atlas: Atlas) -> Located:
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise AssetError(f"{path}: can't be read ({error}); expected CSV") from None
    fields = set(rows[0]) if rows else set()
    try:
        if {"I", "U", "V"} <= fields:
            part = np.array([int(row["I"]) for row in rows])
            u, v = (np.array([float(row[key]) for row in rows], np.float32) for key in "UV")
            if part.min() < 1 or part.max() > 24:
                raise AssetError(f"{path}: expected I in 1..24, found {part.min()}..{part.max()}; leave background out")
            return atlas.decode(part.astype(np.uint8), u, v)
        if "vertex" in fields:
            return locate_vertices(atlas, np.array([int(row["vertex"]) for row in rows], np.int32))
    except (ValueError, TypeError, OverflowError) as error:
        raise AssetError(f"{path}: a value is no number ({error})") from None
    raise AssetError(f"{path}: expected CSV with a header `I,U,V` or `vertex` and a line for each point")


def open_layout(layout: str, surface: NamedSurface) -> TextureLayout:
    """`tiles`: DensePose's 24 squares; `makehuman`: Anny's own; else an OBJ of the body's mesh with UVs."""
    if layout == "tiles":
        return tile_layout(surface.atlas)
    if layout == "makehuman":
        if not isinstance(surface.body, AnnyBody) or surface.body.retopology is not None:
            raise ConfigurationError("the layout `makehuman` is Anny's; for other bodies give an OBJ")
        return coordinates_layout(surface.body.faces, surface.body.texture_corners(), "Anny's texture coordinates")
    return read_obj_layout(Path(layout), surface.atlas.faces)


def map_texture(
    texture: Path,
    out: Path,
    source: NamedSurface,
    source_layout: str,
    target: NamedSurface | None,
    target_layout: str,
    size: tuple[int, int],
) -> None:
    """Repaint a texture picture in another layout, of the same body or another. size: height, width of the result."""
    if out.suffix.lower() != ".png":
        raise ConfigurationError(f"{out}: the texture is written as PNG; give a name that ends in .png")
    if min(size) < 1 or max(size) > 16384:
        raise ConfigurationError(f"size {size[0]}×{size[1]}: expected 1 to 16384 texels a side")
    goal = source if target is None else target
    joined = None if goal.body is source.body else join_bodies(goal.body, source.body)
    layouts = open_layout(source_layout, source), open_layout(target_layout, goal)
    picture = transfer_texture(_read_texture(texture), *layouts, *size, joined)
    write_bytes(out, encode_png(picture))


def _read_texture(path: Path) -> UInt8[Array, "h w 3"]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise AssetError(f"{path}: no picture that can be read; give the texture as PNG or JPEG")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
