"""Each effect of lens and sensor: what it does to the picture, that it leaves labels alone, that off is off."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

from densesynth.appearance.outfit import draw_outfit
from densesynth.compose.exposure import pixel_movement
from densesynth.config import recipe_from_table
from densesynth.data.record import FrameRecord
from densesynth.errors import ConfigurationError
from densesynth.frames import Generator
from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.geometry.fisheye import Fisheye
from densesynth.render.buffers import Buffers
from densesynth.render.exposure import defocus, expose, fringe, process, shake, smear
from densesynth.scene.scene import PersonInScene


@functools.cache
def make(**sensor: tuple[float, float]) -> FrameRecord:
    table = {
        "picture": {"width": 128, "height": 128, "noise": [0.01, 0.01]},
        "people": {"count": [1, 1], "motions": ["run"]},
        "sensor": {name: list(value) for name, value in sensor.items()},
    }
    return Generator(recipe_from_table(table, "test")).frame(11, 2)


def test_effects_are_drawn_apart() -> None:
    """One effect's range changes nothing about another: shaken twice, the second time with sharpening."""
    assert make(shake=(0.0, 0.0)).picture.tobytes() == make().picture.tobytes()
    brighter = make(exposure=(1.0, 1.0)).picture.mean()
    assert brighter > make().picture.mean() * 1.15


def test_ranges_are_checked() -> None:
    for table in ({"sensor": {"shutter": [5.0, 1.0]}}, {"picture": {"jpeg_quality": [0, 90]}}):
        with pytest.raises(ConfigurationError):
            recipe_from_table(table, "test")


def test_jpeg_quality_is_a_number_or_a_range() -> None:
    one = Generator(recipe_from_table({"picture": {"jpeg_quality": 80}}, "test"))
    many = Generator(recipe_from_table({"picture": {"jpeg_quality": [50, 90]}}, "test"))
    assert {one.jpeg_quality(0, k) for k in range(20)} == {80}
    drawn = [many.jpeg_quality(0, k) for k in range(200)]
    assert 50 <= min(drawn) < 55
    assert 85 < max(drawn) <= 90
    assert drawn == [many.jpeg_quality(0, k) for k in range(200)]


def square(size: int = 96) -> np.ndarray:
    picture = np.zeros((size, size, 3), np.float32)
    picture[32:64, 32:64] = 1.0
    return picture


def test_defocus_keeps_what_is_in_focus_and_widens_points_by_the_formula() -> None:
    depth = np.full((96, 96), 4.0, np.float32)
    assert np.abs(defocus(square(), depth, 4.0, 60.0) - square()).max() < 1e-4
    point = np.zeros((96, 96, 3), np.float32)
    point[46:50, 46:50] = 100.0
    strength = 120.0
    spread = defocus(point, np.full((96, 96), 8.0, np.float32), 4.0, strength)[..., 0]
    y, x = np.indices(spread.shape)
    weight = spread / spread.sum()
    radius = np.sqrt(2.0 * (weight * ((x - 47.5) ** 2 + (y - 47.5) ** 2)).sum())  # of a disc: r² = 2⟨d²⟩
    # The point's own 4×4 pixels, and half the resolution, widen it besides.
    assert radius == pytest.approx(np.hypot(strength * (1 / 4 - 1 / 8) / 2.0, 3.3), rel=0.15)
    assert spread.sum() == pytest.approx(point[..., 0].sum(), rel=0.25)


def test_a_blurred_backdrop_doesn_t_creep_over_a_sharp_person() -> None:
    depth = np.full((96, 96), np.inf, np.float32)
    depth[32:64, 32:64] = 3.0
    blurred = defocus(square(), depth, 3.0, 90.0)
    assert blurred[36:60, 36:60].min() > 0.97
    assert blurred[:20].max() < 1e-3


def test_smear_spreads_along_the_movement_alone() -> None:
    velocity = np.zeros((96, 96, 2), np.float32)
    velocity[32:64, 32:64] = (12.0, 0.0)
    smeared = smear(square(), velocity)
    assert np.abs(smeared[:30]).max() == 0.0
    assert np.abs(smeared[66:]).max() == 0.0
    assert 0.1 < smeared[48, 30, 0] < 0.9  # spilt over the left edge
    assert 0.1 < smeared[48, 65, 0] < 0.9
    assert smeared[48, 48, 0] == pytest.approx(1.0)
    assert smear(square(), None) is not None
    still = square()
    assert smear(still, np.zeros((96, 96, 2), np.float32)) is still


def gather_path(picture: np.ndarray, movement: np.ndarray) -> np.ndarray:
    """Motion blur one pixel at a time, where all move as fast as the fastest around."""
    height, width = movement.shape[:2]
    rows, columns = np.indices((height, width)).astype(np.float32)
    speed = np.linalg.norm(movement, axis=2)
    along = movement.reshape(-1, 2)[speed.argmax()]
    around = cv2.dilate(speed, cv2.getStructuringElement(cv2.MORPH_CROSS, (7, 7)))
    total = np.zeros_like(picture)
    for k in range(11):
        t = (k + 0.5) / 11 - 0.5
        x, y = columns + np.float32(along[0] * t), rows + np.float32(along[1] * t)
        tap = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        near = np.floor(y + 0.5).clip(0, height - 1).astype(int), np.floor(x + 0.5).clip(0, width - 1).astype(int)
        passes = np.maximum(speed[near], around) >= 2 * abs(t) * np.linalg.norm(along)
        total += np.where(passes[..., None], tap, picture)
    return total / 11


@pytest.mark.parametrize("along", [(9.0, 4.0), (-150.0, 2.5), (0.7, -60.0)])
def test_smear_is_the_mean_along_the_path(along: tuple[float, float]) -> None:
    """In a picture that isn't whole tiles wide, out over its edges, beside what stands still."""
    picture = np.random.default_rng(0).random((44, 40, 3), dtype=np.float32)
    movement = np.zeros((44, 40, 2), np.float32)
    movement[12:30, 5:38] = along
    smeared, expected = smear(picture, movement), gather_path(picture, movement)
    np.testing.assert_allclose(smeared, expected, atol=2e-5)


def test_a_moving_outline_leaves_no_line() -> None:
    """Pixels beside a moving edge show some of it: they fade with the rest."""
    picture = np.ones((64, 96, 3), np.float32)
    picture[:, :48] = 0.0
    picture[:, 48] = 0.3  # the outline's own pixel, which counts as the ground's
    movement = np.zeros((64, 96, 2), np.float32)
    movement[:, :48] = (20.0, 0.0)
    assert (np.diff(smear(picture, movement)[32, 20:80, 0]) > -1e-6).all()


@pytest.mark.parametrize("lens", [Lens(), Fisheye(k1=-0.05, k2=0.01)])
def test_movement_is_that_of_projected_points(lens: Lens | Fisheye) -> None:
    rng = np.random.default_rng(1)
    camera = Camera(
        width=24, height=20, fx=18.0, fy=19.0, cx=11.5, cy=10.5, lens=lens,
        camera_from_world=look_at(np.array([0.0, -3.0, 1.0]), np.array([0.1, 0.0, 1.0])),
    )  # fmt: skip
    instance = rng.integers(0, 3, (20, 24)).astype(np.uint8)
    weights = rng.dirichlet((1.0, 1.0, 1.0), (20, 24)).astype(np.float32)
    depth, face = rng.uniform(2.0, 4.0, (20, 24)).astype(np.float32), rng.integers(0, 2, (20, 24)).astype(np.int32)
    faces = np.array([[0, 1, 2], [3, 2, 1]], np.int32)
    velocity = rng.normal(0.0, 0.2, (2, 4, 3)).astype(np.float32)
    buffers = Buffers(instance, face, weights, depth, np.zeros((20, 24, 3), np.float32), np.zeros((20, 24), np.uint32))
    people = tuple(person_that_moves(own) for own in velocity)
    hidden = rng.random((20, 24)) < 0.2
    movement = pixel_movement(buffers, people, faces, camera, 1e-3, hidden)
    assert movement is not None
    moves = (instance > 0) & ~hidden
    assert not movement[~moves].any()
    row, column = np.nonzero(moves)
    pixels = np.stack([column, row], axis=1) + 0.5
    # Brown–Conrady's bend of movements is left out; a plain lens has none.
    there = camera.unproject(pixels) * depth[moves][:, None].astype(np.float64)
    corners = velocity[instance[moves] - 1][np.arange(len(row))[:, None], faces[face[moves]]]
    step = np.einsum("nk,nkc->nc", weights[moves], corners) @ camera.camera_from_world[:3, :3].T * 1e-3
    expected = camera.project_from_camera(there + step) - camera.project_from_camera(there)
    np.testing.assert_allclose(movement[moves], expected, atol=1e-5)
    still = (*people, person_that_moves(None))
    assert pixel_movement(buffers, still, faces, camera, 1.0) is None


def person_that_moves(velocity: np.ndarray | None) -> PersonInScene:
    zeros = np.zeros((52, 3), np.float32)
    outfit = draw_outfit(np.random.default_rng(0), 0.5)
    return PersonInScene(
        betas=zeros[0], rotations=zeros, transl=zeros[0], outfit=outfit, motion="walk", time=0.0, velocity=velocity
    )


def test_fringe_parts_red_and_blue_outwards_from_the_middle() -> None:
    picture = square(128)
    picture[...] = 0.0
    picture[16:20, 16:20] = 1.0
    parted = fringe(picture, 4.0)
    centre = [cv2.moments(parted[..., c]) for c in range(3)]
    red, green, blue = (m["m10"] / m["m00"] for m in centre)
    assert red < green - 1.0 < green + 1.0 < blue
    assert np.array_equal(parted[..., 1], picture[..., 1])


def test_exposure_in_linear_light() -> None:
    grey = np.full((64, 64, 3), 0.2, np.float32)
    ones, rng = np.ones(3, np.float32), np.random.default_rng(0)
    np.testing.assert_allclose(expose(grey, ones * 2, 0.0, 0.0, 0.0, rng), 0.4, rtol=1e-5)
    dark = expose(grey, ones, 0.5, 0.0, 0.0, rng)[..., 0]
    assert dark[0, 0] == pytest.approx(0.1, rel=0.05)
    assert dark[32, 32] == pytest.approx(0.2, rel=0.01)
    ramp = np.repeat(np.linspace(0.0, 4.0, 64, dtype=np.float32)[None, :, None], 3, 2)
    bent = expose(ramp, ones, 0.0, 1.0, 0.0, rng)[0, :, 0]
    assert (np.diff(bent) > 0).all()
    assert bent[-1] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(bent[:5], ramp[0, :5, 0], rtol=1e-5)


def test_noise_grows_as_photons_say() -> None:
    rng = np.random.default_rng(0)
    deviations = []
    for level in (0.05, 0.2, 0.8):
        flat = np.full((128, 128, 3), level, np.float32)
        deviations.append(expose(flat, np.ones(3, np.float32), 0.0, 0.0, 0.03, rng).std())
    assert deviations[2] / deviations[1] == pytest.approx(2.0, rel=0.1)  # square root of the light
    assert 1.0 < deviations[1] / deviations[0] < 2.1


def test_smoothing_takes_noise_away_and_sharpening_lifts_edges() -> None:
    noisy = np.random.default_rng(0).normal(128, 6, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    assert process(noisy, 1.0, 0.0).std() < 0.7 * noisy.std()
    edge = np.full((32, 32, 3), 80, np.uint8)
    edge[:, 16:] = 160
    assert int(process(edge, 0.0, 1.0).max()) > 165
    assert process(edge, 0.0, 0.0) is not None


def test_shake_is_a_line_of_its_length() -> None:
    point = np.zeros((31, 31, 3), np.float32)
    point[15, 15] = 1.0
    line = shake(point, (6.0, 0.0))[..., 0]
    assert line.sum() == pytest.approx(1.0, rel=1e-4)
    assert np.flatnonzero(line.sum(axis=1) > 1e-6).tolist() == [15]
    assert np.flatnonzero(line.sum(axis=0) > 1e-3).tolist() == list(range(12, 19))
    assert shake(point, (0.0, 0.0)) is point
