"""One frame's lens and sensor effects, drawn and applied in the order that light meets them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float32, Int32, UInt8
from densesynth.compose.kernels import move_kernel
from densesynth.device import address
from densesynth.geometry.camera import Camera
from densesynth.geometry.fisheye import Fisheye
from densesynth.render import exposure
from densesynth.render.buffers import Buffers
from densesynth.render.sensor import develop
from densesynth.scene.backdrop import BackdropPicture
from densesynth.scene.environment import colour_of_temperature
from densesynth.scene.scene import PersonInScene
from densesynth.scene.sensor_settings import SensorSettings
from densesynth.scene.settings import PictureSettings

RADII = 512  # at which a fisheye's derivatives are looked up


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Drawn from SensorSettings, in its units; shake: x, y, pixels."""

    aperture: float
    shutter: float
    shake: tuple[float, float]
    gains: Float32[Array, "3"]
    vignette: float
    fringe: float
    shoulder: float
    smoothing: float
    sharpening: float


def draw_exposure(settings: SensorSettings, rng: np.random.Generator) -> Exposure:
    """Draw one frame's effects. The same numbers are drawn whatever is off, so that no effect changes another."""
    share = rng.random(11)

    def between(k: int, bounds: tuple[float, float]) -> float:
        return float(bounds[0] + (bounds[1] - bounds[0]) * share[k])

    shake, angle = between(2, settings.shake), 2.0 * np.pi * share[10]
    mired = between(4, settings.white_balance)
    tint = colour_of_temperature(1e6 / (exposure.GREY_MIRED + mired)) / colour_of_temperature(1e6 / exposure.GREY_MIRED)
    return Exposure(
        aperture=between(0, settings.aperture),
        shutter=between(1, settings.shutter),
        shake=(shake * float(np.cos(angle)), shake * float(np.sin(angle))),
        gains=(2.0 ** between(3, settings.exposure) * tint).astype(np.float32),
        vignette=between(5, settings.vignette),
        fringe=between(6, settings.fringe),
        shoulder=between(7, settings.shoulder),
        smoothing=between(8, settings.smoothing),
        sharpening=between(9, settings.sharpening),
    )


def take(
    linear: Float32[Array, "h w 3"],
    drawn: Exposure,
    settings: PictureSettings,
    buffers: Buffers,
    behind: BackdropPicture,
    camera: Camera,
    movement: Float32[Array, "h w 2"] | None,
    rng: np.random.Generator,
    device: str,
) -> UInt8[Array, "h w 3"]:
    """The scene's light → the camera's sRGB picture. movement: of each pixel
    during the exposure, px; None is none. rng: the sensor's stream."""
    if drawn.aperture > 0.0 and (buffers.instance > 0).any():
        depth = _full_depth(buffers, behind)
        focused = float(np.median(buffers.depth[buffers.instance == buffers.instance[buffers.instance > 0].min()]))
        linear = exposure.defocus(linear, depth, focused, camera.fx * drawn.aperture * 1e-3, device)
    linear = exposure.smear(linear, movement, device)
    linear = exposure.shake(linear, drawn.shake)
    linear = exposure.fringe(linear, drawn.fringe, device)
    noise = float(rng.uniform(*settings.noise))
    if drawn.vignette > 0.0 or drawn.shoulder > 0.0 or (drawn.gains != 1.0).any():
        linear = exposure.expose(linear, drawn.gains, drawn.vignette, drawn.shoulder, noise, rng, device)
        noise = 0.0
    return exposure.process(develop(linear, noise, rng, device), drawn.smoothing, drawn.sharpening)


def pixel_movement(
    buffers: Buffers,
    people: tuple[PersonInScene, ...],
    faces: Int32[Array, "f 3"],
    camera: Camera,
    seconds: float,
    hidden: Bool[Array, "h w"] | None = None,
) -> Float32[Array, "h w 2"] | None:
    """How far what each pixel shows moves over the picture in `seconds`, pixels; None when nobody is known to move.

    hidden: where something that stands still is before the people.
    """
    if any(person.velocity is None for person in people):
        return None
    rotation = (camera.camera_from_world[:3, :3] * seconds).astype(np.float32)
    motion = np.concatenate([person.velocity @ rotation.T for person in people if person.velocity is not None])
    steps, radial = _trace_radius(camera)
    movement = np.empty((camera.height, camera.width, 2), np.float32)
    arrays = (buffers.face, buffers.barycentrics, buffers.depth, faces, motion, radial, movement)
    numbers = (camera.width, camera.height, len(people), len(motion) // len(people))
    optics = (camera.fx, camera.fy, camera.cx, camera.cy, steps)
    over = 0 if hidden is None else address(hidden)
    inputs = [*numbers, *optics, address(buffers.instance), over, *(address(array) for array in arrays)]
    wp.launch(move_kernel, 1, inputs, device="cpu")
    return movement


def _trace_radius(camera: Camera) -> tuple[float, Float32[Array, "n 3"]]:
    """Of points of the picture by their distance from its centre (normalised, as the lens puts them): how much further
    out the ideal point lies, and the lens's derivatives there around the centre and outwards; and the table's rows to
    a unit of distance. Only fisheyes bend movements: what other lenses add is too little to see."""
    if not isinstance(camera.lens, Fisheye):
        return 0.0, np.ones((2, 3), np.float32)
    corners = np.array([[x, y] for x in (0.0, camera.width) for y in (0.0, camera.height)])
    furthest = np.linalg.norm((corners - (camera.cx, camera.cy)) / (camera.fx, camera.fy), axis=1).max()
    bent = np.linspace(0.0, furthest, RADII)[1:]
    angle = camera.lens.find_angle(bent)
    radius = np.tan(angle)
    table = np.stack([radius / bent, bent / radius, camera.lens.slope(angle) / (1.0 + radius * radius)], axis=1)
    # At the centre all are 1; a row more for what rounding puts beyond the last.
    return (RADII - 1) / furthest, np.vstack([np.ones(3), table, table[-1:]]).astype(np.float32)


def _full_depth(buffers: Buffers, behind: BackdropPicture) -> Float32[Array, "h w"]:
    if behind.distance is None:
        return buffers.depth
    far = cv2.resize(behind.distance, (behind.width, behind.height), interpolation=cv2.INTER_NEAREST)
    return np.where(buffers.instance > 0, buffers.depth, far)
