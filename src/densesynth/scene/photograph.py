"""Light guessed from a photograph that stands behind the people.

A photograph shows half of its world at best. The half behind the camera is taken to be its mirror image, as light
comes from much the same heights and colours there; so each part of the picture stands for the directions it shows.
"""

from __future__ import annotations

import cv2
import numpy as np

from densesynth.arrays import Array, Float32, Float64
from densesynth.geometry.camera import Camera
from densesynth.render.lighting import COSINE_LOBE, Lighting, evaluate_basis
from densesynth.scene.backdrop import BackdropPicture
from densesynth.scene.extraction import LUMINANCE
from densesynth.scene.light_settings import LightRanges

GRID = (8, 12)  # rows and columns that the picture is averaged to
SPREAD = np.radians(75.0)  # of the picture's half height and half width on the sphere: a part speaks for all beyond it
DARKEST = 0.12  # luminance of a white surface in the darkest photograph
GROUND_GRID = 33  # corners of the grid of exact rays, each way
SATURATION = 0.6  # share of the picture's tint that the light takes on; the rest is the tint of its things


def estimate_light(picture: Float32[Array, "h w 3"], camera: Camera, ranges: LightRanges, draw: float) -> Lighting:
    """The light on people before `picture` (linear RGB).

    Its parts become directions: top the sky, bottom the ground, left and right the sides, on the camera's half of the
    sphere as on the other. The ambient is that, as order-2 harmonics; the key light comes from where the brighter
    parts are, as strong as the picture is uneven; the whole is as bright as the picture. draw: 0..1, where in the
    ranges' bounds what a picture doesn't tell is taken (softness).
    """
    small = cv2.resize(picture, GRID[::-1], interpolation=cv2.INTER_AREA).astype(np.float64)
    grey = (small @ LUMINANCE)[..., None]
    small = grey + SATURATION * (small - grey)
    upward = np.linspace(1.0, -1.0, GRID[0] + 1)
    across = np.linspace(-1.0, 1.0, GRID[1] + 1)
    high, aside = np.meshgrid(
        SPREAD * (upward[:-1] + upward[1:]) / 2.0, SPREAD * (across[:-1] + across[1:]) / 2.0, indexing="ij"
    )
    forward = camera.camera_from_world[2, :2] / max(float(np.linalg.norm(camera.camera_from_world[2, :2])), 1e-6)
    right = np.array([forward[1], -forward[0]])
    half = []
    for facing in (1.0, -1.0):
        level = np.cos(high)[..., None] * (
            np.sin(aside)[..., None] * right + facing * np.cos(aside)[..., None] * forward
        )
        half.append(np.concatenate([level, np.sin(high)[..., None]], axis=-1).reshape(-1, 3))
    towards = np.concatenate(half)
    radiance = np.concatenate([small.reshape(-1, 3)] * 2)
    weight = np.tile(np.cos(high).reshape(-1), 2)
    weight = weight / weight.sum()
    mean = weight @ radiance
    bright = np.maximum(radiance @ LUMINANCE, 0.0)
    # Contrast: how much brighter the bright parts are than the mean, 0 for an even picture.
    level_of_all = max(float(weight @ bright), 1e-6)
    excess = np.maximum(bright - level_of_all, 0.0) * (towards[:, 2] > -0.15)
    uneven = float(weight @ excess) / level_of_all
    behind_camera = (
        towards[:, :2] @ forward < 0.0
    )  # a key light there shows faces; what is seen bright is in its mirror
    aim = (weight * excess * (0.35 + 0.65 * behind_camera)) @ towards
    aim = aim / max(float(weight @ excess), 1e-9) + np.array([0.0, 0.0, 0.35]) - 0.25 * np.append(forward, 0.0)
    direction = aim / np.linalg.norm(aim)
    direction[2] = max(direction[2], 0.26)
    direction = direction / np.linalg.norm(direction)
    share = float(np.clip(0.2 + 1.2 * uneven, *ranges.key_share))
    tint = (weight * (excess + 1e-3 * bright)) @ radiance
    tint = tint / max(float(tint @ LUMINANCE), 1e-9)
    exposure = float(np.clip(3.0 * level_of_all, DARKEST, ranges.exposure[1]))
    terms = evaluate_basis(towards).T @ (radiance * (4.0 * np.pi * weight)[:, None])
    ambient = _floor(terms * np.asarray(COSINE_LOBE)[:, None], mean)
    facing_key = float((evaluate_basis(direction) @ ambient) @ LUMINANCE)
    low, high_radius = np.log(ranges.angular_radius)
    return Lighting(
        direction=direction,
        colour=(tint * share * exposure).astype(np.float32),
        angular_radius=float(np.radians(np.exp(low + (high_radius - low) * draw))),
        ambient=(ambient * ((1.0 - share) * exposure / max(facing_key, 1e-6))).astype(np.float32),
    )


def _floor(ambient: Float64[Array, "9 3"], mean: Float64[Array, "3"]) -> Float64[Array, "9 3"]:
    """The ambient with a tenth of the mean from everywhere: no photograph has surfaces that get no light at all."""
    result = ambient.copy()
    result[0] += 0.1 * mean / 0.28209479
    return result


def place_on_ground(behind: BackdropPicture, camera: Camera, share: Float32[Array, "3"]) -> BackdropPicture:
    """The photograph with the ground plane z = 0 of `camera` under it, for shadows: where the floor of a photograph
    is isn't known, but a shadow at the feet ties a person to whatever is there. share: see `BackdropPicture`."""
    corners_x, corners_y = np.linspace(0.0, behind.width, GROUND_GRID), np.linspace(0.0, behind.height, GROUND_GRID)
    x, y = np.meshgrid(corners_x, corners_y)
    rays = camera.unproject(np.stack([x, y], axis=-1)) @ camera.camera_from_world[:3, :3]
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    # cv2.resize takes the grid's places for centres of cells, so the corners are given by their indices instead.
    to_x = (np.arange(behind.width, dtype=np.float32) + 0.5) * np.float32((GROUND_GRID - 1) / behind.width)
    to_y = (np.arange(behind.height, dtype=np.float32) + 0.5) * np.float32((GROUND_GRID - 1) / behind.height)
    across, down = np.meshgrid(to_x, to_y)
    dense = cv2.remap(rays.astype(np.float32), across, down, cv2.INTER_LINEAR)
    eye = camera.centre_in_world
    with np.errstate(divide="ignore", invalid="ignore"):
        along = np.where(dense[..., 2] < -0.02, np.float32(-eye[2]) / dense[..., 2], np.float32(np.nan))
    ground = np.stack([np.float32(eye[0]) + along * dense[..., 0], np.float32(eye[1]) + along * dense[..., 1]])
    return BackdropPicture(behind.small, behind.height, behind.width, ground.astype(np.float32), share)
