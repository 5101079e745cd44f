"""Skin, face, hair and eyes."""

from __future__ import annotations

import numpy as np

from densesynth.appearance.reference.base import EYE, HEAD_BOTTOM, IRIS, PUPIL, Samples, bump, cover, mix, noise, ramp
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
    colour = colour * (1.0 - 0.4 * (ramp(0.42, 0.62, freckle) * np.clip(where, 0.0, 1.0))[:, None] * [0.6, 1.0, 1.2])
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

    lips = cover(s.lips, np.maximum(fp, 0.0012)) * on_face
    natural = colour * [0.86, 0.55, 0.54] + [0.015, 0.0, 0.002]
    crease = noise(s.table, s.p, (700.0, 60.0, 60.0), seed, fp)
    lip_colour = mix(natural, row["lip_tint"].astype(np.float64), row["lipstick"]) * (1.0 + 0.08 * crease)[:, None]
    colour = mix(colour, lip_colour, lips)
    roughness = roughness + (0.36 - roughness) * lips

    # what shows of the mouth's inside between the lips
    gap = ramp(0.93, 0.55, s.open) * bump(z - 1.4485, 0.0055) * ramp(-0.004, 0.0, s.lips) * on_face
    colour = colour * (1.0 - gap[:, None] * [0.78, 0.88, 0.88])
    roughness = roughness + (0.8 - roughness) * gap

    upper = ramp(-0.003, 0.003, z - EYE[2] + 0.06 * (side - EYE[0]))
    near_eye = (s.lid < 0.04) * on_face
    lash = cover(0.0006 + 0.0011 * upper - s.lid, np.maximum(fp, 0.0012)) * near_eye
    crease = bump(s.lid - 0.0085, 0.002) * upper * near_eye * bump(side - EYE[0], 0.022)
    hollow = bump(s.lid - 0.004, 0.007) * near_eye
    under = bump(s.lid - 0.0095, 0.006) * (1.0 - upper) * near_eye * (0.4 + 0.6 * seed)
    colour = colour * (1.0 - (0.3 * crease + 0.14 * hollow))[:, None]
    colour = colour * (1.0 - under[:, None] * [0.14, 0.2, 0.12])
    colour = mix(colour, 0.25 * row["hair"].astype(np.float64) + 0.006, (0.3 + 0.55 * upper) * lash)

    return colour * (0.25 + 0.75 * (s.open * (0.7 + 0.3 * s.open)))[:, None], roughness


def paint_hair(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array]:
    """Brows, beard and the hair on the head."""
    row, fp, seed = s.row, s.footprint, s.row["seed"]
    x, y, z = s.p.T
    side = np.abs(x)
    hair = row["hair"].astype(np.float64)
    fine = noise(s.table, s.p, (950.0, 950.0, 950.0), seed + 0.2, fp)
    on_face = ramp(-0.05, -0.08, y)

    along = np.clip((side - 0.0115) / 0.043, 0.0, 1.0)
    height = EYE[2] + 0.0205 + row["brow_arch"] * np.sin(2.2 * along) - 0.003 * along * along * along
    thick = row["brow"] * (0.62 + 0.5 * along - 1.0 * along * along)
    ends = ramp(0.0085, 0.016, side) * ramp(0.058, 0.052, side)
    strokes = noise(s.table, s.p, (700.0, 700.0, 700.0), seed + 0.4, fp)
    inside = thick - np.abs(z - height) + 0.0007 * strokes
    brow = ramp(-0.0012, 0.0026, inside) * (0.86 + 0.22 * strokes) * ends * on_face * (z > EYE[2])
    colour = mix(colour, 0.75 * hair, brow * row["brow_strength"])

    azimuth = side / np.maximum(0.02 - y, 0.02)
    line = EYE[2] - 0.058 - 0.012 * bump(azimuth - 0.62, 0.35) + 0.062 * ramp(0.8, 2.2, azimuth)
    line = line + 0.013 * bump(azimuth - 0.19, 0.09)
    jaw = ramp(0.0, 0.012, line - z) * ramp(1.38, 1.4, z - 0.13 * (y + 0.1)) * ramp(3.6, 2.6, azimuth)
    lip_gap = ramp(-0.0005, -0.003, s.lips)
    moustache = (
        ramp(0.0, 0.004, z - 1.4585) * ramp(1.473, 1.467, z + 8.0 * side * side) * ramp(0.034, 0.022, side) * on_face
    )
    strength = np.maximum(row["beard"] * jaw, np.maximum(row["beard"], row["moustache"]) * moustache) * lip_gap
    beard = np.clip(strength * (0.95 + 0.5 * fine * ramp(0.0, 0.5, strength)), 0.0, 0.96)
    colour = mix(colour, hair * 0.8, beard * (z > HEAD_BOTTOM - 0.03))

    kind = row["hair_kind"]
    recede = row["recede"] * ramp(0.0, -0.08, y)
    ragged = noise(s.table, s.p, (520.0, 520.0, 190.0), seed + 0.8, fp)
    inside = s.hair - recede + 0.0024 * ragged
    soft = np.select([kind == k for k in range(5)], [0.02, 0.009, 0.006, 0.008, 0.006])
    share = ramp(-soft, soft, inside)
    level = np.select([kind == k for k in range(5)], [0.1, 0.72, 1.0, 0.28, 1.0])
    level = np.where(kind == 3, level + 0.72 * ramp(EYE[2] + 0.0, EYE[2] + 0.055, z + 0.3 * (y + 0.03)), level)
    back = noise(s.table, s.p, (520.0, 34.0, 300.0), seed + 0.9, fp)
    short = noise(s.table, s.p, (720.0, 300.0, 360.0), seed + 0.9, fp)
    strand = np.where(kind == 4, back, np.where(kind <= 1, fine, short))
    lock = noise(s.table, s.p, (90.0, 22.0, 60.0), seed + 0.15, fp)
    tone = hair * (1.0 + 0.28 * strand + 0.14 * lock)[:, None]
    share = share * np.clip(level + 0.25 * (level < 0.9) * fine, 0.0, 1.0) * (z > HEAD_BOTTOM - 0.02)
    return mix(colour, tone, share), roughness + (0.5 - roughness) * share


def paint_eyes(s: Samples) -> Array:
    row = s.row
    x, _, z = s.p.T
    dx, dz = np.abs(x) - EYE[0], z - EYE[2]
    rho = np.sqrt(dx * dx + dz * dz)
    fp = np.maximum(s.footprint, 0.0004)
    spokes = noise(s.table, s.p, (900.0, 30.0, 900.0), row["seed"], s.footprint)
    iris = row["iris"].astype(np.float64) * (0.85 + 0.35 * spokes + 0.5 * bump(rho - 0.0042, 0.0018))[:, None]
    iris = iris * (1.0 - 0.65 * ramp(IRIS - 0.0016, IRIS, rho))[:, None]
    veins = np.array([0.56, 0.5, 0.47]) * np.ones((len(x), 1)) * (1.0 - 0.25 * ramp(0.009, 0.016, rho))[:, None]
    colour = mix(veins, iris, cover(IRIS - rho, np.maximum(fp, 0.0006)))
    colour = mix(colour, np.full(3, 0.004), cover(PUPIL - rho, fp))
    lid_shade = 1.0 - 0.5 * ramp(0.001, 0.009, dz + 0.06 * dx)
    return colour * (lid_shade * (0.18 + 0.82 * ramp(0.0, 0.55, s.open)))[:, None]
