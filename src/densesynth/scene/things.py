"""Seats and things that stand about, drawn anew: each in its own frame, standing on z = 0, y its front, metres."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from densesynth.appearance.colour import Colour, as_colour, draw_cloth_colour, linear_from_srgb
from densesynth.arrays import Array, Float64
from densesynth.scene.shapes import Finish, Thing, assemble, ball, box, ring, tube

WOODS = ((196, 158, 112), (150, 106, 66), (98, 62, 40), (222, 196, 158), (60, 42, 32))
CARDS = ((190, 150, 104), (172, 132, 88), (204, 176, 136), (226, 222, 212))
POTS = ((176, 96, 66), (150, 84, 60), (226, 222, 214), (60, 62, 66), (118, 130, 120), (196, 176, 148))
DARK: Colour = (0.02, 0.014, 0.01)
PAINTS = ((236, 236, 232), (34, 34, 38), (150, 152, 156), (70, 90, 110), (160, 44, 38), (46, 92, 70), (214, 170, 60))


def draw_colour(rng: np.random.Generator, among: Sequence[tuple[int, int, int]] = WOODS + PAINTS) -> Colour:
    return as_colour(linear_from_srgb(np.array(among[int(rng.integers(len(among)))])) * rng.uniform(0.75, 1.15))


def draw_finish(rng: np.random.Generator) -> Finish:
    """Of furniture: wood mostly, else painted, now and then metal."""
    kind = rng.random()
    if kind < 0.6:
        return draw_colour(rng, WOODS), "wood"
    if kind < 0.88:
        return draw_colour(rng, PAINTS), "paint"
    return as_colour(np.full(3, rng.uniform(0.12, 0.45))), "metal"


def make_seat(kind: str, rng: np.random.Generator, top: float, front: float, rear: float, width: float) -> Thing:
    """chair, stool, box or bench: its seat's upper side at `top`, from y = `rear` to `front`, `width` wide. Some seats
    and backs of chairs, and the tops of some stools and benches, are upholstered."""
    half, depth = width / 2.0, front - rear
    frame, thick = draw_finish(rng), min(rng.uniform(0.025, 0.06), 0.4 * top)
    leg = draw_finish(rng) if rng.random() < 0.4 else frame
    padded = rng.random() < 0.35
    cover: Finish = (draw_cloth_colour(rng), "cloth" if rng.random() < 0.7 else "leather")
    upper = cover if padded else frame
    slab = top - thick
    if kind == "box":
        card: Finish = (draw_colour(rng, CARDS), "card")
        whole = card if rng.random() < 0.4 else cover if padded else frame
        return assemble(kind, [box((-half, rear, 0.0), (half, front, top), whole)])
    if kind == "stool":
        radius, middle = min(half, depth / 2.0), (front + rear) / 2.0
        pieces = [tube((0, middle, slab), (0, middle, top), (radius, radius), upper, 28)]
        spread = 0.78 * radius
        for x, y in ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)):
            foot = (x * spread * 0.75, middle + y * spread * 0.75, 0.0)
            pieces.append(tube(foot, (x * spread * 0.6, middle + y * spread * 0.6, slab), (0.014, 0.018), leg))
        return assemble(kind, pieces)
    w = rng.uniform(0.016, 0.026)
    pieces = [box((-half, rear, slab), (half, front, top), upper)]
    for x in (-half, half - 2 * w):
        for y in (rear, front - 2 * w):
            pieces.append(box((x, y, 0.0), (x + 2 * w, y + 2 * w, slab), leg))
    if kind == "chair":
        high, panel = top + rng.uniform(0.36, 0.5), rng.uniform(0.12, 0.3)
        for x in (-half, half - 2 * w):
            pieces.append(box((x, rear - 2 * w, slab), (x + 2 * w, rear, high), leg))
        if rng.random() < 0.5:
            pieces.append(box((w - half, rear - 1.6 * w, high - panel), (half - w, rear - 0.4 * w, high - 0.01), upper))
        else:
            for z in np.linspace(top + 0.12, high - 0.05, 3):
                pieces.append(box((w - half, rear - 1.4 * w, z), (half - w, rear - 0.6 * w, z + 0.045), frame))
    return assemble(kind, pieces)


def make_thing(kind: str, rng: np.random.Generator) -> Thing:
    """table, crate, pole, plant, bicycle or ball, drawn anew."""
    finish, other = draw_finish(rng), draw_finish(rng)
    if kind == "table":
        half, depth, high = rng.uniform(0.35, 0.75), rng.uniform(0.3, 0.45), rng.uniform(0.68, 0.78)
        thick, w = rng.uniform(0.02, 0.045), rng.uniform(0.018, 0.035)
        pieces = [box((-half, -depth, high - thick), (half, depth, high), finish)]
        for x in (-half + w, half - 3 * w):
            for y in (-depth + w, depth - 3 * w):
                pieces.append(box((x, y, 0.0), (x + 2 * w, y + 2 * w, high - thick), other))
        return assemble(kind, pieces)
    if kind == "crate":
        return _make_crate(rng)
    if kind == "pole":
        radius, high = rng.uniform(0.035, 0.11), rng.uniform(2.2, 3.6)
        foot = tube((0, 0, 0), (0, 0, 0.05), (2.2 * radius, 2.0 * radius), other, 24)
        return assemble(kind, [foot, tube((0, 0, 0.05), (0, 0, high), (radius, 0.9 * radius), finish, 20)])
    if kind == "plant":
        return _make_plant(rng)
    if kind == "bicycle":
        return _make_bicycle(rng)
    return make_ball(rng, float(rng.uniform(0.1, 0.34)))


def _make_crate(rng: np.random.Generator) -> Thing:
    """Cartons on one another, taped along the middle, or a crate of boards."""
    half, depth, high = (float(rng.uniform(*limits)) for limits in ((0.15, 0.4), (0.15, 0.4), (0.25, 0.9)))
    count = int(rng.integers(1, 4))
    if rng.random() < 0.5:
        pieces = []
        tape: Finish = (as_colour(linear_from_srgb(np.array((176, 140, 92)))), "paint")
        for k in range(count):
            card: Finish = (draw_colour(rng, CARDS), "card")
            low, top = high * k / count, high * (k + 1) / count - 0.004
            pieces.append(box((-half, -depth, low), (half, depth, top), card))
            pieces.append(box((-half - 0.001, -0.025, top - 0.06), (half + 0.001, 0.025, top + 0.001), tape))
        return assemble("crate", pieces)
    wood: Finish = (draw_colour(rng, WOODS), "wood")
    rows = max(2, round(high / 0.12))
    step = high / rows
    pieces = [box((-half + 0.012, -depth + 0.012, 0.0), (half - 0.012, depth - 0.012, high - 0.03), (DARK, "wood"))]
    for k in range(rows):
        low, top = k * step + 0.006, (k + 1) * step - 0.006
        for y in (-depth, depth - 0.018):
            pieces.append(box((-half, y, low), (half, y + 0.018, top), wood))
        for x in (-half, half - 0.018):
            pieces.append(box((x, -depth + 0.018, low), (x + 0.018, depth - 0.018, top), wood))
    return assemble("crate", pieces)


def make_ball(rng: np.random.Generator, radius: float) -> Thing:
    """A ball of one colour, or with a second on every other of its sectors."""
    first, second = draw_cloth_colour(rng), draw_cloth_colour(rng)
    sectors = int(rng.choice((0, 2, 4, 6, 12)))
    columns = 36
    one = ball((0, 0, radius), (radius,) * 3, (first, "paint"), columns, draw_turn(rng))
    one.vertices[:, 2] -= one.vertices[:, 2].min()
    thing = assemble("ball", [one])
    if sectors:  # faces go round and round, a column after the other
        column = np.arange(len(one.faces)) % columns
        thing.materials.colours[(column * sectors // columns) % 2 == 1] = second
    return thing


def draw_turn(rng: np.random.Generator) -> Float64[Array, "3 3"]:
    """Any rotation, each as likely (the orthogonal part of a normal matrix)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return np.asarray(q * np.sign(np.linalg.det(q)), dtype=np.float64)


def _make_plant(rng: np.random.Generator) -> Thing:
    pot, radius = rng.uniform(0.2, 0.45), rng.uniform(0.12, 0.22)
    pieces = [tube((0, 0, 0), (0, 0, pot), (0.72 * radius, radius), (draw_colour(rng, POTS), "paint"), 24)]
    high = pot + rng.uniform(0.5, 1.0)
    stem = as_colour(linear_from_srgb(np.array((92, 70, 48))))
    pieces.append(tube((0, 0, pot), (0, 0, pot + 0.004), (0.9 * radius, 0.9 * radius), (DARK, "rubber"), 24))
    pieces.append(tube((0, 0, pot), (0.03, 0.0, high), (0.014, 0.007), (stem, "wood"), 8))
    for k in range(int(rng.integers(18, 34))):
        green = as_colour(linear_from_srgb(np.array((46, 96, 42))) * rng.uniform(0.5, 1.7))
        azimuth, rise = 2.4 * k + rng.uniform(-0.3, 0.3), rng.uniform(-0.2, 0.9)
        out = np.array([math.cos(azimuth) * math.cos(rise), math.sin(azimuth) * math.cos(rise), math.sin(rise)])
        aside = np.array([-math.sin(azimuth), math.cos(azimuth), 0.0])
        length = rng.uniform(0.1, 0.2)
        base = np.array([0.0, 0.0, rng.uniform(pot + 0.12, high)])
        turn = np.stack([out, aside, np.cross(out, aside)], axis=1)
        pieces.append(ball(base + out * length, (length, 0.36 * length, 0.012), (green, "leaf"), 8, turn))
    return assemble("plant", pieces)


def _make_bicycle(rng: np.random.Generator) -> Thing:
    """A frame on two wheels, standing along y."""
    paint: Finish = (draw_colour(rng, PAINTS), "paint")
    black: Finish = (as_colour(np.full(3, 0.015)), "rubber")
    metal: Finish = (as_colour(np.full(3, 0.35)), "metal")
    r = rng.uniform(0.3, 0.34)
    hub, seat, head, crank = (0, -0.52, r), (0, -0.22, 0.8), (0, 0.4, 0.84), (0, -0.1, 0.28)
    front, bar = (0, 0.54, r), (0, 0.36, 0.98)
    tubes = [(hub, seat), (hub, crank), (crank, seat), (crank, head), (seat, head), (head, front), (head, bar)]
    pieces = [ring((0, y, r), r - 0.02, 0.02, black) for y in (-0.52, 0.54)]
    pieces += [tube(a, b, (0.016, 0.016), paint, 10) for a, b in tubes]
    pieces += [tube((-0.25, 0.36, 0.98), (0.25, 0.36, 0.98), (0.013, 0.013), metal, 10)]
    pieces += [
        ball((0, -0.24, 0.9), (0.07, 0.13, 0.03), (black[0], "leather"), 12),
        tube(seat, (0, -0.24, 0.9), (0.013, 0.013), metal, 10),
    ]
    for y in (-0.52, 0.54):
        for angle in np.linspace(0.0, np.pi, 9)[:-1]:
            to = np.array([0.0, math.cos(angle), math.sin(angle)]) * (r - 0.02)
            pieces.append(tube(np.array([0, y, r]) - to, np.array([0, y, r]) + to, (0.002, 0.002), metal, 4))
    return assemble("bicycle", pieces)
