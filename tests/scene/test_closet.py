"""Garments of the user's: laid over every body, labelled by what they hang on, left out one by one when broken."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tailor import write_band

from densesynth.appearance.fabric import paint_fabric
from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.paint import load_paint
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.base_mesh import load_base_mesh
from densesynth.errors import AssetError
from densesynth.motion.library import pose_at
from densesynth.scene.closet import CLEAR, Closet, open_closet
from densesynth.scene.scene import PersonInScene
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import bind_vertices, index_faces
from densesynth.surface.closest import place_points


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, body: AnnyBody) -> Path:
    made = tmp_path_factory.mktemp("garments")
    write_band(made, load_base_mesh(body), load_paint(body.faces))
    return made


@pytest.fixture(scope="module")
def closet(folder: Path, body: AnnyBody) -> Closet:
    atlas = load_atlas("anny")
    return open_closet(folder, body, load_paint(body.faces), atlas.part, index_faces(atlas.rest_position, body.faces))


def somebody(body: AnnyBody, motion: str, seed: int = 3) -> PersonInScene:
    rng = np.random.default_rng(seed)
    betas = body.sample_betas(rng)
    return PersonInScene(
        betas=betas,
        rotations=pose_at(motion, 0.4).rotations,
        transl=np.array([0.3, -0.2, 1.0], np.float32),
        outfit=draw_outfit(rng, body.sex(betas)),
        motion=motion,
        time=0.4,
    )


def test_the_base_mesh_holds_the_body_and_its_helpers_lie_by_it(body: AnnyBody) -> None:
    base = load_base_mesh(body)
    rest = body.at_rest(body.sample_betas(np.random.default_rng(5)))
    placed = base.place(rest)
    there = np.flatnonzero(base.body_vertex >= 0)
    assert np.array_equal(placed[there], rest[base.body_vertex[there]].astype(np.float64))
    tights = placed[15328:18002]  # hm08's numbers: a stand-in for tight clothes
    apart = np.linalg.norm(tights[:, None] - rest[None, ::7].astype(np.float64), axis=2).min(axis=1)
    assert np.quantile(apart, 0.9) < 0.05
    assert np.allclose(base.skin.sum(axis=1)[base.known], 1.0, atol=1e-4)


@pytest.mark.parametrize("motion", ["walk", "sit", "kick"])
def test_a_garment_lies_over_the_body_that_is_drawn_and_moves_with_it(
    closet: Closet, body: AnnyBody, motion: str
) -> None:
    person = somebody(body, motion)
    posed = body.pose(person.betas[None], person.rotations[None], person.transl[None]).vertices[0]
    ((mesh, binding, fabric),) = closet.fit((0,), person, posed, np.random.default_rng(0))
    piece = closet.piece(0)
    shown = ~piece.hides[piece.below.face]
    assert shown.any()
    assert not shown.all()
    corners = posed[body.faces[piece.below.face[shown]]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    skin = place_points(posed, body.faces, piece.below)[shown]
    assert ((mesh.vertices[shown] - skin) * normal).sum(axis=1).min() > CLEAR - 1e-5
    off = np.linalg.norm(mesh.vertices - place_points(posed, body.faces, piece.below), axis=1)
    assert np.median(off) < 0.03  # 12 mm off at rest
    assert off.max() < 0.08
    # Labelled with the point that it hangs on: every vertex's own body vertex.
    again = bind_vertices(piece.below, mesh.faces, closet.index)
    assert np.array_equal(binding.vertex.face, again.vertex.face)
    colour, rough, cloth = paint_fabric(
        fabric,
        mesh.faces,
        np.arange(9, dtype=np.int32),
        np.full((9, 3), 1 / 3, np.float32),
        np.full(9, 0.004, np.float32),
    )
    assert np.isfinite(colour).all()
    assert (colour >= 0.0).all()
    assert (rough > 0.0).all()
    assert (cloth == 1.0).all()


def test_what_lies_under_a_garment_is_neither_drawn_nor_dressed(closet: Closet, body: AnnyBody) -> None:
    faces = closet.hide(body.faces, (0,))
    gone = (faces == 0).all(axis=1)
    assert 500 < gone.sum() < len(faces) // 2
    assert np.array_equal(faces[~gone], body.faces[~gone])
    assert closet.covers((0,)) == {"chest", "hips"}
    outfit = closet.undress(draw_outfit(np.random.default_rng(0), 0.5), (0,))
    assert outfit.top.hem > 2.0
    assert outfit.bottom.waist < 0.0


def test_who_wears_what_is_a_function_of_the_stream(closet: Closet) -> None:
    draws = [closet.draw(0.5, 0.2, np.random.default_rng(k)) for k in range(200)]
    assert draws == [closet.draw(0.5, 0.2, np.random.default_rng(k)) for k in range(200)]
    assert 60 < sum(len(worn) for worn in draws) < 140
    assert all(closet.draw(0.0, 0.2, np.random.default_rng(k)) == () for k in range(20))


def test_broken_files_are_left_out_and_told_of(folder: Path, closet: Closet, body: AnnyBody, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "other.mhclo").write_text("basemesh alpha7\nverts 0\n0\n")
    with pytest.warns(UserWarning, match="found alpha7"):
        opened = open_closet(tmp_path, body, closet.paint, closet.part, closet.index)
    assert [path.name for path in opened.paths] == ["band.mhclo"]
    assert len(opened.left_out) == 1
    (tmp_path / "band.obj").unlink()
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(AssetError, match="none of the 2 there can be used"),
    ):
        open_closet(tmp_path, body, closet.paint, closet.part, closet.index)


def test_garments_tagged_for_the_other_sex_stay_on_the_rail(closet: Closet) -> None:
    his = replace(closet.garments[0], tags=frozenset({"male"}))
    both = replace(closet, garments=(his, closet.garments[0]), paths=closet.paths * 2)
    women = {both.draw(1.0, 0.9, np.random.default_rng(k)) for k in range(30)}
    men = {both.draw(1.0, 0.1, np.random.default_rng(k)) for k in range(30)}
    assert women == {(1,)}
    assert men == {(0,), (1,)}
