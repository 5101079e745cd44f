"""Frames of a dataset as the viewers need them; a frame that can't be read becomes a value that says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float32, Int32, UInt8
from densesynth.data.coco import SKELETON
from densesynth.data.dataset import Dataset
from densesynth.data.files import read_bytes
from densesynth.data.record import IMAGES, FrameRecord, file_of, read_record
from densesynth.data.schema import Annotation
from densesynth.errors import DatasetError

BONES: tuple[tuple[int, int], ...] = tuple((start - 1, end - 1) for start, end in SKELETON)  # 0-based keypoints


@dataclass(frozen=True, kw_only=True)
class ShownFrame:
    """One frame's pictures and labels.

    jpeg: the picture as stored; picture: the same decoded, sRGB. iuv: (I, U·255, V·255). instance, coarse: maps, 0 =
    nothing. face: −1 where nothing. barycentrics: 0 where nothing. depth: metres, +inf where nothing. normal: unit,
    camera frame, 0 where nothing. annotations: the frame's people.
    """

    index: int
    jpeg: bytes
    picture: UInt8[Array, "h w 3"]
    iuv: UInt8[Array, "h w 3"]
    instance: UInt8[Array, "h w"]
    coarse: UInt8[Array, "h w"]
    face: Int32[Array, "h w"]
    barycentrics: Float32[Array, "h w 3"]
    depth: Float32[Array, "h w"]
    normal: Float32[Array, "h w 3"]
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, kw_only=True)
class BrokenFrame:
    """A frame whose files can't be read, and the reason in one line."""

    index: int
    reason: str


def frames_of(dataset: Dataset) -> tuple[int, ...]:
    """The frames there should be: of a finished run all, whether their files are there or not."""
    if dataset.manifest.counts is not None:
        return tuple(range(dataset.manifest.counts.frames))
    return dataset.indices


def pick_frames(available: Sequence[int], frames: int | Sequence[int]) -> tuple[int, ...]:
    """Which frames to show: that many, spread evenly from first to last, or the ones named. Raises DatasetError."""
    if isinstance(frames, int):
        if frames < 1:
            raise DatasetError(f"expected at least 1 frame to show, found {frames}; give a positive number")
        places = np.linspace(0, len(available) - 1, min(frames, len(available)))
        return tuple(available[round(place)] for place in places)
    known = set(available)
    for index in frames:
        if index not in known:
            held = f"frames {min(known)} to {max(known)}" if known else "no finished frame"
            raise DatasetError(f"frame {index} is not in the dataset, which holds {held}; name one of those")
    return tuple(frames)


def load_frames(folder: Path, indices: Sequence[int]) -> Iterator[ShownFrame | BrokenFrame]:
    """The frames of the dataset in `folder`, one by one, in the order given."""
    for index in indices:
        try:
            yield _shown(read_record(folder, index), read_bytes(file_of(folder, IMAGES, index)))
        except DatasetError as error:
            yield BrokenFrame(index=index, reason=str(error).replace(f"{folder}/", ""))


def _shown(record: FrameRecord, jpeg: bytes) -> ShownFrame:
    """The record with its per-pixel lists laid out as maps. Raises DatasetError where sizes disagree."""
    instance, surface = record.segmentation[..., 0].copy(), record.surface
    body = instance > 0
    labelled = int(np.count_nonzero(body))
    for name, shape in (("picture", record.picture.shape[:2]), ("IUV picture", record.iuv.shape[:2])):
        if shape != instance.shape:
            raise DatasetError(f"frame {record.index:06d}: its {name} is {shape}, its segmentation {instance.shape}")
    for name in ("face", "barycentrics", "depth", "normal"):
        if len(surface[name]) != labelled:
            raise DatasetError(
                f"frame {record.index:06d}: {len(surface[name])} values of {name} for {labelled} labelled pixels; "
                "run `densesynth audit` on the folder"
            )
    face = np.full(instance.shape, -1, dtype=np.int32)
    barycentrics = np.zeros((*instance.shape, 3), dtype=np.float32)
    depth = np.full(instance.shape, np.inf, dtype=np.float32)
    normal = np.zeros((*instance.shape, 3), dtype=np.float32)
    first_two = surface["barycentrics"]
    face[body] = surface["face"]
    barycentrics[body] = np.concatenate([first_two, 1.0 - first_two.sum(axis=1, keepdims=True)], axis=1)
    depth[body] = surface["depth"]
    normal[body] = surface["normal"].astype(np.float32) / 127.0
    return ShownFrame(
        index=record.index,
        jpeg=jpeg,
        picture=record.picture,
        iuv=record.iuv,
        instance=instance,
        coarse=record.segmentation[..., 1].copy(),
        face=face,
        barycentrics=barycentrics,
        depth=depth,
        normal=normal,
        annotations=record.annotations,
    )
