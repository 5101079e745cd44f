"""Triangle meshes as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float32, Int32


@dataclass(frozen=True)
class Mesh:
    """Triangles in the world: vertices in metres; faces index them, counter-clockwise seen from outside.

    closed: from outside, no ray meets a face's back before some face's front, so that a renderer may leave out the
    faces that are turned away. True where `is_closed` and where something else covers every opening.
    """

    vertices: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    closed: bool = False


def is_closed(faces: Int32[Array, "f 3"]) -> bool:
    """Whether every edge has one face on each side, all turned the same way."""
    start, end = faces.astype(np.int64).ravel(), np.roll(faces, -1, axis=1).astype(np.int64).ravel()
    count = int(faces.max(initial=-1)) + 1
    edges = np.sort(start * count + end)
    return bool((np.diff(edges) > 0).all()) and np.array_equal(edges, np.sort(end * count + start))
