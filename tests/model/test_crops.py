"""Laying maps over boxes does less work than enlarging all of them twice, with the same answer."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from densesynth.model.crops import crop_of, lay_over, nearest_vertices
from densesynth.model.output import ChartMaps, EmbeddedSurface, EmbeddingMaps, Predictions
from densesynth.model.predictor import normalise


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


@pytest.mark.parametrize(("height", "width"), [(1, 1), (90, 41), (150, 61)])
def test_embeddings_become_the_nearest_vertex(height: int, width: int) -> None:
    """As DensePose CSE has it: enlarge both maps twice, then the smallest squared distance to all vertices."""
    generator = torch.Generator().manual_seed(height)
    coarse, embedding = (
        F.interpolate(torch.randn(1, c, 7, 7, generator=generator), size=56, mode="bicubic") for c in (2, 4)
    )
    vertices = normalise(torch.randn(300, 4, generator=generator))
    maps = EmbeddingMaps(coarse=coarse, embedding=embedding, scale=2)
    found = nearest_vertices(maps, 0, height, width, vertices)
    whole = [
        F.interpolate(
            F.interpolate(each, scale_factor=2, mode="bilinear", align_corners=False),
            size=(height, width), mode="bilinear", align_corners=False,
        )[0]
        for each in (coarse, embedding)
    ]  # fmt: skip
    distance = torch.cdist(whole[1].flatten(1).T, vertices)
    expected = torch.where(whole[0].argmax(dim=0) > 0, distance.argmin(dim=1).reshape(height, width), -1)
    assert (found != expected).float().mean() < 2e-3  # two vertices, or two logits, that tie to the last bits
    assert height == 1 or 0.05 < (found >= 0).float().mean() < 0.95


def test_a_vertex_is_read_as_its_point_of_the_charts() -> None:
    surface = EmbeddedSurface(
        embedding=torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        part=torch.tensor([3, 24], dtype=torch.uint8),
        u=torch.tensor([0.25, 0.5]),
        v=torch.tensor([0.75, 1.0]),
    )
    embedding = torch.zeros(1, 2, 8, 8)
    embedding[:, 0, :, :4], embedding[:, 1, :, 4:] = 7.0, 0.5  # lengths don't matter
    coarse = torch.full((1, 2, 8, 8), -1.0)
    coarse[:, 1, 4:] = 1.0  # the lower half is a person
    maps = EmbeddingMaps(coarse=coarse, embedding=embedding)
    found = Predictions(boxes=torch.tensor([[2.0, 3.0, 10.0, 11.0]]), scores=torch.ones(1), maps=maps, surface=surface)
    crop = crop_of(found, 0)
    assert (crop.x, crop.y) == (2, 3)
    assert (crop.part[:4] == 0).all()
    assert (crop.part[4:, :4] == 3).all()
    assert (crop.part[4:, 4:] == 24).all()
    assert (crop.u[4:, :4] == 0.25).all()
    assert (crop.v[4:, 4:] == 1.0).all()
    assert (crop.u[:4] == 0.0).all()
