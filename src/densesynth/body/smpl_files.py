"""Reading the official files of SMPL (.pkl, .npz), SMPL-H and SMPL-X (.npz, .pkl): checked arrays come out.

The files are the user's to bring: their licences forbid handing them on. Pickles are read as data (`pickles`), and of
an .npz only the arrays that are needed, so nothing in a file is ever executed.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from densesynth.arrays import Array, Float64, Int32, Int64
from densesynth.errors import AssetError, ConfigurationError
from densesynth.pickles import read_pickle

Family = Literal["smpl", "smplh", "smplx"]
Sex = Literal["male", "female", "neutral"]

SIZES: dict[tuple[int, int], Family] = {(6890, 24): "smpl", (6890, 52): "smplh", (10475, 55): "smplx"}
FACES: dict[Family, int] = {"smpl": 13776, "smplh": 13776, "smplx": 20908}
SMPLX_SHAPES, SMPLX_EXPRESSIONS = 300, 100  # of SMPL-X v1.1; v1.0 has SHORT of each
SHORT = 10
_NEEDED = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights")
_HANDS = ("hands_componentsl", "hands_componentsr", "hands_meanl", "hands_meanr")
_OPTIONAL = ("vert_sym_idxs", "gender")


@dataclass(frozen=True, eq=False)
class SmplData:
    """One file of the family, in SMPL's own frame (y up, facing +z, the person's left +x), metres.

    shapes, expressions: offsets of each coefficient. pose_shapes: offsets of each element of (R − 1) of the joints but
    the first, row by row. hand_components: 45 principal components of the left hand's pose and of the right's (rows);
    hand_means: the hands' mean pose; None where the file has no fingers. mirror: each vertex's counterpart on the other
    side, where the file says so.
    """

    source: str
    family: Family
    sex: Sex | None
    template: Float64[Array, "v 3"]
    faces: Int32[Array, "f 3"]
    shapes: Float64[Array, "v 3 s"]
    expressions: Float64[Array, "v 3 e"]
    pose_shapes: Float64[Array, "v 3 p"]
    joint_regressor: Float64[Array, "j v"]
    parents: Int64[Array, "j"]
    weights: Float64[Array, "v j"]
    hand_components: Float64[Array, "2 c 45"] | None
    hand_means: Float64[Array, "2 45"] | None
    mirror: Int64[Array, "v"] | None


def read_smpl(path: Path, betas: int = 10, expressions: int = 10, sex: Sex | None = None) -> SmplData:
    """Read a file of the family, whatever its name.

    betas, expressions: how many coefficients to keep (SMPL-X alone has expressions). sex: of the body; by default what
    the file or, failing that, its name and folder say, else None. Raises AssetError for a file that isn't one of the
    family's or is damaged, ConfigurationError for more coefficients than it has.
    """
    table = read_table(path, _NEEDED, _HANDS + _OPTIONAL)
    data = _check(table, str(path))
    family = SIZES[data["weights"].shape]
    shapes, faces = split_shapes(data["shapedirs"], family)
    if not 1 <= betas <= shapes.shape[2]:
        raise ConfigurationError(f"{path}: has {shapes.shape[2]} shape coefficients; betas = {betas} must lie in that")
    kept = min(expressions, faces.shape[2]) if family == "smplx" else 0
    if family == "smplx" and expressions > faces.shape[2]:
        raise ConfigurationError(
            f"{path}: has {faces.shape[2]} expression coefficients, and {expressions} were asked for"
        )
    hands = all(key in table for key in _HANDS)
    mirror = table.get("vert_sym_idxs")
    return SmplData(
        source=str(path),
        family=family,
        sex=sex or tell_sex(table, path),
        template=data["v_template"],
        faces=data["f"].astype(np.int32),
        shapes=np.array(shapes[:, :, :betas], dtype=np.float64),
        expressions=np.array(faces[:, :, :kept], dtype=np.float64),
        pose_shapes=data["posedirs"],
        joint_regressor=data["J_regressor"],
        parents=data["kintree_table"],
        weights=data["weights"],
        hand_components=np.stack([_hand(table, f"hands_components{s}", (-1, 45)) for s in "lr"]) if hands else None,
        hand_means=np.stack([_hand(table, f"hands_mean{s}", (45,)) for s in "lr"]) if hands else None,
        mirror=None if mirror is None else _mirror(mirror, len(data["v_template"]), str(path)),
    )


def read_table(path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The named arrays of an .npz or a pickle. Raises AssetError when the file or a needed array is missing."""
    try:
        zipped = zipfile.is_zipfile(path)
        if not path.exists():
            raise AssetError(f"{path}: there is no such file; give the path of the model file you downloaded")
        table: Mapping[str, Any] = _read_npz(path, needed + optional) if zipped else read_pickle(path)
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    if not isinstance(table, Mapping):
        raise AssetError(f"{path}: expected a table of named arrays, found a {type(table).__name__}")
    missing = [key for key in needed if key not in table]
    if missing:
        raise AssetError(
            f"{path}: no model of the SMPL family: lacks {', '.join(missing)}; "
            "`densesynth assets check` says what it is and where the models are"
        )
    return {key: table[key] for key in needed + optional if key in table}


def _read_npz(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in keys if key in archive.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise AssetError(f"{path}: damaged, or holds Python objects ({error}); download the file again") from None


def _check(table: dict[str, Any], source: str) -> dict[str, Array]:
    """Dtypes and shapes that everything after relies on."""
    data = {key: _numbers(table[key], key, source) for key in _NEEDED}
    size = data["weights"].shape
    if size not in SIZES:
        known = ", ".join(f"{family} {v}×{j}" for (v, j), family in SIZES.items())
        raise AssetError(f"{source}: weights of {_shape(size)}; expected vertices × joints of {known}")
    vertices, joints = size
    data["kintree_table"] = _parents(data["kintree_table"], joints, source)
    if data["shapedirs"].ndim == 2:
        data["shapedirs"] = data["shapedirs"][:, :, None]
    expected = {
        "v_template": (vertices, 3),
        "f": (FACES[SIZES[size]], 3),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "shapedirs": (vertices, 3, data["shapedirs"].shape[-1]),
    }
    for key, shape in expected.items():
        if data[key].shape != shape:
            raise AssetError(f"{source}: {key} is {_shape(data[key].shape)}; expected {_shape(shape)}")
    faces = data["f"]
    if faces.min() < 0 or faces.max() >= vertices:
        raise AssetError(f"{source}: f names vertices {faces.min():.0f}..{faces.max():.0f}; there are {vertices}")
    for key in ("v_template", "posedirs", "J_regressor", "weights"):
        data[key] = np.array(data[key], dtype=np.float64)
        if not np.isfinite(data[key]).all():
            raise AssetError(f"{source}: {key} holds values that are no numbers; download the file again")
    if not np.isfinite(data["shapedirs"]).all():
        raise AssetError(f"{source}: shapedirs holds values that are no numbers; download the file again")
    if np.abs(data["weights"].sum(axis=1) - 1.0).max() > 1e-3:
        raise AssetError(f"{source}: skinning weights don't sum to 1; download the file again")
    return data


def _numbers(value: Any, key: str, source: str) -> Array:
    if sparse.issparse(value):
        value = value.toarray() if value.shape[0] * value.shape[1] < 10**7 else None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise AssetError(f"{source}: {key} is no array of numbers")
    return value


def _parents(tree: Array, joints: int, source: str) -> Int64[Array, "j"]:
    """Row 0 of the table holds each joint's parent; the root's is −1, in files also 2³² − 1."""
    if tree.shape != (2, joints):
        raise AssetError(f"{source}: kintree_table is {_shape(tree.shape)}; expected {_shape((2, joints))}")
    parents = np.concatenate([[-1], tree[0, 1:].astype(np.int64)])
    if (parents[1:] < 0).any() or (parents[1:] >= np.arange(1, joints)).any():
        raise AssetError(f"{source}: kintree_table is no tree with parents before children; download the file again")
    return parents


def split_shapes(shapedirs: Array, family: Family) -> tuple[Array, Array]:
    """Shape and expression directions; SMPL-X keeps both in one array (300 + 100 in v1.1, 10 + 10 in v1.0)."""
    count = shapedirs.shape[2]
    if family != "smplx" or count < 2 * SHORT:
        return shapedirs, shapedirs[:, :, :0]
    if count < SMPLX_SHAPES + SMPLX_EXPRESSIONS:
        return shapedirs[:, :, :SHORT], shapedirs[:, :, SHORT : 2 * SHORT]
    return shapedirs[:, :, :SMPLX_SHAPES], shapedirs[:, :, SMPLX_SHAPES : SMPLX_SHAPES + SMPLX_EXPRESSIONS]


def tell_sex(table: Mapping[str, Any], path: Path) -> Sex | None:
    """What the file says, else its name or its folder's: most official files tell their sex by name alone."""
    said = table.get("gender")
    words = [str(said)] if said is not None else []
    for text in (*words, path.name, path.parent.name):
        for word in re.split(r"[^a-z]+", text.lower()):
            if word in _SEX_WORDS:
                return _SEX_WORDS[word]
    return None


_SEX_WORDS: dict[str, Sex] = {
    "male": "male", "m": "male", "female": "female", "f": "female", "neutral": "neutral", "n": "neutral",
}  # fmt: skip


def _hand(table: dict[str, Any], key: str, shape: tuple[int, ...]) -> Float64[Array, "..."]:
    return np.asarray(table[key], dtype=np.float64).reshape(shape)


def _mirror(value: Any, vertices: int, source: str) -> Int64[Array, "v"] | None:
    mirror = np.asarray(value).ravel()
    if mirror.dtype.kind not in "iu" or len(mirror) != vertices or mirror.min() < 0 or mirror.max() >= vertices:
        raise AssetError(f"{source}: vert_sym_idxs is no list of {vertices} vertices")
    mirror = mirror.astype(np.int64)
    return mirror if np.array_equal(mirror[mirror], np.arange(vertices)) else None


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
