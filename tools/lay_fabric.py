"""Fabric laid onto the trunk for `make_paint_fields.py`: how far from the middle of front and back, and how far up.

Front and back panels meet at the flanks and over the shoulders. Both are flattened as rigidly as can be
(as-rigid-as-possible: Poisson solves towards each face's own rotation), the middle lines held; heights stay near z.
"""

from __future__ import annotations

from copy import copy

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

LOWEST, HIGHEST = 0.72, 1.46  # metres, of what is laid
ROUNDS = 15
SOFT = 2.0  # pull of heights towards z
FLANK_Z = (0.72, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3)
FLANK_Y = (-0.009, -0.009, -0.027, -0.036, -0.043, -0.046, -0.042, -0.034, -0.035, -0.012)  # as far from front as back
ARMPIT = 1.25  # metres; above it front and back meet over the shoulder
MARGIN, STEEP = 0.03, 2.0  # metres beyond its edge that a panel goes on flat, and how fast its distance grows then


def lay_fabric(
    vertices: np.ndarray, faces: np.ndarray, skin: np.ndarray, arm: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(metres from the middle of the front, from the middle of the back, up) at each vertex; the nearer middle counts.
    skin: which faces are. Far from the trunk these are the nearest vertex's."""
    middle = vertices[faces].mean(axis=1)
    inside = skin & (arm[faces].max(axis=1) < 0.03) & (middle[:, 2] > LOWEST) & (middle[:, 2] < HIGHEST)
    used, local = np.unique(faces[inside], return_inverse=True)
    panel = _Panel(vertices[used], local.reshape(-1, 3))
    flank = np.interp(middle[inside, 2], FLANK_Z, FLANK_Y)
    ahead = middle[inside, 1] < flank
    turn = np.where(ahead, 1.0, -1.0)[:, None]
    over = np.clip(panel.normal[:, 2:], 0.0, 1.0)  # on the shoulders fabric goes on towards the other panel
    up = panel.flatten(np.concatenate([np.zeros_like(turn), turn * over, 1.0 - over], axis=1))
    away = np.cross(up, panel.normal) * turn * np.sign(middle[inside, :1])
    line = np.abs(vertices[used, 0]) < 5e-4
    nowhere = np.zeros(len(used), bool)
    height = vertices[used, 2]
    goal_u, goal_v = away, up
    for _ in range(ROUNDS):
        u, v = panel.solve(goal_u, line), panel.solve(goal_v, nowhere, height)
        a, b = panel.gradient(u), panel.gradient(v)
        angle = np.arctan2(
            (b * away).sum(axis=1) - (a * up).sum(axis=1), (a * away).sum(axis=1) + (b * up).sum(axis=1)
        )[:, None]
        goal_u, goal_v = np.cos(angle) * away - np.sin(angle) * up, np.sin(angle) * away + np.cos(angle) * up
    # Each panel goes on flat around the flank, where the other's distance falls again.
    below = (middle[inside, 2] < ARMPIT)[:, None]
    y, edge = vertices[used, 1], np.interp(vertices[used, 2], FLANK_Z, FLANK_Y)
    sides = []
    for own, beyond in ((turn > 0, y - edge), (turn < 0, edge - y)):
        goes_on = np.where(own | ~below, 1.0, -1.0) * goal_u
        near = panel.part(beyond[panel.faces].mean(axis=1) < MARGIN + 0.02)
        distance = near.solve(goes_on, line & (beyond < 0.0))
        sides.append(distance + STEEP * np.maximum(beyond - MARGIN, 0.0))
    values = np.stack([*(np.maximum(side, 0.0) for side in sides), panel.solve(goal_v, nowhere, height)], axis=1)
    nearest = cKDTree(vertices[used]).query(vertices)[1]
    front, back, up_to = values[nearest].T
    return front, back, up_to


class _Panel:
    """Gradients on a mesh, and the fields nearest to prescribed ones."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.faces, self.count = faces, len(vertices)
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        double = np.linalg.norm(normal, axis=1)
        self.normal, self.area = normal / double[:, None], 0.5 * double
        n = self.normal
        self.hats = np.stack([np.cross(n, c - b), np.cross(n, a - c), np.cross(n, b - a)], 1) / double[:, None, None]
        self._assemble()

    def _assemble(self) -> None:
        faces = self.faces
        stiff = np.einsum("f,fic,fjc->fij", self.area, self.hats, self.hats)
        rows, columns = np.repeat(faces, 3, axis=1).ravel(), np.tile(faces, (1, 3)).ravel()
        self.stiffness = sparse.csr_matrix((stiff.ravel(), (rows, columns)), (self.count, self.count))
        self.mass = np.bincount(faces.ravel(), np.repeat(self.area / 3.0, 3), self.count)

    def part(self, kept: np.ndarray) -> _Panel:
        """The same with faces that count, and others that hardly do."""
        other = copy(self)
        other.area = np.where(kept, self.area, 1e-5 * self.area)
        other._assemble()
        return other

    def flatten(self, direction: np.ndarray) -> np.ndarray:
        """Unit directions in the faces' planes."""
        flat = direction - (direction * self.normal).sum(axis=1, keepdims=True) * self.normal
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    def gradient(self, field: np.ndarray) -> np.ndarray:
        return np.einsum("fic,fi->fc", self.hats, field[self.faces])

    def solve(self, goal: np.ndarray, zero: np.ndarray, near: np.ndarray | None = None) -> np.ndarray:
        """The field whose gradient is nearest to `goal`, 0 at `zero`, drawn towards `near`."""
        flux = (np.einsum("fic,fc->fi", self.hats, goal) * self.area[:, None]).ravel()
        right = np.bincount(self.faces.ravel(), flux, self.count)
        matrix = self.stiffness
        if near is not None:
            matrix = matrix + sparse.diags(SOFT * self.mass)
            right = right + SOFT * self.mass * near
        free = ~zero
        field = np.zeros(self.count)
        field[free] = splu(matrix[free][:, free].tocsc()).solve(right[free])
        return field
