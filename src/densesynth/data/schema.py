"""The JSON files as types.

Reading through them is the schema check: unknown or missing keys, wrong types and values out of range are errors that
name the place. `json_schema()` gives the same as a standard JSON Schema.

The layout is COCO's with DensePose's fields (docs/formats.md); coordinates are pixels, lengths metres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from densesynth.data.files import read_bytes
from densesynth.errors import DatasetError

FORMAT = 1  # raised when a reader of the old format would be wrong about a new file
POINTS_AT_MOST = 196

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
BoxUnits = Annotated[float, Meta(ge=0.0, lt=256.0)]
Vector = Annotated[list[float], Meta(min_length=3, max_length=3)]
Nothing = Annotated[list[int], Meta(max_length=0)]
Name = Annotated[str, Meta(pattern=r"^[0-9]{6,}\.jpg$")]
Part = Literal["head", "upper", "hands", "lower", "feet"]
T = TypeVar("T")


class Rle(Struct, frozen=True, forbid_unknown_fields=True):
    """COCO's compressed run-length mask. size: height, width."""

    size: Annotated[list[Positive], Meta(min_length=2, max_length=2)]
    counts: str


class Extras(Struct, frozen=True, forbid_unknown_fields=True):
    """What COCO has no place for. instance: id in the segmentation PNG. occluded, truncated: shares, see Person."""

    instance: Annotated[int, Meta(ge=1, le=255)]
    occluded: Share
    truncated: Share
    keypoints_in_camera: Annotated[list[Vector], Meta(min_length=17, max_length=17)]


class Annotation(Struct, frozen=True, forbid_unknown_fields=True):
    """One person. keypoints: 17 × (x, y, v). dp_x, dp_y: in the box stretched to 256×256. dp_I: fine part."""

    id: Positive
    image_id: Count
    category_id: Annotated[int, Meta(ge=1, le=1)]
    bbox: Annotated[list[float], Meta(min_length=4, max_length=4)]
    area: Positive
    iscrowd: Annotated[int, Meta(ge=0, le=0)]
    segmentation: Rle
    keypoints: Annotated[list[int | float], Meta(min_length=51, max_length=51)]
    num_keypoints: Annotated[int, Meta(ge=0, le=17)]
    dp_masks: Annotated[list[Rle | Nothing], Meta(min_length=14, max_length=14)]
    dp_I: Annotated[list[Annotated[float, Meta(ge=1.0, le=24.0)]], Meta(max_length=POINTS_AT_MOST)]  # noqa: N815
    dp_U: Annotated[list[Share], Meta(max_length=POINTS_AT_MOST)]  # noqa: N815
    dp_V: Annotated[list[Share], Meta(max_length=POINTS_AT_MOST)]  # noqa: N815
    dp_x: Annotated[list[BoxUnits], Meta(max_length=POINTS_AT_MOST)]
    dp_y: Annotated[list[BoxUnits], Meta(max_length=POINTS_AT_MOST)]
    dp_vertex: Annotated[list[Count], Meta(max_length=POINTS_AT_MOST)]
    ref_model: str
    densesynth: Extras


class Image(Struct, frozen=True, forbid_unknown_fields=True):
    """One picture; `file_name` is relative to images/."""

    id: Count
    file_name: Name
    width: Positive
    height: Positive


class Harmonisation(Struct, frozen=True, forbid_unknown_fields=True):
    """What harmonising did to a picture: mean displacement of silhouettes and of texture, pixels; rejected: too far,
    so the picture stayed as it was."""

    silhouette_px: Annotated[float, Meta(ge=0.0)]
    texture_px: Annotated[float, Meta(ge=0.0)]
    rejected: bool


class Wears(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one person wears of the user's files. instance: id in the segmentation PNG. pictures: by the part of the
    body that wears them, paths within `appearance.textures`; garments: paths within `people.garments`."""

    instance: Annotated[int, Meta(ge=1, le=255)]
    pictures: dict[Part, str] = {}
    garments: list[str] = []


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One frame's share of annotations.json. harmonise: absent where nothing was harmonised. wears: those who wear
    something of the user's files; absent where nobody does."""

    seed: Count
    image: Image
    annotations: list[Annotation]
    harmonise: Harmonisation | None = None
    wears: list[Wears] = []


class Category(Struct, frozen=True, forbid_unknown_fields=True):
    id: int
    name: str
    supercategory: str
    keypoints: list[str]
    skeleton: list[Annotated[list[int], Meta(min_length=2, max_length=2)]]


class Licence(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that went into the pictures, and under which terms."""

    name: str
    licence: str
    source: str = ""


class CocoLicence(Struct, frozen=True, forbid_unknown_fields=True):
    """COCO's spelling of a licence."""

    id: int
    name: str
    url: str


class Info(Struct, frozen=True, forbid_unknown_fields=True):
    description: str
    version: str


class Annotations(Struct, frozen=True, forbid_unknown_fields=True):
    """annotations.json."""

    info: Info
    licenses: list[CocoLicence]
    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]


class Counts(Struct, frozen=True, forbid_unknown_fields=True):
    """What the dataset holds. people: annotations. pixels: labelled pixels."""

    frames: Count
    people: Count
    pixels: Count


class AuditSummary(Struct, frozen=True, forbid_unknown_fields=True):
    """What the last audit found; errors in pixels, None without any."""

    ok: bool
    breaches: Count
    counts: Counts
    max_error_px: float | None
    p999_error_px: float | None


class BodyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the user's that the bodies are made from. role: which model of the family, or what else it is."""

    role: str
    name: str
    path: str
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """manifest.json: what the dataset is made from, and what is in it.

    configuration: the resolved recipe as plain values. frames: how many were asked for. version: densesynth's own.
    versions: other packages'. body_files: what bodies of SMPL's family are made from. counts: None until the run is
    finished. audit: None until it is audited.
    """

    format: int = FORMAT
    version: str
    configuration: dict[str, Any]
    seed: Count
    frames: Count
    body: str
    versions: dict[str, str] = {}
    licences: list[Licence] = []
    body_files: list[BodyFile] = []
    counts: Counts | None = None
    audit: AuditSummary | None = None


def encode_json(value: Struct) -> bytes:
    """Compact JSON, keys in the types' order; mappings sorted, so that equal values give equal bytes."""
    return msgspec.json.encode(value, order="deterministic")


def encode_readable_json(value: Struct) -> bytes:
    """The same, indented, with a newline at the end: for files people open."""
    return msgspec.json.format(encode_json(value), indent=2) + b"\n"


def read_json(path: Path, kind: type[T]) -> T:
    """A JSON file as that type. Raises DatasetError that says where the file breaks the schema."""
    content = read_bytes(path)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise DatasetError(f"{path}: breaks the format of {kind.__name__}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not valid JSON ({error}); the file is damaged") from None


def json_schema(kind: type[Struct]) -> dict[str, Any]:
    """A standard JSON Schema (2020-12) of one of the files, for other programs."""
    return msgspec.json.schema(kind)
