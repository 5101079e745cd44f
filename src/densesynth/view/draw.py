"""Labels as pictures: pure functions from arrays to sRGB uint8 pictures of rows × columns × RGB.

Nothing here changes its arguments. Positions are continuous pixel coordinates of the labelled picture (the centre of
the top-left pixel is (0.5, 0.5)); `scale` says how many times larger the picture drawn on is.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from densesynth.arrays import Array, Bool, Float32, Int32, UInt8
from densesynth.view.palette import BACKGROUND, FINE_COLOURS, KEYPOINT_COLOURS, chart_ramp

Colour = tuple[int, int, int]

ISO_LINES = 10  # lines drawn over a chart's range
SUBPIXEL_BITS = 4  # OpenCV draws positions in sixteenths of a pixel
ATLAS_ROWS, ATLAS_COLUMNS = 4, 6  # the 24 charts of an unwrapped texture, part 1 at the top left, row by row


def colour_labels(labels: UInt8[Array, "h w"], palette: UInt8[Array, "n 3"]) -> UInt8[Array, "h w 3"]:
    """Part or instance ids in the colours of a palette. Raises IndexError for an id the palette does not have."""
    return palette[labels]


def colour_chart(part: UInt8[Array, "h w"], value: UInt8[Array, "h w"]) -> UInt8[Array, "h w 3"]:
    """U or V (0..255 as the IUV picture packs it) in viridis, darkened along iso-lines and along part borders."""
    body = part > 0
    colours = np.where(body[..., None], chart_ramp()[value], np.array(BACKGROUND, dtype=np.uint8))
    band = value.astype(np.int32) * ISO_LINES // 256
    line = _changes(band + (ISO_LINES + 1) * part.astype(np.int32)) & body
    colours[line] = (colours[line] * 0.55).astype(np.uint8)
    seam = _changes(part.astype(np.int32)) & body
    colours[seam] = 0
    return colours


def _changes(values: Int32[Array, "h w"]) -> Bool[Array, "h w"]:
    """True where the pixel to the right or below holds another value."""
    differs = np.zeros(values.shape, dtype=bool)
    differs[:, :-1] |= values[:, 1:] != values[:, :-1]
    differs[:-1] |= values[1:] != values[:-1]
    return differs


def colour_depth(depth: Float32[Array, "h w"]) -> UInt8[Array, "h w 3"]:
    """Depth (metres, +inf where nothing): near is bright; the picture's own range fills the scale."""
    body = np.isfinite(depth)
    colours = np.full((*depth.shape, 3), BACKGROUND, dtype=np.uint8)
    if body.any():
        near, far = float(depth[body].min()), float(depth[body].max())
        level = np.round(255.0 - 200.0 * (depth[body] - near) / max(far - near, 1e-6)).astype(np.uint8)
        colours[body] = level[:, None]
    return colours


def colour_normal(normal: Float32[Array, "h w 3"]) -> UInt8[Array, "h w 3"]:
    """Unit normals of the camera frame (zero where nothing): red right, green up, blue towards the camera."""
    body = np.linalg.norm(normal, axis=-1) > 0.5
    facing = normal * np.array([0.5, -0.5, -0.5], dtype=np.float32) + 0.5
    colours = np.full(normal.shape, BACKGROUND, dtype=np.uint8)
    colours[body] = np.clip(np.round(facing[body] * 255.0), 0, 255).astype(np.uint8)
    return colours


def enlarge(picture: UInt8[Array, "h w *c"], size: tuple[int, int]) -> UInt8[Array, "H W *c"]:
    """A picture at another (width, height): averaged when it shrinks, interpolated when it grows."""
    shrinks = size[0] < picture.shape[1]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def blend(
    picture: UInt8[Array, "h w 3"],
    colours: UInt8[Array, "h w 3"],
    where: Bool[Array, "h w"],
    opacity: float,
) -> UInt8[Array, "h w 3"]:
    """`colours` laid over `picture` where `where` is true; opacity 0 shows the picture, 1 the colours."""
    result = picture.copy()
    mixed = picture[where] * (1.0 - opacity) + colours[where] * opacity
    result[where] = np.round(mixed).astype(np.uint8)
    return result


def outline_mask(picture: UInt8[Array, "h w 3"], mask: Bool[Array, "h w"], colour: Colour) -> UInt8[Array, "h w 3"]:
    """The mask's own outermost pixels in one colour; a mask that touches the frame is outlined there too."""
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    result = picture.copy()
    result[mask & (inner == 0)] = colour
    return result


def draw_boxes(
    picture: UInt8[Array, "h w 3"],
    boxes: Sequence[tuple[float, float, float, float]],
    colours: Sequence[Colour],
    scale: float = 1.0,
) -> UInt8[Array, "h w 3"]:
    """Boxes (x, y, w, h), each in its own colour."""
    result = picture.copy()
    for (x, y, w, h), colour in zip(boxes, colours, strict=True):
        cv2.rectangle(result, _fixed(x, y, scale), _fixed(x + w, y + h, scale), colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    return result


def draw_keypoints(
    picture: UInt8[Array, "h w 3"],
    keypoints: Float32[Array, "17 3"],
    bones: Sequence[tuple[int, int]],
    scale: float = 1.0,
    radius: float = 3.0,
) -> UInt8[Array, "h w 3"]:
    """COCO keypoints (x, y, v): visible ones (v = 2) filled, hidden ones (1) hollow, unlabelled ones (0) left out.

    bones: pairs of 0-based keypoints joined by a line where both are labelled. radius: in pixels of `picture`.
    """
    result = picture.copy()
    places = [_fixed(float(x), float(y), scale) for x, y, _ in keypoints]
    labelled, visible = keypoints[:, 2] > 0, keypoints[:, 2] > 1
    for start, end in bones:
        if labelled[start] and labelled[end]:
            colour = _bone_colour(start, end)
            cv2.line(result, places[start], places[end], (0, 0, 0), 3, cv2.LINE_AA, SUBPIXEL_BITS)
            cv2.line(result, places[start], places[end], colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    fixed_radius = round(radius * (1 << SUBPIXEL_BITS))
    for k in np.flatnonzero(labelled):
        colour = _rgb(KEYPOINT_COLOURS[k])
        if visible[k]:
            rim = fixed_radius + (1 << SUBPIXEL_BITS)
            cv2.circle(result, places[k], rim, (0, 0, 0), -1, cv2.LINE_AA, SUBPIXEL_BITS)
            cv2.circle(result, places[k], fixed_radius, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)
        else:
            cv2.circle(result, places[k], fixed_radius, (0, 0, 0), 3, cv2.LINE_AA, SUBPIXEL_BITS)
            cv2.circle(result, places[k], fixed_radius, colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    return result


def _bone_colour(start: int, end: int) -> Colour:
    """The colour of a side for a bone within it, neutral for one that crosses the body."""
    same_side = start == 0 or end == 0 or start % 2 == end % 2
    return _rgb(KEYPOINT_COLOURS[max(start, end)] if same_side else KEYPOINT_COLOURS[0])


def _rgb(colour: UInt8[Array, "3"]) -> Colour:
    red, green, blue = colour.tolist()
    return red, green, blue


def draw_points(
    picture: UInt8[Array, "h w 3"],
    x: Float32[Array, "k"],
    y: Float32[Array, "k"],
    part: UInt8[Array, "k"],
    scale: float = 1.0,
    radius: float = 2.0,
) -> UInt8[Array, "h w 3"]:
    """DensePose's annotated points as discs in the colours of their fine parts."""
    result = picture.copy()
    fixed_radius = round(radius * (1 << SUBPIXEL_BITS))
    for px, py, i in zip(x.tolist(), y.tolist(), part.tolist(), strict=True):
        place, colour = _fixed(px, py, scale), _rgb(FINE_COLOURS[i])
        cv2.circle(result, place, fixed_radius + 12, (0, 0, 0), -1, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(result, place, fixed_radius, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)
    return result


def _fixed(x: float, y: float, scale: float) -> tuple[int, int]:
    """Continuous coordinates → OpenCV's fixed point, whose integers are pixel centres."""
    return round((x * scale - 0.5) * (1 << SUBPIXEL_BITS)), round((y * scale - 0.5) * (1 << SUBPIXEL_BITS))


def unwrap_texture(
    picture: UInt8[Array, "h w 3"], iuv: UInt8[Array, "h w 3"], chart_size: int = 128
) -> UInt8[Array, "H W 3"]:
    """The picture's colours gathered on the 24 charts, side by side in 4 rows of 6; U runs right, V runs up.

    Each texel is the mean of the pixels that fall on it; texels that no pixel shows stay background.
    """
    body = iuv[..., 0] > 0
    part, u, v = (iuv[..., c][body].astype(np.int64) for c in range(3))
    column = (part - 1) % ATLAS_COLUMNS * chart_size + u * chart_size // 256
    row = (part - 1) // ATLAS_COLUMNS * chart_size + chart_size - 1 - v * chart_size // 256
    height, width = ATLAS_ROWS * chart_size, ATLAS_COLUMNS * chart_size
    texel = row * width + column
    count = np.bincount(texel, minlength=height * width)
    sums = [np.bincount(texel, picture[..., c][body], minlength=height * width) for c in range(3)]
    texture = np.full((height * width, 3), BACKGROUND, dtype=np.uint8)
    seen = count > 0
    texture[seen] = np.round(np.stack(sums, axis=-1)[seen] / count[seen, None]).astype(np.uint8)
    return texture.reshape(height, width, 3)
