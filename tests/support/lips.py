"""How deep Anny's lips lie in each other: what a drawn face must not show."""

from __future__ import annotations

import numpy as np
import warp as wp

from densesynth.appearance.paint import FIELDS, Paint
from densesynth.surface.closest import closest_points

BETWEEN = 1.4485  # height of the line between the lips on paint's rest body, metres
OUTWARD = 5e-5  # metres off its own skin from which a point asks whether it is inside
wp.set_module_options({"enable_backward": False})


@wp.kernel
def ask_inside(mesh: wp.uint64, points: wp.array(dtype=wp.vec3), sign: wp.array(dtype=wp.float32)):
    i = wp.tid()
    sign[i] = wp.mesh_query_point_sign_winding_number(mesh, points[i], 1.0, 2.0, 0.5).sign


def lip_depth(vertices: np.ndarray, paint: Paint) -> float:
    """The deepest that a vertex of one lip lies below the other's surface, millimetres. vertices: of a body at rest."""
    place, lips = paint.fields[:, :3][paint.faces].mean(axis=1), paint.fields[:, FIELDS.index("lips")]
    red = (paint.category == 0) & (lips[paint.faces].mean(axis=1) > -0.006) & (place[:, 1] < -0.09)
    lining = (paint.category == 3) & (place[:, 1] < -0.112) & (np.abs(place[:, 2] - 1.44975) < 0.00725)
    upper, lower = (np.flatnonzero((red | lining) & side) for side in (place[:, 2] > BETWEEN, place[:, 2] <= BETWEEN))
    corners = vertices[paint.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normal, paint.faces[:, k], across)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    skin = paint.faces[np.isin(paint.category, (0, 2, 3))]
    mesh = wp.Mesh(
        wp.array(vertices, dtype=wp.vec3, device="cpu"),
        wp.array(skin.ravel().astype(np.int32), dtype=wp.int32, device="cpu"),
        support_winding_number=True,
    )
    depths = [0.0]
    for own, other in ((upper, lower), (lower, upper)):
        rows = np.setdiff1d(paint.faces[own], paint.faces[other])
        sign = wp.zeros(len(rows), dtype=wp.float32, device="cpu")
        points = wp.array((vertices[rows] + OUTWARD * normal[rows]).astype(np.float32), dtype=wp.vec3, device="cpu")
        wp.launch(ask_inside, len(rows), inputs=[mesh.id, points, sign], device="cpu")
        inside = rows[sign.numpy() < 0.0]
        # A lip that lies on teeth is no nearer to the other lip for it.
        teeth = np.setdiff1d(np.flatnonzero((paint.category == 3) & (place[:, 1] < -0.12)), np.flatnonzero(lining))
        if len(inside):
            to_lip, to_teeth = (_distance(vertices, inside, paint.faces[faces]) for faces in (other, teeth))
            depths += to_lip[to_lip <= to_teeth].tolist()
    return 1000.0 * max(depths)


def _distance(vertices: np.ndarray, rows: np.ndarray, faces: np.ndarray) -> np.ndarray:
    found = closest_points(vertices[rows].astype(np.float64), vertices.astype(np.float64), faces).located
    at = (vertices[faces[found.face]] * found.barycentrics[..., None]).sum(axis=1)
    return np.linalg.norm(vertices[rows] - at, axis=1)
