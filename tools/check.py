"""Everything that must hold before a change lands: format, lint, types, import direction, tests.

`uv run tools/check.py` runs all of it; `--static` leaves the tests out; other arguments go to pytest.
"""

from __future__ import annotations

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


def main(arguments: list[str]) -> int:
    """Run the checks in order and say which failed; returns the exit status."""
    steps = list(STATIC)
    if "--static" not in arguments:
        steps.append(("tests", ["pytest", *arguments]))
    failed = []
    for name, (program, *options) in steps:
        print(f"── {name}", flush=True)
        if subprocess.run([SCRIPTS / program, *options], cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
