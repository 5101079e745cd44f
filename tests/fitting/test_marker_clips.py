"""Clip folders in recipes: markers fitted once and kept, refusals told, and clips balanced by what they show."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from worn_markers import wear, write_tsv

from densesynth.bodies import BodyAssets
from densesynth.body.anny import load_anny
from densesynth.body.differentiable import differentiable_anny
from densesynth.config import Recipe
from densesynth.errors import DatasetError
from densesynth.fitting.marker_clips import fit_folder
from densesynth.frames import Generator
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MarkerClip
from densesynth.motion.source import open_clips
from densesynth.scene.sample import draw_scene
from densesynth.scene.settings import PeopleSettings
from densesynth.surface.atlas import load_atlas

UPRIGHT = np.array([np.pi / 2.0, 0.0, 0.0])


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("densesynth.fitting.marker_clips.cache_folder", lambda kind: place / kind)
        patch.setattr("densesynth.cache.cache_folder", lambda kind: place / kind)
        yield place


@pytest.fixture(scope="module")
def assets() -> BodyAssets:
    torch.set_num_threads(1)
    return BodyAssets(load_anny(), load_atlas("anny"))


@pytest.fixture(scope="module")
def folder(assets: BodyAssets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody waves at 50 Hz; a marker file cut off; one whose labels nobody knows."""
    root = tmp_path_factory.mktemp("clips")
    worn = wear(
        differentiable_anny(assets.body),
        assets.body.average_betas(),
        "wave",
        1,
        marker_set="qualisys_full_body",
        frames=6,
        rate=50.0,
        gaps=0.1,
    )
    write_tsv(root / "wave.tsv", worn.clip)
    strangers = MarkerClip("x", tuple(f"M{k}" for k in range(12)), worn.clip.positions[:, :12], 50.0)
    write_tsv(root / "strangers.tsv", strangers)
    (root / "cut.c3d").write_bytes(b"\x02\x50" + bytes(300))
    return root


def _refuse(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("fitted anew")


def test_markers_are_fitted_once_and_then_read(
    folder: Path, assets: BodyAssets, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    first = fit_folder(folder, assets, report=told.append)
    assert told == ["fitting anny to the markers of wave.tsv (3 frames), once …"]
    assert list(first.clips) == [folder / "wave.tsv"]
    clip = first.clips[folder / "wave.tsv"]
    assert clip.frame_rate == 25.0
    assert sorted(path.name for path in first.refused) == ["cut.c3d", "strangers.tsv"]
    with pytest.warns(UserWarning, match="left out"):
        library = open_clips(folder, None, first.clips, first.refused)
    assert list(library.clips) == ["wave"]
    assert "no known marker set" in library.skipped[str(folder / "strangers.tsv")]
    assert "cut.c3d" in library.skipped[str(folder / "cut.c3d")]

    monkeypatch.setattr("densesynth.fitting.marker_clips.fit_markers", _refuse)
    again = fit_folder(folder, assets, report=told.append)
    assert len(told) == 1
    np.testing.assert_array_equal(again.clips[folder / "wave.tsv"].rotations, clip.rotations)
    (kept,) = (cache / "fits").iterdir()
    content = kept.read_bytes()
    for change in (lambda: kept.write_bytes(content[:-40]), kept.unlink):  # damaged, or deleted: fitted again
        change()
        with pytest.raises(RuntimeError, match="fitted anew"):
            fit_folder(folder, assets)
    kept.write_bytes(content)
    copy = folder / "sub"
    copy.mkdir()
    (copy / "renamed.tsv").write_text((folder / "wave.tsv").read_text())  # told by content, not by name
    assert copy / "renamed.tsv" in fit_folder(folder, assets).clips
    (copy / "renamed.tsv").write_text((folder / "wave.tsv").read_text().replace("\t50\n", "\t60\n"))
    with pytest.raises(RuntimeError, match="fitted anew"):
        fit_folder(folder, assets)
    (copy / "renamed.tsv").unlink()
    with pytest.raises(RuntimeError, match="fitted anew"):
        fit_folder(folder, assets, marker_set="qualisys_full_body")


def test_a_cache_that_cannot_be_written_is_told(
    folder: Path, assets: BodyAssets, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "blocked").write_text("in the way")
    monkeypatch.setattr("densesynth.fitting.marker_clips.cache_folder", lambda kind: cache / "blocked" / kind)
    monkeypatch.setattr("densesynth.fitting.marker_clips.fit_markers", lambda clip, *_, **__: _nothing(clip))
    with pytest.raises(DatasetError, match=r"can't be kept there.*XDG_CACHE_HOME"):
        fit_folder(folder, assets)


def _nothing(clip: MarkerClip) -> object:
    from densesynth.fitting.fit import FittedClip

    count = clip.frames
    return FittedClip(
        name=clip.name, frame_rate=25.0, betas=np.zeros(6, np.float32), rotations=np.zeros((count, 52, 3), np.float32),
        transl=np.zeros((count, 3), np.float32), markers=(), columns=np.zeros(0, np.int64),
        vertices=np.zeros(0, np.int64), displacements=np.zeros((0, 3)), predicted=np.zeros((count, 0, 3)),
        seen=np.ones(count, dtype=np.bool_),
    )  # fmt: skip


def test_ten_minutes_of_standing_do_not_drown_a_cartwheel(tmp_path: Path) -> None:
    """Through a recipe: the clip that fills 99.7 % of the time is in no more of the pictures than its poses differ."""
    still, wheel = np.zeros((6000, 156)), np.zeros((20, 156))
    still[:, :3] = wheel[:, :3] = UPRIGHT
    still[:, 3 * JOINT["head"] + 1] = 0.2 * np.sin(np.linspace(0.0, 300.0, 6000))  # looks about
    for side, sign in (("left", 1.0), ("right", -1.0)):
        still[:, 3 * JOINT[f"{side}_shoulder"] + 2] = -1.3 * sign
        wheel[:, 3 * JOINT[f"{side}_shoulder"] + 2] = 1.1 * sign
        wheel[:, 3 * JOINT[f"{side}_hip"] + 2] = 0.5 * sign
    from scipy.spatial.transform import Rotation

    over = Rotation.from_euler("y", np.linspace(0.0, 2.0 * np.pi, 20)[:, None]) * Rotation.from_rotvec(UPRIGHT)
    wheel[:, :3] = over.as_rotvec()
    for name, poses in (("standing", still), ("cartwheel", wheel)):
        trans = np.tile([0.0, 0.0, 0.95], (len(poses), 1))
        np.savez(tmp_path / f"{name}.npz", poses=poses, trans=trans, mocap_framerate=np.array(10.0))
    recipe = Recipe(people=PeopleSettings(count=(1, 1), clips=tmp_path, shells=False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator = Generator(recipe)
    motions = []
    for index in range(60):
        scene, _ = draw_scene(
            recipe.people, generator.poses, recipe.camera, recipe.lens, recipe.picture, generator.body, 0, index,
            recipe.light,
        )  # fmt: skip
        motions += [person.motion for person in scene.people]
    assert motions.count("cartwheel") > 0.6 * len(motions)
    assert motions.count("standing") > 0
