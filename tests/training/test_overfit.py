"""Eight pictures learnt by heart: data, losses, training, prediction and evaluation agree with one another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from overfit import learn_small, make_people, score_own_boxes


@pytest.mark.long
def test_eight_pictures_are_learnt_by_heart(tmp_path: Path) -> None:
    """Half the benchmark's way, whose GPSm AP of 0.9 takes ten minutes; the model finds the people itself."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # other tests have the other cores
    try:
        people = make_people(tmp_path / "people")
        checkpoint = learn_small(people, tmp_path, steps=2000)
    finally:
        torch.set_num_threads(threads)
    found = score_own_boxes(people, checkpoint, tmp_path / "predicted")
    assert found.scores["gpsm"]["AP"] >= 0.8, found.scores["gpsm"]
    assert found.box["AP"] >= 0.85
