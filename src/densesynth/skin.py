"""A body's skin joined to Anny's: where each vertex lies, and Anny's charts carried over. Kept in the cache.

The join takes some ten seconds and depends on the two bodies' average shapes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from densesynth.arrays import Array, Float32, Int32
from densesynth.body.anny import load_anny
from densesynth.body.body import Body
from densesynth.cache import keep, make_key, recall
from densesynth.surface.atlas import Atlas, load_atlas
from densesynth.surface.carry import carry_atlas, centres_on
from densesynth.surface.locate import Located
from densesynth.surface.transfer import PosedSurface, SurfaceMap, map_surface

METHOD = 1  # part of the keys: raised when a join, or the charts carried over it, would come out otherwise
_KIND = "skin"
_CHARTS = ("part", "uv", "mirror_vertex", "mirror_face", "mirror_corner", "interior")
Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class JoinedSkin:
    """A body's skin on Anny's. under: the face of Anny's that the centre of each face falls on."""

    map: SurfaceMap
    under: Int32[Array, "f"]


def pose_at_rest(body: Body) -> PosedSurface:
    """The average shape in the T-pose, with joints and keypoints for landmarks."""
    posed = body.pose(body.average_betas()[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    landmarks = np.concatenate([posed.joints[0], posed.keypoints[0]]).astype(np.float64)
    return PosedSurface(posed.vertices[0], body.faces, landmarks)


def join_bodies(source: Body, target: Body) -> SurfaceMap:
    """From each vertex of one body to the other's surface, both of average shape in the T-pose."""
    return _join(pose_at_rest(source), pose_at_rest(target))


def join_to_anny(body: Body, report: Report | None = None) -> JoinedSkin:
    """The body's skin on Anny's; report: told, in one line, when it isn't in the cache yet.

    Anny itself is made only then: its version and its charts' mesh stand for it in the key.
    """
    source = pose_at_rest(body)
    key = make_key(["to anny", *_anny_parts(), *_parts(source)])
    if (kept := recall(_KIND, key)) is not None:
        return JoinedSkin(_read_map(source, kept), kept["under"])
    if report is not None:
        report("joining the body's skin to Anny's, some ten seconds, once …")
    target = pose_at_rest(load_anny())
    joined = map_surface(source, target)
    under = centres_on(joined)
    keep(_KIND, key, {**_map_arrays(joined), "under": under})
    return JoinedSkin(joined, under)


def carry_charts(joined: JoinedSkin, rest_position: Float32[Array, "v 3"], name: str) -> Atlas:
    """Anny's charts on the body. rest_position: its template, metres, our axes; name: of the mesh."""
    faces = joined.map.source_faces
    key = make_key(["charts", *_anny_parts(), faces, rest_position, *_map_arrays(joined.map).values()])
    if (kept := recall(_KIND, key)) is not None:
        return Atlas(
            name=name,
            faces=faces,
            part=kept["part"],
            uv=kept["uv"],
            mirror_vertex=kept["mirror_vertex"],
            mirror_face=kept["mirror_face"],
            mirror_corner=kept["mirror_corner"],
            rest_position=rest_position,
            interior=kept["interior"],
        )
    atlas = carry_atlas(load_atlas("anny"), joined.map, joined.under, rest_position, name)
    keep(_KIND, key, {field: getattr(atlas, field) for field in _CHARTS})
    return atlas


def _join(source: PosedSurface, target: PosedSurface) -> SurfaceMap:
    key = make_key(["join", str(METHOD), version("densesynth"), *_parts(source), *_parts(target)])
    if (kept := recall(_KIND, key)) is not None:
        return _read_map(source, kept)
    joined = map_surface(source, target)
    keep(_KIND, key, _map_arrays(joined))
    return joined


def _anny_parts() -> list[str | Array]:
    """What Anny at rest, and its charts, depend on."""
    atlas = load_atlas("anny")
    return [
        str(METHOD),
        version("densesynth"),
        version("anny"),
        *(value for _, value in sorted(vars(atlas).items()) if isinstance(value, np.ndarray)),
    ]


def _parts(surface: PosedSurface) -> list[Array]:
    return [surface.vertices, surface.faces, surface.landmarks]


def _map_arrays(joined: SurfaceMap) -> dict[str, Array]:
    return {
        "target_faces": joined.target_faces,
        "target_vertices": joined.target_vertices,
        "face": joined.located.face,
        "barycentrics": joined.located.barycentrics,
        "distance": joined.distance,
    }


def _read_map(source: PosedSurface, kept: dict[str, Array]) -> SurfaceMap:
    return SurfaceMap(
        source.faces,
        kept["target_faces"],
        kept["target_vertices"],
        Located(kept["face"], kept["barycentrics"]),
        kept["distance"],
    )
