"""What people wear as meshes, in a frame's surface file: everything that proves the pixels where it is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from densesynth.arrays import Array, Bool, Float64, Int64
from densesynth.data.proof import surface_points
from densesynth.label.owners import Layers
from densesynth.scene.meshes import SceneMesh
from densesynth.surface.atlas import Atlas
from densesynth.surface.binding import bind_vertices, index_faces
from densesynth.surface.locate import Located

NAMES = (
    "layer", "layer_face", "layer_barycentrics", "worn_owner", "worn_starts", "worn_face_starts", "worn_vertices",
    "worn_faces", "worn_bound_face", "worn_bound_weights",
)  # fmt: skip
COVERED_TOLERANCE = 1e-4  # metres at rest between the body point stored and the one that the binding gives


def pack_layers(layers: Layers | None, meshes: Sequence[SceneMesh]) -> dict[str, Array]:
    """The arrays of docs/formats.md; none without layers. meshes: all of the scene."""
    if layers is None:
        return {}
    worn = [(mesh, mesh.binding) for mesh in meshes if mesh.binding is not None]
    counts = [len(mesh.mesh.vertices) for mesh, _ in worn]
    face_counts = [len(mesh.mesh.faces) for mesh, _ in worn]
    return {
        "layer": layers.mesh,
        "layer_face": layers.face.astype(np.int32),
        "layer_barycentrics": np.ascontiguousarray(layers.barycentrics[:, :2]),
        "worn_owner": np.array([mesh.owner for mesh, _ in worn], np.uint8),
        "worn_starts": np.cumsum([0, *counts]).astype(np.int32),
        "worn_face_starts": np.cumsum([0, *face_counts]).astype(np.int32),
        "worn_vertices": np.concatenate([mesh.mesh.vertices for mesh, _ in worn]),
        "worn_faces": np.concatenate([mesh.mesh.faces for mesh, _ in worn]).astype(np.int32),
        "worn_bound_face": np.concatenate([binding.vertex.face for _, binding in worn]).astype(np.int32),
        "worn_bound_weights": np.concatenate([binding.vertex.barycentrics for _, binding in worn]).astype(np.float32),
    }


def check_layers(surface: Mapping[str, Array], atlas: Atlas) -> list[str]:
    """Whether the arrays of worn meshes are all there and fit each other."""
    there = [name for name in NAMES if name in surface]
    if not there:
        return []
    if len(there) < len(NAMES):
        return [f"worn meshes without {', '.join(sorted(set(NAMES) - set(there)))}"]
    layer, owner = surface["layer"], surface["worn_owner"]
    starts, face_starts = surface["worn_starts"], surface["worn_face_starts"]
    seen = int(np.count_nonzero(layer))
    shapes = {
        "layer": surface["instance"].shape, "layer_face": (seen,), "layer_barycentrics": (seen, 2),
        "worn_starts": (len(owner) + 1,), "worn_face_starts": (len(owner) + 1,),
        "worn_vertices": (int(starts[-1]), 3), "worn_faces": (int(face_starts[-1]), 3),
        "worn_bound_face": (int(starts[-1]),), "worn_bound_weights": (int(starts[-1]), 3),
    }  # fmt: skip
    wrong = [f"`{name}` is {surface[name].shape}, expected {shape}" for name, shape in shapes.items()
             if surface[name].shape != shape]  # fmt: skip
    if wrong:
        return wrong
    if int(layer.max(initial=0)) > len(owner):
        return [f"layer {layer.max()} of {len(owner)} worn meshes"]
    of_layer = np.concatenate([np.zeros(1, np.uint8), owner])[layer]
    if ((layer > 0) & (of_layer != surface["instance"])).any():
        return ["a worn mesh is seen where another person is labelled"]
    sizes = np.concatenate([[0], np.diff(face_starts)])[layer[layer > 0]]
    if ((surface["layer_face"] < 0) | (surface["layer_face"] >= sizes)).any():
        return ["`layer_face` outside its mesh"]
    for k in range(len(owner)):
        part = surface["worn_faces"][face_starts[k] : face_starts[k + 1]]
        if part.size and (part.min() < 0 or part.max() >= starts[k + 1] - starts[k]):
            return ["`worn_faces` outside their mesh"]
    bound = surface["worn_bound_face"]
    if bound.size and (bound.min() < 0 or bound.max() >= len(atlas.faces)):
        return ["`worn_bound_face` outside the body"]
    return []


def worn_points(
    surface: Mapping[str, Array], face: Array, weights: Array, atlas: Atlas
) -> tuple[Bool[Array, "n"], Float64[Array, "m 3"], list[str]]:
    """Of the n labelled pixels, those where a worn mesh is seen, and its points there (world, metres); also what is
    wrong with the body points that they are labelled with (face, (b0, b1, b2))."""
    labelled = np.flatnonzero(surface["instance"])
    layer = surface["layer"].reshape(-1)[labelled]
    on_worn = layer > 0
    points = np.zeros((int(on_worn.sum()), 3))
    layer = layer[on_worn]
    wrong = 0
    if not len(points):
        return on_worn, points, []
    index = index_faces(atlas.rest_position, atlas.faces)
    for k in range(len(surface["worn_owner"])):
        own: Int64[Array, "m"] = np.flatnonzero(layer == k + 1)
        vertices = slice(*surface["worn_starts"][k : k + 2])
        faces = surface["worn_faces"][slice(*surface["worn_face_starts"][k : k + 2])]
        if not len(own):
            continue
        seen_face, seen = surface["layer_face"][own], surface["layer_barycentrics"][own]
        points[own] = surface_points(
            surface["worn_vertices"][vertices][None], faces, np.ones(len(own), np.uint8), seen_face, seen
        )
        vertex = Located(surface["worn_bound_face"][vertices], surface["worn_bound_weights"][vertices])
        binding = bind_vertices(vertex, faces, index)
        whole = np.column_stack([seen, 1.0 - seen.sum(axis=1)]).astype(np.float32)
        expected = binding.carry(seen_face, whole)
        rows = np.flatnonzero(on_worn)[own]
        stored = _at_rest(atlas, face[rows], weights[rows])
        off = np.linalg.norm(stored - _at_rest(atlas, *expected), axis=1)
        wrong += int(np.count_nonzero(~(off <= COVERED_TOLERANCE)))
    # Where the nearest body point is ambiguous, the last bit of a barycentric decides; a pattern of such is a breach.
    if wrong > max(2, len(points) // 200):
        return on_worn, points, [f"{wrong} pixels of worn meshes aren't labelled with the body points they cover"]
    return on_worn, points, []


def _at_rest(atlas: Atlas, face: Array, weights: Array) -> Float64[Array, "n 3"]:
    corners = atlas.rest_position[atlas.faces[face]].astype(np.float64)
    return np.asarray(np.einsum("nk,nkc->nc", weights.astype(np.float64), corners))
