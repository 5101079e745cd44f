"""One frame on disk: everything its files hold, as one value, with its writer and reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, UInt8
from densesynth.body.body import PosedBodies
from densesynth.compose.harmonise.harmoniser import Harmonised
from densesynth.data.coco import annotation_of, image_of
from densesynth.data.files import (
    encode_arrays,
    encode_jpeg,
    encode_png,
    read_arrays,
    read_picture,
    write_bytes,
)
from densesynth.data.schema import Annotation, Harmonisation, Part, Record, Wears, encode_json, read_json
from densesynth.errors import DatasetError
from densesynth.geometry.camera import Camera, Lens
from densesynth.geometry.fisheye import Fisheye
from densesynth.label.charts import ChartLabels
from densesynth.label.person import Person
from densesynth.label.visibility import pack_visible
from densesynth.render.buffers import Buffers
from densesynth.scene.dressing import WornFiles

IMAGES, IUV, SEGMENTATION, SURFACE, RECORDS = "images", "iuv", "segmentation", "surface", "records"
DISTORTION, FISHEYE = "distortion", "fisheye"  # arrays of a frame's lens: one of them is there
FOLDERS: Mapping[str, str] = {
    IMAGES: ".jpg", IUV: ".png", SEGMENTATION: ".png", SURFACE: ".npz.zst", RECORDS: ".json"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FrameRecord:
    """Everything one frame writes.

    picture: sRGB. iuv: I, U·255, V·255. segmentation: instance, coarse part, fine part. surface: the arrays of
    docs/formats.md. annotations: the visible people's. wears: those who wear something of the user's files.
    """

    index: int
    seed: int
    picture: UInt8[Array, "h w 3"]
    iuv: UInt8[Array, "h w 3"]
    segmentation: UInt8[Array, "h w 3"]
    surface: dict[str, Array]
    annotations: tuple[Annotation, ...]
    harmonise: Harmonisation | None = None
    wears: tuple[Wears, ...] = ()


def make_record(
    *,
    index: int,
    seed: int,
    picture: UInt8[Array, "h w 3"],
    labels: ChartLabels,
    buffers: Buffers,
    camera: Camera,
    people: tuple[Person, ...],
    betas: Float32[Array, "p s"],
    rotations: Float32[Array, "p 52 3"],
    transl: Float32[Array, "p 3"],
    expression: Float32[Array, "p e"] | None = None,
    posed: PosedBodies,
    visible_vertices: Bool[Array, "p v"],
    face_count: int,
    keep_geometry: bool = False,
    worn: Mapping[str, Array] | None = None,
    harmonised: Harmonised | None = None,
    files: Sequence[WornFiles] = (),
) -> FrameRecord:
    """Gather a finished frame. people: `annotate`'s answer; the arrays are for all p bodies of the scene.

    expression: of their faces; None where all are neutral.
    worn: `layers.pack_layers`' arrays where people wear meshes. files: `Dresser.name_files`' answer.
    face_count: of the body's mesh, so that every frame of a dataset stores faces in the same type.
    """
    small_face = face_count <= np.iinfo(np.uint16).max + 1
    normal = buffers.normal.reshape(-1, 3).take(labels.pixel, axis=0)
    surface: dict[str, Array] = {
        "instance": buffers.instance,
        "face": labels.face.astype(np.uint16 if small_face else np.int32),
        "barycentrics": np.ascontiguousarray(labels.barycentrics[:, :2]),
        "depth": buffers.depth.reshape(-1)[labels.pixel],
        "normal": np.rint(normal * 127.0).astype(np.int8),
        "coverage": buffers.coverage.astype(_coverage_type(len(posed.vertices))),
        "camera_from_world": camera.camera_from_world,
        "intrinsics": np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        **_lens_arrays(camera.lens),
        "betas": betas,
        "rotations": rotations,
        "transl": transl,
        "keypoints_in_world": posed.keypoints,
        "joints_in_world": posed.joints,
        "visible_vertices": pack_visible(visible_vertices),
    }
    if expression is not None:
        surface["expression"] = expression
    surface |= worn or {}
    if keep_geometry:
        surface["vertices"] = posed.vertices
    return FrameRecord(
        index=index,
        seed=seed,
        picture=picture,
        iuv=labels.iuv,
        segmentation=cv2.merge([buffers.instance, labels.coarse, labels.fine]),
        surface=surface,
        annotations=tuple(annotation_of(person, index) for person in people),
        harmonise=None if harmonised is None else _harmonisation_of(harmonised),
        wears=tuple(_wears_of(one) for one in files),
    )


def _harmonisation_of(harmonised: Harmonised) -> Harmonisation:
    return Harmonisation(
        silhouette_px=round(harmonised.drift.silhouette, 4),
        texture_px=round(harmonised.drift.texture, 4),
        rejected=harmonised.rejected,
    )


def _wears_of(files: WornFiles) -> Wears:
    pictures = cast(dict[Part, str], files.pictures)
    return Wears(instance=files.owner, pictures=pictures, garments=list(files.garments))


def _lens_arrays(lens: Lens | Fisheye) -> dict[str, Array]:
    if isinstance(lens, Fisheye):
        return {FISHEYE: np.array([lens.k1, lens.k2, lens.k3, lens.k4])}
    return {DISTORTION: np.array([lens.k1, lens.k2, lens.p1, lens.p2, lens.k3])}


def _lens_of(surface: Mapping[str, Array]) -> Lens | Fisheye:
    if FISHEYE in surface:
        k1, k2, k3, k4 = (float(value) for value in surface[FISHEYE])
        return Fisheye(k1=k1, k2=k2, k3=k3, k4=k4)
    k1, k2, p1, p2, k3 = (float(value) for value in surface[DISTORTION])
    return Lens(k1=k1, k2=k2, p1=p1, p2=p2, k3=k3)


def _coverage_type(people: int) -> type[np.unsignedinteger]:
    """The smallest type with a bit for everyone."""
    if people <= 8:
        return np.uint8
    return np.uint16 if people <= 16 else np.uint32


def camera_of(surface: Mapping[str, Array]) -> Camera:
    """The camera that a frame was taken with."""
    height, width = surface["instance"].shape
    fx, fy, cx, cy = (float(value) for value in surface["intrinsics"])
    return Camera(
        width=width,
        height=height,
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        camera_from_world=surface["camera_from_world"],
        lens=_lens_of(surface),
    )


def file_of(folder: Path, kind: str, index: int) -> Path:
    """Where a frame's file of that kind (a key of FOLDERS) is."""
    return folder / kind / f"{index:06d}{FOLDERS[kind]}"


def encode_record(record: FrameRecord, jpeg_quality: int) -> dict[str, bytes]:
    """Kind → content of the frame's five files, in the order to write them: the record last."""
    height, width = record.picture.shape[:2]
    share = Record(
        seed=record.seed,
        image=image_of(record.index, width, height),
        annotations=list(record.annotations),
        harmonise=record.harmonise,
        wears=list(record.wears),
    )
    return {
        IMAGES: encode_jpeg(record.picture, jpeg_quality),
        IUV: encode_png(record.iuv),
        SEGMENTATION: encode_png(record.segmentation),
        SURFACE: encode_arrays(record.surface),
        RECORDS: encode_json(share),
    }


def write_record(folder: Path, record: FrameRecord, jpeg_quality: int) -> None:
    """Write a frame into an opened dataset; complete once its last file is there. Raises DatasetError."""
    for kind, content in encode_record(record, jpeg_quality).items():
        write_bytes(file_of(folder, kind, record.index), content)


def read_record(folder: Path, index: int) -> FrameRecord:
    """Read a frame back. Raises DatasetError that names the file when one is missing or damaged."""
    share = read_json(file_of(folder, RECORDS, index), Record)
    surface_file = file_of(folder, SURFACE, index)
    surface = read_arrays(surface_file)
    missing = REQUIRED_ARRAYS - set(surface)
    if not {DISTORTION, FISHEYE} & set(surface):
        missing |= {DISTORTION}
    if missing:
        raise DatasetError(f"{surface_file}: without {', '.join(sorted(missing))}; not a surface file of densesynth")
    return FrameRecord(
        index=index,
        seed=share.seed,
        picture=read_picture(file_of(folder, IMAGES, index)),
        iuv=read_picture(file_of(folder, IUV, index)),
        segmentation=read_picture(file_of(folder, SEGMENTATION, index)),
        surface=surface,
        annotations=tuple(share.annotations),
        harmonise=share.harmonise,
        wears=tuple(share.wears),
    )


REQUIRED_ARRAYS = frozenset(
    {
        "instance", "face", "barycentrics", "depth", "normal", "coverage", "camera_from_world", "intrinsics",
        "betas", "rotations", "transl", "keypoints_in_world", "joints_in_world", "visible_vertices",
    }
)  # fmt: skip
