"""Who is dressed in what: garment files, shoes and clothes together, and pictures that are all their wearer has."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tailor import write_band

from densesynth.appearance.looks import Look
from densesynth.appearance.paint import load_paint
from densesynth.body.anny import load_anny
from densesynth.body.base_mesh import load_base_mesh
from densesynth.config import Recipe
from densesynth.errors import ConfigurationError
from densesynth.scene.dressing import Dresser, open_dresser
from densesynth.scene.sample import built_in_poses, draw_scene
from densesynth.scene.settings import PeopleSettings
from densesynth.surface.atlas import load_atlas


@pytest.fixture(scope="module")
def dresser(tmp_path_factory: pytest.TempPathFactory) -> Dresser:
    body, folder = load_anny(), tmp_path_factory.mktemp("garments")
    paint = load_paint(body.faces)
    write_band(folder, load_base_mesh(body), paint)
    settings = PeopleSettings(count=(3, 3), garments=folder, garment_share=1.0, long_hair=False, loose=False)
    return open_dresser(settings, body, load_atlas("anny"), paint, None)


def test_clothes_on_a_picture_are_all_that_its_wearer_has(dresser: Dresser) -> None:
    recipe = Recipe(people=dresser.settings)
    scene, posed = draw_scene(
        recipe.people,
        built_in_poses(()),
        recipe.camera,
        recipe.lens,
        recipe.picture,
        dresser.body,
        5,
        0,
        recipe.light,
    )
    assert len(scene.people) > 1
    plain = dresser.dress(scene, posed, 5, 0, lambda _: nullcontext())
    banded = {mesh.owner for mesh in plain.garments if mesh.fabric is not None}
    shod = {mesh.owner for mesh in plain.garments if mesh.layer in (1, 2) and mesh.fabric is None}
    assert banded == shod == set(range(1, len(scene.people) + 1))
    faces = dresser.body.faces
    for mesh in plain.bodies:  # what hides under garments, and what hides in shoes
        gone = (mesh.mesh.faces == 0).all(axis=1)
        height = posed.vertices[mesh.owner - 1][faces[gone], 2]
        assert height.min() < 0.1 + posed.vertices[mesh.owner - 1][:, 2].min()
        assert np.array_equal(mesh.mesh.faces[~gone], faces[~gone])
    assert [one.owner for one in dresser.name_files(plain.scene)] == sorted(banded)
    assert {one.garments for one in dresser.name_files(plain.scene)} == {("band.mhclo",)}
    look = Look(textures=(0,) * 5, gain=np.ones((5, 3)), waist=1.0, dressed=True)
    people = (replace(scene.people[0], look=look), *scene.people[1:])
    pictured = dresser.dress(replace(scene, people=people), posed, 5, 0, lambda _: nullcontext())
    assert {mesh.owner for mesh in pictured.garments} == banded - {1}
    assert {one.owner for one in dresser.name_files(pictured.scene)} == banded - {1}
    assert pictured.bodies[0].mesh.faces is faces
    assert np.array_equal(pictured.posed.vertices[0], posed.vertices[0])
    assert np.array_equal(pictured.posed.vertices[1:], plain.posed.vertices[1:])


def test_files_are_named_for_the_manifest(dresser: Dresser) -> None:
    assert {path.name for path, _ in dresser.garment_files} == {"band.mhclo", "band.obj"}
    assert dresser.left_out == ()
    assert (
        open_dresser(PeopleSettings(), dresser.body, load_atlas("anny"), dresser.shell.paint, None).garment_files == ()
    )


def test_garments_are_for_annys_body(dresser: Dresser) -> None:
    other = replace(load_anny(), name="anny-smpl")
    with pytest.raises(ConfigurationError, match="for Anny's body, found anny-smpl"):
        open_dresser(PeopleSettings(garments=Path()), other, load_atlas("anny"), dresser.shell.paint, None)
