"""Losses against hand-computed cases, slow references and gradcheck; a batch's losses reach their parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from small_model import small_rcnn
from torch.nn import functional as F

from densesynth.model import losses
from densesynth.model.boxes import apply_deltas, draw_sample, find_deltas, match, overlap
from densesynth.model.learning import LossSettings, rcnn_losses
from densesynth.model.losses_detection import Regions, box_losses
from densesynth.model.targets import DenseMaps, ImageTargets, SurfacePoints


def test_points_land_where_densepose_puts_them() -> None:
    """A region of 20×10 at (10, 5), maps of 4: (x − 10)·4/20; the right and lower edges are outside."""
    boxes = torch.tensor([[10.0, 5.0, 30.0, 15.0]]).expand(4, 4)
    x, y = torch.tensor([10.0, 20.0, 30.0, 29.9]), torch.tensor([5.0, 10.0, 10.0, 15.0])
    place, valid = losses.place_points(x, y, boxes, 4)
    torch.testing.assert_close(place[:2], torch.tensor([[0.0, 0.0], [2.0, 2.0]]))
    assert valid.tolist() == [True, True, False, False]


def test_reading_between_four_pixels() -> None:
    maps = torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]]])
    place = torch.tensor([[0.0, 0.0], [0.5, 0.5], [1.0, 0.0], [1.7, 1.9], [0.25, 0.0]])
    found = losses.read_points(maps, torch.zeros(5, dtype=torch.int64), place)
    torch.testing.assert_close(found[:, 0], torch.tensor([0.0, 1.75, 1.0, 4.0, 0.25]))


def test_sparse_losses_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.9, 0.1]]))
    logits = F.pad(logits, (0, 23), value=-1e9)
    expected = -(math.log(0.5) + math.log(0.1)) / 2
    assert losses.part_loss(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-5)
    found, wanted = torch.tensor([0.5, 3.0]), torch.tensor([0.0, 1.0])
    assert losses.coordinate_loss(found, wanted).item() == pytest.approx(0.5 * 0.25 + 1.5)
    variance = math.log(2) + 0.01  # softplus(0)
    difference = torch.tensor([[0.3, 0.4]])
    iso = 0.5 * (math.log(2 * math.pi) + 2 * math.log(variance) + 0.25 / variance)
    assert losses.isotropic_loss(difference, torch.zeros(1)).item() == pytest.approx(iso, rel=1e-5)
    kappa = torch.tensor([[0.7, -0.2]])
    covariance = variance * np.eye(2) + np.outer(kappa[0], kappa[0])
    square = difference[0].numpy() @ np.linalg.solve(covariance, difference[0].numpy())
    full = 0.5 * (math.log(2 * math.pi) + math.log(np.linalg.det(covariance)) + square)
    assert losses.correlated_loss(difference, torch.zeros(1), kappa).item() == pytest.approx(full, rel=1e-5)
    alone = losses.correlated_loss(difference, torch.zeros(1), torch.zeros(1, 2))
    assert alone.item() == pytest.approx(iso, rel=1e-5)


def test_coarse_targets_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.integers(0, 15, (1, 256, 256), dtype=np.uint8))
    person, region = torch.tensor([[10.0, 20.0, 110.0, 70.0]]), torch.tensor([[0.0, 30.0, 90.0, 75.0]])
    found = losses.coarse_targets(coarse, person, region, 14, 15)[0]
    for j in range(14):
        for i in range(14):
            x, y = (0.0 + i * 90 / 14 - 10) / 100 * 255, (30.0 + j * 45 / 14 - 20) / 50 * 255
            inside = -0.5 <= x <= 255.5 and -0.5 <= y <= 255.5
            assert found[j, i] == (int(coarse[0, round(y), round(x)]) if inside else 0)
    two = losses.coarse_targets(coarse, person, region, 14, 2)[0]
    assert torch.equal(two, (found > 0).long())


def test_dense_targets_take_the_pixel_under_the_map_pixel() -> None:
    part = torch.arange(24, dtype=torch.uint8).reshape(4, 6)
    instance = torch.ones(4, 6, dtype=torch.uint8)
    instance[:, 3:] = 2
    u = part.float() / 24
    maps = {"instance": instance, "part": part, "u": u, "v": 1 - u}
    box, person = torch.tensor([[0.0, 0.0, 6.0, 4.0]]), torch.tensor([0])
    found, _, v = losses.dense_targets(maps, box, person, 2)
    assert found[0].tolist() == [[7, 0], [19, 0]]
    assert v[0, 0, 0].item() == pytest.approx(1 - 7 / 24)
    assert losses.dense_targets(maps, box + 100, person, 2)[0].sum() == 0


def test_embedding_losses() -> None:
    vertices = F.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    found = vertices[[2, 4]]
    assert losses.embedding_loss(found, torch.tensor([2, 4]), vertices) < losses.embedding_loss(
        found, torch.tensor([1, 4]), vertices
    )
    near = torch.full((2, 6), 10.0)
    near[0, 2] = near[1, 4] = 0.0
    hard = losses.embedding_loss(found, torch.tensor([2, 4]), vertices)
    torch.testing.assert_close(losses.soft_embedding_loss(found, near, vertices), hard)


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(1)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)

    region, place = torch.tensor([0, 1, 1]), torch.tensor([[0.2, 1.7], [2.0, 0.4], [2.9, 2.9]])
    assert torch.autograd.gradcheck(lambda maps: losses.read_points(maps, region, place), [some(2, 3, 3, 3)])
    assert torch.autograd.gradcheck(losses.isotropic_loss, [some(4, 2), some(4)])
    assert torch.autograd.gradcheck(losses.correlated_loss, [some(4, 2), some(4), some(4, 2)])
    part = torch.tensor([3, 1])
    assert torch.autograd.gradcheck(lambda values: losses.of_part(values, part).sum(), [some(2, 25)])
    vertex = torch.tensor([1, -1, 0])
    assert torch.autograd.gradcheck(lambda f, v: losses.embedding_loss(f, vertex, v, 1.0), [some(3, 4), some(5, 4)])


def test_boxes_by_hand() -> None:
    first, second = (
        torch.tensor([[0.0, 0.0, 10.0, 10.0]]),
        torch.tensor([[5.0, 0.0, 15.0, 10.0], [20.0, 20.0, 30.0, 30.0]]),
    )
    torch.testing.assert_close(overlap(first, second), torch.tensor([[1 / 3, 0.0]]))
    weights = (10.0, 10.0, 5.0, 5.0)
    torch.testing.assert_close(
        apply_deltas(second, find_deltas(second, second.flip(0), weights), weights), second.flip(0)
    )
    which, label = match(torch.tensor([[0.8, 0.2, 0.5, 0.1], [0.1, 0.25, 0.0, 0.1]]), (0.3, 0.7), keep_best=True)
    assert label.tolist() == [1, 1, -1, 0]
    assert which.tolist()[:2] == [0, 1]
    foreground, background = draw_sample(torch.tensor([1] * 9 + [0] * 50), 8, 0.25, torch.Generator().manual_seed(0))
    assert (len(foreground), len(background)) == (2, 6)
    regions = [Regions(boxes=torch.cat([first, second]), person=torch.tensor([0, -1, -1]))]
    people = [torch.tensor([[1.0, 0.0, 11.0, 10.0]])]
    answer = box_losses(torch.zeros(3, 2), torch.zeros(3, 4), regions, people)
    assert answer["loss_cls"].item() == pytest.approx(math.log(2))
    assert answer["loss_box_reg"].item() == pytest.approx(1.0 / 3)  # dx = 0.1 · 10, over three regions


def _targets(*, points: bool = True, dense: bool = False) -> ImageTargets:
    box = torch.tensor([[8.0, 8.0, 56.0, 60.0]])
    spots = SurfacePoints(
        x=torch.tensor([20.0, 30.0]),
        y=torch.tensor([20.0, 50.0]),
        part=torch.tensor([2, 9]),
        u=torch.tensor([0.2, 0.9]),
        v=torch.tensor([0.4, 0.1]),
        vertex=torch.tensor([3, 5]),
    )
    instance = torch.zeros(64, 64, dtype=torch.uint8)
    instance[10:58, 10:54] = 1
    full = DenseMaps(instance=instance, part=instance * 2, u=instance * 0.5, v=instance * 0.25)
    coarse = torch.ones(256, 256, dtype=torch.uint8)
    return ImageTargets(
        boxes=box,
        points=(spots if points else None,),
        coarse=(coarse if points else None,),
        dense=full if dense else None,
    )


NOBODY = ImageTargets(boxes=torch.zeros(0, 4), points=(), coarse=())
PICTURES = [torch.full((3, 64, 64), 90, dtype=torch.uint8), torch.full((3, 64, 64), 30, dtype=torch.uint8)]


@pytest.mark.parametrize("head", [{}, {"confidence": "wc1"}, {"confidence": "wc2", "segmentation_confidence": True}])
@pytest.mark.parametrize("supervision", ["points", "dense"])
def test_every_parameter_learns(head: dict[str, object], supervision: str) -> None:
    model = small_rcnn(**head).train()
    targets = [_targets(dense=True), _targets(dense=True)]
    settings = LossSettings(supervision=supervision)  # type: ignore[arg-type]
    found = rcnn_losses(model, PICTURES, targets, torch.Generator().manual_seed(0), settings)
    assert {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_densepose_I", "loss_densepose_S"} <= set(
        found
    )
    total = torch.stack(list(found.values())).sum()
    assert torch.isfinite(total)
    total.backward()
    for name, parameter in model.named_parameters():
        learns = not name.startswith(("backbone.bottom_up.stem", "backbone.bottom_up.res2"))
        assert parameter.requires_grad == learns, name
        assert (parameter.grad is not None) == learns, name
    again = rcnn_losses(model, PICTURES, targets, torch.Generator().manual_seed(0), settings)
    assert all(torch.equal(found[name], again[name]) for name in found)


def test_embedding_model_learns() -> None:
    model = small_rcnn(output="embedding").train()
    with torch.no_grad():
        model.roi_heads.embedder.embedder_tiny.features.normal_()
        model.roi_heads.embedder.embedder_tiny.embeddings.normal_()
    found = rcnn_losses(model, PICTURES[:1], [_targets()], torch.Generator().manual_seed(0))
    found["loss_densepose_E"].backward()
    assert model.roi_heads.embedder.embedder_tiny.embeddings.grad.abs().sum() > 0


@pytest.mark.parametrize("targets", [[NOBODY, NOBODY], [_targets(points=False), NOBODY]], ids=["nobody", "boxes only"])
def test_pictures_without_surface_teach_the_detector(targets: list[ImageTargets]) -> None:
    model = small_rcnn().train()
    found = rcnn_losses(model, PICTURES, targets, torch.Generator().manual_seed(0))
    assert found["loss_densepose"].item() == 0
    torch.stack(list(found.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)
    assert model.roi_heads.densepose_predictor.u_lowres.weight.grad.abs().sum() == 0
    assert model.proposal_generator.rpn_head.conv.weight.grad.abs().sum() > 0


def test_a_person_of_three_pixels_gives_finite_losses() -> None:
    tiny = ImageTargets(boxes=torch.tensor([[5.0, 5.0, 8.0, 8.0]]), points=(None,), coarse=(None,))
    found = rcnn_losses(small_rcnn().train(), PICTURES[:1], [tiny], torch.Generator().manual_seed(0))
    assert all(torch.isfinite(value) for value in found.values())
