"""Train a network of your own on frames as they are made: no dataset on disk, no framework but PyTorch.

Frame i is a function of (recipe, seed, i), so a DataLoader with any number of workers gives the same pictures.

Run: uv run examples/03_train_your_own.py OUT_FOLDER
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from densesynth import Generator, Recipe

STEPS, BATCH, PARTS = 12, 2, 25


class Frames(Dataset[tuple[Tensor, Tensor]]):
    """Frame i as (picture (3, h, w) in 0..1, part 0..24 of each pixel (h, w))."""

    def __init__(self, recipe: Recipe, seed: int, count: int) -> None:
        self.recipe, self.seed, self.count = recipe, seed, count
        self.generator: Generator | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if self.generator is None:  # opened where it is used: in the worker
            self.generator = Generator(self.recipe)
        record = self.generator.frame(self.seed, index)
        picture = torch.from_numpy(record.picture.astype(np.float32) / 255.0).permute(2, 0, 1)
        return picture, torch.from_numpy(record.iuv[..., 0].astype(np.int64))


def main(out: Path) -> None:
    torch.manual_seed(0)
    recipe = Recipe()
    recipe = replace(recipe, picture=replace(recipe.picture, width=128, height=128))
    loader = DataLoader(Frames(recipe, seed=1, count=STEPS * BATCH), batch_size=BATCH)  # num_workers=2 to overlap

    network = nn.Sequential(
        nn.Conv2d(3, 24, 5, padding=2), nn.ReLU(), nn.Conv2d(24, 24, 5, padding=4, dilation=2), nn.ReLU(),
        nn.Conv2d(24, PARTS, 1),
    )  # fmt: skip
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for step, (pictures, parts) in enumerate(loader):
        loss = nn.functional.cross_entropy(network(pictures), parts)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        print(f"step {step:2d}  cross entropy {loss.item():.3f}")

    out.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out / "network.pt")
    print("saved", out / "network.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "trained"))
