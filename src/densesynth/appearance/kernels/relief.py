"""What light sees of folds and hair: normals tilted by fields over the body at rest, folds deeper where joints bend."""

import warp as wp

from densesynth.appearance.kernels.base import (
    HEAD_BOTTOM,
    LEAN,
    SWEPT_Y,
    SWEPT_Z,
    WHORL_X,
    WHORL_Y,
    WHORL_Z,
    angle,
    bump,
    ramp,
)

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

STEP = wp.constant(0.001)  # metres over which heights are compared
HEIGHT = wp.constant(0.0016)  # metres, of the deepest fold
STRANDS = wp.constant(176.0)  # ridges of hair around a head, 3 mm apart at its widest
LOCKS = wp.constant(53.0)
COARSEST = wp.constant(0.007)  # metres a pixel, from where folds are too fine to be seen


@wp.struct
class Bends:
    """Of one person, how far joints are bent (radians), and how deep folds are (0..1) of what the trunk and the legs
    wear; seed: 0..1."""

    left_elbow: wp.float32
    right_elbow: wp.float32
    left_knee: wp.float32
    right_knee: wp.float32
    left_hip: wp.float32
    right_hip: wp.float32
    waist: wp.float32
    top: wp.float32
    bottom: wp.float32
    seed: wp.float32


@wp.func
def depth(p: wp.vec3, arm: wp.float32, leg: wp.float32, b: Bends) -> wp.float32:
    """How deep folds are at a body point, 0..1; along which coordinate they follow one another is `height`'s."""
    left = p[0] > 0.0
    if arm > 0.0:
        bend = wp.where(left, b.left_elbow, b.right_elbow)
        elbow = bump(arm - 0.25, 0.09) * (0.2 + 0.5 * bend)
        return b.top * wp.min(elbow + 0.35 * bump(arm - 0.46, 0.05) + 0.45 * bump(arm - 0.03, 0.07), 1.0)
    if p[2] > 0.95:
        return b.top * wp.min(bump(p[2] - 1.04, 0.1) * (0.25 + 0.8 * b.waist), 1.0)
    knee = wp.where(left, b.left_knee, b.right_knee)
    hip = wp.where(left, b.left_hip, b.right_hip)
    back = 0.35 + 0.65 * ramp(-0.06, 0.03, p[1])
    front = 1.0 - 0.7 * ramp(-0.06, 0.03, p[1])
    behind = bump(leg - 0.39, 0.1) * back * (0.25 + 0.6 * knee)
    groin = bump(leg - 0.03, 0.07) * front * (0.25 + 0.7 * hip)
    return b.bottom * wp.min(behind + groin + 0.6 * bump(leg - 0.74, 0.07), 1.0)


@wp.func
def height(p: wp.vec3, arm: wp.float32, leg: wp.float32, seed: wp.float32) -> wp.float32:
    """−1..1: ridges across limbs and trunk, slanting and running into one another."""
    along = wp.where(arm > 0.0, arm, leg)
    slant = 3.1 * wp.sin(24.0 * p[1] + 13.0 * p[2] + 6.28 * seed)
    slant = slant + 2.4 * wp.sin(37.0 * p[0] - 29.0 * p[1] + 9.0 * seed + 0.4 * slant)
    ridge = wp.sin(170.0 * along + slant) + 0.4 * wp.sin(291.0 * along - 1.3 * slant)
    here = 0.5 + 0.5 * wp.sin(33.0 * p[0] + 27.0 * p[1] + 38.0 * along + 4.0 * seed + 0.7 * slant)
    return ridge * (0.1 + 0.9 * here * here)


@wp.func
def bulk(p: wp.vec3, arm: wp.float32, leg: wp.float32, b: Bends) -> wp.float32:
    """How deep cloth's broad folds are, 0..1 of `b.top` and `b.bottom`: some everywhere, more where it gathers, at
    elbows, armpits, waist, groin, knees and the ends of legs, the most where these bend."""
    left = p[0] > 0.0
    if arm > 0.0:
        bend = wp.where(left, b.left_elbow, b.right_elbow)
        elbow = bump(arm - 0.25, 0.14) * (0.35 + 0.45 * bend)
        return b.top * wp.min(0.15 + elbow + 0.4 * bump(arm - 0.47, 0.07) + 0.5 * bump(arm - 0.03, 0.09), 1.0)
    if p[2] > 0.95:
        waist = bump(p[2] - 1.06, 0.16) * (0.5 + 0.6 * b.waist)
        return b.top * wp.min(waist + 0.25 * ramp(1.0, 1.1, p[2]) * ramp(1.38, 1.25, p[2]), 1.0)
    knee = wp.where(left, b.left_knee, b.right_knee)
    hip = wp.where(left, b.left_hip, b.right_hip)
    back = 0.35 + 0.65 * ramp(-0.06, 0.03, p[1])
    front = 1.0 - 0.5 * ramp(-0.06, 0.03, p[1])
    behind = bump(leg - 0.39, 0.16) * back * (0.4 + 0.5 * knee)
    groin = bump(leg - 0.05, 0.1) * front * (0.2 + 0.5 * hip)
    rest = 0.15 * ramp(0.05, 0.15, leg)
    return b.bottom * wp.min(rest + behind + groin + 0.8 * bump(leg - 0.72, 0.12), 1.0)


@wp.func
def wrinkle(p: wp.vec3, arm: wp.float32, leg: wp.float32, b: Bends) -> wp.float32:
    """How far cloth stands off in its broad folds; `b.top` and `b.bottom` are what the deepest stand off, metres. They
    are as long as a body's mesh can show, 10 cm; `height` has the finer ones."""
    deep = bulk(p, arm, leg, b)
    if deep <= 0.0:
        return 0.0
    along = wp.where(arm > 0.0, arm, wp.where(p[2] > 0.95, -p[2], leg))
    slant = 1.9 * wp.sin(15.0 * p[1] + 8.0 * p[2] + 6.28 * b.seed)
    slant = slant + 1.4 * wp.sin(21.0 * p[0] - 17.0 * p[1] + 9.0 * b.seed + 0.4 * slant)
    here = 0.5 + 0.5 * wp.sin(19.0 * p[0] + 16.0 * p[1] + 22.0 * along + 4.0 * b.seed + 0.7 * slant)
    ridge = 0.5 + 0.5 * wp.sin(62.0 * along + slant)
    return deep * ridge * ridge * (0.35 + 0.65 * here)


@wp.kernel
def fold_normals(
    fields: wp.array2d(dtype=wp.vec4),
    faces: wp.array(dtype=wp.vec3i),
    bends: wp.array(dtype=Bends),
    vertices: wp.array(dtype=wp.vec3),
    first_vertex: wp.array(dtype=wp.int32),
    person: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    cloth: wp.array(dtype=wp.float32),
    strength: wp.float32,
    normal: wp.array(dtype=wp.vec3),
):
    """Tilts the normals of samples on cloth. person: from 0, −1 for what is nobody's; face, barycentrics: the body
    point that a sample shows. vertices: of all bodies as dressed, world; first_vertex: of each person."""
    i = wp.tid()
    k = person[i]
    f = face[i]
    if k < 0 or f < 0:
        return
    share = cloth[i] * strength * wp.clamp(1.5 - 1.5 * footprint[i] / COARSEST, 0.0, 1.0)
    if share <= 0.01:
        return
    v = faces[f]
    w = barycentrics[i]
    a = fields[v[0], 0]
    b = fields[v[1], 0]
    c = fields[v[2], 0]
    at = a * w[0] + b * w[1] + c * w[2]
    la = fields[v[0], 1][0]
    lb = fields[v[1], 1][0]
    lc = fields[v[2], 1][0]
    leg = la * w[0] + lb * w[1] + lc * w[2]
    bend = bends[k]
    p = wp.vec3(at[0], at[1], at[2])
    deep = depth(p, at[3], leg, bend) * share * HEIGHT
    if deep < 2.0e-5:
        return
    # Heights one step along two of the triangle's edges give the slope on the body as it is posed.
    start = first_vertex[k]
    origin = vertices[start + v[0]]
    one = vertices[start + v[1]] - origin
    two = vertices[start + v[2]] - origin
    across = wp.cross(one, two)
    area = wp.dot(across, across)
    if area < 1.0e-14:
        return
    d1 = STEP / wp.max(wp.length(one), 1.0e-4)
    d2 = STEP / wp.max(wp.length(two), 1.0e-4)
    e1 = (b - a) * d1
    e2 = (c - a) * d2
    here = height(p, at[3], leg, bend.seed)
    h1 = height(p + wp.vec3(e1[0], e1[1], e1[2]), at[3] + e1[3], leg + (lb - la) * d1, bend.seed) - here
    h2 = height(p + wp.vec3(e2[0], e2[1], e2[2]), at[3] + e2[3], leg + (lc - la) * d2, bend.seed) - here
    slope = (wp.cross(two, across) * (h1 / d1) + wp.cross(across, one) * (h2 / d2)) * (deep / area)
    steep = wp.length(slope)
    if steep > 0.7:
        slope = slope * (0.7 / steep)
    normal[i] = wp.normalize(normal[i] - slope)


@wp.func
def off_axis(p: wp.vec4, swept: wp.vec2) -> wp.vec2:
    """How far to the left and up of the whorl, or of the axis that swept back hair goes around, a body point lies."""
    if swept[0] > 0.0:
        return wp.vec2(p[0] - WHORL_X, (p[2] - SWEPT_Z) * swept[0] - (p[1] - SWEPT_Y) * swept[1])
    return wp.vec2(p[0] - WHORL_X, WHORL_Y - p[1] + LEAN * (p[2] - WHORL_Z))


@wp.func
def turn(p: wp.vec4, swept: wp.vec2) -> wp.float32:
    """The same as an angle, in turns, −0.5..0.5."""
    off = off_axis(p, swept)
    return angle(off[0], off[1]) * 0.15915494


@wp.func
def wrap(turns: wp.float32) -> wp.float32:
    return turns - wp.floor(turns + 0.5)


@wp.kernel
def comb_normals(
    fields: wp.array2d(dtype=wp.vec4),
    category: wp.array(dtype=wp.uint8),
    faces: wp.array(dtype=wp.vec3i),
    hair: wp.array(dtype=wp.vec3),
    swept: wp.array(dtype=wp.vec2),
    vertices: wp.array(dtype=wp.vec3),
    first_vertex: wp.array(dtype=wp.int32),
    person: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    normal: wp.array(dtype=wp.vec3),
):
    """Tilts the normals of samples on short hair, from strand to strand as they lie about the whorl. hair: of each
    person, how far they tilt (0 is not at all), metres that the hairline has moved up, seed. swept: where to it is
    swept back (its parts backwards and up), 0 if it isn't. See `fold_normals` for the others."""
    i = wp.tid()
    k = person[i]
    f = face[i]
    if k < 0 or f < 0:
        return
    own = hair[k]
    v = faces[f]
    a = fields[v[0], 0]
    if own[0] <= 0.0 or a[2] < HEAD_BOTTOM or category[f] != wp.uint8(0):
        return
    b = fields[v[1], 0]
    c = fields[v[2], 0]
    w = barycentrics[i]
    p = a * w[0] + b * w[1] + c * w[2]
    above = fields[v[0], 2][2] * w[0] + fields[v[1], 2][2] * w[1] + fields[v[2], 2][2] * w[2]
    share = own[0] * ramp(0.0, 0.012, above - own[1] * ramp(0.0, -0.08, p[1]))
    flat = wp.length(off_axis(p, swept[k]))
    share = share * ramp(0.008, 0.03, flat)
    if share <= 0.01:
        return
    start = first_vertex[k]
    origin = vertices[start + v[0]]
    one = vertices[start + v[1]] - origin
    two = vertices[start + v[2]] - origin
    flank = wp.cross(one, two)
    area = wp.dot(flank, flank)
    here = turn(a, swept[k])
    across = wp.cross(two, flank) * wrap(turn(b, swept[k]) - here) + wp.cross(flank, one) * wrap(
        turn(c, swept[k]) - here
    )
    size = wp.length(across)
    if area < 1.0e-14 or size < 1.0e-12:
        return
    at = turn(p, swept[k])
    wander = 0.5 * wp.sin(61.0 * p[2] + 40.0 * p[1] + 6.0 * own[2]) + 0.8 * wp.sin(23.0 * at * 6.2831853 + 31.0 * p[2])
    pixel = footprint[i] / (6.2831853 * flat)
    fine = wp.clamp(1.5 - 2.5 * pixel * STRANDS, 0.0, 1.0) * wp.sin(6.2831853 * STRANDS * at + 1.3 * wander)
    broad = wp.clamp(1.5 - 2.5 * pixel * LOCKS, 0.0, 1.0) * wp.sin(6.2831853 * LOCKS * at + 1.3 * wander)
    normal[i] = wp.normalize(normal[i] + across * (share * (0.34 * fine + 0.17 * broad) / size))
