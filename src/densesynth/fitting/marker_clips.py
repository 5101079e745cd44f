"""Marker files of a clip folder, fitted once and kept in the cache as clips, so that any format is a source of poses.

What is kept depends on the file's content, the body, and the way of fitting; it is AMASS's layout, as `densesynth fit`
writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from densesynth.bodies import BodyAssets
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.differentiable import DifferentiableBody, differentiable_anny
from densesynth.body.differentiable_smpl import differentiable_smpl
from densesynth.body.smpl_people import SmplPeople
from densesynth.cache import cache_folder, make_key
from densesynth.errors import AssetError, DatasetError
from densesynth.fitting.fit import fit_markers
from densesynth.fitting.fitted import every_nth, write_fitted
from densesynth.fitting.parts import open_parts
from densesynth.fitting.settings import METHOD, FitSettings
from densesynth.motion.clip import MotionClip
from densesynth.motion.markers import MarkerSet, built_in_marker_sets, choose_marker_set, load_marker_set
from densesynth.motion.read import is_markers, read_clip, read_markers
from densesynth.motion.source import list_clips

RATE = 25.0  # Hz, about: captures run at 100 and more, and ten poses a second are looked at (motion.source)
_TOLD = 256  # frames of a clip above which its progress is told on the way
_NEUTRAL = 0.5

Report = Callable[[str], None]


@dataclass(frozen=True)
class FittedFolder:
    """What became of a folder's marker files: clips, and the reasons of those that can't be used."""

    clips: dict[Path, MotionClip]
    refused: dict[Path, str]


def fit_folder(
    folder: Path, assets: BodyAssets, marker_set: str | None = None, report: Report | None = None
) -> FittedFolder:
    """Every marker file in a folder and the folders in it as a clip, read from the cache or fitted and put there.

    marker_set: a built-in one's name or a TOML file; by default the built-in one that knows most of a file's labels.
    The body is the recipe's: Anny, or of SMPL's family the neutral file's, else the first one's. report: told, a line
    each, of every fit and how far a long one is. Raises AssetError for a folder that isn't one or a marker set that
    can't be read, DatasetError for a cache that can't be written.
    """
    chosen = None if marker_set is None else load_marker_set(marker_set)
    clips: dict[Path, MotionClip] = {}
    refused: dict[Path, str] = {}
    body: DifferentiableBody | None = None
    for file in list_clips(folder):
        try:
            if not is_markers(file):
                continue
            kept = cache_folder("fits") / f"{make_key(_parts(file, assets, chosen))}.npz"
            clip = _read_kept(kept)
            if clip is None:
                body = body or _open(assets)
                _fit(file, kept, body, chosen, report)
                clip = read_clip(kept)
            clips[file] = clip
        except AssetError as error:
            refused[file] = str(error)
    return FittedFolder(clips, refused)


def _parts(file: Path, assets: BodyAssets, marker_set: MarkerSet | None) -> list[str | bytes]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise AssetError(f"{file}: can't be read ({error.strerror or error})") from None
    body = [f"{one.role} {one.sha256}" for one in assets.files] or ["anny"]
    names = ", ".join(assets.body.betas_names)
    return [
        str(METHOD),
        str(RATE),
        file.suffix.lower(),
        names,
        *body,
        repr(marker_set or built_in_marker_sets()),
        content,
    ]


def _read_kept(path: Path) -> MotionClip | None:
    if not path.is_file():
        return None
    try:
        return read_clip(path)
    except AssetError:
        return None  # cut off: fitted again


def _open(assets: BodyAssets) -> DifferentiableBody:
    body = assets.body
    if isinstance(body, SmplPeople):
        return differentiable_smpl(body.bodies.get(_NEUTRAL, body.first))
    # Poses on another mesh are those on Anny's own.
    return differentiable_anny(body if isinstance(body, AnnyBody) and body.retopology is None else load_anny())


def _fit(file: Path, kept: Path, body: DifferentiableBody, marker_set: MarkerSet | None, report: Report | None) -> None:
    whole = read_markers(file)
    clip = every_nth(whole, max(1, round(whole.frame_rate / RATE)))
    marker_set = marker_set or choose_marker_set(clip.labels, str(file))
    if report is not None:
        report(f"fitting {body.name} to the markers of {file.name} ({clip.frames} frames), once …")
    tenths = 0

    def tell(done: int, total: int) -> None:
        nonlocal tenths
        if report is not None and clip.frames > _TOLD and 10 * done // total > tenths:
            tenths = 10 * done // total
            report(f"  {file.name}: {10 * tenths} % of {total} frames")

    settings = FitSettings()
    parts = open_parts(clip, body, marker_set, settings)
    fitted = fit_markers(clip, body, marker_set, settings, tell, parts)
    try:
        write_fitted(kept, fitted, body)
    except DatasetError as error:
        raise DatasetError(
            f"{kept.parent}: fitted clips can't be kept there ({error.__cause__}); set XDG_CACHE_HOME to a folder that "
            "can be written"
        ) from None
    parts.forget()
