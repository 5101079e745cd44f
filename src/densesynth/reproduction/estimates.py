"""How much a plan is: its stages with sizes and times, before anything starts."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.evaluation.truth import read_truth
from densesynth.reproduction.plan import Plan

# Measured on two EPYC cores without a GPU (benchmarks/README.md, docs/model.md); other machines differ.
FRAME_SECONDS, FRAME_PIXELS, FRAME_BYTES = 0.06, 512 * 512, 0.75e6  # one core
STEP_SECONDS = 14.5  # two pictures of 1088×800, everything learning
LABEL_SECONDS = 2.3  # a picture of five people
STATE_BYTES = 0.5e9
TINY_STEP_SECONDS, TINY_LABEL_SECONDS, TINY_STATE_BYTES = 0.25, 0.05, 6e6


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """seconds: on two CPU cores. size: bytes on disk."""

    stage: str
    work: str
    seconds: float
    size: float


def estimate(plan: Plan, workers: int) -> tuple[Estimate, ...]:
    """The stages in their order. Raises DatasetError when the annotations can't be read."""
    tiny = plan.scale == "tiny"
    each = sum(plan.recipe.people.count) / 2
    frames = round(plan.people / each)
    share = plan.recipe.picture.width * plan.recipe.picture.height / FRAME_PIXELS
    step, label, state = (
        (TINY_STEP_SECONDS, TINY_LABEL_SECONDS, TINY_STATE_BYTES)
        if tiny
        else (STEP_SECONDS, LABEL_SECONDS, STATE_BYTES)
    )
    pictures = plan.made_up[0] if tiny else len(read_truth(plan.test.annotations).images)
    rows = []
    if tiny:
        rows.append(("made-up annotated pictures", f"{sum(plan.made_up)} pictures", sum(plan.made_up) * 0.3, 3e6))
    rows.append(
        (
            "synthetic people",
            f"{plan.people:,} people in about {frames:,} pictures",
            frames * FRAME_SECONDS * max(share, 0.3) / max(workers, 1),
            frames * FRAME_BYTES * share,
        )
    )
    trainings = [("real", plan.real), ("finetune", plan.finetune), ("scratch", plan.scratch)]
    for name, recipe in trainings:
        if recipe is not None:
            copies = 4 + (len(plan.points) if name != "real" else 1)
            rows.append((f"training: {name}", f"{recipe.run.steps:,} steps", recipe.run.steps * step, copies * state))
    for name in ("table2", "table1", "table3"):
        rows.append((f"labelling: {name}", f"{pictures:,} pictures", pictures * label, pictures * 60e3))
    rows.append(("scores: three tables", "GPS, GPSm, Segm, box AP", 60.0, 10e6))
    looks = 2 * 2 * len(plan.points) * plan.figure_pictures
    rows.append(("Figure 5", f"{looks:,} pictures labelled", looks * label, 1e6))
    rows.append(("report", "report.html, report.json", 20.0, 2e6))
    return tuple(Estimate(stage=stage, work=work, seconds=time, size=size) for stage, work, time, size in rows)
