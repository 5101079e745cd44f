"""Everything the user brings, looked at before anything starts: a line for each thing, good or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from densesynth.assets import recognise
from densesynth.body.smpl_files import Sex
from densesynth.errors import DensesynthError
from densesynth.evaluate import OFFICIAL
from densesynth.evaluation.chart_mesh import read_official_chart_mesh
from densesynth.evaluation.truth import read_truth
from densesynth.model.checkpoint import read_state, settings_of
from densesynth.motion.source import open_clips
from densesynth.reproduction.files import CHARTS, OPTIONAL, SYMMETRY, PaperFiles
from densesynth.scene.backdrop import load_backdrops
from densesynth.scene.occluders import open_cutouts
from densesynth.surface.geodesic import read_official_distances
from densesynth.surface.mirror import read_symmetry_transforms
from densesynth.surface.official import read_official_charts
from densesynth.texturing import judge_folder

MINIVAL = (1508, 5581)  # pictures, people
SEXES: tuple[Sex, ...] = ("male", "female")


@dataclass(frozen=True, kw_only=True)
class Check:
    """name: the option. good: None where something optional wasn't given. line: what was found, or what is wrong."""

    name: str
    good: bool | None
    line: str


def check_files(files: PaperFiles) -> tuple[Check, ...]:
    """Look at all of it; reads heads and counts, and of big files no more than needed."""
    return tuple(_check(field.name, getattr(files, field.name), files) for field in fields(files))


def _check(name: str, path: Path | None, files: PaperFiles) -> Check:
    if path is None:
        optional = name in OPTIONAL
        line = f"not given; {_WITHOUT[name]}" if optional else f"needed: {_NEEDED[name]}"
        return Check(name=name, good=None if optional else False, line=line)
    try:
        return Check(name=name, good=True, line=_LOOK[name](path, files))
    except DensesynthError as error:
        return Check(name=name, good=False, line=str(error))
    except OSError as error:
        return Check(name=name, good=False, line=f"{path}: can't be read ({error.strerror or error})")


def _look_at_annotations(path: Path, _: PaperFiles) -> str:
    truth = read_truth(path)
    labelled = sum(person.points is not None for person in truth.annotations)
    if not labelled:
        raise DensesynthError(f"{path}: nobody has dense labels; expected densepose_coco_2014_minival.json")
    size = (len(truth.images), len(truth.annotations))
    other = "" if size == MINIVAL else f" (minival has {MINIVAL[0]:,} and {MINIVAL[1]:,}: other figures will come out)"
    return f"{size[0]:,} pictures, {size[1]:,} people, {labelled:,} with dense labels{other}"


def _look_at_images(path: Path, files: PaperFiles) -> str:
    if not path.is_dir():
        raise DensesynthError(f"{path}: no folder; expected COCO's val2014")
    if files.annotations is None or not files.annotations.is_file():
        return "a folder; its pictures can be counted once there are annotations"
    truth = read_truth(files.annotations)
    missing = [image.file_name for image in truth.images.values() if not (path / image.file_name).is_file()]
    if missing:
        raise DensesynthError(
            f"{path}: {len(missing):,} of {len(truth.images):,} annotated pictures are missing (one is {missing[0]})"
        )
    return f"all {len(truth.images):,} annotated pictures"


def _look_at_densepose(path: Path, _: PaperFiles) -> str:
    wanted = (*OFFICIAL, CHARTS, SYMMETRY)
    missing = [name for name in wanted if not (path / name).is_file()]
    if missing:
        raise DensesynthError(f"{path}: lacks {', '.join(missing)}; expected {', '.join(wanted)} in one folder")
    mesh = read_official_chart_mesh(path / OFFICIAL[0], path / OFFICIAL[1])
    distances = read_official_distances(path / OFFICIAL[2])
    if distances.vertices != mesh.vertices:
        raise DensesynthError(
            f"{path / OFFICIAL[2]}: distances of {distances.vertices} vertices, and {OFFICIAL[0]} has {mesh.vertices}"
        )
    charts = read_official_charts(path / CHARTS)
    read_symmetry_transforms(path / SYMMETRY)
    return f"distances of {distances.vertices:,} vertices; charts of {len(charts.faces):,} triangles; mirror tables"


def _look_at_smpl(path: Path, _: PaperFiles) -> str:
    if not path.is_dir():
        raise DensesynthError(f"{path}: no folder; expected SMPL's male and female files in it")
    found = {}
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in (".pkl", ".npz", ".pickle") and file.is_file():
            asset = recognise(file)
            if asset is not None:
                found[asset.key] = file.name
    missing = [f"SMPL {sex}" for sex in SEXES if f"SMPL {sex}" not in found]
    if missing:
        held = ", ".join(sorted(found)) or "no model"
        raise DensesynthError(
            f"{path}: expected {' and '.join(missing)}, found {held} (`densesynth assets check` helps)"
        )
    return ", ".join(f"{key}: {found[key]}" for key in (f"SMPL {sex}" for sex in SEXES))


def _look_at_captures(path: Path, _: PaperFiles) -> str:
    open_clips(path, None)
    return "motion clips that can be read"


def _look_at_backgrounds(path: Path, _: PaperFiles) -> str:
    load_backdrops(path)
    return "pictures to stand before (the paper has 3,456)"


def _look_at_checkpoint(path: Path, _: PaperFiles) -> str:
    settings = settings_of(read_state(path), str(path))
    if settings.head.kind != "deeplab" or settings.backbone.depth != 50:
        raise DensesynthError(
            f"{path}: a R_{settings.backbone.depth} with the {settings.head.kind} head; the paper starts from "
            "densepose_rcnn_R_50_FPN_DL_s1x (model_final_0ed407.pkl)"
        )
    return "DensePose R-CNN, ResNet-50, DeepLab head"


def _look_at_textures(path: Path, files: PaperFiles) -> str:
    if files.smpl is None or files.texture_layout is None:
        raise DensesynthError(f"{path}: textures lie on SMPL's body: give --smpl and --texture-layout with them")
    library = judge_folder(path, files.smpl, files.texture_layout)
    bad = len(library.left_out)
    return f"{len(library.textures)} pictures can be used, {bad} can't; they make {library.count_people():,} people"


def _look_at_texture_layout(path: Path, _: PaperFiles) -> str:
    if not path.is_file():
        raise DensesynthError(f"{path}: no such file; expected smpl_uv.obj of SMPL's site")
    return "a layout of textures; --textures tells whether it fits"


def _look_at_objects(path: Path, _: PaperFiles) -> str:
    cutouts = open_cutouts(path)
    return f"{len(cutouts.paths)} cut-outs (the paper has 227)"


def _look_at_harmoniser(path: Path, _: PaperFiles) -> str:
    from densesynth.compose.harmonise.harmoniser import open_harmoniser
    from densesynth.compose.harmonise.settings import HarmoniseSettings

    open_harmoniser(HarmoniseSettings(method="rain", checkpoint=path), "cpu")
    return "RainNet"


_NEEDED = {
    "annotations": "DensePose-COCO's densepose_coco_2014_minival.json",
    "images": "COCO's val2014 folder",
    "densepose": f"the folder of DensePose's UV data: {', '.join((*OFFICIAL, CHARTS, SYMMETRY))}",
    "smpl": "the folder of SMPL's male and female files",
    "captures": "a folder of motion clips (AMASS, BVH, or `densesynth fit` of Qualisys captures)",
    "backgrounds": "a folder of people-free pictures (the paper has 3,456 of COCO's)",
    "checkpoint": "the zoo's model_final_0ed407.pkl",
}
_WITHOUT = {
    "textures": "skin and clothes are painted",
    "texture_layout": "needed with --textures alone",
    "objects": "made-up objects hide people",
    "harmoniser": "pictures aren't harmonised",
}
_LOOK: dict[str, Callable[[Path, PaperFiles], str]] = {
    "annotations": _look_at_annotations,
    "images": _look_at_images,
    "densepose": _look_at_densepose,
    "smpl": _look_at_smpl,
    "captures": _look_at_captures,
    "backgrounds": _look_at_backgrounds,
    "checkpoint": _look_at_checkpoint,
    "textures": _look_at_textures,
    "texture_layout": _look_at_texture_layout,
    "objects": _look_at_objects,
    "harmoniser": _look_at_harmoniser,
}
