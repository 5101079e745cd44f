"""Can a small network learn eight pictures by heart? Made, learnt and scored from nothing, on a CPU.

    python benchmarks/overfit.py --out /tmp/overfit                    # the small model, tiny
    python benchmarks/overfit.py --out /tmp/overfit-rcnn --kind rcnn   # a DensePose R-CNN of a few channels

GPSm AP of at least 0.9 on them says that data, losses, training, prediction and evaluation agree with one another. With
`--steps 3000` the small model reached 0.91 in its own boxes (7 minutes of one core); a test goes part of the way.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Literal

import torch

from densesynth.config import recipe_from_table
from densesynth.data.augment import AugmentSettings
from densesynth.data.dataset import ANNOTATIONS
from densesynth.evaluate import evaluate
from densesynth.evaluation.detect import open_predictor
from densesynth.evaluation.report import Evaluation, as_table
from densesynth.generate import generate_dataset
from densesynth.model.small.checkpoint import join_small
from densesynth.predict import find_pictures, predict_pictures
from densesynth.train import MODEL, train
from densesynth.training.recipe import (
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    SourceSettings,
    TrainingRecipe,
)

STILL = AugmentSettings(flip=0.5, turn=0.0, scale=0.02, shift=0.01, clean=1.0, amplitude=0.0, occlude=0.0)

KEPT = ("image_id", "category_id", "bbox")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", choices=["small", "rcnn"], default="small")
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    people = make_people(options.out / "people")
    torch.set_num_threads(options.threads)
    began = time.perf_counter()
    learn = learn_small if options.kind == "small" else learn_rcnn
    checkpoint = learn(people, options.out, options.steps)
    print(f"learnt in {time.perf_counter() - began:.0f} s")
    report("own boxes", score_own_boxes(people, checkpoint, options.out / "predicted"))
    report("annotated boxes", score_annotated_boxes(people, checkpoint, options.out / "boxes.json"))


def make_people(out: Path) -> Path:
    """Eight pictures of one person each."""
    recipe = recipe_from_table(
        {"picture": {"width": 256, "height": 256}, "people": {"count": [1, 1]}, "camera": {"fill": [0.6, 0.9]}},
        "overfit",
    )
    generate_dataset(recipe, out, frames=8, seed=5)
    return out


def score_own_boxes(people: Path, checkpoint: Path, out: Path) -> Evaluation:
    """As a user would: predict the pictures, then evaluate the results."""
    predict_pictures(find_pictures(people / ANNOTATIONS), open_predictor(checkpoint), out, about={})
    return evaluate(people, out / "results.json", draws=0)


def score_annotated_boxes(people: Path, checkpoint: Path, boxes: Path) -> Evaluation:
    """With the people's true boxes given; `boxes` is the file they are written to."""
    entries = json.loads((people / ANNOTATIONS).read_text())["annotations"]
    boxes.write_text(json.dumps([{**{key: one[key] for key in KEPT}, "score": 1.0} for one in entries]))
    return evaluate(people, checkpoint, boxes=boxes, draws=0)


def report(title: str, found: Evaluation) -> None:
    """Print the table of scores."""
    print(title)
    header, rows = as_table(found)
    for row in (header, *rows):
        print("  ".join(str(value).replace("\n", " ") for value in row))


def learn_small(people: Path, out: Path, steps: int) -> Path:
    """Crop network and detector (half the steps); their joint checkpoint."""
    kinds: tuple[tuple[Literal["crop", "detector"], int, float], ...] = (
        ("crop", steps, 4e-3),
        ("detector", steps // 2, 2e-3),
    )
    for kind, length, rate in kinds:
        run = TrainingRecipe(
            model=ModelSettings(kind=kind, size="tiny"),
            data=DataSettings(sources=(SourceSettings(path=people),)),
            augment=STILL,
            optimiser=OptimiserSettings(rate=rate, rate_batch=8, warmup=60, average=0.99, decay_from=0.4, decay=0.0),
            run=RunSettings(steps=length, batch=8, evaluate_every=0,
                            save_every=200, precision="bfloat16"),
        )  # fmt: skip
        train(run, out / kind, progress=True)
    join_small(out / "crop" / MODEL, out / "detector" / MODEL, out / "both.safetensors")
    return out / "both.safetensors"


def learn_rcnn(people: Path, out: Path, steps: int) -> Path:
    """From every labelled pixel."""
    run = TrainingRecipe(
        model=ModelSettings(kind="rcnn", size="tiny", head="v1convx", coarse=2, supervision="dense",
                            short_sides=(256,), long_side=256),
        data=DataSettings(sources=(SourceSettings(path=people),)),
        augment=STILL,
        optimiser=OptimiserSettings(rate=2e-3, rate_batch=4, warmup=50, average=0.98, decay_from=0.5),
        run=RunSettings(steps=steps, batch=4, evaluate_every=0, save_every=200, precision="float32"),
    )  # fmt: skip
    train(run, out / "rcnn", progress=True)
    return out / "rcnn" / MODEL


if __name__ == "__main__":
    main()
