"""Switches on type checking (jaxtyping shapes, beartype) for the package's modules.

Left out: Warp's kernels (it compiles them from their source and gives their annotations a meaning of its own) and the
command line (tyro puts placeholders where values will be).
"""

from __future__ import annotations

from pathlib import Path

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
