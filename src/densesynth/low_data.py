"""How much real data do synthetic people save? Trainings on shares of the real labels, with and without them.

Straight through, for each condition: `write_share` → `train_model` → `label_pictures` → `measure_pairs` → an outcome on
disk; then `curve_of` → the picture, the page, the numbers. Every condition goes on where it was stopped.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import numpy as np

from densesynth.data.dataset import lock_output
from densesynth.data.files import make_folder, write_bytes
from densesynth.data.results import read_results
from densesynth.errors import ConfigurationError
from densesynth.evaluate import Advance, open_mesh
from densesynth.evaluation.chart_mesh import ChartMesh
from densesynth.evaluation.detect import open_predictor
from densesynth.evaluation.pairs import measure_pairs
from densesynth.evaluation.truth import Truth, read_truth
from densesynth.reproduce import check_same_run
from densesynth.reproduction.low_data import (
    Condition,
    CurvePoint,
    LowDataRecipe,
    Outcome,
    conditions_of,
    curve_of,
    mean_draws,
    score_draws,
    write_share,
)
from densesynth.reproduction.plan import AnnotatedSet, Plan, shrink, tiny_plan, training_recipe, with_source
from densesynth.reproduction.stages import (
    gps_of_people,
    label_pictures,
    make_annotated,
    read_stage,
    train_model,
    write_stage,
)
from densesynth.surface.geodesic import Distances
from densesynth.tables import read_settings, settings_to_table
from densesynth.training.recipe import SourceSettings, TrainingRecipe, load_training_recipe

TINY_PICTURES = ("made-up", "people")


def load_low_data_recipe(path: Path) -> LowDataRecipe:
    """Read a recipe; relative paths in it are meant relative to the file. Raises ConfigurationError."""
    return read_settings(path, LowDataRecipe)


def draw_low_data_curve(
    recipe: LowDataRecipe,
    out: Path,
    *,
    tiny: bool = False,
    device: str = "cpu",
    progress: bool = False,
    advance: Advance | None = None,
) -> Path:
    """Train and score what is left of the recipe's conditions; returns the page. tiny: with a network of a few thousand
    weights in the place of the training recipe's. Raises DensesynthError; what is finished stays."""
    training = load_training_recipe(recipe.training)
    if training.model.kind != "rcnn":
        raise ConfigurationError(
            f"{recipe.training}: trains a {training.model.kind} network; points teach an R-CNN alone"
        )
    steps = recipe.steps or training.run.steps
    training = shrink(training, steps) if tiny else replace(training, run=replace(training.run, steps=steps))
    check_same_run({"low data": settings_to_table(recipe), "training": settings_to_table(training)}, out, TINY_PICTURES)
    truth = read_truth(recipe.test)
    mesh, distances = open_mesh(recipe.densepose, truth, None, advance)
    with lock_output(out):
        outcomes = []
        for number, condition in enumerate(conditions := conditions_of(recipe), start=1):
            outcomes.append(_run(condition, recipe, training, truth, mesh, distances, out, device, progress, advance))
            if advance is not None:
                advance("trainings", number, len(conditions))
        points = curve_of(outcomes, np.random.default_rng(0))
        return _write(points, recipe, out)


def _run(
    condition: Condition,
    recipe: LowDataRecipe,
    training: TrainingRecipe,
    truth: Truth,
    mesh: ChartMesh,
    distances: Distances,
    out: Path,
    device: str,
    progress: bool,
    advance: Advance | None,
) -> Outcome:
    name = condition.name
    found = read_stage(out, f"{name}-outcome", Outcome)
    if found is not None:
        return found
    make_folder(out / name)
    sources, pictures = [], 0
    if condition.share:
        path = out / name / "real.json"
        pictures = write_share(recipe.real, path, condition.share, condition.seed)
        sources.append(SourceSettings(kind="densepose", path=path, images=recipe.real_images, symmetry=recipe.symmetry))
    if condition.synthetic:
        sources.append(SourceSettings(path=recipe.people, symmetry=recipe.symmetry, weight=recipe.synthetic_weight))
    seeded = replace(training, run=replace(training.run, seed=condition.seed, keep=1))
    mine = with_source(seeded, *sources, weights=training.model.weights)
    model = train_model(mine, out, name, points=(), device=device, progress=progress).model
    test = AnnotatedSet(annotations=recipe.test, images=recipe.test_images, densepose=recipe.densepose)
    labelled = label_pictures(model, test, out, f"{name}-labels", boxes=None, device=device, advance=advance)
    told = None if advance is None else functools.partial(advance, "pictures measured")
    pairs = measure_pairs(
        truth, read_results(labelled.results, truth.sizes), mesh, distances, masks=False, advance=told
    )
    ap, ap_draws = score_draws(pairs, recipe.draws)
    people = gps_of_people(open_predictor(model, device), truth, recipe.test_images, mesh, distances)
    gps, gps_draws = mean_draws(people, recipe.draws)
    outcome = Outcome(condition=condition, pictures=pictures, ap=ap, gps=gps, ap_draws=ap_draws, gps_draws=gps_draws)
    write_stage(out, f"{name}-outcome", outcome)
    return outcome


def _write(points: tuple[CurvePoint, ...], recipe: LowDataRecipe, out: Path) -> Path:
    from densesynth.evaluation.page import figure_html, page_html, table_html
    from densesynth.reproduction.figures import plot_low_data

    picture = plot_low_data(points)
    write_bytes(out / "curve.png", picture)
    content = {"recipe": settings_to_table(recipe), "points": [asdict(one) for one in points]}
    write_bytes(out / "curve.json", msgspec.json.format(msgspec.json.encode(content), indent=1))
    rows = [
        [
            f"{100 * one.share:g} % real{', synthetic people' if one.synthetic else ''}",
            f"{100 * one.ap:.2f}\n{100 * one.ap_interval[0]:.1f} to {100 * one.ap_interval[1]:.1f}",
            f"{one.gps:.3f}\n{one.gps_interval[0]:.3f} to {one.gps_interval[1]:.3f}",
        ]
        for one in points
    ]
    words = (
        f"<p>Means over {len(recipe.seeds)} seeds (each draws the real pictures and starts the network anew); small: "
        "95 % intervals of a bootstrap over seeds and test pictures.</p>"
    )
    sections = [
        ("The curve", words + figure_html(picture, "png", "GPS by the share of real labels")),
        ("Numbers", table_html(["learnt from", "GPS AP, %", "mean GPS in true boxes"], rows)),
    ]
    write_bytes(out / "report.html", page_html("Low-data curve", sections).encode())
    return out / "report.html"


def tiny_low_data(out: Path, steps: int = 40) -> LowDataRecipe:
    """Make the pictures for a tiny curve (made-up annotated ones, synthetic people) and its recipe."""
    from densesynth.generate import generate_dataset

    plan = tiny_plan(out, steps=steps)
    assert plan.learnt is not None
    make_annotated(plan.test, plan.learnt, out / "made-up", plan.made_up, plan.seed + 1)
    generate_dataset(plan.recipe, out / "people", frames=plan.people, seed=plan.seed)
    return low_data_recipe(plan, out)


def low_data_recipe(plan: Plan, out: Path, seeds: tuple[int, ...] = (0, 1)) -> LowDataRecipe:
    """A curve over the pictures of a tiny plan."""
    assert plan.learnt is not None
    return LowDataRecipe(
        training=training_recipe("paper-scratch"),
        real=plan.learnt.annotations,
        real_images=plan.learnt.images,
        people=out / "people",
        test=plan.test.annotations,
        test_images=plan.test.images,
        seeds=seeds,
        steps=plan.scratch.run.steps,
        draws=50,
    )
