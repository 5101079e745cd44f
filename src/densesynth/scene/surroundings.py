"""Surroundings as values, drawn: a room or the open air, a floor, some furniture behind the people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from densesynth.appearance.colour import Colour, as_colour, draw_cloth_colour, draw_second_colour, linear_from_srgb

FLOORS = ("tiles", "planks", "grass", "carpet", "asphalt", "chequers")
HIGHEST_ROOM = 4.2  # metres above the ground that a camera may be in a room
WALLS = ("plain", "two-tone", "bricks", "striped", "panels")


@dataclass(frozen=True, kw_only=True)
class Clutter:
    """A box on the floor. lateral, behind: metres to the right of and behind the first person, as the camera sees;
    half: half its width, depth and height, metres; turn: radians; kind: 0 plain, 1 drawers, 2 mottled, 3 slats."""

    lateral: float
    behind: float
    half: tuple[float, float, float]
    turn: float
    colour: Colour
    second: Colour
    kind: int


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """Surroundings as a value. floor, wall: index into FLOORS, WALLS. room: metres from the people to the walls (left,
    right, near, far) and up to the ceiling; the camera is always inside. skyline: 0 none, 1 trees, 2 houses; its height
    is a tangent. focus: strength of the blur behind the people, 0..1. seed places textures."""

    indoors: bool
    floor: int
    floor_colours: tuple[Colour, Colour]
    floor_scale: float
    floor_turn: float
    wall: int
    wall_colours: tuple[Colour, Colour]
    room: tuple[float, float, float, float, float]
    turn: float
    sky: Colour
    horizon: Colour
    cloud: float
    skyline: int
    skyline_colour: Colour
    skyline_height: float
    clutter: tuple[Clutter, ...]
    focus: float
    seed: float


def _mute(colour: Colour) -> Colour:
    """A dye as carpets have it: greyer and neither black nor glaring."""
    c = np.array(colour)
    return as_colour(0.03 + 0.85 * (0.4 * c + 0.6 * c @ (0.25, 0.6, 0.15)))


def _earth(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int]) -> Colour:
    return as_colour(linear_from_srgb(np.array(low) + rng.random() * (np.array(high) - low) + rng.normal(0, 6, 3)))


def draw_backdrop(rng: np.random.Generator, eye_height: float = 0.0) -> Backdrop:
    """Draw a room (half of the time) or the open air. eye_height: of the camera above the ground, metres; one that no
    room would hold sees the open air."""
    indoors = bool(rng.random() < 0.5) and eye_height < HIGHEST_ROOM
    floor = int(
        rng.choice((0, 1, 3, 4, 5), p=(0.25, 0.42, 0.18, 0.1, 0.05))
        if indoors
        else rng.choice((0, 2, 4), p=(0.2, 0.4, 0.4))
    )
    colours: dict[int, tuple[Colour, Colour]] = {
        0: (_earth(rng, (110, 104, 98), (215, 208, 198)), _earth(rng, (90, 86, 80), (170, 166, 160))),
        1: (_earth(rng, (84, 54, 34), (198, 160, 118)), _earth(rng, (50, 34, 24), (90, 66, 46))),
        2: (_earth(rng, (58, 78, 34), (104, 122, 58)), _earth(rng, (96, 104, 52), (150, 142, 84))),
        3: (first := _mute(draw_cloth_colour(rng)), _mute(draw_second_colour(rng, first))),
        4: (_earth(rng, (92, 92, 94), (172, 168, 160)), (0.75, 0.73, 0.66)),
        5: (_earth(rng, (30, 30, 34), (120, 60, 50)), _earth(rng, (190, 186, 176), (232, 228, 220))),
    }
    wall = int(rng.choice(5, p=(0.42, 0.15, 0.15, 0.12, 0.16)))
    pale = _earth(rng, (150, 150, 146), (238, 232, 222))
    tint = rng.uniform(0.75, 1.0, 3) if rng.random() < 0.6 else rng.uniform(0.3, 0.9, 3)
    paint = as_colour(np.array(pale) * tint)
    brick = (_earth(rng, (120, 64, 46), (176, 110, 84)), _earth(rng, (140, 134, 126), (190, 184, 174)))
    wall_colours = brick if wall == 2 else (paint, as_colour(np.array(paint) * rng.uniform(0.35, 0.8)))
    grey = rng.random()
    sky = as_colour(np.array((0.2, 0.42, 0.85)) * (1 - grey) + np.array((0.62, 0.66, 0.72)) * grey)
    warm = rng.uniform(0.0, 1.0)
    horizon = as_colour(np.array((0.72, 0.8, 0.9)) * (1 - 0.6 * warm) + np.array((0.95, 0.72, 0.5)) * 0.6 * warm)
    trees = bool(rng.random() < 0.5)
    return Backdrop(
        indoors=indoors,
        floor=floor,
        floor_colours=colours[floor],
        floor_scale=float(rng.uniform(0.25, 0.7)),
        floor_turn=float(rng.uniform(-np.pi, np.pi)),
        wall=wall,
        wall_colours=wall_colours,
        room=_draw_room(rng),
        turn=float(rng.normal(0.0, 0.35)),
        sky=sky,
        horizon=horizon,
        cloud=float(rng.uniform(0.0, 0.9)),
        skyline=int(rng.choice(3, p=(0.08, 0.0, 0.92))) if not trees else 1,
        skyline_colour=_earth(rng, (40, 58, 30), (86, 104, 56))
        if trees
        else _earth(rng, (110, 90, 78), (190, 182, 172)),
        skyline_height=float(rng.uniform(0.06, 0.3) if trees else rng.uniform(0.12, 0.6)),
        clutter=tuple(_draw_clutter(rng, indoors) for _ in range(int(rng.integers(0, 6)))),
        focus=float(rng.uniform(0.0, 1.0)),
        seed=float(rng.uniform(0.0, 20.0)),
    )


def _draw_room(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    left, right, near = rng.uniform(1.4, 4.5, 3)
    return float(left), float(right), float(near), float(rng.uniform(1.3, 5.0)), float(rng.uniform(2.4, 3.4))


def _draw_clutter(rng: np.random.Generator, indoors: bool) -> Clutter:
    kind = int(rng.integers(4))
    colour = _earth(rng, (60, 40, 28), (200, 180, 150)) if rng.random() < 0.6 else _mute(draw_cloth_colour(rng))
    if not indoors:  # hedges, and crates of wood
        kind, colour = 3, _earth(rng, (96, 70, 48), (190, 160, 124))
        if rng.random() < 0.7:
            kind, colour = 2, _earth(rng, (46, 66, 34), (92, 112, 58))
    half = (float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.15, 0.45)), float(rng.uniform(0.18, 0.85)))
    return Clutter(
        lateral=float(rng.uniform(-3.2, 3.2)),
        behind=float(rng.uniform(1.2, 4.0)),
        half=half,
        turn=float(rng.normal(0.0, 0.4)),
        colour=colour,
        second=as_colour(np.array(colour) * rng.uniform(0.35, 0.8)),
        kind=kind,
    )
