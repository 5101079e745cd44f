"""densesynth: pictures of people for which every pixel's point on the body surface is known exactly.

    from densesynth import Recipe, generate_dataset, open_dataset

    generate_dataset(Recipe(), "people", frames=100, seed=1)
    for frame in open_dataset("people"):
        frame.picture, frame.iuv, frame.annotations

Names load their modules (torch, Warp) on first use, so that the command line answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from densesynth.config import Recipe, load_recipe
    from densesynth.data.audit import audit
    from densesynth.data.dataset import Dataset, open_dataset
    from densesynth.errors import DensesynthError
    from densesynth.frames import Generator
    from densesynth.generate import generate_dataset
    from densesynth.surface.atlas import Atlas, load_atlas
    from densesynth.view.show import show

__version__ = "0.1.0"

_HOMES = {
    "Atlas": "densesynth.surface.atlas",
    "Dataset": "densesynth.data.dataset",
    "DensesynthError": "densesynth.errors",
    "Generator": "densesynth.frames",
    "Recipe": "densesynth.config",
    "audit": "densesynth.data.audit",
    "generate_dataset": "densesynth.generate",
    "load_atlas": "densesynth.surface.atlas",
    "load_recipe": "densesynth.config",
    "open_dataset": "densesynth.data.dataset",
    "show": "densesynth.view.show",
}

__all__ = [
    "Atlas",
    "Dataset",
    "DensesynthError",
    "Generator",
    "Recipe",
    "__version__",
    "audit",
    "generate_dataset",
    "load_atlas",
    "load_recipe",
    "open_dataset",
    "show",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `densesynth` has no attribute `{name}`")
    return getattr(import_module(_HOMES[name]), name)
