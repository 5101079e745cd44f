"""Predictions against annotations: read, measure every pair once, and score; `evaluation.report` writes it down.

Straight through: `read_predictions` (or `detect_people`) → `measure_pairs` → AP of each mode with intervals → outlines,
and errors on exact truth (datasets of ours).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from densesynth.charted import open_charts
from densesynth.data.dataset import Dataset
from densesynth.data.dump import read_dump
from densesynth.data.record import IMAGES
from densesynth.data.results import Box, Detection, read_boxes, read_results
from densesynth.errors import ConfigurationError
from densesynth.evaluation.average_precision import AREAS, MODES, accumulate, match_all, summarise
from densesynth.evaluation.bootstrap import intervals
from densesynth.evaluation.chart_mesh import ChartMesh, chart_mesh_of_atlas, read_official_chart_mesh
from densesynth.evaluation.coco import score_boxes, score_masks
from densesynth.evaluation.detect import detect_people, is_checkpoint, open_predictor
from densesynth.evaluation.edges import describe_edges, measure_edges
from densesynth.evaluation.pairs import Rules, measure_pairs
from densesynth.evaluation.report import Evaluation
from densesynth.evaluation.surface_error import measure_people
from densesynth.evaluation.truth import Truth, open_truth
from densesynth.surface.atlas import load_atlas
from densesynth.surface.geodesic import Distances, MeshDistances, read_official_distances

OFFICIAL = ("SMPL_subdiv.mat", "SMPL_SUBDIV_TRANSFORM.mat", "Pdist_matrix.pkl")
Advance = Callable[[str, int, int], None]  # what is done, how many of them, of how many in all


def read_predictions(path: Path, truth: Truth) -> tuple[tuple[Detection, ...], tuple[Detection | Box, ...]]:
    """Detections, and what box AP counts: a results .json, or a dump of `apply_net`. Raises AssetError."""
    if path.suffix.lower() == ".json":
        found = read_results(path, truth.sizes)
        return found, found
    return read_dump(path, truth.ids_by_name, truth.sizes)


def open_mesh(
    folder: Path | None, truth: Truth, dataset: Dataset | None = None, advance: Advance | None = None
) -> tuple[ChartMesh, Distances]:
    """What GPS is measured on: DensePose's files of `folder`, or the body's mesh (a dataset's own, Anny's by default).

    advance: is told how many rows of distances are computed. Raises DensesynthError.
    """
    if folder is not None:
        subdivided, transform, distances = (folder / name for name in OFFICIAL)
        for path in (subdivided, transform, distances):
            if not path.exists():
                raise ConfigurationError(f"{path}: missing; --densepose needs a folder with {', '.join(OFFICIAL)}")
        return read_official_chart_mesh(subdivided, transform), read_official_distances(distances)
    models = {str(person.entry.get("ref_model")) for person in truth.annotations if person.points is not None}
    if dataset is None and models - {"anny"}:
        raise ConfigurationError(
            f"{truth.source}: labels on {', '.join(sorted(models - {'anny'}))}, not Anny: give --densepose FOLDER with "
            f"{', '.join(OFFICIAL)}"
        )
    atlas = load_atlas("anny") if dataset is None else open_charts(dataset).atlas
    told = None if advance is None else functools.partial(advance, "rows of geodesic distances")
    return chart_mesh_of_atlas(atlas), MeshDistances(atlas.rest_position, atlas.faces, advance=told)


def evaluate(
    annotations: Path,
    predictions: Path,
    *,
    densepose: Path | None = None,
    boxes: Path | None = None,
    images: Path | None = None,
    strict: bool = False,
    draws: int = 200,
    seed: int = 0,
    device: str = "cpu",
    advance: Advance | None = None,
) -> Evaluation:
    """Score a file of predictions, or a checkpoint (ours or the zoo's) that is run on the pictures.

    densepose: folder of the official files, for labels on SMPL's charts. boxes: COCO results whose boxes the checkpoint
    labels; with a file of predictions, those that box AP is taken of. images: the pictures' folder, a dataset's own
    when left out. draws: bootstrap draws, 0 for none. Raises DensesynthError.
    """
    truth, dataset = open_truth(annotations)
    given = None if boxes is None else read_boxes(boxes, truth.sizes)
    if is_checkpoint(predictions):
        folder = images or images_of(annotations)
        if folder is None:
            raise ConfigurationError(f"{predictions}: to run a checkpoint, give its pictures' folder: --images FOLDER")
        predictor = open_predictor(predictions, device)
        told = None if advance is None else functools.partial(advance, "pictures labelled")
        detections = detect_people(predictor, truth, folder, given, advance=told)
        boxed: Sequence[Detection | Box] = detections
    else:
        detections, boxed = read_predictions(predictions, truth)
        boxed = boxed if given is None else given
    mesh, distances = open_mesh(densepose, truth, dataset, advance)
    return score_detections(
        truth,
        dataset,
        detections,
        boxed,
        mesh,
        distances,
        source=str(annotations),
        predictions=str(predictions),
        strict=strict,
        draws=draws,
        seed=seed,
        advance=advance,
    )


def score_detections(
    truth: Truth,
    dataset: Dataset | None,
    detections: Sequence[Detection],
    boxed: Sequence[Detection | Box],
    mesh: ChartMesh,
    distances: Distances,
    *,
    source: str,
    predictions: str,
    strict: bool = False,
    draws: int = 200,
    seed: int = 0,
    advance: Advance | None = None,
) -> Evaluation:
    """`evaluate` of what has been read."""
    rules = Rules(strict=strict)
    told = None if advance is None else functools.partial(advance, "pictures measured")
    pairs = measure_pairs(truth, detections, mesh, distances, rules, advance=told)
    scores, spread, curves = {}, {}, {}
    for mode in MODES:
        matches = {area: match_all(pairs, mode, area, rules) for area in AREAS}
        curve = {area: accumulate(found) for area, found in matches.items()}
        scores[mode], curves[mode] = summarise(curve), curve["all"]
        spread[mode] = intervals(matches, draws, np.random.default_rng(seed))
    people = None
    if dataset is not None and isinstance(distances, MeshDistances):  # of the mesh that the dataset's surface is on
        atlas = open_charts(dataset).atlas
        people = measure_people(dataset, pairs, atlas, distances, np.random.default_rng(seed))
    labelled = sum(person.points is not None for person in truth.annotations)
    if not labelled:
        warnings.warn(f"{source}: nobody has dense labels, so GPS is undefined (−1)", stacklevel=2)
    return Evaluation(
        source=source,
        predictions=predictions,
        strict=strict,
        counts={
            "pictures": len(truth.images),
            "people": len(truth.annotations),
            "labelled": labelled,
            "detections": len(detections),
        },
        scores=scores,
        spread=spread,
        curves=curves,
        box=score_boxes(truth, boxed),
        mask=score_masks(truth, detections),
        pairs=pairs,
        edges=describe_edges(measure_edges(truth, pairs)),
        people=people,
    )


def images_of(annotations: Path) -> Path | None:
    """Where a dataset of ours keeps its pictures."""
    return annotations / IMAGES if annotations.is_dir() else None
