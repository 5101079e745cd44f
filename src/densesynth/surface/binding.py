"""A garment's or hair's mesh bound to the body's surface: which body point each of its points covers.

Every vertex of the mesh is bound to a body surface point. Between vertices the bound points are interpolated in the
body's rest pose, where limbs are apart, and brought back to the surface by the nearest point among the faces around:
so the answer is continuous wherever the surface is, never an average over charts, and one leg is never taken for the
other but where the mesh spans the gap between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import warp as wp
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Float32, Int32, Int64
from densesynth.device import address, start_warp
from densesynth.surface import kernels
from densesynth.surface.closest import closest_points, place_points, vertex_normals
from densesynth.surface.locate import Located

AROUND = 32  # body faces nearest to a mesh face's middle that its points may be bound to


@dataclass(frozen=True, eq=False)
class Binding:
    """A mesh's binding; made by `bind`.

    faces: the mesh's. vertex: the body surface point of each of its vertices. anchors: these points in the rest pose,
    metres. index: the body's faces there. starts, candidates: for each face of the mesh, the body faces that its
    points may be bound to, rising.
    """

    faces: Int32[Array, "g 3"]
    vertex: Located
    anchors: Float32[Array, "n 3"]
    index: FaceIndex
    starts: Int32[Array, "h"]
    candidates: Int32[Array, "m"]

    def carry(self, face: Int32[Array, "k"], barycentrics: Float32[Array, "k 3"]) -> Located:
        """Points of the mesh's surface → the body points that they cover."""
        count = len(face)
        asked = np.ascontiguousarray(face, np.int32), np.ascontiguousarray(barycentrics, np.float32)
        found = Located(np.empty(count, np.int32), np.empty((count, 3), np.float32))
        if count:
            start_warp()
            mesh = np.array([address(table) for table in self._tables], np.uint64)
            places = [address(array) for array in (mesh, *asked, *found)]
            wp.launch(kernels.find_covered, 1, [count, self._tables[3].shape[1], *places], device="cpu")
        return found

    def part(self, rows: Int64[Array, "k"], vertices: int) -> Binding:
        """The binding of the mesh's faces `rows` alone, of which none has a vertex from `vertices` on."""
        counts = np.diff(self.starts)[rows]
        ends = np.cumsum(counts)
        listed = np.repeat(self.starts[rows] - (ends - counts), counts) + np.arange(counts.sum())
        return Binding(
            faces=np.ascontiguousarray(self.faces[rows]),
            vertex=Located(self.vertex.face[:vertices], self.vertex.barycentrics[:vertices]),
            anchors=self.anchors[:vertices],
            index=self.index,
            starts=np.concatenate([[0], ends]).astype(np.int32),
            candidates=self.candidates[listed],
        )

    @cached_property
    def _tables(self) -> tuple[Array, ...]:
        """What the kernel reads: faces, anchors, starts, boxes, candidates and the body faces' corners."""
        boxes = np.zeros((6, len(self.candidates) + kernels.LANES), np.float32)
        self.index.boxes.take(self.candidates, axis=1, out=boxes[:, : len(self.candidates)])
        arrays = (self.faces, self.anchors, self.starts, boxes, self.candidates, self.index.corners)
        return tuple(np.ascontiguousarray(array) for array in arrays)


@dataclass(frozen=True, eq=False)
class FaceIndex:
    """A body's faces at rest, as what is bound to it looks them up. tree: by their middles. boxes: about each face,
    least x, y, z and greatest (metres), in rows. corners: of each face."""

    rest: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    tree: cKDTree
    boxes: Float32[Array, "6 f"]
    corners: Float32[Array, "f 3 3"]


def bind(
    vertices: Array, faces: Int32[Array, "g 3"], rest: Float32[Array, "v 3"], body_faces: Int32[Array, "f 3"]
) -> Binding:
    """Bind a mesh that lies over the body in its rest pose (metres): each vertex to the nearest body point below it."""
    facing = vertex_normals(vertices, faces)
    located = closest_points(vertices, rest, body_faces, facing).located
    return bind_vertices(located, faces, index_faces(rest, body_faces))


def index_faces(rest: Float32[Array, "v 3"], body_faces: Int32[Array, "f 3"]) -> FaceIndex:
    """The index of a body in its rest pose (metres)."""
    corners = rest[body_faces]
    return FaceIndex(
        rest=rest,
        faces=body_faces,
        tree=cKDTree(rest.astype(np.float64)[body_faces].mean(axis=1)),
        boxes=np.ascontiguousarray(np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).T),
        corners=corners,
    )


def bind_vertices(vertex: Located, faces: Int32[Array, "g 3"], index: FaceIndex) -> Binding:
    """The binding of a mesh whose vertices' body points are known."""
    anchors = place_points(index.rest, index.faces, vertex)
    near = index.tree.query(anchors[faces].mean(axis=1), k=min(AROUND, len(index.faces)))[1]
    listed = np.sort(np.concatenate([near.reshape(len(faces), -1), vertex.face[faces]], axis=1), axis=1)
    first = np.ones_like(listed, dtype=bool)
    first[:, 1:] = listed[:, 1:] != listed[:, :-1]
    starts = np.concatenate([[0], np.cumsum(first.sum(axis=1))])
    return Binding(
        faces=np.ascontiguousarray(faces, np.int32),
        vertex=vertex,
        anchors=anchors.astype(np.float32),
        index=index,
        starts=starts.astype(np.int32),
        candidates=listed[first].astype(np.int32),
    )
