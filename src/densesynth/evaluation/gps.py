"""Geodesic point similarity, a pure function of geodesic distances and of the parts they are measured on.

GPS (Güler et al., "DensePose", 2018, section 4) is the mean of exp(−d² / 2κ²) over a person's annotated points, d the
geodesic distance between the annotated and the predicted surface point. The published measure has one κ of 0.255 m for
the whole body; the COCO challenge's evaluator since 2018 has one for each part, and models are compared by
those numbers.
"""

from __future__ import annotations

import numpy as np

from densesynth.arrays import Array, Float64, Int64, UInt8

# Mean geodesic distances within a part, metres (detectron2, `DensePoseCocoEval`, "Mean_Distances").
KAPPA_TORSO, KAPPA_HAND, KAPPA_FOOT = 0.351, 0.107, 0.126
KAPPA_UPPER_LEG, KAPPA_LOWER_LEG, KAPPA_UPPER_ARM, KAPPA_LOWER_ARM = 0.237, 0.173, 0.142, 0.128
KAPPA_HEAD = 0.150
KAPPA_WHOLE_BODY = 0.255  # the paper's; detectron2 keeps it for meshes other than SMPL's

# By fine part 0..24 (`surface.parts`); 0, background, has none.
KAPPA: Float64[Array, "25"] = np.array(
    [
        np.nan,
        *[KAPPA_TORSO] * 2,
        *[KAPPA_HAND] * 2,
        *[KAPPA_FOOT] * 2,
        *[KAPPA_UPPER_LEG] * 4,
        *[KAPPA_LOWER_LEG] * 4,
        *[KAPPA_UPPER_ARM] * 4,
        *[KAPPA_LOWER_ARM] * 4,
        *[KAPPA_HEAD] * 2,
    ]
)
KAPPA.flags.writeable = False


def point_similarity(distance: Float64[Array, "n"], part: UInt8[Array, "n"]) -> Float64[Array, "n"]:
    """exp(−d² / 2κ²) of each point, in [0, 1]. distance: metres, ∞ for a point predicted as background. part: 1..24,
    of the annotated point."""
    return np.exp(-(distance**2) / (2.0 * KAPPA[part] ** 2))


def geodesic_point_similarity(distance: Float64[Array, "n"], part: UInt8[Array, "n"]) -> float:
    """GPS of one person: the mean over annotated points; 0 without any."""
    return float(point_similarity(distance, part).mean()) if len(distance) else 0.0


def mean_similarity(
    distance: Float64[Array, "n"], part: UInt8[Array, "n"], count: Int64[Array, "p"]
) -> Float64[Array, "p"]:
    """GPS of many pairs at once: their points lie one pair after another, `count` of them each."""
    first = np.concatenate([[0], np.cumsum(count)])
    if first[-1] != len(distance):
        raise ValueError(f"{len(distance)} points for pairs of {first[-1]} in all")
    result = np.zeros(len(count))
    filled = np.flatnonzero(count)
    if len(filled):
        result[filled] = np.add.reduceat(point_similarity(distance, part), first[filled]) / count[filled]
    return result
