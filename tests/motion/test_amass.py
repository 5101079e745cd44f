"""AMASS: axes, both layouts, exact passage, refusals; nothing is unpickled."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.amass import read_amass
from densesynth.motion.read import read_clip
from densesynth.motion.retarget import retarget

FRAMES = 9
UPRIGHT = np.array([np.pi / 2.0, 0.0, 0.0])  # takes SMPL's y up to the world's z up


def make_poses(columns: int, seed: int = 0) -> np.ndarray:
    poses = np.random.default_rng(seed).normal(0.0, 0.3, (FRAMES, columns))
    poses[:, :3] = UPRIGHT
    return poses


def write_amass(path, **changes):
    arrays = {
        "poses": make_poses(156),
        "trans": np.tile([1.0, 2.0, 0.95], (FRAMES, 1)),
        "betas": np.arange(16.0),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.0),
    }
    arrays.update(changes)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return arrays


def test_smplh_passes_bit_by_bit(tmp_path):
    path = tmp_path / "walk_poses.npz"
    arrays = write_amass(path)
    clip = read_clip(path)
    assert clip.frame_rate == 120.0
    assert clip.gender == "female"
    assert np.array_equal(clip.betas, np.arange(16.0))
    poses = arrays["poses"].reshape(FRAMES, 52, 3)
    # SMPL's axes (left, up, forward) in ours: x, −z, y
    assert np.array_equal(clip.rotations[:, 1:, 0], poses[:, 1:, 0])
    assert np.array_equal(clip.rotations[:, 1:, 1], -poses[:, 1:, 2])
    assert np.array_equal(clip.rotations[:, 1:, 2], poses[:, 1:, 1])
    assert np.allclose(clip.rotations[:, 0], 0.0, atol=1e-12)  # upright, facing −y: our rest pose
    done = retarget(clip)
    assert np.array_equal(done.poses, clip.rotations)
    assert np.nanmax(done.errors) < 1e-4
    assert done.clamped.max() > 1.0  # told, though not done


def test_the_skeleton_stands_as_smpl_would(tmp_path):
    poses = np.zeros((1, 156))
    poses[0, :3] = UPRIGHT
    poses[0, 3 * JOINT["left_knee"]] = np.pi / 2.0  # SMPL's x: bends the knee backward
    write_amass(tmp_path / "a.npz", poses=poses, trans=np.zeros((1, 3)))
    clip = read_amass(tmp_path / "a.npz")
    _, places = clip.world()
    shank = places[0, JOINT["left_ankle"]] - places[0, JOINT["left_knee"]]
    assert shank[1] > 0.3
    assert abs(shank[2]) < 0.05
    turned = matrix_from_vector(clip.rotations[0, JOINT["left_knee"]]) @ [0.0, 0.0, -1.0]
    assert np.allclose(turned, [0.0, 1.0, 0.0], atol=1e-12)


def test_smplx_with_and_without_one_array(tmp_path):
    poses = make_poses(165)
    write_amass(tmp_path / "one.npz", poses=poses, mocap_framerate=None, mocap_frame_rate=np.array(60.0))
    write_amass(
        tmp_path / "parts.npz", poses=None, root_orient=poses[:, :3], pose_body=poses[:, 3:66], pose_hand=poses[:, 75:]
    )  # fmt: skip
    one, parts = read_amass(tmp_path / "one.npz"), read_amass(tmp_path / "parts.npz")
    assert one.frame_rate == 60.0
    assert np.array_equal(one.rotations, parts.rotations)
    assert np.array_equal(one.rotations[:, 22, 0], poses[:, 75])  # the left index finger follows jaw and eyes


def test_a_stageii_file_with_all_its_keys(tmp_path):
    """The keys that SMPL-X's AMASS has beside those that are needed, some of which need unpickling."""
    poses = make_poses(165)
    labels = np.array(["ARIEL", "C7"], dtype=object)
    write_amass(
        tmp_path / "walk_stageii.npz", poses=poses, mocap_framerate=None, mocap_frame_rate=np.array(120.0),
        betas=np.arange(16.0), num_betas=np.array(16), gender=np.array("neutral"),
        surface_model_type=np.array("smplx"), mocap_time_length=np.array(0.075), root_orient=poses[:, :3],
        pose_body=poses[:, 3:66], pose_hand=poses[:, 75:], pose_jaw=poses[:, 66:69], pose_eye=poses[:, 69:75],
        markers_latent=np.zeros((2, 3)), latent_labels=labels, markers_latent_vids=np.array({"C7": 1}, dtype=object),
    )  # fmt: skip
    clip = read_clip(tmp_path / "walk_stageii.npz")
    assert clip.frames == FRAMES
    assert clip.gender == "neutral"
    assert clip.betas is not None
    assert len(clip.betas) == 16


@pytest.mark.parametrize(
    ("gender", "found"),
    [
        (np.array("male"), "male"),
        (np.array(b"male"), "male"),
        (np.array(["Female"]), "female"),
        (np.array([b"female"]), "female"),
        (np.array("b'female'"), "female"),
        (np.array(""), None),
        (np.array(2.0), None),
        (np.array("male", dtype=object), None),
    ],
)
def test_genders_however_they_are_written(tmp_path, gender, found):
    write_amass(tmp_path / "a.npz", gender=gender)
    assert read_amass(tmp_path / "a.npz").gender == found


@pytest.mark.parametrize("rate", [np.array(100), np.array([100.0]), np.array(100.0, np.float32)])
def test_rates_however_they_are_written(tmp_path, rate):
    write_amass(tmp_path / "a.npz", mocap_framerate=rate)
    assert read_amass(tmp_path / "a.npz").frame_rate == 100.0
    write_amass(tmp_path / "b.npz", mocap_framerate=np.array([100.0, 50.0]))
    with pytest.raises(AssetError, match="mocap_framerate"):
        read_amass(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": make_poses(72)}, r"\(9, 72\)"),
        ({"poses": None}, "expected AMASS's `poses`"),
        ({"poses": np.where(np.arange(156) == 7, np.nan, make_poses(156))}, "`poses`, found nan in frame 0"),
        ({"trans": np.zeros((3, 3))}, "`trans`"),
        ({"mocap_framerate": None}, "frame rate"),
        ({"mocap_framerate": np.array(0.0)}, "above 0 Hz"),
        ({"poses": np.full((2, 156), "x")}, "`poses`"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, changes, message):
    write_amass(tmp_path / "bad.npz", **changes)
    with pytest.raises(AssetError, match=message) as caught:
        read_amass(tmp_path / "bad.npz")
    assert "bad.npz" in str(caught.value)


class Wicked:
    def __reduce__(self):
        return (pytest.fail, ("was unpickled",))


def test_damaged_files_and_pickles_are_refused(tmp_path):
    path = tmp_path / "bad.npz"
    write_amass(path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(AssetError, match=r"bad\.npz"):
            read_amass(path)
    with pytest.raises(AssetError, match="no such file"):
        read_amass(tmp_path / "none.npz")
    write_amass(path, poses=np.array([Wicked()], dtype=object))
    with pytest.raises(AssetError, match="expected AMASS's `poses`"):
        read_amass(path)
    write_amass(path, gender=np.array([Wicked()], dtype=object))
    assert read_amass(path).gender is None
