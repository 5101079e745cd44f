"""Things made ahead of whoever needs them, by processes of their own, in order.

`make(n)` for n = start, start + 1, …: worker processes make up to `ahead` of them before they are asked for, so that
rendering and training overlap. What comes out, and in which order, is a function of n alone. The time the consumer
waits is measured.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from densesynth.errors import DatasetError

Thing = TypeVar("Thing")
Made = TypeVar("Made", covariant=True)


@runtime_checkable
class Maker(Protocol[Made]):
    """Makes thing n; what it answers depends on n alone."""

    def make(self, step: int) -> Made: ...


@dataclass(eq=False)
class Stream(Generic[Thing]):
    """An endless iterator over make(start), make(start + 1), …; close it when done.

    open_maker: makes a Maker, in each worker process (so it must be importable from there) or, without workers, here.
    waited: seconds that the consumer has waited for things so far.
    """

    open_maker: Callable[[], Maker[Thing]]
    start: int = 0
    workers: int = 0
    ahead: int = 8
    waited: float = 0.0
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)
    _pending: deque[Future[Thing]] = field(default_factory=deque, init=False)

    def __iter__(self) -> Iterator[Thing]:
        if self.workers == 0:
            yield from self._here()
            return
        self._pool = ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open_in_worker,
            initargs=(self.open_maker,),
        )
        following = self.start
        try:
            while True:
                while len(self._pending) < max(self.ahead, self.workers):
                    self._pending.append(self._pool.submit(_make_in_worker, following))
                    following += 1
                since = perf_counter()
                thing = self._pending.popleft().result()
                self.waited += perf_counter() - since
                yield thing
        except BrokenProcessPool:
            raise DatasetError(
                "a process that makes batches died (out of memory, or killed); run the same command again, "
                "perhaps with fewer `data.workers`"
            ) from None
        finally:
            self.close()

    def _here(self) -> Iterator[Thing]:
        since = perf_counter()
        maker, following = self.open_maker(), self.start
        while True:
            thing = maker.make(following)
            self.waited += perf_counter() - since
            yield thing
            since, following = perf_counter(), following + 1

    def close(self) -> None:
        """Stop the workers; what they were at is dropped."""
        if self._pool is not None:
            self._pending.clear()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


_maker: Maker[object] | None = None  # each worker process has its own


def _open_in_worker(open_maker: Callable[[], Maker[object]]) -> None:
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer stops the run
    if "torch" in sys.modules:  # brought by the maker, which has more processes to use more cores
        sys.modules["torch"].set_num_threads(1)
    _maker = open_maker()


def _make_in_worker(step: int) -> Any:
    assert _maker is not None
    return _maker.make(step)
