"""How well and how fast markers are fitted: worn by known Anny bodies, 2 mm noise, 20 % gaps.

    python benchmarks/fit.py [--people 10] [--frames 60] [--json OUT.json]

Each person is a random adult in a motion of the library at 30 Hz, half of them in each built-in marker set; `misplaced`
also moves every marker by half of what its set says people misplace it. Errors are of the 22 joints from pelvis to
wrists, in millimetres. Set OMP_NUM_THREADS=1 for the figures of one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from worn_markers import joint_errors, wear

from densesynth.body.anny import load_anny
from densesynth.body.differentiable import differentiable_anny
from densesynth.fitting.fit import fit_markers
from densesynth.motion.library import MOTION_NAMES

SETS = ("plug_in_gait", "qualisys_full_body")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    anny = load_anny(print)
    body = differentiable_anny(anny)
    results = []
    for misplaced in (0.0, 0.5):
        rng = np.random.default_rng(arguments.seed)
        for person in range(arguments.people):
            betas = anny.sample_betas(rng)
            motion = MOTION_NAMES[int(rng.integers(len(MOTION_NAMES)))]
            worn = wear(
                body, betas, motion, person, marker_set=SETS[person % 2], frames=arguments.frames, misplaced=misplaced
            )
            start = time.perf_counter()
            fitted = fit_markers(worn.clip, body)
            seconds = time.perf_counter() - start
            errors = 1e3 * joint_errors(body, fitted, worn)
            one = {
                "motion": motion,
                "marker_set": SETS[person % 2],
                "misplaced": misplaced,
                "mean_mm": float(errors.mean()),
                "worst_joint_mean_mm": float(errors.mean(axis=0).max()),
                "p95_mm": float(np.percentile(errors, 95)),
                "max_mm": float(errors.max()),
                "marker_mm": float(1e3 * np.nanmean(fitted.errors(worn.clip))),
                "seconds": seconds,
            }
            results.append(one)
            print(
                f"{motion:12} {SETS[person % 2]:18} misplaced {misplaced}: mean {one['mean_mm']:.1f}, worst joint "
                f"{one['worst_joint_mean_mm']:.1f}, 95 % {one['p95_mm']:.1f}, max {one['max_mm']:.1f} mm; "
                f"{seconds:.0f} s",
                flush=True,
            )
        means = [one["mean_mm"] for one in results if one["misplaced"] == misplaced]
        print(f"misplaced {misplaced}: mean of means {np.mean(means):.1f} mm, worst person {max(means):.1f} mm")
    if arguments.json is not None:
        about = {"machine": platform.processor(), "threads": 1, "seed": arguments.seed, "frames": arguments.frames}
        arguments.json.write_text(json.dumps({"about": about, "results": results}, indent=1))


if __name__ == "__main__":
    main()
