"""A dataset's charts: on the body it was made with, whose files are found again by content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from densesynth.bodies import is_free, reopen_body
from densesynth.config import recipe_from_table
from densesynth.data.dataset import MANIFEST, Dataset
from densesynth.data.samples import Charts
from densesynth.surface.atlas import Atlas, load_atlas


@dataclass(frozen=True, kw_only=True, eq=False)
class DatasetCharts:
    """atlas: charts on the body's mesh, face by face as the dataset's surface points count them. charts: whose U, V
    they are."""

    atlas: Atlas
    charts: Charts


def open_charts(dataset: Dataset, elsewhere: Path | None = None) -> DatasetCharts:
    """The charts of a dataset of ours. elsewhere: where its body's files are now. Raises AssetError for a file that is
    missing or has changed."""
    manifest = dataset.manifest
    table = {"body": manifest.configuration.get("body", {})}
    settings = recipe_from_table(table, str(dataset.folder / MANIFEST)).body
    if is_free(settings):
        return DatasetCharts(atlas=load_atlas("anny"), charts="densesynth")
    atlas = reopen_body(settings, manifest.body_files, elsewhere).atlas
    return DatasetCharts(atlas=atlas, charts="densesynth" if settings.charts is None else "densepose")
