"""Where people stand and where the camera looks from."""

from __future__ import annotations

import math

import numpy as np

from densesynth.arrays import Array, Float32, Float64
from densesynth.errors import CameraError
from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.geometry.fisheye import Fisheye
from densesynth.scene.settings import CameraSettings, FisheyeSettings, LensSettings, PeopleSettings, PictureSettings

FILM_WIDTH = 36.0  # millimetres, what focal lengths are quoted for
CLEARANCE = 0.02  # metres between the bounding boxes of two people
LOWEST_EYE = 0.15  # metres above the ground
NEAREST = 0.6  # metres from the eye to a bounding box
PLACE_TRIES = 40
WIDEST_CORNER = math.radians(83.0)  # off a fisheye's axis

Box = Float64[Array, "2 3"]  # lowest and highest corner, world, metres


def bounding_box(vertices: Float32[Array, "v 3"]) -> Box:
    """Lowest and highest corner of a body."""
    columns = np.ascontiguousarray(vertices.T)  # four times as fast as reducing along the first axis
    return np.stack([columns.min(axis=1), columns.max(axis=1)]).astype(np.float64)


def draw_camera(
    settings: CameraSettings,
    lens: Lens | tuple[Fisheye, float],
    picture: PictureSettings,
    subject: Box,
    rng: np.random.Generator,
    aim_height: float = 0.5,
    sector: tuple[float, float] = (-np.pi, np.pi),
) -> Camera:
    """A camera that sees the subject's box as large as the settings ask, from a side within `sector` (azimuths,
    radians). lens: a fisheye comes with its focal length, mm. aim_height: what it looks at, as a share of the box's
    height."""
    focal = rng.uniform(*settings.focal_length) / FILM_WIDTH * max(picture.width, picture.height)
    if isinstance(lens, tuple):
        bent, focal = fit_fisheye(*lens, picture)
    fill, elevation, roll = (rng.uniform(*r) for r in (settings.fill, settings.elevation, settings.roll))
    azimuth = rng.uniform(*sector)
    shift = rng.uniform(-settings.off_centre, settings.off_centre, size=2) * (picture.width, picture.height)

    extent = subject[1] - subject[0]
    middle = subject.mean(axis=0)
    if aim_height != 0.5:
        middle[2] = subject[0, 2] + aim_height * extent[2]
    distance = focal * extent[2] / (fill * picture.height)
    rise = float(np.clip(np.sin(np.radians(elevation)), (LOWEST_EYE - middle[2]) / distance, 1.0))
    level = np.sqrt(1.0 - rise * rise)
    outwards = np.array([level * np.cos(azimuth), level * np.sin(azimuth), rise])
    inside = float((0.5 * extent / np.maximum(np.abs(outwards), 1e-9)).min())
    eye = middle + max(distance, inside + NEAREST) * outwards
    eye[2] = max(eye[2], LOWEST_EYE)
    distance = float(np.linalg.norm(eye - middle))
    straight = look_at(eye, middle)
    right, down = straight[0, :3], straight[1, :3]
    aim = middle + (right * shift[0] + down * shift[1]) * (distance / focal)
    return Camera(
        width=picture.width,
        height=picture.height,
        fx=focal,
        fy=focal,
        cx=picture.width / 2,
        cy=picture.height / 2,
        camera_from_world=look_at(eye, aim, np.radians(roll)),
        lens=bent if isinstance(lens, tuple) else invertible_lens(lens, picture, focal),
    )


def draw_lens(settings: LensSettings, rng: np.random.Generator) -> Lens:
    """Coefficients within the settings' ranges."""
    k1, k2, p1, p2, k3 = (rng.uniform(*r) for r in (settings.k1, settings.k2, settings.p1, settings.p2, settings.k3))
    return Lens(k1=k1, k2=k2, p1=p1, p2=p2, k3=k3)


def invertible_lens(lens: Lens, picture: PictureSettings, focal: float) -> Lens:
    """The lens, halved as often as it takes until it maps the view one to one onto the whole picture."""
    if _is_gentle(lens, 0.55 * math.hypot(picture.width, picture.height) / focal):
        return lens
    x, y = np.meshgrid(np.linspace(-0.55, 0.55, 11) * picture.width, np.linspace(-0.55, 0.55, 11) * picture.height)
    seen = np.stack([x, y], axis=-1) / focal
    while True:
        try:
            ideal = lens.undistort(seen)
        except CameraError:
            pass
        else:
            # Newton may land beyond a fold: every point on the way out from the centre must be unfolded too.
            way_out = ideal[None] * np.linspace(0.0, 1.0, 9)[:, None, None, None]
            if (lens.stretch(way_out) > 0.05).all():
                return lens
        lens = Lens(k1=lens.k1 / 2, k2=lens.k2 / 2, p1=lens.p1 / 2, p2=lens.p2 / 2, k3=lens.k3 / 2)


def draw_fisheye(settings: FisheyeSettings, rng: np.random.Generator) -> tuple[Fisheye, float] | None:
    """A fisheye lens and its focal length, mm on 36 mm film, within the settings' ranges, as often as `share` says."""
    if rng.random() >= settings.share:
        return None
    focal, k1, k2, k3, k4 = (
        rng.uniform(*r) for r in (settings.focal_length, settings.k1, settings.k2, settings.k3, settings.k4)
    )
    return Fisheye(k1=k1, k2=k2, k3=k3, k4=k4), focal


def fit_fisheye(lens: Fisheye, focal_length: float, picture: PictureSettings) -> tuple[Fisheye, float]:
    """The lens, halved as often as it takes to rise evenly over the view, and its focal length in pixels, from
    `focal_length` mm upwards such that the picture's corners are within `WIDEST_CORNER` of the axis."""
    half_diagonal = 0.5 * math.hypot(picture.width, picture.height)
    angles = np.linspace(0.0, WIDEST_CORNER, 64)
    while (lens.slope(angles) < 0.3).any():
        lens = Fisheye(k1=lens.k1 / 2, k2=lens.k2 / 2, k3=lens.k3 / 2, k4=lens.k4 / 2)
    shortest = half_diagonal / float(lens.bend(angles)[-1])
    return lens, max(focal_length / FILM_WIDTH * max(picture.width, picture.height), shortest)


def _is_gentle(lens: Lens, radius: float) -> bool:
    """Whether the lens surely maps one to one onto a picture of this half diagonal (normalised): a bound, cheaply had.

    Where the derivative of `Lens.distort` differs from the identity by 0.2 at most within 1.5 radii, the lens moves
    points by no more than a fifth of their distance, so what the picture shows lies within 1.25 radii, and each of
    Newton's steps halves its error at least and stays within the 1.5.
    """
    r = 1.5 * radius
    radial = r * r * (3.0 * abs(lens.k1) + r * r * (5.0 * abs(lens.k2) + r * r * 7.0 * abs(lens.k3)))
    return radial + 6.0 * r * (abs(lens.p1) + abs(lens.p2)) <= 0.2


def draw_place(
    settings: PeopleSettings, camera: Camera, box: Box, others: list[Box], rng: np.random.Generator
) -> Float64[Array, "2"] | None:
    """Ground shift (x, y) that puts `box` into the camera's view clear of the others; None where there is no room.

    Boxes that don't meet can't hold bodies that interpenetrate.
    """
    eye = camera.centre_in_world
    forward = camera.camera_from_world[2, :2]
    forward = forward / max(float(np.linalg.norm(forward)), 1e-6)
    right = np.array([forward[1], -forward[0]])
    subject = others[0].mean(axis=0)
    level_distance = float((subject - eye)[:2] @ forward)
    centre = box.mean(axis=0)
    for _ in range(PLACE_TRIES):
        depth = level_distance + rng.uniform(*settings.depth_spread)
        across = rng.uniform(-0.45, 0.45) * camera.width / camera.fx
        if depth < NEAREST:
            continue
        shift = eye[:2] + forward * depth + right * (across * depth) - centre[:2]
        moved = box + np.array([shift[0], shift[1], 0.0])
        apart = all(_apart(moved, other, CLEARANCE) for other in others)
        if apart and _apart(moved, np.stack([eye, eye]), NEAREST):
            return shift
    return None


def _apart(a: Box, b: Box, clearance: float) -> bool:
    return bool((a[0] > b[1] + clearance).any() or (b[0] > a[1] + clearance).any())
