"""Laying maps over boxes does less work than enlarging all of them twice, with the same answer."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from densesynth.model.crops import lay_over
from densesynth.model.output import ChartMaps


@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 20), (112, 112), (150, 61)])
def test_same_as_enlarging_everything_twice(height: int, width: int) -> None:
    """The original enlarges the maps to 112, then to the box, and then chooses (densepose's chart result)."""
    generator = torch.Generator().manual_seed(height)
    coarse, fine, u, v = (
        F.interpolate(torch.randn(1, c, 7, 7, generator=generator), size=56, mode="bicubic") for c in (2, 25, 25, 25)
    )
    part, own_u, own_v = lay_over(ChartMaps(coarse=coarse, fine=fine, u=u, v=v, scale=2), 0, height, width)
    whole = [
        F.interpolate(
            F.interpolate(each, scale_factor=2, mode="bilinear", align_corners=False),
            size=(height, width), mode="bilinear", align_corners=False,
        )[0]
        for each in (coarse, fine, u, v)
    ]  # fmt: skip
    expected = whole[1].argmax(dim=0) * (whole[0].argmax(dim=0) > 0)
    assert (part.long() != expected).float().mean() < 1e-3  # two logits that tie to the last bit
    same = (part.long() == expected) & (part > 0)
    for own, reference in ((own_u, whole[2]), (own_v, whole[3])):
        chosen = reference.gather(0, part.long()[None])[0]
        assert torch.allclose(own[same], chosen[same], atol=1e-4)
        assert (own[part == 0] == 0).all()
