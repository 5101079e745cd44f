"""(settings, seed, index) → scene. The order is the paper's: body, motion, place, camera, light (section 2)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import numpy as np

from densesynth.appearance.loose import draw_loose
from densesynth.appearance.outfit import draw_outfit
from densesynth.appearance.sway import BEFORE
from densesynth.appearance.tresses import draw_tresses, sways
from densesynth.arrays import Array, Float32
from densesynth.body.body import COCO_KEYPOINTS, Body, PosedBodies
from densesynth.body.gaze import draw_gaze, has_eyes, turn_eyes, within_reach
from densesynth.errors import ConfigurationError
from densesynth.geometry.camera import Camera
from densesynth.geometry.rotations import compose, matrix_from_vector
from densesynth.geometry.skeleton import JOINT, Pose
from densesynth.motion.library import MOTION_NAMES, draw_variation, duration, pose_at
from densesynth.scene.environment import draw_lamps, draw_lighting
from densesynth.scene.light_settings import DEFAULT_LIGHT, LightRanges
from densesynth.scene.place import Box, bounding_box, draw_camera, draw_fisheye, draw_lens, draw_place
from densesynth.scene.scene import PersonInScene, Scene
from densesynth.scene.seeds import Purpose, stream
from densesynth.scene.settings import CameraSettings, FisheyeSettings, LensSettings, PeopleSettings, PictureSettings
from densesynth.scene.situations import draw_situation

HEAD_CHAIN = [JOINT[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
STATURE = 1.7  # metres; `Pose.height` is quoted for a body this tall


PoseSource = Callable[[np.random.Generator, float], tuple[str, float, Pose]]
"""Draws a pose: the name of its motion, the time in it (seconds), the pose so many seconds after that time."""
RIG_PLAY = 0.2  # of the angle between two cameras of a rig, each way
NO_FISHEYE = FisheyeSettings()
AHEAD = 1.0 / 120.0  # seconds between the two poses that tell how fast somebody moves


def draw_scene(
    people: PeopleSettings,
    poses: PoseSource,
    camera: CameraSettings,
    lens: LensSettings,
    picture: PictureSettings,
    body: Body,
    seed: int,
    index: int,
    light: LightRanges = DEFAULT_LIGHT,
    moving: bool = False,
    fisheye: FisheyeSettings = NO_FISHEYE,
) -> tuple[Scene, PosedBodies]:
    """Draw frame `index` of a run, with the bodies as posed in it. The subject, people[0], is always there. With a rig
    the scene is the one of all the rig's frames, and people stand where its first camera has room for them.

    moving: whether people's velocities are found, which changes nothing else.
    """
    frame, first = index, index - index % camera.rig
    index = index // camera.rig
    rng = stream(seed, index, Purpose.PEOPLE)
    outfits = stream(seed, index, Purpose.OUTFITS)
    loose = stream(seed, index, Purpose.LOOSE) if people.loose and people.shells and body.name == "anny" else None
    hair = stream(seed, index, Purpose.TRESSES) if people.long_hair and people.shells and body.name == "anny" else None
    faces = stream(seed, index, Purpose.EXPRESSIONS) if people.expressions > 0.0 and body.expression_names else None
    eyes = stream(seed, index, Purpose.GAZE) if people.gaze > 0.0 and has_eyes(body.expression_names) else None
    places = stream(seed, index, Purpose.PLACES)
    count = int(places.integers(people.count[0], people.count[1], endpoint=True))

    drawn: list[tuple[PersonInScene, PosedBodies]] = []
    view = None
    boxes: list[Array] = []
    for _ in range(count):
        expression = _draw_face(people.expressions, body, faces)
        gaze = None if eyes is None else draw_gaze(people.gaze, eyes)
        if gaze is not None:
            expression = turn_eyes(body.expression_names, expression, [(gaze.yaw, gaze.pitch)] * 2)
        person, posed, box = _draw_person(poses, body, rng, expression, outfits, loose, hair, moving)
        if view is None:
            view = draw_view(camera, lens, picture, box, seed, first, fisheye)
        else:
            shift = draw_place(people, view, box, boxes, places)
            if shift is None:
                continue
            moved = np.array([shift[0], shift[1], 0.0], dtype=np.float32)
            person, posed, box = _move(person, moved), _shift(posed, moved), box + moved
        if gaze is not None and gaze.seeks:
            person, posed = _meet_camera(body, view, person, posed)
        boxes.append(box)
        drawn.append((person, posed))

    assert view is not None  # count ≥ 1, which PeopleSettings checks
    scene = Scene(
        people=tuple(person for person, _ in drawn),
        camera=view if frame == first else draw_view(camera, lens, picture, boxes[0], seed, frame, fisheye),
        lighting=replace(
            draw_lighting(stream(seed, index, Purpose.LIGHT), light),
            lamps=draw_lamps(stream(seed, index, Purpose.LAMPS), light, boxes),
        ),
    )
    if len(drawn) == 1:
        return scene, drawn[0][1]
    posed_people = PosedBodies(
        vertices=np.concatenate([posed.vertices for _, posed in drawn]),
        joints=np.concatenate([posed.joints for _, posed in drawn]),
        keypoints=np.concatenate([posed.keypoints for _, posed in drawn]),
    )
    return scene, posed_people


def draw_view(
    camera: CameraSettings,
    lens: LensSettings,
    picture: PictureSettings,
    subject: Box,
    seed: int,
    frame: int,
    fisheye: FisheyeSettings = NO_FISHEYE,
) -> Camera:
    """Frame `frame`'s camera before a subject. A rig's cameras divide the circle around it between them."""
    ranges, aim = camera, 0.5
    if camera.portrait + camera.whole_body + camera.cut_off + camera.selfie + camera.cctv + camera.drone > 0.0:
        ranges, aim = draw_situation(camera, stream(seed, frame, Purpose.SITUATION))
    sector = (-np.pi, np.pi)
    if camera.rig > 1:
        start = stream(seed, frame // camera.rig, Purpose.RIG).uniform(-np.pi, np.pi)
        width = 2.0 * np.pi / camera.rig
        middle = start + width * (frame % camera.rig)
        sector = (middle - RIG_PLAY * width, middle + RIG_PLAY * width)
    bent = draw_fisheye(fisheye, stream(seed, frame, Purpose.FISHEYE)) if fisheye.share > 0.0 else None
    return draw_camera(
        ranges,
        bent or draw_lens(lens, stream(seed, frame, Purpose.LENS)),
        picture,
        subject,
        stream(seed, frame, Purpose.CAMERA),
        aim,
        sector,
    )


def _draw_face(share: float, body: Body, rng: np.random.Generator | None) -> Float32[Array, "e"] | None:
    """Somebody's face; None for a neutral one, and for all of them without a generator."""
    return body.sample_expression(rng) if rng is not None and rng.random() < share else None


def _draw_person(
    poses: PoseSource,
    body: Body,
    rng: np.random.Generator,
    expression: Float32[Array, "e"] | None,
    outfits: np.random.Generator,
    loose: np.random.Generator | None,
    hair: np.random.Generator | None,
    moving: bool,
) -> tuple[PersonInScene, PosedBodies, Box]:
    """A person over the origin, feet on the ground, turned anywhere; the bounding box too."""
    betas = body.sample_betas(rng)
    again = deepcopy(rng) if moving or loose is not None or hair is not None else None
    motion, time, pose = poses(rng, 0.0)
    heading = rng.uniform(-np.pi, np.pi)
    rotations = turn(pose.rotations, heading)
    posed, box, shift = _stand(body, betas, rotations, expression, pose.height)
    velocity = None
    if again is not None and moving:
        later = poses(deepcopy(again), AHEAD)[2]
        next_posed, _, next_shift = _stand(body, betas, turn(later.rotations, heading), expression, later.height)
        velocity = (next_posed.vertices[0] + next_shift - posed.vertices[0] - shift) * np.float32(1.0 / AHEAD)
    outfit, before = draw_outfit(outfits, body.sex(betas)), None
    if loose is not None:
        outfit = draw_loose(outfit, body.sex(betas), loose)
    if hair is not None:
        outfit = draw_tresses(outfit, body.sex(betas), hair)
    if again is not None and sways(outfit):
        before = np.stack([turn(poses(deepcopy(again), -ago)[2].rotations, heading) for ago in BEFORE])
    person = PersonInScene(
        betas=betas,
        rotations=rotations,
        transl=shift,
        outfit=outfit,
        motion=motion,
        time=time,
        velocity=velocity,
        expression=expression,
        before=before,
    )
    # Rounded as the vertices are, so that the box stays exactly theirs.
    return person, _shift(posed, shift), (box.astype(np.float32) + shift).astype(np.float64)


def _meet_camera(
    body: Body, view: Camera, person: PersonInScene, posed: PosedBodies
) -> tuple[PersonInScene, PosedBodies]:
    """Somebody with the eyes on the camera where both reach it; as they were otherwise."""
    world_from_head = np.eye(3)
    for joint in HEAD_CHAIN:
        world_from_head = world_from_head @ matrix_from_vector(person.rotations[joint])
    eyes = posed.keypoints[0, [COCO_KEYPOINTS.index("left_eye"), COCO_KEYPOINTS.index("right_eye")]]
    x, y, z = ((view.centre_in_world - eyes.astype(np.float64)) @ world_from_head).T  # the head faces −y
    yaws, pitches = np.degrees(np.arctan2(x, -y)), np.degrees(np.arctan2(z, np.hypot(x, y)))
    turns = list(zip(yaws.tolist(), pitches.tolist(), strict=True))
    if not all(within_reach(*turn) for turn in turns):
        return person, posed
    expression = turn_eyes(body.expression_names, person.expression, turns)
    still = np.zeros((1, 3), np.float32)
    again = body.pose(person.betas[None], person.rotations[None], still, expression[None])
    return replace(person, expression=expression), _shift(again, person.transl)


def _stand(
    body: Body,
    betas: Float32[Array, "s"],
    rotations: Float32[Array, "52 3"],
    expression: Float32[Array, "e"] | None,
    height: float,
) -> tuple[PosedBodies, Box, Float32[Array, "3"]]:
    """A body posed over the origin, its bounding box, and the shift that puts it on the ground."""
    face = None if expression is None else expression[None]
    posed = body.pose(betas[None], rotations[None], np.zeros((1, 3), np.float32), face)
    box = bounding_box(posed.vertices[0])
    lowest, highest = np.float32(box[0, 2]), np.float32(box[1, 2])
    stature = float(highest - lowest) / STATURE if height else 0.0
    return posed, box, np.array([0.0, 0.0, height * stature - float(lowest)], dtype=np.float32)


def built_in_poses(names: tuple[str, ...]) -> PoseSource:
    """Poses of the built-in motions of these names; of all of them for none. Raises ConfigurationError."""
    for name in names:
        if name not in MOTION_NAMES:
            raise ConfigurationError(f"unknown motion `{name}`; the library has {', '.join(MOTION_NAMES)}")
    known = names or MOTION_NAMES

    def draw(rng: np.random.Generator, ahead: float = 0.0) -> tuple[str, float, Pose]:
        motion = known[int(rng.integers(len(known)))]
        time = float(rng.uniform(0.0, duration(motion)))
        return motion, time, pose_at(motion, time + ahead, draw_variation(rng))

    return draw


def turn(rotations: Float32[Array, "52 3"], angle: float) -> Float32[Array, "52 3"]:
    """The pose turned about the vertical by `angle` radians, anticlockwise seen from above."""
    turned = rotations.copy()
    turned[0] = compose(np.array([0.0, 0.0, angle]), rotations[0])
    return turned


def _move(person: PersonInScene, shift: Float32[Array, "3"]) -> PersonInScene:
    return replace(person, transl=person.transl + shift)


def _shift(posed: PosedBodies, shift: Float32[Array, "3"]) -> PosedBodies:
    return PosedBodies(posed.vertices + shift, posed.joints + shift, posed.keypoints + shift)
