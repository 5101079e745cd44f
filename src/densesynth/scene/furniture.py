"""Things in the room: a seat under whoever sits, and things that stand about. They are scenery: seen, lit, casting
shadows, hiding people exactly, labelled as nobody, on the ground, and out of everybody's way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from densesynth.arrays import Array, Float32, Float64
from densesynth.body.body import PosedBodies
from densesynth.geometry.camera import Camera
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.skeleton import JOINT
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.place import Box, bounding_box
from densesynth.scene.settings import Range, check_ranges
from densesynth.scene.shapes import Thing
from densesynth.scene.things import make_seat, make_thing

SEATS = ("chair", "stool", "box", "bench")
KINDS = ("table", "crate", "pole", "plant", "bicycle", "ball")
CLEARANCE = 0.003  # metres between a seat and anybody
APART = 0.03  # metres between the boxes around a thing and around anybody
NEAREST_EYE = 0.7  # metres
PLACE_TRIES = 24
# Segments' shares of a body's mass, between joints (after de Leva 1996, rounded).
_MASS = (
    (("pelvis", "neck"), 0.46), (("neck", "head"), 0.08),
    *(((f"{s}_hip", f"{s}_knee"), 0.13) for s in ("left", "right")),
    *(((f"{s}_knee", f"{s}_ankle"), 0.05) for s in ("left", "right")),
    *(((f"{s}_shoulder", f"{s}_wrist"), 0.05) for s in ("left", "right")),
)  # fmt: skip
UNSUPPORTED = 0.09  # metres that the weight lies behind the ankles, from where a body would fall without a seat


@dataclass(frozen=True, kw_only=True)
class FurnitureSettings:
    """Things in the room that hide people and cast shadows."""

    seats: bool = True
    """A chair, stool, box or bench under everybody who sits; off leaves them sitting on nothing."""
    count: tuple[int, int] = (0, 0)
    """Tables, crates, poles, plants, bicycles and balls that stand about, up to 12; [0, 0] is none."""
    before: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    """How many of these stand between the camera and somebody."""
    carried: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """How many of the people carry something: a backpack, a bag, a phone, a book, a bottle; 0 is off."""
    spread: Range = (-1.5, 3.0)
    """How much further from the camera than the first person the others stand, metres."""

    def __post_init__(self) -> None:
        check_ranges(self, count=(0, 12), spread=(-20.0, 100.0))


def furnish(
    settings: FurnitureSettings,
    posed: PosedBodies,
    motions: Sequence[str],
    camera: Camera,
    rng: np.random.Generator,
    carried: Sequence[SceneMesh] = (),
) -> list[SceneMesh]:
    """The things of a frame. posed: people as dressed. motions: the names of what they do. carried: what they carry,
    which the others keep clear of."""
    things: list[SceneMesh] = []
    boxes = [bounding_box(vertices) for vertices in (*posed.vertices, *(mesh.mesh.vertices for mesh in carried))]
    if settings.seats:
        for k in range(len(posed.vertices)):
            seat = find_seat(posed, k, motions[k] == "sit", rng)
            if seat is not None:
                things.append(seat)
                boxes.append(bounding_box(seat.mesh.vertices))
    if settings.count[1] > 0:
        count = int(rng.integers(settings.count[0], settings.count[1], endpoint=True))
        for _ in range(count):
            thing = make_thing(KINDS[int(rng.integers(len(KINDS)))], rng)
            placed = _stand_about(settings, thing, camera, boxes, len(posed.vertices), rng)
            if placed is not None:
                things.append(placed)
                boxes.append(bounding_box(placed.mesh.vertices))
    return things


def find_weight(joints: Float32[Array, "52 3"]) -> Float64[Array, "3"]:
    """A body's centre of mass, from its joints."""
    middle = [0.5 * (joints[JOINT[a]] + joints[JOINT[b]]).astype(np.float64) for (a, b), _ in _MASS]
    share = np.array([mass for _, mass in _MASS])
    return np.asarray((np.array(middle) * share[:, None]).sum(axis=0) / share.sum())


def needs_seat(joints: Float32[Array, "52 3"]) -> bool:
    """Whether a body would fall backwards without a seat: both feet on the ground, knees bent, weight behind both."""
    hips, knees, ankles = (
        joints[[JOINT[f"left_{name}"], JOINT[f"right_{name}"]]].astype(np.float64) for name in ("hip", "knee", "ankle")
    )
    ahead = (ankles.mean(axis=0) - hips.mean(axis=0))[:2]
    distance = float(np.linalg.norm(ahead))
    raised = ankles[:, 2].max() - ankles[:, 2].min() > 0.12 or ankles[:, 2].max() > 0.25
    low = hips[:, 2].mean() < ankles[:, 2].mean() + 0.2
    if distance < 0.1 or raised or low or (knees[:, 2] < 0.75 * hips[:, 2].mean()).any():
        return False
    upright = joints[JOINT["neck"], 2] > hips[:, 2].mean() + 0.25
    behind = (ankles[:, :2] - find_weight(joints)[:2]) @ (ahead / distance)
    return bool(upright and behind.min() > UNSUPPORTED)


def find_seat(posed: PosedBodies, k: int, sits: bool, rng: np.random.Generator) -> SceneMesh | None:
    """A seat under person k, of a kind and size that touches nobody; None for who needs none, or where none fits.

    sits: whether the motion is one of sitting down, whose seat waits below who isn't down yet.
    """
    joints = posed.joints[k]
    drawn = rng.permutation(len(SEATS)), rng.uniform(0.38, 0.46), rng.random()
    if not (sits or needs_seat(joints)):
        return None
    seed = int(rng.integers(2**31))
    hips, knees = (
        joints[[JOINT[f"left_{name}"], JOINT[f"right_{name}"]]].astype(np.float64).mean(axis=0)
        for name in ("hip", "knee")
    )
    across = (joints[JOINT["left_hip"]] - joints[JOINT["right_hip"]]).astype(np.float64)[:2]
    facing = np.array([across[1], -across[0]])  # left hip towards +x faces −y
    facing /= max(float(np.linalg.norm(facing)), 1e-9)
    yaw = float(np.arctan2(facing[1], facing[0]) - np.pi / 2.0)
    origin = hips[:2]

    def to_own(points: Array) -> Float64[Array, "n 3"]:
        moved = points.astype(np.float64) - np.array([*origin, 0.0])
        c, s = np.cos(yaw), np.sin(yaw)
        return np.stack([moved[:, 0] * c + moved[:, 1] * s, -moved[:, 0] * s + moved[:, 1] * c, moved[:, 2]], axis=1)

    own = to_own(posed.vertices[k])
    knee = float(knees[2])
    shins = own[(own[:, 2] < 0.75 * knee) & (np.abs(own[:, 0]) < 0.4)]
    if not len(shins):
        return None
    front = min(float(shins[:, 1].min()) - 0.025, 0.32)
    trunk = own[(own[:, 2] > 0.85 * knee) & (own[:, 2] < knee + 0.45) & (np.abs(own[:, 0]) < 0.22)]
    behind = float(trunk[:, 1].min()) - 0.012
    for number in drawn[0]:
        kind = SEATS[int(number)]
        width = drawn[1] if kind != "bench" else 0.9 + 0.5 * drawn[2]
        for shrink in (1.0, 0.85, 0.7):
            rear = min(behind, front - 0.3) if kind == "chair" else max(behind, front - 0.42 * shrink)
            rear = min(rear, front - 0.24)
            half = width * shrink / 2.0
            over = own[(own[:, 1] > rear) & (own[:, 1] < front) & (np.abs(own[:, 0]) < half) & (own[:, 2] > 0.5 * knee)]
            top = min(float(over[:, 2].min()) - 2.0 * CLEARANCE if len(over) else knee, knee - 0.02)
            if top < 0.2:
                continue
            thing = make_seat(kind, np.random.default_rng(seed), top, front, rear, 2.0 * half)
            if not any(thing.meets(to_own(other), CLEARANCE) for other in posed.vertices):
                return _place(thing, origin, yaw)
    return None


def _place(thing: Thing, at: Array, yaw: float) -> SceneMesh:
    """A thing in the world, turned about the vertical."""
    c, s = np.cos(yaw), np.sin(yaw)
    own = thing.vertices.astype(np.float64)
    x, y = own[:, 0] * c - own[:, 1] * s + at[0], own[:, 0] * s + own[:, 1] * c + at[1]
    vertices = np.stack([x, y, own[:, 2]], axis=1).astype(np.float32)
    mesh = Mesh(vertices, thing.faces)
    return SceneMesh(mesh=mesh, owner=SCENERY, materials=thing.materials)


def _stand_about(
    settings: FurnitureSettings,
    thing: Thing,
    camera: Camera,
    boxes: Sequence[Box],
    people: int,
    rng: np.random.Generator,
) -> SceneMesh | None:
    """A thing where it stands clear of everything; None where there is no room."""
    eye = camera.centre_in_world
    for _ in range(PLACE_TRIES):
        yaw, before, whom = float(rng.uniform(-np.pi, np.pi)), rng.random(), int(rng.integers(people))
        along, aside, deeper = rng.uniform(0.35, 0.95), rng.normal(0.0, 0.3), rng.uniform(*settings.spread)
        across = rng.uniform(-0.55, 0.55) * camera.width / camera.fx
        target = boxes[whom if before < settings.before else 0].mean(axis=0)
        way = (target - eye)[:2]
        distance = max(float(np.linalg.norm(way)), 1e-6)
        way = way / distance
        right = np.array([way[1], -way[0]])
        if before < settings.before:
            at = eye[:2] + way * (along * distance) + right * aside
        else:
            at = eye[:2] + way * (distance + deeper) + right * (across * (distance + deeper))
        placed = _place(thing, at, yaw)
        around = bounding_box(placed.mesh.vertices)
        clear = all(bool((around[0] > b[1] + APART).any() or (b[0] > around[1] + APART).any()) for b in boxes)
        if clear and float(np.linalg.norm(np.clip(eye, around[0], around[1]) - eye)) > NEAREST_EYE:
            return placed
    return None
