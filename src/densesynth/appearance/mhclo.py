"""Reading MakeHuman garments and hair: `.mhclo`, the `.obj` beside it, and its `.mhmat` material where there is one.

An `.mhclo` says, for each vertex of the `.obj`, three vertices of MakeHuman's base mesh (helpers included), their
weights, and an offset in the base mesh's axes (x left, y up, z forwards) that scales with the body; and which vertices
of the base mesh it hides (MakeHuman's documentation, "MHCLO file format"). Texts only; nothing in them is executed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8
from densesynth.errors import AssetError

BASE_MESH = "hm08"
MOST_VERTICES = 200_000
_PARTS = {"verts", "delete_verts", "weights"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """How far apart two base vertices lie along one axis when offsets hold as they are (base mesh's units)."""

    first: int
    second: int
    length: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """colour: sRGB 0..1, None when the file says nothing. texture: sRGB (and alpha) of the diffuse picture."""

    colour: tuple[float, float, float] | None = None
    texture: UInt8[Array, "h w c"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Garment:
    """One garment, hairstyle or hat as its files say.

    base: three base vertices of each vertex, weights: theirs; offset: base mesh's axes and units, to be scaled by
    `scales` (x, y, z). faces: triangles; uv: texture coordinates of their corners, 0 without. hidden: base vertices
    that it hides. tags: lower case. files: path and SHA-256 of everything read.
    """

    name: str
    base: Int32[Array, "n 3"]
    weights: Float64[Array, "n 3"]
    offset: Float64[Array, "n 3"]
    scales: tuple[Scale | None, Scale | None, Scale | None]
    faces: Int32[Array, "f 3"]
    uv: Float32[Array, "f 3 2"]
    hidden: Bool[Array, "w"]
    tags: frozenset[str]
    material: Material
    files: tuple[tuple[Path, str], ...]


def read_mhclo(path: Path, known: Bool[Array, "w"]) -> Garment:
    """One `.mhclo` with its files. known: base vertices that can be placed. Raises AssetError, one line."""
    words: dict[str, str] = {}
    scales: dict[str, Scale] = {}
    tags: set[str] = set()
    rows: list[list[float]] = []
    hidden = np.zeros(len(known), bool)
    part = ""
    text, digest = _read_text(path)
    for number, line in _lines(text):
        first, *rest = line.split()
        try:
            if first in _PARTS:
                part = first
            elif first in ("x_scale", "y_scale", "z_scale"):
                scales[first[0]] = Scale(first=int(rest[0]), second=int(rest[1]), length=float(rest[2]))
            elif first == "tag":
                tags.add(" ".join(rest).lower())
            elif not _is_number(first):
                words[first] = " ".join(rest)
            elif part == "verts":
                rows.append(_read_row([first, *rest]))
            elif part == "delete_verts":
                _mark(hidden, [first, *rest])
        except (ValueError, IndexError):
            raise AssetError(f"{path}: line {number} can't be read as MHCLO: {line[:60]!r}") from None
    found = words.get("basemesh", "no base mesh named")
    if found.lower() != BASE_MESH:
        raise AssetError(
            f"{path}: expected a garment for base mesh {BASE_MESH}, found {found}; export it for {BASE_MESH}"
        )
    if not rows:
        raise AssetError(f"{path}: expected MHCLO with a line for each vertex under `verts`, found none")
    table = np.array(rows)
    base = table[:, :3].astype(np.int32)
    named = list(scales.values())
    used = np.concatenate([base.ravel(), np.array([[s.first, s.second] for s in named], np.int32).ravel()])
    if used.min() < 0 or used.max() >= len(known):
        worst = int(used.max() if used.max() >= len(known) else used.min())
        raise AssetError(f"{path}: vertex {worst} of the base mesh; {BASE_MESH} has 0 to {len(known) - 1}")
    if not known[used].all():
        raise AssetError(
            f"{path}: hangs on vertex {int(used[~known[used]][0])} of the base mesh, which stands for a joint"
        )
    if any(scale.length <= 0.0 for scale in named):
        raise AssetError(f"{path}: a scale's length isn't positive; export it again")
    shape = path.parent / words.get("obj_file", f"{path.stem}.obj")
    faces, uv, vertices, shape_digest = _read_obj(shape, path)
    if vertices != len(rows):
        raise AssetError(
            f"{path}: places {len(rows)} vertices, {shape.name} has {vertices}; they don't belong together"
        )
    material, files = _read_material(path, words.get("material"))
    return Garment(
        name=words.get("name", path.stem),
        base=base,
        weights=table[:, 3:6],
        offset=table[:, 6:9],
        scales=(scales.get("x"), scales.get("y"), scales.get("z")),
        faces=faces,
        uv=uv,
        hidden=hidden,
        tags=frozenset(tags),
        material=material,
        files=((path, digest), (shape, shape_digest), *files),
    )


def place_garment(garment: Garment, base: Float64[Array, "w 3"]) -> Float64[Array, "n 3"]:
    """The garment on a body's base mesh at rest (metres; z up, forwards −y)."""
    unit = np.empty(3)
    for axis, (scale, column) in enumerate(zip(garment.scales, (0, 2, 1), strict=True)):
        # Without a scale offsets are decimetres, as the base mesh is.
        unit[axis] = 0.1
        if scale is not None:
            unit[axis] = abs(base[scale.first, column] - base[scale.second, column]) / scale.length
    x, y, z = (garment.offset * unit).T
    return np.einsum("nk,nkc->nc", garment.weights, base[garment.base]) + np.stack([x, -z, y], axis=1)


def _read_row(words: Sequence[str]) -> list[float]:
    """v0 v1 v2 w0 w1 w2 dx dy dz, or the one vertex that it coincides with."""
    if len(words) == 1:
        return [float(int(words[0]))] * 3 + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    values = [float(int(word)) for word in words[:3]] + [float(word) for word in words[3:9]]
    if len(values) != 9 or not np.isfinite(values).all():
        raise ValueError
    return values


def _mark(hidden: Bool[Array, "w"], words: Sequence[str]) -> None:
    """`3 7 - 9`: vertices 3, 7, 8 and 9."""
    position = 0
    while position < len(words):
        first = last = int(words[position])
        if position + 2 < len(words) and words[position + 1] == "-":
            last = int(words[position + 2])
            position += 2
        if not 0 <= first <= last:
            raise ValueError
        hidden[first : last + 1] = True
        position += 1


def _read_obj(path: Path, asked: Path) -> tuple[Int32[Array, "f 3"], Float32[Array, "f 3 2"], int, str]:
    """Triangles, their texture coordinates, the number of vertices, the file's SHA-256."""
    if not path.is_file():
        raise AssetError(f"{asked}: its mesh {path.name} isn't there; put it beside the .mhclo")
    text, digest = _read_text(path)
    count, texture, corners, mapped = 0, [(0.0, 0.0)], [], []
    for number, line in _lines(text):
        first, *rest = line.split()
        try:
            if first == "v":
                count += 1
            elif first == "vt":
                texture.append((float(rest[0]), float(rest[1])))
            elif first == "f":
                polygon = [[int(word) if word else 0 for word in corner.split("/")] for corner in rest]
                for k in range(1, len(polygon) - 1):
                    triangle = (polygon[0], polygon[k], polygon[k + 1])
                    corners.append([corner[0] - 1 for corner in triangle])
                    mapped.append([corner[1] if len(corner) > 1 else 0 for corner in triangle])
        except (ValueError, IndexError):
            raise AssetError(f"{path}: line {number} can't be read as OBJ: {line[:60]!r}") from None
    faces, at = np.array(corners, np.int32).reshape(-1, 3), np.array(mapped, np.int32).reshape(-1, 3)
    if not len(faces) or count > MOST_VERTICES:
        raise AssetError(
            f"{path}: expected a mesh of at most {MOST_VERTICES} vertices, found {count}, {len(faces)} faces"
        )
    if faces.min() < 0 or faces.max() >= count or at.min() < 0 or at.max() >= len(texture):
        raise AssetError(f"{path}: a face names a vertex or texture coordinate that the file doesn't have")
    return faces, np.array(texture, np.float32)[at], count, digest


def _read_material(path: Path, named: str | None) -> tuple[Material, tuple[tuple[Path, str], ...]]:
    """The material, where its file is there: colours are the wardrobe's to draw otherwise."""
    file = None if named is None else path.parent / named
    if file is None or not file.is_file():
        return Material(), ()
    text, digest = _read_text(file)
    words = {line.split()[0]: line.split()[1:] for _, line in _lines(text)}
    colour = None
    try:
        if "diffuseColor" in words:
            red, green, blue = (min(max(float(word), 0.0), 1.0) for word in words["diffuseColor"][:3])
            colour = (red, green, blue)
    except ValueError:
        raise AssetError(f"{file}: `diffuseColor` isn't three numbers") from None
    if not words.get("diffuseTexture"):
        return Material(colour=colour), ((file, digest),)
    picture = file.parent / " ".join(words["diffuseTexture"])
    if not picture.is_file():
        raise AssetError(f"{file}: its texture {picture.name} isn't there; put it beside the material")
    data = picture.read_bytes()
    texture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if texture is None or texture.dtype != np.uint8:
        raise AssetError(f"{picture}: expected an 8-bit picture; this is corrupt, cut short or something else")
    if texture.ndim == 2:
        texture = cv2.cvtColor(texture, cv2.COLOR_GRAY2BGR)
    code = cv2.COLOR_BGRA2RGBA if texture.shape[2] == 4 else cv2.COLOR_BGR2RGB
    texture = np.ascontiguousarray(cv2.cvtColor(texture, code))
    return Material(colour=colour, texture=texture), ((file, digest), (picture, hashlib.sha256(data).hexdigest()))


def _read_text(path: Path) -> tuple[str, str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror})") from None
    if b"\0" in data[:4096]:
        raise AssetError(f"{path}: expected a text file of MakeHuman's, found a binary one")
    return data.decode("utf-8", "replace"), hashlib.sha256(data).hexdigest()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", "//")):
            yield number, stripped


def _is_number(word: str) -> bool:
    return word.lstrip("-").isdigit()
