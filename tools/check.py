"""Everything that must hold before a change lands: format, lint, types, import direction, tests.

`uv run tools/check.py` runs all of it, the tests in a few processes side by side; `--static` leaves the tests out;
other arguments go to pytest, which then is one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent
STATIC = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("imports", ["lint-imports", "--no-cache"]),
)
PROCESSES = min(4, os.cpu_count() or 1)
# A file's tests share what they made; the files in pytest's order, for `long` tests come first.
SIDE_BY_SIDE = ["-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}  # each process
# Anny's cache, which two processes had better not fill at once.
FILL_CACHES = "from densesynth.body.anny import load_anny; load_anny(print)"


def main(arguments: list[str]) -> int:
    """Run the checks in order and say which failed; returns the exit status."""
    steps = list(STATIC)
    if "--static" not in arguments:
        steps.append(("caches", ["python", "-c", FILL_CACHES]))
        steps.append(("tests", ["pytest", *(arguments or SIDE_BY_SIDE)]))
    failed = []
    for name, (program, *options) in steps:
        print(f"── {name}", flush=True)
        if subprocess.run([SCRIPTS / program, *options], cwd=ROOT, env=ONE_THREAD, check=False).returncode != 0:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
