"""Tops and bottoms."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import (
    ARM_START,
    Row,
    Sample,
    angle,
    band,
    bump,
    contact,
    cover,
    edge_lines,
    flag,
    mix,
    neck_height,
    neckline,
    noise,
    ramp,
    runs_across,
    weave,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

CHEST_Z = wp.constant(1.16)  # metres; below this no neckline is near enough to count


@wp.func
def trunk_u(s: Sample) -> wp.float32:
    """Metres across the fabric: round the trunk, or round the sleeve."""
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    if s.arm > 0.0:
        bone = wp.clamp(s.arm / 0.252, 0.0, 1.0)
        fore = wp.clamp((s.arm - 0.252) / 0.254, 0.0, 1.0)
        middle_y = -0.017 - 0.004 * bone - 0.158 * fore
        middle_h = (0.162 + 0.167 * bone + 0.117 * fore) * 0.75 + (1.287 - 0.189 * bone - 0.115 * fore) * 0.66
        return 0.047 * angle(y - middle_y, wp.abs(x) * 0.75 + z * 0.66 - middle_h)
    return s.across


@wp.func
def chest_panel(s: Sample, kind: wp.int32, scale: wp.float32) -> wp.float32:
    if kind < 8:
        return 0.0
    fp = s.fp
    x = s.p[0]
    z = s.p[2]
    if kind == 9:
        return cover(wp.where(s.arm > 0.0, 0.08 - s.arm, z - 1.17), fp)
    if s.p[1] >= 0.0 or s.arm >= 0.0:
        return 0.0
    a = x / 0.062
    b = (z - 1.19) / 0.05
    ring = wp.sqrt(a * a + b * b)
    shape = float(0.0)
    if scale < 0.035:
        shape = cover((0.16 - wp.abs(ring - 0.8)) * 0.05, fp) + cover((0.4 - wp.abs(a) - wp.abs(b)) * 0.05, fp)
    elif scale < 0.06:
        shape = cover((1.0 - ring) * 0.05, fp) * band(b + 0.13, 0.5, 0.62, fp / 0.05)
    else:
        frame = cover(wp.min(1.5 - wp.abs(a), 0.32 - wp.abs(b)) * 0.05, fp)
        shape = frame * wp.max(band(x, 0.028, 0.62, fp), cover((0.1 - wp.abs(b - 0.2)) * 0.05, fp))
    return wp.clamp(shape, 0.0, 1.0)


@wp.func
def top_distance(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Signed distance inside the top's outline, the open front of a jacket not yet cut."""
    if s.arm > ARM_START:
        return rows[k].sleeve - s.arm
    d = wp.min(rows[k].sleeve - s.arm, s.p[2] - rows[k].top_hem)
    if s.p[2] < CHEST_Z:
        return d
    collar = neckline(s.p, rows[k].neck_drop, rows[k].neck_width, rows[k].neck_rise, rows[k].pointed)
    return wp.min(d, collar)


@wp.func
def open_front(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Distance from an open jacket's edge, positive on cloth."""
    if rows[k].opening > 0.0 and s.p[1] < 0.0 and s.arm < ARM_START:
        return wp.abs(s.p[0]) - rows[k].opening * (1.15 - 0.5 * (s.p[2] - rows[k].top_hem) / 0.5)
    return 1.0


@wp.func
def bottom_distance(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    if s.arm > ARM_START:
        return -1.0
    return wp.min(rows[k].waist - s.p[2], rows[k].bottom_hem - s.leg)


@wp.func
def sleeve_band(rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Metres that the hem or cuff of a sleeve is wide."""
    if rows[k].jacket > 0.5:
        return 0.035
    if rows[k].top.pattern == 7:
        return 0.045
    if rows[k].collar > 0.5:
        return wp.where(rows[k].sleeve > 0.45, 0.055, 0.027)
    return 0.02


@wp.func
def turned_up(rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """1 for trousers whose legs are turned up at the end, else 0."""
    spread = 13.7 * rows[k].seed
    return rows[k].denim_cut * flag(spread - wp.floor(spread) < 0.2)


@wp.func
def leg_band(rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Metres that the hem of a leg is wide."""
    if rows[k].denim_cut < 0.5:
        return 0.012
    if turned_up(rows, k) > 0.5:
        return 0.042
    return wp.where(rows[k].bottom.pattern == 6, 0.015, 0.03)


@wp.func
def cuff(
    table: wp.uint64, s: Sample, seed: wp.float32, d: wp.float32, width: wp.float32, across: wp.float32
) -> wp.float32:  # fmt: skip
    """How light a hem is `d` metres inside a limb's edge: rounded at its edge, drawn in by a dashed seam, a step to
    the cloth beyond. across: metres round the limb."""
    stitch = band(across, 0.005, 0.62, s.fp) * bump(d - width, wp.max(0.0011, 0.5 * s.fp))
    value = 1.0 - 0.34 * bump(d, 0.0022) + 0.1 * bump(d - 0.005, 0.003) - 0.16 * bump(d - width - 0.003, 0.0035)
    pucker = noise(table, s.p, 190.0, 190.0, 190.0, seed + 0.25, s.fp) * bump(d - width, 0.012)
    return value - 0.4 * stitch + 0.09 * pucker


@wp.func
def inner_share(s: Sample, rows: wp.array(dtype=Row), k: wp.int32) -> wp.float32:
    """Share of a sample that the shirt in a jacket covers."""
    if rows[k].jacket <= 0.5:
        return 0.0
    shirt = rows[k].sleeve - 0.01 - s.arm
    if s.arm <= ARM_START:
        shirt = wp.min(shirt, s.p[2] - rows[k].top_hem)
        if s.p[2] >= CHEST_Z:
            shirt = wp.min(shirt, neckline(s.p, 0.02, 0.075, 0.004, 0.0))
    return cover(shirt, s.fp)


@wp.func
def paint_top(
    table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, outline: wp.float32,
    opening: wp.float32, under: wp.float32,
) -> wp.vec4:  # fmt: skip
    """The top as a layer: its colour times its share, and what it leaves of what lies below. outline, opening, under:
    what `top_distance`, `open_front` and `inner_share` say."""
    if outline < -0.25:
        return wp.vec4(0.0, 0.0, 0.0, 1.0)
    fp = s.fp
    p = s.p
    x = p[0]
    y = p[1]
    z = p[2]
    side = wp.abs(x)
    kind = rows[k].top.pattern
    inner_kind = rows[k].inner.pattern
    u = float(0.0)
    v = wp.where(s.arm > 0.0, s.arm, s.up)
    if runs_across(kind) or (under > 0.0 and runs_across(inner_kind)):
        u = trunk_u(s)
    seed = rows[k].seed
    colour = wp.vec3(0.0, 0.0, 0.0)
    keep = 1.0 - under
    d = wp.min(outline, opening)
    share = cover(d, fp)
    if under > 0.0 and share < 1.0:
        panel = chest_panel(s, inner_kind, rows[k].inner.scale)
        colour = (
            weave(
                table,
                p,
                fp,
                seed,
                rows[k].inner.colour,
                rows[k].inner.second,
                inner_kind,
                rows[k].inner.scale,
                u,
                v,
                panel,
            )
            * under
        )
    if d > -0.05:
        dark = contact(d, 0.32, 0.007)
        if s.arm > ARM_START:
            dark = contact(d, 0.55, 0.006) * contact(d, 0.25, 0.016)
        colour = colour * dark
        keep = keep * dark
    if share > 0.0:
        panel = chest_panel(s, kind, rows[k].top.scale)
        tone = weave(table, p, fp, seed, rows[k].top.colour, rows[k].top.second, kind, rows[k].top.scale, u, v, panel)
        front = y < 0.0 and s.arm < ARM_START
        if rows[k].collar < 0.5 and rows[k].jacket < 0.5 and kind != 6:
            tone = mix(tone, rows[k].trim, share * cover(0.016 - d, fp))
        width = float(0.0)
        if s.arm > ARM_START and d < 0.08:
            width = sleeve_band(rows, k)
        if s.arm > ARM_START and d < width + 0.02:
            if not runs_across(kind):
                u = trunk_u(s)
            tone = tone * cuff(table, s, seed, d, width, u)
            if kind == 7:
                tone = tone * (0.86 + 0.2 * band(u, 0.0045, 0.5, fp) * ramp(width + 0.001, width - 0.001, d))
        else:
            tone = tone * edge_lines(d)
        shoulder = bump(s.arm + 0.004, 0.0016) * flag(rows[k].sleeve > 0.0)
        flank = bump(y + 0.036, 0.0016) * flag(s.arm < 0.0 and z < 1.2)
        lines = 0.28 * wp.max(shoulder, flank)
        if front and rows[k].placket > 0.0 and rows[k].opening <= 0.0:
            if rows[k].jacket > 0.5:
                tone = tone * (1.0 - lines - 0.5 * bump(x, 0.0035))
            else:
                tone = tone * (1.0 - lines - 0.3 * bump(side - 0.0135, 0.0012))
                step = (z - 0.93) / 0.085
                off = (step - wp.floor(step) - 0.5) * 0.085
                button = cover(0.0052 - wp.sqrt(x * x + off * off), fp)
                tone = mix(tone, wp.vec3(0.42, 0.42, 0.42) + 0.25 * rows[k].trim, button)
        else:
            tone = tone * (1.0 - lines)
        if rows[k].collar > 0.5:
            leaf = neck_height(p) + 0.018 + 0.62 * wp.max(0.042 - wp.abs(side - 0.03), 0.0) * ramp(0.0, -0.04, y)
            on_collar = cover(leaf, fp) * flag(s.arm < ARM_START)
            tone = tone * (1.0 + 0.1 * on_collar - 0.42 * bump(leaf, 0.002) - 0.16 * bump(leaf + 0.006, 0.006))
        colour = mix(colour, tone, share)
        keep = keep * (1.0 - share)
    return wp.vec4(colour[0], colour[1], colour[2], keep)


@wp.func
def paint_bottom(table: wp.uint64, s: Sample, rows: wp.array(dtype=Row), k: wp.int32, d: wp.float32) -> wp.vec4:
    """The bottom as a layer, as `paint_top`; d: what `bottom_distance` says."""
    if d < -0.05:
        return wp.vec4(0.0, 0.0, 0.0, 1.0)
    fp = s.fp
    x = s.p[0]
    y = s.p[1]
    z = s.p[2]
    side = wp.abs(x)
    colour = wp.vec3(0.0, 0.0, 0.0)
    share = cover(d, fp)
    if share > 0.0:
        thigh = wp.clamp((0.858 - z) / 0.389, 0.0, 1.0)
        calf = wp.clamp((0.469 - z) / 0.398, 0.0, 1.0)
        middle_x = 0.102 + 0.033 * thigh + 0.042 * calf
        middle_y = -0.008 - 0.032 * thigh + 0.036 * calf
        kind = rows[k].bottom.pattern
        outward = side - middle_x
        forward = middle_y - y
        u = float(0.0)
        lateral = float(1.0)
        # The angle is needed by what runs across the fabric, and close to the seam at the side.
        if kind == 9 or runs_across(kind) or wp.abs(forward) < (0.1 + 20.0 * (rows[k].side_stripe + fp)) * outward:
            about = angle(outward, forward)
            u = 0.078 * about
            lateral = wp.abs(about - 1.5708) * 0.078
        panel = float(0.0)
        if kind == 9:
            panel = cover(0.03 - wp.abs(u - 0.1), fp)
        tone = weave(
            table,
            s.p,
            fp,
            rows[k].seed,
            rows[k].bottom.colour,
            rows[k].bottom.second,
            kind,
            rows[k].bottom.scale,
            u,
            z,
            panel,
        )
        if rows[k].side_stripe > 0.0:
            tone = mix(tone, rows[k].bottom.second, cover(0.5 * rows[k].side_stripe - lateral, fp))
        end = rows[k].bottom_hem - s.leg
        width = float(0.0)
        if end == d and d < 0.065:
            width = leg_band(rows, k)
        if end == d and d < width + 0.02:
            turned = turned_up(rows, k) * cover(width - d, fp)
            inside = wp.where(kind == 6, 0.55, 0.12)  # the wrong side of denim is pale
            tone = mix(tone, 0.5 * tone + wp.vec3(0.2, 0.2, 0.21), inside * turned)
            if u == 0.0:
                u = 0.078 * angle(outward, forward)
            tone = tone * cuff(table, s, rows[k].seed, d, width, u)
        else:
            tone = tone * edge_lines(d)
        lines = bump(lateral, 0.0016)
        if rows[k].denim_cut > 0.0 and z > 0.79:
            down = rows[k].waist - 0.035 - z
            if y < 0.0:
                lines = wp.max(lines, wp.max(bump(side, 0.0018), bump(x - 0.022, 0.0014) * ramp(0.86, 0.88, z)))
                if y < -0.005 and down > 0.0 and down < 0.13:
                    lines = wp.max(lines, bump(side - 0.075 - 0.55 * down, 0.0017))
            elif y > 0.0:
                lines = wp.max(lines, bump(wp.max(wp.abs(side - 0.075) - 0.038, wp.abs(z - 0.905) - 0.042), 0.0018))
            lines = wp.max(lines, bump(rows[k].waist - z - 0.036, 0.0016))
        tone = tone * (1.0 - 0.34 * lines)
        if rows[k].belt > 0.0:
            strap = cover(wp.min(rows[k].waist - 0.002 - z, z - rows[k].waist + rows[k].belt), fp)
            buckle = cover(0.021 - side, fp) * flag(y < 0.0) * cover(side - 0.013, fp)
            tone = mix(tone, mix(rows[k].belt_colour, wp.vec3(0.42, 0.39, 0.33), buckle), strap)
        colour = tone * share
    dark = contact(d, 0.32, 0.007)
    if rows[k].bottom_hem - s.leg == d:
        dark = contact(d, 0.55, 0.006) * contact(d, 0.25, 0.016)
    return wp.vec4(colour[0], colour[1], colour[2], dark * (1.0 - share))
