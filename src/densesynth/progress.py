"""A progress bar with rate and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "-", style="progress.data.speed")


@contextmanager
def frames_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the console for as long as the block runs; yields a function to tell (frames done, frames in all)."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), _RateColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(what, total=None)

        def advance_to(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance_to


@contextmanager
def stages_bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is told about, one at a time; yields a function to tell (what, done, in all).

    Between them the console is free for other bars.
    """
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), _RateColumn(), TimeElapsedColumn())
    showing: list[tuple[str, Progress, TaskID]] = []

    def close() -> None:
        while showing:
            showing.pop()[1].stop()

    def advance_to(what: str, done: int, total: int) -> None:
        if not showing or showing[0][0] != what:
            close()
            started = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=console)
            started.start()
            showing.append((what, started, started.add_task(what, total=total)))
        _, progress, task = showing[0]
        progress.update(task, completed=done, total=total)
        if done >= total:
            close()

    try:
        yield advance_to
    finally:
        close()
