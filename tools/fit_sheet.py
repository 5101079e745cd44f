"""Draw fitted bodies with their markers, to look at: python tools/fit_sheet.py OUT.png CLIP [CLIP …] [options].

A row for each clip and body: moments of it from the front quarter, and the first from front, side and back. Green balls
are the observed markers, red lines lead from them to where the body carries them. A table of errors is printed: from
observed to carried markers, and from observed markers to the skin (9.5 mm is a marker that touches it). Clips are C3D
files, or Qualisys TSV files, as `densesynth.motion.read` takes them. Needs trimesh and embreex (the dev group).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from motion_sheet import draw_body

from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.differentiable import differentiable_anny
from densesynth.body.differentiable_smpl import differentiable_smpl
from densesynth.body.smpl import SmplBody, load_smpl
from densesynth.fitting.fit import FittedClip, fit_markers
from densesynth.fitting.settings import FitSettings
from densesynth.motion.clip import MarkerClip
from densesynth.motion.markers import load_marker_set
from densesynth.motion.read import read_markers
from densesynth.surface.closest import closest_points

TILE = (330, 560)  # pixels
SPAN = 2.2  # metres over the tile's height


def draw_fit(
    vertices: np.ndarray, faces: np.ndarray, seen: np.ndarray, carried: np.ndarray, azimuth: float
) -> np.ndarray:
    """The body and its markers from `azimuth` (radians from the body's front, to its left)."""
    view = np.array([np.sin(azimuth), -np.cos(azimuth), 0.2])
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    picture = draw_body(vertices, faces, tuple(view), middle, TILE, SPAN)
    away = -view / np.linalg.norm(view)
    right = np.cross(away, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, away)

    def pixel(point: np.ndarray) -> tuple[int, int]:
        x, y = (point - middle) @ right / SPAN * TILE[1], (point - middle) @ up / SPAN * TILE[1]
        return round(TILE[0] / 2 + x), round(TILE[1] / 2 - y)

    # A marker is drawn where nothing of the body stands before it: its ray to the viewer is free.
    import trimesh

    rays = trimesh.ray.ray_pyembree.RayMeshIntersector(trimesh.Trimesh(vertices, faces, process=False))
    there = np.isfinite(seen).all(axis=1)
    hidden = rays.intersects_any(np.nan_to_num(seen) - 0.012 * away, np.broadcast_to(-away, seen.shape))
    for point, expected in zip(seen[there & ~hidden], carried[there & ~hidden], strict=True):
        cv2.line(picture, pixel(point), pixel(expected), (220, 30, 30), 1, cv2.LINE_AA)
        cv2.circle(picture, pixel(point), 3, (20, 160, 40), -1, cv2.LINE_AA)
    return picture


def facing(rotation: np.ndarray) -> float:
    """The direction a body looks in, radians about z; 0 faces −y."""
    from scipy.spatial.transform import Rotation

    ahead = Rotation.from_rotvec(rotation).apply((0.0, -1.0, 0.0))
    return float(np.arctan2(ahead[0], -ahead[1]))


def draw_clip(body: AnnyBody | SmplBody, clip: MarkerClip, fitted: FittedClip, moments: int) -> np.ndarray:
    """A row of tiles."""
    frames = np.linspace(0, len(clip.positions) - 1, moments).astype(int)
    posed = body.pose(np.repeat(fitted.betas[None], moments, axis=0), fitted.rotations[frames], fitted.transl[frames])
    seen, carried = clip.positions[frames][:, fitted.columns], fitted.predicted[frames]
    views = [(number, 0.6) for number in range(moments)] + [(0, 0.0), (0, np.pi / 2), (0, np.pi)]
    tiles = []
    for number, azimuth in views:
        turned = azimuth + facing(fitted.rotations[frames[number], 0])
        vertices = posed.vertices[number].astype(np.float64)
        tile = draw_fit(vertices, body.faces, seen[number], carried[number], turned)
        text = f"{clip.name} {frames[number]}"
        cv2.putText(tile, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
        tiles.append(tile)
    return np.hstack(tiles)


def report(body: AnnyBody | SmplBody, clip: MarkerClip, fitted: FittedClip, seconds: float) -> None:
    """Print the errors, marker by marker where they are largest."""
    errors = 1e3 * fitted.errors(clip)
    frames = np.unique(np.linspace(0, len(clip.positions) - 1, 10).astype(int))
    posed = body.pose(
        np.repeat(fitted.betas[None], len(frames), axis=0), fitted.rotations[frames], fitted.transl[frames]
    )
    skin = []
    for vertices, seen in zip(posed.vertices, clip.positions[frames][:, fitted.columns], strict=True):
        there = np.isfinite(seen).all(axis=1)
        skin.append(1e3 * closest_points(seen[there], vertices, body.faces).distance)
    to_skin = np.concatenate(skin)
    print(f"{clip.name} on {body.name}: {len(clip.positions)} frames, {len(fitted.markers)} markers, {seconds:.1f} s")
    print(f"  observed to carried marker: mean {np.nanmean(errors):.1f} mm, largest {np.nanmax(errors):.1f} mm")
    print(f"  marker to surface, {len(frames)} frames: mean {to_skin.mean():.1f} mm, largest {to_skin.max():.1f} mm")
    print(f"  the same less the marker's own 9.5 mm: mean {np.abs(to_skin - 9.5).mean():.1f} mm")
    print("  shape: " + ", ".join(f"{n} {v:.2f}" for n, v in zip(body.betas_names, fitted.betas, strict=True)))
    moved = 1e3 * np.linalg.norm(fitted.displacements[:, :2], axis=1)
    farthest = np.argsort(-moved)[:5]
    print("  farthest from their places: " + ", ".join(f"{fitted.markers[k]} {moved[k]:.0f} mm" for k in farthest))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--markers", help="a built-in marker set, or a TOML file; chosen by the labels without")
    parser.add_argument("--moments", type=int, default=4)
    parser.add_argument("--every", type=int, default=1, help="take every so many frames")
    parser.add_argument("--body", nargs="+", default=["anny"], help="anny, or a file of SMPL's family; several at once")
    arguments = parser.parse_args()
    bodies = [load_anny(print) if one == "anny" else load_smpl(Path(one)) for one in arguments.body]
    marker_set = None if arguments.markers is None else load_marker_set(arguments.markers)
    rows = []
    for path in arguments.clips:
        whole = read_markers(path)
        clip = MarkerClip(
            whole.name, whole.labels, whole.positions[:: arguments.every].copy(), whole.frame_rate / arguments.every
        )
        for body in bodies:
            differentiable = differentiable_anny(body) if isinstance(body, AnnyBody) else differentiable_smpl(body)
            start = time.perf_counter()
            fitted = fit_markers(clip, differentiable, marker_set, FitSettings())
            report(body, clip, fitted, time.perf_counter() - start)
            rows.append(draw_clip(body, clip, fitted, arguments.moments))
    cv2.imwrite(str(arguments.out), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
