"""Meshes and a camera → the surface point of every pixel. `reference.render` is the slow, obvious twin."""

from __future__ import annotations

from collections.abc import Sequence

from densesynth.device import choose_device
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.render.buffers import Buffers
from densesynth.render.view import View


def rasterise(meshes: Sequence[Mesh], camera: Camera, device: str = "cpu", groups: Sequence[int] | None = None) -> View:
    """Meshes (world, metres) + camera → a View. device: 'cpu' or 'cuda'.

    groups: of each mesh, the number from 1 of the bit that it sets in `Buffers.coverage` (0: none), so that all meshes
    of a person share one; without them mesh k sets bit k. Raises DeviceError without that device, CameraError for a
    lens that folds inside the frame, ConfigurationError beyond 255 meshes or 32 groups.
    """
    return View(meshes, camera, choose_device(device), groups)


def render(meshes: Sequence[Mesh], camera: Camera, device: str = "cpu") -> Buffers:
    """The surface point of every pixel; `rasterise(...).buffers()`."""
    return rasterise(meshes, camera, device).buffers()
