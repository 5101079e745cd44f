"""Times of the renderer's stages beside Embree on the same frames, and how often the two see another face.

    python benchmarks/render.py            times, 512×512, one Anny body of 0.8 of the height, distortion on
    python benchmarks/render.py --embree   agreement with Embree over 50 random poses

Set OMP_NUM_THREADS=1 and pin the process (taskset -c 0) for the figures of one core.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "render"))
from render_scenes import frame_body, pose_anny
from test_embree import cast, near_an_edge

from densesynth.render.lighting import Lighting, ambient_from_sky
from densesynth.render.render import rasterise, render
from densesynth.render.sensor import develop
from densesynth.render.shade import shade
from densesynth.render.shadow import make_shadow_map

WARM_UP = 3


def time_stages(frames: int, size: int, device: str) -> dict[str, list[float]]:
    """Milliseconds of every stage, a new pose and camera in each frame."""
    light = Lighting(
        direction=np.array([0.5, -0.6, 0.8]) / np.sqrt(1.25),
        colour=np.ones(3, np.float32),
        angular_radius=0.03,
        ambient=ambient_from_sky(np.float32([0.3, 0.4, 0.5]), np.float32([0.2, 0.2, 0.1])),
    )
    times: dict[str, list[float]] = {}
    for frame in range(WARM_UP + frames):
        mesh = pose_anny(frame)
        camera = frame_body(mesh, frame, size)
        background = np.full((size, size, 3), 0.5, np.float32)
        x, y = np.meshgrid(np.linspace(-2, 2, size, dtype=np.float32), np.linspace(-2, 2, size, dtype=np.float32))
        ground = np.stack([x, y, np.zeros_like(x)], axis=-1)

        def lap(name: str, work: Callable[[], Any], frame: int = frame) -> Any:
            start = time.perf_counter()
            result = work()
            wp.synchronize()
            if frame >= WARM_UP:
                times.setdefault(name, []).append(1e3 * (time.perf_counter() - start))
            return result

        view = lap("rasterise", lambda m=mesh, c=camera: rasterise([m], c, device))
        lap("resolve to buffers", view.buffers)
        lap("faces sorted into cells", lambda v=view: v.cells)
        lap("visible vertices", lambda v=view: v.visible_vertices(0))
        samples = lap("colour samples (4 per edge pixel)", lambda v=view: v.samples(4))
        albedo = np.full((samples.pixel.shape[0], 3), 0.5, np.float32)
        shadow = lap("shadow map 384²", lambda v=view: make_shadow_map(v.raster.geometry, light))
        lap("shadow on a full picture of ground", lambda s=shadow, g=ground: s.shadow_at(g))
        linear = lap("shade", lambda s=samples, a=albedo, b=background, m=shadow: shade(s, a, 0.5, 1.0, light, b, m))
        lap("sensor", lambda p=linear, f=frame: develop(p, 0.01, np.random.default_rng(f), device))
        rays = camera.pixel_rays().reshape(-1, 3)
        lap("embree: build and cast the same rays", lambda m=mesh, c=camera, r=rays: cast(m, c, r))
    return times


def compare_with_embree(frames: int, size: int, closed: bool) -> None:
    """Faces that differ from Embree's, over the pixels that either of the two calls covered. closed: as recipes render
    bodies, by their fronts alone."""
    body = differ = strays = 0
    worst = 0.0
    for seed in range(frames):
        mesh = pose_anny(seed)
        camera = frame_body(mesh, seed, size)
        buffers = render([replace(mesh, closed=closed)], camera)
        embree = cast(mesh, camera, camera.pixel_rays().reshape(-1, 3)).reshape(buffers.face.shape)
        covered = (embree >= 0) | (buffers.face >= 0)
        other = embree != buffers.face
        body, differ = body + int(covered.sum()), differ + int(other.sum())
        strays += int((other & ~near_an_edge(buffers, mesh, camera)).sum())
        worst = max(worst, float(other.sum() / covered.sum()))
    sides = "fronts alone" if closed else "both sides"
    print(f"{frames} frames at {size}×{size}, {sides}: {body} pixels of people, {differ} on another face than Embree's")
    print(f"same face: {100.0 * (1.0 - differ / body):.4f} % (worst frame {100.0 * (1.0 - worst):.4f} %)")
    print(f"differences further than one pixel from a silhouette or an edge of their face: {strays}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embree", action="store_true")
    parser.add_argument("--frames", type=int, default=None)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, default=None, help="write the times here too")
    options = parser.parse_args()
    if options.embree:
        for closed in (False, True):
            compare_with_embree(options.frames or 50, options.size, closed)
        return
    times = time_stages(options.frames or 30, options.size, options.device)
    print(f"{platform.processor() or platform.machine()}, {options.device}, {options.size}×{options.size}; ms")
    for name, laps in times.items():
        print(f"{name:42s} median {np.median(laps):7.2f}   fastest {min(laps):7.2f}   slowest {max(laps):7.2f}")
    if options.json:
        options.json.write_text(json.dumps({"device": options.device, "size": options.size, "ms": times}, indent=1))


if __name__ == "__main__":
    main()
