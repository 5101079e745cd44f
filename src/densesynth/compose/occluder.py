"""Cut-outs over people: made, scaled to the person, placed, softened; what they hide taken out of the buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import warp as wp

from densesynth.appearance.colour import linear_from_srgb
from densesynth.arrays import Array, Bool, Float32, Float64, UInt8
from densesynth.compose.blend import BAND, Box, bounds, extend_values, soften_alpha
from densesynth.compose.kernels import blend_kernel, turn_kernel
from densesynth.compose.objects import make_object, resize_area
from densesynth.device import address
from densesynth.geometry.camera import Camera
from densesynth.render.buffers import Buffers
from densesynth.render.lighting import SH_FACTORS, Lighting
from densesynth.scene.occluders import LARGEST, USUAL, CutoutFolder, Occluder, read_cutout

SHADOW = 0.6  # share of the light that the ground right below a standing cut-out lacks
BASE = 0.15  # share of a cut-out's height that stands on the ground
OVER, PAST = 0.1, 0.15  # shares of a cut-out's size by which it reaches beyond what it covers, and beyond the frame
BEFORE = 0.25  # metres by which what stands before somebody is nearer than they begin
NEARER = 2.2  # how much larger than drawn something may be that comes in from the frame's edge
HALF = 128  # alpha, of 255, from which a pixel is no longer the person's


@dataclass(frozen=True, kw_only=True)
class OccluderLayer:
    """All cut-outs of a picture, flattened. values: linear RGB albedo, and normal (camera frame), not of unit length
    where cut-outs blend. alpha: 255 hides wholly, below HALF a pixel stays the person's; the picture blends with
    alpha / 255. shadow: share of the light that the ground lacks below those that stand on it; None without."""

    values: Float32[Array, "6 h w"]
    alpha: UInt8[Array, "h w"]
    shadow: Float32[Array, "h w"] | None = None

    @property
    def hidden(self) -> Bool[Array, "h w"]:
        """Where labels end."""
        hidden: Array = self.alpha >= HALF
        return hidden


def lay_occluders(
    occluders: Sequence[Occluder],
    instance: UInt8[Array, "h w"],
    folder: CutoutFolder | None,
    feet: Float64[Array, "p"] | None = None,
    upright: bool = True,
    depth: Float32[Array, "h w"] | None = None,
    reach: Float64[Array, "p"] | None = None,
) -> OccluderLayer | None:
    """Place the cut-outs over the people of `instance`, the later over the earlier; None where nothing is covered.

    feet: rows of the picture at which the ground below each person is seen (`find_feet`); by default those of their
    lowest pixels. upright: whether the camera sees standing things from the side; else none stands. What doesn't stand
    in from the nearest edge of the frame, enlarged by NEARER at most; where that is too far, it stands too.

    depth: of what the picture shows (+inf where nothing), metres; reach: depth at which each person begins. What stands
    before one person stands behind what is nearer than that: only with both.
    """
    height, width = instance.shape
    premultiplied = np.zeros((6, height, width), np.float32)
    alpha = np.zeros((height, width), np.float32)
    shadow = None
    placed = []
    for occluder in occluders:
        where = instance == occluder.person
        pixels = np.flatnonzero(where)
        if not len(pixels):
            continue
        rows, columns = bounds(where)
        extent, lowest = max(rows.stop - rows.start, columns.stop - columns.start), float(rows.stop - 1)
        # Pixels are in row order: one that stands is before the lowest quarter of them.
        at = occluder.at if occluder.stands is None else 0.75 + 0.25 * occluder.at
        middle = int(pixels[int(at * len(pixels))])
        ground = lowest if feet is None else float(np.clip(feet[occluder.person - 1], lowest, 2 * height))
        one = _place(occluder, folder, (middle % width, middle // width), (width, height), extent, ground)
        if one.foot is None or upright:
            placed.append(one)
    # The further before the nearer: what stands higher up in the picture, then what the frame cuts.
    for one in sorted(placed, key=lambda one: np.inf if one.foot is None else one.foot):
        own, box = one.cutout.own, one.cutout.box
        if one.foot is not None:
            shadow = np.zeros((height, width), np.float32) if shadow is None else shadow
            _cast(own, one.middle[0], one.foot, shadow)
        corner = (
            one.middle[0] - own.shape[1] // 2 + box[1].start,
            one.middle[1] - own.shape[0] // 2 + box[0].start,
        )
        seen = None
        if one.foot is not None and depth is not None and reach is not None:
            seen = depth >= np.float32(reach[one.person - 1] - BEFORE)
        _paste(premultiplied, alpha, one.cutout.fill(), own[box], corner, seen)
    box, levels = bounds(alpha > 0.0), np.zeros((height, width), np.uint8)
    levels[box] = np.rint(alpha[box] * 255.0)
    if not levels.any():
        return None
    premultiplied[:, *box] /= np.maximum(alpha[box], np.float32(1e-6))
    if shadow is not None:
        shadow *= instance == 0
    return OccluderLayer(values=premultiplied, alpha=levels, shadow=shadow)


@dataclass(frozen=True)
class _Cutout:
    """own: alpha, turned and softened. box: of what is shown alone. fill: makes albedo and normal within the box, which
    only what is placed needs."""

    own: Float32[Array, "h w"]
    box: Box
    fill: Callable[[], Float32[Array, "6 bh bw"]]


@dataclass(frozen=True)
class _Placed:
    """A cut-out with its middle's pixel (x, y), its lowest row if it stands, and whom it hides."""

    cutout: _Cutout
    middle: tuple[int, int]
    foot: int | None
    person: int


def _place(
    occluder: Occluder,
    folder: CutoutFolder | None,
    at: tuple[int, int],
    frame: tuple[int, int],
    extent: int,
    ground: float,
) -> _Placed:
    """A cut-out over pixel `at` (x, y) of a frame (width, height). extent: longer side of the person's box; ground: row
    at which the ground below them is seen."""
    longest, usual = max(4.0, occluder.size * extent), 1.0 if folder is not None else USUAL[occluder.kind]
    if occluder.stands is None:
        cutout = _make_cutout(occluder, longest, folder)
        found = _come_in(cutout.own, at, frame)
        if found is not None:
            factor, edge = found
            if factor > 1.0:
                cutout = _make_cutout(occluder, longest * factor, folder)
            return _Placed(cutout, _cut_by_frame(cutout.own, at, frame, edge), None, occluder.person)
        # Too far from the frame's edge to come in from there: it stands as others do.
        occluder = replace(occluder, turn=0.1 * occluder.turn, stands=0.45 * occluder.at)
    assert occluder.stands is not None
    cutout = _make_cutout(occluder, longest * usual, folder)
    shown = np.flatnonzero((cutout.own > 0.5).any(axis=1))
    foot = int(ground + occluder.stands * len(shown))
    down = foot - (int(shown[-1]) if len(shown) else 0) + cutout.own.shape[0] // 2
    return _Placed(cutout, (at[0], down), foot, occluder.person)


def find_feet(camera: Camera, vertices: Float32[Array, "p v 3"]) -> Float64[Array, "p"]:
    """Rows of the picture (pixels) at which the ground z = 0 below each person's middle is seen; above the picture
    where the camera doesn't see it."""
    below = vertices[:, :, :2].mean(axis=1).astype(np.float64)
    in_camera = camera.to_camera(np.concatenate([below, np.zeros((len(below), 1))], axis=1))
    ahead = in_camera[:, 2] > 0.05
    points = np.where(ahead[:, None], in_camera, (0.0, 0.0, 1.0))
    return np.where(ahead, camera.project_from_camera(points)[:, 1], -1.0)


def find_reach(camera: Camera, vertices: Float32[Array, "p v 3"]) -> Float64[Array, "p"]:
    """Depth at which each person begins, metres."""
    axis = camera.camera_from_world[2]
    return np.asarray((vertices.astype(np.float64) @ axis[:3] + axis[3]).min(axis=1))


def _spans(own: Float32[Array, "ch cw"]) -> tuple[tuple[int, int], tuple[int, int]]:
    """How far what is shown of a cut-out reaches from its middle: left and right, up and down, pixels."""
    rows, columns = bounds(own > 0.5)
    middle = own.shape[1] // 2, own.shape[0] // 2
    return (middle[0] - columns.start, columns.stop - middle[0]), (middle[1] - rows.start, rows.stop - middle[1])


def _come_in(own: Float32[Array, "ch cw"], at: tuple[int, int], frame: tuple[int, int]) -> tuple[float, str] | None:
    """By what factor a cut-out has to grow to cover pixel `at` (x, y) and yet be cut by an edge of the frame (width,
    height), and which; None where it would be more than NEARER."""
    (left, right), (up, down) = _spans(own)
    wide, high = left + right, up + down
    gaps = {"left": (at[0], wide), "right": (frame[0] - 1 - at[0], wide), "bottom": (frame[1] - 1 - at[1], high)}
    factors = {edge: gap / max((1.0 - OVER - PAST) * size, 1.0) for edge, (gap, size) in gaps.items()}
    edge = min(factors, key=lambda name: factors[name])
    return None if factors[edge] > NEARER else (max(factors[edge], 1.0), edge)


def _cut_by_frame(
    own: Float32[Array, "ch cw"], at: tuple[int, int], frame: tuple[int, int], edge: str
) -> tuple[int, int]:
    """The middle's pixel of a cut-out that covers `at` as near its middle as it can, cut by an edge of the frame."""
    (left, right), (up, down) = _spans(own)
    x, y = at
    if edge == "left":
        x = min(x, left - round(PAST * (left + right)))
    elif edge == "right":
        x = max(x, frame[0] - right + round(PAST * (left + right)))
    else:
        y = max(y, frame[1] - down + round(PAST * (up + down)))
    return x, y


def _cast(own: Float32[Array, "ch cw"], across: int, foot: int, shadow: Float32[Array, "h w"]) -> None:
    """Lay the contact shadow of a cut-out whose lowest row is `foot` and whose middle is the column `across` where it
    is darker than those that are there: a soft flat ellipse about what of it touches the ground."""
    shown = np.flatnonzero((own > 0.5).any(axis=1))
    if not len(shown):
        return
    tall = max(1, int(BASE * len(shown)))
    base = np.flatnonzero((own[shown[-1] + 1 - tall : shown[-1] + 1] > 0.5).any(axis=0))
    wide = 0.5 * (int(base[-1]) - int(base[0]) + 1)
    centre = np.array([across - own.shape[1] // 2 + 0.5 * (int(base[0]) + int(base[-1])), foot - 0.2 * wide])
    axes, sigma = np.array([max(1.15 * wide, 1.0), max(0.35 * wide, 1.0)]), max(0.13 * wide, 0.7)
    reach = axes + 4.0 * sigma + 2.0  # cv2 cuts its Gaussians at four standard deviations
    low = np.maximum(np.floor(centre - reach), 0.0).astype(int)
    high = np.minimum(np.ceil(centre + reach), shadow.shape[::-1]).astype(int)
    if (low >= high).any():
        return
    own_shadow = np.zeros((high - low)[::-1], np.float32)
    cv2.ellipse(own_shadow, ((centre - low).tolist(), (2.0 * axes).tolist(), 0.0), SHADOW, -1)
    there = shadow[low[1] : high[1], low[0] : high[0]]
    np.maximum(there, cv2.GaussianBlur(own_shadow, (0, 0), sigma), out=there)


def _make_cutout(occluder: Occluder, longest: float, folder: CutoutFolder | None) -> _Cutout:
    """A cut-out whose longer side is `longest` pixels."""
    side = int(min(np.ceil(longest), LARGEST))
    if folder is None:
        planes, alpha = make_object(occluder.kind, side, np.random.default_rng(occluder.seed))
    else:
        rgba = read_cutout(folder.paths[occluder.kind])
        facing = np.broadcast_to(np.array([0.0, 0.0, -1.0], np.float32), rgba[..., :3].shape)
        colour = linear_from_srgb(rgba[..., :3] * 255.0).astype(np.float32)
        alpha = rgba[..., 3]
        planes = np.ascontiguousarray(np.concatenate([colour, facing], axis=2).transpose(2, 0, 1) * alpha)
    if occluder.mirrored:
        alpha = alpha[:, ::-1]
    sizes = [alpha.shape]
    h, w = alpha.shape
    factor = longest / max(h, w)
    if factor < 1.0:  # whole areas first: the turn below reads single points
        h, w = max(1, round(h * factor)), max(1, round(w * factor))
        alpha = cv2.resize(np.ascontiguousarray(alpha), (w, h), interpolation=cv2.INTER_AREA)
        sizes.append((h, w))
        factor = 1.0
    half = int(np.ceil(0.5 * factor * np.hypot(h, w) + BAND * occluder.softness)) + 3
    turn = np.array([np.cos(occluder.turn), np.sin(occluder.turn)])
    cosine, sine = factor * turn
    matrix = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0]])
    matrix[:, 2] = half - matrix[:, :2] @ ((w - 1) / 2.0, (h - 1) / 2.0)
    size = (2 * half + 1, 2 * half + 1)
    hard = np.clip(cv2.warpAffine(np.ascontiguousarray(alpha), matrix, size, flags=cv2.INTER_LINEAR), 0.0, 1.0)
    own = soften_alpha(hard, occluder.softness)
    box = bounds(own > 0.0)

    def fill() -> Float32[Array, "6 bh bw"]:
        values = planes
        for shape in sizes:
            values = values if values.shape[1:] == shape else resize_area(values, shape)
        values = values[..., ::-1].copy() if occluder.mirrored else np.ascontiguousarray(values)
        if occluder.mirrored:
            values[3] *= -1.0
        alpha = np.ascontiguousarray(hard[box])
        back = np.linalg.inv(matrix[:, :2])
        origin = back @ ((box[1].start, box[0].start) - matrix[:, 2])
        turned = np.empty((6, *alpha.shape), np.float32)
        inputs = [w, h, *alpha.shape[::-1], wp.vec2(*origin), wp.vec2(*back[:, 0]), *turn.tolist()]
        inputs += [address(values), address(alpha), address(turned)]
        wp.launch(turn_kernel, 1, inputs, device="cpu")
        return extend_values(turned, alpha, own[box], occluder.softness)

    return _Cutout(own, box, fill)


def _paste(
    premultiplied: Float32[Array, "6 h w"],
    alpha: Float32[Array, "h w"],
    values: Float32[Array, "6 ch cw"],
    own: Float32[Array, "ch cw"],
    corner: tuple[int, int],
    seen: Bool[Array, "h w"] | None = None,
) -> None:
    """Lay a cut-out over what is there, its upper left corner on a pixel (x, y); changes the first two. seen: where
    nothing nearer hides it; None is everywhere."""
    (height, width), (h, w) = alpha.shape, own.shape
    left, top = corner
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, width), min(top + h, height)
    if x0 >= x1 or y0 >= y1:
        return
    there, here = np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    over = own[here] if seen is None else own[here] * seen[there]
    under = np.float32(1.0) - over
    premultiplied[:, *there] = premultiplied[:, *there] * under + values[:, *here] * over
    alpha[there] = alpha[there] * under + over


def hide_pixels(buffers: Buffers, hidden: Bool[Array, "h w"]) -> Buffers:
    """Person-level buffers without the hidden pixels: nobody is there. Coverage stays, so that the occluded share
    counts what the cut-outs hide; so do depth and normal."""
    where = np.flatnonzero(hidden)
    instance, face, barycentrics = buffers.instance.copy(), buffers.face.copy(), buffers.barycentrics.copy()
    instance.reshape(-1)[where] = 0
    face.reshape(-1)[where] = -1
    barycentrics.reshape(-1, 3)[where] = 0.0
    return replace(buffers, instance=instance, face=face, barycentrics=barycentrics)


def under_cutout(camera: Camera, points: Float32[Array, "p n 3"], hidden: Bool[Array, "h w"]) -> Bool[Array, "p n"]:
    """Which points (world, metres) project to hidden pixels."""
    in_camera = camera.to_camera(points.reshape(-1, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = camera.project_from_camera(in_camera)
    inside = (
        (in_camera[:, 2] > 0.0) & (pixels >= 0.0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
    )
    column, row = np.floor(np.where(inside[:, None], pixels, 0.0)).astype(np.intp).T
    under: Array = (inside & hidden[row, column]).reshape(points.shape[:2])
    return under


def blend_occluders(
    linear: Float32[Array, "h w 3"], layer: OccluderLayer, lighting: Lighting, camera: Camera
) -> Float32[Array, "h w 3"]:
    """The picture with the cut-outs over it, in linear light, lit by the scene's key light and surroundings."""
    height, width = layer.alpha.shape
    ambient = np.ascontiguousarray(lighting.ambient.T * np.array(SH_FACTORS, np.float32))
    linear, blended = np.ascontiguousarray(linear), np.empty((height, width, 3), np.float32)
    shadow = 0 if layer.shadow is None else address(layer.shadow)
    inputs = [height * width, camera.camera_from_world[:3, :3].ravel().tolist()]
    inputs += [wp.vec3(*lighting.direction), wp.vec3(*lighting.colour.tolist()), address(ambient)]
    inputs += [address(linear), address(layer.alpha), shadow, address(layer.values)]
    wp.launch(blend_kernel, 1, [*inputs, address(blended)], device="cpu")
    return blended
