"""The crop network's losses against cases worked out by hand, and their gradients against differences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from densesynth.model.small.losses import (
    LIKELIHOOD,
    WEIGHTS,
    CropTargets,
    class_weights,
    crop_losses,
    huber,
    mask_loss,
    part_loss,
    soften,
    tempered,
)


def make_targets(dtype: torch.dtype = torch.float32, size: int = 6) -> CropTargets:
    g = torch.Generator().manual_seed(0)
    part = torch.randint(0, 25, (2, size, size), generator=g).to(torch.uint8)
    u, v = (torch.rand(2, size, size, generator=g).to(dtype) for _ in range(2))
    rest = torch.rand(2, 3, size, size, generator=g).to(dtype)
    return CropTargets(part=part, u=u, v=v, rest=rest, known=torch.ones(2, size, size, dtype=torch.bool))


def make_answers(dtype: torch.dtype = torch.float32, size: int = 6) -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(2, c, size, size, generator=g).to(dtype) for c in (1, 25, 24, 24, 3, 2)]


def test_huber() -> None:
    gap = torch.tensor([0.0, 0.01, -0.02, 0.5])
    assert torch.allclose(huber(gap, 0.02), torch.tensor([0.0, 0.0025, 0.01, 0.49]))


def test_perfect_answers_cost_nothing_but_softness() -> None:
    targets = make_targets()
    mask = torch.where(targets.part > 0, 50.0, -50.0)[:, None]
    channels = lambda values: values[:, None].expand(-1, 24, -1, -1)  # noqa: E731
    part = soften(targets.part).permute(0, 3, 1, 2).clamp(min=1e-20).log()
    answers = (mask, part, channels(targets.u), channels(targets.v))
    losses = crop_losses(*answers, targets.rest, torch.zeros(2, 2, 6, 6), targets, progress=0.0)
    assert losses["uv"] == 0.0
    assert losses["rest"] == 0.0
    assert losses["mask"] < 1e-6


def test_uv_is_the_mean_over_the_true_parts_channel() -> None:
    targets = make_targets()
    u, v = torch.full((2, 24, 6, 6), 9.0), torch.full((2, 24, 6, 6), 9.0)
    index = (targets.part.long() - 1).clamp(min=0)[:, None]
    u.scatter_(1, index, (targets.u + 0.11)[:, None])
    v.scatter_(1, index, (targets.v - 0.21)[:, None])
    zero = torch.zeros(2, 2, 6, 6)
    losses = crop_losses(
        torch.zeros(2, 1, 6, 6), torch.zeros(2, 25, 6, 6), u, v, targets.rest, zero, targets, progress=0.0
    )
    expected = 0.5 * (0.10 + 0.20)  # Huber: less half of beta
    assert float(losses["uv"]) == pytest.approx(WEIGHTS["uv"] * (1 + LIKELIHOOD) * expected, rel=1e-4)


def test_softened_labels() -> None:
    part = torch.zeros(1, 5, 6, dtype=torch.uint8)
    part[:, :, 3:] = 7
    soft = soften(part)
    assert torch.allclose(soft.sum(dim=3), torch.ones(1, 5, 6))
    assert torch.allclose(soft[0, 2, :, 7], torch.tensor([0.0, 0.0, 0.25, 0.75, 1.0, 1.0]))


def test_mask_loss_by_hand() -> None:
    logits, person = torch.zeros(1, 2, 2), torch.tensor([[[True, False], [False, False]]])
    expected = math.log(2.0) + 1.0 - (2 * 0.5 + 1) / (2.0 + 1.0 + 1.0)
    assert float(mask_loss(logits, person, person | True)) == pytest.approx(expected)


def test_part_loss_of_even_odds() -> None:
    part = torch.randint(0, 25, (1, 8, 8)).to(torch.uint8)
    everywhere = torch.ones(1, 8, 8, dtype=torch.bool)
    assert float(part_loss(torch.zeros(1, 25, 8, 8), part, everywhere)) == pytest.approx(math.log(25.0), rel=1e-5)


def test_part_loss_is_torchs_own_of_softened_labels() -> None:
    targets, logits = make_targets(), make_answers()[1]
    soft = soften(targets.part).permute(0, 3, 1, 2)
    weights = class_weights(logits)
    terms = torch.nn.functional.cross_entropy(logits, soft, weight=weights, reduction="none")
    expected = terms.sum() / (soft * weights[None, :, None, None]).sum()
    assert float(part_loss(logits, targets.part, targets.known)) == pytest.approx(float(expected), rel=1e-5)


def test_nothing_is_learnt_where_labels_arent_known() -> None:
    targets = make_targets()
    known = torch.rand(2, 6, 6, generator=torch.Generator().manual_seed(2)) < 0.7
    hidden = ~known
    twisted = replace(
        targets,
        known=known,
        part=torch.where(hidden, (targets.part + 3) % 25, targets.part),
        u=torch.where(hidden, 9.0, targets.u),
        v=torch.where(hidden, 9.0, targets.v),
        rest=torch.where(hidden[:, None], 9.0, targets.rest),
    )
    answers = [value.requires_grad_() for value in make_answers()]
    losses = crop_losses(*answers, twisted, progress=0.5)
    torch.stack([value for name, value in losses.items() if name != "part"]).sum().backward()
    for value in answers:
        if value.grad is not None:
            assert not value.grad.permute(0, 2, 3, 1)[hidden].any()
    answers[1].grad = None
    crop_losses(*answers, twisted, progress=0.5)["part"].backward()  # its labels are softened by their neighbours
    assert answers[1].grad is not None
    assert not answers[1].grad.permute(0, 2, 3, 1)[hidden].any()


def test_uncertainty_comes_in_smoothly_and_its_best_scale_is_the_error() -> None:
    error = torch.tensor([0.3, 0.3])
    assert torch.allclose(tempered(error, torch.zeros(2), 0.0), tempered(error, torch.zeros(2), 1e-6), atol=1e-5)
    scales = torch.linspace(-3, 1, 401)
    for ramp in (0.0, 0.5, 1.0):
        costs = tempered(torch.full((401,), 0.3), scales, ramp)
        assert abs(float(scales[costs.argmin()]) - math.log(0.3)) < 0.02


def test_nobody_costs_no_uv() -> None:
    targets = make_targets()
    empty = replace(targets, part=torch.zeros_like(targets.part))
    losses = crop_losses(*make_answers(), empty, progress=0.5)
    assert losses["uv"] == 0.0
    assert all(bool(torch.isfinite(value)) for value in losses.values())


@pytest.mark.parametrize("progress", [0.9])
def test_gradients(progress: float) -> None:
    targets = make_targets(torch.float64, size=3)
    answers = [value.requires_grad_() for value in make_answers(torch.float64, size=3)]

    def total(*values: torch.Tensor) -> torch.Tensor:
        return torch.stack(list(crop_losses(*values, targets, progress=progress).values())).sum()

    # soften() is float32: the labels' part has no gradient, so it may be
    assert torch.autograd.gradcheck(total, answers, eps=1e-6, atol=1e-4, fast_mode=True)
