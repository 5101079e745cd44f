"""The paper's experiment from one end to the other: people, two trainings, labels, three tables, two figures.

Straight through: `check_files` → `generate_people` → `train_model` → `label_pictures` → `score_people` →
`look_at_training` → the report. Every stage goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from densesynth.data.dataset import lock_output
from densesynth.data.files import make_folder, write_bytes
from densesynth.data.results import read_boxes, read_results
from densesynth.errors import ConfigurationError, DatasetError
from densesynth.evaluate import Advance
from densesynth.evaluation.published import TableName
from densesynth.evaluation.truth import read_truth
from densesynth.reproduction.plan import Plan, plan_to_table, with_source
from densesynth.training.recipe import SourceSettings

RUN = "run.json"


def reproduce(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    device: str = "cpu",
    progress: bool = False,
    advance: Advance | None = None,
) -> Path:
    """Do what is left of the plan; returns the report's page. Raises DensesynthError; what is finished stays."""
    check_same_run(plan_to_table(plan), out)
    with lock_output(out):
        return _reproduce(plan, out, workers, device, progress, advance)


def _reproduce(plan: Plan, out: Path, workers: int, device: str, progress: bool, advance: Advance | None) -> Path:
    from densesynth.reproduction.figures import draw_side_by_side, plot_training
    from densesynth.reproduction.report import report_content, write_report_page
    from densesynth.reproduction.stages import (
        generate_people,
        label_pictures,
        look_at_training,
        make_annotated,
        score_people,
        thin,
        train_model,
        truth_of_frames,
    )

    test = plan.test
    if plan.learnt is not None:
        make_annotated(test, plan.learnt, out / "made-up", plan.made_up, plan.seed + 1)
    people = generate_people(
        plan.recipe, out, people=plan.people, seed=plan.seed, workers=workers, device=device, progress=progress
    )
    trained = {}
    real = plan.real_model
    if real is None:
        if plan.real is None or plan.learnt is None:
            raise ConfigurationError("no model trained on real people, and no pictures to train one from")
        source = SourceSettings(kind="densepose", path=plan.learnt.annotations, images=plan.learnt.images)
        trained["real"] = train_model(
            with_source(plan.real, source), out, "real", points=(), device=device, progress=progress
        )
        real = trained["real"].model
    synthetic = SourceSettings(kind="dataset", path=people.folder, symmetry=plan.symmetry)
    for name, recipe, weights in (("finetune", plan.finetune, real), ("scratch", plan.scratch, None)):
        trained[name] = train_model(
            with_source(recipe, synthetic, weights=weights),
            out, name, points=plan.points, device=device, progress=progress,
        )  # fmt: skip
    truth = read_truth(test.annotations)
    mine = trained["finetune"].model
    labelled = {
        "table2": label_pictures(real, test, out, "table2", boxes=None, device=device, advance=advance),
        "table1": label_pictures(mine, test, out, "table1", boxes=None, device=device, advance=advance),
    }
    given = read_boxes(labelled["table2"].results, truth.sizes)
    labelled["table3"] = label_pictures(mine, test, out, "table3", boxes=given, device=device, advance=advance)
    tables: tuple[TableName, ...] = ("table1", "table2", "table3")
    found = {name: read_results(labelled[name].results, truth.sizes) for name in tables}
    scores = {
        name: score_people(test, found[name], found[name], out, name, draws=plan.draws, advance=advance)
        for name in tables
    }
    seen = thin(truth_of_frames(people.folder, plan.figure_pictures), plan.figure_pictures, plan.figure_points)
    unseen = thin(truth, plan.figure_pictures, plan.figure_points)
    points = [
        point
        for name in ("finetune", "scratch")
        for point in look_at_training(
            name, trained[name], seen, people.folder / "images", unseen, test.images, test.densepose, out,
            device=device, advance=advance,
        )
    ]  # fmt: skip
    columns = {
        "trained on real people (Table 2)": found["table2"],
        "fine-tuned on synthetic people (Table 1)": found["table1"],
    }
    strips = draw_side_by_side(truth, test.images, columns, 6)
    curves = plot_training(points, {name: out / name for name in ("finetune", "scratch")})
    content = report_content(plan, scores, points, people, trained, labelled)
    return write_report_page(plan, content, scores, strips, tuple(columns), curves, out)


def check_same_run(table: Mapping[str, Any], out: Path, others: Sequence[str] = ()) -> None:
    """Remember in run.json what a run is of; raise DatasetError where the folder was begun with another,
    or holds other files than `others`."""
    content = msgspec.json.format(msgspec.json.encode(dict(table)), indent=1)
    path = out / RUN
    if path.is_file():
        if path.read_bytes() != content:
            raise DatasetError(f"{out}: begun with other files or settings (run.json); choose another --out")
        return
    make_folder(out)
    if any(entry.name not in others for entry in out.iterdir()):
        raise DatasetError(f"{out}: holds other files; choose a new --out")
    write_bytes(path, content)
