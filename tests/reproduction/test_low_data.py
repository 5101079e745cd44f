"""Shares that lie within one another, intervals that widen with what is uncertain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from densesynth.errors import ConfigurationError, DatasetError
from densesynth.low_data import load_low_data_recipe
from densesynth.reproduction.low_data import Condition, Outcome, curve_of, mean_draws, write_share

RECIPE = Path(__file__).parents[2] / "recipes" / "evaluation" / "low-data.toml"


def annotations(path: Path, pictures: int = 50) -> Path:
    people = [
        {"id": 2 * k + j, "image_id": k, **({"dp_x": [1.0]} if j == 0 and k % 5 else {})}
        for k in range(pictures)
        for j in range(2)
    ]
    images = [{"id": k, "file_name": f"{k}.jpg"} for k in range(pictures)]
    path.write_text(json.dumps({"images": images, "annotations": people, "categories": [{"id": 1}]}))
    return path


def test_smaller_shares_lie_within_larger_ones(tmp_path: Path) -> None:
    source = annotations(tmp_path / "all.json")
    held = []
    for share in (0.01, 0.1, 0.5, 1.0):
        count = write_share(source, tmp_path / "some.json", share, seed=3)
        content = json.loads((tmp_path / "some.json").read_text())
        ids = {image["id"] for image in content["images"]}
        assert len(ids) == count == max(round(share * 40), 1)  # 40 of the 50 pictures have labels
        assert {one["image_id"] for one in content["annotations"]} == ids
        assert len(content["annotations"]) == 2 * count  # people without labels stay in their pictures
        assert content["categories"] == [{"id": 1}]
        held.append(ids)
    assert held[0] < held[1] < held[2] < held[3]
    write_share(source, tmp_path / "other.json", 0.1, seed=4)
    assert {image["id"] for image in json.loads((tmp_path / "other.json").read_text())["images"]} != held[1]


def test_files_that_hold_no_labels(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[")
    with pytest.raises(DatasetError, match="not valid JSON"):
        write_share(tmp_path / "bad.json", tmp_path / "o.json", 1.0, 0)
    (tmp_path / "bare.json").write_text('{"images": [], "annotations": []}')
    with pytest.raises(DatasetError, match="nobody has dense labels"):
        write_share(tmp_path / "bare.json", tmp_path / "o.json", 1.0, 0)
    with pytest.raises(ConfigurationError, match="nobody"):
        mean_draws([], 10)


def outcome(seed: int, ap: float, spread: float, share: float = 0.1, synthetic: bool = True) -> Outcome:
    draws = ap + spread * np.random.default_rng(0).normal(size=400)  # the same pictures for every run
    return Outcome(
        condition=Condition(share=share, synthetic=synthetic, seed=seed),
        pictures=4, ap=ap, gps=ap, ap_draws=tuple(draws), gps_draws=tuple(draws),
    )  # fmt: skip


def test_intervals_hold_pictures_and_seeds() -> None:
    rng = np.random.default_rng(1)
    (same,) = curve_of([outcome(0, 0.5, 0.01), outcome(1, 0.5, 0.01)], rng)
    assert same.ap_interval == pytest.approx((0.48, 0.52), abs=0.005)
    (apart,) = curve_of([outcome(0, 0.4, 0.01), outcome(1, 0.6, 0.01)], rng)
    assert apart.ap == pytest.approx(0.5)
    assert apart.ap_interval[0] < 0.41
    assert apart.ap_interval[1] > 0.59
    both = curve_of([outcome(0, 0.4, 0.01), outcome(0, 0.6, 0.01, share=1.0, synthetic=False)], rng)
    assert [(one.share, one.synthetic) for one in both] == [(1.0, False), (0.1, True)]


def test_means_weigh_people_not_pictures() -> None:
    value, draws = mean_draws([(7, 1.0), (7, 1.0), (9, 0.4)], 2000)
    assert value == pytest.approx(0.8)
    assert np.mean(draws) == pytest.approx(0.8, abs=0.08)
    assert set(np.round(draws, 6)) == {0.4, 0.8, 1.0}


def test_the_recipe_is_read() -> None:
    recipe = load_low_data_recipe(RECIPE)
    assert recipe.shares == (0.0, 0.01, 0.1, 1.0)
    assert len(recipe.seeds) >= 3
    assert recipe.training.resolve().is_file()
