"""A scene as a value: everything one picture shows, before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.appearance.looks import Look
from densesynth.appearance.outfit import Outfit
from densesynth.arrays import Array, Float32
from densesynth.geometry.camera import Camera
from densesynth.render.lighting import Lighting


@dataclass(frozen=True, kw_only=True)
class PersonInScene:
    """One person. betas: shape. rotations: rotation vectors of the 52 joints. transl: the pelvis, metres.

    motion, time: which moment (seconds) of which motion the pose was taken from. velocity: of the body's vertices in
    the movement, metres a second; None where it wasn't asked for. expression: coefficients of the body's facial
    expression; None for a neutral face. before: rotations at the times of
    `appearance.sway.BEFORE`, for those who wear something that sways. look: the UV pictures worn; None
    for painted people. garments: numbers of what is worn of a closet.
    """

    betas: Float32[Array, "s"]
    rotations: Float32[Array, "52 3"]
    transl: Float32[Array, "3"]
    outfit: Outfit
    motion: str
    time: float
    velocity: Float32[Array, "v 3"] | None = None
    expression: Float32[Array, "e"] | None = None
    before: Float32[Array, "k 52 3"] | None = None
    look: Look | None = None
    garments: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture's world: people on the ground plane z = 0, a camera and light."""

    people: tuple[PersonInScene, ...]
    camera: Camera
    lighting: Lighting
