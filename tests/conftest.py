"""Switches on type checking (jaxtyping shapes, beartype) for every module of the package but the Warp kernels.

Warp compiles kernel functions from their source and gives their annotations a meaning of its own.
"""

from __future__ import annotations

from pathlib import Path

from jaxtyping import install_import_hook

SOURCE = Path(__file__).resolve().parents[1] / "src"


def _checked_modules() -> list[str]:
    modules = []
    for path in sorted((SOURCE / "densesynth").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if path.name != "__init__.py" and "kernels" not in parts:
            modules.append(".".join(parts))
    return modules


install_import_hook(_checked_modules(), "checked_types.check")
