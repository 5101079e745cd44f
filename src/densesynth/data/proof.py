"""Law 2 on one frame: surface point → posed mesh → lens → pixel centre, in double precision, and left against right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from densesynth.appearance.paint import load_paint
from densesynth.appearance.shell import Shell
from densesynth.arrays import Array, Float32, Float64, Int32, Int64, UInt8
from densesynth.body.body import Body, PosedBodies
from densesynth.geometry.camera import Camera
from densesynth.geometry.skeleton import JOINT
from densesynth.surface.atlas import load_atlas
from densesynth.surface.parts import FINE_MIRROR, FINE_NAMES

SIDE_SAMPLES = 64  # pixels of a part that are compared with the joints
# Below these a part isn't judged: what shows may be a sliver along the mid-plane.
SIDE_PIXELS = 16
SIDE_MARGIN = 0.02  # metres
BELOW_EARS = 0.03  # metres; further down, skin goes with the neck

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

# Fine parts of the left side, and the left joints their bones run between.
_LEFT_BONES: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = (
    (4, tuple(("left_wrist", f"left_{finger}1") for finger in _FINGERS)
        + tuple((f"left_{finger}{k}", f"left_{finger}{k + 1}") for finger in _FINGERS for k in (1, 2))),
    (5, (("left_ankle", "left_foot"),)),
    (8, (("left_hip", "left_knee"),)), (10, (("left_hip", "left_knee"),)),
    (12, (("left_knee", "left_ankle"),)), (14, (("left_knee", "left_ankle"),)),
    (15, (("left_shoulder", "left_elbow"),)), (17, (("left_shoulder", "left_elbow"),)),
    (19, (("left_elbow", "left_wrist"),)), (21, (("left_elbow", "left_wrist"),)),
)  # fmt: skip
_LEFT_HEAD = 24
_EARS = (3, 4)  # left and right, of COCO's keypoints


def repose(surface: Mapping[str, Array], body: Body, shell: Shell | None = None) -> PosedBodies:
    """Pose the frame's people again from the parameters in its surface file, and dress them as it says.

    shell: what dresses this body; Anny's when left out.
    """
    posed = body.pose(surface["betas"], surface["rotations"], surface["transl"], surface.get("expression"))
    if "cuts" not in surface:
        return posed
    worn = surface["outfits"], surface["cuts"], surface["rotations"]
    return replace(posed, vertices=(shell or load_shell()).dress(posed.vertices, *worn))


@cache
def load_shell() -> Shell:
    """What dresses Anny again; other bodies come with a shell of their own."""
    return Shell(load_paint(load_atlas("anny").faces))


def surface_points(
    vertices: Float32[Array, "p v 3"],
    faces: Int32[Array, "f 3"],
    instance: UInt8[Array, "n"],
    face: Int32[Array, "n"],
    first_two: Float32[Array, "n 2"],
) -> Float64[Array, "n 3"]:
    """Surface points (instance from 1, face, b0, b1) → world, metres, in double precision."""
    corner = faces[face].astype(np.int64) + (instance.astype(np.int64) - 1)[:, None] * vertices.shape[1]
    flat = vertices.reshape(-1, 3)
    weight = first_two.astype(np.float64)
    last = flat[corner[:, 2]].astype(np.float64)
    points = last + weight[:, :1] * (flat[corner[:, 0]] - last) + weight[:, 1:] * (flat[corner[:, 1]] - last)
    return np.asarray(points)


def reprojection_errors(
    points_in_camera: Float64[Array, "n 3"], camera: Camera, pixel: Int64[Array, "n"]
) -> Float64[Array, "n"]:
    """Distance between each point's projection and the centre of its pixel (index into the flat picture), pixels.

    Infinite where the point isn't before the camera.
    """
    projected = camera.project_from_camera(points_in_camera)
    dx = projected[:, 0] - (pixel % camera.width + 0.5)
    dy = projected[:, 1] - (pixel // camera.width + 0.5)
    error = np.hypot(dx, dy)
    error[~(points_in_camera[:, 2] > 0.0) | ~np.isfinite(error)] = np.inf
    return error


def swapped_sides(
    points: Float64[Array, "n 3"],
    part: UInt8[Array, "n"],
    joints: Float32[Array, "52 3"],
    keypoints: Float32[Array, "17 3"],
) -> list[str]:
    """Names of one person's parts that are labelled left and lie along the right bones, or the other way round.

    points: the person's surface points, world; part: their fine labels. A part is wrong when it is clearly nearer to
    the other side's bones than to its own: flesh is nearest to the bone inside it, even where limbs touch.
    Halves of the head are measured against the ears, and without the neck, which stays behind when a head turns.
    """
    position = joints.astype(np.float64)
    left_bones = [(left, _bones(position, bones)) for left, bones in _LEFT_BONES]
    right_bones = [_bones(position, tuple((_right(a), _right(b)) for a, b in bones)) for _, bones in _LEFT_BONES]
    ears = [np.tile(keypoints[ear].astype(np.float64), (1, 2, 1)) for ear in _EARS]
    upward = position[JOINT["head"]] - position[JOINT["neck"]]
    height = (points - (ears[0] + ears[1])[0, 0] / 2.0) @ (upward / max(float(np.linalg.norm(upward)), 1e-6))
    on_neck = height < -BELOW_EARS
    part = np.where(on_neck & (part >= FINE_MIRROR[_LEFT_HEAD]), np.uint8(0), part)
    wrong = []
    for (left, own), other in zip([*left_bones, (_LEFT_HEAD, ears[0])], [*right_bones, ears[1]], strict=True):
        for fine, near, far in ((left, own, other), (int(FINE_MIRROR[left]), other, own)):
            sample = _sample(points, part, fine)
            if len(sample) < SIDE_PIXELS:
                continue
            if np.median(_to_bones(sample, near) - _to_bones(sample, far)) > SIDE_MARGIN:
                wrong.append(FINE_NAMES[fine])
    return wrong


def _bones(position: Float64[Array, "52 3"], bones: tuple[tuple[str, str], ...]) -> Float64[Array, "b 2 3"]:
    return np.array([[position[JOINT[a]], position[JOINT[b]]] for a, b in bones])


def _right(joint: str) -> str:
    return joint.replace("left_", "right_")


def _sample(points: Float64[Array, "n 3"], part: UInt8[Array, "n"], fine: int) -> Float64[Array, "m 3"]:
    """At most SIDE_SAMPLES of the points of a part, evenly through their order."""
    rows = np.flatnonzero(part == fine)
    if len(rows) > SIDE_SAMPLES:
        rows = rows[np.linspace(0, len(rows) - 1, SIDE_SAMPLES).astype(np.int64)]
    return points[rows]


def _to_bones(points: Float64[Array, "n 3"], bones: Float64[Array, "b 2 3"]) -> Float64[Array, "n"]:
    """Distance from each point to the nearest of the bones (line segments), metres."""
    start, along = bones[:, 0], bones[:, 1] - bones[:, 0]
    from_start = points[:, None] - start
    length2 = np.maximum((along * along).sum(axis=-1), 1e-12)
    share = np.clip((from_start * along).sum(axis=-1) / length2, 0.0, 1.0)
    nearest: Array = np.linalg.norm(from_start - share[..., None] * along, axis=-1).min(axis=1)
    return nearest
