"""Things made ahead come in order, by other processes, and no more of them than asked for."""

from __future__ import annotations

import os
from contextlib import closing
from itertools import islice

import pytest
from numbers_maker import NumbersMaker

from densesynth.errors import DatasetError
from densesynth.stream import Stream


@pytest.mark.parametrize("workers", [0, 2])
def test_order_and_start(workers: int) -> None:
    stream = Stream(NumbersMaker, start=5, workers=workers, ahead=4)
    with closing(stream):
        made = list(islice(iter(stream), 12))
    assert [number for number, _ in made] == [step * step for step in range(5, 17)]
    assert ({process for _, process in made} == {os.getpid()}) == (workers == 0)
    assert stream.waited > 0.0


def test_a_dead_worker_is_told() -> None:
    stream = Stream(NumbersMaker, start=999, workers=1, ahead=1)
    with closing(stream), pytest.raises(DatasetError, match="died"):
        list(islice(iter(stream), 3))
