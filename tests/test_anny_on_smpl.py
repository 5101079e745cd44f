"""Anny on SMPL's mesh: as its package makes it, with official charts, proved by the audit; and what is missing."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from stand_in_smpl import stand_in_mesh, write_charts, write_stand_in, write_table

from densesynth.assets import check_assets
from densesynth.body.anny import AnnyBody, load_anny, load_anny_on
from densesynth.body.body import Body
from densesynth.cli import run
from densesynth.config import Recipe, recipe_from_table
from densesynth.data.dataset import open_dataset
from densesynth.errors import AssetError, ConfigurationError
from densesynth.generate import generate_dataset
from densesynth.retopology import ROLE, find_table, read_table
from densesynth.scene.settings import BodySettings, PeopleSettings, PictureSettings


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.cache.cache_folder", lambda kind: place / kind)
        yield place


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """anny2smpl.pth, UV_Processed.mat and smpl_27554.pkl of one stand-in mesh."""
    place = tmp_path_factory.mktemp("models")
    anny = load_anny()
    write_table(place, anny, stand_in_mesh(anny))
    (smpl,) = write_stand_in(place / "smpl", anny, "smpl", ("neutral",))
    write_charts(place, smpl)
    shutil.rmtree(place / "smpl")
    return place


@pytest.fixture(scope="module")
def body(folder: Path) -> AnnyBody:
    return load_anny_on(read_table(folder / "anny2smpl.pth"))


def test_it_is_the_packages_own(folder: Path, body: AnnyBody, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against `topology="smpl"` of the package, on the same table, in rest pose over shapes."""
    import anny
    from anny.models import retopology
    from anny.models.model_data import RigConfig

    monkeypatch.setattr(retopology, "get_anny2smpl_data_path", lambda: folder / "anny2smpl.pth")
    data = retopology.build_smpl_topology_model_data(
        rig=RigConfig.from_string("anny"), local_changes="none", facial_actions="none"
    )
    model = anny.Anny.from_model_data(data, bone_orientation="cached")
    rng = np.random.default_rng(0)
    for _ in range(3):
        betas = body.sample_betas(rng)
        theirs = model(None, torch.as_tensor(betas[None].astype(np.float64)))["rest_vertices"][0].numpy()
        np.testing.assert_allclose(body.at_rest(betas), theirs, atol=1e-5)
    np.testing.assert_array_equal(body.faces, data.faces.numpy())


def test_it_poses_as_annys_own_forward_pass_and_stands_where_anny_does(body: AnnyBody) -> None:
    assert isinstance(body, Body)
    assert body.name == "anny-smpl"
    assert body.faces.shape == (13776, 3)
    rng = np.random.default_rng(1)
    betas = np.stack([body.sample_betas(rng) for _ in range(3)])
    rotations = rng.normal(0, 0.3, (3, 52, 3)).astype(np.float32)
    transl = rng.normal(size=(3, 3)).astype(np.float32)
    posed, reference = body.pose(betas, rotations, transl), body.reference(betas, rotations, transl)
    assert posed.vertices.shape == (3, 6890, 3)
    np.testing.assert_allclose(posed.vertices, reference.vertices, atol=2e-5)
    np.testing.assert_allclose(posed.joints, reference.joints, atol=2e-5)
    own = load_anny().pose(betas, rotations, transl)
    np.testing.assert_allclose(posed.joints, own.joints, atol=1e-5)
    assert np.linalg.norm(posed.keypoints - own.keypoints, axis=-1).max() < 0.01


@pytest.mark.parametrize("official", [True, False])
def test_a_recipe_passes_the_audit(official: bool, folder: Path, tmp_path: Path) -> None:
    files = {"charts": folder / "UV_Processed.mat", "cse_mesh": folder / "smpl_27554.pkl"} if official else {}
    recipe = Recipe(
        body=BodySettings(topology="smpl", files=folder, **files),
        people=PeopleSettings(count=(1, 2)),
        picture=PictureSettings(width=160, height=160),
    )
    generate_dataset(recipe, tmp_path / "set", frames=2, seed=3)
    dataset = open_dataset(tmp_path / "set")
    assert dataset.manifest.body == "anny-smpl"
    assert dataset.manifest.body_files[0].role == ROLE
    assert any("non-commercial" in one.licence and "anny2smpl.pth" in one.name for one in dataset.manifest.licences)
    assert {one.ref_model for frame in dataset.indices for one in dataset.frame(frame).annotations} == {
        "smpl_27554" if official else "smpl"
    }
    assert run(["audit", str(tmp_path / "set")]) == 0


def test_the_check_of_assets_knows_it(folder: Path, tmp_path: Path) -> None:
    report = check_assets([folder])
    assert ROLE in {asset.key for asset in report.found}
    (tmp_path / "anny2smpl.pth").write_bytes((folder / "anny2smpl.pth").read_bytes()[:5000])
    torch.save({"weight": torch.zeros(3)}, tmp_path / "network.pth")
    (tmp_path / "stranger.pth").write_bytes(b"nothing of ours")
    report = check_assets([tmp_path])
    assert [one.path.name for one in report.broken] == ["anny2smpl.pth"]
    missing = next(asset for asset in report.missing if asset.key == ROLE)
    assert "naverlabs" in missing.where
    assert "non-commercial" in missing.licence


def test_a_missing_table_is_one_line_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded: the package would, without asking."""
    monkeypatch.setattr("anny.paths.download_noncommercial_data", lambda: pytest.fail("a download"))
    monkeypatch.setattr("anny.paths._ANNY_CACHE_DIR", [tmp_path / "cache"])
    for files, where in ((None, r"noncommercial/anny2smpl\.pth: not there"), (tmp_path, r"no anny2smpl\.pth there")):
        with pytest.raises(AssetError, match=rf"{where}; .*noncommercial\.zip.*non-commercial use only.*body\.files"):
            find_table(files)
    kept = tmp_path / "cache" / "noncommercial" / "anny2smpl.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    assert find_table(None) == find_table(tmp_path) == kept


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dst_faces": None}, "expected .*dst_faces.*found anny2dst"),
        ({"dst_faces": torch.zeros(20908, 3).long()}, r"dst_faces is int64 \(20908, 3\); expected \(13776, 3\)"),
        ({"dst_faces": torch.full((13776, 3), 6890)}, "names vertices 6890 to 6890; expected 0 to 6889"),
        ({"anny2dst_vertex_indices": torch.full((6890, 3), 19158)}, "names vertices 19158"),
        ({"anny2dst_vertex_indices": torch.zeros(10475, 3).long()}, "another mesh, or cut off"),
        ({"anny2dst_barycentric_coordinates": torch.ones(3, 6890)}, "don't sum to 1"),
        ({"anny2dst_barycentric_coordinates": torch.full((3, 6890), torch.nan)}, "don't sum to 1"),
    ],
)
def test_damaged_tables_are_refused(change: dict[str, object], complaint: str, folder: Path, tmp_path: Path) -> None:
    table = torch.load(folder / "anny2smpl.pth", weights_only=True) | change
    torch.save({key: value for key, value in table.items() if value is not None}, tmp_path / "table.pth")
    with pytest.raises(AssetError, match=complaint):
        read_table(tmp_path / "table.pth")


def test_layouts_of_the_table(folder: Path, tmp_path: Path) -> None:
    """Weights as rows, and single precision, mean the same; code in the file doesn't run."""
    table = torch.load(folder / "anny2smpl.pth", weights_only=True)
    key = "anny2dst_barycentric_coordinates"
    torch.save(table | {key: table[key].T.contiguous().float()}, tmp_path / "rows.pth")
    rows, columns = read_table(tmp_path / "rows.pth"), read_table(folder / "anny2smpl.pth")
    np.testing.assert_allclose(rows.weights, columns.weights, atol=1e-7)

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(AssetError):
        read_table(tmp_path / "trap.pth")
    assert not (tmp_path / "ran").exists()


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(ConfigurationError, match="`topology` is for"):
        recipe_from_table({"body": {"model": "smpl", "files": "x", "topology": "smpl"}}, "test")
    with pytest.raises(ConfigurationError, match="Anny on SMPL's mesh"):
        recipe_from_table({"body": {"charts": "UV_Processed.mat"}}, "test")
    assert recipe_from_table({"body": {"topology": "smpl"}}, "test").body.files is None
