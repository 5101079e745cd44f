"""The stages of a reproduction: each takes frozen values and paths, answers one, and goes on where it was stopped.

What a stage has finished is a small JSON file in `stages/`, written last; a stage that finds its own answers it.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import msgspec
import numpy as np

from densesynth.config import Recipe
from densesynth.data.dataset import open_dataset
from densesynth.data.files import make_folder, write_bytes
from densesynth.data.record import RECORDS, file_of
from densesynth.data.results import Box, Detection, write_results
from densesynth.data.schema import Record, read_json
from densesynth.errors import DatasetError
from densesynth.evaluate import Advance, open_mesh, score_detections
from densesynth.evaluation.chart_mesh import ChartMesh
from densesynth.evaluation.detect import Predictor, detect_people, open_predictor
from densesynth.evaluation.pairs import Rules, measure_pairs
from densesynth.evaluation.published import TableName
from densesynth.evaluation.report import Evaluation, write_report
from densesynth.evaluation.truth import Points, TruePerson, Truth, open_truth, read_truth, truth_of
from densesynth.generate import generate_dataset
from densesynth.reproduction.made_up import made_up_recipe, write_annotations
from densesynth.reproduction.plan import AnnotatedSet
from densesynth.surface.geodesic import Distances
from densesynth.train import MODEL, train
from densesynth.training.recipe import TrainingRecipe

Finished = TypeVar("Finished")
STAGES = "stages"


@dataclass(frozen=True, kw_only=True)
class People:
    """Synthetic people on disk. seconds: that the stage took, over all its starts but those that were killed."""

    folder: Path
    frames: int
    people: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Trained:
    """checkpoints: by the step they are of, the last one of the whole training."""

    checkpoints: dict[int, Path]
    seconds: float

    @property
    def model(self) -> Path:
        return self.checkpoints[max(self.checkpoints)]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """results: the challenge's JSON. found: how many people."""

    results: Path
    found: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """As `evaluate` reports them, in [0, 1]. spread: 95 % intervals."""

    scores: dict[str, dict[str, float]]
    spread: dict[str, dict[str, tuple[float, float]]]
    box: dict[str, float]
    edges: dict[str, float]
    page: Path


@dataclass(frozen=True, kw_only=True)
class Point:
    """Mean GPS over labelled people whose true boxes are given, [0, 1], of one model at one step."""

    training: str
    step: int
    seen: float
    unseen: float


def read_stage(out: Path, name: str, kind: type[Finished]) -> Finished | None:
    """What the stage has finished; None when it hasn't, or its file is damaged."""
    try:
        return msgspec.json.decode((out / STAGES / f"{name}.json").read_bytes(), type=kind, dec_hook=_path)
    except (OSError, msgspec.MsgspecError):
        return None


def write_stage(out: Path, name: str, value: Any) -> None:
    make_folder(out / STAGES)
    write_bytes(out / STAGES / f"{name}.json", msgspec.json.encode(asdict(value), enc_hook=str), durable=True)


def _path(kind: type, value: Any) -> Any:
    return Path(value) if kind is Path else value


def make_annotated(test: AnnotatedSet, learnt: AnnotatedSet, out: Path, frames: tuple[int, int], seed: int) -> None:
    """The made-up annotated pictures: `frames` of them to test on and to learn from."""
    folder = test.images.parent
    if learnt.annotations.exists():
        return
    generate_dataset(made_up_recipe(), folder, frames=sum(frames), seed=seed)
    make_folder(out)
    write_annotations(folder, test.annotations, 0, frames[0], seed)
    write_annotations(folder, learnt.annotations, frames[0], sum(frames), seed)


def generate_people(
    recipe: Recipe, out: Path, *, people: int, seed: int, workers: int, device: str, progress: bool
) -> People:
    """Pictures until there are `people` annotated people (the last picture may bring some more)."""
    found = read_stage(out, "people", People)
    if found is not None:
        return found
    start, folder = perf_counter(), out / "people"
    each = sum(recipe.people.count) / 2
    frames = max(round(people / each), 1)
    while True:
        counts = generate_dataset(
            recipe, folder, frames=frames, seed=seed, workers=workers, device=device, progress=progress
        ).counts
        there = 0 if counts is None else counts.people
        if there >= people:
            break
        frames += max(round((people - there) / each), 1)
    found = People(folder=folder, frames=frames, people=there, seconds=perf_counter() - start)
    write_stage(out, "people", found)
    return found


def train_model(
    recipe: TrainingRecipe, out: Path, name: str, *, points: Sequence[int], device: str, progress: bool
) -> Trained:
    """Train, and keep a checkpoint at each of `points`; the last is at the training's end."""
    found = read_stage(out, name, Trained)
    if found is not None:
        return found
    start, kept = perf_counter(), {}
    folder = out / name
    for step in sorted({*points, recipe.run.steps}):
        path = folder / f"model-{step:08d}.safetensors"
        if not path.exists():
            report = train(recipe, folder, device=device, progress=progress, stop_after=step)
            if report.steps > step:
                raise DatasetError(f"{path}: deleted since it was made; delete {folder} to train again")
            partial = path.with_suffix(".partial")
            shutil.copyfile(folder / MODEL, partial)
            partial.replace(path)
        kept[step] = path
    found = Trained(checkpoints=kept, seconds=perf_counter() - start)
    write_stage(out, name, found)
    return found


def label_pictures(
    model: Path,
    test: AnnotatedSet,
    out: Path,
    name: str,
    *,
    boxes: Sequence[Box] | None,
    device: str,
    advance: Advance | None,
) -> Labelled:
    """A model's people on annotated pictures: those it finds, or those in `boxes`."""
    found = read_stage(out, name, Labelled)
    if found is not None:
        return found
    start, truth = perf_counter(), read_truth(test.annotations)
    told = None if advance is None else functools.partial(advance, f"pictures labelled, {name}")
    folder = out / name
    people = detect_people(
        open_predictor(model, device), truth, test.images, boxes, kept=folder / "pictures", advance=told
    )
    write_results(folder / "results.json", people)
    found = Labelled(results=folder / "results.json", found=len(people), seconds=perf_counter() - start)
    write_stage(out, name, found)
    return found


def score_people(
    test: AnnotatedSet,
    detections: Sequence[Detection],
    boxed: Sequence[Detection | Box],
    out: Path,
    table: TableName,
    *,
    draws: int,
    advance: Advance | None,
) -> Scores:
    """Score labelled pictures as DensePose-COCO does; a page with everything beside the table."""
    name = f"{table}-scores"
    found = read_stage(out, name, Scores)
    if found is not None:
        return found
    truth, dataset = open_truth(test.annotations)
    mesh, distances = open_mesh(test.densepose, truth, dataset, advance)
    result: Evaluation = score_detections(
        truth, dataset, detections, boxed, mesh, distances,
        source=str(test.annotations), predictions=table, draws=draws, advance=advance,
    )  # fmt: skip
    page = write_report(result, out / table, test.images, table=table)
    found = Scores(
        scores={mode: dict(values) for mode, values in result.scores.items()},
        spread={mode: dict(values) for mode, values in result.spread.items()},
        box=dict(result.box),
        edges=dict(result.edges),
        page=page,
    )
    write_stage(out, name, found)
    return found


def look_at_training(
    training: str,
    trained: Trained,
    seen: Truth,
    seen_images: Path,
    unseen: Truth,
    unseen_images: Path,
    densepose: Path | None,
    out: Path,
    *,
    device: str,
    advance: Advance | None,
) -> tuple[Point, ...]:
    """How well each checkpoint of a training labels people in their true boxes: on pictures it learns from (`seen`) and
    on others."""
    points = []
    for step, path in sorted(trained.checkpoints.items()):
        name = f"{training}-{step:08d}-look"
        found = read_stage(out, name, Point)
        if found is None:
            predictor, both = open_predictor(path, device), []
            for truth, images in ((seen, seen_images), (unseen, unseen_images)):
                mesh, distances = open_mesh(densepose, truth, None, advance)
                values = [value for _, value in gps_of_people(predictor, truth, images, mesh, distances)]
                both.append(float(np.mean(values)) if values else -1.0)
            found = Point(training=training, step=step, seen=both[0], unseen=both[1])
            write_stage(out, name, found)
        points.append(found)
    return tuple(points)


def gps_of_people(
    predictor: Predictor, truth: Truth, images: Path, mesh: ChartMesh, distances: Distances
) -> list[tuple[int, float]]:
    """(image id, GPS) of every labelled person, labelled in their annotated box; the best of the picture's boxes."""
    boxes = [Box(image_id=person.image_id, bbox=person.bbox, score=1.0) for person in truth.annotations]
    detections = detect_people(predictor, truth, images, boxes)
    rules = Rules(max_detections=max(len(boxes), 1))
    return [
        (one.image_id, float(one.gps[:, g].max(initial=0.0)))
        for one in measure_pairs(truth, detections, mesh, distances, rules, masks=False)
        for g, person in enumerate(one.people)
        if person.points is not None
    ]


def truth_of_frames(folder: Path, pictures: int) -> Truth:
    """The first pictures of a dataset of ours, without reading the annotations of all."""
    records = [read_json(file_of(folder, RECORDS, index), Record) for index in open_dataset(folder).indices[:pictures]]
    content = {
        "images": [msgspec.to_builtins(record.image) for record in records],
        "annotations": [msgspec.to_builtins(one) for record in records for one in record.annotations],
    }
    return truth_of(content, str(folder))


def thin(truth: Truth, pictures: int, points: int) -> Truth:
    """The first pictures with labelled people, and at most so many points of each person, evenly."""
    labelled = [image for image in truth.images if any(one.points is not None for one in truth.people[image])]
    kept = set(labelled[:pictures])
    people = {
        image: tuple(_thin_person(one, points) for one in truth.people[image])
        for image in truth.images
        if image in kept
    }
    return Truth(
        source=truth.source,
        images={image: entry for image, entry in truth.images.items() if image in kept},
        people=people,
        annotations=tuple(one for some in people.values() for one in some),
        content=truth.content,
    )


def _thin_person(person: TruePerson, points: int) -> TruePerson:
    if person.points is None:
        return person
    chosen = np.unique(np.linspace(0, len(person.points.x) - 1, points).round().astype(np.int64))
    some = Points(**{name: values[chosen] for name, values in vars(person.points).items()})
    return TruePerson(**{**vars(person), "points": some})
