"""Draw moments of the built-in motions on one sheet, to look at: python tools/motion_sheet.py OUT.png [options].

Each row is a motion, its moments from left to right; the red number is the share of the body's faces that collide
beyond the rest pose, in percent. Needs trimesh and embreex (the dev group).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

from densesynth.body.anny import AnnyBody, ground, load_anny
from densesynth.motion.library import MOTION_NAMES, Variation, draw_variation, duration, pose_at

VIEWS = {
    "quarter": (-0.75, -1.0, 0.25),
    "front": (0.0, -1.0, 0.0),
    "side": (1.0, 0.0, 0.0),
    "back": (0.6, 1.0, 0.3),
    "top": (0.0, -0.01, 1.0),
}
SKIN = np.array([225.0, 190.0, 170.0])


def draw_body(
    vertices: np.ndarray,
    faces: np.ndarray,
    view: tuple[float, float, float],
    middle: np.ndarray,
    tile: tuple[int, int],
    span: float,
) -> np.ndarray:
    """Flat-shaded orthographic picture, uint8 RGB; `span` is the tile's height in metres."""
    away = -np.array(view) / np.linalg.norm(view)
    right = np.cross(away, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, away)
    width, height = tile
    x = (np.arange(width) + 0.5 - width / 2) / height * span
    y = -(np.arange(height) + 0.5 - height / 2) / height * span
    grid_x, grid_y = np.meshgrid(x, y)
    origins = middle - 5.0 * away + grid_x[..., None] * right + grid_y[..., None] * up
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    directions = np.broadcast_to(away, origins.shape).reshape(-1, 3)
    met = RayMeshIntersector(mesh).intersects_first(origins.reshape(-1, 3), directions).reshape(height, width)
    light = -0.6 * away + 0.7 * up - 0.35 * right
    shade = 0.28 + 0.72 * np.clip(mesh.face_normals @ (light / np.linalg.norm(light)), 0.0, 1.0)
    picture = np.full((height, width, 3), 246.0)
    on_ground = origins[..., 2] + away[2] * (-origins[..., 2] / away[2]) if abs(away[2]) > 1e-3 else None
    if on_ground is not None:
        point = origins - (origins[..., 2:] / away[2]) * away
        picture[(np.floor(point[..., 0] * 4) + np.floor(point[..., 1] * 4)) % 2 == 0] = 232.0
    else:
        picture[(grid_y * up[2] + middle[2]) < 0.0] = 225.0
    seen = met >= 0
    picture[seen] = shade[met[seen], None] * SKIN
    return picture.astype(np.uint8)


def draw_row(
    body: AnnyBody, betas: np.ndarray, motion: str, variation: Variation, moments: int, view: str, tile: tuple[int, int]
) -> np.ndarray:
    rest = body.pose(betas[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    at_rest = body.colliding_faces(rest.vertices[0])
    tiles = []
    for k in range(moments):
        pose = pose_at(motion, duration(motion) * k / moments, variation)
        posed = body.pose(betas[None], pose.rotations[None], np.zeros((1, 3), np.float32))
        rise = ground(posed, np.array([pose.height], np.float32))
        vertices = posed.vertices[0] + np.array([0.0, 0.0, rise[0]], np.float32)
        middle = np.array([0.0, 0.0, 0.95])
        picture = draw_body(vertices, body.faces, VIEWS[view], middle, tile, 2.35)
        percent = 100.0 * body.colliding_share(posed.vertices[0], at_rest)
        label = f"{motion} {k}/{moments}"
        cv2.putText(picture, label, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
        cv2.putText(picture, f"{percent:.2f}", (5, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (200, 30, 30), 1, cv2.LINE_AA)
        tiles.append(picture)
    return np.hstack(tiles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--motions", nargs="*", default=list(MOTION_NAMES))
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--view", choices=sorted(VIEWS), default="quarter")
    parser.add_argument("--tile", type=int, nargs=2, default=(240, 300))
    parser.add_argument("--seed", type=int, help="draw shape and manner at random; the average adult without")
    arguments = parser.parse_args()
    body = load_anny(print)
    rng = None if arguments.seed is None else np.random.default_rng(arguments.seed)
    rows = []
    for motion in arguments.motions:
        betas = np.array([0.5, 0.8, 0.5, 0.5, 0.5, 0.5], np.float32) if rng is None else body.sample_betas(rng)
        variation = Variation() if rng is None else draw_variation(rng)
        rows.append(draw_row(body, betas, motion, variation, arguments.moments, arguments.view, tuple(arguments.tile)))
    cv2.imwrite(str(arguments.out), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
