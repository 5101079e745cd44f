"""Which official files lie in the user's folders, told by their content, and what is missing, with source and licence.

What `densesynth assets check FOLDER…` prints. Only headers are read, and of pickles the whole where they are small
enough; nothing in a file is executed.
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import whosmat

from densesynth.body.smpl_files import FACES, SIZES, tell_sex
from densesynth.errors import AssetError
from densesynth.pickles import parse_pickle
from densesynth.retopology import LICENCE, ROLE, SUFFIX, WHERE, is_table, read_table
from densesynth.surface.official import CHART_FACES, CHART_VERTICES

PICKLE_LIMIT = 600 * 2**20  # bytes; SMPL's pickles have some 40 MB, SMPL-X's some 540 MB
HEAD = 4096
TABLE_LIMIT = 16 * 2**20  # bytes; Anny's table for SMPL's mesh has less than one MB
CSE_VERTICES, CSE_FACES = 27554, 55104
_SMPL_LICENCE = "non-commercial research, registration; see the site"
_DENSEPOSE_LICENCE = "CC BY-NC 4.0; made from SMPL, whose licence holds too"


@dataclass(frozen=True)
class KnownAsset:
    """A file (or kind of file) densesynth can use: what it is for, where one obtains it, under which licence."""

    key: str
    use: str
    where: str
    licence: str


KNOWN_ASSETS: tuple[KnownAsset, ...] = (
    *(
        KnownAsset(f"SMPL {sex}", "body", where, _SMPL_LICENCE)
        for sex, where in (
            ("male", "https://smpl.is.tue.mpg.de"),
            ("female", "https://smpl.is.tue.mpg.de"),
            ("neutral", "https://smpl.is.tue.mpg.de (v1.1) or https://smplify.is.tue.mpg.de"),
        )
    ),
    *(
        KnownAsset(f"{family} {sex}", f"body with {parts}", where, _SMPL_LICENCE)
        for family, parts, where in (
            ("SMPL-H", "fingers", "https://mano.is.tue.mpg.de (extended SMPL+H model)"),
            ("SMPL-X", "fingers and face", "https://smpl-x.is.tue.mpg.de"),
        )
        for sex in ("male", "female", "neutral")
    ),
    KnownAsset(
        "UV_Processed.mat", "DensePose's charts on SMPL",
        "https://dl.fbaipublicfiles.com/densepose/densepose_uv_data.tar.gz", _DENSEPOSE_LICENCE,
    ),
    KnownAsset(
        "UV_symmetry_transforms.mat", "flipping DensePose labels",
        "https://dl.fbaipublicfiles.com/densepose/densepose_uv_data.tar.gz", _DENSEPOSE_LICENCE,
    ),
    *(
        KnownAsset(
            name, "official evaluation (GPS)",
            "https://dl.fbaipublicfiles.com/densepose/densepose_eval_data.tar.gz", _DENSEPOSE_LICENCE,
        )
        for name in ("SMPL_subdiv.mat", "SMPL_SUBDIV_TRANSFORM.mat", "Pdist_matrix.pkl")
    ),
    KnownAsset(
        "CSE mesh smpl_27554", "vertex labels of DensePose CSE",
        "https://dl.fbaipublicfiles.com/densepose/meshes/smpl_27554.pkl", _DENSEPOSE_LICENCE,
    ),
    KnownAsset(ROLE, "Anny's bodies with DensePose's charts", WHERE, LICENCE),
    KnownAsset("AMASS motion", "poses (SMPL-H and SMPL-X captures)", "https://amass.is.tue.mpg.de", _SMPL_LICENCE),
    KnownAsset(
        "SURREAL texture", "skin and clothing of SMPL bodies",
        "https://www.di.ens.fr/willow/research/surreal/data", "non-commercial research; ask on the site",
    ),
)  # fmt: skip
_BY_KEY = {asset.key: asset for asset in KNOWN_ASSETS}


@dataclass(frozen=True)
class FoundAsset:
    """A recognised file. key: that of `KNOWN_ASSETS`, or a family without sex where neither content nor name tells."""

    path: Path
    key: str
    detail: str


@dataclass(frozen=True)
class BrokenAsset:
    """A file that seems to be an asset and can't be used, with the reason in one line."""

    path: Path
    reason: str


@dataclass(frozen=True)
class AssetReport:
    """What was found, what is broken, and which known assets were not found."""

    found: tuple[FoundAsset, ...]
    broken: tuple[BrokenAsset, ...]
    missing: tuple[KnownAsset, ...]


def check_assets(folders: Iterable[Path]) -> AssetReport:
    """Look through folders (and files given by name). Raises AssetError for one that isn't there."""
    found: list[FoundAsset] = []
    broken: list[BrokenAsset] = []
    for path in _files(folders):
        try:
            asset = recognise(path)
        except AssetError as error:
            broken.append(BrokenAsset(path, str(error)))
            continue
        if asset is not None:
            found.append(asset)
    keys = {asset.key for asset in found}
    missing = tuple(asset for asset in KNOWN_ASSETS if asset.key not in keys)
    return AssetReport(tuple(found), tuple(broken), missing)


def format_assets(report: AssetReport) -> str:
    """The report as text: found, broken, missing."""
    lines = [f"Found: {len(report.found)}"] if report.found else ["Found: nothing that densesynth knows"]
    counts: dict[str, list[FoundAsset]] = {}
    for asset in report.found:
        counts.setdefault(asset.key, []).append(asset)
    for key, assets in counts.items():
        for asset in assets[:3]:
            lines.append(f"  {key}: {asset.path} ({asset.detail})")
        if len(assets) > 3:
            lines.append(f"  {key}: and {len(assets) - 3} more")
        if key in _BY_KEY:
            lines.append(f"    licence: {_BY_KEY[key].licence}")
    if report.broken:
        lines += ["Broken:", *(f"  {asset.reason}" for asset in report.broken)]
    if report.missing:
        lines.append("Missing (each only for what stands beside it):")
        lines += [
            f"  {asset.key}: {asset.use}\n    from {asset.where}; licence: {asset.licence}" for asset in report.missing
        ]
    return "\n".join(lines)


def recognise(path: Path) -> FoundAsset | None:
    """One file by its content; None for anything else. Raises AssetError for an asset that is damaged or unusable."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    if path.suffix == SUFFIX and path.stat().st_size < TABLE_LIMIT and is_table(path):
        table = read_table(path)
        return FoundAsset(path, ROLE, f"{len(table.corners)} vertices, {len(table.faces)} triangles")
    if head.startswith(b"PK"):
        return _recognise_table(path, _npz_shapes(path)) if path.suffix == ".npz" else None
    if head.startswith(b"MATLAB"):
        return _recognise_mat(path)
    if head[:3] == b"\xff\xd8\xff" or head.startswith(b"\x89PNG"):
        return _recognise_picture(path)
    if path.suffix.lower() in (".pkl", ".pickle"):
        return _recognise_pickle(path, head)
    return None


def _files(folders: Iterable[Path]) -> list[Path]:
    files: set[Path] = set()
    for folder in folders:
        if folder.is_file():
            files.add(folder)
        elif folder.is_dir():
            files.update(Path(root) / name for root, _, names in os.walk(folder) for name in names)
        else:
            raise AssetError(f"{folder}: there is no such folder; give folders that hold your downloads")
    return sorted(files)


_Shapes = Mapping[str, tuple[int, ...]]
_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0}


def _npz_shapes(path: Path) -> _Shapes:
    """Shapes of an .npz's arrays from their headers alone."""
    shapes = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    read = _NPY_HEADERS.get(np.lib.format.read_magic(member), np.lib.format.read_array_header_2_0)
                    shapes[name.removesuffix(".npy")] = read(member)[0]
    except (ValueError, OSError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, struct.error) as error:
        raise AssetError(f"{path}: cut off or damaged ({error}); download it again") from None
    return shapes


def _recognise_table(path: Path, shapes: _Shapes, table: Mapping[str, Any] | None = None) -> FoundAsset | None:
    """Models of the SMPL family, motions of AMASS and CSE meshes, by names and shapes of their arrays."""
    if "v_template" in shapes and "weights" in shapes:
        return _recognise_model(path, shapes, table or {})
    if {"poses", "trans", "betas"} <= set(shapes) and len(shapes["poses"]) == 2:
        frames, width = shapes["poses"]
        family = {156: "SMPL-H", 165: "SMPL-X"}.get(width)
        if family is None:
            raise AssetError(f"{path}: seems an AMASS motion, with poses of width {width}; expected 156 or 165")
        if shapes["trans"] != (frames, 3):
            raise AssetError(f"{path}: {frames} poses with {shapes['trans']} translations; download it again")
        return FoundAsset(path, "AMASS motion", f"{family}, {frames} frames")
    if {"vertices", "faces"} <= set(shapes) and len(shapes["vertices"]) == 2:
        size = (shapes["vertices"][0], shapes["faces"][0])
        if size == (CSE_VERTICES, CSE_FACES):
            return FoundAsset(path, "CSE mesh smpl_27554", f"{size[0]} vertices, {size[1]} triangles")
    return None


def _recognise_model(path: Path, shapes: _Shapes, table: Mapping[str, Any]) -> FoundAsset:
    if shapes["weights"] not in SIZES:
        known = ", ".join(f"{family.upper()} {v}×{j}" for (v, j), family in SIZES.items())
        raise AssetError(f"{path}: a model with weights {shapes['weights']}; expected {known}")
    family = SIZES[shapes["weights"]]
    joints = shapes["weights"][1]
    expected = {"posedirs": (shapes["weights"][0], 3, 9 * (joints - 1)), "f": (FACES[family], 3)}
    for key, shape in expected.items():
        if shapes.get(key) != shape:
            raise AssetError(f"{path}: {key} is {shapes.get(key, 'missing')}; expected {shape}: cut off, or converted")
    name = {"smpl": "SMPL", "smplh": "SMPL-H", "smplx": "SMPL-X"}[family]
    sex = tell_sex(table, path)
    count = shapes.get("shapedirs", (0, 0, 0))[-1]
    detail = f"{count} shape directions" + ("" if sex else "; sex told neither by content nor by name: pass it")
    return FoundAsset(path, f"{name} {sex}" if sex else name, detail)


def _recognise_mat(path: Path) -> FoundAsset | None:
    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}
    except Exception as error:  # scipy raises whatever the damaged bytes lead it to
        raise AssetError(f"{path}: MATLAB file cut off or damaged ({error}); download it again") from None

    def size(name: str) -> int:
        return int(np.prod(shapes[name]))

    charts = {"All_vertices", "All_Faces", "All_FaceIndices", "All_U_norm", "All_V_norm"}
    if charts & set(shapes):
        absent = charts - set(shapes)
        if absent:
            raise AssetError(
                f"{path}: UV_Processed.mat without {', '.join(sorted(absent))}: cut off; download it again"
            )
        found = (size("All_vertices"), size("All_FaceIndices"))
        if found != (CHART_VERTICES, CHART_FACES):
            raise AssetError(
                f"{path}: UV_Processed.mat with {found[0]} chart vertices and {found[1]} triangles; expected "
                f"{CHART_VERTICES} and {CHART_FACES}: truncated; download it again"
            )
        return FoundAsset(path, "UV_Processed.mat", f"{found[0]} chart vertices, {found[1]} triangles")
    if {"U_transforms", "V_transforms"} <= set(shapes):
        if size("U_transforms") != 24 or size("V_transforms") != 24:
            raise AssetError(f"{path}: UV_symmetry_transforms.mat of {size('U_transforms')} parts; expected 24")
        return FoundAsset(path, "UV_symmetry_transforms.mat", "24 parts")
    if {"U_subdiv", "V_subdiv", "Part_ID_subdiv"} <= set(shapes):
        return FoundAsset(path, "SMPL_subdiv.mat", f"{size('Part_ID_subdiv')} chart vertices")
    if "index" in shapes and len(shapes) == 1 and size("index") > 6890:
        return FoundAsset(path, "SMPL_SUBDIV_TRANSFORM.mat", f"{size('index')} chart vertices")
    return None


def _recognise_pickle(path: Path, head: bytes) -> FoundAsset | None:
    size = path.stat().st_size
    if b"Pdist_matrix" in head:
        entries = CSE_VERTICES * (CSE_VERTICES - 1) // 2
        if size < 4 * entries:
            raise AssetError(
                f"{path}: Pdist_matrix.pkl of {size} bytes; expected at least {4 * entries} (distances of "
                f"{CSE_VERTICES} vertices): cut off; download it again"
            )
        return FoundAsset(path, "Pdist_matrix.pkl", f"{size / 1e9:.2f} GB, header only")
    if size > PICKLE_LIMIT:
        return None
    try:
        table = parse_pickle(path.read_bytes(), str(path))
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    if not isinstance(table, Mapping):
        return None
    return _recognise_table(
        path, {str(key): np.shape(value) for key, value in table.items() if _is_array(value)}, table
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "nnz")


_TEXTURE_NAME = re.compile(r"(?:non)?grey_(?:male|female)_\d+\.(?:jpe?g|png)", re.IGNORECASE)


def _recognise_picture(path: Path) -> FoundAsset | None:
    """SURREAL's textures: a picture tells by its content only its size, so the name has a say here."""
    if _TEXTURE_NAME.fullmatch(path.name) is None:
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise AssetError(f"{path}: damaged or cut off; download it again")
    height, width = picture.shape[:2]
    if height != width:
        raise AssetError(f"{path}: a texture of {width}×{height}; expected SURREAL's square ones (512×512)")
    return FoundAsset(path, "SURREAL texture", f"{width}×{height}")
