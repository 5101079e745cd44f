"""Backdrops: procedural ones true to the camera, folders robust against what is in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.errors import AssetError
from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.scene import backdrop as scene_backdrop
from densesynth.scene.backdrop import (
    LOWEST,
    _describe,
    _place_clutter,
    bound_shadow,
    load_backdrops,
    render_backdrop,
)
from densesynth.scene.environment import draw_lighting
from densesynth.scene.surroundings import draw_backdrop


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
    assert picture.colour.min() >= 0.0
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
        seen = np.isfinite(picture.ground_in_world[0])
        rows, columns = np.nonzero(seen)
        points = np.concatenate([picture.ground_in_world[:, seen].T, np.zeros((len(rows), 1))], axis=1)
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
        if np.isfinite(picture.ground_in_world[0]).sum() > 500:
            break
    box = np.array([[-1.0, -0.8], [0.7, 1.0]])
    lit = picture.cast(lambda points: np.ones(len(points), np.float32), box)
    np.testing.assert_allclose(lit, picture.colour, atol=1e-6)
    asked = []
    dark = picture.cast(lambda points: (asked.append(points), np.zeros(len(points), np.float32))[1], box)
    assert (asked[0][:, 2] == 0.0).all()
    assert ((asked[0][:, :2] >= box[0]) & (asked[0][:, :2] <= box[1])).all()
    with np.errstate(invalid="ignore"):
        inside = (
            (picture.ground_in_world >= box[0][:, None, None]) & (picture.ground_in_world <= box[1][:, None, None])
        ).all(0)
    assert len(asked[0]) == inside.sum() > 100
    full = cv2.resize(inside.astype(np.float32), (96, 80), interpolation=cv2.INTER_LINEAR)
    changed = np.abs(dark - picture.colour).max(axis=2) > 1e-6
    assert changed[full > 0.0].all()
    assert not changed[full == 0.0].any()
    ratio = (dark / picture.colour)[cv2.erode(inside.astype(np.uint8), np.ones((3, 3))).repeat(2, 0).repeat(2, 1) > 0]
    np.testing.assert_allclose(ratio, np.broadcast_to(picture.shade_in_shadow, ratio.shape), rtol=1e-3)
    nowhere = picture.cast(lambda points: np.zeros(len(points), np.float32), box + 500.0)
    assert nowhere.tobytes() == picture.colour.tobytes()


@pytest.mark.parametrize("seed", range(25))
def test_no_ray_of_the_light_lands_outside_the_shadows_box(seed: int):
    rng = np.random.default_rng(seed)
    light = draw_lighting(rng)
    vertices = rng.normal(size=(400, 3)) * (0.4, 0.3, 0.5) + (0.3, -0.2, 0.7)
    vertices = np.maximum(vertices, (-9.0, -9.0, 0.0)).astype(np.float32)
    first, last = bound_shadow(vertices, light)
    towards = light.direction + np.tan(light.angular_radius) * 0.999 * _unit(
        np.cross(light.direction, rng.normal(size=(400, 3)))
    )
    landed = vertices[:, :2] - towards[:, :2] / np.maximum(towards[:, 2:], LOWEST) * vertices[:, 2:]
    assert (landed >= first - 1e-6).all()
    assert (landed <= last + 1e-6).all()
    reach = np.abs(vertices).max() * (1.0 + 1.0 / LOWEST)
    assert (np.abs([first, last]) <= reach + 1.0).all()  # and no box is boundless


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_clutter_is_drawn_wherever_its_rectangle_could_miss_it():
    """Where the kernel is told to look for boxes hides none of them: the same picture as looking everywhere."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        backdrop, light = draw_backdrop(rng), draw_lighting(rng)
        camera = make_camera(128, 96, azimuth=rng.uniform(-np.pi, np.pi), distance=rng.uniform(0.6, 6.0))
        picture = render_backdrop(backdrop, camera, light).small
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scene_backdrop, "_bound_boxes", _look_everywhere)
            everywhere = render_backdrop(backdrop, camera, light).small
        np.testing.assert_array_equal(picture, everywhere)


def _look_everywhere(boxes: np.ndarray, *_: object) -> None:
    for name in ("last", "last_shade"):
        boxes[name] = 10_000


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


def test_walls_rows_and_furniture_keep_clear_of_people():
    """Whoever stands far behind the first person stays inside the room or before the rows, and no box stands where a
    person does."""
    moved = farthest = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        backdrop = draw_backdrop(rng)
        camera = make_camera(azimuth=rng.uniform(-np.pi, np.pi), distance=4.0)
        eye = camera.centre_in_world
        away = -eye[:2] / np.linalg.norm(eye[:2])
        people = np.stack([np.zeros(2), away * rng.uniform(1.0, 8.0) + rng.normal(0.0, 1.0, 2)])
        world = _describe(backdrop, eye, away, people)
        c, s = world["wall_cos"][0], world["wall_sin"][0]
        x, y = people @ np.array([c, s]), people @ np.array([-s, c])
        low, high = world["low"][0], world["high"][0]
        assert (x > low[0] + 0.5).all()
        assert (x < high[0] - 0.5).all()
        assert (y < high[1] - 0.5).all()
        rows = world["eye"][0, 1] + world["row_gap"][0, : world["row_count"][0]]
        assert (rows[:, None] > y + 0.5).all()
        assert (np.diff(rows) > 0.0).all()
        farthest = max(farthest, int(world["row_count"][0]))
        for box, alone in zip(
            _place_clutter(backdrop, away, people), _place_clutter(backdrop, away, people[:0]), strict=True
        ):
            if not backdrop.clutter:
                continue
            offset = people - box["centre"][:2]
            c, s = float(box["cos"]), float(box["sin"])
            local = np.abs(offset @ np.array([[c, -s], [s, c]]))
            assert (local > box["half"][:2] + 0.2).any(axis=1).all()
            moved += bool((box["centre"] != alone["centre"]).any())
    assert moved > 10
    assert farthest == 3
