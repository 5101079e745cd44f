"""Make a small dataset, prove it, read it back, and take one pixel to its point on the body.

Run: uv run examples/01_make_a_dataset.py OUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from densesynth import Generator, Recipe, audit, generate_dataset, load_atlas, open_dataset, show


def main(out: Path) -> None:
    recipe = Recipe()
    generate_dataset(recipe, out, frames=3, seed=7, progress=True)

    generator = Generator(recipe)
    report = audit(out, lambda _: generator.body, generator.atlas)
    print(f"worst reprojection error: {report.max_error_px:.5f} px over {report.counts.pixels} pixels")
    assert report.ok

    for frame in open_dataset(out):
        print(f"frame {frame.index}: {len(frame.annotations)} people, picture {frame.picture.shape}")

    # Any pixel: which part, where in its chart, and which point of the rest body that is.
    frame = open_dataset(out).frame(0)
    row, column = np.argwhere(frame.iuv[..., 0] > 0)[500]
    part, u, v = frame.iuv[row, column]
    u, v = np.float32([u]) / 255, np.float32([v]) / 255
    atlas = load_atlas()
    face, barycentrics = atlas.decode(np.array([part]), u, v)
    point = barycentrics[0] @ atlas.rest_position[atlas.faces[face[0]]]
    print(f"pixel ({column}, {row}) shows part {part} at rest position {point.round(3)} m")

    print("open", show(out)[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example"))
