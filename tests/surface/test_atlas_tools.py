"""What tools/make_atlas.py stands on: borders, seams, unwrapping, packing, the mirror maps. Small made-up surfaces."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from atlas_apart import build_fence, fence_derivatives, fence_energy, first_meeting
from atlas_cut import Line, Ring, pair_triangles, trace_line, trace_ring
from atlas_mirror import find_mirror
from atlas_pack import contains, fit_in_hole, place_islands
from atlas_unwrap import (
    _derivatives,
    _energy,
    boundary_loops,
    check_disc,
    embed,
    flatten_triangles,
    jacobians,
    open_seams,
    place_on_circle,
    relax,
    surface_area,
)

NONE = np.zeros((0, 2), dtype=np.int64)


def make_grid(rows: int, columns: int, *, wrap: bool) -> np.ndarray:
    """Triangles of rows × columns quads, two by two; `wrap` closes the columns to a tube."""
    width = columns if wrap else columns + 1
    faces = []
    for r in range(rows):
        for c in range(columns):
            a, b = r * width + c, r * width + (c + 1) % width
            d, e = a + width, b + width
            faces += [(a, b, e), (e, d, a)]
    return np.array(faces)


def make_tube(rows: int = 20, columns: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """An upright tube of radius 0.05 and height 1 closed at both ends by fans of quads folded flat."""
    angle = 2.0 * np.pi * np.arange(columns) / columns
    rings = [
        np.column_stack([0.05 * np.cos(angle), 0.05 * np.sin(angle), np.full(columns, z)])
        for z in np.linspace(0, 1, rows + 1)
    ]
    return np.concatenate(rings), make_grid(rows, columns, wrap=True)


def close_torus(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed tube (`pair_triangles` wants a closed mesh): a ring of radius 1 and thickness 0.1 in the x–y plane."""
    s, t = np.meshgrid(2 * np.pi * np.arange(rows) / rows, 2 * np.pi * np.arange(columns) / columns, indexing="ij")
    position = np.stack(
        [(1 + 0.1 * np.cos(t)) * np.cos(s), (1 + 0.1 * np.cos(t)) * np.sin(s), 0.1 * np.sin(t)], axis=-1
    )
    faces = make_grid(rows, columns, wrap=True) % (rows * columns)
    return position.reshape(-1, 3), faces


def unwrap(position: np.ndarray, corners: np.ndarray, reach: float = 1e-3) -> np.ndarray:
    loop = check_disc(corners)
    start = embed(corners, len(position), loop, place_on_circle(position, loop, surface_area(position[corners])))
    rest = flatten_triangles(position[corners])
    weight = np.linalg.det(rest) / np.linalg.det(rest).sum()
    return relax(corners, start, rest, weight, level=np.zeros(0, dtype=np.int64), reach=reach, steps=200)


def crosses_itself(outline: np.ndarray) -> bool:
    """True if two edges of the closed polygon that share no corner meet."""
    a, b = outline, np.roll(outline, -1, axis=0)

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    first, second = np.triu_indices(len(outline), 2)
    apart = ~((first == 0) & (second == len(outline) - 1))
    i, j = first[apart], second[apart]
    meet = (side(a[i], b[i], a[j]) * side(a[i], b[i], b[j]) < 0) & (side(a[j], b[j], a[i]) * side(a[j], b[j], b[i]) < 0)
    return bool(meet.any())


# ---- borders


def test_quads_are_found_again() -> None:
    position, faces = close_torus(12, 8)
    quads = pair_triangles(faces, position)
    assert quads.corners.shape == (96, 4)
    assert len(quads.edges) == 2 * 96
    for quad, pair in zip(quads.corners, faces.reshape(-1, 6), strict=True):
        assert set(quad) == set(pair)
    sides = np.stack([quads.corners, np.roll(quads.corners, -1, axis=1)], axis=2).reshape(-1, 2)
    lengths = np.linalg.norm(position[sides[:, 0]] - position[sides[:, 1]], axis=1)
    assert lengths.max() < 0.6  # no diagonal of the long quads


def test_ring_keeps_to_one_loop() -> None:
    position, faces = close_torus(48, 16)
    quads = pair_triangles(faces, position)
    slanting = Ring((1.0, 0.0, 0.0), (0.06, 1.0, 0.02), reach=0.2, softness=0.1, band=0.3)
    ring = trace_ring(quads, slanting, np.ones(len(position), dtype=bool))
    assert sorted(ring) == list(range(16))  # the loop at s = 0


def test_ring_out_of_reach_is_an_error() -> None:
    position, faces = close_torus(48, 16)
    with pytest.raises(ValueError, match="no edge near"):
        trace_ring(
            pair_triangles(faces, position),
            Ring((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), reach=0.2),
            np.ones(len(position), dtype=bool),
        )


def test_line_runs_straight_between_its_ends() -> None:
    position, faces = close_torus(48, 16)
    quads = pair_triangles(faces, position)
    way = ((1.1, 0.0, 0.0), (1.06, 0.29, 0.0), (0.95, 0.55, 0.0))
    line = trace_line(quads, Line(way, band=0.2), np.array([0]), np.array([4 * 16]), np.ones(len(position), dtype=bool))
    assert line.tolist() == [0, 16, 32, 48, 64]


# ---- seams and discs


def test_a_tube_is_no_disc_until_it_is_opened() -> None:
    _, faces = make_tube()
    with pytest.raises(ValueError, match="2 boundaries"):
        check_disc(open_seams(faces, NONE).corners)
    down = np.arange(0, 21 * 16, 16)
    chart = open_seams(faces, np.stack([down[:-1], down[1:]], axis=1))
    assert len(check_disc(chart.corners)) == 2 * (16 + 20)
    assert (chart.vertex[chart.corners] == faces).all()


def test_an_opened_tube_becomes_its_rectangle() -> None:
    position, faces = make_tube()
    down = np.arange(0, 21 * 16, 16)
    chart = open_seams(faces, np.stack([down[:-1], down[1:]], axis=1))
    placed = unwrap(position[chart.vertex], chart.corners)
    rest = flatten_triangles(position[faces])
    stretch = np.linalg.svd(jacobians(chart.corners, placed, np.linalg.inv(rest)), compute_uv=False)
    assert np.abs(stretch - 1.0).max() < 1e-3  # a developable surface comes out without distortion


# ---- unwrapping


def test_energy_derivatives_agree_with_differences() -> None:
    rng = np.random.default_rng(1)
    jacobian = np.eye(2) + 0.3 * rng.normal(size=(50, 2, 2))
    jacobian = jacobian[np.linalg.det(jacobian) > 0.2]
    gradient, hessian = _derivatives(jacobian)
    one = np.ones(1)
    for k in range(len(jacobian)):
        for c in range(4):
            shift = np.zeros(4)
            shift[c] = 1e-6
            up, down = (_energy((jacobian[k].ravel() + s * shift).reshape(1, 2, 2), one) for s in (1.0, -1.0))
            assert gradient[k, c] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-5)
    assert np.linalg.eigvalsh(hessian).min() > -1e-9


def test_fence_derivatives_agree_with_differences() -> None:
    rng = np.random.default_rng(2)
    placed = rng.normal(size=(8, 2))
    loop = np.arange(8)
    fence = build_fence([loop], placed, 10.0)
    placed = placed * 0.2  # now within reach
    triples, gradient, _ = fence_derivatives(fence, placed)
    total = np.zeros_like(placed)
    np.add.at(total, triples, gradient)
    for i in range(8):
        for c in range(2):
            shift = np.zeros_like(placed)
            shift[i, c] = 1e-7
            slope = (fence_energy(fence, placed + shift) - fence_energy(fence, placed - shift)) / 2e-7
            assert total[i, c] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_first_meeting_stops_before_the_edge() -> None:
    placed = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [2.0, 1.0], [0.0, 3.0]])
    fence = build_fence([np.arange(5)], placed, 0.1)
    step = np.zeros_like(placed)
    step[3, 1] = -2.0  # the notch falls on the base after half a step
    assert first_meeting(fence, placed, step) == pytest.approx(0.5)
    assert first_meeting(fence, placed, -step) == np.inf


def test_a_surface_that_would_overlap_is_kept_apart() -> None:
    """A ramp of one and a quarter turns lies on itself when it is laid flat."""
    turns, across = 60, 4
    angle = np.repeat(np.linspace(0.0, 2.5 * np.pi, turns + 1), across + 1)
    radius = np.tile(np.linspace(0.5, 1.0, across + 1), turns + 1)
    position = np.stack([radius * np.cos(angle), radius * np.sin(angle), 0.05 * angle], axis=1)
    corners = make_grid(turns, across, wrap=False)
    flat = position[:, :2]
    assert crosses_itself(flat[check_disc(corners)])
    placed = unwrap(position, corners, reach=0.02)
    assert not crosses_itself(placed[check_disc(corners)])
    assert (np.linalg.det(flatten_triangles(np.pad(placed, ((0, 0), (0, 1)))[corners])) > 0).all()
    a, b = placed[corners][:, 1] - placed[corners][:, 0], placed[corners][:, 2] - placed[corners][:, 0]
    assert (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] > 0).all()


# ---- packing


def test_piece_fits_in_the_hole() -> None:
    angle = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    hole = np.stack([3.0 * np.cos(angle), np.sin(angle)], axis=1) + np.array([5.0, 2.0])
    piece = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 40.0
    placed = fit_in_hole(piece, hole)
    assert contains(hole, placed).all()
    assert np.ptp(placed[:, 0]) > 3.0
    assert not contains(hole, placed + np.array([3.0, 0.0])).all()


def test_islands_keep_clear_of_the_chart_and_of_each_other() -> None:
    taken = np.array([[[0.0, 0.3], [1.0, 0.3], [1.0, 1.0]], [[0.0, 0.3], [1.0, 1.0], [0.0, 1.0]]])
    square = np.array([[0.0, 0.0], [7.0, 0.0], [7.0, 7.0], [0.0, 7.0]])
    placed = place_islands(taken, [square, square, square], (0.1, 0.2, 0.1))
    for k, island in enumerate(placed):
        assert island[:, 1].max() < 0.3
        assert island.min() > 0.0
        for other in placed[:k]:
            gap = np.maximum(island.min(axis=0) - other.max(axis=0), other.min(axis=0) - island.max(axis=0))
            assert gap.max() > 0.01
    with pytest.raises(ValueError, match="no room"):
        place_islands(taken, [square], (0.4,))


# ---- mirror


def make_symmetric() -> tuple[np.ndarray, np.ndarray]:
    position = np.array([[0.0, 0, 0], [0.0, 1, 0], [1.0, 0, 0.5], [-1.0, 0, 0.5]])
    return position, np.array([[0, 2, 1], [3, 0, 1]])


def test_mirror_is_found() -> None:
    vertex, face, corner = find_mirror(*make_symmetric())
    assert vertex.tolist() == [0, 1, 3, 2]
    assert face.tolist() == [1, 0]
    assert corner.tolist() == [[1, 0, 2], [1, 0, 2]]


def test_asymmetry_is_an_error() -> None:
    position, faces = make_symmetric()
    moved = position.copy()
    moved[3, 2] += 1e-6
    with pytest.raises(ValueError, match="template is not mirror-symmetric"):
        find_mirror(moved, faces)
    with pytest.raises(ValueError, match="triangles are not mirror-symmetric"):
        find_mirror(position, np.array([[0, 2, 1], [0, 2, 1]]))


def test_a_boundary_that_touches_itself_is_an_error() -> None:
    with pytest.raises(ValueError, match="touches itself"):
        boundary_loops(np.array([[0, 1, 2], [0, 3, 4]]))
