"""What all surroundings use: their structs, noise, numbers for cells, stripes."""

import warp as wp

from densesynth.scene import grain

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

# Arithmetic that may be reordered and contracted: a twelfth faster, and no label depends on it.
CPU_FLAGS = "-march=native -ffp-contract=fast -mreassociate -freciprocal-math -fno-signed-zeros -fapprox-func"

SIDE = wp.constant(grain.NOISE_SIDE)  # cells of the noise's period, a power of two
TEXTURE_SIDE = wp.constant(grain.TEXTURE_SIDE)  # texels of a texture's period
END_OF_MEANS = wp.constant(grain.TEXTURE_SIDE**2 + grain.TEXTURE_SIDE)  # of the row that has all of them
CLOUDS = wp.constant(grain.NOISE_SIDE**2)  # where in the table the textures begin
LEAVES = wp.constant(grain.NOISE_SIDE**2 + grain.TEXTURE_SIDE * (grain.TEXTURE_SIDE + grain.MEANS[0]))
FARTHEST = wp.constant(1e-4)  # 1/metres: where the ground ends and the sky begins
PLANK_ACROSS = wp.constant(1.0 / 0.35)  # planks' widths and lengths to the floor's scale
PLANK_ALONG = wp.constant(1.0 / 2.4)
# Sides of a room, the walls being 0 to 3 (+x, −x, +y, −y), in the order of their lights; the key light's direction and
# colour, in the room's axes; then the boxes' sides.
NOTHING = wp.constant(-1)
FACADE = wp.constant(2)  # what faces the people from afar has the light of that wall
CEILING = wp.constant(4)
FLOOR = wp.constant(5)
TOWARDS_KEY = wp.constant(6)
KEY = wp.constant(7)
FIRST_BOX = wp.constant(8)
BOX_SIDES = wp.constant(5)


@wp.struct
class Surroundings:
    """eye, low, high: in the room's own axes; outdoors those of the rows of things behind the people, y away from them.
    row_*: of up to three rows, the nearest first; their colours are a matrix's rows."""

    indoors: wp.int32
    ground: wp.int32
    ground_a: wp.vec3
    ground_b: wp.vec3
    ground_scale: wp.float32
    ground_cos: wp.float32
    ground_sin: wp.float32
    kerb: wp.float32  # y of the kerb, beyond which the ground is another one
    beyond: wp.int32
    beyond_a: wp.vec3
    beyond_b: wp.vec3
    wear: wp.float32
    wall: wp.int32
    wall_a: wp.vec3
    wall_b: wp.vec3
    wall_cos: wp.float32
    wall_sin: wp.float32
    ceiling: wp.int32
    ceiling_a: wp.vec3
    curtain: wp.vec3
    eye: wp.vec3
    low: wp.vec3
    high: wp.vec3
    inverse_low: wp.vec3  # 1 / (low - eye)
    inverse_high: wp.vec3
    inverse_eye: wp.float32  # 1 / height of the eye
    sky: wp.vec3
    horizon: wp.vec3
    cloud: wp.float32
    skyline: wp.int32
    skyline_colour: wp.vec3
    skyline_height: wp.float32
    row_count: wp.int32
    row_kind: wp.vec3i
    row_gap: wp.vec3  # y from the eye to the row
    row_height: wp.vec3  # of houses: storeys
    row_top: wp.vec3  # above which there is nothing of it
    row_cell: wp.vec3  # metres from one house, tree or car to the next
    row_colour: wp.mat33
    row_second: wp.mat33
    key: wp.int32  # other surroundings have other things
    seed: wp.float32


@wp.struct
class Box:
    """reach: how fast its contact shadow on the floor fades, 1/metres. first, last: columns and rows of the picture
    (last excluded) outside of which the box is not seen; first_shade, last_shade: the same for its contact shadow."""

    centre: wp.vec3
    half: wp.vec3
    cos: wp.float32
    sin: wp.float32
    colour: wp.vec3
    second: wp.vec3
    kind: wp.int32
    reach: wp.float32
    first: wp.vec2i
    last: wp.vec2i
    first_shade: wp.vec2i
    last_shade: wp.vec2i


@wp.func
def hash2(a: wp.int32, b: wp.int32, salt: wp.int32) -> wp.float32:
    """A number in 0..1 for a cell."""
    h = (
        wp.uint32(a) * wp.uint32(374761393)
        + wp.uint32(b) * wp.uint32(668265263)
        + wp.uint32(salt) * wp.uint32(974634797)
    )
    h = (h ^ (h >> wp.uint32(13))) * wp.uint32(1274126177)
    h = h ^ (h >> wp.uint32(16))
    return wp.float32(wp.int32(h & wp.uint32(65535))) / 65535.0


@wp.func
def hash4(a: wp.int32, b: wp.int32, salt: wp.int32) -> wp.vec4:
    """Four numbers in 0..1 for a cell, of 8 bits each."""
    h = (
        wp.uint32(a) * wp.uint32(374761393)
        + wp.uint32(b) * wp.uint32(668265263)
        + wp.uint32(salt) * wp.uint32(974634797)
    )
    h = (h ^ (h >> wp.uint32(13))) * wp.uint32(1274126177)
    h = h ^ (h >> wp.uint32(16))
    h = h * wp.uint32(1540483477)
    h = h ^ (h >> wp.uint32(15))
    k = wp.int32(h)
    scale = 1.0 / 255.0
    return wp.vec4(
        wp.float32(k & 255) * scale,
        wp.float32((k >> 8) & 255) * scale,
        wp.float32((k >> 16) & 255) * scale,
        wp.float32((k >> 24) & 255) * scale,
    )


@wp.func
def whole(x: wp.float32) -> wp.int32:
    return wp.int32(wp.floor(x))


@wp.func
def fade(x: wp.float32) -> wp.float32:
    """Falls from 1 at 0 much as e^-x does, to 0 at 4."""
    t = wp.max(1.0 - 0.25 * x, 0.0)
    t = t * t
    return t * t


@wp.func
def stripes(phase: wp.float32, duty: wp.float32, width: wp.float32) -> wp.float32:
    """Share of a pixel, width periods wide, on stripes that take up `duty` of each period; `base.band` in periods."""
    share = wp.clamp((0.5 * duty - wp.abs(phase - wp.floor(phase) - 0.5)) / width + 0.5, 0.0, 1.0)
    return share + (duty - share) * wp.clamp(2.0 * width - 0.5, 0.0, 1.0)


@wp.func
def rough(
    table: wp.array(dtype=wp.float32), x: wp.float32, y: wp.float32, f: wp.float32, seed: wp.float32, fp: wp.float32
) -> wp.float32:
    """Value noise in −1..1 of f cells a metre, gone where a pixel holds a whole cell of it."""
    share = wp.min(1.5 - fp * f, 1.0)
    if share <= 0.0:
        return 0.0
    qx = x * f + seed * 17.0
    qy = y * f + seed * 29.0
    u = wp.floor(qx)
    v = wp.floor(qy)
    ix = wp.int32(u)
    iy = wp.int32(v)
    u = qx - u
    v = qy - v
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    x0 = ix & (SIDE - 1)
    x1 = (ix + 1) & (SIDE - 1)
    y0 = (iy & (SIDE - 1)) * SIDE
    y1 = ((iy + 1) & (SIDE - 1)) * SIDE
    a = table[y0 + x0]
    b = table[y1 + x0]
    a = a + (table[y0 + x1] - a) * u
    b = b + (table[y1 + x1] - b) * u
    return (a + (b - a) * v) * share


@wp.func
def side_for(fp: wp.float32) -> wp.int32:
    """Texels of a texture's period such that one is about as large as a footprint, in periods: 256, 64, 16 or 4."""
    return TEXTURE_SIDE >> (2 * (wp.int32(fp > 0.007) + wp.int32(fp > 0.028) + wp.int32(fp > 0.11)))


@wp.func
def speck(
    table: wp.array(dtype=wp.float32), first: wp.int32, x: wp.float32, y: wp.float32, fp: wp.float32
) -> wp.float32:
    """The texel of a texture at (x, y), in periods, as large as the footprint. first: where in the table it begins."""
    side = side_for(fp)
    start = first + wp.where(side == TEXTURE_SIDE, 0, END_OF_MEANS - 4 * side)
    column = wp.int32(wp.floor(x * wp.float32(side))) & (side - 1)
    row = wp.int32(wp.floor(y * wp.float32(side))) & (side - 1)
    return table[start + row * TEXTURE_SIDE + column]


@wp.func
def texture(
    table: wp.array(dtype=wp.float32), first: wp.int32, x: wp.float32, y: wp.float32, fp: wp.float32
) -> wp.float32:
    """The same, between four texels."""
    side = side_for(fp)
    start = first + wp.where(side == TEXTURE_SIDE, 0, END_OF_MEANS - 4 * side)
    qx = x * wp.float32(side)
    qy = y * wp.float32(side)
    u = wp.floor(qx)
    v = wp.floor(qy)
    ix = wp.int32(u)
    iy = wp.int32(v)
    u = qx - u
    v = qy - v
    x0 = ix & (side - 1)
    x1 = (ix + 1) & (side - 1)
    y0 = start + (iy & (side - 1)) * TEXTURE_SIDE
    y1 = start + ((iy + 1) & (side - 1)) * TEXTURE_SIDE
    a = table[y0 + x0]
    b = table[y1 + x0]
    a = a + (table[y0 + x1] - a) * u
    b = b + (table[y1 + x1] - b) * u
    return a + (b - a) * v
