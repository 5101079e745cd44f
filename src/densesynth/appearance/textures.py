"""UV pictures of people: a folder of them read, judged and made ready for the kernel that samples them.

A picture lies on the surface by a layout (`surface.textures`): SMPL's own for SURREAL's pictures, MakeHuman's for
Anny. It is told apart by sex from its folder or name (`male/`, `female/`, `nongrey_female_0001.jpg`); others go with
both. Its skin is found by likeness to the face and the hands; one whose trunk is skin is of a bare body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from densesynth.appearance.paint import FIELDS, Paint
from densesynth.appearance.tone import find_tone, skin_share
from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8, UInt32
from densesynth.errors import AssetError
from densesynth.surface.textures import TextureLayout, cover_texels

PARTS = ("head", "upper", "hands", "lower", "feet")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
SMALLEST_SIDE, COARSEST = 64, 16  # texels of a picture; of its last reduction
SIDES = (256, 512, 1024, 2048)  # texels that pictures are brought to
SAMPLES = 700  # surface points at which a picture is judged, a region
SEAM_SAMPLES = 1500
# How different colours on two sides of seams may be: 0 alike, 1 as any two places. Stand-ins: up to 0.30; turned or
# mirrored, from 0.45.
TORN = 0.42
HEM, LOWEST_HEM, HIGHEST_HEM = 0.98, 0.8, 1.05  # metres
PLAIN = 9.0  # units of OpenCV's Lab; below this no garment is seen to end
BARE = 0.6  # of trunk and thighs that is skin
NOT_PAINTED = 0.25  # of the surface that has the colour of the picture's corners, black or white

_SEX = re.compile(r"(?<![a-z])(fe)?male(?![a-z])")


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where the surface lies on square pictures of `side` texels.

    covered: texels that the surface touches. nearest: for each texel the covered one nearest to it (flat).
    """

    side: int
    covered: Bool[Array, "s s"]
    nearest: Int32[Array, "n"]


@dataclass(frozen=True, kw_only=True)
class Texture:
    """One usable picture. sexes: of whom it is (0 male, 1 female). tones: cone roots of the skin of each of PARTS and,
    last, of the face (`tone`). hem: height (metres at rest) where the upper garment ends. bare: of a body without
    clothes."""

    path: Path
    sexes: tuple[int, ...]
    tones: Float64[Array, "6 3"]
    hem: float
    bare: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture as the kernel reads it: texels of the finest level, then of each half as wide, packed R, G, B, cloth
    from the lowest byte; colours are square roots of linear light. side: of the finest; levels: how many."""

    side: int
    levels: int
    texels: UInt32[Array, "n"]


@dataclass(frozen=True, eq=False)
class Surface:
    """What pictures are for: a body's paint and the layout of its texture coordinates.

    whole: pictures colour eyes and mouths too (SMPL's do; Anny has painted ones).
    """

    paint: Paint
    layout: TextureLayout
    whole: bool

    @cached_property
    def corners(self) -> Float32[Array, "f 3 2"]:
        return np.ascontiguousarray(self.layout.corners)

    @cached_property
    def density(self) -> Float32[Array, "f"]:
        """Widths of the picture per metre of surface, of each face."""
        at, rest = self.layout.corners.astype(np.float64), self.paint.fields[self.paint.faces][..., :3]
        u, v = at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]
        on_picture = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
        in_metres = np.linalg.norm(np.cross(rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]), axis=1)
        return np.sqrt(on_picture / np.maximum(in_metres, 1e-12)).astype(np.float32)

    def canvas(self, side: int) -> Canvas:
        return _make_canvas(self, side)

    @cached_property
    def regions(self) -> dict[str, Float64[Array, "n 2"]]:
        """Places (x, y of the picture, [0, 1]) on which pictures are judged: PARTS, face, trunk, and both sides of
        seams, `seam` and `beside`, and anywhere, `whole`."""
        rng = np.random.default_rng(0)
        middle = self.paint.fields[self.paint.faces].mean(axis=1).astype(np.float64)
        value = {name: middle[:, FIELDS.index(name)] for name in FIELDS}
        skin = self.paint.category == 0
        z, arm, leg = value["z"], value["arm"], value["leg"]
        side = np.abs(value["x"])
        face = (z > 1.425) & (z < 1.535) & (value["y"] < -0.085) & (side < 0.05) & (value["lips"] < -0.004)
        face &= value["lid"] > 0.012
        head = z > 1.4
        hands = (arm > 0.53) & (value["nail"] < 0.3)
        lower = (z < 0.97) & (arm < 0.0)
        where = {
            "head": head, "upper": (z < 1.3) & ~lower & (arm < 0.5), "hands": hands, "lower": lower & (leg < 0.78),
            "feet": leg > 0.8, "face": face,
            "trunk": (arm < 0.0) & (z > 0.66) & (z < 1.25), "whole": np.ones_like(skin),
        }  # fmt: skip
        corners = self.layout.corners.astype(np.float64)
        area = np.square(self.density.astype(np.float64))
        found = {}
        for name, own in where.items():
            rows = np.flatnonzero(own & skin & (area > 0.0))
            rest = self.paint.fields[self.paint.faces[rows]][..., :3].astype(np.float64)
            weight = np.linalg.norm(np.cross(rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]), axis=1)
            chosen = rng.choice(rows, SAMPLES, p=weight / weight.sum()) if len(rows) else rows
            found[name] = np.einsum("nk,nkc->nc", rng.dirichlet((2.0, 2.0, 2.0), len(chosen)), corners[chosen])
        found["seam"], found["beside"] = self._seams(rng)
        return found

    def _seams(self, rng: np.random.Generator) -> tuple[Float64[Array, "n 2"], Float64[Array, "n 2"]]:
        """Places close to the two sides of edges at which the layout is cut."""
        faces, corners = self.paint.faces, self.layout.corners.astype(np.float64)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        sorted_edges = np.sort(edges, axis=1).astype(np.int64)
        key = sorted_edges[:, 0] * (int(faces.max()) + 1) + sorted_edges[:, 1]
        order = np.argsort(key, kind="stable")
        pairs = np.flatnonzero(key[order][1:] == key[order][:-1])
        first, second = order[pairs], order[pairs + 1]
        count = len(faces)

        def middle(edge: Array) -> tuple[Array, Array]:
            """Half-way along an edge; the same moved a fifth of the way into its triangle."""
            face, corner = edge % count, edge // count
            along = 0.5 * (corners[face, corner] + corners[face, (corner + 1) % 3])
            return along, along + 0.2 * (corners[face, (corner + 2) % 3] - along)

        (on_a, in_a), (on_b, in_b) = middle(first), middle(second)
        skin = (self.paint.category[first % count] == 0) & (self.paint.category[second % count] == 0)
        cut = np.flatnonzero((np.abs(on_a - on_b).max(axis=1) > 0.01) & skin)
        if len(cut) > SEAM_SAMPLES:
            cut = rng.choice(cut, SEAM_SAMPLES, replace=False)
        return in_a[cut], in_b[cut]

    def read(self, path: Path) -> Texture:
        """Judge a picture. Raises AssetError for one that is corrupt, isn't square or has another layout."""
        picture = read_picture(path)
        colour = {name: _look_up(picture, at) for name, at in self.regions.items()}
        background = [picture[r, c].astype(int) for r in (0, -1) for c in (0, -1)]
        plain = all(np.abs(corner - background[0]).max() < 12 for corner in background)
        if plain and (background[0].max() < 24 or background[0].min() > 231):
            empty = (np.abs(colour["whole"].astype(int) - background[0]).max(axis=1) < 12).mean()
            if empty > NOT_PAINTED:
                raise AssetError(
                    f"{path}: {100 * empty:.0f} % of the body falls where the picture is empty; expected one in the "
                    "layout of the body's texture coordinates (`appearance.layout`)"
                )
        torn = measure_seams(colour["seam"], colour["beside"])
        if torn > TORN:
            raise AssetError(
                f"{path}: colours don't meet at the layout's seams (they differ {torn:.2f} times as much as any two); "
                "expected a picture in the layout of the body's texture coordinates (`appearance.layout`)"
            )
        face = find_tone(colour["face"], colour["hands"])
        tones = [find_tone(colour[name], like=face) for name in PARTS]
        bare = float(skin_share(colour["trunk"], face).mean()) > BARE
        return Texture(
            path=path, sexes=sexes_of(path), tones=np.stack([*tones, face]), hem=self._find_hem(picture), bare=bare
        )

    def _find_hem(self, picture: UInt8[Array, "h h 3"]) -> float:
        """The height around the hips at which the picture's colour changes most; HEM where it hardly does."""
        heights, places = self._hips
        lab = cv2.cvtColor(_look_up(picture, places)[None], cv2.COLOR_RGB2LAB)[0].astype(np.float64)
        tried = np.arange(LOWEST_HEM, HIGHEST_HEM, 0.005)
        change = []
        for height in tried:
            above, below = ((side > 0.0) & (side < 0.035) for side in (heights - height, height - heights))
            change.append(np.linalg.norm(np.median(lab[above], axis=0) - np.median(lab[below], axis=0)))
        # Of heights with nearly the same change the middle one: medians of whole bands are alike near the edge.
        best = tried[np.array(change) > 0.9 * max(change)]
        return float(best.mean()) if max(change) > PLAIN else HEM

    @cached_property
    def _hips(self) -> tuple[Float64[Array, "n"], Float64[Array, "n 2"]]:
        """Points around the hips: heights at rest and places on the picture."""
        middle = self.paint.fields[self.paint.faces].mean(axis=1).astype(np.float64)
        z, arm = middle[:, FIELDS.index("z")], middle[:, FIELDS.index("arm")]
        rows = np.flatnonzero(
            (self.paint.category == 0) & (arm < 0.0) & (z > LOWEST_HEM - 0.05) & (z < HIGHEST_HEM + 0.05)
        )
        weights = np.random.default_rng(2).dirichlet((2.0, 2.0, 2.0), (len(rows), 6)).reshape(-1, 3)
        rows = np.repeat(rows, 6)
        heights = np.einsum("nk,nk->n", weights, self.paint.fields[self.paint.faces[rows]][..., 2].astype(np.float64))
        return heights, np.einsum("nk,nkc->nc", weights, self.layout.corners[rows].astype(np.float64))


def sexes_of(path: Path) -> tuple[int, ...]:
    """Of whom a picture is, told by its name, or else by the nearest folder that says: 0 male, 1 female."""
    for name in (path.stem, *reversed(path.parts[:-1])):
        found = {match.group(1) is not None for match in _SEX.finditer(name.lower())}
        if len(found) == 1:
            return (1,) if found.pop() else (0,)
    return (0, 1)


def measure_seams(one: UInt8[Array, "n 3"], other: UInt8[Array, "n 3"]) -> float:
    """How different the two sides of seams are: 0 alike, 1 as any two of these places. 0 without seams or contrast."""
    if len(one) < 8:
        return 0.0
    a, b = (cv2.cvtColor(c[None], cv2.COLOR_RGB2LAB)[0].astype(np.float64) for c in (one, other))
    chance = np.linalg.norm(
        a - np.roll(b, len(b) // 2 + 1, axis=0)[np.random.default_rng(1).permutation(len(b))], axis=1
    )
    if np.mean(chance) < 6.0:
        return 0.0
    return float(np.linalg.norm(a - b, axis=1).mean() / chance.mean())


def read_picture(path: Path) -> UInt8[Array, "h h 3"]:
    """A square picture, sRGB. Raises AssetError."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror})") from None
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:
        picture = None
    if picture is None or _is_cut(data):
        raise AssetError(
            f"{path}: expected a texture picture (PNG or JPEG); this is corrupt, cut short or something else"
        )
    height, width = picture.shape[:2]
    if height != width or height < SMALLEST_SIDE:
        raise AssetError(
            f"{path}: {width}×{height} texels; expected a square picture of at least {SMALLEST_SIDE}, as SURREAL's and "
            "MakeHuman's are"
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _is_cut(data: UInt8[Array, "n"]) -> bool:
    """Whether a JPEG or PNG lacks its end; OpenCV fills what is missing with grey."""
    content = data.tobytes()
    if content.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in content[-512:]
    return content.startswith(b"\x89PNG") and b"IEND" not in content[-512:]


def _look_up(picture: UInt8[Array, "h h 3"], at: Float64[Array, "n 2"]) -> UInt8[Array, "n 3"]:
    side = len(picture)
    x, y = np.clip((at * side).astype(np.int64), 0, side - 1).T
    return picture[y, x]


@lru_cache(maxsize=8)
def _make_canvas(surface: Surface, side: int) -> Canvas:
    covered = cover_texels(surface.layout, side, side)
    rows, columns = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    return Canvas(side, covered, (rows * side + columns).ravel().astype(np.int32))


def choose_side(side: int, largest: int) -> int:
    """Texels that a picture of `side` is brought to."""
    allowed = [s for s in SIDES if s <= max(largest, SIDES[0])]
    return next((s for s in allowed if s >= side), allowed[-1])


def prepare(surface: Surface, texture: Texture, largest: int) -> Prepared:
    """Read a picture again, for the kernel: brought to its side, filled beyond its islands, skin told from cloth,
    reduced by halves."""
    picture = read_picture(texture.path)
    side = choose_side(len(picture), largest)
    if len(picture) != side:
        way = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (side, side), interpolation=way)
    picture = picture.reshape(-1, 3)[surface.canvas(side).nearest].reshape(side, side, 3)
    skin = cv2.GaussianBlur(
        skin_share(picture.reshape(-1, 3), texture.tones[-1]).reshape(side, side), (0, 0), side / 512
    )
    level = np.dstack([_LINEAR[picture], 1.0 - skin]).astype(np.float32)
    levels = []
    while True:
        packed = np.dstack([np.sqrt(level[..., :3]), level[..., 3:]])
        levels.append(np.rint(255.0 * np.clip(packed, 0.0, 1.0)).astype(np.uint8).reshape(-1, 4).view("<u4").ravel())
        if len(level) <= COARSEST:
            break
        level = cv2.resize(level, (len(level) // 2,) * 2, interpolation=cv2.INTER_AREA)
    return Prepared(side, len(levels), np.concatenate(levels).astype(np.uint32))


def _linear_table() -> Float32[Array, "256"]:
    value = np.arange(256) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()
