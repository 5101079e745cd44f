"""Backdrops: procedural ones true to the camera, folders robust against what is in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.scene.backdrop import draw_backdrop, load_backdrops, render_backdrop
from densesynth.scene.environment import draw_lighting


def make_camera(width: int = 96, height: int = 80, azimuth: float = 0.7, distance: float = 3.5) -> Camera:
    eye = np.array([distance * np.cos(azimuth), distance * np.sin(azimuth), 1.4])
    return Camera(
        width=width, height=height, fx=110.0, fy=110.0, cx=width / 2, cy=height / 2,
        camera_from_world=look_at(eye, np.array([0.0, 0.0, 0.7]), 0.1), lens=Lens(k1=-0.1, k2=0.01, p1=0.001),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_every_backdrop_is_finite_and_neither_black_nor_burnt(seed: int):
    rng = np.random.default_rng(seed)
    backdrop, light = draw_backdrop(rng), draw_lighting(rng)
    camera = make_camera(azimuth=rng.uniform(-np.pi, np.pi), distance=rng.uniform(1.0, 9.0))
    picture = render_backdrop(backdrop, camera, light)
    assert picture.colour.shape == (80, 96, 3)
    assert np.isfinite(picture.colour).all()
    assert 0.005 < picture.colour.mean() < 1.2
    assert picture.colour.std() > 0.005
    assert (picture.shade_in_shadow > 0.0).all()
    assert (picture.shade_in_shadow <= 1.0).all()


def test_the_same_generator_gives_the_same_bytes():
    first, second = (draw_backdrop(np.random.default_rng(8)) for _ in range(2))
    assert first == second
    light = draw_lighting(np.random.default_rng(1))
    a, b = (render_backdrop(first, make_camera(), light).colour for _ in range(2))
    assert a.tobytes() == b.tobytes()


def test_odd_sizes():
    rng = np.random.default_rng(3)
    picture = render_backdrop(draw_backdrop(rng), make_camera(97, 61), draw_lighting(rng))
    assert picture.colour.shape == (61, 97, 3)


def test_ground_points_project_to_their_pixels():
    """The grid's points lie on z = 0 under the pixels they stand for, lens included."""
    checked = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        camera = make_camera(256, 256)
        picture = render_backdrop(draw_backdrop(rng), camera, draw_lighting(rng))
        if picture.ground_in_world is None:
            continue
        seen = np.isfinite(picture.ground_in_world[..., 0])
        rows, columns = np.nonzero(seen)
        points = picture.ground_in_world[seen]
        np.testing.assert_allclose(points[:, 2], 0.0, atol=1e-4)
        pixels = camera.project(points)
        near = np.linalg.norm(points[:, :2], axis=1) < 6.0
        expected = np.stack([2 * columns + 1.0, 2 * rows + 1.0], axis=1)
        np.testing.assert_allclose(pixels[near], expected[near], atol=0.3)
        checked += int(near.sum())
    assert checked > 1000


def test_shadow_falls_where_it_is_said_to():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        picture = render_backdrop(draw_backdrop(rng), make_camera(), draw_lighting(rng))
        if picture.ground_in_world is not None and np.isfinite(picture.ground_in_world[..., 0]).sum() > 500:
            break
    people = np.zeros((1, 2))
    lit = picture.cast(lambda points: np.ones(len(points), np.float32), people)
    np.testing.assert_allclose(lit, picture.colour, atol=1e-6)
    dark = picture.cast(lambda points: np.zeros(len(points), np.float32), people, reach=1.0)
    changed = np.abs(dark - picture.colour).max(axis=2) > 1e-6
    distance = np.linalg.norm(np.repeat(np.repeat(picture.ground_in_world[..., :2], 2, 0), 2, 1), axis=2)
    assert changed.any()
    assert changed[distance < 0.8].all()
    assert not changed[(distance > 1.3)].any()
    with_rim = np.where(np.isfinite(distance), distance, 9.0)
    inside = cv2.dilate(with_rim, np.ones((7, 7))) < 0.8  # no pixel beside what isn't ground
    assert inside.any()
    ratio = (dark / picture.colour)[inside]
    np.testing.assert_allclose(ratio, np.broadcast_to(picture.shade_in_shadow, ratio.shape), rtol=1e-3)


def write_picture(path: Path, seed: int, size: tuple[int, int] = (60, 90)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(small, size[::-1]))


def test_folder_is_read_in_order_with_its_subfolders(tmp_path: Path):
    for k, name in enumerate(("b.jpg", "a.png", "sub/c.webp")):
        write_picture(tmp_path / name, k)
    (tmp_path / "notes.txt").write_text("no picture")
    folder = load_backdrops(tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in folder.paths] == ["a.png", "b.jpg", "sub/c.webp"]
    first, second = (folder.draw(np.random.default_rng(2), 48, 64) for _ in range(2))
    assert first.colour.shape == (48, 64, 3)
    assert first.ground_in_world is None
    assert first.colour.tobytes() == second.colour.tobytes()
    assert 0.0 <= first.colour.min() < first.colour.max() <= 1.0


@pytest.mark.parametrize(("height", "width"), [(8, 8), (200, 40), (40, 200), (300, 300)])
def test_any_size_can_be_cropped(tmp_path: Path, height: int, width: int):
    write_picture(tmp_path / "a.png", 0, (3, 100))
    folder = load_backdrops(tmp_path)
    for seed in range(5):
        assert folder.draw(np.random.default_rng(seed), height, width).colour.shape == (height, width, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_picture_is_skipped_with_a_warning(tmp_path: Path, suffix: str):
    write_picture(tmp_path / "whole.png", 1)
    cut = tmp_path / f"cut.{suffix}"
    write_picture(cut, 2)
    cut.write_bytes(cut.read_bytes()[:-200])
    with pytest.warns(UserWarning, match=r"cut\.\w+: corrupt or cut short; skipped"):  # noqa: PT031
        folder = load_backdrops(tmp_path)
        pictures = [folder.draw(np.random.default_rng(seed), 30, 40).colour for seed in range(8)]
    assert all(np.isfinite(picture).all() for picture in pictures)


def test_file_that_is_no_picture_is_left_out(tmp_path: Path):
    write_picture(tmp_path / "whole.png", 1)
    (tmp_path / "fake.jpg").write_text("this is text")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match="not a picture"):
        folder = load_backdrops(tmp_path)
    assert [p.name for p in folder.paths] == ["whole.png"]


def test_picture_that_vanishes_mid_run_is_skipped(tmp_path: Path):
    write_picture(tmp_path / "a.png", 1)
    write_picture(tmp_path / "b.png", 2)
    folder = load_backdrops(tmp_path)
    (tmp_path / "b.png").unlink()
    with pytest.warns(UserWarning, match=r"b\.png"):  # noqa: PT031
        for seed in range(8):
            folder.draw(np.random.default_rng(seed), 20, 20)


@pytest.mark.parametrize("content", ["nothing", "text", "corrupt"])
def test_folder_without_a_picture_is_refused_in_one_line(tmp_path: Path, content: str):
    if content == "text":
        (tmp_path / "notes.txt").write_text("no picture")
    if content == "corrupt":
        (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    with pytest.raises(AssetError, match="no readable picture") as failure:  # noqa: PT012
        if content == "corrupt":
            with pytest.warns(UserWarning, match="skipped"):
                load_backdrops(tmp_path)
        else:
            load_backdrops(tmp_path)
    assert "\n" not in str(failure.value)
    assert str(tmp_path) in str(failure.value)


def test_missing_folder_and_file_are_refused(tmp_path: Path):
    with pytest.raises(AssetError, match="found nothing"):
        load_backdrops(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(AssetError, match="found a file"):
        load_backdrops(tmp_path / "file")
