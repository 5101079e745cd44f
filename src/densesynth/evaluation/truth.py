"""What predictions are judged against: a COCO DensePose annotation file, DensePose's own or one of ours.

Read leniently where the official files are uneven (people without dense labels, missing masks), and strictly where a
wrong number would come out silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.data.coco import PERSON
from densesynth.data.dataset import ANNOTATIONS, MANIFEST, Dataset, open_dataset
from densesynth.errors import DatasetError

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Annotated points. x, y: in [0, 256), the box stretched to 256×256. part: as written (1..24). u, v: in [0, 1]."""

    x: Float64[Array, "k"]
    y: Float64[Array, "k"]
    part: Float64[Array, "k"]
    u: Float64[Array, "k"]
    v: Float64[Array, "k"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TruePerson:
    """One annotation. points: None for people without dense labels. masks: `dp_masks` as written (RLEs, [] for absent
    parts, or one RLE), None without. segmentation: COCO's, as written. entry: the whole JSON object."""

    id: int
    image_id: int
    bbox: Box
    area: float
    crowd: bool
    points: Points | None
    masks: Any
    segmentation: Any
    entry: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrueImage:
    """ignore: PoseTrack's regions, polygons of x, y by turns."""

    id: int
    width: int
    height: int
    file_name: str
    ignore: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Annotated people by image, in the file's order; images by rising id, as the field's evaluators go through them.

    annotations: all people in the file's order. content: the decoded JSON.
    """

    source: str
    images: Mapping[int, TrueImage]
    people: Mapping[int, tuple[TruePerson, ...]]
    annotations: tuple[TruePerson, ...]
    content: Mapping[str, Any]

    @property
    def sizes(self) -> dict[int, tuple[int, int]]:
        return {image.id: (image.width, image.height) for image in self.images.values()}

    @property
    def ids_by_name(self) -> dict[str, int]:
        """File name without folders → image id. Raises DatasetError when two pictures share a name."""
        names = [image.file_name.rpartition("/")[2] for image in self.images.values()]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DatasetError(
                f"{self.source}: two pictures are called {twice[0]}; results by file name need distinct ones"
            )
        return dict(zip(names, self.images, strict=True))


def open_truth(path: Path) -> tuple[Truth, Dataset | None]:
    """Annotations of a dataset folder of ours, or of a COCO DensePose JSON. Raises DatasetError."""
    if path.is_dir():
        if not (path / MANIFEST).exists():
            raise DatasetError(f"{path}: no dataset of densesynth; give its folder, or a COCO DensePose .json")
        return read_truth(path / ANNOTATIONS), open_dataset(path)
    return read_truth(path), None


def read_truth(path: Path) -> Truth:
    """Read annotations. Raises DatasetError, one line, for a damaged file or an annotation that contradicts itself."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such annotation file") from None
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error.strerror or error})") from None
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path}: not valid JSON, or cut off ({error})") from None
    return truth_of(content, str(path))


def truth_of(content: Any, source: str) -> Truth:
    """`read_truth` of decoded JSON."""
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise DatasetError(f"{source}: no COCO annotations: expected `images`, `annotations`, `categories`")
    images = {image.id: image for image in sorted(map(_image, content["images"]), key=lambda image: image.id)}
    people: dict[int, list[TruePerson]] = {image_id: [] for image_id in images}
    annotations = []
    for number, entry in enumerate(content.get("annotations", [])):
        if entry.get("category_id", PERSON) != PERSON:
            continue
        person = _person(entry, f"{source}: annotation {entry.get('id', f'number {number}')}")
        if person.image_id not in people:
            raise DatasetError(f"{source}: annotation {person.id} is of image {person.image_id}, which isn't listed")
        people[person.image_id].append(person)
        annotations.append(person)
    return Truth(
        source=source,
        images=images,
        people={image_id: tuple(found) for image_id, found in people.items()},
        annotations=tuple(annotations),
        content=content,
    )


def _image(entry: Mapping[str, Any]) -> TrueImage:
    regions = zip(entry.get("ignore_regions_x", ()), entry.get("ignore_regions_y", ()), strict=False)
    return TrueImage(
        id=int(entry["id"]),
        width=int(entry["width"]),
        height=int(entry["height"]),
        file_name=str(entry.get("file_name", "")),
        ignore=tuple(tuple(value for xy in zip(xs, ys, strict=False) for value in xy) for xs, ys in regions),
    )


def _person(entry: Mapping[str, Any], where: str) -> TruePerson:
    try:
        x, y, w, h = (float(value) for value in entry["bbox"])
        return TruePerson(
            id=int(entry["id"]),
            image_id=int(entry["image_id"]),
            bbox=(x, y, w, h),
            area=float(entry["area"]),
            crowd=bool(entry.get("iscrowd", 0)),
            points=_points(entry, where),
            masks=entry.get("dp_masks"),
            segmentation=entry.get("segmentation"),
            entry=entry,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{where}: no COCO annotation ({type(error).__name__}: {error})") from None


def _points(entry: Mapping[str, Any], where: str) -> Points | None:
    if "dp_x" not in entry:
        return None
    missing = [key for key in ("dp_y", "dp_I", "dp_U", "dp_V") if key not in entry]
    if missing:
        raise DatasetError(
            f"{where}: has dp_x but no {', '.join(missing)}; people without dense labels have none of them"
        )
    x, y, part, u, v = (np.array(entry[key], dtype=np.float64) for key in ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V"))
    if not len(x) == len(y) == len(part) == len(u) == len(v):
        raise DatasetError(f"{where}: {len(x)} dp_x, {len(y)} dp_y, {len(part)} dp_I, {len(u)} dp_U, {len(v)} dp_V")
    if not all(np.isfinite(values).all() for values in (x, y, part, u, v)):
        raise DatasetError(f"{where}: a dp value is no finite number")
    return Points(x=x, y=y, part=part, u=u, v=v)
