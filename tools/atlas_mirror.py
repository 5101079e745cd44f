"""Each vertex's and triangle's counterpart on the other side of the body."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def find_mirror(position: Array, faces: Array) -> tuple[Array, Array, Array]:
    """(vertex, face, corner) counterparts. The template is symmetric to the last bit, its triangles too."""
    reflected = position * (-1.0, 1.0, 1.0) + 0.0
    order, other = np.lexsort(position.T), np.lexsort(reflected.T)
    if not np.array_equal(position[order], reflected[other]):
        raise ValueError("the template is not mirror-symmetric")
    vertex = np.empty(len(position), dtype=np.int64)
    vertex[other] = order
    image = vertex[faces]
    home, away = np.lexsort(np.sort(faces, axis=1).T), np.lexsort(np.sort(image, axis=1).T)
    face = np.empty(len(faces), dtype=np.int64)
    face[away] = home
    match = image[:, :, None] == faces[face][:, None, :]  # corner of the face, corner of its counterpart
    if not match.any(axis=2).all() or not np.array_equal(face[face], np.arange(len(face))):
        raise ValueError("the triangles are not mirror-symmetric")
    return vertex, face, match.argmax(axis=2)
