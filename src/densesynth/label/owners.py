"""What the renderer saw, mesh by mesh → what of whom is seen: the surface points that labels are functions of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float32, Int32, UInt8
from densesynth.body.body import PosedBodies
from densesynth.device import address, start_warp
from densesynth.label.kernels import beside_kernel, own_kernel, under_kernel
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
    worn = [(k, mesh.binding) for k, mesh in enumerate(meshes, start=1) if mesh.binding is not None]
    row_of = np.zeros(len(owner), np.uint8)
    row_of[[k for k, _ in worn]] = np.arange(1, len(worn) + 1)
    shape, most = buffers.instance.shape, int(np.count_nonzero(buffers.instance))
    instance, layer = np.zeros((2, *shape), np.uint8)
    face, barycentrics = np.full(shape, -1, np.int32), np.zeros((*shape, 3), np.float32)
    pixel, worn_face, count = np.empty(most, np.int32), np.empty(most, np.int32), np.zeros(1, np.int32)
    worn_weights = np.empty((most, 3), np.float32)
    out = np.array(
        [address(a) for a in (instance, layer, face, barycentrics, pixel, worn_face, worn_weights, count)], np.uint64
    )
    read = (buffers.instance, buffers.face, buffers.barycentrics, owner, row_of, out)
    start_warp()
    wp.launch(own_kernel, 1, [buffers.instance.size, *(address(a) for a in read)], device="cpu")
    pixel, worn_face, worn_weights = pixel[: count[0]], worn_face[: count[0]], worn_weights[: count[0]]
    row = layer.reshape(-1)[pixel]
    for k, (_, binding) in enumerate(worn, start=1):
        where = np.flatnonzero(row == k)
        points = binding.carry(worn_face[where], worn_weights.take(where, axis=0))
        at = pixel[where]
        face.reshape(-1)[at], barycentrics.reshape(-1, 3)[at] = points.face, points.barycentrics
    layers = Layers(mesh=layer, face=worn_face.copy(), barycentrics=worn_weights.copy())
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
    height, width = layers.mesh.shape
    screen = view.raster.screen.numpy()
    picture = np.array(
        [address(a) for a in (layers.mesh, people.instance, people.face, people.barycentrics)], np.uint64
    )
    for k, number in enumerate(bodies):
        first = view.raster.geometry.vertex_starts[number]
        own, mine, found = visible[k], posed.vertices[k], np.empty(len(rest) + 1, np.int32)
        places = [address(a) for a in (own, screen[first : first + len(rest)], layers.mesh, found)]
        wp.launch(beside_kernel, 1, [len(rest), width, height, *places], device="cpu")
        rows = found[1 : found[0] + 1]  # few: those not seen yet, on pixels that show a worn mesh
        column, row = screen[first + rows, :2].astype(np.int64).T
        pixel = row * width + column
        normals, marks = np.zeros((len(rest), 3)), np.zeros(len(rest), bool)
        body = np.array([address(a) for a in (rest, mine, faces, eye, normals, own, marks)], np.uint64)
        places = [address(a) for a in (rows, pixel, picture, body)]
        wp.launch(under_kernel, 1, [len(rows), k + 1, COVERED_WITHIN, len(faces), *places], device="cpu")
    return visible


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
