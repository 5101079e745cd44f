"""What stands behind the people: crops of a folder's pictures, or procedural surroundings.

Procedural ones have a floor under the people, a room or the open air about them, some furniture behind. They
are rendered at half the picture's resolution and scaled up: what stands behind a person is out of focus anyway.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import warp as wp

from densesynth.appearance.colour import Colour, as_colour, draw_cloth_colour, draw_second_colour, linear_from_srgb
from densesynth.appearance.noise import make_noise_table
from densesynth.arrays import Array, Float32, Float64, UInt8
from densesynth.errors import AssetError
from densesynth.geometry.camera import Camera
from densesynth.render.lighting import Lighting, evaluate_basis
from densesynth.scene.kernels import Box, Surroundings, backdrop_kernel

RAY_GRID = 25  # corners of the grid of exact rays, each way
FLOORS = ("tiles", "planks", "grass", "carpet", "asphalt", "chequers")
WALLS = ("plain", "two-tone", "bricks", "striped", "panels")


@dataclass(frozen=True, kw_only=True)
class Clutter:
    """A box on the floor. lateral, behind: metres to the right of and behind the first person, as the camera sees;
    half: half its width, depth and height, metres; turn: radians; kind: 0 plain, 1 drawers, 2 mottled, 3 slats."""

    lateral: float
    behind: float
    half: tuple[float, float, float]
    turn: float
    colour: Colour
    second: Colour
    kind: int


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """Surroundings as a value. floor, wall: index into FLOORS, WALLS. room: metres from the people to the walls (left,
    right, near, far) and up to the ceiling; the camera is always inside. skyline: 0 none, 1 trees, 2 houses; its height
    is a tangent. focus: strength of the blur behind the people, 0..1. seed places textures."""

    indoors: bool
    floor: int
    floor_colours: tuple[Colour, Colour]
    floor_scale: float
    floor_turn: float
    wall: int
    wall_colours: tuple[Colour, Colour]
    room: tuple[float, float, float, float, float]
    turn: float
    sky: Colour
    horizon: Colour
    cloud: float
    skyline: int
    skyline_colour: Colour
    skyline_height: float
    clutter: tuple[Clutter, ...]
    focus: float
    seed: float


@dataclass(frozen=True)
class BackdropPicture:
    """colour: linear RGB. ground_in_world: the ground plane's points on a grid of half the resolution, NaN off the
    ground; None without a ground. shade_in_shadow: what is left of the ground's colour where the key light is hidden.
    """

    colour: Float32[Array, "h w 3"]
    ground_in_world: Float32[Array, "gh gw 3"] | None
    shade_in_shadow: Float32[Array, "3"]

    def cast(
        self,
        shadow_at: Callable[[Float32[Array, "k 3"]], Float32[Array, "k"]],
        people: Float64[Array, "n 2"],
        reach: float = 4.0,
    ) -> Float32[Array, "h w 3"]:
        """The colour with shadows on the ground. shadow_at gives the lit share (0..1) of ground points (world); only
        points within `reach` metres of one of the people (x, y) are asked for."""
        if self.ground_in_world is None:
            return self.colour
        ground = self.ground_in_world
        near = np.zeros(ground.shape[:2], bool)
        for x, y in people:
            with np.errstate(invalid="ignore"):
                near |= (ground[..., 0] - np.float32(x)) ** 2 + (ground[..., 1] - np.float32(y)) ** 2 < reach**2
        if not near.any():
            return self.colour
        lit = np.ones(near.shape, np.float32)
        lit[near] = shadow_at(np.ascontiguousarray(ground[near]))
        rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        height, width = self.colour.shape[:2]
        lit = cv2.resize(lit, (width, height), interpolation=cv2.INTER_LINEAR)
        top, bottom = (max(2 * int(rows[0]) - 2, 0), min(2 * int(rows[-1]) + 4, height))
        left, right = (max(2 * int(columns[0]) - 2, 0), min(2 * int(columns[-1]) + 4, width))
        colour = self.colour.copy()
        share = lit[top:bottom, left:right, None]
        colour[top:bottom, left:right] *= self.shade_in_shadow + (np.float32(1.0) - self.shade_in_shadow) * share
        return colour


def _earth(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int]) -> Colour:
    return as_colour(linear_from_srgb(np.array(low) + rng.random() * (np.array(high) - low) + rng.normal(0, 6, 3)))


def draw_backdrop(rng: np.random.Generator) -> Backdrop:
    """Draw a room (half of the time) or the open air."""
    indoors = bool(rng.random() < 0.5)
    floor = int(
        rng.choice((0, 1, 3, 4, 5), p=(0.25, 0.42, 0.18, 0.1, 0.05))
        if indoors
        else rng.choice((0, 2, 4), p=(0.2, 0.4, 0.4))
    )
    colours: dict[int, tuple[Colour, Colour]] = {
        0: (_earth(rng, (110, 104, 98), (215, 208, 198)), _earth(rng, (90, 86, 80), (170, 166, 160))),
        1: (_earth(rng, (84, 54, 34), (198, 160, 118)), _earth(rng, (50, 34, 24), (90, 66, 46))),
        2: (_earth(rng, (58, 78, 34), (104, 122, 58)), _earth(rng, (96, 104, 52), (150, 142, 84))),
        3: (first := draw_cloth_colour(rng), draw_second_colour(rng, first)),
        4: (_earth(rng, (92, 92, 94), (172, 168, 160)), (0.75, 0.73, 0.66)),
        5: (_earth(rng, (30, 30, 34), (120, 60, 50)), _earth(rng, (190, 186, 176), (232, 228, 220))),
    }
    wall = int(rng.choice(5, p=(0.42, 0.15, 0.15, 0.12, 0.16)))
    pale = _earth(rng, (150, 150, 146), (238, 232, 222))
    tint = rng.uniform(0.75, 1.0, 3) if rng.random() < 0.6 else rng.uniform(0.3, 0.9, 3)
    paint = as_colour(np.array(pale) * tint)
    brick = (_earth(rng, (120, 64, 46), (176, 110, 84)), _earth(rng, (140, 134, 126), (190, 184, 174)))
    wall_colours = brick if wall == 2 else (paint, as_colour(np.array(paint) * rng.uniform(0.35, 0.8)))
    grey = rng.random()
    sky = as_colour(np.array((0.2, 0.42, 0.85)) * (1 - grey) + np.array((0.62, 0.66, 0.72)) * grey)
    warm = rng.uniform(0.0, 1.0)
    horizon = as_colour(np.array((0.72, 0.8, 0.9)) * (1 - 0.6 * warm) + np.array((0.95, 0.72, 0.5)) * 0.6 * warm)
    trees = bool(rng.random() < 0.5)
    return Backdrop(
        indoors=indoors,
        floor=floor,
        floor_colours=colours[floor],
        floor_scale=float(rng.uniform(0.25, 0.7)),
        floor_turn=float(rng.uniform(-np.pi, np.pi)),
        wall=wall,
        wall_colours=wall_colours,
        room=_draw_room(rng),
        turn=float(rng.normal(0.0, 0.35)),
        sky=sky,
        horizon=horizon,
        cloud=float(rng.uniform(0.0, 0.9)),
        skyline=int(rng.choice(3, p=(0.08, 0.0, 0.92))) if not trees else 1,
        skyline_colour=_earth(rng, (40, 58, 30), (86, 104, 56))
        if trees
        else _earth(rng, (110, 90, 78), (190, 182, 172)),
        skyline_height=float(rng.uniform(0.06, 0.3) if trees else rng.uniform(0.12, 0.6)),
        clutter=tuple(_draw_clutter(rng, indoors) for _ in range(int(rng.integers(0, 6)))),
        focus=float(rng.uniform(0.0, 1.0)),
        seed=float(rng.uniform(0.0, 20.0)),
    )


def _draw_room(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    left, right, near = rng.uniform(1.4, 4.5, 3)
    return float(left), float(right), float(near), float(rng.uniform(1.3, 5.0)), float(rng.uniform(2.4, 3.4))


def _draw_clutter(rng: np.random.Generator, indoors: bool) -> Clutter:
    kind = int(rng.integers(4))
    colour = _earth(rng, (60, 40, 28), (200, 180, 150)) if rng.random() < 0.6 else draw_cloth_colour(rng)
    if not indoors and rng.random() < 0.5:
        kind, colour = 2, _earth(rng, (36, 54, 26), (84, 104, 50))
    half = (float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.15, 0.45)), float(rng.uniform(0.18, 0.85)))
    return Clutter(
        lateral=float(rng.uniform(-3.2, 3.2)),
        behind=float(rng.uniform(1.2, 4.0)),
        half=half,
        turn=float(rng.normal(0.0, 0.4)),
        colour=colour,
        second=as_colour(np.array(colour) * rng.uniform(0.35, 0.8)),
        kind=kind,
    )


PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
ENDINGS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND"}  # how a whole JPEG and PNG begin and end
TAIL = 65536  # bytes searched for the ending: cameras append things to their files
CLOSEST_CROP = 1.6  # how much more than the picture's size a photograph may be enlarged before cropping


@dataclass(frozen=True)
class BackdropFolder:
    """Pictures of a folder and its subfolders, in the order of their names; those that are no pictures left out."""

    paths: tuple[Path, ...]

    def draw(self, rng: np.random.Generator, height: int, width: int) -> BackdropPicture:
        """A random crop of a random picture, mirrored half of the time, in linear RGB.

        A picture that turns out to be corrupt is skipped with a warning and the next one in order taken. Raises
        AssetError when none can be read any more.
        """
        start = int(rng.integers(len(self.paths)))
        zoom, left, top = rng.uniform(1.0, CLOSEST_CROP), rng.random(), rng.random()
        mirrored = bool(rng.random() < 0.5)
        for step in range(len(self.paths)):
            picture = _read_picture(self.paths[(start + step) % len(self.paths)])
            if picture is not None:
                break
        else:
            raise AssetError(
                f"none of the {len(self.paths)} background pictures beside {self.paths[0]} can be read; "
                "restore them, or leave out background.folder for procedural backgrounds"
            )
        h, w = picture.shape[:2]
        scale = zoom * max(height / h, width / w)
        crop_h, crop_w = min(height / scale, h), min(width / scale, w)
        y, x = int(top * (h - crop_h)), int(left * (w - crop_w))
        crop = picture[y : y + max(int(crop_h), 1), x : x + max(int(crop_w), 1)]
        shrinks = crop.shape[0] > height
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        if mirrored:
            crop = crop[:, ::-1]
        return BackdropPicture(np.ascontiguousarray(_linear_table()[crop]), None, np.ones(3, np.float32))


def load_backdrops(folder: Path) -> BackdropFolder:
    """List the pictures of a folder. Files that don't begin as pictures are skipped with a warning; a folder without
    one readable picture raises AssetError."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise AssetError(
            f"{folder}: expected a folder of background pictures, found {found}; correct background.folder"
        )
    try:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    except OSError as error:
        raise AssetError(f"{folder}: the folder can't be listed ({error}); check its permissions") from None
    paths = []
    for path in files:
        if cv2.haveImageReader(str(path)):
            paths.append(path)
        else:
            warnings.warn(f"{path}: not a picture that can be read; skipped", stacklevel=2)
    if not any(_read_picture(path) is not None for path in paths):
        raise AssetError(
            f"{folder}: no readable picture ({', '.join(PICTURE_SUFFIXES)}) among {len(files)} such files; "
            "put pictures there, or leave out background.folder for procedural backgrounds"
        )
    return BackdropFolder(tuple(paths))


@lru_cache(maxsize=32)
def _read_picture(path: Path) -> UInt8[Array, "h w 3"] | None:
    """Decode a picture to sRGB, or None with a warning when it is corrupt, cut short or gone."""
    try:
        data = path.read_bytes()
    except OSError as error:
        warnings.warn(f"{path}: can't be read ({error.strerror}); skipped", stacklevel=3)
        return None
    whole = all(end in data[-TAIL:] for begin, end in ENDINGS.items() if data.startswith(begin))
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if whole and data else None
    except cv2.error:
        picture = None
    if picture is None:
        warnings.warn(f"{path}: corrupt or cut short; skipped", stacklevel=3)
        return None
    return np.asarray(picture)


@cache
def _linear_table() -> Float32[Array, "256"]:
    return linear_from_srgb(np.arange(256)).astype(np.float32)


@cache
def _noise(device: str) -> Any:
    return wp.array(make_noise_table().ravel(), dtype=wp.float32, device=device)


def render_backdrop(backdrop: Backdrop, camera: Camera, lighting: Lighting, device: str = "cpu") -> BackdropPicture:
    """The surroundings as `camera` sees them, linear RGB. The people are taken to stand about the world's origin."""
    height, width = camera.height, camera.width
    rows, columns = (height + 1) // 2, (width + 1) // 2
    eye = camera.centre_in_world
    x, y = np.meshgrid(np.linspace(0.0, width, RAY_GRID), np.linspace(0.0, height, RAY_GRID))
    rays = camera.unproject(np.stack([x, y], axis=-1)) @ camera.camera_from_world[:3, :3]
    away = np.array([-eye[0], -eye[1]])
    distance = float(np.linalg.norm(away))
    away = away / distance if distance > 1e-6 else np.array([0.0, 1.0])
    boxes = _place_clutter(backdrop, away)
    count = rows * columns
    outputs = [wp.empty(count, dtype=kind, device=device) for kind in (wp.vec3, wp.float32, wp.vec3)]
    wp.launch(
        backdrop_kernel,
        dim=count,
        inputs=[
            wp.array(_describe(backdrop, eye, away), dtype=Surroundings, device=device),
            wp.array(boxes, dtype=Box, device=device),
            len(backdrop.clutter),
            wp.array(rays.astype(np.float32), dtype=wp.vec3, device=device),
            columns,
            rows,
            wp.vec3(*eye.tolist()),
            2.0 / camera.fx,
            wp.vec3(*lighting.direction.tolist()),
            wp.vec3(*lighting.colour.tolist()),
            wp.array(lighting.ambient, dtype=wp.vec3, device=device),
            _noise(device),
        ],
        outputs=outputs,
        device=device,
    )
    colour, far, ground = (output.numpy() for output in outputs)
    colour = _defocus(colour.reshape(rows, columns, 3), far.reshape(rows, columns), distance, backdrop.focus)
    full = cv2.resize(colour, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)[:height, :width]
    ambient = evaluate_basis(np.array([[0.0, 0.0, 1.0]]))[0] @ lighting.ambient.astype(np.float64)
    key = lighting.colour * max(float(lighting.direction[2]), 0.0)
    ground = ground.reshape(rows, columns, 3)
    return BackdropPicture(
        colour=np.ascontiguousarray(np.maximum(full, np.float32(0.0))),
        ground_in_world=ground if np.isfinite(ground[..., 0]).any() else None,
        shade_in_shadow=np.asarray(ambient / np.maximum(ambient + key, 1e-6), dtype=np.float32),
    )


def _rows(kind: Any, count: int) -> Array:
    """Zeroed rows of one of the kernels' structs."""
    return np.zeros(count, dtype=kind.numpy_dtype())


def _place_clutter(backdrop: Backdrop, away: Float64[Array, "2"]) -> Array:
    """Boxes behind the people as the camera sees them, so that none would have to stand before a person."""
    rows = _rows(Box, max(len(backdrop.clutter), 1))
    right = np.array([away[1], -away[0]])
    for row, item in zip(rows, backdrop.clutter, strict=False):
        place = right * item.lateral + away * (item.behind + item.half[0])
        turn = item.turn + np.arctan2(right[1], right[0])
        row["centre"] = (place[0], place[1], item.half[2])
        row["half"] = item.half
        row["cos"], row["sin"] = np.cos(turn), np.sin(turn)
        row["colour"], row["second"], row["kind"] = item.colour, item.second, item.kind
    return rows


def _describe(backdrop: Backdrop, eye: Float64[Array, "3"], away: Float64[Array, "2"]) -> Array:
    """The kernel's struct. The room is laid out along the view, and grown until the camera is inside."""
    turn = float(np.arctan2(away[1], away[0]) - 0.5 * np.pi + backdrop.turn)
    c, s = np.cos(turn), np.sin(turn)
    x, y = c * eye[0] + s * eye[1], c * eye[1] - s * eye[0]
    left, right, near, far, top = backdrop.room
    deepest = max((item.behind + 2 * max(item.half) for item in backdrop.clutter), default=0.0)
    values: dict[str, Any] = {
        "indoors": backdrop.indoors, "ground": backdrop.floor, "wall": backdrop.wall,
        "ground_a": backdrop.floor_colours[0], "ground_b": backdrop.floor_colours[1],
        "ground_scale": backdrop.floor_scale, "ground_cos": np.cos(backdrop.floor_turn),
        "ground_sin": np.sin(backdrop.floor_turn), "wall_a": backdrop.wall_colours[0],
        "wall_b": backdrop.wall_colours[1], "wall_cos": c, "wall_sin": s,
        "low": (min(-left - 1.0, x - 0.6), min(-near - 1.0, y - 0.6), 0.0),
        "high": (max(right + 1.0, x + 0.6), max(far, 0.5 * deepest, y + 0.6), max(top, float(eye[2]) + 0.4)),
        "sky": backdrop.sky, "horizon": backdrop.horizon, "cloud": backdrop.cloud, "skyline": backdrop.skyline,
        "skyline_colour": backdrop.skyline_colour, "skyline_height": backdrop.skyline_height, "seed": backdrop.seed,
    }  # fmt: skip
    rows = _rows(Surroundings, 1)
    for name, value in values.items():
        rows[0][name] = value
    return rows


def _defocus(
    colour: Float32[Array, "h w 3"], far: Float32[Array, "h w"], focused: float, strength: float
) -> Float32[Array, "h w 3"]:
    """Blur what lies off the distance in focus, more the further off (in reciprocal distance)."""
    sigma = strength * 0.008 * max(colour.shape[:2])
    if sigma < 0.4:
        return colour
    soft = cv2.GaussianBlur(colour, (0, 0), sigma)
    off = np.clip(1.6 * np.abs(np.float32(1.0) - np.float32(focused) / far) - 0.12, 0.0, 1.0).astype(np.float32)
    off = cv2.blur(off, (5, 5))[..., None]
    return np.asarray(colour + (soft - colour) * off, dtype=np.float32)
