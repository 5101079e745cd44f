"""Camera situations and the rig: shares kept, frames cut where asked, one scene before many cameras."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.config import recipe_from_table
from densesynth.errors import ConfigurationError
from densesynth.frames import Generator
from densesynth.geometry.camera import Lens
from densesynth.scene.place import draw_camera
from densesynth.scene.settings import CameraSettings, PictureSettings
from densesynth.scene.situations import SITUATIONS, draw_situation

BOX = np.array([[-0.3, -0.2, 0.0], [0.3, 0.2, 1.7]])


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations_have_their_share(name: str) -> None:
    settings = CameraSettings(**{name: 0.3})
    rng = np.random.default_rng(0)
    drawn = [draw_situation(settings, rng)[0] for _ in range(1000)]
    share = sum(ranges.focal_length == SITUATIONS[name][0] for ranges in drawn) / 1000
    assert share == pytest.approx(0.3, abs=0.05)


def seen_height(name: str, seed: int) -> tuple[float, bool]:
    """The subject's height as a share of the picture's, and whether its top and foot are in the picture."""
    picture, rng = PictureSettings(), np.random.default_rng(seed)
    ranges, aim = draw_situation(CameraSettings(**{name: 1.0}), rng)
    camera = draw_camera(ranges, Lens(), picture, BOX, rng, aim)
    ends = camera.project(np.array([[0.0, 0.0, 1.7], [0.0, 0.0, 0.0]]))
    inside = bool(((ends >= 0) & (ends <= 512)).all())
    return float(np.linalg.norm(ends[0] - ends[1])) / 512, inside


def test_each_situation_looks_like_itself() -> None:
    heights = {name: [seen_height(name, seed) for seed in range(60)] for name in SITUATIONS}
    median = {name: np.median([height for height, _ in seen]) for name, seen in heights.items()}
    assert median["drone"] < median["cctv"] < median["whole_body"] < median["cut_off"] < median["portrait"]
    whole = {name: np.mean([inside for _, inside in seen]) for name, seen in heights.items()}
    assert whole["whole_body"] > 0.8
    assert whole["cut_off"] < 0.1
    assert whole["portrait"] == 0.0
    assert whole["selfie"] < 0.5  # arm's length is no nearer than the nearest place of a camera


def test_shares_beyond_one_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"sum to 1\.2"):
        recipe_from_table({"camera": {"portrait": 0.7, "drone": 0.5}}, "test")


def test_a_rig_s_frames_share_a_scene_in_any_order() -> None:
    table = {"picture": {"width": 64, "height": 64}, "camera": {"rig": 3}, "people": {"count": [2, 2]}}
    recipe = recipe_from_table(table, "test")
    ahead, back = Generator(recipe), Generator(recipe)
    frames = [ahead.frame(5, index) for index in range(6)]
    again = [back.frame(5, index) for index in (5, 1, 4, 0, 3, 2)]
    for frame in again:
        first = frames[frame.index]
        assert frame.picture.tobytes() == first.picture.tobytes()
        assert frame.iuv.tobytes() == first.iuv.tobytes()
    for key in ("betas", "rotations", "transl"):
        assert np.array_equal(frames[0].surface[key], frames[2].surface[key])
        assert not np.array_equal(frames[0].surface[key], frames[3].surface[key])
    eyes = []
    for frame in frames[:3]:
        pose = frame.surface["camera_from_world"]
        eyes.append(-pose[:3, :3].T @ pose[:3, 3])
    azimuths = np.sort(np.arctan2([eye[1] for eye in eyes], [eye[0] for eye in eyes]))
    gaps = np.diff(np.append(azimuths, azimuths[0] + 2 * np.pi))
    assert gaps.min() > 2 * np.pi / 3 * 0.5
