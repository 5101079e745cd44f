"""Geodesic distances between a mesh's vertices: read from DensePose's file, or computed on any mesh and kept on disk.

Both answer `between(a, b)` for pairs of vertices without ever holding all pairs in memory (DensePose's mesh has
380 million).
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from densesynth.arrays import Array, Float64, Int64
from densesynth.errors import AssetError
from densesynth.pickles import map_pickle
from densesynth.surface.strips import straight_lines

METHOD = 2  # of the computation, part of the cache's key: raised when distances would differ
_WINDOW = 1 << 28  # bytes of a mapped file that are in memory at once
_ROWS = 64  # sources computed together


@runtime_checkable
class Distances(Protocol):
    """Geodesic distances, metres, of a mesh of `vertices` vertices."""

    @property
    def vertices(self) -> int: ...

    def between(self, a: Int64[Array, "n"], b: Int64[Array, "n"]) -> Float64[Array, "n"]:
        """Distance from vertex a to vertex b (from 0) for each pair."""
        ...


class TriangleDistances:
    """All pairs i > j in one array, row after row: the pair stands at i (i − 1) / 2 + j.

    values: (pairs,) of any float type, usually a view of a file; read window by window, so that memory stays small.
    """

    def __init__(self, values: Array, source: str) -> None:
        self.values = values.reshape(-1)
        self.source = source
        self.vertices = (1 + round((1 + 8 * self.values.size) ** 0.5)) // 2
        if self.vertices * (self.vertices - 1) // 2 != self.values.size or self.values.dtype.kind != "f":
            raise AssetError(
                f"{source}: {self.values.size} values of {self.values.dtype}; expected n (n − 1) / 2 distances, "
                "n = 27554 for DensePose's mesh: cut off, or another file"
            )

    def between(self, a: Int64[Array, "n"], b: Int64[Array, "n"]) -> Float64[Array, "n"]:
        high, low = np.maximum(a, b).astype(np.int64), np.minimum(a, b).astype(np.int64)
        if len(high) and (low.min() < 0 or high.max() >= self.vertices):
            raise AssetError(
                f"{self.source}: distances of {self.vertices} vertices, asked for vertex {int(high.max())}: the files "
                "belong to different meshes"
            )
        index = high * (high - 1) // 2 + low
        result = np.zeros(len(index))
        apart = np.flatnonzero(high != low)
        in_window = max(_WINDOW // self.values.itemsize, 1)
        if self.values.size <= in_window:
            result[apart] = self.values[index[apart]]
            return result
        order = apart[np.argsort(index[apart], kind="stable")]
        sorted_index = index[order]
        ends = np.searchsorted(sorted_index, np.arange(0, self.values.size + in_window, in_window))
        for start, end in itertools.pairwise(ends):
            if end > start:
                result[order[start:end]] = self.values[sorted_index[start:end]]
                _forget(self.values)
        return result


def _forget(view: Array) -> None:
    """Give back the memory that a mapped file's pages took; the next read maps them again."""
    base: Any = view
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


def read_official_distances(path: Path) -> TriangleDistances:
    """DensePose's `Pdist_matrix.pkl` (27,554 vertices, metres), left on disk. Raises AssetError."""
    if not path.exists():
        raise AssetError(
            f"{path}: no such file; GPS needs DensePose's geodesic distances (Pdist_matrix.pkl, 1.5 GB), or the "
            "mesh to compute them on"
        )
    table = map_pickle(path)
    values = table.get("Pdist_matrix") if isinstance(table, dict) else None
    if not isinstance(values, np.ndarray):
        raise AssetError(f"{path}: no `Pdist_matrix` in it; expected DensePose's file of geodesic distances")
    return TriangleDistances(values, str(path))


class MeshDistances:
    """Shortest paths over a mesh's surface, one row of distances for each vertex that is asked for, kept on disk.

    Paths are made of straight lines over strips of triangles laid flat (`surface.strips`); they are longer than the
    mesh's geodesics by 0.1 % in the mean (docs/evaluation.md has figures). Pieces of the mesh that aren't joined (eyes)
    are tied to the rest at their nearest vertices.

    folder: where rows are kept. advance: is told (rows computed, rows to compute) while `between` works.
    """

    def __init__(
        self,
        vertices: Array,
        faces: Array,
        folder: Path | None = None,
        advance: Callable[[int, int], None] | None = None,
    ) -> None:
        self.points, self.faces = np.ascontiguousarray(vertices, np.float64), np.ascontiguousarray(faces, np.int64)
        self.vertices = len(self.points)
        self.advance = advance
        key = hashlib.sha256(f"{METHOD} {self.points.shape} {self.faces.shape} ".encode())
        key.update(self.points.tobytes())
        key.update(self.faces.tobytes())
        self.folder = (cache_folder() if folder is None else folder) / key.hexdigest()[:24]
        self._rows: Array | None = None
        self._have: Array | None = None

    @cached_property
    def graph(self) -> csr_matrix:
        """Made when the first row is missing: some seconds."""
        return surface_graph(self.points, self.faces)

    def between(self, a: Int64[Array, "n"], b: Int64[Array, "n"]) -> Float64[Array, "n"]:
        rows, have = self._open()
        missing = np.unique(a)
        missing = missing[have[missing] == 0]
        for start in range(0, len(missing), _ROWS):
            sources = missing[start : start + _ROWS]
            rows[sources] = dijkstra(self.graph, indices=sources)
            have[sources] = 1
            if self.advance is not None:
                self.advance(min(start + _ROWS, len(missing)), len(missing))
        return np.asarray(rows[a, b], dtype=np.float64)

    def _open(self) -> tuple[Array, Array]:
        """The file of rows (float16: 0.5 mm at 1 m) and of which are there; a row counts only once it is written."""
        if self._rows is None or self._have is None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                shape = (self.vertices, self.vertices)
                self._rows = _map_file(self.folder / "rows.f16", np.dtype(np.float16), shape)
                self._have = _map_file(self.folder / "have.u8", np.dtype(np.uint8), (self.vertices,))
            except OSError as error:
                raise AssetError(f"{self.folder}: distances can't be kept there ({error.strerror or error})") from None
        return self._rows, self._have


def _map_file(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """A file as an array; made (sparse, of zeros) when it isn't there or has another size."""
    size = int(np.prod(shape)) * dtype.itemsize
    if not path.exists() or path.stat().st_size != size:
        with open(path, "wb") as file:
            file.truncate(size)
    return np.memmap(path, dtype, "r+", shape=shape)


def cache_folder() -> Path:
    """Where computed distances are kept: `$XDG_CACHE_HOME/densesynth/geodesic`, by default in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "densesynth" / "geodesic"


def surface_graph(points: Float64[Array, "v 3"], faces: Int64[Array, "f 3"]) -> csr_matrix:
    """Straight lines over the surface with their lengths, metres, in both directions."""
    lines = straight_lines(points, faces)
    graph = _tie_pieces(points, lines.start, lines.end, lines.length)
    return graph + graph.T


def _tie_pieces(points: Array, one: Array, other: Array, length: Array) -> csr_matrix:
    """The graph (each line once), its smaller pieces tied to the largest at their nearest vertices."""
    count = len(points)
    length = np.maximum(length, 1e-9)  # 0 would mean no edge
    keys, where = np.unique(np.minimum(one, other) * count + np.maximum(one, other), return_inverse=True)
    shortest = np.full(len(keys), np.inf)
    np.minimum.at(shortest, where, length)
    ends = np.divmod(keys, count)
    graph = coo_matrix((shortest, ends), shape=(count, count)).tocsr()
    pieces, piece = connected_components(graph, directed=False)
    if pieces == 1:
        return graph
    largest = int(np.bincount(piece).argmax())
    main = np.flatnonzero(piece == largest)
    tree = cKDTree(points[main])
    rows, columns, lengths = [ends[0]], [ends[1]], [shortest]
    for number in range(pieces):
        if number == largest:
            continue
        mine = np.flatnonzero(piece == number)
        distance, place = tree.query(points[mine])
        best = int(distance.argmin())
        rows.append(mine[best : best + 1])
        columns.append(main[place[best : best + 1]])
        lengths.append(np.maximum(distance[best : best + 1], 1e-9))
    tied = coo_matrix((np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count))
    return tied.tocsr()
