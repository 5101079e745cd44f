"""Skin, face, hair and eyes."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.reference.base import (
    EYE,
    HEAD_BOTTOM,
    IRIS,
    LEAN,
    NAPE,
    PUPIL,
    SWEPT,
    WHORL,
    Samples,
    bump,
    cover,
    mix,
    noise,
    ramp,
)
from densesynth.arrays import Array


def paint_skin(s: Samples) -> tuple[Array, Array]:
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    side = np.abs(x)
    skin = row["skin"].astype(np.float64)
    seed = row["seed"]
    blotch = noise(s.table, s.p, (70.0, 70.0, 70.0), seed, fp)
    pores = noise(s.table, s.p, (900.0, 900.0, 900.0), seed + 0.5, fp)
    on_face = ramp(-0.05, -0.09, y) * ramp(1.38, 1.42, z)
    cheek = bump(side - 0.043, 0.02) * bump(z - 1.477, 0.02) * on_face
    nose = bump(x, 0.014) * bump(z - 1.468, 0.014) * on_face
    hands = ramp(0.5, 0.6, s.arm) * (0.6 + 0.4 * ramp(0.97, 0.9, s.open))
    feet = ramp(0.06, 0.03, z)
    red = 0.55 * row["blush"] * (cheek + 0.8 * nose) + 0.35 * s.ear + 0.3 * hands + 0.3 * feet + 0.16 * blotch
    colour = skin * (1.0 + 0.05 * blotch + 0.06 * pores)[:, None]
    colour = colour * (1.0 - red[:, None] * np.array([0.02, 0.22, 0.2]))
    # Small dots, denser in places: few of a fine noise's cells are high.
    freckle = noise(s.table, s.p, (480.0, 480.0, 480.0), seed + 0.7, fp) + 0.25 * blotch
    where = row["freckles"] * on_face * (bump(z - 1.483, 0.03) + 0.25)
    colour = colour * (1.0 - 0.4 * (ramp(0.36, 0.7, freckle) * np.clip(where, 0.0, 1.0))[:, None] * [0.6, 1.0, 1.2])
    colour = mix(colour, colour * [1.22, 1.08, 1.07] + 0.045, s.nail)
    oily = (bump(x, 0.035) * bump(z - 1.55, 0.02) + nose) * on_face
    roughness = (0.53 - 0.13 * oily + 0.06 * pores) * (1.0 - s.nail) + 0.3 * s.nail

    # Lines of age beside nose and mouth and across the forehead, on some.
    age = np.clip(1.6 * (seed - 0.4), 0.0, 1.0)
    down = np.clip((1.468 - z) / 0.03, 0.0, 1.0)
    beside = bump(side - 0.0185 - 0.012 * down, 0.0022) * ramp(1.43, 1.437, z) * ramp(1.472, 1.466, z)
    wave = z - 1.553 - 0.0012 * np.sin(120.0 * x) - 0.003 * bump(x, 0.02)
    across = bump(wave, 0.0014) + bump(wave - 0.009, 0.0014)
    furrows = (0.3 * beside + 0.16 * across * ramp(0.04, 0.025, side)) * on_face * age
    colour = colour * (1.0 - furrows[:, None] * [0.8, 1.0, 1.0])

    lips = ramp(-0.001 - 0.4 * fp, 0.0018 + 0.4 * fp, s.lips) * on_face
    natural = colour * [0.88, 0.64, 0.63] + [0.01, 0.0, 0.002]
    crease = noise(s.table, s.p, (700.0, 60.0, 60.0), seed, fp)
    shade = (1.0 + 0.08 * crease) * (1.0 - 0.16 * ramp(1.447, 1.451, z) - 0.2 * bump(z - 1.4485, 0.0022))
    lip_colour = mix(natural, row["lip_tint"].astype(np.float64), row["lipstick"]) * shade[:, None]
    colour = mix(colour, lip_colour, 0.92 * lips)
    roughness = roughness + (0.36 - roughness) * lips

    # what shows of the mouth's inside between the lips
    gap = ramp(0.93, 0.55, s.open) * bump(z - 1.4485, 0.0055) * ramp(-0.004, 0.0, s.lips) * on_face
    colour = colour * (1.0 - gap[:, None] * [0.78, 0.88, 0.88])
    roughness = roughness + (0.8 - roughness) * gap

    upper = ramp(-0.003, 0.003, z - EYE[2] + 0.06 * (side - EYE[0]))
    near_eye = (s.lid < 0.04) * on_face
    lash = cover(0.0007 + 0.0014 * upper - s.lid, np.maximum(fp, 0.0012)) * near_eye
    crease = bump(s.lid - 0.0085, 0.0016) * upper * near_eye * bump(side - EYE[0], 0.022)
    hollow = bump(s.lid - 0.004, 0.007) * near_eye
    under = bump(s.lid - 0.0095, 0.006) * (1.0 - upper) * near_eye * (0.4 + 0.6 * seed)
    colour = colour * (1.0 - (0.42 * crease + 0.14 * hollow))[:, None]
    colour = colour * (1.0 - under[:, None] * [0.14, 0.2, 0.12])
    colour = mix(colour, 0.25 * row["hair"].astype(np.float64) + 0.006, (0.22 + 0.68 * upper) * lash)

    return colour * (0.25 + 0.75 * (s.open * (0.7 + 0.3 * s.open)))[:, None], roughness


def paint_hair(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array]:
    """Brows, beard and the hair on the head."""
    row, fp, seed = s.row, s.footprint, s.row["seed"]
    x, y, z = s.p.T
    side = np.abs(x)
    hair = row["hair"].astype(np.float64)
    fine = noise(s.table, s.p, (800.0, 800.0, 800.0), seed + 0.2, fp)
    on_face = ramp(-0.05, -0.08, y)

    along = np.clip((side - 0.0115) / 0.043, 0.0, 1.0)
    height = EYE[2] + 0.0205 + row["brow_arch"] * np.sin(2.2 * along) - 0.003 * along * along * along
    thick = row["brow"] * (0.72 + 0.62 * along - 1.1 * along * along)
    above = z - height
    root = side - above * (0.35 + 2.2 * along)
    way = np.stack([np.where(x > 0.0, root, root + 0.37), np.zeros_like(x), above], axis=1)
    strokes = noise(s.table, way, (560.0, 1.0, 110.0), seed + 0.4, fp)
    ragged = noise(s.table, way, (230.0, 1.0, 60.0), seed + 0.65, fp)
    inside = thick - np.abs(above) + 0.001 * strokes + 0.0009 * ragged
    dense = ramp(-0.0016, 0.0026, inside) * ramp(0.007, 0.016, side + 0.002 * ragged) * ramp(0.0585, 0.049, side)
    brow = np.clip(dense * (0.9 + 0.7 * strokes * (1.3 - dense)), 0.0, 1.0) * on_face
    colour = mix(colour, 0.75 * hair, brow * row["brow_strength"] * (z > EYE[2]) * (z < EYE[2] + 0.05))

    azimuth = side / np.maximum(0.02 - y, 0.02)
    patch = noise(s.table, s.p, (75.0, 75.0, 75.0), seed + 0.35, fp)
    hairs = noise(s.table, s.p, (760.0, 760.0, 230.0), seed + 0.55, fp)
    line = EYE[2] - 0.058 - 0.012 * bump(azimuth - 0.62, 0.35) + 0.062 * ramp(0.8, 2.2, azimuth)
    line = line + 0.013 * bump(azimuth - 0.19, 0.09) + 0.004 * patch
    jaw = ramp(-0.004, 0.018, line - z) * ramp(1.37, 1.402, z - 0.13 * (y + 0.1) + 0.006 * patch)
    jaw = jaw * ramp(3.6, 2.4, azimuth) * ramp(NAPE, NAPE - 0.018, y)
    lip_gap = ramp(0.0008, -0.0014, s.lips)
    above = ramp(-0.001, 0.004, z - 1.457) * ramp(1.474, 1.466, z + 8.0 * side * side) * ramp(0.035, 0.021, side)
    most = np.maximum(row["beard"], row["moustache"])
    strength = np.maximum(row["beard"] * jaw, most * above * on_face) * lip_gap
    full = ramp(0.45, 0.9, most)
    grain = fine + (hairs - fine) * full
    thin = 4.0 * strength * (1.0 - strength)
    beard = np.clip(strength * (0.95 + 0.1 * patch) + 0.45 * thin * grain, 0.0, 0.96)
    beard = beard * (most > 0.0) * (z > HEAD_BOTTOM - 0.03)
    colour = mix(colour, hair * (0.8 * (1.0 + 0.3 * full * hairs))[:, None], beard)

    kind = row["hair_kind"]
    recede = row["recede"] * ramp(0.0, -0.08, y)
    dx, dz = x - WHORL[0], z - WHORL[2]
    dy = y - WHORL[1] - LEAN * dz
    swept = kind == 4
    dz = np.where(swept, (z - SWEPT[2]) * row["swept_back"] - (y - SWEPT[1]) * row["swept_up"], dz)
    flat = np.sqrt(dx * dx + np.where(swept, dz * dz, dy * dy))
    turn = np.arctan2(dx, np.where(swept, dz, -dy)) / (2.0 * np.pi) + 0.003 * np.sin(55.0 * z + 30.0 * x)
    way = np.stack([turn, np.sqrt(dx * dx + dy * dy + dz * dz), np.zeros_like(x)], axis=1)
    around = fp / (2.0 * np.pi * np.maximum(flat, 0.004))
    strand = noise(s.table, way, (352.0, 24.0, 1.0), seed + 0.9, around)
    lock = noise(s.table, way, (96.0, 13.0, 1.0), seed + 0.15, around)
    front = ramp(-0.03, -0.08, y)
    temple = ramp(0.03, 0.05, side) * front
    uneven = noise(s.table, s.p, (105.0, 105.0, 60.0), seed + 0.8, fp)
    inside = s.hair - recede + 0.004 * uneven - (0.003 + 0.003 * seed) * bump(side - 0.043, 0.016) * front
    soft = np.select([kind == k for k in range(5)], [0.02, 0.01, 0.007, 0.009, 0.007]) * (1.0 + 0.7 * temple)
    level = np.select([kind == k for k in range(5)], [0.1, 0.72, 1.0, 0.28, 1.0])
    level = np.where(kind == 3, level + 0.72 * ramp(EYE[2] + 0.0, EYE[2] + 0.055, z + 0.3 * (y + 0.03)), level)
    hairs = fine + (strand + 0.7 * lock - fine) * ramp(0.35, 0.75, level) * (kind > 1)
    share = ramp(-soft, soft, inside)
    share = np.clip(share + 1.4 * share * (1.0 - share) * hairs, 0.0, 1.0)
    near = (z > HEAD_BOTTOM - 0.02) & (s.hair - recede > -0.04)
    shaded = ramp(-0.02, 0.0, inside) * level * near
    colour = colour * (1.0 - shaded[:, None] * [0.13, 0.17, 0.17])
    tone = hair * np.maximum(1.0 + 0.36 * hairs + 0.14 * lock, 0.2)[:, None]
    share = share * np.clip(level + 0.25 * (level < 0.9) * fine, 0.0, 1.0) * near
    return mix(colour, tone, share), roughness + (0.5 + 0.25 * ramp(0.0006, 0.0025, fp) - roughness) * share


def paint_eyes(s: Samples) -> Array:
    row = s.row
    x, _, z = s.p.T
    dx, dz = np.abs(x) - EYE[0], z - EYE[2]
    rho = np.sqrt(dx * dx + dz * dz)
    fp = np.maximum(s.footprint, 0.0004)
    spokes = noise(s.table, s.p, (900.0, 30.0, 900.0), row["seed"], s.footprint)
    iris = row["iris"].astype(np.float64) * (0.85 + 0.35 * spokes + 0.5 * bump(rho - 0.0042, 0.0018))[:, None]
    iris = iris * (1.0 - 0.65 * ramp(IRIS - 0.0016, IRIS, rho))[:, None]
    veins = np.array([0.54, 0.48, 0.45]) * np.ones((len(x), 1)) * (1.0 - 0.3 * ramp(0.008, 0.016, rho))[:, None]
    veins = mix(veins, np.array([0.36, 0.17, 0.14]), 0.75 * ramp(-0.0098, -0.013, dx))
    colour = mix(veins, iris, cover(IRIS - rho, np.maximum(fp, 0.0006)))
    colour = mix(colour, np.full(3, 0.004), cover(PUPIL - rho, fp))
    lid_shade = 1.0 - 0.6 * ramp(-0.001, 0.0085, dz + 0.06 * dx)
    return colour * (lid_shade * (0.18 + 0.82 * ramp(0.0, 0.55, s.open)))[:, None]
