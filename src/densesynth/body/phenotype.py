"""Anny's phenotypes: from six numbers to blend shape coefficients, and the distribution adults are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from densesynth.arrays import Array, Float32, Float64, Int64

ADULT_YEARS = (18.0, 80.0)  # morphological age, years
DISTRIBUTED = ("height", "weight", "muscle", "proportions")


@dataclass(frozen=True)
class Phenotype:
    """How Anny's shape follows from its phenotypes: piecewise linear weights, multiplied, projected on a compact basis.

    labels: of the phenotypes, in order. anchors: per interpolated phenotype, where its variations stand. columns: first
    column of each phenotype's variations. fixed: weights of all variations before the phenotypes are filled in; the
    last is 1. factors: for each blend shape, the variations whose weights it multiplies, padded with that last one.
    projection: from products to coefficients.
    """

    labels: tuple[str, ...]
    anchors: dict[str, Float64[Array, "_"]]
    columns: dict[str, int]
    fixed: Float64[Array, "v"]
    factors: Int64[Array, "k n"]
    projection: Float64[Array, "k c"]

    def coefficients(self, betas: Float32[Array, "s"]) -> Float64[Array, "c"]:
        """Blend shape coefficients of one body."""
        weights = self.fixed.copy()
        for label, value in zip(self.labels, betas.tolist(), strict=True):
            anchors, column = self.anchors[label], self.columns[label]
            weights[column : column + len(anchors)] = interpolation_weights(value, anchors)
        products = np.prod(weights[self.factors], axis=1)
        return np.asarray(np.einsum("k,kc->c", products, self.projection))

    def within(self, label: str, low: float) -> tuple[Phenotype, Float64[Array, "r c"]]:
        """The same for bodies alone whose `label` is at least `low`, one of its anchors: shapes that only others have
        are left out, and those left laid on the fewest that span them.

        Returns it and the new shapes as sums of the old ones.
        """
        never = self.fixed == 0.0
        for drawn in self.labels:
            never[self.columns[drawn] : self.columns[drawn] + len(self.anchors[drawn])] = False
        never[self.columns[label] : self.columns[label] + int(np.searchsorted(self.anchors[label], low))] = True
        kept = ~never[self.factors].any(axis=1)
        left, size, basis = np.linalg.svd(self.projection[kept], full_matrices=False)
        rank = int((size > size[0] * 1e-12).sum())
        narrow = replace(self, factors=self.factors[kept], projection=left[:, :rank] * size[:rank])
        return narrow, basis[:rank]


def interpolation_weights(value: float, anchors: Float64[Array, "n"]) -> Float64[Array, "n"]:
    """Weights of the anchors that interpolate linearly at `value`, held at the ends."""
    value = min(max(value, float(anchors[0])), float(anchors[-1]))
    upper = min(max(int(np.searchsorted(anchors, value)), 1), len(anchors) - 1)
    share = (value - anchors[upper - 1]) / (anchors[upper] - anchors[upper - 1])
    weights = np.zeros(len(anchors))
    weights[upper - 1], weights[upper] = 1.0 - share, share
    return weights


@dataclass(frozen=True)
class BetaByAge:
    """A Beta distribution whose parameters are piecewise linear in Anny's age, held at the ends."""

    ages: Float64[Array, "n"]
    alphas: Float64[Array, "n"]
    betas: Float64[Array, "n"]

    def sample(self, age: float, rng: np.random.Generator) -> float:
        """A draw in [0, 1] at Anny's age `age`."""
        alpha, beta = np.interp(age, self.ages, self.alphas), np.interp(age, self.ages, self.betas)
        return float(rng.beta(alpha, beta))


@dataclass(frozen=True)
class ShapeDistribution:
    """Anny's own distribution of shapes: age and gender uniform, the rest conditional on both.

    years, ages: morphological age (years) and Anny's age at the mapping's anchors. by_gender: male then female, the
    distribution of each of `DISTRIBUTED`.
    """

    years: Float64[Array, "n"]
    ages: Float64[Array, "n"]
    by_gender: tuple[dict[str, BetaByAge], dict[str, BetaByAge]]

    def sample(self, labels: tuple[str, ...], rng: np.random.Generator) -> Float32[Array, "s"]:
        """Draw an adult's phenotypes, in the order of `labels`; each in [0, 1]."""
        age = float(np.interp(rng.uniform(*ADULT_YEARS), self.years, self.ages))
        gender = rng.uniform()
        drawn = {"age": age, "gender": gender}
        for label in DISTRIBUTED:
            drawn[label] = self.by_gender[0 if gender <= 0.5 else 1][label].sample(age, rng)
        return np.clip(np.array([drawn[label] for label in labels], dtype=np.float32), 0.0, 1.0)
