"""SMPL bodies in recipes: files found by content, men and women apart, labels proved with the same files."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from stand_in_smpl import write_charts, write_stand_in

from densesynth.bodies import BodyAssets, open_body, reopen_body
from densesynth.body.anny import load_anny
from densesynth.body.body import Body
from densesynth.body.smpl import load_smpl
from densesynth.body.smpl_people import SmplPeople, gather_people
from densesynth.cli import run
from densesynth.config import Recipe
from densesynth.data.dataset import open_dataset
from densesynth.errors import AssetError, ConfigurationError, DatasetError
from densesynth.generate import generate_dataset
from densesynth.scene.settings import BodySettings, PeopleSettings, PictureSettings
from densesynth.skin import join_to_anny
from densesynth.surface.atlas import ReferenceMesh

ALONE = PeopleSettings(count=(1, 1))
_CSE = "CSE mesh smpl_27554"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    write_stand_in(place, load_anny(), "smpl")
    return place


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this module's own; not by the environment, which would move Warp's kernels too."""
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.cache.cache_folder", lambda kind: place / kind)
        yield place


@pytest.fixture(scope="module")
def assets(folder: Path) -> BodyAssets:
    return open_body(BodySettings(model="smpl", files=folder))


@pytest.fixture(scope="module")
def dataset(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "set"
    recipe = Recipe(
        body=BodySettings(model="smpl", files=folder),
        people=PeopleSettings(count=(2, 2), depth_spread=(2.0, 3.0)),
        picture=PictureSettings(width=160, height=160),
    )
    generate_dataset(recipe, out, frames=4, seed=3)
    return out


def test_men_and_women_are_drawn_apart(assets: BodyAssets) -> None:
    people = assets.body
    assert isinstance(people, SmplPeople)
    assert isinstance(people, Body)
    rng = np.random.default_rng(0)
    drawn = np.stack([people.sample_betas(rng) for _ in range(40)])
    assert {people.sex(one) for one in drawn} == {0.0, 1.0}
    rotations = rng.normal(0, 0.2, (4, 52, 3)).astype(np.float32)
    transl = rng.normal(size=(4, 3)).astype(np.float32)
    together = people.pose(drawn[:4], rotations, transl)
    for k in range(4):
        own = people.bodies[float(drawn[k, 0])]
        alone = own.pose(drawn[k : k + 1, 1:], rotations[k : k + 1], transl[k : k + 1])
        np.testing.assert_array_equal(together.vertices[k], alone.vertices[0])
    assert not np.allclose(*(people.pose(one[None], rotations[:1], transl[:1]).vertices for one in _twins(drawn[0])))
    wrong = drawn[0].copy()
    wrong[0] = 0.5
    with pytest.raises(AssetError, match=r"sex 0\.5"):
        people.body_of(wrong)


def _twins(betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    man, woman = betas.copy(), betas.copy()
    man[0], woman[0] = 0.0, 1.0
    return man, woman


def test_the_join_is_kept(assets: BodyAssets, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start reads it, without Anny, and has the same bytes; damage only costs the time again."""
    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("densesynth.skin.load_anny", lambda: pytest.fail("Anny was made for nothing"))
        again = open_body(BodySettings(model="smpl", files=folder), told.append)
    assert [line for line in told if "joining" in line] == []
    assert again.joined is not None
    assert assets.joined is not None
    pairs = [(again.atlas, assets.atlas), (again.joined.map, assets.joined.map), (again.joined, assets.joined)]
    for one, other in pairs:
        for field, array in vars(other).items():
            if isinstance(array, np.ndarray):
                np.testing.assert_array_equal(getattr(one, field), array, err_msg=field)
                assert getattr(one, field).dtype == array.dtype
    np.testing.assert_array_equal(again.joined.map.located.face, assets.joined.map.located.face)
    np.testing.assert_array_equal(again.joined.map.located.barycentrics, assets.joined.map.located.barycentrics)
    assert len(list((cache / "skin").iterdir())) == 2
    other = load_smpl(folder / "smpl_female.pkl")  # another skin is another join
    monkeypatch.setattr("densesynth.skin.map_surface", _refuse)
    with pytest.raises(RuntimeError, match="joined anew"):
        join_to_anny(other)


def _refuse(*_: object) -> NoReturn:
    raise RuntimeError("joined anew")


def test_charts_carried_from_anny_cover_the_body(assets: BodyAssets) -> None:
    """Every part is there, left and right where they belong, triangles small in the chart, parts about as large."""
    atlas, rest = assets.atlas, assets.atlas.rest_position
    assert set(np.unique(atlas.part)) == set(range(1, 25))
    centre = rest[atlas.faces].mean(axis=1)
    for left, right in ((4, 3), (5, 6), (12, 11), (15, 16), (21, 22)):
        assert (centre[atlas.part == left, 0] > 0).mean() > 0.99
        assert (centre[atlas.part == right, 0] < 0).mean() > 0.99
    assert np.quantile(np.ptp(atlas.uv, axis=1).max(axis=1), 0.999) < 0.2
    anny = open_body(BodySettings()).atlas
    corners = [one.rest_position[one.faces] for one in (atlas, anny)]
    areas = [np.linalg.norm(np.cross(c[:, 1] - c[:, 0], c[:, 2] - c[:, 0]), axis=1) for c in corners]
    shares = [
        np.bincount(one.part, area, 25)[1:] / area[~one.interior].sum()
        for one, area in zip((atlas, anny), areas, strict=True)
    ]
    assert np.abs(shares[0][:22] - shares[1][:22]).max() < 0.02


def test_a_dataset_passes_the_audit_with_its_files_alone(
    dataset: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = open_dataset(dataset).manifest
    assert manifest.body == "smpl"
    assert [(file.role, file.name) for file in manifest.body_files] == [
        ("SMPL male", "smpl_male.pkl"),
        ("SMPL female", "smpl_female.pkl"),
    ]
    assert sum("non-commercial" in licence.licence for licence in manifest.licences) == 2
    assert run(["audit", str(dataset)]) == 0
    settings = BodySettings(model="smpl", files=folder)
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    (moved / "smpl_male.pkl").rename(moved / "renamed.pkl")
    gone = [
        type(file)(role=file.role, name=file.name, path="/nowhere/x.pkl", sha256=file.sha256)
        for file in manifest.body_files
    ]
    again = reopen_body(settings, gone, moved)
    assert [Path(file.path).name for file in again.files] == ["renamed.pkl", "smpl_female.pkl"]
    with pytest.raises(AssetError, match=r"made with this file \(SMPL male.*is not there.*--body"):
        reopen_body(settings, gone)
    with pytest.raises(AssetError, match="holds no file with the content of smpl_male"):
        reopen_body(settings, gone, dataset)
    (moved / "smpl_female.pkl").write_bytes(b"other")
    changed = [type(file)(role=file.role, name=file.name, path=str(moved / file.name), sha256=file.sha256)
               for file in manifest.body_files[1:]]  # fmt: skip
    with pytest.raises(AssetError, match="other content now"):
        reopen_body(settings, changed)
    capsys.readouterr()


def test_another_bodys_shape_is_a_breach(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Planted: the files of man and woman exchanged, hashes with them."""
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    first, second = manifest["body_files"]
    for key in ("path", "sha256"):
        first[key], second[key] = second[key], first[key]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert run(["audit", str(copy)]) == 1
    assert "BREACH" in capsys.readouterr().out


def test_a_run_with_other_files_is_another_run(dataset: Path, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    kept = (folder / "smpl_female.pkl").read_bytes()
    other = pickle.loads(kept)
    other["v_template"][0] += 0.001
    (folder / "smpl_female.pkl").write_bytes(pickle.dumps(other, protocol=2))
    recipe = Recipe(
        body=BodySettings(model="smpl", files=folder),
        people=PeopleSettings(count=(2, 2), depth_spread=(2.0, 3.0)),
        picture=PictureSettings(width=160, height=160),
    )
    try:
        with pytest.raises(DatasetError, match=r"holds another run .its SMPL female has sha256"):
            generate_dataset(recipe, copy, frames=4, seed=3)
    finally:
        (folder / "smpl_female.pkl").write_bytes(kept)


def test_labels_count_the_vertices_of_the_mesh_that_is_given(assets: BodyAssets) -> None:
    atlas = replace(assets.atlas, reference=ReferenceMesh("smpl_27554", assets.atlas.rest_position[::-1].astype(float)))
    assert (assets.atlas.ref_model, atlas.ref_model) == ("smpl", "smpl_27554")
    face = np.arange(50, dtype=np.int32)
    barycentrics = np.tile(np.float32([0.9, 0.05, 0.05]), (50, 1))
    expected = len(atlas.rest_position) - 1 - atlas.faces[:50, 0]
    np.testing.assert_array_equal(atlas.label_vertex(face, barycentrics), expected)
    np.testing.assert_array_equal(assets.atlas.label_vertex(face, barycentrics), atlas.faces[:50, 0])


def test_mistakes_are_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="expected SMPL neutral, found SMPL female, SMPL male"):
        open_body(BodySettings(model="smpl", files=folder, genders=("neutral",)))
    with pytest.raises(AssetError, match="expected SMPL-X male"):
        open_body(BodySettings(model="smplx", files=folder))
    with pytest.raises(AssetError, match="found nothing there"):
        open_body(BodySettings(model="smpl", files=tmp_path / "none"))
    twice = tmp_path / "twice"
    shutil.copytree(folder, twice)
    shutil.copy(folder / "smpl_male.pkl", twice / "male_again.pkl")
    with pytest.raises(AssetError, match="are both SMPL male"):
        open_body(BodySettings(model="smpl", files=twice))
    for settings in ({"model": "smpl"}, {"files": folder}, {"genders": ()}, {"genders": ("male", "male")}):
        with pytest.raises(ValueError, match="`"):
            BodySettings(**settings)
    man = load_smpl(folder / "smpl_male.pkl")
    with pytest.raises(ConfigurationError, match="are both male"):
        gather_people([man, man])


def test_official_charts_and_a_cse_mesh_through_a_recipe(folder: Path, assets: BodyAssets, tmp_path: Path) -> None:
    """`UV_Processed.mat` leaves two triangles of 13776 without a chart, and numbers the others in its own order."""
    charts, mesh = write_charts(tmp_path, folder / "smpl_male.pkl")
    settings = BodySettings(model="smpl", files=folder, charts=charts, cse_mesh=mesh)
    official = open_body(settings).atlas
    uncharted = np.flatnonzero(assets.atlas.part == 23)[:2]
    charted = np.setdiff1d(np.arange(13776), uncharted)
    np.testing.assert_array_equal(official.part[charted], assets.atlas.part[charted])
    # Along cuts within a part the stand-in's file has one chart vertex where Anny's charts have two.
    assert (official.uv[charted] == assets.atlas.uv[charted]).all(axis=(1, 2)).mean() > 0.9
    assert set(official.part[uncharted]) <= set(range(1, 25))
    assert (official.ref_model, len(official.reference.rest)) == ("smpl_27554", 27554)
    out = tmp_path / "set"
    recipe = Recipe(body=settings, people=ALONE, picture=PictureSettings(width=160, height=160))
    generate_dataset(recipe, out, frames=1, seed=3)
    assert run(["audit", str(out)]) == 0
    (person,) = json.loads((out / "annotations.json").read_text())["annotations"]
    assert person["ref_model"] == "smpl_27554"
    assert max(person["dp_vertex"]) >= 6890
    assert [file.role for file in open_dataset(out).manifest.body_files][2:] == ["UV_Processed.mat", _CSE]


def test_smplx_through_a_recipe(tmp_path: Path) -> None:
    """Another mesh, with holes, eyes and jaw among the joints, and a face that is recorded."""
    write_stand_in(tmp_path / "models", load_anny(), "smplx", ("female",))
    settings = BodySettings(model="smplx", files=tmp_path / "models", genders=("female",))
    out = tmp_path / "set"
    recipe = Recipe(body=settings, people=ALONE, picture=PictureSettings(width=160, height=160))
    manifest = generate_dataset(recipe, out, frames=1, seed=3)
    assert [file.role for file in manifest.body_files] == ["SMPL-X female"]
    assert run(["audit", str(out)]) == 0
    (person,) = json.loads((out / "annotations.json").read_text())["annotations"]
    assert person["ref_model"] == "smplx"
    assert open_dataset(out).frame(0).surface["expression"].shape == (1, 10)
    assert 6890 < max(person["dp_vertex"]) < 10475
