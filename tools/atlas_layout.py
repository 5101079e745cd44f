"""How each left chart is opened, turned and laid into the unit square, oriented like the official charts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from atlas_cut import Line, Quads, trace_line

Array = np.ndarray
Point = tuple[float, float, float]

MARGIN = 0.01  # of the square, left free along its edges


@dataclass(frozen=True)
class Direction:
    """Where U and V of a left chart grow, as directions on the template."""

    u: Point
    v: Point


DIRECTIONS: dict[int, Direction] = {
    1: Direction((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)),  # feet; the person's right
    2: Direction((0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)),
    4: Direction((0.0, 0.0, 0.0), (0.55, -0.65, -0.52)),  # not settled; fingertips
    5: Direction((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),  # toes (not settled); out
    8: Direction((0.15, 0.0, -0.99), (0.99, 0.0, 0.15)),  # knee; out
    10: Direction((-0.15, 0.0, 0.99), (-0.99, 0.0, -0.15)),  # hip; in
    12: Direction((-0.16, 0.0, 0.99), (0.99, 0.0, 0.16)),  # knee; out
    14: Direction((0.16, 0.0, -0.99), (0.99, 0.0, 0.16)),  # ankle; out
    15: Direction((0.63, 0.0, -0.77), (0.77, 0.0, 0.63)),  # elbow; out
    17: Direction((0.63, 0.0, -0.77), (0.77, 0.0, 0.63)),
    19: Direction((-0.53, 0.70, 0.47), (-0.80, -0.60, 0.0)),  # elbow; in
    21: Direction((0.53, -0.70, -0.47), (-0.80, -0.60, 0.0)),  # wrist; in
    24: Direction((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),  # from the face to the back of the head; the crown
}

# +1: U, V run counter-clockwise seen from outside. The right parts have the other sign, except 23, which has 24's;
# each half of the torso has one sign on both sides of the mid-line.
LEFT_SIGN: dict[int, int] = {1: 1, 2: -1, 4: 1, 5: 1, 8: -1, 10: 1, 12: 1, 14: 1, 15: 1, 17: -1, 19: 1, 21: 1, 24: 1}


@dataclass(frozen=True)
class Digit:
    """A finger or toe: knuckles from the root to the tip, unit direction towards the next digit, half its width."""

    knuckles: Array
    tip: int
    lateral: Array
    radius: float


def find_digits(
    bones: dict[str, Array], weights: dict[str, Array], position: Array, stem: str, radius: tuple[float, ...]
) -> list[Digit]:
    """The left hand's or foot's five digits, from the thumb or big toe on."""
    digits = []
    roots = [bones[f"{stem}{k}-1.L"] for k in range(1, 6)]
    for k in range(1, 6):
        names = [name for j in (1, 2, 3) if (name := f"{stem}{k}-{j}.L") in bones]
        knuckles = np.array([bones[name] for name in names])
        forward = knuckles[-1] - knuckles[-2]
        held = np.flatnonzero(weights[names[-1]] > 0.5)
        tip = int(held[np.argmax((position[held] - knuckles[-1]) @ forward)])
        across = roots[4] - roots[1]
        if stem == "finger" and k == 1:  # the thumb's own hinge: square to the plane in which it bends
            hinge = np.cross(knuckles[1] - knuckles[0], knuckles[2] - knuckles[1])
            across = hinge * np.sign(hinge @ np.array([1.0, 0.0, 0.0]))
        axis = forward / np.linalg.norm(forward)
        lateral = across - (across @ axis) * axis
        digits.append(Digit(knuckles, tip, lateral / np.linalg.norm(lateral), radius[k - 1]))
    return digits


def _between(position: Array, a: Digit, b: Digit, web: Array) -> Line:
    """The way from the tip of `a` down to the web and up to the tip of `b`, along their facing sides."""
    down = [position[a.tip], *(a.knuckles[::-1][:-1] + a.radius * a.lateral)]
    up = [*(b.knuckles[1:] - b.radius * b.lateral), position[b.tip]]
    way = tuple(tuple(float(c) for c in point) for point in (*down, web, *up))
    return Line(way, softness=0.004, band=0.022)


def open_digits(quads: Quads, digits: list[Digit], member: Array) -> list[Array]:
    """Seams between the digits' tips, along the outline of the hand or foot."""
    lines = []
    for a, b in pairwise(digits):
        share = 0.45 if len(a.knuckles) == 3 else 0.6
        roots = [d.knuckles[0] + share * (d.knuckles[1] - d.knuckles[0]) for d in (a, b)]
        web = 0.5 * (roots[0] + roots[1])
        ends = np.array([a.tip]), np.array([b.tip])
        lines.append(trace_line(quads, _between(quads.position, a, b, web), *ends, member))
    return lines


def open_hand(quads: Quads, digits: list[Digit], member: Array, wrist: Array) -> Array:
    """Seam edges of the left hand: from the wrist's thumb side round all fingertips to the little finger's.

    Palm and back stay joined along the little finger's side, so that they lie side by side, fingertips up.
    """
    thumb = digits[0]
    wrist_side = np.array([0.428, -0.172, 0.247]) + 0.024 * np.array([-0.39, -0.81, 0.42])
    way = (wrist_side, *(thumb.knuckles - thumb.radius * thumb.lateral), quads.position[thumb.tip])
    first = Line(tuple(tuple(float(c) for c in point) for point in way), softness=0.006, band=0.03)
    lines = [trace_line(quads, first, wrist, np.array([thumb.tip]), member), *open_digits(quads, digits, member)]
    return np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in lines])


def open_foot(quads: Quads, digits: list[Digit], member: Array, ankle: Array) -> Array:
    """Seam edges of the left foot: down the heel, along the middle of the sole, and round all toes' tips."""
    toes = open_digits(quads, digits, member)
    heel_and_sole = ((0.222, 0.045, -0.735), (0.222, 0.05, -0.80), (0.222, 0.03, -0.817), (0.222, -0.115, -0.812))
    sole = Line((*heel_and_sole, (0.222, -0.135, -0.805)), softness=0.008, band=0.04)
    position = quads.position
    heel = ankle[position[ankle, 1] > 0.02]
    lines = [trace_line(quads, sole, heel, toes[1], member), *toes]
    return np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in lines])


def turn(placed: Array, position: Array, direction: Direction, sign: int) -> Array:
    """Reflect to the wanted sign, then rotate so that U and V grow in the stated directions."""
    placed = placed - placed.mean(axis=0)
    if sign < 0:
        placed = placed * (1.0, -1.0)
    turns = []
    for goal, quarter in ((direction.u, 1.0), (direction.v, 1j)):
        height = position @ np.asarray(goal)
        slope = np.linalg.lstsq(placed, height - height.mean(), rcond=None)[0]
        turns.append(quarter * (slope[0] - 1j * slope[1]))
    rotation = sum(turns)
    rotation /= abs(rotation)
    spun = (placed[:, 0] + 1j * placed[:, 1]) * rotation
    return np.stack([spun.real, spun.imag], axis=1)


def fill_square(placed: Array, *, mirrored: bool) -> Array:
    """Stretch to the unit square less its margin; a chart that is its own mirror image keeps V = 1/2 where y = 0."""
    low, high = placed.min(axis=0), placed.max(axis=0)
    if mirrored:
        high[1] = np.abs(placed[:, 1]).max()
        low[1] = -high[1]
    return MARGIN + (1.0 - 2.0 * MARGIN) * (placed - low) / (high - low)
