"""Colour samples and light → a linear picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from densesynth.arrays import Array, Float32
from densesynth.render.kernels import shade as kernels
from densesynth.render.lighting import Lighting
from densesynth.render.samples import Samples
from densesynth.render.shadow import ShadowMap, make_lamps, make_light


def shade(
    samples: Samples,
    albedo: Float32[Array, "n 3"],
    roughness: Float32[Array, "n"] | float,
    specular: Float32[Array, "n"] | float,
    light: Lighting,
    background: Float32[Array, "h w 3"],
    shadow: ShadowMap | None = None,
    cloth: Float32[Array, "n"] | float = 0.0,
) -> Float32[Array, "h w 3"]:
    """The picture in linear RGB: samples over `background` (linear; drawn into, on a CPU), lit by `light`.

    albedo: linear RGB per sample. roughness: 0..1, GGX's square root of alpha. specular: strength of the highlight,
    1 for a dielectric of index 1.5. shadow: `make_shadow_map` of the same scene and light; None casts no shadows.
    cloth: 0 skin, 1 cloth.
    Response: a cosine wrapped past the terminator, on skin the furthest in red; on cloth a fuzz at grazing views; a GGX
    highlight of key light and lamps with Smith's masking (Walter 2007; Hammon's 2017 approximation); ambient irradiance
    and its blurred mirror image, dimmed where the picture shows surfaces nearby.
    """
    device = samples.raster.geometry.device
    count = samples.pixel.shape[0]

    def place(array: Any, dtype: Any) -> Any:
        return wp.array(np.ascontiguousarray(array), dtype=dtype, device=device, copy=False)

    def spread(value: Float32[Array, "n"] | float) -> Any:
        return place(np.broadcast_to(np.asarray(value, np.float32), (count,)), wp.float32)

    picture = np.ascontiguousarray(background)
    out = place(picture.reshape(-1, 3), wp.vec3)
    nothing = wp.empty(0, dtype=wp.float32, device=device)
    inputs = [
        make_light(light, samples.raster.camera.centre_in_world),
        make_lamps(light),
        wp.empty(0, dtype=kernels.Map, device=device) if shadow is None else shadow.frame,
        nothing if shadow is None else shadow.depth,
        nothing if shadow is None else shadow.coarse,
        place(light.ambient, wp.vec3),
        samples.raster.camera.width,
        samples.pixels,
        samples.starts,
        samples.weight,
        samples.position,
        samples.normal,
        samples.openness,
        place(albedo, wp.vec3),
        spread(roughness),
        spread(specular),
        spread(cloth),
        samples.background_weight,
        out,
    ]
    wp.launch(kernels.shade_pixels, samples.pixels.shape[0], inputs, device=device)
    return picture if device == "cpu" else out.numpy().reshape(background.shape)
