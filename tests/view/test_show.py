"""`show` on datasets whole, empty, unfinished and damaged."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.data.dataset import open_output, read_manifest
from densesynth.data.schema import AuditSummary, Manifest
from densesynth.errors import DatasetError
from densesynth.view.frames import BrokenFrame, ShownFrame, load_frames, pick_frames
from densesynth.view.sheet import CELL_HEIGHT, COLUMNS, draw_row
from densesynth.view.show import show, write_page
from densesynth.view.summary import summarise
from densesynth.view.web import pack_planes, unpack_planes

MakeDataset = Callable[..., Path]


class Page(HTMLParser):
    """Tags, ids, addresses and data of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.classes: list[str] = []
        self.open: list[str] = []
        self.data: dict[str, str] = {}
        self.pictures: list[bytes] = []
        self.text = path.read_text(encoding="utf-8")
        self._script = ""
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.classes += values.get("class", "").split()
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            if values.get(name, "").startswith("data:image/jpeg;base64,"):
                self.pictures.append(base64.b64decode(values[name].split(",", 1)[1], validate=True))
            elif name in values:
                self.addresses.append(values[name])
        self._script = values.get("id", "") if tag == "script" else ""
        if tag not in {"meta", "img", "input", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.data[self._script] = data


def test_the_page_holds_all_and_asks_for_nothing(make_dataset: MakeDataset) -> None:
    folder = make_dataset(3)
    files = show(folder)
    assert [file.name for file in files] == ["sheet_000.png", "index.html"]
    assert all(file.parent == folder / "show" for file in files)
    page = Page(files[-1])
    assert not page.addresses
    text = page.text.replace("http://www.w3.org/2000/svg", "")  # a name, which no browser looks up
    assert not re.search(r"https?:|url\(|@import|\bfetch\(|XMLHttp|import\(", text)
    assert not re.search(r"@[a-z]+@", page.text), "a place was left unfilled"
    assert not page.open, "every element is closed"
    assert len(page.ids) == len(set(page.ids))
    assert [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape for jpeg in page.pictures] == [
        (96, 128, 3)
    ] * 3
    assert page.pictures[0] == (folder / "images" / "000000.jpg").read_bytes()
    assert "<friends>" not in page.text
    assert str(folder.parent) not in page.text, "where the dataset lies is nobody's business"


def test_the_script_finds_every_element_it_names(make_dataset: MakeDataset) -> None:
    page = Page(write_page(make_dataset(1), make_dataset(1, "other") / "page.html"))
    wanted = set(re.findall(r'element(?:\(|ById\()"([\w-]+)"', page.text)) | set(re.findall(r'"(show-\w+)"', page.text))
    assert len(wanted) > 15
    assert wanted <= set(page.ids)


def test_the_page_tells_what_the_files_hold(make_dataset: MakeDataset) -> None:
    folder = make_dataset(2)
    page = Page(write_page(folder, folder / "show" / "index.html"))
    data = json.loads(page.data["data-000000"])
    shown = next(load_frames(folder, [0]))
    assert isinstance(shown, ShownFrame)
    planes = unpack_planes(base64.b64decode(data["planes"]), data["height"], data["width"])
    assert (planes[:3] == shown.iuv.transpose(2, 0, 1)).all()
    assert (planes[3] == shown.instance).all()
    assert [person["instance"] for person in data["people"]] == [1, 2]
    for person, annotation in zip(data["people"], shown.annotations, strict=True):
        assert person["bbox"] == annotation.bbox
        assert person["area"] == np.count_nonzero(shown.instance == person["instance"])
        for x, y, part in person["points"]:
            assert shown.iuv[int(y), int(x), 0] == part
    assert json.loads(page.data["data-000001"])["people"] == []
    constants = json.loads(page.data["constants"])
    assert len(constants["fine"]) == len(constants["fineNames"]) == len(constants["fineToCoarse"]) == 25
    assert len(constants["ramp"]) == 256
    assert max(max(bone) for bone in constants["bones"]) == 16


def test_planes_survive_packing_with_vertices() -> None:
    rng = np.random.default_rng(0)
    shape = (9, 13)
    instance = rng.integers(0, 3, shape, dtype=np.uint8)
    zero = np.zeros(shape, dtype=np.float32)
    iuv = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    frame = ShownFrame(
        index=0, jpeg=b"", picture=np.zeros((*shape, 3), np.uint8), iuv=iuv,
        instance=instance, coarse=instance, face=zero.astype(np.int32), barycentrics=np.zeros((*shape, 3), np.float32),
        depth=zero, normal=np.zeros((*shape, 3), np.float32), annotations=(),
    )  # fmt: skip
    vertex = np.where(instance > 0, rng.integers(0, 27554, shape), -1).astype(np.int32)
    planes = unpack_planes(pack_planes(frame, vertex), *shape)
    assert (planes[:3].transpose(1, 2, 0) == frame.iuv).all()
    back = planes[4] + 256 * planes[5].astype(np.int32)
    assert (back[instance > 0] == vertex[instance > 0]).all()


def test_an_empty_dataset_has_a_page(tmp_path: Path) -> None:
    open_output(tmp_path / "new", Manifest(version="0", configuration={}, seed=0, frames=5, body="ellipse"))
    files = show(tmp_path / "new")
    assert [file.name for file in files] == ["index.html"]
    page = Page(files[0])
    assert "no finished frame" in page.text
    assert "card" not in page.classes


@pytest.mark.parametrize("damage", ["cut", "missing", "json", "zeros"])
def test_a_damaged_frame_is_shown_as_such_and_the_others_stay(make_dataset: MakeDataset, damage: str) -> None:
    folder = make_dataset(3)
    png, record = folder / "iuv" / "000001.png", folder / "records" / "000001.json"
    if damage == "cut":
        png.write_bytes(png.read_bytes()[:-9])
    elif damage == "missing":
        png.unlink()
    elif damage == "json":
        record.write_text("{")
    else:
        (folder / "surface" / "000001.npz.zst").write_bytes(bytes(90))
    files = show(folder)
    page = Page(files[-1])
    assert page.classes.count("card") == 3
    assert page.classes.count("broken") == 1
    assert "1 cannot be read" in page.text
    assert "data-000001" not in page.ids
    assert {"data-000000", "data-000002"} <= set(page.ids)
    assert cv2.imread(str(files[0])) is not None


def test_arrays_that_disagree_are_a_broken_frame(make_dataset: MakeDataset) -> None:
    folder = make_dataset(3)
    other = (folder / "segmentation" / "000002.png").read_bytes()
    (folder / "segmentation" / "000000.png").write_bytes(other)
    assert isinstance(next(load_frames(folder, [0])), BrokenFrame)


def test_a_page_is_not_replaced_by_half_of_one(make_dataset: MakeDataset) -> None:
    folder = make_dataset(1)
    before = show(folder)[-1].read_bytes()
    assert show(folder)[-1].read_bytes() == before
    assert not [file for file in (folder / "show").iterdir() if file.name.startswith(".")]
    (folder / "blocked").write_text("")
    with pytest.raises(DatasetError, match="blocked"):
        show(folder, out=folder / "blocked")


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        show(tmp_path / "absent")
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        show(tmp_path)
    assert not list(tmp_path.iterdir()), "nothing is written into a folder that is no dataset"


def test_sheets_are_paged_and_every_column_is_drawn(make_dataset: MakeDataset) -> None:
    files = show(make_dataset(9))
    assert [file.name for file in files] == ["sheet_000.png", "sheet_001.png", "index.html"]
    shown = next(load_frames(files[0].parents[1], [0]))
    assert isinstance(shown, ShownFrame)
    row = draw_row(shown)
    cell = round(128 * CELL_HEIGHT / 96)
    assert row.shape[1] >= len(COLUMNS) * cell
    cells = [row[40:, 4 + k * (cell + 4) :][:200, :cell] for k in range(len(COLUMNS))]
    assert all(np.ptp(picture.astype(int)) > 100 for picture in cells)
    assert all((a != b).any() for k, a in enumerate(cells) for b in cells[k + 1 :])
    sheets = [cv2.imread(str(file)) for file in files[:2]]
    assert sheets[0].shape[0] == 8 * row.shape[0]
    assert sheets[1].shape[0] == row.shape[0]


def test_sheets_of_an_earlier_call_are_removed(make_dataset: MakeDataset) -> None:
    folder = make_dataset(9)
    assert len(show(folder)) == 3
    (folder / "show" / "notes.png").write_bytes(b"mine")
    show(folder, frames=2)
    assert sorted(file.name for file in (folder / "show").iterdir()) == ["index.html", "notes.png", "sheet_000.png"]


def test_frames_are_spread_evenly_or_named() -> None:
    assert pick_frames(range(200), 3) == (0, 100, 199)
    assert pick_frames(range(5), 99) == (0, 1, 2, 3, 4)
    assert pick_frames(range(5), 1) == (0,)
    assert pick_frames((), 4) == ()
    assert pick_frames(range(9), [7, 2]) == (7, 2)
    with pytest.raises(DatasetError, match="0 to 8"):
        pick_frames(range(9), [9])
    with pytest.raises(DatasetError, match="at least 1"):
        pick_frames(range(9), 0)


def test_the_summary_gives_the_audits_verdict(make_dataset: MakeDataset) -> None:
    manifest = read_manifest(make_dataset(1))
    assert manifest.counts is not None
    assert summarise("d", 1, manifest).audit_passed is None
    for ok, word in ((True, "passed"), (False, "3 breaches")):
        audit = AuditSummary(
            ok=ok, breaches=0 if ok else 3, counts=manifest.counts, max_error_px=1.5e-3, p999_error_px=1e-4
        )
        audited = Manifest(
            version="1", configuration={}, seed=0, frames=1, body="ellipse", counts=manifest.counts, audit=audit
        )
        summary = summarise("d", 1, audited)
        assert summary.audit_passed is ok
        assert word in summary.audit[0]
        assert "0.0015 px" in summary.audit[1]


def test_progress_is_told(make_dataset: MakeDataset) -> None:
    steps: list[tuple[int, int]] = []
    show(make_dataset(3), frames=2, report=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)]
