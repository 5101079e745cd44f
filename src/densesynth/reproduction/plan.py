"""What a reproduction is made of: frozen values, at the paper's size or tiny."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from densesynth.config import Recipe, find_recipe, load_recipe, recipe_from_table, recipe_to_table
from densesynth.reproduction.files import CHARTS, SYMMETRY, PaperFiles
from densesynth.tables import settings_to_table
from densesynth.training.recipe import ModelSettings, SourceSettings, TrainingRecipe, load_training_recipe

PAPER_PEOPLE = 73_671  # section 3.3
Scale = Literal["paper", "tiny"]


@dataclass(frozen=True, kw_only=True)
class AnnotatedSet:
    """Annotated pictures. densepose: folder of the official files its distances are in; None: labels on Anny."""

    annotations: Path
    images: Path
    densepose: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole run; with it, everything in the output folder is determined.

    recipe, people, seed: of the synthetic people. test: the annotated pictures that scores are of. real_model: weights
    trained on real pictures; real: how to train them where the user brings none, from `learnt`. finetune, scratch: the
    paper's two trainings; their weights and pictures are filled in when those are there. points: steps at which Figure
    5 looks at both; figure_pictures, figure_points: how much it looks at. made_up: frames of the made-up annotated
    pictures (test, to learn from). draws: of the bootstrap.
    """

    scale: Scale
    recipe: Recipe
    people: int
    seed: int = 0
    test: AnnotatedSet
    real_model: Path | None
    learnt: AnnotatedSet | None
    real: TrainingRecipe | None
    finetune: TrainingRecipe
    scratch: TrainingRecipe
    symmetry: Path | None
    points: tuple[int, ...]
    figure_pictures: int
    figure_points: int
    made_up: tuple[int, int]
    draws: int


def training_recipe(name: str) -> Path:
    """The file of a training recipe that comes with densesynth."""
    return find_recipe("default").parent / "training" / f"{name}.toml"


def paper_plan(files: PaperFiles, seed: int = 0) -> Plan:
    """The paper's own, from the user's files (`check_files` has looked at them)."""
    assert files.annotations is not None
    assert files.images is not None
    assert files.densepose is not None
    finetune = load_training_recipe(training_recipe("paper-finetune"))
    return Plan(
        scale="paper",
        recipe=paper_recipe(files),
        people=PAPER_PEOPLE,
        seed=seed,
        test=AnnotatedSet(annotations=files.annotations, images=files.images, densepose=files.densepose),
        real_model=files.checkpoint,
        learnt=None,
        real=None,
        finetune=finetune,
        scratch=load_training_recipe(training_recipe("paper-scratch")),
        symmetry=files.densepose / SYMMETRY,
        points=points_of(finetune.run.steps),
        figure_pictures=100,
        figure_points=100,
        made_up=(0, 0),
        draws=200,
    )


def paper_recipe(files: PaperFiles) -> Recipe:
    """The recipe `paper` with the user's folders in place of its own."""
    assert files.densepose is not None
    recipe = load_recipe("paper")
    table = recipe_to_table(recipe)
    for section, key, path in (
        ("body", "files", files.smpl),
        ("body", "charts", files.densepose / CHARTS),
        ("people", "clips", files.captures),
        ("background", "folder", files.backgrounds),
        ("occluders", "folder", files.objects),
        ("appearance", "textures", files.textures),
        ("appearance", "layout", files.texture_layout if files.textures is not None else None),
    ):
        table.setdefault(section, {}).pop(key, None)
        if path is not None:
            table[section][key] = str(path)
    if files.harmoniser is None:
        table["harmonise"] = {"method": "off"}
    else:
        table["harmonise"]["checkpoint"] = str(files.harmoniser)
    return recipe_from_table(table, "the recipe `paper` with your folders")


def tiny_plan(out: Path, seed: int = 0, steps: int = 40) -> Plan:
    """All of it in minutes on a CPU: free assets, made-up annotated pictures, networks of a few thousand weights."""
    small = {"width": 128, "height": 128, "edge_samples": 1}
    finetune = shrink(load_training_recipe(training_recipe("paper-finetune")), steps)
    scratch = shrink(load_training_recipe(training_recipe("paper-scratch")), steps)
    real = replace(scratch, model=replace(scratch.model, coarse=2), run=replace(scratch.run, steps=2 * steps))
    made_up = out / "made-up"
    return Plan(
        scale="tiny",
        recipe=recipe_from_table({"picture": small, "people": {"count": [1, 2], "shells": False}}, "tiny"),
        people=12,
        seed=seed,
        test=AnnotatedSet(annotations=made_up / "test.json", images=made_up / "pictures" / "images"),
        real_model=None,
        learnt=AnnotatedSet(annotations=made_up / "train.json", images=made_up / "pictures" / "images"),
        real=real,
        finetune=finetune,
        scratch=scratch,
        symmetry=None,
        points=points_of(steps, 2),
        figure_pictures=3,
        figure_points=8,
        made_up=(6, 10),
        draws=20,
    )


def shrink(recipe: TrainingRecipe, steps: int) -> TrainingRecipe:
    """The same training of a tiny network on small pictures, with a rate at which few steps do something."""
    model: ModelSettings = replace(recipe.model, size="tiny", short_sides=(128,), long_side=160, weights=None)
    return replace(
        recipe,
        model=model,
        optimiser=replace(recipe.optimiser, rate=0.02, clip=5.0, warmup=min(recipe.optimiser.warmup, steps // 4)),
        run=replace(recipe.run, steps=steps, save_every=max(steps // 2, 1), log_every=1),
    )


def points_of(steps: int, count: int = 7) -> tuple[int, ...]:
    """Steps at which to look: `count` of them, evenly, the last one with them."""
    return tuple(sorted({max(round(steps * k / count), 1) for k in range(1, count + 1)}))


def with_source(recipe: TrainingRecipe, *sources: SourceSettings, weights: Path | None = None) -> TrainingRecipe:
    """A training with these pictures, from these weights."""
    return replace(
        recipe,
        model=replace(recipe.model, weights=weights),
        data=replace(recipe.data, sources=tuple(sources)),
    )


def plan_to_table(plan: Plan) -> dict[str, Any]:
    return settings_to_table(plan)


def fingerprint(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
