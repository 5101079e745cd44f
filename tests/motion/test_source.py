"""A folder of clips: what is read, what is left out, and draws that are balanced and repeatable."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.geometry.skeleton import JOINT, Pose
from densesynth.motion.limits import excess
from densesynth.motion.source import open_clips

UPRIGHT = np.array([np.pi / 2.0, 0.0, 0.0])


def write_clip(path, seconds: float, rate: float = 30.0, arms: float = 0.0) -> None:
    """A standing person (AMASS), who raises the arms by up to `arms` radians along the clip."""
    frames = max(int(seconds * rate), 1)
    poses = np.zeros((frames, 156))
    poses[:, :3] = UPRIGHT
    raised = np.linspace(0.0, arms, frames)
    poses[:, 3 * JOINT["left_shoulder"] + 2] = raised - 1.3
    poses[:, 3 * JOINT["right_shoulder"] + 2] = 1.3 - raised
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=poses, trans=np.tile([0.0, 0.0, 0.95], (frames, 1)), mocap_framerate=np.array(rate))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    write_clip(root / "standing.npz", 120.0)
    write_clip(root / "waving" / "arms.npz", 2.0, arms=2.6)
    np.savez(root / "shape.npz", betas=np.zeros(10))  # AMASS puts one into each folder
    return root


def test_clips_are_named_by_their_path(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        library = open_clips(folder)
    assert list(library.clips) == ["standing", "waving/arms"]
    assert library.skipped == {}


def test_long_standing_does_not_drown_a_short_wave(folder):
    library = open_clips(folder)
    rng = np.random.default_rng(0)
    names = [library.draw(rng)[0] for _ in range(400)]
    share = names.count("waving/arms") / len(names)
    seconds = {name: len(clip.poses) / clip.frame_rate for name, clip in library.clips.items()}
    assert seconds["waving/arms"] / sum(seconds.values()) < 0.02  # what a draw by time would give
    assert share > 0.5


def test_every_moment_is_in_one_group_and_draws_are_poses(folder):
    library = open_clips(folder)
    assert np.array_equal(np.sort(np.concatenate(library.groups)), np.arange(len(library.moments)))
    rng = np.random.default_rng(1)
    for _ in range(50):
        name, time, pose = library.draw(rng)
        assert isinstance(pose, Pose)
        assert pose.rotations.dtype == np.float32
        assert pose.height == 0.0
        assert 0.0 <= time <= len(library.clips[name].poses) / library.clips[name].frame_rate
        again = library.pose_at(name, time)
        assert np.array_equal(again.rotations, pose.rotations)
        assert excess(pose.rotations.astype(np.float64)).max() < 2.0


def test_the_same_folder_gives_the_same_draws(folder):
    first, second = (
        [library.draw(rng)[:2] for _ in range(20)]
        for library, rng in ((open_clips(folder), np.random.default_rng(5)) for _ in range(2))
    )
    assert first == second


def test_a_bad_file_is_left_out_with_a_warning(tmp_path):
    write_clip(tmp_path / "good.npz", 1.0)
    (tmp_path / "bad.bvh").write_text("no motion")
    with pytest.warns(UserWarning, match=r"left out: .*bad\.bvh"):
        library = open_clips(tmp_path)
    assert list(library.clips) == ["good"]
    assert "HIERARCHY" in library.skipped[str(tmp_path / "bad.bvh")]


def test_a_folder_without_clips_is_refused(tmp_path):
    with pytest.raises(AssetError, match="found nothing"):
        open_clips(tmp_path / "none")
    with pytest.raises(AssetError, match="found none"):
        open_clips(tmp_path)
    (tmp_path / "bad.bvh").write_text("no motion")
    with pytest.raises(AssetError, match=r"found one file: .*bad\.bvh.*HIERARCHY"):
        open_clips(tmp_path)
    (tmp_path / "worse.bvh").write_text("")
    with pytest.raises(AssetError, match=r"2 files, none of which can be used; the first: .*bad\.bvh"):
        open_clips(tmp_path)


def test_an_unknown_clip_names_the_known(folder):
    with pytest.raises(AssetError, match="standing"):
        open_clips(folder).pose_at("flying", 0.0)
