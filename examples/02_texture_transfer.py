"""Paint a texture on people by their IUV, and put a mark on one point of every body.

The maps answer two questions: what is the colour of (part, u, v), and where in the picture is a given body point.

Run: uv run examples/02_texture_transfer.py OUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from densesynth import Recipe, generate_dataset, load_atlas, open_dataset

SIDE = 64  # px of one part's square


def make_texture() -> np.ndarray:
    """A square for each part 0..24 (0 stays unused): a colour of its own, checks, and u growing to the right."""
    hue = np.arange(25, dtype=np.uint8) * 7
    colour = cv2.cvtColor(
        np.stack([hue, np.full(25, 160, np.uint8), np.full(25, 230, np.uint8)], -1)[None], cv2.COLOR_HSV2RGB
    )[0]
    y, x = np.mgrid[:SIDE, :SIDE]
    checks = 0.7 + 0.3 * ((x // 8 + y // 8) % 2)
    return (colour[:, None, None, :] * (checks * (0.5 + 0.5 * x / SIDE))[None, :, :, None]).astype(np.uint8)


def main(out: Path) -> None:
    generate_dataset(Recipe(), out, frames=2, seed=3, progress=True)
    texture, atlas = make_texture(), load_atlas()
    rest = atlas.rest_position  # metres, z up, facing -y
    nose_tip = int(np.where(rest[:, 2] > 0.6, rest[:, 1], np.inf).argmin())

    for frame in open_dataset(out):
        part, u, v = np.moveaxis(frame.iuv, -1, 0).astype(np.int32)
        person = part > 0
        painted = frame.picture.copy()
        across, up = u * (SIDE - 1) // 255, v * (SIDE - 1) // 255
        lightness = frame.picture.max(-1, keepdims=True)[person] / 255.0
        painted[person] = texture[part, up, across][person] * (0.4 + 0.6 * lightness)

        # The surface itself is stored, for the people's pixels in row order: face and barycentrics, in no chart.
        corners = rest[atlas.faces[frame.surface["face"]]]
        weights = frame.surface["barycentrics"]
        weights = np.concatenate([weights, 1.0 - weights.sum(-1, keepdims=True)], -1)
        point = (corners * weights[..., None]).sum(1)
        near = np.zeros(person.shape, bool)
        near[frame.segmentation[..., 0] > 0] = np.linalg.norm(point - rest[nose_tip], axis=-1) < 0.03
        painted[near] = (255, 0, 0)

        path = out / f"painted_{frame.index}.png"
        cv2.imwrite(str(path), painted[..., ::-1])
        print(path, f"{person.sum()} px painted, {near.sum()} px within 3 cm of vertex {nose_tip}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "texture_transfer"))
