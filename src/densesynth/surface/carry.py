"""What is drawn on one body's surface (charts, numbers at vertices) carried to a body of another topology.

A face gets the part its centre falls on. Its corners get U and V of the nearest points of that part's own faces, so a
chart is never torn: along a seam of the source, corners that fall beyond it are held at the chart's edge.
"""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Float32, Int32
from densesynth.surface.atlas import Atlas
from densesynth.surface.closest import closest_points, place_points
from densesynth.surface.locate import Located
from densesynth.surface.official import find_mirror_faces, find_mirror_vertices
from densesynth.surface.transfer import SurfaceMap

TORN = 0.15  # in U or V across one small triangle: its corners lie on two sides of a cut inside the chart


def centres_on(joined: SurfaceMap) -> Int32[Array, "f"]:
    """The target's face that each source face's centre falls on."""
    faces = np.arange(len(joined.source_faces), dtype=np.int32)
    third = np.full((len(faces), 3), 1.0 / 3.0, np.float32)
    return joined.carry(faces, third).face


def carry_fields(joined: SurfaceMap, fields: Float32[Array, "w k"]) -> Float32[Array, "v k"]:
    """Numbers at the target's vertices → at the source's, linear within each face."""
    corners = fields[joined.target_faces[joined.located.face]].astype(np.float64)
    return np.einsum("vc,vck->vk", joined.located.barycentrics.astype(np.float64), corners).astype(np.float32)


def carry_atlas(
    atlas: Atlas, joined: SurfaceMap, under: Int32[Array, "f"], rest_position: Float32[Array, "v 3"], name: str
) -> Atlas:
    """The charts of the map's target on its source.

    under: `centres_on` of the map. rest_position: the source's template, metres, our axes.
    """
    faces = joined.source_faces
    part = atlas.part[under]
    placed = place_points(joined.target_vertices, joined.target_faces, joined.located)
    uv = np.zeros((len(faces), 3, 2), np.float32)
    for number in np.unique(part):
        own = np.flatnonzero(part == number)
        allowed = np.flatnonzero(atlas.part == number)
        used, corner = np.unique(faces[own], return_inverse=True)
        nearest = closest_points(placed[used], joined.target_vertices, atlas.faces[allowed]).located
        at = _encode(atlas, Located(allowed[nearest.face].astype(np.int32), nearest.barycentrics))
        uv[own] = at[corner.reshape(-1, 3)]
        torn = own[np.ptp(uv[own], axis=1).max(axis=1) > TORN]
        for face in torn:
            uv[face] = _near(atlas, joined, placed[faces[face]], int(under[face]), allowed)
    mirror_vertex = find_mirror_vertices(rest_position)
    mirror_face, mirror_corner = find_mirror_faces(faces, rest_position, mirror_vertex)
    return Atlas(
        name=name,
        faces=faces,
        part=part,
        uv=np.clip(uv, 0.0, 1.0),
        mirror_vertex=mirror_vertex,
        mirror_face=mirror_face,
        mirror_corner=mirror_corner,
        rest_position=rest_position,
        interior=atlas.interior[under],
    )


def _encode(atlas: Atlas, located: Located) -> Float32[Array, "n 2"]:
    _, u, v = atlas.encode(*located)
    return np.stack([u, v], axis=1)


def _near(atlas: Atlas, joined: SurfaceMap, corners: Array, under: int, allowed: Array) -> Float32[Array, "3 2"]:
    """Corners of a face across a cut: the nearest points among faces near its centre's in the chart."""
    middle = atlas.uv[under].mean(axis=0)
    close = allowed[np.abs(atlas.uv[allowed].mean(axis=1) - middle).max(axis=1) < TORN]
    close = close if len(close) else np.array([under])
    nearest = closest_points(corners, joined.target_vertices, atlas.faces[close]).located
    return _encode(atlas, Located(close[nearest.face].astype(np.int32), nearest.barycentrics))
