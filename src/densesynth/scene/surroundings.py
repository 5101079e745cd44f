"""Surroundings as values, drawn: a room or the open air, a floor, what stands behind the people."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from densesynth.appearance.colour import Colour, as_colour, draw_cloth_colour, draw_second_colour, linear_from_srgb

FLOORS = ("tiles", "planks", "grass", "carpet", "asphalt", "chequers", "slabs")
HIGHEST_ROOM = 4.2  # metres above the ground that a camera may be in a room
WALLS = ("plain", "two-tone", "bricks", "striped", "panels", "leaves", "plaster", "boards", "tiles")
CEILINGS = ("plain", "panels", "beams", "spotlights")
ROWS = ("nothing", "hedge", "fence", "wall", "railings", "cars", "trees", "conifers", "houses")
TALLEST = (0.0, 1.5, 1.0, 1.0, 1.0, 2.0, 1.35, 1.25, 3.2)  # times a row's height (cars: metres): above it is the sky
CLUTTER = ("plain", "drawers", "mottled", "slats", "hedge", "bush", "tree")
NOWHERE = 1.0e4  # metres to a kerb that there isn't


@dataclass(frozen=True, kw_only=True)
class Clutter:
    """A box on the floor. lateral, behind: metres to the right of and behind the first person, as the camera sees;
    half: half its width, depth and height, metres; turn: radians; kind: index into CLUTTER."""

    lateral: float
    behind: float
    half: tuple[float, float, float]
    turn: float
    colour: Colour
    second: Colour
    kind: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """Things side by side in an upright plane across the view. kind: index into ROWS. distance: metres behind the first
    person; height: metres, of houses storeys; cell: metres from one house, tree or car to the next."""

    kind: int
    distance: float
    height: float
    cell: float
    colour: Colour
    second: Colour


@dataclass(frozen=True, kw_only=True)
class OpenAir:
    """rows: the nearest first. kerb: metres behind the first person to where another ground begins, `beyond`, an index
    into FLOORS. wear: of grass, 0..1; above 0.7 with a path."""

    rows: tuple[Row, Row, Row]
    kerb: float
    beyond: int
    beyond_colours: tuple[Colour, Colour]
    wear: float


@dataclass(frozen=True, kw_only=True)
class Interior:
    """ceiling: index into CEILINGS."""

    ceiling: int
    ceiling_colour: Colour
    curtain: Colour


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
    open_air: OpenAir
    interior: Interior


def _mute(colour: Colour) -> Colour:
    """A dye as carpets have it: greyer and neither black nor glaring."""
    c = np.array(colour)
    return as_colour(0.03 + 0.85 * (0.4 * c + 0.6 * c @ (0.25, 0.6, 0.15)))


def _earth(rng: np.random.Generator, low: tuple[int, int, int], high: tuple[int, int, int]) -> Colour:
    return as_colour(linear_from_srgb(np.array(low) + rng.random() * (np.array(high) - low) + rng.normal(0, 6, 3)))


BLACK = (0.0, 0.0, 0.0)
NO_ROW = Row(kind=0, distance=NOWHERE, height=0.0, cell=1.0, colour=BLACK, second=BLACK)
# How often each of ROWS stands in the nearest row, the middle one and the farthest.
STREET = (
    (0.25, 0.08, 0.0, 0.07, 0.1, 0.5, 0.0, 0.0, 0.0),
    (0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0),
    (0.06, 0.0, 0.0, 0.0, 0.0, 0.0, 0.14, 0.0, 0.8),
)
PARK = (
    (0.3, 0.28, 0.16, 0.16, 0.1, 0.0, 0.0, 0.0, 0.0),
    (0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.1, 0.0),
    (0.12, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.13, 0.35),
)
OPEN_FIELD = OpenAir(rows=(NO_ROW,) * 3, kerb=NOWHERE, beyond=2, beyond_colours=(BLACK, BLACK), wear=0.0)
BARE = Interior(ceiling=0, ceiling_colour=(0.72, 0.71, 0.68), curtain=BLACK)


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
    drawn = Backdrop(
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
        open_air=OPEN_FIELD,
        interior=BARE,
    )
    return _furnish_room(rng, drawn) if indoors else _lay_out(rng, drawn)


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


def _furnish_room(rng: np.random.Generator, drawn: Backdrop) -> Backdrop:
    """Wallpapers, the ceiling, curtains."""
    ceiling = _choose(rng, (0.48, 0.2, 0.12, 0.2))
    white, tint = rng.uniform(0.5, 0.8), rng.uniform(0.0, 0.3)
    paint = np.array(drawn.wall_colours[0])
    papered, wall = rng.random() < 0.4, int(rng.integers(5, 9))
    fabric = _mute(draw_cloth_colour(rng))
    if papered and WALLS[drawn.wall] != "bricks":
        first = _earth(rng, (96, 66, 40), (206, 176, 136)) if WALLS[wall] == "boards" else drawn.wall_colours[0]
        drawn = replace(drawn, wall=wall, wall_colours=(first, drawn.wall_colours[1]))
    cover = as_colour(white * ((1.0 - tint) * np.array((1.0, 0.985, 0.95)) + tint * paint / paint.max()))
    return replace(drawn, interior=Interior(ceiling=ceiling, ceiling_colour=cover, curtain=fabric))


def _green(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Of leaves in the light, and deeper inside; one in eight has autumn."""
    light = np.array(_earth(rng, (74, 98, 40), (142, 160, 82)))
    if rng.random() < 0.125:
        light *= (2.0, 1.0, 0.6)
    return as_colour(light), as_colour(light * rng.uniform(0.3, 0.55) * (0.85, 1.0, 0.95))


def _choose(rng: np.random.Generator, shares: tuple[float, ...]) -> int:
    """An index, as often as its share says; `rng.choice` takes six times as long."""
    return bisect(list(accumulate(shares))[:-1], rng.random())


def _draw_row(rng: np.random.Generator, kind: int, distance: float) -> Row:
    if kind == 0:
        return replace(NO_ROW, distance=distance)
    size, breadth = rng.random(2)
    height, cell = 1.0, 5.4
    first = second = BLACK
    if ROWS[kind] == "hedge":
        height, (first, second) = 0.8 + 1.5 * size, _green(rng)
    elif ROWS[kind] == "fence":
        height, first = 0.9 + 1.1 * size, _earth(rng, (88, 70, 54), (206, 196, 180))
    elif ROWS[kind] == "railings":
        height, first = 0.9 + 1.1 * size, (0.025, 0.028, 0.03)
    elif ROWS[kind] in ("trees", "conifers"):
        height = 4.5 + 0.2 * distance + 4.0 * size
        cell = height * (0.42 + 0.3 * breadth) * (1.0 if ROWS[kind] == "trees" else 0.7)
        first, second = _green(rng)
    elif ROWS[kind] in ("wall", "houses"):
        plaster, bricks = _earth(rng, (140, 128, 116), (232, 224, 208)), _earth(rng, (120, 66, 50), (196, 170, 140))
        height, first, second = 0.9 + 1.1 * size, bricks, plaster
        if ROWS[kind] == "houses":
            height, cell, first, second = 1.0 + 4.0 * size, 6.0 + 8.0 * breadth, plaster, bricks
    return Row(kind=kind, distance=distance, height=float(height), cell=float(cell), colour=first, second=second)


def _lay_out(rng: np.random.Generator, drawn: Backdrop) -> Backdrop:
    """A street, a park, a yard: rows of things across the view, what grows between the people and them."""
    street = drawn.floor != 2 and bool(rng.random() < 0.6)
    distances = np.cumsum(rng.uniform((4.0, 1.5, 4.0), (10.0, 9.0, 22.0))).tolist()
    near, middle, far = (
        _draw_row(rng, _choose(rng, shares), distance)
        for shares, distance in zip(STREET if street else PARK, distances, strict=True)
    )
    kerb, wear, path = rng.uniform(1.5, 3.6), rng.random(), rng.random() < 0.25
    beyond, colours = 4, (_earth(rng, (70, 70, 72), (140, 137, 132)), (0.72, 0.7, 0.64))
    if drawn.floor == 4 and street:
        pale = _earth(rng, (130, 126, 118), (196, 190, 180))
        beyond, colours = 6, (pale, as_colour(np.array(pale) * 0.6))
    elif drawn.floor == 4:
        beyond, colours = 2, (_earth(rng, (58, 78, 34), (104, 122, 58)), _earth(rng, (96, 104, 52), (150, 142, 84)))
    clutter = tuple(_grow(rng, item) for item in drawn.clutter)
    trees = tuple(_draw_tree(rng) for _ in range(_choose(rng, (0.5, 0.35, 0.15))))
    return replace(
        drawn,
        clutter=clutter + trees,
        open_air=OpenAir(
            rows=(near, middle, far),
            kerb=float(kerb) if street or path else NOWHERE,
            beyond=beyond,
            beyond_colours=colours,
            wear=float(wear),
        ),
    )


def _grow(rng: np.random.Generator, item: Clutter) -> Clutter:
    """Crates stay, or become plants as the rest."""
    crate, round_one = rng.random() < 0.5, rng.random() < 0.7
    if item.kind == 3 and crate:
        return item
    colour, second = _green(rng)
    return replace(item, kind=5 if round_one else 4, colour=colour, second=second)


def _draw_tree(rng: np.random.Generator) -> Clutter:
    colour, second = _green(rng)
    breadth, height = rng.uniform(0.9, 2.2), rng.uniform(1.5, 3.2)
    return Clutter(
        lateral=float(rng.uniform(-6.0, 6.0)),
        behind=float(rng.uniform(2.0, 9.0)),
        half=(float(breadth), float(breadth * rng.uniform(0.8, 1.2)), float(height)),
        turn=0.0,
        colour=colour,
        second=second,
        kind=6,
    )
