"""What people carry: a backpack, a bag over the shoulder, a bag in the hand, a phone, a book, a bottle.

Things are rigid and hang as they would; straps lie on the dressed trunk as taut bands do, over its hollows. They are
scenery: seen, lit, casting shadows, and hiding exactly what they hide; nothing of a person's body or clothes is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from densesynth.appearance.colour import as_colour, draw_cloth_colour
from densesynth.arrays import Array, Bool, Float32, Float64
from densesynth.body.body import PosedBodies
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.skeleton import JOINT
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.shapes import Finish, Piece, Thing, ball, band, box, join, ring, tube

KINDS = ("backpack", "shoulder bag", "hand bag", "phone", "book", "bottle")
SHARES = (0.22, 0.22, 0.22, 0.16, 0.09, 0.09)
SLICE = 0.02  # metres either side of a strap's plane from which it feels the body
SINK = 0.02  # metres that a soft thing may be pressed in
STRAP = 0.005  # metres


@dataclass(frozen=True)
class _Frame:
    """Axes (columns of `turn`) and origin in the world: x to the person's left, y backwards, z up, as at rest."""

    turn: Float64[Array, "3 3"]
    origin: Float64[Array, "3"]

    def own(self, points: Array) -> Float64[Array, "n 3"]:
        return np.asarray((points.astype(np.float64) - self.origin) @ self.turn)


def carry(
    share: float,
    posed: PosedBodies,
    seated: Sequence[bool],
    worn: Sequence[SceneMesh],
    trunk: Bool[Array, "v"] | None,
    rng: np.random.Generator,
) -> list[SceneMesh]:
    """What the people of a frame carry. share: of the people carry anything. posed: as dressed. seated: who sits, and
    carries nothing that would hang into a seat. worn: what they wear besides. trunk: which vertices of the body a strap
    lies on; None where that isn't known, and nothing has straps."""
    meshes = []
    for k in range(len(posed.vertices)):
        chosen, seed = bool(rng.random() < share), int(rng.integers(2**31))
        order = rng.choice(len(KINDS), len(KINDS), replace=False, p=SHARES)
        left = bool(rng.random() < 0.5)
        if not chosen:
            continue
        others = [vertices for j, vertices in enumerate(posed.vertices) if j != k]
        clothes = [mesh.mesh.vertices for mesh in worn if mesh.owner == k + 1]
        for number in order:
            for side in (left, not left):
                made = _make(KINDS[int(number)], posed, k, seated[k], clothes, trunk, side, np.random.default_rng(seed))
                if made is not None and not any(made[0].meets(made[1].own(other), 0.01) for other in others):
                    break
                made = None
            if made is not None:
                meshes.append(_into_world(*made))
                break
    return meshes


def _into_world(thing: Thing, frame: _Frame) -> SceneMesh:
    vertices = (thing.vertices.astype(np.float64) @ frame.turn.T + frame.origin).astype(np.float32)
    return SceneMesh(mesh=Mesh(vertices, thing.faces), owner=SCENERY, materials=thing.materials)


def _make(
    kind: str,
    posed: PosedBodies,
    k: int,
    seated: bool,
    clothes: Sequence[Array],
    trunk: Bool[Array, "v"] | None,
    left: bool,
    rng: np.random.Generator,
) -> tuple[Thing, _Frame] | None:
    """A thing and where it is, or None where it can't be carried in this pose on this side. clothes: vertices (n, 3) of
    what the person wears besides."""
    joints, vertices = posed.joints[k].astype(np.float64), posed.vertices[k]
    if kind in ("backpack", "shoulder bag"):
        if trunk is None or seated:
            return None
        frame = find_trunk_frame(joints)
        cloth = np.concatenate([vertices[trunk], *clothes])
        points = frame.own(cloth[cloth[:, 2] > 0.25])
        if kind == "backpack":
            return _make_backpack(points, rng), frame
        bag = _make_shoulder_bag(points, frame.own(vertices[~trunk]), left, rng)
        return None if bag is None else (bag, frame)
    hand = find_hand_frame(joints, left)
    if kind == "hand bag":
        return None if seated else _make_hand_bag(joints, vertices, left, rng)
    if kind == "bottle":  # gripped, so that it stands only in a hand whose thumb is up
        if abs(hand.turn[2, 0]) < 0.75:
            return None
        return _make_bottle(rng, up=float(np.sign(hand.turn[2, 0]))), hand
    return _make_slab(kind, rng), hand


def find_trunk_frame(joints: Float64[Array, "52 3"]) -> _Frame:
    """The trunk's axes about the pelvis."""
    up = joints[JOINT["neck"]] - joints[JOINT["pelvis"]]
    up /= np.linalg.norm(up)
    across = joints[JOINT["left_shoulder"]] - joints[JOINT["right_shoulder"]]
    across -= up * (across @ up)
    across /= np.linalg.norm(across)
    return _Frame(np.stack([across, np.cross(up, across), up], axis=1), joints[JOINT["pelvis"]])


def find_hand_frame(joints: Float64[Array, "52 3"], left: bool) -> _Frame:
    """A hand's axes about the roots of its fingers: x across them (towards a left hand's thumb, away from a right
    one's), y out of the palm, z along them."""
    side = "left" if left else "right"
    wrist, index, middle, pinky = (joints[JOINT[f"{side}_{name}"]] for name in ("wrist", "index1", "middle1", "pinky1"))
    along = middle - wrist
    along /= np.linalg.norm(along)
    across = index - pinky
    across -= along * (across @ along)
    across /= np.linalg.norm(across)
    across = across if left else -across
    return _Frame(np.stack([across, np.cross(along, across), along], axis=1), middle)


def draw_hide(rng: np.random.Generator) -> Finish:
    """Canvas or leather."""
    if rng.random() < 0.5:
        return draw_cloth_colour(rng), "cloth"
    brown = np.array((0.2, 0.1, 0.05)) * rng.uniform(0.15, 1.6)
    return (as_colour(brown), "leather") if rng.random() < 0.7 else (draw_cloth_colour(rng), "leather")


def cushion(low: Sequence[float], high: Sequence[float], finish: Finish) -> Piece:
    """A box with rounded edges and bulging sides, between two corners."""
    a, b = np.array(low, np.float64), np.array(high, np.float64)
    piece = ball((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), finish, 20)
    rounded = np.sign(piece.vertices) * np.abs(piece.vertices) ** 0.42
    rounded *= 1.0 / np.abs(rounded).max(axis=0)
    return Piece(0.5 * (a + b) + 0.5 * (b - a) * rounded, piece.faces, finish)


def _hull(flat: Float64[Array, "n 2"], count: int) -> Float64[Array, "c 2"] | None:
    """`count` points evenly along the convex hull of points, moved outwards by STRAP."""
    if len(flat) < 8:
        return None
    corners = cv2.convexHull(flat.astype(np.float32))[:, 0].astype(np.float64)
    closed = np.concatenate([corners, corners[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    along = np.linspace(0.0, at[-1], count, endpoint=False)
    points = np.stack([np.interp(along, at, closed[:, axis]) for axis in (0, 1)], axis=1)
    outwards = points - points.mean(axis=0)
    return points + outwards / np.linalg.norm(outwards, axis=1, keepdims=True) * STRAP


def _make_backpack(trunk: Float64[Array, "n 3"], rng: np.random.Generator) -> Thing:
    """A pack on the back, with a pocket and two straps over the shoulders. trunk: in its own frame."""
    hide, other = draw_hide(rng), draw_hide(rng)
    wide, deep, high = rng.uniform(0.26, 0.33), rng.uniform(0.12, 0.2), rng.uniform(0.38, 0.48)
    top = float(np.percentile(trunk[np.abs(trunk[:, 0]) < 0.12, 2], 99.5)) - 0.02
    bottom = top - high
    back = trunk[(np.abs(trunk[:, 0]) < 0.1) & (trunk[:, 2] > bottom) & (trunk[:, 2] < top - 0.05)]
    near = float(np.percentile(back[:, 1], 90)) - SINK if len(back) else 0.1
    pieces = [
        cushion((-0.5 * wide, near, bottom), (0.5 * wide, near + deep, top), hide),
        cushion(
            (-0.38 * wide, near + 0.7 * deep, bottom + 0.02),
            (0.38 * wide, near + deep + 0.05, bottom + 0.48 * high),
            other,
        ),
    ]
    for x in (-0.085, 0.085):
        section = trunk[(np.abs(trunk[:, 0] - x) < SLICE) & (trunk[:, 2] > bottom + 0.12)]
        loop = _hull(section[:, 1:], 40)
        if loop is not None:
            path = np.column_stack([np.full(len(loop), x), loop])
            pieces.append(band(path, (1.0, 0.0, 0.0), 0.045, STRAP, hide))
    return join("backpack", pieces)


def _make_shoulder_bag(
    trunk: Float64[Array, "n 3"], limbs: Float64[Array, "m 3"], left: bool, rng: np.random.Generator
) -> Thing | None:
    """A bag at the hip on a strap across the trunk from the other shoulder. left: whether it hangs at the left hip."""
    hide = draw_hide(rng)
    strap: Finish = hide if rng.random() < 0.6 else (as_colour(np.full(3, 0.03)), "cloth")
    sign = 1.0 if left else -1.0
    shoulder = np.array([-sign * 0.075, 0.0, float(np.percentile(trunk[:, 2], 99))])
    hip = np.array([sign * 0.17, 0.0, rng.uniform(0.0, 0.08)])
    down = (hip - shoulder) / np.linalg.norm(hip - shoulder)
    normal = np.cross((0.0, 1.0, 0.0), down)
    near = trunk[np.abs((trunk - shoulder) @ normal) < SLICE]
    loop = _hull(np.column_stack([(near - shoulder) @ down, near[:, 1]]), 56)
    if loop is None:
        return None
    path = shoulder + loop[:, :1] * down + loop[:, 1:] * np.array([0.0, 1.0, 0.0])
    lowest = path[int(np.argmax(loop[:, 0]))]
    wide, deep, high = rng.uniform(0.22, 0.36), rng.uniform(0.07, 0.12), rng.uniform(0.18, 0.3)
    inner, top = sign * (abs(lowest[0]) - SINK), lowest[2] + 0.03
    x = sorted((inner, inner + sign * deep))
    bag = cushion((x[0], lowest[1] - 0.5 * wide, top - high), (x[1], lowest[1] + 0.5 * wide, top), hide)
    outer = sorted((inner + sign * 0.6 * deep, inner + sign * (deep + 0.012)))
    flap = cushion(
        (outer[0], lowest[1] - 0.5 * wide, top - 0.62 * high), (outer[1], lowest[1] + 0.5 * wide, top + 0.006), hide
    )
    thing = join("shoulder bag", [bag, flap, band(path, normal, 0.035, STRAP, strap)])
    solid = Thing(thing.kind, thing.vertices, thing.faces, thing.materials, thing.solids[:1])
    return None if solid.meets(limbs, -SINK) else thing


def _make_hand_bag(
    joints: Float64[Array, "52 3"], vertices: Float32[Array, "v 3"], left: bool, rng: np.random.Generator
) -> tuple[Thing, _Frame] | None:
    """A bag, case or carrier that hangs straight down from the fingers of a hand held low."""
    side = "left" if left else "right"
    wrist, elbow = joints[JOINT[f"{side}_wrist"]], joints[JOINT[f"{side}_elbow"]]
    grip = np.mean([joints[JOINT[f"{side}_{name}2"]] for name in ("index", "middle", "ring", "pinky")], axis=0)
    kind, hide = int(rng.integers(3)), draw_hide(rng)
    wide, deep, high = rng.uniform(0.26, 0.4), rng.uniform(0.08, 0.15), rng.uniform(0.2, 0.32)
    handle = rng.uniform(0.06, 0.1)
    if wrist[2] > elbow[2] - 0.1 or grip[2] < high + handle + 0.08:
        return None
    across = joints[JOINT["left_hip"]] - joints[JOINT["right_hip"]]
    x = np.array([across[0], across[1], 0.0]) / max(float(np.hypot(across[0], across[1])), 1e-9)
    frame = _Frame(np.stack([x, np.array([-x[1], x[0], 0.0]), np.array([0.0, 0.0, 1.0])], axis=1), grip)
    sign, top = (1.0 if left else -1.0), -handle
    body = frame.own(vertices)
    for shift in (0.0, 0.03, 0.06):
        low = (sign * shift - 0.5 * deep, -0.5 * wide, top - high)
        high_corner = (sign * shift + 0.5 * deep, 0.5 * wide, top)
        if kind == 0:
            pieces = [cushion(low, high_corner, hide)]
        elif kind == 1:
            pieces = [box(low, high_corner, (hide[0], "leather"))]
        else:
            pieces = [box(low, high_corner, (as_colour(np.array((0.5, 0.36, 0.2)) * rng.uniform(0.6, 1.6)), "card"))]
        handles = [ring((sign * shift * 0.5, 0.0, -handle - 0.004), handle, 0.007, (hide[0], "leather"), 28, 8)]
        thing = join("hand bag", pieces + handles)
        solid = Thing(thing.kind, thing.vertices, thing.faces, thing.materials, thing.solids[:1])
        if not solid.meets(body, -0.5 * SINK):
            return thing, frame
    return None


def _make_slab(kind: str, rng: np.random.Generator) -> Thing:
    """A phone or a book that lies in the palm along the fingers."""
    if kind == "phone":
        wide, thick, long = 0.072, 0.009, 0.15
        case: Finish = (as_colour(np.full(3, rng.uniform(0.01, 0.4))), "paint")
        glass: Finish = (as_colour(np.full(3, 0.012)), "metal")
        y = 0.014 + thick
        body = box((-0.5 * wide, 0.014, -0.06), (0.5 * wide, y, long - 0.06), case)
        face = box((0.004 - 0.5 * wide, y, -0.056), (0.5 * wide - 0.004, y + 0.0008, long - 0.064), glass)
        return join(kind, [body, face])
    wide, thick, long = rng.uniform(0.13, 0.17), rng.uniform(0.012, 0.035), rng.uniform(0.19, 0.24)
    cover: Finish = (draw_cloth_colour(rng), "paint")
    paper: Finish = ((0.7, 0.68, 0.6), "card")
    low, high = np.array((-0.3 * wide, 0.014, -0.05)), np.array((0.7 * wide, 0.014 + thick, long - 0.05))
    inset = np.array((0.003, 0.002, 0.003))
    return join(
        kind,
        [
            box(low, (high[0], low[1] + 0.002, high[2]), cover),
            box(low + inset, high - inset, paper),
            box((low[0], high[1] - 0.002, low[2]), high, cover),
        ],
    )


def _make_bottle(rng: np.random.Generator, up: float) -> Thing:
    """A bottle or cup across the palm. up: +1 where the thumb's side is up, −1 where it is down."""
    colour: Finish = (draw_cloth_colour(rng), "paint")
    cap: Finish = (draw_cloth_colour(rng), "paint")
    radius, high = rng.uniform(0.03, 0.038), rng.uniform(0.1, 0.24)
    y = radius + 0.012
    bottom, top = -up * 0.45 * high, up * 0.55 * high
    pieces = [tube((bottom, y, 0.0), (top, y, 0.0), (radius, radius), colour, 20)]
    if high > 0.15:
        neck = top + up * 0.03
        pieces += [
            tube((top, y, 0.0), (neck, y, 0.0), (radius, 0.4 * radius), colour, 20),
            tube((neck, y, 0.0), (neck + up * 0.018, y, 0.0), (0.42 * radius, 0.42 * radius), cap, 16),
        ]
    return join("bottle", pieces)
