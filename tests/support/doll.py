"""A jointed doll for tests: 24 ellipsoids, one for each DensePose part, on SMPL-H's joints, with an atlas of its own.

Small enough to render in milliseconds, and a person in all that labels and files care about.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from densesynth.body.body import PosedBodies
from densesynth.data.record import FrameRecord, make_record
from densesynth.geometry.camera import Camera, Lens, look_at
from densesynth.geometry.fisheye import Fisheye
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS
from densesynth.label.annotate import annotate
from densesynth.label.charts import ChartLabels, label_charts
from densesynth.label.keypoints import cast_keypoints
from densesynth.label.person import Person
from densesynth.render.buffers import Buffers
from densesynth.render.render import rasterise
from densesynth.surface.atlas import Atlas

_JOINTS = {
    "pelvis": (0, 0, 0), "left_hip": (0.09, 0, -0.08), "left_knee": (0.09, 0, -0.48), "left_ankle": (0.09, 0, -0.88),
    "left_foot": (0.09, -0.12, -0.93), "spine1": (0, 0, 0.1), "spine2": (0, 0, 0.2), "spine3": (0, 0, 0.3),
    "neck": (0, 0, 0.5), "head": (0, 0, 0.56), "left_collar": (0.08, 0, 0.42), "left_shoulder": (0.18, 0, 0.45),
    "left_elbow": (0.45, 0, 0.45), "left_wrist": (0.7, 0, 0.45),
    **{
        f"left_{finger}{k}": (0.74 + 0.03 * k, y, 0.45)
        for finger, y in (("index", -0.03), ("middle", -0.01), ("ring", 0.01), ("pinky", 0.03), ("thumb", -0.045))
        for k in (1, 2, 3)
    },
}  # fmt: skip
_FACE_KEYPOINTS = ((0, -0.1, 0.63), (0.03, -0.09, 0.67), (-0.03, -0.09, 0.67), (0.088, 0, 0.65), (-0.088, 0, 0.65))
_KEYPOINT_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")

# Fine part of the left side (or of the middle), the joint it hangs on, centre and half axes in metres at rest.
_ELLIPSOIDS = (
    (1, "spine2", (0, 0.05, 0.2), (0.16, 0.06, 0.28)), (2, "spine2", (0, -0.05, 0.2), (0.16, 0.06, 0.28)),
    (4, "left_wrist", (0.81, 0, 0.45), (0.13, 0.05, 0.025)),
    (5, "left_ankle", (0.09, -0.06, -0.94), (0.04, 0.12, 0.03)),
    (8, "left_hip", (0.09, 0.03, -0.28), (0.07, 0.04, 0.21)),
    (10, "left_hip", (0.09, -0.03, -0.28), (0.07, 0.04, 0.21)),
    (12, "left_knee", (0.09, 0.025, -0.68), (0.05, 0.035, 0.21)),
    (14, "left_knee", (0.09, -0.025, -0.68), (0.05, 0.035, 0.21)),
    (15, "left_shoulder", (0.31, -0.02, 0.45), (0.14, 0.03, 0.05)),
    (17, "left_shoulder", (0.31, 0.02, 0.45), (0.14, 0.03, 0.05)),
    (19, "left_elbow", (0.575, -0.018, 0.45), (0.15, 0.025, 0.04)),
    (21, "left_elbow", (0.575, 0.018, 0.45), (0.15, 0.025, 0.04)), (24, "head", (0.04, 0, 0.64), (0.05, 0.1, 0.13)),
)  # fmt: skip
_RIGHT_PART = {4: 3, 5: 6, 8: 7, 10: 9, 12: 11, 14: 13, 15: 16, 17: 18, 19: 20, 21: 22, 24: 23}


def _icosphere() -> tuple[np.ndarray, np.ndarray]:
    """Unit sphere of 80 faces, counter-clockwise from outside."""
    golden = (1 + 5**0.5) / 2
    vertices = [
        (-1, golden, 0), (1, golden, 0), (-1, -golden, 0), (1, -golden, 0), (0, -1, golden), (0, 1, golden),
        (0, -1, -golden), (0, 1, -golden), (golden, 0, -1), (golden, 0, 1), (-golden, 0, -1), (-golden, 0, 1),
    ]  # fmt: skip
    faces = [
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6),
        (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7),
        (9, 8, 1),
    ]  # fmt: skip
    points = [np.array(vertex) / np.linalg.norm(vertex) for vertex in vertices]
    middles: dict[tuple[int, int], int] = {}

    def middle(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in middles:
            point = points[a] + points[b]
            points.append(point / np.linalg.norm(point))
            middles[key] = len(points) - 1
        return middles[key]

    finer = []
    for a, b, c in faces:
        ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
        finer += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return np.array(points), np.array(finer, dtype=np.int32)


class DollBody:
    """The doll as a `Body`; betas: one number, 0.1 of size for each unit."""

    name = "doll"
    betas_names = ("size",)
    expression_names = ()

    def __init__(self) -> None:
        sphere, sphere_faces = _icosphere()
        vertices, faces, parts, joints = [], [], [], []
        for fine, joint, centre, half in _ELLIPSOIDS:
            sides = ((fine, joint, 1),) if fine < 3 else ((fine, joint, 1), (_RIGHT_PART[fine], _right(joint), -1))
            for part, hung, sign in sides:
                mirror = (sign, 1, 1)
                first = sum(len(block) for block in vertices)
                vertices.append((sphere * half + centre) * mirror)
                faces.append(first + (sphere_faces if sign > 0 else sphere_faces[:, ::-1]))
                parts.append(np.full(len(sphere_faces), part, dtype=np.uint8))
                joints.append(np.full(len(sphere), JOINT[hung]))
        self.template = np.concatenate(vertices)
        self.faces = np.ascontiguousarray(np.concatenate(faces), dtype=np.int32)
        self.part = np.concatenate(parts)
        self.joint_of_vertex = np.concatenate(joints)
        self.rest_joints = np.array([_rest_joint(name) for name in JOINT_NAMES])
        self.rest_keypoints = np.array(
            [
                *_FACE_KEYPOINTS,
                *(_rest_joint(f"{side}_{name}") for name in _KEYPOINT_JOINTS for side in ("left", "right")),
            ]
        )
        names = [f"{side}_{name}" for name in _KEYPOINT_JOINTS for side in ("left", "right")]
        self.joint_of_keypoint = np.array([JOINT["head"]] * 5 + [JOINT[name] for name in names])

    def sample_betas(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(-1, 1, 1).astype(np.float32)

    def sample_expression(self, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG002 - it has one face alone
        return np.zeros(0, np.float32)

    def sex(self, betas: np.ndarray) -> float:  # noqa: ARG002 - a doll has none
        return 0.5

    def average_betas(self) -> np.ndarray:
        return np.zeros(1, np.float32)

    def pose(
        self,
        betas: np.ndarray,
        rotations: np.ndarray,
        transl: np.ndarray,
        expression: np.ndarray | None = None,
    ) -> PosedBodies:
        assert expression is None or expression.shape == (len(betas), 0)
        posed = [self._pose_one(*one) for one in zip(betas, rotations, transl, strict=True)]
        stacked = (np.stack(arrays).astype(np.float32) for arrays in zip(*posed, strict=True))
        return PosedBodies(*stacked)

    def _pose_one(self, betas: np.ndarray, rotations: np.ndarray, transl: np.ndarray) -> tuple[np.ndarray, ...]:
        size = 1.0 + 0.1 * float(betas[0])
        rest = self.rest_joints * size
        local = Rotation.from_rotvec(rotations.astype(np.float64)).as_matrix()
        turn, place = np.empty((52, 3, 3)), np.empty((52, 3))
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                turn[joint], place[joint] = local[joint], transl
            else:
                turn[joint] = turn[parent] @ local[joint]
                place[joint] = place[parent] + turn[parent] @ (rest[joint] - rest[parent])

        def carry(points: np.ndarray, joint: np.ndarray) -> np.ndarray:
            return np.einsum("nij,nj->ni", turn[joint], points * size - rest[joint]) + place[joint]

        return (
            carry(self.template, self.joint_of_vertex),
            place,
            carry(self.rest_keypoints, self.joint_of_keypoint),
        )


def _right(joint: str) -> str:
    return joint.replace("left_", "right_")


def _rest_joint(name: str) -> tuple[float, ...]:
    if name in _JOINTS:
        return _JOINTS[name]
    x, y, z = _JOINTS[name.replace("right_", "left_")]
    return -x, y, z


def doll_atlas(body: DollBody) -> Atlas:
    """Every face of a part gets its own triangle of the part's chart, on a 9×9 grid; left charts mirror right ones."""
    face_in_part = np.arange(len(body.faces)) % 80
    corner = np.stack([face_in_part % 9, face_in_part // 9], axis=1)[:, None] / 9.0
    uv = (corner + np.array([[0.01, 0.01], [0.10, 0.01], [0.01, 0.10]])).astype(np.float32)
    return make_atlas("doll", body.faces, body.part, uv, body.template.astype(np.float32))


def make_atlas(name: str, faces: np.ndarray, part: np.ndarray, uv: np.ndarray, rest: np.ndarray) -> Atlas:
    """An Atlas whose mirror maps mean nothing."""
    return Atlas(
        name=name,
        faces=faces,
        part=part,
        uv=uv,
        mirror_vertex=np.arange(len(rest), dtype=np.int32),
        mirror_face=np.arange(len(faces), dtype=np.int32),
        mirror_corner=np.tile(np.arange(3, dtype=np.int32), (len(faces), 1)),
        rest_position=rest,
        interior=np.zeros(len(faces), dtype=bool),
    )


def camera_at(eye: tuple[float, float, float], size: int = 128, lens: Lens | Fisheye = Lens()) -> Camera:  # noqa: B008
    """A camera that looks at the origin; the doll fills most of the picture at 3 m, or at 1.2 m of a fisheye."""
    focal = (0.6 if isinstance(lens, Fisheye) else 1.3) * size
    return Camera(
        width=size,
        height=size,
        fx=focal,
        fy=focal,
        cx=0.49 * size,
        cy=0.52 * size,
        camera_from_world=look_at(np.array(eye, dtype=np.float64), np.zeros(3)),
        lens=lens,
    )


def rotations_of(**turns: tuple[float, float, float]) -> np.ndarray:
    """Rest pose but for the joints named."""
    rotations = np.zeros((52, 3), dtype=np.float32)
    for joint, turn in turns.items():
        rotations[JOINT[joint]] = turn
    return rotations


def label(
    body: DollBody, atlas: Atlas, camera: Camera, posed: PosedBodies, seed: int = 0
) -> tuple[Buffers, ChartLabels, tuple[Person, ...], np.ndarray]:
    """Rasterise and annotate the dolls; also their visible vertices."""
    view = rasterise([Mesh(vertices, body.faces) for vertices in posed.vertices], camera)
    buffers = view.buffers()
    visible = np.stack([view.visible_vertices(k) for k in range(len(posed.vertices))])
    labels = label_charts(buffers, atlas)
    hits = cast_keypoints(view, posed)
    people = annotate(labels, buffers, camera, atlas, posed, visible, hits, np.random.default_rng(seed))
    return buffers, labels, people, visible


def make_frame(
    body: DollBody,
    atlas: Atlas,
    index: int,
    *,
    seed: int = 7,
    size: int = 128,
    keep_geometry: bool = False,
    fisheye: bool = False,
) -> FrameRecord:
    """Frame `index` of a little dataset: two dolls, the second partly behind the first, a lens with distortion."""
    rng = np.random.default_rng((seed, index))
    betas = rng.uniform(-1, 1, (2, 1)).astype(np.float32)
    rotations = rng.normal(0, 0.25, (2, 52, 3)).astype(np.float32)
    transl = np.array([[0, 0, 0], [0.35, 0.9, 0.05]], dtype=np.float32)
    posed = body.pose(betas, rotations, transl)
    lens = Lens(k1=-0.15, k2=0.02, p1=0.001, p2=-0.002)
    camera = camera_at((0.6 * rng.normal(), -3.2, 0.4), size, lens)
    if fisheye:
        camera = camera_at((0.3 * rng.normal(), -1.3, 0.4), size, Fisheye(k1=0.05, k2=-0.01, k3=0.002, k4=-1e-4))
    buffers, labels, people, visible = label(body, atlas, camera, posed, index)
    picture = rng.integers(0, 255, (size, size, 3)).astype(np.uint8)
    return make_record(
        index=index,
        seed=seed,
        picture=picture,
        labels=labels,
        buffers=buffers,
        camera=camera,
        people=people,
        betas=betas,
        rotations=rotations,
        transl=transl,
        posed=posed,
        visible_vertices=visible,
        face_count=len(body.faces),
        keep_geometry=keep_geometry,
    )


def with_surface(frame: FrameRecord, **arrays: np.ndarray) -> FrameRecord:
    """The frame with some of its surface arrays replaced."""
    return replace(frame, surface={**frame.surface, **arrays})
