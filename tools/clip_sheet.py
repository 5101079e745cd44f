"""Draw clips beside the body that wears them: python tools/clip_sheet.py OUT.png FILES… [options].

Each row is a clip, eight moments from left to right: the file's own stick figure (its left red, its right blue), then
Anny in the retargeted pose. The number is the mean angle between limbs and the file's at that moment, degrees; medians
over whole clips are printed. Needs trimesh and embreex (the dev group).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from motion_sheet import VIEWS, draw_body

from densesynth.body.anny import AnnyBody, load_anny
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MotionClip
from densesynth.motion.read import read_clip
from densesynth.motion.retarget import LIMBS, Retargeted, retarget
from densesynth.motion.retarget_names import match_joints

AVERAGE = np.array([0.5, 0.8, 0.5, 0.5, 0.5, 0.5], np.float32)
SPAN = 2.35  # metres that a tile shows from bottom to top
INK = {"left": (200, 40, 40), "right": (40, 60, 200), "": (40, 40, 40)}


def project(
    points: np.ndarray, view: tuple[float, float, float], middle: np.ndarray, tile: tuple[int, int]
) -> np.ndarray:
    """World points → pixels of the tile, as `draw_body` has them."""
    away = -np.array(view) / np.linalg.norm(view)
    right = np.cross(away, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    up = np.cross(right, away)
    offset = points - middle
    scale = tile[1] / SPAN
    return np.stack([tile[0] / 2 + offset @ right * scale, tile[1] / 2 - offset @ up * scale], axis=-1)


def draw_stick(clip: MotionClip, places: np.ndarray, sides: list[str], view: str, tile: tuple[int, int]) -> np.ndarray:
    picture = np.full((tile[1], tile[0], 3), 250, np.uint8)
    pixels = project(places, VIEWS[view], np.array([0.0, 0.0, 0.95]), tile) * 8.0
    for joint, parent in enumerate(clip.parents):
        if parent >= 0:
            ends = [tuple(int(v) for v in pixels[k].round()) for k in (parent, joint)]
            cv2.line(picture, *ends, INK[sides[joint]], 2, cv2.LINE_AA, shift=3)
    return picture


def sides_of(clip: MotionClip, found: dict[str, int]) -> list[str]:
    """Which side each of the file's joints is on, handed down from those whose names are known."""
    sides = [""] * len(clip.joints)
    for name, number in found.items():
        side = name.split("_")[0]
        sides[number] = side if side in ("left", "right") else ""
    for joint, parent in enumerate(clip.parents):
        if parent >= 0 and not sides[joint] and joint not in found.values():
            sides[joint] = sides[parent]
    return sides


def draw_row(
    body: AnnyBody, clip: MotionClip, done: Retargeted, moments: int, view: str, tile: tuple[int, int]
) -> np.ndarray:
    found = match_joints(clip.joints, clip.name)
    _, places = clip.world()
    sides = sides_of(clip, found)
    size = 0.5 * float(
        np.linalg.norm(
            np.diff(clip.rest()[[found[f"left_{j}"] for j in ("hip", "knee", "ankle")]], axis=0), axis=1
        ).sum()
    )
    hips = [found["left_hip"], found["right_hip"]]
    tiles = []
    for frame in np.linspace(0, clip.frames - 1, min(moments, clip.frames)).round().astype(int):
        posed = body.pose(AVERAGE[None], done.poses[frame : frame + 1].astype(np.float32), np.zeros((1, 3), np.float32))
        rise = float(done.heights[frame]) - float(posed.vertices[0, :, 2].min())
        vertices = posed.vertices[0] + np.array([0.0, 0.0, rise], np.float32)
        middle = posed.joints[0, [JOINT["left_hip"], JOINT["right_hip"]]].mean(axis=0) + np.array([0.0, 0.0, rise])
        stick = (places[frame] - places[frame, hips].mean(axis=0)) * (0.417 / size) + middle
        picture = draw_stick(clip, stick, sides, view, tile)
        cv2.putText(
            picture, f"{clip.name} {frame}", (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA
        )
        worn = draw_body(vertices, body.faces, VIEWS[view], np.array([0.0, 0.0, 0.95]), tile, SPAN)
        error = f"{np.nanmean(done.errors[frame]):.1f}"
        cv2.putText(worn, error, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (200, 30, 30), 1, cv2.LINE_AA)
        tiles += [picture, worn]
    blank = np.full((tile[1], tile[0], 3), 255, np.uint8)
    return np.hstack(tiles + [blank] * (2 * moments - len(tiles)))


def report(done: Retargeted) -> str:
    limbs = ", ".join(
        f"{name} {error:.1f}" for name, error in zip(LIMBS, np.nanmedian(done.errors, axis=0), strict=True)
    )
    return (
        f"{done.name}: {len(done.poses)} frames, direction error median {done.direction_error:.2f}° "
        f"95 % {np.nanpercentile(done.errors, 95):.1f}° max {np.nanmax(done.errors):.1f}°; limits changed "
        f"{np.mean(done.clamped > 0.5) * 100:.1f} % of joints; in contact "
        f"{done.contacts.any(axis=(1, 2)).mean() * 100:.0f} % of frames, "
        f"slide median {done.slide[0] * 1000:.0f} mm max {done.slide[1] * 1000:.0f} mm\n  {limbs}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--view", choices=sorted(VIEWS), default="quarter")
    parser.add_argument("--tile", type=int, nargs=2, default=(170, 220))
    parser.add_argument("--names", type=Path, help="a TOML file of joint names, for files of unknown naming")
    parser.add_argument("--stack", action="store_true", help="clips of one frame go beside each other")
    arguments = parser.parse_args()
    body = load_anny(print)
    rest = body.pose(AVERAGE[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32)).joints[0, :22]
    rows, errors = [], []
    for file in arguments.files:
        clip = read_clip(file)
        done = retarget(clip, arguments.names, rest.astype(np.float64))
        moments = 1 if arguments.stack else arguments.moments
        rows.append(draw_row(body, clip, done, moments, arguments.view, tuple(arguments.tile)))
        errors.append(done.errors.ravel())
        print(report(done))
    print(f"over all: median {np.nanmedian(np.concatenate(errors)):.2f}°")
    if arguments.stack:
        rows += [np.full_like(rows[0], 255)] * (-len(rows) % 4)
        rows = [np.hstack(rows[k : k + 4]) for k in range(0, len(rows), 4)]
    cv2.imwrite(str(arguments.out), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
