"""A recipe's body: its files found and told apart by content, the body they make, its charts and its paint.

Bodies on other meshes (SMPL's family, Anny on SMPL's mesh) wear the paint made for Anny, carried over their skin, and
Anny's charts where the user has no `UV_Processed.mat`. Files are remembered by role, path and SHA-256, so that an audit
poses the very same bodies again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from densesynth.appearance.looks import AppearanceSettings, Library, open_library
from densesynth.appearance.paint import Paint, load_paint
from densesynth.appearance.textures import Surface
from densesynth.arrays import Array
from densesynth.assets import KNOWN_ASSETS, KnownAsset, recognise
from densesynth.body.anny import AnnyBody, load_anny, load_anny_on
from densesynth.body.body import Body
from densesynth.body.smpl import load_smpl
from densesynth.body.smpl_files import Family, Sex
from densesynth.body.smpl_people import gather_people
from densesynth.data.schema import BodyFile, Licence
from densesynth.errors import AssetError, ConfigurationError
from densesynth.retopology import ROLE, find_table, read_table
from densesynth.scene.asset_folder import keep_readable
from densesynth.scene.settings import BodySettings
from densesynth.skin import JoinedSkin, carry_charts, join_to_anny
from densesynth.surface.atlas import Atlas, ReferenceMesh, load_atlas
from densesynth.surface.carry import carry_fields
from densesynth.surface.cse import read_cse_mesh
from densesynth.surface.official import make_official_atlas, read_official_charts
from densesynth.surface.textures import coordinates_layout, read_npz_layout, read_obj_layout

Report = Callable[[str], None]
EXPRESSIONS = 10  # coefficients of SMPL-X's that faces have
SUFFIXES = (".pkl", ".npz", ".mat", ".pickle", ".pth")
MESHES: dict[Family, str] = {"smpl": "smpl", "smplh": "smpl", "smplx": "smplx"}  # whose vertices `dp_vertex` counts
_SPELLED: dict[Family, str] = {"smpl": "SMPL", "smplh": "SMPL-H", "smplx": "SMPL-X"}
_KNOWN: dict[str, KnownAsset] = {asset.key: asset for asset in KNOWN_ASSETS}
_CHARTS, _CSE = "UV_Processed.mat", "CSE mesh smpl_27554"


@dataclass(frozen=True, eq=False)
class BodyAssets:
    """A body, the charts on it, and the files of the user's it was made from.

    joined: its skin on Anny's; None for Anny itself.
    """

    body: Body
    atlas: Atlas
    files: tuple[BodyFile, ...] = ()
    joined: JoinedSkin | None = None

    def make_paint(self, device: str) -> Paint:
        """Anny's paint, or what of it falls on this body."""
        if self.joined is None:
            return load_paint(self.body.faces, device)
        anny = load_paint(self.joined.map.target_faces, device)
        fields = carry_fields(self.joined.map, anny.fields)
        return Paint(fields, anny.category[self.joined.under], np.ascontiguousarray(self.body.faces), device)


def open_body(settings: BodySettings, report: Report | None = None) -> BodyAssets:
    """The body that a recipe asks for. Raises AssetError, ConfigurationError, one line each."""
    if is_free(settings):
        return _open_anny(report)
    if settings.model == "anny":
        files = [_remember(ROLE, find_table(settings.files))]
    else:
        files = _find_models(settings, report)
    for role, path in ((_CHARTS, settings.charts), (_CSE, settings.cse_mesh)):
        if path is not None:
            files.append(_remember(role, path))
    return _load(settings, files, report)


def open_textures(settings: AppearanceSettings, assets: BodyAssets, paint: Paint) -> Library | None:
    """The UV pictures of a recipe; None where it has none. Raises AssetError, ConfigurationError."""
    if settings.textures is None:
        return None
    faces = assets.body.faces
    if settings.layout is not None:
        npz = settings.layout.suffix.lower() == ".npz"
        layout = read_npz_layout(settings.layout, faces) if npz else read_obj_layout(settings.layout, faces)
    elif isinstance(assets.body, AnnyBody) and assets.joined is None:
        layout = coordinates_layout(faces, assets.body.texture_corners(), "Anny's texture coordinates")
    else:
        raise ConfigurationError(
            f"{assets.body.name} comes without texture coordinates; give `appearance.layout`: the OBJ of its UV map "
            "(smpl_uv.obj), or an .npz with `vt` and `ft`"
        )
    return open_library(settings, Surface(paint, layout, whole=assets.joined is not None), keep_readable)


def reopen_body(
    settings: BodySettings, files: Sequence[BodyFile], elsewhere: Path | None = None, report: Report | None = None
) -> BodyAssets:
    """The body a dataset was made with, from the same files (by SHA-256): where they were, or in `elsewhere`.

    Raises AssetError that names a file that is missing or has changed, and says what to do.
    """
    if is_free(settings):
        return _open_anny(report)
    return _load(settings, [_find_again(file, elsewhere) for file in files], report)


def licences_of(files: Sequence[BodyFile]) -> list[Licence]:
    """What the manifest says of the user's files."""
    return [
        Licence(
            name=f"{file.role}: {file.name}",
            licence=_KNOWN[file.role].licence if file.role in _KNOWN else _KNOWN["SMPL neutral"].licence,
            source=f"{_KNOWN[file.role].where if file.role in _KNOWN else file.path}; sha256 {file.sha256}",
        )
        for file in files
    ]


def is_free(settings: BodySettings) -> bool:
    """Whether it is Anny on its own mesh, which needs no file of the user's."""
    return settings.model == "anny" and settings.topology == "own"


def _open_anny(report: Report | None) -> BodyAssets:
    body, atlas = load_anny(report), load_atlas("anny")
    atlas.check_topology(body.faces)
    return BodyAssets(body, atlas)


def _load(settings: BodySettings, files: Sequence[BodyFile], report: Report | None) -> BodyAssets:
    by_role = {file.role: Path(file.path) for file in files}
    body: Body
    mirror: Array | None = None
    if ROLE in by_role:
        anny = load_anny_on(read_table(by_role[ROLE]), report)
        body, mesh, rest = anny, "smpl", anny.at_rest(anny.average_betas())
    else:
        models = [file for file in files if file.role not in (_CHARTS, _CSE)]
        people = gather_people(
            [load_smpl(Path(file.path), settings.betas, EXPRESSIONS, _sex_of(file.role)) for file in models]
        )
        first = people.first
        body, mesh, rest, mirror = people, MESHES[first.family], first.rest_position, first.data.mirror
    joined = join_to_anny(body, report)
    if _CHARTS in by_role:
        atlas = make_official_atlas(read_official_charts(by_role[_CHARTS]), body.faces, rest, mirror, mesh)
    else:
        atlas = carry_charts(joined, rest, mesh)
    if _CSE in by_role:
        cse = read_cse_mesh(by_role[_CSE], atlas)
        atlas = replace(atlas, reference=ReferenceMesh("smpl_27554", cse.rest))
    return BodyAssets(body, atlas, tuple(files), joined)


def _sex_of(role: str) -> Sex | None:
    sexes: dict[str, Sex] = {"male": "male", "female": "female", "neutral": "neutral"}
    return sexes.get(role.rpartition(" ")[2])


def _find_models(settings: BodySettings, report: Report | None) -> list[BodyFile]:
    """The model's files in the folder, told by content."""
    assert settings.files is not None  # BodySettings checks
    spelled = _SPELLED[settings.model] if settings.model != "anny" else ""
    if settings.files.is_file():
        found = recognise(settings.files)
        if found is None or found.key.partition(" ")[0] != spelled:
            held = "no model of the family" if found is None else found.key
            raise AssetError(f"{settings.files}: expected a file of {spelled}, found {held}")
        return [_remember(found.key, settings.files)]
    if not settings.files.is_dir():
        raise AssetError(f"{settings.files}: expected the folder (or a file) of {spelled}, found nothing there")
    if report is not None:
        report(f"looking for {spelled} in {settings.files} …")
    by_key: dict[str, list[Path]] = {}
    broken: list[str] = []
    for path in sorted(settings.files.rglob("*")):
        if path.suffix.lower() in (".pkl", ".npz", ".pickle") and path.is_file():
            try:
                asset = recognise(path)
            except AssetError as error:
                broken.append(str(error))  # of no interest where the files that are needed are whole
                continue
            if asset is not None:
                by_key.setdefault(asset.key, []).append(path)
    files = []
    for gender in settings.genders:
        key = f"{spelled} {gender}"
        paths = by_key.get(key, [])
        if not paths:
            held = ", ".join(sorted(by_key)) or "no model"
            unread = f"; a file that can't be read: {broken[0]}" if broken else ""
            raise AssetError(
                f"{settings.files}: expected {key}, found {held}; it is at {_KNOWN[key].where}, or leave {gender} out "
                f"of `genders`{unread}"
            )
        if len(paths) > 1:
            raise AssetError(f"{settings.files}: {paths[0]} and {paths[1]} are both {key}; give a folder with one")
        files.append(_remember(key, paths[0]))
    return files


def _remember(role: str, path: Path) -> BodyFile:
    return BodyFile(role=role, name=path.name, path=str(path), sha256=_hash(path))


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error}); give the path of the file") from None


def _find_again(file: BodyFile, elsewhere: Path | None) -> BodyFile:
    """The file with that content; of the same name first, then any of a kind."""
    if elsewhere is None:
        path = Path(file.path)
        state = "is not there" if not path.is_file() else "has other content now"
        if path.is_file() and _hash(path) == file.sha256:
            return file
        raise AssetError(
            f"{path}: the dataset was made with this file ({file.role}, sha256 {file.sha256[:12]}…), and it {state}; "
            "give the folder that holds it with --body"
        )
    paths = [elsewhere] if elsewhere.is_file() else sorted(elsewhere.rglob("*"))
    candidates = [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    for path in sorted(candidates, key=lambda one: one.name != file.name):
        if _hash(path) == file.sha256:
            return BodyFile(role=file.role, name=file.name, path=str(path), sha256=file.sha256)
    raise AssetError(
        f"{elsewhere}: holds no file with the content of {file.name} ({file.role}, sha256 {file.sha256[:12]}…), which "
        "the dataset was made with"
    )
