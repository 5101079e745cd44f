"""Cut-outs over people: labels lose exactly what they hide, and nothing changes where there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from densesynth.compose.blend import BAND, WIDE, soften_alpha
from densesynth.compose.objects import make_object, resize_area
from densesynth.compose.occluder import OccluderLayer, blend_occluders, lay_occluders
from densesynth.config import recipe_from_table
from densesynth.data.audit import audit
from densesynth.data.dataset import open_dataset
from densesynth.data.files import write_bytes
from densesynth.data.record import FrameRecord, file_of, write_record
from densesynth.errors import AssetError
from densesynth.frames import Generator
from densesynth.generate import generate_dataset
from densesynth.geometry.camera import Camera, look_at
from densesynth.label.visibility import unpack_visible
from densesynth.render.lighting import Lighting, evaluate_basis
from densesynth.scene.occluders import KINDS, Occluder, OccluderSettings, draw_occluders, open_cutouts

SMALL = {"picture": {"width": 160, "height": 160, "noise": [0, 0]}, "people": {"count": [1, 2]}}
ON = {"count": [1, 2], "share": 1.0, "softness": [1.0, 3.0]}


def table(**occluders: object) -> dict[str, object]:
    return {**SMALL, "occluders": occluders}


def write_cutout(path: Path, *, alpha: bool = True) -> Path:
    picture = np.zeros((40, 60, 4), np.uint8)
    picture[8:32, 10:50] = (20, 40, 200, 255)
    cv2.imwrite(str(path), picture if alpha else picture[..., :3].copy())
    return path


@pytest.fixture(scope="module")
def plain() -> Generator:
    return Generator(recipe_from_table(SMALL, "test"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("occluded") / "people"
    generate_dataset(recipe_from_table(table(**ON), "test"), folder, frames=4, seed=7)
    return folder


def test_labels_lose_exactly_what_is_hidden(plain: Generator, dataset: Path) -> None:
    hidden_pixels = hidden_keypoints = hidden_vertices = 0
    for frame in open_dataset(dataset):
        before = plain.frame(7, frame.index)
        alpha = frame.surface["occluder_alpha"]
        hidden = alpha >= 128
        assert ((alpha > 0) & (alpha < 255)).any()
        expected = np.where(hidden, 0, before.segmentation[..., 0])
        assert np.array_equal(frame.segmentation[..., 0], expected)
        assert np.array_equal(frame.iuv, np.where(hidden[..., None], 0, before.iuv))
        assert np.array_equal(frame.surface["coverage"], before.surface["coverage"])
        for name in ("face", "barycentrics", "depth", "normal"):
            kept = ~hidden[before.surface["instance"] > 0]
            assert np.array_equal(frame.surface[name], before.surface[name][kept])
        # The picture changes nowhere but under the cut-outs; wholly where they are opaque.
        changed = (frame.picture.astype(int) != before.picture).any(axis=2)
        assert changed[alpha == 255].mean() > 0.9
        hidden_pixels += int((hidden & (before.segmentation[..., 0] > 0)).sum())
        codes = {a.densesynth.instance: a.keypoints for a in before.annotations}
        for annotation in frame.annotations:
            assert annotation.densesynth.occluded > 0.0
            told = np.array(annotation.keypoints).reshape(17, 3)
            was = np.array(codes[annotation.densesynth.instance]).reshape(17, 3)
            assert np.array_equal(told[:, :2], was[:, :2])
            column, row = np.floor(told[:, :2]).astype(int).T
            under = hidden[row, column] & (told[:, 2] > 0)
            assert np.array_equal(told[:, 2], np.where(under, 1, was[:, 2]))
            hidden_keypoints += int((told[:, 2] != was[:, 2]).sum())
        seen, saw = (unpack_visible(f.surface["visible_vertices"], 13718) for f in (frame, before))
        assert not (seen & ~saw).any()
        hidden_vertices += int((saw & ~seen).sum())
    assert hidden_pixels > 300
    assert hidden_keypoints > 0
    assert hidden_vertices > 100


def test_audit_passes_and_finds_what_should_be_hidden(plain: Generator, dataset: Path) -> None:
    report = audit(dataset, lambda _: plain.body, plain.atlas)
    assert report.ok, report.breaches
    frame = open_dataset(dataset).frame(0)
    kept = {path: path.read_bytes() for path in dataset.rglob("000000.*")}

    def breaches_with(change: Callable[[FrameRecord], FrameRecord]) -> str:
        write_record(dataset, change(frame), 95)
        found = audit(dataset, lambda _: plain.body, plain.atlas).breaches
        for path, content in kept.items():
            write_bytes(path, content)
        return "\n".join(breach.what for breach in found)

    def cover_all(record: FrameRecord) -> FrameRecord:
        surface = {**record.surface, "occluder_alpha": np.full((160, 160), 255, np.uint8)}
        return FrameRecord(**{**vars(record), "surface": surface})

    told = breaches_with(cover_all)
    assert "pixels are labelled under cut-outs" in told
    assert "visible vertices under cut-outs" in told
    assert "called visible under a cut-out" in told
    assert file_of(dataset, "records", 0).exists()


def test_off_leaves_every_byte(plain: Generator) -> None:
    frame = plain.frame(7, 1)
    for off in ({"count": [0, 0], "softness": [0, 9]}, {"count": [1, 1], "share": 0.0}):
        same = Generator(recipe_from_table(table(**off), "test")).frame(7, 1)
        assert np.array_equal(same.picture, frame.picture)
        assert same.surface.keys() == frame.surface.keys()
        assert all(np.array_equal(same.surface[name], frame.surface[name]) for name in frame.surface)
        assert msgspec.json.encode(same.annotations) == msgspec.json.encode(frame.annotations)


def test_two_workers_write_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    generate_dataset(recipe_from_table(table(**ON), "test"), tmp_path / "two", frames=4, seed=7, workers=2)
    for path in dataset.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(dataset)).read_bytes(), path


def test_bad_files_are_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "cutouts"
    folder.mkdir()
    with pytest.raises(AssetError, match="found none"):
        open_cutouts(folder)
    with pytest.raises(AssetError, match="found nothing"):
        open_cutouts(tmp_path / "absent")
    write_cutout(folder / "flat.png", alpha=False)
    with pytest.warns(UserWarning, match="without"), pytest.raises(AssetError, match="none of the 1 there can be used"):
        open_cutouts(folder)
    whole = write_cutout(folder / "good.png").read_bytes()
    (folder / "short.png").write_bytes(whole[:-20])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    (folder / "flipped.png").write_bytes(bytes(flipped))
    (folder / "empty.png").write_bytes(b"")
    cv2.imwrite(str(folder / "opaque.png"), np.full((8, 8, 4), 255, np.uint8))
    with pytest.warns(UserWarning, match="left out") as told:
        opened = open_cutouts(folder)
    assert [path.name for path in opened.paths] == ["good.png"]
    assert len(told) == len(opened.left_out) == 5
    recipe = recipe_from_table(table(**ON, folder=str(folder)), "test")
    with pytest.warns(UserWarning, match="left out"):
        generator = Generator(recipe)
    assert generator.left_out == opened.left_out
    frame = generator.frame(7, 0)
    opaque = frame.surface["occluder_alpha"] == 255
    assert opaque.sum() > 50
    red, green, blue = frame.picture[opaque].mean(axis=0)
    assert red > 2.0 * max(green, blue)


def test_soft_band_is_as_thick_as_told() -> None:
    hard = np.zeros((80, 80), np.float32)
    hard[20:60, 20:60] = 1.0
    assert soften_alpha(hard, 0.0) is hard
    soft = soften_alpha(hard, 3.0)
    across = soft[40]
    assert np.all(np.diff(across[:40]) >= -1e-6)
    assert across[19] < 0.5 < across[20]
    reach = int(np.ceil(BAND * 3.0)) + 1
    assert 0.0 < across[20 - reach + 2] < 0.05
    assert across[20 - reach - 1] == 0.0
    assert across[20 + reach + 1] == 1.0


def test_soft_band_is_the_same_by_discs_and_by_distances() -> None:
    """Of a softness just below and just above the one from where distances are found."""
    rng = np.random.default_rng(0)
    hard = (cv2.GaussianBlur(rng.random((120, 150), dtype=np.float32), (0, 0), 6.0) > 0.5).astype(np.float32)
    inside = hard.astype(np.uint8)
    to_edge = np.maximum(
        *(cv2.distanceTransform(own, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for own in (inside, 1 - inside))
    )
    for sigma in (0.7, 2.0, (WIDE - 1.0) / BAND - 0.01, (WIDE - 1.0) / BAND + 0.01):
        blurred = cv2.GaussianBlur(hard, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        expected = np.where(to_edge <= BAND * sigma + 1.0, blurred, hard)
        np.testing.assert_array_equal(soften_alpha(hard, sigma), expected)


@pytest.mark.parametrize("shape", [(20, 31), (37, 53), (50, 74), (60, 80)])
def test_planes_are_resized_by_areas(shape: tuple[int, int]) -> None:
    """As OpenCV does, smaller and larger, also of a rectangle of larger arrays."""
    sheet = np.random.default_rng(0).random((3, 60, 90), dtype=np.float32)
    part = sheet[:, 5:55, 8:82]
    expected = [cv2.resize(np.ascontiguousarray(plane), shape[::-1], interpolation=cv2.INTER_AREA) for plane in part]
    np.testing.assert_allclose(resize_area(part, shape), expected, atol=1e-5)


def test_cut_outs_are_lit_by_key_and_surroundings() -> None:
    rng = np.random.default_rng(0)
    camera = Camera(
        width=21, height=13, fx=20.0, fy=20.0, cx=10.0, cy=6.0,
        camera_from_world=look_at(np.array([1.0, -3.0, 1.5]), np.array([0.0, 0.0, 1.0])),
    )  # fmt: skip
    direction = np.array([0.3, -0.5, 0.7])
    lighting = Lighting(
        direction=direction / np.linalg.norm(direction), colour=np.array([1.0, 0.8, 0.6], np.float32),
        angular_radius=0.01, ambient=rng.normal(0.0, 0.2, (9, 3)).astype(np.float32),
    )  # fmt: skip
    alpha = rng.integers(0, 256, (13, 21)).astype(np.uint8)
    alpha[:5] = 0
    values, shadow = rng.normal(0.5, 0.3, (6, 13, 21)), rng.random((13, 21))
    values[:3] = values[:3].clip(0.0)
    linear = rng.random((13, 21, 3), dtype=np.float32)
    for cast in (None, shadow.astype(np.float32)):
        layer = OccluderLayer(values=values.astype(np.float32), alpha=alpha, shadow=cast)
        normal = values[3:].transpose(1, 2, 0) @ camera.camera_from_world[:3, :3]
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        key = np.maximum(normal @ lighting.direction, 0.0)[..., None] * lighting.colour
        sent = np.maximum(evaluate_basis(normal) @ lighting.ambient + key, 0.0)
        share = alpha[..., None] / 255.0
        ground = linear if cast is None else linear * (1.0 - cast[..., None])
        expected = ground * (1.0 - share) + values[:3].transpose(1, 2, 0) * sent * share
        np.testing.assert_allclose(blend_occluders(linear, layer, lighting, camera), expected, atol=1e-5)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_objects_have_shape_and_unit_normals(kind: int) -> None:
    for seed in range(3):
        planes, alpha = make_object(kind, 64, np.random.default_rng(seed))
        values = resize_area(planes, alpha.shape)
        assert max(alpha.shape) == 64
        solid = alpha > 0.999
        assert 0.1 < solid.mean() < 0.999
        lengths = np.linalg.norm(values[3:, solid], axis=0)
        assert np.percentile(lengths, 5) > 0.7
        assert values[:3, solid].min() >= 0.0
        assert values[:3, solid].max() <= 1.6


def test_draws_follow_the_settings() -> None:
    settings = OccluderSettings(count=(1, 3), share=0.5, size=(0.3, 0.4))
    drawn = [draw_occluders(settings, 2, 6, np.random.default_rng(k)) for k in range(200)]
    people = [{item.person for item in frame} for frame in drawn]
    assert 0.4 < np.mean([len(found) / 2 for found in people]) < 0.6
    assert all(0.3 <= item.size <= 0.4 and 0 <= item.kind < 6 for frame in drawn for item in frame)


def test_what_stands_stands_before_the_feet_with_a_shadow_below() -> None:
    """On the ground, over the lowest part of the person, upright; the shadow falls on no one."""
    instance = np.zeros((200, 200), np.uint8)
    instance[40:150, 90:110] = 1
    settings = OccluderSettings(count=(1, 1), share=1.0, standing=1.0, size=(0.4, 0.4), softness=(0.0, 0.0))
    for seed in range(12):
        drawn = draw_occluders(settings, 1, len(KINDS), np.random.default_rng(seed))
        assert drawn[0].stands is not None
        layer = lay_occluders(drawn, instance, None)
        assert layer is not None
        assert layer.shadow is not None
        rows = np.flatnonzero((layer.alpha > 127).any(axis=1))
        assert rows[-1] >= 149 - 1
        assert rows[0] < 149  # it hides something of the person
        assert (layer.hidden & (instance > 0)).any()
        assert not layer.shadow[instance > 0].any()
        assert 0.15 < layer.shadow.max() <= 0.61
        darkest = np.argmax(layer.shadow.max(axis=1))
        assert abs(int(darkest) - int(rows[-1])) < 12


def test_nothing_floats() -> None:
    """What doesn't stand is cut by the frame, over somebody near its edge; far from all edges it stands too, and from
    above, where flat things can't stand, there is none."""
    settings = OccluderSettings(count=(1, 1), share=1.0, standing=0.0, size=(0.3, 0.5), softness=(0.0, 0.0))
    near, far = np.zeros((2, 200, 200), np.uint8)
    near[40:180, 150:190] = 1
    far[85:110, 95:105] = 1
    for seed in range(24):
        drawn = draw_occluders(settings, 1, 2, np.random.default_rng(seed))  # boxes and balls
        assert drawn[0].stands is None
        layer = lay_occluders(drawn, near, None)
        assert layer is not None
        assert layer.shadow is None
        edges = (layer.hidden[-1], layer.hidden[:, 0], layer.hidden[:, -1])
        assert any(edge.any() for edge in edges)
        assert (layer.hidden & (near > 0)).any()
        standing = lay_occluders(drawn, far, None)
        assert standing is not None
        assert standing.shadow is not None
        assert lay_occluders(drawn, far, None, upright=False) is None


def test_what_stands_nearer_hides_what_stands_further() -> None:
    """Whatever the order they are drawn in, and on the ground below somebody who jumps."""
    instance = np.zeros((300, 300), np.uint8)
    instance[60:200, 140:160] = 1
    one = Occluder(
        person=1, kind=0, seed=1, at=0.5, size=0.4, turn=0.0, mirrored=False, softness=0.0, stands=0.0
    )  # fmt: skip
    other = replace(one, seed=2, stands=0.4)
    layers = [lay_occluders(order, instance, None) for order in ((one, other), (other, one))]
    assert layers[0] is not None
    assert layers[1] is not None
    np.testing.assert_array_equal(layers[0].values, layers[1].values)
    before = np.full((300, 300), np.inf, np.float32)
    before[:, :150] = 2.0
    cut = lay_occluders((one,), instance, None, depth=before, reach=np.array([5.0]))
    whole = lay_occluders((one,), instance, None, depth=before, reach=np.array([1.0]))
    assert cut is not None
    assert whole is not None
    assert whole.hidden[:, :150].any()
    assert not cut.hidden[:, :150].any()
    np.testing.assert_array_equal(cut.hidden[:, 150:], whole.hidden[:, 150:])
    high = lay_occluders((one,), instance, None, feet=np.array([230.0]))
    assert high is not None
    assert np.flatnonzero(high.hidden.any(axis=1))[-1] == pytest.approx(230, abs=2)
