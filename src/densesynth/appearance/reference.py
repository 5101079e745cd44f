"""The paint, written plainly in NumPy: slow, every layer everywhere. `kernels.py` gives the same numbers fast.

A sample carries the fields of `appearance/data/anny_paint.npz` interpolated at its surface point (rest position in
metres and distances along the limbs), its person's row (`layout.ROW`) and its footprint (metres per pixel). Layers are
laid over one another, each with a coverage that ramps over one pixel at its edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from densesynth.arrays import Array

EYE = (0.0295, -0.1192, 1.5162)  # centre of the left eyeball at rest, metres
IRIS, PUPIL = 0.0072, 0.0029  # radii on Anny's eyeball (16 mm), metres
NECK_Z, NECK_Y, NECK_SLOPE = 1.352, -0.012, 0.29  # plane through the notch of the breastbone and the last neck bone
NECK_RADIUS, NECK_CONE = 0.062, 0.9
ARM_START = 0.06  # metres along the arm, from where a point no longer belongs to the trunk
HEAD_BOTTOM = 1.38


@dataclass(frozen=True)
class Samples:
    """Interpolated fields of n samples; `p` is the rest position; `row` the outfit of each."""

    p: Array
    arm: Array
    leg: Array
    lips: Array
    lid: Array
    hair: Array
    ear: Array
    nail: Array
    open: Array
    category: Array
    footprint: Array
    row: Any
    table: Array


def cover(distance: Array, footprint: Array) -> Array:
    """Share of a pixel that lies inside an edge at signed distance `distance` (positive inside)."""
    return np.clip(distance / footprint + 0.5, 0.0, 1.0)


def ramp(low: Any, high: Any, value: Array) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(value: Array, width: Any) -> Array:
    """1 at 0, falling as a Gaussian of the given width."""
    return np.exp(-((value / width) ** 2))


def mix(a: Array, b: Array, t: Array) -> Array:
    return a + (b - a) * t[..., None]


def noise(table: Array, p: Array, frequency: tuple[float, float, float], seed: Array, footprint: Array) -> Array:
    """Value noise in −1..1, that fades out where a pixel holds a whole cell of it. frequency in cells per metre."""
    q = (p + 1.0) * np.asarray(frequency, np.float32) + seed[:, None] * np.array([17.0, 29.0, 23.0], np.float32)
    cell = np.floor(q)
    f = q - cell
    f = f * f * (3.0 - 2.0 * f)
    i = cell.astype(np.int64)
    i, j = i & 31, (i + 1) & 31
    total = np.zeros(len(p))
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                value = table[(j if dx else i)[:, 0], (j if dy else i)[:, 1], (j if dz else i)[:, 2]]
                share = (f[:, 0] if dx else 1 - f[:, 0]) * (f[:, 1] if dy else 1 - f[:, 1])
                total += value * share * (f[:, 2] if dz else 1 - f[:, 2])
    return total * np.clip(1.5 - footprint * max(frequency), 0.0, 1.0)


def band(t: Array, period: Array, duty: float, footprint: Array) -> Array:
    """Coverage of stripes across t, `duty` of each period wide; their mean where a pixel holds a whole period."""
    phase = t / period
    d = (0.5 * duty - np.abs(phase - np.floor(phase) - 0.5)) * period
    share = cover(d, footprint)
    return share + (duty - share) * np.clip(2.0 * footprint / period - 0.5, 0.0, 1.0)


def _dots(u: Array, v: Array, period: Array, footprint: Array) -> Array:
    a, b = u / period, v / period
    b_cell = np.floor(b)
    a = a + 0.5 * (b_cell - 2.0 * np.floor(0.5 * b_cell))
    da, db = a - np.floor(a) - 0.5, b - b_cell - 0.5
    d = (0.27 - np.sqrt(da * da + db * db)) * period
    share = cover(d, footprint)
    return share + (0.229 - share) * np.clip(2.0 * footprint / period - 0.5, 0.0, 1.0)


def weave(s: Samples, cloth: Any, u: Array, v: Array, panel: Array) -> Array:
    """Colour of a fabric: pattern, grain, folds. u across, v up, metres; panel: share of the second colour."""
    fp, seed = s.footprint, s.row["seed"]
    pattern, scale = cloth["pattern"], cloth["scale"]
    blotch = noise(s.table, s.p, (38.0, 38.0, 38.0), seed + 0.3, fp)
    choices = [
        np.zeros_like(u),
        band(v, scale, 0.5, fp),
        band(u, scale * 0.6, 0.28, fp),
        0.5 * (band(u, scale, 0.45, fp) + band(v, scale, 0.45, fp)),
        _dots(u, v, scale * 0.8, fp),
        cover((blotch - 0.12) * 0.012, fp),
        np.zeros_like(u),
        np.zeros_like(u),
        panel * (pattern == 8),
        panel * (pattern == 9),
    ]
    colour = mix(cloth["colour"], cloth["second"], np.select([pattern == k for k in range(10)], choices))
    ribs = band(u, np.full_like(u, 0.007), 0.5, fp)
    worn = 0.55 * bump(s.p[:, 2] - 0.62, 0.16) + 0.5 * blotch * 0.35
    value = np.where(pattern == 7, 0.78 + 0.3 * ribs, np.where(pattern == 6, 1.0 + np.maximum(worn, -0.3), 1.0))
    grain = noise(s.table, s.p, (620.0, 620.0, 620.0), seed, fp)
    folds = noise(s.table, s.p, (11.0, 11.0, 17.0), seed + 0.6, fp) + 0.55 * noise(
        s.table, s.p, (31.0, 31.0, 22.0), seed + 0.1, fp
    )
    return colour * (value * (1.0 + 0.07 * grain) * (1.0 + 0.11 * folds))[:, None]


def neck_height(s: Samples) -> Array:
    """How far up the neck a point lies, metres; 0 on the line where a round neckline sits."""
    x, y, z = s.p.T
    radius = np.sqrt(x * x + (y - NECK_Y) ** 2)
    return z - NECK_Z - NECK_SLOPE * (y - NECK_Y) - NECK_CONE * np.maximum(radius - NECK_RADIUS, 0.0)


def neckline(s: Samples, drop: Any, width: Any, rise: Any, pointed: Any) -> Array:
    """Signed distance below a neckline, metres."""
    x, y, _ = s.p.T
    front = ramp(0.02, -0.05, y)
    round_cut = np.sqrt(np.maximum(1.0 - (x / width) ** 2, 0.0))
    sharp_cut = np.maximum(1.0 - np.abs(x) / (0.75 * width), 0.0)
    cut = drop * front * (round_cut + (sharp_cut - round_cut) * pointed)
    return rise - cut - neck_height(s)


def paint_skin(s: Samples) -> tuple[Array, Array]:
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    side = np.abs(x)
    skin = row["skin"].astype(np.float64)
    seed = row["seed"]
    mottle = noise(s.table, s.p, (70.0, 70.0, 70.0), seed, fp) + 0.6 * noise(
        s.table, s.p, (900.0, 900.0, 900.0), seed + 0.5, fp
    )
    on_face = ramp(-0.05, -0.09, y) * ramp(1.38, 1.42, z)
    cheek = bump(side - 0.043, 0.02) * bump(z - 1.477, 0.02) * on_face
    nose = bump(x, 0.014) * bump(z - 1.468, 0.014) * on_face
    hands = ramp(0.5, 0.6, s.arm) * (0.6 + 0.4 * ramp(0.97, 0.9, s.open))
    feet = ramp(0.06, 0.03, z)
    red = 0.55 * row["blush"] * (cheek + 0.8 * nose) + 0.35 * s.ear + 0.3 * hands + 0.3 * feet
    colour = skin * (1.0 + 0.05 * mottle)[:, None]
    colour = colour * (1.0 - red[:, None] * np.array([0.02, 0.22, 0.2]))
    freckle = noise(s.table, s.p, (330.0, 330.0, 330.0), seed + 0.7, fp)
    where = row["freckles"] * on_face * (bump(z - 1.483, 0.03) + 0.25)
    colour = colour * (1.0 - 0.45 * (ramp(0.3, 0.62, freckle) * np.clip(where, 0.0, 1.0))[:, None] * [0.6, 1.0, 1.2])
    colour = mix(colour, colour * [1.12, 1.03, 1.02] + 0.03, s.nail)
    roughness = np.full(len(x), 0.52)

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
    colour = colour * (1.0 - (0.3 * crease + 0.14 * hollow))[:, None]
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


def paint_feet(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array]:
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    side = np.abs(x)
    legs = s.arm < ARM_START
    sock = cover(row["sock_top"] - z, fp) * legs
    edge = row["sock_top"] - z
    stripe = cover(0.012 - np.abs(edge - 0.03), fp)
    rib = band(side * 3.0 + y * 2.0, np.full_like(x, 0.008), 0.5, fp)
    tone = mix(row["sock"].astype(np.float64), row["sock_band"], stripe) * (0.88 + 0.14 * rib)[:, None]
    shade = 1.0 - 0.3 * bump(np.minimum(edge, 0.0), 0.006) * (edge < 0) * (row["sock_top"] > 0) * legs
    colour = mix(colour * shade[:, None], tone, sock)
    roughness = roughness + (0.9 - roughness) * sock

    d = row["shoe_top"] - z + 0.28 * np.clip(-(y + 0.012), 0.0, 0.09)
    shoe = cover(d, fp)
    middle = side - 0.181 + 0.02 * (y + 0.06)
    instep = row["laced"] * ramp(-0.128, -0.118, y) * ramp(0.0, 0.004, d) * (y < -0.02)
    tongue = cover(0.013 - np.abs(middle), fp) * instep
    laces = cover(0.015 - np.abs(middle), fp) * instep * band(y + 0.25 * z, np.full_like(x, 0.0125), 0.42, fp)
    cap = cover(-0.138 + 0.01 - y - 0.7 * middle * middle / 0.05, fp)
    heel = cover(y - 0.022 - 0.2 * z, fp)
    tone = mix(row["upper"].astype(np.float64), row["shoe_second"], np.maximum(cap, heel) * row["laced"])
    tone = tone * (1.0 - 0.35 * bump(y + 0.128, 0.0022) * row["laced"] - 0.4 * tongue)[:, None]
    tone = mix(tone, row["lace"].astype(np.float64), laces)
    collar = bump(d - 0.008, 0.0022)
    sole = cover(row["sole"] + 0.004 * ramp(-0.13, -0.19, y) - z, fp)
    welt = bump(z - row["sole"] - 0.004 * ramp(-0.13, -0.19, y), 0.0018)
    tone = mix(tone * (1.0 - 0.3 * collar)[:, None], row["sole_colour"].astype(np.float64), sole)
    tone = tone * (1.0 - 0.45 * welt)[:, None]
    scuff = noise(s.table, s.p, (60.0, 60.0, 60.0), row["seed"], fp)
    contact = 1.0 - 0.35 * bump(d, 0.006) * (d < 0)
    colour = mix(colour * contact[:, None], tone * (1.0 + 0.06 * scuff)[:, None], shoe)
    return colour, roughness + (np.where(sole > 0.5, 0.8, 0.42) - roughness) * shoe


def trunk_uv(s: Samples) -> tuple[Array, Array]:
    """Fabric coordinates of a top (metres): panels on the trunk, sleeves about the arm; seams where they meet."""
    x, y, z = s.p.T
    turn = np.arctan2(x, np.where(y < -0.015, -(y + 0.015), y + 0.015) + 0.02)
    bone = np.clip(s.arm / 0.252, 0.0, 1.0)
    fore = np.clip((s.arm - 0.252) / 0.254, 0.0, 1.0)
    middle_y = -0.017 - 0.004 * bone - 0.158 * fore
    middle_h = (0.162 + 0.167 * bone + 0.117 * fore) * 0.75 + (1.287 - 0.189 * bone - 0.115 * fore) * 0.66
    about = np.arctan2(y - middle_y, np.abs(x) * 0.75 + z * 0.66 - middle_h)
    sleeve = s.arm > 0.0
    return np.where(sleeve, 0.047 * about, 0.15 * turn), np.where(sleeve, s.arm, z)


def chest_panel(s: Samples, cloth: Any) -> Array:
    """Where the second colour goes: a printed badge (`logo`) or the upper part of the garment (`block`)."""
    x, y, z = s.p.T
    fp = s.footprint
    a, b = x / 0.062, (z - 1.19) / 0.05
    ring = np.sqrt(a * a + b * b)
    shape = np.select(
        [cloth["scale"] < 0.035, cloth["scale"] < 0.06],
        [
            cover((0.16 - np.abs(ring - 0.8)) * 0.05, fp) + cover((0.4 - np.abs(a) - np.abs(b)) * 0.05, fp),
            cover((1.0 - ring) * 0.05, fp) * band(b + 0.13, np.full_like(x, 0.5), 0.62, fp / 0.05),
        ],
        cover(np.minimum(1.5 - np.abs(a), 0.32 - np.abs(b)) * 0.05, fp)
        * np.maximum(band(x, np.full_like(x, 0.028), 0.62, fp), cover((0.1 - np.abs(b - 0.2)) * 0.05, fp)),
    )
    badge = shape * (y < 0) * (s.arm < 0.0)
    block = cover(np.where(s.arm > 0.0, 0.08 - s.arm, z - 1.17), fp)
    return np.where(cloth["pattern"] == 8, np.clip(badge, 0.0, 1.0), block)


def cut_top(s: Samples) -> Array:
    """Signed distance inside the top's outline, metres."""
    row = s.row
    on_arm = s.arm > ARM_START
    hem = np.where(on_arm, 1.0, s.p[:, 2] - row["top_hem"])
    collar = neckline(s, row["neck_drop"], row["neck_width"], row["neck_rise"], row["pointed"])
    return np.minimum(np.minimum(row["sleeve"] - s.arm, hem), np.where(on_arm, 1.0, collar))


def edge_lines(d: Array) -> Array:
    """Fabric darkens at its very edge and along a stitched line 2 cm inside."""
    return 1.0 - 0.22 * bump(d, 0.0035) - 0.16 * bump(d - 0.02, 0.0013)


def paint_top(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array, Array]:
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    side = np.abs(x)
    u, v = trunk_uv(s)
    d = cut_top(s)

    on_arm = s.arm > ARM_START
    shirt = np.where(on_arm, 1.0, np.minimum(neckline(s, 0.02, 0.075, 0.004, 0.0), z - row["top_hem"]))
    shirt = np.minimum(shirt, row["sleeve"] - 0.01 - s.arm)
    under = cover(shirt, fp) * row["jacket"]
    colour = mix(colour, weave(s, row["inner"], u, v, chest_panel(s, row["inner"])), under)

    opening = row["opening"] * (1.15 - 0.5 * (z - row["top_hem"]) / 0.5)
    gap = np.where((row["opening"] > 0) & (y < 0) & (s.arm < ARM_START), side - opening, 1.0)
    d = np.minimum(d, gap)
    tone = weave(s, row["top"], u, v, chest_panel(s, row["top"]))
    trim = cover(d, fp) * cover(0.016 - d, fp) * (row["collar"] < 0.5) * (row["top"]["pattern"] != 6)
    tone = mix(tone, row["trim"] * np.ones((len(x), 1)), trim * (row["jacket"] < 0.5))
    tone = tone * edge_lines(d)[:, None]
    shoulder = bump(s.arm + 0.004, 0.0016) * (row["sleeve"] > 0.0)
    flank = bump(y + 0.015, 0.0016) * (s.arm < 0.0) * (z < 1.2)
    front = (y < 0.0) & (s.arm < ARM_START)
    placket = row["placket"] * front * (row["opening"] <= 0.0)
    strip = placket * bump(side - 0.0135, 0.0012) * (row["jacket"] < 0.5)
    zipper = placket * bump(x, 0.0035) * (row["jacket"] > 0.5)
    tone = tone * (1.0 - 0.28 * np.maximum(shoulder, flank) - 0.3 * strip - 0.5 * zipper)[:, None]
    step = (z - 0.93) / 0.085
    off = (step - np.floor(step) - 0.5) * 0.085
    button = placket * (row["jacket"] < 0.5) * cover(0.0052 - np.sqrt(x * x + off * off), fp)
    tone = mix(tone, np.full(3, 0.42) + 0.25 * row["trim"], button)
    leaf = neck_height(s) + 0.018 + 0.62 * np.maximum(0.042 - np.abs(side - 0.03), 0.0) * ramp(0.0, -0.04, y)
    on_collar = row["collar"] * cover(leaf, fp) * (s.arm < ARM_START)
    tone = (
        tone
        * (1.0 + 0.1 * on_collar - row["collar"] * (0.42 * bump(leaf, 0.002) + 0.16 * bump(leaf + 0.006, 0.006)))[
            :, None
        ]
    )
    contact = 1.0 - 0.32 * bump(np.minimum(d, 0.0), 0.007) * (d < 0.0) * (d > -0.05)
    share = cover(d, fp)
    colour = mix(colour * contact[:, None], tone, share)
    covered = np.maximum(share, under)
    return colour, roughness + (row["top"]["roughness"] - roughness) * covered, covered


def paint_bottom(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array, Array]:
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    side = np.abs(x)
    thigh = np.clip((0.858 - z) / 0.389, 0.0, 1.0)
    calf = np.clip((0.469 - z) / 0.398, 0.0, 1.0)
    middle_x = 0.102 + 0.033 * thigh + 0.042 * calf
    middle_y = -0.008 - 0.032 * thigh + 0.036 * calf
    about = np.arctan2(side - middle_x, -(y - middle_y))
    u = 0.078 * about
    d = np.minimum(row["waist"] - z, row["bottom_hem"] - s.leg)
    d = np.where(s.arm > ARM_START, -1.0, d)
    panel = np.where(row["bottom"]["pattern"] == 9, cover(0.03 - np.abs(u - 0.1), fp), 0.0)
    tone = weave(s, row["bottom"], u, z, panel)
    lateral = np.abs(about - 1.5708) * 0.078
    tone = mix(
        tone,
        row["bottom"]["second"].astype(np.float64),
        cover(0.5 * row["side_stripe"] - lateral, fp) * (row["side_stripe"] > 0),
    )
    tone = tone * edge_lines(d)[:, None]
    seam = bump(lateral, 0.0016)
    cut = row["denim_cut"]
    fly = cut * bump(side, 0.0018) * (y < 0) * (z > 0.79)
    stitch = cut * bump(x - 0.022, 0.0014) * (y < 0) * ramp(0.86, 0.88, z)
    down = row["waist"] - 0.035 - z
    pocket = cut * bump(side - 0.075 - 0.55 * down, 0.0017) * (y < -0.005) * (down > 0.0) * (down < 0.13)
    box = np.maximum(np.abs(side - 0.075) - 0.038, np.abs(z - 0.905) - 0.042)
    patch = cut * bump(box, 0.0018) * (y > 0.0)
    band_line = cut * bump(row["waist"] - z - 0.036, 0.0016)
    lines = np.maximum(np.maximum(seam, fly), np.maximum(np.maximum(pocket, patch), np.maximum(stitch, band_line)))
    tone = tone * (1.0 - 0.34 * lines)[:, None]
    strap = cover(np.minimum(row["waist"] - 0.002 - z, z - row["waist"] + row["belt"]), fp) * (row["belt"] > 0)
    buckle = cover(0.021 - np.abs(x), fp) * (y < 0) * cover(np.abs(x) - 0.013, fp)
    leather = mix(row["belt_colour"].astype(np.float64) * np.ones((len(x), 1)), np.array([0.42, 0.39, 0.33]), buckle)
    tone = mix(tone, leather, strap)
    contact = 1.0 - 0.32 * bump(np.minimum(d, 0.0), 0.007) * (d < 0.0) * (d > -0.05)
    share = cover(d, fp)
    colour = mix(colour * contact[:, None], tone, share)
    return colour, roughness + (row["bottom"]["roughness"] - roughness) * share, share


def paint_extras(s: Samples, colour: Array, roughness: Array) -> tuple[Array, Array]:
    """Gloves and headwear."""
    row, fp = s.row, s.footprint
    x, y, z = s.p.T
    d = s.arm - row["glove_cuff"]
    glove = cover(d, fp)
    grain = noise(s.table, s.p, (120.0, 120.0, 120.0), row["seed"], fp)
    tone = row["glove"] * (edge_lines(d) * (1.0 + 0.06 * grain) * (0.4 + 0.6 * s.open))[:, None]
    colour = mix(colour, tone, glove)
    roughness = roughness + (0.75 - roughness) * glove

    kind = row["headwear"]
    brim = z - 1.556 + 0.25 * (y + 0.05)
    oval = (x / 0.064) ** 2 + ((z - 1.487) / 0.09) ** 2
    scarf = np.where(y < -0.035, np.maximum((np.sqrt(oval) - 1.0) * 0.065, 1.44 - 0.25 * (y + 0.14) - z - 0.05), 1.0)
    scarf = np.minimum(scarf, np.minimum(z - 1.27 - 0.4 * np.abs(x), -0.035 - s.arm))
    ribbon = 0.017 - np.abs(z - 1.578 + 0.3 * (y + 0.05))
    d = np.select([kind == 1, kind == 2, kind == 3], [brim, scarf, ribbon], -1.0)
    d = np.where((z > 1.2) & (s.category == 0), d, -1.0)
    u = 0.1 * np.arctan2(x, -(y + 0.02))
    tone = weave(s, row["hat"], u, z, np.zeros_like(x))
    fold = (kind == 1) * (0.3 * bump(brim - 0.04, 0.003) - 0.06 * (brim < 0.04))
    tone = tone * ((1.0 - fold) * edge_lines(d) * (0.35 + 0.65 * s.open))[:, None]
    contact = 1.0 - 0.35 * bump(np.minimum(d, 0.0), 0.006) * (d < 0.0) * (d > -0.05)
    share = cover(d, fp)
    colour = mix(colour * contact[:, None], tone, share)
    return colour, roughness + (0.9 - roughness) * share


def paint(s: Samples) -> tuple[Array, Array, Array]:
    """(albedo [n 3] linear RGB, roughness [n], share of the sample that trunk and leg garments cover [n])."""
    colour, roughness = paint_skin(s)
    colour, roughness = paint_hair(s, colour, roughness)
    colour, roughness = paint_feet(s, colour, roughness)
    tucked = s.row["tucked"] > 0.5
    first, first_rough, top = paint_top(s, colour, roughness)
    first, first_rough, bottom = paint_bottom(s, first, first_rough)
    last, last_rough, _ = paint_bottom(s, colour, roughness)
    last, last_rough, _ = paint_top(s, last, last_rough)
    colour = np.where(tucked[:, None], first, last)
    roughness = np.where(tucked, first_rough, last_rough)
    colour, roughness = paint_extras(s, colour, roughness)
    inside = [s.category == k for k in range(1, 5)]
    lining = [paint_eyes(s), np.array([0.2, 0.07, 0.06]), np.array([0.12, 0.022, 0.02]), np.array([0.35, 0.1, 0.1])]
    colour = np.select([k[:, None] for k in inside], [np.broadcast_to(c, colour.shape) for c in lining], colour)
    roughness = np.select(inside, [0.12, 0.6, 0.5, 0.4], roughness)
    covered = np.where(s.category == 0, 1.0 - (1.0 - top) * (1.0 - bottom), 0.0)
    return np.clip(colour, 0.0, 1.0).astype(np.float32), roughness.astype(np.float32), covered.astype(np.float32)
