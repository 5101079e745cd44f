"""Changes of a picture that leave its labels true, and objects that stand before people and take their labels away.

A sample gets at most one degradation and one change of colour; some stay clean. Sources of the choice and the ranges:
Yim et al. 2021 (perturbing high frequencies' amplitudes), the synthetic-to-real literature in docs/training.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from densesynth.arrays import Array, Bool, UInt8

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """What happens to pictures while training. All shares 0 (and turn, jitter 0, flip 0): nothing."""

    flip: Share = 0.5
    """Share of samples mirrored, with parts and U, V."""
    turn: Annotated[float, Meta(ge=0.0, le=180.0)] = 30.0
    """Largest rotation, degrees."""
    scale: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.2
    """Scale jitter: a factor between 1 − scale and 1 + scale."""
    shift: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.1
    """Shift, as a share of the box."""
    clean: Share = 0.15
    """Share of samples whose colours and sharpness are left alone."""
    amplitude: Share = 0.3
    """Share whose high frequencies' amplitudes are disturbed."""
    occlude: Share = 0.35
    """Share before which objects are put."""


NOTHING = AugmentSettings(flip=0.0, turn=0.0, scale=0.0, shift=0.0, clean=1.0, amplitude=0.0, occlude=0.0)


def change_picture(
    picture: UInt8[Array, "h w 3"], settings: AugmentSettings, rng: np.random.Generator
) -> UInt8[Array, "h w 3"]:
    """One degradation, one change of colour, perhaps disturbed amplitudes; or nothing."""
    if rng.random() < settings.clean:
        return picture
    picture = _DEGRADE[int(rng.integers(len(_DEGRADE)))](picture, rng)
    picture = _COLOUR[int(rng.integers(len(_COLOUR)))](picture, rng)
    if rng.random() < settings.amplitude:
        picture = disturb_amplitudes(picture, rng)
    return picture


def draw_occluder(
    size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator
) -> tuple[UInt8[Array, "h w 3"], Bool[Array, "h w"]] | None:
    """Objects over a picture of `size` (width, height): their colours, and where they are; None most of the time."""
    if rng.random() >= settings.occlude:
        return None
    width, height = size
    cover = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre = rng.uniform((0.0, 0.0), (width, height))
        extent = rng.uniform(0.05, 0.28, 2) * max(size)
        if rng.random() < 0.5:  # a smooth blob, or a polygon
            axes = tuple(int(value) for value in np.maximum(extent, 1.0))
            where = tuple(int(value) for value in centre)
            cv2.ellipse(cover, where, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
        else:
            angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
            corner = centre + np.stack([np.cos(angle), np.sin(angle)], axis=1) * extent
            cv2.fillPoly(cover, [corner.astype(np.int32)], 255)
    coarse = rng.uniform(0, 255, (int(rng.integers(1, 9)), int(rng.integers(1, 9)), 3)).astype(np.uint8)
    paint = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_NEAREST)
    return paint, cover > 0


def disturb_amplitudes(picture: UInt8[Array, "h w 3"], rng: np.random.Generator) -> UInt8[Array, "h w 3"]:
    """Multiply the spectrum's amplitudes by noise that grows with the frequency; phases, and so shapes, stay."""
    spectrum = np.fft.rfft2(picture.astype(np.float32), axes=(0, 1))
    rows = np.abs(np.fft.fftfreq(picture.shape[0]))[:, None]
    columns = np.abs(np.fft.rfftfreq(picture.shape[1]))[None]
    growth = np.hypot(rows, columns) / np.hypot(0.5, 0.5)
    factor = 1.0 + rng.uniform(0.5, 2.0) * growth * rng.standard_normal(growth.shape)
    changed = np.fft.irfft2(spectrum * np.maximum(factor, 0.0)[..., None], s=picture.shape[:2], axes=(0, 1))
    return _bytes(changed)


def _bytes(values: Array) -> UInt8[Array, "..."]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _sharp(picture: Array, rng: np.random.Generator) -> Array:  # noqa: ARG001 - one of many with this signature
    return picture


def _shrink(picture: Array, rng: np.random.Generator) -> Array:
    height, width = picture.shape[:2]
    factor = rng.uniform(0.35, 0.9)
    small = (max(1, int(width * factor)), max(1, int(height * factor)))
    return cv2.resize(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), (width, height))


def _jpeg(picture: Array, rng: np.random.Generator) -> Array:
    code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 95))])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))


def _blur(picture: Array, rng: np.random.Generator) -> Array:
    return cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.8)))


def _motion(picture: Array, rng: np.random.Generator) -> Array:
    length = int(rng.integers(1, 4)) * 2 + 1
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = (length // 2) * np.array([np.cos(angle), np.sin(angle)])
    middle = length // 2
    start, end = (tuple(int(value) for value in np.rint(middle + sign * reach)) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


def _noise(picture: Array, rng: np.random.Generator) -> Array:
    return _bytes(picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(rng.uniform(2.0, 18.0)))


def _filter(picture: Array, rng: np.random.Generator) -> Array:
    kernel = rng.normal(0.0, 0.12, (3, 3)).astype(np.float32)
    kernel[1, 1] += 1.0
    total = float(kernel.sum())
    return cv2.filter2D(picture, -1, kernel / (total if abs(total) > 0.3 else 1.0))


def _hue(picture: Array, rng: np.random.Generator) -> Array:
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-10, 10)) % 180  # OpenCV counts 2°
    hsv[..., 1] *= rng.uniform(0.5, 1.5)
    return cv2.cvtColor(_bytes(hsv), cv2.COLOR_HSV2RGB)


def _gamma(picture: Array, rng: np.random.Generator) -> Array:
    table = 255.0 * (np.arange(256) / 255.0) ** np.exp(rng.uniform(np.log(0.5), np.log(2.0)))
    return cv2.LUT(picture, _bytes(table))


def _contrast(picture: Array, rng: np.random.Generator) -> Array:
    return _bytes((picture - 128.0) * rng.uniform(0.5, 1.5) + 128.0 + rng.uniform(-40, 40))


def _grey(picture: Array, rng: np.random.Generator) -> Array:  # noqa: ARG001
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _cast(picture: Array, rng: np.random.Generator) -> Array:
    return _bytes(picture * rng.uniform(0.7, 1.3, 3))


def _equalise(picture: Array, rng: np.random.Generator) -> Array:  # noqa: ARG001
    return cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(picture)])


_DEGRADE = (_sharp, _shrink, _jpeg, _blur, _motion, _noise, _filter)
_COLOUR = (_sharp, _hue, _gamma, _contrast, _grey, _cast, _equalise)
