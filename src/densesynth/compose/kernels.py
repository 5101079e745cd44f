"""Warp kernels of what is composed from the host's arrays, for the CPU.

Each is one loop in C++ over arrays given by their addresses (`device.address`), as those of the labels are.
"""

import warp as wp

# Two values side by side in a register of four would drag whatever the other two hold along: where those are too small
# for a normal number, each division of them takes the processor as long as a hundred others.
wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native -fno-slp-vectorize"})

MOVE = """
    const unsigned char* __restrict__ instance = (const unsigned char*)instance_at;
    const unsigned char* __restrict__ hidden = (const unsigned char*)hidden_at;
    const int* __restrict__ face = (const int*)face_at;
    const float* __restrict__ weights = (const float*)weights_at;
    const float* __restrict__ depth = (const float*)depth_at;
    const int* __restrict__ corners = (const int*)corners_at;
    const float* __restrict__ motion = (const float*)motion_at;
    const float* __restrict__ radial = (const float*)radial_at;
    float* __restrict__ out = (float*)out_at;
    for (int y = 0; y < height; ++y) {
        const float py = (y + 0.5f - cy) / fy;
        for (int x = 0; x < width; ++x) {
            const int pixel = y * width + x, k = instance[pixel];
            if (k == 0 || k > people || (hidden && hidden[pixel])) {
                out[2 * pixel] = out[2 * pixel + 1] = 0.0f;
                continue;
            }
            const int* corner = corners + 3 * face[pixel];
            const float* own = motion + 3 * (k - 1) * vertices;
            float moved[3] = {0.0f, 0.0f, 0.0f};
            for (int j = 0; j < 3; ++j)
                for (int c = 0; c < 3; ++c) moved[c] += weights[3 * pixel + j] * own[3 * corner[j] + c];
            const float px = (x + 0.5f - cx) / fx, bent = sqrtf(px * px + py * py), step = bent * steps;
            const int row = (int)step;
            const float share = step - row, *here = radial + 3 * row;
            const float ray = here[0] + share * (here[3] - here[0]);
            const float around = here[1] + share * (here[4] - here[1]);
            const float outwards = here[2] + share * (here[5] - here[2]);
            const float u = (moved[0] - px * ray * moved[2]) / depth[pixel];
            const float v = (moved[1] - py * ray * moved[2]) / depth[pixel];
            const float along = (outwards - around) * (px * u + py * v) / (bent * bent + 1e-20f);
            out[2 * pixel] = fx * (around * u + along * px);
            out[2 * pixel + 1] = fy * (around * v + along * py);
        }
    }
"""


@wp.func_native(MOVE)
def move_pixels(
    width: int,
    height: int,
    people: int,
    vertices: int,
    fx: wp.float32,
    fy: wp.float32,
    cx: wp.float32,
    cy: wp.float32,
    steps: wp.float32,
    instance_at: wp.uint64,
    hidden_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    depth_at: wp.uint64,
    corners_at: wp.uint64,
    motion_at: wp.uint64,
    radial_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def move_kernel(
    width: int,
    height: int,
    people: int,
    vertices: int,
    fx: wp.float32,
    fy: wp.float32,
    cx: wp.float32,
    cy: wp.float32,
    steps: wp.float32,
    instance_at: wp.uint64,
    hidden_at: wp.uint64,
    face_at: wp.uint64,
    weights_at: wp.uint64,
    depth_at: wp.uint64,
    corners_at: wp.uint64,
    motion_at: wp.uint64,
    radial_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: how far each pixel's body point moves over the picture, px (`exposure.pixel_movement`).

    hidden: where nothing moves; 0 is nowhere. motion: of every vertex of every person, metres, camera frame. radial: by
    distance from the picture's centre, in normalised coordinates times `steps`: the ray's stretch, and the lens's
    derivatives around the centre and outwards.
    """
    move_pixels(
        width, height, people, vertices, fx, fy, cx, cy, steps, instance_at, hidden_at, face_at, weights_at, depth_at,
        corners_at, motion_at, radial_at, out_at,
    )  # fmt: skip


# All pixels of a run are lit side by side where one of them shows a cut-out.
BLEND = """
    const int run = 16;
    const float* __restrict__ light = (const float*)light_at;
    const unsigned char* __restrict__ alpha = (const unsigned char*)alpha_at;
    const float* __restrict__ shadow = (const float*)shadow_at;
    const float* __restrict__ values = (const float*)values_at;
    const float* __restrict__ ambient = (const float*)ambient_at;
    float* __restrict__ out = (float*)out_at;
    for (long long first = 0; first < pixels; first += run) {
        const int count = pixels - first < run ? (int)(pixels - first) : run;
        float share[run] = {}, left[run], sent[3][run] = {};
        int shown = 0;
        for (int j = 0; j < count; ++j) {
            share[j] = alpha[first + j] * (1.0f / 255.0f);
            shown |= alpha[first + j];
        }
        for (int j = 0; j < run; ++j) left[j] = 1.0f - share[j];
        if (shadow)
            for (int j = 0; j < count; ++j) left[j] *= 1.0f - shadow[first + j];
        if (shown) {
            float own[6][run] = {};
            for (int c = 0; c < 6; ++c)
                for (int j = 0; j < count; ++j) own[c][j] = values[c * (long long)pixels + first + j];
            for (int j = 0; j < run; ++j) {
                const float nx = own[3][j], ny = own[4][j], nz = own[5][j];
                const float length = sqrtf(nx * nx + ny * ny + nz * nz), one = 1.0f / (length > 1e-6f ? length : 1e-6f);
                const float x = (nx * turn.data[0][0] + ny * turn.data[1][0] + nz * turn.data[2][0]) * one;
                const float y = (nx * turn.data[0][1] + ny * turn.data[1][1] + nz * turn.data[2][1]) * one;
                const float z = (nx * turn.data[0][2] + ny * turn.data[1][2] + nz * turn.data[2][2]) * one;
                const float facing = x * key[0] + y * key[1] + z * key[2], direct = facing > 0.0f ? facing : 0.0f;
                for (int c = 0; c < 3; ++c) {
                    const float* f = ambient + 9 * c;
                    const float back = direct * colour[c] + f[0] + f[1] * y + f[2] * z + f[3] * x + f[4] * x * y
                        + f[5] * y * z + f[6] * (3.0f * z * z - 1.0f) + f[7] * x * z + f[8] * (x * x - y * y);
                    sent[c][j] = own[c][j] * (back > 0.0f ? back : 0.0f) * share[j];
                }
            }
        }
        for (int j = 0; j < count; ++j)
            for (int c = 0; c < 3; ++c) out[3 * (first + j) + c] = light[3 * (first + j) + c] * left[j] + sent[c][j];
    }
"""


@wp.func_native(BLEND)
def blend_pixels(
    pixels: int,
    turn: wp.mat33,
    key: wp.vec3,
    colour: wp.vec3,
    ambient_at: wp.uint64,
    light_at: wp.uint64,
    alpha_at: wp.uint64,
    shadow_at: wp.uint64,
    values_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def blend_kernel(
    pixels: int,
    turn: wp.mat33,
    key: wp.vec3,
    colour: wp.vec3,
    ambient_at: wp.uint64,
    light_at: wp.uint64,
    alpha_at: wp.uint64,
    shadow_at: wp.uint64,
    values_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: cut-outs, lit, over a picture (`occluder.blend_occluders`).

    turn: camera_from_world's rotation. key, colour: the key light's direction and colour. ambient: of red, green and
    blue, the basis' factors included. shadow: 0 is none. values: albedo and normal (camera frame, of any length), a
    plane each.
    """
    blend_pixels(pixels, turn, key, colour, ambient_at, light_at, alpha_at, shadow_at, values_at, out_at)


# Rows first, then columns. A pixel of the answer covers at most `taps` of a row, the first and last of them in part.
REDUCE = """
    const float* __restrict__ source = (const float*)source_at;
    float* __restrict__ out = (float*)out_at;
    float* __restrict__ line = (float*)scratch_at;
    const double high = (double)height / to_height, wide = (double)width / to_width;
    const int taps = (int)wide + 2;
    float* __restrict__ shares = line + width + taps;
    int* __restrict__ first = (int*)(shares + taps * to_width);
    for (int column = 0; column < to_width; ++column) {
        const double left = column * wide, right = left + wide;
        first[column] = (int)left;
        for (int k = 0; k < taps; ++k) {
            const double x = first[column] + k, from = left > x ? left : x, to = right < x + 1.0 ? right : x + 1.0;
            shares[k * to_width + column] = to > from && x < width ? (float)((to - from) / wide) : 0.0f;
        }
    }
    for (int x = 0; x < taps; ++x) line[width + x] = 0.0f;
    for (int plane = 0; plane < planes; ++plane) {
        for (int row = 0; row < to_height; ++row) {
            const double top = row * high, bottom = top + high;
            for (int x = 0; x < width; ++x) line[x] = 0.0f;
            for (int y = (int)top; y < bottom && y < height; ++y) {
                const double from = top > y ? top : y, to = bottom < y + 1 ? bottom : y + 1;
                const float share = (float)((to - from) / high);
                const float* __restrict__ own = source + (plane * (long long)rows + y) * pitch;
                for (int x = 0; x < width; ++x) line[x] += share * own[x];
            }
            for (int column = 0; column < to_width; ++column) out[column] = 0.0f;
            for (int k = 0; k < taps; ++k)
                for (int column = 0; column < to_width; ++column)
                    out[column] += shares[k * to_width + column] * line[first[column] + k];
            out += to_width;
        }
    }
"""


@wp.func_native(REDUCE)
def reduce_planes(
    planes: int,
    rows: int,
    pitch: int,
    width: int,
    height: int,
    to_width: int,
    to_height: int,
    source_at: wp.uint64,
    scratch_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def reduce_kernel(
    planes: int,
    rows: int,
    pitch: int,
    width: int,
    height: int,
    to_width: int,
    to_height: int,
    source_at: wp.uint64,
    scratch_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: planes in another size, each pixel the mean of what it covers, as cv2's INTER_AREA (`resize_area`).

    rows, pitch: of the arrays that the planes are rectangles of. scratch: room for a row and for each column's shares.
    """
    reduce_planes(planes, rows, pitch, width, height, to_width, to_height, source_at, scratch_at, out_at)


TURN = """
    const float* __restrict__ source = (const float*)source_at;
    const float* __restrict__ alpha = (const float*)alpha_at;
    float* __restrict__ out = (float*)out_at;
    const long long plane = (long long)width * height, room = (long long)to_width * to_height;
    for (int row = 0; row < to_height; ++row) {
        for (int column = 0; column < to_width; ++column) {
            const int pixel = row * to_width + column;
            float values[6] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
            if (alpha[pixel] > 0.0f) {
                const float fx = origin[0] + column * step[0] - row * step[1];
                const float fy = origin[1] + column * step[1] + row * step[0];
                const int ix = (int)floorf(fx), iy = (int)floorf(fy);
                const float r = fx - ix, d = fy - iy;
                const float one = 1.0f / (alpha[pixel] > 1e-4f ? alpha[pixel] : 1e-4f);
                const float across[2] = {(1.0f - r) * one, r * one}, down[2] = {1.0f - d, d};
                for (int j = 0; j < 2; ++j) {
                    for (int i = 0; i < 2; ++i) {
                        const int x = ix + i, y = iy + j;
                        if (x < 0 || y < 0 || x >= width || y >= height) continue;
                        const float share = across[i] * down[j];
                        for (int c = 0; c < 6; ++c) values[c] += share * source[c * plane + y * width + x];
                    }
                }
                const float x = values[3], y = values[4];
                values[3] = cosine * x + sine * y;
                values[4] = cosine * y - sine * x;
            }
            for (int c = 0; c < 6; ++c) out[c * room + pixel] = values[c];
        }
    }
"""


@wp.func_native(TURN)
def turn_values(
    width: int,
    height: int,
    to_width: int,
    to_height: int,
    origin: wp.vec2,
    step: wp.vec2,
    cosine: wp.float32,
    sine: wp.float32,
    source_at: wp.uint64,
    alpha_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def turn_kernel(
    width: int,
    height: int,
    to_width: int,
    to_height: int,
    origin: wp.vec2,
    step: wp.vec2,
    cosine: wp.float32,
    sine: wp.float32,
    source_at: wp.uint64,
    alpha_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: a cut-out's albedo and normal, turned (`occluder._make_cutout`), read between four pixels.

    source: a plane each, times alpha. alpha: of the answer. origin, step: where the answer's first pixel lies, and how
    far a column further does. cosine, sine: of the turn.
    """
    turn_values(width, height, to_width, to_height, origin, step, cosine, sine, source_at, alpha_at, out_at)


PLACE = """
    const unsigned char* __restrict__ number = (const unsigned char*)number_at;
    const float* __restrict__ weight = (const float*)weight_at;
    const int* __restrict__ pixel = (const int*)pixel_at;
    const wp::uint64* table = (const wp::uint64*)picture_at;
    const int* seen_face = (const int*)table[0];
    const float* seen_weights = (const float*)table[1];
    const unsigned char* owner_of = (const unsigned char*)table[2];
    const unsigned char* kind_of = (const unsigned char*)table[3];
    const wp::uint64* into = (const wp::uint64*)out_at;
    unsigned char* __restrict__ owner = (unsigned char*)into[0];
    int* __restrict__ face = (int*)into[1];
    float* __restrict__ weights = (float*)into[2];
    int* __restrict__ sought = (int*)into[3];
    int n = 0;
    for (int i = 0; i < samples; ++i) {
        const int kind = kind_of[number[i]];
        owner[i] = owner_of[number[i]];
        if (kind == 1) face[i] = -1;
        if (kind != 2) continue;
        if (weight[i] == 1.0f) {
            const long long p = pixel[i];
            face[i] = seen_face[p];
            for (int k = 0; k < 3; ++k) weights[3 * (long long)i + k] = seen_weights[3 * p + k];
        } else
            sought[++n] = i;
    }
    sought[0] = n;
"""


@wp.func_native(PLACE)
def place_samples(
    samples: int,
    number_at: wp.uint64,
    weight_at: wp.uint64,
    pixel_at: wp.uint64,
    picture_at: wp.uint64,
    out_at: wp.uint64,
): ...


@wp.kernel
def place_kernel(
    samples: int,
    number_at: wp.uint64,
    weight_at: wp.uint64,
    pixel_at: wp.uint64,
    picture_at: wp.uint64,
    out_at: wp.uint64,
):
    """One thread: who colours each sample, and at which body point (`picture.paint_points`). number, weight, pixel: the
    samples'. picture: addresses of the face and weights at each pixel's centre, and of each mesh number's owner and
    kind: 0 keeps its own point, 1 has none, 2 is coloured by the body point that it covers. out: addresses of owner,
    face and weights, which hold the meshes' own points, and of a list: how many samples of kind 2 don't stand for
    their whole pixel, then which."""
    place_samples(samples, number_at, weight_at, pixel_at, picture_at, out_at)
