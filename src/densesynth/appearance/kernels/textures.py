"""UV pictures on skin: trilinear samples, one for each part of the body near enough, feathered into one another."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance import tone
from densesynth.appearance.kernels.base import ARM_START, Row, Sample, address_of_table, neck_height, ramp
from densesynth.appearance.kernels.extras import paint_feet
from densesynth.appearance.kernels.garments import bottom_distance, inner_share, open_front, top_distance
from densesynth.appearance.kernels.paint import gather_sample, lay_clothes
from densesynth.appearance.kernels.skin import paint_hair

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

FEATHER = wp.constant(0.012)  # metres either side of where a part ends
WRIST = wp.constant(0.505)  # metres along the arm
ANKLE = wp.constant(0.765)  # metres along the leg
COLLAR = wp.constant(0.012)  # metres above the base of the neck
SKIN_ROUGH = wp.constant(0.52)
CLOTH_ROUGH = wp.constant(0.85)
TO_CONES = wp.constant(wp.mat33(*tone.CONES_FROM_LINEAR.ravel().tolist()))
FROM_CONES = wp.constant(wp.mat33(*tone.LINEAR_FROM_CONES.ravel().tolist()))


@wp.func
def unpack(texel: wp.uint32) -> wp.vec4:
    r = wp.float32(texel & wp.uint32(255)) / 255.0
    g = wp.float32((texel >> wp.uint32(8)) & wp.uint32(255)) / 255.0
    b = wp.float32((texel >> wp.uint32(16)) & wp.uint32(255)) / 255.0
    return wp.vec4(r * r, g * g, b * b, wp.float32(texel >> wp.uint32(24)) / 255.0)


@wp.func
def sample_level(texels: wp.array(dtype=wp.uint32), first: int, side: int, at: wp.vec2) -> wp.vec4:
    """Bilinear; held at the picture's edges."""
    last = wp.float32(side - 1)
    x = wp.clamp(at[0] * wp.float32(side) - 0.5, 0.0, last)
    y = wp.clamp(at[1] * wp.float32(side) - 0.5, 0.0, last)
    x0 = int(x)
    y0 = int(y)
    dx = x - wp.float32(x0)
    dy = y - wp.float32(y0)
    x1 = wp.min(x0 + 1, side - 1)
    top = first + y0 * side
    low = first + wp.min(y0 + 1, side - 1) * side
    a = unpack(texels[top + x0])
    a = a + (unpack(texels[top + x1]) - a) * dx
    b = unpack(texels[low + x0])
    b = b + (unpack(texels[low + x1]) - b) * dx
    return a + (b - a) * dy


@wp.func
def sample_picture(texels: wp.array(dtype=wp.uint32), slot: wp.vec3i, at: wp.vec2, width: wp.float32) -> wp.vec4:
    """Colour (linear) and cloth of a picture, over a footprint of `width` of it. slot: side, levels, first texel."""
    level = wp.clamp(wp.log2(wp.max(width * wp.float32(slot[0]), 1.0)), 0.0, wp.float32(slot[1] - 1))
    fine = int(level)
    share = level - wp.float32(fine)
    first = slot[2]
    side = slot[0]
    for _ in range(fine):
        first = first + side * side
        side = side // 2
    c = sample_level(texels, first, side, at)
    if share > 0.0:
        c = c + (sample_level(texels, first + side * side, side // 2, at) - c) * share
    return c


@wp.func
def part_share(s: Sample, waist: wp.float32, part: int) -> wp.float32:
    """How much of a part's picture shows: the five shares sum to 1 everywhere, and change over 2 FEATHER."""
    head = float(0.0)
    lower = float(0.0)
    if s.arm < ARM_START:
        head = ramp(-FEATHER, FEATHER, neck_height(s.p) - COLLAR) * ramp(1.2, 1.3, s.p[2])
        lower = ramp(-FEATHER, FEATHER, waist - s.p[2])
    hands = ramp(-FEATHER, FEATHER, s.arm - WRIST)
    feet = ramp(-FEATHER, FEATHER, s.leg - ANKLE)
    if part == 0:
        return head
    if part == 1:
        return wp.max(1.0 - head - hands - lower, 0.0)
    if part == 2:
        return hands
    if part == 3:
        return lower * (1.0 - feet)
    return lower * feet


@wp.func
def sample_look(
    s: Sample,
    at: wp.vec2,
    density: wp.float32,
    k: int,
    texels: wp.array(dtype=wp.uint32),
    slots: wp.array(dtype=wp.vec3i),
    chosen: wp.array2d(dtype=wp.int32),
    gain: wp.array2d(dtype=wp.vec3),
    waist: wp.array(dtype=wp.float32),
) -> wp.vec4:
    """Colour (linear) and cloth of a person's pictures at a surface point."""
    width = s.fp * density
    one = bool(True)
    for part in range(1, 5):
        if chosen[k, part] != chosen[k, 0]:
            one = False
    if one:
        return sample_picture(texels, slots[chosen[k, 0]], at, width)
    total = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for part in range(5):
        share = part_share(s, waist[k], part)
        if share > 0.0:
            c = sample_picture(texels, slots[chosen[k, part]], at, width)
            cones = TO_CONES * wp.vec3(c[0], c[1], c[2])
            skin = 1.0 - c[3]
            for channel in range(3):
                cones[channel] = cones[channel] * (1.0 + skin * (gain[k, part][channel] - 1.0))
            rgb = FROM_CONES * cones
            total = total + wp.vec4(wp.max(rgb[0], 0.0), wp.max(rgb[1], 0.0), wp.max(rgb[2], 0.0), c[3]) * share
    return total


@wp.kernel
def paint_pictures(
    run: wp.int32,
    fields: wp.array2d(dtype=wp.vec4),
    category: wp.array(dtype=wp.uint8),
    faces: wp.array(dtype=wp.vec3i),
    noise_table: wp.array(dtype=wp.float32),
    rows: wp.array(dtype=Row),
    instance: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    smallest: wp.float32,
    corners: wp.array2d(dtype=wp.vec2),
    density: wp.array(dtype=wp.float32),
    whole: int,
    texels: wp.array(dtype=wp.uint32),
    slots: wp.array(dtype=wp.vec3i),
    chosen: wp.array2d(dtype=wp.int32),
    gain: wp.array2d(dtype=wp.vec3),
    waist: wp.array(dtype=wp.float32),
    dressed: wp.array(dtype=wp.int32),
    albedo: wp.array(dtype=wp.vec3),
    roughness: wp.array(dtype=wp.float32),
    covered: wp.array(dtype=wp.float32),
):
    """As `paint_kernel`, for the samples of people who wear pictures; the others' answers stay as they are."""
    table = address_of_table(noise_table)
    first = wp.tid() * run
    for i in range(first, wp.min(first + run, face.shape[0])):
        f = face[i]
        k = instance[i] - 1
        if f >= 0 and k >= 0 and chosen[k, 0] >= 0 and (whole > 0 or category[f] == wp.uint8(0)):
            b = barycentrics[i]
            s = gather_sample(f, b, fields, faces, footprint[i], smallest)
            at = corners[f, 0] * b[0] + corners[f, 1] * b[1] + corners[f, 2] * b[2]
            look = sample_look(s, at, density[f], k, texels, slots, chosen, gain, waist)
            c = wp.vec4(look[0], look[1], look[2], SKIN_ROUGH)
            share = float(0.0)
            if dressed[k] > 0:
                share = look[3] * ramp(0.02, -0.02, neck_height(s.p))  # hair is no cloth
                c[3] = SKIN_ROUGH + (CLOTH_ROUGH - SKIN_ROUGH) * share
            else:
                outline = top_distance(s, rows, k)
                opening = open_front(s, rows, k)
                leg = bottom_distance(s, rows, k)
                under = inner_share(s, rows, k)
                if wp.min(outline, opening) < 0.5 * s.fp and leg < 0.5 * s.fp:
                    c = paint_hair(table, s, rows, k, c)
                    c = paint_feet(table, s, rows, k, c)
                c, share = lay_clothes(table, s, rows, k, c, outline, opening, leg, under)
            albedo[i] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
            roughness[i] = c[3]
            covered[i] = share
