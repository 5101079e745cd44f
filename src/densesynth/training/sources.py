"""Where samples come from: datasets on disk, recipes rendered while training, DensePose-COCO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from densesynth.charted import open_charts
from densesynth.config import load_recipe
from densesynth.data.dataset import open_dataset
from densesynth.data.densepose_coco import open_densepose_coco
from densesynth.data.samples import Charts, Sample, read_sample, sample_of_frame
from densesynth.data.warp import Mirrors
from densesynth.errors import ConfigurationError
from densesynth.surface.mirror import ChartMirror, mirror_atlas, read_symmetry_transforms
from densesynth.training.recipe import SourceSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """read: item → sample. length: how many items there are; None: without end, item i is frame i."""

    read: Callable[[int], Sample]
    length: int | None


def open_source(settings: SourceSettings) -> Source:
    """Open a source of samples. Raises DatasetError, AssetError or ConfigurationError when it can't be used."""
    if settings.kind == "dataset":
        return open_disk(settings)
    if settings.kind == "stream":
        return open_stream(settings)
    return open_annotated(settings)


def open_disk(settings: SourceSettings) -> Source:
    dataset = open_dataset(settings.path)
    if not len(dataset):
        raise ConfigurationError(f"{settings.path}: the dataset holds no finished frame; generate some first")
    known = open_charts(dataset)

    def read(item: int) -> Sample:
        sample = read_sample(dataset, dataset.indices[item], known.atlas)
        return replace(sample, charts=known.charts)

    return Source(read=read, length=len(dataset))


def open_stream(settings: SourceSettings) -> Source:
    """Frames rendered when they are asked for: item i is frame i of the run with the source's seed."""
    from densesynth.frames import Generator

    recipe = load_recipe(settings.path)
    generator, body = Generator(recipe), recipe.body

    def read(item: int) -> Sample:
        frame = generator.frame(settings.seed, item)
        sample = sample_of_frame(frame, generator.atlas, f"{settings.path.stem} seed {settings.seed} frame {item}")
        return sample if body.charts is None else replace(sample, charts="densepose")

    return Source(read=read, length=None)


def open_annotated(settings: SourceSettings) -> Source:
    """DensePose-COCO's pictures on which somebody has dense labels."""
    if settings.images is None:
        raise ConfigurationError(f'{settings.path}: a source of kind "densepose" needs `images`, its pictures\' folder')
    file = open_densepose_coco(settings.path, settings.images)
    return Source(read=file.sample, length=len(file))


def mirrors_of(sources: Sequence[SourceSettings]) -> Mirrors:
    """How each kind of charts is mirrored; DensePose's only with the user's file: without it they aren't flipped."""
    table: ChartMirror | None = None
    for settings in sources:
        if settings.symmetry is not None:
            table = read_symmetry_transforms(settings.symmetry)
    known: dict[Charts, ChartMirror] = {"densesynth": mirror_atlas}
    return known if table is None else known | {"densepose": table}
