"""Draw the atlas to be judged by eye: python tools/atlas_sheet.py OUT.png

Top: the 24 charts (U to the right, V up) with a checker of 1/16 and the triangles' edges; hidden faces in grey. Below:
the template from the front, back, left and right, coloured by part, by U, by V, and with the checker.
"""

from __future__ import annotations

import colorsys
import sys
from pathlib import Path

import cv2
import numpy as np

from densesynth.surface.atlas import Atlas, load_atlas
from densesynth.surface.parts import FINE_NAMES

Array = np.ndarray

TILE = 420
COLUMNS = 8
HEIGHT = 1000  # of a view of the body, pixels
CHECKS = 16
VIEWS = {  # which way is right in the picture, and which away from the eye
    "front": ((1, 0, 0), (0, 1, 0)),
    "back": ((-1, 0, 0), (0, -1, 0)),
    "left": ((0, 1, 0), (-1, 0, 0)),
    "right": ((0, -1, 0), (1, 0, 0)),
}


def part_colours() -> Array:
    """A colour for each part, mirrored parts alike in hue and unlike in brightness."""
    colours = [(255, 255, 255)]
    for part in range(1, 25):
        hue = ((part + 1) // 2 * 0.618034) % 1.0
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 if part % 2 else 0.75, 1.0 if part % 2 else 0.72)
        colours.append((round(255 * blue), round(255 * green), round(255 * red)))
    return np.array(colours, dtype=np.uint8)


def checker(u: Array, v: Array, base: Array) -> Array:
    dark = (np.floor(u * CHECKS) + np.floor(v * CHECKS)) % 2 == 1
    return np.where(dark[..., None], base // 2, base).astype(np.uint8)


def ramp(value: Array) -> Array:
    """0 blue, 1 yellow: OpenCV's Viridis."""
    return cv2.applyColorMap((value * 255).astype(np.uint8).reshape(-1, 1), cv2.COLORMAP_VIRIDIS).reshape(
        *value.shape, 3
    )


def draw_chart(atlas: Atlas, part: int) -> Array:
    tile = np.full((TILE + 30, TILE, 3), 255, dtype=np.uint8)
    faces = np.flatnonzero(atlas.part == part)
    points = atlas.uv[faces] * (1.0, -1.0) + (0.0, 1.0)
    corners = np.round(points * TILE * 16).astype(np.int32)
    mask = np.zeros((TILE, TILE), dtype=np.uint8)
    for triangle, hidden in zip(corners, atlas.interior[faces], strict=True):
        cv2.fillConvexPoly(mask, triangle, 1 if not hidden else 2, cv2.LINE_8, 4)
    u, v = np.meshgrid((np.arange(TILE) + 0.5) / TILE, 1.0 - (np.arange(TILE) + 0.5) / TILE)
    colours = np.stack([part_colours()[part], np.array([170, 170, 170], dtype=np.uint8)])
    inside = mask > 0
    tile[:TILE][inside] = checker(u[inside], v[inside], colours[mask[inside] - 1])
    for triangle in corners:
        cv2.polylines(tile, [triangle], True, (40, 40, 40), 1, cv2.LINE_AA, 4)
    cv2.rectangle(tile, (0, 0), (TILE - 1, TILE - 1), (0, 0, 0), 1)
    cv2.putText(
        tile, f"{part} {FINE_NAMES[part]}", (6, TILE + 21), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA
    )
    return tile


def rasterise(points: Array, depth: Array, faces: Array, width: int, height: int) -> tuple[Array, Array]:
    """Nearest face (−1: none) and its barycentrics for every pixel centre of an orthographic view."""
    nearest = np.full((height, width), np.inf)
    face_map = np.full((height, width), -1, dtype=np.int32)
    weights = np.zeros((height, width, 3), dtype=np.float32)
    for index, face in enumerate(faces):
        (x0, y0), (x1, y1), (x2, y2) = points[face]
        twice = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        left, right = int(min(x0, x1, x2)), int(max(x0, x1, x2)) + 1
        top, bottom = int(min(y0, y1, y2)), int(max(y0, y1, y2)) + 1
        if twice >= 0.0 or right <= left:  # y runs down: faces turned to us are clockwise
            continue
        x, y = np.arange(left, right) + 0.5, (np.arange(top, bottom) + 0.5)[:, None]
        b1 = ((x - x0) * (y2 - y0) - (y - y0) * (x2 - x0)) / twice
        b2 = ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / twice
        z = depth[face] @ np.stack([1.0 - b1 - b2, b1, b2]).reshape(3, -1)
        window = np.s_[top:bottom, left:right]
        seen = (b1 >= 0.0) & (b2 >= 0.0) & (b1 + b2 <= 1.0) & (z.reshape(b1.shape) < nearest[window])
        nearest[window][seen] = z.reshape(b1.shape)[seen]
        face_map[window][seen] = index
        weights[window][seen] = np.stack([1.0 - b1 - b2, b1, b2], axis=-1)[seen]
    return face_map, weights


def draw_body(atlas: Atlas, view: str) -> list[Array]:
    """The body in one view, four times: part, U, V, checker."""
    right, away = (np.array(axis, dtype=float) for axis in VIEWS[view])
    position = atlas.rest_position.astype(np.float64)
    scale = (HEIGHT - 20) / np.ptp(position[:, 2])
    across = position @ right
    width = int(np.ptp(across) * scale) + 20
    points = np.stack(
        [(across - across.min()) * scale + 10, (position[:, 2].max() - position[:, 2]) * scale + 10], axis=1
    )
    face, weights = rasterise(points, position @ away, atlas.faces, width, HEIGHT)
    seen = face >= 0
    part, u, v = atlas.encode(face[seen], weights[seen])
    triangles = position[atlas.faces]
    normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    shade = 0.6 + 0.4 * np.clip(-(normal @ away) / np.linalg.norm(normal, axis=1), 0.0, 1.0)[face[seen]]
    base = part_colours()[part]
    pictures = []
    for colour in (base, ramp(u), ramp(v), checker(u, v, base)):
        picture = np.full((HEIGHT, width, 3), 255, dtype=np.uint8)
        picture[seen] = (colour * shade[:, None]).astype(np.uint8)
        pictures.append(picture)
    return pictures


def stack_rows(rows: list[Array]) -> Array:
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )


def draw_sheet(atlas: Atlas) -> Array:
    tiles = [draw_chart(atlas, part) for part in range(1, 25)]
    rows = [np.concatenate(tiles[k : k + COLUMNS], axis=1) for k in range(0, 24, COLUMNS)]
    bodies = [draw_body(atlas, view) for view in VIEWS]
    strips = [np.concatenate([body[k] for body in bodies], axis=1) for k in range(4)]
    rows += [np.concatenate(strips[k : k + 2], axis=1) for k in (0, 2)]
    return stack_rows(rows)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python tools/atlas_sheet.py OUT.png")
    cv2.imwrite(str(Path(sys.argv[1])), draw_sheet(load_atlas()))
