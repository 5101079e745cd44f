"""How long one frame takes: densesynth's whole pipeline on one core, and its rivals beside it in the same run.

    python benchmarks/generate.py --json out.json

One adult of 0.8 of the picture's height, 512×512, a new pose and camera each frame; picture, labels and files written.
Everything runs on one pinned core, after a warm-up. Times are milliseconds per frame, as the median and the 10th and
90th percentile over frames; "CPU" is the whole process's CPU time, "wall" the clock. Rivals run as programs of their
own through `uv run`, which fetches what they need (benchmarks/README.md); one that can't run is named, with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from densesynth.config import Recipe

HERE = Path(__file__).resolve().parent
RIVALS = {"moderngl": HERE / "rivals" / "moderngl_llvmpipe.py", "cycles": HERE / "rivals" / "blender_cycles.py"}
RIVAL_FRAMES = {"moderngl": 40, "cycles": 8}
RIVAL_LIMIT_S = 900
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
Measured = dict[str, Any]


def measure_densesynth(
    frames: int,
    warm_up: int,
    seed: int,
    size: int,
    device: str,
    pictures: Path | None,
    recipe_files: Mapping[str, Path | None],
    environments: str | None = None,
    garments: Path | None = None,
) -> dict[str, Measured]:
    """Our own pipeline, files included: the one place that knows how it is called. recipe_files: recipes by name (None:
    one person of the default recipe), whose frames take turns, so that a machine's moods meet all of them.
    environments: a folder of HDR panoramas, or "made" for two made up here."""
    from densesynth.config import load_recipe
    from densesynth.data.dataset import finish, open_output
    from densesynth.data.record import write_record
    from densesynth.data.schema import Manifest
    from densesynth.frames import Generator

    with tempfile.TemporaryDirectory() as scratch:
        panoramas = Path(environments) if environments is not None else None
        if environments == "made":
            panoramas = make_panoramas(Path(scratch) / "hdr")
        generators, folders = {}, {}
        total = warm_up + frames
        for name, file in recipe_files.items():
            recipe = one_person(size) if file is None else load_recipe(file)
            if garments is not None:
                recipe = replace(recipe, people=replace(recipe.people, garments=garments))
            if panoramas is not None:
                recipe = replace(recipe, background=replace(recipe.background, environments=panoramas))
            generators[name] = Generator(recipe, device)
            folders[name] = pictures / name if pictures else Path(scratch) / name
            manifest = Manifest(version="benchmark", configuration={}, seed=seed, frames=total, body="anny")
            open_output(folders[name], manifest)
        wall, cpu, pixels = ({name: [] for name in generators} for _ in range(3))
        stages: dict[str, dict[str, list[float]]] = {name: {} for name in generators}
        for index in range(total):
            for name, generator in generators.items():
                generator.stages.clear()
                start = time.perf_counter(), time.process_time()
                record = generator.frame(seed, index)
                drawn = time.perf_counter()
                write_record(folders[name], record, generator.jpeg_quality(seed, index))
                end = time.perf_counter(), time.process_time()
                if index < warm_up:
                    continue
                wall[name].append(1e3 * (end[0] - start[0]))
                cpu[name].append(1e3 * (end[1] - start[1]))
                pixels[name].append(int(np.count_nonzero(record.surface["instance"])))
                for stage, seconds in {**generator.stages, "encode and write": end[0] - drawn}.items():
                    stages[name].setdefault(stage, []).append(1e3 * seconds)
        for folder in folders.values():
            finish(folder)
    return {
        name: summarise(name, f"device {generator.device}", wall[name], cpu[name], pixels[name], stages[name])
        for name, generator in generators.items()
    }


def one_person(size: int) -> Recipe:
    """The default recipe with one person of 0.8 of the picture's height."""
    from densesynth.config import Recipe
    from densesynth.scene.settings import CameraSettings, PeopleSettings, PictureSettings

    return Recipe(
        people=PeopleSettings(count=(1, 1)),
        camera=CameraSettings(fill=(0.8, 0.8), elevation=(0.0, 20.0), off_centre=0.05),
        picture=PictureSettings(width=size, height=size),
    )


def make_panoramas(folder: Path) -> Path:
    """Two HDR panoramas of 2048×1024: a sky with a sun and clouds over rough ground, and a room with windows."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rough = sum(
        cv2.resize(rng.random((size // 2, size), np.float32), (2048, 1024), interpolation=cv2.INTER_CUBIC) * 8.0 / size
        for size in (8, 16, 32, 64, 128, 256)
    )
    latitude = np.linspace(0.5 * np.pi, -0.5 * np.pi, 1024, dtype=np.float32)[:, None, None]
    sky = np.float32([0.3, 0.5, 0.9]) * (1.0 - 0.5 * latitude) + np.clip(rough - 1.0, 0.0, 1.0)[..., None]
    outdoors = np.where(latitude > 0.0, sky, np.float32([0.25, 0.2, 0.14]) * rough[..., None]).astype(np.float32)
    cv2.circle(outdoors, (1500, 300), 12, (9e3, 8e3, 7e3), -1)
    indoors = (np.float32([0.35, 0.3, 0.25]) * (0.6 + 0.4 * rough[..., None])).astype(np.float32)
    for x in (200, 520, 1300):
        cv2.rectangle(indoors, (x, 350), (x + 180, 540), (14.0, 16.0, 18.0), -1)
    for name, panorama in (("outdoors", outdoors), ("indoors", indoors)):
        cv2.imwrite(str(folder / f"{name}.hdr"), np.ascontiguousarray(panorama[..., ::-1]))
    return folder


def measure_rival(name: str, scenes: Path, frames: int, python: str | None, pictures: Path | None) -> Measured:
    """One rival, in its own interpreter; {"failed": reason} where it can't run."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if python is None and uv is None:
        return {"failed": "needs `uv` on the path, or --python"}
    program = [python] if python is not None else [str(uv), "run", "--script"]
    command = [*program, str(RIVALS[name]), str(scenes), "--frames", str(frames)]
    if pictures is not None:
        command += ["--pictures", str(pictures / name)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RIVAL_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"failed": str(error)}
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not answers:
        return {"failed": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    raw = json.loads(answers[-1])
    return summarise(
        name, raw["version"], raw["wall_ms"], raw["cpu_ms"], raw.get("labelled_pixels", []), raw["stages_cpu_ms"]
    )


def summarise(
    name: str,
    version: str,
    wall: Sequence[float],
    cpu: Sequence[float],
    pixels: Sequence[int],
    stages: Mapping[str, Sequence[float]],
) -> Measured:
    """Medians and spreads, milliseconds per frame."""
    return {
        "name": name,
        "version": version,
        "frames": len(wall),
        "wall_ms": spread(wall),
        "cpu_ms": spread(cpu),
        "frames_per_second": round(1e3 / float(np.median(wall)), 2),
        "labelled_pixels": int(np.median(pixels)) if len(pixels) else None,
        "stages_ms": {stage: spread(times) for stage, times in stages.items()},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    p10, median, p90 = np.percentile(values, [10, 50, 90])
    return {"median": round(float(median), 3), "p10": round(float(p10), 3), "p90": round(float(p90), 3)}


def describe_machine() -> dict[str, Any]:
    models = [
        line.split(":")[1].strip() for line in _read("/proc/cpuinfo").splitlines() if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "core_used": sorted(os.sched_getaffinity(0)),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def print_report(result: Measured) -> None:
    ours = result["densesynth"]
    machine = result["machine"]
    print(f"machine: {machine['cpu']}, core {machine['core_used']}, load {machine['load_before']}")
    print(f"{'':24}{'CPU ms':>9}{'p10':>9}{'p90':>9}{'wall ms':>10}{'frames/s':>10}{'pixels':>9}{'ratio':>8}")
    for item in (ours, *result["beside"].values(), *result["rivals"].values()):
        if "failed" in item:
            continue
        cpu, ratio = item["cpu_ms"], item["cpu_ms"]["median"] / ours["cpu_ms"]["median"]
        print(
            f"{item['name']:24}{cpu['median']:9.1f}{cpu['p10']:9.1f}{cpu['p90']:9.1f}{item['wall_ms']['median']:10.1f}"
            f"{item['frames_per_second']:10.1f}{item['labelled_pixels'] or '-':>9}{ratio:8.2f}"
        )
    for name, item in result["rivals"].items():
        if "failed" in item:
            print(f"{name:24}could not run: {item['failed']}")
    for item in (ours, *result["beside"].values()):
        print(f"\nstages of {item['name']}, wall ms (median, p10, p90)")
        for stage, times in sorted(item["stages_ms"].items(), key=lambda item: -item[1]["median"]):
            print(f"  {stage:22}{times['median']:9.2f}{times['p10']:9.2f}{times['p90']:9.2f}")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--recipe", type=Path, help="our pipeline with this recipe instead (benchmarks/everything.toml)"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="RECIPE",
        action="append",
        default=[],
        help="another recipe whose frames take turns with ours (benchmarks/painted.toml)",
    )
    parser.add_argument(
        "--environments",
        metavar="FOLDER",
        help="HDR panoramas behind people and lighting them; `made`: two made-up ones",
    )
    parser.add_argument("--garments", type=Path, metavar="FOLDER", help="MakeHuman garments that people may wear")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--rivals", default=",".join(RIVALS), help="names, separated by commas; '' for none")
    parser.add_argument(
        "--python", action="append", default=[], metavar="RIVAL=PATH", help="interpreter that has a rival's packages"
    )
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--pictures", type=Path, help="keep every program's files in this folder, to look at")
    parsed = parser.parse_args(arguments)
    unknown = [name for name in parsed.rivals.split(",") if name and name not in RIVALS]
    if unknown:
        parser.error(f"unknown rival {unknown[0]!r}; there are {', '.join(RIVALS)}")
    return parsed


def main() -> None:
    options = parse()
    os.sched_setaffinity(0, {options.core})  # inherited by every program started below
    os.environ |= dict.fromkeys(ONE_THREAD, "1")
    pythons = dict(item.split("=", 1) for item in options.python)
    pictures = options.pictures
    recipes = {"densesynth": options.recipe} | {file.stem: file for file in options.beside}
    ours = measure_densesynth(
        options.frames,
        options.warm_up,
        options.seed,
        options.size,
        options.device,
        pictures,
        recipes,
        options.environments,
        options.garments,
    )
    result: Measured = {
        "machine": describe_machine(),
        "seed": options.seed,
        "size": options.size,
        "warm_up": options.warm_up,
        "densesynth": ours.pop("densesynth"),
        "beside": ours,
        "rivals": {},
    }
    wanted = [name for name in options.rivals.split(",") if name]
    if wanted:
        with tempfile.TemporaryDirectory() as scratch:
            scenes = Path(scratch) / "scenes.npz"
            exporter = [sys.executable, str(HERE / "rivals" / "scenes.py"), str(scenes)]
            subprocess.run(
                [*exporter, "--seed", str(options.seed), "--size", str(options.size)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            for name in wanted:
                result["rivals"][name] = measure_rival(name, scenes, RIVAL_FRAMES[name], pythons.get(name), pictures)
    print_report(result)
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
