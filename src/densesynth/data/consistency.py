"""Checks of one frame's files against each other: pictures against surface points, annotations against both.

Every function answers with the breaches it found, one line each, and with nothing when all is well.
"""

from __future__ import annotations

import numpy as np

from densesynth.appearance.layout import ROW
from densesynth.appearance.shell import CUT
from densesynth.arrays import Array, Bool, Float32, Float64
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.compose.occluder import HALF, under_cutout
from densesynth.data.coco import (
    INSTANCES_PER_IMAGE,
    decode_mask,
    decode_parts,
    encode_parts,
    image_of,
    stretch_box,
)
from densesynth.data.record import FrameRecord
from densesynth.data.schema import Annotation
from densesynth.geometry.camera import Camera
from densesynth.label.annotate import tight_box
from densesynth.label.charts import ChartLabels, chart_surface
from densesynth.label.keypoints import CLOTH_AHEAD, VISIBLE
from densesynth.label.visibility import in_frame
from densesynth.surface.atlas import Atlas
from densesynth.surface.parts import FINE_TO_COARSE

KEYPOINT_TOLERANCE = 0.01  # pixels
METRE_TOLERANCE = 1e-4
SHARE_TOLERANCE = 1e-5
UV_TOLERANCE = 2e-6  # of the six decimals in the JSON
BARYCENTRIC_TOLERANCE = 1e-4
FLESH_AT_MOST = 0.25  # metres from a keypoint to the nearest skin
SEEN_BEHIND = 0.02  # metres by which a visible point may lie behind the pixels around it


def check_shapes(frame: FrameRecord, atlas: Atlas, betas: int, expressions: int) -> list[str]:
    """Whether the arrays have the documented types and fit each other; the other checks rely on it.

    betas, expressions: how many numbers describe a body's shape and its face.
    """
    surface, breaches = frame.surface, []
    height, width = frame.picture.shape[:2]
    for name, picture in (("iuv", frame.iuv), ("segmentation", frame.segmentation)):
        if picture.shape[:2] != (height, width):
            breaches.append(f"{name} is {picture.shape[:2]}, the picture is {height}×{width}")
    pixels, people = int(np.count_nonzero(surface["instance"])), len(surface["transl"])
    vertices = int(atlas.faces.max()) + 1
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "instance": ("uint8", (height, width)),
        "coverage": ("uint8 uint16 uint32", (height, width)),
        "face": ("uint16 int32", (pixels,)),
        "barycentrics": ("float32", (pixels, 2)),
        "depth": ("float32", (pixels,)),
        "normal": ("int8", (pixels, 3)),
        "camera_from_world": ("float64", (4, 4)),
        "intrinsics": ("float64", (4,)),
        "distortion": ("float64", (5,)),
        "fisheye": ("float64", (4,)),
        "betas": ("float32", (people, betas)),
        "expression": ("float32", (people, expressions)),
        "rotations": ("float32", (people, 52, 3)),
        "transl": ("float32", (people, 3)),
        "keypoints_in_world": ("float32", (people, 17, 3)),
        "joints_in_world": ("float32", (people, 52, 3)),
        "visible_vertices": ("uint8", (people, -(-vertices // 8))),
        "vertices": ("float32", (people, vertices, 3)),
        "occluder_alpha": ("uint8", (height, width)),
        "outfits": ("uint8", (people, ROW.itemsize)),
        "cuts": ("float32", (people, len(CUT))),
    }
    for name, array in surface.items():
        kind, shape = expected.get(name, (str(array.dtype), array.shape))
        if array.dtype.name not in kind.split() or array.shape != shape:
            breaches.append(f"`{name}` is {array.dtype} {array.shape}, expected {kind} {shape}")
        elif array.dtype.kind == "f" and not np.isfinite(array).all():
            breaches.append(f"`{name}` holds values that aren't finite")
    if breaches:
        return breaches
    if int(surface["instance"].max(initial=0)) > people:
        breaches.append(f"instance {surface['instance'].max()} of {people} people")
    wearers = [one.instance for one in frame.wears]
    if wearers != sorted(set(wearers)) or max(wearers, default=0) > people:
        breaches.append(f"`wears` names people {wearers} of {people}")
    face, weight = surface["face"], surface["barycentrics"]
    if pixels and (face.min() < 0 or face.max() >= len(atlas.faces)):
        breaches.append(f"face {face.max()} of a mesh with {len(atlas.faces)}")
    if pixels and (weight.min() < -BARYCENTRIC_TOLERANCE or weight.sum(axis=1).max() > 1.0 + BARYCENTRIC_TOLERANCE):
        breaches.append("barycentrics outside their face")
    if pixels and np.abs(np.linalg.norm(surface["normal"].astype(np.float32), axis=1) - 127.0).max() > 2.0:
        breaches.append("normals that aren't of unit length")
    return breaches


def check_cutouts(
    frame: FrameRecord, camera: Camera, vertices: Float32[Array, "p v 3"], visible: Bool[Array, "p v"]
) -> list[str]:
    """Nothing is labelled or called visible where a cut-out hides it."""
    if "occluder_alpha" not in frame.surface:
        return []
    hidden = frame.surface["occluder_alpha"] >= HALF
    breaches = []
    if labelled := np.count_nonzero(hidden & (frame.surface["instance"] > 0)):
        breaches.append(f"{labelled} pixels are labelled under cut-outs")
    if under := np.count_nonzero(visible & under_cutout(camera, vertices, hidden)):
        breaches.append(f"{under} visible vertices under cut-outs")
    for annotation in frame.annotations:
        for name, (x, y, code) in zip(COCO_KEYPOINTS, np.reshape(annotation.keypoints, (17, 3)), strict=True):
            column, row = min(int(x), camera.width - 1), min(int(y), camera.height - 1)
            if code == VISIBLE and hidden[row, column]:
                breaches.append(f"person {annotation.densesynth.instance}: {name} called visible under a cut-out")
    return breaches


def chart_labels_of(frame: FrameRecord, atlas: Atlas) -> ChartLabels:
    """Apply the atlas to the frame's stored surface points once more."""
    surface = frame.surface
    return chart_surface(surface["instance"], surface["face"].astype(np.int32), surface["barycentrics"], atlas)


def check_pictures(frame: FrameRecord, labels: ChartLabels) -> list[str]:
    """IUV and segmentation pictures against what the surface points say."""
    instance, coverage = frame.surface["instance"], frame.surface["coverage"]
    own_bit = coverage.astype(np.uint32) >> (np.maximum(instance, 1).astype(np.uint32) - 1) & 1
    pairs = (
        ("iuv: I (fine part)", frame.iuv[:, :, 0] != labels.iuv[:, :, 0]),
        ("iuv: U", frame.iuv[:, :, 1] != labels.iuv[:, :, 1]),
        ("iuv: V", frame.iuv[:, :, 2] != labels.iuv[:, :, 2]),
        ("segmentation: instance", frame.segmentation[:, :, 0] != instance),
        ("segmentation: coarse part", frame.segmentation[:, :, 1] != labels.coarse),
        ("segmentation: fine part", frame.segmentation[:, :, 2] != labels.fine),
        ("surface: coverage", (instance > 0) & (own_bit == 0)),
    )
    return [
        f"{what} disagrees with the surface points at {np.count_nonzero(wrong)} pixels"
        for what, wrong in pairs
        if wrong.any()
    ]


def check_image(frame: FrameRecord, width: int, height: int, file_name: str, image_id: int) -> list[str]:
    """The record's image entry against the frame's number and picture."""
    expected = image_of(frame.index, frame.picture.shape[1], frame.picture.shape[0])
    found = (image_id, file_name, width, height)
    wanted = (expected.id, expected.file_name, expected.width, expected.height)
    return [] if found == wanted else [f"record: image entry {found}, expected {wanted}"]


def check_people(frame: FrameRecord) -> list[str]:
    """Every visible person has one annotation, and nobody else."""
    visible = set(np.unique(frame.segmentation[:, :, 0]).tolist()) - {0}
    annotated = [annotation.densesynth.instance for annotation in frame.annotations]
    breaches = []
    if len(annotated) != len(set(annotated)):
        breaches.append(f"record: instances {annotated} repeat")
    if set(annotated) != visible:
        breaches.append(f"record: instances {sorted(annotated)}, the segmentation shows {sorted(visible)}")
    return breaches


def check_annotation(annotation: Annotation, frame: FrameRecord, labels: ChartLabels, atlas: Atlas) -> list[str]:
    """One person's masks, box and DensePose points against the pictures."""
    k = annotation.densesynth.instance
    breaches = []
    if annotation.id != frame.index * INSTANCES_PER_IMAGE + k or annotation.image_id != frame.index:
        breaches.append(f"ids {annotation.id}, {annotation.image_id} don't belong to this frame and instance")
    if annotation.ref_model != atlas.ref_model:
        breaches.append(f"ref_model `{annotation.ref_model}`, the atlas has `{atlas.ref_model}`")
    mask = frame.segmentation[:, :, 0] == k
    box = tight_box(mask)
    if box is None or [*box] != annotation.bbox:
        breaches.append(f"bbox {annotation.bbox}, the mask's box is {box}")
        return breaches
    if annotation.area != np.count_nonzero(mask):
        breaches.append(f"area {annotation.area}, the mask has {np.count_nonzero(mask)} pixels")
    decoded = _decoded(annotation)
    if decoded is None or not np.array_equal(decoded, mask):
        breaches.append("segmentation RLE differs from the mask in the PNG")
    coarse = np.where(mask, frame.segmentation[:, :, 1], np.uint8(0))
    if annotation.dp_masks != encode_parts(coarse, box) or not np.array_equal(
        decode_parts(annotation.dp_masks), stretch_box(coarse, box)
    ):
        breaches.append("dp_masks differ from the coarse parts in the PNG")
    occluded = 1.0 - annotation.area / max(_covered(frame, k), annotation.area)
    if abs(occluded - annotation.densesynth.occluded) > SHARE_TOLERANCE:
        breaches.append(f"occluded {annotation.densesynth.occluded}, the coverage says {occluded:.6f}")
    return breaches + _check_points(annotation, mask, frame, labels, atlas)


def check_pose(
    annotation: Annotation, camera: Camera, vertices: Float32[Array, "v 3"], keypoints: Float32[Array, "17 3"]
) -> tuple[list[str], Float64[Array, "17 3"]]:
    """One person's keypoints and truncation against the posed body; also the keypoints in the camera, metres."""
    breaches = []
    in_camera = camera.to_camera(keypoints)
    stored = np.array(annotation.densesynth.keypoints_in_camera)
    if np.abs(stored - in_camera).max() > METRE_TOLERANCE:
        breaches.append("keypoints_in_camera differ from the posed body's")
    found = np.array(annotation.keypoints, dtype=np.float64).reshape(17, 3)
    inside = in_frame(camera, in_camera)
    projected = camera.project_from_camera(in_camera)
    expected = np.where(inside[:, None], projected, 0.0)
    named = found[:, 2] > 0
    for k in np.flatnonzero((named != inside) | ~np.isin(found[:, 2], (0, 1, 2))):
        if _off_edge(projected[k], camera) > KEYPOINT_TOLERANCE:
            where = "inside" if inside[k] else "outside"
            breaches.append(f"{COCO_KEYPOINTS[k]}: code {found[k, 2]:g}, but it is {where} the frame")
    distance = np.hypot(*(found[:, :2] - expected).T)
    for k in np.flatnonzero((named & inside | ~named & ~inside) & (distance > KEYPOINT_TOLERANCE)):
        breaches.append(f"{COCO_KEYPOINTS[k]}: {distance[k]:.2f} px from where the posed body has it")
    if annotation.num_keypoints != np.count_nonzero(named):
        breaches.append(f"num_keypoints {annotation.num_keypoints}, {np.count_nonzero(named)} are named")

    vertices_in_camera = camera.to_camera(vertices)
    vertex_inside = in_frame(camera, vertices_in_camera)
    if vertex_inside.all():
        outline = camera.project_from_camera(vertices_in_camera)
        low, high = outline.min(axis=0) - 1.0, outline.max(axis=0) + 1.0
        for k in np.flatnonzero(named & ((found[:, :2] < low) | (found[:, :2] > high)).any(axis=1)):
            breaches.append(f"{COCO_KEYPOINTS[k]}: outside the person's own box")
    flesh = [np.linalg.norm(vertices - keypoint, axis=1).min() for keypoint in keypoints]
    for k in np.flatnonzero(np.array(flesh) > FLESH_AT_MOST):
        breaches.append(f"{COCO_KEYPOINTS[k]}: {flesh[k]:.2f} m from the skin")
    truncated = 1.0 - np.count_nonzero(vertex_inside) / len(vertices)
    if abs(truncated - annotation.densesynth.truncated) > SHARE_TOLERANCE + 2.0 / len(vertices):
        breaches.append(f"truncated {annotation.densesynth.truncated}, the posed body says {truncated:.6f}")
    return breaches, in_camera


def find_blocked(
    points_in_camera: Float64[Array, "n 3"], instance: int, own_flesh: float, camera: Camera, frame: FrameRecord
) -> Bool[Array, "n"]:
    """Which of a person's points (all before the camera) can't be visible, judged by the 3×3 pixels around them.

    They can't where surfaces fill all nine and lie before the point: by over 2 cm, or by over `own_flesh` metres where
    they are the person's own. A gap narrower than a pixel can make this wrong, so it is only evidence.
    """
    owner = np.pad(frame.surface["instance"], 1)
    depth = np.full(owner.shape, np.inf, dtype=np.float32)
    depth[owner > 0] = frame.surface["depth"]
    depth[owner == instance] += np.float32(own_flesh - SEEN_BEHIND)
    if "layer" in frame.surface:  # what a person wears hangs before the flesh that it shows
        depth[(np.pad(frame.surface["layer"], 1) > 0) & (owner == instance)] += np.float32(CLOTH_AHEAD)
    pixel = np.floor(camera.project_from_camera(points_in_camera)).astype(np.intp)
    column, row = np.clip(pixel[:, 0], 0, camera.width - 1), np.clip(pixel[:, 1], 0, camera.height - 1)
    window = np.arange(3)
    rows, columns = (row[:, None] + window)[:, :, None], (column[:, None] + window)[:, None, :]
    before = depth[rows, columns] < points_in_camera[:, 2, None, None] - SEEN_BEHIND
    blocked: Array = before.all(axis=(1, 2))
    return blocked


def _check_points(
    annotation: Annotation, mask: Bool[Array, "h w"], frame: FrameRecord, labels: ChartLabels, atlas: Atlas
) -> list[str]:
    """DensePose points: in the mask, at pixel centres, with the labels of the surface point there."""
    columns = (annotation.dp_I, annotation.dp_U, annotation.dp_V, annotation.dp_x, annotation.dp_y)
    count = len(annotation.dp_vertex)
    if any(len(column) != count for column in columns):
        return ["dp lists differ in length"]
    if not count:
        return ["no dp points on a visible person"]
    part, u, v, dp_x, dp_y = (np.array(column, dtype=np.float64) for column in columns)
    x, y, w, h = annotation.bbox
    at_x, at_y = x + dp_x * w / 256.0, y + dp_y * h / 256.0
    column = np.clip(np.floor(at_x), 0, mask.shape[1] - 1).astype(np.intp)
    row = np.clip(np.floor(at_y), 0, mask.shape[0] - 1).astype(np.intp)
    if np.hypot(at_x - column - 0.5, at_y - row - 0.5).max() > KEYPOINT_TOLERANCE or not mask[row, column].all():
        return ["dp points that aren't at centres of the person's pixels"]
    packed = frame.iuv[row, column].astype(np.float64)
    truncation = np.column_stack([u, v]) * 255.0 - packed[:, 1:]
    slack = 255.0 * UV_TOLERANCE
    breaches = []
    if (packed[:, 0] != part).any() or (truncation < -slack).any() or (truncation >= 1.0 + slack).any():
        breaches.append("dp points differ from the IUV picture at their pixels")
    at = np.searchsorted(labels.pixel, row * mask.shape[1] + column)
    exact = np.column_stack([labels.u[at], labels.v[at]])
    if (labels.part[at] != part).any() or np.abs(exact - np.column_stack([u, v])).max() > UV_TOLERANCE:
        breaches.append("dp points differ from the surface points at their pixels")
    vertex = atlas.label_vertex(labels.face[at], labels.barycentrics[at])
    if not np.array_equal(vertex, annotation.dp_vertex):
        breaches.append("dp_vertex differs from the nearest vertices of the surface points")
    coarse = np.bincount(FINE_TO_COARSE[labels.part[at]])
    if coarse.max() > 14:
        breaches.append(f"{coarse.max()} dp points in one part, at most 14 are allowed")
    return breaches


def _decoded(annotation: Annotation) -> Bool[Array, "h w"] | None:
    try:
        return decode_mask(annotation.segmentation)
    except ValueError:  # runs that don't fit the size
        return None


def _covered(frame: FrameRecord, instance: int) -> int:
    """Pixels that this person would own if nobody stood before them."""
    bit = 1 << (instance - 1)
    return int(np.count_nonzero(frame.surface["coverage"] & frame.surface["coverage"].dtype.type(bit)))


def _off_edge(pixel: Float64[Array, "2"], camera: Camera) -> float:
    """How far a pixel coordinate is from the frame's nearest edge, pixels."""
    x, y = pixel
    return float(min(abs(x), abs(y), abs(x - camera.width), abs(y - camera.height)))
