"""`densesynth show`: contact sheets and one page for a dataset on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Int32, UInt8
from densesynth.data.dataset import open_dataset
from densesynth.data.files import encode_png, make_folder, write_bytes
from densesynth.errors import DensesynthError
from densesynth.surface.atlas import Atlas, load_atlas
from densesynth.view.frames import BrokenFrame, ShownFrame, frames_of, load_frames, pick_frames
from densesynth.view.sheet import ROWS_PER_SHEET, draw_row, stack_rows
from densesynth.view.summary import summarise
from densesynth.view.web import PagePiece, draw_page, page_piece

DEFAULT_FRAMES = 24


def show(
    path: Path,
    out: Path | None = None,
    frames: int | Sequence[int] = DEFAULT_FRAMES,
    report: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write sheet_000.png … and index.html for the dataset at `path`, and say where they are, the page last.

    out: the folder, `path`/show when None. frames: how many, spread evenly over the dataset, or which ones.
    report: called with (done, total) after each frame. A frame that can't be read is shown as such.
    Raises DatasetError where `path` is no dataset or a file can't be written.
    """
    return _write(path, frames, report, path / "show" if out is None else out, sheets=True)


def write_page(path: Path, out_html: Path, frames: int | Sequence[int] = DEFAULT_FRAMES) -> Path:
    """Write the page alone, one file that needs no other. Raises DatasetError as `show` does."""
    return _write(path, frames, None, out_html.parent, sheets=False, page=out_html.name)[-1]


def _write(
    path: Path,
    frames: int | Sequence[int],
    report: Callable[[int, int], None] | None,
    folder: Path,
    sheets: bool,
    page: str = "index.html",
) -> list[Path]:
    dataset = open_dataset(path)
    available = frames_of(dataset)
    wanted = pick_frames(available, frames)
    make_folder(folder)
    written: list[Path] = []
    rows: list[UInt8[Array, "_ _ 3"]] = []
    pieces: list[PagePiece] = []
    atlases: dict[str, Atlas | None] = {}
    for done, frame in enumerate(load_frames(path, wanted), start=1):
        pieces.append(page_piece(frame, _nearest_vertex(frame, atlases)))
        if sheets:
            rows.append(draw_row(frame))
            if len(rows) == ROWS_PER_SHEET or done == len(wanted):
                sheet = folder / f"sheet_{len(written):03d}.png"
                write_bytes(sheet, encode_png(stack_rows(rows)))
                written.append(sheet)
                rows = []
        if report is not None:
            report(done, len(wanted))
    if sheets:
        _remove_old_sheets(folder, written)
    summary = summarise(path.resolve().name, len(available), dataset.manifest)
    write_bytes(folder / page, draw_page(summary, pieces).encode("utf-8"))
    return [*written, folder / page]


def _remove_old_sheets(folder: Path, written: Sequence[Path]) -> None:
    """Delete sheets that an earlier call with more frames left: they would pass for this one's."""
    for sheet in folder.glob("sheet_[0-9][0-9][0-9].png"):
        if sheet not in written:
            sheet.unlink(missing_ok=True)


def _nearest_vertex(frame: ShownFrame | BrokenFrame, atlases: dict[str, Atlas | None]) -> Int32[Array, "h w"] | None:
    """Per pixel, of the mesh that the frame's annotations name; None for a mesh that has no atlas here.

    atlases: those loaded so far, filled here.
    """
    if isinstance(frame, BrokenFrame) or not frame.annotations:
        return None
    name = frame.annotations[0].ref_model
    if name not in atlases:
        try:
            atlases[name] = load_atlas(name)
        except DensesynthError:  # a dataset of another body can still be looked at, without vertex numbers
            atlases[name] = None
    atlas = atlases[name]
    if atlas is None:
        return None
    body = frame.instance > 0
    vertex = np.full(frame.instance.shape, -1, dtype=np.int32)
    vertex[body] = atlas.nearest_vertex(frame.face[body], frame.barycentrics[body])
    return vertex
