"""The audit proves sound datasets and catches every planted error."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from doll import DollBody, make_frame, with_surface

from densesynth.data.audit import AuditReport, _histogram, _percentile, audit, format_report, with_audit
from densesynth.data.consistency import chart_labels_of
from densesynth.data.dataset import finish, read_manifest
from densesynth.data.files import encode_png, read_picture
from densesynth.data.record import FrameRecord, camera_of, file_of, read_record
from densesynth.data.schema import Annotation
from densesynth.errors import DatasetError
from densesynth.geometry.fisheye import Fisheye
from densesynth.surface.atlas import Atlas
from densesynth.surface.parts import FINE_MIRROR, FINE_TO_COARSE

Write = Callable[[Path, tuple[FrameRecord, ...]], Path]


def run(folder: Path, body: DollBody, atlas: Atlas) -> AuditReport:
    return audit(folder, lambda _: body, atlas)


def said(report: AuditReport) -> str:
    """All breaches in one text; fails when there is none."""
    assert not report.ok
    return "\n".join(f"{breach.file}: {breach.what}" for breach in report.breaches)


def edit_record(folder: Path, index: int, change: Callable[[dict], None]) -> None:
    """Change a record's JSON and assemble annotations.json anew, so that only the change itself is wrong."""
    path = file_of(folder, "records", index)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    finish(folder)


def edit_annotation(folder: Path, change: Callable[[dict], None]) -> None:
    edit_record(folder, 1, lambda record: change(record["annotations"][0]))


def test_a_sound_dataset_passes(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    told: list[tuple[int, int]] = []
    report = audit(dataset, lambda _: body, atlas, lambda done, of: told.append((done, of)))
    assert report.ok, said(report)
    assert report.max_error_px is not None
    assert report.p999_error_px is not None
    assert 0.0 < report.max_error_px <= 0.01
    assert report.p999_error_px <= report.max_error_px * 1.01
    assert report.counts == read_manifest(dataset).counts
    assert report.counts.pixels == sum(
        np.count_nonzero(read_picture(file_of(dataset, "segmentation", index))[:, :, 0]) for index in range(3)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert "no breach" in format_report(report)


def test_kept_geometry_passes_and_a_moved_vertex_does_not(
    tmp_path: Path, body: DollBody, atlas: Atlas, write_dataset: Write
) -> None:
    kept = [make_frame(body, atlas, index, keep_geometry=True) for index in range(3)]
    assert "vertices" in kept[0].surface
    assert run(write_dataset(tmp_path / "a", tuple(kept)), body, atlas).ok
    moved = kept[1].surface["vertices"].copy()
    moved[0] += np.float32(0.01)
    kept[1] = with_surface(kept[1], vertices=moved)
    report = said(run(write_dataset(tmp_path / "b", tuple(kept)), body, atlas))
    assert "`vertices` is up to 0.01 m" in report
    assert "reproject" in report


def test_flipped_v(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    path = file_of(dataset, "iuv", 1)
    iuv = read_picture(path)
    iuv[:, :, 2][iuv[:, :, 0] > 0] = 255 - iuv[:, :, 2][iuv[:, :, 0] > 0]
    path.write_bytes(encode_png(iuv))
    report = said(run(dataset, body, atlas))
    assert "iuv: V disagrees" in report
    assert "dp points differ from the IUV picture" in report


def test_flipped_v_everywhere_is_caught_against_the_atlas(
    tmp_path: Path, body: DollBody, atlas: Atlas, write_dataset: Write
) -> None:
    """Pictures and JSON agree with each other, and are wrong together."""
    flipped = dataclasses.replace(atlas, uv=(np.array([0, 1]) + np.array([1, -1]) * atlas.uv).astype(np.float32))
    frames = tuple(make_frame(body, flipped, index) for index in range(3))
    report = said(run(write_dataset(tmp_path / "flipped", frames), body, atlas))
    assert "iuv: V disagrees" in report
    assert "iuv: U disagrees" not in report


def test_mask_shifted_by_one_pixel(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    path = file_of(dataset, "segmentation", 0)
    path.write_bytes(encode_png(np.roll(read_picture(path), 1, axis=1)))
    report = said(run(dataset, body, atlas))
    assert "segmentation: instance disagrees" in report
    assert "segmentation RLE differs" in report or "bbox" in report


def test_everything_shifted_by_one_pixel(tmp_path: Path, body: DollBody, atlas: Atlas, write_dataset: Write) -> None:
    """All files of the frame agree with each other; only the proof through body and lens can tell."""
    frames = [make_frame(body, atlas, index) for index in range(3)]
    frames[2] = with_surface(
        frames[2],
        intrinsics=frames[2].surface["intrinsics"] + (0, 0, 1.0, 0),
    )
    report = run(write_dataset(tmp_path / "shifted", tuple(frames)), body, atlas)
    assert "reproject over 0.01 px off, the worst by 1 px" in said(report)
    assert report.max_error_px == pytest.approx(1.0, abs=1e-3)


def test_fisheye_frames_are_proved_like_any(tmp_path: Path, body: DollBody, atlas: Atlas, write_dataset: Write) -> None:
    frames = tuple(make_frame(body, atlas, index, fisheye=True) for index in range(3))
    report = run(write_dataset(tmp_path / "fisheye", frames), body, atlas)
    assert report.ok, said(report)
    assert report.max_error_px is not None
    assert 0.0 < report.max_error_px < 1e-3
    again = read_record(tmp_path / "fisheye", 0)
    assert "distortion" not in again.surface
    assert camera_of(again.surface).lens == Fisheye(k1=0.05, k2=-0.01, k3=0.002, k4=-1e-4)
    for k in range(4):
        wrong = with_surface(frames[0], fisheye=frames[0].surface["fisheye"] + 1e-2 * np.eye(4)[k])
        report = run(write_dataset(tmp_path / f"wrong{k}", (wrong, *frames[1:])), body, atlas)
        assert "reproject" in said(report)


def test_a_frame_without_a_lens_is_no_frame(
    tmp_path: Path, body: DollBody, atlas: Atlas, frames: tuple[FrameRecord, ...], write_dataset: Write
) -> None:
    surface = {name: array for name, array in frames[0].surface.items() if name != "distortion"}
    folder = write_dataset(tmp_path / "d", (dataclasses.replace(frames[0], surface=surface), *frames[1:]))
    assert "without distortion" in said(run(folder, body, atlas))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("distortion", lambda value: value + np.array([1e-2, 0, 0, 0, 0])),
        ("intrinsics", lambda value: value * (1.001, 1, 1, 1)),
        ("camera_from_world", lambda value: value + np.eye(4, k=3) * 1e-3),
        ("transl", lambda value: value + np.float32(1e-3)),
        ("rotations", lambda value: value + np.float32(1e-2)),
        ("betas", lambda value: value + np.float32(1e-2)),
    ],
)
def test_wrong_camera_or_pose(
    tmp_path: Path,
    body: DollBody,
    atlas: Atlas,
    frames: tuple[FrameRecord, ...],
    write_dataset: Write,
    name: str,
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    wrong = with_surface(frames[0], **{name: change(frames[0].surface[name])})
    assert "reproject" in said(run(write_dataset(tmp_path / "d", (wrong, *frames[1:])), body, atlas))


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("face", lambda value: value[1:], "`face` is"),
        ("face", lambda value: value + np.uint16(1900), "of a mesh with 1920"),
        ("barycentrics", lambda value: value.astype(np.float64), "`barycentrics` is float64"),
        ("barycentrics", lambda value: value - np.float32(0.5), "outside their face"),
        ("depth", lambda value: value * np.float32(np.nan), "`depth` holds values that aren't finite"),
        ("depth", lambda value: value + np.float32(0.001), "depth differs"),
        ("normal", lambda value: value // 2, "unit length"),
        ("betas", lambda value: np.zeros((len(value), 3), np.float32), "`betas` is"),
        ("expression", lambda value: np.zeros((len(value), 3), np.float32), "`expression` is"),
        ("transl", lambda value: value[:1], "`transl`|of 1 people|`betas`"),
        ("coverage", lambda value: value * 0, "coverage"),
        ("joints_in_world", lambda value: value[:, ::-1].copy(), "`joints_in_world` is up to"),
        ("distortion", lambda value: value - np.array([9.0, 0, 0, 0, 0]), "folds the picture"),
    ],
)
def test_broken_surface_arrays(
    tmp_path: Path,
    body: DollBody,
    atlas: Atlas,
    frames: tuple[FrameRecord, ...],
    write_dataset: Write,
    name: str,
    change: Callable[[np.ndarray], np.ndarray],
    expected: str,
) -> None:
    held = frames[0].surface.get(name, np.zeros((2, 0), np.float32))  # dolls have no expression
    wrong = with_surface(frames[0], **{name: change(held)})
    assert re.search(expected, said(run(write_dataset(tmp_path / "d", (wrong, *frames[1:])), body, atlas)))


def test_swapped_hands_in_the_pictures(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    swap = np.arange(25, dtype=np.uint8)
    swap[[3, 4]] = swap[[4, 3]]
    for kind, channel in (("iuv", 0), ("segmentation", 2)):
        path = file_of(dataset, kind, 0)
        picture = read_picture(path)
        picture[:, :, channel] = swap[picture[:, :, channel]]
        if kind == "segmentation":
            picture[:, :, 1] = FINE_TO_COARSE[picture[:, :, 2]]
        path.write_bytes(encode_png(picture))
    report = said(run(dataset, body, atlas))
    assert "iuv: I (fine part) disagrees" in report
    assert "dp_masks differ" in report


@pytest.mark.parametrize("pair", [(3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16), (19, 20), (23, 24)])
def test_swapped_sides_in_atlas_and_files_alike(
    tmp_path: Path, body: DollBody, atlas: Atlas, write_dataset: Write, pair: tuple[int, int]
) -> None:
    """Every file agrees with the atlas; only the body's joints know left from right."""
    swap = np.arange(25, dtype=np.uint8)
    swap[list(pair)] = FINE_MIRROR[list(pair)]
    wrong = dataclasses.replace(atlas, part=swap[atlas.part])
    frames = tuple(make_frame(body, wrong, index) for index in range(3))
    report = run(write_dataset(tmp_path / "swapped", frames), body, wrong)
    assert all("lies along the other side's bones" in breach.what for breach in report.breaches)
    assert {"left", "right"} <= {word for breach in report.breaches for word in breach.what.split()}


@pytest.mark.parametrize("kind", ["images", "iuv", "segmentation", "surface", "records"])
def test_missing_file(dataset: Path, body: DollBody, atlas: Atlas, kind: str) -> None:
    file_of(dataset, kind, 1).unlink()
    report = run(dataset, body, atlas)
    assert f"{file_of(Path(), kind, 1)}: missing" in said(report)
    assert report.counts.frames == 2


@pytest.mark.parametrize("kind", ["images", "iuv", "segmentation", "surface", "records"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_truncated_file(dataset: Path, body: DollBody, atlas: Atlas, kind: str, share: float) -> None:
    path = file_of(dataset, kind, 2)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert f"{file_of(Path(), kind, 2)}: " in said(run(dataset, body, atlas))


@pytest.mark.parametrize("kind", ["iuv", "segmentation", "surface"])
def test_one_damaged_byte(dataset: Path, body: DollBody, atlas: Atlas, kind: str) -> None:
    path = file_of(dataset, kind, 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    assert "damaged" in said(run(dataset, body, atlas))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: a.update(bbox=[a["bbox"][0] + 1, *a["bbox"][1:]]), "bbox"),
        (lambda a: a.update(bbox=[*a["bbox"][:3], a["bbox"][3] - 1]), "bbox"),
        (lambda a: a.update(area=a["area"] + 1), "area"),
        (lambda a: a["keypoints"].__setitem__(0, a["keypoints"][0] + 40), "nose"),
        (lambda a: a["keypoints"].__setitem__(3, a["keypoints"][3] + 0.05), "left_eye: 0.05 px"),
        (lambda a: a["keypoints"].__setitem__(slice(15, 18), [0, 0, 0]), "left_shoulder"),
        (lambda a: a.update(num_keypoints=3), "num_keypoints"),
        (lambda a: a["densesynth"]["keypoints_in_camera"][4].__setitem__(2, 9.0), "keypoints_in_camera"),
        (lambda a: a["densesynth"].update(occluded=0.5), "occluded"),
        (lambda a: a["densesynth"].update(truncated=0.5), "truncated"),
        (lambda a: a["densesynth"].update(instance=2), "instances"),
        (lambda a: a.update(image_id=2), "ids"),
        (lambda a: a.update(ref_model="smpl_27554"), "ref_model"),
        (lambda a: a["dp_x"].__setitem__(0, a["dp_x"][0] + 3.0), "dp points"),
        (lambda a: a["dp_y"].pop(), "dp lists"),
        (lambda a: a["dp_U"].__setitem__(5, abs(a["dp_U"][5] - 0.3)), "dp points differ"),
        (lambda a: a["dp_I"].__setitem__(5, 25.0 - a["dp_I"][5]), "dp points differ"),
        (lambda a: a["dp_vertex"].__setitem__(5, a["dp_vertex"][5] + 1), "dp_vertex"),
        (lambda a: a["dp_masks"].reverse(), "dp_masks"),
        (lambda a: a["segmentation"].update(counts=a["segmentation"]["counts"][:-4]), "segmentation RLE"),
    ],
)
def test_edited_annotation(
    dataset: Path, body: DollBody, atlas: Atlas, change: Callable[[dict], None], expected: str
) -> None:
    edit_annotation(dataset, change)
    report = run(dataset, body, atlas)
    assert any(expected in breach.what for breach in report.breaches if breach.file == "records/000001.json"), said(
        report
    )


def test_removed_annotation(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    edit_record(dataset, 0, lambda record: record["annotations"].pop())
    assert "the segmentation shows [1, 2]" in said(run(dataset, body, atlas))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text[:-30], "not valid JSON"),
        (lambda text: text.replace('"area":', '"aera":', 1), "breaks the format"),
        (lambda text: text.replace('"iscrowd":0', '"iscrowd":1', 1), "breaks the format"),
        (lambda text: text.replace('"supercategory":"person"', '"supercategory":"animal"'), "`categories`"),
        (lambda text: text.replace('"height":128', '"height":127', 1), "1 images differ"),
        (lambda text: text.replace('"truncated":0.0', '"truncated":0.5', 1), "1 annotations differ"),
    ],
)
def test_broken_annotations_file(
    dataset: Path, body: DollBody, atlas: Atlas, change: Callable[[str], str], expected: str
) -> None:
    path = dataset / "annotations.json"
    changed = change(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    report = run(dataset, body, atlas)
    assert expected in said(report)
    assert [breach.file for breach in report.breaches] == ["annotations.json"]


@pytest.mark.parametrize("wearers", [[9], [2, 1], [1, 1]])
def test_wearers_who_are_nobody(dataset: Path, body: DollBody, atlas: Atlas, wearers: list[int]) -> None:
    wears = [{"instance": instance, "garments": ["hat.mhclo"]} for instance in wearers]
    edit_record(dataset, 1, lambda record: record.update(wears=wears))
    assert "`wears` names people" in said(run(dataset, body, atlas))


def test_counts_seed_and_strangers(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["counts"]["people"] += 1
    manifest["seed"] += 1
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    (dataset / "iuv" / "000009.png").write_bytes(b"")
    report = said(run(dataset, body, atlas))
    assert "manifest.json: counts" in report
    assert "seed 7, the manifest's is 8" in report
    assert "iuv/000009.png: doesn't belong" in report


def test_unfinished_run(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["counts"] = None
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    (dataset / "annotations.json").unlink()
    report = said(run(dataset, body, atlas))
    assert "isn't finished" in report
    assert "annotations.json: missing" in report


def test_hidden_points_called_visible(
    tmp_path: Path, body: DollBody, atlas: Atlas, frames: tuple[FrameRecord, ...], write_dataset: Write
) -> None:
    every = np.full_like(frames[0].surface["visible_vertices"], 255)
    wrong = tuple(with_surface(frame, visible_vertices=every) for frame in frames)
    assert "visible vertices lie behind" in said(run(write_dataset(tmp_path / "v", wrong), body, atlas))

    def call_all_visible(annotation: Annotation) -> Annotation:
        keypoints = [2 if at % 3 == 2 and value else value for at, value in enumerate(annotation.keypoints)]
        return msgspec.structs.replace(annotation, keypoints=keypoints)

    wrong = tuple(dataclasses.replace(f, annotations=tuple(map(call_all_visible, f.annotations))) for f in frames)
    report = said(run(write_dataset(tmp_path / "k", wrong), body, atlas))
    assert "visible keypoints lie behind" in report


def test_wrong_body(dataset: Path, atlas: Atlas) -> None:
    other = DollBody()
    other.faces = other.faces[::-1].copy()
    assert "doesn't have the faces" in said(run(dataset, other, atlas))


def test_not_a_dataset(tmp_path: Path, body: DollBody, atlas: Atlas) -> None:
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        run(tmp_path, body, atlas)


def test_summary_goes_into_the_manifest(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    report = run(dataset, body, atlas)
    with_audit(dataset, report)
    first = (dataset / "manifest.json").read_bytes()
    summary = read_manifest(dataset).audit
    assert summary is not None
    assert summary.ok
    assert summary.counts == report.counts
    assert summary.max_error_px == pytest.approx(report.max_error_px, rel=1e-3)
    with_audit(dataset, run(dataset, body, atlas))
    assert (dataset / "manifest.json").read_bytes() == first


def test_report_of_many_breaches_is_short(dataset: Path, body: DollBody, atlas: Atlas) -> None:
    for index in range(40):
        (dataset / "images" / f"{900000 + index}.jpg").write_bytes(b"x")
    text = format_report(run(dataset, body, atlas))
    assert "… and 20 more" in text
    assert text.endswith("breaches: 40")


def test_percentile_of_the_histogram_is_close() -> None:
    errors = 10.0 ** np.random.default_rng(0).uniform(-6, -2, 50_000)
    exact = float(np.quantile(errors, 0.999))
    assert _percentile(_histogram(errors), 0.999) == pytest.approx(exact, rel=0.01)
    assert _percentile(_histogram(np.array([0.0, np.inf])), 0.999) >= 1e4


def test_labels_read_back_are_the_labels_written(dataset: Path, atlas: Atlas, frames: tuple[FrameRecord, ...]) -> None:
    frame = read_record(dataset, 0)
    labels = chart_labels_of(frame, atlas)
    assert np.array_equal(labels.iuv, frames[0].iuv)
    assert np.array_equal(labels.coarse, frames[0].segmentation[:, :, 1])
