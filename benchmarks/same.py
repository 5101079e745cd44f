"""Whether a change of the code left the frames as they were: save before it, compare after it.

    python benchmarks/same.py save before/          at the old commit
    python benchmarks/same.py compare before/       at the new one

Half of the frames have one person, half are of the default recipe. Labels (every array of the surface file, both PNGs,
all annotations) must be the same to the bit; pictures may differ by as much as is printed. Ends with status 1 where a
label differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from densesynth.config import Recipe
from densesynth.data.files import encode_arrays, read_arrays
from densesynth.data.record import FrameRecord
from densesynth.data.schema import encode_json
from densesynth.frames import Generator
from densesynth.scene.settings import PeopleSettings


def gather(record: FrameRecord) -> dict[str, np.ndarray]:
    """Everything of a frame as arrays, the picture under that name."""
    annotations = b"".join(encode_json(annotation) for annotation in record.annotations)
    return {
        **record.surface,
        "iuv": record.iuv,
        "segmentation": record.segmentation,
        "annotations": np.frombuffer(annotations, np.uint8),
        "picture": record.picture,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("save", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    recipes = (Recipe(people=PeopleSettings(count=(1, 1))), Recipe())
    generators = [Generator(recipe) for recipe in recipes]
    differing: dict[str, list[int]] = {}
    worst, changed, mean = 0, 0.0, 0.0
    for index in range(options.frames):
        now = gather(generators[index % 2].frame(options.seed, index))
        file = options.folder / f"{index:04d}.npz.zst"
        if options.action == "save":
            file.write_bytes(encode_arrays(now))
            continue
        before = read_arrays(file)
        for name in sorted(before.keys() | now.keys()):
            old, new = before.get(name), now.get(name)
            if old is not None and new is not None and old.dtype == new.dtype and np.array_equal(old, new):
                continue
            if name == "picture" and old is not None and new is not None:
                apart = np.abs(old.astype(np.int16) - new)
                worst = max(worst, int(apart.max()))
                changed = max(changed, float((apart.max(axis=-1) > 2).mean()))
                mean = max(mean, float(apart.mean()))
                continue
            differing.setdefault(name, []).append(index)
    if options.action == "save":
        print(f"{options.frames} frames saved in {options.folder}")
        return 0
    for name, frames in differing.items():
        print(f"{name} differs in {len(frames)} of {options.frames} frames: {frames[:10]}")
    print(f"{options.frames} frames: labels {'DIFFER' if differing else 'the same to the bit'};")
    print(
        f"pictures differ by at most {worst} of 255, {mean:.4f} on average in the worst frame, "
        f"by more than 2 in {100 * changed:.3f} % of its pixels"
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
