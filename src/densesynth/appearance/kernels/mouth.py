"""The lining of the mouth."""

import math

import warp as wp

from densesynth.appearance.kernels.base import Sample, bump, mix, ramp
from densesynth.appearance.reference import mouth as plain

PI = wp.constant(math.pi)
FLESH, GUM, ENAMEL = (wp.constant(wp.vec3(*colour)) for colour in (plain.FLESH, plain.GUM, plain.ENAMEL))
FIRST, SECOND, THIRD = (wp.constant(gap) for gap in plain.GAPS[1:])
wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})


@wp.func
def paint_mouth(s: Sample) -> wp.vec4:
    z = s.p[2]
    side = wp.abs(s.p[0])
    scallop = 0.0007 * wp.abs(wp.cos(PI * (side - FIRST / 2.0) / 0.0072))
    upper = z - 1.4592 - scallop + 0.0016 * ramp(0.017, 0.024, side)
    lower = 1.4392 + 0.0024 * bump(side - 0.0125, 0.007) - scallop - z
    front = ramp(-0.118, -0.124, s.p[1]) * ramp(0.026, 0.022, side)
    soft = 0.0004 + 0.5 * s.fp
    above = ramp(1.4712, 1.4704, z)
    tooth = (ramp(-soft, soft, upper) * above + ramp(-soft, soft, lower) * ramp(1.4305, 1.4312, z)) * front
    gum = ramp(-0.0046, -0.0034, upper) * above + ramp(-0.004, -0.003, lower) * ramp(1.43, 1.431, z)
    wide = 0.00035 + 0.4 * s.fp
    gap = bump(side, wide) + bump(side - FIRST, wide) + bump(side - SECOND, wide) + bump(side - THIRD, wide)
    shade = (1.0 - 0.45 * wp.min(gap * (0.00035 / wide), 1.0)) * (1.0 - 0.6 * ramp(0.01, 0.025, side))
    colour = mix(FLESH, GUM, wp.min(gum, 1.0) * front)
    colour = mix(colour, ENAMEL * shade, tooth)
    return wp.vec4(colour[0], colour[1], colour[2], 0.5 - 0.28 * tooth)
