"""Files and predictions of the small model: the same network comes back, odd files are refused, boxes stay in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from densesynth.data.warp import fit_box
from densesynth.errors import AssetError
from densesynth.model.crops import crop_of
from densesynth.model.small.checkpoint import SmallModel, join_small, load_small, save_small
from densesynth.model.small.crop import TINY_CROP, CropMaps, CropNetwork, CropSettings
from densesynth.model.small.detector import TINY_DETECTOR, Detector, DetectorSettings, assign, cell_centres, choose
from densesynth.model.small.predict import (
    REACH,
    find_people,
    fit_to_masks,
    label_boxes,
    predict_small,
    resample,
    to_whole_pixels,
)
from densesynth.model.small.twice import look_twice, mirror_maps
from densesynth.surface.mirror import mirror_atlas


@pytest.fixture(scope="module")
def small() -> SmallModel:
    torch.manual_seed(0)
    return SmallModel(crop=CropNetwork(TINY_CROP).eval(), detector=Detector(TINY_DETECTOR).eval(), about={})


def save(path: Path, small: SmallModel) -> None:
    crop = (small.crop.settings, small.crop.state_dict())
    save_small(path, crop=crop, detector=(small.detector.settings, small.detector.state_dict()), about={"step": 3})


def test_round_trip(tmp_path: Path, small: SmallModel) -> None:
    save(tmp_path / "m.safetensors", small)
    back = load_small(tmp_path / "m.safetensors")
    assert back.about == {"step": 3}
    assert back.crop.settings == TINY_CROP
    for name, value in small.crop.state_dict().items():
        assert torch.equal(back.crop.state_dict()[name], value.half().float() if value.is_floating_point() else value)


def test_full_size_stays_under_40_megabytes(tmp_path: Path) -> None:
    crop, detector = CropNetwork(CropSettings()), Detector(DetectorSettings())
    save(tmp_path / "m.safetensors", SmallModel(crop=crop, detector=detector, about={}))
    assert (tmp_path / "m.safetensors").stat().st_size < 40e6


def test_odd_files_are_refused(tmp_path: Path, small: SmallModel) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(AssetError, match="no such"):
        load_small(path)
    path.write_bytes(b"not tensors at all")
    with pytest.raises(AssetError, match="damaged"):
        load_small(path)
    wider = CropSettings(**{**vars(TINY_CROP), "widths": (16, 48, 96, 160)})
    save_small(path, crop=(wider, small.crop.state_dict()), about={})
    with pytest.raises(AssetError, match="differs"):
        load_small(path)
    save_small(path, crop=(TINY_CROP, small.crop.state_dict()), about={})
    with pytest.raises(AssetError, match="no detector"):
        predict_small(load_small(path), np.zeros((50, 50, 3), np.uint8))


def test_predictions_of_any_picture(small: SmallModel) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 140, 3)).astype(np.uint8)
    found = predict_small(small, picture, least_score=0.0)
    assert len(found.boxes) > 0
    assert found.boxes.min() >= 0
    assert (found.boxes[:, 2] <= 140).all()
    assert (found.boxes[:, 3] <= 90).all()
    assert (found.scores.diff() <= 0).all()
    crop = crop_of(found, 0)
    assert set(crop.part.unique().tolist()) <= set(range(25))
    none = predict_small(small, picture, least_score=1.1)
    assert len(none.boxes) == 0
    assert none.maps.fine.shape[1:2] == (25,)


def test_maps_lie_over_the_box(small: SmallModel) -> None:
    """A network that answers with its own coordinates: over the box they run from edge to edge."""
    ramp = ((torch.arange(64) + 0.5) / 64).expand(1, 2, 64, 64).clone()
    ramp[0, 1] = ramp[0, 1].T.clone()
    over = resample(ramp, torch.tensor([[0.25, 0.1, 0.75, 0.9]]), 32)
    assert torch.allclose(over[0, 0, 0], 0.25 + 0.5 * (torch.arange(32) + 0.5) / 32, atol=1e-5)
    assert torch.allclose(over[0, 1, :, 0], 0.1 + 0.8 * (torch.arange(32) + 0.5) / 32, atol=1e-5)
    maps = label_boxes(small.crop, np.zeros((64, 64, 3), np.uint8), torch.tensor([[0.0, 0.0, 3.0, 3.0]]))
    assert maps.coarse.shape == (1, 2, 64, 64)  # a person of three pixels


def test_boxes_are_drawn_to_their_masks() -> None:
    """A person planted at 30..71 × 20..87 of a picture, seen in squares about boxes that are some pixels off."""
    size, true = 128, np.array([30.0, 20.0, 71.0, 87.0], np.float32)
    boxes = torch.from_numpy(true) + torch.tensor(
        [[2.0, -3.0, 1.5, 4.0], [-2.5, 1.0, -1.0, -3.0], [0.0, 0.0, 0.0, 0.0]]
    )
    y, x = np.mgrid[0:64, 0:64] * 2.0 + 1.0  # middles of the map's samples, pixels of the square
    affines, masks = [], []
    for box in boxes.numpy():
        affine = fit_box(box, size, margin=0.1)
        low, high = affine[0, 0] * true[:2] + affine[:, 2], affine[0, 0] * true[2:] + affine[:, 2]
        masks.append(np.min([x - low[0], high[0] - x, y - low[1], high[1] - y], axis=0))  # rises evenly to its middle
        affines.append(affine)
    planted = torch.tensor(np.array(masks), dtype=torch.float32), torch.tensor(np.array(affines), dtype=torch.float32)
    fitted = fit_to_masks(boxes, *planted, size, (100, 90))
    torch.testing.assert_close(fitted, torch.from_numpy(true).expand(3, 4), atol=0.05, rtol=0.0)
    far = boxes + 20.0
    moved = fit_to_masks(far, *planted, size, (200, 200)) - far  # a mask that disagrees moves a box only so far
    assert (moved.abs() <= REACH * (far[:, 2:] - far[:, :2]).repeat(1, 2) + 1e-4).all()
    assert (moved < 0.0).all()
    torch.testing.assert_close(fit_to_masks(boxes, planted[0] * 0.0 - 1.0, planted[1], size, (100, 90)), boxes)
    cut = fit_to_masks(boxes, *planted, size, (60, 50))
    assert cut[:, 2].max() <= 50.0
    assert cut[:, 3].max() <= 60.0


def test_boxes_of_whole_pixels() -> None:
    boxes = torch.tensor([[1.4, 2.6, 9.5001, 20.4], [3.2, 3.2, 3.4, 3.4], [0.0, 0.1, 0.3, 0.4]])
    expected = [[1.0, 3.0, 10.0, 20.0], [2.0, 2.0, 3.0, 3.0], [0.0, 0.0, 1.0, 1.0]]
    assert to_whole_pixels(boxes).tolist() == expected


def test_cells_near_the_middle_answer_for_the_smallest_person() -> None:
    boxes = torch.tensor([[20.0, 20.0, 60.0, 70.0], [25.0, 30.0, 55.0, 60.0], [0.0, 0.0, 250.0, 256.0]])
    who = assign(boxes, 256, 256)
    centres = torch.cat([cell_centres(256 // s, 256 // s, s, torch.device("cpu")) for s in (8, 16, 32)])
    for k in range(3):
        middle = 0.5 * (boxes[k, :2] + boxes[k, 2:])
        mine = centres[who == k]
        assert len(mine) > 0 or k == 0  # both small people have the same middle: the smaller is taken
        assert ((mine - middle).abs() <= 48).all()
    assert (who == 1).any()
    assert assign(boxes[:0], 256, 256).max() == -1


def test_detector_learns_from_empty_pictures(small: SmallModel) -> None:
    from densesynth.model.small.detector import DetectorBatch

    batch = DetectorBatch(
        pictures=torch.zeros(2, 64, 64, 3, dtype=torch.uint8),
        boxes=(torch.zeros(0, 4), torch.zeros(0, 4)),
        names=("a", "b"),
    )
    losses = small.detector.losses(batch, 0.0)
    assert losses["box"] == 0.0
    assert torch.isfinite(losses["score"])


def test_better_boxes_silence_their_neighbours() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1.0, 0, 11, 10], [30.0, 0, 40, 10], [60.0, 0, 70, 10]])
    chosen, scores = choose(torch.tensor([2.0, 1.0, 0.0, -9.0]), boxes, least=0.1, overlap=0.5, most=9)
    assert chosen.tolist() == boxes[[0, 2]].tolist()
    assert len(scores) == 2


def test_found_boxes_are_in_the_pictures_pixels(small: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    at = torch.tensor([[[64.0, 64.0, 192.0, 192.0]]])
    monkeypatch.setattr(Detector, "forward", lambda _self, _x: (torch.tensor([[5.0]]), at))
    boxes, _ = find_people(small.detector, np.zeros((100, 200, 3), np.uint8))
    # the picture fills the square's width, with bars of 64 above and below: scale 256 / 200
    assert np.allclose(boxes.numpy(), [[50.0, 0.0, 150.0, 100.0]], atol=0.6)


def test_predict_opens_small_checkpoints(tmp_path: Path, small: SmallModel) -> None:
    from densesynth.evaluation.detect import open_predictor
    from densesynth.model.small.checkpoint import is_small

    path = tmp_path / "m.safetensors"
    assert not is_small(path)
    save(path, small)
    assert is_small(path)
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    assert len(open_predictor(path, score_threshold=1.0)(picture, None).boxes) == 0
    given = np.array([[10, 5, 40, 50], [0, 0, 80, 60]], np.float32)
    found = open_predictor(path)(picture, given)
    assert found.boxes.numpy().tolist() == given.tolist()
    assert found.maps.u.shape[:2] == (2, 25)


def test_two_files_join_into_one(tmp_path: Path, small: SmallModel) -> None:
    crop, detector, both = (tmp_path / f"{name}.safetensors" for name in ("crop", "detector", "both"))
    save_small(crop, crop=(small.crop.settings, small.crop.state_dict()), about={"step": 1})
    save_small(detector, detector=(small.detector.settings, small.detector.state_dict()), about={"step": 2})
    join_small(crop, detector, both)
    back = load_small(both)
    assert back.about == {"crop": {"step": 1}, "detector": {"step": 2}}
    assert back.crop is not None
    assert back.detector is not None
    with pytest.raises(AssetError, match="no crop network"):
        join_small(detector, detector, both)


def test_a_mirrored_crop_gets_the_mirrored_answer(small: SmallModel) -> None:
    assert small.crop is not None
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, mirrored = look_twice(small.crop, pictures), look_twice(small.crop, pictures.flip(3))
    expected = mirror_maps(maps)
    for name in ("mask", "part", "u", "v"):
        assert torch.allclose(getattr(mirrored, name), getattr(expected, name), atol=1e-5), name
    again = mirror_maps(expected)
    for name in ("mask", "part", "u", "v", "rest", "log_scale"):
        assert torch.allclose(getattr(again, name), getattr(maps, name), atol=1e-6), name


def test_mirrored_maps_follow_the_charts_mirror() -> None:
    rng = np.random.default_rng(0)
    part = rng.integers(1, 25, (8, 8)).astype(np.uint8)
    u, v = (rng.uniform(0, 1, (8, 8)).astype(np.float32) for _ in range(2))
    channel = torch.from_numpy(part.astype(np.int64) - 1)[None, None]
    spread = [torch.zeros(1, 24, 8, 8).scatter_(1, channel, torch.from_numpy(value)[None, None]) for value in (u, v)]
    one_hot = torch.zeros(1, 25, 8, 8).scatter_(1, channel + 1, 1.0)
    rest = torch.from_numpy(rng.normal(size=(1, 3, 8, 8)).astype(np.float32))
    blank = torch.zeros(1, 2, 8, 8)
    found = mirror_maps(CropMaps(mask=blank[:, :1], part=one_hot, u=spread[0], v=spread[1], rest=rest, log_scale=blank))
    wanted_part, wanted_u, wanted_v = mirror_atlas(part[:, ::-1], u[:, ::-1], v[:, ::-1])
    assert np.array_equal(found.part[0].argmax(dim=0).numpy(), wanted_part)
    index = torch.from_numpy(wanted_part.astype(np.int64) - 1)[None, None]
    for values, wanted in ((found.u, wanted_u), (found.v, wanted_v)):
        assert np.allclose(values.gather(1, index)[0, 0].numpy(), wanted, atol=1e-6)
    assert np.allclose(found.rest[0, 0].numpy(), -rest[0, 0].numpy()[:, ::-1])
