"""What the renderer saw, mesh by mesh → what of whom is seen: the surface points that labels are functions of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, Int64, UInt8
from densesynth.body.body import PosedBodies
from densesynth.geometry.camera import Camera
from densesynth.label.keypoints import KeypointHits
from densesynth.render.buffers import Buffers
from densesynth.render.view import View
from densesynth.scene.meshes import SCENERY, SceneMesh

COVERED_WITHIN = 0.05  # metres at rest between a vertex and the body point of the cloth seen at its pixel


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The surface actually seen where it is a worn mesh: n pixels in row order.

    mesh: (h, w) number of the worn mesh seen, from 1 in the order of the scene's worn meshes; 0 elsewhere. face,
    barycentrics: the point of that mesh.
    """

    mesh: UInt8[Array, "h w"]
    face: Int32[Array, "n"]
    barycentrics: Float32[Array, "n 3"]


def groups_of(meshes: Sequence[SceneMesh]) -> list[int]:
    """Of each mesh, the bit of `Buffers.coverage`: its person's."""
    return [mesh.owner for mesh in meshes]


def find_owners(buffers: Buffers, meshes: Sequence[SceneMesh]) -> tuple[Buffers, Layers | None]:
    """Mesh-level buffers → person-level: instance is the person, face and barycentrics the body point seen or covered
    by what the person wears; scenery is nothing there. Depth and normal stay those of the surface seen.

    Without worn meshes and scenery the buffers are given back as they are, and no layers.
    """
    owner = np.array([SCENERY, *(mesh.owner for mesh in meshes)], dtype=np.uint8)
    if all(mesh.layer == 0 for mesh in meshes) and np.array_equal(owner, np.arange(len(owner))):
        return buffers, None
    shape = buffers.instance.shape
    seen = np.flatnonzero(buffers.instance != 0)  # the rest of this is done where there is something
    number, mesh_face = buffers.instance.reshape(-1)[seen], buffers.face.reshape(-1)[seen]
    weights = buffers.barycentrics.reshape(-1, 3).take(seen, axis=0)
    point_face, point_weights = mesh_face.copy(), weights.copy()
    worn = [k for k, mesh in enumerate(meshes, start=1) if mesh.binding is not None]
    row_of = np.zeros(len(owner), np.uint8)
    row_of[worn] = np.arange(1, len(worn) + 1)
    row = row_of[number]
    for k, mesh in enumerate(meshes, start=1):
        if mesh.binding is not None:
            where = np.flatnonzero(number == k)
            points = mesh.binding.carry(mesh_face[where], weights.take(where, axis=0))
            point_face[where], point_weights[where] = points.face, points.barycentrics
    person = owner[number]
    nothing = np.flatnonzero(person == SCENERY)
    point_face[nothing], point_weights[nothing] = -1, 0.0
    instance, layer = np.zeros((2, *shape), np.uint8)
    face, barycentrics = np.full(shape, -1, np.int32), np.zeros((*shape, 3), np.float32)
    instance.reshape(-1)[seen], layer.reshape(-1)[seen] = person, row
    face.reshape(-1)[seen], barycentrics.reshape(-1, 3)[seen] = point_face, point_weights
    covers = np.flatnonzero(row)
    layers = Layers(mesh=layer, face=mesh_face[covers], barycentrics=weights.take(covers, axis=0))
    return replace(buffers, instance=instance, face=face, barycentrics=barycentrics), layers if worn else None


def hide_layers(layers: Layers | None, hidden: Bool[Array, "h w"]) -> Layers | None:
    """The worn meshes seen where nothing is laid over them."""
    if layers is None:
        return None
    kept = ~hidden[layers.mesh > 0]
    return Layers(
        mesh=np.where(hidden, np.uint8(0), layers.mesh), face=layers.face[kept], barycentrics=layers.barycentrics[kept]
    )


def see_vertices(
    view: View,
    meshes: Sequence[SceneMesh],
    people: Buffers,
    layers: Layers | None,
    posed: PosedBodies,
    rest: Float32[Array, "v 3"],
    faces: Int32[Array, "f 3"],
) -> Bool[Array, "p v"]:
    """Of each person, the vertices that are seen. A vertex under what the person wears is seen when the cloth over it
    is: when it faces the camera and the picture shows a worn mesh at its pixel that covers a body point near it (on
    `rest`, metres)."""
    bodies = [number for number, mesh in enumerate(meshes) if mesh.owner != SCENERY and mesh.layer == 0]
    visible = np.stack([view.visible_vertices(number) for number in bodies])
    if layers is None:
        return visible
    eye = view.camera.centre_in_world
    # Few vertices are asked for: those not seen yet, near pixels that show a worn mesh.
    near_worn = cv2.dilate((layers.mesh > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    screen = view.raster.screen.numpy()
    for k, number in enumerate(bodies):
        first = view.raster.geometry.vertex_starts[number]
        asked = np.flatnonzero(~visible[k])
        asked = asked[_beside(screen[first + asked], near_worn)]
        inside, column, row = _project(view.camera, posed.vertices[k][asked])
        rows = asked[inside]
        under = (layers.mesh[row, column] > 0) & (people.instance[row, column] == k + 1)
        rows, column, row = rows[under], column[under], row[under]
        corners = rest[faces[people.face[row, column]]]
        covered = np.einsum("nk,nkc->nc", people.barycentrics[row, column], corners)
        rows = rows[np.linalg.norm(covered - rest[rows], axis=1) < COVERED_WITHIN]
        normals = _normals(posed.vertices[k], faces, rows)
        visible[k, rows[((eye - posed.vertices[k][rows]) * normals).sum(axis=1) > 0.0]] = True
    return visible


def _beside(screen: Float32[Array, "v 4"], mask: Bool[Array, "h w"]) -> Bool[Array, "v"]:
    """Of places in the picture (x, y in px first), those on a pixel of the mask."""
    height, width = mask.shape
    inside = (screen[:, 0] > -1.0) & (screen[:, 1] > -1.0) & (screen[:, 0] < width + 1) & (screen[:, 1] < height + 1)
    column, row = screen[inside, :2].astype(np.intp).T
    beside = np.zeros(len(screen), dtype=bool)
    beside[inside] = mask[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return beside


def _normals(
    vertices: Float32[Array, "v 3"], faces: Int32[Array, "f 3"], rows: Int64[Array, "n"]
) -> Float64[Array, "n 3"]:
    """Normals at some vertices, of any length; of all faces, those too that aren't drawn under cloth."""
    asked = np.zeros(len(vertices), dtype=bool)
    asked[rows] = True
    around = faces[asked[faces[:, 0]] | asked[faces[:, 1]] | asked[faces[:, 2]]]
    a, b, c = (vertices[around[:, k]] for k in range(3))
    corner, weight = around.ravel(), np.repeat(np.cross(b - a, c - a), 3, axis=0)
    sums = [np.bincount(corner, weight[:, k], len(vertices))[rows] for k in range(3)]
    return np.stack(sums, axis=1).astype(np.float64)  # of nobody, they would be whole numbers


def _project(camera: Camera, points: Float32[Array, "n 3"]) -> tuple[Array, Array, Array]:
    """Which points lie in the picture, and the columns and rows of their pixels."""
    in_camera = camera.to_camera(points)
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = camera.project_from_camera(in_camera)
    inside = (
        (in_camera[:, 2] > 0.0) & (pixels >= 0.0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    )
    column, row = np.floor(pixels[inside]).astype(np.intp).T
    return np.flatnonzero(inside), column, row


def own_hits(hits: KeypointHits, meshes: Sequence[SceneMesh]) -> KeypointHits:
    """Mesh-level hits → person-level: the person, and a body face; scenery becomes 255, which is nobody."""
    if all(mesh.layer == 0 and mesh.owner == number for number, mesh in enumerate(meshes, start=1)):
        return hits
    instance, face = np.zeros_like(hits.instance), hits.face.copy()
    worn = np.zeros(hits.instance.shape, dtype=bool)
    for number, mesh in enumerate(meshes, start=1):
        met = hits.instance == number
        instance[met] = mesh.owner if mesh.owner != SCENERY else 255
        if mesh.owner == SCENERY:
            face[met] = 0
        if mesh.binding is not None and met.any():
            middle = np.full((int(met.sum()), 3), 1.0 / 3.0, np.float32)
            face[met] = mesh.binding.carry(hits.face[met], middle).face
            worn |= met
    return KeypointHits(instance=instance, face=face, depth=hits.depth, worn=worn)
