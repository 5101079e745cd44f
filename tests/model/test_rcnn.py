"""The R-CNN equals the original, and answers sensibly where a picture has nobody, or a person of three pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_model import read_figures, run_recorded, seeded_model
from seeded_weights import seeded_image
from small_model import small_rcnn

from densesynth.model.output import ChartMaps, EmbeddingMaps
from densesynth.model.rcnn import network_size

FIGURES = sorted((Path(__file__).parent / "data").glob("densepose_*.npz"))
TOLERANCE = 1e-4  # of each recorded array's standard deviation


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_equals_the_original(path: Path) -> None:
    """Names and shapes of the state dict, every recorded array, and the whole inference as a set of boxes."""
    model, arrays, shapes = seeded_model(path)
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == shapes
    found = run_recorded(model, arrays)
    assert len(found) == 24
    for name, value in found.items():
        recorded = arrays[name]
        np.testing.assert_allclose(value.reshape(recorded.shape), recorded, rtol=0, atol=TOLERANCE * recorded.std())
    height, width = (int(side) for side in arrays["image_hw"])
    picture = torch.from_numpy(seeded_image(height, width, 3, 0)).permute(2, 0, 1).flip(0)
    with torch.inference_mode():
        people, _ = model._detect(model.backbone(model.prepare([picture])), [(height, width)])[0]
    expected = {tuple(np.round(box)) for box in arrays["det_boxes"]}
    assert expected == {tuple(np.round(box)) for box in people.numpy()}


def test_planted_difference_shows() -> None:
    model, arrays, _ = seeded_model(FIGURES[-1])
    with torch.no_grad():
        model.roi_heads.decoder.predictor.weight[0] *= 1.01
    value = run_recorded(model, arrays)["decoder"]
    assert np.abs(value - arrays["decoder"]).max() > TOLERANCE * arrays["decoder"].std()


def test_names_of_figures() -> None:
    sizes = sorted(sum(int(np.prod(shape)) for shape in read_figures(path)[1].values()) for path in FIGURES)
    assert sizes[0] > 63_000_000


def test_empty_and_tiny() -> None:
    """No person: no box and empty maps. Given boxes: theirs are used, cut to the picture, down to three pixels."""
    model = small_rcnn(score_threshold=1.0)
    picture = torch.zeros(3, 50, 70, dtype=torch.uint8)
    (nothing,) = model.predict([picture])
    assert nothing.boxes.shape == (0, 4)
    assert isinstance(nothing.maps, ChartMaps)
    assert nothing.maps.fine.shape == (0, 25, 56, 56)
    boxes = [torch.tensor([[10.0, 10.0, 13.0, 13.0], [-5.0, 0.0, 30.0, 90.0]]), torch.zeros(0, 4)]
    tiny, none = model.predict([picture, torch.zeros(3, 64, 40, dtype=torch.uint8)], boxes)
    torch.testing.assert_close(tiny.boxes, torch.tensor([[10.0, 10.0, 13.0, 13.0], [0.0, 0.0, 30.0, 50.0]]))
    assert len(none.boxes) == 0
    with pytest.raises(ValueError, match="no part within"):
        model.predict([picture], [torch.tensor([[80.0, 0.0, 90.0, 10.0]])])


def test_pictures_of_a_batch_do_not_disturb_each_other() -> None:
    """Padding aside, a picture gets the same answer alone and beside a picture of its own size."""
    model = small_rcnn()
    first, second = (torch.from_numpy(seeded_image(64, 96, 3, k)).permute(2, 0, 1) for k in (1, 2))
    boxes = torch.tensor([[5.0, 5.0, 60.0, 60.0]])
    alone = model.predict([first], [boxes])[0].maps
    beside = model.predict([first, second], [boxes, boxes])[0].maps
    assert isinstance(alone, ChartMaps)
    assert isinstance(beside, ChartMaps)
    torch.testing.assert_close(alone.u, beside.u, rtol=0, atol=TOLERANCE * float(alone.u.std()))


def test_embedding_model_and_options_answer() -> None:
    model = small_rcnn(output="embedding")
    (found,) = model.predict([torch.zeros(3, 40, 40, dtype=torch.uint8)], [torch.tensor([[1.0, 1.0, 30.0, 30.0]])])
    assert isinstance(found.maps, EmbeddingMaps)
    assert found.maps.embedding.shape == (1, 16, 56, 56)
    full = small_rcnn(kind="deeplab", non_local=True, confidence="wc2", segmentation_confidence=True, coarse=15)
    (found,) = full.predict([torch.zeros(3, 40, 40, dtype=torch.uint8)], [torch.tensor([[1.0, 1.0, 30.0, 30.0]])])
    assert isinstance(found.maps, ChartMaps)
    assert found.maps.coarse.shape[1] == 15
    assert found.maps.kappa_v is not None


def test_network_size() -> None:
    assert network_size(480, 640, 800, 1333) == (800, 1067)
    assert network_size(300, 900, 800, 1333) == (444, 1333)
