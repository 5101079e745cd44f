"""Files of SMPL's format with a plausible person in them, made from Anny: python tools/stand_in_smpl.py FOLDER.

Keys, shapes and dtypes are those of the official SMPL, SMPL-H and SMPL-X files; template, skinning, joints and ten
shape directions (principal components of Anny's adults of that sex) are Anny's (CC0), on Anny's mesh cut down to 6890
vertices (10475 for SMPL-X, with eyes that are open holes and no expression). `--charts` adds Anny's charts in the form
of DensePose's `UV_Processed.mat` (two triangles of 13776 in no chart, as there) and a CSE mesh, `--anny` a table of the
form of Anny's `anny2smpl.pth` that lays Anny on the same mesh. No official number and
nothing of SMPL's topology is in them: with them, all that SMPL bodies pass through can be tried and looked at without
the files that may not be handed on.
"""

from __future__ import annotations

import argparse
import heapq
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.io import savemat

from densesynth.bodies import open_body
from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.anny_package import construct_anny
from densesynth.body.smpl import FACE_VERTICES, OURS_FROM_SMPL
from densesynth.geometry.skeleton import JOINT, PARENTS
from densesynth.motion.amass import PELVIS_FROM_ORIGIN
from densesynth.scene.settings import BodySettings
from densesynth.surface.official import CHART_VERTICES

SIZES = {"smpl": (6890, 13776), "smplh": (6890, 13776), "smplx": (10475, 20908)}  # vertices, faces
COUNTS = {"smpl": 10, "smplh": 16, "smplx": 400}  # shape directions; SMPL-X's last hundred are expressions
ADULTS, RING = 60, 300
GENDERS = {"male": 0.0, "female": 1.0, "neutral": 0.5}


def main_skin(faces: np.ndarray, count: int) -> np.ndarray:
    """Faces of the largest connected piece, its openings (eyes) closed by fans."""
    label = np.arange(count)
    while True:
        low = label[faces].min(axis=1)
        new = label.copy()
        np.minimum.at(new, faces.reshape(-1), np.repeat(low, 3))
        new = new[new]
        if np.array_equal(new, label):
            break
        label = new
    owner = label[faces[:, 0]]
    skin = faces[owner == np.bincount(owner).argmax()]
    directed = {(int(a), int(b)) for face in skin for a, b in zip(face, np.roll(face, -1), strict=True)}
    following = {b: a for a, b in directed if (b, a) not in directed}
    fans = []
    while following:
        loop = [next(iter(following))]
        while (after := following.pop(loop[-1])) != loop[0]:
            loop.append(after)
        fans += [(loop[0], loop[k], loop[k + 1]) for k in range(1, len(loop) - 1)]
    return np.concatenate([skin, np.array(fans, skin.dtype).reshape(-1, 3)])


def cut_down(rest: np.ndarray, faces: np.ndarray, keep: set[int], count: int) -> np.ndarray:
    """Faces of a closed mesh after its shortest edges have shrunk onto one end, until `count` vertices are left."""
    around: dict[int, set[int]] = {}
    triangles = [tuple(int(v) for v in face) for face in faces]
    alive = [True] * len(triangles)
    for number, triangle in enumerate(triangles):
        for vertex in triangle:
            around.setdefault(vertex, set()).add(number)

    def neighbours(vertex: int) -> set[int]:
        return {other for number in around[vertex] for other in triangles[number]} - {vertex}

    def length(a: int, b: int) -> float:
        return float(((rest[a] - rest[b]) ** 2).sum())

    heap = [(length(a, b), a, b) for a in around for b in neighbours(a)]
    heapq.heapify(heap)
    left = len(around)
    while left > count:
        _, gone, stays = heapq.heappop(heap)
        if gone not in around or stays not in around or gone in keep or stays not in neighbours(gone):
            continue
        if len(neighbours(gone) & neighbours(stays)) != 2 or len(around[gone]) < 4:
            continue
        moved = []
        for number in around[gone]:
            if stays in triangles[number]:
                continue
            new = tuple(stays if vertex == gone else vertex for vertex in triangles[number])
            old_normal, normal = (
                np.cross(rest[t[1]] - rest[t[0]], rest[t[2]] - rest[t[0]]) for t in (triangles[number], new)
            )
            if old_normal @ normal < 0.3 * np.linalg.norm(old_normal) * np.linalg.norm(normal):
                break
            moved.append((number, new))
        else:
            for number in [n for n in around[gone] if stays in triangles[n]]:
                alive[number] = False
                for vertex in triangles[number]:
                    around[vertex].discard(number)
            for number, new in moved:
                triangles[number] = new
                around[stays].add(number)
            del around[gone]
            left -= 1
            for other in neighbours(stays):
                distance = length(stays, other)
                heapq.heappush(heap, (distance, stays, other))
                heapq.heappush(heap, (distance, other, stays))
    return np.array([triangle for triangle, there in zip(triangles, alive, strict=True) if there])


def stand_in_mesh(anny: AnnyBody, family: str = "smpl") -> tuple[np.ndarray, np.ndarray]:
    """(Anny's vertex of each of the family's, faces); nose, eyes and ears where the family has them."""
    vertices, count = SIZES[family]
    rest = anny.pose(anny.average_betas()[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    skin = main_skin(anny.faces, len(rest.vertices[0]))
    used = np.unique(skin)
    marks = []
    for point in rest.keypoints[0, :5]:
        order = used[np.argsort(np.linalg.norm(rest.vertices[0, used] - point, axis=1), kind="stable")]
        marks.append(next(int(vertex) for vertex in order if vertex not in marks))
    faces = cut_down(rest.vertices[0].astype(np.float64), skin, set(marks), vertices)
    kept = np.unique(faces)
    faces = open_eyes(rest.vertices[0], faces, rest.keypoints[0, 1:3], len(faces) - count)
    if len(kept) != vertices or len(faces) != count:
        raise RuntimeError(f"{len(kept)} vertices, {len(faces)} faces: Anny's skin is no closed surface of genus 0")
    places = dict(zip(FACE_VERTICES[family], marks, strict=True))
    others = iter(vertex for vertex in kept.tolist() if vertex not in marks)
    order = np.array([places[k] if k in places else next(others) for k in range(vertices)])
    position = np.zeros(kept.max() + 1, np.int64)
    position[order] = np.arange(vertices)
    return order, position[faces]


def open_eyes(rest: np.ndarray, faces: np.ndarray, eyes: np.ndarray, count: int) -> np.ndarray:
    """`count` faces fewer, half at each eye: the nearest to it, each of which leaves its corners other faces."""
    left, used = np.ones(len(faces), bool), np.bincount(faces.ravel())
    centres = rest[faces].mean(axis=1)
    for eye in eyes:
        gone = 0
        for face in np.linalg.norm(centres - eye, axis=1).argsort(kind="stable"):
            if gone == count // 2:
                break
            if left[face] and used[faces[face]].min() > 2:
                left[face] = False
                used[faces[face]] -= 1
                gone += 1
    return faces[left]


def make_stand_in(
    anny: AnnyBody, mesh: tuple[np.ndarray, np.ndarray], family: str, sex: str, seed: int = 0
) -> dict[str, Any]:
    """The arrays of a file of SMPL's ("smpl") or SMPL-H's ("smplh") format."""
    order, faces = mesh
    rng = np.random.default_rng(seed)
    adults = np.stack([anny.sample_betas(rng) for _ in range(ADULTS)])
    adults[:, anny.betas_names.index("gender")] = GENDERS[sex]
    rest = anny.pose(adults, np.zeros((ADULTS, 52, 3), np.float32), np.zeros((ADULTS, 3), np.float32))
    people = (rest.vertices[:, order].astype(np.float64)) @ OURS_FROM_SMPL + PELVIS_FROM_ORIGIN
    joints = rest.joints.astype(np.float64) @ OURS_FROM_SMPL + PELVIS_FROM_ORIGIN
    parents = list(PARENTS)
    if family == "smpl":
        hands = [JOINT["left_middle1"], JOINT["right_middle1"]]
        joints, parents = np.concatenate([joints[:, :22], joints[:, hands]], axis=1), [*PARENTS[:22], 20, 21]
    if family == "smplx":
        eyes = rest.keypoints[:, 1:3].astype(np.float64) @ OURS_FROM_SMPL + PELVIS_FROM_ORIGIN
        jaw = 0.5 * (joints[:, JOINT["head"], None] + eyes.mean(axis=1, keepdims=True))
        joints = np.concatenate([joints[:, :22], jaw, eyes, joints[:, 22:]], axis=1)
        fingers = [parent + 3 if parent >= 22 else parent for parent in PARENTS[22:]]
        parents = [*PARENTS[:22], JOINT["head"], JOINT["head"], JOINT["head"], *fingers]
    template = people.mean(axis=0)
    _, sizes, ways = np.linalg.svd((people - template).reshape(ADULTS, -1), full_matrices=False)
    count, vertices = min(COUNTS[family], 16), len(order)
    shapes = np.zeros((COUNTS[family], vertices, 3))
    shapes[:count] = (ways[:count] * (sizes[:count] / np.sqrt(ADULTS - 1))[:, None]).reshape(count, vertices, 3)
    regressor = np.zeros((len(parents), vertices))
    for joint in range(len(parents)):
        ring = np.linalg.norm(template - joints[:, joint].mean(axis=0), axis=1).argsort(kind="stable")[:RING]
        known = np.concatenate([people[:, ring].transpose(0, 2, 1).reshape(-1, RING), 10.0 * np.ones((1, RING))])
        wanted = np.append(joints[:, joint].reshape(-1), 10.0)
        weights = np.linalg.lstsq(known, wanted, rcond=1e-4)[0]
        regressor[joint, ring] = weights / weights.sum()
    pose = 5e-4 * rng.normal(size=(1, 3, 9 * (len(parents) - 1))) * np.sin(30.0 * template[:, :, None])
    tree = np.stack([parents, np.arange(len(parents))]).astype(np.int64)
    tree[0, 0] = 2**32 - 1
    table = {
        "v_template": template,
        "f": faces.astype(np.uint32),
        "shapedirs": shapes.transpose(1, 2, 0),
        "posedirs": pose,
        "J_regressor": regressor,
        "kintree_table": tree,
        "weights": _weights(anny, order, family),
        "J": regressor @ template,
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    if family != "smpl":
        for side in "lr":
            table[f"hands_components{side}"], table[f"hands_mean{side}"] = np.eye(45), np.zeros(45)
    return table


def _weights(anny: AnnyBody, order: np.ndarray, family: str) -> np.ndarray:
    """Anny's skinning, each bone's share given to the joint it hangs on."""
    owner = np.full(len(anny.rig.parents), -1)
    for joint, bone in enumerate(anny.rig.joint_bones):
        owner[bone] = joint
    for bone, parent in enumerate(anny.rig.parents):
        if owner[bone] < 0:
            owner[bone] = 0 if parent < 0 else owner[parent]
    if family == "smpl":
        owner = np.where(owner >= 37, 23, np.where(owner >= 22, 22, owner))
    if family == "smplx":
        owner = np.where(owner >= 22, owner + 3, owner)
    starts = anny.skin_starts.numpy()
    vertex = np.repeat(np.arange(anny.vertex_count), np.diff(starts))
    dense = np.zeros((anny.vertex_count, {"smpl": 24, "smplh": 52, "smplx": 55}[family]))
    np.add.at(dense, (vertex, owner[anny.skin_bones.numpy()]), anny.skin_weights.numpy().astype(np.float64))
    dense = dense[order]
    return dense / dense.sum(axis=1, keepdims=True)


def write_stand_in(
    folder: Path, anny: AnnyBody, family: str, sexes: tuple[str, ...] = ("male", "female")
) -> list[Path]:
    """Write the files under names that tell the sex; returns their paths."""
    mesh = stand_in_mesh(anny, family)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for sex in sexes:
        table = make_stand_in(anny, mesh, family, sex)
        path = folder / f"{family}_{sex}.{'pkl' if family == 'smpl' else 'npz'}"
        if family == "smpl":
            path.write_bytes(pickle.dumps(table, protocol=2))
        else:
            np.savez(path, **table)
        paths.append(path)
    return paths


def write_table(folder: Path, anny: AnnyBody, mesh: tuple[np.ndarray, np.ndarray]) -> Path:
    """Anny on a stand-in's mesh as `anny2smpl.pth`: each vertex near a corner of one of Anny's faces, in it."""
    order, faces = mesh
    base = construct_anny().base_mesh_vertex_indices.numpy()
    face_of = np.zeros(anny.vertex_count, np.int64)
    corner_of = np.zeros(anny.vertex_count, np.int64)
    for corner in range(3):
        face_of[anny.faces[:, corner]] = np.arange(len(anny.faces))
        corner_of[anny.faces[:, corner]] = corner
    turned = (np.arange(3) + corner_of[order, None]) % 3
    corners = np.take_along_axis(anny.faces[face_of[order]], turned, axis=1)
    weights = np.tile([0.9, 0.06, 0.04], (len(order), 1))
    table = {
        "anny2dst_barycentric_coordinates": torch.as_tensor(np.ascontiguousarray(weights.T)),
        "anny2dst_vertex_indices": torch.as_tensor(base[corners]),
        "dst_faces": torch.as_tensor(faces.astype(np.int64)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "anny2smpl.pth"
    torch.save(table, path)
    return path


def write_charts(folder: Path, body: Path) -> tuple[Path, Path]:
    """Anny's charts, carried to a stand-in of SMPL's, as `UV_Processed.mat`; and its mesh cut finer once, as CSE's."""
    settings = BodySettings(model="smpl", files=body)
    atlas = open_body(settings, print).atlas
    pairs = np.stack([np.repeat(atlas.part, 3), atlas.faces.ravel()], axis=1)
    kept, first, corner = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    charted = np.setdiff1d(np.arange(len(atlas.faces)), np.flatnonzero(atlas.part == 23)[:2])
    corner = corner.reshape(-1, 3)
    for row in charted[: CHART_VERTICES - len(kept)]:  # corners cut free, as along seams within a part
        first, kept = np.append(first, first[corner[row, 0]]), np.vstack([kept, kept[corner[row, 0]]])
        corner[row, 0] = len(kept) - 1
    u, v = atlas.uv.reshape(-1, 2)[first].astype(np.float64).T
    charts = folder / "UV_Processed.mat"
    savemat(
        charts,
        {
            "All_vertices": (kept[None, :, 1] + 1).astype(np.uint32),
            "All_Faces": (corner[charted] + 1).astype(np.uint16),
            "All_FaceIndices": atlas.part[charted, None],
            "All_U_norm": u[:, None],
            "All_V_norm": v[:, None],
        },
        do_compression=True,
    )
    edges = np.sort(np.concatenate([atlas.faces[:, [k, (k + 1) % 3]] for k in range(3)]), axis=1)
    ends, number = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = number.reshape(3, -1) + len(atlas.rest_position)
    a, b, c = atlas.faces.T
    finer = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    rest = atlas.rest_position.astype(np.float64) @ OURS_FROM_SMPL
    mesh = folder / "smpl_27554.pkl"
    mesh.write_bytes(pickle.dumps({"vertices": np.concatenate([rest, rest[ends].mean(axis=1)]), "faces": finer}, 2))
    return charts, mesh


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=tuple(SIZES), default="smpl")
    parser.add_argument("--sexes", nargs="+", choices=tuple(GENDERS), default=("male", "female"))
    parser.add_argument("--anny", action="store_true", help="anny2smpl.pth too (family smpl)")
    parser.add_argument("--charts", action="store_true", help="UV_Processed.mat and a CSE mesh too (family smpl)")
    arguments = parser.parse_args()
    paths = write_stand_in(arguments.folder, load_anny(print), arguments.family, tuple(arguments.sexes))
    if arguments.anny:
        anny = load_anny()
        paths.append(write_table(arguments.folder, anny, stand_in_mesh(anny)))
    if arguments.charts:
        paths += write_charts(arguments.folder, paths[0])
    for path in paths:
        print(path)


if __name__ == "__main__":
    main()
