"""Colour samples: which pixels need several, and what each of them sees."""

# Warp tells a loop's variable from a constant by its int() or float(): ruff must let them stand.
# ruff: noqa: RUF046, UP018

from __future__ import annotations

import warp as wp

from densesynth.render.kernels.hits import Cells, meet_first
from densesynth.render.kernels.lens import HALF, Optics, inverse_jacobian, tile_range, undistort_from
from densesynth.render.kernels.openness import blend_openness, find_openness
from densesynth.render.kernels.raster import blend_normals, weights

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

INSIDE = wp.constant(wp.uint8(1))
EDGE = wp.constant(wp.uint8(2))
JUMP = wp.constant(wp.float32(6.0))  # footprints; a surface seen at 80° changes depth by 5.7 a pixel


@wp.func
def parts(
    other: int,
    own: wp.uint8,
    z: wp.float32,
    jump: wp.float32,
    instance: wp.array(dtype=wp.uint8),
    depth: wp.array(dtype=wp.float32),
) -> bool:
    # Depth is +inf where there is nothing; inf − inf is no jump, as NaN compares false.
    return wp.abs(depth[other] - z) > jump or instance[other] != own


@wp.kernel
def classify_pixels(
    o: Optics,
    tiles: wp.array(dtype=wp.int32),
    instance: wp.array(dtype=wp.uint8),
    depth: wp.array(dtype=wp.float32),
    kind: wp.array2d(dtype=wp.uint8),
    pixels: wp.array2d(dtype=wp.int32),
):
    """Per tile and pixel: nothing, inside a surface, or at an edge (another instance, nothing, or a jump in depth
    beside, above or below it). A straight edge that crosses a pixel always parts it from one of these four: were both
    p ± x and p ± y on its side, so would be the corner between them."""
    i = wp.tid()
    box = tile_range(o, tiles[i])
    slope = JUMP / wp.float32(o.fx)
    k = int(0)
    for y in range(box[1], box[3]):
        for x in range(box[0], box[2]):
            pixel = y * o.width + x
            own = instance[pixel]
            found = wp.uint8(0)
            if own != wp.uint8(0):
                found = INSIDE
            z = depth[pixel]
            jump = slope * z
            if x > 0:
                found = wp.where(parts(pixel - 1, own, z, jump, instance, depth), EDGE, found)
            if x < o.width - 1:
                found = wp.where(parts(pixel + 1, own, z, jump, instance, depth), EDGE, found)
            if y > 0:
                found = wp.where(parts(pixel - o.width, own, z, jump, instance, depth), EDGE, found)
            if y < o.height - 1:
                found = wp.where(parts(pixel + o.width, own, z, jump, instance, depth), EDGE, found)
            kind[i, k] = found
            pixels[i, k] = pixel
            k = k + 1


# On the host, in one thread: the lists come in the tiles' order.
@wp.func_native("""
    const unsigned char* kind = reinterpret_cast<const unsigned char*>(kinds);
    const unsigned char* seen = reinterpret_cast<const unsigned char*>(instance);
    const int* at = reinterpret_cast<const int*>(pixels);
    int* pixel = reinterpret_cast<int*>(listed);
    int* row = reinterpret_cast<int*>(edge_row);
    int* edge = reinterpret_cast<int*>(edges);
    int* total = reinterpret_cast<int*>(totals);
    int n = 0, m = 0;
    for (int i = 0; i < count; ++i) {
        const int p = at[i];
        const int found = smooth ? kind[i] : kind[i] != 0 && seen[p] != 0;
        pixel[n] = p;
        row[n] = found == 2 ? m : -1;
        edge[m] = p;
        n += found != 0;
        m += found == 2;
    }
    total[0] = n;
    total[1] = m;
""")
def list_classified(
    count: int,
    smooth: int,
    kinds: wp.uint64,
    pixels: wp.uint64,
    instance: wp.uint64,
    listed: wp.uint64,
    edge_row: wp.uint64,
    edges: wp.uint64,
    totals: wp.uint64,
): ...


@wp.kernel
def list_pixels(
    count: int,
    smooth: int,
    kinds: wp.uint64,
    pixels: wp.uint64,
    instance: wp.uint64,
    listed: wp.uint64,
    edge_row: wp.uint64,
    edges: wp.uint64,
    totals: wp.uint64,
):
    """What `classify_pixels` found, as lists; all are addresses. listed: the pixels that show a surface or are at an
    edge, of which edge_row counts those at an edge (−1: inside). edges: the pixels at an edge. totals: how many there
    are. smooth 0: no pixel is at an edge, and those that show nothing are left out. Each list has room for one more."""
    list_classified(count, smooth, kinds, pixels, instance, listed, edge_row, edges, totals)


@wp.func_native("""
    int* pixel = reinterpret_cast<int*>(listed);
    int* row = reinterpret_cast<int*>(edge_row);
    const int* stand_for = reinterpret_cast<const int*>(kept);
    const int* met = reinterpret_cast<const int*>(hits);
    int* start = reinterpret_cast<int*>(starts);
    float* share = reinterpret_cast<float*>(background);
    int* total = reinterpret_cast<int*>(totals);
    int n = 0, k = 0;
    for (int i = 0; i < count; ++i) {
        const int p = pixel[i], r = row[i], number = r < 0 ? 1 : stand_for[r];
        share[p] = r < 0 ? 0.0f : 1.0f - (float)met[r] / (float)tries;
        pixel[n] = p;
        row[n] = number < 0 ? -1 : r;
        start[n] = k;
        k += number < 0 ? 1 : number;
        n += number != 0;  // an edge beside all the pixel's places
    }
    start[n] = k;
    total[0] = n;
    total[1] = k;
""")
def number_listed(
    count: int,
    tries: int,
    listed: wp.uint64,
    edge_row: wp.uint64,
    kept: wp.uint64,
    hits: wp.uint64,
    starts: wp.uint64,
    background: wp.uint64,
    totals: wp.uint64,
): ...


@wp.kernel
def number_samples(
    count: int,
    tries: int,
    listed: wp.uint64,
    edge_row: wp.uint64,
    kept: wp.uint64,
    hits: wp.uint64,
    starts: wp.uint64,
    background: wp.uint64,
    totals: wp.uint64,
):
    """Where each listed pixel's samples begin (starts, and the end), and the share of it that shows the background;
    pixels without samples leave the lists. kept, hits: `look_between`'s. totals: pixels and samples."""
    number_listed(count, tries, listed, edge_row, kept, hits, starts, background, totals)


@wp.func
def same_surface(a: wp.uint8, z: wp.float32, b: wp.uint8, other: wp.float32, slope: wp.float32) -> bool:
    """Whether points of one pixel, of instances a and b at depths z and `other`, lie on one surface, not across an
    edge."""
    return a == b and wp.abs(other - z) <= slope * z


@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int last = pixels.shape[0] - 1, pixel = pixels.data[i + 4 < last ? i + 4 : last];
    __builtin_prefetch(rays.data + pixel);
    __builtin_prefetch(instance.data + pixel);
    __builtin_prefetch(depth.data + pixel);
    int offset = 0;
    for (int size = 2; size <= 8; size *= 2) {
        const int across = cells.width / size + 1;
        const int cell = offset + pixel / cells.width / size * across + pixel % cells.width / size;
        __builtin_prefetch(cells.starts.data + cell);
        __builtin_prefetch(cells.starts.data + (cell >= across ? cell - across : cell));
        offset += across * (cells.height / size + 1);
    }
#endif
""")
def fetch_edge_ahead(
    i: int,
    pixels: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    cells: Cells,
    instance: wp.array(dtype=wp.uint8),
    depth: wp.array(dtype=wp.float32),
):
    """Asks a CPU for what an edge pixel some way on will need."""


@wp.kernel
def look_between(
    o: Optics,
    pixels: wp.array(dtype=wp.int32),
    offsets: wp.array(dtype=wp.vec2d),
    rays: wp.array(dtype=wp.vec2d),
    cells: Cells,
    faces: wp.array(dtype=wp.vec3i),
    in_camera: wp.array(dtype=wp.vec3d),
    face_instance: wp.array(dtype=wp.uint8),
    instance: wp.array(dtype=wp.uint8),
    depth: wp.array(dtype=wp.float32),
    rays_out: wp.array2d(dtype=wp.vec2d),
    faces_out: wp.array2d(dtype=wp.int32),
    depths: wp.array2d(dtype=wp.float32),
    shares_out: wp.array2d(dtype=wp.int32),
    kept_out: wp.array(dtype=wp.int32),
    hits_out: wp.array(dtype=wp.int32),
):
    """Rays at `offsets` (px, within the pixel) from the centres of edge pixels, starting from the
    centre's own ray, and the first faces that they meet (−1: none).

    Those on one surface are coloured once, by the first of them: shares_out is how many of them each stands for.
    kept_out: how many stand for any; −1 where all lie on the surface that the centre sees, which can speak for them.
    hits_out: how many meet anything. depths: room to work in.
    """
    i = wp.tid()
    fetch_edge_ahead(i, pixels, rays, cells, instance, depth)
    pixel = pixels[i]
    centre = rays[pixel]
    turn = wp.mat22d()
    if o.straight == 0:
        turn = inverse_jacobian(o, centre)
    reach = wp.float64(0.001)
    for s in range(offsets.shape[0]):
        reach = wp.max(reach, wp.max(wp.abs(offsets[s][0]), wp.abs(offsets[s][1])))
        x = wp.float64(pixel % o.width) + HALF + offsets[s][0]
        y = wp.float64(pixel // o.width) + HALF + offsets[s][1]
        ray = wp.vec2d((x - o.cx) / o.fx, (y - o.cy) / o.fy)
        if o.straight == 0:
            shift = wp.vec2d(offsets[s][0] / o.fx, offsets[s][1] / o.fy)
            ray = undistort_from(o, centre + turn * shift, ray, 1)
        rays_out[i, s] = ray
    mid_x = wp.float32(pixel % o.width) + 0.5
    mid_y = wp.float32(pixel // o.width) + 0.5
    meet_first(i, mid_x, mid_y, wp.float32(reach), cells, faces, in_camera, rays_out, faces_out)
    tries = offsets.shape[0]
    slope = JUMP / wp.float32(o.fx)
    hits = int(0)
    kept = int(0)
    for s in range(tries):
        shares_out[i, s] = 0
        t = faces_out[i, s]
        if t >= 0:
            z = wp.float32(weights(faces[t], in_camera, rays_out[i, s])[3])
            depths[i, s] = z
            first = int(s)
            for r in range(s):
                if (
                    first == s
                    and shares_out[i, r] > 0
                    and same_surface(face_instance[t], z, face_instance[faces_out[i, r]], depths[i, r], slope)
                ):
                    first = r
            shares_out[i, first] = shares_out[i, first] + 1
            hits = hits + 1
            if first == s:
                kept = kept + 1
    if kept == 1 and hits == tries:
        if same_surface(instance[pixel], depth[pixel], face_instance[faces_out[i, 0]], depths[i, 0], slope):
            kept = int(-1)
        else:
            kept = tries
            for s in range(tries):
                shares_out[i, s] = 1
    kept_out[i] = kept
    hits_out[i] = hits


# A tile's rows lie far from one another, so a CPU doesn't see by itself what is wanted next.
@wp.func_native("""
#if defined(__clang__) && !defined(__CUDACC__)
    const int ahead = i + 12 < pixels.shape[0] ? i + 12 : pixels.shape[0] - 1;
    const int pixel = pixels.data[ahead];
    __builtin_prefetch(rays.data + pixel);
    __builtin_prefetch(face.data + pixel);
    __builtin_prefetch(barycentrics.data + pixel);
    __builtin_prefetch(depth.data + pixel);
    __builtin_prefetch(normal.data + pixel);
    __builtin_prefetch(instance.data + pixel);
#endif
""")
def fetch_ahead(
    i: int,
    pixels: wp.array(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    depth: wp.array(dtype=wp.float32),
    normal: wp.array(dtype=wp.vec3),
):
    """Asks a CPU for what a pixel some way on will need."""


@wp.kernel
def fill_samples(
    o: Optics,
    rotation: wp.mat33,
    per_pixel: wp.float32,
    pixels: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    edge_row: wp.array(dtype=wp.int32),
    edge_rays: wp.array2d(dtype=wp.vec2d),
    edge_faces: wp.array2d(dtype=wp.int32),
    edge_shares: wp.array2d(dtype=wp.int32),
    rays: wp.array(dtype=wp.vec2d),
    seen_instance: wp.array(dtype=wp.uint8),
    seen_face: wp.array(dtype=wp.int32),
    seen_barycentrics: wp.array(dtype=wp.vec3),
    depth: wp.array(dtype=wp.float32),
    seen_normal: wp.array(dtype=wp.vec3),
    quads: wp.array(dtype=wp.float32),
    faces: wp.array(dtype=wp.vec3i),
    face_instance: wp.array(dtype=wp.uint8),
    first_face: wp.array(dtype=wp.int32),
    in_camera: wp.array(dtype=wp.vec3d),
    normals: wp.array(dtype=wp.vec3),
    pixel_out: wp.array(dtype=wp.int32),
    weight: wp.array(dtype=wp.float32),
    instance: wp.array(dtype=wp.uint8),
    face: wp.array(dtype=wp.int32),
    barycentrics: wp.array(dtype=wp.vec3),
    position: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    footprint: wp.array(dtype=wp.float32),
    openness: wp.array(dtype=wp.float32),
):
    """One thread per pixel: its samples stand together, in the order of the offsets. A pixel without a row of
    edge samples takes what its centre has seen already. rotation: the camera's, as `o` has it. per_pixel: the geometric
    mean of what a pixel is wide and high at depth 1."""
    i = wp.tid()
    fetch_ahead(i, pixels, rays, seen_instance, seen_face, seen_barycentrics, depth, seen_normal)
    pixel = pixels[i]
    k = starts[i]
    row = edge_row[i]
    tries = int(1)
    if row >= 0:
        tries = edge_rays.shape[1]
    back = wp.transpose(rotation)
    shift = wp.vec3(o.translation)
    near_open = wp.float32(1.0)
    open_at = wp.float32(-1.0)
    for s in range(tries):
        ray = rays[pixel]
        number = seen_instance[pixel]
        local = seen_face[pixel]
        b = seen_barycentrics[pixel]
        z = depth[pixel]
        turned = seen_normal[pixel]
        share = int(1)
        if row >= 0:
            t = edge_faces[row, s]
            share = edge_shares[row, s]
            local = int(-1)
            if share > 0:
                ray = edge_rays[row, s]
                f = faces[t]
                w = weights(f, in_camera, ray)
                b = wp.vec3(wp.float32(w[0]), wp.float32(w[1]), wp.float32(w[2]))
                z = wp.float32(w[3])
                number = face_instance[t]
                local = t - first_face[int(number) - 1]
                turned = rotation * blend_normals(f, b, normals)
        if local >= 0:
            towards = wp.vec3(wp.float32(ray[0]), wp.float32(ray[1]), 1.0)
            point = towards * z
            pixel_out[k] = pixel
            weight[k] = wp.float32(share) / wp.float32(tries)
            instance[k] = number
            face[k] = local
            barycentrics[k] = b
            position[k] = back * (point - shift)
            normal[k] = back * turned
            facing = wp.abs(wp.dot(turned, towards)) / wp.length(towards)
            footprint[k] = z * per_pixel / wp.sqrt(wp.max(facing, 0.1))
            if wp.abs(z - open_at) > 0.01 * z:  # once for a pixel's samples of one surface
                near_open = blend_openness(o, pixel, z, depth, quads)
                if near_open < 0.0:
                    near_open = find_openness(o, pixel, point, turned, depth)
                open_at = z
            openness[k] = near_open
            k = k + 1
