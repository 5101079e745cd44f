"""Forward passes of SMPL, SMPL-H and SMPL-X beside the `smplx` package, on the same seeded files, turn about.

    python benchmarks/smpl.py            batch 64, float32, one thread
    python benchmarks/smpl.py --json out.json --device cuda

Needs `smplx` (a development dependency). Medians with 10th and 90th percentile; a ratio above 1 means densesynth is
quicker. Both get the same rotation vectors. smplx adds joints picked from vertices and, for SMPL-X, face landmarks;
"no landmarks" is its bare `lbs` on the same tensors.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
import smplx
from smpl_files import make_tables, write_npz, write_pickle
from smplx.lbs import lbs

from densesynth.body.smpl import load_smpl
from densesynth.body.smpl_model import SmplModel

WARM_UP = 3
HANDS = {"use_pca": False, "flat_hand_mean": True, "ext": "npz", "create_transl": False}


def make_rival(family: str, path: Path) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        if family == "smpl":
            return smplx.SMPL(str(path), create_transl=False)
        return {"smplh": smplx.SMPLH, "smplx": smplx.SMPLX}[family](str(path), **HANDS)


def bind(family: str, rival: Any, betas: torch.Tensor, pose: torch.Tensor) -> Callable[[], Any]:
    """smplx's forward pass on the given shape and pose."""
    flat = pose.flatten(1)
    arguments = {"betas": betas, "global_orient": flat[:, :3]}
    if family == "smpl":
        arguments |= {"body_pose": flat[:, 3:]}
    elif family == "smplh":
        arguments |= {
            "body_pose": flat[:, 3:66], "left_hand_pose": flat[:, 66:111], "right_hand_pose": flat[:, 111:]
        }  # fmt: skip
    else:
        zero = betas.new_zeros(len(betas), 10)
        arguments |= {
            "body_pose": flat[:, 3:66], "jaw_pose": flat[:, 66:69], "leye_pose": flat[:, 69:72],
            "reye_pose": flat[:, 72:75], "left_hand_pose": flat[:, 75:120], "right_hand_pose": flat[:, 120:],
            "expression": zero,
        }  # fmt: skip
    return lambda: rival(**arguments)


def bind_lbs(rival: Any, betas: torch.Tensor, pose: torch.Tensor) -> Callable[[], Any]:
    """smplx's bare `lbs`, without its extra joints and landmarks."""
    shapes = rival.shapedirs
    if hasattr(rival, "expr_dirs"):
        shapes = torch.cat([shapes, rival.expr_dirs], dim=-1)
        betas = torch.cat([betas, betas.new_zeros(len(betas), shapes.shape[-1] - betas.shape[1])], dim=1)
    fixed = (rival.v_template, shapes, rival.posedirs, rival.J_regressor, rival.parents, rival.lbs_weights)
    return lambda: lbs(betas, pose.flatten(1), *fixed)


def measure(programs: dict[str, Callable[[], Any]], rounds: int, device: str) -> dict[str, list[float]]:
    """Milliseconds, the programs turn about so that a busy machine touches all alike."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(WARM_UP + rounds):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            if device == "cuda":
                torch.cuda.synchronize()
            if number >= WARM_UP:
                times[name].append(1e3 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    report: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(), "load": os.getloadavg()[0], "device": options.device,
        "batch": options.batch, "seed": options.seed, "torch": torch.__version__,
    }  # fmt: skip
    print(f"{report['machine']}, load {report['load']:.1f}, {options.device}, batch {options.batch}; ms per batch")
    with tempfile.TemporaryDirectory() as folder:
        for family in ("smpl", "smplh", "smplx"):
            table = make_tables(family, options.seed)
            path = Path(folder) / f"{family}.{'pkl' if family == 'smpl' else 'npz'}"
            (write_pickle(path, table, chumpy=False) if family == "smpl" else write_npz(path, table))
            body = load_smpl(path)
            model = SmplModel(body.data).to(options.device)
            rival = make_rival(family, path).to(options.device)
            joints = len(body.data.parents)
            betas = torch.as_tensor(rng.normal(size=(options.batch, 10)), dtype=torch.float32, device=options.device)
            pose = 0.4 * torch.as_tensor(
                rng.normal(size=(options.batch, joints, 3)), dtype=torch.float32, device=options.device
            )
            with torch.no_grad():
                programs = {
                    "densesynth": lambda m=model, b=betas, p=pose: m(b, p),
                    "smplx": bind(family, rival, betas, pose),
                    "smplx, no landmarks": bind_lbs(rival, betas, pose),
                }
                gap = (programs["densesynth"]().vertices - programs["smplx"]().vertices).abs().max().item()
                times = measure(programs, options.rounds, options.device)
            if options.device == "cpu":
                rotations = rng.normal(0, 0.4, (8, 52, 3)).astype(np.float32)
                shapes, places = rng.normal(size=(8, 10)).astype(np.float32), np.zeros((8, 3), np.float32)
                program = {
                    "Body protocol, 8 one by one": lambda b=body, s=shapes, r=rotations, p=places: b.pose(s, r, p)
                }
                times |= measure(program, options.rounds, "cpu")
            ours = np.median(times["densesynth"])
            report[family] = {"gap_metres": gap, "ms": times}
            print(f"{family}: greatest distance of a vertex from smplx's {gap:.1e} m")
            for name, laps in times.items():
                low, middle, high = np.percentile(laps, (10, 50, 90))
                ratio = f"   smplx/densesynth {middle / ours:.2f}" if name.startswith("smplx") else ""
                print(f"  {name:28s} {middle:8.2f}   ({low:.2f} to {high:.2f}){ratio}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
