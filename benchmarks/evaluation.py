"""How long the DensePose metrics take: 4,000 pairs of 100 points on a mesh of DensePose's size (27,554 vertices).

    uv run benchmarks/evaluation.py --json out.json

Makes the inputs (pictures, people, detections, chart mesh, a 1.5 GB file of distances in DensePose's layout), then
measures GPS, GPSm and IOU: reading the files, measuring all pairs once, and the three APs. The reference (detectron2's
`DensePoseCocoEval`) took 6.2 / 7.6 / 7.5 s for the three modes on a machine of two EPYC cores, after loading the matrix
once a mode (4 to 8 s from a cold disk).
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from densesynth.data.results import Detection
from densesynth.evaluation.average_precision import MODES, score
from densesynth.evaluation.chart_mesh import ChartMesh
from densesynth.evaluation.pairs import measure_pairs
from densesynth.evaluation.truth import truth_of
from densesynth.surface.geodesic import read_official_distances

VERTICES, CHART_VERTICES, POINTS = 27554, 29500, 100
REFERENCE = {"gps": 6.2, "gpsm": 7.6, "iou": 7.5}


def write_distances(path: Path, seed: int) -> None:
    """Made-up distances of all pairs, laid out as in Pdist_matrix.pkl, written in pieces."""
    rng = np.random.default_rng(seed)
    count = VERTICES * (VERTICES - 1) // 2
    head = (
        b"\x80\x02}U\x0cPdist_matrixcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01J"
        + struct.pack("<i", count)
        + b"K\x01\x86cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", count * 4)
    )
    block = rng.gamma(2.0, 0.1, 1 << 22).astype(np.float32)
    with open(path, "wb") as file:
        file.write(head)
        for start in range(0, count, len(block)):
            file.write(block[: count - start].tobytes())
        file.write(b"tbs.")


def make_inputs(seed: int, images: int, people: int, found: int) -> tuple[dict, list[Detection], ChartMesh]:
    rng = np.random.default_rng(seed)
    mesh = ChartMesh(
        part=rng.integers(1, 25, CHART_VERTICES),
        uv=rng.random((CHART_VERTICES, 2)),
        vertex=np.concatenate([np.arange(VERTICES), rng.integers(0, VERTICES, CHART_VERTICES - VERTICES)]),
        vertices=VERTICES,
    )
    grid = np.mgrid[0:256, 0:256] / 255.0
    annotations, detections = [], []
    for image in range(1, images + 1):
        for _ in range(people):
            w, h = rng.uniform(60, 250), rng.uniform(120, 400)
            x, y = rng.uniform(0, 640 - w), rng.uniform(0, 480 - h)
            disc = (np.hypot(grid[0] - 0.5, grid[1] - 0.5) < rng.uniform(0.3, 0.5)).astype(np.uint8)
            halves = [disc * (grid[1] < 0.5), disc * (grid[1] >= 0.5)]
            masks = [coco_mask.encode(np.asfortranarray(half, np.uint8)) for half in halves]
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [x, y, w, h],
                    "area": w * h * 0.6, "dp_masks": [*masks, *[[]] * 12],
                    "dp_x": rng.uniform(30, 220, POINTS).tolist(), "dp_y": rng.uniform(30, 220, POINTS).tolist(),
                    "dp_I": rng.integers(1, 25, POINTS).astype(float).tolist(),
                    "dp_U": rng.random(POINTS).tolist(), "dp_V": rng.random(POINTS).tolist(),
                }
            )  # fmt: skip
        for k in range(found):
            x, y, w, h = annotations[-1 - k % people]["bbox"]
            shape = (int(h), int(w))
            rows, columns = np.linspace(0, 1, shape[0])[:, None], np.linspace(0, 1, shape[1])[None]
            inside = np.hypot(rows - 0.5, columns - 0.5) < 0.45
            iuv = np.stack([(1 + 23 * rows + 0 * columns), 255 * rows + 0 * columns, 255 * columns + 0 * rows])
            iuv[1:] = (iuv[1:] + rng.integers(0, 40, (2, *shape))) % 256
            detections.append(
                Detection(
                    image_id=image, bbox=(x, y, w, h), score=float(rng.random()), iuv=(iuv * inside).astype(np.uint8)
                )
            )
    pictures = [
        {"id": image, "width": 640, "height": 480, "file_name": f"{image}.jpg"} for image in range(1, images + 1)
    ]
    return {"images": pictures, "annotations": annotations}, detections, mesh


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the 1.5 GB file goes")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    path = arguments.folder / f"densesynth_benchmark_Pdist_{arguments.seed}.pkl"
    if not path.exists():
        write_distances(path, arguments.seed)
    content, detections, mesh = make_inputs(arguments.seed, images=100, people=4, found=10)
    runs = []
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        distances = read_official_distances(path)
        truth = truth_of(content, "made up")
        read = time.perf_counter()
        pairs = measure_pairs(truth, detections, mesh, distances)
        measured = time.perf_counter()
        figures = {mode: score(pairs, mode)["AP"] for mode in MODES}
        end = time.perf_counter()
        runs.append({"read": read - start, "pairs": measured - read, "ap": end - measured, "all": end - start})
    median = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
    count = sum(one.gps.size for one in pairs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} pairs of {POINTS} points, {VERTICES} vertices; first run {runs[0]['all']:.2f} s, median:")
    print(", ".join(f"{key} {value:.2f} s" for key, value in median.items()), f"; peak memory {peak:.0f} MB")
    print(
        f"all three modes: {sum(REFERENCE.values()) / median['all']:.0f} times as fast as the reference's computation"
    )
    if arguments.json is not None:
        about = {"machine": platform.processor(), "seed": arguments.seed, "pairs": count, "peak_mb": peak}
        arguments.json.write_text(json.dumps({"about": about, "runs": runs, "ap": figures}, indent=1))


if __name__ == "__main__":
    main()
