"""Draw random dressed people: front, back and face of each, on one sheet.

python tools/outfit_sheet.py OUT.png [PEOPLE [SEED]]
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

from densesynth.appearance.outfit import Outfit, draw_outfit
from densesynth.appearance.paint import Paint, load_paint
from densesynth.body.anny import load_anny
from densesynth.geometry.camera import Camera, look_at
from densesynth.geometry.mesh import Mesh
from densesynth.render.render import render
from densesynth.render.sensor import encode_srgb

HEIGHT = 480
KEY = np.array([0.35, -0.8, 0.5]) / np.linalg.norm([0.35, -0.8, 0.5])
OVERSAMPLE = 2


def shade(paint: Paint, outfit: Outfit, mesh: Mesh, eye: np.ndarray, target: np.ndarray, span: float, width: int):
    """Lambert with a sky and a plain highlight; span: metres that the picture's height covers at the target."""
    scale = HEIGHT * OVERSAMPLE / span
    focal = scale * float(np.linalg.norm(target - eye))
    w, h = width * OVERSAMPLE, HEIGHT * OVERSAMPLE
    camera = Camera(width=w, height=h, fx=focal, fy=focal, cx=w / 2, cy=h / 2, camera_from_world=look_at(eye, target))
    buffers = render([mesh], camera)
    seen = buffers.instance > 0
    albedo, roughness = paint.albedo(
        [outfit],
        buffers.instance[seen],
        buffers.face[seen],
        buffers.barycentrics[seen],
        (buffers.depth[seen] / np.float32(focal)).astype(np.float32),
    )
    normal = buffers.normal[seen] @ camera.camera_from_world[:3, :3]
    key = KEY * (1.0, np.sign(-eye[1]), 1.0)
    towards = (eye - target) / np.linalg.norm(eye - target)
    half = (key + towards) / np.linalg.norm(key + towards)
    light = 0.95 * np.clip(normal @ key, 0.0, 1.0) + 0.28 + 0.14 * normal[:, 2]
    gloss = 0.2 * (1.0 - roughness) ** 2 * np.clip(normal @ half, 0.0, 1.0) ** (2.0 / np.maximum(roughness, 0.05) ** 2)
    picture = np.full((h, w, 3), 0.45, np.float32)
    picture[seen] = albedo * light[:, None] + gloss[:, None]
    small = np.clip(cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA), 0.0, 1.0)
    return np.round(255.0 * encode_srgb(small)).astype(np.uint8)


def main(out: str, people: int = 24, seed: int = 0) -> None:
    body = load_anny(print)
    paint = load_paint(body.faces)
    cells = []
    for k in range(people):
        rng = np.random.default_rng([seed, k])
        betas = body.sample_betas(rng)
        pose = np.zeros((1, 52, 3), np.float32)
        pose[0, 16, 1], pose[0, 17, 1] = 0.9, -0.9  # shoulders: arms down from the T-pose
        posed = body.pose(betas[None], pose, np.zeros((1, 3), np.float32))
        vertices = posed.vertices[0] - [0.0, 0.0, posed.vertices[0, :, 2].min()]
        mesh = Mesh(np.ascontiguousarray(vertices, dtype=np.float32), body.faces)
        outfit = draw_outfit(rng, float(betas[body.betas_names.index("gender")]))
        tall = float(vertices[:, 2].max())
        middle, face = np.array([0.0, -0.05, 0.5 * tall]), np.array([0.0, -0.1, 0.928 * tall])
        views = []
        for sign in (-1, 1):
            eye = middle + np.array([0.0, sign * 5.0, 0.0])
            views.append(shade(paint, outfit, mesh, eye, middle, 1.06 * tall, 300))
        views.append(shade(paint, outfit, mesh, face + np.array([0.25, -1.6, 0.0]), face, 0.2 * tall, 380))
        cells.append(np.hstack(views))
    columns = 3 if people >= 3 else people
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    sheet = np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])
    cv2.imwrite(out, sheet[..., ::-1])


if __name__ == "__main__":
    main(sys.argv[1], *(int(value) for value in sys.argv[2:4]))
