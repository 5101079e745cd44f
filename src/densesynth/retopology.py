"""Anny on SMPL's mesh: the table that lays it there, a download of its own which may not be handed on.

`anny2smpl.pth`, as Anny's package reads it (`anny.models.retopology`): `anny2dst_vertex_indices` (6890, 3) of
MakeHuman's base mesh, `anny2dst_barycentric_coordinates` (3, 6890), `dst_faces` (13776, 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from densesynth.arrays import Array
from densesynth.body.anny_mesh import SOURCE_VERTICES, Retopology
from densesynth.errors import AssetError
from densesynth.torch_file import read_torch_file

ROLE = "Anny on SMPL's mesh"
WHERE = "https://download.europe.naverlabs.com/humans/Anny/noncommercial.zip"
LICENCE = "non-commercial use only; LICENSE.txt and NOTICE.txt in the archive"
VERTICES, FACES = 6890, 13776
NAME, SUFFIX = "anny2smpl.pth", ".pth"
_CORNERS, _WEIGHTS, _FACES = "anny2dst_vertex_indices", "anny2dst_barycentric_coordinates", "dst_faces"
_SUM_TOLERANCE = 1e-3


def find_table(files: Path | None) -> Path:
    """The table: a file, one in a folder or below it; by default where Anny's own package puts its download.

    Raises AssetError that says where one obtains it. Nothing is downloaded here.
    """
    if files is not None and files.is_file():
        return files
    if files is None:
        from anny.paths import get_anny_cache_path

        path = Path(get_anny_cache_path()) / "noncommercial" / NAME
        if path.is_file():
            return path
        place = f"{path}: not there"
    else:
        found = sorted(files.rglob(NAME))
        if found:
            return found[0]
        place = f"{files}: no {NAME} there"
    raise AssetError(f"{place}; Anny on SMPL's mesh needs it: unpack {WHERE} ({LICENCE}) and name it in `body.files`")


def is_table(path: Path) -> bool:
    """Whether a file holds such a table, by its content or, where that can't be read, by its name."""
    try:
        table = read_torch_file(path, {}, "a table of vertices")
    except AssetError:
        return path.name == NAME
    return isinstance(table, Mapping) and {_CORNERS, _WEIGHTS, _FACES} <= set(table)


def read_table(path: Path) -> Retopology:
    """Read it, whatever its name. Raises AssetError for a file that is damaged, or for another mesh."""
    table = read_torch_file(path, {}, "Anny's table for SMPL's mesh")
    if not isinstance(table, Mapping) or not {_CORNERS, _WEIGHTS, _FACES} <= set(table):
        held = ", ".join(sorted(map(str, table))) if isinstance(table, Mapping) else type(table).__name__
        raise AssetError(f"{path}: expected {_CORNERS}, {_WEIGHTS} and {_FACES}, found {held}; get it from {WHERE}")
    corners, weights, faces = (np.asarray(table[key]) for key in (_CORNERS, _WEIGHTS, _FACES))
    if weights.shape == (3, len(corners)):
        weights = weights.T
    for key, array, shape, kinds in (
        (_CORNERS, corners, (VERTICES, 3), "iu"),
        (_WEIGHTS, weights, (VERTICES, 3), "f"),
        (_FACES, faces, (FACES, 3), "iu"),
    ):
        if array.shape != shape or array.dtype.kind not in kinds:
            raise AssetError(
                f"{path}: {key} is {array.dtype} {array.shape}; expected {shape}: another mesh, or cut off"
            )
    _check_range(path, _CORNERS, corners, SOURCE_VERTICES)
    _check_range(path, _FACES, faces, VERTICES)
    weights = weights.astype(np.float64)
    if not np.isfinite(weights).all() or np.abs(weights.sum(axis=1) - 1.0).max() > _SUM_TOLERANCE:
        raise AssetError(f"{path}: {_WEIGHTS} that don't sum to 1; damaged: get it from {WHERE}")
    return Retopology(
        name="anny-smpl",
        corners=corners.astype(np.int64),
        weights=weights / weights.sum(axis=1, keepdims=True),
        faces=np.ascontiguousarray(faces.astype(np.int32)),
    )


def _check_range(path: Path, key: str, numbers: Array, count: int) -> None:
    if numbers.min() < 0 or numbers.max() >= count:
        raise AssetError(
            f"{path}: {key} names vertices {int(numbers.min())} to {int(numbers.max())}; expected 0 to {count - 1}"
        )
