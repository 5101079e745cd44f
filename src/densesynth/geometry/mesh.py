"""Triangle meshes as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.arrays import Array, Float32, Int32


@dataclass(frozen=True)
class Mesh:
    """Triangles in the world: vertices in metres; faces index them, counter-clockwise seen from outside."""

    vertices: Float32[Array, "v 3"]
    faces: Int32[Array, "f 3"]
