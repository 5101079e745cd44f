"""The meshes of one picture on a device, as the kernels read them: one list of vertices and one of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import warp as wp

from densesynth.errors import ConfigurationError
from densesynth.geometry.mesh import Mesh
from densesynth.render.kernels import raster

MAX_MESHES = 255  # numbers of Buffers.instance
MAX_GROUPS = 32  # bits of Buffers.coverage
MAX_FACES = 1 << 28  # bits of a key that hold the face


@dataclass(frozen=True)
class Geometry:
    """Device arrays (Warp). vertices: world, metres. faces: rows of `vertices`. instance: of each face, from 1.
    bits: of each face, what it adds to `Buffers.coverage`. closed: of each face, 1 where its mesh is. first_vertex,
    first_face: where each mesh starts, and the end (host). normals: unit vertex normals, world, area-weighted over the
    faces around a vertex."""

    vertices: Any
    faces: Any
    instance: Any
    bits: Any
    closed: Any
    first_face: Any
    normals: Any
    vertex_starts: tuple[int, ...]
    face_starts: tuple[int, ...]
    device: str


def upload(meshes: Sequence[Mesh], device: str, groups: Sequence[int] | None = None) -> Geometry:
    """Meshes → device arrays. On the CPU a single mesh is not copied.

    groups: of each mesh, the number from 1 of the bit that it sets in `Buffers.coverage`, 0 for none; without them
    mesh k sets bit k. Raises ConfigurationError beyond 255 meshes or 32 groups.
    """
    if groups is None:
        groups = range(1, len(meshes) + 1)
    if len(meshes) > MAX_MESHES or max(groups, default=0) > MAX_GROUPS:
        raise ConfigurationError(
            f"at most {MAX_MESHES} meshes of {MAX_GROUPS} people fit in one picture, found {len(meshes)} of "
            f"{max(groups, default=0)}; use fewer people"
        )
    vertex_starts = (0, *accumulate(len(mesh.vertices) for mesh in meshes))
    face_starts = (0, *accumulate(len(mesh.faces) for mesh in meshes))
    if face_starts[-1] >= MAX_FACES:
        raise ConfigurationError(f"at most {MAX_FACES} triangles fit in one picture, found {face_starts[-1]}")
    if len(meshes) == 1:
        vertices, faces = meshes[0].vertices, meshes[0].faces
    else:
        vertices = np.concatenate([np.empty((0, 3), np.float32), *(mesh.vertices for mesh in meshes)])
        faces = np.concatenate(
            [np.empty((0, 3), np.int32), *(m.faces + np.int32(s) for m, s in zip(meshes, vertex_starts, strict=False))]
        )
    counts = np.diff(face_starts)
    number = np.repeat(np.arange(1, len(meshes) + 1, dtype=np.uint8), counts)
    bit_of = np.array([1 << (group - 1) if group else 0 for group in groups], dtype=np.uint32)
    bits = np.repeat(bit_of, counts)
    closed = np.repeat(np.array([mesh.closed for mesh in meshes], dtype=np.uint8), counts)

    def place(array: Any, dtype: Any) -> Any:
        return wp.array(np.ascontiguousarray(array), dtype=dtype, device=device, copy=False)

    on_device = place(vertices, wp.vec3), place(faces, wp.vec3i)
    sums = wp.zeros((len(vertices), 3), dtype=wp.int64, device=device)
    normals = wp.empty(len(vertices), dtype=wp.vec3, device=device)
    wp.launch(raster.sum_normals, dim=len(faces), inputs=[on_device[1], on_device[0], sums], device=device)
    wp.launch(raster.unit_normals, dim=len(vertices), inputs=[sums, normals], device=device)
    return Geometry(
        vertices=on_device[0],
        faces=on_device[1],
        instance=place(number, wp.uint8),
        bits=place(bits, wp.uint32),
        closed=place(closed, wp.uint8),
        first_face=place(np.asarray(face_starts[:-1], dtype=np.int32), wp.int32),
        normals=normals,
        vertex_starts=vertex_starts,
        face_starts=face_starts,
        device=device,
    )
