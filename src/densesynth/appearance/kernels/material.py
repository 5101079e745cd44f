"""Colours of wood, paint, metal, cloth, leaves, cardboard, rubber and leather, at points of things."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import address_of_table, band, bump, noise, ramp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

WOOD = wp.constant(1)
METAL = wp.constant(2)
CLOTH = wp.constant(3)
LEAF = wp.constant(4)
CARD = wp.constant(5)
RUBBER = wp.constant(6)
LEATHER = wp.constant(7)
ROOM = wp.constant(3.0)  # metres added, as noise wants positive places


@wp.func
def wood_tone(table: wp.uint64, q: wp.vec3, seed: wp.float32, fp: wp.float32) -> wp.float32:
    """How light wood is, about 1. q: metres, the third along the grain: rings cut lengthwise, and fibres."""
    bend = noise(table, q, 9.0, 9.0, 1.6, seed, fp)
    ring = (q[0] + 0.6 * q[1]) * 55.0 + 2.6 * bend
    phase = ring - wp.floor(ring)
    late = ramp(0.35, 0.95, phase) * ramp(1.0, 0.95, phase) * wp.clamp(1.5 - 90.0 * fp, 0.0, 1.0)
    fibre = noise(table, q, 420.0, 420.0, 9.0, seed + 0.4, fp)
    broad = noise(table, q, 5.0, 5.0, 0.9, seed + 0.7, fp)
    return 1.0 - 0.3 * late + 0.14 * fibre + 0.16 * broad


@wp.kernel
def paint_materials(
    noise_table: wp.array(dtype=wp.float32),
    position: wp.array(dtype=wp.vec3),
    faces: wp.array(dtype=wp.vec3i),
    colours: wp.array(dtype=wp.vec3),
    kinds: wp.array(dtype=wp.uint8),
    along: wp.array(dtype=wp.uint8),
    piece: wp.array(dtype=wp.int32),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    albedo: wp.array(dtype=wp.vec3),
    roughness: wp.array(dtype=wp.float32),
):
    table = address_of_table(noise_table)
    i = wp.tid()
    t = face[i]
    f = faces[t]
    b = barycentrics[i]
    fp = wp.max(footprint[i], 1.0e-5)
    p = position[f[0]] * b[0] + position[f[1]] * b[1] + position[f[2]] * b[2] + wp.vec3(ROOM, ROOM, ROOM)
    axis = int(along[t])
    q = p  # the third along the piece
    if axis == 0:
        q = wp.vec3(p[1], p[2], p[0])
    elif axis == 1:
        q = wp.vec3(p[2], p[0], p[1])
    kind = int(kinds[t])
    spread = 0.6180340 * wp.float32(piece[t] + 1)
    seed = spread - wp.floor(spread)
    tone = float(1.0)
    rough = float(0.4)
    if kind == WOOD:
        tone = wood_tone(table, q, seed, fp)
        rough = 0.62 - 0.1 * tone
    elif kind == METAL:
        brushed = noise(table, q, 900.0, 900.0, 12.0, seed, fp)
        tone = 1.0 + 0.08 * brushed
        rough = 0.26 + 0.05 * brushed
    elif kind == CLOTH:
        # Threads of both directions over each other, on whatever side faces the eye.
        threads = band(p[0] + p[2], 0.0032, 0.5, fp) + band(p[1] - p[2], 0.0032, 0.5, fp)
        tone = 0.86 + 0.14 * threads + 0.1 * noise(table, p, 14.0, 14.0, 14.0, seed, fp)
        tone += 0.08 * noise(table, p, 700.0, 700.0, 700.0, seed + 0.3, fp)
        rough = 0.92
    elif kind == LEAF:
        tone = (
            1.0
            + 0.3 * noise(table, p, 30.0, 30.0, 30.0, seed, fp)
            + 0.2 * noise(table, p, 160.0, 160.0, 160.0, seed, fp)
        )
        rough = 0.45
    elif kind == CARD:
        flutes = band(q[2], 0.007, 0.5, fp)
        tone = 0.98 + 0.04 * flutes + 0.08 * noise(table, p, 12.0, 12.0, 12.0, seed, fp)
        tone += 0.06 * noise(table, p, 500.0, 500.0, 500.0, seed + 0.2, fp)
        rough = 0.82
    elif kind == RUBBER:
        tone = 1.0 + 0.2 * noise(table, p, 90.0, 90.0, 90.0, seed, fp)
        rough = 0.7
    elif kind == LEATHER:
        pebble = noise(table, p, 420.0, 420.0, 420.0, seed, fp)
        tone = 1.0 + 0.16 * pebble + 0.14 * noise(table, p, 16.0, 16.0, 16.0, seed + 0.5, fp)
        rough = 0.46 + 0.08 * pebble
    else:
        worn = noise(table, p, 18.0, 18.0, 18.0, seed, fp)
        tone = 1.0 + 0.05 * worn + 0.03 * noise(table, p, 260.0, 260.0, 260.0, seed + 0.5, fp)
        tone -= 0.2 * bump(worn - 0.75, 0.08)  # scuffs
        rough = 0.38 + 0.06 * worn
    c = colours[t] * tone
    albedo[i] = wp.vec3(wp.clamp(c[0], 0.0, 1.0), wp.clamp(c[1], 0.0, 1.0), wp.clamp(c[2], 0.0, 1.0))
    roughness[i] = rough
