"""Opening, resuming, finishing and reading a dataset; the same bytes every time."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
from doll import DollBody, make_frame

from densesynth.appearance.textures import PARTS
from densesynth.data import files
from densesynth.data.dataset import (
    complete_frames,
    finish,
    lock_output,
    open_dataset,
    open_output,
    read_manifest,
)
from densesynth.data.record import FOLDERS, FrameRecord, encode_record, file_of, read_record, write_record
from densesynth.data.schema import AuditSummary, Counts, Manifest, Part, Wears
from densesynth.errors import DatasetError
from densesynth.surface.atlas import Atlas


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def with_configuration(manifest: Manifest, **changes: object) -> Manifest:
    return msgspec.structs.replace(manifest, configuration={**manifest.configuration, **changes})


def test_reader_gives_what_the_writer_got(dataset: Path, frames: tuple[FrameRecord, ...]) -> None:
    for written in frames:
        read = read_record(dataset, written.index)
        assert (read.index, read.seed, read.annotations) == (written.index, written.seed, written.annotations)
        assert np.array_equal(read.iuv, written.iuv)
        assert np.array_equal(read.segmentation, written.segmentation)
        assert read.picture.shape == written.picture.shape
        assert read.surface.keys() == written.surface.keys()
        for name, array in written.surface.items():
            assert read.surface[name].dtype == array.dtype
            assert read.surface[name].tobytes() == array.tobytes()


def test_what_people_wear_of_the_users_files_comes_back(dataset: Path, frames: tuple[FrameRecord, ...]) -> None:
    plain = encode_record(frames[1], 95)
    assert b"wears" not in plain["records"]  # frames without have the bytes they had
    wears = (
        Wears(instance=1, garments=["coats/long.mhclo", "hat.mhclo"]),
        Wears(instance=2, pictures=dict.fromkeys(get_args(Part), "female/0001.jpg")),
    )
    dressed = dataclasses.replace(frames[1], wears=wears)
    write_record(dataset, dressed, 95)
    assert open_dataset(dataset).frame(1).wears == wears
    assert open_dataset(dataset).frame(0).wears == ()
    changed = {kind for kind, content in encode_record(dressed, 95).items() if content != plain[kind]}
    assert changed == {"records"}
    assert get_args(Part) == PARTS


def test_layout_is_the_documented_one(dataset: Path) -> None:
    frame = {"images/000000.jpg", "iuv/000000.png", "segmentation/000000.png", "surface/000000.npz.zst",
             "records/000000.json"}  # fmt: skip
    names = set(everything_in(dataset))
    assert frame <= names
    assert names == {"manifest.json", "annotations.json"} | {
        name.replace("000000", f"{k:06d}") for name in frame for k in range(3)
    }
    surface = read_record(dataset, 0).surface
    assert surface["face"].dtype == np.uint16
    assert surface["coverage"].dtype == np.uint8
    assert surface["barycentrics"].dtype == surface["depth"].dtype == np.float32
    assert surface["normal"].dtype == np.int8
    assert surface["camera_from_world"].dtype == surface["distortion"].dtype == np.float64


def test_same_bytes_twice_in_any_order_and_later(
    tmp_path: Path, frames: tuple[FrameRecord, ...], manifest: Manifest, body: DollBody, atlas: Atlas
) -> None:
    for name, order in (("a", frames), ("b", frames[::-1])):
        open_output(tmp_path / name, manifest)
        for frame in order:
            write_record(tmp_path / name, frame, 95)
        finish(tmp_path / name)
    assert everything_in(tmp_path / "a") == everything_in(tmp_path / "b")
    time.sleep(1.1)  # archives must not carry the clock
    again = make_frame(body, atlas, 1, seed=7)
    assert encode_record(again, 95) == encode_record(frames[1], 95)


def test_a_killed_run_goes_on_and_ends_the_same(
    dataset: Path, tmp_path: Path, frames: tuple[FrameRecord, ...], manifest: Manifest
) -> None:
    folder = tmp_path / "killed"
    assert open_output(folder, manifest) == frozenset()
    write_record(folder, frames[1], 95)
    # Killed in the middle of frame 2: some files, one of them half-written, no record.
    for kind, content in list(encode_record(frames[2], 95).items())[:2]:
        file_of(folder, kind, 2).write_bytes(content)
    leftover = folder / "segmentation" / ".000002.png.123.456.tmp"
    leftover.write_bytes(b"half")
    (folder / ".manifest.json.1.2.tmp").write_bytes(b"half")
    assert open_output(folder, manifest) == {1}
    assert not leftover.exists()
    with pytest.raises(DatasetError, match="2 of 3 frames are missing, the first is 000000"):
        finish(folder)
    for frame in (frames[0], frames[2]):
        write_record(folder, frame, 95)
    finish(folder)
    assert everything_in(folder) == everything_in(dataset)
    assert open_output(folder, manifest) == {0, 1, 2}
    finish(folder)
    assert everything_in(folder) == everything_in(dataset)


@pytest.mark.parametrize("kind", list(FOLDERS))
def test_a_frame_with_a_missing_or_empty_file_is_made_again(dataset: Path, manifest: Manifest, kind: str) -> None:
    file_of(dataset, kind, 1).write_bytes(b"")
    assert open_output(dataset, manifest) == {0, 2}
    file_of(dataset, kind, 1).unlink()
    assert open_output(dataset, manifest) == {0, 2}


def test_a_run_may_grow_but_not_shrink(dataset: Path, manifest: Manifest) -> None:
    before = everything_in(dataset)
    with pytest.raises(DatasetError, match=r"already holds 3 frames .* at least --frames 3"):
        open_output(dataset, msgspec.structs.replace(manifest, frames=2))
    assert everything_in(dataset) == before
    assert open_output(dataset, msgspec.structs.replace(manifest, frames=5)) == {0, 1, 2}
    assert read_manifest(dataset).frames == 5
    assert read_manifest(dataset).counts is None


def test_an_audit_stays_until_the_dataset_changes(dataset: Path, manifest: Manifest) -> None:
    counts = Counts(frames=3, people=6, pixels=1)
    summary = AuditSummary(ok=True, breaches=0, counts=counts, max_error_px=0.001, p999_error_px=0.001)
    audited = msgspec.structs.replace(read_manifest(dataset), audit=summary)
    (dataset / "manifest.json").write_bytes(msgspec.json.encode(audited))
    open_output(dataset, manifest)
    assert finish(dataset).audit == summary
    file_of(dataset, "iuv", 0).unlink()
    open_output(dataset, manifest)
    assert read_manifest(dataset).audit is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: msgspec.structs.replace(m, seed=8), "its seed is 7, this run's is 8"),
        (lambda m: msgspec.structs.replace(m, version="9.9"), "its version is 0.1.0, this run's is 9.9"),
        (lambda m: msgspec.structs.replace(m, body="anny"), "its body is doll"),
        (
            lambda m: with_configuration(m, picture={"width": 256, "height": 128}),
            "`picture.width` is 128, this run's is 256",
        ),
        (lambda m: with_configuration(m, lens="strong"), "`lens` is not set, this run's is strong"),
    ],
)
def test_another_run_is_never_mixed_in(dataset: Path, manifest: Manifest, change: object, expected: str) -> None:
    before = everything_in(dataset)
    with pytest.raises(DatasetError, match="holds another run") as caught:
        open_output(dataset, change(manifest))  # type: ignore[operator]
    assert expected in str(caught.value)
    assert everything_in(dataset) == before


def test_equal_configurations_match_whatever_python_type_they_come_in(dataset: Path, manifest: Manifest) -> None:
    assert len(open_output(dataset, with_configuration(manifest, people={"count": (1, 2)}))) == 3


def test_other_files_and_files_as_folders_are_refused(tmp_path: Path, manifest: Manifest) -> None:
    (tmp_path / "thesis.tex").write_text("important")
    with pytest.raises(DatasetError, match=r"holds other files \(such as thesis\.tex\)"):
        open_output(tmp_path, manifest)
    assert os.listdir(tmp_path) == ["thesis.tex"]
    with pytest.raises(DatasetError, match="this is a file"):
        open_output(tmp_path / "thesis.tex", manifest)
    with pytest.raises(DatasetError, match="in the way"):
        open_output(tmp_path / "thesis.tex" / "deeper", manifest)


def test_an_empty_folder_is_welcome(tmp_path: Path, manifest: Manifest) -> None:
    assert open_output(tmp_path, manifest) == frozenset()


def test_a_full_disk_leaves_whole_frames_only(
    tmp_path: Path, frames: tuple[FrameRecord, ...], manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "full"
    open_output(folder, manifest)
    write_record(folder, frames[0], 95)
    replace, calls = os.replace, []

    def fill_up(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", fill_up)
    with pytest.raises(DatasetError, match=r"000001\.npz\.zst: the disk is full"):
        write_record(folder, frames[1], 95)
    monkeypatch.undo()
    assert complete_frames(folder) == {0}
    assert not [name for name in everything_in(folder) if name.endswith(".tmp")]
    for frame in frames[1:]:
        write_record(folder, frame, 95)
    assert finish(folder).counts is not None


def test_reading_api(dataset: Path, frames: tuple[FrameRecord, ...]) -> None:
    opened = open_dataset(dataset)
    assert len(opened) == 3
    assert [frame.index for frame in opened] == [0, 1, 2]
    assert np.array_equal(opened.frame(2).iuv, frames[2].iuv)
    with pytest.raises(DatasetError, match=r"no frame 3 \(it holds 0\.\.2\)"):
        opened.frame(3)
    file_of(dataset, "iuv", 2).write_bytes(b"\x89PNG")
    with pytest.raises(DatasetError, match=r"iuv/000002\.png: damaged"):
        opened.frame(2)


def test_reading_what_is_no_dataset(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        open_dataset(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="isn't a dataset"):
        open_dataset(tmp_path / "empty")
    manifest = json.loads((dataset / "manifest.json").read_text())
    (dataset / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(DatasetError, match="format 2, and this densesynth reads format 1"):
        open_dataset(dataset)
    (dataset / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="not valid JSON"):
        open_dataset(dataset)


def test_a_surface_file_without_an_array_is_named(dataset: Path) -> None:
    path = file_of(dataset, "surface", 0)
    arrays = files.read_arrays(path)
    del arrays["depth"]
    path.write_bytes(files.encode_arrays(arrays))
    with pytest.raises(DatasetError, match=r"000000\.npz\.zst: without depth"):
        read_record(dataset, 0)


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    with lock_output(folder):
        with pytest.raises(DatasetError, match="another run is writing"), lock_output(folder):
            pass
        with lock_output(tmp_path / "others"):
            pass
    with lock_output(folder):
        assert not list(folder.iterdir())
