"""COCO's 17 keypoints in a picture, with visibility codes decided by ray.

A keypoint is hidden when something stands before it. Most keypoints are joints, deep inside the body, so their own
flesh doesn't count: the first surface along the keypoint's ray may be the person's own skin, if it is skin of a body
part that meets in the joint and lies no further before the joint than the flesh there is thick. So a shoulder seen
from behind is visible, while a nose seen from behind, a wrist behind the back and a hip behind the own hand are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import warp as wp

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8
from densesynth.body.body import PosedBodies
from densesynth.device import address, start_warp
from densesynth.geometry.camera import Camera
from densesynth.label.kernels import nearest_kernel
from densesynth.render.view import View

OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2  # COCO's codes

# The nearest vertex lies across the thinnest flesh; other directions go through more of it, hence the factor.
FLESH_FACTOR = 2.0
FLESH_MARGIN = 0.02  # metres
CLOTH_AHEAD = 0.3  # metres that what a person wears may hang before the flesh: skirts, coats, long hair

# For each of COCO's 17, the coarse parts (DensePose ids) whose skin covers it.
_TORSO, _HEAD = 1, 14
_HAND_R, _HAND_L, _FOOT_L, _FOOT_R = 2, 3, 4, 5
_THIGH_R, _THIGH_L, _SHIN_R, _SHIN_L = 6, 7, 8, 9
_UPPER_ARM_L, _UPPER_ARM_R, _LOWER_ARM_L, _LOWER_ARM_R = 10, 11, 12, 13
COVERING_PARTS: tuple[tuple[int, ...], ...] = (
    (_HEAD,), (_HEAD,), (_HEAD,), (_HEAD,), (_HEAD,),
    (_TORSO, _UPPER_ARM_L), (_TORSO, _UPPER_ARM_R),
    (_UPPER_ARM_L, _LOWER_ARM_L), (_UPPER_ARM_R, _LOWER_ARM_R),
    (_LOWER_ARM_L, _HAND_L), (_LOWER_ARM_R, _HAND_R),
    (_TORSO, _THIGH_L), (_TORSO, _THIGH_R),
    (_THIGH_L, _SHIN_L), (_THIGH_R, _SHIN_R),
    (_SHIN_L, _FOOT_L), (_SHIN_R, _FOOT_R),
)  # fmt: skip

_COVERS = np.zeros((17, 15), dtype=bool)
for _keypoint, _parts in enumerate(COVERING_PARTS):
    _COVERS[_keypoint, list(_parts)] = True


@dataclass(frozen=True, kw_only=True)
class KeypointHits:
    """The first surface along the ray through each keypoint's exact projection, for p people.

    instance: 0 = nothing. face: row of that person's faces, any value where nothing was hit. depth: camera z, metres.
    worn: where what was hit is a mesh that the person wears, which may hang far before the flesh; None: nowhere.
    """

    instance: UInt8[Array, "p 17"]
    face: Int32[Array, "p 17"]
    depth: Float64[Array, "p 17"]
    worn: Bool[Array, "p 17"] | None = None


def cast_keypoints(view: View, posed: PosedBodies) -> KeypointHits:
    """Send the ray of every keypoint of the people, who are the view's meshes in their order."""
    instance, face, depth = view.first_hit(posed.keypoints.reshape(-1, 3))
    shape = posed.keypoints.shape[:2]
    return KeypointHits(instance=instance.reshape(shape), face=face.reshape(shape), depth=depth.reshape(shape))


def hide_hits(hits: KeypointHits, hidden: Bool[Array, "p 17"]) -> KeypointHits:
    """The hits with something that is nobody's right before the camera where `hidden`."""
    return KeypointHits(
        instance=np.where(hidden, np.uint8(255), hits.instance),
        face=np.where(hidden, np.int32(0), hits.face),
        depth=np.where(hidden, 0.0, hits.depth),
        worn=None if hits.worn is None else hits.worn & ~hidden,
    )


def flesh_over(keypoints: Float32[Array, "k 3"], vertices: Float32[Array, "v 3"]) -> Float64[Array, "k"]:
    """How far before each keypoint its own skin may lie, metres: twice the distance to the nearest vertex + 2 cm."""
    start_warp()
    squared = np.empty(len(keypoints), dtype=np.float32)
    points, skin = np.ascontiguousarray(keypoints), np.ascontiguousarray(vertices)
    inputs = [len(points), address(points), len(skin), address(skin), address(squared)]
    wp.launch(nearest_kernel, 1, inputs, device="cpu")
    nearest = np.sqrt(squared.astype(np.float64))
    return nearest * FLESH_FACTOR + FLESH_MARGIN


def locate_keypoints(
    camera: Camera,
    keypoints_in_camera: Float64[Array, "17 3"],
    in_frame: Bool[Array, "17"],
    flesh: Float64[Array, "17"],
    instance: int,
    hit_instance: UInt8[Array, "17"],
    hit_part: Int32[Array, "17"],
    hit_depth: Float64[Array, "17"],
) -> Float32[Array, "17 3"]:
    """One person's keypoints as COCO's (x, y, v); x = y = 0 where v = 0.

    in_frame: projected into the picture. hit_*: the first surface along each keypoint's ray; part is coarse, 0 where
    nothing was hit. Lengths in metres.
    """
    # Depths are along z; flesh is measured along the ray.
    depth = keypoints_in_camera[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        before = (depth - hit_depth) * np.linalg.norm(keypoints_in_camera, axis=1) / depth
    nothing_before = (hit_instance == 0) | ~(before > 0.0)
    own_flesh = (hit_instance == instance) & _COVERS[np.arange(17), hit_part] & (before <= flesh)
    code = np.where(in_frame, np.where(nothing_before | own_flesh, VISIBLE, HIDDEN), OUTSIDE)
    result = np.zeros((17, 3), dtype=np.float32)
    result[in_frame, :2] = camera.project_from_camera(keypoints_in_camera[in_frame])
    result[:, 2] = code
    return result
