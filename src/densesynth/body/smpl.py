"""SMPL, SMPL-H and SMPL-X behind the `Body` protocol: z up, facing −y, the 52 joints of `geometry.skeleton`.

SMPL's own frame is y up, facing +z; (x, y, z) there is (x, −z, y) here, an exchange of axes without rounding. A zero
pose is the file's template with flat hands, as in AMASS and as `flat_hand_mean=True` in smplx. SMPL has one joint for
each hand: its fingers don't bend, and all finger joints are told at the hand's joint.

`pose` works on one body at a time, so that a body's bits don't depend on its batch; `forward` is the differentiable
batch in PyTorch, in the same frame (`smpl_model` in SMPL's own).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import warp as wp
from jaxtyping import Float
from scipy.special import ndtr, ndtri
from torch import Tensor

from densesynth.arrays import Array, Float32, Float64, Int32, Int64
from densesynth.body import kernels
from densesynth.body.body import COCO_KEYPOINTS, PosedBodies
from densesynth.body.pack import pack_blocks, pack_skin
from densesynth.body.smpl_files import Family, Sex, SmplData, read_smpl
from densesynth.body.smpl_model import SmplModel, SmplOutput
from densesynth.device import start_warp
from densesynth.errors import ConfigurationError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES

OURS_FROM_SMPL: Float64[Array, "3 3"] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
SHAPE_LIMIT = 2.5  # standard deviations; beyond, 1 in 80 of a normal distribution, bodies get implausible

SEX_NUMBERS: dict[Sex, float] = {"male": 0.0, "female": 1.0, "neutral": 0.5}

# Nose, left eye, right eye, left ear, right ear: vertices of the two topologies, as the `smplx` package lists them.
FACE_VERTICES: dict[Family, tuple[int, ...]] = {
    "smpl": (332, 2800, 6260, 583, 4071),
    "smplh": (332, 2800, 6260, 583, 4071),
    "smplx": (9120, 9448, 9929, 6, 616),
}
# The file's joint for each of the 52; SMPL-X has the jaw and the eyes between body and hands.
_JOINTS: dict[Family, tuple[int, ...]] = {
    "smpl": (*range(22), *(22,) * 15, *(23,) * 15),
    "smplh": tuple(range(52)),
    "smplx": (*range(22), *range(25, 55)),
}
_FACE = {"jaw_pose": 22, "leye_pose": 23, "reye_pose": 24}  # of SMPL-X


@dataclass(frozen=True, eq=False)
class SmplBody:
    """A body of the SMPL family; made by `load_smpl`. betas are its shape coefficients, about standard normal."""

    name: str
    data: SmplData
    faces: Int32[Array, "f 3"]
    betas_names: tuple[str, ...]
    template: Any  # wp.array of blocks
    shapes: Any  # wp.array of blocks: shape, expression, pose
    skin_starts: Any  # wp.array int32 (V + 1)
    skin_bones: Any  # wp.array int32
    skin_weights: Any  # wp.array float32
    template_joints: Float64[Array, "j 3"]
    shape_joints: Float64[Array, "k j 3"]
    joints: Int64[Array, "52"]
    moved: Int64[Array, "m"]  # which of the 52 have rotations in this file

    @property
    def family(self) -> Family:
        return self.data.family

    @property
    def expressions_count(self) -> int:
        """Expression coefficients; 0 but for SMPL-X."""
        return self.data.expressions.shape[2]

    @property
    def rest_position(self) -> Float32[Array, "v 3"]:
        """The template, metres, in our frame: what `surface.official` asks for."""
        return (self.data.template @ OURS_FROM_SMPL.T).astype(np.float32)

    @property
    def expression_names(self) -> tuple[str, ...]:
        """SMPL-X's expression coefficients, about standard normal; none for the others."""
        return tuple(f"expression_{number}" for number in range(self.expressions_count))

    def sample_betas(self, rng: np.random.Generator) -> Float32[Array, "s"]:
        """Draw a shape: standard normal, as the coefficients are scaled, cut off at `SHAPE_LIMIT`."""
        return _draw_normal(len(self.betas_names), rng)

    def sample_expression(self, rng: np.random.Generator) -> Float32[Array, "e"]:
        """Draw a face as `sample_betas` does a shape. The jaw stays as it is."""
        return _draw_normal(self.expressions_count, rng)

    def sex(self, betas: Float32[Array, "s"]) -> float:  # noqa: ARG002 - the file has one sex for all shapes
        """What the file is: 0 male, 1 female, 0.5 neutral or untold."""
        return SEX_NUMBERS[self.data.sex or "neutral"]

    def average_betas(self) -> Float32[Array, "s"]:
        """The template's shape."""
        return np.zeros(len(self.betas_names), np.float32)

    def pose(
        self,
        betas: Float32[Array, "b s"],
        rotations: Float32[Array, "b 52 3"],
        transl: Float32[Array, "b 3"],
        expression: Float32[Array, "b e"] | None = None,
        *,
        jaw_pose: Float32[Array, "b 3"] | None = None,
        leye_pose: Float32[Array, "b 3"] | None = None,
        reye_pose: Float32[Array, "b 3"] | None = None,
    ) -> PosedBodies:
        """As `Body.pose`; SMPL-X takes rotation vectors of jaw and eyes too.

        transl is where the pelvis joint comes to lie, not SMPL's own translation: `transl_of_smpl` tells that.
        """
        face = self._face(len(betas), jaw_pose, leye_pose, reye_pose)
        bodies = [
            self._pose_one(betas[i], rotations[i], transl[i], None if expression is None else expression[i], face[i])
            for i in range(len(betas))
        ]
        if not bodies:
            shapes = (len(self.data.template), len(JOINT_NAMES), len(COCO_KEYPOINTS))
            return PosedBodies(*(np.zeros((0, count, 3), np.float32) for count in shapes))
        vertices, joints = (np.stack(part) for part in zip(*bodies, strict=True))
        return PosedBodies(vertices, joints, self.keypoints(vertices, joints))

    def keypoints(
        self, vertices: Float32[Array, "b v 3"], joints: Float32[Array, "b 52 3"]
    ) -> Float32[Array, "b 17 3"]:
        """COCO's 17: the face's are vertices, the others joints."""
        limbs = [JOINT[name] for name in COCO_KEYPOINTS[5:]]
        return np.concatenate([vertices[:, list(FACE_VERTICES[self.family])], joints[:, limbs]], axis=1)

    def _face(self, count: int, *poses: Float32[Array, "b 3"] | None) -> Float64[Array, "b 3 3"]:
        if self.family != "smplx" and any(pose is not None for pose in poses):
            raise ConfigurationError(f"{self.name} has no jaw and no eyes to turn; SMPL-X has")
        return np.stack([np.zeros((count, 3)) if pose is None else pose.astype(np.float64) for pose in poses], axis=1)

    def _pose_one(
        self,
        betas: Float32[Array, "s"],
        rotations: Float32[Array, "52 3"],
        transl: Float32[Array, "3"],
        expression: Float32[Array, "e"] | None,
        face: Float64[Array, "3 3"],
    ) -> tuple[Float32[Array, "v 3"], Float32[Array, "52 3"]]:
        bodily = self._bodily(betas, expression)
        heads = self.template_joints + (bodily[:, None, None] * self.shape_joints).sum(axis=0)
        local = np.broadcast_to(np.eye(3), (len(heads), 3, 3)).copy()
        local[self.joints[self.moved]] = matrix_from_vector(rotations[self.moved])
        if self.family == "smplx":
            local[list(_FACE.values())] = matrix_from_vector(face)
        turns, places = local.copy(), np.empty_like(heads)
        places[0] = transl
        for joint, parent in enumerate(self.data.parents[1:], start=1):
            turns[joint] = multiply(turns[parent], local[joint])
            places[joint] = places[parent] + (turns[parent] * (heads[joint] - heads[parent])).sum(axis=-1)
        # Pose shapes were learnt in SMPL's frame: change the basis of R − 1, which only exchanges elements.
        features = _in_smpl_frame(local[1:] - np.eye(3)).reshape(-1)
        rest = self._rest(np.concatenate([bodily, features]))
        offsets = places - (turns * heads[:, None, :]).sum(axis=-1)
        posed = np.empty((len(self.data.template), 3), np.float32)
        wp.launch(
            kernels.skin,
            dim=len(posed),
            inputs=[
                rest,
                self.skin_starts,
                self.skin_bones,
                self.skin_weights,
                wp.array(turns.astype(np.float32), dtype=wp.mat33, device="cpu"),
                wp.array(offsets.astype(np.float32), dtype=wp.vec3, device="cpu"),
                wp.array(posed, dtype=wp.vec3, device="cpu", copy=False),
            ],
            device="cpu",
        )
        return posed, places[self.joints].astype(np.float32)

    def _bodily(self, betas: Float32[Array, "s"], expression: Float32[Array, "e"] | None) -> Float64[Array, "k"]:
        """Shape and expression coefficients in a row; missing expressions are 0."""
        count = 0 if expression is None else len(expression)
        if count > self.expressions_count:
            raise ConfigurationError(f"{self.name} has {self.expressions_count} expression coefficients, found {count}")
        bodily = np.zeros(len(self.shape_joints))
        bodily[: len(betas)] = betas
        if expression is not None:
            bodily[len(self.betas_names) : len(self.betas_names) + count] = expression
        return bodily

    def _rest(self, coefficients: Float64[Array, "k"]) -> Any:
        """Template with all blend shapes, a wp.array of vec3."""
        blocks = np.empty((self.template.shape[0], kernels.BLOCK), np.float32)
        wp.launch(
            kernels.blend,
            dim=len(blocks),
            inputs=[
                self.template,
                self.shapes,
                wp.array(coefficients.astype(np.float32), device="cpu"),
                wp.array(blocks, dtype=kernels.block, device="cpu", copy=False),
            ],
            device="cpu",
        )
        count = len(self.data.template) * 3
        return wp.array(blocks.reshape(-1)[:count].reshape(-1, 3), dtype=wp.vec3, device="cpu", copy=False)

    @functools.cached_property
    def model(self) -> SmplModel:
        """The same body as a PyTorch module, float32, on the CPU; else `SmplModel(body.data, dtype).to(device)`."""
        return SmplModel(self.data)

    def forward(
        self,
        betas: Float[Tensor, "b s"],
        rotations: Float[Tensor, "b 52 3"],
        transl: Float[Tensor, "b 3"],
        model: SmplModel | None = None,
    ) -> SmplOutput:
        """`pose`, differentiable: vertices and the 52 joints in our frame. model: another precision or device."""
        model = self.model if model is None else model
        frame = torch.as_tensor(OURS_FROM_SMPL, dtype=rotations.dtype, device=rotations.device)
        full = rotations.new_zeros(len(rotations), model.joint_count, 3)
        full[:, self.joints[self.moved]] = rotations[:, self.moved] @ frame
        posed = model(betas, full)
        shift = transl - posed.joints[:, 0] @ frame.T
        vertices = posed.vertices @ frame.T + shift[:, None]
        return SmplOutput(vertices, posed.joints[:, self.joints] @ frame.T + shift[:, None])

    def transl_of_smpl(self, betas: Float32[Array, "b s"], trans: Float32[Array, "b 3"]) -> Float32[Array, "b 3"]:
        """SMPL's translation, as AMASS stores it, → ours: where the pelvis joint lies.

        SMPL turns the body about its pelvis, which at rest isn't at the origin, and then adds `trans`: both are in the
        world's axes, so only the pelvis's place at rest, told in SMPL's axes, is to be added.
        """
        bodily = np.stack([self._bodily(shape, None) for shape in betas])
        pelvis = self.template_joints[0] + np.einsum("bk,kc->bc", bodily, self.shape_joints[:, 0])
        return (trans + pelvis @ OURS_FROM_SMPL).astype(np.float32)


def _draw_normal(count: int, rng: np.random.Generator) -> Float32[Array, "n"]:
    low, high = ndtr(-SHAPE_LIMIT), ndtr(SHAPE_LIMIT)
    return ndtri(rng.uniform(low, high, count)).astype(np.float32)


def _in_smpl_frame(matrices: Float64[Array, "n 3 3"]) -> Float64[Array, "n 3 3"]:
    """OURS_FROM_SMPLᵀ · M · OURS_FROM_SMPL, by exchange of elements and signs."""
    axes, signs = np.array([0, 2, 1]), np.array([1.0, 1.0, -1.0])
    return matrices[:, axes[:, None], axes] * (signs[:, None] * signs)


def multiply(first: Float64[Array, "3 3"], second: Float64[Array, "3 3"]) -> Float64[Array, "3 3"]:
    """Matrix product without a threaded library, so that its bits are always the same."""
    return (first[:, :, None] * second[None]).sum(axis=1)


def load_smpl(path: Path, betas: int = 10, expressions: int = 10, sex: Sex | None = None) -> SmplBody:
    """Make a body from an official file of SMPL, SMPL-H or SMPL-X.

    Arguments and errors as `smpl_files.read_smpl`. The file's licence forbids commercial use and handing it on.
    """
    data = read_smpl(path, betas, expressions, sex)
    start_warp()
    bodily = np.concatenate([data.shapes, data.expressions], axis=2).transpose(2, 0, 1) @ OURS_FROM_SMPL.T
    posing = data.pose_shapes.transpose(2, 0, 1) @ OURS_FROM_SMPL.T
    template = data.template @ OURS_FROM_SMPL.T
    blocks, shapes = pack_blocks(template, np.concatenate([bodily, posing]))
    starts, bones, weights = pack_skin(
        data.weights, np.broadcast_to(np.arange(data.weights.shape[1]), data.weights.shape)
    )
    joints = _JOINTS[data.family]
    return SmplBody(
        name=f"{data.family}_{data.sex}" if data.sex else data.family,
        data=data,
        faces=data.faces,
        betas_names=tuple(f"beta_{number}" for number in range(data.shapes.shape[2])),
        template=blocks,
        shapes=shapes,
        skin_starts=wp.array(starts, dtype=wp.int32, device="cpu"),
        skin_bones=wp.array(bones, dtype=wp.int32, device="cpu"),
        skin_weights=wp.array(weights, dtype=wp.float32, device="cpu"),
        template_joints=data.joint_regressor @ template,
        shape_joints=np.einsum("jv,kvc->kjc", data.joint_regressor, bodily, optimize=True),
        joints=np.array(joints, dtype=np.int64),
        moved=np.arange(22 if data.family == "smpl" else 52, dtype=np.int64),
    )
