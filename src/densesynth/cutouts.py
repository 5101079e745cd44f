"""Objects cut out of COCO's pictures along their masks: PNG files with alpha, as `occluders.folder` takes them.

People and crowds are left out, and so is what a picture's edge or something before it cuts into pieces.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from pycocotools import mask as coco_mask

from densesynth.arrays import Array, UInt8
from densesynth.data.files import make_folder, read_bytes, write_bytes
from densesynth.errors import AssetError, ConfigurationError, DatasetError

LICENCES = "licences.json"
OURS = re.compile(r".+_\d{12}\.png")  # names of what is written
LEAST_ALPHA = 0.02  # pixels below it are cropped away
IN_ONE_PIECE = 0.95  # of an object's pixels that its largest piece has
MARGIN = 2.0  # pixels to the picture's edge; nearer the edge cuts the object
SOFTNESS = 0.7  # pixels; masks are drawn by hand, and their steps would show


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int
    license: int | None = None
    flickr_url: str | None = None
    coco_url: str | None = None


class _Annotation(msgspec.Struct):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: Any
    iscrowd: int = 0


class _Category(msgspec.Struct):
    id: int
    name: str


class _Licence(msgspec.Struct):
    id: int
    name: str = ""
    url: str = ""


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]
    licenses: list[_Licence] = []


@dataclass(frozen=True, kw_only=True)
class CutoutSettings:
    """Which objects are cut out. count: how many at most, evenly over categories; the paper has 227. smallest: longer
    side of the box, pixels; largest: share of the picture's area that the box has at most. without: categories."""

    count: int = 227
    smallest: int = 64
    largest: float = 0.6
    without: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1 or self.smallest < 4 or not 0.0 < self.largest <= 1.0:
            raise ConfigurationError("--count from 1, --smallest from 4 pixels, --largest above 0 and up to 1")


@dataclass(frozen=True)
class Cutouts:
    """What was written: the files, how many objects could have been cut out, one line for each picture that couldn't be
    read, and how many files there are under each licence."""

    paths: tuple[Path, ...]
    eligible: int
    left_out: tuple[str, ...]
    licences: Mapping[str, int]


def cut_out(
    annotations: Path,
    pictures: Path,
    out: Path,
    settings: CutoutSettings,
    advance_to: Callable[[int, int], None] | None = None,
) -> Cutouts:
    """Cut objects out of the pictures of a COCO instances file, into `out` with a list of their licences.

    The same files and settings give the same bytes. Raises DensesynthError when nothing can be cut out.
    """
    file = _read(annotations)
    if not pictures.is_dir():
        raise AssetError(f"{pictures}: expected the folder of the annotations' pictures, found nothing")
    earlier = _check_out(out)
    images = {image.id: image for image in file.images}
    names = {category.id: category.name for category in file.categories}
    licences = {licence.id: licence for licence in file.licenses}
    unknown = sorted(set(settings.without) - set(names.values()))
    if unknown:
        raise ConfigurationError(f"--without {unknown[0]}: no category of {annotations.name} is called that")
    eligible = [one for one in file.annotations if _is_eligible(one, images.get(one.image_id), names, settings)]
    if not eligible:
        raise AssetError(
            f"{annotations}: no object of its {len(file.annotations)} can be cut out: not a person, no crowd, inside "
            f"the picture, {settings.smallest} pixels or longer; give COCO's instances file, or a smaller --smallest"
        )
    make_folder(out)
    written: dict[Path, dict[str, str]] = {}
    left_out: dict[str, None] = {}
    for one in _by_turns(eligible, names, np.random.default_rng(settings.seed)):
        if len(written) == settings.count:
            break
        image = images[one.image_id]
        try:
            rgba = cut_one(_read_picture(pictures / image.file_name, image), _decode(one, image, annotations))
        except AssetError as error:
            left_out[str(error)] = None
            continue
        if rgba is None:
            continue
        path = out / f"{names[one.category_id].replace(' ', '-')}_{one.id:012d}.png"
        write_bytes(path, _encode(rgba))
        licence = licences.get(-1 if image.license is None else image.license, _Licence(id=0, name="unknown"))
        written[path] = {
            "picture": image.flickr_url or image.coco_url or image.file_name,
            "licence": licence.name,
            "url": licence.url,
        }
        if advance_to is not None:
            advance_to(len(written), min(settings.count, len(eligible)))
    if not written:
        why = next(iter(left_out), "every object is in several pieces")
        raise AssetError(f"{pictures}: none of {len(eligible)} objects could be cut out ({why})")
    for path in earlier - set(written):
        path.unlink(missing_ok=True)
    table = {path.name: about for path, about in sorted(written.items())}
    write_bytes(out / LICENCES, (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode())
    under: dict[str, int] = defaultdict(int)
    for about in written.values():
        under[about["licence"] or "unknown"] += 1
    return Cutouts(tuple(sorted(written)), len(eligible), tuple(left_out), dict(under))


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(read_bytes(path), type=_File)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise DatasetError(f"{path}: expected COCO's instances JSON ({error})") from None


def _check_out(out: Path) -> set[Path]:
    """Cut-outs of an earlier run in the folder. Raises AssetError when it holds anything else."""
    if not out.exists():
        return set()
    there = set(out.iterdir()) if out.is_dir() else {out}
    ours = {path for path in there if OURS.fullmatch(path.name)}
    if others := there - ours - {out / LICENCES}:
        raise AssetError(f"{out}: holds {min(others).name}, no cut-out; give an empty folder")
    return ours


def _is_eligible(one: _Annotation, image: _Image | None, names: Mapping[int, str], settings: CutoutSettings) -> bool:
    name = names.get(one.category_id)
    if image is None or one.iscrowd or name is None or name == "person" or name in settings.without:
        return False
    x, y, w, h = one.bbox
    inside = min(x, y, image.width - x - w, image.height - y - h) >= MARGIN
    return inside and max(w, h) >= settings.smallest and w * h <= settings.largest * image.width * image.height


def _by_turns(eligible: list[_Annotation], names: Mapping[int, str], rng: np.random.Generator) -> list[_Annotation]:
    """Shuffled within each category, then one of each category after another, so that no category prevails."""
    groups: dict[str, list[_Annotation]] = defaultdict(list)
    for one in sorted(eligible, key=lambda one: one.id):
        groups[names[one.category_id]].append(one)
    piles = [[groups[name][k] for k in rng.permutation(len(groups[name]))] for name in sorted(groups)]
    longest = max(len(pile) for pile in piles)
    return [pile[turn] for turn in range(longest) for pile in piles if turn < len(pile)]


def _read_picture(path: Path, image: _Image) -> UInt8[Array, "h w 3"]:
    """BGR. Raises AssetError."""
    try:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        picture = None
    if picture is None:
        raise AssetError(f"{path}: not there, or not a picture that can be read")
    if picture.shape[:2] != (image.height, image.width):
        found = f"{picture.shape[1]}×{picture.shape[0]}"
        raise AssetError(f"{path}: is {found} pixels, its annotations say {image.width}×{image.height}")
    return np.asarray(picture)


def _decode(one: _Annotation, image: _Image, source: Path) -> UInt8[Array, "h w"]:
    """The mask, 0 and 1, from polygons or run lengths. Raises AssetError."""
    try:
        parts = one.segmentation
        if isinstance(parts, list):
            parts = coco_mask.merge(coco_mask.frPyObjects(parts, image.height, image.width))
        elif isinstance(parts["counts"], list):
            parts = coco_mask.frPyObjects(parts, image.height, image.width)
        return np.asarray(coco_mask.decode(parts))
    except Exception as error:  # pycocotools raises plain ones
        raise AssetError(f"{source}: the mask of annotation {one.id} can't be read ({error})") from None


def cut_one(picture: UInt8[Array, "h w 3"], mask: UInt8[Array, "h w"]) -> UInt8[Array, "ch cw 4"] | None:
    """Colours and alpha of the mask's object, cropped; None where it is in several pieces. The mask is drawn in by a
    pixel and softened, so that no line of the background comes along."""
    if not mask.any():
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    if largest == 0 or stats[largest, cv2.CC_STAT_AREA] < IN_ONE_PIECE * np.count_nonzero(mask):
        return None
    inner = cv2.erode((labels == largest).astype(np.uint8), np.ones((3, 3), np.uint8))
    alpha = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), SOFTNESS)
    rows, columns = np.flatnonzero((alpha > LEAST_ALPHA).any(axis=1)), np.flatnonzero((alpha > LEAST_ALPHA).any(axis=0))
    if not len(rows):
        return None
    crop = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.dstack([picture[crop], np.rint(alpha[crop] * 255.0).astype(np.uint8)])


def _encode(bgra: UInt8[Array, "h w 4"]) -> bytes:
    done, content = cv2.imencode(".png", bgra)
    assert done
    return bytes(content.tobytes())
