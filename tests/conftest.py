"""Switches on type checking (jaxtyping shapes, beartype) for the package's modules.

Left out: Warp's kernels (it compiles them from their source and gives their annotations a meaning of its own) and the
command line (tyro puts placeholders where values will be).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

SOURCE = Path(__file__).resolve().parents[1] / "src"


def _checked_modules() -> list[str]:
    modules = []
    for path in sorted((SOURCE / "densesynth").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if not {"__init__", "cli", "kernels"} & set(parts):
            modules.append(".".join(parts))
    return modules


install_import_hook(_checked_modules(), "checked_types.check")

# The same examples every time: a change fails by its own doing. `--hypothesis-profile default` looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take minutes begin first, so that the last process doesn't end long after the others."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
