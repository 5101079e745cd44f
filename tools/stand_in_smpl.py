"""Files of SMPL's format with a plausible person in them, made from Anny: python tools/stand_in_smpl.py FOLDER.

Keys, shapes and dtypes are those of the official SMPL and SMPL-H files; template, skinning, joints and ten shape
directions (principal components of Anny's adults of that sex) are Anny's (CC0), on Anny's mesh cut down to 6890
vertices. No official number and nothing of SMPL's topology is in them: with them, all that SMPL bodies pass through can
be tried and looked at without the files that may not be handed on.
"""

from __future__ import annotations

import argparse
import heapq
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.smpl import FACE_VERTICES, OURS_FROM_SMPL
from densesynth.geometry.skeleton import JOINT, PARENTS
from densesynth.motion.amass import PELVIS_FROM_ORIGIN

VERTICES, FACES = 6890, 13776
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


def stand_in_mesh(anny: AnnyBody) -> tuple[np.ndarray, np.ndarray]:
    """(Anny's vertex of each of the 6890, faces (13776, 3)); nose, eyes and ears where SMPL has them."""
    rest = anny.pose(anny.average_betas()[None], np.zeros((1, 52, 3), np.float32), np.zeros((1, 3), np.float32))
    skin = main_skin(anny.faces, len(rest.vertices[0]))
    used = np.unique(skin)
    marks = []
    for point in rest.keypoints[0, :5]:
        order = used[np.argsort(np.linalg.norm(rest.vertices[0, used] - point, axis=1), kind="stable")]
        marks.append(next(int(vertex) for vertex in order if vertex not in marks))
    faces = cut_down(rest.vertices[0].astype(np.float64), skin, set(marks), VERTICES)
    kept = np.unique(faces)
    if len(kept) != VERTICES or len(faces) != FACES:
        raise RuntimeError(f"{len(kept)} vertices, {len(faces)} faces: Anny's skin is no closed surface of genus 0")
    places = dict(zip(FACE_VERTICES["smpl"], marks, strict=True))
    others = iter(vertex for vertex in kept.tolist() if vertex not in marks)
    order = np.array([places[k] if k in places else next(others) for k in range(VERTICES)])
    position = np.zeros(kept.max() + 1, np.int64)
    position[order] = np.arange(VERTICES)
    return order, position[faces]


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
    template = people.mean(axis=0)
    _, sizes, ways = np.linalg.svd((people - template).reshape(ADULTS, -1), full_matrices=False)
    count = 10 if family == "smpl" else 16
    shapes = (ways[:count] * (sizes[:count] / np.sqrt(ADULTS - 1))[:, None]).reshape(count, VERTICES, 3)
    regressor = np.zeros((len(parents), VERTICES))
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
    if family == "smplh":
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
    starts = anny.skin_starts.numpy()
    vertex = np.repeat(np.arange(anny.vertex_count), np.diff(starts))
    dense = np.zeros((anny.vertex_count, 24 if family == "smpl" else 52))
    np.add.at(dense, (vertex, owner[anny.skin_bones.numpy()]), anny.skin_weights.numpy().astype(np.float64))
    dense = dense[order]
    return dense / dense.sum(axis=1, keepdims=True)


def write_stand_in(
    folder: Path, anny: AnnyBody, family: str, sexes: tuple[str, ...] = ("male", "female")
) -> list[Path]:
    """Write the files under names that tell the sex; returns their paths."""
    mesh = stand_in_mesh(anny)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--family", choices=("smpl", "smplh"), default="smpl")
    parser.add_argument("--sexes", nargs="+", choices=tuple(GENDERS), default=("male", "female"))
    arguments = parser.parse_args()
    for path in write_stand_in(arguments.folder, load_anny(print), arguments.family, tuple(arguments.sexes)):
        print(path)


if __name__ == "__main__":
    main()
