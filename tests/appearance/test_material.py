"""Materials: each kind looks like itself, grain runs along pieces, and all of it fades where pixels are coarse."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.appearance.material import MATERIALS, Materials, paint_materials
from densesynth.arrays import Array
from densesynth.scene.shapes import box, join

FINE, COARSE = 0.0005, 0.5  # metres a pixel


def board(kind: str) -> tuple[Materials, Array]:
    thing = join("board", [box((0.0, 0.0, 0.0), (1.0, 0.2, 0.02), ((0.3, 0.2, 0.1), kind))])
    return thing.materials, thing.faces


def paint(kind: str, footprint: float, count: int = 4000) -> tuple[Array, Array, Array]:
    """Place, colour and roughness at random points of a board's upper side."""
    materials, faces = board(kind)
    upper = np.flatnonzero((materials.position[faces][:, :, 2] > 0.019).all(axis=1))
    rng = np.random.default_rng(0)
    face = rng.choice(upper, count).astype(np.int32)
    b = rng.dirichlet((1.0, 1.0, 1.0), count).astype(np.float32)
    place = np.einsum("nk,nkc->nc", b, materials.position[faces[face]])
    colour, rough = paint_materials(materials, faces, face, b, np.full(count, footprint, np.float32))
    return place, colour, rough


@pytest.mark.parametrize("kind", MATERIALS)
def test_colours_vary_about_their_own_and_fade(kind: str) -> None:
    _, colour, rough = paint(kind, FINE)
    tone = colour / np.array((0.3, 0.2, 0.1), np.float32)
    assert 0.8 < tone.mean() < 1.1
    assert 0.005 < tone[:, 0].std() < 0.3
    np.testing.assert_allclose(tone[:, 0], tone[:, 2], atol=1e-4)
    assert 0.1 < rough.min() <= rough.max() < 1.0
    assert paint(kind, COARSE)[1].std(axis=0).max() < 0.3 * colour.std(axis=0).max()


def test_the_grain_of_wood_runs_along_its_piece() -> None:
    """Points 2 cm apart along the board are more alike than points 2 cm apart across it."""
    materials, faces = board("wood")
    assert (materials.along == 0).all()
    place, colour, _ = paint("wood", FINE, 20000)
    light = colour[:, 0]
    apart = {}
    for name, (along, across) in {"along": (0.02, 0.0), "across": (0.0, 0.02)}.items():
        target = place[:300, :2] + (along, across)
        distance = np.linalg.norm(place[:, None, :2] - target[None], axis=2)
        nearest = distance.argmin(axis=0)
        close = distance[nearest, np.arange(300)] < 0.003
        apart[name] = np.abs(light[:300][close] - light[nearest][close]).mean()
    assert apart["along"] < 0.8 * apart["across"]
    assert len(faces)
