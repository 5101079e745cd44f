"""Compare the R-CNN with figures recorded from detectron2's DensePose: `python tools/model_parity.py FIGURES.npz …`.

A file of figures holds the state dict's names and shapes, a seed for weights and picture, and intermediate arrays
(tests/model/data). Prints, for each array, the largest difference over the recorded array's standard deviation.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from recorded_model import compare  # noqa: E402 - found through the line above


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        print(path.name)
        for name, error in compare(path).items():
            print(f"  {name:18} {error:.1e}")


if __name__ == "__main__":
    main()
