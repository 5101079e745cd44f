"""What worn meshes with fabrics of their own are painted with: woven cloth, leather and rubber, hair."""

# ruff: noqa: UP018  (in Warp's language float(0.0) declares a variable)
import warp as wp

from densesynth.appearance.kernels.base import Cloth, address_of_table, noise, weave

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

WOVEN = wp.constant(0)
SMOOTH = wp.constant(1)
STRANDS = wp.constant(2)


@wp.func
def strands(table: wp.uint64, across: wp.float32, along: wp.float32, seed: wp.float32, fp: wp.float32) -> wp.float32:
    """How bright a lock of hair is, about 1: fine hairs on locks. across, along: metres, not negative."""
    q = wp.vec3(across, along, 0.0)
    fine = noise(table, q, 1100.0, 16.0, 1.0, seed + 0.2, fp)
    locks = noise(table, q, 170.0, 6.0, 1.0, seed + 0.7, fp)
    return 1.0 + 0.4 * fine + 0.3 * locks


@wp.kernel
def paint_fabric(
    noise_table: wp.array(dtype=wp.float32),
    cloths: wp.array(dtype=Cloth),
    finish: wp.array(dtype=wp.int32),
    seeds: wp.array(dtype=wp.float32),
    piece: wp.array(dtype=wp.int32),
    position: wp.array(dtype=wp.vec3),
    woven: wp.array(dtype=wp.vec2),
    footprint: wp.array(dtype=wp.float32),
    albedo: wp.array(dtype=wp.vec3),
    roughness: wp.array(dtype=wp.float32),
    covered: wp.array(dtype=wp.float32),
):
    """Colour at points of worn meshes. position: at rest, metres; woven: metres across and along the fabric."""
    table = address_of_table(noise_table)
    i = wp.tid()
    k = piece[i]
    fp = wp.max(footprint[i], 1.0e-5)
    p = position[i]
    u = woven[i][0]
    v = woven[i][1]
    tone = cloths[k].colour
    rough = cloths[k].roughness
    share = float(0.0)
    if finish[k] == WOVEN:
        tone = weave(
            table, p, fp, seeds[k], tone, cloths[k].second, cloths[k].pattern, cloths[k].scale, u, v, 0.0
        )  # fmt: skip
        share = 1.0
    elif finish[k] == STRANDS:
        tone = tone * wp.max(strands(table, u, v, seeds[k], fp), 0.25)
    else:
        tone = tone * (1.0 + 0.1 * noise(table, p, 90.0, 90.0, 90.0, seeds[k], fp))
    albedo[i] = wp.vec3(wp.clamp(tone[0], 0.0, 1.0), wp.clamp(tone[1], 0.0, 1.0), wp.clamp(tone[2], 0.0, 1.0))
    roughness[i] = rough
    covered[i] = share
