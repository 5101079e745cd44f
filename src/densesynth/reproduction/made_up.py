"""Made-up annotated pictures, in DensePose-COCO's format: they stand in for real ones where there are none.

Pictures of generated people who look and are taken differently from those that models are trained on (clothes with
thickness, lamps, lenses, blurs, noise, tone, JPEG), with few points a person, placed as inexactly as by
hand, and some people without dense labels. Scores on them say nothing about photographs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from densesynth.config import Recipe, recipe_from_table
from densesynth.data.dataset import ANNOTATIONS
from densesynth.data.files import read_bytes, write_bytes

POINTS = 14  # a person, at most
UNLABELLED = 0.15  # share of the people without dense labels
SLIP = 1.5  # of an annotator, standard deviation in 1/256 of the box


def made_up_recipe(side: int = 128) -> Recipe:
    """What the pictures are drawn from."""
    return recipe_from_table(
        {
            "picture": {"width": side, "height": side, "noise": [0.01, 0.05], "jpeg_quality": [35, 80]},
            "people": {"count": [1, 2]},
            "camera": {"focal_length": [35.0, 135.0], "fill": [0.5, 1.0], "cut_off": 0.2},
            "light": {"elevation": [5.0, 60.0], "temperature": [2400.0, 9500.0], "lamps": [0, 2]},
            "sensor": {"exposure": [-0.7, 0.7], "white_balance": [-40, 40], "vignette": [0.0, 0.5], "shoulder": [0, 1]},
        },
        "made-up pictures",
    )


def write_annotations(dataset: Path, path: Path, first: int, last: int, seed: int) -> Path:
    """Frames first … last − 1 of a dataset as an annotation file in DensePose-COCO's format, with its faults."""
    rng = np.random.default_rng([seed, first])
    content = msgspec.json.decode(read_bytes(dataset / ANNOTATIONS))
    images = [image for image in content["images"] if first <= image["id"] < last]
    kept = {image["id"] for image in images}
    people = [_as_annotated(one, rng) for one in content["annotations"] if one["image_id"] in kept]
    table = {"images": images, "annotations": people, "categories": content["categories"]}
    write_bytes(path, msgspec.json.encode(table))
    return path


def _as_annotated(person: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    entry = {key: person[key] for key in ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation")}
    if person["id"] % round(1 / UNLABELLED) == 0:
        return entry
    count = len(person["dp_x"])
    chosen = np.sort(rng.permutation(count)[:POINTS])
    marked = {key: [person[key][k] for k in chosen] for key in ("dp_I", "dp_U", "dp_V")}
    for key in ("dp_x", "dp_y"):
        place = np.array([person[key][k] for k in chosen]) + SLIP * rng.normal(size=len(chosen))
        marked[key] = np.clip(place, 0.0, 255.0).tolist()
    return entry | marked | {"dp_masks": person["dp_masks"], "ref_model": person["ref_model"]}
