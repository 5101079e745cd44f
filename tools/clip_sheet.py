"""Draw clips beside the body that wears them: python tools/clip_sheet.py OUT.png FILES… [options].

Each row is a clip, eight moments from left to right: the file's own stick figure (its left red, its right blue), then
each body in the retargeted pose. The number is the mean angle between limbs and the file's at that moment, degrees;
medians over whole clips are printed. Needs trimesh and embreex (the dev group).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from motion_sheet import VIEWS, draw_body

from densesynth.body.anny import load_anny
from densesynth.body.body import Body
from densesynth.body.smpl import load_smpl
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MotionClip
from densesynth.motion.read import read_clip
from densesynth.motion.retarget import LIMBS, Retargeted, retarget
from densesynth.motion.retarget_names import match_joints

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


def stand(body: Body, done: Retargeted, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """The body at a moment, its lowest point at the height the clip has it: vertices, and the middle of its hips."""
    posed = body.pose(
        body.average_betas()[None], done.poses[frame : frame + 1].astype(np.float32), np.zeros((1, 3), np.float32)
    )
    rise = np.array([0.0, 0.0, float(done.heights[frame]) - float(posed.vertices[0, :, 2].min())])
    hips = posed.joints[0, [JOINT["left_hip"], JOINT["right_hip"]]].mean(axis=0)
    return posed.vertices[0] + rise.astype(np.float32), hips + rise


def draw_row(
    bodies: list[Body],
    clip: MotionClip,
    done: list[Retargeted],
    moments: int,
    view: str,
    tile: tuple[int, int],
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
        standing = [stand(body, one, frame) for body, one in zip(bodies, done, strict=True)]
        middle = standing[0][1]
        stick = (places[frame] - places[frame, hips].mean(axis=0)) * (0.417 / size) + middle
        picture = draw_stick(clip, stick, sides, view, tile)
        cv2.putText(picture, str(frame), (4, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
        tiles.append(picture)
        for body, one, (vertices, _) in zip(bodies, done, standing, strict=True):
            worn = draw_body(vertices, body.faces, VIEWS[view], np.array([0.0, 0.0, 0.95]), tile, SPAN)
            error = f"{np.nanmean(one.errors[frame]):.1f}"
            cv2.putText(worn, error, (4, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (200, 30, 30), 1, cv2.LINE_AA)
            tiles.append(worn)
    blank = np.full((tile[1], tile[0], 3), 255, np.uint8)
    row = np.hstack(tiles + [blank] * ((1 + len(bodies)) * moments - len(tiles)))
    cv2.putText(row, clip.name, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
    return row


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
    parser.add_argument("--body", nargs="+", default=["anny"], help="anny, or a file of SMPL's family; several at once")
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--view", choices=sorted(VIEWS), default="quarter")
    parser.add_argument("--tile", type=int, nargs=2, default=(170, 220))
    parser.add_argument("--names", type=Path, help="a TOML file of joint names, for files of unknown naming")
    parser.add_argument("--stack", type=int, default=0, help="so many clips of one frame go beside each other")
    arguments = parser.parse_args()
    bodies: list[Body] = [load_anny(print) if one == "anny" else load_smpl(Path(one)) for one in arguments.body]
    still = np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32)
    rests = [body.pose(body.average_betas()[None], *still).joints[0, :22].astype(np.float64) for body in bodies]
    rows, errors = [], []
    for file in arguments.files:
        clip = read_clip(file)
        done = [retarget(clip, arguments.names, rest) for rest in rests]
        moments = 1 if arguments.stack else arguments.moments
        rows.append(draw_row(bodies, clip, done, moments, arguments.view, tuple(arguments.tile)))
        errors.append([one.errors.ravel() for one in done])
        for body, one in zip(bodies, done, strict=True):
            print(f"{body.name}: {report(one)}")
    for body, own in zip(bodies, zip(*errors, strict=True), strict=True):
        print(f"{body.name} over all: median {np.nanmedian(np.concatenate(own)):.2f}°")
    if arguments.stack:
        across = arguments.stack
        rows += [np.full_like(rows[0], 255)] * (-len(rows) % across)
        rows = [np.hstack(rows[k : k + across]) for k in range(0, len(rows), across)]
    cv2.imwrite(str(arguments.out), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
