"""Values of the low-data curve: what is trained, what came out, and how far it would move.

How good is a model that learns from a share of the real labels, with synthetic people and without? Each share is drawn
anew by every seed, and smaller shares of a seed lie within larger ones. Intervals are of a bootstrap over seeds and
test pictures at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from densesynth.arrays import Array, Float64
from densesynth.data.files import read_bytes, write_bytes
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.evaluation.average_precision import accumulate, match_all, summarise
from densesynth.evaluation.bootstrap import LEVEL, draw_weights
from densesynth.evaluation.pairs import ImagePairs, Rules

PICTURES_SEED = 0  # of the bootstrap's draws of pictures, the same for every run, so that runs compare


@dataclass(frozen=True, kw_only=True)
class LowDataRecipe:
    """Everything a curve is a function of; a file holds what differs from the defaults."""

    training: Path
    """Training recipe of an R-CNN; its sources are replaced."""
    real: Path
    """Annotations to learn from, in DensePose-COCO's format (densepose_coco_2014_train.json)."""
    real_images: Path
    """Folder of their pictures."""
    people: Path
    """Dataset of synthetic people, in the charts of the annotations."""
    test: Path
    """Annotations to score on (densepose_coco_2014_minival.json)."""
    test_images: Path
    """Folder of their pictures."""
    densepose: Path | None = None
    """Folder of SMPL_subdiv.mat, SMPL_SUBDIV_TRANSFORM.mat, Pdist_matrix.pkl; needed for labels on SMPL."""
    symmetry: Path | None = None
    """UV_symmetry_transforms.mat; without it pictures with DensePose's charts aren't mirrored."""
    shares: tuple[Annotated[float, Meta(ge=0.0, le=1.0)], ...] = (0.0, 0.01, 0.1, 1.0)
    """Of the real pictures with labels."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Each is a draw of the pictures and a start of the network."""
    synthetic_weight: Annotated[float, Meta(gt=0.0)] = 1.0
    """Synthetic pictures for each real one, where both are learnt from."""
    steps: Annotated[int, Meta(ge=0)] = 0
    """Of each training; 0: the training recipe's."""
    draws: Annotated[int, Meta(ge=1)] = 200
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        if not self.shares or not self.seeds:
            raise ValueError("`shares` and `seeds` need at least one value each")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One training."""

    share: float
    synthetic: bool
    seed: int

    @property
    def name(self) -> str:
        return f"real-{100 * self.share:g}-{'synthetic' if self.synthetic else 'alone'}-seed-{self.seed}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a condition scored, in [0, 1]. ap: GPS AP of the people it finds; gps: mean GPS of labelled people in their
    true boxes; …_draws: the same for each bootstrap draw of test pictures."""

    condition: Condition
    pictures: int
    ap: float
    gps: float
    ap_draws: tuple[float, ...]
    gps_draws: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Mean over seeds, and its 95 % interval."""

    share: float
    synthetic: bool
    seeds: int
    ap: float
    ap_interval: tuple[float, float]
    gps: float
    gps_interval: tuple[float, float]
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)


def conditions_of(recipe: LowDataRecipe) -> tuple[Condition, ...]:
    """Every share with synthetic people and without, for each seed; without both there is nothing to learn from."""
    return tuple(
        Condition(share=share, synthetic=synthetic, seed=seed)
        for seed in recipe.seeds
        for share in sorted(set(recipe.shares))
        for synthetic in (False, True)
        if synthetic or share > 0.0
    )


def write_share(annotations: Path, out: Path, share: float, seed: int) -> int:
    """Write the annotations of a share of the pictures with dense labels, at least one; returns how many pictures.

    The order is drawn by the seed, so that smaller shares lie within larger ones.
    """
    content = _read(annotations)
    labelled = sorted({one["image_id"] for one in content["annotations"] if one.get("dp_x")})
    if not labelled:
        raise DatasetError(f"{annotations}: nobody has dense labels (dp_x …)")
    count = max(round(share * len(labelled)), 1)
    order = np.random.default_rng(seed).permutation(len(labelled))
    kept = {labelled[k] for k in order[:count]}
    table = content | {
        "images": [image for image in content["images"] if image["id"] in kept],
        "annotations": [one for one in content["annotations"] if one["image_id"] in kept],
    }
    write_bytes(out, msgspec.json.encode(table))
    return count


def _read(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(read_bytes(path))
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path}: not valid JSON, or cut off ({error})") from None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise DatasetError(f"{path}: no COCO annotations: expected `images` and `annotations`")
    return content


def score_draws(pairs: Sequence[ImagePairs], draws: int) -> tuple[float, tuple[float, ...]]:
    """GPS AP, and that of each draw of pictures."""
    matches = match_all(pairs, "gps", "all", Rules())
    weights = draw_weights(len(matches), draws, np.random.default_rng(PICTURES_SEED))

    def ap(weight: Float64[Array, "i"] | None) -> float:
        curve = accumulate(matches, weight)
        return max(summarise(dict.fromkeys(("all", "medium", "large"), curve))["AP"], 0.0)

    return ap(None), tuple(ap(weight) for weight in weights)


def mean_draws(values: Sequence[tuple[int, float]], draws: int) -> tuple[float, tuple[float, ...]]:
    """Mean over (image id, value of a person), and that of each draw of pictures."""
    if not values:
        raise ConfigurationError("nobody in the test pictures has dense labels")
    images = sorted({image for image, _ in values})
    place = {image: k for k, image in enumerate(images)}
    total, count = np.zeros(len(images)), np.zeros(len(images))
    for image, value in values:
        total[place[image]] += value
        count[place[image]] += 1
    weights = draw_weights(len(images), draws, np.random.default_rng(PICTURES_SEED))
    return float(total.sum() / count.sum()), tuple(float(v) for v in (weights @ total) / np.maximum(weights @ count, 1))


def curve_of(outcomes: Sequence[Outcome], rng: np.random.Generator) -> tuple[CurvePoint, ...]:
    """Outcomes of all seeds → points by share, with synthetic people and without."""
    points = []
    for synthetic in (False, True):
        for share in sorted({one.condition.share for one in outcomes}):
            mine = [one for one in outcomes if (one.condition.share, one.condition.synthetic) == (share, synthetic)]
            if not mine:
                continue
            ap = np.array([one.ap_draws for one in mine])
            gps = np.array([one.gps_draws for one in mine])
            seeds = rng.integers(0, len(mine), (ap.shape[1], len(mine)))
            points.append(
                CurvePoint(
                    share=share,
                    synthetic=synthetic,
                    seeds=len(mine),
                    ap=float(np.mean([one.ap for one in mine])),
                    ap_interval=_interval(ap, seeds),
                    gps=float(np.mean([one.gps for one in mine])),
                    gps_interval=_interval(gps, seeds),
                    outcomes=tuple(mine),
                )
            )
    return tuple(points)


def _interval(values: Float64[Array, "s d"], seeds: Array) -> tuple[float, float]:
    """Percentiles of the mean over seeds drawn with replacement, one draw of pictures each."""
    drawn = values[seeds, np.arange(values.shape[1])[:, None]].mean(axis=1)
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100.0 - tail])
    return float(low), float(high)
