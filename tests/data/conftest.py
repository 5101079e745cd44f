"""A small finished dataset of dolls, made once; tests that change files get a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from doll import DollBody, doll_atlas, make_frame

from densesynth.data.dataset import finish, open_output
from densesynth.data.record import FrameRecord, write_record
from densesynth.data.schema import Licence, Manifest
from densesynth.surface.atlas import Atlas

FRAMES, SEED, QUALITY = 3, 7, 95


@pytest.fixture(scope="session")
def body() -> DollBody:
    return DollBody()


@pytest.fixture(scope="session")
def atlas(body: DollBody) -> Atlas:
    return doll_atlas(body)


@pytest.fixture(scope="session")
def frames(body: DollBody, atlas: Atlas) -> tuple[FrameRecord, ...]:
    return tuple(make_frame(body, atlas, index, seed=SEED) for index in range(FRAMES))


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return Manifest(
        version="0.1.0",
        configuration={"picture": {"width": 128, "height": 128}, "people": {"count": [1, 2]}},
        seed=SEED,
        frames=FRAMES,
        body="doll",
        versions={"python": "3.11"},
        licences=[Licence(name="doll", licence="CC0-1.0", source="tests")],
    )


@pytest.fixture(scope="session")
def write_dataset(manifest: Manifest) -> Callable[[Path, tuple[FrameRecord, ...]], Path]:
    """Frames → a finished dataset."""

    def write(folder: Path, frames: tuple[FrameRecord, ...]) -> Path:
        open_output(folder, manifest)
        for frame in frames:
            write_record(folder, frame, QUALITY)
        finish(folder)
        return folder

    return write


@pytest.fixture(scope="session")
def _pristine(
    tmp_path_factory: pytest.TempPathFactory,
    frames: tuple[FrameRecord, ...],
    write_dataset: Callable[[Path, tuple[FrameRecord, ...]], Path],
) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset") / "dolls", frames)


@pytest.fixture
def dataset(_pristine: Path, tmp_path: Path) -> Path:
    """A finished dataset that the test may spoil."""
    shutil.copytree(_pristine, tmp_path / "dolls")
    return tmp_path / "dolls"
