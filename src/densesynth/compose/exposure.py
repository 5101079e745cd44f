"""One frame's lens and sensor effects, drawn and applied in the order that light meets them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, Int32, UInt8
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
    velocity: Float32[Array, "h w 2"] | None,
    rng: np.random.Generator,
    device: str,
) -> UInt8[Array, "h w 3"]:
    """The scene's light → the camera's sRGB picture. velocity: pixels a second. rng: the sensor's stream."""
    if drawn.aperture > 0.0 and (buffers.instance > 0).any():
        depth = _full_depth(buffers, behind)
        focused = float(np.median(buffers.depth[buffers.instance == buffers.instance[buffers.instance > 0].min()]))
        linear = exposure.defocus(linear, depth, focused, camera.fx * drawn.aperture * 1e-3, device)
    if velocity is not None and drawn.shutter > 0.0:
        linear = exposure.smear(linear, velocity * np.float32(drawn.shutter * 1e-3), device)
    linear = exposure.shake(linear, drawn.shake)
    linear = exposure.fringe(linear, drawn.fringe)
    noise = float(rng.uniform(*settings.noise))
    if drawn.vignette > 0.0 or drawn.shoulder > 0.0 or (drawn.gains != 1.0).any():
        linear = exposure.expose(linear, drawn.gains, drawn.vignette, drawn.shoulder, noise, rng, device)
        noise = 0.0
    return exposure.process(develop(linear, noise, rng, device), drawn.smoothing, drawn.sharpening)


def pixel_velocity(
    buffers: Buffers, people: tuple[PersonInScene, ...], faces: Int32[Array, "f 3"], camera: Camera
) -> Float32[Array, "h w 2"] | None:
    """How fast what each pixel shows moves over the picture, pixels a second; None when nobody is known to move."""
    if any(person.velocity is None for person in people):
        return None
    velocity = np.zeros((camera.height, camera.width, 2), np.float32)
    pixels = np.flatnonzero((buffers.instance > 0) & (buffers.instance <= len(people)))
    rows, columns = np.divmod(pixels, camera.width)
    owner = buffers.instance.reshape(-1)[pixels].astype(np.int64) - 1
    vertices = np.concatenate([person.velocity for person in people if person.velocity is not None])
    corners = faces[buffers.face.reshape(-1)[pixels]] + (owner * (len(vertices) // len(people)))[:, None]
    weights = buffers.barycentrics.reshape(-1, 3).take(pixels, axis=0)
    moving = np.einsum("nk,nkc->nc", weights, vertices.take(corners, axis=0))
    in_camera = moving @ camera.camera_from_world[:3, :3].T
    depth = buffers.depth.reshape(-1)[pixels][:, None]
    if isinstance(camera.lens, Fisheye):
        ideal = camera.unproject(np.stack([columns + 0.5, rows + 0.5], axis=1))[:, :2]
        sideways = (in_camera[:, :2] - ideal * in_camera[:, 2:]) / depth
        turned = np.einsum("nij,nj->ni", camera.lens.jacobian(ideal), sideways)
        velocity[rows, columns] = turned * (camera.fx, camera.fy)
        return velocity
    # Between the picture's centre and its edge a point that nears the camera moves outwards, too.
    ray = np.stack([(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy], axis=1)
    velocity[rows, columns] = (in_camera[:, :2] - ray * in_camera[:, 2:]) / depth * (camera.fx, camera.fy)
    return velocity


def _full_depth(buffers: Buffers, behind: BackdropPicture) -> Float32[Array, "h w"]:
    if behind.distance is None:
        return buffers.depth
    far = cv2.resize(behind.distance, (behind.width, behind.height), interpolation=cv2.INTER_NEAREST)
    return np.where(buffers.instance > 0, buffers.depth, far)
