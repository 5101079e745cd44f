"""A garment made for tests: a band of the average body's own skin around the trunk, lifted off it, as `.mhclo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from densesynth.appearance.paint import FIELDS, Paint
from densesynth.body.base_mesh import BaseMesh


def write_band(folder: Path, base: BaseMesh, paint: Paint, name: str = "band", lifted: float = 0.12) -> Path:
    """Writes NAME.mhclo and NAME.obj. lifted: of the decimetres that offsets are in, outwards from the trunk."""
    z, arm = paint.fields[:, 2], paint.fields[:, FIELDS.index("arm")]
    inside = (z > 0.75) & (z < 1.3) & (arm < 0.0)
    faces = paint.faces[inside[paint.faces].all(axis=1)]
    used, corner = np.unique(faces, return_inverse=True)
    to_base = np.flatnonzero(base.body_vertex >= 0)
    to_base = to_base[np.argsort(base.body_vertex[to_base])]
    outward = base.average[used] * (1.0, 1.0, 0.0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    lines = ["basemesh hm08", f"name {name}", f"obj_file {name}.obj", "x_scale 5399 11998 1.4", "verts 0"]
    for vertex, (x, y, _) in zip(to_base[used], outward * lifted, strict=True):
        lines.append(f"{vertex} {vertex} {vertex} 0.5 0.25 0.25 {x:.5f} 0.0 {-y:.5f}")
    inner = (z > 0.8) & (z < 1.25) & (arm < 0.0)
    lines += ["delete_verts", " ".join(str(vertex) for vertex in to_base[np.flatnonzero(inner)])]
    (folder / f"{name}.mhclo").write_text("\n".join(lines))
    mesh = [f"v {x} {y} {z}" for x, y, z in base.average[used]]
    mesh += [f"vt {x} {z}" for x, _, z in base.average[used]]
    mesh += ["f " + " ".join(f"{k + 1}/{k + 1}" for k in face) for face in corner.reshape(-1, 3)]
    (folder / f"{name}.obj").write_text("\n".join(mesh))
    return folder / f"{name}.mhclo"
