"""Warp kernels of what is composed from the host's arrays, for the CPU.

Each is one loop in C++ over arrays given by their addresses (`device.address`), as those of the labels are.
"""

import warp as wp

wp.set_module_options({"enable_backward": False, "cpu_compiler_flags": "-march=native"})

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


# A pixel of 8 bits can't tell a cut-out's share below half a level: only the others are lit.
BLEND = """
    const float* __restrict__ light = (const float*)light_at;
    const unsigned char* __restrict__ alpha = (const unsigned char*)alpha_at;
    const float* __restrict__ shadow = (const float*)shadow_at;
    const float* __restrict__ values = (const float*)values_at;
    const float* __restrict__ ambient = (const float*)ambient_at;
    float* __restrict__ out = (float*)out_at;
    for (int pixel = 0; pixel < pixels; ++pixel) {
        const float lit = shadow ? 1.0f - shadow[pixel] : 1.0f;
        for (int c = 0; c < 3; ++c) out[3 * pixel + c] = light[3 * pixel + c] * lit;
    }
    for (int pixel = 0; pixel < pixels; ++pixel) {
        if (alpha[pixel] == 0) continue;
        const float share = alpha[pixel] * (1.0f / 255.0f);
        const float nx = values[3 * pixels + pixel], ny = values[4 * pixels + pixel], nz = values[5 * pixels + pixel];
        const float length = sqrtf(nx * nx + ny * ny + nz * nz), scale = 1.0f / (length > 1e-6f ? length : 1e-6f);
        const float x = (nx * rotation.data[0][0] + ny * rotation.data[1][0] + nz * rotation.data[2][0]) * scale;
        const float y = (nx * rotation.data[0][1] + ny * rotation.data[1][1] + nz * rotation.data[2][1]) * scale;
        const float z = (nx * rotation.data[0][2] + ny * rotation.data[1][2] + nz * rotation.data[2][2]) * scale;
        const float basis[9] = {1.0f, y, z, x, x * y, y * z, 3.0f * z * z - 1.0f, x * z, x * x - y * y};
        const float facing = x * key[0] + y * key[1] + z * key[2], direct = facing > 0.0f ? facing : 0.0f;
        for (int c = 0; c < 3; ++c) {
            float sent = direct * colour[c];
            for (int i = 0; i < 9; ++i) sent += basis[i] * ambient[3 * i + c];
            sent = sent > 0.0f ? sent : 0.0f;
            float* own = out + 3 * pixel + c;
            *own = *own * (1.0f - share) + values[c * pixels + pixel] * sent * share;
        }
    }
"""


@wp.func_native(BLEND)
def blend_pixels(
    pixels: int,
    rotation: wp.mat33,
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
    rotation: wp.mat33,
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

    rotation: camera_from_world's. key, colour: the key light's direction and colour. ambient: its factors of the
    basis included. shadow: 0 is none. values: albedo and normal (camera frame, of any length), a plane each.
    """
    blend_pixels(pixels, rotation, key, colour, ambient_at, light_at, alpha_at, shadow_at, values_at, out_at)
