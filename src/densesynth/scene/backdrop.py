"""What stands behind the people: crops of a folder's pictures, or procedural surroundings.

Procedural ones have a floor under the people, a room or the open air about them, some furniture behind. They
are rendered at half the picture's resolution and scaled up: what stands behind a person is out of focus anyway.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import warp as wp

from densesynth.appearance.colour import linear_from_srgb
from densesynth.arrays import Array, Float32, Float64, UInt8
from densesynth.errors import AssetError
from densesynth.geometry.camera import Camera
from densesynth.geometry.fisheye import Fisheye
from densesynth.render.lighting import Lighting, evaluate_basis
from densesynth.scene.contact import TOUCHING, Contact
from densesynth.scene.grain import make_grain_table
from densesynth.scene.kernels.base import Box, Surroundings
from densesynth.scene.kernels.open_air import open_air_kernel
from densesynth.scene.kernels.room import room_kernel
from densesynth.scene.surroundings import NOWHERE, ROWS, TALLEST, Backdrop, Row

ELBOW_ROOM = 0.7  # metres from where a person stands to walls and furniture
RAY_GRID = 25  # corners of the grid of exact rays, each way
FISHEYE_GRID = 97  # the same for fisheye lenses


@dataclass(frozen=True)
class BackdropPicture:
    """A background as seen. small: its linear RGB, at the picture's resolution or half of it. height, width: the
    picture's. ground_in_world: x and y of the ground plane's points (z = 0) under `small`'s pixels, x NaN off the
    ground; None without a ground. shade_in_shadow: what is left of the ground's colour where the key light is hidden.
    distance: metres from the eye to what is seen under `small`'s pixels; None where it isn't known, or doesn't matter
    as the backdrop has its own blur.
    """

    small: Float32[Array, "sh sw 3"]
    height: int
    width: int
    ground_in_world: Float32[Array, "2 sh sw"] | None
    shade_in_shadow: Float32[Array, "3"]
    distance: Float32[Array, "sh sw"] | None = None

    @property
    def colour(self) -> Float32[Array, "h w 3"]:
        """Linear RGB, without shadows; the caller's own to draw into."""
        full = self._enlarge(self.small)
        return full.copy() if full is self.small else full

    def cast(
        self,
        shadow_at: Callable[[Float32[Array, "k 3"]], Float32[Array, "k"]],
        box: Float64[Array, "2 2"],
        contact: Contact | None = None,
    ) -> Float32[Array, "h w 3"]:
        """The colour with shadows on the ground; the caller's own. shadow_at gives the lit share (0..1) of ground
        points (world); only points inside `box` (its first and last corner, x and y, as `bound_shadow` gives it) are
        asked for. contact: what bodies take from the light that isn't the key's."""
        if self.ground_in_world is None:
            return self.colour
        # Comparisons with NaN are false: what is off the ground is in no box.
        x, y = self.ground_in_world.reshape(2, -1)
        (x0, y0), (x1, y1) = box.astype(np.float32)
        near = np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))
        if not len(near):
            return self.colour
        points = np.zeros((len(near), 3), np.float32)
        points[:, 0], points[:, 1] = x[near], y[near]
        shares = np.empty((2, len(near)), np.float32)  # of the light but the key's, and of the key's
        shares[0], shares[1] = 1.0, shadow_at(points)
        if contact is not None:
            shares[0] = contact.open_at(points[:, 0], points[:, 1])
            shares[1] *= np.minimum(shares[0] * np.float32(1.0 / TOUCHING), np.float32(1.0))
        small = self.small.copy()
        pixels = small.reshape(-1, 3)
        seen = pixels.take(near, axis=0)
        seen *= shares.T @ np.stack([self.shade_in_shadow, np.float32(1.0) - self.shade_in_shadow])
        pixels[near] = seen
        return self._enlarge(small)

    def _enlarge(self, small: Float32[Array, "sh sw 3"]) -> Float32[Array, "h w 3"]:
        h, w = small.shape[:2]
        if (h, w) == (self.height, self.width):
            return small
        full = cv2.resize(small, (2 * w, 2 * h), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(full[: self.height, : self.width])


LOWEST = 0.15  # sine of the flattest ray of the key light whose shadow is followed


def bound_shadow(vertices_in_world: Float32[Array, "v 3"], lighting: Lighting) -> Float64[Array, "2 2"]:
    """First and last corner (x, y) of the ground that the vertices' shadow can reach, half-shadow included.

    The box about the vertices is slid to the ground along rays to the rim of the light's disc.
    """
    by_axis = np.ascontiguousarray(vertices_in_world.T, dtype=np.float64)  # reduces several times faster
    low, high = by_axis.min(axis=1), by_axis.max(axis=1)
    towards = lighting.direction / np.linalg.norm(lighting.direction)
    aside = np.cross(towards, (0.0, 0.0, 1.0) if abs(towards[2]) < 0.9 else (1.0, 0.0, 0.0))
    aside /= np.linalg.norm(aside)
    turns = np.arange(8) * (0.25 * np.pi)
    # The corners of the octagon about the disc, not in it.
    radius = np.tan(lighting.angular_radius) / np.cos(0.125 * np.pi)
    rim = towards + radius * (np.cos(turns)[:, None] * aside + np.sin(turns)[:, None] * np.cross(towards, aside))
    slide = rim[:, :2] / np.maximum(rim[:, 2:], LOWEST)
    height = max(float(high[2]), 0.0)
    return np.stack(
        [low[:2] - np.maximum(slide.max(axis=0) * height, 0.0), high[:2] - np.minimum(slide.min(axis=0) * height, 0.0)]
    )


PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
ENDINGS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND"}  # how a whole JPEG and PNG begin and end
TAIL = 65536  # bytes searched for the ending: cameras append things to their files
CLOSEST_CROP = 1.6  # how much more than the picture's size a photograph may be enlarged before cropping


@dataclass(frozen=True)
class BackdropFolder:
    """Pictures of a folder and its subfolders, in the order of their names. left_out: one line for each file that is no
    picture, or a cut one."""

    paths: tuple[Path, ...]
    left_out: tuple[str, ...] = ()

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
        return BackdropPicture(_linear_table()[crop], height, width, None, np.ones(3, np.float32))


def load_backdrops(folder: Path) -> BackdropFolder:
    """List the pictures of a folder. Files that don't begin and end as pictures are skipped with a warning; a folder
    without one readable picture raises AssetError."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise AssetError(
            f"{folder}: expected a folder of background pictures, found {found}; correct background.folder"
        )
    try:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    except OSError as error:
        raise AssetError(f"{folder}: the folder can't be listed ({error}); check its permissions") from None
    paths, left_out = [], []
    for path in files:
        wrong = _find_wrong(path)
        if wrong is None:
            paths.append(path)
        else:
            left_out.append(f"{path}: {wrong}")
            warnings.warn(f"{path}: {wrong}; skipped", stacklevel=2)
    if not any(_read_picture(path) is not None for path in paths):
        raise AssetError(
            f"{folder}: no readable picture ({', '.join(PICTURE_SUFFIXES)}) among {len(files)} such files; "
            "put pictures there, or leave out background.folder for procedural backgrounds"
        )
    return BackdropFolder(tuple(paths), tuple(left_out))


def _find_wrong(path: Path) -> str | None:
    """What is wrong with a file that is no whole picture, told from its beginning and its end; None when nothing is."""
    if not cv2.haveImageReader(str(path)):
        return "not a picture that can be read"
    try:
        with path.open("rb") as file:
            begin = file.read(8)
            file.seek(max(0, path.stat().st_size - TAIL))
            end = file.read()
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return None if _is_whole(begin, end) else "corrupt or cut short"


def _is_whole(begin: bytes, end: bytes) -> bool:
    return all(last in end for first, last in ENDINGS.items() if begin.startswith(first))


@lru_cache(maxsize=32)
def _read_picture(path: Path) -> UInt8[Array, "h w 3"] | None:
    """Decode a picture to sRGB, or None with a warning when it is corrupt, cut short or gone."""
    try:
        data = path.read_bytes()
    except OSError as error:
        warnings.warn(f"{path}: can't be read ({error.strerror}); skipped", stacklevel=3)
        return None
    try:
        whole = bool(data) and _is_whole(data[:8], data[-TAIL:])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if whole else None
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
    return wp.array(make_grain_table(), dtype=wp.float32, device=device)


def render_backdrop(
    backdrop: Backdrop,
    camera: Camera,
    lighting: Lighting,
    device: str = "cpu",
    people: Float64[Array, "p 2"] | None = None,
) -> BackdropPicture:
    """The surroundings as `camera` sees them, linear RGB. people: where they stand on the ground, metres; the first is
    taken to stand about the world's origin. Walls keep behind them all, and no furniture stands where they do."""
    people = np.zeros((0, 2)) if people is None else people
    height, width = camera.height, camera.width
    shape = (rows, columns) = ((height + 1) // 2, (width + 1) // 2)
    eye = camera.centre_in_world
    rays_in_camera = grid_rays(camera)
    rays = rays_in_camera @ camera.camera_from_world[:3, :3]
    away = np.array([-eye[0], -eye[1]])
    distance = float(np.linalg.norm(away))
    away = away / distance if distance > 1e-6 else np.array([0.0, 1.0])
    world = _describe(backdrop, eye, away, people)
    boxes = _place_clutter(backdrop, away, people)
    _bound_boxes(boxes, camera, rays_in_camera, shape)
    lights = _light_sides(world, boxes, lighting)
    outputs = [
        wp.empty(size, dtype=kind, device=device)
        for size, kind in ((shape, wp.vec3), (shape, wp.float32), ((2, *shape), wp.float32), (shape, wp.int32))
    ]
    inputs = [
        # By its address: Warp looks through a structured array for longer than it takes to read it.
        *(
            wp.array(ptr=structs.ctypes.data, shape=len(structs), dtype=kind, device="cpu").to(device)
            for structs, kind in ((world, Surroundings), (boxes, Box))
        ),
        len(backdrop.clutter),
        wp.array(lights, dtype=wp.vec3, device=device),
        wp.array(rays.astype(np.float32), dtype=wp.vec3, device=device),
        columns,
        rows,
        wp.vec3(*eye.tolist()),
        2.0 / camera.fx,
    ]
    kernel = room_kernel if backdrop.indoors else open_air_kernel
    for smooth in (0, 1):
        wp.launch(kernel, rows, [*inputs, distance, _noise(device), smooth], outputs, device=device)
    colour, off, ground = (output.numpy() for output in outputs[:3])
    ambient = evaluate_basis(np.array([[0.0, 0.0, 1.0]]))[0] @ lighting.ambient.astype(np.float64)
    key = lighting.colour * max(float(lighting.direction[2]), 0.0)
    return BackdropPicture(
        small=_defocus(colour, off, backdrop.focus),
        height=height,
        width=width,
        ground_in_world=ground,
        shade_in_shadow=np.asarray(ambient / np.maximum(ambient + key, 1e-6), dtype=np.float32),
    )


def grid_rays(camera: Camera) -> Float64[Array, "g g 3"]:
    """Rays (camera frame, z = 1) over the picture, edges included, so close that others may be drawn between them."""
    corners = FISHEYE_GRID if isinstance(camera.lens, Fisheye) else RAY_GRID
    x, y = np.meshgrid(np.linspace(0.0, camera.width, corners), np.linspace(0.0, camera.height, corners))
    return camera.unproject(np.stack([x, y], axis=-1))


def _rows(kind: Any, count: int) -> Array:
    """Zeroed rows of one of the kernels' structs."""
    return np.zeros(count, dtype=_type_of(kind))


@cache
def _type_of(kind: Any) -> Any:
    """A struct's NumPy type, which Warp works out anew each time it is asked."""
    return np.dtype(kind.numpy_dtype())


def _place_clutter(backdrop: Backdrop, away: Float64[Array, "2"], people: Float64[Array, "p 2"]) -> Array:
    """Boxes behind the people as the camera sees them, so that none would have to stand before a person."""
    rows = _rows(Box, max(len(backdrop.clutter), 1))
    rows["reach"] = 1.0
    right = np.array([away[1], -away[0]])
    for row, item in zip(rows, backdrop.clutter, strict=False):
        breadth = float(np.hypot(item.half[0], item.half[1])) + ELBOW_ROOM
        beside = np.abs(people @ right - item.lateral) < breadth
        depth = max(item.behind + item.half[0], float((people @ away + breadth)[beside].max(initial=0.0)))
        place = right * item.lateral + away * depth
        turn = item.turn + np.arctan2(right[1], right[0])
        row["centre"] = (place[0], place[1], item.half[2])
        row["half"] = item.half
        row["cos"], row["sin"] = np.cos(turn), np.sin(turn)
        row["reach"] = 5.0 / (0.3 + item.half[2])
        row["colour"], row["second"], row["kind"] = item.colour, item.second, item.kind
    return rows


def _describe(
    backdrop: Backdrop, eye: Float64[Array, "3"], away: Float64[Array, "2"], people: Float64[Array, "p 2"]
) -> Array:
    """The kernels' struct, one row. The room is laid out along the view, and grown until camera and people are inside;
    outdoors rows are behind them."""
    turn = float(np.arctan2(away[1], away[0]) - 0.5 * np.pi + backdrop.turn)
    c, s = np.cos(turn), np.sin(turn)
    x, y = c * eye[0] + s * eye[1], c * eye[1] - s * eye[0]
    left, right, near, far, top = backdrop.room
    deepest = max((item.behind + 2 * max(item.half) for item in backdrop.clutter), default=0.0)
    inside = np.array([x, y, float(eye[2])])
    least, most = np.array([x, y]) - 0.6, np.array([x, y]) + 0.6
    if len(people):
        standing = people @ np.array([[c, -s], [s, c]])
        least = np.minimum(least, standing.min(axis=0) - ELBOW_ROOM)
        most = np.maximum(most, standing.max(axis=0) + ELBOW_ROOM)
    low = (min(-left - 1.0, float(least[0])), min(-near - 1.0, float(least[1])), 0.0)
    high = (
        max(right + 1.0, float(most[0])),
        max(far, 0.5 * deepest, float(most[1])),
        max(top, float(eye[2]) + 0.4),
    )
    behind = most[1] if len(people) else inside[1] + 0.6
    rows = _place_rows(backdrop, float(behind))
    aligned = backdrop.indoors or backdrop.open_air.kerb < NOWHERE
    floor_turn = turn + 0.5 * np.pi * (backdrop.floor_turn > 0.0) if aligned else backdrop.floor_turn
    values: dict[str, Any] = {
        "indoors": backdrop.indoors, "ground": backdrop.floor, "wall": backdrop.wall,
        "ground_a": backdrop.floor_colours[0], "ground_b": backdrop.floor_colours[1],
        "ground_scale": backdrop.floor_scale, "ground_cos": np.cos(floor_turn),
        "ground_sin": np.sin(floor_turn), "kerb": backdrop.open_air.kerb, "beyond": backdrop.open_air.beyond,
        "beyond_a": backdrop.open_air.beyond_colours[0], "beyond_b": backdrop.open_air.beyond_colours[1],
        "wear": backdrop.open_air.wear, "ceiling": backdrop.interior.ceiling,
        "ceiling_a": backdrop.interior.ceiling_colour, "curtain": backdrop.interior.curtain,
        "wall_a": backdrop.wall_colours[0],
        "wall_b": backdrop.wall_colours[1], "wall_cos": c, "wall_sin": s,
        "eye": inside, "low": low, "high": high, "inverse_eye": 1.0 / max(float(eye[2]), 1e-3),
        "inverse_low": 1.0 / np.minimum(np.array(low) - inside, -1e-3), "inverse_high": 1.0 / (np.array(high) - inside),
        "sky": backdrop.sky, "horizon": backdrop.horizon, "cloud": backdrop.cloud, "skyline": backdrop.skyline,
        "skyline_colour": backdrop.skyline_colour, "skyline_height": backdrop.skyline_height, "seed": backdrop.seed,
        "key": int(backdrop.seed * 997.0), "row_kind": [row.kind for row in rows],
        "row_count": sum(row.kind > 0 for row in rows), "row_gap": [row.distance - y for row in rows],
        "row_height": [row.height for row in rows], "row_cell": [row.cell for row in rows],
        "row_top": [_top(row) for row in rows], "row_colour": np.array([row.colour for row in rows]),
        "row_second": np.array([row.second for row in rows]),
    }  # fmt: skip
    world = _rows(Surroundings, 1)
    for name, value in values.items():
        world[name][0] = value
    return world


def _place_rows(backdrop: Backdrop, behind: float) -> list[Row]:
    """The rows with something in them first. Their distances, y in the axes of `_describe`, are as drawn, or all so
    much farther that everybody, the last of whom is at `behind`, stands before them."""
    drawn = backdrop.open_air.rows
    farther = max(behind + ELBOW_ROOM - drawn[0].distance, 0.0)
    rows = [replace(row, distance=row.distance + farther) for row in drawn if row.kind > 0]
    return rows + [row for row in drawn if row.kind == 0]


def _top(row: Row) -> float:
    """Metres above the ground that nothing of a row reaches."""
    if ROWS[row.kind] == "houses":
        return 3.0 * float(np.floor(1.0 + 0.95 * row.height)) + 0.5 + 0.9 + 0.22 * row.cell + 0.9
    return TALLEST[row.kind] * row.height


def _bound_boxes(boxes: Array, camera: Camera, rays_in_camera: Float64[Array, "g g 3"], shape: tuple[int, int]) -> None:
    """Fill in where in the picture each box and its contact shadow can be: the cells of the grid of rays that the
    rectangle about its outline meets.

    Compared where lenses do nothing, in the plane z = 1: a box's picture is the hull of its corners' there.
    """
    count = len(boxes)
    half = np.concatenate([boxes["half"], boxes["half"]]).astype(np.float64)
    centre = np.concatenate([boxes["centre"], boxes["centre"]]).astype(np.float64)
    half[count:, :2] += 4.0 / boxes["reach"][:, None]
    half[count:, 2], centre[count:, 2] = 0.0, 0.0
    signs = np.array([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
    x, y, z = np.moveaxis(signs * half[:, None], -1, 0)
    c, s = (np.tile(boxes[name].astype(np.float64), 2)[:, None] for name in ("cos", "sin"))
    corners = camera.to_camera(np.stack([c * x - s * y, s * x + c * y, z], axis=-1) + centre[:, None])
    ahead = corners[..., 2].min(axis=1) > 0.1
    flat = corners[..., :2] / np.where(ahead[:, None], corners[..., 2], 1.0)[..., None]
    first, last = flat.min(axis=1), flat.max(axis=1)
    first[~ahead], last[~ahead] = -np.inf, np.inf  # beside the camera: anywhere
    plane = rays_in_camera[..., :2] / rays_in_camera[..., 2:]
    ends = np.stack([plane[:-1, :-1], plane[1:, :-1], plane[:-1, 1:], plane[1:, 1:]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    meets = ((high >= first[:, None, None]) & (low <= last[:, None, None])).all(axis=-1)
    for axis, size in ((0, shape[1]), (1, shape[0])):
        some = meets.any(axis=1 + axis)
        cells = some.shape[1]
        begin = np.floor(some.argmax(axis=1) * (size / cells))
        end = np.ceil((cells - some[:, ::-1].argmax(axis=1)) * (size / cells)) * some.any(axis=1)
        boxes["first"][:, axis], boxes["first_shade"][:, axis] = begin[:count], begin[count:]
        boxes["last"][:, axis], boxes["last_shade"][:, axis] = end[:count], end[count:]


def _light_sides(world: Array, boxes: Array, lighting: Lighting) -> Float32[Array, "n 3"]:
    """Radiosity of a white surface on each side of the room, then on each of the boxes' sides, as the kernel has them:
    walls +x, −x, +y, −y, ceiling, floor; sides −x, +x, −y, +y, top, in the room's and the boxes' own axes. Between the
    two the direction towards the key light, in the room's axes, and its colour."""
    c, s = world["wall_cos"][0], world["wall_sin"][0]
    room = [(-c, -s, 0.0), (c, s, 0.0), (s, -c, 0.0), (-s, c, 0.0), (0.0, 0.0, -1.0), (0.0, 0.0, 1.0)]
    sides = np.zeros((len(boxes), 5, 3))
    sides[:, 1, 0], sides[:, 1, 1] = boxes["cos"], boxes["sin"]
    sides[:, 3, 0], sides[:, 3, 1] = -boxes["sin"], boxes["cos"]
    sides[:, 0], sides[:, 2], sides[:, 4, 2] = -sides[:, 1], -sides[:, 3], 1.0
    normals = np.concatenate([np.array(room), sides.reshape(-1, 3)])
    key = np.maximum(normals @ lighting.direction, 0.0)[:, None] * lighting.colour
    lights = np.maximum(evaluate_basis(normals) @ lighting.ambient + key, 0.0)
    x, y, z = lighting.direction
    towards = [(c * x + s * y, c * y - s * x, z), lighting.colour]
    return np.concatenate([lights[: len(room)], towards, lights[len(room) :]]).astype(np.float32)


def _defocus(colour: Float32[Array, "h w 3"], off: Float32[Array, "h w"], strength: float) -> Float32[Array, "h w 3"]:
    """Blur what lies off the distance in focus; off: how much of the blur each pixel takes, 0..1."""
    sigma = strength * 0.008 * max(colour.shape[:2])
    if sigma < 0.4:
        return colour
    soft = cv2.GaussianBlur(colour, (0, 0), sigma)
    off = cv2.blur(off, (5, 5))
    return np.asarray(cv2.blendLinear(colour, soft, np.float32(1.0) - off, off), dtype=np.float32)
