"""Panoramas: read, refused with one line, and seen through the camera."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.config import recipe_from_table
from densesynth.data.record import FrameRecord
from densesynth.errors import AssetError
from densesynth.frames import Generator
from densesynth.geometry.camera import Camera, look_at
from densesynth.scene.contact import find_contact
from densesynth.scene.dome import render_dome
from densesynth.scene.extraction import extract_light, panorama_directions
from densesynth.scene.hdri import Environment, open_environments, read_panorama


def colourful() -> np.ndarray:
    """A panorama whose colour tells the direction."""
    towards, _ = panorama_directions(128, 256)
    return (0.5 + 0.5 * towards).reshape(128, 256, 3).astype(np.float32)


def write(path: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))
    return path


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    picture = colourful()
    np.testing.assert_allclose(read_panorama(write(tmp_path / "a.hdr", picture)), picture, atol=0.01)


@pytest.mark.parametrize("wrong", ["cut short", "not twice as wide", "black", "empty", "negative"])
def test_a_panorama_that_can_t_be_used_is_one_line(tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.hdr", colourful()[:100] if wrong == "not twice as wide" else colourful())
    if wrong == "cut short":
        path.write_bytes(path.read_bytes()[:30])
    elif wrong == "empty":
        path.write_bytes(b"")
    elif wrong == "black":
        write(path, np.zeros((128, 256, 3), np.float32))
    elif wrong == "negative":  # Radiance files can't say NaN or a negative; other decoders of theirs can
        broken = colourful()
        broken[3, 4] = (-1.0, np.nan, np.inf)
        monkeypatch.setattr(cv2, "imdecode", lambda *_: broken)
    with pytest.raises(AssetError, match=r"a\.hdr: ") as caught:
        read_panorama(path)
    assert "\n" not in str(caught.value)


def test_one_bad_file_of_many_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path / "good.hdr", colourful())
    (tmp_path / "bad.hdr").write_bytes(b"#?RADIANCE nothing")
    with pytest.warns(UserWarning, match=r"bad\.hdr"):
        folder = open_environments(tmp_path)
    assert [path.name for path in folder.paths] == ["good.hdr"]
    assert len(folder.left_out) == 1
    assert "bad.hdr" in folder.left_out[0]
    (tmp_path / "good.hdr").unlink()
    with pytest.warns(UserWarning, match="bad"), pytest.raises(AssetError, match="expected equirectangular HDR"):
        open_environments(tmp_path)


@pytest.mark.parametrize("turn", [0.0, 1.2])
def test_the_camera_sees_the_panorama_in_the_light_s_own_directions(turn: float) -> None:
    """From where the panorama was taken, every pixel shows the colour of its own direction."""
    radiance = colourful()
    environment = Environment(name="x", radiance=radiance, light=extract_light(radiance))
    eye = np.array([0.0, 0.0, 1.6])
    camera = Camera(
        width=64, height=64, fx=40.0, fy=40.0, cx=32.0, cy=32.0,
        camera_from_world=look_at(eye, eye + np.array([0.5, 1.0, 0.2])),
    )  # fmt: skip
    seen = render_dome(environment, turn, 1.0, camera, environment.light.turned(turn, 1.0)).colour
    rays = camera.pixel_rays() @ camera.camera_from_world[:3, :3]
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    c, s = np.cos(-turn), np.sin(-turn)
    turned = np.stack([c * rays[..., 0] - s * rays[..., 1], s * rays[..., 0] + c * rays[..., 1], rays[..., 2]], -1)
    assert np.abs(seen - (0.5 + 0.5 * turned)).max() < 0.03


def make(tmp_path: Path, **light: object) -> FrameRecord:
    table = {
        "picture": {"width": 128, "height": 128, "noise": [0, 0]},
        "people": {"count": [1, 1], "motions": ["stand"]},
        "camera": {"fill": [0.6, 0.6], "elevation": [20.0, 20.0], "off_centre": 0.0},
        "background": {"environments": str(tmp_path)},
        "light": light,
    }
    return Generator(recipe_from_table(table, "test")).frame(1, 0)


def test_panorama_lamps_and_contact_change_the_picture_and_no_label(tmp_path: Path) -> None:
    write(tmp_path / "a.hdr", colourful() + 0.2)
    plain, again = make(tmp_path, contact=0.0), make(tmp_path, contact=0.0)
    assert plain.picture.tobytes() == again.picture.tobytes()
    lit, grounded = make(tmp_path, contact=0.0, lamps=[2, 2]), make(tmp_path)
    for other in (lit, grounded):
        assert np.array_equal(other.iuv, plain.iuv)
        assert other.annotations == plain.annotations
    body = plain.segmentation[..., 0] > 0
    assert lit.picture[body].mean() > plain.picture[body].mean() + 1
    assert np.array_equal(lit.picture[:8], plain.picture[:8])
    darker = grounded.picture.astype(int).sum(axis=2) - plain.picture.astype(int).sum(axis=2)
    assert darker[~body].min() < -20
    assert darker.max() <= 6
    rows = np.flatnonzero((darker < -20).any(axis=1))
    assert rows.min() > np.flatnonzero(body.any(axis=1)).mean()  # at the feet, not about the head


def test_contact_is_darkest_below_what_touches_the_ground() -> None:
    feet = np.random.default_rng(0).uniform((-0.1, -0.1, 0.0), (0.1, 0.1, 0.05), (500, 3)).astype(np.float32)
    contact = find_contact(feet, 1.0)
    assert contact is not None
    at = np.array([0.0, 0.15, 0.45, 5.0], np.float32)
    below, beside, away, beyond = contact.open_at(at, np.zeros(4, np.float32))
    assert below < 0.4 < beside < away <= beyond == 1.0
    assert find_contact(feet + np.float32(3.0), 1.0) is None
    assert find_contact(feet, 0.0) is None
