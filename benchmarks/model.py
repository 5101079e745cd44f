"""Time DensePose R-CNN at the zoo's sizes: inference by stage, laying maps over boxes, a training step.

`python benchmarks/model.py --people 5 100 --regions 12 132 --out model.json`. Weights are random: what a pass costs
doesn't depend on them; the boxes are given, and so is how many regions learn their surface. Beside each figure stands
detectron2's own on two cores (2026), measured by others on such a machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from densesynth.model.boxes import clip_boxes
from densesynth.model.crops import crop_of
from densesynth.model.detection import choose_people
from densesynth.model.learning import rcnn_losses
from densesynth.model.output import ChartMaps, Predictions
from densesynth.model.proposals import choose_proposals
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import zoo_settings
from densesynth.model.targets import ImageTargets, SurfacePoints

T = TypeVar("T")

HEIGHT, WIDTH = 800, 1088
DETECTRON2 = {
    "backbone and pyramid": 1.3, "proposals": 0.34, "decoder": 0.57, "DensePose head, 5 people": 0.34,
    "inference, 5 people": 3.05, "inference, 100 people": 12.4, "laying over, one person": 0.025,
    "training step, 12 regions": 19.0, "training step, 132 regions": 58.0,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--name", default="densepose_rcnn_R_50_FPN_s1x")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--people", type=int, nargs="*", default=[5])
    parser.add_argument("--regions", type=int, nargs="*", default=[12], help="that learn their surface, in a step")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = DensePoseRCNN(zoo_settings(options.name)).eval()
    times = time_inference(model, options.people, options.repeats) if options.people else {}
    for count in options.regions:
        times[f"training step, {count} regions"] = time_steps(model, count, options.repeats)
    report = {name: statistics.median(values) for name, values in times.items()}
    print(
        f"{options.name}, {WIDTH}×{HEIGHT}, {options.threads} threads, {platform.machine()}, torch {torch.__version__}"
    )
    for name, seconds in report.items():
        theirs = DETECTRON2.get(name)
        print(f"  {name:28}{seconds:9.3f} s" + (f"   detectron2 {theirs} s" if theirs else ""))
    peak = peak_memory()
    print(f"  peak memory {peak:.1f} GiB")
    if options.out is not None:
        options.out.write_text(json.dumps({"seconds": report, "runs": times, "peak_gib": peak}, indent=2) + "\n")


@torch.inference_mode()
def time_inference(model: DensePoseRCNN, people: list[int], repeats: int) -> dict[str, list[float]]:
    """Seconds of each stage, and of the whole with so many people."""
    picture = torch.randint(0, 255, (3, HEIGHT, WIDTH), dtype=torch.uint8)
    prepared = model.prepare([picture])
    times: dict[str, list[float]] = {}
    pyramid = clock(times, "backbone and pyramid", repeats, lambda: model.backbone(prepared))
    clock(times, "proposals", repeats, lambda: model.proposal_generator(pyramid))
    clock(times, "boxes of 1000 proposals", repeats, lambda: detect(model, pyramid))
    clock(times, "decoder", repeats, lambda: model.roi_heads.decoder.merge(pyramid))
    for count in people:
        boxes = [people_boxes(count)]
        pooled = torch.randn(count, 256, 28, 28)
        clock(times, f"DensePose head, {count} people", repeats, lambda: model.roi_heads.read_regions(pooled))  # noqa: B023

        def whole(boxes: list[torch.Tensor] = boxes) -> ChartMaps:
            levels = model.backbone(model.prepare([picture]))
            detect(model, levels)
            maps = model.roi_heads.find_surface(levels, boxes)
            assert isinstance(maps, ChartMaps)
            found = Predictions(boxes=boxes[0], scores=torch.ones(len(boxes[0])), maps=maps)
            for index in range(min(len(boxes[0]), 5)):  # detectron2's figure leaves laying over out; ours has five
                crop_of(found, index)
            return maps

        maps = clock(times, f"inference, {count} people", repeats, whole)
    crop = Predictions(boxes=boxes[0][:1], scores=torch.ones(1), maps=maps)
    clock(times, "laying over, one person", 20, lambda: crop_of(crop, 0))
    return times


def detect(model: DensePoseRCNN, pyramid: list[torch.Tensor]) -> None:
    """Proposals and boxes; random weights propose little, so the box head gets 1000 boxes in any case."""
    detector = model.settings.detector
    choose_proposals(model.proposal_generator(pyramid), [(HEIGHT, WIDTH)], *detector.proposals_before[1:], 1000)
    logits, deltas = model.roi_heads.find_boxes(pyramid, [people_boxes(1000)])
    choose_people(people_boxes(1000), logits, deltas, (HEIGHT, WIDTH), detector)


def time_steps(model: DensePoseRCNN, regions: int, repeats: int) -> list[float]:
    """Seconds of steps (losses, gradients, SGD) on two pictures, after one that warms up. `regions` regions of both
    learn their surface: as many people, whose own boxes are among the candidates; how many they were is printed."""
    model.train()
    learnt: list[int] = []
    model.roi_heads.densepose_head.register_forward_hook(lambda _module, given, _answer: learnt.append(len(given[0])))
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-6, momentum=0.9)
    pictures = [torch.randint(0, 255, (3, HEIGHT, WIDTH), dtype=torch.uint8) for _ in range(2)]
    boxes = people_boxes(regions // 2)
    target = ImageTargets(
        boxes=boxes,
        points=tuple(points_in(box) for box in boxes),
        coarse=tuple(torch.ones(256, 256, dtype=torch.uint8) for _ in boxes),
    )
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        found = rcnn_losses(model, pictures, [target, target], torch.Generator().manual_seed(0))
        torch.stack(list(found.values())).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - start)
    model.eval()
    print(
        f"  regions that learnt their surface: {sorted(set(learnt))}, peak so far {peak_memory():.1f} GiB", flush=True
    )
    return seconds[1:]


def peak_memory() -> float:
    """Of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def people_boxes(count: int) -> torch.Tensor:
    """Boxes of standing people, 130 × 390 px, spread over the picture."""
    x = torch.linspace(0, WIDTH - 140, count)
    y = torch.linspace(0, HEIGHT - 400, count).flip(0)
    return clip_boxes(torch.stack([x, y, x + 130, y + 390], dim=1), HEIGHT, WIDTH)


def points_in(box: torch.Tensor) -> SurfacePoints:
    """100 annotated points of one person."""
    share = torch.rand(2, 100)
    x, y = box[0] + share[0] * (box[2] - box[0]), box[1] + share[1] * (box[3] - box[1])
    return SurfacePoints(x=x, y=y, part=torch.randint(1, 25, (100,)), u=torch.rand(100), v=torch.rand(100))


def clock(times: dict[str, list[float]], name: str, repeats: int, work: Callable[[], T]) -> T:
    """Run once to warm up, then `repeats` times; returns the answer."""
    answer = work()
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        times.setdefault(name, []).append(time.perf_counter() - start)
    return answer


if __name__ == "__main__":
    main()
