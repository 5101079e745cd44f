"""Seeded files with the keys, shapes and dtypes of the official SMPL family: no official number is in them.

Vertices lie about a stick figure of the right size, each skinned to its nearest joints, so that a posed one still looks
like a person; faces join neighbours at random. Everything else is noise of a plausible size.
"""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from densesynth.body.smpl_files import FACES, SIZES
from densesynth.geometry.skeleton import PARENTS

COUNTS = {family: size for size, family in SIZES.items()}
_BODY = (
    (0, 0, 0), (0.06, -0.09, 0), (-0.06, -0.09, 0), (0, 0.11, -0.02), (0.1, -0.47, 0), (-0.1, -0.47, 0),
    (0, 0.24, 0.01), (0.09, -0.87, -0.04), (-0.09, -0.87, -0.04), (0, 0.3, 0.03), (0.12, -0.93, 0.08),
    (-0.12, -0.93, 0.08), (0, 0.51, -0.01), (0.08, 0.42, 0), (-0.08, 0.42, 0), (0, 0.58, 0.03), (0.17, 0.45, -0.01),
    (-0.17, 0.45, -0.01), (0.43, 0.43, -0.04), (-0.43, 0.43, -0.04), (0.68, 0.44, -0.04), (-0.68, 0.44, -0.04),
)  # fmt: skip


def skeleton(family: str) -> tuple[np.ndarray, np.ndarray]:
    """Rest joints (metres, y up, facing +z) and parents of the family's tree."""
    hands = []
    for sign in (1, -1):
        for z in (0.03, 0.01, -0.03, -0.01, 0.04):  # index, middle, pinky, ring, thumb
            hands += [(sign * (0.74 + 0.03 * k), 0.44, z - 0.04) for k in range(3)]
    body = list(_BODY)
    if family == "smpl":
        return np.array([*body, (0.77, 0.44, -0.04), (-0.77, 0.44, -0.04)]), np.array([*PARENTS[:22], 20, 21])
    if family == "smplh":
        return np.array(body + hands), np.array(PARENTS)
    face = [(0, 0.6, 0.05), (0.03, 0.66, 0.08), (-0.03, 0.66, 0.08)]
    parents = [parent + 3 if parent >= 22 else parent for parent in PARENTS[22:]]
    return np.array(body + face + hands), np.array([*PARENTS[:22], 15, 15, 15, *parents])


def make_tables(family: str, seed: int = 0, betas: int | None = None) -> dict[str, Any]:
    """The arrays of a seeded model, keys and shapes as in the official file."""
    rng = np.random.default_rng(seed)
    vertices, joints = COUNTS[family]
    heads, parents = skeleton(family)
    owner = rng.integers(1, joints, vertices)
    share = rng.random((vertices, 1))
    bone = heads[owner] * share + heads[np.maximum(parents[owner], 0)] * (1 - share)
    template = bone + rng.normal(0, 0.04, (vertices, 3))
    nearest = np.linalg.norm(template[:, None] - heads, axis=2).argsort(axis=1)[:, :4]  # four bones, as official
    weights = np.zeros((vertices, joints))
    np.put_along_axis(weights, nearest, rng.dirichlet((2, 1, 1, 0.5), vertices), axis=1)
    regressor = np.zeros((joints, vertices))
    for joint, head in enumerate(heads):
        ring = np.linalg.norm(template - head, axis=1).argsort()[:12]
        regressor[joint, ring] = rng.dirichlet(np.ones(12))
    columns = betas or {"smpl": 10, "smplh": 16, "smplx": 400}[family]
    faces = np.concatenate([np.arange(vertices), rng.integers(0, vertices, FACES[family] * 3 - vertices)])
    tree = np.stack([parents, np.arange(joints)]).astype(np.int64)
    tree[0, 0] = 2**32 - 1
    table: dict[str, Any] = {
        "v_template": template,
        "f": rng.permutation(faces).reshape(-1, 3).astype(np.uint32),
        "shapedirs": rng.normal(0, 0.01, (vertices, 3, columns)),
        "posedirs": 1e-3 * rng.standard_normal((vertices, 3, 9 * (joints - 1)), dtype=np.float32).astype(np.float64),
        "J_regressor": regressor,
        "kintree_table": tree,
        "weights": weights,
        "J": regressor @ template,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    if family == "smpl":
        table["kintree_table"] = tree.astype(np.uint32)
        table["J_regressor"] = sparse.csc_matrix(regressor)
        table["vert_sym_idxs"] = np.arange(vertices)
    else:
        for side in "lr":
            table[f"hands_components{side}"] = np.linalg.qr(rng.normal(size=(45, 45)))[0]
            table[f"hands_mean{side}"] = rng.normal(0, 0.2, 45)
            table[f"hands_coeffs{side}"] = rng.normal(0, 1, (1554, 45))
    if family == "smplx":
        table["lmk_faces_idx"] = rng.integers(0, FACES[family], 51)
        table["lmk_bary_coords"] = rng.dirichlet(np.ones(3), 51)
        table["joint2num"] = np.array({"Pelvis": 0}, dtype=object)  # Python objects that must not be touched
    return table


def write_npz(path: Path, table: dict[str, Any]) -> Path:
    """As SMPL-H and SMPL-X come."""
    dense = {key: value.toarray() if sparse.issparse(value) else value for key, value in table.items()}
    np.savez(path, allow_pickle=True, **dense)
    return path


class _Ch:
    """Pickles as chumpy's arrays do, by name."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __getstate__(self) -> dict[str, Any]:
        return {"x": self.x, "_dirty_vars": set(), "_itr": None, "_status": "undefined", "_depends_on_deps": {}}


def write_pickle(path: Path, table: dict[str, Any], *, chumpy: bool = True, protocol: int = 2) -> Path:
    """As SMPL comes: a Python-2 pickle, shape directions a chumpy array, scipy's and NumPy's old module names."""
    stored = dict(table)
    if chumpy:
        stored["shapedirs"] = _Ch(table["shapedirs"])
    _Ch.__module__, _Ch.__name__, _Ch.__qualname__ = "chumpy.ch", "Ch", "Ch"
    fakes = {"chumpy": types.ModuleType("chumpy"), "chumpy.ch": types.ModuleType("chumpy.ch")}
    fakes["chumpy.ch"].Ch = _Ch  # type: ignore[attr-defined]
    sys.modules.update(fakes)
    try:
        content = pickle.dumps(stored, protocol=protocol)
    finally:
        for name in fakes:
            del sys.modules[name]
    for new, old in ((b"numpy._core.multiarray", b"numpy.core.multiarray"), (b"sparse._csc", b"sparse.csc")):
        if protocol < 4:  # names stand in lines of their own, so their length may change
            content = content.replace(b"c" + new + b"\n", b"c" + old + b"\n").replace(
                b"cscipy." + new + b"\n", b"cscipy." + old + b"\n"
            )
    path.write_bytes(content)
    return path
