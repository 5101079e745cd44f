"""Laying small pieces into a chart's free space: the eyeball between the lids, the hidden pieces in a corner."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

TEXELS = 512
GAP = 0.012  # of the square, between islands


def contains(polygon: Array, points: Array) -> Array:
    """True for points inside the closed polygon (even–odd rule)."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    above = (a[None, :, 1] > points[:, None, 1]) != (b[None, :, 1] > points[:, None, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = a[:, 0] + (points[:, None, 1] - a[:, 1]) * (b - a)[:, 0] / (b - a)[:, 1]
    return (above & (points[:, None, 0] < x)).sum(axis=1) % 2 == 1


def fit_in_hole(piece: Array, hole: Array) -> Array:
    """Stretch and move the piece so that its outline lies inside the hole, as large as an ellipse can be there."""
    centred = piece - 0.5 * (piece.min(axis=0) + piece.max(axis=0))
    centred = centred / np.linalg.norm(centred, axis=1).max()
    angle = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    low, high = hole.min(axis=0), hole.max(axis=0)
    best, found = 0.0, None
    for x in np.linspace(0.3, 0.7, 9):
        for y in np.linspace(0.3, 0.7, 9):
            centre = low + (x, y) * (high - low)
            for wide in np.linspace(0.1, 0.5, 17):
                for tall in np.linspace(0.1, 0.5, 17):
                    radii = np.array([wide, tall]) * (high - low)
                    if radii.prod() > best and contains(hole, centre + 1.04 * radii * circle).all():
                        best, found = radii.prod(), (centre, radii)
    if found is None:
        raise ValueError("the hole has no room")
    return found[0] + found[1] * centred


def place_islands(taken: Array, pieces: list[Array], sides: tuple[float, ...]) -> list[Array]:
    """Scale each piece to its side and put it in the first free spot, searched from the corner (0, 0).

    taken: (f, 3, 2) triangles already in the square. Returns the pieces' points in the square.
    """
    free = np.ones((TEXELS, TEXELS), dtype=bool)
    low = np.floor(taken.min(axis=1) * TEXELS).astype(int)
    high = np.ceil(taken.max(axis=1) * TEXELS).astype(int)
    for a, b in zip(low, high, strict=True):  # boxes: a little too much is safe
        free[max(a[1], 0) : b[1], max(a[0], 0) : b[0]] = False
    placed = []
    for piece, side in zip(pieces, sides, strict=True):
        low, high = piece.min(axis=0), piece.max(axis=0)
        scaled = (piece - low) * side / (high - low).max()
        need = np.ceil((scaled.max(axis=0) + 2.0 * GAP) * TEXELS).astype(int)
        row, column = find_spot(free, need)
        free[row : row + need[1], column : column + need[0]] = False
        placed.append(scaled + np.array([column, row]) / TEXELS + GAP)
    return placed


def find_spot(free: Array, need: Array) -> tuple[int, int]:
    """Row and column of the free rectangle of `need` = (columns, rows) texels that is nearest to (0, 0)."""
    total = np.pad(np.cumsum(np.cumsum(free, axis=0), axis=1), ((1, 0), (1, 0)))
    w, h = int(need[0]), int(need[1])
    count = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    rows, columns = np.nonzero(count == w * h)
    if not len(rows):
        raise ValueError("no room for an island")
    best = np.lexsort((columns, rows, rows + columns))[0]
    return int(rows[best]), int(columns[best])
