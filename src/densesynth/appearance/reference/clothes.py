"""Socks, shoes, tops, bottoms, gloves and headwear."""

from __future__ import annotations

from typing import Any

import numpy as np

from densesynth.appearance.reference.base import (
    ARM_START,
    Samples,
    band,
    bump,
    cover,
    mix,
    neck_height,
    neckline,
    noise,
    ramp,
    weave,
)
from densesynth.arrays import Array


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
    instep = row["laced"] * ramp(-0.128, -0.118, y) * ramp(0.0, 0.004, d) * (y < -0.02) * ramp(0.088, 0.078, z)
    tongue = cover(0.013 - np.abs(middle), fp) * instep
    laces = cover(0.015 - np.abs(middle), fp) * instep * band(y + 0.25 * z, np.full_like(x, 0.0125), 0.42, fp)
    heel = cover(y - 0.022 - 0.2 * z, fp)
    tone = mix(row["upper"].astype(np.float64), row["shoe_second"], heel * row["laced"])
    # The body has toes. A duller, slightly darker cap without an edge of its own hides them where no shoe mesh does.
    toes = ramp(-0.09, -0.13, y)
    tone = tone * ((1.0 - 0.2 * toes) * (1.0 - 0.4 * tongue))[:, None]
    tone = mix(tone, row["lace"].astype(np.float64), laces)
    collar = bump(d - 0.008, 0.0022)
    sole = cover(row["sole"] * (1.0 - toes) - z, fp)
    welt = bump(z - row["sole"], 0.0018) * (1.0 - toes)
    tone = mix(tone * (1.0 - 0.3 * collar)[:, None], row["sole_colour"].astype(np.float64), sole)
    tone = tone * (1.0 - 0.45 * welt)[:, None]
    scuff = noise(s.table, s.p, (60.0, 60.0, 60.0), row["seed"], fp)
    contact = 1.0 - 0.35 * bump(d, 0.006) * (d < 0)
    colour = mix(colour * contact[:, None], tone * (1.0 + 0.06 * scuff)[:, None], shoe)
    return colour, roughness + (np.where(sole > 0.5, 0.8, 0.42 + 0.4 * toes) - roughness) * shoe


def trunk_uv(s: Samples) -> tuple[Array, Array]:
    """Fabric coordinates of a top (metres): panels on the trunk, sleeves about the arm; seams where they meet."""
    x, y, z = s.p.T
    bone = np.clip(s.arm / 0.252, 0.0, 1.0)
    fore = np.clip((s.arm - 0.252) / 0.254, 0.0, 1.0)
    middle_y = -0.017 - 0.004 * bone - 0.158 * fore
    middle_h = (0.162 + 0.167 * bone + 0.117 * fore) * 0.75 + (1.287 - 0.189 * bone - 0.115 * fore) * 0.66
    about = np.arctan2(y - middle_y, np.abs(x) * 0.75 + z * 0.66 - middle_h)
    sleeve = s.arm > 0.0
    return np.where(sleeve, 0.047 * about, np.minimum(s.front, s.back)), np.where(sleeve, s.arm, s.up)


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


def sleeve_band(row: Any) -> Array:
    """Metres that the hem or cuff of a sleeve is wide."""
    shirt = np.where(row["collar"] > 0.5, np.where(row["sleeve"] > 0.45, 0.055, 0.027), 0.02)
    return np.where(row["jacket"] > 0.5, 0.035, np.where(row["top"]["pattern"] == 7, 0.045, shirt))


def turned_up(row: Any) -> Array:
    spread = np.float32(13.7) * row["seed"]
    return row["denim_cut"] * (spread - np.floor(spread) < np.float32(0.2))


def leg_band(row: Any) -> Array:
    """Metres that the hem of a leg is wide."""
    plain = np.where(row["bottom"]["pattern"] == 6, 0.015, 0.03)
    return np.where(row["denim_cut"] < 0.5, 0.012, np.where(turned_up(row) > 0.5, 0.042, plain))


def cuff(s: Samples, d: Array, width: Array, across: Array) -> Array:
    """A hem's own brightness: rounded at its edge, drawn in by a dashed seam, a step down to the cloth beyond."""
    fp, seed = s.footprint, s.row["seed"]
    stitch = band(across, np.full_like(d, 0.005), 0.62, fp) * bump(d - width, np.maximum(0.0011, 0.5 * fp))
    value = 1.0 - 0.34 * bump(d, 0.0022) + 0.1 * bump(d - 0.005, 0.003) - 0.16 * bump(d - width - 0.003, 0.0035)
    pucker = noise(s.table, s.p, (190.0, 190.0, 190.0), seed + 0.25, fp) * bump(d - width, 0.012)
    return value - 0.4 * stitch + 0.09 * pucker


def shade_below(d: Array, strong: Array) -> Array:
    """What an edge leaves of the light on what lies `-d` metres beyond it; more is taken below a limb's hem."""
    out = np.minimum(d, 0.0)
    deep = (1.0 - 0.55 * bump(out, 0.006)) * (1.0 - 0.25 * bump(out, 0.016))
    light = np.where(strong, deep, 1.0 - 0.32 * bump(out, 0.007))
    return np.where((d < 0.0) & (d > -0.05), light, 1.0)


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
    width = sleeve_band(row)
    at_cuff = on_arm & (d < width + 0.02)
    knit = 0.86 + 0.2 * band(u, np.full_like(u, 0.0045), 0.5, fp) * ramp(width + 0.001, width - 0.001, d)
    sewn = cuff(s, d, width, u) * np.where(row["top"]["pattern"] == 7, knit, 1.0)
    tone = tone * np.where(at_cuff, sewn, edge_lines(d))[:, None]
    shoulder = bump(s.arm + 0.004, 0.0016) * (row["sleeve"] > 0.0)
    flank = bump(y + 0.036, 0.0016) * (s.arm < 0.0) * (z < 1.2)
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
    contact = shade_below(d, on_arm)
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
    end, width = row["bottom_hem"] - s.leg, leg_band(row)
    turned = turned_up(row) * cover(width - d, fp) * np.where(row["bottom"]["pattern"] == 6, 0.55, 0.12)
    at_cuff = (end == d) & (d < width + 0.02)
    tone = mix(tone, 0.5 * tone + [0.2, 0.2, 0.21], turned * at_cuff)
    tone = tone * np.where(at_cuff, cuff(s, d, width, u), edge_lines(d))[:, None]
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
    contact = shade_below(d, end == d)
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
