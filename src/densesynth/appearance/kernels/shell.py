"""Clothes and hair as a shell: how thick they are over each vertex, and how cloth spans what lies below it."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import ARM_START, HEAD_BOTTOM, Row, Sample, address_of_table, bump, noise, ramp
from densesynth.appearance.kernels.garments import (
    bottom_distance,
    leg_band,
    open_front,
    sleeve_band,
    top_distance,
    turned_up,
)
from densesynth.appearance.kernels.relief import Bends, wrinkle

wp.set_module_options({"enable_backward": False, "fuse_fp": False, "cpu_compiler_flags": "-march=native"})

EDGE = wp.constant(0.006)  # metres inside a garment's edge from where it has its whole thickness
CALM = wp.constant(0.05)  # metres from a garment's edge within which folds die out
WALL = wp.constant(0.002)  # metres beyond the end of a sleeve or a leg within which its cloth falls to the skin


@wp.struct
class Cut:
    """How a person's clothes and hair stand off: metres, and looseness 0..1 (see `shell.CUT`)."""

    top: wp.float32
    top_loose: wp.float32
    bottom: wp.float32
    bottom_loose: wp.float32
    hair: wp.float32
    hat: wp.float32
    top_wrinkle: wp.float32
    bottom_wrinkle: wp.float32


@wp.func
def hair_thickness(s: Sample, row: Row, cut: Cut, table: wp.uint64) -> wp.float32:
    above = s.hair - row.recede * ramp(0.0, -0.08, s.p[1])
    if s.p[2] < HEAD_BOTTOM - 0.02 or above <= 0.0:
        return 0.0
    top = ramp(1.52, 1.585, s.p[2] + 0.3 * (s.p[1] + 0.03))
    high = 0.55 + 0.45 * top
    if row.hair_kind == 3:  # a fade: short at the sides
        high = 0.12 + 0.88 * top
    locks = noise(table, s.p, 26.0, 26.0, 14.0, row.seed, 0.001) + 0.5 * noise(
        table, s.p, 60.0, 60.0, 30.0, row.seed + 0.4, 0.001
    )
    return cut.hair * ramp(0.0, 0.0195, above) * high * (1.0 + 0.22 * locks) * (1.0 - 0.9 * s.ear)


@wp.func
def step_at(d: wp.float32, width: wp.float32) -> wp.float32:
    """1 on the hem of a limb's end, where cloth lies double, 0 beyond it."""
    return ramp(width + 0.004, width - 0.004, d)


@wp.kernel
def measure_shell(
    k: int,
    fields: wp.array2d(dtype=wp.vec4),
    bare: wp.array(dtype=wp.uint8),
    noise_table: wp.array(dtype=wp.float32),
    rows: wp.array(dtype=Row),
    cuts: wp.array(dtype=Cut),
    bends: wp.array(dtype=Bends),
    normals: wp.array(dtype=wp.vec3),
    thickness: wp.array(dtype=wp.float32),
    loose: wp.array(dtype=wp.float32),
    wrinkles: wp.array(dtype=wp.float32),
):
    """Metres of cloth and hair over each vertex, how freely the cloth there spans hollows (0..1), and metres that it
    stands off further in its folds."""
    table = address_of_table(noise_table)
    i = wp.tid()
    thick = float(0.0)
    folded = float(0.0)
    free = float(0.0)
    if bare[i] == wp.uint8(0):
        a = fields[i, 0]
        b = fields[i, 1]
        c = fields[i, 2]
        s = Sample()
        s.p = wp.vec3(a[0], a[1], a[2])
        s.arm = a[3]
        s.leg = b[0]
        s.ear = b[2]
        s.hair = c[2]
        row = rows[k]
        cut = cuts[k]
        down = wp.max(-normals[i][2], 0.0)
        top = wp.min(top_distance(s, rows, k), open_front(s, rows, k))
        sleeve = top > -WALL and s.arm > ARM_START
        if top > 0.0 or sleeve:
            # A sleeve hangs below a raised arm; a jumper bags over its hem.
            sag = cut.top_loose * (0.02 * down * ramp(0.03, 0.12, s.arm) + 0.006 * ramp(0.25, 0.02, top))
            rise = ramp(0.0, EDGE, top)
            if sleeve:
                rise = ramp(-WALL, 0.001, top)
                gather = wp.where(row.sleeve > 0.45 and cut.top > 0.009, -0.4, 0.3)  # thick cuffs are drawn in
                sag += gather * cut.top * step_at(top, sleeve_band(rows, k))
                if row.sleeve < 0.3:  # short sleeves stand off at their ends
                    sag += 0.006 * cut.top_loose * ramp(0.08, 0.0, top)
            thick += (cut.top + sag) * rise
            if cut.top_wrinkle > 0.0 and (s.arm > 0.0 or s.p[2] > 0.95):
                folded = ramp(0.0, CALM, top) * wrinkle(s.p, s.arm, s.leg, bends[k])
            free = wp.max(free, cut.top_loose * ramp(0.0, 0.03, top))
        bottom = bottom_distance(s, rows, k)
        leg = bottom > -WALL and row.bottom_hem - s.leg < row.waist - s.p[2]
        if bottom > 0.0 or leg:
            # Legs of trousers fall straight: they stand off more, the farther down and the thinner the leg.
            fall = cut.bottom_loose * (0.012 * ramp(0.1, 0.35, s.leg) + 0.016 * ramp(0.35, 0.75, s.leg))
            fall += cut.bottom_loose * 0.015 * down * ramp(0.1, 0.3, s.leg)
            rise = ramp(0.0, EDGE, bottom)
            if leg:
                rise = ramp(-WALL, 0.001, bottom)
                fall += (0.3 + 0.5 * turned_up(rows, k)) * cut.bottom * step_at(bottom, leg_band(rows, k))
                if row.bottom_hem < 0.5:
                    fall += 0.008 * cut.bottom_loose * ramp(0.12, 0.0, bottom)
            thick += (cut.bottom + fall) * rise
            if cut.bottom_wrinkle > 0.0 and s.arm <= 0.0 and s.p[2] <= 0.95:
                folded = ramp(0.0, CALM, bottom) * wrinkle(s.p, s.arm, s.leg, bends[k])
            free = wp.max(free, (0.35 + 0.65 * cut.bottom_loose) * ramp(0.0, 0.03, bottom))
        if s.p[2] > 1.2:
            hair = hair_thickness(s, row, cut, table)
            brim = s.p[2] - 1.556 + 0.25 * (s.p[1] + 0.05)
            if row.headwear == 1 and brim > 0.0:
                hair = wp.min(hair, 0.007) + cut.hat * ramp(0.0, 0.008, brim) + 0.6 * cut.hat * bump(brim - 0.02, 0.02)
            if row.headwear == 2:
                hair = wp.min(hair, 0.012) + cut.hat * ramp(-0.005, 0.0195, s.hair)
            thick += hair
    thickness[i] = thick
    loose[i] = wp.min(free, 1.0)
    wrinkles[i] = folded


@wp.kernel
def find_face_normals(
    vertices: wp.array(dtype=wp.vec3), faces: wp.array(dtype=wp.vec3i), normals: wp.array(dtype=wp.vec3)
):
    """Normals of the faces, twice their areas long."""
    t = wp.tid()
    f = faces[t]
    p = vertices[f[0]]
    normals[t] = wp.cross(vertices[f[1]] - p, vertices[f[2]] - p)


@wp.kernel
def find_normals(
    face_normals: wp.array(dtype=wp.vec3),
    starts: wp.array(dtype=wp.int32),
    around: wp.array(dtype=wp.int32),
    normals: wp.array(dtype=wp.vec3),
):
    """Unit normals at the vertices, each face around weighing by its area, in the order of the faces."""
    i = wp.tid()
    n = wp.vec3(0.0, 0.0, 0.0)
    for k in range(starts[i], starts[i + 1]):
        n = n + face_normals[around[k]]
    normals[i] = wp.normalize(n)


@wp.kernel
def lift(
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    thickness: wp.array(dtype=wp.float32),
    lifted: wp.array(dtype=wp.vec3),
    copy: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    p = vertices[i] + normals[i] * thickness[i]
    lifted[i] = p
    copy[i] = p


@wp.func
def relax_once(
    active: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    beside: wp.array(dtype=wp.int32),
    loose: wp.array(dtype=wp.float32),
    before: wp.array(dtype=wp.vec3),
    after: wp.array(dtype=wp.vec3),
):
    for j in range(active.shape[0]):
        i = active[j]
        share = loose[i]
        if share > 0.0:
            mean = wp.vec3(0.0, 0.0, 0.0)
            first = starts[i]
            end = starts[i + 1]
            for k in range(first, end):
                mean = mean + before[beside[k]]
            mean = mean / wp.float32(end - first)
            p = before[i]
            after[i] = p + (mean - p) * (0.75 * share)


@wp.kernel
def relax(
    pairs: int,
    active: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    beside: wp.array(dtype=wp.int32),
    loose: wp.array(dtype=wp.float32),
    now: wp.array(dtype=wp.vec3),
    then: wp.array(dtype=wp.vec3),
):
    """Smoothing where cloth is loose, two steps at a time and all in one thread: steps follow one another."""
    for _ in range(pairs):
        relax_once(active, starts, beside, loose, now, then)
        relax_once(active, starts, beside, loose, then, now)


@wp.kernel
def settle(
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    thickness: wp.array(dtype=wp.float32),
    loose: wp.array(dtype=wp.float32),
    relaxed: wp.array(dtype=wp.vec3),
    wrinkles: wp.array(dtype=wp.float32),
    worn: wp.array(dtype=wp.vec3),
):
    """Cloth lies at least its thickness above the skin, where hollows are spanned above that, and in folds farther."""
    i = wp.tid()
    p = vertices[i]
    n = normals[i]
    t = thickness[i]
    if loose[i] > 0.0:
        q = relaxed[i]
        height = wp.dot(q - p, n)
        aside = q - p - n * height
        lowest = 0.55 * t
        # A smooth maximum: no crease where cloth leaves the skin.
        gap = height - lowest
        over = 0.5 * (gap + wp.sqrt(gap * gap + 1.6e-5))
        p = p + n * (lowest + wp.min(over, t + 0.05)) + aside * 0.6
    else:
        p = p + n * t
    if wrinkles[i] > 0.0:
        p = p + n * wrinkles[i]
    worn[i] = p
