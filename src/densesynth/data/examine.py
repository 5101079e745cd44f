"""The audit of one frame: its files read, its pixels proved, its labels compared; answers with a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from densesynth.appearance.shell import Shell
from densesynth.arrays import Array, Float64
from densesynth.body.body import Body, PosedBodies
from densesynth.data.consistency import (
    FLESH_AT_MOST,
    METRE_TOLERANCE,
    SEEN_BEHIND,
    chart_labels_of,
    check_annotation,
    check_cutouts,
    check_image,
    check_people,
    check_pictures,
    check_pose,
    check_shapes,
    find_blocked,
)
from densesynth.data.layers import check_layers, worn_points
from densesynth.data.proof import repose, reprojection_errors, surface_points, swapped_sides
from densesynth.data.record import (
    FOLDERS,
    RECORDS,
    SEGMENTATION,
    SURFACE,
    FrameRecord,
    camera_of,
    file_of,
    read_record,
)
from densesynth.data.schema import Manifest, Record, read_json
from densesynth.errors import CameraError, DatasetError
from densesynth.geometry.camera import Camera
from densesynth.label.charts import ChartLabels
from densesynth.label.keypoints import VISIBLE
from densesynth.label.visibility import unpack_visible
from densesynth.surface.atlas import Atlas

MAX_ERROR_PX = 0.01  # law 2
DEPTH_TOLERANCE = 1e-5  # of the depth: rounding to float32


@dataclass(frozen=True)
class Breach:
    """One thing that is wrong. file: relative to the dataset's folder."""

    file: str
    what: str


@dataclass(frozen=True)
class Claims:
    """Points called visible, and how many of them the pixels around them speak against."""

    visible: int = 0
    doubtful: int = 0

    def __add__(self, other: Claims) -> Claims:
        return Claims(self.visible + other.visible, self.doubtful + other.doubtful)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What one frame shows. record: None when it can't be read. errors: reprojection error of every labelled pixel that
    could be proved, pixels. breaches: everything that is wrong."""

    record: Record | None = None
    errors: Float64[Array, "n"] = field(default_factory=lambda: np.zeros(0))
    keypoints: Claims = Claims()
    vertices: Claims = Claims()
    breaches: tuple[Breach, ...] = ()


def examine_frame(
    folder: Path, index: int, manifest: Manifest, body: Body, atlas: Atlas, shell: Shell | None = None
) -> Examination:
    """Audit frame `index`. The bodies are posed again from the stored parameters, unless vertices were kept."""

    def breaches_in(kind: str, found: list[str]) -> tuple[Breach, ...]:
        return tuple(Breach(str(file_of(Path(), kind, index)), what) for what in found)

    missing = [kind for kind in FOLDERS if not file_of(folder, kind, index).exists()]
    if missing:
        return Examination(breaches=sum((breaches_in(kind, ["missing"]) for kind in missing), ()))
    try:
        record = read_json(file_of(folder, RECORDS, index), Record)
        frame = read_record(folder, index)
    except DatasetError as error:
        file, _, what = str(error).removeprefix(f"{folder}/").partition(": ")
        return Examination(breaches=(Breach(file, what),))

    image = record.image
    breaches = breaches_in(RECORDS, check_image(frame, image.width, image.height, image.file_name, image.id))
    if frame.seed != manifest.seed:
        breaches += breaches_in(RECORDS, [f"seed {frame.seed}, the manifest's is {manifest.seed}"])
    described = (len(body.betas_names), len(body.expression_names))
    misshapen = check_shapes(frame, atlas, *described) or check_layers(frame.surface, atlas)
    if misshapen:
        return Examination(record=record, breaches=breaches + breaches_in(SURFACE, misshapen))
    camera = camera_of(frame.surface)
    try:
        camera.unproject(np.array([[0.0, 0.0], [camera.width, camera.height]]))
    except CameraError as error:
        return Examination(record=record, breaches=breaches + breaches_in(SURFACE, [str(error)]))

    labels = chart_labels_of(frame, atlas)
    posed = repose(frame.surface, body, shell)
    breaches += breaches_in(SURFACE, _check_stored_pose(frame, posed))
    if "vertices" in frame.surface:
        posed = PosedBodies(frame.surface["vertices"], posed.joints, posed.keypoints)
    breaches += breaches_in(SEGMENTATION, check_pictures(frame, labels))
    points, errors, unproved = _prove_pixels(frame, labels, posed, camera, atlas)
    breaches += breaches_in(SURFACE, unproved)

    breaches += breaches_in(RECORDS, check_people(frame))
    keypoint_claims, vertex_claims = Claims(), Claims()
    visible = unpack_visible(frame.surface["visible_vertices"], posed.vertices.shape[1])
    breaches += breaches_in(SURFACE, check_cutouts(frame, camera, posed.vertices, visible))
    for annotation in frame.annotations:
        k = annotation.densesynth.instance - 1
        found = check_annotation(annotation, frame, labels, atlas)
        if k < len(posed.vertices):
            wrong, keypoints_in_camera = check_pose(annotation, camera, posed.vertices[k], posed.keypoints[k])
            own = labels.instance == k + 1
            swapped = swapped_sides(points[own], labels.part[own], posed.joints[k], posed.keypoints[k])
            found += wrong + [f"{limb} lies along the other side's bones" for limb in swapped]
            called = np.array(annotation.keypoints[2::3]) == VISIBLE
            keypoint_claims += _claims(keypoints_in_camera[called], k + 1, FLESH_AT_MOST, camera, frame)
            seen = camera.to_camera(posed.vertices[k][visible[k]])
            vertex_claims += _claims(seen, k + 1, SEEN_BEHIND, camera, frame)
        breaches += breaches_in(RECORDS, [f"person {k + 1}: {what}" for what in found])
    return Examination(
        record=record, errors=errors, keypoints=keypoint_claims, vertices=vertex_claims, breaches=breaches
    )


def _check_stored_pose(frame: FrameRecord, posed: PosedBodies) -> list[str]:
    """Joints, keypoints and kept vertices in the file against the body posed again."""
    pairs = [("joints_in_world", posed.joints), ("keypoints_in_world", posed.keypoints)]
    if "vertices" in frame.surface:
        pairs.append(("vertices", posed.vertices))
    breaches = []
    for name, expected in pairs:
        stored = frame.surface[name]
        if stored.shape != expected.shape:
            breaches.append(f"`{name}` has shape {stored.shape}, the body gives {expected.shape}")
        elif (off := float(np.abs(stored - expected).max(initial=0.0))) > METRE_TOLERANCE:
            breaches.append(f"`{name}` is up to {off:.2g} m from the body posed again")
    return breaches


def _prove_pixels(
    frame: FrameRecord, labels: ChartLabels, posed: PosedBodies, camera: Camera, atlas: Atlas
) -> tuple[Float64[Array, "n 3"], Float64[Array, "n"], list[str]]:
    """Every labelled pixel's surface point in the world, its reprojection error in pixels, and what is wrong."""
    points = surface_points(posed.vertices, atlas.faces, labels.instance, labels.face, labels.barycentrics[:, :2])
    breaches: list[str] = []
    if "layer" in frame.surface:
        # Proved on the surface actually seen: the cloth, not the body under it.
        on_worn, seen, breaches = worn_points(frame.surface, labels.face, labels.barycentrics, atlas)
        points_seen = points.copy()
        points_seen[on_worn] = seen
    else:
        points_seen = points
    in_camera = camera.to_camera(points_seen)
    errors = reprojection_errors(in_camera, camera, labels.pixel)
    if beyond := np.count_nonzero(~(errors <= MAX_ERROR_PX)):
        breaches.append(f"{beyond} pixels reproject over {MAX_ERROR_PX} px off, the worst by {errors.max():.3g} px")
    depth = in_camera[:, 2]
    if wrong := np.count_nonzero(~(np.abs(depth - frame.surface["depth"]) <= DEPTH_TOLERANCE * np.abs(depth))):
        breaches.append(f"depth differs from the posed body's at {wrong} pixels")
    return points, errors, breaches


def _claims(
    points: Float64[Array, "n 3"], instance: int, own_flesh: float, camera: Camera, frame: FrameRecord
) -> Claims:
    """Points of a person that are called visible, camera frame."""
    before_camera = points[:, 2] > 0.0
    blocked = find_blocked(points[before_camera], instance, own_flesh, camera, frame)
    return Claims(len(points), int(np.count_nonzero(~before_camera) + np.count_nonzero(blocked)))
