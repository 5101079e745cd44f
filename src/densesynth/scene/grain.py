"""The table that the kernels of surroundings read all their grain from, the same in every run: value noise, then two
textures that repeat, each with smaller means of itself for what lies further off."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.noise import make_noise_table
from densesynth.arrays import Array, Float32, Float64

NOISE_SIDE = 64  # cells of the value noise's period
TEXTURE_SIDE = 256  # texels of the textures' period
MEANS = (64, 16, 4)  # sides of a texture's means
OCTAVES = (4, 8, 16, 32, 64)  # cells in the clouds' period
LEAVES = 3400
LEAF_REACH = 9  # texels from a leaf's middle to what it may cover


def make_grain_table() -> Float32[Array, "n"]:
    """Values in −1..1: noise (64 by 64), then clouds and leaves (320 rows of 256 each; `_shrink`)."""
    noise = make_noise_table().ravel()[: NOISE_SIDE**2]
    textures = [_shrink(make_clouds()), _shrink(make_leaves())]
    return np.concatenate([noise, *textures]).astype(np.float32)


def make_clouds() -> Float64[Array, "256 256"]:
    """Fractal noise: octaves half as strong as the one before; its standard deviation is 0.4."""
    rng = np.random.default_rng(20261129)
    total = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE))
    for k, cells in enumerate(OCTAVES):
        corners = rng.uniform(-1.0, 1.0, (cells, cells))
        at = np.arange(TEXTURE_SIDE) * (cells / TEXTURE_SIDE)
        low = at.astype(int)
        high, share = (low + 1) % cells, at - low
        share = share * share * (3.0 - 2.0 * share)
        rows = corners[low] + (corners[high] - corners[low]) * share[:, None]
        total += 0.55**k * (rows[:, low] + (rows[:, high] - rows[:, low]) * share)
    total -= total.mean()
    return np.clip(total * (0.4 / total.std()), -1.0, 1.0)


def make_leaves() -> Float64[Array, "256 256"]:
    """Leaves that lie over one another, the deeper the darker, before black."""
    rng = np.random.default_rng(20261130)
    order = np.linspace(0.0, 1.0, LEAVES)
    middle = rng.uniform(0.0, TEXTURE_SIDE, (2, LEAVES, 1, 1))
    turn = rng.uniform(-np.pi, np.pi, (LEAVES, 1, 1))
    long, wide = rng.uniform(4.5, 8.5, (LEAVES, 1, 1)), rng.uniform(2.0, 3.6, (LEAVES, 1, 1))
    tone = -0.75 + 1.2 * order**1.5 + rng.uniform(-0.3, 0.3, LEAVES)
    corner = np.floor(middle).astype(int)
    step = np.arange(-LEAF_REACH, LEAF_REACH + 1)
    y, x = corner[0] + step[:, None], corner[1] + step[None, :]
    dy, dx = y - middle[0], x - middle[1]
    along = (np.cos(turn) * dx + np.sin(turn) * dy) / long
    across = (np.cos(turn) * dy - np.sin(turn) * dx) / wide
    covered = np.abs(across) < 1.0 - along * along
    value = tone[:, None, None] + 0.22 * across - 0.16 * (np.abs(across) < 0.12)
    place = (y % TEXTURE_SIDE) * TEXTURE_SIDE + x % TEXTURE_SIDE
    flat = np.full(TEXTURE_SIDE**2, -1.0)
    flat[place[covered]] = value[covered]  # of several, numpy keeps the last
    return np.clip(flat.reshape(TEXTURE_SIDE, TEXTURE_SIDE), -1.0, 1.0)


def _shrink(texture: Float64[Array, "256 256"]) -> Float64[Array, "n"]:
    """The texture, and below it its means, each four times its side from the right."""
    below = np.zeros((MEANS[0], TEXTURE_SIDE))
    for side in MEANS:
        step, column = TEXTURE_SIDE // side, TEXTURE_SIDE - 4 * side
        below[:side, column : column + side] = texture.reshape(side, step, side, step).mean(axis=(1, 3))
    return np.concatenate([texture.ravel(), below.ravel()])
