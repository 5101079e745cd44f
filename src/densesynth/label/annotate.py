"""Buffers and atlas in, annotated people out."""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Bool, Float64, Int64
from densesynth.body.body import PosedBodies
from densesynth.geometry.camera import Camera
from densesynth.label.charts import ChartLabels
from densesynth.label.keypoints import CLOTH_AHEAD, KeypointHits, flesh_over, locate_keypoints
from densesynth.label.person import DensePoints, Person
from densesynth.label.points import choose_points
from densesynth.label.visibility import in_frame
from densesynth.render.buffers import Buffers
from densesynth.surface.atlas import Atlas
from densesynth.surface.parts import FINE_TO_COARSE


def annotate(
    labels: ChartLabels,
    buffers: Buffers,
    camera: Camera,
    atlas: Atlas,
    posed: PosedBodies,
    visible_vertices: Bool[Array, "p v"],
    keypoint_hits: KeypointHits,
    rng: np.random.Generator,
) -> tuple[Person, ...]:
    """The people of one picture who own at least one pixel, in the order of their instance ids.

    labels: `label_charts(buffers, atlas)`. posed: the p people, in the order of the meshes rendered. visible_vertices,
    keypoint_hits: what the renderer saw along their rays. rng: chooses the DensePose points.
    """
    people = len(posed.vertices)
    hit_part = _hit_parts(keypoint_hits, atlas)
    rows = choose_points(labels, people, rng)
    annotated = []
    for k in range(people):
        mask = buffers.instance == k + 1
        bbox = tight_box(mask)
        if bbox is None:
            continue
        area = int(np.count_nonzero(mask))
        covered = int(np.count_nonzero(buffers.coverage & np.uint32(1 << k)))
        vertices_in_camera = camera.to_camera(posed.vertices[k])
        keypoints_in_camera = camera.to_camera(posed.keypoints[k])
        flesh = flesh_over(posed.keypoints[k], posed.vertices[k])
        if keypoint_hits.worn is not None:
            flesh = flesh + CLOTH_AHEAD * keypoint_hits.worn[k]
        inside = in_frame(camera, np.concatenate([keypoints_in_camera, vertices_in_camera]))
        keypoints_inside, vertices_inside = np.split(inside, [len(keypoints_in_camera)])
        annotated.append(
            Person(
                instance=k + 1,
                bbox=bbox,
                area=area,
                mask=mask,
                coarse=labels.coarse * mask,
                keypoints=locate_keypoints(
                    camera,
                    keypoints_in_camera,
                    keypoints_inside,
                    flesh,
                    k + 1,
                    keypoint_hits.instance[k],
                    hit_part[k],
                    keypoint_hits.depth[k],
                ),
                keypoints_in_camera=keypoints_in_camera.astype(np.float32),
                joints=_project_or_nan(camera, camera.to_camera(posed.joints[k])),
                points=_dense_points(labels, atlas, rows[k]),
                visible_vertices=visible_vertices[k],
                occluded=1.0 - area / max(covered, area),
                truncated=1.0 - float(np.count_nonzero(vertices_inside)) / len(vertices_inside),
                ref_model=atlas.ref_model,
            )
        )
    return tuple(annotated)


def tight_box(mask: Bool[Array, "h w"]) -> tuple[float, float, float, float] | None:
    """x, y, w, h that just hold the mask's pixels (w = last + 1 − first), as COCO counts; None for an empty mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    x, y = float(columns[0]), float(rows[0])
    return x, y, float(columns[-1] + 1) - x, float(rows[-1] + 1) - y


def _hit_parts(hits: KeypointHits, atlas: Atlas) -> Array:
    """Coarse part of the face that each keypoint's ray meets, 0 where it meets nothing."""
    met = hits.instance > 0
    return np.where(met, FINE_TO_COARSE[atlas.part[np.where(met, hits.face, 0)]], 0).astype(np.int32)


def _project_or_nan(camera: Camera, points_in_camera: Float64[Array, "n 3"]) -> Array:
    """Pixel coordinates; NaN for points that aren't before the camera."""
    pixels = camera.project_from_camera(points_in_camera)
    pixels[points_in_camera[:, 2] <= 0.0] = np.nan
    return pixels.astype(np.float32)


def _dense_points(labels: ChartLabels, atlas: Atlas, rows: Int64[Array, "k"]) -> DensePoints:
    """The chosen rows of the labels as DensePose points, at their pixels' centres."""
    width = labels.fine.shape[1]
    pixel = labels.pixel[rows]
    return DensePoints(
        x=(pixel % width).astype(np.float32) + np.float32(0.5),
        y=(pixel // width).astype(np.float32) + np.float32(0.5),
        part=labels.part[rows],
        u=labels.u[rows],
        v=labels.v[rows],
        vertex=atlas.label_vertex(labels.face[rows], labels.barycentrics[rows]),
    )
