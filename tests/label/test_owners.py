"""Meshes with owners: a sheet worn over a doll is labelled with the doll's surface, a thing hides and takes none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from doll import DollBody, camera_at, doll_atlas

from densesynth.data.layers import check_layers, pack_layers, worn_points
from densesynth.data.proof import reprojection_errors
from densesynth.geometry.mesh import Mesh
from densesynth.label.charts import label_charts
from densesynth.label.keypoints import cast_keypoints
from densesynth.label.owners import find_owners, groups_of, own_hits, see_vertices
from densesynth.render.render import rasterise
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.surface.binding import bind
from densesynth.surface.closest import place_points, vertex_normals
from densesynth.surface.locate import Located


@pytest.fixture(scope="module")
def worn():
    """A doll in a shell 3 cm off its skin, bound in the rest pose; a thing beside; the camera before both."""
    body = DollBody()
    atlas = doll_atlas(body)
    zero = np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32)
    posed = body.pose(np.zeros((1, 1), np.float32), *zero)
    skin = posed.vertices[0]
    shell = (skin + 0.03 * vertex_normals(skin, body.faces)).astype(np.float32)
    binding = bind(shell, body.faces, skin, body.faces)
    wall = np.array([[-2, -0.8, -0.1], [2, -0.8, -0.1], [2, -0.8, -2], [-2, -0.8, -2]], np.float32)
    meshes = [
        SceneMesh(mesh=Mesh(skin, body.faces), owner=1),
        SceneMesh(mesh=Mesh(shell, body.faces), owner=1, layer=1, binding=binding),
        SceneMesh(mesh=Mesh(wall, np.array([[0, 1, 2], [0, 2, 3]], np.int32)), owner=SCENERY),
    ]
    camera = camera_at((0.3, -3.2, 0.4), 128)
    view = rasterise([mesh.mesh for mesh in meshes], camera, groups=groups_of(meshes))
    return replace(atlas, rest_position=skin), body, posed, meshes, camera, view


def test_bodies_alone_are_left_as_they_are(worn) -> None:
    _, _, posed, meshes, camera, _ = worn
    view = rasterise([meshes[0].mesh], camera)
    buffers = view.buffers()
    same, layers = find_owners(buffers, meshes[:1])
    assert same is buffers
    assert layers is None
    assert pack_layers(layers, meshes[:1]) == {}
    hits = cast_keypoints(view, posed)
    assert own_hits(hits, meshes[:1]) is hits


def test_worn_pixels_are_proved_and_labelled_with_what_they_cover(worn) -> None:
    atlas, body, posed, meshes, camera, view = worn
    raw = view.buffers()
    people, layers = find_owners(raw, meshes)
    assert layers is not None
    assert (layers.mesh > 0).sum() > 500
    assert ((raw.instance == 3) & (people.instance == 0)).sum() > 500
    assert set(np.unique(people.instance)) == {0, 1}
    assert np.array_equal(np.unique(people.coverage), [0, 1])  # the person's bit alone
    labels = label_charts(people, atlas)
    surface = {"instance": people.instance, **pack_layers(layers, meshes)}
    assert check_layers(surface, atlas) == []
    on_worn, points, wrong = worn_points(surface, labels.face, labels.barycentrics, atlas)
    assert wrong == []
    errors = reprojection_errors(camera.to_camera(points), camera, labels.pixel[on_worn])
    assert errors.max() < 0.01
    # The body point covered lies under the cloth.
    covered = place_points(posed.vertices[0], body.faces, Located(labels.face, labels.barycentrics))
    assert np.percentile(np.linalg.norm(covered[on_worn] - points, axis=1), 99) < 0.04


def test_planted_errors_are_found(worn) -> None:
    atlas, _, _, meshes, _, view = worn
    people, layers = find_owners(view.buffers(), meshes)
    labels = label_charts(people, atlas)
    surface = {"instance": people.instance, **pack_layers(layers, meshes)}
    assert check_layers({k: v for k, v in surface.items() if k != "worn_faces"}, atlas)
    assert check_layers(surface | {"layer_face": surface["layer_face"] + 100000}, atlas)
    assert check_layers(surface | {"worn_owner": surface["worn_owner"] + np.uint8(1)}, atlas)
    shifted = np.roll(labels.face, 40)
    assert worn_points(surface, shifted, labels.barycentrics, atlas)[2]


def test_vertices_and_joints_under_cloth_are_seen_with_it(worn) -> None:
    atlas, body, posed, meshes, camera, view = worn
    people, layers = find_owners(view.buffers(), meshes)
    dressed = see_vertices(view, meshes, people, layers, posed, atlas.rest_position, body.faces)[0]
    bare = rasterise([meshes[0].mesh, meshes[2].mesh], camera).visible_vertices(0)
    assert not view.visible_vertices(0)[bare].mean() > 0.2  # the shell hides nearly all of them
    # Dolls are overlapping balls: the shell of one hides a rim of its neighbour.
    assert (dressed & bare).sum() > 0.6 * bare.sum()
    assert (dressed & ~bare).sum() < 0.25 * bare.sum()
    hits = own_hits(cast_keypoints(view, posed), meshes)
    assert hits.worn is not None
    assert hits.worn.any()
    assert set(np.unique(hits.instance)) <= {0, 1, 255}


def test_a_worn_mesh_needs_a_binding() -> None:
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(ValueError, match="binding"):
        SceneMesh(mesh=mesh, owner=1, layer=1)
