"""A dataset folder: opened for writing, continued after a kill, finished, and read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from densesynth.arrays import Array
from densesynth.data.coco import person_category, person_of
from densesynth.data.files import (
    TEMPORARY_SUFFIX,
    explain_write_error,
    make_folder,
    write_bytes,
)
from densesynth.data.record import (
    FOLDERS,
    RECORDS,
    FrameRecord,
    camera_of,
    file_of,
    read_record,
)
from densesynth.data.schema import (
    FORMAT,
    Annotations,
    CocoLicence,
    Counts,
    Info,
    Manifest,
    Record,
    encode_json,
    encode_readable_json,
    read_json,
)
from densesynth.errors import DatasetError
from densesynth.label.person import Person
from densesynth.label.visibility import unpack_visible

MANIFEST, ANNOTATIONS = "manifest.json", "annotations.json"


def open_output(folder: Path, manifest: Manifest) -> frozenset[int]:
    """Make a new dataset folder, or go on with the same run; returns the frames that are complete already.

    The same run is one with equal configuration, seed, body and densesynth version; it may ask for more frames. Raises
    DatasetError when the folder holds another run (saying what differs) or other files; then nothing is touched.
    """
    check_output(folder)
    found = None
    if (folder / MANIFEST).exists():
        found = read_manifest(folder)
        difference = _difference(found, manifest)
        if difference:
            raise DatasetError(f"{folder}: holds another run ({difference}); choose another --out or delete it")
    make_folder(folder)
    for kind in FOLDERS:
        make_folder(folder / kind)
        _remove_temporary(folder / kind)
    _remove_temporary(folder)
    complete = complete_frames(folder)
    held = max((index + 1 for present in _present(folder) for index in present), default=0)
    if held > manifest.frames:
        raise DatasetError(f"{folder}: already holds {held} frames of this run; ask for at least --frames {held}")
    if found is None or found.frames != manifest.frames or len(complete) < manifest.frames:
        write_bytes(folder / MANIFEST, encode_readable_json(manifest))
    return complete


def check_output(folder: Path) -> None:
    """Raises DatasetError when the path can be no dataset's: a file, or a folder that holds other files."""
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder}: a folder is needed for --out, and this is a file")
    if not (folder / MANIFEST).exists():
        others = sorted(entry.name for entry in _scan(folder) if not _is_temporary(entry.name))
        if others:
            raise DatasetError(f"{folder}: holds other files (such as {others[0]}); choose a new --out")


@contextmanager
def lock_output(folder: Path) -> Iterator[None]:
    """Keep a dataset's folder, made where there is none, for one run. Raises DatasetError while another writes there.

    The lock is the kernel's, on the folder itself: it leaves no file, and goes with its process, however that ends.
    File systems and systems without such locks are not guarded.
    """
    make_folder(folder)
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        yield
        return
    try:
        try:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatasetError(
                f"{folder}: another run is writing there; wait until it ends, or choose another --out"
            ) from None
        except (ImportError, OSError):
            pass
        yield
    finally:
        os.close(opened)


def complete_frames(folder: Path) -> frozenset[int]:
    """Frames whose record, and so every file, is there."""
    return frozenset(set.intersection(*_present(folder)))


def _present(folder: Path) -> list[set[int]]:
    """Frame numbers in each of the folders; an empty file (a power cut leaves such) counts as absent."""
    present = []
    for kind, suffix in FOLDERS.items():
        files = [entry for entry in _scan(folder / kind) if entry.name.endswith(suffix) and entry.stat().st_size]
        stems = [entry.name.removesuffix(suffix) for entry in files]
        present.append({int(stem) for stem in stems if stem.isdecimal()})
    return present


def finish(folder: Path) -> Manifest:
    """Assemble annotations.json from the records and complete the manifest. The same frames give the same bytes.

    Raises DatasetError when a frame is missing or a file can't be read or written.
    """
    manifest = read_manifest(folder)
    missing = sorted(set(range(manifest.frames)) - complete_frames(folder))
    if missing:
        raise DatasetError(
            f"{folder}: {len(missing)} of {manifest.frames} frames are missing, the first is {missing[0]:06d}; "
            "run the same command again"
        )
    records = [read_json(file_of(folder, RECORDS, index), Record) for index in range(manifest.frames)]
    annotations = assemble(records, manifest)
    counts = Counts(
        frames=len(records),
        people=len(annotations.annotations),
        pixels=sum(annotation.area for annotation in annotations.annotations),
    )
    finished = msgspec.structs.replace(
        manifest, counts=counts, audit=manifest.audit if manifest.counts == counts else None
    )
    write_bytes(folder / ANNOTATIONS, encode_json(annotations))
    write_bytes(folder / MANIFEST, encode_readable_json(finished))
    return finished


def assemble(records: list[Record], manifest: Manifest) -> Annotations:
    """Records in the order of their frames → the whole dataset's COCO file."""
    return Annotations(
        info=Info(
            description="Synthetic people with dense surface correspondence (densesynth)", version=manifest.version
        ),
        licenses=[
            CocoLicence(id=k, name=f"{item.name}: {item.licence}", url=item.source)
            for k, item in enumerate(manifest.licences, start=1)
        ],
        images=[record.image for record in records],
        annotations=[annotation for record in records for annotation in record.annotations],
        categories=[person_category()],
    )


def read_manifest(folder: Path) -> Manifest:
    """A dataset's manifest. Raises DatasetError when the folder is no dataset of ours."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder; give the folder of a dataset")
    if not (folder / MANIFEST).exists():
        raise DatasetError(f"{folder}: no {MANIFEST} in it, so it isn't a dataset of densesynth")
    manifest = read_json(folder / MANIFEST, Manifest)
    if manifest.format != FORMAT:
        raise DatasetError(
            f"{folder / MANIFEST}: format {manifest.format}, and this densesynth reads format {FORMAT}; "
            f"use densesynth {manifest.version}"
        )
    return manifest


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset on disk, for reading: `for frame in open_dataset(path)`."""

    folder: Path
    manifest: Manifest
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[FrameRecord]:
        return (self.frame(index) for index in self.indices)

    def frame(self, index: int) -> FrameRecord:
        """One frame by its number. Raises DatasetError when it isn't there or a file of it is damaged."""
        if index not in self.indices:
            held = f"{self.indices[0]}..{self.indices[-1]}" if self.indices else "none"
            raise DatasetError(f"{self.folder}: no frame {index} (it holds {held})")
        return read_record(self.folder, index)


def open_dataset(folder: Path) -> Dataset:
    """Open a dataset for reading, also one whose run isn't finished. Raises DatasetError."""
    return Dataset(folder=folder, manifest=read_manifest(folder), indices=tuple(sorted(complete_frames(folder))))


def people_of(frame: FrameRecord, vertex_count: int) -> tuple[Person, ...]:
    """The annotated people of a frame. vertex_count: of the body's mesh (`len(atlas.rest_position)`)."""
    camera = camera_of(frame.surface)
    visible = unpack_visible(frame.surface["visible_vertices"], vertex_count)

    def joints_of(k: int) -> Array:
        in_camera = camera.to_camera(frame.surface["joints_in_world"][k])
        pixels = camera.project_from_camera(in_camera)
        pixels[in_camera[:, 2] <= 0.0] = np.nan
        return pixels.astype(np.float32)

    people = []
    for annotation in frame.annotations:
        k = annotation.densesynth.instance - 1
        people.append(person_of(annotation, frame.segmentation[:, :, 1], joints_of(k), visible[k]))
    return tuple(people)


def _difference(found: Manifest, wanted: Manifest) -> str | None:
    """What makes two runs different ones, for people: the first of the settings that differ."""
    for name in ("version", "seed", "body"):
        there, here = getattr(found, name), getattr(wanted, name)
        if there != here:
            return f"its {name} is {there}, this run's is {here}"
    for there_file, here_file in zip(found.body_files, wanted.body_files, strict=False):
        if (there_file.role, there_file.sha256) != (here_file.role, here_file.sha256):
            return f"its {there_file.role} has sha256 {there_file.sha256[:12]}…, this run's {here_file.sha256[:12]}…"
    there, here = _flatten(found.configuration), _flatten(wanted.configuration)
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            return f"its `{key}` is {_show(there, key)}, this run's is {_show(here, key)}"
    return None


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables → dotted keys, in values that JSON would give back."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = msgspec.json.decode(msgspec.json.encode(value))
    return flat


def _show(flat: Mapping[str, Any], key: str) -> str:
    return str(flat[key]) if key in flat else "not set"


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):  # making the folder explains the latter
        return []
    except OSError as error:
        raise DatasetError(f"{folder}: can't be read ({error.strerror or error})") from None


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)


def _remove_temporary(folder: Path) -> None:
    """Delete what a killed run left half-written."""
    for entry in _scan(folder):
        if _is_temporary(entry.name):
            try:
                os.unlink(entry.path)
            except OSError as error:
                raise DatasetError(explain_write_error(Path(entry.path), error)) from error
